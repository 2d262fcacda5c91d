"""Impacts: what a tenant meets, and what is said of it in a word."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from atomlab.diagnosis.edits import Edit
from atomlab.diagnosis.explanation import Explanation
from atomlab.fleets import impacts
from atomlab.fleets.impacts import Failure, Impact, tenants_in
from atomlab.fleets.survey import survey
from tests.diagnosis.made import KEY

COPY = Edit("copy-key", "MINIMAX_API_KEY", "MINIMAX_2_7_API_KEY")
WAIVE = Edit("waive-filter", filter="quality")


@pytest.mark.parametrize(
    ("edits", "fix", "cost", "held"),
    [
        ((), None, None, False),
        ((COPY,), "set MINIMAX_API_KEY to the value of MINIMAX_2_7_API_KEY", 1, True),
        ((WAIVE,), "let every model pass the quality filter", 20, False),
        ((COPY, WAIVE), f"{COPY} and {WAIVE}", 21, False),
    ],
    ids=["no fix", "copy", "waiver", "both"],
)
def test_a_failure_tells_its_fix(edits, fix, cost, held):
    """In words, with what it costs, and whether a copy of what the tenant holds is all of it."""
    failure = Failure("simple", None, edits)
    assert (failure.fix, failure.cost, failure.held) == (fix, cost, held)


def test_an_impact_has_a_status_and_a_cause():
    """Undecided wherever something is missing; else affected as soon as one request fails."""
    group, failure = SimpleNamespace(tenants=3), Failure("simple", None, (), copies=True)
    assert Impact(group, ()).status == "healthy"
    assert Impact(group, (failure,)).status == "affected"
    assert Impact(group, (), decided=False).status == "undecided"
    assert Impact(group, ()).cause is None
    assert (Impact(group, ()).code, tenants_in([Impact(group, ())] * 2)) == ("unexplained", 6)
    assert [Impact(group, fails).held for fails in ((), (failure,))] == [False, True]


def test_a_cause_is_told_also_where_no_fix_could_be_run(captured, write_json):
    """Of an empty cache nothing can be run here: the cause stands, the fix is not known."""
    empty = write_json({"pricing": {}}, "empty.json")
    (impact,) = survey(captured({"acme": {"OPENAI_API_KEY": KEY}}, pricing=empty), "simple").impacts
    (failure,) = impact.failures
    assert failure.cause is not None
    assert failure.cause.code == impact.cause.code == "pricing-cache-empty"
    assert (failure.edits, failure.leaves, failure.copies) == ((), (), False)


def test_a_failure_that_nothing_explains_has_no_cause(captured, monkeypatch):
    """It is a failure all the same, of which neither cause nor fix is known."""
    monkeypatch.setattr(impacts, "explain", lambda *_, **__: Explanation())
    found = survey(captured({"acme": {}}), "simple")
    (impact,) = found.affected
    assert impact.failures == (Failure("simple", None, ()),)
    assert list(found.by_cause()) == ["unexplained"]
