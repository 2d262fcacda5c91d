"""Custody: a manifest says where a snapshot came from, and can be computed again."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from importlib.metadata import version

import pytest

from atomlab.byok.fidelity import proven_capture
from atomlab.cli import main
from atomlab.evidence.rules import COMPLEXITIES
from atomlab.evidence.schema import SNAPSHOT_TABLES
from atomlab.evidence.snapshot import open_snapshot
from tests.forgery import sealed

KEY = "sk-" + "7" * 40
TENANTS = {"acme": {"OPENAI_API_KEY": KEY, "TIMEZONE": "UTC"}, "beta": {"GROQ_API_KEY": ""}}


@pytest.fixture
def run(monkeypatch, capsys):
    """Return a function that runs a command and gives exit code, stdout and stderr."""

    def command(*arguments):
        monkeypatch.setenv("COLUMNS", "200")
        monkeypatch.setattr("sys.argv", ["atomlab", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return (ended.value.code or 0, *capsys.readouterr())

    return command


def test_hashes_can_be_computed_again_with_other_tools(captured):
    """Each table's hash is that of its rows as JSON, in the order in which they are stored."""
    snapshot = captured(TENANTS)
    with closing(sqlite3.connect(snapshot.path)) as db:
        for table in SNAPSHOT_TABLES:
            rows = [list(row) for row in db.execute(f"SELECT * FROM {table}")]
            digest = hashlib.sha256(json.dumps(rows).encode()).hexdigest()
            assert snapshot.manifest["tables"][table] == {"rows": len(rows), "sha256": digest}


def test_manifest_says_everything_that_custody_needs(captured, make_database, tmp_path):
    """Versions, times, source, operator, parent, proof and counts are on record, in UTC."""
    key_file = tmp_path / "fingerprints.key"
    earlier = captured(TENANTS, key_file=key_file)
    started = datetime.now(UTC).replace(microsecond=0)
    later = captured(TENANTS, key_file=key_file, operator="on-call", parent=earlier.path)
    said = later.manifest
    assert said["tool"] == f"atomlab {version('atomlab')}"
    assert (said["schema"], said["rules"]) == ("atomlab.snapshot/2", "hosted-2026-05")
    times = [datetime.fromisoformat(said[name]) for name in ("started_at", "captured_at")]
    assert started <= times[0] <= times[1] <= datetime.now(UTC)
    assert said["source"]["server_version"] == sqlite3.sqlite_version
    assert (said["operator"], said["narrowed"]) == ("on-call", False)
    assert said["fidelity"] == {"agree": True, "tenants": 2, "complexities": list(COMPLEXITIES)}
    assert said["parent"] == {
        "sha256": hashlib.sha256(earlier.path.read_bytes()).hexdigest(),
        "captured_at": earlier.captured_at,
        "comparable": True,
    }
    with proven_capture(
        str(make_database(TENANTS)), tmp_path / "other.sqlite", parent=earlier.path
    ) as other:
        assert other.manifest["parent"]["comparable"] is False


def test_same_state_gives_the_same_hashes(captured, tmp_path):
    """Two captures of one state under one key file differ in nothing but their times."""
    same = {"key_file": tmp_path / "fingerprints.key", "captured_at": datetime.now(UTC)}
    one, two = captured(TENANTS, **same), captured(TENANTS, **same)
    assert one.manifest["tables"] == two.manifest["tables"]


@pytest.mark.parametrize(
    ("last_fetch", "age"),
    [
        pytest.param("2026-05-01T20:00:00+00:00", 12.0, id="utc"),
        pytest.param("2026-05-01T20:00:00", 12.0, id="no-zone-is-utc"),
        pytest.param("2026-05-01T22:00:00+02:00", 12.0, id="zone"),
        pytest.param("2026-05-02T09:30:00Z", -1.5, id="future"),
        pytest.param("yesterday", None, id="no-time"),
    ],
)
def test_age_of_the_price_cache_is_on_record(captured, write_json, last_fetch, age):
    """How old the prices were when the snapshot was taken."""
    cache = write_json({"pricing": {"m": {}}, "last_fetch": last_fetch}, "cache.json")
    at = datetime(2026, 5, 2, 8, tzinfo=UTC)
    said = captured(TENANTS, pricing=cache, captured_at=at).manifest["pricing"]
    assert (said["last_fetch"], said["age_hours"]) == (last_fetch, age)


def test_show_prints_the_manifest(captured, run):
    """Whatever the manifest says can be read on the terminal, and as JSON."""
    snapshot = captured(TENANTS, operator="on-call")
    code, out, err = run("snapshot", "show", snapshot.path)
    said = snapshot.manifest
    assert (code, err) == (0, "")
    for part in (snapshot.sha256, said["captured_at"], said["source"]["name"], "on-call"):
        assert part in out
    for digest in said["tables"].values():
        assert digest["sha256"] in out
    assert "do not prove who made it" in " ".join(out.split())
    code, out, err = run("snapshot", "show", snapshot.path, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == {"sha256": snapshot.sha256, **said}


def test_verify_says_what_holds_and_what_hashes_do_not_prove(captured, run):
    """A snapshot that is what it was: exit code 0."""
    snapshot = captured(TENANTS)
    code, out, err = run("snapshot", "verify", snapshot.path)
    assert (code, err) == (0, "")
    assert snapshot.sha256 in out
    assert "do not prove who made it" in " ".join(out.split())
    assert json.loads(run("snapshot", "verify", snapshot.path, "--json")[1])["verified"] is True


@pytest.mark.parametrize(
    "script",
    [
        "UPDATE tenants SET plan_type = 'enterprise'",
        "DELETE FROM tenant_settings WHERE rowid = 1",
        "UPDATE providers SET position = position + 1000",
        "UPDATE pricing SET input_cost_per_token = 1.0 WHERE position = 0",
        "INSERT INTO model_catalog VALUES ('m', '[]', 0)",
        "UPDATE rules SET document = json_set(document, '$.min_health_score', 0.4)",
        "UPDATE manifest SET value = json_set(value, '$.tenants.rows', 5) WHERE name = 'tables'",
        "UPDATE manifest SET value = json_set(value, '$.tenants', 5) WHERE name = 'fidelity'",
        "UPDATE manifest SET value = json_set(value, '$.models', 5) WHERE name = 'pricing'",
        "UPDATE manifest SET value = '\"other\"' WHERE name = 'rules'",
    ],
)
def test_verify_finds_every_mismatch(captured, run, tmp_path, script):
    """What was changed and sealed again: one line, exit code 1."""
    content = captured(TENANTS).path.read_bytes()
    with closing(sqlite3.connect(":memory:")) as db:
        db.deserialize(content[: content.rindex(b"\natomlab-seal")])
        db.executescript(script)
        db.commit()
        forged = tmp_path / "forged.sqlite"
        forged.write_bytes(sealed(db.serialize()))
    open_snapshot(forged).close()  # it opens: its seal is good
    code, out, err = run("snapshot", "verify", forged)
    assert (code, out) == (1, "")
    assert len(err.splitlines()) == 1
    assert str(forged) in err
