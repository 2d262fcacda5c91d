"""A comparison: the best option is the cheapest that cures and harms nobody."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

import atomlab
from atomlab.diagnosis.comparison import compare
from atomlab.errors import InputError, TenantError
from tests.diagnosis.made import KEY, Made, capture_made
from tests.refusals import refused


def test_the_best_option_is_the_cheapest_that_cures_and_touches_nobody(before):
    """For moderate requests the copied key, for advanced ones a new credential."""
    for complexity, tools in (("moderate", False), ("advanced", False), ("complex", True)):
        case = compare(before, "brennan", complexity, tools=tools)
        name = complexity + (" with tools" if tools else "")
        harmless = [o for o in case.options if name in o.cures and not o.touched]
        assert case.request == name
        assert case.best.cost == min(option.cost for option in harmless)
        assert case.best in harmless
        assert case.verification.verdict == "confirmed"
    assert compare(before, "brennan").best.name == (
        "set MINIMAX_API_KEY to the value of MINIMAX_2_7_API_KEY"
    )
    assert compare(before, "brennan", "advanced").best.cost == 5


def test_the_options_are_those_of_compare_options(before):
    """Nothing is left out or added, and `others` limits the further ones."""
    assert list(compare(before, "fjord").options) == atomlab.compare_options(before, "fjord")
    few = compare(before, "fjord", others=1)
    assert len(few.options) == len(compare(before, "fjord", others=0).options) + 1


def test_a_tenant_without_the_error_needs_no_fix(before):
    """Where the request finds a model there is nothing to fix."""
    case = compare(before, "northwind")
    assert case.status == "healthy"
    assert case.verification.claims == ()
    found = case.to_json()
    assert (found["status"], found["verdict"]) == ("healthy", None)
    assert case.answer().startswith("Nothing has to be fixed: moderate requests of Northwind")
    assert case.options == ()


def test_a_request_that_works_while_others_fail_needs_none(before):
    """A tenant that fails for advanced requests only has options, but not for this request."""
    case = compare(before, "quarry", "simple")
    assert case.status == "healthy"
    assert case.verification.claims == ()
    assert case.options
    assert case.curing == ()


def test_a_request_that_no_chat_model_wins_is_not_said_to_need_no_fix(tmp_path):
    """It finds a model, and will fail: the first sentence says so."""
    prices = {"openai/x": {"mode": "moderation", "max_tokens": 9_000, "litellm_provider": "openai"}}
    with capture_made(tmp_path, {"acme": Made(rows={"OPENAI_API_KEY": KEY})}, prices) as snapshot:
        answer = compare(snapshot, "acme", "simple").answer()
    assert answer == (
        "Simple requests of Acme find a model, but for simple requests the winner openai/x is not "
        "a chat model (moderation): they will fail."
    )


@pytest.mark.parametrize(
    ("asked", "status", "how"),
    [
        (None, "affected", " Requests are managed (ai_mode)."),
        (True, "affected", " Requests are managed (as asked)."),
        (False, "healthy", " Requests are BYOK (as asked)."),
    ],
)
def test_a_managed_tenant_is_compared_as_managed(tmp_path, asked, status, how):
    """Its plan leaves out what its key would serve, for complex requests; and that is said."""
    acme = Made("free", "managed", {"OPENAI_API_KEY": KEY})
    with capture_made(tmp_path, {"acme": acme}) as snapshot:
        case = compare(snapshot, "acme", "complex", managed=asked)
        assert case.status == status
        assert case.answer().endswith(how)
        assert list(case.options) == atomlab.compare_options(snapshot, "acme", managed=asked)


def test_no_harmless_option_is_refuted(before):
    """With only the code fallback left, which touches others, no fix is found."""
    case = compare(before, "brennan")
    touching = tuple(option for option in case.options if option.touched)
    assert touching
    left = replace(case, options=touching)
    assert left.best is None
    assert left.verification.verdict == "refuted"
    number = "1 option" if len(touching) == 1 else f"{len(touching)} options"
    assert left.answer() == (
        f"None of {number} cures moderate requests of Brennan Machinery without touching other "
        "tenants."
    )
    error, fix = left.verification.claims
    assert (error.id, error.verdict) == ("error", "confirmed")
    assert (fix.id, fix.verdict, fix.observed) == ("fix", "refuted", f"none of {number} does")


def test_the_summary_recommends_the_best_option(before):
    """What to do, whose turn it is and what stays broken are the option's, if there is one."""
    case = compare(before, "brennan", others=4)
    found = case.findings().summary
    assert found.title == "Brennan Machinery: moderate requests fail"
    assert found.todo.startswith("Set MINIMAX_API_KEY to the value of MINIMAX_2_7_API_KEY. Of ")
    assert f"Of {len(case.options)} options that were run" in found.todo
    assert found.left.startswith("Advanced and advanced with tools requests stay broken")
    assert (found.actor, found.who.startswith("It is the tenant's")) == ("tenant", True)
    code = replace(case.best, kind="code", cost=20, leaves=())
    made = replace(case, options=(code,)).summary()
    assert (made.actor, made.left[:8]) == ("engineering", "Nothing:")
    none = replace(case, options=()).summary()
    assert none.todo.startswith("Of 0 options that were run, none helps moderate requests")
    assert not any((none.actor, none.who, none.left))
    assert not compare(before, "cobalt").summary().todo


