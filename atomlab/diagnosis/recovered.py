"""A summary of whether it is over: what the log shows after a fix, for people who know no code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from atomlab.diagnosis.findings import Summary
from atomlab.diagnosis.recovery import LEAVES, Recovery, RecoveryVerdict
from atomlab.text import capital, grouped, joined, printable
from atomlab.verdicts import Status

_STATUSES: dict[RecoveryVerdict, Status] = {
    "over": "healthy",
    "not over": "affected",
    "inconclusive": "undecided",
}


def summarize_recovery(
    before: Summary, name: str, fixed_at: datetime, verdict: RecoveryVerdict, *found: Recovery
) -> Summary:
    """Return the summary of a fix that is checked; `before` is that of the snapshot before it.

    `failing` are the kinds of request that still fail, `status` is the tenant's by the log.
    """
    over, left, failing, open_ = map(list, _grouped(found))
    named = ((over, "over for {}"), (left, "{} {is_} left"), (failing, "{} still {fail}"),
             (open_, "{} {is_} not decided yet"))  # fmt: skip
    parts = [_said(words, kinds) for kinds, words in named if kinds]
    since = f"Since the fix of {fixed_at:%Y-%m-%d %H:%M} UTC"
    needed = [f"for {each.complexity} requests, {each.missing}" for each in found if each.missing]
    todo = f"Still needed: {'; '.join(needed)}." if needed else ""
    if failing:
        todo = f"Capture again and diagnose: {_kinds(failing)} fail for another reason, too. {todo}"
    was = f"{capital(_kinds(found))} of {name} found no model."
    return before.model_copy(
        update={
            "title": f"{name}: {'it is over' if len(over) == len(found) else '; '.join(parts)}",
            "status": _STATUSES[verdict],
            "failing": tuple(each.complexity for each in (*left, *failing)),
            "what": f"{was} {since}, {'; '.join(_happened(found))}.",
            "why": before.why and f"Before the fix: {before.why}",
            "certainty": None,
            "proof": _proof(over),
            "todo": todo.strip(),
            "who": "",
            "actor": None,
            "left": before.left if left else "",
            "unserved": tuple(each.complexity for each in left),
        }
    )


def _grouped(found: Sequence[Recovery]) -> Iterator[Iterator[Recovery]]:
    """Yield those that are over, that the fix leaves, that fail in spite of it, and all others."""
    yield (each for each in found if each.verdict == "over")
    yield (each for each in found if each.verdict == "not over" and each.expected is None)
    yield (each for each in found if each.verdict == "not over" and each.expected is not None)
    yield (each for each in found if each.verdict == "inconclusive")


def _said(words: str, kinds: Sequence[Recovery]) -> str:
    one = len(kinds) == 1
    names = joined(each.complexity for each in kinds)
    return words.format(names, is_="is" if one else "are", fail="fails" if one else "fail")


def _kinds(found: Sequence[Recovery]) -> str:
    return f"{joined(each.complexity for each in found)} requests"


def _happened(found: Sequence[Recovery]) -> Iterator[str]:
    """Yield what the log shows, once for kinds of request of which it is the same."""
    words = {"over": "work again", "not over": "still fail", "inconclusive": "are not decided"}

    def state(each: Recovery) -> str:
        return "are left" if each.verdict != "over" and not each.expected else words[each.verdict]

    alike = grouped(((state(each), each.why.removeprefix(LEAVES)), each) for each in found)
    for (how, why), these in alike.items():
        yield f"{_kinds(these)} {how} ({'each ' if len(these) > 1 else ''}{why})"


def _proof(over: Sequence[Recovery]) -> str:
    """Return how sure it is that something is over."""
    alike = grouped(
        (
            (r.failed_before, r.jobs_before, r.needed or 0, len(r.curve), printable(r.expected)),
            r.complexity,
        )
        for r in over
    )
    facts = [
        f"of {joined(kinds)} jobs {'each ' if len(kinds) > 1 else ''}{failed} of {jobs} failed "
        f"before it, so that {needed} had to succeed with {model} after it, and {good} did"
        for (failed, jobs, needed, good, model), kinds in alike.items()
    ]
    if not facts:
        return "The log does not show that anything is over."
    return (
        f"The worker's log has no gap after the fix: {'; '.join(facts)}. If nothing were fixed, so "
        "many would succeed in at most 5 % of all cases, however often one looks."
    )
