"""The provider registry: shipped ones, and files that are none."""

from __future__ import annotations

import json
import math
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings

from atomlab.errors import InputError
from atomlab.evidence.inputs.registry import Provider, default_registry, load_registry, setting_key
from atomlab.evidence.inputs.rules import load_rules
from tests.evidence.inputs.test_pricing import JSON
from tests.refusals import loaded, refused

PLATFORM = (  # id → api_key_env_var, without `_API_KEY` (PLATFORM B)
    "deepseek DEEPSEEK, openai OPENAI, anthropic ANTHROPIC, groq GROQ, google GOOGLE, "
    "google_flash GOOGLE, gemini GOOGLE, gemini_flash GOOGLE, lux LUX_MODEL, mistral MISTRAL, "
    "glm GLM, qwen QWEN, deepinfra DEEPINFRA, tavily TAVILY, glm_5 GLM, minimax_2_5 MINIMAX, "
    "anthropic_opus_4_6 ANTHROPIC, openai_5_3 OPENAI"
)


@pytest.mark.parametrize("edition", ["hosted-2026-05", "open-source-2026-05"])
def test_shipped_registries_begin_with_platforms_providers(edition):
    """Each edition's registry lists PLATFORM's providers in PLATFORM's order."""
    listed = [(p.id, p.api_key_env_var) for p in load_registry(default_registry(edition))]
    expected = [
        (name, f"{variable}_API_KEY")
        for name, variable in (pair.split() for pair in PLATFORM.split(", "))
    ]
    assert listed[: len(expected)] == expected


def test_the_incidents_mismatch_is_in_the_hosted_registry_only():
    """Both minimax and minimax_2_7 declare one variable, yet are looked up under two names."""
    hosted = {p.id: p for p in load_registry(default_registry("hosted-2026-05"))}
    pair = hosted["minimax"], hosted["minimax_2_7"]
    assert {p.api_key_env_var for p in pair} == {"MINIMAX_API_KEY"}
    assert [p.setting_key for p in pair] == ["MINIMAX_API_KEY", "MINIMAX_2_7_API_KEY"]
    open_source = {p.id for p in load_registry(default_registry("open-source-2026-05"))}
    assert open_source.isdisjoint({"minimax", "minimax_2_7"})


def test_setting_key_is_the_upper_cased_id():
    """The settings row of a provider is its id in capitals and `_API_KEY`."""
    assert setting_key("minimax_2_7") == "MINIMAX_2_7_API_KEY"


@pytest.mark.parametrize("edition", ["hosted-2026-05", "open-source-2026-05"])
def test_own_rules_get_the_registry_of_their_edition(tmp_path, edition):
    """A user's own rules, whatever their name, keep the registry of the edition they change."""
    path = tmp_path / "own.yaml"
    path.write_text(f"name: own\nbased_on: {edition}\n")
    own, shipped = load_rules(str(path)), load_rules(edition)
    assert own.name == "own"
    assert default_registry(own.based_on) == default_registry(shipped.based_on)
    assert default_registry(own.based_on).name == f"{edition}.providers.json"


@pytest.mark.parametrize(
    ("health", "meaning"),
    [(0.4, 0.4), (1, 1.0), (0, 0.0)]
    + [(x, None) for x in (None, True, "0.4", math.nan, math.inf, 10**400, [1])],
    ids=lambda x: repr(x)[:12],
)
def test_health_score_is_a_number_or_unknown(write_json, health, meaning):
    """A health score that is not a finite number is unknown, never a crash."""
    [provider] = load_registry(write_json({"providers": [{"id": "a", "health_score": health}]}))
    assert provider == Provider("a", health_score=meaning)


@pytest.mark.parametrize(
    ("document", "what"),
    [
        pytest.param([], 'has no list "providers"', id="a-list"),
        pytest.param({}, 'has no list "providers"', id="empty"),
        pytest.param({"providers": {}}, 'has no list "providers"', id="providers-is-a-mapping"),
        pytest.param({"providers": ["openai"]}, "provider number 1 has no id", id="a-string"),
        pytest.param({"providers": [{"id": "a"}, {"id": ""}]}, "number 2 has no id", id="empty-id"),
        pytest.param({"providers": [{"id": 5}]}, "number 1 has no id", id="number-as-id"),
        pytest.param(
            {"providers": [{"id": "a"}, {"id": "b"}, {"id": "a"}]},
            "lists the provider id 'a' twice",
            id="duplicate-id",
        ),
        pytest.param(
            {"providers": [{"id": "\n\x1b[2J"}, {"id": "\n\x1b[2J"}]},
            "twice",
            id="duplicate-id-with-controls",
        ),
        pytest.param(
            {"providers": [{"id": "\ud800"}, {"id": "\\ud800"}]}, "twice", id="ids-that-collide"
        ),
    ],
)
def test_file_that_is_no_registry_is_a_clear_error(write_json, document, what):
    """A registry without a list, ids, or with an id twice is refused by name."""
    path = write_json(document)
    with refused(InputError, what, path):
        load_registry(path)


@given(JSON)
@settings(deadline=None)
def test_any_json_is_a_registry_or_a_clear_error(document):
    """Nothing but AtomlabError is raised for any JSON value."""
    with tempfile.TemporaryDirectory() as folder:
        for content in (document, {"providers": document}, {"providers": [document]}):
            path = Path(folder, "byok_config.json")
            path.write_text(json.dumps(content))
            providers = loaded(load_registry, path) or ()
            assert len({p.id for p in providers}) == len(providers)
