"""Who answers where pricing finds no model (source: docs/platform.md)."""

from __future__ import annotations

import pytest

from atomlab.byok.clients import BYOKHandler
from atomlab.byok.platform import Platform
from atomlab.byok.ranking import Answer, rank, static_mapping
from atomlab.byok.request import Request
from atomlab.errors import NO_MODELS, NoModelsAvailableError
from atomlab.evidence.inputs.pricing import load_pricing
from atomlab.evidence.inputs.rules import COMPLEXITIES, load_rules

PUBLIC = "open-source-2026-05"
ALL = ("lux", "openai", "deepseek", "moonshot", "deepinfra", "minimax", "qwen", "gemini")
# As docs/platform.md lists them, for clients that the edition can have; qwen moves to the front.
ORDER = {
    "simple": ["deepseek", "minimax", "moonshot", "gemini", "openai"],
    "moderate": ["deepseek", "minimax", "gemini", "moonshot", "openai"],
    "complex": ["gemini", "deepseek", "minimax", "openai", "moonshot"],
    "advanced": ["openai", "deepseek", "gemini", "moonshot", "minimax"],
}
MODELS = {
    "openai": ("o4-mini", "o4-mini", "o3-mini", "o3"),
    "deepseek": ("deepseek-chat", "deepseek-chat", "deepseek-v3.2", "deepseek-v3.2-speciale"),
    "gemini": ("gemini-3-flash", "gemini-3-flash", "gemini-3-flash", "gemini-3-pro"),
    "moonshot": ("qwen-3-7b", "qwen-3-7b", "qwen-3-max", "qwen-3-max"),
    "minimax": ("MiniMax-M2.7-highspeed",) * 2 + ("MiniMax-M2.7",) * 2,
    "qwen": ("qwen-plus", "qwen-plus", "qwen-plus", "qwen-max"),
}


@pytest.fixture
def platform(write_json):
    """Return a function that gives the public edition with a price cache of entries."""

    def make(entries=None):
        return Platform(
            load_rules(PUBLIC), (), load_pricing(write_json({"pricing": entries or {}})), {}
        )

    return make


def mapped(platform, clients, request, plan=None):
    """Return the pairs of the static mapping."""
    return static_mapping(rank(platform, clients, request, plan).view, clients)


@pytest.mark.parametrize("complexity", COMPLEXITIES)
def test_each_client_has_a_model_in_the_order_of_the_complexity(platform, complexity):
    """All but lux and deepinfra, qwen first."""
    place = COMPLEXITIES.index(complexity)
    expected = [(p, MODELS[p][place]) for p in ("qwen", *ORDER[complexity])]
    assert mapped(platform(), ALL, Request(complexity)) == expected
    for client in ALL:
        alone = mapped(platform(), [client], Request(complexity))
        assert alone == [pair for pair in expected if pair[0] == client]


def test_clients_of_a_forced_list_are_asked_too(write_json):
    """Anthropic has no client of its own in this edition, but a place in the mapping."""
    from atomlab.evidence.inputs.registry import Provider

    pricing = load_pricing(write_json({"pricing": {}}))
    platform = Platform(load_rules(PUBLIC), (Provider("anthropic"),), pricing, {})
    found = [mapped(platform, ["anthropic"], Request(c)) for c in COMPLEXITIES]
    haiku, sonnet, opus = "claude-3-haiku-20240307", "claude-3-5-sonnet", "claude-4-opus"
    assert found == [[("anthropic", model)] for model in (haiku, haiku, sonnet, opus)]


TOOLS = Request("complex", tools=True)


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        pytest.param({}, [], id="unknown-models-have-none"),
        pytest.param({"o3-mini": {"supports_tools": True}}, [("openai", "o3-mini")], id="known"),
        pytest.param({"o3-mini": {"supports_tools": False}}, [], id="known-without"),
        pytest.param({"o3-mini": {}}, [], id="not-said"),
        pytest.param({"openai/o3-mini": {"supports_tools": True}}, [], id="by-the-very-id"),
    ],
)
def test_tools_need_a_model_that_the_cache_knows_with_them(platform, entries, found):
    """Measured: what the cache does not know is passed over."""
    assert mapped(platform(entries), ["openai"], TOOLS) == found
    assert mapped(platform(entries), ["openai"], Request("complex")) == [("openai", "o3-mini")]


def test_the_model_without_tools_gives_way_to_another(platform):
    """deepseek-r2 stands in for it, and is not itself looked up."""
    asked = Request("advanced", tools=True)
    assert mapped(platform(), ["deepseek"], asked) == [("deepseek", "deepseek-r2")]


@pytest.mark.parametrize(
    ("plan", "found"),
    [
        pytest.param("free", {"qwen-plus", "deepseek-chat"}, id="free"),
        pytest.param(None, {"qwen-plus", "deepseek-chat"}, id="none-is-free"),
        pytest.param("team", {"qwen-plus", "deepseek-chat"}, id="unknown-is-free"),
        pytest.param("trial", {"deepseek-chat"}, id="trial"),
        pytest.param("PRO", {"qwen-plus", "deepseek-chat"}, id="in-capitals"),
        pytest.param("enterprise", None, id="all"),
    ],
)
@pytest.mark.parametrize("tools", [False, True])
def test_managed_requests_get_what_the_plan_names_exactly(platform, plan, found, tools):
    """By exact name, not by a part of it; tools are not asked for."""
    pairs = mapped(platform(), ALL, Request("simple", managed=True, tools=tools), plan)
    everything = {MODELS[p][0] for p in MODELS}
    assert {model for _, model in pairs} == (everything if found is None else found)


