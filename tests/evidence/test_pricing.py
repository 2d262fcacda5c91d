"""The three price formats, and numbers that are none."""

from __future__ import annotations

import gzip
import json
import math
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atomlab.errors import InputError
from atomlab.evidence.pricing import COLUMNS, FLAGS, NUMBERS, load_pricing
from tests.conftest import ROOT
from tests.refusals import is_one_line, loaded, refused
from tests.worlds import ODD_FLAGS, ODD_NUMBERS

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["pricing", "data", "id", "providers", "model_id"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["pricing", "data", "id", "providers", "model_id", "mode", "\ud800"])
            | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


def load_bytes(content):
    """Return the pricing in a file with this content."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "prices.json")
        path.write_bytes(content)
        return load_pricing(path)


@pytest.mark.parametrize(
    ("document", "kind", "expected"),
    [
        pytest.param(
            {"pricing": {"a/b": {"max_tokens": 5}}, "last_fetch": "2026-05-02", "source": "x"},
            "atom-cache",
            ("x", "2026-05-02"),
            id="atom-cache",
        ),
        pytest.param({"a/b": {"max_tokens": 5}}, "litellm-map", (None, None), id="litellm-map"),
        pytest.param(
            {"data": [{"id": "a/b", "context_length": 5}]},
            "openrouter-list",
            (None, None),
            id="openrouter-list",
        ),
    ],
)
@pytest.mark.parametrize("gzipped", [False, True], ids=["plain", "gzipped"])
def test_each_format_is_recognized_by_its_shape(tmp_path, document, kind, expected, gzipped):
    """The three formats are told apart, gzipped or not, whatever the file is called."""
    path = tmp_path / "prices.any"
    content = json.dumps(document).encode()
    path.write_bytes(gzip.compress(content) if gzipped else content)
    pricing = load_pricing(path)
    assert (pricing.format, pricing.source, pricing.last_fetch) == (kind, *expected)
    assert pricing.frame["model_id"].tolist() == ["a/b"]


def test_openrouter_entries_become_entries_of_the_cache(write_json):
    """OpenRouter's strings, windows and parameters land in the cache's fields."""
    document = {
        "data": [
            {
                "id": "vendor/model",
                "context_length": 32768,
                "pricing": {"prompt": "0.000001", "completion": "0.000002"},
                "top_provider": {"max_completion_tokens": 4096},
                "supported_parameters": ["tools", "temperature"],
            },
            {"id": "vendor/auto", "pricing": {"prompt": "-1", "completion": "-1"}},
        ]
    }
    first, second = load_pricing(write_json(document)).frame.to_dict("records")
    assert {name: first[name] for name in (*NUMBERS, "supports_tools", "litellm_provider")} == {
        "input_cost_per_token": 1e-6,
        "output_cost_per_token": 2e-6,
        "max_input_tokens": 32768,
        "max_tokens": pytest.approx(math.nan, nan_ok=True),
        "max_output_tokens": 4096,
        "supports_tools": 1.0,
        "litellm_provider": "openrouter",
    }
    assert math.isnan(second["input_cost_per_token"])
    assert json.loads(second["malformed"]) == ["input_cost_per_token", "output_cost_per_token"]


@pytest.mark.parametrize("field", NUMBERS)
@pytest.mark.parametrize(("raw", "meaning"), ODD_NUMBERS, ids=lambda x: repr(x)[:20])
def test_odd_number_is_its_meaning_or_unknown(write_json, field, raw, meaning):
    """A number that is none is unknown and named as malformed; a numeral in a string counts."""
    [row] = load_pricing(write_json({"m": {field: raw}})).frame.to_dict("records")
    if meaning is None:
        assert math.isnan(row[field])
        assert row["malformed"] == (None if raw is None else json.dumps([field]))
    else:
        assert row[field] == meaning
        assert row["malformed"] is None


@pytest.mark.parametrize(("raw", "meaning"), ODD_FLAGS, ids=lambda x: repr(x))
@pytest.mark.parametrize("field", sorted({*FLAGS, *FLAGS.values()}))
def test_odd_flag_is_true_false_or_unknown(write_json, field, raw, meaning):
    """Only true and false are flags, under ATOM's name or LiteLLM's."""
    ours = next(name for name, other in FLAGS.items() if field in (name, other))
    [row] = load_pricing(write_json({"m": {field: raw}})).frame.to_dict("records")
    assert row[ours] == pytest.approx(math.nan if meaning is None else float(meaning), nan_ok=True)
    assert (row["malformed"] is None) == (raw is None or meaning is not None)


@pytest.mark.parametrize("entry", [None, 5, "text", [], True], ids=repr)
def test_entry_that_is_no_object_is_a_model_of_unknowns(write_json, entry):
    """A model whose entry is unusable is still a model, flagged."""
    frame = load_pricing(write_json({"pricing": {"m": entry}})).frame
    assert frame["model_id"].tolist() == ["m"]
    assert frame["malformed"].tolist() == ['["entry"]']


@pytest.mark.parametrize(
    ("content", "what"),
    [
        pytest.param(b"", "is not JSON", id="zero-bytes"),
        pytest.param(b"{}", "no prices in a known format", id="empty-object"),
        pytest.param(b"[]", "no prices in a known format", id="empty-list"),
        pytest.param(b"null", "no prices in a known format", id="null"),
        pytest.param(b'{"pricing": []}', "no prices in a known format", id="pricing-is-a-list"),
        pytest.param(b'{"a": 1, "b": "c"}', "no prices in a known format", id="numbers-only"),
        pytest.param(
            (ROOT / "data" / "postmortem" / "findings.json").read_bytes(),
            "no prices in a known format",
            id="findings",
        ),
        pytest.param(b'{"pricing": {"a": ', "is not JSON", id="cut-off"),
        pytest.param(b"model,price\na,1\n", "is not JSON", id="csv"),
        pytest.param(b"\x80\x81\x82", "is not UTF-8", id="binary"),
        pytest.param(b'{"data": [{"id": "a"}, {}]}', "entry 2 of data has no id", id="no-id"),
        pytest.param(b'{"data": [5]}', "entry 1 of data has no id", id="no-object"),
        pytest.param(b"[" * 100_000, "is not JSON", id="deeply-nested"),
        pytest.param(
            b'{"m": {"max_tokens": ' + b"9" * 5000 + b"}}", "is not JSON", id="5000-digits"
        ),
        pytest.param(gzip.compress(b'{"pricing": {}}')[:-9], "cannot be read", id="gzip-cut-off"),
        pytest.param(b"\x1f\x8b" + b"garbage" * 9, "cannot be read", id="gzip-garbage"),
        pytest.param(
            rb'{"\ud800": {"mode": "chat"}, "\\ud800": {}}',
            "two models of one id",
            id="ids-that-collide",
        ),
    ],
)
def test_file_without_prices_is_a_clear_error(tmp_path, content, what):
    """What is no price file is refused with the file's name and what is wrong with it."""
    path = tmp_path / "prices.json"
    path.write_bytes(content)
    with refused(InputError, what, path):
        load_pricing(path)


