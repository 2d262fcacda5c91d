"""Events files: what only people know, read strictly, and told where it is wrong."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import get_args

import pytest
from pydantic import BaseModel

from atomlab.errors import InputError
from atomlab.postmortem import events
from atomlab.postmortem.events import Events, load_events
from tests.conftest import ROOT
from tests.refusals import loaded, refused


@pytest.fixture
def load(tmp_path):
    """Return a function that loads events from the text of a file."""

    def from_text(text):
        path = tmp_path / "events.yaml"
        path.write_text(text, encoding="utf-8")
        return load_events(path)

    return from_text


@pytest.mark.parametrize(
    ("text", "told", "todo"),
    [
        ("ownr: x", "unknown field ownr", "did you mean owner? known fields: title, note, number"),
        (
            "actions: [{item: a}, {item: b, ower: c}]",
            "unknown field actions[1].ower",
            "known fields: item, type, owner, priority, due, tracker",
        ),
        ("impact: {requests: {txt: a}}", "unknown field impact.requests.txt", "text, source"),
        ("trigger: {text: a, sorce: b}", "unknown field trigger.sorce", "did you mean source?"),
        ("timeline: [{what: a}]", "timeline[0].source is missing", "add it"),
        ("timeline: [{at: soon, what: a, source: b}]", "timeline[0].at: is no time", "correct it"),
        ("timeline: [{at: 1714600000, what: a, source: b}]", "is a number, not a time", "correct"),
        ("actions: [{item: a, type: fix}]", "actions[0].type", "correct it"),
        ("actions: [{item: a, due: 20260630}]", "is a number, not a time", "correct it"),
        ("detection: {by: luck}", "detection.by", "correct it"),
        ("owner: true", "owner: must be a text; in quotes", "correct it"),
        ("timeline: soon", "timeline: must be a list", "correct it"),
        ("actions: {item: a}", "actions: must be a list", "correct it"),
        ("authors: Ana", "authors: must be a list", "correct it"),
        ("impact: 3", "impact: must be a mapping", "correct it"),
        ("people: [Ana]", "people[0]: must be a mapping", "correct it"),
        ("trigger: 3", "trigger: must be a text, or a mapping", "correct it"),
        ("trigger: ''", "trigger.text: must not be empty", "correct it"),
        ("options: [{name: a, recommended: x}]", "must be true or false", "correct it"),
        ("steps: [{step: a, state: x}]", "must be 'done', 'open' or 'failed'", "correct it"),
        ("true: a", "is no name of a field", "correct it"),
        ("timeline: [{at: [1], what: a, source: b}]", "timeline[0].at: is no time", "correct it"),
        (
            "timeline: [{at: 2026-13-02, what: a, source: b}]",
            "timeline[0].at: is no time",
            "correct",
        ),
        (
            "timeline: [{at: 2026-13-02T08:00:00Z, what: a, source: b}]",
            "timeline[0].at: is no time; write 2026-05-02T08:15:00Z",
            "correct it",
        ),
        ("actions: [{item: a, due: 2026-02-30}]", "actions[0].due: is no date", "correct it"),
        ("actions: [{item: a, due: 2026-05-31T12:00:00Z}]", "due: is no date", "correct it"),
        ("timeline: [{what: , source: b}]", "timeline[0].what is missing", "add it"),
        ("ownr:", "unknown field ownr", "did you mean owner?"),
        ("[a, b]", "is no events file", "give a mapping of: title"),
    ],
)
def test_what_does_not_fit_is_told_with_its_place(load, text, told, todo):
    """The first thing that is wrong is named by its place, with what is known or what to do."""
    with refused(InputError, told, "events.yaml") as caught:
        load(text)
    assert todo in caught.value.todo


def test_an_empty_file_has_no_events(load):
    """Nothing said is not wrong: everything is then still to write."""
    assert load("") == Events()


@pytest.mark.parametrize("field", sorted(Events.model_fields))
def test_a_field_that_is_left_empty_is_left_out(load, field):
    """A name with nothing after it says as much as no name, whatever the field holds."""
    assert load(f"{field}:\n") == Events()
    assert load(f"{field}: null\n") == Events()


def test_a_field_of_a_part_that_is_left_empty_is_left_out(load):
    """As in the file itself, so in its parts."""
    (action,) = load("actions: [{item: a, owner: , due: , type: }]").actions
    assert action == events.Action(item="a")
    (option,) = load("options: [{name: a, pros: , cons: }]").options
    assert (option.pros, option.cons) == ((), ())


@pytest.mark.parametrize("at", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"])
@pytest.mark.parametrize("quote", ["", "'"])
def test_a_time_that_utc_has_no_year_for_is_refused(load, at, quote):
    """Its zone is right and its year is, but not together."""
    with refused(InputError, "timeline[0].at: is outside the years 1 to 9999", "events.yaml"):
        load(f"timeline: [{{at: {quote}{at}{quote}, what: a, source: b}}]")


def test_no_message_speaks_of_python(load):
    """Each kind of wrong value in each field is refused in words for who writes the file."""
    for field in Events.model_fields:
        for wrong in ("3", "yes", "[3]", "[[a]]", "{zz: 1}", "[{zz: 1}]", "''", "2026-05-02"):
            try:
                load(f"{field}: {wrong}")
            except InputError as error:
                said = str(error)
                assert not re.search("Input should|valid|tuple|dict|instance|NoneType", said), said


@pytest.mark.parametrize(
    ("given", "understood"),
    [
        ("2026-05-02T08:15:00Z", datetime(2026, 5, 2, 8, 15, tzinfo=UTC)),
        ("2026-05-02 08:15 UTC", datetime(2026, 5, 2, 8, 15, tzinfo=UTC)),
        ("2026-05-02T10:15:00+02:00", datetime(2026, 5, 2, 8, 15, tzinfo=UTC)),
        ("2026-05-02 08:15", datetime(2026, 5, 2, 8, 15)),  # noqa: DTZ001 - just what is tested
        ("2026-05-02", date(2026, 5, 2)),
        ("null", None),
    ],
)
def test_times_become_utc_where_their_zone_is_known(load, given, understood):
    """A zone is converted; a time without one, and a day, stay what they are."""
    (entry,) = load(f"timeline: [{{at: {given}, what: a, source: b}}]").timeline
    assert entry.at == understood
    assert not isinstance(understood, datetime) or entry.at.tzinfo == understood.tzinfo


def test_a_statement_is_a_text_or_a_text_with_its_source(load):
    """Both forms say the same, but for the source."""
    plain = load("trigger: it rained").trigger
    cited = load("trigger: {text: it rained, source: the window}").trigger
    assert (plain.text, plain.source) == ("it rained", None)
    assert (cited.text, cited.source) == ("it rained", "the window")


@pytest.mark.parametrize(
    "text",
    ["a: [", "\x00", "!!python/object/apply:os.system [ls]", "a: &a [*a]", "? [a]: b", "a: 1e999"],
)
def test_what_is_no_plain_yaml_is_refused_in_one_line(load, text):
    """Broken, recursive and executable YAML is refused, and nothing of it runs."""
    assert loaded(load, text) is None


def test_the_documentation_names_every_field_and_choice():
    """docs/events.md has each field of the file and of its parts, and each value of a choice."""
    text = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
    parts = [part for part in vars(events).values() if isinstance(part, type)]
    models = [part for part in parts if issubclass(part, BaseModel)]
    names = {name for model in models for name in model.model_fields}
    choices = {*get_args(events.Kind), *get_args(events.ActionType), *get_args(events.State)}
    choices |= set(get_args(get_args(events.Detection.model_fields["by"].annotation)[0]))
    assert len(names) > 40
    assert {name for name in names | choices if f"`{name}`" not in text} <= {"text"}
