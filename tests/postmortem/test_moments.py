"""What findings with a worker's log say of an incident's end: timeline, steps, what is left."""

from __future__ import annotations

import copy
import re

import pytest

from atomlab.diagnosis.confirm import confirm
from atomlab.postmortem.reader import blocks
from tests.conftest import ROOT
from tests.postmortem.test_draft import evidence_of, resolve, section

LOGS = [str(ROOT / "data" / "logs" / f"brennan-{when}-fix.log") for when in ("before", "after")]
FIXED_AT = "2026-05-02T16:40Z"


@pytest.fixture(scope="module")
def checked(before):
    """Return the findings of the shipped incident with its log."""
    return confirm(before, "brennan", LOGS, FIXED_AT).to_json()


@pytest.fixture
def over(checked):
    """Return the same where advanced requests work again as well, two jobs later."""
    found = copy.deepcopy(checked)
    *_, complex_, advanced = found["recovery"]["kinds"]
    advanced.update(complex_ | {"complexity": "advanced"})
    advanced["curve"] = [["2026-05-02T18:00:00Z", 7.1], ["2026-05-02T18:30:00Z", 50.0]]
    found["recovery"]["verdict"] = "over"
    return found


def rows_of(text, name="Timeline"):
    """Return the rows of a section's tables."""
    return [block for block in blocks(text) if block.cells and name in block.section]


def timeline(text):
    """Return time, kind and text of each row."""
    return [row.cells[:3] for row in rows_of(text)]


def test_the_fix_and_the_first_jobs_stand_in_the_timeline(make, incident, checked):
    """By time; mitigated is the last of the first; what is left keeps resolved open."""
    text = make(incident, checked)
    rows = [row for row in timeline(text) if row[0] >= "2026-05-02 16:" and row[0][:1] == "2"]
    assert [(at[11:], kind) for at, kind, _ in rows] == [
        ("16:40 UTC", ""),
        ("16:45:18 UTC", ""),
        ("17:00:39 UTC", ""),
        ("17:15:42 UTC", "mitigated"),
    ]
    assert "The fix was made: set MINIMAX_API_KEY to" in rows[0][2]
    shown = evidence_of(text)
    for row in (row for row in rows_of(text) if "2026-05-02 16:" < row.cells[0] < "2026-05-03"):
        [cited] = row.cites
        assert resolve(checked, shown[cited][1]) is not None
    [left] = [row for row in timeline(text) if row[1] == "resolved"]
    assert "TO WRITE" in left[0]
    assert "over for advanced requests of Brennan Machinery" in left[2]


def test_it_is_resolved_when_the_last_kind_is_over(make, incident, over):
    """When its evidence reaches the bound; then nothing is left to do, and no step is open."""
    text = make(incident, over)
    [resolved] = [row for row in timeline(text) if row[1] == "resolved"]
    assert resolved[0] == "2026-05-02 18:30 UTC"
    assert "Time to" not in text  # nobody says when it started
    [mitigated] = [row for row in timeline(text) if row[1] == "mitigated"]
    assert mitigated[0] == "2026-05-02 18:00 UTC"
    assert not any("MINIMAX_API_KEY" in row.text for row in rows_of(text, "Action items"))
    assert section(text, "Next steps").startswith("None: ")


def test_what_people_say_counts_first(make, incident, said, over):
    """Their mitigated and resolved stand; the measured rows are there without the word."""
    rows = timeline(make(incident, over, events=said))
    for kind, day in (("mitigated", "2026-05-02 12:00"), ("resolved", "2026-05-03 06:00")):
        assert [row[0][:16] for row in rows if row[1] == kind] == [day]
    ongoing = {**said, "ongoing": True, "timeline": said["timeline"][:2]}
    assert "resolved" not in [row[1] for row in timeline(make(incident, over, events=ongoing))]


def test_the_incident_is_over_when_it_is_for_all(make, incident, checked, before):
    """A tenant without a log keeps both moments open."""
    from atomlab.diagnosis.triage import triage

    other = triage(before, "fjord").to_json()
    rows = timeline(make(incident, checked, other))
    assert {row[0][:2] for row in rows if row[1] in ("mitigated", "resolved")} == {"TO"}


def test_steps_get_their_state_from_the_log(make, incident, said, checked):
    """Those of the findings, and those that people state as known by the log."""
    steps_of = [row.cells[0] for row in rows_of(make(incident, checked), "Verification steps")]
    found = dict(row.cells for row in rows_of(make(incident, checked), "Verification steps"))
    found = {re.sub(r" \(Brennan.*", "", step): state for step, state in found.items()}
    confirm_ = "Confirm in its log that it finds a model and succeeds: "
    assert found["Run the failed job again"] == "done"
    again = [step for step in steps_of if step.startswith("Run the failed job again")]
    assert len(again) == 1  # not once more as open, of the findings without a log
    assert found[f"{confirm_}simple, moderate and complex"] == "done"
    assert found[f"{confirm_}advanced"] == "open"
    steps = [
        {"step": f"step {name}", "source": "us", "shown_by_log": name}
        for name in ("fix", "rerun", "success")
    ]
    for findings, expected in (([incident], ["open"] * 3), ([checked], ["done", "done", "open"])):
        rows = rows_of(make(*findings, events={**said, "steps": steps}), "Verification steps")
        assert [row.cells[1] for row in rows if row.cells[0].startswith("step ")] == expected
