"""Causes: what explains an error, in which order, and what part it plays beside the others."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import atomlab
from atomlab.byok.platform import Platform
from atomlab.byok.request import Request
from atomlab.evidence.inputs.catalog import CatalogEntry
from atomlab.evidence.inputs.registry import Provider
from tests.diagnosis.test_fix_sets import small_worlds, tenants, with_variables
from tests.examples import examples
from tests.small import TOKENS, explained, small_platform
from tests.worlds import PLANS, requests

PRICE = ("input_cost_per_token", "output_cost_per_token")
SIMPLE, ADVANCED = Request("simple"), Request("advanced")
REGISTRY = (
    Provider("openai", "OPENAI_API_KEY"),
    Provider("groq", "GROQ_API_KEY"),
    Provider("minimax", "MINIMAX_API_KEY"),
    Provider("minimax_2_7", "MINIMAX_API_KEY"),
    Provider("glm", "GLM_API_KEY"),
)
# What each provider serves: openai and groq for every request, minimax for all but advanced ones,
# glm and minimax_2_7 nothing.
MODELS = ("openai/gpt-5", "groq/gpt-5", "minimax/minimax-m2.5")
SITE = small_platform(MODELS, REGISTRY)


PRICE = ("input_cost_per_token", "output_cost_per_token")


def why(rows, site=SITE, request=SIMPLE, plan=None):
    """Return the explanation for a tenant whose rows are in these states."""
    tokens = {name: TOKENS[state] for name, state in rows.items()}
    _, explanation = explained(site, tokens.items(), request, plan)
    return explanation


def causes_of(*arguments, **options):
    """Return code and provider of each cause, in order."""
    return [(cause.code, cause.provider) for cause in why(*arguments, **options).causes]


def site_with(models=MODELS, registry=REGISTRY, **changes) -> Platform:
    """Return the site with other models or rules."""
    return small_platform(models, registry, **changes)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param(
            {"GROQ_API_KEY": "empty", "OPENAI_API_KEY": "null"},
            [("key-empty", "openai"), ("key-empty", "groq")],
            id="registry-order-where-all-else-is-equal",
        ),
        pytest.param(
            {"MINIMAX_2_7_API_KEY": "present", "OPENAI_API_KEY": "empty"},
            [("key-empty", "openai"), ("key-under-alias", "minimax")],
            id="copy-and-repair-cost-the-same",
        ),
        pytest.param(
            {"COHERE_API_KEY": "present", "GROQ_API_KEY": "empty"},
            [("key-empty", "groq"), ("provider-unknown", "cohere")],
            id="a-repair-before-a-change-of-the-platform",
        ),
        pytest.param(
            {"GLM_API_KEY": "empty", "GROQ_API_KEY": "empty"},
            [("key-empty", "groq")],
            id="what-would-serve-nothing-is-no-cause",
        ),
        pytest.param(
            {"GLM_API_KEY": "present", "GROQ_API_KEY": "empty"},
            [("key-empty", "groq"), ("orphan-client", "glm")],
            id="a-client-without-models-comes-behind",
        ),
        pytest.param(
            {"GLM_API_KEY": "present"}, [("orphan-client", "glm")], id="a-client-without-models"
        ),
        pytest.param({}, [("no-keys", None)], id="no-row"),
        pytest.param({"GLM_API_KEY": "empty"}, [("key-empty", "glm")], id="nothing-but-hopeless"),
    ],
)
def test_causes_come_with_the_best_supported_first(rows, expected):
    """Those whose repair suffices, the cheaper repair first, then as the registry has them."""
    site = site_with([*MODELS, "cohere/gpt-5"])
    assert causes_of(rows, site) == expected


def test_the_row_that_an_alias_copies_is_no_orphan_beside_it():
    """minimax_2_7 serves nothing, but its key is what the repair copies: one cause, not two."""
    assert causes_of({"MINIMAX_2_7_API_KEY": "present"}) == [("key-under-alias", "minimax")]


def test_a_working_client_shows_which_provider_is_meant():
    """Beside a key in its place, keys of other services and of its aliases explain nothing."""
    rows = {
        "MINIMAX_API_KEY": "present",
        "COHERE_API_KEY": "present",
        "STRIPE_API_KEY": "present",
    }
    site = site_with([*MODELS, "cohere/gpt-5"])
    assert causes_of(rows, site, ADVANCED) == [("quality", "minimax")]


SHORT = {"max_input_tokens": 9}
TOO_GOOD = dict.fromkeys(("simple", "moderate", "complex", "advanced"), 101)
BLOCKED = {
    "context-window": ({"openai/gpt-5": SHORT}, {}, {}, SIMPLE),
    "capability": (
        ["openai/gpt-5"],
        {"openai/gpt-5": CatalogEntry(frozenset({"singing"}))},
        {},
        Request("simple", capability="vision"),
    ),
    "excluded": (
        ["openai/gpt-5"],
        {"openai/gpt-5": CatalogEntry(frozenset(), excluded=True)},
        {},
        SIMPLE,
    ),
    "quality": (["openai/gpt-5"], {}, {"min_quality": TOO_GOOD}, SIMPLE),
    "plan": (["openai/gpt-5"], {}, {}, Request("simple", managed=True)),
}


@pytest.mark.parametrize("code", BLOCKED)
def test_a_filter_that_rejects_all_that_a_client_serves_is_the_cause(code):
    """The client is there, its model is there, one filter lets it not pass: that one is named."""
    models, catalog, rules, request = BLOCKED[code]
    site = site_with(models, catalog=catalog, **rules)
    explanation = why({"OPENAI_API_KEY": "present"}, site, request)
    [cause] = explanation.causes
    assert (cause.code, cause.provider, cause.setting_key) == (code, "openai", None)
    assert (cause.verdict, cause.sufficient_alone) == ("confirmed", True)
    assert cause.evidence[0].startswith("1 of 1 model of openai rejected: ")


def test_an_unhealthy_provider_is_named_for_each_client_that_has_one():
    """Both clients' models are there, and both providers are known to be unhealthy."""
    registry = [Provider("openai", health_score=0.1), Provider("groq", health_score=0.4)]
    site = site_with(["openai/gpt-5", "groq/gpt-5"], registry)
    rows = {"GROQ_API_KEY": "present", "OPENAI_API_KEY": "present"}
    assert causes_of(rows, site) == [("health", "openai"), ("health", "groq")]
    assert causes_of({"GROQ_API_KEY": "present"}, site) == [("health", "groq")]
    [cause] = why({"GROQ_API_KEY": "present"}, site).causes
    assert cause.evidence[0].endswith("the best of them 0.4, required 0.5")


