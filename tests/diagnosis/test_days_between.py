"""Days between two: what lies there equals a day that was made with the same differences."""

from __future__ import annotations

import dataclasses
from random import Random
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomlab.byok.ranking import rank
from atomlab.byok.request import Request
from atomlab.diagnosis.days_between import Day, PlatformsBetween, lacking
from atomlab.evidence.inputs.catalog import CatalogEntry
from atomlab.evidence.inputs.pricing import Pricing
from atomlab.evidence.inputs.registry import Provider
from tests.diagnosis.test_changed_requests import (
    NARROW,
    WIDE,
    between,
    day_of,
    fails_on,
    made,
    order_between,
    parts_of,
    platform_on,
    things,
)
from tests.examples import examples
from tests.small import TOKENS, small_platform
from tests.worlds import PROVIDERS

HELD = {"OPENAI_API_KEY": TOKENS["present"]}


def days_of(good, bad, order):
    """Return two made days, and the days between them of a tenant."""
    sides = [day_of(platform_on(day, order)) for day in (good, bad)]
    tokens = [{n: TOKENS[s] for n, s in parts_of(day, "rows").items()} for day in (good, bad)]
    held = [
        (day["plan", "plan"], day["mode", "ai_mode"], rows)
        for day, rows in zip((good, bad), tokens, strict=True)
    ]
    return sides, between(*sides, held)


def check(good, bad, order, sets, request):
    """Compare days between two with the same days made from nothing."""
    sides, space = days_of(good, bad, order)
    order = order_between(space, (good, bad), order)
    keys = [(each.kind, each.name) for each in space.differences]
    for chosen in sets:
        day = made(good, bad, [key for n, key in enumerate(keys) if chosen >> n & 1])
        site, real = space.sites.platform(chosen), platform_on(day, order)
        assert sorted(site.pricing.rows()) == sorted(real.pricing.rows())
        assert site.providers == real.providers
        assert (site.rules, site.catalog) == (real.rules, real.catalog)
        fails = fails_on(day, order, request)
        assert space.fails(chosen, request) is fails
        ranking = space.run(chosen, request)
        assert (not len(ranking.order)) is fails
        plan, mode = day["plan", "plan"], day["mode", "ai_mode"]
        again = rank(real, ranking.clients, request.of_tenant(mode), plan)
        assert ranking.summary() == again.summary()
    return sides, space


@given(st.data(), st.sampled_from(("simple", "moderate", "advanced")))
@examples(25)
def test_a_day_between_is_one_that_was_made(data, kind):
    """For random days and differences, the ends included."""
    order = data.draw(st.permutations(PROVIDERS))
    good, other = data.draw(things(order)), data.draw(things(order))
    differing = [key for key in {**good, **other} if good.get(key, 0) != other.get(key, 0)]
    bad, whole = made(good, other, differing), (1 << len(differing)) - 1
    sets = [0, whole, *data.draw(st.lists(st.integers(0, whole), max_size=8))]
    check(good, bad, order, sets, Request(kind))


