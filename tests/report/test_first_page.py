"""A report's first page: title, status in its colour, certainty apart from it, plain sentences."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from atomlab.report.first_page import first_page, script_of
from tests.pages import HOSTILE, NAMES
from tests.refusals import is_one_line

TENANT = {"name": "Acme", "subdomain": "acme", "id": "1"}
ANSWER = {"answer": "Because of a key."}


def page_with(status, question="Is it so?", **fields):
    """Return the first page of findings with this summary."""
    summary = {"title": "Acme: so it is", "status": status, "what": "It is so.", **fields}
    return first_page({**ANSWER, "summary": summary}, question)


def test_what_changed_is_said_first():
    """Of a comparison the answer stands above what happens; of other findings it does not."""
    summary = {"title": "Acme: so it is", "status": "affected", "what": "It is so."}
    page = first_page({**ANSWER, "summary": summary, "compared": {"tenant": None}}, "What changed?")
    assert [*page.sentences.items()] == [
        ("What changed", "Because of a key."),
        ("What happens", "It is so."),
    ]
    assert [*page_with("affected").sentences] == ["What happens"]


@pytest.mark.parametrize(
    ("status", "fields", "told"),
    [
        ("affected", {"certainty": "confirmed"}, ("bad", "Affected", "Cause: proven")),
        ("affected", {"certainty": "inconclusive"}, ("bad", "Affected", "Cause: not proven")),
        ("affected", {"mute": ["simple"]}, ("bad", "Affected", "")),
        ("undecided", {}, ("open", "Undecided", "")),
        ("healthy", {}, ("good", "Healthy", "")),
        ("healthy", {"mute": ["simple"]}, ("open", "Healthy, with a warning", "")),
        ("healthy", {"warning": "A key is spaces."}, ("open", "Healthy, with a warning", "")),
    ],
)
def test_the_status_is_in_its_colour_and_the_certainty_apart(status, fields, told):
    """Affected is red however sure the cause is; healthy is green only without any warning."""
    page = page_with(status, **fields)
    assert (page.tone, page.status, page.certainty) == told
    assert page.title == "Acme: so it is"


def test_only_the_sentences_that_there_are_get_a_label():
    """In the order in which they are read; the answer, which says the same, is left out."""
    assert page_with("healthy").sentences == {"What happens": "It is so."}
    fields = ("left", "who", "todo", "claims", "proof", "why", "warning")
    page = page_with("affected", **{field: f"{field}." for field in fields})
    assert list(page.sentences.items()) == [
        ("What happens", "It is so."),
        ("But", "warning."),
        ("Why", "why."),
        ("How sure", "proof."),
        ("The claims", "claims."),
        ("What to do", "todo."),
        ("Whose turn", "who."),
        ("What it does not cure", "left."),
    ]


@pytest.mark.parametrize(
    ("verdict", "claims", "told"),
    [
        ("confirmed", [{}], ("plain", "Confirmed: every claim holds")),
        ("refuted", [{}], ("plain", "Refuted: not every claim holds")),
        (
            "inconclusive",
            [{}],
            ("open", "Inconclusive: the evidence is not sufficient to judge the claims"),
        ),
        ("inconclusive", [], ("open", "Inconclusive: no claim given")),
        ("refuted", None, ("plain", "Refuted")),
    ],
)
def test_findings_without_a_summary_have_their_answer(verdict, claims, told):
    """A verdict is neither green nor red: that every claim holds may be bad news."""
    verification = {} if claims is None else {"verification": {"claims": claims}}
    page = first_page({**ANSWER, "verdict": verdict, **verification}, "Is it so?")
    assert (page.tone, page.status) == told
    assert (page.title, page.sentences) == ("Is it so?", {"What was found": ANSWER["answer"]})


@pytest.mark.parametrize(
    ("status", "verdict", "result", "told"),
    [
        ("affected", "confirmed", "affected", ("bad", "Affected", "Cause: proven", None)),
        ("affected", "inconclusive", "affected", ("bad", "Affected", "Cause: not proven", None)),
        ("affected", "confirmed", None, ("bad", "Affected", "", "Confirmed: every claim holds")),
        ("undecided", "inconclusive", "undecided", ("open", "Undecided", "", None)),
        ("healthy", None, None, ("good", "Healthy", "", None)),
    ],
)
def test_earlier_findings_show_the_status_first(status, verdict, result, told):
    """Of an affected tenant nothing is green; a verdict is the cause's in a triage only."""
    found = {**ANSWER, "status": status, "verdict": verdict, "result": result}
    about = {"diagnosis": {"tenant": TENANT}, "verification": {"claims": [{}]}, "title": "What?"}
    page = first_page({**found, **about}, "Is it so?")
    assert page.title == f"Acme: {status}"
    claims = page.sentences.get("The claims")
    assert (page.tone, page.status, page.certainty, claims) == told


@pytest.mark.parametrize("name", HOSTILE, ids=NAMES)
def test_every_text_is_one_printable_line(name):
    """Whatever a summary holds: it may be a notebook's own."""
    page = page_with("affected", title=name, what=name, todo=name)
    texts = [page.title, *page.sentences.values()]
    assert all(map(is_one_line, texts))
    assert max(map(len, texts)) < 4_100


def test_a_script_has_its_rollback_below_as_comments():
    """Only where there is SQL: a fix in words has none, and findings of a user's own no remedy."""
    remedy = {"status": "sql", "words": [], "sql": "BEGIN;\nCOMMIT;\n", "rollback": "UNDO;\n\nEND;"}
    lines = script_of({"remedy": remedy}).splitlines()
    assert lines[:2] == ["BEGIN;", "COMMIT;"]
    assert lines[-3:] == ["-- UNDO;", "-- ", "-- END;"]
    assert all(line.startswith("--") for line in lines[3:])
    for without in ({}, {"remedy": None}, {"remedy": {"status": "words", "words": ["ask"]}}):
        assert script_of(without) == ""
    with pytest.raises(ValidationError):
        script_of({"remedy": {"sql": 1}})
