"""Times as people write them, in UTC where their zone says how: moments, ranges, due dates."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from atomlab.files import read_yaml

_DAY = r"\d{4}-\d\d-\d\d"
_CLOCK = r"\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?(?:\s?[AaPp]\.?[Mm]\b\.?)?"
_OFFSET = r"(?:UTC|GMT)?[+\u2212-](?:0\d|1[0-4]|\d(?=\Z))(?::?(?:00|15|30|45))?"
_ZONE = rf"{_OFFSET}(?![\d:])|[A-Z]\w+(?:/[A-Z][\w+-]*){{1,2}}|[A-Za-z]{{1,5}}\b"
_PART = (
    r"(?:(?P<day{0}>{1})(?:[T ,]\s*|$|\s*(?=[/–—-])))?(?:(?P<clock{0}>{2})\s?(?P<zone{0}>{3})?)?"
)
_TO = r"\s*(?:/|–|—|-|\bto\b)\s*"
_AGAIN = rf"(?:\s*\((?P<again>{_CLOCK})\s?(?:UTC|GMT|Z)\))?"
_ONE = re.compile(rf"{_PART.format(1, _DAY, _CLOCK, _ZONE)}{_AGAIN}")
_RANGE = re.compile(
    _PART.format(1, _DAY, _CLOCK, rf"(?!to\b){_ZONE}") + _TO + _PART.format(2, _DAY, _CLOCK, _ZONE)
)
_SHOWN = re.compile(rf"({_DAY}) (\d\d:\d\d(?::\d\d)?)(?:–(?:({_DAY}) )?(\d\d:\d\d(?::\d\d)?))? UTC")
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_MONTH = rf"({'|'.join(_MONTHS)})[a-z]*\.?"
_NAMED = re.compile(
    rf"\b(?:{_MONTH} (\d{{1,2}})(?:st|nd|rd|th)?|(\d{{1,2}}) {_MONTH}),? (\d{{4}})\b", re.IGNORECASE
)


def when(given: Any) -> str:
    """Return a moment or a range as it is shown: in UTC if its zone is known, else as it stands.

    A zone by its name is kept beside. Raises ValueError for what is no time, and for a zone that
    is not known or is several.
    """
    text = re.sub(r" \(([A-Za-z/_]+)\)$", r" \1", " ".join(str(given).split()))
    one, span = _ONE.fullmatch(text), _RANGE.fullmatch(text)
    if not re.match(_DAY, text) or not (one or span):
        raise _no_time()
    if one and span and "T" not in text:  # 08:00-09:00 is an hour, or a time in Alaska
        from_to = [_clock(span[name]) for name in ("clock1", "clock2")]
        if from_to == sorted(from_to) and len(from_to[0]) == len(from_to[1]):
            raise ValueError("may be a range or an offset", "write 08:00 - 09:00, or 08:00 UTC-09")
    return _one(one) if one else _range(span) if span else text


def in_utc(text: str) -> str:
    """Return a time in UTC; what is no time stands as it is."""
    try:
        return when(text)
    except ValueError:
        return text


def ends_of(shown: str) -> tuple[datetime, datetime] | None:
    """Return the first and the last moment of a time that is shown in UTC, else None."""
    found = _SHOWN.match(shown)
    if not found:
        return None
    day, clock, last_day, last = found.groups()
    first = datetime.fromisoformat(f"{day} {clock}+00:00")
    return first, datetime.fromisoformat(f"{last_day or day} {last or clock}+00:00")


def day_in(text: str) -> str:
    """Return the first day that a text names, as 2026-05-02, or an empty text."""
    found, named = re.search(rf"\b{_DAY}(?!\d)", text), _NAMED.search(text)
    day = found[0] if found else ""
    if named and not found:
        month = _MONTHS.index((named[1] or named[4])[:3].lower()) + 1
        day = f"{named[5]}-{month:02}-{int(named[2] or named[3]):02}"
    with suppress(ValueError):
        return str(date.fromisoformat(day))
    return ""


def due_date(given: Any) -> Any:
    """Return a due date as it is; raise ValueError for a day, month or quarter there is not."""
    text = str(given).strip()
    quarter = re.fullmatch(r"Q(\d+)[ /-]?(?:FY)?\d{2,4}|(?:FY)?\d{4}[ /-]?Q(\d+)", text, re.I)
    if quarter and int(quarter[1] or quarter[2]) not in range(1, 5):
        raise ValueError("is no quarter; write Q2 2026")
    try:
        if re.fullmatch(r"\d{4}-\d\d(-\d\d)?", text):
            date.fromisoformat(text if len(text) > 7 else f"{text}-01")
    except ValueError:
        raise ValueError("is no day or month; write 2026-06-30") from None
    return given


def _no_time() -> ValueError:
    return ValueError("is not a time; write 2026-05-02T08:15:00Z")


def _one(found: re.Match[str]) -> str:
    """Return a moment; what stands in brackets after it must be the same time."""
    day, clock, named = found["day1"], found["clock1"], found["zone1"]
    if not clock:
        return _checked(day)
    zone, at = _zone(named), _moment(day, clock)
    if found["again"] and (not zone or f"{_utc(at, zone):%H:%M}" != _clock(found["again"])[:5]):
        raise ValueError("has two times that are not the same", "write one of them")
    if zone is None:
        return f"{day} {_clock(clock)}"
    beside = "" if _plain(named) else f" ({clock} {named})"
    return f"{_text(_utc(at, zone))} UTC{beside}"


def _range(found: re.Match[str]) -> str:
    """Return a range; an end without its day is on the first's, or past midnight on the next."""
    first, last = found["day1"], found["day2"] or found["day1"]
    if not (found["clock1"] and found["clock2"]):
        if found["clock1"] or found["clock2"] or _checked(first) > _checked(last):
            raise _no_time()
        return f"{first}–{last}"
    named = found["zone1"] or found["zone2"], found["zone2"] or found["zone1"]
    zones = [_zone(name) for name in named]
    start, end = _moment(first, found["clock1"]), _moment(last, found["clock2"])
    if zones[0] and zones[1]:
        start, end = _utc(start, zones[0]), _utc(end, zones[1])
    if end < start and not found["day2"]:
        end += timedelta(days=1)
    if end < start:
        raise ValueError("ends before it begins")
    until = _text(end) if end.date() > start.date() else _text(end)[len("2026-05-02 ") :]
    beside = "" if all(map(_plain, named)) else f" ({found['clock1']}–{found['clock2']} {named[1]})"
    return f"{_text(start)}–{until}{f' UTC{beside}' if zones[0] else ''}"


