"""Whatever a file holds, it is read, or refused with an AtomlabError: no crash, no hang, no flood.

Files are real ones, changed by seed, mostly with a seal that fits what they then hold.
"""

from __future__ import annotations

import contextlib
import functools
import gzip
import hashlib
import io
import json
import sqlite3
import struct
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from string import ascii_letters
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import atomlab
from atomlab.diagnosis.diagnose import diagnose
from atomlab.diagnosis.fixes import plan_fix
from atomlab.diagnosis.lint import lint
from atomlab.errors import InputError, SnapshotError
from atomlab.evidence.inputs.catalog import load_catalog
from atomlab.evidence.inputs.pricing import load_pricing
from atomlab.evidence.inputs.registry import default_registry, load_registry
from atomlab.evidence.inputs.rules import EDITIONS, load_rules
from atomlab.evidence.redaction import read_key
from atomlab.show.argument import print_diagnosis
from atomlab.show.manifest import print_manifest, print_verified
from atomlab.show.terminal import print_fix, print_lint
from tests.apart import apart
from tests.conftest import PRICES, ROOT
from tests.evidence.inputs.test_pricing import JSON
from tests.examples import examples
from tests.forgery import (
    ENDLESS,
    FLOOD,
    PAGE,
    SCHEMA,
    changed,
    mutated,
    sealed,
    unsealed,
    write_platform,
)
from tests.refusals import is_one_line, loaded, refused

NO_HURRY = examples(150, derandomize=True, database=None)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return a small snapshot, unsealed; its bytes are always the same, and so are mutations."""
    folder = tmp_path_factory.mktemp("small")
    cache = {"pricing": PRICES, "last_fetch": "2026-05-01", "source": "litellm"}
    (folder / "prices.json").write_text(json.dumps(cache))
    (folder / "key").touch(0o600)
    (folder / "key").write_text(hashlib.sha256(b"a fingerprint key").hexdigest())
    write_platform(folder / "production.db")
    atomlab.capture(
        str(folder / "production.db"),
        folder / "small.sqlite",
        pricing=folder / "prices.json",
        key_file=folder / "key",
        captured_at=datetime(2026, 5, 2, tzinfo=UTC),
        operator="somebody",
    ).close()
    return unsealed(folder / "small.sqlite")


def examine(content: bytes) -> str:
    """Do what the commands do with a sealed snapshot of this content; return how far that went.

    It is refused, opened, or opened and verified; then its tables are what its manifest says.
    """
    printed = io.StringIO()
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(printed),
    ):
        path = Path(folder, "snapshot.sqlite")
        path.write_bytes(sealed(content))
        snapshot = loaded(atomlab.open_snapshot, path)
        if snapshot is None:
            return "refused"
        with snapshot:
            for use in (_show, _diagnose, _lint):
                loaded(use, snapshot)
            verified = _is_verified(snapshot)
    assert all(is_one_line(line) for line in printed.getvalue().splitlines() if line)
    return "verified" if verified else "opened"


def _show(snapshot: Any) -> None:
    print_manifest(snapshot)
    print_verified(snapshot)
    json.dumps(snapshot.manifest, indent=2, allow_nan=False)


def _diagnose(snapshot: Any) -> None:
    found = diagnose(snapshot, "brennan")
    print_diagnosis(found, snapshot.name)
    print_fix(plan_fix(found, "sqlite"), "")
    json.dumps(found.to_json(), allow_nan=False)


def _lint(snapshot: Any) -> None:
    found = lint(snapshot)
    print_lint(found, snapshot.name)
    json.dumps(found.to_json(), allow_nan=False)


def _is_verified(snapshot: Any) -> bool:
    try:
        snapshot.verify()
    except SnapshotError:
        return False
    with closing(sqlite3.connect(snapshot.path)) as db:
        for table, said in snapshot.manifest["tables"].items():
            rows = db.execute(f"SELECT * FROM {table} ORDER BY rowid").fetchall()
            digest = hashlib.sha256(json.dumps(rows).encode()).hexdigest()
            assert said == {"rows": len(rows), "sha256": digest}
    return True


def examine_mutation(content: bytes, seed: int) -> str:
    """Examine the mutation of a snapshot."""
    return examine(mutated(content, seed))


def test_mutated_snapshot_with_a_good_seal_is_refused_or_harmless(small):
    """Of a small snapshot's mutations many are refused; what verifies is what it says it is."""
    seeds = range(144)
    found = Counter(seen for _, seen in apart(functools.partial(examine_mutation, small), seeds))
    assert found.keys() == {"refused", "opened", "verified"}
    assert found["refused"] > found["opened"] > 0


