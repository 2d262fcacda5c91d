"""Snapshots of an earlier format: they open, verify and decide as they did, and are as safe."""

from __future__ import annotations

import gzip
import hashlib
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

import atomlab
from atomlab.errors import SnapshotError
from tests.forgery import changed, sealed, unsealed
from tests.refusals import refused

# Made by the last atomlab that wrote format 2: of two tenants and the four models in PRICES.
FORMAT_2 = Path(__file__).with_name("format-2.sqlite.gz")
TABLES = ("tenants", "tenant_settings", "providers", "pricing", "model_catalog", "rules")
# What that atomlab said of each request: the models that are left, best first.
DECIDED = {
    "acme": {
        "simple": ["gpt-4o-mini", "openai/gpt-4o"],
        "moderate": ["gpt-4o-mini", "openai/gpt-4o"],
        "complex": ["openai/gpt-4o"],
        "advanced": [],
    },
    "brennan": {"simple": [], "moderate": [], "complex": [], "advanced": []},
}
CLIENTS = {"acme": ["openai"], "brennan": ["minimax_2_7"]}


@pytest.fixture
def earlier(tmp_path):
    """Return a snapshot in format 2."""
    path = tmp_path / "earlier.sqlite"
    path.write_bytes(gzip.decompress(FORMAT_2.read_bytes()))
    return path


@pytest.fixture
def forge(earlier, tmp_path):
    """Return a function that changes it by SQL and seals it properly again."""

    def make(script, path=earlier):
        forged = tmp_path / "forged.sqlite"
        forged.write_bytes(sealed(changed(unsealed(path), script)))
        return forged

    return make


def test_an_earlier_snapshot_opens_and_verifies(earlier):
    """The manifest is in today's form; its hashes are those of the tables that there were."""
    with closing(sqlite3.connect(earlier)) as db:
        rows = {t: db.execute(f"SELECT * FROM {t} ORDER BY rowid").fetchall() for t in TABLES}
    with atomlab.open_snapshot(earlier) as snapshot:
        snapshot.verify()
        assert snapshot.manifest["schema"] == "atomlab.snapshot/2"
        assert snapshot.sha256 == hashlib.sha256(earlier.read_bytes()).hexdigest()
        assert snapshot.manifest["tables"] == {
            table: {
                "rows": len(rows[table]),
                "sha256": hashlib.sha256(json.dumps(rows[table]).encode()).hexdigest(),
            }
            for table in TABLES
        }


def test_it_says_what_later_ones_do_where_that_can_be_told(earlier):
    """Of each input the state, `unknown` where nothing tells; what was withheld; no remarks."""
    with atomlab.open_snapshot(earlier) as snapshot:
        assert snapshot.manifest["inputs"] == {
            "rules": "default",
            "prices": "given",
            "registry": "unknown",
            "catalogue": "unknown",
            "health": "absent",
            "environment": "absent",
            "stored keys": "absent",
        }
        withheld = {"settings": 3, "variables": 0, "stored_keys": 0}  # TIMEZONE, LOCALE, SMTP
        assert snapshot.manifest["withheld"] == withheld
        assert snapshot.manifest["source"]["remarks"] == []


@pytest.mark.parametrize(
    ("script", "name", "state"),
    [
        ("UPDATE providers SET health_score = 0.4 WHERE id = 'openai'", "health", "given"),
        ("UPDATE manifest SET value = '\"mine\"' WHERE name = 'rules'", "rules", "given"),
        ("UPDATE manifest SET value = 'null' WHERE name = 'pricing'", "prices", "absent"),
        (  # a name of later formats, which says nothing here
            "INSERT INTO manifest VALUES ('inputs', '{\"prices\": \"absent\"}')",
            "prices",
            "given",
        ),
    ],
)
def test_what_can_be_told_is_read_from_its_content(forge, script, name, state):
    """Health scores, the rules' name and the prices' account are looked at."""
    with atomlab.open_snapshot(forge(script)) as snapshot:
        assert snapshot.manifest["inputs"][name] == state


