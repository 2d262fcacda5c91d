"""Findings documents as they are read: checked, ordered by capture, and each with its own name."""

from __future__ import annotations

import copy
import hashlib
import json

import pytest

from atomlab.errors import InputError
from atomlab.fleets.survey import survey
from atomlab.postmortem.cases import load_cases
from tests.refusals import refused


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a document as findings.json in a folder of its own."""

    def to_folder(document, folder="a"):
        path = tmp_path / folder / "findings.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        return path

    return to_folder


def test_a_case_names_its_file_and_the_hash_of_its_bytes(write, incident):
    """The hash is that of the file as it lies there."""
    path = write(incident)
    (case,) = load_cases([path])
    assert case.file == "findings.json"
    assert case.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert case.found.snapshot.sha256 == incident["snapshot"]["sha256"]


def test_cases_stand_in_the_order_of_their_captures(write, incident, next_day):
    """Whatever the order they are given in, the earlier capture comes first."""
    paths = [write(next_day, "later"), write(incident, "earlier")]
    cases = load_cases(paths)
    assert [case.file for case in cases] == ["earlier/findings.json", "later/findings.json"]


def test_no_two_files_go_by_one_name(write, incident):
    """Files whose folders share a name too are told apart; the same file twice is one."""
    paths = [write(incident, "x/report"), write(incident, "y/report")]
    assert len({case.file for case in load_cases(paths)}) == 2
    assert len(load_cases([paths[0], paths[0]])) == 1


@pytest.mark.parametrize("asked", ["advanced", "simple, moderate, complex, advanced", "none"])
def test_the_request_asked_about_is_one_that_fails_where_nothing_else_is_said(
    write, triaged, asked
):
    """A request that was not diagnosed stands for the first that fails, not for the first."""
    (case,) = load_cases([write({**triaged, "request": {"complexity": asked}})])
    assert [d.outcome for d in case.found.diagnosis.diagnoses].count("no-models") == 1
    assert case.found.diagnosis.diagnoses[case.asked].outcome == "no-models"


def test_a_request_with_tools_is_another_than_one_without(write, incident):
    """Of two requests of a complexity, the one that was asked about is found by its tools."""
    found = copy.deepcopy(incident)
    found["diagnosis"]["diagnoses"][0]["request"] |= {"complexity": "moderate", "tools": True}
    for asked, place in ((True, 0), (False, 1)):
        found["request"] = {"complexity": "moderate", "tools": asked}
        assert load_cases([write(found)])[0].asked == place


def test_findings_about_all_tenants_are_refused(write, before):
    """A fleet's findings are of no single tenant: the line says so, and what to give."""
    path = write(json.loads(json.dumps(survey(before, "simple").to_json())))
    with refused(InputError, "is about all tenants", "(atomlab report --tenant)"):
        load_cases([path])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"schema": "atomlab.diagnosis/1"}, "is not one tenant's findings (schema"),
        ({"verdict": "perhaps"}, "is not one tenant's findings (verdict"),
        ({"snapshot": {"name": "a", "sha256": "0123", "manifest": {}}}, "snapshot.sha256"),
        ({"diagnosis": None}, "is not one tenant's findings (diagnosis"),
    ],
)
def test_what_is_no_findings_document_is_refused(write, incident, change, told):
    """The error names the field, and what to give instead."""
    path = write({**incident, **change})
    with refused(InputError, told, path):
        load_cases([path])


@pytest.mark.parametrize("text", ["", "[]", "7", '"x"', "{", "[" * 100_000])
def test_other_files_are_refused(write, text):
    """Files that hold no JSON object are refused in one line."""
    path = write(text)
    with refused(InputError, "is no", path):
        load_cases([path])


def test_a_file_that_is_not_there_is_refused(tmp_path):
    """So is a path that leads nowhere."""
    with refused(InputError, "no such file", "nowhere.json"):
        load_cases([tmp_path / "nowhere.json"])
