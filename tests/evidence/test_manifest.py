"""A manifest says where a snapshot came from, and what can be computed again must hold."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DatabaseError

import atomlab
from atomlab.errors import SnapshotError
from atomlab.evidence.schema import SNAPSHOT_TABLES
from atomlab.show.manifest import manifest_facts
from tests.forgery import changed, sealed, unsealed
from tests.refusals import refused

KEY = "sk-" + "7" * 40
TENANTS = {"acme": {"OPENAI_API_KEY": KEY, "TIMEZONE": "UTC"}, "zeta": {"GROQ_API_KEY": ""}}
PASSWORD = "hunter2-correct-horse"
REFUSAL = r"not authorized|prohibited|no such (function|table)"
AT = datetime(2026, 5, 2, 8, 9, 0, 900_000, UTC)


def digests(path: Path) -> dict[str, Any]:
    """Return rows and hash of each table, computed with nothing of atomlab's."""
    with closing(sqlite3.connect(path)) as db:
        tables = {
            table: db.execute(f"SELECT * FROM {table} ORDER BY rowid").fetchall()
            for table in SNAPSHOT_TABLES
        }
    return {
        table: {"rows": len(rows), "sha256": hashlib.sha256(json.dumps(rows).encode()).hexdigest()}
        for table, rows in tables.items()
    }


@pytest.fixture
def cache(write_json):
    """Return a function that writes a price cache that was last fetched at some time."""
    models = {"openai/gpt-4o": {"max_tokens": 9000}, "b": {}}

    def write(last_fetch: object = "2026-05-02T00:00:00Z") -> Path:
        document = {"pricing": models, "last_fetch": last_fetch, "source": "litellm"}
        return write_json(document, "cache.json")

    return write


@dataclass(frozen=True)
class Made:
    """A capture with every option: its source's URL, its file, an earlier one, its manifest."""

    source: str
    path: Path
    parent: Path
    manifest: dict[str, Any]
    between: tuple[datetime, datetime]


@pytest.fixture(params=["sqlite", "postgresql"])
def made(request, cache, tmp_path):
    """Return a capture of either kind of database, through a URL with a password in it."""
    path, parent, key_file = (tmp_path / name for name in ("made.sqlite", "first.sqlite", "key"))
    if request.param == "sqlite":
        source = f"sqlite:///{request.getfixturevalue('make_database')(TENANTS)}"
    else:
        url = make_url(request.getfixturevalue("make_postgres")(TENANTS))
        source = url.set(password=PASSWORD).render_as_string(hide_password=False)
        assert PASSWORD in source
    atomlab.capture(source, parent, key_file=key_file).close()
    options = {"pricing": cache(), "key_file": key_file, "parent": parent}
    about = {"operator": "Zoë of on-call", "note": "made up", "tenants": ["acme", "zeta"]}
    before = datetime.now(UTC)
    with atomlab.capture(source, path, **options, **about) as snapshot:
        return Made(source, path, parent, snapshot.manifest, (before, datetime.now(UTC)))


def test_manifest_names_tool_schema_rules_operator_and_proof(made):
    """What made the snapshot, by which rules, for whom, and what was compared."""
    rest = {"source", "pricing", "parent", "tables", "fingerprint"}
    rest |= {"started_at", "captured_at", "duration_s"}
    assert {name: value for name, value in made.manifest.items() if name not in rest} == {
        "schema": "atomlab.snapshot/4",
        "tool": f"atomlab {version('atomlab')}",
        "rules": "hosted-2026-05",
        "operator": "Zoë of on-call",
        "note": "made up",
        "narrowed": True,
        "inputs": {
            "rules": "default",
            "prices": "given",
            "registry": "default",
            "catalogue": "captured",
            "health": "absent",
            "environment": "absent",
            "stored keys": "absent",
        },
        "withheld": {"settings": 1, "variables": 0, "stored_keys": 0},
        "fidelity": {
            "agree": True,
            "tenants": 2,
            "complexities": ["simple", "moderate", "complex", "advanced"],
        },
    }
    assert rest < made.manifest.keys()


