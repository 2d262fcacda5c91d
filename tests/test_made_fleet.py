"""The made fleet: the same rows for the same arguments, and as many affected as it says."""

from __future__ import annotations

import sqlite3
import sys
from collections import Counter
from contextlib import closing

import pytest

import atomlab
from atomlab.diagnosis.population import affected_tenants
from benchmarks import made_fleet
from tests.conftest import ROOT

PRICES = ROOT / "data" / "pricing" / "litellm-1.83.14-prices.json.gz"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a made fleet of 2,000 tenants in 500 classes, and its snapshot."""
    path = tmp_path_factory.mktemp("fleet") / "fleet.db"
    made_fleet.write_fleet(path, 2000, 500)
    with atomlab.capture(str(path), path.with_name("fleet.sqlite"), pricing=PRICES) as snapshot:
        yield path, snapshot


def test_fleet_is_as_large_and_as_mixed_as_asked(made):
    """4 to 5 settings for each tenant, half of them keys; as many plans, modes and states."""
    path, snapshot = made
    with closing(sqlite3.connect(path)) as db:
        held = db.execute("SELECT count(*) FROM tenant_settings GROUP BY tenant_id").fetchall()
    assert Counter(held).keys() == {(4,), (5,)}
    assert len(held) == 2000
    query = "SELECT plan_type, ai_mode, states, count(*) FROM tenants GROUP BY 1, 2, 3"
    found = snapshot._connection.execute(query).fetchall()
    assert len(found) == 500
    keys = snapshot.manifest["tables"]["tenant_settings"]["rows"]
    assert 0.45 < keys / sum(number for (number,) in held) < 0.55


def test_about_fifteen_percent_are_affected(made):
    """By the decision itself, for any of the four kinds of request."""
    _, snapshot = made
    assert 0.13 < len(affected_tenants(snapshot)) / 2000 < 0.17


def test_same_arguments_make_the_same_rows(made, tmp_path):
    """Another run, another file, the same content."""
    path, _ = made
    again = tmp_path / "again.db"
    made_fleet.write_fleet(again, 2000, 500)
    for table in ("tenants", "tenant_settings"):
        rows = []
        for file in (path, again):
            with closing(sqlite3.connect(file)) as db:
                rows.append(db.execute(f"SELECT * FROM {table} ORDER BY id").fetchall())
        assert rows[0] == rows[1]


def test_file_that_is_there_is_kept(tmp_path, monkeypatch, capsys):
    """One line says what to do."""
    path = tmp_path / "fleet.db"
    path.write_text("mine")
    monkeypatch.setattr(sys, "argv", ["made_fleet", "10", str(path)])
    assert made_fleet.main() == 1
    assert capsys.readouterr().err == f"{path}: exists already and is kept; name another file\n"
    assert path.read_text() == "mine"