def test_a_part_of_a_name_is_not_the_plans(platform):
    """The plan pro names deepseek-v3.2, and not deepseek-v3.2-speciale."""
    found = [
        mapped(platform(), ["deepseek"], Request(c, managed=True), "pro") for c in COMPLEXITIES
    ]
    chat = [("deepseek", "deepseek-chat")]
    assert found == [chat, chat, [("deepseek", "deepseek-v3.2")], []]


def test_the_mapping_answers_first(platform):
    """Its first pair is what the caller gets."""
    ranking = rank(platform(), ["openai", "minimax"], Request("simple"))
    assert ranking.winner is None
    assert ranking.fallback == Answer("minimax", "MiniMax-M2.7-highspeed", "static-mapping")
    assert ranking.error is None


def test_then_the_same_request_without_what_is_special_about_it(platform):
    """Without capability, tier and cached prompt; plan and tools stay (measured)."""
    entries = {
        name: {
            "litellm_provider": "lux",
            "max_input_tokens": 200_000,
            "input_cost_per_token": price,
            "output_cost_per_token": price,
        }
        for name, price in (("lux/gpt-5.2", 1e-5), ("lux/o3", 2e-6), ("lux/small", 1e-7))
    }
    ranked = platform(entries)
    for asked in (Request("advanced", tier="heavy"), Request("advanced", capability="vision")):
        assert rank(ranked, ["lux"], asked).winner is not None
    catalogued = Platform(
        ranked.rules,
        (),
        ranked.pricing,
        {name: _listing("chat") for name in entries},
    )
    for asked in (
        Request("advanced", capability="vision"),
        Request("advanced", capability="vision", tier="complex", turn=2, tokens=5000),
    ):
        ranking = rank(catalogued, ["lux"], asked)
        assert ranking.winner is None
        assert ranking.fallback == Answer("lux", "lux/o3", "plain-ranking")
    small = platform({"lux/small": entries["lux/small"]})
    demanding = rank(small, ["lux"], Request("simple", tier="complex"))
    assert demanding.winner is None
    assert demanding.fallback == Answer("lux", "lux/small", "plain-ranking")
    managed = rank(catalogued, ["lux"], Request("simple", capability="vision", managed=True))
    assert managed.fallback == Answer("lux", "gpt-4o-mini", "first-client")


def _listing(*capabilities):
    from atomlab.evidence.inputs.catalog import CatalogEntry

    return CatalogEntry(frozenset(capabilities))


def test_then_the_first_client_with_the_last_model(platform):
    """Lux is in no mapping; it answers with a model that it may not even have."""
    ranking = rank(platform(), ["lux", "deepinfra"], Request("simple"))
    assert ranking.fallback == Answer("lux", "gpt-4o-mini", "first-client")
    assert ranking.error is None


def test_without_a_client_there_is_an_error_of_its_own(captured):
    """A ValueError that asks for keys, and no word of prices."""
    handler = BYOKHandler("id-acme", db=captured({"acme": {}}, rules=PUBLIC, env={}).session)
    ranking = handler.explain(Request())
    assert ranking.fallback is None
    assert ranking.error == "No LLM providers available. Please configure BYOK keys."
    with pytest.raises(ValueError, match="Please configure BYOK keys") as caught:
        handler.rank_models_by_pricing()
    assert type(caught.value) is NoModelsAvailableError
    assert str(caught.value) == ranking.error
    assert caught.value.__notes__ == ["4 models: 4 no client for provider"]


def test_the_handler_hands_on_who_answers(captured, write_json):
    """In the place of the ranked models, with no scores."""
    options = {"rules": PUBLIC, "env": {"OPENAI_API_KEY": "k"}}
    empty = write_json({"pricing": {}}, "empty.json")
    with captured({"acme": {}}, pricing=empty, **options) as snapshot:
        handler = BYOKHandler("id-acme", db=snapshot.session)
        answer = [{"provider": "openai", "model": "o3"}]
        assert handler.rank_models_by_pricing("advanced") == answer
    with captured({"acme": {}}, **options) as snapshot:
        ranked = BYOKHandler("id-acme", db=snapshot.session).rank_models_by_pricing("simple")
        assert [row["model"] for row in ranked] == ["gpt-4o-mini", "openai/gpt-4o"]


def test_where_a_model_is_found_nobody_else_answers(prices):
    """And the hosted edition has no fallback at all."""
    pricing = load_pricing(prices)
    public = Platform(load_rules(PUBLIC), (), pricing, {})
    found = rank(public, ["openai"], Request("simple"))
    assert (found.fallback, found.error) == (None, None)
    hosted = Platform(load_rules("hosted-2026-05"), public.providers, pricing, {})
    ranking = rank(hosted, ["openai"], Request("advanced"))
    assert (ranking.winner, ranking.fallback, ranking.error) == (None, None, NO_MODELS)
    assert static_mapping(ranking.view, ["openai"]) == []
