"""The filters, each against its condition as PLATFORM words it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atomlab.byok.filters import FILTERS, NAMES, PHRASES
from atomlab.byok.platform import Platform
from atomlab.byok.ranking import rank
from atomlab.byok.request import Request
from atomlab.byok.scoring import quality_of
from atomlab.evidence.catalog import CatalogEntry
from atomlab.evidence.pricing import load_pricing
from atomlab.evidence.registry import Provider
from atomlab.evidence.rules import load_rules
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
    owner = world.cache[model].get("litellm_provider") or ""
    prefix = model.split("/")[0].lower() if "/" in model else owner.lower()
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
    allowed = PLAN.get(plan, FREE).split()
    window = entry.get("max_input_tokens") or entry.get("max_tokens") or 0
    rejects = {
        "client": server is None,
        "context": window < CONTEXT[asked.complexity],
        "capability": bool(asked.capability and listed)
        and asked.capability not in listed.capabilities,
        "excluded": not asked.capability and bool(listed) and listed.excluded,
        "health": health is not None and health < 0.5,
        "quality": quality_of(model, world.rules, asked.capability)[0] < needed,
        "plan": asked.managed and plan != "enterprise" and not any(n in model for n in allowed),
        "tools": asked.tools and entry.get("supports_tools") is not True,
    }
    return [name for name, rejected in rejects.items() if rejected]


@given(st.data(), worlds(), requests(), st.sampled_from(PLANS))
@settings(max_examples=200, deadline=None)
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


@pytest.mark.parametrize(
    ("score", "passes"),
    [(0.5, True), (0.49, False), (None, True)],
    ids=["at-the-threshold", "below", "unknown"],
)
def test_health_rejects_only_what_is_known_to_be_unhealthy(hopeless, score, passes):
    """A provider of unknown health passes, one at the threshold too."""
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


def test_filters_have_names_and_words_in_the_platforms_order():
    """The vocabulary of filters is complete and in order."""
    order = ["client", "context", "capability", "excluded", "health", "quality", "plan", "tools"]
    assert [judge.__name__ for judge in FILTERS] == order == list(NAMES) == list(PHRASES)