def test_what_was_seen_and_required_is_told_of_a_filter():
    """How many of the provider's models it rejects, the best that it saw, and what it asks for."""
    models = {f"openai/gpt-5-{n}": {"max_input_tokens": n} for n in (300, 3_000, 30)}
    [cause] = why({"OPENAI_API_KEY": "present"}, site_with(models)).causes
    assert cause.evidence == (
        "3 of 3 models of openai rejected: context window too small,"
        " the best of them 3000, required 4000",
    )


def test_two_repairs_that_are_needed_together_are_joint():
    """Minimax's key stands under its alias, and none of its models is good enough: both matter."""
    explanation = why({"MINIMAX_2_7_API_KEY": "present"}, request=ADVANCED)
    found = [(c.code, c.provider, c.role, c.sufficient_alone) for c in explanation.causes]
    assert found == [
        ("key-under-alias", "minimax", "joint", False),
        ("quality", "minimax", "joint", False),
    ]
    assert {c.verdict for c in explanation.causes} == {"confirmed"}
    [both] = [f for f in explanation.fix_sets if f.atoms[0] == "client:minimax"]
    assert both.atoms == ("client:minimax", "quality")


def test_one_repair_of_one_is_sole():
    """Where the platform has one provider, and its row is empty, nothing else would do."""
    site = site_with(["openai/gpt-5"], [Provider("openai")])
    [cause] = why({"OPENAI_API_KEY": "empty"}, site).causes
    assert (cause.role, cause.sufficient_alone, cause.in_every_fix_set) == ("sole", True, True)
    site = site_with(["openai/gpt-5", "groq/gpt-5"], [Provider("openai"), Provider("groq")])
    [cause] = why({"OPENAI_API_KEY": "empty"}, site).causes
    assert (cause.role, cause.sufficient_alone, cause.in_every_fix_set) == ("one-of-k", True, False)


@given(st.data(), small_worlds(), tenants(), requests())
@examples(100)
def test_where_the_root_alone_is_asked_for_it_is_the_same(data, world, rows, asked):
    """As are the fix sets and its trials; the causes after it are left out, where they cost."""
    plan = data.draw(st.sampled_from(PLANS))
    site = with_variables(data, world).platform()

    def said(**how):
        _, found = explained(site, rows.items(), asked, plan, **how)
        assume(found is not None)
        parts = found.causes, found.fix_sets, found.trials
        return *([each.to_json() for each in part] for part in parts), found.dropped

    (causes, *rest), (root, *others) = said(), said(root_only=True)
    assert root[:1] == causes[:1]
    assert others == rest
    assert len(root) < 2 or not site.models.ids or causes[0]["code"] == "pricing-entry-broken"


