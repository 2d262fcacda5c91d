"""Defects: what a tenant's rows show of what was meant, and what they do not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomlab.diagnosis.defects import find_defects
from atomlab.evidence.inputs.registry import Provider
from atomlab.evidence.redaction import STATES, USABLE
from tests.small import small_platform

# minimax and minimax_2_7 declare one variable; lux declares one that no provider's name gives;
# tavily is not an LLM provider.
REGISTRY = (
    Provider("openai", "OPENAI_API_KEY"),
    Provider("groq", "GROQ_API_KEY"),
    Provider("lux", "LUX_MODEL_API_KEY"),
    Provider("tavily", "TAVILY_API_KEY"),
    Provider("minimax", "MINIMAX_API_KEY"),
    Provider("minimax_2_7", "MINIMAX_API_KEY"),
    Provider("nameless"),
)
ALLOWED = tuple(p.id for p in REGISTRY if p.id != "tavily")
SITE = small_platform(
    [f"{p}/gpt-5" for p in ("openai", "groq", "lux", "tavily", "minimax", "cohere", "yoda")],
    REGISTRY,
    llm_providers=ALLOWED,
)


def defects(*keys, site=SITE, tokens=None, **rows):
    """Return the defects of rows by name, those in `keys` with a usable value."""
    return find_defects({**dict.fromkeys(keys, "present"), **rows}, site, tokens)


def told(found):
    """Return of each defect its code, provider, and the row that holds the key."""
    return [(d.code, d.provider, d.copy_from) for d in found]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param({}, [], id="no-row"),
        pytest.param({"OPENAI_API_KEY": "present"}, [], id="usable"),
        pytest.param({"OPENAI_API_KEY": "ciphertext"}, [], id="encrypted"),
        pytest.param({"OPENAI_API_KEY": "blank"}, [], id="blank-makes-a-client"),
        pytest.param({"OPENAI_API_KEY": "null"}, [("key-empty", "openai", None)], id="null"),
        pytest.param({"OPENAI_API_KEY": "empty"}, [("key-empty", "openai", None)], id="empty"),
        pytest.param(
            {"OPENAI_API_KEY": "placeholder"},
            [("key-placeholder", "openai", None)],
            id="placeholder",
        ),
        pytest.param(
            {"MINIMAX_2_7_API_KEY": "present"},
            [("key-under-alias", "minimax", "MINIMAX_2_7_API_KEY")],
            id="the-incident",
        ),
        pytest.param(
            {"MINIMAX_2_7_API_KEY": "null"},
            [("key-empty", "minimax_2_7", None)],
            id="an-alias-without-a-value",
        ),
        pytest.param(
            {"MINIMAX_API_KEY": "present"},
            [("key-under-alias", "minimax_2_7", "MINIMAX_API_KEY")],
            id="the-incident-turned",
        ),
        pytest.param(
            {"MINIMAX_API_KEY": "present", "MINIMAX_2_7_API_KEY": "present"}, [], id="both-rows"
        ),
        pytest.param(
            {"MINIMAX_API_KEY": "empty", "MINIMAX_2_7_API_KEY": "present"},
            [("key-empty", "minimax", "MINIMAX_2_7_API_KEY")],
            id="an-empty-row-beside-the-alias",
        ),
        pytest.param(
            {"LUX_MODEL_API_KEY": "present"},
            [("key-under-alias", "lux", "LUX_MODEL_API_KEY")],
            id="under-the-declared-variable",
        ),
        pytest.param(
            {"openai_api_key": "present"},
            [("key-misnamed", "openai", "openai_api_key")],
            id="lower-case",
        ),
        pytest.param(
            {"OPENAI-API-KEY": "ciphertext"},
            [("key-misnamed", "openai", "OPENAI-API-KEY")],
            id="hyphens",
        ),
        pytest.param(
            {"OPEN AI_API_KEY": "present"},
            [("key-misnamed", "openai", "OPEN AI_API_KEY")],
            id="a-space-inside",
        ),
        pytest.param(
            {"OPENAI": "present"}, [("key-misnamed", "openai", "OPENAI")], id="without-api-key"
        ),
        pytest.param(
            {"lux_model_api_key": "present"},
            [("key-misnamed", "lux", "lux_model_api_key")],
            id="nearly-the-declared-variable",
        ),
        pytest.param({"openai_api_key": "empty"}, [], id="a-near-miss-without-a-value"),
        pytest.param(
            {"openai_api_key": "present", "OPENAI_API_KEY": "present"}, [], id="beside-the-row"
        ),
        pytest.param(
            {"openai_api_key": "present", "OPENAI_API_KEY": "empty"},
            [("key-empty", "openai", None)],
            id="beside-the-empty-row",
        ),
        pytest.param(
            {"TAVILY_API_KEY": "present"}, [("provider-not-llm", "tavily", None)], id="not-allowed"
        ),
        pytest.param({"TAVILY_API_KEY": "empty"}, [], id="not-allowed-and-empty"),
        pytest.param({"tavily_api_key": "present"}, [], id="not-allowed-and-misnamed"),
        pytest.param(
            {"COHERE_API_KEY": "present"}, [("provider-unknown", "cohere", None)], id="unknown"
        ),
        pytest.param({"COHERE_API_KEY": "null"}, [], id="unknown-without-a-value"),
        pytest.param({"COHERE_TOKEN_OF_MINE": "present"}, [], id="no-key"),
        pytest.param({"_API_KEY": "present"}, [], id="of-nobody"),
        pytest.param(
            {"YODA_API_KEY": "present", "COHERE_API_KEY": "present", "GROQ_API_KEY": "empty"}
            | {"MINIMAX_2_7_API_KEY": "present", "OPENAI": "present"},
            [
                ("key-misnamed", "openai", "OPENAI"),
                ("key-empty", "groq", None),
                ("key-under-alias", "minimax", "MINIMAX_2_7_API_KEY"),
                ("provider-unknown", "cohere", None),
                ("provider-unknown", "yoda", None),
            ],
            id="several-in-registry-order-unknown-ones-last",
        ),
    ],
)
def test_what_rows_show_of_what_was_meant(rows, expected):
    """A row that is empty, under another name, or of a provider that counts for nothing."""
    assert told(defects(**rows)) == expected


@given(st.dictionaries(st.sampled_from([p.setting_key for p in REGISTRY]), st.sampled_from(STATES)))
def test_a_defect_is_about_a_row_that_makes_no_client(rows):
    """It names the row that the platform reads, and copies only what the tenant can use."""
    found = find_defects(rows, SITE)
    assert len({d.provider for d in found}) == len(found)
    order = [p.id for p in REGISTRY]
    assert [d.provider for d in found] == sorted((d.provider for d in found), key=order.index)
    for defect in found:
        state = rows.get(defect.setting_key, "missing")
        assert defect.setting_key == f"{defect.provider.upper()}_API_KEY"
        assert (state in USABLE) == (defect.code == "provider-not-llm")
        assert (state == "missing") == (defect.code == "key-under-alias")
        assert (state == "placeholder") == (defect.code == "key-placeholder")
        assert (state in ("null", "empty")) == (defect.code == "key-empty")
        assert (defect.provider not in ALLOWED) == (defect.code == "provider-not-llm")
        if defect.copy_from is not None:
            assert rows[defect.copy_from] in USABLE
            assert {defect.provider, "minimax", "minimax_2_7"} == {"minimax", "minimax_2_7"}


def test_a_provider_that_only_the_registry_lost_is_unknown():
    """Its own row is not a near miss of an alias that declares the same variable."""
    suffixed = Provider("minimax_2_7", "MINIMAX_API_KEY")
    for models, expected in (
        (["minimax/gpt-5"], [("provider-unknown", "minimax", None)]),
        (["other/gpt-5"], []),
    ):
        site = small_platform(models, [suffixed])
        found = defects("MINIMAX_API_KEY", "MINIMAX_2_7_API_KEY", site=site)
        assert told(found) == expected


def test_of_rows_that_mean_one_unknown_provider_the_exact_one_is_told():
    """Were the provider registered, the platform would read the exact name."""
    for rows in (["COHERE_API_KEY", "CO-HERE_API_KEY"], ["COHERE._API_KEY", "COHERE_API_KEY"]):
        found = {d.provider: d for d in defects(*rows)}
        assert found["cohere"].setting_key == "COHERE_API_KEY"
        assert found["cohere"].code == "provider-unknown"


@pytest.mark.parametrize(
    ("rows", "source", "others"),
    [
        ({"OPENAI": "present", "openai_api_key": "present"}, "OPENAI", ("openai_api_key",)),
        ({"OPENAI": "present", "openai_api_key": "blank"}, "OPENAI", ()),
        ({"OPENAI": "present", "openai_api_key": "empty"}, "OPENAI", ()),
        (
            {"OPEN AI": "present", "OPENAI": "ciphertext", "openai_key": "present"},
            "OPENAI",
            ("openai_key", "OPEN AI"),
        ),
    ],
    ids=["two", "spaces-only", "without-a-value", "nearest-first"],
)
def test_rows_that_would_do_as_well_are_told(rows, source, others):
    """One is copied, the others that hold a key are named, the nearest name first."""
    [found] = defects(**rows)
    assert (found.copy_from, found.others) == (source, others)
    assert sum("would do as well as" in sentence for sentence in found.evidence) == bool(others)


@pytest.mark.parametrize(
    ("states", "tokens", "told_of_it"),
    [
        (("present", "present"), ("1", "1"), "row 'openai' (the same value) would do"),
        (("present", "present"), ("1", "2"), "row 'openai' (another value) would do"),
        (("ciphertext", "present"), ("1", "2"), "row 'openai' (encrypted, cannot be compared)"),
        (("present", "ciphertext"), ("1", "2"), "row 'openai' (encrypted, cannot be compared)"),
        (("ciphertext", "ciphertext"), ("1", "1"), "row 'openai' (the same value) would do"),
        (("present", "present"), ("1",), "row 'openai' would do"),
    ],
    ids=["same", "other", "first-encrypted", "second-encrypted", "same-ciphertext", "no-token"],
)
def test_whether_rows_hold_one_value_is_told_where_it_can_be_seen(states, tokens, told_of_it):
    """Equal fingerprints are one value; a key that was encrypted twice has two."""
    names = ("OPENAI", "openai")
    [found] = defects(
        **dict(zip(names, states, strict=True)), tokens=dict(zip(names, tokens, strict=False))
    )
    assert told_of_it in found.evidence[-1]
    assert found.evidence[-1].endswith(" would do as well as 'OPENAI'")


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (
            {"OPENAI_API_KEY": "null"},
            ["row OPENAI_API_KEY exists, its value is null; a usable key is required"],
        ),
        (
            {"TAVILY_API_KEY": "ciphertext"},
            [
                "row TAVILY_API_KEY holds a usable key (ciphertext)",
                "tavily is in the registry, but not on the LLM allow-list of hosted-2026-05",
            ],
        ),
        (
            {"MINIMAX_2_7_API_KEY": "present"},
            [
                "the tenant has no row MINIMAX_API_KEY, which the platform looks for",
                "row MINIMAX_2_7_API_KEY holds a usable key (present)",
                "the registry declares MINIMAX_API_KEY for minimax as well",
            ],
        ),
        (
            {"openai_api_key": "ciphertext"},
            [
                "the tenant has no row OPENAI_API_KEY, which the platform looks for",
                "row 'openai_api_key' holds a usable key (ciphertext) under a similar name",
                "how it differs: other capitals, spaces or separators",
            ],
        ),
        (
            {"COHERE_API_KEY": "present"},
            ["row COHERE_API_KEY holds a usable key", "the registry has no provider cohere"],
        ),
    ],
    ids=["empty", "not-llm", "alias", "misnamed", "unknown"],
)
def test_the_evidence_names_rows_and_registry(rows, expected):
    """What was observed, what was required, and where."""
    [found] = defects(**rows)
    assert list(found.evidence) == expected