def test_manifest_has_start_and_end_in_utc(made):
    """Both times are UTC, to the second, and lie around the capture."""
    told = [made.manifest[name] for name in ("started_at", "captured_at")]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", time) for time in told)
    started, captured = map(datetime.fromisoformat, told)
    assert made.between[0].replace(microsecond=0) <= started <= captured <= made.between[1]


@pytest.mark.attack("5 clocks")
@pytest.mark.parametrize("set_by", [timedelta(hours=-1), timedelta(days=-9000), timedelta(days=2)])
def test_a_clock_that_is_set_meanwhile_spoils_no_capture(captured, monkeypatch, set_by):
    """Wall times are recorded as they are, how long it took is not read off them."""
    reads: list[datetime] = []

    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            reads.append(datetime.now(tz))
            return reads[-1] + (set_by if len(reads) > 1 else timedelta(0))

    for module in ("capturing.capture", "evidence.sources.postgres"):
        monkeypatch.setattr(f"atomlab.{module}.datetime", Clock)
    snapshot = captured(TENANTS)
    snapshot.verify()
    assert len(reads) == 2
    said = snapshot.manifest
    times = [datetime.fromisoformat(said[name]) for name in ("started_at", "captured_at")]
    assert abs(times[1] - times[0] - set_by) < timedelta(seconds=60)
    assert 0 < said["duration_s"] < 60
    shown = dict(manifest_facts(snapshot))["captured"]
    told = re.fullmatch(r"(.*), after [\d.]+ s; our clock was set by (.*) s meanwhile", str(shown))
    assert told[1] == said["captured_at"]
    assert abs(float(told[2].replace(",", "")) - set_by.total_seconds()) <= 2


def test_manifest_names_the_source_without_credentials(made):
    """Kind, name, version, clock and isolation of the server are there; a password is not."""
    said = made.manifest["source"]
    assert set(said["columns_read"]) == {"tenants", "tenant_settings", "model_catalog"}
    assert PASSWORD.encode() not in made.path.read_bytes()
    if said["kind"] == "sqlite":
        assert said["name"] == "production.db"
        assert said["server_version"] == sqlite3.sqlite_version
        assert said["isolation"] == "copy of one moment (backup API)"
        assert said["clock_offset_s"] is None
        return
    assert said["kind"] == "postgresql"
    assert said["isolation"] == "repeatable read, read only"
    assert abs(said["clock_offset_s"]) < 2
    with psycopg.connect(made.source) as db:
        assert db.execute("SHOW server_version").fetchall() == [(said["server_version"],)]
        assert said["name"].startswith(f"{db.info.dbname} on {db.info.host}")


def test_manifest_has_rows_and_hash_of_every_table(made):
    """Both are what plain SQLite, json and hashlib say of the tables."""
    assert made.manifest["tables"] == digests(made.path)
    assert made.manifest["tables"]["tenant_settings"]["rows"] == 2


def test_manifest_has_the_prices_own_account_and_their_age(made):
    """Where the price cache came from, when it was fetched, and how old it was."""
    captured = datetime.fromisoformat(made.manifest["captured_at"])
    age = (captured - datetime(2026, 5, 2, tzinfo=UTC)) / timedelta(hours=1)
    assert made.manifest["pricing"] == {
        "format": "atom-cache",
        "source": "litellm",
        "last_fetch": "2026-05-02T00:00:00Z",
        "age_hours": pytest.approx(age, abs=0.051),
        "models": 2,
    }


def test_manifest_names_the_parent(made):
    """The earlier snapshot is named by its hash and time, and that values compare with it."""
    with atomlab.open_snapshot(made.parent) as earlier:
        assert made.manifest["parent"] == {
            "sha256": hashlib.sha256(made.parent.read_bytes()).hexdigest(),
            "captured_at": earlier.captured_at,
            "comparable": True,
        }
        assert made.manifest["fingerprint"] == earlier.manifest["fingerprint"]


