"""Events files: what only people know, read strictly, and told where it is wrong."""

from __future__ import annotations

import re
import time
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
            "actions[1]: unknown field ower",
            "known fields: item, type, owner, priority, due, tracker",
        ),
        ("impact: {requests: {txt: a}}", "impact.requests: unknown field txt", "text, source"),
        ("trigger: {text: a, sorce: b}", "trigger: unknown field sorce", "did you mean source?"),
        ("timeline: [{what: a}]", "timeline[0].source is missing", "add it"),
        (
            "timeline: [{at: soon, what: a, source: b}]",
            "timeline[0].at: is not a time",
            "correct it",
        ),
        (
            "timeline: [{at: 1714600000, what: a, source: b}]",
            "timeline[0].at: is not a time",
            "correct",
        ),
        ("actions: [{item: a, type: fix}]", "actions[0].type", "correct it"),
        ("actions: [{item: a, due: 20260630}]", "actions[0].due: must be text; put", "correct it"),
        ("detection: {by: luck}", "detection.by", "correct it"),
        ("owner: true", "owner: must be text; put it in quotes", "correct it"),
        ("timeline: soon", "timeline: must be a list", "correct it"),
        ("actions: {item: a}", "actions: must be a list", "correct it"),
        ("authors: Ana", "authors: must be a list", "correct it"),
        ("impact: 3", "impact: must be a mapping", "correct it"),
        ("people: [Ana]", "people[0]: must be a mapping", "correct it"),
        ("trigger: 3", "trigger.text: must be text; put it in quotes", "correct it"),
        ("trigger: ''", "trigger.text: must not be empty", "correct it"),
        ("options: [{name: a, recommended: x}]", "must be true or false", "correct it"),
        ("steps: [{step: a, state: x}]", "must be 'done', 'open' or 'failed'", "correct it"),
        ("true: a", "unknown field True", "known fields: title"),
        (
            "timeline: [{at: [1], what: a, source: b}]",
            "timeline[0].at: is not a time",
            "correct it",
        ),
        (
            "timeline: [{at: 2026-13-02, what: a, source: b}]",
            "timeline[0].at: is not a time",
            "correct",
        ),
        (
            "timeline: [{at: 2026-13-02T08:00:00Z, what: a, source: b}]",
            "timeline[0].at: is not a time; write 2026-05-02T08:15:00Z",
            "correct it",
        ),
        ("timeline: [{what: , source: b}]", "timeline[0].what is missing", "add it"),
        ("ownr:", "unknown field ownr", "did you mean owner?"),
        ("timeline: [{at: 2026-06-30 14:00 IST, what: a, source: b}]", "IST is the", "+05:30"),
        ("owner: [ann, 3]", "owner: must be text", "correct it"),
        ("actions: [{item: a, owner: []}]", "actions[0].owner: must be text", "correct it"),
        ("actions: [{item: a, due: Q5 2026}]", "actions[0].due: is no quarter; write", "correct"),
        ("glossary: {BYOK: 3}", "glossary[0].means: must be text", "correct it"),
        ("glossary: [{term: a, sense: b}]", "glossary[0]: unknown field sense", "term, means"),
        ("supporting: [3]", "supporting[0]: must be a mapping", "correct it"),
        ("supporting: [{what: a, lnk: b}]", "unknown field lnk", "did you mean link?"),
        ("incident: {tenant: [a]}", "incident: unknown field tenant", "did you mean tenants?"),
        ("incident: {tenants: []}", "incident.tenants: must not be empty", "correct it"),
        ("incident: {tenants: [0042]}", "incident.tenants[0]: must be text", "correct it"),
        ("slo: {txt: a}", "slo: unknown field txt", "known fields: text, source"),
        ("ongoing: sometimes", "ongoing: must be true or false", "correct it"),
        (
            "{ongoing: true, timeline: [{what: a, source: b, kind: resolved}]}",
            "timeline[0] is resolved, and ongoing is true",
            "take one of them out",
        ),
        ("[a, b]", "is not an events file", "give a mapping of: title"),
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
        ("2026-05-02T08:15:00Z", "2026-05-02 08:15 UTC"),
        ("2026-05-02 08:15 UTC", "2026-05-02 08:15 UTC"),
        ("2026-05-02 08:15:30 GMT", "2026-05-02 08:15:30 UTC"),
        ("2026-05-02T10:15:00+02:00", "2026-05-02 08:15 UTC"),
        ("2026-05-02T01:15:00+02:00", "2026-05-01 23:15 UTC"),
        ("2026-05-02 08:15", "2026-05-02 08:15"),
        ("2026-05-02", "2026-05-02"),
        ("2015-10-21 14:51 PDT", "2015-10-21 21:51 UTC (14:51 PDT)"),
        ("2026-05-02T08:15:00Z/2026-05-02T09:15:00Z", "2026-05-02 08:15–09:15 UTC"),
        ("null", None),
    ],
)
@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo"])
def test_times_become_utc_where_their_zone_is_known(load, monkeypatch, given, understood, zone):
    """An offset is converted; a day, a range, or a time without an offset stay as they are."""
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    (entry,) = load(f"timeline: [{{at: {given}, what: a, source: b}}]").timeline
    assert entry.at == understood


def test_several_names_are_a_list_or_a_text(load):
    """Owners of the document and of an action, and who did something."""
    entry = "timeline: [{{what: a, source: b, who: {0}}}]"
    text = f"{{{{owner: {{0}}, actions: [{{{{item: a, owner: {{0}}}}}}], {entry}}}}}"
    for names in ("[ann, bob]", "'ann, bob'"):
        read = load(text.format(names))
        assert {read.owner, read.actions[0].owner, read.timeline[0].who} == {"ann, bob"}


def test_what_to_read_is_a_text_or_has_its_link(load):
    """A link alone is one; a glossary is a mapping or a list."""
    plain, full = load("supporting: ['https://a.b', {what: c, link: d, source: e}]").supporting
    assert (plain.what, plain.link) == ("https://a.b", None)
    assert (full.what, full.link, full.source) == ("c", "d", "e")
    assert load("glossary: {a: b}") == load("glossary: [{term: a, means: b}]")


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
