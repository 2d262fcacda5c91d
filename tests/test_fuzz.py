"""Mutated real files: whatever is broken in them, only AtomlabError ever comes out, and soon."""

from __future__ import annotations

import gzip
import json
import random
import signal
import sqlite3
from contextlib import closing, contextmanager
from functools import partial

import pytest

from atomlab.byok.fidelity import proven_capture
from atomlab.diagnosis.diagnose import diagnose
from atomlab.diagnosis.lint import lint
from atomlab.errors import SnapshotError
from atomlab.evidence.catalog import load_catalog
from atomlab.evidence.pricing import load_pricing
from atomlab.evidence.registry import default_registry, load_registry
from atomlab.evidence.rules import EDITIONS, load_rules
from atomlab.evidence.snapshot import open_snapshot
from atomlab.report.custody import print_manifest
from tests.forgery import sealed
from tests.refusals import loaded, refused

KEY = "sk-" + "9" * 40
SEEDS = range(40)
ODD_JSON = [None, True, False, 0, -1, 1e308, 10**400, "", "x" * 100_000, [], {}, [[]], {"": None}]
DEEP = "[" * 200_000


@contextmanager
def soon(seconds=20):
    """Fail what does not end within some seconds, even inside SQLite or the JSON parser."""

    def stop(*_):
        raise TimeoutError("too slow")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def mutated(content, seed):
    """Return bytes with one kind of damage: flipped, zeroed, cut, doubled, swapped or inserted."""
    chance, data = random.Random(seed), bytearray(content)
    for _ in range(chance.choice((1, 1, 3, 20))):
        if not data:
            break
        place, size = chance.randrange(len(data)), chance.choice((1, 2, 16, 100, 4096))
        part = data[place : place + size]
        damage = chance.randrange(6)
        if damage == 0:
            data[place] ^= 1 << chance.randrange(8)
        elif damage == 1:
            data[place : place + size] = bytes(len(part))
        elif damage == 2:
            del data[place : place + size]
        elif damage == 3:
            data[place:place] = part
        elif damage == 4:
            data[place : place + size] = part[::-1]
        else:
            data[place:place] = chance.randbytes(chance.randrange(1, 9))
    return bytes(data)


def read_wholly(path):
    """Open a snapshot and do all that is done with one; return true."""
    with soon(), open_snapshot(path) as snapshot:
        print_manifest(snapshot)
        snapshot.verify()
        diagnose(snapshot, "acme")
        lint(snapshot)
    return True


@pytest.fixture
def content(captured):
    """Return the bytes of a small snapshot, without its seal."""
    whole = captured({"acme": {"OPENAI_API_KEY": KEY}, "beta": {}}).path.read_bytes()
    return whole[: whole.rindex(b"\natomlab-seal")]


@pytest.mark.parametrize("sealed_again", [False, True], ids=["seal-broken", "sealed-again"])
def test_damaged_snapshot_is_refused_or_whole(content, tmp_path, sealed_again):
    """Damage anywhere is refused; with a new seal it is refused, or what was hit is not read."""
    path, refusals = tmp_path / "mutated.sqlite", 0
    for seed in SEEDS:
        damaged = mutated(content, seed)
        path.write_bytes(sealed(damaged) if sealed_again else damaged + sealed(content)[-90:])
        if loaded(read_wholly, path):
            assert sealed_again or damaged == content, seed
        else:
            refusals += 1
    assert refusals > len(SEEDS) * 0.7


