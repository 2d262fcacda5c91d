"""Investigations: what is told of a hypothesis, and only what was found."""

from __future__ import annotations

import pytest
import yaml

import atomlab
from atomlab.diagnosis.investigation import _claims
from atomlab.errors import InputError
from atomlab.evidence.inputs.rules import COMPLEXITIES
from atomlab.show.case_tables import outcomes
from tests.diagnosis.made import EVERY, FIT, KEY, Made, capture_made
from tests.refusals import refused

FIX = {
    "kind": "fix_resolves",
    "setting_key": "MINIMAX_API_KEY",
    "copy_from": "MINIMAX_2_7_API_KEY",
    "provider": "minimax",
}
RAISES = {"kind": "ranking_raises"}


@pytest.fixture
def case(tmp_path):
    """Return a function that investigates a tenant with the given claims."""

    def make(snapshot, tenant, *claims, **request):
        numbered = [{"id": f"C{n}", "statement": "…", **c} for n, c in enumerate(claims)]
        path = tmp_path / "hypothesis.yaml"
        document = {"title": "t", "tenant": tenant, "claims": numbered, "request": request}
        path.write_text(yaml.safe_dump(document))
        return atomlab.investigate(snapshot, tenant, atomlab.load_hypothesis(path))

    return make


@pytest.mark.parametrize(
    "request_fields",
    [
        {"complexity": "advanced"},
        {"complexity": "simple", "tools": True},
        {"tier": "heavy", "turn": 2},
    ],
)
def test_an_investigation_asks_what_the_hypothesis_asks(before, case, request_fields):
    """The verdict is verify's own, on the very request of the hypothesis."""
    found = case(before, "brennan", RAISES, FIX, **request_fields)
    alone = atomlab.verify(before, found.hypothesis)

    asked = found.hypothesis.request.of_tenant(found.diagnosis.tenant.ai_mode)
    assert found.request == asked == alone.requests[0]
    assert [c.verdict for c in found.verification.claims] == [c.verdict for c in alone.claims]
    told = found.to_json()
    assert told["tested"] == [found.request.to_json()]
    assert [asked["complexity"] for asked in told["requests"]] == list(COMPLEXITIES)


@pytest.mark.parametrize(
    ("claims", "told"),
    [
        ([RAISES], "The claim is confirmed on"),
        ([{**RAISES, "message": "x"}], "The claim is not confirmed on"),
        ([RAISES, RAISES], "All 2 claims are confirmed on"),
        ([RAISES, {**RAISES, "message": "x"}], "1 of 2 claims is confirmed on"),
        ([RAISES, RAISES, {**RAISES, "message": "x"}], "2 of 3 claims are confirmed on"),
        ([{**RAISES, "message": "x"}] * 2, "None of 2 claims is confirmed on"),
    ],
)
def test_the_answer_counts_claims_as_people_do(before, case, claims, told):
    """One, some, all or none of the claims are confirmed."""
    assert told in case(before, "brennan", *claims).answer()


def test_the_answer_leaves_out_what_there_is_nothing_to_say_of(captured, write_json, case):
    """Where the fix cures every request, nothing is said of requests that it does not cure."""
    good = {
        "litellm_provider": "minimax",
        "input_cost_per_token": 1e-6,
        "output_cost_per_token": 1e-6,
        "max_input_tokens": 1_000_000,
    }
    prices = write_json({"minimax/gpt-5": good}, "good.json")
    snapshot = captured({"acme": {"MINIMAX_2_7_API_KEY": "a-key"}}, pricing=prices)
    answer = case(snapshot, "acme", FIX).answer()
    assert answer.endswith("cures simple, moderate, complex and advanced requests.")


def test_without_prices_the_answer_decides_nothing(captured, case):
    """Without a pricing cache nothing is said of usable models, of a cause or of cures."""
    snapshot = captured({"acme": {"MINIMAX_2_7_API_KEY": "a-key"}}, pricing=None)
    answer = case(snapshot, "acme", FIX).answer()
    assert answer.startswith("Nothing can be decided for a moderate request of Acme")
    assert "cures" not in answer
    assert "cause" not in answer


def test_a_fix_that_cannot_be_made_is_not_told_as_made(before, case):
    """Without a value to copy there is no repaired copy, and the answer says why."""
    found = case(before, "brennan", {**FIX, "copy_from": "OPENAI_API_KEY"})
    assert found.repaired is None
    assert found.to_json()["repaired"] is None
    assert not found.trials[0].applied
    assert found.answer().endswith("could not be tried: there is no value to copy.")


