"""The ranking, against the plain loop and against the facts measured on the real prices."""

from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from atomlab.byok.clients import BYOKHandler
from atomlab.byok.filters import NAMES
from atomlab.byok.platform import Platform, load_platform
from atomlab.byok.ranking import rank
from atomlab.byok.request import Request
from atomlab.errors import InputError
from atomlab.evidence.inputs.catalog import CatalogEntry
from atomlab.evidence.inputs.pricing import load_pricing
from atomlab.evidence.inputs.registry import Provider, default_registry, load_registry
from atomlab.evidence.inputs.rules import COMPLEXITIES, load_rules
from benchmarks.plain_loop import cache_of, rank_plainly
from tests.conftest import PRICES
from tests.examples import examples
from tests.refusals import refused
from tests.small import small_platform
from tests.worlds import PLANS, clients_of, requests, worlds

MATCHERS = ("prefix", "substring")


@pytest.fixture(scope="module")
def real(real_prices):
    """Return the hosted platform with the real prices, straight from their file."""
    rules = load_rules("hosted-2026-05")
    return Platform(
        rules, load_registry(default_registry(rules.name)), load_pricing(real_prices), {}
    )


@pytest.fixture
def small(prices):
    """Return the hosted platform with the handful of models."""
    return Platform(
        load_rules("hosted-2026-05"),
        tuple(Provider(p) for p in ("deepseek", "openai", "minimax", "minimax_2_7")),
        load_pricing(prices),
        {},
    )


def as_rows(ranking):
    """Return the candidates as the plain loop gives them."""
    return [(c.provider, c.model, c.value_score) for c in ranking.candidates()]


@given(st.data(), worlds(), requests(), st.sampled_from(PLANS))
@examples(300)
def test_ranking_equals_the_plain_loop(data, world, request_, plan):
    """Any request in any world ranks the same models, providers and scores as a plain loop."""
    clients = data.draw(clients_of(world))
    expected = rank_plainly(
        world.loaded,
        clients,
        world.rules,
        request_,
        catalog=world.catalog,
        health=world.health,
        plan=plan,
    )
    assert as_rows(rank(world.platform(), clients, request_, plan)) == expected


@pytest.mark.parametrize("matcher", MATCHERS)
@pytest.mark.parametrize("name", ["before", "after"])
def test_every_shipped_tenant_ranks_as_the_plain_loop_does(request, name, matcher):
    """On the real prices every tenant's four rankings equal the plain loop's, to the last bit."""
    snapshot = request.getfixturevalue(name)
    loaded = load_platform(snapshot.session)
    platform = replace(loaded, rules=replace(loaded.rules, matcher=matcher))
    cache = cache_of(loaded.pricing.frame)
    health = {p.id: p.health_score for p in loaded.providers}
    tenants = snapshot.session.execute(text("SELECT id, plan_type, ai_mode FROM tenants")).all()
    answers: dict[object, list[object]] = {}
    assert len(tenants) > 40
    assert {mode for _, _, mode in tenants} > {"managed"}
    for tenant_id, plan, mode in tenants:
        handler = BYOKHandler(tenant_id, db=snapshot.session, platform=platform)
        clients, managed = tuple(handler.clients), mode == "managed"
        for complexity in COMPLEXITIES:
            case = (clients, complexity, managed and plan)
            if case not in answers:
                answers[case] = rank_plainly(
                    cache,
                    clients,
                    platform.rules,
                    Request(complexity, managed=managed),
                    catalog=platform.catalog,
                    health=health,
                    plan=plan,
                )
            assert as_rows(handler.explain(Request(complexity))) == answers[case]


@given(st.data(), worlds(matchers=("prefix",)), requests(), st.sampled_from(PLANS))
@examples(100)
def test_adding_a_client_never_removes_a_candidate(data, world, request_, plan):
    """Under the prefix rule more clients mean at least the same candidates, at the same scores."""
    clients = data.draw(clients_of(world))
    platform = world.platform()
    fewer = as_rows(rank(platform, clients[:-1], request_, plan))
    assert set(fewer) <= set(as_rows(rank(platform, clients, request_, plan)))


