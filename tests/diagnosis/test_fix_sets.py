"""Blockers and fix sets: the closed form against brute force that runs every decision."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from atomlab.byok.filters import NAMES
from atomlab.byok.ranking import rank
from atomlab.byok.request import Request
from atomlab.diagnosis.fix_sets import minimal_blocking_sets, minimal_fix_sets
from atomlab.diagnosis.sandbox import Sandbox
from atomlab.evidence.inputs.registry import Provider
from benchmarks.plain_loop import rank_plainly
from tests.byok.test_filters import blockers_by_hand
from tests.examples import ALL, examples
from tests.small import TENANT, TOKENS, evidence_of, explained, small_platform
from tests.worlds import PLANS, PROVIDERS, clients_of, requests, worlds

WAIVABLE = tuple(name for name in NAMES if name != "client")
TOKEN = TOKENS["present"]
# Names of rows: each provider's own, near misses, and keys of what is not a provider.
ROWS = (
    *(f"{p.upper()}_API_KEY" for p in PROVIDERS),
    *("openai_api_key", "GROQ-API-KEY", "GEMINI", "LUX_API_KEY_API_KEY", "Mini Max_API_KEY"),
    *("STRIPE_API_KEY", "OTHER_API_KEY", "COHERE_API_KEY"),
)
VARIABLES = ("OPENAI_API_KEY", "MINIMAX_API_KEY", "GEMINI_API_KEY", "LUX_MODEL_API_KEY")


def narrowed(world: Any, places: list[int]) -> Any:
    """Return the world with a few of its providers, so that all subsets can be tried."""
    few = tuple(world.providers[p] for p in places if p < len(world.providers))
    return dataclasses.replace(world, providers=few)


@st.composite
def small_worlds(draw: st.DrawFn, matchers: tuple[str, ...] = ("prefix", "substring")) -> Any:
    """Draw a world of up to three providers, of which the allow-list lacks some."""
    world = narrowed(draw(worlds(matchers=matchers)), [0, 1, 2])
    allowed = draw(st.lists(st.sampled_from(PROVIDERS), min_size=5, unique=True))
    rules = dataclasses.replace(world.rules, llm_providers=tuple(allowed))
    return dataclasses.replace(world, rules=rules)


def succeeds(world: Any, clients: Any, asked: Any, plan: Any, atoms: Any) -> bool:
    """Return whether a model is left with the clients of `atoms` added and its filters waived."""
    added = {a.removeprefix("client:") for a in atoms if a.startswith("client:")}
    order = [p.id for p in world.providers if p.id in added or p.id in clients]
    if not set(atoms) & set(WAIVABLE):  # what no filter is waived for, the plain loop decides
        return bool(
            rank_plainly(
                *(world.cache, order, world.rules, asked),
                catalog=world.catalog,
                health=world.health,
                plan=plan,
            )
        )
    return any(
        set(blockers_by_hand(world, order, asked, plan, m)) <= set(atoms) for m in world.cache
    )


def brute_force(world: Any, clients: Any, asked: Any, plan: Any) -> set[frozenset[str]]:
    """Return the inclusion-minimal sets of atoms that succeed, each subset of all atoms run."""
    allowed = [p.id for p in world.providers if p.id in world.rules.llm_providers]
    atoms = [*(f"client:{p}" for p in allowed if p not in clients), *WAIVABLE]
    minimal: list[frozenset[str]] = []
    for size in range(len(atoms) + 1):
        for chosen in map(frozenset, itertools.combinations(atoms, size)):
            if not any(less <= chosen for less in minimal) and succeeds(
                world, clients, asked, plan, chosen
            ):
                minimal.append(chosen)
    return set(minimal)


def closed_form(world: Any, clients: Any, asked: Any, plan: Any) -> list[frozenset[str]]:
    """Return the fix sets that the blockers give at once."""
    ranking = rank(world.platform(), clients, asked, plan)
    addable = [
        p.id for p in world.providers if p.id not in clients and p.id in world.rules.llm_providers
    ]
    return [frozenset(b.atoms) for b in minimal_fix_sets(ranking, frozenset(addable))]


def clients_in_order(data: st.DataObject, world: Any) -> tuple[str, ...]:
    """Draw clients, of providers on the allow-list, in registry order as the platform has them."""
    drawn = data.draw(clients_of(world))
    least = data.draw(st.integers(0, 3))  # few clients, so that the error is common
    kept = set(drawn[least:])
    return tuple(
        p.id for p in world.providers if p.id in kept and p.id in world.rules.llm_providers
    )


@given(st.data(), small_worlds(matchers=("prefix",)), requests(), st.sampled_from(PLANS))
@examples(60)
def test_closed_form_equals_brute_force_under_the_prefix_rule(data, world, asked, plan):
    """The minimal A(m) are exactly the minimal sets that remove the error when they are run."""
    clients = clients_in_order(data, world)
    found = closed_form(world, clients, asked, plan)
    assert len(found) == len(set(found))
    assert set(found) == brute_force(world, clients, asked, plan)


@given(st.data(), small_worlds(matchers=("substring",)), requests(), st.sampled_from(PLANS))
@examples(60)
def test_closed_form_holds_every_single_fix_under_the_substring_rule(data, world, asked, plan):
    """Where clients take models over, no minimal set with at most one new client is missed."""
    clients = clients_in_order(data, world)
    found = closed_form(world, clients, asked, plan)
    running = {f for f in found if succeeds(world, clients, asked, plan, f)}
    few = {
        f
        for f in brute_force(world, clients, asked, plan)
        if sum(atom.startswith("client:") for atom in f) <= 1
    }
    assert few <= running


@pytest.mark.parametrize(
    ("registry", "taken"),
    [(("max", "minimax"), True), (("minimax", "max"), False)],
    ids=["added-before", "added-behind"],
)
def test_an_earlier_client_takes_a_model_over_and_cures(registry, taken):
    """Under the substring rule the first client serves a model, so that an earlier one is a fix.

    `minimax/gpt-5` is max's as well; its only client, minimax, is unhealthy. A client max in front
    of it takes the model over, and it passes; behind it, it would change nothing.
    """
    scores = {"minimax": 0.2}
    providers = [Provider(p, health_score=scores.get(p)) for p in registry]
    site, asked = (
        small_platform(["minimax/gpt-5"], providers, matcher="substring"),
        Request("simple"),
    )
    ranking = rank(site, ["minimax"], asked)
    assert not len(ranking.order)
    both = rank(site, registry, asked)
    assert bool(len(both.order)) is taken
    found = {blockers.atoms for blockers in minimal_fix_sets(ranking, frozenset({"max"}))}
    assert found == ({("health",), ("client:max",)} if taken else {("health",)})


@st.composite
def tenants(draw: st.DrawFn) -> dict[str, str]:
    """Draw a tenant's rows: the token of each by its name, usable or defective."""
    names = draw(st.lists(st.sampled_from(ROWS), max_size=3, unique=True))
    return {name: TOKENS[draw(st.sampled_from(sorted(TOKENS)))] for name in names}