@pytest.mark.parametrize("name", ["brennan-2026-05-02", "local-dev"])
def test_mutated_shipped_snapshot_with_a_good_seal_is_refused_or_harmless(shipped, name):
    """The same of the snapshots that are shipped, with thousands of models."""
    look = functools.partial(examine_mutation, unsealed(shipped(name)))
    looks = apart(look, range(1000, 1018))
    assert Counter(seen for _, seen in looks)["refused"] > 9


def test_mutated_snapshot_is_refused_by_its_seal(small, tmp_path):
    """Without a new seal every change is refused, before anything is read."""
    path, seal = tmp_path / "mutated.sqlite", sealed(small)[len(small) :]
    for seed in range(270):
        new = mutated(small, seed)
        if new != small:
            path.write_bytes(new + seal)
            with pytest.raises(SnapshotError) as caught:
                atomlab.open_snapshot(path)
            assert is_one_line(str(caught.value))


# What only somebody who forges a snapshot writes; its seal is good.
FORGED_SCHEMAS = {
    "table-gone": "DROP TABLE rules",
    "table-more": "CREATE TABLE more (x)",
    "column-gone": "ALTER TABLE tenants DROP COLUMN ai_mode",
    "column-more": "ALTER TABLE tenants ADD COLUMN more TEXT",
    "column-generated": f"ALTER TABLE tenants ADD COLUMN g TEXT GENERATED ALWAYS AS ({FLOOD})",
    "view": "ALTER TABLE pricing RENAME TO p; CREATE VIEW pricing AS SELECT * FROM p",
    "view-of-itself": "DROP TABLE rules; CREATE VIEW rules AS SELECT * FROM rules",
    "view-endless": f"DROP TABLE tenants; CREATE VIEW tenants AS {ENDLESS} 'id-' || n AS id,"
    " 'n' AS name, 's' AS subdomain, 'p' AS plan_type, 'a' AS ai_mode, 0 AS unnamed_settings"
    " FROM r",
    "manifest-endless": f"DROP TABLE manifest; CREATE VIEW manifest AS {ENDLESS} 'a' || n AS name,"
    " '1' AS value FROM r",
    "manifest-flood": f"DROP TABLE manifest; CREATE VIEW manifest AS SELECT 'schema' AS name,"
    f" {FLOOD} AS value",
    "trigger": "CREATE TRIGGER t BEFORE INSERT ON tenant_settings BEGIN SELECT RAISE(ABORT, 'x');"
    " END",
    "trigger-endless": "CREATE TRIGGER t AFTER INSERT ON tenant_settings BEGIN INSERT INTO"
    f" providers (id) {ENDLESS} 'p' || n FROM r; END",
    "index-more": "CREATE INDEX i ON tenants (name)",
    "index-gone": "DROP INDEX tenant_settings_by_tenant",
    "index-of-an-expression": "CREATE INDEX i ON tenant_settings (abs(created_at))",
    "statistics": "ANALYZE",
    "check": f"{SCHEMA} sql = replace(sql, 'created_at TEXT', 'created_at TEXT CHECK"
    f" (length({FLOOD}) > 5)') WHERE name = 'tenant_settings'",
    "default": f"{SCHEMA} sql = replace(sql, 'id TEXT,', 'id TEXT DEFAULT ({FLOOD}),')",
    "nullable": f"{SCHEMA} sql = replace(sql, 'NOT NULL', '')",
    "no-sql": f"{SCHEMA} sql = NULL WHERE name = 'tenants'",
    "no-sense": f"{SCHEMA} sql = 'CREATE \x1b[31m' WHERE name = 'tenants'",
    "virtual-table": f"{SCHEMA} rootpage = 0, sql = 'CREATE VIRTUAL TABLE tenants USING"
    " dbstat' WHERE name = 'tenants'",
    "unknown-module": f"{SCHEMA} rootpage = 0, sql = 'CREATE VIRTUAL TABLE tenants USING"
    " evil(x)' WHERE name = 'tenants'",
    "one-root-twice": f"{SCHEMA} rootpage = (SELECT rootpage FROM sqlite_schema"
    " WHERE name = 'rules') WHERE name = 'tenants'",
    "root-nowhere": f"{SCHEMA} rootpage = 99999 WHERE name = 'tenants'",
    "root-of-the-schema": f"{SCHEMA} rootpage = 1 WHERE name = 'tenants'",
}
FORGED_VALUES = {
    **{
        f"{table}.{column}": f"UPDATE {table} SET {column} = CAST({column} AS BLOB)"
        for table, column in (
            *(("tenants", "id"), ("tenants", "name"), ("tenant_settings", "setting_key")),
            *(("providers", "id"), ("providers", "api_key_env_var"), ("pricing", "model_id")),
            *(("model_catalog", "capabilities"), ("rules", "document"), ("manifest", "value")),
        )
    },
    "null-id": "UPDATE model_catalog SET model_id = NULL WHERE rowid = 1",
    "infinity": "UPDATE pricing SET input_cost_per_token = 9e999",
    "minus-infinity": "UPDATE providers SET health_score = -9e999",
    "words-for-a-number": "UPDATE pricing SET max_tokens = 'many'",
    "words-for-a-count": "UPDATE tenants SET unnamed_settings = 'many'",
    "fraction": "UPDATE tenants SET unnamed_settings = 0.5",
    "long-key": "UPDATE tenant_settings SET setting_key = hex(zeroblob(500000))",
}