def test_damaged_pages_under_a_good_seal_are_refused(content, tmp_path):
    """Bytes changed in the middle of pages, header and schema included, crash nothing."""
    path = tmp_path / "mutated.sqlite"
    for seed in SEEDS:
        chance, data = random.Random(1000 + seed), bytearray(content)
        start = chance.choice((18, 24, 100, 4096 * chance.randrange(len(data) // 4096)))
        for _ in range(chance.choice((1, 4, 40))):
            data[min(start + chance.randrange(200), len(data) - 1)] = chance.randrange(256)
        path.write_bytes(sealed(bytes(data)))
        loaded(read_wholly, path)


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(
            "DROP TABLE pricing; CREATE VIEW pricing AS WITH RECURSIVE c(x) AS"
            " (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT * FROM c",
            id="endless-view",
        ),
        pytest.param(
            "CREATE TRIGGER t AFTER INSERT ON tenant_settings BEGIN DELETE FROM tenants; END",
            id="trigger",
        ),
        pytest.param("ALTER TABLE tenants ADD COLUMN x AS (upper(name))", id="generated-column"),
        pytest.param("CREATE TABLE extra (x)", id="table-more"),
        pytest.param("CREATE INDEX extra ON tenants (hex(zeroblob(9)))", id="index-more"),
        pytest.param("DROP INDEX tenant_settings_by_tenant", id="index-less"),
        pytest.param("UPDATE tenants SET name = zeroblob(100000000)", id="large-blob"),
        pytest.param("UPDATE providers SET health_score = 9e999", id="infinite"),
        pytest.param("UPDATE providers SET is_active = 'yes'", id="text-for-a-number"),
    ],
)
def test_sealed_file_that_capture_would_not_write_is_refused(content, tmp_path, script):
    """Anything but plain tables with values of their columns' types is refused on opening."""
    path = tmp_path / "forged.sqlite"
    with closing(sqlite3.connect(":memory:")) as db:
        db.deserialize(content)
        db.executescript(script)
        db.commit()
        path.write_bytes(sealed(db.serialize()))
    with soon(), refused(SnapshotError, "does not hold what a snapshot does", path):
        open_snapshot(path)


def test_every_part_of_a_manifest_is_checked(content, tmp_path):
    """Each value of the manifest, replaced by each other kind of JSON, is refused or harmless."""
    with closing(sqlite3.connect(":memory:")) as db:
        db.deserialize(content)
        names = [name for (name,) in db.execute("SELECT name FROM manifest")]
    path = tmp_path / "forged.sqlite"
    for name in names:
        for odd in [*map(json.dumps, ODD_JSON), DEEP, "NaN", "-Infinity", "{", "'", "\ud7ff"]:
            with closing(sqlite3.connect(":memory:")) as db:
                db.deserialize(content)
                db.execute("UPDATE manifest SET value = ? WHERE name = ?", (odd, name))
                db.commit()
                path.write_bytes(sealed(db.serialize()))
            loaded(lambda: open_snapshot(path).close())


@pytest.mark.parametrize("where", ["compressed", "text"])
def test_mutated_real_prices_are_refused_or_read(real_prices, tmp_path, where):
    """A damaged price map, before or after it is unpacked, is an InputError or a price map."""
    packed = real_prices.read_bytes()
    # A thirtieth of the map is as odd as all of it, and faster to read.
    document = json.loads(gzip.decompress(packed))
    text = json.dumps(dict(list(document.items())[::30])).encode()
    path = tmp_path / "prices.json"
    for seed in SEEDS:
        path.write_bytes(mutated(packed if where == "compressed" else text, seed))
        with soon():
            loaded(load_pricing, path)


@pytest.mark.parametrize("load", [load_pricing, load_registry, load_catalog])
def test_values_of_every_kind_in_real_files(load, real_map, tmp_path):
    """Each field of a real entry, replaced by every other kind of JSON, is refused or read."""
    path = tmp_path / "odd.json"
    registry = json.loads(default_registry("hosted-2026-05").read_text(encoding="utf-8"))
    entry = next(iter(real_map.values()))
    for odd in [*map(json.dumps, ODD_JSON), DEEP, "NaN", "\ufeff{}", "\x00", '{"a": 1, "a": 2}']:
        documents = [odd, f'{{"pricing": {odd}}}', f'{{"data": {odd}}}', f'{{"providers": {odd}}}']
        documents += [f'[{{"model_id": {odd}, "capabilities": {odd}}}]', f'{{"m": {odd}}}']
        documents += [json.dumps({"m": entry | {f: "?"}}).replace('"?"', odd) for f in entry]
        for field in registry["providers"][0]:
            changed = {"providers": [registry["providers"][0] | {field: "?"}]}
            documents.append(json.dumps(changed).replace('"?"', odd))
        for document in documents:
            path.write_text(document, encoding="utf-8", errors="surrogatepass")
            with soon():
                loaded(load, path)


def test_mutated_registry_and_rules_are_refused_or_read(tmp_path):
    """The shipped registry and rules, damaged, are an InputError, or a registry and rules."""
    path = tmp_path / "given"
    for source, load in (
        (default_registry("hosted-2026-05"), load_registry),
        (EDITIONS / "hosted-2026-05.yaml", lambda file: load_rules(str(file))),
    ):
        for seed in SEEDS:
            path.write_bytes(mutated(source.read_bytes(), seed))
            with soon():
                loaded(load, path)


def test_bomb_is_refused(tmp_path, monkeypatch):
    """A small file that unpacks to a large one is not loaded."""
    path = tmp_path / "bomb.json.gz"
    path.write_bytes(gzip.compress(b" " * (20 << 20)))
    monkeypatch.setattr("atomlab.evidence.files.MAX_BYTES", 1 << 20)
    for load in (load_pricing, load_registry, load_catalog):
        assert loaded(load, path) is None


def test_damaged_source_database_is_refused_or_captured(make_database, tmp_path):
    """A platform database with damaged pages is a SourceError, or gives a sound snapshot."""
    tenants = {f"t{n}": {"OPENAI_API_KEY": KEY, "X": "y" * 300} for n in range(60)}
    whole = make_database(tenants).read_bytes()
    path, out, refusals = tmp_path / "damaged.db", tmp_path / "out.sqlite", 0
    for seed in SEEDS:
        path.write_bytes(mutated(whole, 2000 + seed))
        with soon():
            made = loaded(partial(proven_capture, overwrite=True), str(path), out)
        refusals += made is None
        if made is not None:
            made.verify()
            made.close()
            assert KEY.encode() not in out.read_bytes()
    assert refusals > len(SEEDS) * 0.3
