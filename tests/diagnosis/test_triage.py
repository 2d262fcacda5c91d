"""A triage: the diagnosis, read as claims of its own."""

from __future__ import annotations

import json

import pytest

import atomlab
from atomlab.diagnosis.fixes import best_fix, plan_fix
from atomlab.diagnosis.interventions import Laboratory
from atomlab.diagnosis.triage import triage
from atomlab.errors import InputError, TenantError
from tests.refusals import is_one_line, refused


@pytest.mark.parametrize(
    ("tenant", "code"),
    [
        ("brennan", "key-under-alias"),
        ("cascade", "key-misnamed"),
        ("glacier", "key-empty"),
        ("knoll", "provider-not-llm"),
        ("larkspur", "provider-unknown"),
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
    assert case.verification.verdict == "confirmed"
    assert f"The root cause is {code} (confirmed)" in case.answer()
    assert case.fix == plan_fix(diagnosis, "postgresql")


@pytest.mark.parametrize("tenant", ["brennan", "larkspur", "nettle", "quarry"])
def test_the_fix_is_made_and_every_request_decided_again(before, tenant):
    """What it cures, and leaves, is what the same edits do when each request is tried alone."""
    case = triage(before, tenant)
    frame = case.outcome_frame().set_index("complexity")
    fix = best_fix(case.diagnosis)
    with Laboratory(before, case.diagnosis.platform) as lab:
        for each in case.diagnosis.requests:
            alone = lab.try_edits("", fix.edits, case.diagnosis.tenant.id, each.request).after
            told = frame.loc[each.request.complexity]
            assert told["usable before"] == len(each.ranking.order)
            assert told["usable after"] == len(alone.order)
            assert told["decision after"] == alone.summary()
    cured = next(words for words in case.fix.words if words.startswith("cures "))
    for complexity, usable in frame["usable after"].items():
        assert usable or complexity not in cured.partition(" requests")[0]


def test_without_a_fix_the_decision_is_told(before):
    """A healthy tenant has one set of decisions, not two."""
    columns = ["complexity", "usable", "winner", "decision"]
    assert list(triage(before, "northwind").outcome_frame()) == columns


def test_a_healthy_tenant_is_confirmed_to_be_so(before):
    """Where no request fails, that is the claim, and the answer says so."""
    case = triage(before, "northwind")
    assert case.verification.verdict == "confirmed"
    assert [c.statement for c in case.verification.claims] == [
        "Every request that was tried finds a model."
    ]
    assert case.answer().startswith("Nothing: all requests of Northwind Traders")
    assert case.shown.request.complexity == "simple"


def test_each_root_cause_is_told_with_its_kinds_of_request(captured, real_prices):
    """Where kinds of request fail for different causes, none is told for all of them."""
    rows = {"GLM_5_API_KEY": "a-real-key", "MISTRAL_API_KEY": ""}
    case = triage(captured({"acme": rows}, pricing=real_prices), "acme")
    answer = case.answer()
    roots = {d.request.complexity: str(d.explanation.causes[0]) for d in case.failing}
    assert roots == {
        **dict.fromkeys(("simple", "moderate"), "key-empty mistral"),
        **dict.fromkeys(("complex", "advanced"), "orphan-client glm_5"),
    }
    assert "For simple, moderate requests the root cause is key-empty (confirmed): row" in answer
    assert "For complex, advanced requests the root cause is orphan-client (confirmed)" in answer


def test_a_winner_whose_key_is_spaces_is_no_good_news(captured, real_prices):
    """A client of spaces wins, as on the platform; the answer says that its calls will fail."""
    rows = {"spaces": {"OPENAI_API_KEY": "  "}, "sound": {"OPENAI_API_KEY": "a-real-key"}}
    snapshot = captured(rows, pricing=real_prices)
    warned = triage(snapshot, "spaces")
    assert warned.answer().startswith("Nothing: all requests of Spaces")
    (told,) = [w for w in warned.warnings() if w.startswith("openai: ")]
    reason = told.removeprefix("openai: ")
    assert warned.answer().endswith(f" But for openai, whose models win, {reason}.")
    assert "calls will fail" in reason
    assert "But" not in triage(snapshot, "sound").answer()


def test_one_kind_of_request_can_be_asked_for(before):
    """With a complexity only that is tried, as for a tenant that fails for advanced ones only."""
    assert triage(before, "quarry", "simple").answer().startswith("Nothing: all requests")
    case = triage(before, "quarry", "advanced")
    assert [d.request.complexity for d in case.diagnosis.requests] == ["advanced"]
    assert case.verification.verdict == "confirmed"


def test_without_prices_it_is_inconclusive(captured):
    """No pricing cache: nothing is decided, and no cause is claimed."""
    case = triage(captured({"acme": {}}, pricing=None), "acme")
    assert case.verification.verdict == "inconclusive"
    assert case.answer() == (
        "Nothing can be decided for requests of Acme: there is no pricing cache."
    )
    assert len(case.verification.claims) == 1


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
    assert found["request"] == atomlab.Request("simple").to_json()
    assert triage(before, "halvorsen").to_json()["request"]["complexity"] == "advanced"
    asked = [atomlab.Request(c).to_json() for c in ("simple", "moderate", "complex", "advanced")]
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
