"""An explanation in one sentence: the root cause, how sure it is, and what was observed."""

from __future__ import annotations

import pytest

from atomlab.diagnosis.explanation import Cause, Explanation


def cause(code, role="sole", verdict="confirmed", seen=("one", "two", "three")):
    """Return a cause with that evidence."""
    return Cause(code, "openai", "OPENAI_API_KEY", role, role != "joint", False, seen, verdict)


@pytest.mark.parametrize(
    ("causes", "told"),
    [
        ([], "No root cause was found: no repair that was tried makes a model usable."),
        ([cause("key-empty")], "The root cause is key-empty (confirmed): one; two."),
        (
            [cause("key-empty", "one-of-k"), cause("quality", "joint")],
            "The root cause is key-empty (confirmed): one; two.",
        ),
        (
            [cause("key-empty", "joint"), cause("quality", "joint", seen=("low",))],
            "The root cause is key-empty (confirmed) together with quality (confirmed): "
            "one; two; low.",
        ),
        *(
            (
                [cause(f"c{n}", "joint", "inconclusive") for n in range(number)],
                "The most likely cause is c0 (inconclusive) together with c1 (inconclusive), "
                f"c2 (inconclusive){more}: one; two; one; one.",
            )
            for number, more in ((3, ""), (5, ", c3 (inconclusive) and 1 more"))
        ),
    ],
    ids=["none", "one", "one that others do not need", "joint", "three", "five"],
)
def test_the_root_cause_is_told_in_a_sentence(causes, told):
    """Joint causes are told together, others alone; none is said to be proven that is not."""
    assert Explanation(tuple(causes)).sentence() == told


def test_the_root_is_the_first_cause_with_those_it_needs():
    """A joint cause stands with the other joint ones, any other by itself."""
    joint = (cause("a", "joint"), cause("b", "joint"))
    assert Explanation(joint).root == joint
    assert Explanation((cause("c"), *joint)).root == (cause("c"),)
    assert Explanation().root == ()
