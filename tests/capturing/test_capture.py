"""A capture is whole, redacted, and leaves its source and everything else as it was."""

from __future__ import annotations

import base64
import gc
import json
import sqlite3
import stat
import tracemalloc
from contextlib import closing
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from atomlab.byok.platform import load_platform
from atomlab.capturing.capture import capture
from atomlab.capturing.fidelity import FidelityCheck
from atomlab.errors import AtomlabError, InputError, SnapshotError, SourceError, TenantError
from atomlab.evidence.inputs.catalog import CatalogEntry
from atomlab.evidence.sources import source as source_module
from benchmarks.made_fleet import write_fleet
from tests.refusals import is_one_line, refused

SECRETS = {
    "OPENAI_API_KEY": "sk-" + "Zq9" * 16,
    "GROQ_API_KEY": "gAAAAA" + "Bx7_-" * 20,
    "MISTRAL_API_KEY": "schlüssel-ключ-鍵-😀-0123456789",
    "GEMINI_API_KEY": "quote\"back\\slash'new\nline\ttab",
    "DEEPSEEK_API_KEY": " padded-secret-value ",
    "MOONSHOT_API_KEY": json.dumps({"key": "inner-secret-value", "n": 1}),
    "OPENROUTER_API_KEY": "long-secret-" + "Q1w2E3r4" * 4000,
    "XAI_API_KEY": b"bytes-\xff\xfe-secret-value",
    "LUX_API_KEY": 98765432109876543,
    "OLLAMA_API_KEY": "v1:present:" + "ab" * 32,
    "OUTLOOK_OAUTH": '{"refresh_token": "oauth-secret-value"}',
    "BILLING_PROFILE": "cus_billing_secret",
    "secret-in-a-name-sk-live-77": "value-under-odd-name",
}
NAMES_THAT_STAY = ("OUTLOOK_OAUTH", "BILLING_PROFILE", "secret-in-a-name")


def shapes(value):
    """Yield the forms in which a value could hide in a file."""
    raw = value if isinstance(value, bytes) else str(value).encode()
    yield raw
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    yield raw[::-1]
    yield raw.decode("utf-8", "replace").encode("utf-16-le")
    yield json.dumps(raw.decode("latin-1"))[1:-1].encode()
    for shift in range(3):  # base64 at each alignment, without its edges
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(b"\0" * shift + raw)[4:-4]
    yield json.dumps(raw.decode("utf-8", "replace"))[1:-1].encode()


def test_no_secret_is_found_in_the_file_in_any_form(captured):
    """No value of a setting stands in the snapshot, raw, hex, base64, escaped or reversed."""
    snapshot = captured({"acme": SECRETS})
    content = snapshot.path.read_bytes()
    for name, value in SECRETS.items():
        for shape in shapes(value):
            assert shape not in content, name


def test_parts_of_secrets_and_other_names_are_not_in_the_file(captured):
    """Neither inner secrets, names of other settings nor the platform's own secret leave."""
    content = captured({"acme": SECRETS}).path.read_bytes()
    parts = (b"inner-secret", b"oauth-secret", b"cus_billing", b"atom-platform-secret", b"sk-live")
    for part in (*parts, *(name.encode() for name in NAMES_THAT_STAY)):
        assert part not in content


def test_settings_that_stay_are_counted(captured):
    """How many settings were left out is on record, their names are not."""
    snapshot = captured({"acme": SECRETS, "zeta": {}})
    counts = dict(snapshot.session.execute(text("SELECT id, unnamed_settings FROM tenants")).all())
    assert counts == {"id-acme": 3, "id-zeta": 0}
    names = snapshot.session.scalars(text("SELECT setting_key FROM tenant_settings")).all()
    assert set(names) == {name for name in SECRETS if name.endswith("_API_KEY")}


def test_value_that_looks_like_a_token_is_redacted_like_any_other(captured):
    """A tenant cannot smuggle in a token of its choice."""
    snapshot = captured({"acme": {"OLLAMA_API_KEY": "v1:null:-", "GROQ_API_KEY": "v1:null:-"}})
    values = snapshot.session.scalars(text("SELECT setting_value FROM tenant_settings")).all()
    assert len(set(values)) == 1
    assert values[0].startswith("v1:present:")


def test_source_and_inputs_stay_byte_by_byte(make_database, prices, tmp_path):
    """Capturing changes no file and leaves nothing beside them but the snapshot."""
    source = make_database({"acme": SECRETS})
    before = {path: path.read_bytes() for path in (source, prices)}
    capture(str(source), tmp_path / "out.sqlite", pricing=prices).close()
    assert {path: path.read_bytes() for path in before} == before
    assert set(tmp_path.iterdir()) == {*before, tmp_path / "out.sqlite"}


