"""The draft: findings and events put together; the template is the document."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from atomlab.postmortem import facts, rollup
from atomlab.postmortem.cases import Case, Statement, sourced
from atomlab.postmortem.events import Events, State, Stated, TakenStep
from atomlab.postmortem.markdown import Markdown, render
from atomlab.postmortem.moments import Moment, left_open, moments
from atomlab.postmortem.rollup import TenantCases
from atomlab.postmortem.times import ends_of, in_utc
from atomlab.text import count, grouped, joined, listed, printable


def draft(cases: Sequence[Case], events: Events) -> str:
    """Return the postmortem as Markdown; what is not known yet is marked `TO WRITE` there.

    Raises InputError where the events say that the incident is about a tenant without findings.
    """
    subjects, apart = rollup.within(rollup.subjects_of(cases), events.incident)
    others = [case.file for subject in apart for case in subject.cases]
    cases = [case for case in cases if case.file not in others]
    cases = [replace(case, among=len(cases) > 1) for case in cases]
    subjects = rollup.subjects_of(cases)
    hit = [subject for subject in subjects if subject.failing]
    still = [case for subject in subjects for case in subject.still]
    resolved = [seen for each in hit for c in each.failing if (seen := _served_later(c, cases))]
    several = len(hit) > 1
    happened = moments(hit, events)
    resolved += [facts.summary(each.checked)[0][1] for each in hit if each.checked]
    notes = [events.note, *(case.found.snapshot.manifest.get("note") for case in cases)]
    return render(
        "postmortem.md.j2",
        events=events,
        cases=cases,
        subjects=subjects,
        beside=_beside(subjects if hit else (), apart),
        hit=hit,
        failing=[case for case in cases if case.failing],
        facts=facts,
        stated=stated,
        sourced=sourced,
        listed=listed,
        per_snapshot=_per_snapshot,
        part=Markdown("####" if len(cases) > 1 else "###"),
        title=events.title or rollup.title_of(subjects),
        notes=[note for note in dict.fromkeys(notes) if note],
        date=_date(cases, events),
        duration=_duration_of(happened, events),
        summary=rollup.summary(hit, _since(hit, events)) if several else _summary(cases, still),
        groups=rollup.groups_of(hit) if several else [],
        roots=facts.roots([case for case in cases if case.failing]),
        timeline=_timeline(cases, happened),
        known={each.kind for each in happened},
        left_open=left_open(hit),
        spans=list(_spans(happened)),
        ranked=all(each.outcome == "ranked" for case in cases for each in case.diagnoses),
        resolved=resolved,
        steps=_steps(cases, still, events, several),
        to_do=list(rollup.to_do(subjects)),
        still=still,
        remedies={case.found.remedy.status for case in still if case.found.remedy},
        unchecked=_unchecked(cases),
    )


def _beside(
    subjects: Sequence[TenantCases], apart: Sequence[TenantCases]
) -> list[tuple[str, list[TenantCases]]]:
    """Return the tenants that are not affected, by why they are not."""
    found: dict[str, list[TenantCases]] = {"Not affected": [], "Undecided": []}
    for subject in subjects:
        if not subject.failing:
            ranked = {each.outcome for c in subject.cases for each in c.diagnoses} == {"ranked"}
            found["Not affected" if ranked else "Undecided"].append(subject)
    return [*found.items(), ("Not part of this incident", [*apart])]


def _summary(cases: Sequence[Case], still: Sequence[Case]) -> list[tuple[str, Statement]]:
    """Return the findings of one tenant: the first failure, and what became of it."""
    first = next((case for case in cases if case.failing), cases[-1])
    parts = facts.summary(first)
    if not first.failing or first in still or first.found.recovery:
        return parts
    served = _served_later(first, cases)
    checked = [case for case in cases if case.found.recovery][-1:]
    now = {label: said for case in (checked or still[:1]) for label, said in facts.summary(case)}
    became = "Since the fix" if checked else "What still fails"
    after = {
        **({"Since then": served} if served else {}),
        **({became: now.pop("What happened")} if now else {}),
        **{label: said for label, said in now.items() if label not in ("Why", "How sure")},
    }
    return [*parts[:3], *after.items()]


def _since(hit: Sequence[TenantCases], events: Events) -> str:
    """Return since when requests fail: as people say, or when that was first captured."""
    started = sorted(each.at for each in events.timeline if each.kind == "started" and each.at)
    seen = min(case.diagnosis.snapshot.captured_at for subject in hit for case in subject.failing)
    since = f"It was first seen in the snapshot of {in_utc(seen)}; when it began is not recorded."
    if started:
        since = f"It began {'on' if len(started[0]) == len('2026-05-02') else 'at'} {started[0]}."
    return f"{since} It is ongoing." if events.ongoing else since


def _date(cases: Sequence[Case], events: Events) -> str:
    """Return the day of the incident: of its begin, of what was seen first, or of the capture."""
    days = [(each.kind != "started", each.at[:10]) for each in events.timeline if each.at]
    return min(days)[1] if days else cases[0].diagnosis.snapshot.captured_at[:10]


def _steps(
    cases: Sequence[Case], still: Sequence[Case], events: Events, several: bool
) -> list[tuple[Statement, State]]:
    """Return the steps of verification: those taken, then what people or findings leave open.

    Of several tenants, what was done for each stands with its findings.
    """
    latest = {case.diagnosis.tenant.id: case for case in cases}.values()
    stated = {each.shown_by_log for each in events.steps} - {None}
    found: dict[tuple[str, State], list[tuple[Case, str]]] = {}
    for case in cases:
        for step in (each for each in facts.steps(case) if each.name not in stated):
            is_due = (case in latest or case in still) and not events.steps
            if is_due if step.state == "open" else step.state == "failed" or not several:
                found.setdefault((step.step, step.state), []).append((case, step.evidence))
    rows = []
    for (text, state), those in found.items():
        names = (case.who if several else case.heading for case, _ in those)
        whose = "all" if len(those) == len(cases) else joined(names)
        says = text if len(cases) == 1 else f"{text} ({whose})"
        cites = (case.cite(evidence, text) for case, evidence in those if evidence)
        rows.append((Statement(says, tuple(cites)), state))
    return [*rows, *(_taken(each, cases) for each in events.steps)]


def _taken(step: TakenStep, cases: Sequence[Case]) -> tuple[Statement, State]:
    """Return a step that people state, with the state that findings with a log show."""
    said = sourced(step.step, step.source)
    shown = [
        (case, n, each)
        for case in cases
        for n, each in enumerate(case.found.steps)
        if step.shown_by_log and each.name == step.shown_by_log
    ]
    if not shown:
        return said, step.state
    states = {each.state for _, _, each in shown}
    state: State = "failed" if "failed" in states else "open" if "open" in states else "done"
    cites = tuple(case.cite(f"/steps/{n}", f"{each.step}: {each.state}") for case, n, each in shown)
    return replace(said, cites=(*said.cites, *cites)), state


def _unchecked(cases: Sequence[Case]) -> list[Statement]:
    """Return what was not checked, or was assumed, once for all findings that say it."""
    said = []
    for case in cases:
        for place, text in enumerate(case.found.limits):
            said.append((text, (case, case.cite(f"/limits/{place}", text))))
        for place, warning in enumerate(case.found.warnings):
            text = f"Assumed: {warning}."
            assumed = text if case.among else "what the replay assumed"
            said.append((text, (case, case.cite(f"/warnings/{place}", assumed))))
    found = []
    for text, those in grouped(said).items():
        whose = "" if len(those) == len(cases) else f" ({joined(c.heading for c, _ in those)})"
        cites = those if whose else those[:1]
        found.append(Statement(f"{text}{whose}", tuple(cited for _, cited in cites)))
    return found


def stated(given: Stated | str | None, missing: str = " ") -> Statement:
    """Return the same of a statement, or of a text without a source."""
    if isinstance(given, Stated):
        return sourced(given.text, given.source)
    return sourced(given or None, None, missing)


def _per_snapshot(cases: Sequence[Case]) -> list[Case]:
    """Return the first case on each snapshot."""
    return [*{case.found.snapshot.sha256: case for case in reversed(cases)}.values()][::-1]


def _timeline(
    cases: Sequence[Case], happened: Sequence[Moment]
) -> list[tuple[Statement, str, Statement, str]]:
    """Return the rows by time; those without one come last."""
    rows = [*happened]
    for case in _per_snapshot(cases):
        captured = f"The snapshot {printable(case.found.snapshot.name)} was captured."
        at = in_utc(case.diagnosis.snapshot.captured_at)
        rows.append(Moment(at, "event", Statement(captured, (facts.snapshot(case),))))
    rows.sort(key=lambda row: row.at or "unknown")
    return [(_when(r.at), "" if r.kind == "event" else r.kind, r.what, r.who) for r in rows]


def _when(at: str | None) -> Statement:
    is_day = len(at or "") <= len("2026-05-02")
    return Statement(at or "", missing="time (UTC)" if is_day else "")


def _spans(happened: Sequence[Moment]) -> Iterator[Statement]:
    """Yield how long detection, mitigation and resolution took, where both times are known."""
    first = {}
    for entry in sorted(happened, key=lambda entry: entry.at or "", reverse=True):
        if entry.at and (at := ends_of(entry.at)):
            # What took a while is over at its end, and begins with its start.
            moment = at[1] if entry.kind in ("mitigated", "resolved") else at[0]
            first[entry.kind] = (moment, entry.what.cites)
    for kind, verb in (("detected", "detect"), ("mitigated", "mitigate"), ("resolved", "resolve")):
        if "started" in first and kind in first:
            (start, since), (end, until) = first["started"], first[kind]
            if end >= start:
                yield Statement(f"Time to {verb}: {_duration(end - start)}.", since + until)


def _duration_of(happened: Sequence[Moment], events: Events) -> str:
    """Return how long the incident took, or since when it goes on; empty if nobody says."""
    first = {each.kind: each.at for each in reversed(happened) if each.at}
    if events.ongoing:
        return f"ongoing since {first['started']}" if "started" in first else "ongoing"
    start, end = (ends_of(first.get(kind, "")) for kind in ("started", "resolved"))
    return _duration(end[1] - start[0]) if start and end and end[1] >= start[0] else ""


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
