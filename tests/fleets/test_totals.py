"""Totals: the tenants are counted, each once, and parts of a fleet add up to the whole."""

from __future__ import annotations

import pickle
from collections import Counter

import pytest

import atomlab
from atomlab.evidence.inputs.rules import COMPLEXITIES
from atomlab.fleets.listing import AffectedRows
from atomlab.fleets.parts import merged_rows, part_of
from atomlab.fleets.summary import summarize_totals
from atomlab.fleets.survey import survey
from atomlab.fleets.totals import added
from tests.diagnosis.made import EVERY, KEY, capture_made


@pytest.fixture(scope="module")
def totals(before):
    """Return the totals of the shipped snapshot."""
    return survey(before).totals


def test_each_affected_tenant_is_counted_once_by_its_first_failure(totals, alone):
    """By cause, provider and who acts, as the diagnoses one by one have it."""
    hit = [met for met in alone.values() if met.failing]
    assert totals.by_status == {
        "affected": len(hit),
        "healthy": len(alone) - len(hit),
        "undecided": 0,
    }
    for name, place in (("complexity", 0), ("cause", 1), ("provider", 2), ("who", 5)):
        counted = Counter(met.failing[0][place] for met in hit)
        assert totals.by(name) == counted
        numbers = [*totals.by(name).values()]
        assert numbers == sorted(numbers, reverse=True)
    confirmed = Counter(met.failing[0][1] for met in hit if met.failing[0][3] == "confirmed")
    assert totals.confirmed_by_cause == confirmed
    assert totals.outages == sum(len(met.failing) == 4 for met in hit)


def test_requests_are_counted_in_which_a_tenant_fails(totals, alone):
    """Of all, and of those whose first failure has a cause."""
    hit = [met for met in alone.values() if met.failing]
    for cause in (None, *totals.by("cause")):
        some = [met for met in hit if cause in (None, met.failing[0][1])]
        counted = Counter(failure[0] for met in some for failure in met.failing)
        assert totals.by_request(cause) == {kind: counted[kind] for kind in COMPLEXITIES}


def test_groups_count_every_failure(totals, alone):
    """One row per cause, provider, kind of request and who acts, that of most tenants first."""
    every = [failure for met in alone.values() for failure in met.failing]
    counted = Counter((f[1], f[2], f[0], f[5]) for f in every)
    sure = Counter((f[1], f[2], f[0], f[5]) for f in every if f[3] == "confirmed")
    rows = [tuple(row.values()) for row in totals.groups()]
    assert {row[:4]: row[4:] for row in rows} == {
        key: (number, sure[key]) for key, number in counted.items()
    }
    assert [row[4] for row in rows] == sorted(counted.values(), reverse=True)


def test_parts_add_up_to_the_whole(tmp_path):
    """Three snapshots with a third of the tenants each: same totals, words and list of tenants."""
    names = [*EVERY]
    parts = [dict.fromkeys(names[place::3]) for place in range(3)]
    fleets = []
    for number, part in enumerate([dict.fromkeys(names), *parts]):
        (tmp_path / str(number)).mkdir()
        made = {name: EVERY[name] for name in part}
        snapshot = capture_made(tmp_path / str(number), made)
        fleets.append(survey(snapshot))
    whole, *some = fleets
    summed = added(pickle.loads(pickle.dumps(each.totals)) for each in some)
    assert summed == whole.totals
    assert summed.groups() == whole.totals.groups()
    assert summarize_totals(summed) == summarize_totals(whole.totals)
    listed = [*AffectedRows(whole)]
    assert [*merged_rows([*map(part_of, some)])] == listed
    assert len(listed) == whole.by_status()["affected"] > 10


def test_what_is_missing_in_a_part_is_missing_in_all(captured):
    """Undecided counts unless somebody is affected; the words name what lacks."""
    rows, options = {"a": {"OPENAI_API_KEY": KEY}}, {"rules": "open-source-2026-05"}
    bare = survey(captured(rows, **options)).totals
    assert (bare.status, bare.by_status["undecided"]) == ("undecided", 1)
    assert added([bare, bare]).missing == bare.missing
    assert "environment" in bare.missing
    hit = survey(captured({"b": {}})).totals
    assert added([bare, hit]).status == "affected"
    assert atomlab.survey(captured({"c": {"OPENAI_API_KEY": KEY}}), "simple").status == "healthy"