def test_snapshot_is_its_owners_only(captured):
    """The file has mode 0600."""
    assert stat.S_IMODE(captured({"acme": {}}).path.stat().st_mode) == 0o600


def test_existing_target_is_kept_unless_told_otherwise(make_database, tmp_path):
    """An existing file is overwritten only on demand."""
    source, out = make_database({"acme": {}}), tmp_path / "out.sqlite"
    out.write_text("precious")
    with refused(SnapshotError, "exists already and is kept", out):
        capture(str(source), out)
    assert out.read_text() == "precious"
    with capture(str(source), out, overwrite=True) as snapshot:
        snapshot.verify()


@pytest.mark.parametrize(
    ("name", "what"),
    [
        pytest.param("gone/out.sqlite", "no such folder", id="missing-folder"),
        pytest.param("link.sqlite", "is not a regular file", id="symbolic-link"),
        pytest.param(".", "is not a regular file", id="folder"),
    ],
)
def test_target_that_may_not_be_written_is_refused(make_database, tmp_path, name, what):
    """Nothing is written through a link, over a folder or into a missing one."""
    source, kept = make_database({"acme": {}}), tmp_path / "kept"
    kept.write_text("precious")
    (tmp_path / "link.sqlite").symlink_to(kept)
    for overwrite in (False, True):
        with refused(SnapshotError, what):
            capture(str(source), tmp_path / name, overwrite=overwrite)
    assert kept.read_text() == "precious"


@pytest.mark.parametrize("form", ["{}", "sqlite:///{}"], ids=["path", "url"])
def test_source_is_never_overwritten(make_database, form):
    """A slip that names the source as the target is refused, even with overwrite."""
    source = make_database({"acme": SECRETS})
    content = source.read_bytes()
    with refused(SnapshotError, "is one of the files to read and is kept", source):
        capture(form.format(source), source, overwrite=True)
    assert source.read_bytes() == content


def stored(folder):
    """Return what each file holds; of the index, which every reader marks, that it is there."""
    return {
        path: None if path.name.endswith("-shm") else path.read_bytes() for path in folder.iterdir()
    }