def test_substring_matcher_gives_a_model_to_the_first_client_in_client_order(small):
    """The open-source rule lets an earlier client take over a model that names another."""
    platform = replace(
        small,
        rules=replace(small.rules, matcher="substring"),
        providers=(Provider("deep"), Provider("deepseek")),
    )
    [first] = rank(platform, ["deepseek", "deep"], Request("simple")).candidates()
    [other] = rank(platform, ["deep", "deepseek"], Request("simple")).candidates()
    assert (first.provider, other.provider) == ("deepseek", "deep")
    assert first.model == other.model == "deepseek/deepseek-chat"


def test_value_score_is_quality_squared_per_micro_dollar(small):
    """The handful of models ranks as a calculation by hand says."""
    ranked = as_rows(rank(small, ["openai", "deepseek", "minimax"], Request("simple")))
    by_hand = [  # quality (of the table, in its order) and mean price in dollars a million tokens
        ("openai", "gpt-4o-mini", 85**2 / 0.375),
        ("deepseek", "deepseek/deepseek-chat", 80**2 / 0.35),
        ("minimax", "minimax/MiniMax-M2.5", 88**2 / 0.75),
        ("openai", "openai/gpt-4o", 90**2 / 6.25),
    ]
    assert [row[:2] for row in ranked] == [row[:2] for row in by_hand]
    assert [row[2] for row in ranked] == pytest.approx([row[2] for row in by_hand])


def test_equal_scores_keep_the_order_of_the_cache(write_json):
    """Models of one value score stay in cache order: the sort is stable."""
    names = [f"openai/twin-{n}" for n in (3, 1, 2)]
    pricing = load_pricing(write_json(dict.fromkeys(names, PRICES["openai/gpt-4o"])))
    platform = Platform(load_rules("hosted-2026-05"), (Provider("openai"),), pricing, {})
    assert [c.model for c in rank(platform, ["openai"], Request("simple")).candidates()] == names


@pytest.mark.parametrize(
    ("provider", "tokens", "factor"),
    [
        pytest.param("openai", 1024, 0.1, id="openai-caches-from-1024"),
        pytest.param("openai", 1023, 1.0, id="openai-not-below"),
        pytest.param("anthropic", 2048, 0.1, id="anthropic-caches-from-2048"),
        pytest.param("anthropic", 2047, 1.0, id="anthropic-not-below"),
        pytest.param("gemini", 1024, 0.1, id="gemini-caches-from-1024"),
        pytest.param("google", 1024, 0.1, id="google-caches-from-1024"),
        pytest.param("google_flash", 1024, 0.1, id="and-what-contains-it"),
        pytest.param("gemini_flash", 1024, 0.1, id="or-gemini"),
        pytest.param("google_flash", 1023, 1.0, id="not-below-either"),
        pytest.param("openai_5_3", 100_000, 1.0, id="openai-by-the-exact-id-alone"),
        pytest.param("anthropic_opus_4_6", 100_000, 1.0, id="anthropic-too"),
        pytest.param("groq", 100_000, 1.0, id="groq-never-caches"),
    ],
)
@pytest.mark.parametrize("turn", [0, 1])
def test_later_turns_pay_a_tenth_of_the_input_where_the_provider_caches(
    write_json, provider, tokens, factor, turn
):
    """From the second turn on, a caching provider's input price counts for a tenth."""
    entry = {"input_cost_per_token": 4e-6, "output_cost_per_token": 2e-6, "max_tokens": 9000}
    pricing = load_pricing(write_json({f"{provider}/model": entry}))
    platform = Platform(load_rules("hosted-2026-05"), (Provider(provider),), pricing, {})
    ranking = rank(platform, [provider], Request("simple", turn=turn, tokens=tokens))
    paid = factor if turn else 1.0
    assert ranking.cost[0] == pytest.approx((4e-6 * paid + 2e-6) / 2)


def test_unpriced_model_looks_free_wins_and_is_called_out(write_json):
    """A model without a price ranks first, and the ranking says that it only looks free."""
    document = {**PRICES, "openai/mystery": {"max_tokens": 9000, "litellm_provider": "openai"}}
    platform = Platform(
        load_rules("hosted-2026-05"), (Provider("openai"),), load_pricing(write_json(document)), {}
    )
    ranking = rank(platform, ["openai"], Request("simple"))
    assert ranking.winner.model == "openai/mystery"
    assert ranking.winner.price_unknown
    assert ranking.warnings() == [
        "the winner openai/mystery has no known price: it won because it looks free",
        "1 of 3 candidates have no known price",
    ]


