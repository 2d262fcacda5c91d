"""What did it: equal to brute force over all sets of differences, on random days."""

from __future__ import annotations

import dataclasses
from itertools import combinations
from types import SimpleNamespace

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from atomlab.byok.request import Request
from atomlab.diagnosis.changed_requests import ChangedRequest, SetsFound, ShownSet, explained
from atomlab.diagnosis.days_between import Day, DaysBetween, Held, PlatformsBetween
from atomlab.diagnosis.differences import Difference
from atomlab.evidence.inputs.catalog import CatalogEntry
from atomlab.evidence.inputs.registry import Provider
from atomlab.evidence.inputs.rules import COMPLEXITIES
from benchmarks.plain_loop import rank_plainly
from tests.examples import examples
from tests.small import TOKENS, chat, small_platform
from tests.worlds import PLANS, PROVIDERS, RULES, World

IDS = [f"{p}/{name}" for p in PROVIDERS[:5] for name in ("gpt-4o", "tiny-8b")] + ["gpt-5.2"]
WIDE, NARROW = chat("openai"), chat("groq", max_input_tokens=5_000)
BROKEN = chat("gemini", input_cost_per_token=None)

INPUTS = ("rules", "prices", "registry", "catalogue", "health", "environment", "stored keys")


def day_of(platform, key="one", **lacks):
    """Return a day of a platform whose capture has every input, but for what it lacks."""
    inputs = {**dict.fromkeys(INPUTS, "given"), **lacks}
    manifest = {"inputs": inputs, "fingerprint": {"key_id": key}}
    snapshot = SimpleNamespace(manifest=manifest, has_pricing=True)
    return Day(snapshot, platform, platform.providers)


def between(good, bad, held, *, comparable=True):
    """Return the days between two on which a tenant holds these (plan, mode, tokens by name)."""
    both = (Held(plan, mode, rows, {}) for plan, mode, rows in held)
    return DaysBetween(PlatformsBetween(good, bad), *both, comparable=comparable)


@st.composite
def things(draw, order):
    """Draw all that decides on a day, each thing by itself: (kind, name) and what stands there."""
    found = {}
    for name in draw(st.lists(st.sampled_from(IDS), min_size=3, max_size=8, unique=True)):
        found["prices", name] = draw(st.sampled_from([WIDE, NARROW, NARROW]))
    if draw(st.integers(0, 4)) == 4:
        found["prices", draw(st.sampled_from(IDS))] = BROKEN
    for name in draw(st.lists(st.sampled_from(IDS), max_size=3, unique=True)):
        entry = CatalogEntry(frozenset({"tools"}), excluded=draw(st.integers(0, 2)) == 2)
        found["catalogue", name] = entry
    for provider in order:
        if draw(st.integers(0, 5)) != 5:
            found["registry", provider] = draw(st.sampled_from([None, None, 0.9, 0.7, 0.1]))
        if draw(st.integers(0, 3)) != 3:
            states = ["present", "present", "ciphertext", "empty", "null", "blank"]
            found["rows", f"{provider.upper()}_API_KEY"] = draw(st.sampled_from(states))
    found["plan", "plan"] = draw(st.sampled_from(PLANS))
    found["mode", "ai_mode"] = draw(st.sampled_from(["byok", "byok", "byok", "managed"]))
    found["rules", "matcher"] = draw(st.sampled_from(["prefix", "substring"]))
    found["rules", "min_health_score"] = draw(st.sampled_from([0.5, 0.5, 0.8]))
    found["rules", "min_quality.moderate"] = draw(st.sampled_from([80, 80, 99]))
    found["rules", "plans.free"] = draw(st.sampled_from([None, ("mini",), ()]))
    found["rules", "llm_providers"] = draw(st.sampled_from([PROVIDERS, PROVIDERS[1:]]))
    return found


def parts_of(day, kind):
    """Return what stands there of one kind, by name."""
    return {name: value for (of, name), value in day.items() if of == kind}


def rules_on(day):
    """Return the rules of such a day."""
    rules = parts_of(day, "rules")
    return dataclasses.replace(
        RULES,
        matcher=rules["matcher"],
        min_health_score=rules["min_health_score"],
        min_quality={**RULES.min_quality, "moderate": rules["min_quality.moderate"]},
        plans={**RULES.plans, "free": rules["plans.free"]},
        llm_providers=rules["llm_providers"],
    )


