"""Events files: what only people know of an incident, as data that stands in its postmortem.

The fields are those of the postmortem of the SRE book, of PagerDuty's template and of Michael
Kehoe's table. What a file leaves out stays `TO WRITE` in the document.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

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
    "invalid_key": "is no name of a field",
    "literal_error": "must be {expected}",
    "model_attributes_type": "must be a mapping, of names and values",
    "model_type": "must be a mapping, of names and values",
    "string_too_short": "must not be empty",
    "string_type": "must be a text; in quotes, if it looks like something else",
    "tuple_type": "must be a list",
}


def _moment(given: Any) -> Any:
    """Return a time in UTC if its zone is given, else as it stands: a time or a date without."""
    _no_number(given)
    if isinstance(given, str):
        text = re.sub(r"\s*(UTC|Z)$", "+00:00", given.strip())
        try:
            given = datetime.fromisoformat(text) if len(text) > 10 else date.fromisoformat(text)
        except ValueError:
            given = text
    if not isinstance(given, date | None):
        raise ValueError("is no time; write 2026-05-02T08:15:00Z")
    if isinstance(given, datetime) and given.tzinfo is not None:
        try:
            return given.astimezone(UTC)
        except OverflowError:
            raise ValueError("is outside the years 1 to 9999 in UTC") from None
    return given


def _day(given: Any) -> Any:
    """Return a date, as it stands or as its text says."""
    _no_number(given)
    if isinstance(given, str):
        with suppress(ValueError):
            given = datetime.fromisoformat(given.strip())
    if isinstance(given, datetime) and given.time() == time.min:
        given = given.date()
    if isinstance(given, datetime) or not isinstance(given, date | None):
        raise ValueError("is no date; write 2026-05-31")
    return given


def _no_number(given: Any) -> None:
    if isinstance(given, (int, float)):
        raise ValueError("is a number, not a time or date")


def _statement(given: Any) -> Any:
    if not isinstance(given, str | dict | Statement):
        raise ValueError("must be a text, or a mapping of text and source")
    return {"text": given} if isinstance(given, str) else given


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, given: Any) -> Any:
        """Leave out the known fields that are left empty, as if they were not there."""
        if not isinstance(given, dict):
            return given
        return {k: v for k, v in given.items() if v is not None or k not in cls.model_fields}


class Statement(_Strict):
    """What somebody states, and from where it is known; text alone will do."""

    text: str = Field(min_length=1)
    source: str | None = None


Told = Annotated[Statement, BeforeValidator(_statement)]
# A bool or a number where text should be is a slip of YAML (`owner: true`), but a number may name.
Name = Annotated[str, Field(coerce_numbers_to_str=True)]


class Person(_Strict):
    """Who took part, and as what."""

    role: str
    name: str


class Impact(_Strict):
    """What the incident meant for those it hit; the affected tenants come from the findings."""

    requests: Told | None = None
    users: Told | None = None
    infrastructure: Told | None = None
    productivity: Told | None = None
    support: Told | None = None


class Detection(_Strict):
    """How the incident was noticed."""

    by: Literal["user report", "monitoring", "alert", "test", "chance"] | None = None
    text: str | None = None
    source: str | None = None


class Entry(_Strict):
    """Something that happened: when (UTC), what, known from where, done by whom."""

    at: Annotated[datetime | date | None, BeforeValidator(_moment)] = None
    what: str = Field(min_length=1)
    source: str = Field(min_length=1)
    kind: Kind = "event"
    who: str | None = None


class Action(_Strict):
    """Something to do, by whom and until when."""

    item: str = Field(min_length=1)
    type: ActionType | None = None
    owner: str | None = None
    priority: Name | None = None
    due: Annotated[date | None, BeforeValidator(_day)] = None
    tracker: Name | None = None


class Option(_Strict):
    """A fix that people weighed."""

    name: str = Field(min_length=1)
    pros: tuple[str, ...] = ()
    cons: tuple[str, ...] = ()
    recommended: bool | None = None
    why: str | None = None
    source: str | None = None


class Step(_Strict):
    """A step of verification, and whether it was taken."""

    step: str = Field(min_length=1)
    state: State = "open"
    source: str | None = None


class Related(_Strict):
    """Something to read beside this postmortem."""

    what: str = Field(min_length=1)
    link: str | None = None
    source: str | None = None


class Question(_Strict):
    """A question that the review left open, or answered."""

    question: str = Field(min_length=1)
    answer: str | None = None


class Messages(_Strict):
    """What was told to people inside and outside."""

    internal: Told | None = None
    external: Told | None = None


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
    summary: Told | None = None
    impact: Impact = Impact()
    timeline: tuple[Entry, ...] = ()
    detection: Detection = Detection()
    trigger: Told | None = None
    root_cause: Told | None = None
    contributing: tuple[Told, ...] = ()
    code_flow: tuple[Told, ...] = ()
    resolution: Told | None = None
    options: tuple[Option, ...] = ()
    steps: tuple[Step, ...] = ()
    went_well: tuple[Told, ...] = ()
    went_wrong: tuple[Told, ...] = ()
    lucky: tuple[Told, ...] = ()
    actions: tuple[Action, ...] = ()
    next_steps: tuple[Told, ...] = ()
    related: tuple[Related, ...] = ()
    questions: tuple[Question, ...] = ()
    messages: Messages = Messages()


def load_events(path: str | Path) -> Events:
    """Return the events in a YAML file; an empty file has none.

    Raises InputError naming the place for a file that cannot be read, an unknown field (with the
    known ones), or a value that does not fit.
    """
    document = read_yaml(Path(path))
    try:
        return Events.model_validate({} if document is None else document)
    except ValidationError as error:
        what, todo = _explain(error, document)
        raise InputError(what, where=path, todo=todo) from None


def _explain(error: ValidationError, document: Any) -> tuple[str, str]:
    """Return what is wrong first, and what to do about it.

    A misspelt field is told before the one that it leaves missing.
    """
    wrong = error.errors(include_url=False, include_input=False)
    first = min(wrong, key=lambda each: each["type"] != "extra_forbidden")
    loc = first["loc"]
    place = "".join(f"[{p}]" if isinstance(p, int) else f".{field_name(p)}" for p in loc).lstrip(
        "."
    )
    if not isinstance(document, dict):
        return "is no events file", f"give a mapping of: {', '.join(Events.model_fields)}"
    if first["type"] == "extra_forbidden":
        known = list(_model_at(loc[:-1]).model_fields)
        hint = did_you_mean(str(loc[-1]), known)
        return f"unknown field {place}", f"{hint} known fields: {', '.join(known)}".strip()
    if first["type"] == "missing":
        return f"{place} is missing", "add it"
    must = _MUST.get(first["type"], first["msg"].removeprefix("Value error, "))
    return f"{place}: {must.format_map(first.get('ctx', {}))}", "correct it"


def _model_at(loc: Iterable[int | str]) -> type[BaseModel]:
    """Return the model of the value at a place in an events file."""
    model: type[BaseModel] = Events
    for part in loc:
        if part in model.model_fields:
            model = next(_models(model.model_fields[str(part)].annotation), model)
    return model


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)
