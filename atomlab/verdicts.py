"""The words for what was found: statuses, verdicts, outcomes and causes; order, tone, exit code.

A status says how a tenant is, a verdict whether a claim or a cause holds; neither stands for the
other (docs/glossary.md).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from atomlab.text import printable

Status = Literal["affected", "undecided", "healthy"]  # the worst first
Verdict = Literal["refuted", "inconclusive", "confirmed"]  # the worst first
Outcome = Literal["ranked", "fallback", "no-models", "inconclusive"]
Role = Literal["sole", "one-of-k", "joint"]
Tone = Literal["good", "bad", "open", "plain"]

STATUSES: tuple[Status, ...] = get_args(Status)
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
# Where pricing finds no model the fault is there, whether an error is raised or a fallback answers.
STATUS_OF: Mapping[Outcome, Status] = {
    "ranked": "healthy",
    "fallback": "affected",
    "no-models": "affected",
    "inconclusive": "undecided",
}
# What a command ends with; a batch, too, with its worst report: the worst first.
EXIT_CODES = {
    "failed": 1,
    "refuted": 3,
    "affected": 3,
    "inconclusive": 4,
    "undecided": 4,
    "confirmed": 0,
    "healthy": 0,
}


class CauseWords(NamedTuple):
    """A cause in a few words, for a list, and as part of a sentence."""

    short: str
    sentence: str


# What each cause means of a tenant, for people who know no code of ours.
CAUSES = {
    code: CauseWords(**words)
    for code, words in json.loads(Path(__file__).with_name("causes.json").read_bytes()).items()
}
# Who makes the fixes of several tenants, by who makes one's.
ACTORS = {
    "tenant": "the tenants themselves",
    "operator": "the platform's operators",
    "engineering": "the platform's engineers",
}
_WORDS: Mapping[Tone, tuple[str, ...]] = {
    "good": (
        "healthy",
        "confirmed",
        "present",
        "ciphertext",
        "ranked",
        "verified",
        "fault gone",
        "over",
    ),
    "bad": (
        *("affected", "failed", "refuted", "null", "empty", "placeholder", "fallback"),
        *("no-models", "fault present", "not over"),
    ),
    "open": ("undecided", "inconclusive", "absent", "blank", "not run", "not known"),
}
_TONES = {word: tone for tone, words in _WORDS.items() for word in words}


def cause_in_words(
    code: str, provider: str | None, setting_key: str | None, held: str | None = None
) -> str:
    """Return what a cause is, as part of a sentence; the code itself if it is not known here.

    `setting_key` is the name that the platform looks for, `held` the one under which the key is.
    """
    words = CAUSES[code].sentence if code in CAUSES else "the cause " + re.sub(r"[^\w-]", "?", code)
    names = {"provider": provider, "key": setting_key, "held": held or "another name"}
    return words.format(**{name: printable(value) for name, value in names.items()})


def worst_status(statuses: Iterable[Status]) -> Status:
    """Return `affected` if any is, else `undecided` if any is, else `healthy`."""
    return min(statuses, key=STATUSES.index)


def worst_verdict(verdicts: Iterable[Verdict]) -> Verdict:
    """Return `refuted` if any is, else `inconclusive` if any or none is, else `confirmed`."""
    return min(verdicts, key=VERDICTS.index, default="inconclusive")


def tone(word: str) -> Tone:
    """Return whether `word` says something good or bad, leaves it open, or is plain."""
    return _TONES.get(word, "plain")