DEEP = "[" * 900 + "]" * 900
# What the form of the tables allows, and no capture writes.
FORGED_CONTENTS = {
    "deep-rules": f"UPDATE rules SET document = '{'[' * 100_000}'",
    "deep-name": f"UPDATE rules SET document = json_set(document, '$.name', '@');"
    f" UPDATE rules SET document = replace(document, '\"@\"', '{DEEP}')",
    "infinite-score": "UPDATE rules SET document = replace(document, '88', '9e999')",
    "no-rules": "DELETE FROM rules",
    "two-rules": "INSERT INTO rules VALUES ('x', '{}')",
    "deep-capabilities": f"UPDATE model_catalog SET capabilities = '{'[' * 100_000}'",
    "odd-flag": "UPDATE model_catalog SET exclude_from_general_routing = 7",
    "token-and-a-newline": "UPDATE tenant_settings SET setting_value = 'v1:null:-' || char(10)",
    "plaintext": "UPDATE tenant_settings SET setting_value = 'sk-plain'",
    "no-utf8": "UPDATE tenants SET name = CAST(x'ff' AS TEXT)",
    "no-utf8-key": "UPDATE tenant_settings SET setting_key = CAST(x'ff' AS TEXT)",
    "hostile-key": "UPDATE tenant_settings SET setting_key = char(27) || '[31m' || char(8238)",
    "huge-count": "UPDATE tenants SET unnamed_settings = 9223372036854775807",
    "odd-states": "UPDATE tenants SET states = -9223372036854775808",
    "negative": "UPDATE pricing SET position = -position - 1, input_cost_per_token = -1e308",
    "odd-marks": "UPDATE pricing SET malformed = '{', supports_tools = 7, mode = char(0)",
    "odd-breaks": "UPDATE pricing SET breaks = '[7, litellm_provider'",
}


def examine_forgery(content: bytes, script: str) -> str:
    """Examine what a script makes of a snapshot."""
    return examine(changed(content, script))