def test_hashes_of_shipped_snapshots_can_be_computed_without_atomlab(shipped):
    """The documented hash is that of the rows as JSON, in the order in which they are stored."""
    for name in ("brennan-2026-05-02", "brennan-2026-05-03", "local-dev"):
        with atomlab.open_snapshot(shipped(name)) as snapshot:
            assert snapshot.manifest["tables"] == digests(shipped(name))


@pytest.mark.parametrize("server", ["sqlite", "postgresql"])
def test_captures_of_one_state_with_one_key_file_have_equal_hashes(
    server, make_database, make_postgres, prices, tmp_path
):
    """Two captures of the same rows agree table by table; under another key, settings differ."""
    source = str(make_database(TENANTS)) if server == "sqlite" else make_postgres(TENANTS)
    tables = []
    for n, key in enumerate(("one", "one", "other")):
        out, key_file = tmp_path / f"{n}.sqlite", tmp_path / f"{key}.key"
        with atomlab.capture(source, out, pricing=prices, key_file=key_file) as snapshot:
            tables.append(snapshot.manifest["tables"])
    assert tables[0] == tables[1]
    assert {name for name in SNAPSHOT_TABLES if tables[0][name] != tables[2][name]} == {
        "tenant_settings"
    }


def test_hashes_do_not_depend_on_where_rows_are_stored(captured, tmp_path):
    """Rows written in another order are the same rows; one that differs changes one hash."""
    options = {"key_file": tmp_path / "key", "catalog": [("b", "[]", 0), ("a", '["x", "y"]', 1)]}
    first = captured(TENANTS, **options).manifest["tables"]
    options["catalog"].reverse()
    turned = {name: dict(reversed(TENANTS[name].items())) for name in reversed(TENANTS)}
    assert captured(turned, **options).manifest["tables"] == first
    turned["acme"] = {**TENANTS["acme"], "OPENAI_API_KEY": KEY + "."}
    other = captured(turned, **options).manifest["tables"]
    assert {name for name in first if first[name] != other[name]} == {"tenant_settings"}


def test_values_compare_with_a_parents_only_under_its_key_file(captured, tmp_path):
    """The manifest says of a parent which it is, and whether fingerprints mean the same there."""
    parent = captured(TENANTS, key_file=tmp_path / "one.key")
    same = captured(TENANTS, key_file=tmp_path / "one.key", parent=parent.path)
    other = captured(TENANTS, key_file=tmp_path / "other.key", parent=same.path)
    keyless = captured(TENANTS, parent=str(other.path))
    told = [s.manifest["parent"] for s in (parent, same, other, keyless)]
    assert told[0] is None
    assert [one["sha256"] for one in told[1:]] == [parent.sha256, same.sha256, other.sha256]
    assert [one["comparable"] for one in told[1:]] == [True, False, False]
    values = [
        {*s.session.scalars(text("SELECT setting_value FROM tenant_settings"))} - {"v1:empty:-"}
        for s in (parent, same, other)
    ]
    assert values[0] == values[1]
    assert values[0].isdisjoint(values[2])


