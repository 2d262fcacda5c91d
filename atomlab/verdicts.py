"""The words for what was found: statuses, verdicts, outcomes and causes; order, tone, exit code.

A status says how a tenant is, a verdict whether a claim or a cause holds; neither stands for the
other (docs/glossary.md).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
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
    "pricing-cache-empty": CauseWords(
        "no prices", "the platform's list of models and prices holds no model at all"
    ),
    "pricing-entry-broken": CauseWords(
        "broken price entry",
        "an entry of the platform's price list makes its choice of a model fail",
    ),
    "key-under-alias": CauseWords(
        "key under another name",
        "the key for {provider} stands under {held}, but the platform looks for {key}, so it uses"
        " no model of {provider}",
    ),
    "key-misnamed": CauseWords(
        "misspelt key name",
        "the key for {provider} stands, misspelt, under {held}, but the platform looks for"
        " {key}, so it uses no model of {provider}",
    ),
    "key-empty": CauseWords(
        "empty key", "{key} is there, but holds no value, so no model of {provider} can be used"
    ),
    "key-placeholder": CauseWords(
        "placeholder for a key",
        "{key} holds a placeholder, which the platform takes for no key, so no model of {provider}"
        " can be used",
    ),
    "provider-not-llm": CauseWords(
        "provider not allowed",
        "there is a key for {provider}, but the platform does not use that provider for"
        " language models",
    ),
    "provider-unknown": CauseWords(
        "unknown provider",
        "there is a key for {provider}, a provider that the platform does not know",
    ),
    "orphan-client": CauseWords(
        "no model of the provider",
        "there is a key for {provider}, but the price list has no model of that provider",
    ),
    "no-keys": CauseWords("no key", "there is no usable key of any LLM provider"),
    "context-window": CauseWords(
        "context window too small",
        "the models of {provider} that the keys give access to cannot take in as much text as"
        " these requests need",
    ),
    "capability": CauseWords(
        "capability missing",
        "the models of {provider} that the keys give access to lack the capability that is asked"
        " for",
    ),
    "excluded": CauseWords(
        "models excluded",
        "the models of {provider} that the keys give access to are excluded from general use",
    ),
    "health": CauseWords("provider unhealthy", "the platform takes {provider} for unhealthy"),
    "quality": CauseWords(
        "quality too low",
        "the models of {provider} that the keys give access to are rated below the quality that"
        " these requests need",
    ),
    "plan": CauseWords(
        "not in the plan", "the tenant's plan does not include the models of {provider}"
    ),
    "tools": CauseWords(
        "no tool support",
        "the models of {provider} that the keys give access to cannot use tools, as these"
        " requests need",
    ),
}
_TONES: Mapping[str, Tone] = {
    "healthy": "good",
    "affected": "bad",
    "undecided": "open",
    "failed": "bad",
    "confirmed": "good",
    "refuted": "bad",
    "inconclusive": "open",
    "present": "good",
    "ciphertext": "good",
    "missing": "plain",
    "absent": "open",
    "blank": "open",
    "null": "bad",
    "empty": "bad",
    "placeholder": "bad",
    "ranked": "good",
    "fallback": "bad",
    "no-models": "bad",
    "verified": "good",
    "not run": "open",
    "fault present": "bad",
    "fault gone": "good",
    "not known": "open",
}


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
