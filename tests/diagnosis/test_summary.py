"""A summary: what was found of a tenant, in words that need no code of ours."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

import atomlab
from atomlab.byok.ranking import rank
from atomlab.diagnosis.edits import WHO
from atomlab.diagnosis.fixes import best_fix, plan_fix
from atomlab.diagnosis.summary import summarize
from atomlab.evidence.inputs.rules import COMPLEXITIES
from atomlab.verdicts import CAUSES
from tests.diagnosis.made import KEY, Made, capture_made

# What stands in the JSON for programs, and in no sentence for people.
CODES = re.compile("|".join([*(c for c in CAUSES if "-" in c), "one-of-k", "ai_mode", "sole"]))


def tenants(snapshot):
    connection = snapshot.session.connection()
    return [row[0] for row in connection.exec_driver_sql("SELECT id FROM tenants")]


def test_the_incident_in_plain_words(before):
    """Brennan's summary says what, why, what to do, whose turn it is, and what stays broken."""
    found = summarize(atomlab.diagnose(before, "brennan"))
    assert found.title == "Brennan Machinery: every request fails"
    assert (found.status, found.certainty, found.actor) == ("affected", "confirmed", "tenant")
    assert found.failing == COMPLEXITIES
    assert found.what == (
        "Every request of Brennan Machinery fails: the platform finds no model to use, and the "
        'worker stops with "No models available from dynamic pricing".'
    )
    assert found.why.startswith(
        "The key for minimax stands under MINIMAX_2_7_API_KEY, but the platform looks for "
        "MINIMAX_API_KEY, so it uses no model of minimax. In addition, advanced requests fail "
    )
    assert found.todo == "Set MINIMAX_API_KEY to the value of MINIMAX_2_7_API_KEY."
    assert found.who.startswith("It is the tenant's turn")
    assert found.left.startswith("Advanced requests stay broken; they need another fix")
    assert (found.cause, found.fix) == (
        "key under another name (minimax)",
        "set MINIMAX_API_KEY to the value of MINIMAX_2_7_API_KEY",
    )


def test_every_tenant_is_summed_up_as_it_was_diagnosed(before):
    """Status, kinds that fail, certainty and actor are the diagnosis's; no sentence has a code."""
    for tenant in tenants(before):
        diagnosis = atomlab.diagnose(before, tenant)
        found = summarize(diagnosis)
        outcomes = {d.request.complexity: d for d in diagnosis.requests}
        failing = [c for c, d in outcomes.items() if d.outcome == "no-models"]
        winners = {c: d.ranking.winner for c, d in outcomes.items() if d.outcome == "ranked"}
        assert [*found.failing] == failing
        assert [*found.mute] == [c for c, winner in winners.items() if winner.chat is False]
        assert found.status == ("affected" if failing else "healthy")
        verdicts = {outcomes[c].explanation.causes[0].verdict for c in failing}
        assert found.certainty == (verdicts.pop() if len(verdicts) == 1 else None)
        assert bool(found.why) == bool(found.todo) == bool(found.who) == bool(failing)
        fix = best_fix(diagnosis)
        actors = [e.who(diagnosis.platform.rules) for e in (fix.edits if fix else ())]
        assert found.actor == max(actors, key=WHO.index, default=None)
        for text in (found.what, found.why, found.proof, found.todo, found.who, found.left):
            assert not CODES.search(text), text
            assert not text or text.endswith(".")


def test_what_stays_broken_is_what_finds_no_chat_model_with_the_fix_made(before):
    """Each kind of request is ranked again with the key added, without the sandbox."""
    for tenant in tenants(before):
        diagnosis = atomlab.diagnose(before, tenant)
        fix = best_fix(diagnosis)
        if fix is None or {e.kind for e in fix.edits} - {"copy-key", "repair-row"}:
            continue
        manager = diagnosis.platform.manager()
        states = {**diagnosis.rows, **{e.setting_key: "present" for e in fix.edits}}
        clients = manager.lookups_of(states).clients
        left = summarize(diagnosis).left.lower()
        for each in diagnosis.requests:
            after = rank(diagnosis.platform, clients, each.request, diagnosis.tenant.plan_type)
            works = after.winner is not None and after.winner.chat is not False
            assert (each.request.complexity in left) is not works, (tenant, left)


@pytest.mark.parametrize("asked", [("moderate",), ("simple", "advanced")])
def test_every_request_is_said_only_of_all_four_kinds(before, asked):
    """Where fewer kinds were asked for, the title names them."""
    requests = [atomlab.Request(complexity=c) for c in asked]
    for tenant, verb in (("brennan", "fail"), ("cobalt", "find a model")):
        title = summarize(atomlab.diagnose(before, tenant, requests)).title
        assert title.endswith(f": {' and '.join(asked)} requests {verb}")


def test_a_key_of_spaces_is_a_warning(tmp_path):
    """A model wins, but its calls will fail: such a tenant is not said to have nothing wrong."""
    with capture_made(tmp_path, {"acme": Made(rows={"OPENAI_API_KEY": "   "})}) as snapshot:
        found = summarize(atomlab.diagnose(snapshot, "acme", [atomlab.Request("simple")]))
    assert found.status == "healthy"
    assert found.warning == "The key for openai is only spaces, so the calls to openai will fail."
    assert "nothing is wrong" not in found.what