def platform_on(day, order):
    """Return the platform of such a day as atomlab reads it."""
    scores = parts_of(day, "registry")
    return World(
        document=parts_of(day, "prices"),
        cache={},
        rules=rules_on(day),
        providers=tuple(Provider(p, health_score=scores[p]) for p in order if p in scores),
        catalog=parts_of(day, "catalogue"),
    ).platform()


def fails_on(day, order, request):
    """Return whether a plain loop finds no model on such a day."""
    rules, scores, rows = rules_on(day), parts_of(day, "registry"), parts_of(day, "rows")
    usable = ("present", "blank", "ciphertext")
    clients = [
        p
        for p in order
        if p in scores and p in rules.llm_providers and rows.get(f"{p.upper()}_API_KEY") in usable
    ]
    cache = parts_of(day, "prices")  # a null price is what Python cannot reckon with
    managed = day["mode", "ai_mode"] == "managed"
    asked = dataclasses.replace(request, managed=managed)
    more = {"catalog": parts_of(day, "catalogue"), "health": scores, "plan": day["plan", "plan"]}
    return not rank_plainly(cache, clients, rules, asked, **more)


def made(good, bad, chosen):
    """Return the good day with these differences made."""
    taken = dict.fromkeys(chosen, bad)
    days = ((key, taken.get(key, good)) for key in {**good, **bad})
    return {key: day[key] for key, day in days if key in day}


def order_between(space, days, order):
    """Return the providers of both days in client order: each day's own, checked.

    Of two that no day has together neither is known to be first: that is taken as it was found.
    """
    part = space.sites.registry
    added = sum(1 << n for n, each in enumerate(part.differences) if each.change == "added")
    found = [*part.mixed(added)]
    for day in days:
        there = parts_of(day, "registry")
        assert [p for p in found if p in there] == [p for p in order if p in there]
    return found


def smallest(names, effect):
    """Return all sets with the effect of which no part has it."""
    found = []
    for number in range(1, len(names) + 1):
        for chosen in map(frozenset, combinations(names, number)):
            if not any(part <= chosen for part in found) and effect(chosen):
                found.append(chosen)
    return found


def check(found, expected):
    """Compare sets that were found with all minimal ones."""
    shown = [frozenset((d.kind, d.name) for d in each.differences) for each in found.sets]
    assert len(shown[0]) == min(map(len, expected))
    assert len({*shown}) == len(shown)
    assert {*shown} <= {*expected}
    assert len(shown) == len(expected) if not found.more else len(shown) <= 6
    assert len(expected) < 6 or len(shown) == 6 or found.more
    assert found.least
    assert found.minimal
    assert all(each.holds for each in found.sets)


@given(st.data(), st.sampled_from(COMPLEXITIES))
@examples(60)
def test_the_sets_are_those_of_brute_force(data, kind):
    """The first is of least size and each is minimal, of up to twelve differences of any kind."""
    compare_with_brute_force(data, kind)


@pytest.mark.slow
@given(st.data(), st.sampled_from(COMPLEXITIES))
@examples(2500)
def test_the_sets_are_those_of_brute_force_on_thousands_of_days(data, kind):
    """The same: of so many some four hundred flip."""
    compare_with_brute_force(data, kind)


def compare_with_brute_force(data, kind):
    """Draw two days that differ in up to twelve things, and compare all that is found of them."""
    order = data.draw(st.permutations(PROVIDERS))
    one, other = data.draw(things(order)), data.draw(things(order))
    differing = sorted(key for key in {**one, **other} if one.get(key, 0) != other.get(key, 0))
    taken = data.draw(st.permutations(differing))[: data.draw(st.integers(1, 12))]
    days = [one, made(one, other, taken)]
    kinds = [kind, *COMPLEXITIES]  # one that flips, if any does
    decided = {each: [fails_on(day, order, Request(each)) for day in days] for each in kinds}
    kind = next((each for each in kinds if len({*decided[each]}) == 2), kind)
    request, failing = Request(kind), decided[kind]
    event(f"fails on each day: {sorted(failing)}")
    if failing == [True, False]:
        days, failing = days[::-1], failing[::-1]
    good, bad = days
    names = sorted(key for key in {**good, **bad} if good.get(key, 0) != bad.get(key, 0))
    sides = [day_of(platform_on(day, order)) for day in days]
    held = [
        (
            day["plan", "plan"],
            day["mode", "ai_mode"],
            {name: TOKENS[state] for name, state in parts_of(day, "rows").items()},
        )
        for day in days
    ]
    space = between(*sides, held)
    assert sorted((d.kind, d.name) for d in space.differences) == names
    found = explained(*sides, space, request)
    assert [status == "affected" for status in found.statuses] == failing
    if failing != [False, True]:
        assert found.verdict is None
        assert found.brings is None
        return
    assert found.verdict == "confirmed"
    order = order_between(space, days, order)
    check(found.brings, smallest(names, lambda s: fails_on(made(good, bad, s), order, request)))
    check(
        found.cures,
        smallest(names, lambda s: not fails_on(made(good, bad, {*names} - s), order, request)),
    )


