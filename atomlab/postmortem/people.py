"""People: what an events file adds to a postmortem, and what it leaves to write."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from atomlab.postmortem import events
from atomlab.postmortem.events import Events
from atomlab.postmortem.evidence import Statement, sourced
from atomlab.postmortem.facts import Row
from atomlab.postmortem.markdown import link
from atomlab.text import count

_MOMENTS: dict[events.Kind, str] = {
    "started": "when it began, and from where that is known",
    "detected": "when it was noticed, by whom, and from where that is known",
    "mitigated": "when its effects stopped, and from where that is known",
    "resolved": "when the fix was in place, and from where that is known",
}
_SPANS: tuple[tuple[str, events.Kind], ...] = (
    ("Time to detect", "detected"),
    ("Time to mitigate", "mitigated"),
    ("Time to resolve", "resolved"),
)


def stated(given: events.Statement | None, missing: str = "") -> Statement:
    """Return what people state, citing its source; without it, what they have to write."""
    return sourced(given.text, given.source) if given else Statement(missing=missing)


def listed_or(given: Sequence[events.Statement], missing: str) -> list[Statement]:
    """Return the statements, or one of what is still to write."""
    return [stated(each) for each in given] or [Statement(missing=missing)]


def about(people: Events) -> list[Row]:
    """Return the head of the document: status, severity, and who answers for it."""
    fields = (
        ("Status", people.status or "Draft", ""),
        ("Incident number", people.number, "its number in your tracker, or none"),
        ("Severity", people.severity, "by your scale"),
        ("Owner", people.owner, "one person, who sees to it that this is finished"),
        ("Authors", ", ".join(people.authors), "who wrote it"),
        ("Review meeting", people.meeting, "when (UTC) and with whom, or none"),
        ("Recording", people.recording, "where, or none"),
        ("War room", people.war_room, "was one needed?"),
        ("Drill", people.drill, "would a drill or a fault injected on purpose have shown it?"),
    )
    rows: list[Row] = [(name, _or(given, missing)) for name, given, missing in fields]
    roles = [(each.role, Statement(each.name)) for each in people.people]
    return rows + (roles or [("Took part", Statement(missing="incident lead, engineers, others"))])


def impact(people: Events) -> list[Row]:
    """Return what the incident meant for those it hit, as far as people say."""
    hit = people.impact
    fields = (
        ("Requests", hit.requests, "how many failed, from the worker's log"),
        ("Users", hit.users, "what users could not do"),
        ("Infrastructure", hit.infrastructure, "queues, retries, costs, or none"),
        ("Productivity", hit.productivity, "whose time it took, or none"),
        ("Support requests", hit.support, "how many, with links, or none"),
    )
    return [(name, stated(given, missing)) for name, given, missing in fields]


def timeline(people: Events) -> list[tuple[str, Row]]:
    """Return the entries with what they sort by; moments that are not known are to be written."""
    rows: list[tuple[str, Row]] = [
        (
            _order(entry.at),
            (
                _when(entry.at),
                entry.kind if entry.kind in _MOMENTS else "",
                sourced(entry.what, entry.source),
                entry.who or "",
            ),
        )
        for entry in people.timeline
    ]
    known = {entry.kind for entry in people.timeline}
    for kind, missing in _MOMENTS.items():
        if kind not in known:
            rows.append(
                ("9", (Statement(missing="time (UTC)"), kind, Statement(missing=missing), ""))
            )
    return rows


def spans(people: Events) -> list[Statement]:
    """Return how long detection, mitigation and resolution took, where both times are known."""
    known = [
        (entry.at, entry)
        for entry in people.timeline
        if isinstance(entry.at, datetime) and entry.at.tzinfo
    ]
    latest_first = sorted(known, key=lambda pair: pair[0], reverse=True)
    first = {entry.kind: (at, entry.source) for at, entry in latest_first}
    told = []
    for name, kind in _SPANS:
        if "started" in first and kind in first and first[kind][0] >= first["started"][0]:
            (start, since), (end, until) = first["started"], first[kind]
            cites = sourced("", since).cites + sourced("", until).cites
            told.append(Statement(f"{name}: {_duration(end - start)}.", cites))
    return told


def actions(people: Events, proposed: Sequence[Statement]) -> list[Row]:
    """Return the action items; without any, the fixes and what else a review should come to."""
    if people.actions:
        return [
            (
                Statement(each.item),
                _or(each.type),
                _or(each.owner),
                _or(each.priority),
                _or(each.due.isoformat() if each.due else None),
                link(each.tracker) if each.tracker else _or(None),
            )
            for each in people.actions
        ]
    nobody = (_or(None),) * 4
    rows: list[Row] = [(fix, "mitigate", *nobody) for fix in proposed]
    rows.append((Statement(missing="what keeps it from happening again"), "prevent", *nobody))
    return [*rows, (Statement(missing="what would have shown it sooner"), "detect", *nobody)]


def related(people: Events) -> list[Row]:
    """Return what to read beside the document."""
    missing = "related incidents, changes and documents, or none"
    rows: list[Row] = [
        (sourced(each.what, each.source), link(each.link) if each.link else "")
        for each in people.related
    ]
    return rows or [(Statement(missing=missing), "")]


def messages(people: Events) -> list[Row]:
    """Return what was told inside and outside."""
    told = people.messages
    return [
        ("Internal", stated(told.internal, "what colleagues were told, or none")),
        ("External", stated(told.external, "what customers were told, or none")),
    ]


def _or(given: str | None, missing: str = " ") -> Statement:
    return Statement(given) if given else Statement(missing=missing)


def _when(at: datetime | date | None) -> Statement:
    if at is None:
        return Statement(missing="when (UTC)")
    if isinstance(at, datetime):
        zone = " UTC" if at.tzinfo else ""
        return Statement(f"{at:%Y-%m-%d %H:%M}{f':{at:%S}' if at.second else ''}{zone}")
    return Statement(at.isoformat(), missing="time (UTC)")


def _order(at: datetime | date | None) -> str:
    """Return what sorts a moment: times without a zone are taken as UTC, unknown ones last."""
    if isinstance(at, datetime):
        return at.astimezone(UTC).isoformat() if at.tzinfo else at.replace(tzinfo=UTC).isoformat()
    return at.isoformat() if at else "8"


def _duration(span: timedelta) -> str:
    hours, minutes = divmod(round(span.total_seconds() / 60), 60)
    days, hours = divmod(hours, 24)
    parts = ((days, "day"), (hours, "hour"), (minutes, "minute"))
    return " ".join(count(n, unit) for n, unit in parts if n) or "less than a minute"
