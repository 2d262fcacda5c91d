"""The platform's side: columns of the pricing cache, and what a snapshot keeps of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import atomlab
from atomlab import limits
from atomlab.byok.platform import Platform, load_platform
from atomlab.capturing.capture import capture
from atomlab.errors import InputError
from atomlab.evidence.inputs.catalog import CatalogEntry
from atomlab.evidence.inputs.pricing import load_pricing
from atomlab.evidence.inputs.registry import Provider
from atomlab.evidence.inputs.rules import load_rules
from tests.examples import examples
from tests.small import small_platform
from tests.worlds import ODD_FLAGS, ODD_NUMBERS, worlds


@given(worlds())
@examples(50)
def test_columns_are_what_the_entries_mean(world):
    """Unknown numbers are read as 0 and remembered, in ATOM's own cache those of 0 as well.

    The window falls back to max_tokens; a negative number is kept.
    """
    platform = world.platform()
    models, pricing = platform.models, platform.pricing
    assert models.ids == list(world.cache)
    for place, entry in enumerate(world.cache.values()):
        costs = [entry.get("input_cost_per_token"), entry.get("output_cost_per_token")]
        windows = [entry.get("max_input_tokens"), entry.get("max_tokens")]
        assert pricing.price_unknown[place] == any(c is None or c <= 0 for c in costs)
        assert pricing.window[place] == (windows[0] or windows[1] or 0)
        assert pricing.window_unknown[place] == (not windows[0] and not windows[1])


@pytest.mark.parametrize(
    ("model", "owner", "prefix", "substring"),
    [
        pytest.param("openai/gpt-4o", "openai", "openai", "openai", id="prefix"),
        pytest.param("OpenAI/gpt-4o", "x", "openai", "openai", id="id-is-lower-cased"),
        pytest.param("openrouter/openai/o1", "openrouter", None, "openai", id="several-slashes"),
        pytest.param("gpt-4o", "openai", "openai", "openai", id="declared"),
        pytest.param("gpt-4o", "OpenAI", "openai", "openai", id="declared-is-lower-cased"),
        pytest.param("my-openai-model", "x", None, "openai", id="contained"),
        pytest.param("vertex_ai/gpt", "openai", None, "openai", id="prefix-beats-declared"),
        pytest.param("/gpt-4o", "openai", None, "openai", id="empty-prefix"),
        pytest.param("", "openai", "openai", "openai", id="empty-id"),
    ],
)
def test_who_serves_a_model(write_json, model, owner, prefix, substring):
    """The two matchers agree on plain cases and differ where docs/platform.md says so."""
    pricing = load_pricing(write_json({model: {"litellm_provider": owner}}))
    served = {}
    for matcher in ("prefix", "substring"):
        rules = replace(load_rules("hosted-2026-05"), matcher=matcher)
        models = Platform(rules, (Provider("openai"),), pricing, {}).models
        served[matcher] = "openai" if models.served_by[0] == 0 else None
    assert served == {"prefix": prefix, "substring": substring}


def test_snapshot_gives_back_the_platform_it_was_made_of(tmp_path, make_database, write_json):
    """Every odd entry, the registry and the catalogue come back from a snapshot as they went in."""
    document = {
        f"openai/number-{n}": {
            "litellm_provider": "openai",
            "max_input_tokens": raw,
            "input_cost_per_token": raw,
            "supports_tools": ODD_FLAGS[n % len(ODD_FLAGS)][0],
        }
        for n, (raw, _) in enumerate(ODD_NUMBERS)
    }
    document |= {"na\u0000me": {}, "\ud800": {}, "ünï\u202eçode": {"mode": "chat\n"}}
    prices = write_json(document)
    catalog = [("openai/number-0", '["vision", "tools"]', 1), ("gone", "broken [", 0)]
    source = make_database({"acme": {"OPENAI_API_KEY": "k"}}, catalog=catalog)
    with capture(str(source), tmp_path / "s.sqlite", pricing=prices) as snapshot:
        loaded = load_platform(snapshot.session)
    expected = load_pricing(prices)
    pd.testing.assert_frame_equal(loaded.pricing.frame, expected.frame, check_exact=True)
    assert loaded.rules == load_rules("hosted-2026-05")
    assert loaded.catalog == {
        "openai/number-0": CatalogEntry(frozenset({"vision", "tools"}), excluded=True),
        "gone": CatalogEntry(frozenset()),
    }


def test_registry_survives_a_snapshot(tmp_path, make_database, write_json):
    """Ids, variables, activity and health of providers come back, in their order."""
    registry = write_json(
        {
            "providers": [
                {"id": "zeta", "api_key_env_var": "Z_API_KEY", "is_active": False},
                {"id": "alpha", "health_score": 0.25},
                {"id": "\ud800odd", "health_score": 10**400, "is_active": "yes"},
            ]
        },
        "byok_config.json",
    )
    source = make_database({"acme": {}})
    with capture(str(source), tmp_path / "s.sqlite", providers=registry) as snapshot:
        assert load_platform(snapshot.session).providers == (
            Provider("zeta", "Z_API_KEY", is_active=False),
            Provider("alpha", health_score=0.25),
            Provider("\\ud800odd"),
        )


@pytest.mark.parametrize(
    ("plan", "allowed"),
    [
        ("free", {"gpt-4o-mini"}),
        ("trial", {"gpt-4o-mini"}),
        ("pro", {"gpt-4o-mini", "openai/gpt-4o"}),
        ("enterprise", {"gpt-4o-mini", "openai/gpt-4o", "minimax/MiniMax-M2.5"}),
        ("PRO", {"gpt-4o-mini", "openai/gpt-4o"}),
        ("Enterprise", {"gpt-4o-mini", "openai/gpt-4o", "minimax/MiniMax-M2.5"}),
        ("solo", {"gpt-4o-mini"}),
        ("", {"gpt-4o-mini"}),
        (None, {"gpt-4o-mini"}),
    ],
)
def test_plans_allow_their_names(prices, plan, allowed):
    """A plan, in any case, allows ids that contain one of its names; an unknown one is free."""
    platform = Platform(load_rules("hosted-2026-05"), (), load_pricing(prices), {})
    may = platform.allowed_by(plan)
    names = {m for m, yes in zip(platform.models.ids, may, strict=True) if yes}
    assert names - {"deepseek/deepseek-chat"} == allowed
    assert "deepseek/deepseek-chat" in names


def test_shipped_snapshots_hold_the_shipped_prices(before, real_prices):
    """The frame that a decision uses is the price file's, number by number."""
    loaded = load_platform(before.session).pricing.frame
    pd.testing.assert_frame_equal(loaded, load_pricing(real_prices).frame, check_exact=True)