@pytest.mark.parametrize("matcher", ["prefix", "substring"])
def test_roles_follow_from_the_fix_sets(matcher):
    """Sole: alone the only one. One of k: alone one of several. Joint: only together with others.

    `in_every_fix_set` is what it says. What no fix set repairs has no part in this.
    """
    seen = set()

    @given(st.data(), small_worlds(matchers=(matcher,)), tenants(), requests())
    @examples(100)
    def check(data, world, rows, asked):
        plan = data.draw(st.sampled_from(PLANS))
        world = with_variables(data, world)
        _, explanation = explained(world.platform(), rows.items(), asked, plan)
        assume(explanation is not None and world.cache)
        sets = [frozenset(f.atoms) for f in explanation.fix_sets]
        for cause in explanation.causes:
            atom = frozenset({cause.atom})
            if any(atom <= each for each in sets):
                seen.add(cause.role)
                assert (cause.role == "joint") == (atom not in sets)
                assert cause.sufficient_alone == (atom in sets)
                assert cause.in_every_fix_set == all(atom <= each for each in sets)
                assert cause.role != "sole" or sets == [atom]
                alone = [c for c in explanation.causes if c.sufficient_alone]
                assert cause.role != "sole" or alone == [cause]
                assert cause.role != "one-of-k" or len(sets) > 1 or len(alone) > 1
            else:
                assert cause.role is None or cause.code == "no-keys"  # any key will do

    check()
    assert seen


@given(st.data(), small_worlds(), tenants(), requests(), st.sampled_from(PLANS))
@examples(60)
def test_fix_sets_come_with_the_least_work_first(data, world, rows, asked, plan):
    """A key that the tenant has, then a new one, then all that needs a change of the platform."""
    place = {"copy-key": 0, "repair-row": 0, "new-credential": 1}
    _, explanation = explained(with_variables(data, world).platform(), rows.items(), asked, plan)
    assume(explanation is not None and world.cache)
    found = [max(place.get(e.kind, 2) for e in f.edits) for f in explanation.fix_sets]
    assert found == sorted(found)


def test_a_defect_gives_its_own_repair():
    """Each kind of defect is mended by the edit that undoes it, any other client by a new key."""
    site = site_with([*MODELS, "cohere/gpt-5"], llm_providers=("openai", "minimax"))
    rows = {
        "OPENAI_API_KEY": "empty",
        "GROQ_API_KEY": "present",
        "MINIMAX_2_7_API_KEY": "present",
        "COHERE_API_KEY": "present",
    }
    edits = {f.atoms: [str(edit) for edit in f.edits] for f in why(rows, site).fix_sets}
    assert edits == {
        ("client:openai",): ["give the row OPENAI_API_KEY a usable key"],
        ("client:groq",): ["put groq on the LLM allow-list"],
        ("client:minimax",): ["set MINIMAX_API_KEY to the value of MINIMAX_2_7_API_KEY"],
        ("client:cohere",): ["register cohere as an LLM provider"],
    }
    [new, *_] = why({}, site_with(["openai/gpt-5"])).fix_sets
    assert [str(edit) for edit in new.edits] == ["add OPENAI_API_KEY with a new credential"]


def test_without_any_key_each_provider_with_models_would_do():
    """Nothing tells which one was meant, so that each is one of several that would do."""
    explanation = why({})
    [cause] = explanation.causes
    assert (cause.code, cause.provider, cause.role) == ("no-keys", None, "one-of-k")
    assert {f.atoms for f in explanation.fix_sets} == {
        (f"client:{provider}",) for provider in ("openai", "groq", "minimax")
    }
    assert "3 fix sets would do" in cause.evidence[1]


@pytest.mark.parametrize(
    ("rows", "also"),
    [
        ({"OPENAI_API_KEY": "present"}, []),
        ({"OPENAI_API_KEY": "empty"}, [("key-empty", "openai")]),
        ({}, [("no-keys", None)]),
        ({"MINIMAX_2_7_API_KEY": "present"}, []),
    ],
    ids=["a-client", "an-empty-row", "no-row", "a-client-that-may-have-no-models"],
)
def test_an_empty_cache_is_the_cause_whatever_else_there_is(rows, also):
    """No model, no ranking; what the tenant lacks beside it is told as well."""
    assert causes_of(rows, site_with([])) == [("pricing-cache-empty", None), *also]


@pytest.mark.parametrize(
    ("row", "verdict"), [("OPENAI_API_KEY", "confirmed"), ("MINIMAX_2_7_API_KEY", "inconclusive")]
)
def test_that_models_are_all_that_is_missing_shows_where_a_client_would_serve_them(row, verdict):
    """A made-up model of the client's provider is found, one of another's is not.

    Whether a refreshed cache has models of minimax_2_7, whose key is declared otherwise, is open.
    """
    explanation = why({row: "present"}, site_with([]))
    [cause] = explanation.causes
    assert (cause.role, cause.sufficient_alone, cause.verdict) == ("sole", True, verdict)
    assert [f.atoms for f in explanation.fix_sets] == [("pricing",)]
    assert [t.cured for t in explanation.trials] == [True, False] * (verdict == "confirmed")


