"""The filters, each against its condition as docs/platform.md words it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomlab.byok.filters import FILTERS, NAMES, PHRASES, Judgement
from atomlab.byok.platform import Platform
from atomlab.byok.ranking import rank
from atomlab.byok.request import Request
from atomlab.byok.scoring import scorer
from atomlab.evidence.inputs.catalog import CatalogEntry
from atomlab.evidence.inputs.pricing import load_pricing
from atomlab.evidence.inputs.registry import Provider
from atomlab.evidence.inputs.rules import load_rules
from tests.examples import examples
from tests.small import chat
from tests.worlds import PLANS, clients_of, requests, worlds

CONTEXT = {"simple": 4_000, "moderate": 8_000, "complex": 16_000, "advanced": 32_000}
QUALITY = {"simple": 0, "moderate": 80, "complex": 88, "advanced": 94}
TIER = {"micro": 0, "standard": 80, "versatile": 86, "heavy": 90, "complex": 94}
FREE = "gpt-4o-mini claude-3-haiku deepseek-chat gemini-1.5-flash gemini-2.0-flash qwen-plus"
PRO = (
    "gpt-4o gpt-4o-mini claude-3-5-sonnet claude-3-haiku deepseek-chat deepseek-v3.2"
    " gemini-1.5-pro gemini-1.5-flash gemini-2.0-flash qwen-plus qwen-max"
)
PLAN = {"trial": "gpt-4o-mini claude-3-haiku deepseek-chat", "pro": PRO}


def would_serve(world, names, model):
    """Return the first of the names that matches the model, None if none does."""
    owner = world.cache[model].get("litellm_provider", "").lower()
    prefix = model.split("/")[0].lower() if "/" in model else owner
    for name in names:
        if world.rules.matcher == "prefix" and name == prefix:
            return name
        if world.rules.matcher == "substring" and (name in model.lower() or name == owner):
            return name
    return None


def blockers_by_hand(world, clients, asked, plan, model):
    """Return the names of all filters that reject the model, each judged by itself."""
    entry, listed = world.cache[model], world.catalog.get(model)
    server = would_serve(world, clients, model)
    health = world.health.get(server or would_serve(world, world.health, model))
    needed = QUALITY[asked.complexity] if asked.tier is None else TIER[asked.tier]
    plan = (plan or "free").lower()
    limited = asked.managed and plan != "enterprise"
    allowed = PLAN.get(plan, FREE).split()
    window = entry.get("max_input_tokens") or entry.get("max_tokens") or 0
    rejects = {
        "client": server is None,
        "context": window < CONTEXT[asked.complexity],
        "capability": bool(asked.capability and listed)
        and asked.capability not in listed.capabilities,
        "excluded": not asked.capability and bool(listed) and listed.excluded,
        "health": health is not None and round(health, 3) < 0.5,
        "quality": scorer(world.rules, asked.capability)(model)[0] < needed,
        "plan": limited and not any(n in model.lower() for n in allowed),
        "tools": limited and asked.tools and entry.get("supports_tools") is not True,
    }
    return [name for name, rejected in rejects.items() if rejected]


@given(st.data(), worlds(), requests(), st.sampled_from(PLANS))
@examples(200)
def test_every_filter_judges_every_model(data, world, asked, plan):
    """A model's blockers are all filters that reject it, not only the first."""
    clients = data.draw(clients_of(world))
    frame = rank(world.platform(), clients, asked, plan).frame()
    for model, blockers in zip(frame["model"], frame["blockers"], strict=True):
        expected = blockers_by_hand(world, clients, asked, plan, model)
        assert blockers == ", ".join(expected), model


@pytest.fixture
def hopeless(write_json):
    """Return a platform whose only model every filter rejects, for the request below."""
    pricing = load_pricing(write_json({"groq/tiny-8b": {"max_tokens": 1}}))
    catalog = {"groq/tiny-8b": CatalogEntry(frozenset(), excluded=True)}
    providers = (Provider("groq", health_score=0.1),)
    return Platform(load_rules("hosted-2026-05"), providers, pricing, catalog)


