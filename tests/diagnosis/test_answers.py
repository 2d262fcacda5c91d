"""What answers say alike: for which requests who wins, or answers, and as whose it was decided."""

from __future__ import annotations

from dataclasses import replace

import pytest

import atomlab
from atomlab.byok.ranking import rank
from atomlab.diagnosis.answers import instead, keys_that_serve, mode_of, serves, unable
from atomlab.diagnosis.triage import triage
from atomlab.evidence.inputs.pricing import load_pricing
from atomlab.evidence.inputs.registry import Provider
from atomlab.evidence.inputs.rules import load_rules
from tests.byok.test_platform import Platform
from tests.diagnosis.made import KEY

# Wide enough for simple and moderate requests, and for all; the cheapest of a client wins.
SPEECH = {"mode": "audio_speech", "max_tokens": 9_000, "litellm_provider": "groq"}
CHAT = {"mode": "chat", "max_tokens": 40_000, "output_cost_per_token": 1e-6}
UNSAID = {"max_tokens": 40_000, "output_cost_per_token": 1e-6}


@pytest.fixture
def decided(captured, write_json):
    """Return a function that decides all kinds of request of a tenant with one client."""
    prices = write_json({"groq/mini-tts": SPEECH, "groq/gpt-5": CHAT, "openai/gpt-5": UNSAID})
    platform = atomlab.load_platform(captured({"acme": {}}, pricing=prices).session)
    kinds = ("simple", "moderate", "complex", "advanced")
    return lambda *clients: [rank(platform, clients, atomlab.Request(kind)) for kind in kinds]


@pytest.mark.parametrize(
    ("managed", "mode", "told"),
    [
        (None, "managed", "managed (ai_mode)"),
        (None, "MANAGED", "managed (ai_mode)"),
        (None, "byok", ""),
        (None, "hybrid", "BYOK (ai_mode)"),
        (None, None, ""),
        (True, "byok", "managed (as asked)"),
        (True, "managed", "managed (as asked)"),
        (False, "managed", "BYOK (as asked)"),
        (False, None, "BYOK (as asked)"),
    ],
)
def test_as_whose_requests_it_was_decided(managed, mode, told):
    """Said of whatever was asked for, and of all tenants but those in the mode `byok`."""
    assert mode_of(managed, mode) == told


def test_only_a_winner_known_to_be_no_chat_model_cannot_serve(decided):
    """No model serves nobody; one whose mode is unknown may serve."""
    assert [serves(ranking) for ranking in decided("groq")] == [False, False, True, True]
    assert [serves(ranking) for ranking in decided("openai")] == [True] * 4
    assert not any(serves(ranking) for ranking in decided())


def test_winners_that_cannot_serve_are_told_with_their_requests(decided):
    """Each once, with all kinds of request that it wins; nothing where there is none."""
    assert unable(decided("groq")) == (
        "for simple, moderate requests the winner groq/mini-tts is not a chat model"
        " (audio_speech): they will fail"
    )
    assert unable(decided("openai")) == unable(decided()) == ""


def test_who_answers_in_the_fallback_is_told(captured):
    """Where pricing finds no model the answer names who does instead, as PLATFORM C has it."""
    options = {"rules": "open-source-2026-05", "env": {"MINIMAX_API_KEY": KEY}}
    snapshot = captured({"acme": {}}, **options)
    told = "Instead the fallback answers: minimax/MiniMax-M2.7 for advanced requests."
    assert f"No model for advanced requests of Acme. {told} " in triage(snapshot, "acme").answer()
    found = atomlab.investigate(snapshot, "acme", complexity="advanced").answer()
    assert f"usable for an advanced request of Acme. {told} " in found
    assert "Instead" not in atomlab.investigate(snapshot, "acme", complexity="simple").answer()
    nobody = captured({"acme": {}}, rules="open-source-2026-05", env={})
    assert "Instead" not in triage(nobody, "acme").answer()
    assert instead([]) == ""


WIDE = {"max_input_tokens": 200_000, "input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6}


@pytest.fixture
def site(write_json):
    """Return one on which each provider has a model of its own kind, named by what it lacks."""
    prices = {
        "openai/gpt-5": {**WIDE, "mode": "chat"},
        "groq/o3": {**WIDE, "mode": "moderation"},
        "mistral/plain": {**WIDE, "mode": "chat"},  # quality 70: too little for all but simple
        "deepseek/gpt-5": {**WIDE, "max_input_tokens": 8_000, "mode": "chat"},
        "tavily/gpt-5": {**WIDE, "mode": "chat"},  # not allow-listed
        "qwen/gpt-4o-gpt-5": {**WIDE},  # of a mode that is unknown
    }
    ids = dict.fromkeys(model.split("/")[0] for model in prices)
    return Platform(
        rules=load_rules("hosted-2026-05"),
        providers=tuple(map(Provider, ids)),
        pricing=load_pricing(
            write_json({m: {**e, "litellm_provider": m} for m, e in prices.items()})
        ),
        catalog={},
    )


def test_a_key_serves_if_each_kind_of_request_gets_what_may_be_a_chat_model(site):
    """Not one whose models are too small, too weak, no chat models, or of no LLM provider."""
    assert keys_that_serve(site, {}, (), "team", atomlab.Request()) == ("openai", "qwen")


def test_what_the_tenant_has_is_no_new_key(site):
    """A provider that has a client is not proposed."""
    assert keys_that_serve(site, {}, ("openai",), "team", atomlab.Request()) == ("qwen",)


def test_a_plan_decides_for_a_managed_tenant(site):
    """The models that it allows, by its name, are all that count."""
    managed = atomlab.Request(managed=True)
    assert keys_that_serve(site, {}, (), "enterprise", managed) == ("openai", "qwen")
    assert keys_that_serve(site, {}, (), "pro", managed) == ("qwen",)
    assert keys_that_serve(site, {}, (), "free", replace(managed)) == ()
