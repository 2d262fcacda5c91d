"""A triage: the diagnosis, read as claims of its own."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

import atomlab
from atomlab.diagnosis.explanation import Explanation
from atomlab.diagnosis.fixes import best_fix, plan_fix
from atomlab.diagnosis.sandbox import Sandbox
from atomlab.diagnosis.triage import triage
from atomlab.errors import InputError, TenantError
from atomlab.evidence.inputs.rules import COMPLEXITIES
from atomlab.show.case_tables import outcomes
from tests.diagnosis.made import EVERY, KEY, Made, capture_made, stored
from tests.refusals import is_one_line, refused


@pytest.mark.parametrize(
    ("tenant", "code"),
    [
        ("brennan", "key-under-alias"),
        ("cascade", "key-misnamed"),
        ("glacier", "key-empty"),
        ("knoll", "no-keys"),
        ("larkspur", "no-keys"),
        ("delta", "orphan-client"),
        ("quarry", "quality"),
        ("nettle", "no-keys"),
    ],
)
def test_a_failing_tenant_is_confirmed_with_its_root_cause(before, tenant, code):
    """Each failing request is a claim whose verdict is its root cause's; the answer names it."""
    case = triage(before, tenant)
    diagnosis = atomlab.diagnose(before, tenant)
    failing = [d for d in diagnosis.requests if d.outcome == "no-models"]
    error, *claims = case.verification.claims
    assert error.verdict == "confirmed"
    assert error.observed.startswith(f"{len(failing)} of 4 kinds of request")
    assert [c.id for c in claims] == [d.request.complexity for d in failing]
    assert [c.verdict for c in claims] == [d.explanation.causes[0].verdict for d in failing]
    assert error.id == "error"
    assert error.evidence == tuple(
        f"{d.request.complexity}: {d.ranking.summary()}" for d in diagnosis.requests
    )
    for claim, each in zip(claims, failing, strict=True):
        root, trials = each.explanation.causes[0], each.explanation.trials
        whose = f"{root.code} {root.provider}" if root.provider else root.code
        assert claim.statement == (
            f"{claim.id.capitalize()} requests fail because of {whose} ({root.place})."
        )
        told = "; ".join(f"{trial.name}: {trial.result}" for trial in trials)
        assert claim.observed == (told or "nothing could be run")
        assert claim.evidence == root.evidence
    assert case.verification.verdict == "confirmed"
    assert f"The root cause is {code} (confirmed)" in case.answer()
    assert case.fix == plan_fix(diagnosis, "postgresql")


@pytest.mark.parametrize("tenant", ["brennan", "larkspur", "nettle", "quarry"])
def test_the_fix_is_made_and_every_request_decided_again(before, tenant):
    """What it cures, and leaves, is what the same edits do when each request is tried alone."""
    case = triage(before, tenant)
    frame = outcomes(case).frame.set_index("complexity")
    fix = best_fix(case.diagnosis)
    lab = Sandbox(before, case.diagnosis.platform)
    for each in case.diagnosis.requests:
        alone = lab.try_edits("", fix.edits, case.diagnosis.tenant.id, each.request).after
        told = frame.loc[each.request.complexity]
        assert told["usable before"] == len(each.ranking.order)
        assert told["usable after"] == len(alone.order)
        assert told["decision after"] == alone.summary()
    cured = next(words for words in case.fix.words if words.startswith("to cure "))
    for complexity, usable in frame["usable after"].items():
        assert usable or complexity not in cured.partition(" requests")[0]


def test_without_a_fix_the_decision_is_told(before):
    """A healthy tenant has one set of decisions, not two."""
    columns = ["complexity", "usable", "winner", "decision"]
    assert list(outcomes(triage(before, "northwind")).frame) == columns


def test_of_a_healthy_tenant_nothing_is_claimed(before):
    """Healthy is its status, and no verdict: there is no fault that could be confirmed."""
    case = triage(before, "northwind")
    assert case.status == "healthy"
    assert case.verification.claims == ()
    found = case.to_json()
    assert (found["status"], found["verdict"]) == ("healthy", None)
    assert "confirmed" not in json.dumps(found["verification"])
    assert case.answer().startswith("All requests of Northwind Traders that were tried find")
    whole = triage(before, "northwind", "complex").answer()
    assert whole == (
        "Nothing is wrong: all requests of Northwind Traders that were tried find a model "
        "(complex)."
    )
    assert case.shown.request.complexity == "simple"


