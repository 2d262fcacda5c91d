"""Snapshots are read-only, self-checking, and lend out scratch copies."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from atomlab.diagnosis.diagnose import diagnose
from atomlab.errors import SnapshotError
from atomlab.evidence.schema import SNAPSHOT_TABLES, TenantSetting
from atomlab.evidence.snapshot import open_snapshot
from tests.forgery import sealed
from tests.refusals import refused

KEY = "sk-" + "6" * 40


@pytest.fixture
def snapshot(captured):
    """Return a small snapshot."""
    return captured({"acme": {"OPENAI_API_KEY": KEY, "TIMEZONE": "UTC"}})


@pytest.fixture
def forge(snapshot, tmp_path):
    """Return a function that runs SQL on a copy of the snapshot and seals it properly again."""

    def make(script):
        content = snapshot.path.read_bytes()
        db = sqlite3.connect(":memory:")
        db.deserialize(content[: content.rindex(b"\natomlab-seal")])
        db.executescript(script)
        db.commit()
        path = tmp_path / "forged.sqlite"
        path.write_bytes(sealed(db.serialize()))
        db.close()
        return path

    return make


@pytest.mark.parametrize(
    "statement",
    [
        "ATTACH '{folder}/new.db' AS other",
        "ATTACH ':memory:' AS other",
        "VACUUM INTO '{folder}/new.db'",
        "VACUUM",
        "INSERT INTO tenants (id, name) VALUES ('x', 'x')",
        "UPDATE tenant_settings SET setting_value = ''",
        "DELETE FROM pricing",
        "DROP TABLE pricing",
        "CREATE TABLE x (y)",
        "CREATE TEMP TABLE x (y)",
        "CREATE VIEW x AS SELECT 1",
        "ALTER TABLE tenants RENAME TO x",
        "REINDEX",
        "ANALYZE",
        "PRAGMA writable_schema = ON",
        "PRAGMA journal_mode = WAL",
        "PRAGMA user_version = 7",
        "PRAGMA query_only = OFF",
        "SELECT load_extension('x')",
        "SELECT fts3_tokenizer('x')",
    ],
)
def test_opened_snapshot_refuses_everything_but_reading(snapshot, tmp_path, statement):
    """Writing, attaching, exporting and loading code are refused; the file stays as it was."""
    files, content = sorted(tmp_path.iterdir()), snapshot.path.read_bytes()
    with (
        snapshot.engine.connect() as connection,
        pytest.raises(DatabaseError, match=r"not authorized|authorization denied|prohibited"),
    ):
        connection.exec_driver_sql(statement.format(folder=tmp_path))
    assert snapshot.path.read_bytes() == content
    assert sorted(tmp_path.iterdir()) == files


def test_opened_snapshot_refuses_a_session_that_writes(snapshot):
    """The ORM cannot write either."""
    snapshot.session.add(TenantSetting(tenant_id="id-acme", setting_key="X", setting_value="Y"))
    with pytest.raises(DatabaseError, match="not authorized"):
        snapshot.session.flush()
    snapshot.session.rollback()


def test_scratch_copy_can_be_changed_and_the_snapshot_stays(snapshot):
    """What happens on a scratch copy reaches neither the file nor another copy."""
    content = snapshot.path.read_bytes()
    with snapshot.scratch() as scratch:
        scratch.session.execute(text("DELETE FROM tenant_settings"))
        scratch.session.commit()
        for session, rows in ((scratch.session, 0), (snapshot.session, 1)):
            assert session.scalar(text("SELECT count(*) FROM tenant_settings")) == rows
    with snapshot.scratch() as other:
        assert other.session.scalar(text("SELECT count(*) FROM tenant_settings")) == 1
    assert snapshot.path.read_bytes() == content


@pytest.mark.parametrize(
    "name",
    [
        *("what?.sqlite", "a#b.sqlite", "100%25.sqlite", "two words.sqlite", "schräg-日本.sqlite"),
        *("mode=rw&x.sqlite", "'quoted\".sqlite", "back\\slash.sqlite", "line\nbreak.sqlite"),
    ],
)
def test_odd_paths_open_the_file_they_name(captured, tmp_path, name):
    """Question marks, hashes and the like are part of a name, not of a URL."""
    folder = tmp_path / "odd #%? folder"
    folder.mkdir()
    made = captured({"acme": {}}, out=folder / name)
    assert made.path == folder / name
    with open_snapshot(str(folder / name)) as snapshot:
        assert snapshot.tenant("acme").id == "id-acme"
    assert sorted(path.name for path in folder.iterdir()) == [name]


def test_relative_path_and_link_open_the_same_file(snapshot, tmp_path, monkeypatch):
    """A relative path or a symbolic link to a snapshot may be read."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link.sqlite").symlink_to(snapshot.path)
    for path in (snapshot.path.name, "link.sqlite"):
        with open_snapshot(path) as again:
            assert again.sha256 == snapshot.sha256


