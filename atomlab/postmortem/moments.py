"""Moments of an incident: what people state, and what a worker's log shows of its end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from atomlab.diagnosis.evidence_curve import LEVEL
from atomlab.diagnosis.findings import KindRecovery
from atomlab.postmortem.cases import Case, Statement, sourced
from atomlab.postmortem.events import Events
from atomlab.postmortem.rollup import TenantCases
from atomlab.postmortem.times import in_utc
from atomlab.text import joined, printable

_BOUND = (1 - 1e-6) / LEVEL  # of the evidence, rounded, from which on it is over


@dataclass(frozen=True)
class Moment:
    """When something happened, if that is known, what, as which kind of moment, and who did it."""

    at: str | None
    kind: str
    what: Statement
    who: str = ""


def moments(hit: Sequence[TenantCases], events: Events) -> list[Moment]:
    """Return what people state, then what findings with a log show.

    An incident is mitigated when the last of the affected tenants has jobs that succeed, and
    resolved when it is over for every kind of request of all of them; what people say of either
    counts first.
    """
    stated = [
        Moment(each.at, each.kind, sourced(each.what, each.source), each.who or "")
        for each in events.timeline
    ]
    known = {each.kind for each in stated} | ({"resolved"} if events.ongoing else set())
    checked = [subject.checked for subject in hit]
    shown = [each for case in checked if case for each in _shown(case, len(hit) > 1)]
    for kind in ("mitigated", "resolved"):
        of_kind = [each for each in shown if each.kind == kind]
        last = max(of_kind, key=lambda each: each.at or "", default=None)
        counts = kind not in known and len(of_kind) == len(hit)
        shown = [
            each
            if each not in of_kind or (counts and each is last)
            else replace(each, kind="event")
            for each in shown
        ]
    return [*stated, *shown]


def left_open(hit: Sequence[TenantCases]) -> str:
    """Return for which requests it is not over yet, by findings with a log; empty if none have."""
    said = []
    for case in (subject.checked for subject in hit):
        recovery = case.found.recovery if case else None
        kinds = (
            [each.complexity for each in recovery.kinds if each.verdict != "over"]
            if recovery
            else []
        )
        if case and kinds:
            said.append(f"{joined(kinds)} requests of {case.who}")
    return joined(said)


def _shown(case: Case, named: bool) -> Iterator[Moment]:
    """Yield the fix, the first job of each kind that succeeded, and when all were over."""
    recovery = case.found.recovery
    if recovery is None:
        return
    fix, of = printable(recovery.fix, 400), f" for {case.who}" if named else ""
    yield _moment(case, recovery.fixed_at, "event", f"The fix was made{of}: {fix}", "/recovery/fix")
    over = [(n, kind) for n, kind in enumerate(recovery.kinds) if kind.verdict == "over"]
    firsts = sorted((kind.curve[0][0], n, kind) for n, kind in over if kind.curve)
    for place, (at, n, kind) in enumerate(firsts, 1):
        succeeded = f"The first {kind.complexity} job{of} succeeded with {printable(kind.expected)}"
        is_last = "mitigated" if place == len(firsts) else "event"
        yield _moment(case, at, is_last, succeeded, f"/recovery/kinds/{n}")
    if len(firsts) == len(recovery.kinds):
        at = max(_shown_at(kind) for _, kind in over)
        text = f"It is over{of}, for every kind of request that failed"
        yield _moment(case, at, "resolved", text, "/recovery/verdict")


def _shown_at(kind: KindRecovery) -> str:
    """Return when enough jobs had succeeded."""
    return next((at for at, evidence in kind.curve if evidence >= _BOUND), kind.curve[-1][0])


def _moment(case: Case, at: str, kind: str, text: str, pointer: str) -> Moment:
    return Moment(in_utc(at), kind, Statement(f"{text}.", (case.cite(pointer, text),)))