def test_a_known_price_of_nothing_is_called_out_as_such():
    """The winner's price is known and 0: it looks free as well."""
    ranking = rank(small_platform(["openai/gpt-5"]), ["openai"], Request("simple"))
    assert ranking.warnings() == []
    assert replace(ranking, cost=ranking.cost + 1).warnings() == []
    assert replace(ranking, cost=ranking.cost * 0).warnings() == [
        "the winner openai/gpt-5 has a price of 0: it won because it looks free"
    ]


def test_an_empty_cache_is_said_to_be_one():
    """No filter has anything to count."""
    ranking = rank(small_platform([]), ["openai"], Request("simple"))
    assert ranking.summary() == "0 models in the pricing cache"


def test_ranking_of_known_prices_warns_of_nothing(small):
    """Where every candidate has a price there is nothing to take on trust."""
    assert rank(small, ["openai"], Request("simple")).warnings() == []


def test_absurd_prices_overflow_to_a_value_of_zero(write_json):
    """Prices that add up to more than a float holds rank last, without a warning of numpy's."""
    entry = {"max_tokens": 9000, "input_cost_per_token": 1.7e308, "output_cost_per_token": 1.7e308}
    pricing = load_pricing(write_json({"openai/dear": entry, **PRICES}))
    platform = Platform(load_rules("hosted-2026-05"), (Provider("openai"),), pricing, {})
    *_, last = rank(platform, ["openai"], Request("simple")).candidates()
    assert (last.model, last.value_score) == ("openai/dear", 0.0)


@pytest.mark.parametrize("matcher", MATCHERS)
@pytest.mark.parametrize(
    "providers", [pytest.param((), id="no-registry"), pytest.param(("openai",), id="one-provider")]
)
@pytest.mark.parametrize("document", [{}, PRICES], ids=["no-models", "some-models"])
def test_empty_registry_or_cache_ranks_nothing_and_says_so(
    write_json, matcher, providers, document
):
    """Without providers, models or clients there is a decision all the same: none."""
    rules = replace(load_rules("hosted-2026-05"), matcher=matcher)
    pricing = load_pricing(write_json({"pricing": document}))
    platform = Platform(rules, tuple(map(Provider, providers)), pricing, {})
    ranking = rank(platform, [], Request())
    assert ranking.winner is None
    assert list(ranking.order) == []
    assert len(ranking.frame()) == len(document)
    assert ranking.summary().startswith(f"{len(document)} models")


@pytest.mark.parametrize("clients", [["nobody"], ["openai", "gpt"], ["OpenAI"], [""]], ids=repr)
def test_a_client_that_the_platform_cannot_have_is_refused(small, clients):
    """It would serve nothing, and a misspelt one must not pass for a finding."""
    with refused(InputError, f"no provider {clients[-1]!r}; give clients of the registry"):
        rank(small, clients, Request("simple"))


def test_the_public_editions_clients_need_no_registry(prices):
    """Its own list is as good; an id in neither is refused there, too."""
    platform = Platform(load_rules("open-source-2026-05"), (), load_pricing(prices), {})
    assert rank(platform, ["minimax"], Request("simple")).winner.model == "minimax/MiniMax-M2.5"
    with refused(InputError, "no provider 'anthropic'"):
        rank(platform, ["anthropic"], Request("simple"))


@given(st.data(), worlds(), requests())
@examples(100)
def test_funnel_counts_what_a_model_by_model_count_counts(data, world, request_):
    """The funnel equals a count over the frame's own blockers, filter by filter."""
    ranking = rank(world.platform(), data.draw(clients_of(world)), request_, "pro")
    frame = ranking.frame()
    first = Counter(frame["first_blocker"])
    alone = Counter(frame["blockers"])
    entering = len(frame)
    for row in ranking.funnel().itertuples():
        assert (row.entering, row.rejected) == (entering, first[row.filter])
        assert row.only_blocker == alone[row.filter]
        entering -= row.rejected
    assert frame["rank"].notna().sum() == len(ranking.order)
    assert len(ranking.order) == (0 if ranking.broken else entering)


@given(st.data(), worlds(), requests())
@examples(100)
def test_frame_and_reasons_tell_one_story(data, world, request_):
    """A model's reasons are its blockers in filter order; only a model without any has a rank."""
    ranking = rank(world.platform(), data.draw(clients_of(world)), request_, "free")
    for row in ranking.frame().itertuples():
        codes = [reason.code for reason in ranking.reasons(row.model)]
        assert ", ".join(codes) == row.blockers
        assert row.first_blocker == (codes[0] if codes else "")
        assert pd.isna(row.rank) == (bool(codes) or ranking.broken is not None)