def test_journal_beside_a_snapshot_changes_nothing(snapshot):
    """Foreign journals beside the file are not read: what was sealed is what is seen."""
    for suffix in ("-wal", "-journal", "-shm"):
        snapshot.path.with_name(snapshot.path.name + suffix).write_bytes(b"\xd9\xd5" * 600)
    with open_snapshot(snapshot.path) as again:
        again.verify()


def test_verify_passes_on_what_was_captured(snapshot, before, after, local_dev):
    """Made and shipped snapshots agree with their manifests."""
    for whole in (snapshot, before, after, local_dev):
        assert whole.verify() is None
        assert set(whole.manifest["tables"]) == set(SNAPSHOT_TABLES)


@pytest.mark.parametrize(
    ("script", "what"),
    [
        pytest.param("DELETE FROM pricing", "table pricing is not", id="rows-gone"),
        pytest.param("UPDATE tenants SET plan_type = 'x'", "table tenants is not", id="edited"),
        pytest.param(
            "UPDATE manifest SET value = json_set(value, '$.models', 5) WHERE name = 'pricing'",
            "contradicts itself: the prices are another number of models",
            id="models",
        ),
        pytest.param(
            "UPDATE manifest SET value = json_set(value, '$.tenants', 5) WHERE name = 'fidelity'",
            "contradicts itself: the proof was about another number of tenants",
            id="proof",
        ),
    ],
)
def test_verify_finds_tables_that_differ_from_the_manifest(forge, script, what):
    """A forged file with a good seal opens, and verify names the table that was changed."""
    path = forge(script)
    with open_snapshot(path) as forged, refused(SnapshotError, what, path):
        forged.verify()


def test_verify_finds_states_that_are_not_those_of_the_settings(forge):
    """Tenants are counted by them, so they are made again from the tokens."""
    row = ["id-acme", "Acme", "acme", "team", "byok", 1, 7]
    digest = {"rows": 1, "sha256": hashlib.sha256(json.dumps([row]).encode()).hexdigest()}
    path = forge(
        "UPDATE tenants SET states = 7;"
        "UPDATE manifest SET value = json_set(value, '$.tenants',"
        f" json('{json.dumps(digest)}')) WHERE name = 'tables'"
    )
    what = "the states recorded for tenant id-acme are not its settings'"
    with open_snapshot(path) as forged, refused(SnapshotError, what, path):
        forged.verify()


