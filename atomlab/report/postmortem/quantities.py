"""Quantities in a text: its numbers, but not the digits of names, dates, times and labels."""

from __future__ import annotations

import re

_NOT_COUNTED = re.compile(
    r"https?://\S+"
    r"|\d{4}-\d\d(?:-\d\d)?(?:[T ]\d\d:\d\d\S*)?"  # dates and moments
    r"|\d{1,2}:\d\d(?::\d\d)?(?:\.\d+)?"  # times of day
    r"|\bv?\d+(?:\.\d+){2,}\b"  # versions
    r"|(?:#|№)\s?\d+",
    re.IGNORECASE,
)
# A number after one of these is its name: option 1, line 588, PostgreSQL 13.
_LABELS = frozenset(
    """claim hypothesis issue item line lines no number option page phase pr priority python
    postgresql row section sev severity sqlite step stage test ticket version""".split()  # noqa: SIM905
)
_UNITS = r"(?:%|x|ns|µs|ms|s|sec|min|h|hrs?|d|k|m|bn|b|kb|mb|gb|tb|kib|mib|gib|€|\$|£)?"
_FIGURE = re.compile(
    rf"[^\w#]*[~≈<>≤≥±+−-]*[$€£]?\d[\d,.]*(?:e[+-]?\d+)?(?:[-–/×x]\d[\d,.]*)*{_UNITS}\W*",
    re.IGNORECASE,
)
_WORDS = """two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
    sixteen seventeen eighteen nineteen (?:twen|thir|for|fif|six|seven|eigh|nine)ty(?:-\\w+)? half
    thirds? quarters? dozens? hundreds? thousands? millions?"""
_COUNTED = """tenants customers users people requests jobs models keys mails emails calls errors
    tickets seconds minutes hours days weeks months"""
_IN_WORDS = re.compile(
    rf"\b(?:{'|'.join(_WORDS.split())})"
    rf"\s+(?:of\s+)?(?:(?:all|the|our)\s+)?(?:\w+\s+)?(?:{'|'.join(_COUNTED.split())})\b"
    r"|\ba dozen\b|\b(?:dozens|hundreds|thousands|millions) of\b|\bhalf an? \w+",
    re.IGNORECASE,
)


def quantities(text: str) -> list[str]:
    """Return the quantities in `text`, as they stand there, in figures or in words."""
    words = _NOT_COUNTED.sub(" ", text).split()
    found = [
        word.strip("()[];:,.!?\"'")
        for before, word in zip(["", *words], words, strict=False)
        if _FIGURE.fullmatch(word) and re.sub(r"\W", "", before).lower() not in _LABELS
    ]
    return found + [match[0] for match in _IN_WORDS.finditer(text)]