def test_a_cause_that_is_not_known_is_not_likely_either(before):
    """Where no repair helps there is no cause whose certainty could be named."""
    unexplained = replace(atomlab.diagnose(before, "brennan").requests[0].explanation, causes=())
    diagnosis = atomlab.diagnose(before, "brennan")
    failing = tuple(replace(each, explanation=unexplained) for each in diagnosis.requests)
    found = summarize(replace(diagnosis, requests=failing))
    assert found.proof == "The cause is not known."
    assert (found.certainty, found.cause) == ("inconclusive", "not known")
    assert found.todo.startswith("No fix is known")


def test_nothing_is_concluded_without_the_environment(tmp_path):
    """An undecided tenant has no cause and no fix, and the title says so."""
    rules = "open-source-2026-05"  # whose keys come from an environment, which is not given
    made = Made(rows={"OPENAI_API_KEY": KEY})
    with capture_made(tmp_path, {"acme": made}, rules=rules) as snapshot:
        found = summarize(atomlab.diagnose(snapshot, "acme"))
    assert found.title == "Acme: it cannot be decided whether requests fail"
    assert (found.status, found.certainty, found.actor) == ("undecided", None, None)
    assert "environment" in found.what
    assert found.todo == "Capture the data again, with what is missing."
    nothing = (found.failing, found.why, found.proof, found.who, found.left)
    assert not any((*nothing, found.cause, found.fix))


def test_the_key_that_is_tried_is_one_of_those_that_are_named(after):
    """Many a new key cures advanced requests; those that break simple ones are not named."""
    found = summarize(atomlab.diagnose(after, "brennan"))
    assert found.failing == ("advanced",)
    assert found.todo.startswith("Add a new key for any of: anthropic")
    assert found.left.startswith("Nothing:")


def test_what_the_fix_cures_is_not_said_to_stay_broken(tmp_path):
    """A fix of other requests may cure one that has no known fix of its own."""
    groq, gemini = "groq/lux-1.0", "gemini/llama-70b"
    prices = {groq: {}, gemini: {"input_cost_per_token": None, "max_tokens": 128_000}}
    before = capture_made(tmp_path, {"acme": Made(rows={"GEMINI_API_KEY": KEY})}, prices)
    prices[groq], prices[gemini] = {"max_tokens": 1_000_000}, {}
    keys = {"GEMINI_API_KEY": KEY, "GROQ_API_KEY": KEY}
    (tmp_path / "fixed").mkdir()
    after = capture_made(tmp_path / "fixed", {"acme": Made(rows=keys)}, prices)
    with before, after:
        diagnosis = atomlab.diagnose(before, "acme")
        edits = {edit.kind for edit in best_fix(diagnosis).edits}
        assert edits == {"repair-entry", "new-credential", "complete-windows"}
        assert summarize(atomlab.diagnose(after, "acme")).failing == ("advanced",)
        left = summarize(diagnosis).left
        words = plan_fix(diagnosis, "sqlite").words
    assert left == "Advanced requests stay broken; they have no known fix."
    assert words[0].startswith("to cure simple, moderate, complex requests, ")
    assert words[1:] == ("advanced requests have no known fix",)


@pytest.mark.parametrize(("name", "shown"), [("", "acme"), ("  \t", "acme"), (" A ", " A ")])
def test_a_tenant_without_a_name_goes_by_its_subdomain(tmp_path, name, shown):
    """A title that begins with a colon says nothing of whom it is about."""
    with capture_made(tmp_path, {"acme": Made()}) as snapshot:
        diagnosis = atomlab.diagnose(snapshot, "acme")
        diagnosis.tenant.name = name
        found = summarize(diagnosis)
    assert found.title == f"{shown}: every request fails"
    assert found.what.startswith(f"Every request of {shown} fails")


def test_what_helps_without_a_known_cause_is_named(tmp_path):
    """Nobody is informed that nothing helped where the JSON has a set that was seen to help."""
    broken = {"litellm_provider": "xai", "input_cost_per_token": None}
    prices = {"plain": broken, "anthropic/gpt-4o": {}}
    made = {"acme": Made(rows={"XAI_API_KEY": KEY})}
    with capture_made(tmp_path, made, prices) as snapshot:
        diagnosis = atomlab.diagnose(snapshot, "acme")
        found, words = summarize(diagnosis), plan_fix(diagnosis, "sqlite").words
    unexplained = [d for d in diagnosis.failing if not d.explanation.causes]
    assert any(fix.verified for d in unexplained for fix in d.explanation.fix_sets)
    assert "no repair that was tried makes a model usable" not in found.why
    assert "none that was tried helped" not in found.todo + "; ".join(words)


def test_what_the_fix_breaks_is_said(tmp_path):
    """A new key lets the platform read an entry that breaks simple requests, and no others."""
    entry = {"input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6, "max_tokens": 1_000_000}
    own, theirs = (
        {**entry, "litellm_provider": "openai"},
        {**entry, "litellm_provider": "anthropic"},
    )
    prices = {
        "openai/gpt-4o-mini": own,
        "anthropic/claude-opus-4": theirs,
        "anthropic/GPT-5.2": theirs,
        "anthropic/tiny-8b": {**theirs, "input_cost_per_token": None, "max_tokens": 16_000},
    }
    with capture_made(tmp_path, {"acme": Made(rows={"OPENAI_API_KEY": KEY})}, prices) as snapshot:
        found = summarize(atomlab.diagnose(snapshot, "acme"))
    assert (found.failing, found.todo) == (
        ("advanced",),
        "Add ANTHROPIC_API_KEY with a new credential.",
    )
    assert found.left == (
        "With the fix made, simple requests, which work now, fail: the entry anthropic/tiny-8b"
        " breaks the ranking: its price is null or no number."
    )
