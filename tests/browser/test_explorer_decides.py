"""The explorer's JavaScript decides as Python does: all switch settings, and random worlds."""

from __future__ import annotations

import dataclasses
import itertools
import json
import random
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from atomlab.byok.platform import Platform
from atomlab.byok.ranking import rank
from atomlab.byok.request import Request
from atomlab.evidence.inputs.pricing import load_pricing
from atomlab.evidence.inputs.registry import default_registry, load_registry
from atomlab.evidence.inputs.rules import load_rules
from atomlab.evidence.redaction import STATES
from atomlab.report.templates import FOLDER
from atomlab.show.explorer import Explored, data_of, sentence
from atomlab.text import printable
from tests.conftest import ROOT
from tests.examples import ALL
from tests.worlds import PLANS, requests, worlds

pytestmark = pytest.mark.slow

ENGINE = (FOLDER / "report" / "explore.js").read_text(encoding="utf-8")
HOSTED, PUBLIC = load_rules("hosted-2026-05"), load_rules("open-source-2026-05")
REAL = ROOT / "data" / "pricing" / "litellm-1.83.14-prices.json.gz"
KINDS = ("simple", "moderate", "complex", "advanced")
RUN = """async ([data, states]) => {
    const world = explorer.unpack(data);
    return states.map(state => {
        const found = explorer.decide(world, state);
        const named = found.winner === null ? null : explorer.modelOf(world, found, found.winner);
        const { answer } = found;
        return {
            clients: found.clients.map(p => world.providers[p]),
            outcome: found.outcome,
            winner: named && [named.provider, named.id, named.value, named.chat, named.unpriced],
            candidates: found.order.length,
            order: found.order.slice(0, 12),
            funnel: found.funnel.map(row => [row.name, row.entering, row.rejected, row.only]),
            answer: answer && [world.providers[answer.provider], answer.model, answer.by],
            sentence: found.sentence,
        };
    });
}"""
States = list[dict[str, Any]]


@contextmanager
def engine_in(chromium: Any) -> Iterator[Any]:
    """Hold a page whose `explorer` has what the module exports; nothing in it may fail."""
    page = chromium.new_page()
    heard: list[str] = []
    page.on("pageerror", lambda error: heard.append(str(error)))
    names = "unpack, starting, decide, modelOf, losers, hypothesis, todo"
    page.set_content(f'<script type="module">{ENGINE}\nwindow.explorer = {{ {names} }};</script>')
    page.wait_for_function("window.explorer !== undefined")
    yield page
    assert heard == []
    page.close()


@pytest.fixture(scope="module")
def engine(chromium: Any) -> Iterator[Callable[[Any, States], list[Any]]]:
    """Return a function that decides states in the browser."""
    with engine_in(chromium) as page:
        yield lambda data, states: page.evaluate(RUN, [data, states])


def expected(question: Explored, data: Any, state: dict[str, Any]) -> dict[str, Any]:
    """Return what Python's own lookup, ranking and fallback say of a state of the page."""
    platform = question.platform
    rows = {
        key.get("raw", key["name"]): "present" if on else key["state"]
        for key, on in zip(data["keys"], state["on"], strict=True)
        if on or (key["state"] is not None and not key["on"])
    }
    clients = platform.manager().clients_of(rows)
    plans = [
        question.plan,
        *(p for p in platform.rules.plans if p != (question.plan or "").lower()),
    ]
    request = dataclasses.replace(
        question.request,
        complexity=state["kind"],
        managed=state["managed"],
        tools=state["tools"],
        capability=state["capability"] or None,
    )
    ranking = rank(platform, clients, request, plans[state["plan"]])
    winner, answer, missing = ranking.winner, ranking.fallback, question.missing
    outcome = "ranked" if winner else "fallback" if answer else "no-models"
    if missing and not (winner and question.priced):
        outcome = "inconclusive"
    rows_ = [tuple(row.values()) for row in ranking.funnel_rows()]
    return {
        "clients": [printable(client) for client in clients],
        "outcome": outcome,
        "winner": winner
        and [
            printable(winner.provider),
            printable(winner.model),
            winner.value_score,
            winner.chat,
            winner.price_unknown,
        ],
        "candidates": len(ranking.order),
        "order": ranking.order[:12].tolist(),
        "funnel": [list(row) for row in rows_],
        "answer": answer and [printable(answer.provider), printable(answer.model), answer.by],
        "sentence": sentence(ranking, missing, priced=question.priced),
    }


def compare(engine: Any, question: Explored, states: Callable[[Any], States]) -> None:
    """Assert that the browser and Python agree on states of the question's page."""
    data = data_of(question)
    asked = states(data)
    for state, found in zip(asked, engine(data, asked), strict=True):
        assert found == expected(question, data, state), state


def some_states(data: Any, draw: random.Random, number: int) -> States:
    """Return the start, and random settings of all switches."""
    start = {**data["start"], "on": [key["on"] for key in data["keys"]]}
    return [
        start,
        *(
            {
                "on": [draw.randint(0, 1) for _ in data["keys"]],
                "kind": draw.choice(KINDS),
                "managed": draw.random() < 0.4,
                "tools": draw.random() < 0.4,
                "plan": draw.randrange(len(data["plans"])),
                "capability": draw.choice(["", "", *data["capabilities"]]),
            }
            for _ in range(number)
        ),
    ]


