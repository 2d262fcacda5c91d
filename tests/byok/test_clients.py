"""Client initialization and ranking under the platform's names."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing

import pytest

from atomlab.byok.clients import BYOKHandler
from atomlab.byok.platform import Platform
from atomlab.byok.request import Request
from atomlab.errors import NO_MODELS, InputError, NoModelsAvailableError, TenantError
from atomlab.evidence.inputs.pricing import load_pricing
from atomlab.evidence.inputs.registry import default_registry, load_registry
from atomlab.evidence.inputs.rules import load_rules
from tests.conftest import live_session
from tests.refusals import refused

KEY = "sk-" + "7" * 40


def test_clients_stand_in_registry_order_whatever_the_rows_order(captured):
    """Clients follow the registry, not the order in which the tenant added its keys."""
    snapshot = captured(
        {"acme": {"OPENAI_API_KEY": KEY, "GROQ_API_KEY": KEY, "DEEPSEEK_API_KEY": KEY}}
    )
    handler = BYOKHandler("id-acme", db=snapshot.session)
    assert list(handler.clients) == ["deepseek", "openai", "groq"]
    assert all(client.provider_id == name for name, client in handler.clients.items())


def test_ranked_models_are_dictionaries_best_first(captured):
    """The platform's method hands on plain dictionaries, the winner first."""
    snapshot = captured({"acme": {"OPENAI_API_KEY": KEY}})
    ranked = BYOKHandler("id-acme", db=snapshot.session).rank_models_by_pricing("simple")
    assert [(row["provider"], row["model"]) for row in ranked] == [
        ("openai", "gpt-4o-mini"),
        ("openai", "openai/gpt-4o"),
    ]


def test_no_model_left_raises_the_platforms_own_error(captured):
    """The error is a ValueError with the exact message; its note folds the counts."""
    handler = BYOKHandler("id-acme", db=captured({"acme": {"MINIMAX_2_7_API_KEY": KEY}}).session)
    with pytest.raises(ValueError, match=NO_MODELS) as caught:
        handler.rank_models_by_pricing()
    assert type(caught.value) is NoModelsAvailableError
    assert str(caught.value) == NO_MODELS
    assert caught.value.__notes__ == ["4 models: 4 no client for provider"]


def test_note_of_the_error_folds_several_filters(captured):
    """Each first rejecting filter is counted once, and the counts add up."""
    handler = BYOKHandler("id-acme", db=captured({"acme": {"OPENAI_API_KEY": KEY}}).session)
    with pytest.raises(NoModelsAvailableError) as caught:
        handler.rank_models_by_pricing("advanced")
    [note] = caught.value.__notes__
    assert (
        note == "4 models: 2 no client for provider, 1 context window too small, 1 quality too low"
    )


def test_explain_returns_what_rank_raises(captured):
    """An empty ranking is a finding: explain raises nothing."""
    ranking = BYOKHandler("id-acme", db=captured({"acme": {}}).session).explain(Request())
    assert ranking.winner is None
    assert ranking.clients == ()


def test_log_lines_are_the_platforms(captured, caplog):
    """A provider without a key gives the platform's warning and its debug line."""
    snapshot = captured({"acme": {"OPENAI_API_KEY": KEY}})
    with caplog.at_level(logging.DEBUG, "atomlab.byok"):
        BYOKHandler("id-acme", db=snapshot.session)
    groq = [(r.levelname, r.message) for r in caplog.records if "groq" in r.message]
    assert groq == [
        ("WARNING", "Setting not found or NULL for groq"),
        ("DEBUG", "No key found for groq in default"),
    ]
    assert not [r for r in caplog.records if "openai in" in r.message]
    assert not [r for r in caplog.records if "tavily" in r.message]


@pytest.mark.parametrize("managed", [False, True], ids=["byok", "managed"])
def test_the_tenants_own_plan_filters_managed_requests(captured, managed):
    """The plan is read from the tenant's row; team counts as free."""
    handler = BYOKHandler("id-acme", db=captured({"acme": {"OPENAI_API_KEY": KEY}}).session)
    ranked = handler.rank_models_by_pricing("simple", managed=managed)
    everything, allowed = {"gpt-4o-mini", "openai/gpt-4o"}, {"gpt-4o-mini"}
    assert {row["model"] for row in ranked} == (allowed if managed else everything)