# Of each model, under the substring rule with the client groq alone, what the frame says first:
# who serves it, else who would; where its score for the tools comes from.
FRAMED = {
    "groq/claude-3.5-sonnet": ("groq", "", "capability-table:claude-3.5-sonnet", 74.0),
    "openai/groq-8b": ("groq", "", "heuristic:8b", 75.0),
    "openai/plain": ("openai", "client", "default", 70.0),
    "groq/plain": ("groq", "context", "default", 70.0),
    "mistral/gpt-4o": ("mistral", "client", "capability-table:gpt-4o", 73.0),
}


def test_the_frame_says_of_each_model_what_was_found_of_it_alone():
    """Column by column, by hand or from the ranking's own arrays."""
    platform = small_platform(
        {name: {} for name in FRAMED} | {"groq/plain": {"max_input_tokens": None}},
        providers=("openai", "groq"),
        matcher="substring",
    )
    ranking = rank(platform, ["groq"], Request("simple", capability="tools"))
    frame = ranking.frame()
    assert list(frame) == [
        *("model", "provider", "blockers", "first_blocker", "quality", "quality_source", "cost"),
        *("value_score", "rank", "price_unknown", "window_unknown", "mode"),
    ]
    assert list(frame["model"]) == list(FRAMED)
    columns = frame[["provider", "first_blocker", "quality_source", "quality"]]
    told = dict(zip(frame["model"], columns.itertuples(index=False, name=None), strict=True))
    assert told == FRAMED
    assert list(frame["cost"]) == list(ranking.cost) == pytest.approx([1e-6] * 5)
    for place, score in enumerate(frame["value_score"]):
        assert score == pytest.approx(frame["quality"][place] ** 2)
    assert frame["rank"].dtype == "Int64"
    assert [None if pd.isna(rank) else rank for rank in frame["rank"]] == [2, 1, None, None, None]
    assert list(frame["price_unknown"]) == [False] * 5
    assert list(frame["window_unknown"]) == [False, False, False, True, False]
    assert list(frame["mode"]) == ["chat"] * 5


def test_reasons_name_what_was_seen_and_what_was_required(small):
    """Each reason is a code, the observed value and the required one."""
    ranking = rank(small, ["minimax"], Request("advanced", tools=True, managed=True))
    reasons = {r.code: (r.observed, r.required) for r in ranking.reasons("gpt-4o-mini")}
    assert reasons == {
        "client": ("openai", "a client for the provider"),
        "context": (16_384.0, 32_000.0),
        "quality": (85.0, 94.0),
    }
    for observed, _ in reasons.values():
        assert type(observed) in (str, float)  # no number of NumPy, which JSON could not hold


def test_what_filters_of_yes_and_no_require(write_json):
    """A capability by its name, and routing without exclusion."""
    entry = {"litellm_provider": "openai", "max_input_tokens": 200_000}
    cache = write_json({"openai/gpt-5": entry})
    catalog = {"openai/gpt-5": CatalogEntry(frozenset({"coding"}), excluded=True)}
    platform = Platform(
        load_rules("hosted-2026-05"), (Provider("openai"),), load_pricing(cache), catalog
    )
    reasons = [
        (r.code, r.observed, r.required)
        for asked in (Request("simple", tools=True, capability="vision"), Request("simple"))
        for r in rank(platform, ["openai"], asked).reasons("openai/gpt-5")
    ]
    assert reasons == [
        ("capability", False, "vision"),
        ("excluded", True, False),
    ]


def test_reasons_of_an_unknown_model_are_a_key_error(small):
    """Asking for a model that the cache lacks is the caller's mistake."""
    with pytest.raises(KeyError, match="no-such-model"):
        rank(small, [], Request()).reasons("no-such-model")


def test_summary_folds_the_counts_of_the_incident(before):
    """The summary of the incident's ranking counts every model once."""
    ranking = BYOKHandler(before.tenant("brennan").id, db=before.session).explain(Request())
    assert ranking.summary() == "2,690 models: 2,690 no client for provider"