def _plain(named: str | None) -> bool:
    """Return whether a zone is UTC or an offset, which nobody needs to see beside UTC."""
    return not named or not named[0].isalpha() or named.upper()[:3] in ("Z", "UTC", "GMT")


def _checked(day: str) -> str:
    try:
        return str(date.fromisoformat(day))
    except ValueError:
        raise _no_time() from None


def _clock(text: str) -> str:
    """Return a time of day with two digits for the hour, from one of 12 hours or 24."""
    digits, half = re.match(r"[\d:]+", text), re.search(r"([ap])\.?m", text, re.IGNORECASE)
    hour, _, rest = (digits[0] if digits else "").partition(":")
    if half and int(hour) not in range(1, 13):
        raise _no_time()
    past = {"a": 0, "p": 12}[half[1].lower()] if half else 0
    return f"{int(hour) % 12 + past if half else int(hour):02}:{rest}"


def _moment(day: str, clock: str) -> datetime:
    try:
        return datetime.fromisoformat(f"{day} {_clock(clock)}")
    except ValueError:
        raise _no_time() from None


def _text(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}{f':{at:%S}' if at.second else ''}"


def _utc(at: datetime, zone: tzinfo) -> datetime:
    """Return a local time in UTC, unless clocks were put back or forward over it."""
    here = at.replace(tzinfo=zone)
    if here.utcoffset() != here.replace(fold=1).utcoffset():
        raise ValueError("is when clocks change in its zone", "write its offset, such as +02:00")
    try:
        return here.astimezone(UTC)
    except OverflowError:
        raise _no_time() from None


def _zone(named: str | None) -> tzinfo | None:
    """Return a zone by its offset, abbreviation or place; None without a name."""
    if not named:
        return None
    known = read_yaml(Path(__file__).with_name("zones.yaml"))
    name = named.upper()
    if name in known["several"]:
        todo = f"write its offset or place: {known['several'][name]}"
        raise ValueError(f"{name} is the name of several zones", todo)
    place = named if "/" in named else known["places"].get(name)
    offset = re.fullmatch(
        r"(?:UTC|GMT)?([+\u2212-])(\d\d?):?(\d\d)?", known["offsets"].get(name, name)
    )
    if offset:
        span = timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
        return timezone(span if offset[1] == "+" else -span)
    try:
        return ZoneInfo(place or "")
    except (OSError, KeyError, ValueError):
        todo = "write its offset, such as +02:00, or a place, such as Europe/Berlin"
        raise ValueError("is in a zone that is not known", todo) from None