def test_one_model_can_be_rejected_by_all_filters_at_once(hopeless):
    """No filter is spared: seven reject a hopeless model, excluded yields to the capability."""
    asked = Request("advanced", capability="vision", tools=True, managed=True)
    [blockers] = rank(hopeless, [], asked, "free").frame()["blockers"]
    assert blockers == "client, context, capability, health, quality, plan, tools"


def test_excluded_models_are_left_out_of_general_routing_only(hopeless):
    """The catalogue's exclusion counts unless a capability is required."""
    general = rank(hopeless, ["groq"], Request("simple")).frame()["blockers"][0]
    special = rank(hopeless, ["groq"], Request("simple", capability="vision")).frame()
    assert general == "context, excluded, health"
    assert special["blockers"][0] == "context, capability, health"


def test_filters_of_yes_and_no_say_what_they_require(hopeless):
    """A capability by its name, no exclusion, and tools."""
    special = Request("simple", capability="vision", tools=True, managed=True)
    found = {
        reason.code: (reason.observed, reason.required)
        for asked in (special, Request("simple"))
        for reason in rank(hopeless, ["groq"], asked, "free").reasons("groq/tiny-8b")
    }
    assert found["capability"] == (False, "vision")
    assert found["excluded"] == (True, False)
    assert found["tools"] == (False, True)


@pytest.mark.parametrize(
    ("score", "passes"),
    [
        pytest.param(0.5, True, id="at-the-threshold"),
        pytest.param(0.49, False, id="below"),
        pytest.param(None, True, id="unknown"),
        pytest.param(0.4996, True, id="rounded-up"),
        pytest.param(0.49951, True, id="rounded-up-just"),
        pytest.param(0.4995, False, id="as-python-rounds-it"),
        pytest.param(0.4994, False, id="rounded-down"),
    ],
)
def test_health_rejects_only_what_is_known_to_be_unhealthy(hopeless, score, passes):
    """A provider of unknown health passes, one at the threshold too; three digits count."""
    platform = replace(hopeless, providers=(Provider("groq", health_score=score),))
    [blockers] = rank(platform, ["groq"], Request("simple")).frame()["blockers"]
    assert ("health" not in blockers) is passes


@pytest.mark.parametrize("complexity", CONTEXT)
@pytest.mark.parametrize("short", [0, 1], ids=["enough", "one-token-short"])
def test_context_needs_the_window_of_the_complexity(write_json, complexity, short):
    """A window of exactly the needed size passes, one token less does not."""
    entry = {"max_input_tokens": CONTEXT[complexity] - short}
    platform = Platform(
        load_rules("hosted-2026-05"),
        (Provider("openai"),),
        load_pricing(write_json({"openai/gpt-5.2": entry})),
        {},
    )
    assert len(rank(platform, ["openai"], Request(complexity)).order) == 1 - short


def test_plan_filters_managed_requests_only(hopeless):
    """A tenant that brings its own keys may use any model."""
    own = rank(hopeless, ["groq"], Request("simple"), "free").frame()["blockers"][0]
    managed = rank(hopeless, ["groq"], Request("simple", managed=True), "free").frame()
    assert "plan" not in own
    assert "plan" in managed["blockers"][0]


@pytest.mark.parametrize(
    ("managed", "plan", "filtered"),
    [
        pytest.param(True, "free", True, id="managed"),
        pytest.param(True, None, True, id="managed-no-plan"),
        pytest.param(True, "enterprise", False, id="plan-that-allows-all"),
        pytest.param(True, "Enterprise", False, id="in-capitals"),
        pytest.param(False, "free", False, id="byok"),
        pytest.param(None, "free", False, id="not-said"),
    ],
)
def test_tools_filter_managed_requests_of_limited_plans_only(hopeless, managed, plan, filtered):
    """The platform asks within the plan's approval, which BYOK never reaches (docs/platform.md)."""
    asked = Request("simple", tools=True, managed=managed)
    [blockers] = rank(hopeless, ["groq"], asked, plan).frame()["blockers"]
    assert ("tools" in blockers) is filtered
    [plain] = rank(hopeless, ["groq"], replace(asked, tools=False), plan).frame()["blockers"]
    assert "tools" not in plain