def test_missing_file_and_folder_are_clear_errors(tmp_path):
    """A path that leads nowhere, or to a folder, is refused."""
    with refused(InputError, "no such file", tmp_path / "none.json"):
        load_pricing(tmp_path / "none.json")
    with refused(InputError, "cannot be read (Is a directory)", tmp_path):
        load_pricing(tmp_path)


@pytest.mark.parametrize("document", [{"pricing": {}}, {"data": []}], ids=["cache", "list"])
def test_cache_that_says_it_is_empty_is_empty(write_json, document):
    """An empty cache is evidence, not an error."""
    pricing = load_pricing(write_json(document))
    assert len(pricing) == 0
    assert tuple(pricing.frame.columns) == COLUMNS
    assert pricing.warnings() == []


@given(JSON)
@settings(deadline=None)
def test_any_json_is_prices_or_a_clear_error(document):
    """Nothing but AtomlabError is raised for any JSON value, and its message is one line."""
    pricing = loaded(load_bytes, json.dumps(document).encode())
    if pricing is not None:
        assert tuple(pricing.frame.columns) == COLUMNS
        assert pricing.frame["model_id"].is_unique
        assert all(is_one_line(warning) for warning in pricing.warnings())


@given(st.dictionaries(st.text(max_size=5), st.dictionaries(st.sampled_from(NUMBERS), JSON)))
@settings(deadline=None)
def test_any_entry_gives_usable_numbers(models):
    """Whatever stands in an entry, its numbers are finite and not negative, or unknown."""
    frame = load_bytes(json.dumps({"pricing": models}).encode()).frame
    for name in NUMBERS:
        known = frame[name].dropna()
        assert (known >= 0).all()
        assert all(map(math.isfinite, known))