@settings(
    max_examples=10_000 if ALL else 300,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    world=worlds(),
    public=st.booleans(),
    held=st.lists(st.sampled_from(STATES), min_size=4, max_size=4),
    request=requests(),
    plan=st.sampled_from(PLANS),
    missing=st.sampled_from((None, None, None, "the snapshot holds no environment")),
    seed=st.integers(0, 2**32),
)
def test_random_worlds(engine, world, public, held, request, plan, missing, seed):
    """Both editions, both matchers, every field of a request, entries that break the ranking."""
    if public:
        world = dataclasses.replace(world, rules=PUBLIC)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        platform = world.platform()
    names = [n for p in platform.providers for n in platform.manager().key_names(p.id)]
    draw = random.Random(seed)
    rows = dict(
        zip(draw.sample([*names, "STRAY_API_KEY"], min(4, len(names) + 1)), held, strict=False)
    )
    asked = request.of_tenant("byok")
    question = Explored(platform, rows, plan, asked, missing, priced=draw.random() < 0.5)
    compare(engine, question, lambda data: some_states(data, draw, 3))


@pytest.fixture(scope="module")
def real() -> Any:
    """Return the real price map."""
    return load_pricing(REAL)


@pytest.mark.parametrize("rules", [HOSTED, PUBLIC], ids=lambda rules: rules.name)
def test_all_settings_of_twelve_keys(engine, real, rules):
    """2^12 settings on the real price map, of the keys of providers that serve something."""
    registry = load_registry(default_registry(rules.name))
    platform = Platform(rules, registry, real, {}, redacted=True)
    question = Explored(platform, {}, "pro", Request("complex", managed=False))
    data = data_of(question)
    serving = {place for row in data["models"]["served"] for place in row}
    keys = [n for n, key in enumerate(data["keys"]) if serving & set(key["reads"])][:12]
    twelve = 12 if ALL else 7
    start = {**data["start"], "on": [key["on"] for key in data["keys"]]}
    for kind, managed in (("complex", False), ("advanced", True)):
        for chunk in _chunks(itertools.product((0, 1), repeat=twelve), 256):
            states = []
            for setting in chunk:
                on = [*start["on"]]
                for place, turned in zip(keys[:twelve], setting, strict=True):
                    on[place] = turned
                states.append({**start, "on": on, "kind": kind, "managed": managed})
            for state, found in zip(states, engine(data, states), strict=True):
                assert found == expected(question, data, state)


def _chunks(items: Any, size: int) -> Iterator[list[Any]]:
    items = iter(items)
    while chunk := list(itertools.islice(items, size)):
        yield chunk


def priced(entries: dict[str, dict[str, Any]], path: Any) -> Any:
    """Return prices of these entries, each with a window that every request takes."""
    whole = {n: {"litellm_provider": "gemini", "max_tokens": 10**6} | e for n, e in entries.items()}
    path.write_text(json.dumps(whole), encoding="utf-8")
    return load_pricing(path)


@pytest.mark.parametrize(
    "request_",
    [
        Request("simple", tools=True, managed=False, tier="complex", turn=2, tokens=5000),
        Request("simple", tools=True, managed=False, tier="complex"),
        Request("simple", tools=True, managed=False, turn=2, tokens=5000),
    ],
    ids=["tier-and-cached", "tier", "cached"],
)
def test_the_ranking_of_less_counts_whole_prices(engine, tmp_path, request_):
    """Where the mapping has no model with tools: without tier, and without the cached prompt."""
    entries = {
        "gemini/a-flash": {"input_cost_per_token": 9e-6, "output_cost_per_token": 1e-6},
        "gemini/b-flash": {"input_cost_per_token": 3e-6, "output_cost_per_token": 3e-6},
    }
    platform = Platform(PUBLIC, (), priced(entries, tmp_path / "p.json"), {}, redacted=True)
    question = Explored(platform, {"GEMINI_API_KEY": "present"}, None, request_)
    data = data_of(question)
    start = {**data["start"], "on": [key["on"] for key in data["keys"]]}
    (found,) = engine(data, [start])
    assert found == expected(question, data, start)
    if request_.tier:
        assert found["answer"] == ["gemini", "gemini/b-flash", "plain-ranking"]


@pytest.mark.parametrize("mode", ["embedding", "chat", "responses", None])
@pytest.mark.parametrize("price", [None, 1e-6])
def test_a_winner_that_cannot_chat_is_said_first(engine, tmp_path, mode, price):
    """Then an unknown price."""
    entries = {"openai/gpt-5": {"mode": mode, "litellm_provider": "openai"}}
    entries["openai/gpt-5"] |= {"input_cost_per_token": price, "output_cost_per_token": price}
    prices = priced(
        {n: {k: v for k, v in e.items() if v} for n, e in entries.items()}, tmp_path / "p"
    )
    registry = load_registry(default_registry(HOSTED.name))
    platform = Platform(HOSTED, registry, prices, {}, redacted=True)
    question = Explored(platform, {"OPENAI_API_KEY": "present"}, None, Request(managed=False))
    compare(engine, question, lambda data: some_states(data, random.Random(1), 20))