@pytest.mark.parametrize("scripts", [FORGED_SCHEMAS, FORGED_VALUES], ids=["schemas", "values"])
def test_forged_schema_or_value_of_another_type_is_refused_on_opening(small, scripts):
    """No view, trigger or expression ever runs, and no value is of a type that nobody expects."""
    look = functools.partial(examine_forgery, small)
    outcomes = dict(apart(look, [*scripts.values()]))
    assert [name for name, script in scripts.items() if outcomes[script] != "refused"] == []


def test_forged_content_is_refused_when_it_is_read_and_never_verified(small):
    """Broken rules, tokens, texts and numbers end in AtomlabError, or are shown as they are."""
    outcomes = dict(apart(functools.partial(examine_forgery, small), [*FORGED_CONTENTS.values()]))
    assert {
        name for name, script in FORGED_CONTENTS.items() if outcomes[script] != "opened"
    } == set()


@pytest.mark.parametrize("versions", [b"\1\2", b"\2\1", b"\2\2", b"\3\1", b"\0\0"], ids=bytes.hex)
def test_header_that_makes_scratch_copies_read_only_is_refused(small, tmp_path, versions):
    """A file that asks for another journal, or for a newer SQLite, is none that capture writes."""
    path = tmp_path / "forged.sqlite"
    path.write_bytes(sealed(small[:18] + versions + small[20:]))
    with refused(SnapshotError, "a header that capture never writes", path):
        atomlab.open_snapshot(path)


def bomb(content: bytes, levels: int = 9, fan: int = 200) -> bytes:
    """Return a snapshot whose schema table has one row more, and that 200⁹ times.

    Its first page leads to the old rows and to a page that leads 200 times to the next, and so on.
    """
    old = bytearray(content[:PAGE])
    (cells,) = struct.unpack(">H", old[103:105])
    pointers = struct.unpack(f">{cells}H", old[108 : 108 + 2 * cells])
    repeated = next(p for p in pointers if old[p : p + 60].count(b"sqlite_autoindex_tenants_1"))
    header, number = bytes(old[:100]), len(content) // PAGE
    old[: 8 + 2 * cells] = old[100 : 108 + 2 * cells]
    leaf = bytearray(old)
    leaf[3:5], leaf[8:10] = struct.pack(">H", 1), struct.pack(">H", repeated)
    pages = [old, leaf]
    for _ in range(levels):
        pages.append(_interior([number + len(pages)] * fan))
    first = _interior([number + 1, number + len(pages)], header)
    first[28:32] = struct.pack(">I", number + len(pages))  # pages of the file
    return b"".join([first, content[PAGE:], *pages])


def _interior(children: list[int], header: bytes = b"") -> bytearray:
    """Return an interior page of a table's tree: its cells are pages, all with the row number 1."""
    page, start = bytearray(PAGE), len(header)
    page[:start] = header
    cells = [struct.pack(">IB", child, 1) for child in children[:-1]]
    end = PAGE - 5 * len(cells)
    page[end:] = b"".join(cells)
    page[start : start + 12] = struct.pack(">BHHHBI", 5, 0, len(cells), end, 0, children[-1])
    places = [end + 5 * n for n in range(len(cells))]
    page[start + 12 : start + 12 + 2 * len(cells)] = struct.pack(f">{len(cells)}H", *places)
    return page


def examine_bomb(content: bytes) -> str:
    """Examine the bomb made of a snapshot."""
    return examine(bomb(content))


def test_pages_that_lead_to_each_other_for_ever_are_refused_soon(small):
    """SQLite would read the schema of such a file for years; opening takes only so many steps."""
    assert [seen for _, seen in apart(examine_bomb, [small])] == ["refused"]
    with closing(sqlite3.connect(":memory:")) as db:  # it is a bomb indeed
        db.deserialize(bomb(small))
        db.set_progress_handler(lambda: True, 5_000_000)
        with pytest.raises(sqlite3.OperationalError, match="interrupted"):
            db.execute("SELECT count(*) FROM sqlite_schema")