def with_variables(data: st.DataObject, world: Any) -> Any:
    """Let some of the providers share the variable that the registry declares."""
    variables = st.none() | st.sampled_from(VARIABLES)
    registry = tuple(
        dataclasses.replace(p, api_key_env_var=data.draw(variables)) for p in world.providers
    )
    return dataclasses.replace(world, providers=registry)


def widened(world: Any, atoms: Any) -> Any:
    """Return the world as it is for these atoms: their unlisted providers known and allowed."""
    named = [a.removeprefix("client:") for a in atoms if a.startswith("client:")]
    known = {p.id for p in world.providers}
    added = tuple(Provider(p) for p in named if p not in known)
    return dataclasses.replace(world, providers=(*world.providers, *added))


@pytest.mark.parametrize("matcher", ["prefix", "substring"])
def test_every_verified_set_succeeds_and_no_proper_subset_does(matcher):
    """What is called verified removes the error when it is run apart, and nothing of it is idle."""
    verified = []

    @given(st.data(), small_worlds(matchers=(matcher,)), tenants(), requests())
    @examples(120)
    def check(data, world, rows, asked):
        plan = data.draw(st.sampled_from(PLANS))
        world = with_variables(data, world)
        ranking, explanation = explained(world.platform(), rows.items(), asked, plan)
        assume(explanation is not None and world.cache and not ranking.broken)
        for fix_set in explanation.fix_sets:
            assert fix_set.verified
            verified.append(fix_set)
            run = (widened(world, fix_set.atoms), ranking.clients, asked, plan)
            assert succeeds(*run, fix_set.atoms)
            for size in range(len(fix_set.atoms)):
                for fewer in itertools.combinations(fix_set.atoms, size):
                    assert not succeeds(*run, fewer)

    check()
    assert len(verified) > (20 if ALL else 5)  # the worlds do fail, and can be mended


@given(st.data(), small_worlds(matchers=("prefix",)), tenants(), requests())
@examples(100)
def test_adding_a_key_never_removes_a_candidate(data, world, rows, asked):
    """Under the prefix rule a tenant's new row keeps every candidate, at its score."""
    platform, plan = world.platform(), data.draw(st.sampled_from(PLANS))
    added = {data.draw(st.sampled_from(ROWS)): TOKEN}
    ids = {}
    for name, held in (("before", rows), ("after", rows | added)):
        with evidence_of(held.items(), plan) as evidence:
            lab = Sandbox(evidence, platform)
            candidates = lab.decide(TENANT, asked).candidates()
            ids[name] = {(c.provider, c.model, c.value_score) for c in candidates}
    assert ids["before"] <= ids["after"]


