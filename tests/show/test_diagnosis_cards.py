"""Diagnoses, fix sets, fixes and verifications show themselves: cards, and a line each."""

from __future__ import annotations

import pytest

import atomlab
from atomlab.diagnosis.fixes import plan_fix
from atomlab.diagnosis.triage import triage
from atomlab.fleets.survey import survey
from atomlab.show.cards import card_of
from tests.conftest import ROOT
from tests.pages import STORABLE, STORABLE_NAMES, Page, inert
from tests.refusals import is_one_line

CLAIMS = ROOT / "data" / "hypotheses" / "brennan-minimax.yaml"


@pytest.fixture(scope="module")
def diagnosis(before):
    return atomlab.diagnose(before, "brennan")


def rows(html):
    """Return the cells of each row of the card's tables, but for headers."""
    page, found = Page(html), []
    for (tag, attrs), text in zip(page.tags, page.texts, strict=True):
        if attrs.get("scope") == "row":
            found.append([text])
        elif tag == "td":
            found[-1].append(text)
    return found


def test_a_diagnosis_shows_each_request_with_cause_and_fix(diagnosis):
    """One row per complexity: status, usable models, winner, root cause, fix and who makes it."""
    shown = rows(diagnosis._repr_html_())
    copy = "set MINIMAX_API_KEY to the value of MINIMAX_2_7_API_KEY"
    alias = "key-under-alias minimax"
    needs = "8,000 tokens, quality 80"
    assert shown[1] == ["moderate", "affected", "0", "–", alias, copy, "tenant", needs]
    assert [row[0] for row in shown] == ["simple", "moderate", "complex", "advanced"]
    assert shown[3][5].startswith("add a new key for any of: ")
    assert shown[3][4] == f"{alias} and quality minimax"


def test_a_diagnosis_is_one_line_in_a_terminal(diagnosis):
    """The tenant and the outcomes; no model, no price is printed."""
    line = repr(diagnosis)
    assert is_one_line(line)
    assert line.startswith("<Diagnosis of Brennan Machinery: simple no-models, moderate no-models")
    assert len(repr(diagnosis.requests[0])) < 10_000


def test_a_fix_shows_its_script_and_the_way_back(diagnosis):
    """The SQL stands in the card as it is to be run, and its rollback folded below it."""
    fix = plan_fix(diagnosis, "postgresql")
    page = Page(fix._repr_html_())
    assert [text for _, text in page.all("code")] == [fix.sql.strip(), fix.rollback.strip()]
    assert "Advanced requests need another fix" in page.text
    assert is_one_line(repr(fix))


def test_a_fix_in_words_has_no_script(after):
    """What no SQL can do is said, and nothing is folded away."""
    page = Page(plan_fix(atomlab.diagnose(after, "brennan"), "sqlite")._repr_html_())
    assert not page.all("details")
    assert "To repair the root cause itself, engineering has to" in page.text
    assert "SQL cannot supply one" in page.text


def test_a_verification_shows_each_claim_with_its_verdict(before):
    """The verdict is on the title, each claim's in its row."""
    verification = atomlab.verify(before, atomlab.load_hypothesis(CLAIMS))
    shown = rows(verification._repr_html_())
    assert [row[0] for row in shown] == ["H1a", "H1b", "H2a", "H2b", "H3", "H4", "F1"]
    assert {row[2] for row in shown} == {"confirmed"}
    page = Page(verification._repr_html_())
    assert "Nothing is claimed, so nothing was tested." not in page.text
    card = card_of(verification)
    assert (card.title, card.word) == ("No models available from dynamic pricing", "confirmed")
    assert card.facts == {"tenant": "brennan", "request": "moderate"}
    assert card.remarks == []
    assert "Each claim with its verdict, and what was observed." in page.text
    line = "<Verification of No models available from dynamic pricing: confirmed, 7 claims>"
    assert repr(verification) == line


def test_a_verification_names_every_request_that_it_is_about(before):
    """One for a hypothesis; all that were tried for a triage and a fleet."""
    four = "simple, moderate, complex, advanced"
    for verification, name, told in (
        (atomlab.verify(before, atomlab.load_hypothesis(CLAIMS)), "request", "moderate"),
        (triage(before, "brennan").verification, "requests", four),
        (triage(before, "brennan", "complex").verification, "request", "complex"),
        (survey(before).verification, "requests", four),
    ):
        page = Page(verification._repr_html_())
        names, told_of = ([text for _, text in page.all(tag)] for tag in ("dt", "dd"))
        assert dict(zip(names, told_of, strict=True))[name] == told


def test_a_verification_without_claims_says_so(before):
    """Nothing was tested: no table, one sentence."""
    page = Page(atomlab.investigate(before, "brennan").verification._repr_html_())
    assert not page.all("table")
    assert "Nothing is claimed, so nothing was tested." in page.text


def test_a_triage_of_a_healthy_tenant_shows_no_verdict(before):
    """Claims about an affected one have a verdict each; where nothing is wrong there is none."""
    page = Page(triage(before, "brennan").verification._repr_html_())
    assert {text for _, text in page.all("span")} == {"confirmed"}
    assert not Page(triage(before, "northwind").verification._repr_html_()).all("span")


@pytest.mark.parametrize("name", STORABLE, ids=STORABLE_NAMES)
def test_hostile_tenants_are_text(captured, name):
    """Whatever a tenant and its settings are called is shown, never run, and kept short."""
    snapshot = captured({name: {"MINIMAX_2_7_API_KEY": "k", "<b onclick=x>_API_KEY": "k"}})
    hypothesis = atomlab.load_hypothesis(CLAIMS).model_copy(
        update={"tenant": f"id-{name}", "title": name}
    )
    found = atomlab.diagnose(snapshot, f"id-{name}")
    verification = atomlab.verify(snapshot, hypothesis)
    for shown in (found, verification, plan_fix(found, "postgresql")):
        assert inert(shown._repr_html_())
        assert len(shown._repr_html_()) < 30_000
        assert is_one_line(repr(shown))


def test_the_card_says_what_each_kind_of_request_needs(before):
    """Window and quality, from the rules of the snapshot, of the kinds that were asked for."""
    asked = [atomlab.Request(complexity=c) for c in ("simple", "advanced")]
    [table] = card_of(atomlab.diagnose(before, "brennan", asked)).tables
    assert list(table.frame["needs"]) == ["4,000 tokens, quality 0", "32,000 tokens, quality 94"]