def test_every_kind_of_difference_counts_by_itself():
    """Few of the platform's, more prices, and the tenant's own behind them, in any mixture."""
    listed = CatalogEntry(frozenset({"tools"}), excluded=True)
    same = {
        ("rules", "matcher"): "prefix",
        ("rules", "min_health_score"): 0.5,
        ("rules", "min_quality.moderate"): 80,
        ("prices", "groq/gpt-4o"): WIDE,
        ("registry", "groq"): None,
        ("registry", "openai"): 0.9,
        ("registry", "anthropic"): 0.9,
    }
    good = same | {
        ("rules", "llm_providers"): PROVIDERS,
        ("rules", "plans.free"): None,
        ("prices", "openai/gpt-4o"): WIDE,
        ("prices", "openai/tiny-8b"): WIDE,
        ("prices", "gpt-5.2"): WIDE,
        ("prices", "anthropic/gpt-4o"): NARROW,
        ("rows", "OPENAI_API_KEY"): "present",
        ("rows", "ANTHROPIC_API_KEY"): "empty",
        ("plan", "plan"): "enterprise",
        ("mode", "ai_mode"): "byok",
    }
    bad = same | {
        ("rules", "llm_providers"): ("openai", "groq"),
        ("rules", "plans.free"): ("mini",),
        ("catalogue", "openai/gpt-4o"): listed,
        ("prices", "openai/gpt-4o"): NARROW,
        ("prices", "groq/gpt-5.2"): WIDE,
        ("prices", "groq/mini-8b"): WIDE,
        ("prices", "anthropic/gpt-4o"): WIDE,
        ("rows", "OPENAI_API_KEY"): "null",
        ("rows", "ANTHROPIC_API_KEY"): "present",
        ("plan", "plan"): "free",
        ("mode", "ai_mode"): "managed",
    }
    drawn = Random(7)
    sets = [0, (1 << 13) - 1, *(drawn.getrandbits(13) for _ in range(150))]
    for kind in ("simple", "complex"):
        sides, space = check(good, bad, PROVIDERS, sets, Request(kind))
        assert (space.whole, space.priced) == ((1 << 13) - 1, (3, 6))
        assert space.sites.platform(space.whole).pricing is sides[1].platform.pricing
        assert space.sites.platform(0b1111 << 9).pricing is sides[0].platform.pricing


def test_what_was_made_once_is_kept():
    """Prices and the tenant's own differences ask for no other platform, nor does an idle plan."""
    rules = {"min_health_score": 0.5}, {"min_health_score": 0.8}
    ids = ["openai/a", "openai/b"], ["openai/a", "groq/c", "groq/d"]
    sites = PlatformsBetween(
        *(day_of(small_platform(i, **r)) for i, r in zip(ids, rules, strict=True))
    )
    assert sites.priced_from == 1
    (kept, (site, other)), (_, (again, _)) = sites.made(0), sites.made(1)
    assert all(sites.made(chosen) is sites.made(0) for chosen in (0b10, 0b100, 0b1000, 0b10000))
    assert (kept.min_health_score, sites.made(1)[0].min_health_score) == (0.5, 0.8)
    for name in ("models", "_by_capability", "_by_plan"):
        assert getattr(site, name) is getattr(again, name)
        assert getattr(site, name) is not getattr(other, name)
    asked = Request(managed=False)
    seen = sites.seen(0, ("openai",), asked, "free")
    assert sites.seen(0b10, ("openai",), asked, "pro") is seen
    managed = dataclasses.replace(asked, managed=True)
    assert sites.seen(0, ("openai",), managed, "pro") is not sites.seen(
        0, ("openai",), managed, None
    )


def test_prices_of_the_same_models_have_their_qualities_once():
    """What follows from ids alone is shared; with other ids nothing is."""
    ids = ["openai/a", "openai/b", "groq/c"]
    dearer = {name: {"input_cost_per_token": 2e-6} for name in ids}
    sites = PlatformsBetween(day_of(small_platform(ids)), day_of(small_platform(dearer)))
    site = sites.made(0)[1][0]
    mixed = sites.platform(0b010)
    assert mixed._by_capability is site._by_capability
    assert mixed._by_plan is site._by_plan
    more = PlatformsBetween(
        day_of(small_platform(ids)), day_of(small_platform([*ids, "m/d", "m/e"]))
    )
    site = more.made(0)[1][0]
    assert len(site.allowed_by("free")) == 3
    assert len(site.quality(None)[0]) == 3
    assert len(more.platform(0b01).allowed_by("free")) == 4
    assert len(more.platform(0b01).quality(None)[0]) == 4


