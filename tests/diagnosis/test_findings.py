"""Findings: one schema, by which every case writes them and by which they are read."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

import atomlab
from atomlab.diagnosis.comparison import compare
from atomlab.diagnosis.findings import CaseRecord, TenantFindings, certainty_of, result_of
from atomlab.diagnosis.triage import triage
from atomlab.fleets.findings import FleetFindings
from atomlab.fleets.survey import survey
from tests.conftest import ROOT

SHIPPED = ROOT / "data" / "postmortem" / "findings.json"


def investigated(snapshot):
    claims = atomlab.load_hypothesis(ROOT / "data" / "hypotheses" / "brennan-minimax.yaml")
    return atomlab.investigate(snapshot, "brennan", claims)


@pytest.mark.parametrize(
    ("make", "model"),
    [
        (investigated, TenantFindings),
        (lambda snapshot: triage(snapshot, "brennan"), TenantFindings),
        (lambda snapshot: compare(snapshot, "brennan", others=1), TenantFindings),
        (lambda snapshot: survey(snapshot, "simple"), FleetFindings),
    ],
    ids=["investigation", "triage", "comparison", "fleet"],
)
def test_what_a_case_writes_is_read_back_as_it_was(before, make, model):
    """Of every case: the JSON of the file is the JSON of what was read from it."""
    case = make(before)
    written = json.loads(json.dumps(case.to_json(), allow_nan=False))
    assert model.model_validate(written).to_json() == written
    assert case.findings() == model.model_validate(written)


def test_the_schema_has_every_field_of_a_diagnosis(before):
    """None gets lost on the way into the findings, in any part: before the fix and after it."""
    case = investigated(before)
    found = case.to_json()
    for written, diagnosis in (
        (found["diagnosis"], case.diagnosis),
        (found["repaired"]["diagnosis"], case.repaired.diagnosis),
    ):
        assert written == json.loads(json.dumps(diagnosis.to_json()))
    assert found["verification"] == json.loads(json.dumps(case.verification.to_json()))


def test_a_file_of_a_later_version_is_read(before):
    """Fields are only ever added: what this version does not know is passed over."""
    document = json.loads(SHIPPED.read_text(encoding="utf-8"))
    later = {**document, "new": 1, "snapshot": {**document["snapshot"], "new": [2]}}
    assert TenantFindings.model_validate(later) == TenantFindings.model_validate(document)


def test_only_what_was_recorded_is_written_again():
    """A part that an older file lacks stays away; one that is there and empty stays."""
    document = json.loads(SHIPPED.read_text(encoding="utf-8"))
    old = {name: value for name, value in document.items() if name not in ("steps", "limits")}
    found = TenantFindings.model_validate({**old, "options": []})
    assert found.to_json() == {**old, "options": []}


@pytest.mark.parametrize("field", ["schema", "title", "answer", "snapshot", "verification"])
def test_what_every_document_needs_is_asked_for(field):
    """Without it the file is not a findings document."""
    document = json.loads(SHIPPED.read_text(encoding="utf-8"))
    del document[field]
    with pytest.raises(ValidationError, match=field):
        CaseRecord.model_validate(document)


@pytest.mark.parametrize(
    ("findings", "result", "certainty"),
    [
        ({}, "", ""),
        ({"status": "healthy"}, "healthy", ""),
        ({"status": "healthy", "verdict": "confirmed"}, "confirmed", ""),
        ({"status": "affected", "verdict": None}, "affected", ""),
        ({"result": "affected", "verdict": "inconclusive"}, "affected", "inconclusive"),
        ({"result": None, "verdict": "refuted", "status": "affected"}, "refuted", ""),
        ({"result": "undecided", "verdict": "inconclusive"}, "undecided", ""),
    ],
)
def test_result_is_the_first_that_is_given_and_only_an_affected_tenant_has_a_certainty(
    findings, result, certainty
):
    """The result, else the verdict, else the status; how sure a cause is, where there is one."""
    assert (result_of(findings), certainty_of(findings)) == (result, certainty)