def test_parent_that_is_no_snapshot_is_refused_before_anything_is_written(captured, tmp_path):
    """A damaged or foreign parent stops the capture, which leaves no key file either."""
    parent = captured(TENANTS).path
    damaged, source = tmp_path / "damaged.sqlite", tmp_path / "source-0.db"
    damaged.write_bytes(parent.read_bytes()[:-1])
    before = sorted(tmp_path.iterdir())
    for given, what in ((damaged, "is damaged"), (source, "not a snapshot"), ("none", "no such")):
        with refused(SnapshotError, what, given):
            atomlab.capture(
                str(source), tmp_path / "new.sqlite", parent=given, key_file=tmp_path / "new.key"
            )
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("last_fetch", "age"),
    [
        pytest.param("2026-05-02T06:09:00Z", 2.0, id="utc"),
        pytest.param("2026-05-02T08:09:00+02:00", 2.0, id="zoned"),
        pytest.param("2026-05-02T06:09:00.123456", 2.0, id="zone-less"),
        pytest.param("2026-05-02", 8.2, id="day"),
        pytest.param("2026-05-02T08:00:00Z", 0.1, id="rounded-from-whole-seconds"),
        pytest.param("2026-05-03T08:09:00Z", -24.0, id="future"),
        pytest.param("0001-01-01T00:00:00+23:59", 17753720.1, id="first-year"),
        pytest.param("9999-12-31T23:59:59-23:59", -69895743.8, id="last-year"),
        pytest.param("yesterday", None, id="broken"),
        pytest.param("2026-99-99T00:00:00", None, id="no-such-day"),
        pytest.param("", None, id="empty"),
        pytest.param("\x1b[31m\u202e", None, id="hostile"),
        pytest.param(1777708140, None, id="number"),
        pytest.param(None, None, id="null"),
    ],
)
def test_age_of_the_prices_is_known_or_not(captured, cache, last_fetch, age):
    """A time without a zone is taken for UTC; what is none is not kept; both verify."""
    snapshot = captured(TENANTS, pricing=cache(last_fetch), captured_at=AT)
    said = snapshot.manifest["pricing"]
    assert said["last_fetch"] == (last_fetch if str(last_fetch)[4:5] == "-" else None)
    assert said["age_hours"] == age
    snapshot.verify()


@pytest.fixture
def forge(captured, cache, tmp_path):
    """Return a function that changes a snapshot by SQL and seals it properly again."""
    stored = {"provider_id": "openai", "key_name": "default", "encrypted_key": KEY}
    worker = {"env": {"OPENAI_API_KEY": KEY}, "keys": {"openai_default_production": stored}}
    snapshot = captured(TENANTS, pricing=cache(), captured_at=AT, **worker)

    def make(script: str) -> Path:
        path = tmp_path / "forged.sqlite"
        path.write_bytes(sealed(changed(unsealed(snapshot.path), script)))
        return path

    return make


def says(name: str, path: str, value: str) -> str:
    """Return SQL that lets a manifest say something else."""
    return f"UPDATE manifest SET value = json_set(value, '{path}', {value}) WHERE name = '{name}'"


@pytest.mark.parametrize("table", SNAPSHOT_TABLES)
@pytest.mark.parametrize("what", ["rows", "sha256"])
def test_verify_finds_every_count_and_hash_that_was_changed(forge, table, what):
    """Each table's number of rows and hash is computed again."""
    value = "99" if what == "rows" else f"'{'0' * 64}'"
    path = forge(says("tables", f"$.{table}.{what}", value))
    with atomlab.open_snapshot(path) as forged, refused(SnapshotError, "", path):
        forged.verify()


CHANGES = {
    "tenants": "UPDATE tenants SET name = name || '.'",
    "unnamed": "UPDATE tenants SET unnamed_settings = 1 - unnamed_settings",
    "settings": "UPDATE tenant_settings SET setting_key = 'X' || setting_key",
    "order": "UPDATE tenant_settings SET rowid = -rowid",
    "providers": "UPDATE providers SET api_key_env_var = NULL WHERE position = 0",
    "pricing": "UPDATE pricing SET max_tokens = 9001 WHERE position = 0",
    "catalogue": "INSERT INTO model_catalog VALUES ('m', '[]', 0)",
    "rules": "UPDATE rules SET document = replace(document, '88', '80')",
    "environment": "UPDATE environment SET name = 'GROQ_API_KEY'",
    "stored_keys": "DELETE FROM stored_keys",
}


@pytest.mark.parametrize("script", CHANGES.values(), ids=CHANGES)
def test_verify_finds_every_row_that_was_changed(forge, script):
    """A change to any table, with a good seal around it, is found."""
    path = forge(script)
    with (
        atomlab.open_snapshot(path) as forged,
        refused(SnapshotError, "is not what the manifest recorded", path),
    ):
        forged.verify()


