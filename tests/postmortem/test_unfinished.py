"""Marks of what is open, in any form, beside words that only look like them."""

from __future__ import annotations

import pytest

from atomlab.postmortem.unfinished import is_open, marked, nothing


@pytest.mark.parametrize(
    "mark",
    ["TO WRITE", "To write", "to write", "TODO", "todo", "TBD", "Tbd", "FIXME", "fixme", "TBA"],
)
@pytest.mark.parametrize("around", ["{}", "{}: the cause", "(It failed. {})", "a, b; {}."])
def test_a_mark_is_open_wherever_it_stands(mark, around):
    """In any case, at the start, at the end and between."""
    text = around.format(mark)
    assert is_open(text)
    assert marked(text) == around.format("TO WRITE")


@pytest.mark.parametrize(
    "text",
    [
        *(
            "the cause is to be decided",
            "To be determined",
            "the rest is to write",
            "still to write",
        ),
        "what we have to write",
    ],
)
def test_what_is_to_be_done_is_open(text):
    """In words as well."""
    assert is_open(text)


@pytest.mark.parametrize(
    "text",
    [
        *("The worker failed to write the row.", "It was unable to write.", "Toddler", "mastodon"),
        *("Teach the worker to write one line", "It had to be restarted", "none", ""),
    ],
)
def test_what_happened_is_not_open(text):
    """A worker may fail to write."""
    assert not is_open(text)
    assert marked(text) == text


@pytest.mark.parametrize(
    ("cell", "says_nothing"),
    [
        *(("", True), ("–", True), ("?", True), ("N/A", True), ("unassigned", True), ("TBD", True)),
        *(("SEV-2", False), ("INC-7", False), ("no", False), ("2026-05-31", False)),
    ],
)
def test_a_cell_may_say_nothing(cell, says_nothing):
    """Empty, or with a word that stands for nothing."""
    assert nothing(cell) == says_nothing
