"""The example in data/postmortem: current, honest, and as complete as the incident document."""

from __future__ import annotations

import importlib.util
import json
import re
import sys

import pytest
import yaml

from atomlab.cli import main
from atomlab.postmortem.check import problems
from atomlab.postmortem.reader import blocks
from tests.conftest import ROOT

FOLDER = ROOT / "data" / "postmortem"


@pytest.fixture(scope="module")
def example():
    """Return the shipped postmortem."""
    return (FOLDER / "postmortem.md").read_text(encoding="utf-8")


def section(markdown, name):
    return " ".join(b.text for b in blocks(markdown) if name in b.section and not b.level)


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
    assert name in [b.text for b in blocks(example) if b.level]
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
    tried = section(example, "Tried for every tenant of the snapshot")
    assert "changes decisions for 1 other tenant" in tried
    assert "braces" not in example  # another customer's name


def test_nothing_in_it_is_made_up(example):
    """What the document does not give is still to write: people, times, numbers; it says so."""
    events = yaml.safe_load((FOLDER / "events.yaml").read_text(encoding="utf-8"))
    entries = [events["trigger"], events["detection"], *events["timeline"], *events["options"]]
    open_points = {p.place.partition(",")[0] for p in problems(example)}

    assert all(entry["source"].startswith("incident document") for entry in entries)
    assert not {"owner", "authors", "people", "number", "severity"} & set(events)
    assert not [a for a in events["actions"] if set(a) - {"item", "type"}]
    assert {"Incident", "Impact", "Timeline", "Action items"} <= open_points
    assert "An example." in example.split("##")[0]


def test_it_shows_what_the_check_is_for(example):
    """Owners and dates that are missing, and an action without an end, which is advice."""
    found = problems(example)
    assert ["'monitor'" in p.what for p in found if p.advice] == [True]
    left = [p.what for p in found if p.place.startswith("Action items") and not p.advice]
    assert left == ["still to write: owner, priority, due, tracker"] * 3


def test_its_findings_are_those_of_the_shipped_snapshot(before):
    """The hash leads to the file in data/snapshots."""
    found = json.loads((FOLDER / "findings.json").read_text(encoding="utf-8"))
    assert found["snapshot"]["sha256"] == before.sha256


# What somebody who was there would write in each place that the example leaves open.
FILLED = {
    "| Incident number": "INC-7",
    "| Severity": "SEV-2",
    "| Owner": "Ana Orlov",
    "| Authors": "Ana Orlov, Bo Lind",
    "| Review meeting": "none",
    "| Recording": "none",
    "| War room": "no",
    "| Drill": "yes: a key under another name",
    "| Took part": "Ana Orlov, lead; Bo Lind, engineer",
    "| Requests": "212 requests failed with HTTP 500. [E12]",
    "| Users": "Nobody could search new mails. [E12]",
    "| SLO": "The quarter's error budget is spent. [E12]",
    "| Infrastructure": "none",
    "| Productivity": "two engineers for one day [E12]",
    "| Support requests": "none",
    "| 2026-05-02 **TO WRITE**: time (UTC) | detected": "2026-05-02 07:30 UTC",
    "| 2026-05-02 **TO WRITE**: time (UTC) |  ": "2026-05-02 09:00–09:30 UTC",
    "| **TO WRITE**: time (UTC) | started": "The worker began to write errors. [E12]",
    "| **TO WRITE**: time (UTC) | mitigated": "The job was paused. [E12]",
    "| **TO WRITE**: time (UTC) | resolved": "The row was added. [E12]",
    "| Detected by": "user report",
    "- **TO WRITE**: what made it possible": "No test covers a key under another name. [E9]",
    "**TO WRITE**: what was done to end it": "Ana Orlov added the row at 12:30 (UTC). [E12]",
    "- **TO WRITE**: what worked": "The snapshot was there before the change.",
    "- **TO WRITE**: what did not": "The error does not say which key is missing.",
    "- **TO WRITE**: what only chance prevented": "The job can be run again.",
    "| Add ": "Ana Orlov",
    "| Monitor logs": "Bo Lind (platform team)",
    "| Document resolution": "Bo Lind",
    "| Internal": "Ana Orlov told support on the day.",
    "| External": "none",
}
TIMES = {"started": "06:00", "mitigated": "10:00", "resolved": "12:30"}
TO_DO = [(" | **TO WRITE**", f" | {cell}") for cell in ("P1", "2026-05-31", "INC-7")]


def filled(line):
    """Return a line of the example as somebody fills it in."""
    start = next((each for each in FILLED if line.startswith(each)), None)
    if "**TO WRITE**" not in line or start is None:
        return line
    for kind, time in TIMES.items():
        line = line.replace(f"**TO WRITE**: time (UTC) | {kind}", f"2026-05-02 {time} UTC | {kind}")
    line = line.replace("2026-05-02 **TO WRITE**: time (UTC)", FILLED[start])
    line = re.sub(r"\*\*TO WRITE\*\*(: [^|]*[^| ])?", FILLED[start], line, count=1)
    for was, becomes in TO_DO:
        line = line.replace(was, becomes, 1)
    return line.replace("| Monitor logs for", "| Log a line for each")


def test_the_example_passes_once_it_is_filled_in(example, tmp_path, monkeypatch, capsys):
    """Nothing that a good postmortem says is refused: exit 0."""
    path = tmp_path / "postmortem.md"
    path.write_text("\n".join(map(filled, example.splitlines())), encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["atomlab", "postmortem", str(path), "--check"])
    with pytest.raises(SystemExit) as stop:
        main()
    assert capsys.readouterr().out == "nothing open\n"
    assert not stop.value.code


def test_each_place_that_is_filled_in_was_open(example):
    """As many lines are open as are filled in, and each of them alone keeps it from passing."""
    lines = example.splitlines()
    open_lines = {p.line for p in problems(example) if not p.advice}
    assert open_lines == {n for n, line in enumerate(lines, 1) if filled(line) != line}
    assert len(open_lines) == len(FILLED)
