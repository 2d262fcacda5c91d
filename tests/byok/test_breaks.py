"""One entry of the price cache at which the whole ranking fails (source: docs/platform.md).

Measured on the public edition; that the hosted one fails alike is an assumption.
"""

from __future__ import annotations

import pytest

from atomlab.byok.clients import BYOKHandler
from atomlab.byok.platform import Platform
from atomlab.byok.ranking import rank
from atomlab.byok.request import Request
from atomlab.errors import NoModelsAvailableError
from atomlab.evidence.inputs.catalog import CatalogEntry
from atomlab.evidence.inputs.pricing import load_pricing
from atomlab.evidence.inputs.registry import Provider
from atomlab.evidence.inputs.rules import load_rules

EDITIONS = ("hosted-2026-05", "open-source-2026-05")
# A model of openai that is a candidate for any request, and one of gemini.
GOOD = {
    "litellm_provider": "openai",
    "max_input_tokens": 200_000,
    "input_cost_per_token": 1e-6,
    "output_cost_per_token": 1e-6,
    "supports_function_calling": True,
}
OPENAI, GEMINI = "openai/gpt-5.2", "gemini/gemini-3-pro"
NOBODY, SERVED, EVERYBODY = (), ("openai",), ("openai", "gemini", "")


def without(name):
    """Return the good entry without one of its fields."""
    return {key: value for key, value in GOOD.items() if key != name}


@pytest.mark.parametrize("edition", EDITIONS)
@pytest.mark.parametrize(
    ("entry", "broken_for"),
    [
        pytest.param(GOOD, NOBODY, id="good"),
        pytest.param({**GOOD, "litellm_provider": None}, EVERYBODY, id="null-provider"),
        pytest.param({**GOOD, "litellm_provider": 7}, EVERYBODY, id="provider-a-number"),
        pytest.param(without("litellm_provider"), NOBODY, id="no-provider"),
        pytest.param({**GOOD, "litellm_provider": ""}, NOBODY, id="empty-provider"),
        pytest.param({**GOOD, "input_cost_per_token": None}, SERVED, id="null-input-price"),
        pytest.param({**GOOD, "output_cost_per_token": None}, SERVED, id="null-output-price"),
        pytest.param({**GOOD, "output_cost_per_token": "1e-6"}, SERVED, id="price-in-a-string"),
        pytest.param(without("output_cost_per_token"), NOBODY, id="no-price"),
        pytest.param({**GOOD, "input_cost_per_token": 0}, NOBODY, id="price-of-0"),
        pytest.param({**GOOD, "input_cost_per_token": -1e-6}, NOBODY, id="price-below-0"),
        pytest.param({**GOOD, "max_input_tokens": "200000"}, SERVED, id="window-in-a-string"),
        pytest.param({**GOOD, "max_input_tokens": "large"}, SERVED, id="window-in-words"),
        pytest.param({**GOOD, "max_input_tokens": None}, NOBODY, id="null-window"),
        pytest.param({**GOOD, "max_input_tokens": ""}, NOBODY, id="empty-window"),
        pytest.param({**GOOD, "max_tokens": "large"}, NOBODY, id="window-that-is-not-looked-at"),
        pytest.param(
            {**GOOD, "max_input_tokens": 0, "max_tokens": "large"}, SERVED, id="window-that-is"
        ),
    ],
)
def test_an_entry_breaks_the_ranking_for_whom_it_does(write_json, edition, entry, broken_for):
    """A provider of null for every tenant; price and window for those whose client serves it."""
    document = {"pricing": {OPENAI: entry, GEMINI: {**GOOD, "litellm_provider": "gemini"}}}
    providers = (Provider("openai"), Provider("gemini"))
    platform = Platform(load_rules(edition), providers, load_pricing(write_json(document)), {})
    for whose in EVERYBODY:
        clients = [whose] if whose else []
        ranking = rank(platform, clients, Request("simple"))
        assert (ranking.broken is not None) == (whose in broken_for), whose
        if whose in broken_for:
            assert ranking.broken.startswith(f"the entry {OPENAI} breaks the ranking")
            assert list(ranking.order) == []
        elif whose == "gemini":
            assert ranking.winner.model == GEMINI