@pytest.mark.parametrize("tenant", DECIDED)
def test_it_is_diagnosed_as_before(earlier, tenant):
    """Clients and candidates are those that the atomlab that made it found."""
    with atomlab.open_snapshot(earlier) as snapshot:
        handler = atomlab.BYOKHandler(f"id-{tenant}", db=snapshot.session)
        assert list(handler.clients) == CLIENTS[tenant]
        found = {
            d.request.complexity: [c.model for c in d.ranking.candidates()]
            for d in atomlab.diagnose(snapshot, tenant).requests
        }
        assert found == DECIDED[tenant]


def test_an_experiment_runs_on_a_copy_of_it(earlier):
    """The row of the documented fix gives the client that is missing, on the copy alone."""
    added = text(
        "INSERT INTO tenant_settings SELECT id || 'x', tenant_id, 'MINIMAX_API_KEY', setting_value,"
        " created_at FROM tenant_settings WHERE tenant_id = 'id-brennan'"
    )
    with atomlab.open_snapshot(earlier) as snapshot, snapshot.scratch() as copy:
        copy.session.execute(added)
        clients = {
            evidence: list(atomlab.BYOKHandler("id-brennan", db=evidence.session).clients)
            for evidence in (snapshot, copy)
        }
        assert clients == {snapshot: ["minimax_2_7"], copy: ["minimax", "minimax_2_7"]}


CHANGES = {
    "tenants": "UPDATE tenants SET name = name || '.'",
    "tenant_settings": "DELETE FROM tenant_settings WHERE setting_key = 'openai-api-key'",
    "providers": "UPDATE providers SET is_active = 0 WHERE position = 0",
    "pricing": "UPDATE pricing SET max_tokens = 9001 WHERE position = 0",
    "model_catalog": "DELETE FROM model_catalog",
    "rules": "UPDATE rules SET document = replace(document, '88', '80')",
}


@pytest.mark.parametrize("table", TABLES)
def test_verify_finds_every_row_that_was_changed(forge, table):
    """A change to any of its tables, with a good seal around it, is found."""
    path = forge(CHANGES[table])
    with (
        atomlab.open_snapshot(path) as forged,
        refused(SnapshotError, f"table {table} is not what the manifest recorded", path),
    ):
        forged.verify()


@pytest.mark.parametrize(
    ("script", "what"),
    [
        pytest.param("PRAGMA user_version = 3", "not those of a snapshot", id="says-it-is-later"),
        pytest.param(
            "UPDATE manifest SET value = '\"atomlab.snapshot/3\"' WHERE name = 'schema'",
            "no readable manifest",
            id="two-formats",
        ),
        pytest.param(
            "CREATE TABLE environment (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
            "not those of a snapshot",
            id="a-later-table",
        ),
        pytest.param(
            "ALTER TABLE pricing ADD COLUMN breaks TEXT",
            "not those of a snapshot",
            id="a-later-column",
        ),
        pytest.param(
            "UPDATE tenants SET unnamed_settings = 9223372036854775807",
            "no readable manifest",
            id="more-withheld-than-a-number-holds",
        ),
        *(
            pytest.param(
                f"UPDATE manifest SET value = '{value}' WHERE name = '{name}'",
                "no readable manifest",
                id=f"{name}-{value}",
            )
            for name, value in (("rules", "[]"), ("source", "5"), ("tables", "{}"))
        ),
    ],
)
def test_a_file_that_is_neither_format_is_refused(forge, script, what):
    """Header, schema and manifest are of one format, or it is not a snapshot."""
    path = forge(script)
    with refused(SnapshotError, what, path):
        atomlab.open_snapshot(path)


def test_a_snapshot_of_today_does_not_pass_for_an_earlier_one(captured, forge):
    """What it has beside the earlier tables is not overlooked."""
    path = forge("PRAGMA user_version = 2", captured({"acme": {}}).path)
    with refused(SnapshotError, "not those of a snapshot", path):
        atomlab.open_snapshot(path)