@pytest.mark.parametrize(
    ("script", "what"),
    [
        pytest.param(says("fidelity", "$.agree", "json('false')"), "alike", id="disagreed"),
        pytest.param(says("fidelity", "$.tenants", "3"), "number of tenants", id="more-tenants"),
        pytest.param(says("fidelity", "$.tenants", "1"), "number of tenants", id="fewer-tenants"),
        pytest.param(says("fidelity", "$.complexities[3]", "'x'"), "other requests", id="requests"),
        pytest.param(
            "UPDATE manifest SET value = 'null' WHERE name = 'pricing'", "models", id="no-prices"
        ),
        pytest.param(says("pricing", "$.models", "3"), "number of models", id="more-models"),
        pytest.param(says("pricing", "$.models", "1"), "number of models", id="fewer-models"),
        pytest.param(says("pricing", "$.age_hours", "1"), "another age", id="age"),
        pytest.param(
            says("pricing", "$.last_fetch", "'2026-05-01'"), "another age", id="last-fetch"
        ),
        pytest.param(
            "UPDATE manifest SET value = '\"2026-05-03T00:00:00Z\"' WHERE name = 'captured_at'",
            "another age",
            id="captured-at",
        ),
        pytest.param(
            "UPDATE manifest SET value = '\"open-source-2026-05\"' WHERE name = 'rules'",
            "another name",
            id="rules",
        ),
    ],
)
def test_verify_finds_what_a_manifest_says_beside_the_tables(forge, script, what):
    """Proof, prices, times and rules are compared with what the snapshot holds."""
    path = forge(script)
    with (
        atomlab.open_snapshot(path) as forged,
        refused(SnapshotError, f"its manifest contradicts itself: {what}"[:31], path) as caught,
    ):
        forged.verify()
    assert what in caught.value.what


def test_what_only_a_later_atomlab_says_is_left_out(forge):
    """Names that are not in the schema are dropped, whatever they hold."""
    more = "INSERT INTO manifest VALUES ('more', '[NaN]');" + says("source", "$.more", "5")
    with atomlab.open_snapshot(forge(more)) as forged:
        forged.verify()
        assert "more" not in {*forged.manifest, *forged.manifest["source"]}


def test_rules_that_go_by_two_names_are_found(forge):
    """The manifest, the table and the document inside it name the same rules."""
    path = forge("UPDATE rules SET document = json_set(document, '$.name', 'mine')")
    with atomlab.open_snapshot(path) as forged, refused(SnapshotError, "go by another name"):
        forged.verify()


@pytest.mark.parametrize(
    "statement",
    [
        "DETACH main",
        "CREATE VIRTUAL TABLE x USING fts5(y)",
        "CREATE TRIGGER x AFTER INSERT ON tenants BEGIN SELECT 1; END",
        "DROP INDEX tenant_settings_by_tenant",
        "WITH x AS (SELECT 1) DELETE FROM tenants RETURNING id",
        "INSERT INTO tenants (id, name) VALUES ('id-acme', 'x') ON CONFLICT DO UPDATE SET name = 1",
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "PRAGMA locking_mode = EXCLUSIVE",
        "PRAGMA temp_store_directory = '/'",
        "PRAGMA application_id = 7",
        "PRAGMA main.schema_version = 7",
        "PRAGMA trusted_schema = ON",
        "SELECT * FROM pragma_wal_checkpoint",
        "SELECT load_extension('x', 'y')",
        "SELECT fts3_tokenizer('simple', x'00')",
        "SELECT edit('x')",
        "SELECT writefile('x', 'y')",
    ],
)
def test_opened_snapshot_lets_no_statement_do_anything(captured, tmp_path, statement):
    """What would write, attach, configure or load is refused; no file changes or appears."""
    snapshot = captured(TENANTS)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with (
        snapshot.engine.connect() as connection,
        pytest.raises(DatabaseError, match=REFUSAL),
    ):
        connection.exec_driver_sql(statement)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_limits_of_the_check_on_opening_do_not_last(captured):
    """A reader's own query may take as long, and make values as large, as it likes."""
    session = captured(TENANTS).session
    rows = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r LIMIT 1000000)"
    assert session.scalar(text(f"{rows} SELECT count(*) FROM r")) == 1_000_000
    assert session.scalar(text("SELECT length(hex(zeroblob(9000000)))")) == 18_000_000
