"""Times of day in a text, and whether each says that it is in UTC."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

_UTC = r"\(?(?:UTC|Z)\b\)?"
_TIME = re.compile(
    r"(?<![\w:.+])(?<!UTC[+−-])(?P<before>\(?\bUTC\)?[: ]\s?)?(?P<clock>"
    r"(?:[01]?\d|2[0-4]):[0-5]\d(?::[0-5]\d)?(?:\.\d+)?(?:\s?[ap]\.?m\b\.?)?"
    r"|\d{1,2}\s?[ap]\.?m\b\.?|\d{1,2}\s?o['’]?clock\b|\d\dh[0-5]\d\b"
    r"|(?<!-)\b(?:noon|midday|midnight)\b)"
    rf"(?P<zone>\s?{_UTC}(?:\s?[+−-]\d{{1,2}}(?::?\d\d)?)?|[+−-]\d\d:?\d\d(?!\s?{_UTC}))?",
    re.IGNORECASE,
)
# Between the two times of a range, which needs its zone but once.
_BETWEEN = re.compile(
    r"\s*(?:[-–—−/,&]|and|or|through|till|to|until)\s*(?:\d{4}-\d\d-\d\d\s)?", re.IGNORECASE
)
_RATIO = re.compile(r"\b(?:odds|proportion|ratio|score|split)\b\W*(?:\w+\W+){0,2}$", re.IGNORECASE)
_LASTING = re.compile(r"\b(?:for|in|lasted|takes|took|within)\s+$", re.IGNORECASE)


@dataclass(frozen=True)
class Moment:
    """A time of day: as it stands in the text, where, and whether it is in UTC."""

    clock: str
    start: int
    end: int
    utc: bool


def moments(text: str) -> list[Moment]:
    """Return the times of day in `text`; ratios (3:20) and durations (took 12h30) are none."""
    text = re.sub(r"(?<=\d{4}-\d\d-\d\d)T(?=\d\d:)", " ", text)
    return list(_with_ranges(text, [m for m in _TIME.finditer(text) if not _is_none(text, m)]))


def _is_none(text: str, found: re.Match[str]) -> bool:
    start = found.start("clock")
    before = text[max(0, start - 60) : start]  # a few words are enough, in however long a line
    ratio = ":" in found["clock"] and not found["zone"] and _RATIO.search(before)
    lasting = re.fullmatch(r"\d\dh\d\d", found["clock"]) and _LASTING.search(before)
    return bool(ratio or lasting)


def _with_ranges(text: str, found: list[re.Match[str]]) -> Iterator[Moment]:
    """Yield the times; one without a zone has that of the range or list which it is part of."""
    utc = [_utc(match) for match in found]
    linked = [
        bool(_BETWEEN.fullmatch(text[one.end() : other.start()])) for one, other in pairwise(found)
    ]
    for place in reversed(range(len(linked))):
        if linked[place] and utc[place] is None:
            utc[place] = utc[place + 1]
    for place, link in enumerate(linked, 1):
        if link and utc[place] is None and found[place - 1]["before"]:
            utc[place] = utc[place - 1]
    for match, in_utc in zip(found, utc, strict=True):
        yield Moment(match["clock"].strip(), match.start(), match.end(), bool(in_utc))


def _utc(found: re.Match[str]) -> bool | None:
    """Return whether the time is in UTC, as far as it has a zone of its own."""
    if found["zone"]:
        return not re.search("[1-9]", found["zone"])
    return True if found["before"] else None
