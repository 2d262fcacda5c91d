"""Quantities in a text: its numbers, but not the digits of names, dates, times and labels."""

from __future__ import annotations

import re

from atomlab.postmortem.moments import moments

# What is counted, each in the singular.
_COUNTED = """account alert attempt call client customer database day deploy dollar email engineer
    entit(?:y|ie) error euro failure host hour incident job key mail message minute model month node
    outage people percent person pod provider queue record region release request retr(?:y|ie) row
    second server service setting team tenant ticket time token user week worker year"""
_UNIT = rf"(?:{'|'.join(_COUNTED.split())})s?\b"
# These follow "one" as a number; "one key" and "one error" mostly tell one from another.
_ONE = """customer day engineer hour job minute month person region request second server tenant
    ticket user week worker year"""
_NOT_COUNTED = re.compile(
    r"https?://\S+"
    r"|\d{4}-\d\d(?:-\d\d)?(?:[T ]\d\d:\d\d\S*)?"  # dates and moments
    rf"|\bv\d+(?:\.\d+){{2,}}\b|(?<!\S)\W*\b\d+(?:\.\d+){{2,}}\b(?!\s+{_UNIT})"  # versions
    r"|\b24/7\b"
    # week 48 is a date, but "last week 48 failed" counts
    rf"|(?<!a )(?<!last )(?<!each )(?<!every )(?<!next )(?<!one )(?<!per )(?<!this )(?<!the )"
    rf"\bweek [1-5]?\d\b(?![%/.,:–-]?\w)(?!\s+(?:of\s+\d|{_UNIT}))"
    rf"|(?:#|№)\s?\d+\b(?!\s+{_UNIT})",
    re.IGNORECASE,
)
# A number after one of these is its name (option 1, line 588), unless what it counts follows.
_LABELS = frozenset(
    """appendix chapter claim figure hypothesis issue item level line lines no number option page
    phase pr priority row section sev severity stage step table test ticket tier""".split()  # noqa: SIM905
)
# A number after one of these is its name or version, whatever follows.
_NAMES = frozenset(
    """android chrome claude code debian deepseek gemini glm gpt http https ios java k8s kernel
    kubernetes linux llama macos minimax mistral mysql node postgres postgresql port python qwen
    redis rfc sqlite status ubuntu version windows""".split()  # noqa: SIM905
)
_UNITS = (
    r"(?:%|x|ns|µs|ms|s|sec|min|h\d\d|h|hrs?|d|k|m|bn|b|kb|mb|gb|tb|kib|mib|gib|€|\$|£|-?fold)?"
)
_FIGURE = re.compile(
    rf"\W*[~≈<>≤≥±+−-]*[$€£]?\d[\d,.]*(?:e[+-]?\d+)?(?:[-–/×x:]\d[\d,.]*)*{_UNITS}(?:-{_UNIT})?\W*",
    re.IGNORECASE,
)
_TENS = r"(?:twen|thir|for|fif|six|seven|eigh|nine)ty(?:-\w+)?"
_FEW = """two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
    sixteen seventeen eighteen nineteen"""
_WORDS = f"{_FEW} {_TENS} half thirds? quarters? dozens? hundreds? thousands? millions?"
_ANY_FEW = "|".join(_FEW.split())
_IN_WORDS = re.compile(
    rf"\b(?:{'|'.join(_WORDS.split())})"
    rf"[\s-]+(?:of\s+)?(?:(?:all|the|our)\s+)?(?:\w+\s+)?{_UNIT}"
    rf"|\bone[\s-](?:{'|'.join(_ONE.split())})s?\b"
    rf"|\b(?:one|{_ANY_FEW})\s(?:in|out\sof)\s(?:{_ANY_FEW})\b"
    rf"|\b(?:{_ANY_FEW}|hundred|thousand|many)-?fold\b"
    rf"|\bzero\s+(?:of\s+)?(?:(?:all|the|our)\s+)?(?:\w+\s+)?{_UNIT}"
    r"|\b(?:twice|thrice)(?:\s+(?:as\s+\w+|the\s+\w+))?"
    r"|\b(?:doubl|halv|quadrupl|tripl)(?:ed|es|ing)\b"
    r"|[¼-¾⅐-⅞](?:\s+(?:of\s+)?\w+)?"
    r"|\ba dozen\b|\b(?:dozens|hundreds|thousands|millions) of\b|\bhalf an? \w+",
    re.IGNORECASE,
)
_UNIT_NEXT = re.compile(_UNIT, re.IGNORECASE)


def quantities(text: str) -> list[str]:
    """Return the quantities in `text`, as they stand there, in figures or in words."""
    words = _NOT_COUNTED.sub(" ", _without_times(text)).split()
    found = [
        word.strip("()[]#;:,.!?\"'")
        for before, word, after in zip(["", *words], words, [*words[1:], ""], strict=False)
        if _FIGURE.fullmatch(word) and not _names(before, word, after)
    ]
    return found + [match[0] for match in _IN_WORDS.finditer(text)]


def _names(before: str, word: str, after: str) -> bool:
    """Return whether a figure only names the word before it."""
    label = re.sub(r"\W", "", before).lower()
    counts = word[-1].isdigit() and _UNIT_NEXT.match(after)
    return label in _NAMES or (label in _LABELS and not counts)


def _without_times(text: str) -> str:
    kept, place = [], 0
    for each in moments(text):
        if ":" in each.clock:
            kept.append(text[place : each.start])
            place = each.end
    return " ".join([*kept, text[place:]])
