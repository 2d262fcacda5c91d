"""The words for what was found: statuses, verdicts, outcomes and causes; order, tone, exit code.

A status says how a tenant is, a verdict whether a claim or a cause holds; neither stands for the
other (docs/glossary.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, get_args

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
# What each cause means of a tenant; the causes that are called as a filter are not listed here.
CAUSES = {
    "pricing-cache-empty": "the pricing cache holds no model at all",
    "key-under-alias": "the tenant's key for {provider} stands under another name than {key},"
    " the one that the platform looks for",
    "key-misnamed": "the tenant's key for {provider} stands under a misspelt name, not under {key}",
    "key-empty": "the row {key} exists, but holds no value",
    "key-placeholder": "the row {key} holds a placeholder, which the rules treat as no key",
    "provider-not-llm": "{provider} is registered, but is not on the list of LLM providers",
    "provider-unknown": "the tenant holds a key for {provider}, which the registry does not know",
    "orphan-client": "the client for {provider} serves no model of the pricing cache",
    "pricing-entry-broken": "an entry of the pricing cache makes the ranking fail inside",
    "no-keys": "the tenant holds no usable key of any LLM provider",
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
}


def worst_status(statuses: Iterable[Status]) -> Status:
    """Return `affected` if any is, else `undecided` if any is, else `healthy`."""
    return min(statuses, key=STATUSES.index)


def worst_verdict(verdicts: Iterable[Verdict]) -> Verdict:
    """Return `refuted` if any is, else `inconclusive` if any or none is, else `confirmed`."""
    return min(verdicts, key=VERDICTS.index, default="inconclusive")


def tone(word: str) -> Tone:
    """Return whether `word` says something good or bad, leaves it open, or is plain."""
    return _TONES.get(word, "plain")