def test_rules_of_a_snapshot_decide_and_not_the_installed_ones(captured, tmp_path):
    """A snapshot carries the rules it was captured under."""
    own = tmp_path / "own.yaml"
    own.write_text(
        "based_on: hosted-2026-05\nname: lenient\n"
        "min_quality: {simple: 0, moderate: 0, complex: 0, advanced: 0}\n"
    )
    snapshot = captured({"acme": {"MINIMAX_API_KEY": "k"}}, rules=str(own))
    handler = atomlab.BYOKHandler("id-acme", db=snapshot.session)
    assert handler.platform.rules.name == snapshot.manifest["rules"] == "lenient"
    [winner] = handler.rank_models_by_pricing("advanced")
    assert winner["model"] == "minimax/MiniMax-M2.5"


def test_health_of_unknown_providers_is_nan(prices):
    """Unknown health is NaN, which no threshold rejects."""
    providers = (Provider("openai"), Provider("groq", health_score=0.2))
    platform = Platform(load_rules("hosted-2026-05"), providers, load_pricing(prices), {})
    assert np.isnan(platform.health[0])
    assert platform.health[1] == 0.2


def test_names_of_a_plan_are_compared_in_lower_case(write_json):
    """Both an allowed name and an id may be written in capitals (docs/platform.md)."""
    rules = replace(load_rules("hosted-2026-05"), plans={"free": ("GPT-4o", "qwen")})
    pricing = load_pricing(write_json({m: {"mode": "chat"} for m in ("gpt-4O", "QWEN-x", "o1")}))
    assert Platform(rules, (), pricing, {}).allowed_by("free").tolist() == [True, True, False]