@pytest.mark.parametrize("edition", EDITIONS)
@pytest.mark.parametrize(
    ("change", "request_", "breaks"),
    [
        pytest.param({}, Request("simple"), True, id="candidate"),
        pytest.param({"max_input_tokens": 3999}, Request("simple"), False, id="too-small"),
        pytest.param({"max_input_tokens": 4000}, Request("simple"), True, id="large-enough"),
        pytest.param({}, Request("simple", capability="vision"), False, id="not-capable"),
        pytest.param({"id": "openai/old"}, Request("simple"), True, id="good-enough"),
        pytest.param({"id": "openai/old"}, Request("moderate"), False, id="not-good-enough"),
        pytest.param({"id": "openai/excluded"}, Request("simple"), False, id="excluded"),
        pytest.param(  # the plan, and tools, are asked of what has a price already
            {"id": "openai/old"}, Request("simple", managed=True), True, id="not-in-the-plan"
        ),
        pytest.param(
            {"id": "openai/gpt-4o-mini", "supports_function_calling": False},
            Request("simple", managed=True, tools=True),
            True,
            id="without-tools",
        ),
    ],
)
def test_a_price_of_null_breaks_only_where_it_is_reckoned_with(
    write_json, edition, change, request_, breaks
):
    """What a filter before has rejected has no price to fail at."""
    entry = {**GOOD, "input_cost_per_token": None, **change}
    document = {"pricing": {entry.pop("id", OPENAI): entry}}
    catalog = {
        OPENAI: CatalogEntry(frozenset({"chat"})),
        "openai/excluded": CatalogEntry(frozenset({"chat"}), excluded=True),
    }
    platform = Platform(
        load_rules(edition), (Provider("openai"),), load_pricing(write_json(document)), catalog
    )
    assert (rank(platform, ["openai"], request_, "free").broken is not None) is breaks


def test_a_provider_that_is_unhealthy_has_no_price_to_fail_at(write_json):
    """Health is asked before the price, too; a window is looked at before health."""
    for field, broken in (("input_cost_per_token", False), ("max_input_tokens", True)):
        entry = {**GOOD, field: None if field.startswith("input") else "large"}
        pricing = load_pricing(write_json({"pricing": {OPENAI: entry}}))
        providers = (Provider("openai", health_score=0.1),)
        platform = Platform(load_rules("hosted-2026-05"), providers, pricing, {})
        assert (rank(platform, ["openai"], Request("simple")).broken is not None) is broken


@pytest.mark.parametrize(
    ("field", "value", "what"),
    [
        ("litellm_provider", None, "its litellm_provider is null"),
        ("max_input_tokens", "200000", "its context window is not a number"),
        ("output_cost_per_token", None, "its price is null or no number"),
    ],
)
@pytest.mark.parametrize("edition", EDITIONS)
def test_the_first_such_entry_is_named_and_the_others_counted(
    captured, write_json, edition, field, value, what
):
    """In the hosted edition the error's note names it; in the public one the fallback answers."""
    bad = {**GOOD, field: value}
    pricing = write_json({"pricing": {"openai/fine": GOOD, OPENAI: bad, "openai/gpt-5": bad}})
    snapshot = captured(
        {"acme": {"OPENAI_API_KEY": "k"}},
        pricing=pricing,
        rules=edition,
        env={"OPENAI_API_KEY": "k"},
    )
    handler = BYOKHandler("id-acme", db=snapshot.session)
    told = f"the entry {OPENAI} (and 1 more entry) breaks the ranking: {what}"
    ranking = handler.explain(Request("simple"))
    assert ranking.broken == told
    assert ranking.summary() == f"3 models: 3 usable, {told}"
    if edition == "hosted-2026-05":
        with pytest.raises(NoModelsAvailableError) as caught:
            handler.rank_models_by_pricing("simple")
        assert caught.value.__notes__ == [ranking.summary()]
    else:
        answer = [{"provider": "openai", "model": "o4-mini"}]
        assert handler.rank_models_by_pricing("simple") == answer


def test_the_legend_of_the_real_map_breaks_nothing(real_prices):
    """Its windows are prose, but no client serves it."""
    pricing = load_pricing(real_prices)
    place = pricing.columns["model_id"].index("sample_spec")
    assert pricing.columns["breaks"][place]
    for edition in EDITIONS:
        providers = tuple(Provider(p) for p in load_rules(edition).llm_providers)
        platform = Platform(load_rules(edition), providers, pricing, {})
        ranking = rank(platform, [p.id for p in providers], Request("simple"))
        assert ranking.broken is None
        assert ranking.winner is not None
