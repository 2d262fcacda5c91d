"""Winners by set of clients are those of the ranking, however they were put together."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from atomlab.byok.decisions import Decisions
from atomlab.byok.platform import Platform
from atomlab.byok.ranking import rank
from atomlab.byok.request import Request
from atomlab.evidence.inputs.pricing import load_pricing
from atomlab.evidence.inputs.registry import Provider, default_registry, load_registry
from atomlab.evidence.inputs.rules import COMPLEXITIES, load_rules
from tests.examples import examples
from tests.worlds import PLANS, clients_of, requests, worlds


@given(st.data(), worlds(), requests(), st.sampled_from(PLANS))
@examples(300)
def test_a_winner_is_that_of_the_ranking(data, world, request, plan):
    """Of odd prices, broken entries, unhealthy providers and both matchers, in any order."""
    platform = world.platform()
    decisions = Decisions(platform)
    for _ in range(3):
        clients = tuple(data.draw(clients_of(world)))
        assert (
            decisions.winner(clients, request, plan)
            == rank(platform, clients, request, plan).winner
        )


@given(st.data(), worlds(), requests(), st.sampled_from(["quality", "context", "plan", "health"]))
@examples(100)
def test_filters_that_are_waived_let_every_model_pass(data, world, request, waived):
    """As in the ranking; the plan's filter judges managed requests."""
    platform, clients = world.platform(), tuple(data.draw(clients_of(world)))
    found = Decisions(platform, frozenset({waived})).winner(clients, request, "free")
    assert found == rank(platform, clients, request, "free", waived={waived}).winner


def test_real_prices_are_decided_client_by_client_and_the_public_edition_is_not(real_prices):
    """Each model has one server by its prefix; where names are contained, it may have several."""
    draw, prices = random.Random(7), load_pricing(real_prices)
    for edition, one_by_one in (("hosted-2026-05", True), ("open-source-2026-05", False)):
        rules = load_rules(edition)
        platform = Platform(rules, load_registry(default_registry(edition)), prices, {})
        decisions = Decisions(platform)
        assert decisions.one_by_one is one_by_one
        for _ in range(60):
            clients = tuple(p.id for p in platform.providers if draw.random() < 0.2)
            request = Request(draw.choice(COMPLEXITIES), managed=draw.random() < 0.3)
            plan = draw.choice(("free", "team", "enterprise", None))
            found = decisions.winner(clients, request, plan)
            assert found == rank(platform, clients, request, plan).winner


def test_without_clients_or_models_nobody_wins(real_prices):
    """An empty set of clients finds nothing, nor does any in an empty cache."""
    rules, registry = (
        load_rules("hosted-2026-05"),
        load_registry(default_registry("hosted-2026-05")),
    )
    platform = Platform(rules, registry, load_pricing(real_prices), {})
    assert Decisions(platform).winner((), Request("simple"), None) is None


def test_a_client_whose_entry_breaks_the_ranking_leaves_nothing_to_others(write_json):
    """What breaks is the whole ranking, for whoever has that client."""
    fine = {"max_input_tokens": 200_000, "input_cost_per_token": 1e-6, "output_cost_per_token": 0}
    document = {
        "deepseek/deepseek-chat": {**fine, "litellm_provider": "deepseek"},
        "openai/gpt-4o": {**fine, "litellm_provider": "openai", "max_input_tokens": "a lot"},
    }
    prices = load_pricing(write_json({"pricing": document}))
    providers = tuple(Provider(name) for name in ("deepseek", "openai"))
    decisions = Decisions(Platform(load_rules("hosted-2026-05"), providers, prices, {}))
    assert decisions.one_by_one
    found = decisions.winner(("deepseek",), Request("simple"), None)
    assert found is not None
    assert found.model == "deepseek/deepseek-chat"
    assert decisions.winner(("deepseek", "openai"), Request("simple"), None) is None