@pytest.mark.parametrize(
    ("plan", "passes"), [("pro", True), ("enterprise", True), ("free", False), (None, False)]
)
def test_a_managed_request_may_use_what_its_tenant_s_plan_allows(write_json, plan, passes):
    """gpt-4o is in the plan pro, not in free, which is the plan of a tenant without one."""
    pricing = load_pricing(write_json({"openai/gpt-4o": chat("openai")}))
    platform = Platform(load_rules("hosted-2026-05"), (Provider("openai"),), pricing, {})
    asked = Request("simple", managed=True)
    assert len(rank(platform, ["openai"], asked, plan).order) == passes


def test_filters_have_names_and_words_in_the_platforms_order():
    """The vocabulary of filters is complete and in order."""
    order = ["client", "context", "capability", "excluded", "health", "quality", "plan", "tools"]
    assert [judge.__name__ for judge in FILTERS] == order == list(NAMES) == list(PHRASES)


@pytest.fixture
def more_filters(monkeypatch):
    """Return a function that adds filters, each of which rejects the models that it is given."""

    def add(rejecting):
        def judge_for(name, models):
            def judge(view):
                rejected = np.array([m in models for m in view.platform.models.ids], dtype=bool)
                return Judgement(rejected, rejected, f"what {name} wants")

            judge.__name__ = name
            return judge

        judges = (*FILTERS, *(judge_for(*one) for one in rejecting.items()))
        names = tuple(judge.__name__ for judge in judges)
        monkeypatch.setattr("atomlab.byok.ranking.FILTERS", judges)
        monkeypatch.setattr("atomlab.byok.ranking.NAMES", names)
        phrases = {**PHRASES, **{name: f"not {name}" for name in rejecting}}
        monkeypatch.setattr("atomlab.byok.ranking.PHRASES", phrases)

    return add


def test_the_mask_takes_as_many_filters_as_there_are(prices, more_filters):
    """A ninth filter, and a 32nd, is counted as the others are: mask, funnel, reasons, words."""
    added = {f"number_{n}": set() for n in range(9, 32)}
    added["number_9"] = {"gpt-4o-mini", "openai/gpt-4o"}
    added["number_32"] = {"openai/gpt-4o", "deepseek/deepseek-chat"}
    more_filters(added)
    providers = (Provider("openai"), Provider("deepseek"))
    platform = Platform(load_rules("hosted-2026-05"), providers, load_pricing(prices), {})
    ranking = rank(platform, ["openai", "deepseek"], Request("simple"))
    assert ranking.blockers.tolist() == [1, 1 << 8 | 1 << 31, 1 << 8, 1 << 31]
    assert list(ranking.order) == []
    frame = ranking.frame().set_index("model")
    assert frame["blockers"].to_dict() == {
        "minimax/MiniMax-M2.5": "client",
        "openai/gpt-4o": "number_9, number_32",
        "gpt-4o-mini": "number_9",
        "deepseek/deepseek-chat": "number_32",
    }
    assert frame["first_blocker"].tolist() == ["client", "number_9", "number_9", "number_32"]
    funnel = {row["filter"]: row for row in ranking.funnel_rows()}
    assert len(funnel) == 32
    assert funnel["number_9"] == {
        "filter": "number_9",
        "entering": 3,
        "rejected": 2,
        "only_blocker": 1,
    }
    assert funnel["number_32"] == {
        "filter": "number_32",
        "entering": 1,
        "rejected": 1,
        "only_blocker": 1,
    }
    assert ranking.summary() == (
        "4 models: 1 no client for provider, 2 not number_9, 1 not number_32"
    )
    codes = [(r.code, r.required) for r in ranking.reasons("openai/gpt-4o")]
    assert codes == [("number_9", "what number_9 wants"), ("number_32", "what number_32 wants")]


def test_a_model_that_no_added_filter_rejects_is_ranked(prices, more_filters):
    """The candidates are those whose mask is empty, in all its bits."""
    more_filters({"ninth": {"gpt-4o-mini"}})
    platform = Platform(
        load_rules("hosted-2026-05"), (Provider("openai"),), load_pricing(prices), {}
    )
    ranking = rank(platform, ["openai"], Request("simple"))
    assert [c.model for c in ranking.candidates()] == ["openai/gpt-4o"]
    without = rank(platform, ["openai"], Request("simple"), waived=["ninth"])
    assert [c.model for c in without.candidates()] == ["gpt-4o-mini", "openai/gpt-4o"]