def test_without_a_hypothesis_there_is_the_decision(before):
    """No claim is tested, so nothing is concluded; the decision is told all the same."""
    found = atomlab.investigate(before, "brennan")
    assert found.verification.verdict == "inconclusive"
    assert found.answer() == (
        "0 of 2,690 models are usable for a moderate request of Brennan Machinery. "
        f"{found.diagnosis.requests[1].explanation.sentence()} No claim was given to test."
    )


@pytest.mark.parametrize("complexity", ["moderate", "advanced"])
def test_the_answer_names_the_root_cause_of_the_request(before, case, complexity):
    """In one sentence: the code, the verdict, the row looked for and the one that is held."""
    answer = case(before, "brennan", RAISES, FIX, complexity=complexity).answer()
    assert "The root cause is key-under-alias (confirmed)" in answer
    assert "no row MINIMAX_API_KEY, which the platform looks for" in answer
    assert "row MINIMAX_2_7_API_KEY holds a usable key" in answer
    assert ("together with quality (confirmed)" in answer) == (complexity == "advanced")


def test_the_answer_names_the_cause_whatever_becomes_of_the_claims(before, after, case):
    """Refuted or inconclusive, the cause is told; of another request where this one is served."""
    refuted = case(before, "cascade", {**RAISES, "message": "x"}).answer()
    assert "The root cause is key-misnamed (confirmed)" in refuted
    inconclusive = case(before, "glacier", {**FIX, "provider": "openai"}).answer()
    assert "The root cause is key-empty (confirmed)" in inconclusive
    repaired = case(after, "brennan", RAISES, FIX).answer()
    assert "Advanced requests find none; the root cause is quality (confirmed)" in repaired
    assert "cause" not in case(before, "northwind", RAISES).answer()


def test_a_hypothesis_about_another_tenant_is_refused(before, case):
    """The claims are not tested on a tenant that they are not about; a template fits any."""
    about = case(before, "brennan", RAISES).hypothesis
    with refused(InputError, "the hypothesis is about tenant 'brennan', not 'northwind'"):
        atomlab.investigate(before, "northwind", about)
    template = about.model_copy(update={"tenant": None})
    found = atomlab.investigate(before, "northwind", template)
    assert found.verification.tenant == "northwind"
    assert found.verification.verdict == "refuted"
    assert found.status == found.to_json()["status"] == "healthy"


@pytest.mark.parametrize("asked", [None, True, False], ids=["ai_mode", "managed", "byok"])
def test_a_managed_tenant_is_investigated_as_managed(tmp_path, case, asked):
    """By hand: the documented fix cures no request of a managed tenant on the free plan."""
    acme = Made("free", "managed", {"MINIMAX_2_7_API_KEY": KEY})
    copied = Made("free", "managed", {**acme.rows, "MINIMAX_API_KEY": KEY})
    with capture_made(tmp_path, {"acme": acme}) as snapshot:
        about = case(snapshot, "acme", FIX).hypothesis
        found = atomlab.investigate(snapshot, "acme", about, managed=asked)
        told = found.to_json()
        options = atomlab.compare_options(snapshot, "acme", others=2, managed=asked)
    assert list(found.options) == options
    cured = [c for c in COMPLEXITIES if copied.usable(c, asked)]
    assert found.cured() == told["repaired"]["cured"] == cured
    assert told["verdict"] == ("confirmed" if cured else "refuted")
    assert told["affected"][0]["failing"] == 1
    how = {None: "managed (ai_mode)", True: "managed (as asked)"}
    how |= {False: "BYOK (as asked)"}
    assert found.answer().endswith(f" Requests are {how[asked]}.")


@pytest.mark.parametrize("asked", [None, True, False], ids=["ai_mode", "managed", "byok"])
def test_who_else_is_affected_is_counted_as_their_modes_say(tmp_path, asked):
    """By hand: each tenant by its own mode, or all as it was asked."""
    with capture_made(tmp_path, EVERY) as snapshot:
        found = atomlab.investigate(snapshot, "free-managed-openai", managed=asked).to_json()
    failing = {c: [n for n, made in EVERY.items() if not made.usable(c, asked)] for c in FIT}
    told = {each["complexity"]: each["failing"] for each in found["affected"]}
    assert told == {complexity: len(names) for complexity, names in failing.items()}