def test_quality_for_a_capability_is_a_difference_of_the_rules():
    """A score for the capability alone is not taken from the other day's rules."""
    own = {"capability_quality": {"vision": (("gpt-4o", 10.0),)}}
    days = [day_of(small_platform(["openai/gpt-4o"], **rules)) for rules in ({}, own)]
    space = between(*days, [(None, "byok", HELD)] * 2)
    request = Request("moderate", capability="vision")
    for chosen in (0, space.whole, 0):
        site = days[bool(chosen)].platform
        expected = not len(rank(site, ("openai",), request).order)
        assert space.fails(chosen, request) is expected
        found = space.run(chosen, request).view.quality
        assert found.tolist() == rank(site, ("openai",), request).view.quality.tolist()


def test_mixed_prices_are_columns_as_a_cache_has_them():
    """Numbers in arrays and text in lists; what 0 means is as on the good day."""
    ids = ["openai/a", "openai/b"]
    good, bad = (small_platform(ids + more) for more in ([], ["groq/c", "groq/d"]))
    bad = dataclasses.replace(bad, pricing=Pricing(bad.pricing.columns, "litellm"))
    assert good.pricing.format != "litellm"
    sites = PlatformsBetween(day_of(good), day_of(bad))
    mixed = sites.platform(0b10).pricing
    assert mixed.format == good.pricing.format
    assert sites.platform(0b11).pricing.format == "litellm"
    assert mixed.columns["model_id"] == [*ids, "groq/d"]
    for name, values in good.pricing.columns.items():
        assert type(mixed.columns[name]) is type(values)
        if isinstance(values, np.ndarray):
            assert mixed.columns[name].dtype == values.dtype


def test_an_entry_that_breaks_both_days_breaks_every_day_between():
    """It is no difference; whatever else is made, no model is found."""
    broken = {"openai/gpt-4o": {"input_cost_per_token": None}}
    days = [day_of(small_platform(broken | more)) for more in ({}, {"openai/gpt-5.2": {}})]
    space = between(*days, [(None, "byok", HELD)] * 2)
    assert [space.fails(chosen, Request("simple")) for chosen in (0, 1)] == [True, True]
    assert space.run(1, Request("simple")).broken.startswith(
        "the entry openai/gpt-4o breaks the ranking"
    )


@pytest.mark.parametrize("states", [("present", "null"), ("null", "ciphertext")])
def test_a_state_that_no_rule_on_placeholders_changes_is_the_days_own(states):
    """A key that went, or came encrypted, is one by itself, whichever day's rules judge."""
    days = [
        day_of(small_platform(["openai/gpt-4o"], placeholder_prefixes=p)) for p in ((), ("dummy",))
    ]
    held = [(None, "byok", {"OPENAI_API_KEY": TOKENS[state]}) for state in states]
    space = between(*days, held)
    assert [each.kind for each in space.differences] == ["rules", "rows"]
    known = [space.fails(chosen, Request("simple")) for chosen in (0b00, 0b10, 0b11)]
    assert known == [states[0] == "null", states[1] == "null", states[1] == "null"]
    if states[0] == "present":
        assert space.fails(0b01, Request("simple")) is None  # nobody can judge it by other rules
        assert space.guesses
        assert space.run(0b01, Request("simple")) is None


def test_what_a_day_lacks_is_said_with_the_day():
    """Prices, or the worker's environment where its keys are; nothing if neither lacks any."""
    hosted = day_of(small_platform([]))
    public = small_platform([], keys_from="environment")
    no_keys = day_of(public, environment="absent")
    none = Day(SimpleNamespace(manifest={}, has_pricing=False), public, (Provider("openai"),))
    prices = "the snapshot holds no pricing cache"
    keys = "the snapshot holds no environment of the worker, where its keys are"
    assert lacking(hosted, hosted) == ""
    assert lacking(none, hosted) == f"of the good day {prices}"
    assert lacking(hosted, no_keys) == f"of the bad day {keys}"
    assert lacking(none, no_keys) == f"of the good day {prices} and of the bad day {keys}"