def test_each_root_cause_is_told_with_its_kinds_of_request(captured, write_json):
    """Where kinds of request fail for different causes, none is told for all of them."""
    model = {"mode": "chat", "input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6}
    models = {
        "groq/gpt-5": model | {"max_input_tokens": 5000, "litellm_provider": "groq"},
        "mistral/gpt-5": model | {"max_input_tokens": 200_000, "litellm_provider": "mistral"},
    }
    rows = {"GROQ_API_KEY": "", "MISTRAL_KEY": "a-real-key"}
    case = triage(captured({"acme": rows}, pricing=write_json({"pricing": models})), "acme")
    answer = case.answer()
    roots = {d.request.complexity: str(d.explanation.causes[0]) for d in case.diagnosis.failing}
    assert roots == {
        "simple": "key-empty groq",
        **dict.fromkeys(("moderate", "complex", "advanced"), "key-misnamed mistral"),
    }
    assert "For simple requests the root cause is key-empty (confirmed): row" in answer
    others = "For moderate, complex, advanced requests the root cause is key-misnamed (confirmed)"
    assert others in answer


def test_a_winner_whose_key_is_spaces_is_no_good_news(captured, real_prices):
    """A client of spaces wins, as on the platform; the answer says that its calls will fail."""
    rows = {"spaces": {"OPENAI_API_KEY": "  "}, "sound": {"OPENAI_API_KEY": "a-real-key"}}
    snapshot = captured(rows, pricing=real_prices)
    warned = triage(snapshot, "spaces")
    assert warned.status == "healthy"
    (told,) = [w for w in warned.warnings() if w.startswith("openai: ")]
    reason = told.removeprefix("openai: ")
    assert warned.answer().endswith(f" But for openai, whose models win, {reason}.")
    assert "calls will fail" in reason
    assert "But" not in triage(snapshot, "sound").answer()


def test_every_provider_whose_key_is_spaces_is_told(captured):
    """One sentence each, of those that win; another, that wins nothing, is not told."""
    names = ("MINIMAX_API_KEY", "OPENAI_API_KEY", "GROQ_API_KEY")
    case = triage(captured({"acme": dict.fromkeys(names, "  ")}), "acme")
    winners = [d.ranking.winner and d.ranking.winner.provider for d in case.diagnosis.requests]
    assert winners == ["openai", "openai", "minimax", None]
    reason = "the row holds spaces only: a client is built, its calls will fail"
    told = [f" But for {name}, whose models win, {reason}." for name in ("openai", "minimax")]
    assert case.answer().endswith("".join(told))


def test_a_failure_that_nothing_explains_is_told_as_such(before):
    """No cause is made up: the answer and the claim say that none was found."""
    case = triage(before, "brennan", "moderate")
    (lost,) = (replace(each, explanation=Explanation()) for each in case.diagnosis.requests)
    case = replace(case, diagnosis=replace(case.diagnosis, requests=(lost,)))
    assert (
        "No root cause was found: no repair that was tried makes a model usable. Fix:"
        in case.answer()
    )
    claim = case.verification.claims[1]
    assert (claim.id, claim.verdict, claim.observed) == ("moderate", "inconclusive", "none found")
    assert claim.statement == "A deviation explains why moderate requests fail."


# A model of each owner that is cheapest, so that it wins where it is allowed; modes beside it.
_DEAR = {"output_cost_per_token": 1e-5, "max_tokens": 40_000, "mode": "chat"}
_CHEAP = {"max_tokens": 4_000, "mode": "moderation"}
_MODES = {"openai/omni-moderation": _CHEAP, "openai/gpt-5": _DEAR, "groq/gpt-5": _DEAR}


def test_a_winner_that_is_no_chat_model_is_in_the_first_sentence(tmp_path):
    """A tenant that finds models of which some cannot serve is not told that nothing is wrong."""
    made = {"acme": Made(rows={"OPENAI_API_KEY": KEY}), "beta": Made(rows={"GROQ_API_KEY": KEY})}
    with capture_made(tmp_path, made, _MODES) as snapshot:
        acme, beta = triage(snapshot, "acme"), triage(snapshot, "beta")
        assert acme.status == beta.status == "healthy"
        assert acme.answer() == (
            "All requests of Acme that were tried find a model (simple, moderate, complex, "
            "advanced), but for simple requests the winner openai/omni-moderation is not a chat"
            " model (moderation): they will fail."
        )
        assert beta.answer().startswith("Nothing is wrong: all requests of Beta")


def test_who_fails_and_who_cannot_serve_stand_in_one_sentence(tmp_path):
    """Where some requests find no model, those that find one in vain are told of as well."""
    prices = {name: model for name, model in _MODES.items() if model is _CHEAP}
    with capture_made(tmp_path, {"acme": Made(rows={"OPENAI_API_KEY": KEY})}, prices) as snapshot:
        answer = triage(snapshot, "acme").answer()
    assert answer.startswith(
        "No model for moderate, complex, advanced requests of Acme, and for simple requests the "
        "winner openai/omni-moderation is not a chat model (moderation): they will fail. "
    )


@pytest.mark.parametrize("asked", [None, True, False], ids=["ai_mode", "managed", "byok"])
@pytest.mark.parametrize("mode", ["byok", "managed"])
def test_a_managed_tenant_is_held_to_its_plan(tmp_path, mode, asked):
    """By hand: what fails, as whose requests, and that the answer says so where it matters.

    On the free plan copying the key does not help: the models of MiniMax are not in it.
    """
    acme = Made("free", mode, {"MINIMAX_2_7_API_KEY": KEY})
    with capture_made(tmp_path, {"acme": acme}) as snapshot:
        case = triage(snapshot, "acme", "moderate", managed=asked)
    managed = acme.managed(asked)
    copied = Made("free", mode, {**acme.rows, "MINIMAX_API_KEY": KEY})
    assert case.diagnosis.requests[0].request.managed == managed
    assert bool(copied.usable("moderate", asked)) == (not managed)
    assert (case.fix.status == "sql") == (not managed)
    told = {None: "managed (ai_mode)" if managed else ""}
    told |= {True: "managed (as asked)", False: "BYOK (as asked)"}
    assert case.answer().endswith(f" Requests are {told[asked]}.") == bool(told[asked])
    assert ("Requests are" in case.answer()) == bool(told[asked])


@pytest.mark.parametrize("asked", [None, True, False], ids=["ai_mode", "managed", "byok"])
def test_who_else_is_affected_is_counted_as_their_modes_say(tmp_path, asked):
    """By hand: each tenant by its own mode, or all as it was asked."""
    with capture_made(tmp_path, EVERY) as snapshot:
        found = triage(snapshot, "free-managed-openai", "complex", managed=asked).to_json()
    failing = [name for name, made in EVERY.items() if not made.usable("complex", asked)]
    assert [each["failing"] for each in found["affected"]] == [len(failing)]


def test_some_requests_can_be_undecided(captured):
    """Without the worker's variables a model that a stored key finds is found for all that."""
    snapshot = captured({"acme": {}}, rules="open-source-2026-05", keys=stored("minimax"))
    case = triage(snapshot, "acme")
    *ranked, last = case.diagnosis.requests
    assert [each.status for each in ranked] == ["healthy"] * 3
    undecided = replace(last, outcome="inconclusive")
    case = replace(case, diagnosis=replace(case.diagnosis, requests=(*ranked, undecided)))
    assert case.answer().startswith("Nothing can be decided for advanced requests of Acme: the sn")
    assert "no environment of the worker" in case.answer()


def test_one_kind_of_request_can_be_asked_for(before):
    """With a complexity only that is tried, as for a tenant that fails for advanced ones only."""
    assert triage(before, "quarry", "moderate").answer().startswith("Nothing is wrong: ")
    case = triage(before, "quarry", "advanced")
    assert [d.request.complexity for d in case.diagnosis.requests] == ["advanced"]
    assert case.verification.verdict == "confirmed"


def test_without_prices_it_is_inconclusive(captured):
    """No pricing cache: nothing is decided, and no cause is claimed."""
    case = triage(captured({"acme": {}}, pricing=None), "acme")
    assert case.status == "undecided"
    assert case.verification.verdict == "inconclusive"
    assert case.answer() == (
        "Nothing can be decided for requests of Acme: the snapshot holds no pricing cache."
    )
    assert len(case.verification.claims) == 1
    found = case.to_json()
    assert (found["status"], found["verdict"]) == ("undecided", "inconclusive")


def test_the_findings_have_what_every_report_starts_from(before):
    """Title, verdict, answer, request, snapshot, claims and diagnosis, as JSON."""
    found = triage(before, "brennan").to_json()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["title"] == "What is wrong with Brennan Machinery?"
    assert found["snapshot"]["sha256"] == before.sha256
    assert found["diagnosis"] == json.loads(
        json.dumps(atomlab.diagnose(before, "brennan").to_json())
    )
    assert found["verification"]["verdict"] == found["verdict"] == "confirmed"
    assert found["status"] == found["diagnosis"].get("status", "affected") == "affected"
    assert found["request"] == atomlab.Request("simple", managed=False).to_json()
    assert triage(before, "halvorsen").to_json()["request"]["complexity"] == "advanced"
    asked = [atomlab.Request(c, managed=False).to_json() for c in COMPLEXITIES]
    assert found["requests"] == found["tested"] == asked
    assert "than those replayed: complexity simple, moderate, complex and advanced." in " ".join(
        found["limits"]
    )
    one = triage(before, "brennan", "complex").to_json()
    assert one["requests"] == one["tested"] == [asked[2]]
    assert "than the one replayed: complexity complex." in " ".join(one["limits"])
    alike = atomlab.investigate(before, "brennan").to_json()
    assert found.keys() == alike.keys()
    for part in ("tool", "rows", "affected", "remedy"):
        assert found[part] == alike[part]
    assert found["trials"][0]["cured"]


def test_a_hostile_name_is_escaped_in_words(before):
    """Title and answer are printable whatever the tenant is called."""
    case = triage(before, "bidi")
    for text in (case.verification.title, case.answer()):
        assert is_one_line(text)
        assert r"\u202egnp.exe\x1b[31m" in text


def test_what_cannot_be_asked_is_refused(before):
    """An unknown tenant or complexity is one clear line."""
    with refused(TenantError, "no tenant 'brenan'"):
        triage(before, "brenan")
    with refused(InputError, "unknown complexity 'hard'"):
        triage(before, "brennan", "hard")