@pytest.mark.parametrize(
    ("name", "value", "what"),
    [
        ("OPENAI_API_KEY", KEY, "not a redaction token"),
        (KEY, "v1:empty:-", "none that capture keeps"),
    ],
)
def test_verify_finds_plaintext(forge, name, value, what):
    """A value that is not a token, a name that stays in the database: neither is shown."""
    row = ["id-acme-OPENAI_API_KEY", "id-acme", name, value, "2026-04-20 14:05:00"]
    digest = {"rows": 1, "sha256": hashlib.sha256(json.dumps([row]).encode()).hexdigest()}
    path = forge(
        f"UPDATE tenant_settings SET setting_key = '{name}', setting_value = '{value}';"
        "UPDATE manifest SET value = json_set(value, '$.tenant_settings',"
        f" json('{json.dumps(digest)}')) WHERE name = 'tables'"
    )
    with open_snapshot(path) as forged, refused(SnapshotError, what) as caught:
        forged.verify()
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("script", "what"),
    [
        pytest.param("UPDATE rules SET document = '{'", "are broken", id="rules-not-json"),
        pytest.param("UPDATE rules SET document = '{}'", "are broken", id="rules-empty"),
        pytest.param("UPDATE rules SET document = '[]'", "are broken", id="rules-a-list"),
        pytest.param("DELETE FROM rules", "are broken", id="no-rules"),
        pytest.param("INSERT INTO rules VALUES ('x', '{}')", "are broken", id="two-rules"),
        pytest.param(
            "UPDATE pricing SET model_id = CAST(x'ff'||position AS TEXT)",
            "Could not decode",
            id="odd-model",
        ),
        pytest.param("INSERT INTO model_catalog VALUES ('m', '[]', 7)", "are broken", id="flag"),
        pytest.param(
            f"UPDATE tenant_settings SET setting_value = '{KEY}'",
            "not a redaction token",
            id="plain",
        ),
    ],
)
def test_a_sealed_file_that_is_no_sound_snapshot_is_refused_when_it_is_read(forge, script, what):
    """A good seal around broken contents is a SnapshotError, and never another exception."""
    with open_snapshot(forge(script)) as forged, refused(SnapshotError, what) as caught:
        diagnose(forged, "acme")
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    "script",
    [
        pytest.param("DELETE FROM manifest", id="empty-manifest"),
        pytest.param("DELETE FROM manifest WHERE name = 'rules'", id="a-name-missing"),
        pytest.param("UPDATE manifest SET value = 'not json'", id="not-json"),
        pytest.param("UPDATE manifest SET value = CAST(x'ff' AS TEXT)", id="odd-bytes"),
        pytest.param("UPDATE manifest SET value = '\"x/9\"' WHERE name = 'schema'", id="schema"),
        pytest.param("UPDATE manifest SET value = '{}' WHERE name = 'tables'", id="no-tables"),
        pytest.param("UPDATE manifest SET value = '5' WHERE name = 'source'", id="source-a-number"),
        pytest.param("UPDATE manifest SET value = 'null' WHERE name = 'narrowed'", id="null"),
        pytest.param(
            "UPDATE manifest SET value = json_set(value, '$.remarks[0]', 5) WHERE name = 'source'",
            id="remark-a-number",
        ),
        pytest.param(
            f"UPDATE manifest SET value = '{'[' * 100_000}' WHERE name = 'note'", id="deep"
        ),
    ],
)
def test_sealed_file_without_a_readable_manifest_is_refused(forge, script):
    """A good seal is not enough: the manifest must be there and be ours."""
    path = forge(script)
    with refused(SnapshotError, "has no readable manifest", path):
        open_snapshot(path)


def test_manifest_says_where_the_evidence_came_from(snapshot):
    """Source, time, rules, prices and fingerprint scheme are on record."""
    manifest = snapshot.manifest
    assert manifest["schema"] == "atomlab.snapshot/4"
    assert manifest["source"] == {
        "kind": "sqlite",
        "name": "source-0.db",
        "server_version": sqlite3.sqlite_version,
        "isolation": "copy of one moment (backup API)",
        "clock_offset_s": None,
        "remarks": [],
        "columns_read": {
            "tenants": ["ai_mode", "id", "name", "plan_type", "subdomain"],
            "tenant_settings": ["created_at", "id", "setting_key", "setting_value", "tenant_id"],
            "model_catalog": ["capabilities", "exclude_from_general_routing", "model_id"],
        },
    }
    assert manifest["rules"] == "hosted-2026-05"
    assert manifest["pricing"] == {
        "format": "litellm-map",
        "source": None,
        "last_fetch": None,
        "age_hours": None,
        "models": 4,
    }
    assert manifest["narrowed"] is False
    assert re.fullmatch(r"[0-9a-f]{16}", manifest["fingerprint"]["key_id"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", snapshot.captured_at)
    assert repr(snapshot).startswith("<Snapshot made-0 captured 20")