@given(st.binary(max_size=200), st.booleans())
@settings(deadline=None)
def test_any_bytes_are_prices_or_a_clear_error(content, gzipped):
    """Random bytes never raise anything but AtomlabError."""
    pricing = loaded(load_bytes, b"\x1f\x8b" + content if gzipped else content)
    assert pricing is None or len(pricing) == 0


@given(st.data())
@settings(max_examples=50, deadline=None)
def test_truncated_gzip_is_a_clear_error(data):
    """A gzipped price file that was cut anywhere is refused."""
    whole = gzip.compress(json.dumps({"pricing": {"a/b": {"max_tokens": 5}}}).encode())
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(InputError) as caught:
        load_bytes(whole[:cut])
    assert is_one_line(str(caught.value))


def test_warnings_count_and_name_what_the_replay_guesses(write_json):
    """Unpriced, windowless and malformed models are counted, with up to three examples."""
    good = {"input_cost_per_token": 1, "output_cost_per_token": 1, "max_tokens": 9}
    document = {
        "good": good,
        "half-priced": {**good, "output_cost_per_token": None},
        "windowless": {**good, "max_tokens": "lots"},
    }
    assert load_pricing(write_json(document)).warnings() == [
        "1 of 3 models with no known price; the platform reads 0 and ranks them first"
        " (for example half-priced)",
        "1 of 3 models with no known context window; the platform reads 0 and rejects them"
        " (for example windowless)",
        "1 of 3 models with fields that are no usable number or flag, taken as unknown"
        " (for example windowless)",
    ]


def test_real_map_is_read_as_it_stands(real_prices, real_map):
    """Every number of the real map is in the frame; what is prose there is unknown and flagged."""
    pricing = load_pricing(real_prices)
    assert pricing.format == "litellm-map"
    for row in pricing.frame.to_dict("records"):
        entry = real_map[row["model_id"]]
        for name in NUMBERS:
            value = entry.get(name)
            if isinstance(value, int | float):
                assert row[name] == value
            else:
                assert math.isnan(row[name])
                assert (value is not None) == (name in (row["malformed"] or ""))


def test_real_map_warns_of_as_many_models_as_lack_a_number(real_prices, real_map):
    """The warnings' counts equal a count over the file."""

    def lacking(test, *names):
        return sum(
            test(not isinstance(entry.get(name), int | float) for name in names)
            for entry in real_map.values()
        )

    unpriced, windowless, malformed = load_pricing(real_prices).warnings()
    prices = lacking(any, "input_cost_per_token", "output_cost_per_token")
    windows = lacking(all, "max_input_tokens", "max_tokens")
    assert unpriced.startswith(f"{prices:,} of 2,690 models with no known price")
    assert windowless.startswith(f"{windows:,} of 2,690 models with no known context window")
    assert "sample_spec" in malformed
