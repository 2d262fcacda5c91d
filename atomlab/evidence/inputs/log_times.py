"""Times of a worker's log in UTC, whatever zone they are written in."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any

from atomlab.errors import InputError

Zone = tzinfo | None
_YEARS = range(1970, 2900)  # a log's: others stand for no time at all
_TWICE = timedelta(minutes=15)  # how far a time goes back where a clock shows an hour twice


def parse_zone(zone: str | tzinfo | None) -> Zone:
    """Return the zone of an IANA name or an offset, +02:00 say; raise InputError."""
    if zone is None or isinstance(zone, tzinfo):
        return zone
    if zone.upper() in ("Z", "UTC"):
        return UTC
    if match := re.fullmatch(r"(?:UTC)?([+-])(\d\d):?(\d\d)", zone):
        minutes = int(match[2]) * 60 + int(match[3])
        if minutes < 24 * 60:
            return timezone(timedelta(minutes=minutes if match[1] == "+" else -minutes))
    else:
        from zoneinfo import ZoneInfo

        with suppress(KeyError, ValueError, OSError):
            return ZoneInfo(zone)
    raise InputError(
        "is no time zone", where=zone, todo="give a name or an offset, Europe/Berlin or +02:00 say"
    )


class Clock:
    """Reads the times of one file, those without a zone in `zone`.

    Of an hour that a clock shows twice it is the first, unless times are in order and say more.
    """

    def __init__(self, zone: Zone, in_order: bool = True) -> None:
        self._zone, self._in_order = zone, in_order
        self._offsets: dict[str, tuple[timedelta, timedelta]] = {}
        self._before: datetime | None = None

    def at(
        self, text: str | None, zone: str | None, wrapped: str | None
    ) -> tuple[datetime | None, bool]:
        """Return a time in UTC, and whether it has no known zone; a wrapper's time has one."""
        if wrapped and not zone:
            return in_utc(wrapped), False
        if text is None:
            return None, False
        if zone:
            return in_utc(f"{text}{'Z' if zone == 'UTC' else zone}"), False
        try:
            at = _of_log(datetime.fromisoformat(f"{text}+00:00"))
        except ValueError:
            return None, False
        if self._zone is None:
            return None, True
        first, second = self._offset(text[:15], at)
        found = at - first
        if first != second and self._before and found < self._before - _TWICE:
            found = at - second  # the hour that a clock shows twice, for the second time
        self._before = found if self._in_order else None
        return found, False

    def _offset(self, minutes: str, at: datetime) -> tuple[timedelta, timedelta]:
        """Return the zone's offsets at a local time, two where a clock shows it twice."""
        if minutes not in self._offsets:
            local = at.replace(tzinfo=self._zone)
            pair = (local.utcoffset(), local.replace(fold=1).utcoffset())
            self._offsets[minutes] = (pair[0] or timedelta(), pair[1] or timedelta())
        return self._offsets[minutes]


def latest_of(at: datetime, zone: Zone) -> datetime:
    """Return the latest moment that a clock in a zone shows as it does this one: an hour later."""
    local = at.astimezone(zone)
    first, second = local.utcoffset(), local.replace(fold=1).utcoffset()
    return at + (first - second) if zone and first and second and not local.fold else at


def in_utc(text: str) -> datetime | None:
    """Return an ISO 8601 time in UTC, in which one without a zone is; None if it is no time."""
    with suppress(ValueError, OverflowError):
        at = _of_log(datetime.fromisoformat(text.strip()))
        if at.tzinfo is None:
            return at.replace(tzinfo=UTC)
        return at if at.tzinfo is UTC else at.astimezone(UTC)
    return None


def json_time(value: Any) -> datetime | None:
    """Return the time in a JSON line, which the platform writes in UTC; a number is Unix time."""
    if isinstance(value, str):
        return in_utc(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        with suppress(ValueError, OverflowError, OSError):
            return _of_log(datetime.fromtimestamp(value / 1000 if value > 1e11 else value, UTC))
    return None


def unix_nano(value: Any) -> datetime | None:
    """Return the time of so many nanoseconds of Unix time, None if it is none."""
    with suppress(TypeError, ValueError, OverflowError, OSError):
        seconds, rest = divmod(int(value), 10**9)
        at = _of_log(datetime.fromtimestamp(seconds, UTC))
        return at + timedelta(microseconds=rest // 1000)
    return None


def _of_log(at: datetime) -> datetime:
    if at.year not in _YEARS:
        raise ValueError("no time of a log")
    return at