def test_what_brings_and_what_cures_are_said_apart_where_they_differ():
    """Each with its own sentence; other cures are counted, and what was not shown is said."""
    plan, mode = Difference("plan", "plan", "added"), Difference("mode", "mode", "added")

    def some(*sets, minimal=True, more=False):
        shown = tuple(ShownSet((each,), None, holds=True) for each in sets)
        return SetsFound(shown, least=True, minimal=minimal, more=more)

    def said(brings, cures):
        days = ("healthy", "affected")
        return " ".join(ChangedRequest(Request(), None, None, days, brings, cures).sentences())

    assert said(some(plan), some(plan)) == (
        f"What did it: {plan}. With that alone the good day fails as well; "
        "without it the bad day finds a model."
    )
    assert said(some(plan), some(mode, plan, more=True)) == (
        f"What brings the error: {plan}. With that alone the good day fails as well. "
        f"What cures it: {mode}. Without that the bad day finds a model. "
        "At least 1 other set of differences, undone, would cure it, too."
    )
    assert said(some(plan), some(mode, plan, mode)).endswith(
        " Without that the bad day finds a model. "
        "2 other sets of differences, undone, would cure it, too."
    )
    ends = said(some(plan), some(plan, minimal=False))
    assert ends.endswith(" Whether a part of it would be enough was not shown.")


KEYS = {"OPENAI_API_KEY": TOKENS["present"], "GROQ_API_KEY": TOKENS["present"]}
MODELS = ["openai/gpt-4o", "groq/gpt-4o"]


@pytest.mark.parametrize("which", ["good", "bad"])
def test_it_is_doubted_where_one_of_the_things_may_only_not_have_been_captured(which):
    """What brings the error rests on the catalogue, though the rule by itself would cure it."""
    excluded = {"openai/gpt-4o": CatalogEntry(frozenset(), excluded=True)}
    good = small_platform(MODELS, ("openai", "groq"))
    bad = small_platform(MODELS, ("openai", "groq"), excluded, llm_providers=("openai",))
    lacks = {"good": {}, "bad": {}, which: {"catalogue": "absent"}}
    days = day_of(good, **lacks["good"]), day_of(bad, **lacks["bad"])
    space = between(*days, [(None, "byok", KEYS)] * 2)
    found = explained(*days, space, Request("simple"))
    kinds = [[d.kind for d in some.first.differences] for some in (found.brings, found.cures)]
    assert kinds == [["rules", "catalogue"], ["rules"]]
    assert found.doubt == f"it depends on what a capture lacks: of the {which} day catalogue"
    assert found.verdict == "inconclusive"
    assert f"That is inconclusive: {found.doubt}." in found.sentences()


@pytest.mark.parametrize(
    ("edition", "doubt"),
    [
        ("settings", ""),
        ("environment", "it depends on what a capture lacks: of the bad day stored keys"),
    ],
)
def test_rows_are_doubted_only_where_keys_come_from_the_environment(edition, doubt):
    """A key that went with an input that one capture lacks; settings are always captured."""
    site = small_platform(MODELS, keys_from=edition)
    days = day_of(site), day_of(site, **{"stored keys": "unknown"})
    held = [Held(None, "byok", rows, rows) for rows in (KEYS, {})]
    space = DaysBetween(PlatformsBetween(*days), *held, comparable=True)
    found = explained(*days, space, Request("simple"))
    assert [d.name for d in found.brings.first.differences] == [*KEYS]
    assert found.doubt == doubt
    assert found.verdict == ("inconclusive" if doubt else "confirmed")


def test_of_many_price_entries_it_is_shown_that_none_can_be_left_out():
    """Each is judged by itself, so that fourteen that went together are minimal."""
    ids = [f"openai/gpt-4o-{n}" for n in range(14)]
    days = [day_of(small_platform(some)) for some in (ids, ["mistral/gpt-4o"])]
    space = between(*days, [(None, "byok", KEYS)] * 2)
    found = explained(*days, space, Request("simple"))
    assert len(found.brings.first.differences) == 14
    assert (found.brings.minimal, found.brings.least, found.verdict) == (True, False, "confirmed")