def test_the_decisions_before_and_after_are_those_of_the_two_days(before, after, case):
    """Each request as captured and with the fix made, which was made on the day after."""
    found = case(before, "brennan", FIX)
    then, now = (atomlab.diagnose(day, "brennan").requests for day in (before, after))
    for place, complexity in enumerate(COMPLEXITIES):
        assert found.before(complexity).summary() == then[place].ranking.summary()
        assert found.after(complexity).summary() == now[place].ranking.summary()
        assert found.before(complexity).request.complexity == complexity
        assert found.after(complexity).request.complexity == complexity
    frame = outcomes(found).frame
    assert list(frame["usable before"]) == [len(each.ranking.order) for each in then]
    assert list(frame["usable after"]) == [len(each.ranking.order) for each in now]
    healthy = case(after, "brennan", RAISES)
    assert healthy.after("simple") is None
    assert list(outcomes(healthy).frame) == ["complexity", "usable", "winner", "decision"]
    assert list(outcomes(healthy).frame["usable"]) == [len(each.ranking.order) for each in now]


@pytest.mark.parametrize("complexity", COMPLEXITIES)
def test_the_claims_are_tested_again_on_the_request_that_was_asked(before, case, complexity):
    """Whatever the hypothesis says: before the fix, for the trials, and on the repaired copy."""
    about = case(before, "brennan", FIX, complexity="simple").hypothesis
    found = atomlab.investigate(before, "brennan", about, complexity)
    assert found.repaired.verification.requests == found.verification.requests == (found.request,)
    assert {trial.before.request.complexity for trial in found.trials} == {complexity}
    keys = [edit.setting_key for trial in found.trials for edit in trial.edits]
    unknown = "NO_SUCH_PROVIDER_API_KEY"
    assert keys == [*["MINIMAX_API_KEY"] * 3, unknown]
    told = found.to_json()
    assert told["fix"] == {"id": "C0", "statement": "…", **FIX}
    assert told["repaired"]["diagnosis"] == found.repaired.diagnosis.to_json()


def test_what_the_hypothesis_says_of_managed_requests_was_asked_for(before, case):
    """The file's word is told as one that was asked for; the caller's goes before it."""
    said = case(before, "brennan", RAISES, managed=True)
    assert said.answer().endswith(" Requests are managed (as asked).")
    other = atomlab.investigate(before, "brennan", said.hypothesis, managed=False)
    assert other.answer().endswith(" Requests are BYOK (as asked).")
    assert "Decided" not in case(before, "brennan", RAISES).answer()


@pytest.mark.parametrize("before_fix", [True, False])
def test_a_winner_that_is_no_chat_model_cures_nothing(tmp_path, case, before_fix):
    """Before the fix it is in the first sentence, after the fix it is no cure."""
    model = {"mode": "moderation", "max_tokens": 40_000, "litellm_provider": "minimax"}
    key = "MINIMAX_API_KEY" if before_fix else "MINIMAX_2_7_API_KEY"
    made = {"acme": Made(rows={key: KEY})}
    with capture_made(tmp_path, made, {"minimax/gpt-5": model}) as snapshot:
        found = case(snapshot, "acme", RAISES if before_fix else FIX)
    first = found.answer().partition(". ")[0]
    assert ("the winner minimax/gpt-5 is not a chat model (moderation)" in first) == before_fix
    assert found.cured() == []
    assert found.not_cured() == list(COMPLEXITIES)
    assert ("cures no request (for simple" in found.answer()) == (not before_fix)


@pytest.mark.parametrize(
    ("verdicts", "sentence"),
    [
        ("", ""),
        ("c", "The claim of the hypothesis holds."),
        ("r", "The claim of the hypothesis does not hold."),
        ("i", "The claim of the hypothesis cannot be judged."),
        ("cc", "All 2 claims of the hypothesis hold."),
        ("rr", "None of 2 claims of the hypothesis holds."),
        ("iii", "All 3 claims of the hypothesis cannot be judged."),
        ("rc", "Of 2 claims of the hypothesis 1 holds and 1 does not hold."),
        ("crcr", "Of 4 claims of the hypothesis 2 hold and 2 do not hold."),
    ],
)
def test_how_many_claims_hold_is_one_sentence(verdicts, sentence):
    """In singular and plural, those that hold first."""
    words = {"c": "confirmed", "r": "refuted", "i": "inconclusive"}
    assert _claims([words[each] for each in verdicts]) == sentence