def test_handler_decides_on_a_live_database_as_on_its_snapshot(make_database, captured, prices):
    """Raw values with a given platform rank as the redacted snapshot does."""
    tenants = {"acme": {"DEEPSEEK_API_KEY": KEY, "MINIMAX_API_KEY": "  "}}
    rules = load_rules("hosted-2026-05")
    registry = load_registry(default_registry(rules.name))
    platform = Platform(rules, registry, load_pricing(prices), {})
    with live_session(make_database(tenants)) as db:
        live = BYOKHandler("id-acme", db=db, platform=platform).rank_models_by_pricing()
    snapshot = captured(tenants)
    assert live == BYOKHandler("id-acme", db=snapshot.session).rank_models_by_pricing()
    assert [row["provider"] for row in live] == ["deepseek", "minimax"]


def test_a_database_that_is_no_snapshot_needs_a_platform(make_database):
    """Without rules, registry and prices nothing can be decided, and the error says so."""
    with live_session(make_database({"acme": {}})) as db:  # noqa: SIM117
        with refused(InputError, "is not a snapshot; give platform="):
            BYOKHandler("id-acme", db=db)


def test_unknown_complexity_is_refused_before_anything_is_ranked(captured):
    """A complexity that no rule knows is an error, not an empty ranking."""
    handler = BYOKHandler("id-acme", db=captured({"acme": {"OPENAI_API_KEY": KEY}}).session)
    with refused(InputError, "unknown complexity 'easy'"):
        handler.rank_models_by_pricing("easy")


@pytest.mark.parametrize(
    ("tenant_id", "hint"),
    [
        ("id-acm", "did you mean id-acme"),
        ("acme", "id-acme?"),
        ("nobody", "give an id"),
        ("", "give an id"),
    ],
)
def test_an_id_that_no_tenant_has_is_refused(captured, tenant_id, hint):
    """No tenant is not a tenant without keys; a subdomain is not an id."""
    session = captured({"acme": {"OPENAI_API_KEY": KEY}}).session
    with refused(TenantError, f"no tenant {tenant_id!r} among the 1 in this database") as caught:
        BYOKHandler(tenant_id, db=session)
    assert hint in str(caught.value)


def test_an_id_that_no_tenant_has_is_refused_on_a_live_database(make_database, prices):
    """So it is with a platform beside the database."""
    platform = Platform(load_rules("hosted-2026-05"), (), load_pricing(prices), {})
    with (
        live_session(make_database({"acme": {}})) as db,
        refused(TenantError, "no tenant 'id-nobody' among the 1"),
    ):
        BYOKHandler("id-nobody", db=db, platform=platform)


@pytest.mark.parametrize(
    ("mode", "said", "models"),
    [
        ("byok", None, {"gpt-4o-mini", "openai/gpt-4o"}),
        ("hybrid", None, {"gpt-4o-mini", "openai/gpt-4o"}),
        ("managed", None, {"gpt-4o-mini"}),
        ("managed", False, {"gpt-4o-mini", "openai/gpt-4o"}),
        ("byok", True, {"gpt-4o-mini"}),
    ],
)
def test_the_tenants_own_mode_makes_its_requests_managed(make_database, prices, mode, said, models):
    """Unless the request says otherwise; the plan here is team, which counts as free."""
    path = make_database({"acme": {"OPENAI_API_KEY": KEY}})
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE tenants SET ai_mode = ?", (mode,))
        db.commit()
    rules = load_rules("hosted-2026-05")
    registry = load_registry(default_registry(rules.name))
    platform = Platform(rules, registry, load_pricing(prices), {})
    with live_session(path) as db:
        handler = BYOKHandler("id-acme", db=db, platform=platform)
        assert {row["model"] for row in handler.rank_models_by_pricing("simple", managed=said)} == (
            models
        )


@pytest.mark.parametrize(
    ("name", "clients"),
    [("before", ["minimax_2_7"]), ("after", ["minimax", "minimax_2_7"])],
)
def test_brennans_clients_before_and_after_the_fix(request, name, clients):
    """The documented fix adds the client for minimax and nothing else."""
    snapshot = request.getfixturevalue(name)
    handler = BYOKHandler(snapshot.tenant("brennan").id, db=snapshot.session)
    assert list(handler.clients) == clients
