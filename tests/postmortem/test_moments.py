"""Times of day: which digits and words are some, and which of them are in UTC."""

from __future__ import annotations

import pytest

from atomlab.postmortem.moments import moments
from tests.postmortem.conftest import lines

IN_UTC = """
    09:00 UTC
    09:00Z
    09:00 (UTC)
    UTC 09:00
    (UTC) 09:00
    09:00–09:30 UTC
    09:00-09:30 UTC
    09:00 to 09:30 UTC
    between 09:00 and 09:30 UTC
    09:00, 09:10 and 09:30 UTC
    UTC 09:00–09:30
    2026-05-02 08:15 UTC – 2026-05-03 09:00 UTC
    2026-05-02T08:15:00Z
    06:00+00:00
    06:00 UTC+00:00
    9 am UTC
    9 o'clock UTC
    09h30 UTC
    noon UTC
"""
ELSEWHERE = [
    ("09:00", "09:00"),
    ("9:05 in the morning", "9:05"),
    ("at 3:20", "3:20"),
    ("09:00–09:30", "09:00"),
    ("09:00 to 09:30 CET", "09:00"),
    ("09:00 UTC and 10:00 in Berlin", "10:00"),
    ("06:00 UTC+2", "06:00"),
    ("06:00 UTC-05:00", "06:00"),
    ("06:00+02:00", "06:00"),
    ("9 am", "9 am"),
    ("9 o'clock", "9 o'clock"),
    ("9 o’clock", "9 o’clock"),
    ("09h30", "09h30"),
    ("noon", "noon"),
    ("Midnight Berlin time", "Midnight"),
]


@pytest.mark.parametrize("text", lines(IN_UTC))
def test_a_time_that_says_utc_is_in_utc(text):
    """Before or after, in brackets, and once for a range or a list."""
    found = moments(f"It failed {text}, then not.")
    assert found
    assert all(each.utc for each in found)


@pytest.mark.parametrize(("text", "clock"), ELSEWHERE)
def test_a_time_without_utc_is_found(text, clock):
    """In figures or in words, and whatever other zone it has."""
    found = moments(f"It failed {text}, then not.")
    assert next(each.clock for each in found if not each.utc) == clock


@pytest.mark.parametrize(
    "text", ["The ratio was 3:20", "a score of 10:20", "took 12h30", "ports 80:8080", "lines 3:4"]
)
def test_what_only_looks_like_a_time_is_none(text):
    """A ratio and a duration."""
    assert moments(text) == []


def test_a_moment_tells_where_it_stands():
    """From its zone in front to its zone behind."""
    text = "It failed at 09:00 UTC and (UTC) 10:15."
    assert [text[m.start : m.end] for m in moments(text)] == ["09:00 UTC", "(UTC) 10:15"]
