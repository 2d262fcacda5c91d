"""OpenRouter's list of models in the shapes that people have it in."""

from __future__ import annotations

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomlab.errors import InputError
from atomlab.evidence.inputs.openrouter import entries_of, models_of
from atomlab.evidence.inputs.pricing import load_pricing
from tests.refusals import refused

MODELS = [
    {
        "id": "anthropic/claude-sonnet-4",
        "context_length": 200_000,
        "pricing": {"prompt": "0.000003", "completion": "0.000015"},
        "top_provider": {"max_completion_tokens": 64_000},
        "supported_parameters": ["tools", "temperature"],
    },
    {"id": "openrouter/auto", "pricing": {"prompt": "-1", "completion": "free"}},
    {"id": "minimax/minimax-m2", "context_length": None, "supported_parameters": []},
    {"id": "nobody/knows"},
]
BY_ID = {model["id"]: model for model in MODELS[:3]}


def rows_of(path):
    """Return all that is read of a price file."""
    pricing = load_pricing(path)
    return pricing.format, pricing.source, pricing.last_fetch, list(pricing.rows())


@pytest.mark.parametrize(
    ("document", "models"),
    [
        pytest.param(MODELS, MODELS, id="bare"),
        pytest.param({"models": MODELS}, MODELS, id="models"),
        pytest.param({"object": "list", "data": MODELS}, MODELS, id="with-its-kind"),
        pytest.param(BY_ID, MODELS[:3], id="by-id"),
        pytest.param({"data": BY_ID}, MODELS[:3], id="by-id-wrapped"),
        pytest.param(MODELS[0], MODELS[:1], id="one"),
        pytest.param({"data": MODELS[0]}, MODELS[:1], id="one-wrapped"),
    ],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzipped"])
def test_list_in_another_wrapper_is_read_as_the_wrapped_one(tmp_path, document, models, pack):
    """Every column of every model in the same order, and the same format."""
    given_one, wrapped = tmp_path / "given.json", tmp_path / "wrapped.json"
    given_one.write_bytes(pack(json.dumps(document).encode()))
    wrapped.write_text(json.dumps({"data": models}))
    assert rows_of(given_one) == rows_of(wrapped)
    assert len(rows_of(given_one)[3]) == len(models)


FIELDS = st.fixed_dictionaries(
    {"id": st.text(max_size=9)},
    optional={
        "pricing": st.dictionaries(
            st.sampled_from(["prompt", "completion"]), st.floats() | st.text()
        ),
        "context_length": st.none() | st.integers(),
        "top_provider": st.none() | st.just({"max_completion_tokens": 9}),
        "supported_parameters": st.lists(st.sampled_from(["tools", "x"])) | st.none(),
    },
)


@given(st.lists(FIELDS))
def test_bare_list_is_the_wrapped_one_or_unknown(models):
    """Unknown is only one of which no model says anything that OpenRouter does."""
    found = models_of(models)
    if any(len(model) > 1 for model in models):
        assert found == models_of({"data": models}) == models
    else:
        assert found is None


@pytest.mark.parametrize(
    "document",
    [
        pytest.param([], id="empty"),
        pytest.param([{"id": "openai", "api_key_env_var": "OPENAI_API_KEY"}], id="registry"),
        pytest.param([{"model_id": "m", "capabilities": ["chat"]}], id="catalogue"),
        pytest.param(["a/b", 5, None], id="no-objects"),
        pytest.param({"models": []}, id="no-models"),
        pytest.param({"a/b": {**MODELS[0], "id": "c/d"}}, id="under-another-id"),
    ],
)
def test_what_says_nothing_of_prices_names_the_known_shapes(write_json, document):
    """It could be any list: taken for prices, it would make every model of the platform unknown."""
    with refused(InputError, "holds no prices in a known format") as caught:
        load_pricing(write_json(document))
    for shape in ('{"pricing": {…}}', "LiteLLM map", '{"data": [{"id": …}]}', "models alone"):
        assert shape in caught.value.todo


def test_other_formats_stay_what_they_are(write_json):
    """ATOM's cache may have any model and any other field, and a LiteLLM map any id."""
    litellm = {"litellm_provider": "openai", "max_tokens": 9}
    for document, kind in (
        ({"pricing": {"prompt": litellm}}, "atom-cache"),
        ({"pricing": BY_ID, "data": MODELS}, "atom-cache"),
        ({"pricing": {}, "id": "x", "data": []}, "atom-cache"),
        ({"data": litellm, "models": litellm}, "litellm-map"),
        ({"id": litellm}, "litellm-map"),
    ):
        assert load_pricing(write_json(document)).format == kind, document


@pytest.mark.parametrize("models", [[MODELS[0], {}], [MODELS[0], {"id": 5}], [MODELS[0], "x"]])
def test_a_model_without_an_id_is_named_by_its_place(tmp_path, models):
    """In the bare list as in the wrapped one."""
    with refused(InputError, "entry 2 of the list has no id", tmp_path):
        entries_of(models_of(models), tmp_path)
