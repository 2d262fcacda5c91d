"""A summary of whether it is over: the title and the sentences for each mixture of verdicts."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from atomlab.diagnosis.findings import Summary
from atomlab.diagnosis.recovered import summarize_recovery
from atomlab.diagnosis.recovery import Expected, judge
from tests.diagnosis.test_recovery import FIXED, GOOD, MODEL, NOON, jobs

BEFORE = Summary(title="x", status="affected", what="y", why="A key lacks.", left="It stays.")
SEEN = {
    "over": FIXED,
    "failing": replace(FIXED, after=[*GOOD, *jobs("failed", 1)]),
    "open": replace(FIXED, after=GOOD[:1]),
    "left": FIXED,
}


def summarized(verdict, **kinds):
    found = [
        judge(Expected(kind, None if state == "left" else MODEL, "no model"), SEEN[state])
        for kind, state in kinds.items()
    ]
    return summarize_recovery(BEFORE, "Acme", NOON, verdict, *found)


@pytest.mark.parametrize(
    ("verdict", "kinds", "title", "status", "failing"),
    [
        ("over", {"simple": "over", "complex": "over"}, "it is over", "healthy", ()),
        (
            "not over",
            {"simple": "over", "moderate": "over", "advanced": "left"},
            "over for simple and moderate; advanced is left",
            "affected",
            ("advanced",),
        ),
        (
            "not over",
            {"simple": "failing", "complex": "failing", "advanced": "left"},
            "advanced is left; simple and complex still fail",
            "affected",
            ("advanced", "simple", "complex"),
        ),
        ("inconclusive", {"simple": "open"}, "simple is not decided yet", "undecided", ()),
    ],
)
def test_the_title_says_what_is_over_and_what_is_left(verdict, kinds, title, status, failing):
    """In this order: over, left by the fix, failing in spite of it, not decided."""
    found = summarized(verdict, **kinds)
    assert (found.title, found.status, found.failing) == (f"Acme: {title}", status, failing)
    assert found.what.lower().startswith(tuple(kinds))
    assert "requests of Acme found no model. Since the fix of 2026-05-03 12:00 UTC, " in found.what
    assert bool(found.left) == ("left" in kinds.values())


def test_what_is_missing_is_what_to_do():
    """For each kind; a kind that fails in spite of the fix needs another look."""
    found = summarized("inconclusive", simple="open", complex="over")
    assert re.fullmatch(r"Still needed: for simple requests, \d more simple jobs\.", found.todo)
    assert summarized("not over", simple="failing").todo.startswith("Capture again and diagnose")
    assert summarized("over", simple="over").todo == ""


def test_how_sure_it_is_is_said_once_for_kinds_alike():
    """How many failed before, had to succeed, and did."""
    proof = summarized("over", simple="over", complex="over").proof
    assert "of simple and complex jobs each 20 of 40 failed before it" in proof
    assert f"had to succeed with {MODEL} after it, and 30 did" in proof
    assert "not show" in summarized("inconclusive", simple="open").proof
