"""Which new key would serve a tenant, whatever it asks for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from atomlab.byok.request import Request
from atomlab.diagnosis.credentials import keys_that_serve
from atomlab.evidence.inputs.pricing import load_pricing
from atomlab.evidence.inputs.registry import Provider
from atomlab.evidence.inputs.rules import load_rules
from tests.byok.test_platform import Platform

WIDE = {"max_input_tokens": 200_000, "input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6}


@pytest.fixture
def platform(write_json):
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


def test_a_key_serves_if_each_kind_of_request_gets_what_may_be_a_chat_model(platform):
    """Not one whose models are too small, too weak, no chat models, or of no LLM provider."""
    assert keys_that_serve(platform, {}, (), "team", Request()) == ("openai", "qwen")


def test_what_the_tenant_has_is_no_new_key(platform):
    """A provider that has a client is not proposed."""
    assert keys_that_serve(platform, {}, ("openai",), "team", Request()) == ("qwen",)


def test_a_plan_decides_for_a_managed_tenant(platform):
    """The models that it allows, by its name, are all that count (PLATFORM B)."""
    managed = Request(managed=True)
    assert keys_that_serve(platform, {}, (), "enterprise", managed) == ("openai", "qwen")
    assert keys_that_serve(platform, {}, (), "pro", managed) == ("qwen",)
    assert keys_that_serve(platform, {}, (), "free", replace(managed)) == ()
