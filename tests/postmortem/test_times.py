"""Times as people write them: in UTC where that is certain, refused where it is not."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from atomlab.files import read_yaml
from atomlab.postmortem.times import day_in, due_date, ends_of, in_utc, when
from tests.conftest import ROOT

ZONES = read_yaml(ROOT / "atomlab" / "postmortem" / "zones.yaml")

SHOWN = [
    ("2025-11-18T11:32:00Z/2025-11-18T13:05:00Z", "2025-11-18 11:32–13:05 UTC"),
    ("2025-11-18T11:32Z/13:05Z", "2025-11-18 11:32–13:05 UTC"),
    ("2025-11-18 11:32 - 13:05 UTC", "2025-11-18 11:32–13:05 UTC"),
    ("2025-11-18 11:32-13:05 (UTC)", "2025-11-18 11:32–13:05 UTC"),
    ("2025-11-18 11:32 to 13:05", "2025-11-18 11:32–13:05"),
    ("2025-11-18 23:40 – 00:20 UTC", "2025-11-18 23:40–2025-11-19 00:20 UTC"),
    ("2025-11-18 18:00 - 23:30 PST", "2025-11-19 02:00–07:30 UTC (18:00–23:30 PST)"),
    ("2025-11-18/2025-11-20", "2025-11-18–2025-11-20"),
    ("2025-10-19 11:48 PM PDT", "2025-10-20 06:48 UTC (11:48 PM PDT)"),
    ("2025-10-19 12:05 am UTC", "2025-10-19 00:05 UTC"),
    ("2015-10-21 14:51 JST (05:51 UTC)", "2015-10-21 05:51 UTC (14:51 JST)"),
    ("2025-07-01 14:51 Europe/Berlin", "2025-07-01 12:51 UTC (14:51 Europe/Berlin)"),
    ("2025-01-01 14:51 Europe/Berlin", "2025-01-01 13:51 UTC (14:51 Europe/Berlin)"),
    ("2025-07-01 14:51 PT", "2025-07-01 21:51 UTC (14:51 PT)"),
    ("2026-05-02 08:15 UTC+2", "2026-05-02 06:15 UTC"),
    ("2026-05-02 08:15 +05:45", "2026-05-02 02:30 UTC"),
    ("2026-05-02 06:00:00-07:00", "2026-05-02 13:00 UTC"),
]


@pytest.mark.parametrize(("given", "shown"), SHOWN)
def test_a_time_is_shown_in_utc_where_its_zone_is_known(given, shown):
    """A named zone stays beside; a range ends on its day or past midnight; shown twice it is so."""
    assert when(given) == in_utc(given) == shown


REFUSED = [
    ("2025-07-01 14:51 CST", "CST is the name of several zones"),
    ("2025-07-01 14:51 IST", "Asia/Kolkata"),
    ("2025-07-01 14:51 bst", "Europe/London"),
    ("2025-07-01 14:51 XQT", "is in a zone that is not known"),
    ("2025-07-01 14:51 Mars/City", "such as Europe/Berlin"),
    ("2025-10-26 02:30 Europe/Berlin", "is when clocks change in its zone"),
    ("2025-03-30 02:30 Europe/Berlin", "is when clocks change in its zone"),
    ("2015-10-21 14:51 JST (06:51 UTC)", "has two times that are not the same"),
    ("2026-05-02 06:00-07:00", "may be a range or an offset"),
    ("2026-05-02T08:15:00Z/2026-05-02T07:15:00Z", "ends before it begins"),
    ("2026-05-04/2026-05-02", "is not a time"),
    ("2026-05-02 25:10 UTC", "is not a time"),
    ("2026-05-02 UTC", "is not a time"),
    ("2026-05-02 13:15 PM UTC", "is not a time"),
    ("11:32 - 13:05 UTC", "is not a time"),
    ("9999-12-31T23:59:59-14:00", "is not a time"),
]


@pytest.mark.parametrize(("given", "what"), REFUSED)
def test_what_is_not_certain_is_refused_with_what_to_write(given, what):
    """Nothing is guessed; a text that is shown only stays as it stands."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the words are in its parts
        when(given)
    assert what in "; ".join(caught.value.args)
    assert in_utc(given) == given


@pytest.mark.parametrize("name", sorted(ZONES["offsets"]))
def test_each_abbreviation_has_an_offset_that_some_place_has(name):
    """A winter and a summer day: one place on earth keeps that name with that offset, or nearly."""
    at, _, _ = when(f"2026-01-15 12:00 {name}").partition(" (")
    offset = datetime.fromisoformat("2026-01-15 12:00+00:00") - ends_of(at)[0]
    assert timedelta(hours=-10) <= offset <= timedelta(hours=13)
    places = {
        "JST": "Asia/Tokyo",
        "EST": "America/New_York",
        "PST": "America/Los_Angeles",
        "MST": "America/Denver",
        "CET": "Europe/Berlin",
        "EET": "Europe/Helsinki",
        "AEDT": "Australia/Sydney",
        "NZDT": "Pacific/Auckland",
        "ACDT": "Australia/Adelaide",
        "KST": "Asia/Seoul",
    }
    if name in places:
        assert offset == datetime(2026, 1, 15, 12, tzinfo=ZoneInfo(places[name])).utcoffset()


def test_no_abbreviation_is_both_known_and_several():
    """What is refused is not read, and each says at least one offset to write."""
    known, several = {*ZONES["offsets"], *ZONES["places"]}, ZONES["several"]
    assert not known & {*several}
    assert {"CST", "IST", "BST"} <= {*several}


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("July 27, 2025 at 11:32 UTC", "2025-07-27"),
        ("on 18 November 2025", "2025-11-18"),
        ("Nov 18th 2025", "2025-11-18"),
        ("2026-05-02T08:00", "2026-05-02"),
        ("2026-13-02", ""),
        ("May 2", ""),
    ],
)
def test_a_day_is_found_however_it_is_written(text, day):
    """Or nothing, where there is none."""
    assert day_in(text) == day


@pytest.mark.parametrize(
    "text", ["2026-06-30", "2026-06", "Q2 2017", "2017-Q2", "June 2017", "soon"]
)
def test_a_due_date_is_a_day_a_month_a_quarter_or_a_text(text):
    """It stays as it is written."""
    assert due_date(text) == text


@pytest.mark.parametrize("text", ["2026-06-31", "2026-13", "Q5 2026", "2026-Q0"])
def test_a_due_date_that_there_is_not_is_refused(text):
    """A slip is no text."""
    with pytest.raises(ValueError, match=r"is no (day or month|quarter); write "):
        due_date(text)