@pytest.mark.parametrize(
    ("provider", "models"),
    [
        *[("openrouter", 90), ("deepinfra", 67), ("gemini", 56), ("mistral", 51), ("ollama", 29)],
        *[("moonshot", 22), ("groq", 14), ("minimax", 9), ("deepseek", 6), ("openai", 4)],
        *[("anthropic", 0), ("google", 0), ("qwen", 0), ("glm", 0), ("lux", 0), ("glm_5", 0)],
        *[("minimax_2_7", 0), ("minimax_2_5", 0), ("openai_5_3", 0), ("anthropic_opus_4_6", 0)],
    ],
)
def test_models_per_prefix_on_the_real_map(real, real_map, provider, models):
    """The real map holds as many ids with the provider's prefix as docs/platform.md measured."""
    served = rank(real, [provider], Request()).view.active >= 0
    with_slash = [m for m, hit in zip(real.models.ids, served, strict=True) if hit and "/" in m]
    assert len(with_slash) == models
    assert with_slash == [m for m in real_map if m.lower().startswith(f"{provider}/")]


@pytest.mark.parametrize(("provider", "models"), [("anthropic", 20), ("openai", 209)])
def test_models_without_a_prefix_go_to_the_declared_provider(real, real_map, provider, models):
    """Ids without a slash are served by their `litellm_provider` (counts: docs/platform.md)."""
    assert (real.pricing.frame["litellm_provider"] == provider).sum() == models
    served = rank(real, [provider], Request()).view.active >= 0
    bare = [m for m, hit in zip(real.models.ids, served, strict=True) if hit and "/" not in m]
    assert bare == [
        m for m, e in real_map.items() if "/" not in m and e.get("litellm_provider") == provider
    ]


def test_real_map_has_2690_models(real, real_map):
    """No entry of the real map is lost."""
    assert real.models.ids == list(real_map)
    assert len(real_map) == 2690


def test_minimaxs_nine_are_five_chat_models_and_four_speech_models(real, real_map):
    """Four of minimax's nine models have no context window, and the ranking flags them."""
    frame = rank(real, ["minimax"], Request("simple")).frame()
    nine = frame[frame["model"].str.startswith("minimax/")]
    speech = {m for m, e in real_map.items() if m.startswith("minimax/") and "speech" in m}
    assert len(nine) == 9
    assert set(nine.loc[nine["window_unknown"], "model"]) == speech
    assert len(speech) == 4


@pytest.mark.parametrize(
    ("complexity", "passing"),
    [
        ("simple", {"M2", "M2.1", "M2.1-lightning", "M2.5", "M2.5-lightning"}),
        ("moderate", {"M2", "M2.1", "M2.1-lightning", "M2.5", "M2.5-lightning"}),
        ("complex", {"M2.5", "M2.5-lightning"}),
        ("advanced", set()),
    ],
)
def test_documented_fix_cures_all_but_advanced_requests(real, complexity, passing):
    """With a client for minimax five, five, two and none of its models pass."""
    candidates = list(rank(real, ["minimax"], Request(complexity)).candidates())
    assert {c.model.removeprefix("minimax/MiniMax-") for c in candidates} == passing


def test_every_minimax_model_is_mini_by_accident_of_its_name(real):
    """Every minimax id contains `mini` and so scores at least 80 (docs/platform.md)."""
    frame = rank(real, ["minimax"], Request("simple")).frame().query("provider == 'minimax'")
    assert frame["quality"].min() == 80
    assert set(frame["quality_source"]) == {"heuristic:mini", "table:minimax-m2.5"}


def test_filter_names_of_the_funnel_are_the_platforms_order(small):
    """The funnel lists the eight filters in the platform's order."""
    order = "client context capability excluded health quality plan tools".split()  # noqa: SIM905
    assert rank(small, [], Request()).funnel()["filter"].tolist() == order == list(NAMES)


def test_a_candidate_is_what_the_platform_hands_on(small):
    """A candidate carries provider, model and scores, as a plain dictionary too."""
    winner = rank(small, ["deepseek"], Request()).winner
    assert dataclasses.asdict(winner) == {
        "provider": "deepseek",
        "model": "deepseek/deepseek-chat",
        "value_score": pytest.approx(80**2 / 0.35),
        "quality": 80.0,
        "cost": pytest.approx(3.5e-7),
        "price_unknown": False,
        "mode": None,
        "chat": None,
    }
