"""The example in data/postmortem: current, honest, and as complete as the incident document."""

from __future__ import annotations

import importlib.util
import json
import sys

import pytest
import yaml

from atomlab.report.postmortem.check import problems
from atomlab.report.postmortem.reader import blocks, headings
from tests.conftest import ROOT

FOLDER = ROOT / "data" / "postmortem"


@pytest.fixture(scope="module")
def example():
    """Return the shipped postmortem."""
    return (FOLDER / "postmortem.md").read_text(encoding="utf-8")


def section(markdown, name):
    return " ".join(b.whole for b in blocks(markdown) if name in b.section)


def test_the_example_is_what_the_build_makes_now(tmp_path):
    """Built again from the shipped snapshot, findings and document are the same, byte for byte."""
    spec = importlib.util.spec_from_file_location("data_build", ROOT / "data" / "build.py")
    build = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = build
    spec.loader.exec_module(build)
    for made in build.build_postmortem(tmp_path):
        assert made.read_bytes() == (FOLDER / made.name).read_bytes(), "run: make postmortem"


# The sections of the incident document, where they stand here, and what they must say.
DOCUMENT = [
    ("Hypothesis", ["MINIMAX_2_7_API_KEY", "skips minimax", "minimax/ model", "raises the error"]),
    ("Verification", ["H1a", "no such row", "9 of 9 models skipped", "confirmed", "placebos"]),
    ("Code flow", ["get_tenant_api_key", "_initialize_clients", "rank_models_by_pricing", "848"]),
    ("Root cause", ["Database state", "Client initialization", "Model ranking", "Error"]),
    ("Fix options", ["no code changes required", "requires user action", "hacky workaround"]),
    ("Verification steps", ["done", "open", "re-run the backfill job", "entity creation"]),
    ("Related", ["#7454884299", "#1989", "2026-05-02-production-db-analysis.md"]),
    ("Next steps", ["same value", "Restart worker", "Monitor logs", "Document resolution"]),
]


@pytest.mark.parametrize(("name", "told"), DOCUMENT)
def test_it_covers_every_section_of_the_incident_document(example, name, told):
    """Hypothesis, verification, code flow, root cause, options, steps, related, next steps."""
    assert name in headings(example)
    text = section(example, name)
    assert [words for words in told if words not in text] == []


def test_steps_have_the_states_of_the_document(example):
    """Three are done and three open, as the incident document has them."""
    rows = [b.cells for b in blocks(example) if b.section[-1] == "Verification steps" and b.cells]
    states = dict(rows)
    assert [states[s] for s in states if s.startswith(("TDD", "Tests run", "Code flow"))] == [
        *("done", "done", "done")
    ]
    assert [states[s] for s in states if s.startswith(("Apply", "Verify", "Confirm"))] == [
        *("open", "open", "open")
    ]


def test_both_options_have_pros_and_cons_and_a_recommendation(example):
    """The document's two options as people weighed them, beside what running them shows."""
    text = section(example, "Fix options")
    assert text.index("Recommended.") < text.index("Not recommended.")
    assert text.count("Pro: ") == 4
    assert text.count("Con: ") == 4
    assert "changes decisions of 1 other tenant" in text
    assert "braces" not in example  # another customer's name


def test_nothing_in_it_is_made_up(example):
    """What the document does not give is still to write: people, times, numbers; it says so."""
    events = yaml.safe_load((FOLDER / "events.yaml").read_text(encoding="utf-8"))
    entries = [events["trigger"], events["detection"], *events["timeline"], *events["options"]]
    open_points = {p.place.partition(",")[0] for p in problems(example)}

    assert all(entry["source"].startswith("incident document") for entry in entries)
    assert not {"owner", "authors", "people", "number", "severity"} & set(events)
    assert not [a for a in events["actions"] if set(a) - {"item", "type"}]
    assert {"Head", "Impact", "Timeline", "Action items"} <= open_points
    assert "An example." in example.split("##")[0]


def test_it_shows_what_the_check_is_for(example):
    """An action that binds nobody is found in it, beside owners and dates that are missing."""
    told = [p.what for p in problems(example)]
    assert any("'monitor'" in what for what in told)
    assert told.count("no owner") == 3
    assert told.count("no due date") == 3


def test_its_findings_are_those_of_the_shipped_snapshot(before):
    """The hash leads to the file in data/snapshots."""
    found = json.loads((FOLDER / "findings.json").read_text(encoding="utf-8"))
    assert found["snapshot"]["sha256"] == before.sha256