def fields(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path to every part of a JSON value."""
    listed = enumerate(value) if isinstance(value, list) else ()
    for key, part in value.items() if isinstance(value, dict) else listed:
        yield (*path, key)
        yield from fields(part, (*path, key))


def altered(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    """Return a copy of a JSON value with another value at a path; `...` takes it away."""
    new = json.loads(json.dumps(document))
    part = functools.reduce(lambda inner, key: inner[key], path[:-1], new)
    if value is ...:
        del part[path[-1]]
    else:
        part[path[-1]] = value
    return new


@pytest.fixture(scope="module")
def full(small):
    """Return a small snapshot, unsealed, whose manifest says all that one can, and the manifest."""
    parent = {"sha256": "0" * 64, "captured_at": "2026-05-01T00:00:00Z", "comparable": True}
    content = changed(small, *manifest_entry("note", "made up"))
    content = changed(content, *manifest_entry("parent", parent))
    with closing(sqlite3.connect(":memory:")) as db:
        db.deserialize(content)
        rows = db.execute("SELECT name, value FROM manifest")
        return content, {name: json.loads(value) for name, value in rows}


def manifest_entry(name: str, value: Any) -> tuple[str, tuple[object, ...]]:
    """Return the statement that gives an entry of the manifest another value."""
    return "UPDATE manifest SET value = ? WHERE name = ?", (json.dumps(value), name)


def accepts(path: Path, content: bytes) -> bool:
    """Return whether a snapshot of this content is opened, shown and verified."""
    path.write_bytes(sealed(content))
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        snapshot = loaded(atomlab.open_snapshot, path)
        if snapshot is None:
            return False
        with snapshot:
            _show(snapshot)
            verified = _is_verified(snapshot)
    assert all(is_one_line(line) for line in printed.getvalue().splitlines() if line)
    return verified


# What may be absent or unknown, as far as the manifest itself can tell, and what is free to say.
NULLABLE = {
    *(("operator",), ("note",), ("parent",)),
    *(("source", "clock_offset_s"), ("pricing", "source")),
}
SAMPLES = (None, True, 1, 1.5, "text", [], ["text"], {}, {"text": 1})


def others(field: tuple[Any, ...], old: Any) -> Iterator[Any]:
    """Yield a value of each type that the field cannot have; `...` for its absence."""
    allowed = {type(old)} | ({type(None)} if field in NULLABLE else set())
    if field[-1] == "clock_offset_s":
        allowed |= {int, float}
    yield from (sample for sample in SAMPLES if type(sample) not in allowed)
    if field[:2] != ("source", "columns_read") or len(field) == 2:
        yield ...


def test_manifest_with_a_field_of_another_type_is_refused(full, tmp_path):
    """Every field, in turn, as every other type of JSON, or gone: it is never verified."""
    content, manifest = full
    wrong = []
    for field in fields(manifest):
        old = functools.reduce(lambda inner, key: inner[key], field, manifest)
        for value in others(field, old):
            script: tuple[Any, ...] = ("DELETE FROM manifest WHERE name = ?", field)
            if len(field) > 1 or value is not ...:
                script = manifest_entry(field[0], altered(manifest, field, value)[field[0]])
            if accepts(tmp_path / "forged.sqlite", changed(content, *script)):
                wrong.append((field, value))
    assert wrong == []
    assert accepts(tmp_path / "forged.sqlite", content)


@pytest.mark.parametrize("more", [5, {}, {"rows": 0, "sha256": "0" * 64}], ids=json.dumps)
def test_manifest_with_a_table_that_no_snapshot_has_is_refused(full, tmp_path, more):
    """What cannot be computed again is not shown as if it had been."""
    content, manifest = full
    script = manifest_entry("tables", {**manifest["tables"], "\x1b[31mmore": more})
    assert not accepts(tmp_path / "forged.sqlite", changed(content, *script))


# What json.loads takes, or not, and what nobody should believe.
RAW = (
    *("", "nul", "01", "NaN", "Infinity", "-Infinity", "1e999", "-1e999", "9" * 19, "9" * 5000),
    *("[" * 100_000, "[" * 900 + "]" * 900, '{"a":' * 900 + "1" + "}" * 900),
    *('{"rows": NaN}', '{"rows": 1, "rows": {}}', "\ufeff1", '"\\ud800"x'),
)


@pytest.mark.parametrize(
    "field",
    [
        *(("note",), ("operator",), ("parent",)),
        *(("source", "clock_offset_s"), ("pricing", "age_hours"), ("tables", "rules", "rows")),
        *(("source", "columns_read", "more"), ("fidelity", "complexities")),
    ],
    ids=".".join,
)
def test_manifest_that_says_what_json_cannot_say_is_refused(full, tmp_path, field):
    """NaN, infinities, numbers and nesting beyond measure are refused wherever they stand."""
    content, manifest = full
    entry = json.dumps(altered(manifest, field, "@")[field[0]])
    for raw in RAW:
        values = (field[0], entry.replace('"@"', raw))
        forged = changed(content, "INSERT OR REPLACE INTO manifest VALUES (?, ?)", values)
        assert not accepts(tmp_path / "forged.sqlite", forged), raw[:20]


@NO_HURRY
@given(name=st.sampled_from(["note", "source", "tables", "parent", "pricing", "more"]), value=JSON)
def test_any_json_in_a_manifest_is_shown_or_refused(full, tmp_path_factory, name, value):
    """Whatever an entry says, opening, showing and verifying raise nothing but AtomlabError."""
    statement = "INSERT OR REPLACE INTO manifest VALUES (?, ?)"
    content = changed(full[0], statement, (name, json.dumps(value)))
    accepted = accepts(tmp_path_factory.getbasetemp() / "any.sqlite", content)
    assert not accepted or name in ("note", "parent", "more")


def edited(content: bytes) -> st.SearchStrategy[bytes]:
    """Draw a file with some of its bytes replaced by what a parser might stumble over."""
    odd = st.sampled_from(ODD) | st.binary(max_size=9)
    place, gone = st.integers(0, len(content)), st.sampled_from((0, 1, 2, 9, 99, len(content)))
    edits = st.lists(st.tuples(place, gone, odd), min_size=1, max_size=6)
    return edits.map(lambda edits: _edit(content, edits))


def _edit(content: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
    new = bytearray(content)
    for place, gone, odd in edits:
        new[place : place + gone] = odd
    return bytes(new)


ODD = (
    *(b"NaN", b"-Infinity", b"1e999", b"1e308", b"-1", b"9" * 400, b"9" * 5000, b"0x" + b"f" * 999),
    *(b"null", b"true", b"[]", b"{}", b'""', b'"', b"'", b",", b":", b": ", b"]", b"}", b"\\"),
    *(b'"\\ud800"', b'"\\u0000"', b"\\ud83d\\ude00", b"\xed\xa0\x80", b"\xff\xfe", b"\xef\xbb\xbf"),
    *(b"\x1b[31m", "\u202e\u2028".encode(), b"\x00", b"\r", b"\t", b"[" * 5000, b'{"a":' * 2000),
    *(
        b"&a ",
        b"*a",
        b"<<: *a\n",
        b"- ",
        b"? ",
        b"!!python/object:os.system x",
        b"!!binary =",
        b"~",
    ),
    *(b"2026-05-02", b"1:2:3", b".inf", b"---\n", b"...\n", b"%YAML 9.9\n", b"|\n", b"\x1f\x8b"),
)
RULES = b"name: own\nbased_on: hosted-2026-05\n" + b"".join(
    line + b"\n"
    for name in ("thresholds", "plans", "quality", "llm_providers", "open-source-2026-05")
    for line in (EDITIONS / f"{name}.yaml").read_bytes().splitlines()
    if not line.startswith((b"name", b"include", b"based_on"))
)
CATALOG = json.dumps(
    [
        {"model_id": "openai/gpt-4o", "capabilities": ["vision", "tools"]},
        {"model_id": "m", "capabilities": '["vision"]', "exclude_from_general_routing": True},
    ]
).encode()


def real_entries(count: int) -> bytes:
    """Return some entries of the real price map as a file."""
    path = ROOT / "data" / "pricing" / "litellm-1.83.14-prices.json.gz"
    with gzip.open(path) as stream:
        entries = [*json.load(stream).items()]
    return json.dumps(dict(entries[:: len(entries) // count]), indent=1).encode()


REAL_PRICES, REGISTRY = real_entries(25), default_registry("hosted-2026-05").read_bytes()
FILES = {
    "prices": (load_pricing, edited(REAL_PRICES)),
    "gzip-of-edited": (load_pricing, edited(REAL_PRICES).map(gzip.compress)),
    "edited-gzip": (load_pricing, edited(gzip.compress(REAL_PRICES, mtime=0))),
    "registry": (load_registry, edited(REGISTRY)),
    "catalogue": (load_catalog, edited(CATALOG)),
    "rules": (lambda path: load_rules(str(path)), edited(RULES)),
    "key": (read_key, edited(b"5a" * 32 + b"\n")),
}


@pytest.mark.parametrize("kind", FILES)
@NO_HURRY
@given(data=st.data())
def test_edited_file_is_read_or_refused(tmp_path_factory, kind, data):
    """Prices, registries, catalogues, rules and keys: what is read is usable, the rest refused."""
    load, contents = FILES[kind]
    path = tmp_path_factory.getbasetemp() / f"{kind}.file"
    path.write_bytes(data.draw(contents))
    found = loaded(load, path)
    if kind == "rules" and found is not None:
        json.dumps(found.to_mapping(), allow_nan=False)
    if load is load_pricing and found is not None:
        assert len(list(found.rows())) == len(found)
        assert all(map(is_one_line, found.warnings()))


@pytest.mark.parametrize(
    "line",
    [
        *("placeholder_shorter_than: 9007199254740992", "min_health_score: -1.0e+300"),
        *(f"placeholder_shorter_than: 0x{'f' * 398}", "quality: [['', 1.0e+300]]"),
        "prompt_cache_min_tokens: {openai: 1.0e+300}",
    ],
    ids=lambda line: line[:30],
)
def test_rules_with_numbers_beyond_measure_are_refused(tmp_path, line):
    """What JSON cannot hold, or overflows when it is squared, is no threshold, score or count."""
    path = tmp_path / "rules.yaml"
    path.write_text(f"name: own\nbased_on: hosted-2026-05\n{line}\n")
    with refused(InputError, "wrong field", path):
        load_rules(str(path))


def load_big(path: Path) -> str:
    """Return what is said of a file that is too big."""
    load = load_rules if path.suffix == ".yaml" else load_pricing
    with pytest.raises(InputError) as caught:
        load(str(path) if load is load_rules else path)
    return str(caught.value)


def test_files_that_unpack_to_more_than_memory_holds_are_refused(tmp_path):
    """A gzip bomb, a few lines of YAML that spell terabytes, and a long file end soon."""
    path = {name: tmp_path / name for name in ("bomb.json.gz", "long.yaml", "aliases.yaml")}
    path["bomb.json.gz"].write_bytes(gzip.compress(b" " * (8 << 20)) * 400)
    path["long.yaml"].write_text("a: b\n" * 100_000)
    lines = [
        f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]" for old, new in pairwise(ascii_letters)
    ]
    head = ["name: own", "based_on: hosted-2026-05", "a: &a [x]"]
    path["aliases.yaml"].write_text("\n".join([*head, *lines, "matcher: *Z"]))
    assert [said.split(": ", 1)[1] for _, said in apart(load_big, [*path.values()])] == [
        "is larger than 33,554,432 bytes; check the file",
        "is larger than 262,144 bytes; check the file",
        "cannot be read as YAML (an anchor, line 3, column 4); check the file",
    ]
