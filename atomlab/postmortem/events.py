"""Events files: what only people know of an incident, as data that stands in its postmortem.

The fields are those of the postmortem of the SRE book, of PagerDuty's template and of Michael
Kehoe's table. What a file leaves out stays `TO WRITE` in the document.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from atomlab.errors import InputError
from atomlab.files import read_yaml
from atomlab.text import did_you_mean, field_name

Kind = Literal["started", "detected", "mitigated", "resolved", "event"]
ActionType = Literal["prevent", "detect", "mitigate", "process"]
State = Literal["done", "open", "failed"]

# What is asked for, by the kind of pydantic's errors, whose own words are about Python.
_MUST = {
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "literal_error": "must be {expected}",
    "model_type": "must be a mapping of names and values",
    "string_too_short": "must not be empty",
    "string_type": "must be text; put it in quotes if it looks like something else",
    "tuple_type": "must be a list",
}


def in_utc(text: str) -> str:
    """Return a time in UTC if its offset is known; a range, or a zone's name, as it stands."""
    try:
        at: datetime | None = datetime.fromisoformat(re.sub(r" ?(UTC|GMT|Z)$", "+00:00", text))
        at = at.astimezone(UTC) if at and at.tzinfo else None
    except (ValueError, OverflowError):
        at = None
    return f"{at:%Y-%m-%d %H:%M}{f':{at:%S}' if at.second else ''} UTC" if at else text


def _time(given: Any) -> str:
    text = str(given).strip()
    with suppress(ValueError):
        if text.startswith(str(date.fromisoformat(text[:10]))):
            return in_utc(text)
    raise ValueError("is not a time; write 2026-05-02T08:15:00Z")


def _statement(given: Any) -> Any:
    return given if isinstance(given, dict | Stated) else {"text": given}


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _known_and_filled(cls, given: Any) -> Any:
        """Refuse fields that are not known, and leave out those that are empty."""
        if not isinstance(given, dict):
            return given
        for name in given:
            if name not in cls.model_fields:
                hint = did_you_mean(str(name), cls.model_fields)
                known = f"known fields: {', '.join(cls.model_fields)}"
                raise ValueError(f"unknown field {field_name(name)}", f"{hint} {known}".strip())
        return {name: value for name, value in given.items() if value is not None}


Text = Annotated[str, Field(min_length=1)]
# A bool where text should be is a slip of YAML (`owner: true`), but a number may name.
Name = Annotated[str, Field(coerce_numbers_to_str=True)]


class Stated(_Strict):
    """What somebody states, and how that is known; text alone will do."""

    text: Text
    source: str | None = None


Statement = Annotated[Stated, BeforeValidator(_statement)]


class Person(_Strict):
    """Who took part, and as what."""

    role: str
    name: str


class StatedImpact(_Strict):
    """What the incident meant for those it hit; the affected tenants come from the findings."""

    requests: Statement | None = None
    users: Statement | None = None
    infrastructure: Statement | None = None
    productivity: Statement | None = None
    support: Statement | None = None


class Detection(_Strict):
    """How the incident was noticed."""

    by: Literal["user report", "monitoring", "alert", "test", "chance"] | None = None
    text: str | None = None
    source: str | None = None


class Entry(_Strict):
    """Something that happened: when, what, how that is known, and who did it."""

    at: Annotated[str | None, BeforeValidator(_time)] = None
    what: Text
    source: Text
    kind: Kind = "event"
    who: str | None = None


class Action(_Strict):
    """Something to do, by whom and until when."""

    item: Text
    type: ActionType | None = None
    owner: str | None = None
    priority: Name | None = None
    due: str | None = None
    tracker: Name | None = None


class WeighedOption(_Strict):
    """A fix that people weighed."""

    name: Text
    pros: tuple[str, ...] = ()
    cons: tuple[str, ...] = ()
    recommended: bool | None = None
    why: str | None = None
    source: str | None = None


class TakenStep(_Strict):
    """A step of verification, and whether it was taken."""

    step: Text
    state: State = "open"
    source: str | None = None


class Related(_Strict):
    """Something to read beside this postmortem."""

    what: Text
    link: str | None = None
    source: str | None = None


class Question(_Strict):
    """A question that the review left open, or answered."""

    question: Text
    answer: str | None = None


class Messages(_Strict):
    """What people inside and outside were informed of."""

    internal: Statement | None = None
    external: Statement | None = None


class Events(_Strict):
    """All that people add to the findings."""

    title: str | None = None
    note: str | None = None
    number: Name | None = None
    status: str | None = None
    severity: Name | None = None
    owner: str | None = None
    authors: tuple[str, ...] = ()
    people: tuple[Person, ...] = ()
    meeting: Name | None = None
    recording: str | None = None
    war_room: str | None = None
    drill: str | None = None
    summary: Statement | None = None
    impact: StatedImpact = StatedImpact()
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
    related: tuple[Related, ...] = ()
    questions: tuple[Question, ...] = ()
    messages: Messages = Messages()


def load_events(path: str | Path) -> Events:
    """Return the events in a YAML file; an empty file has none.

    Raises InputError naming the place for a file that cannot be read, an unknown field (with the
    known ones), or a value that does not fit.
    """
    document = read_yaml(Path(path))
    if not isinstance(document, dict | None):
        known = f"give a mapping of: {', '.join(Events.model_fields)}"
        raise InputError("is not an events file", where=path, todo=known)
    try:
        return Events.model_validate(document or {})
    except ValidationError as error:
        what, todo = _explain(error)
        raise InputError(what, where=path, todo=todo) from None


def _explain(error: ValidationError) -> tuple[str, str]:
    """Return what is wrong first, and what to do about it."""
    first = error.errors(include_url=False, include_input=False)[0]
    parts = (f"[{p}]" if isinstance(p, int) else f".{field_name(p)}" for p in first["loc"])
    place = "".join(parts).lstrip(".")
    if first["type"] == "missing":
        return f"{place} is missing", "add it"
    context = first.get("ctx", {})
    if first["type"] == "value_error":
        must, *todo = context["error"].args
    else:
        must, todo = _MUST.get(first["type"], first["msg"]).format_map(context), []
    return f"{place}: {must}".removeprefix(": "), todo[0] if todo else "correct it"