def essence(explanation: Any) -> Any:
    """Return what must not depend on any order: causes and fix sets, as sets."""
    if explanation is None:
        return None
    causes = {
        (c.code, c.provider, c.role, c.sufficient_alone, c.in_every_fix_set)
        for c in explanation.causes
    }
    return causes, {frozenset(f.atoms) for f in explanation.fix_sets}


def with_models(explanation: Any) -> Any:
    """Return the same without the providers of filters, which a tie between models decides."""
    if explanation is None:
        return None
    causes, fix_sets = essence(explanation)
    return {
        (c[0], c[1] if c[0].startswith(("key", "provider")) else None) for c in causes
    }, fix_sets


@given(st.data(), small_worlds(), tenants(), requests(), st.randoms(use_true_random=False))
@examples(60)
def test_diagnosis_does_not_depend_on_the_order_of_rows(data, world, rows, asked, chance):
    """Whatever order the tenant's rows are read in, the same causes and fix sets come out."""
    world = with_variables(data, world)
    platform, items = world.platform(), list(rows.items())
    expected = essence(explained(platform, items, asked, "free")[1])
    chance.shuffle(items)
    assert essence(explained(platform, items, asked, "free")[1]) == expected


@given(st.data(), small_worlds(), tenants(), requests(), st.randoms(use_true_random=False))
@examples(60)
def test_diagnosis_does_not_depend_on_the_order_of_the_cache(data, world, rows, asked, chance):
    """The same models in another order have the same causes and fix sets, ties aside."""
    world = with_variables(data, world)
    expected = explained(world.platform(), rows.items(), asked, "free")[1]
    models = list(world.document)
    chance.shuffle(models)
    other = dataclasses.replace(world, document={m: world.document[m] for m in models})
    found = explained(other.platform(), rows.items(), asked, "free")[1]
    assert with_models(found) == with_models(expected)


@given(st.data(), small_worlds(matchers=("prefix",)), tenants(), requests())
@examples(60)
def test_diagnosis_does_not_depend_on_the_order_of_the_registry(data, world, rows, asked):
    """Under the prefix rule the registry's order changes no cause and no fix set, ties aside."""
    world = with_variables(data, world)
    expected = explained(world.platform(), rows.items(), asked, "free")[1]
    registry = tuple(data.draw(st.permutations(world.providers)))
    other = dataclasses.replace(world, providers=registry)
    found = explained(other.platform(), rows.items(), asked, "free")[1]
    assert with_models(found) == with_models(expected)


@given(st.lists(st.frozensets(st.sampled_from("abcdef"), min_size=1), max_size=6))
@examples(300)
def test_minimal_blocking_sets_are_the_minimal_hitting_sets(fix_sets):
    """What must all stay for the error to stay: every minimal set that meets each fix set."""
    universe = sorted(frozenset().union(*fix_sets))
    hitting: list[frozenset[str]] = []
    for size in range(len(universe) + 1):
        for chosen in map(frozenset, itertools.combinations(universe, size)):
            if all(chosen & f for f in fix_sets) and not any(h <= chosen for h in hitting):
                hitting.append(chosen)
    found = minimal_blocking_sets(fix_sets)
    assert len(found) == len(set(found))
    assert set(found) == set(hitting)
    assert [len(h) for h in found] == sorted(len(h) for h in found)


@given(st.data(), small_worlds(matchers=("prefix",)), requests(), st.sampled_from(PLANS))
@examples(60)
def test_cutting_a_blocking_set_off_is_what_keeps_the_error(data, world, asked, plan):
    """With a blocking set out of reach, all other atoms together leave the error standing."""
    clients = clients_in_order(data, world)
    fix_sets = closed_form(world, clients, asked, plan)
    everything = frozenset().union(*fix_sets)
    for blocking in minimal_blocking_sets(fix_sets):
        assert not succeeds(world, clients, asked, plan, everything - blocking)
        for atom in blocking:
            assert succeeds(world, clients, asked, plan, everything - (blocking - {atom}))


@pytest.mark.parametrize(("pairs", "number"), [(8, 256), (9, None)])
def test_of_too_many_blocking_sets_there_are_none(pairs, number):
    """N pairs have 2 to the n minimal hitting sets; more than 256 are not listed."""
    found = minimal_blocking_sets([(f"a{n}", f"b{n}") for n in range(pairs)])
    assert (found and len(found)) == number
