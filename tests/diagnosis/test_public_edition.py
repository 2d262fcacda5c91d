"""The public edition diagnosed: keys from the environment, and a fallback instead of the error."""

from __future__ import annotations

import pytest

import atomlab
from atomlab.diagnosis.fixes import plan_fix

OPEN = "open-source-2026-05"
KEY = "sk-made-up-key-of-no-provider-0123456789"
PRICES = {
    "pricing": {
        "openai/gpt-5": {
            "litellm_provider": "openai",
            "mode": "chat",
            "max_input_tokens": 200_000,
            "input_cost_per_token": 1e-6,
            "output_cost_per_token": 1e-6,
        },
        "minimax/gpt-5": {
            "litellm_provider": "minimax",
            "mode": "chat",
            "max_input_tokens": 200_000,
            "input_cost_per_token": 2e-6,
            "output_cost_per_token": 2e-6,
        },
    }
}


@pytest.fixture
def diagnosed(captured, write_json):
    """Return a function that diagnoses a tenant of the public edition by its environment."""

    def run(settings=None, *requests, **options):
        prices = write_json(options.pop("prices", PRICES))
        snapshot = captured({"acme": settings or {}}, rules=OPEN, pricing=prices, **options)
        return atomlab.diagnose(snapshot, "acme", requests or None)

    return run


def test_without_the_environment_a_tenant_is_undecided(diagnosed):
    """The worker certainly has variables: their absence proves nothing, and is named."""
    diagnosis = diagnosed({"OPENAI_API_KEY": KEY})
    assert diagnosis.clients == ()
    document = diagnosis.to_json()
    assert document["status"] == "undecided"
    for each in document["diagnoses"]:
        assert (each["outcome"], each["status"]) == ("inconclusive", "undecided")
        assert "environment of the worker" in each["missing"]
        assert each["causes"] == each["fix_sets"] == []
    [environment] = [a for a in document["assumptions"] if a["input"] == "environment"]
    assert environment["state"] == "absent"
    assert plan_fix(diagnosis, "postgresql").status == "inconclusive"


def test_settings_of_the_tenant_make_no_client(diagnosed):
    """With the environment given, a key in tenant_settings alone is none; nobody answers."""
    diagnosis = diagnosed({"OPENAI_API_KEY": KEY}, env={"PATH": "/bin"})
    document = diagnosis.to_json()
    assert document["clients"] == []
    for each in document["diagnoses"]:
        assert each["outcome"] == "no-models"
        assert each["error"] == "No LLM providers available. Please configure BYOK keys."
        assert each["causes"][0]["code"] == "no-keys"
        assert {fix["who"] for fix in each["fix_sets"]} == {"operator"}


def test_a_misnamed_variable_is_the_cause_and_an_operator_sets_it(diagnosed):
    """The variable is tried under the name that the worker reads; no SQL is written for it."""
    diagnosis = diagnosed({}, atomlab.Request("simple"), env={"OPENAI_KEY": KEY})
    [cause] = diagnosis.requests[0].explanation.causes
    told = (cause.code, cause.provider, cause.setting_key, cause.verdict)
    assert told == ("key-misnamed", "openai", "OPENAI_API_KEY", "confirmed")
    fix = plan_fix(diagnosis, "postgresql")
    assert (fix.status, fix.sql) == ("words", "")
    assert "an operator has to" in fix.words[0]
    assert fix.by_hand == (
        "set the worker's variable OPENAI_API_KEY to the value of OPENAI_KEY, and restart the "
        "worker",
    )
    placebos = {trial.name: trial.cured for trial in diagnosis.requests[0].explanation.trials[1:]}
    assert len(placebos) == 3
    assert not any(placebos.values())


def test_a_variable_of_another_id_is_an_alias(diagnosed):
    """minimax_2_5 declares MINIMAX_API_KEY, which client minimax reads."""
    diagnosis = diagnosed({}, atomlab.Request("simple"), env={"MINIMAX_2_5_API_KEY": KEY})
    registry = {p.id: p.api_key_env_var for p in diagnosis.platform.providers}
    assert registry["minimax_2_5"] == "MINIMAX_API_KEY"
    cause = diagnosis.requests[0].explanation.causes[0]
    assert (cause.provider, cause.verdict) == ("minimax", "confirmed")


@pytest.mark.parametrize(
    ("env", "clients"),
    [
        pytest.param({"GOOGLE_API_KEY": KEY}, ("gemini",), id="gemini-by-google"),
        pytest.param({"ANTHROPIC_API_KEY": KEY}, ("lux",), id="lux-by-anthropic"),
        pytest.param({"LUX_API_KEY": KEY}, (), id="lux-by-its-own-name-alone"),
        pytest.param({"LUX_MODEL_API_KEY": KEY}, ("lux",), id="lux-by-the-declared"),
        pytest.param({"MOONSHOT_API_KEY": " "}, ("moonshot",), id="spaces-are-a-key"),
        pytest.param({"MOONSHOT_API_KEY": ""}, (), id="nothing-is-none"),
        pytest.param({"GROQ_API_KEY": KEY}, (), id="not-on-the-list"),
        pytest.param({"QWEN_API_KEY": KEY, "OPENAI_API_KEY": KEY}, ("openai", "qwen"), id="order"),
    ],
)
def test_clients_by_variables(diagnosed, env, clients):
    """Which variables make which clients, in the edition's own order."""
    assert diagnosed({}, env=env).clients == clients


@pytest.mark.parametrize(
    ("entry", "clients"),
    [
        pytest.param({"key_name": "default"}, ("openai",), id="default"),
        pytest.param({"key_name": "id-acme"}, ("openai",), id="the-tenants-own"),
        pytest.param({"key_name": "id-other"}, (), id="another-tenants"),
        pytest.param({"key_name": "default", "is_active": False}, (), id="inactive"),
        pytest.param({"key_name": "default", "environment": "test"}, (), id="elsewhere"),
        pytest.param({"key_name": "default", "encrypted_key": ""}, (), id="empty"),
    ],
)
def test_clients_by_stored_keys(diagnosed, entry, clients):
    """Which entries of byok_keys.json make a client of a tenant."""
    full = {"provider_id": "openai", "encrypted_key": KEY, "environment": "production", **entry}
    keys = {f"openai_{full['key_name']}_{full['environment']}": full}
    assert diagnosed({}, env={}, keys=keys).clients == clients


def test_a_fallback_answers_and_is_told(diagnosed):
    """Pricing finds no model, the mapping answers: affected, with who answers."""
    request = atomlab.Request("advanced")
    small = {"openai/tiny": PRICES["pricing"]["openai/gpt-5"] | {"max_input_tokens": 10}}
    diagnosis = diagnosed({}, request, env={"OPENAI_API_KEY": KEY}, prices={"pricing": small})
    [each] = diagnosis.to_json()["diagnoses"]
    assert (each["outcome"], each["status"], each["error"]) == ("fallback", "affected", None)
    assert each["fallback"] == {"provider": "openai", "model": "o3", "by": "static-mapping"}
    assert each["causes"][0]["code"] == "context-window"


def test_a_substring_of_model_ids_is_no_provider(diagnosed):
    """GPT is part of gpt-5, and no provider of the map: nothing is confirmed of it."""
    diagnosis = diagnosed({}, atomlab.Request("simple"), env={"GPT_5_API_KEY": KEY})
    found = {(c.code, c.verdict) for c in diagnosis.requests[0].explanation.causes}
    assert ("provider-unknown", "confirmed") not in found
