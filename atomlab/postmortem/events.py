"""Events files: what only people know of an incident, as data that stands in its postmortem.

The fields are those of the postmortem of the SRE book, of PagerDuty's template and of Michael
Kehoe's table. What a file leaves out stays `TO WRITE` in the document.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from atomlab.errors import InputError
from atomlab.evidence.inputs.strict import Strict, load_model
from atomlab.evidence.shapes import looks_secret
from atomlab.postmortem.times import due_date, when

# What is said of keys and to whom mail goes: setting_key=MINIMAX_API_KEY, mailto:ops@example.com.
_NO_SECRET = re.compile("key=|mailto:", re.IGNORECASE)

Kind = Literal["started", "detected", "mitigated", "resolved", "event"]
ActionType = Literal["prevent", "detect", "mitigate", "process"]
State = Literal["done", "open", "failed"]


def _statement(given: Any) -> Any:
    return given if isinstance(given, dict | Stated) else {"text": given}


def _names(given: Any) -> Any:
    """Return several names as one text."""
    if isinstance(given, list) and given and all(isinstance(name, str) for name in given):
        return ", ".join(given)
    return given


def _what(given: Any) -> Any:
    return {"what": given} if isinstance(given, str) else given


def _terms(given: Any) -> Any:
    """Return a mapping of terms to their meanings as a list."""
    if isinstance(given, dict):
        return [{"term": term, "means": means} for term, means in given.items()]
    return given


Text = Annotated[str, Field(min_length=1)]
# A bool where text should be is a slip of YAML (`owner: true`), but a number may name.
Name = Annotated[str, Field(coerce_numbers_to_str=True)]
Names = Annotated[str | None, BeforeValidator(_names)]


class Stated(Strict):
    """What somebody states, and how that is known; text alone will do."""

    text: Text
    source: str | None = None


Statement = Annotated[Stated, BeforeValidator(_statement)]


class Person(Strict):
    """Who took part, and as what."""

    role: str
    name: str


class StatedImpact(Strict):
    """What the incident meant for those it hit; the affected tenants come from the findings."""

    requests: Statement | None = None
    users: Statement | None = None
    infrastructure: Statement | None = None
    productivity: Statement | None = None
    support: Statement | None = None


class Detection(Strict):
    """How the incident was noticed."""

    by: Literal["user report", "monitoring", "alert", "test", "chance"] | None = None
    text: str | None = None
    source: str | None = None


class Entry(Strict):
    """Something that happened: when, what, how that is known, and who did it."""

    at: Annotated[str | None, BeforeValidator(when)] = None
    what: Text
    source: Text
    kind: Kind = "event"
    who: Names = None


class Action(Strict):
    """Something to do, by whom and until when."""

    item: Text
    type: ActionType | None = None
    owner: Names = None
    priority: Name | None = None
    due: Annotated[str | None, BeforeValidator(due_date)] = None
    tracker: Name | None = None


class WeighedOption(Strict):
    """A fix that people weighed."""

    name: Text
    pros: tuple[str, ...] = ()
    cons: tuple[str, ...] = ()
    recommended: bool | None = None
    why: str | None = None
    source: str | None = None


class TakenStep(Strict):
    """A step of verification, and whether it was taken, or which one a worker's log shows it is."""

    step: Text
    state: State = "open"
    source: str | None = None
    shown_by_log: Literal["fix", "rerun", "success"] | None = None


class Related(Strict):
    """Something to read beside this postmortem."""

    what: Text
    link: str | None = None
    source: str | None = None


Reading = Annotated[Related, BeforeValidator(_what)]


class Term(Strict):
    """A word that readers may not know."""

    term: Text
    means: Text


class Incident(Strict):
    """Which tenants of the findings the incident is about: a name, subdomain or id each."""

    tenants: tuple[Text, ...] = Field(min_length=1)


class Question(Strict):
    """A question that the review left open, or answered."""

    question: Text
    answer: str | None = None


class Messages(Strict):
    """What people inside and outside were informed of."""

    internal: Statement | None = None
    external: Statement | None = None


class Events(Strict):
    """All that people add to the findings."""

    title: str | None = None
    note: str | None = None
    number: Name | None = None
    status: str | None = None
    severity: Name | None = None
    ongoing: bool = False
    incident: Incident | None = None
    owner: Names = None
    authors: tuple[str, ...] = ()
    people: tuple[Person, ...] = ()
    meeting: Name | None = None
    recording: str | None = None
    war_room: str | None = None
    drill: str | None = None
    summary: Statement | None = None
    impact: StatedImpact = StatedImpact()
    slo: Statement | None = None
    timeline: tuple[Entry, ...] = ()
    detection: Detection = Detection()
    trigger: Statement | None = None
    root_cause: Statement | None = None
    contributing: tuple[Statement, ...] = ()
    code_flow: tuple[Statement, ...] = ()
    resolution: Statement | None = None
    options: tuple[WeighedOption, ...] = ()
    steps: tuple[TakenStep, ...] = ()
    went_well: tuple[Statement, ...] = ()
    went_wrong: tuple[Statement, ...] = ()
    lucky: tuple[Statement, ...] = ()
    actions: tuple[Action, ...] = ()
    next_steps: tuple[Statement, ...] = ()
    related: tuple[Reading, ...] = ()
    supporting: tuple[Reading, ...] = ()
    questions: tuple[Question, ...] = ()
    messages: Messages = Messages()
    glossary: Annotated[tuple[Term, ...], BeforeValidator(_terms)] = ()

    @model_validator(mode="after")
    def _ends_or_goes_on(self) -> Events:
        kinds = [entry.kind for entry in self.timeline]
        if self.ongoing and "resolved" in kinds:
            place = f"timeline[{kinds.index('resolved')}]"
            raise ValueError(f"{place} is resolved, and ongoing is true", "take one of them out")
        return self


def load_events(path: str | Path) -> Events:
    """Return the events in a YAML file; raise InputError, naming the place, for what is wrong.

    A key that was pasted into it would stand in every format of the document.
    """
    events = load_model(path, Events, "an events file")
    for place, text in _texts(events.model_dump()):
        if looks_secret(_NO_SECRET.sub(" ", text)):
            what = f"{place} has what looks like a key or a password in it"
            raise InputError(what, where=path, todo="leave it out")
    return events


def _texts(given: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Yield each text with its place, such as timeline[0].what."""
    if isinstance(given, dict):
        for name, value in given.items():
            yield from _texts(value, f"{place}.{name}".lstrip("."))
    elif isinstance(given, list | tuple):
        for number, value in enumerate(given):
            yield from _texts(value, f"{place}[{number}]")
    elif isinstance(given, str):
        yield place, given
