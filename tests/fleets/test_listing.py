"""The list of affected tenants: total outages first; as CSV, inert and complete."""

from __future__ import annotations

import csv
from io import BytesIO, StringIO

import pytest

from atomlab.fleets.listing import OWN, AffectedRows, Shared, to_json, write_csv
from atomlab.fleets.survey import survey
from tests.diagnosis.made import KEY
from tests.pages import STORABLE, STORABLE_NAMES


def written(fleet):
    """Return the rows of the CSV of a fleet."""
    stream = BytesIO()
    write_csv(AffectedRows(fleet), stream)
    return [*csv.DictReader(StringIO(stream.getvalue().decode(), newline=""))]


@pytest.fixture(scope="module")
def fleet(before):
    """Return the survey of the shipped snapshot."""
    return survey(before)


def test_total_outages_come_first_then_the_id_decides(fleet, alone):
    """By hand from the diagnoses: those of whom all four kinds fail, then the others."""
    hit = [name for name, met in alone.items() if met.failing]
    ordered = sorted(hit, key=lambda name: (len(alone[name].failing) < 4, name))
    assert [tenant.id for tenant, _ in AffectedRows(fleet)] == ordered


def test_a_row_says_what_the_tenant_s_diagnosis_does(fleet, alone, before):
    """Status, clients, what fails, and of the first failure cause, provider, verdict, fix, who."""
    for row in map(to_json, AffectedRows(fleet)):
        met, tenant = alone[row["id"]], before.tenant(row["id"])
        first = met.failing[0]
        assert (row["name"], row["subdomain"]) == (tenant.name, tenant.subdomain)
        assert (row["plan"], row["ai_mode"]) == (tenant.plan_type, tenant.ai_mode)
        assert row["managed"] == (tenant.ai_mode == "managed")
        assert (row["status"], row["clients"]) == (met.status, met.clients)
        assert row["failing"] == tuple(failure[0] for failure in met.failing)
        why = (row["cause"], row["provider"], row["verdict"], row["fix"], row["who"])
        assert why == (*first[1:4], " and ".join(map(str, first[4])) or None, first[5])
        assert set(row) == {*OWN, *Shared._fields}


def test_the_csv_has_a_row_for_each_affected_tenant(fleet):
    """Under the names of the columns, in the same order; several things in a cell have commas."""
    rows, found = written(fleet), [to_json(row) for row in AffectedRows(fleet)]
    assert [row["id"] for row in rows] == [row["id"] for row in found]
    for row, known in zip(rows, found, strict=True):
        assert row["failing"] == ", ".join(known["failing"])
        assert row["managed"] == ("yes" if known["managed"] else "no")
        assert (row["cause"], row["provider"]) == (known["cause"], known["provider"] or "")
        assert row["cost"] == str(known["cost"] or "")


@pytest.mark.parametrize("name", STORABLE, ids=STORABLE_NAMES)
def test_no_cell_is_a_formula_or_breaks_its_line(captured, name):
    """Whatever a tenant or a setting is called; nothing is hidden either."""
    key = f"{name[:100]}_API_KEY".upper()
    [row] = written(survey(captured({name: {key: KEY}})))
    for cell in row.values():
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
        assert ";=" not in cell
        assert cell.isprintable()
    assert row["subdomain"]


def test_a_member_is_read_when_it_is_asked_for(fleet, monkeypatch):
    """The list is not made first: rows come one by one, as many as are wanted."""
    read = []
    members = type(fleet.population).members

    def counted(population, groups):
        for each in members(population, groups):
            read.append(each)
            yield each

    monkeypatch.setattr(type(fleet.population), "members", counted)
    rows = iter(AffectedRows(fleet))
    next(rows), next(rows)
    assert len(read) <= 3