@pytest.mark.parametrize("ending", ["-wal", "-shm", "-journal"])
@pytest.mark.parametrize("as_key", [False, True], ids=["snapshot", "key"])
def test_nothing_is_written_under_a_name_of_the_source_s_own(
    make_database, tmp_path, ending, as_key
):
    """SQLite would take it for its log, or delete it; a log that is in use stays as it is."""
    source = make_database({"acme": SECRETS})
    beside = source.with_name(source.name + ending)
    with closing(sqlite3.connect(source)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("UPDATE tenants SET name = 'Live'")
        db.commit()
        before = stored(tmp_path)
        written = {"out": tmp_path / "out", "key_file": beside} if as_key else {"out": beside}
        kept = "is not a 256-bit key|is larger than" if as_key and beside in before else "is kept"
        with pytest.raises(AtomlabError, match=kept):
            capture(str(source), **written, overwrite=True)
        assert stored(tmp_path) == before
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.parametrize(
    "option", ["pricing", "providers", "catalog", "env", "keys", "rules", "key_file"]
)
def test_input_is_never_overwritten(make_database, tmp_path, option):
    """No file that a capture is given to read is ever its target."""
    source, given = make_database({"acme": {}}), tmp_path / "given"
    given.write_text("precious")
    with refused(SnapshotError, "is one of the files to read and is kept", given):
        capture(str(source), given, overwrite=True, **{option: str(given)})
    assert given.read_text() == "precious"


@pytest.mark.parametrize(
    ("option", "content", "what"),
    [
        pytest.param("pricing", "{}", "no prices in a known format", id="pricing-empty-object"),
        pytest.param("pricing", "[]", "no prices in a known format", id="pricing-empty-list"),
        pytest.param("pricing", "", "is not JSON", id="pricing-zero-bytes"),
        pytest.param("pricing", "model: 1", "is not JSON", id="pricing-not-json"),
        pytest.param(
            "providers",
            '{"providers": [{"id": "minimax"}, {"id": "minimax"}]}',
            "lists the provider id 'minimax' twice",
            id="registry-duplicate-ids",
        ),
        pytest.param("providers", "{}", 'no list "providers"', id="registry-empty"),
        pytest.param("catalog", "{}", "is not a model catalogue", id="catalogue"),
        pytest.param("env", "no variable", "line 1 is not NAME=value", id="environment"),
        pytest.param("keys", "[]", "is not a file of stored keys", id="stored-keys"),
        pytest.param("rules", "a: 1", "based_on names no shipped edition", id="rules"),
        pytest.param("key_file", "not a key", "is not a 256-bit key", id="key"),
    ],
)
def test_bad_input_is_refused_before_anything_is_written(
    make_database, tmp_path, option, content, what
):
    """A bad file is named, and no snapshot nor a part of one is left."""
    source, given = make_database({"acme": {}}), tmp_path / "given"
    given.write_text(content)
    with refused(InputError, what, given):
        capture(str(source), tmp_path / "out.sqlite", **{option: str(given)})
    assert set(tmp_path.iterdir()) == {source, given}


def test_empty_cache_is_captured_as_empty_and_no_cache_as_none(captured, write_json):
    """A cache that says that it is empty is evidence; without a price file there is none."""
    empty = captured({"acme": {}}, pricing=write_json({"pricing": {}}, "empty.json"))
    without = captured({"acme": {}}, pricing=None)
    assert (empty.has_pricing, without.has_pricing) == (True, False)
    assert empty.manifest["pricing"]["models"] == 0
    assert without.manifest["pricing"] is None
    assert len(load_platform(empty.session).pricing) == 0


@pytest.mark.parametrize(
    ("script", "what"),
    [
        pytest.param("DROP TABLE tenant_settings", "has no table tenant_settings", id="table"),
        pytest.param("ALTER TABLE tenants DROP COLUMN name", "tenants lacks name", id="column"),
        pytest.param("UPDATE tenants SET name = NULL", "tenant 'id-acme' has no name", id="name"),
        pytest.param("INSERT INTO tenants SELECT * FROM tenants", "stands there twice", id="twice"),
        pytest.param(
            "UPDATE tenant_settings SET tenant_id = NULL", "belongs to no tenant", id="of"
        ),
    ],
)
def test_bad_rows_are_named_and_nothing_is_written(make_database, tmp_path, script, what):
    """A source that breaks the platform's own schema is refused, without showing a value."""
    source = make_database({"acme": {"OPENAI_API_KEY": SECRETS["OPENAI_API_KEY"]}})
    with closing(sqlite3.connect(source)) as db:
        db.executescript(script)
    with refused(SourceError, what, source.name) as caught:
        capture(str(source), tmp_path / "out.sqlite")
    assert SECRETS["OPENAI_API_KEY"] not in str(caught.value)
    assert list(tmp_path.iterdir()) == [source]


def test_values_that_are_no_text_are_captured_by_their_state(captured):
    """Numbers, bytes and broken UTF-8 in a value column are judged as the platform would."""
    odd = {
        "OPENAI_API_KEY": 0,
        "GROQ_API_KEY": 12,
        "XAI_API_KEY": b"",
        "LUX_API_KEY": b"\xff\xfe",
        "QWEN_API_KEY": None,
    }
    snapshot = captured({"acme": odd})
    rows = snapshot.session.execute(text("SELECT setting_key, setting_value FROM tenant_settings"))
    states = {name: value.split(":")[1] for name, value in rows}
    assert states == {
        "OPENAI_API_KEY": "present",  # the column is TEXT, so the platform reads "0"
        "GROQ_API_KEY": "present",
        "XAI_API_KEY": "empty",
        "LUX_API_KEY": "present",
        "QWEN_API_KEY": "null",
    }


def test_text_that_is_no_utf8_is_captured_and_its_bytes_stay_secret(make_database, tmp_path):
    """Broken text in names and values neither stops a capture nor shows in an error."""
    source = make_database({"acme": {}})
    with closing(sqlite3.connect(source)) as db:
        db.execute("UPDATE tenants SET name = CAST(x'41ff42' AS TEXT)")
        db.execute(
            "INSERT INTO tenant_settings VALUES"
            " ('1', 'id-acme', 'GROQ_API_KEY', CAST(x'736563726574ff' AS TEXT), NULL)"
        )
        db.execute("INSERT INTO model_catalog VALUES (CAST(x'6dff' AS TEXT), '[]', 0)")
        db.commit()
    with capture(str(source), tmp_path / "out.sqlite") as snapshot:
        assert snapshot.tenant("id-acme").name == "A\\udcffB"
        chat = CatalogEntry(frozenset({"chat"}))
        assert load_platform(snapshot.session).catalog == {"m\\udcff": chat}
    assert b"secret" not in (tmp_path / "out.sqlite").read_bytes()


def test_capture_can_be_narrowed_to_some_tenants(captured):
    """Only the named tenants and their settings are captured, and the manifest says so."""
    tenants = {name: {"OPENAI_API_KEY": f"key-of-{name}"} for name in ("acme", "beta", "zeta")}
    snapshot = captured(tenants, tenants=["acme", "id-zeta"])
    ids = snapshot.session.scalars(text("SELECT id FROM tenants ORDER BY id")).all()
    owners = snapshot.session.scalars(text("SELECT tenant_id FROM tenant_settings")).all()
    assert ids == sorted(owners) == ["id-acme", "id-zeta"]
    assert snapshot.manifest["narrowed"] is True


def test_capture_of_an_unknown_tenant_is_refused_with_near_matches(make_database, tmp_path):
    """A misspelled tenant is answered before anything is written."""
    source = make_database({"brennan": {}})
    with refused(TenantError, "no tenant 'brenan'") as caught:
        capture(str(source), tmp_path / "out.sqlite", tenants=["brenan"])
    assert "brennan" in caught.value.todo
    assert list(tmp_path.iterdir()) == [source]


def test_all_tenants_are_counted_where_only_some_are_looked_at(
    make_database, tmp_path, monkeypatch
):
    """In a large database near matches are looked for among the first; the number is of all."""
    monkeypatch.setattr("atomlab.evidence.sources.source._NEAR_MATCHES_AMONG", 2)
    source = make_database({name: {} for name in ("acme", "beta", "brennan")})
    with refused(TenantError, "no tenant 'nobody' among the 3 in this database"):
        capture(str(source), tmp_path / "out.sqlite", tenants=["nobody"])


def test_one_key_file_makes_fingerprints_comparable(captured, tmp_path):
    """Equal values get equal tokens under one key file, different ones under fresh keys."""
    tenants = {"acme": {"OPENAI_API_KEY": "one-value"}, "beta": {"GROQ_API_KEY": "one-value"}}

    def tokens(**options):
        snapshot = captured(tenants, **options)
        rows = snapshot.session.scalars(text("SELECT setting_value FROM tenant_settings")).all()
        return set(rows), snapshot.manifest["fingerprint"]["key_id"]

    key_file = tmp_path / "fingerprints.key"
    first, second, fresh = tokens(key_file=key_file), tokens(key_file=key_file), tokens()
    assert first == second
    assert len(first[0]) == 1
    assert first[0].isdisjoint(fresh[0])
    assert first[1] != fresh[1]
    key = bytes.fromhex(key_file.read_text())
    content = (tmp_path / "made-0.sqlite").read_bytes()
    assert key not in content
    assert key.hex().encode() not in content


def test_key_file_is_made_for_its_owner_by_a_capture_that_succeeds(make_database, tmp_path):
    """A new key file has mode 0600 and comes with the snapshot; a failed capture makes none."""
    source, key_file = str(make_database({"acme": {}})), tmp_path / "fingerprints.key"
    with refused(TenantError, "no tenant"):
        capture(source, tmp_path / "out.sqlite", tenants=["nobody"], key_file=key_file)
    with refused(SnapshotError, "no such folder", tmp_path / "gone"):
        capture(source, tmp_path / "out.sqlite", key_file=tmp_path / "gone" / "key")
    assert not key_file.exists()
    assert not (tmp_path / "out.sqlite").exists()
    capture(source, tmp_path / "out.sqlite", key_file=key_file).close()
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert len(bytes.fromhex(key_file.read_text())) == 32


def test_catalogue_file_replaces_the_databases(captured, write_json):
    """A catalogue given as a file is used instead of the source's table."""
    path = write_json([{"model_id": "given", "capabilities": ["tools"]}], "catalog.json")
    table = [("in-database", "[]", 1)]
    from_table = captured({"acme": {}}, catalog=table)
    assert list(load_platform(from_table.session).catalog) == ["in-database"]
    source = from_table.path.with_name("source-0.db")
    with capture(str(source), source.with_suffix(".sqlite"), catalog=path) as snapshot:
        assert load_platform(snapshot.session).catalog == {
            "given": CatalogEntry(frozenset({"tools"}))
        }


def test_a_file_that_was_given_without_a_name_is_not_taken_for_none(make_database, tmp_path):
    """A variable of a script may be empty: nothing else is captured in its place."""
    source, out = str(make_database({"acme": {}})), tmp_path / "out.sqlite"
    for what in ("pricing", "providers", "catalog", "env", "keys", "parent"):
        with pytest.raises(AtomlabError):
            capture(source, out, **{what: ""})
    assert not out.exists()


def test_time_of_made_up_data_can_be_given(captured):
    """The capture's time defaults to now and can be set, in UTC."""
    at = datetime(2026, 5, 2, 8, tzinfo=UTC)
    assert captured({"acme": {}}, captured_at=at).captured_at == "2026-05-02T08:00:00Z"
    now = datetime.fromisoformat(captured({"acme": {}}).captured_at)
    assert abs((datetime.now(UTC) - now).total_seconds()) < 60


def test_failed_capture_closes_its_source(make_database, tmp_path):
    """After a failure the source can be moved and no connection is left behind."""
    source = make_database({"acme": {}})
    with pytest.raises(AtomlabError) as caught:
        capture(str(source), tmp_path / "out.sqlite", tenants=["nobody"])
    assert is_one_line(str(caught.value))
    del caught
    assert not [
        thing
        for thing in gc.get_objects()
        if isinstance(thing, sqlite3.Connection) and _is_open_on(thing, source)
    ]


def _is_open_on(connection, path):
    try:
        return connection.execute("PRAGMA database_list").fetchone()[2] == str(path)
    except sqlite3.Error:
        return False


@pytest.mark.parametrize("wanted", ["id-acme", "Acme"])
def test_a_source_without_optional_columns_can_be_narrowed(make_database, tmp_path, wanted):
    """A tenant is found by what the database has, be it no subdomain, plan or mode."""
    source = make_database({"acme": {"OPENAI_API_KEY": "a-key"}, "zeta": {}})
    with closing(sqlite3.connect(source)) as db:
        for column in ("subdomain", "plan_type", "ai_mode"):
            db.execute(f"ALTER TABLE tenants DROP COLUMN {column}")
        db.commit()
    with capture(str(source), tmp_path / "out.sqlite", tenants=[wanted]) as snapshot:
        tenants = snapshot.session.execute(text("SELECT id, plan_type FROM tenants")).all()
    assert [tuple(row) for row in tenants] == [("id-acme", None)]


@pytest.mark.parametrize("failing", ["no tables", "unknown tenant", "nameless tenant"])
def test_a_capture_that_fails_leaves_no_key_file(make_database, tmp_path, failing):
    """A fingerprint key is made for a capture, and goes with it; a given one stays."""
    source, key, given = make_database({"acme": {}}), tmp_path / "new.key", tmp_path / "given.key"
    given.write_text("ab" * 32)
    with closing(sqlite3.connect(source)) as db:
        if failing == "no tables":
            db.execute("DROP TABLE tenant_settings")
        if failing == "nameless tenant":
            db.execute("UPDATE tenants SET name = NULL")
        db.commit()
    tenants = ["nobody"] if failing == "unknown tenant" else []
    for key_file in (key, given):
        with pytest.raises(AtomlabError):
            capture(str(source), tmp_path / "out.sqlite", tenants=tenants, key_file=key_file)
    assert not key.exists()
    assert given.read_text() == "ab" * 32


def test_a_key_file_that_appears_meanwhile_is_kept(make_database, tmp_path):
    """A capture whose key cannot be written leaves no snapshot of fingerprints without a key."""
    source, key, out = make_database({"acme": {}}), tmp_path / "k", tmp_path / "out.sqlite"
    with refused(SnapshotError, "exists already and is kept", key):
        capture(str(source), out, key_file=key, progress=lambda *_: key.write_text("ab" * 32))
    assert key.read_text() == "ab" * 32
    assert not out.exists()


def test_memory_does_not_grow_with_the_number_of_tenants(tmp_path, monkeypatch):
    """Rows stream by: while they are copied, nothing is kept for each tenant."""
    peaks, prove = [], FidelityCheck.compare

    def proven(*args):
        peaks.append(tracemalloc.get_traced_memory()[1])
        return prove(*args)

    monkeypatch.setattr(FidelityCheck, "compare", proven)
    monkeypatch.setattr(source_module, "_BATCH_ROWS", 50)
    for tenants in (500, 500, 4000):  # the first fills the caches
        source = tmp_path / f"{tenants}.db"
        source.unlink(missing_ok=True)
        write_fleet(source, tenants, classes=40)
        tracemalloc.start()
        try:
            capture(
                str(source),
                tmp_path / "out.sqlite",
                overwrite=True,
                progress=lambda *_: tracemalloc.reset_peak(),
            ).close()
        finally:
            tracemalloc.stop()
    assert peaks[2] - peaks[1] < 200_000