def test_the_answer_tells_the_option_in_full(before):
    """Its name, cost, what it leaves, and how many options do as much or touch others."""
    case = compare(before, "brennan")
    harmful = [option for option in case.options if option.touched]
    curing = [option for option in case.options if "moderate" in option.cures]
    assert harmful
    assert case.best.leaves == ("advanced", "advanced with tools")
    rest = ", but leaves advanced, advanced with tools requests failing"
    for name, leaves, told in ((case.best.name, case.best.leaves, rest), ("x" * 199, (), "")):
        best = replace(case.best, name=name, leaves=leaves)
        others = tuple(option for option in case.options if option is not case.best)
        made = replace(case, options=(best, *others))
        assert made.answer() == (
            f"The best fix: {name} (cost 1). It cures moderate requests of Brennan Machinery and "
            f"touches no other tenant{told}. Of {len(case.options)} options, {len(curing)} would "
            f"cure the request, and {len(harmful)} would touch other tenants."
        )
        error, fix = made.verification.claims
        assert (fix.id, fix.verdict, fix.observed) == ("fix", "confirmed", f"{name} (cost 1)")
        assert (error.id, error.observed) == ("error", case.diagnosis.requests[0].ranking.summary())


def test_without_prices_it_is_inconclusive(captured):
    """No pricing cache: nothing is decided."""
    case = compare(captured({"acme": {}}, pricing=None), "acme")
    assert case.verification.verdict == "inconclusive"
    assert case.answer() == (
        "Nothing can be decided for moderate requests of Acme: the snapshot holds no pricing cache."
    )
    assert [claim.verdict for claim in case.verification.claims] == ["inconclusive"] * 2


def test_the_findings_hold_every_option(before):
    """One element each, with what it cures, leaves and touches, as JSON."""
    case = compare(before, "brennan", others=2)
    found = case.to_json()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert [o["name"] for o in found["options"]] == [o.name for o in case.options]
    assert [len(o["touched"]) for o in found["options"]] == [len(o.touched) for o in case.options]
    assert found["title"] == "Which fix should be made for Brennan Machinery?"
    assert found["verdict"] == "confirmed"
    assert found["requests"] == found["tested"] == [found["request"]]


def test_what_cannot_be_asked_is_refused(before):
    """An unknown tenant or complexity is one clear line."""
    with refused(TenantError, "no tenant 'brenan'"):
        compare(before, "brenan")
    with pytest.raises(InputError, match="unknown complexity"):
        compare(before, "brennan", "hard")
    with refused(InputError, "-1 other options cannot be tried; give 0 or more"):
        compare(before, "brennan", others=-1)