def test_clients_of_the_public_edition_stand_in_its_own_order(prices):
    """Its list comes first, what the registry lacks of it included, and then the registry."""
    rules, registered = load_rules("open-source-2026-05"), Provider("openai", "MY_API_KEY")
    providers = (Provider("groq"), registered, Provider("anthropic"))
    platform = Platform(rules, providers, load_pricing(prices), {})
    assert [p.id for p in platform.providers] == [
        *("lux", "openai", "deepseek", "moonshot", "deepinfra", "minimax", "qwen", "gemini"),
        *("groq", "anthropic"),
    ]
    assert platform.providers[1] is registered
    hosted = Platform(load_rules("hosted-2026-05"), providers, load_pricing(prices), {})
    assert hosted.providers == providers


def test_a_window_below_zero_is_one(write_json):
    """The platform takes the first that is not 0; what is below 0 is not too (docs/platform.md)."""
    pricing = load_pricing(write_json({"a": {"max_input_tokens": -1, "max_tokens": 9000}}))
    assert pricing.window.tolist() == [-1]


@pytest.mark.parametrize("edition", ["hosted-2026-05", "open-source-2026-05"])
@given(world=worlds())
@examples(50)
def test_what_is_known_of_a_provider_is_what_a_walk_over_all_entries_finds(world, edition):
    """Looked up at once, for any name; and one more provider asked last changes what it serves."""
    base = world.platform()
    rules = replace(base.rules, client_order=load_rules(edition).client_order)
    platform = Platform(rules, base.providers, base.pricing, base.catalog)
    lowered = [model_id.lower() for model_id in world.cache]
    owners = [owner.lower() for owner in platform.pricing.columns["litellm_provider"]]
    names = {*owners, *(m.split("/")[0] for m in lowered), "zq", "", "a\nb", "o"}
    for name in names - set(platform.column):
        wanted = Platform(replace(rules, client_order="registry"), (Provider(name),), *_rest(base))
        served = wanted.models.matches[:, 0]
        assert (platform.models_of(name) == served).all()
        named = [name.lower() in (m.split("/")[0], o) for m, o in zip(lowered, owners, strict=True)]
        assert platform.models.naming(name).tolist() == named
        if edition == "hosted-2026-05":
            more = Platform(rules, (*platform.providers, Provider(name)), *_rest(base)).models
            added = platform.models.with_client(name, served)
            assert (added.matches == more.matches).all()
            assert (added.served_by == more.served_by).all()
            assert (added.provider == more.provider).all()


def _rest(platform):
    return platform.pricing, platform.catalog


@given(worlds(), st.sampled_from(["openai", "gpt", "mini", "x", "deepseek"]))
@examples(60)
def test_one_more_provider_is_matched_as_if_it_had_been_there(world, provider):
    """Added to what was matched or matched anew, the models are served by the same providers."""
    platform = world.platform()
    if provider in platform.column or platform.rules.client_order != "registry":
        return
    registry = (*platform.providers, Provider(provider))
    anew = replace(platform, providers=registry).models
    added = platform.models.with_client(provider, platform.models_of(provider))
    assert np.array_equal(added.matches, anew.matches)
    assert np.array_equal(added.served_by, anew.served_by)
    assert [*added.provider] == [*anew.provider]


def test_a_platform_says_its_edition_and_its_sizes():
    """Without any of what it holds."""
    platform = small_platform(["openai/a", "groq/b", "x/c"], ["openai", "groq"])
    assert repr(platform) == f"<Platform {platform.rules.name}: 2 providers, 3 models>"


def test_as_many_pairs_as_are_read_are_read_and_not_one_more(monkeypatch):
    """The refusal says how many there are and what to do."""
    monkeypatch.setattr(limits, "PAIRS", 6)
    platform = small_platform(["openai/a", "groq/b", "x/c"], ["openai", "groq"])
    with pytest.raises(InputError) as caught:
        replace(platform, providers=(*platform.providers, Provider("x")))
    assert str(caught.value) == (
        "registry and prices together: it has 9 pairs of a provider and a model, more than the 6 "
        "that are read; leave out some models"
    )
