"""Causes from deviations: their order and roles, by hand for made tenants."""

from __future__ import annotations

import json

import pytest

import atomlab
from tests.diagnosis.made import KEY, Made, capture_made
from tests.small import chat

PRICES = {f"{name}/gpt-5": chat(name) for name in ("openai", "deepseek", "cohere", "ai21")}
NEEDED = {"openai": 0.5, "deepseek": 0.49}  # health scores: the hosted edition asks for 0.5


@pytest.fixture
def caused(tmp_path):
    """Return a function that gives the causes of a tenant's simple request: code, provider, role.

    Providers have the health scores that are given.
    """

    def find(rows, health):
        registry = tmp_path / "registry.json"
        entries = [
            {"id": name, "api_key_env_var": f"{name.upper()}_API_KEY", "health_score": score}
            for name, score in health.items()
        ]
        registry.write_text(json.dumps({"providers": entries}))
        tenants = {"t": Made("team", rows=dict.fromkeys(rows, KEY))}
        folder = tmp_path / f"{len([*tmp_path.iterdir()])}"
        folder.mkdir()
        with capture_made(folder, tenants, PRICES, providers=registry) as snapshot:
            [found] = atomlab.diagnose(snapshot, "t", [atomlab.Request("simple")]).requests
        causes = found.explanation.causes
        return [(c.code, c.provider, c.role, c.sufficient_alone) for c in causes], found

    return find


def test_each_of_two_providers_that_one_waiver_would_serve_is_one_of_several(caused):
    """Both clients are unhealthy: neither is the sole cause, either would do."""
    causes, found = caused(["OPENAI_API_KEY", "DEEPSEEK_API_KEY"], {"openai": 0.1, "deepseek": 0.2})
    assert found.status == "affected"
    assert causes == [
        ("health", "openai", "one-of-k", True),
        ("health", "deepseek", "one-of-k", True),
    ]


def test_only_an_unhealthy_client_is_a_cause(caused):
    """Another provider's key would do as well; one whose score is just enough serves."""
    causes, _ = caused(["DEEPSEEK_API_KEY"], NEEDED)
    assert causes == [("health", "deepseek", "one-of-k", True)]
    causes, found = caused(["OPENAI_API_KEY", "DEEPSEEK_API_KEY"], NEEDED)
    assert (causes, found.ranking.winner.provider) == ([], "openai")


def test_what_the_tenant_repairs_comes_before_what_the_platform_does(caused):
    """Of causes that suffice alone the cheaper is first: a copy, then the lists of providers."""
    rows = ["AI21_API_KEY", "COHERE_API_KEY", "DEEPSEEK-API-KEY"]
    causes, _ = caused(rows, {"openai": None, "deepseek": None})
    assert [cause[:2] for cause in causes] == [
        ("key-misnamed", "deepseek"),
        ("provider-unknown", "ai21"),
        ("provider-unknown", "cohere"),
    ]
    assert {cause[2:] for cause in causes} == {("one-of-k", True)}