def test_what_no_fix_set_repairs_comes_last_and_alone_suffices_for_nothing(captured, write_json):
    """An orphan beside a key that can be copied: the key is the sole cause, the orphan last."""
    model = {"mode": "chat", "max_input_tokens": 200_000, "litellm_provider": "openai"}
    prices = {"pricing": {"openai/gpt-5": model | dict.fromkeys(PRICE, 1e-6)}}
    rows = {"OPENAI_KEY": "k", "MINIMAX_2_7_API_KEY": "k"}
    # Of all providers only openai has a model, so that there is one fix set.
    snapshot = captured({"acme": rows}, pricing=write_json(prices))
    [each] = atomlab.diagnose(snapshot, "acme", [atomlab.Request("simple")]).requests
    told = [(c.code, c.role, c.sufficient_alone) for c in each.explanation.causes]
    assert told == [("key-misnamed", "sole", True), ("orphan-client", None, False)]


def test_a_joint_cause_says_which_filters_its_own_repair_needs_waived(captured, write_json):
    """Beside a cause that suffices alone, whose models no filter holds back."""
    model = {"mode": "chat", "max_input_tokens": 200_000, **dict.fromkeys(PRICE, 1e-6)}
    prices = {
        "openai/gpt-5": model | {"litellm_provider": "openai"},
        "deepseek/deepseek-chat": model | {"litellm_provider": "deepseek"},
    }
    rows = {"OPENAI_KEY": "k", "DEEPSEEK_KEY": "k"}
    snapshot = captured({"acme": rows}, pricing=write_json({"pricing": prices}))
    [each] = atomlab.diagnose(snapshot, "acme", [atomlab.Request("complex")]).requests
    alone, joint = each.explanation.causes
    assert (alone.provider, alone.role, alone.verdict) == ("openai", "one-of-k", "confirmed")
    assert (joint.provider, joint.role, joint.verdict) == ("deepseek", "joint", "confirmed")
    assert "quality too low, the best of them 80, required 88" in joint.evidence[-1]


def test_a_joint_cause_beside_one_that_suffices_tells_what_else_it_needs():
    """Where no filter is a cause of its own, what rejects the models stands in the evidence."""
    rows = {"OPENAI_API_KEY": "empty", "MINIMAX_2_7_API_KEY": "present"}
    alone, joint = why(rows, request=ADVANCED).causes
    assert (alone.code, alone.provider, alone.sufficient_alone) == ("key-empty", "openai", True)
    assert (joint.code, joint.provider, joint.role) == ("key-under-alias", "minimax", "joint")
    told = "1 of 1 model of minimax rejected: quality too low, the best of them 88, required 94"
    assert joint.evidence[-1] == told
    assert len(joint.evidence) == len(why(rows).causes[1].evidence) + 1


def test_a_fix_beside_a_broken_entry_keeps_whose_models_it_lets_through():
    """A key is needed as well as the repair of the entry: both edits, the key's provider."""
    site = site_with({"lost/x": {"litellm_provider": None}} | {model: {} for model in MODELS})
    fix_sets = why({}, site).fix_sets
    told = {f.provider: [str(edit) for edit in f.edits] for f in fix_sets}
    repair = "repair or remove the entry lost/x of the pricing cache"
    assert told == {
        provider: [repair, f"add {provider.upper()}_API_KEY with a new credential"]
        for provider in ("openai", "groq", "minimax")
    }
    assert {f.atoms[0] for f in fix_sets} == {"pricing-entry"}


@pytest.mark.parametrize("held", [["OPENAI_API_KEY", "GROQ_API_KEY"], []])
def test_settings_that_an_edition_does_not_read_are_named(captured, held):
    """In the public edition keys come from the worker; the tenant's own rows change nothing."""
    tenants = {"acme": dict.fromkeys(held, "k" * 20), "beta": {"MISTRAL_API_KEY": "k" * 20}}
    snapshot = captured(tenants, rules="open-source-2026-05", env={"HOME": "/"})
    [each] = atomlab.diagnose(snapshot, "acme", [atomlab.Request("simple")]).requests
    [cause] = each.explanation.causes
    told = [line for line in cause.evidence if "these settings are not read" in line]
    names = "GROQ_API_KEY, OPENAI_API_KEY"
    assert cause.code == "no-keys"
    assert [line.rpartition(": ")[2] for line in told] == ([names] if held else [])
