"""The draft: findings and events put together; the template is the document."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from atomlab.postmortem import facts
from atomlab.postmortem.cases import Case, EvidenceItem, Statement
from atomlab.postmortem.events import Events, Stated, in_utc
from atomlab.postmortem.markdown import render
from atomlab.text import count, listed, printable


def draft(cases: Sequence[Case], events: Events) -> str:
    """Return the postmortem as Markdown; what is not known yet is marked `TO WRITE` there."""
    failing = [case for case in cases if case.failing]
    latest = {case.diagnosis.tenant.id: case for case in cases}
    still = [case for case in latest.values() if case.failing]
    resolved = [seen for case in failing if (seen := _served_later(case, cases))]
    notes = [events.note, *(case.found.snapshot.manifest.get("note") for case in cases)]
    steps = [
        row
        for case in cases
        for row in facts.steps(case)
        if row[1] != "open" or (case in latest.values() and not events.steps)
    ]
    steps += [(sourced(each.step, each.source), each.state) for each in events.steps]
    return render(
        "postmortem.md.j2",
        events=events,
        cases=cases,
        failing=failing,
        facts=facts,
        stated=stated,
        sourced=sourced,
        listed=listed,
        per_snapshot=_per_snapshot,
        title=events.title or listed(dict.fromkeys(case.found.title for case in cases)),
        notes=[note for note in dict.fromkeys(notes) if note],
        timeline=_timeline(cases, events),
        spans=list(_spans(events)),
        roots=[root for case in failing for root in facts.roots(case)],
        ranked=all(each.outcome == "ranked" for case in cases for each in case.diagnoses),
        resolved=resolved,
        steps=[*steps, *((seen, "done") for seen in resolved)],
        still=still,
        remedies={case.found.remedy.status for case in still if case.found.remedy},
    )


def sourced(text: str | None, source: str | None, missing: str = " ") -> Statement:
    """Return what people state, citing its source; without a text, what they have to write."""
    if text is None:
        return Statement(missing=missing)
    cites = (EvidenceItem(source, "stated by people, not measured"),) if source else ()
    return Statement(text, cites)


def stated(given: Stated | str | None, missing: str = " ") -> Statement:
    """Return the same of a statement, or of a text without a source."""
    if isinstance(given, Stated):
        return sourced(given.text, given.source)
    return sourced(given or None, None, missing)


def _per_snapshot(cases: Sequence[Case]) -> list[Case]:
    """Return the first case on each snapshot."""
    return [*{case.found.snapshot.sha256: case for case in reversed(cases)}.values()][::-1]


def _timeline(cases: Sequence[Case], events: Events) -> list[tuple[Statement, str, Statement, str]]:
    """Return the rows by time; those without one come last."""
    rows: list[tuple[str | None, str, Statement, str]] = [
        (each.at, each.kind, sourced(each.what, each.source), each.who or "")
        for each in events.timeline
    ]
    for case in _per_snapshot(cases):
        captured = f"The snapshot {printable(case.found.snapshot.name)} was captured."
        at = in_utc(case.diagnosis.snapshot.captured_at)
        rows.append((at, "event", Statement(captured, (facts.snapshot(case),)), ""))
    rows.sort(key=lambda row: row[0] or "unknown")
    return [(_when(at), "" if kind == "event" else kind, what, who) for at, kind, what, who in rows]


def _when(at: str | None) -> Statement:
    is_day = len(at or "") <= len("2026-05-02")
    return Statement(at or "", missing="time (UTC)" if is_day else "")


def _spans(events: Events) -> Iterator[Statement]:
    """Yield how long detection, mitigation and resolution took, where both times are known."""
    first = {}
    for entry in sorted(events.timeline, key=lambda entry: entry.at or "", reverse=True):
        if entry.at and entry.at.endswith(" UTC"):
            at = datetime.fromisoformat(entry.at.replace(" UTC", "+00:00"))
            first[entry.kind] = (at, stated(Stated(text=entry.what, source=entry.source)).cites)
    for kind, verb in (("detected", "detect"), ("mitigated", "mitigate"), ("resolved", "resolve")):
        if "started" in first and kind in first:
            (start, since), (end, until) = first["started"], first[kind]
            if end >= start:
                yield Statement(f"Time to {verb}: {_duration(end - start)}.", since + until)


def _duration(span: timedelta) -> str:
    hours, minutes = divmod(round(span.total_seconds() / 60), 60)
    days, hours = divmod(hours, 24)
    parts = ((days, "day"), (hours, "hour"), (minutes, "minute"))
    return " ".join(count(n, unit) for n, unit in parts if n) or "less than a minute"


def _served_later(failed: Case, cases: Sequence[Case]) -> Statement | None:
    """Return which of the requests that failed find a model on a later snapshot."""
    kinds = {failed.diagnoses[place].request.kind for place in failed.failing}
    for later in cases:
        served = {
            place: f"{each.request.kind} ({printable(each.winner.model)})"
            for place, each in enumerate(later.diagnoses)
            if each.winner and each.request.kind in kinds
        }
        after = later.diagnosis.snapshot.captured_at > failed.diagnosis.snapshot.captured_at
        same = later.diagnosis.tenant.id == failed.diagnosis.tenant.id
        if after and same and served:
            text = (
                f"On the later snapshot {printable(later.found.snapshot.name)} these requests of"
                f" {later.who} that failed find a model: {', '.join(served.values())}."
            )
            return Statement(text, tuple(facts.outcome(later, place) for place in served))
    return None
