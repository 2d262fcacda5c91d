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
from atomlab.evidence.inputs.pricing import (
    COLUMNS,
    DEAREST,
    FLAGS,
    NUMBERS,
    PRICES,
    WINDOWS,
    Pricing,
    chat_of,
    load_pricing,
    pricing_columns,
)
from tests.conftest import ROOT
from tests.examples import examples
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
            {"id": "vendor/auto", "pricing": {"prompt": "-1", "completion": "free"}},
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
    assert second["input_cost_per_token"] == -1  # as the platform keeps it
    assert math.isnan(second["output_cost_per_token"])
    assert json.loads(second["malformed"]) == ["output_cost_per_token"]


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
        pytest.param(b'{"data": [{"id": "a"}, {}]}', "entry 2 of the list has no id", id="no-id"),
        pytest.param(b'{"data": [5]}', "entry 1 of the list has no id", id="no-object"),
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
    """What is not a price file is refused with the file's name and what is wrong with it."""
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
    """Whatever stands in an entry, its numbers are finite, or unknown."""
    frame = load_bytes(json.dumps({"pricing": models}).encode()).frame
    for name in NUMBERS:
        assert all(map(math.isfinite, frame[name].dropna()))


@given(st.binary(max_size=200), st.booleans())
@settings(deadline=None)
def test_any_bytes_are_prices_or_a_clear_error(content, gzipped):
    """Random bytes never raise anything but AtomlabError."""
    pricing = loaded(load_bytes, b"\x1f\x8b" + content if gzipped else content)
    assert pricing is None or len(pricing) == 0


@given(st.data())
@examples(50)
def test_truncated_gzip_is_a_clear_error(data):
    """A gzipped price file that was cut anywhere is refused."""
    whole = gzip.compress(json.dumps({"pricing": {"a/b": {"max_tokens": 5}}}).encode())
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(InputError) as caught:
        load_bytes(whole[:cut])
    assert is_one_line(str(caught.value))


def test_warnings_count_and_name_what_the_replay_guesses(write_json):
    """Unpriced, windowless and malformed models are counted, with up to three examples."""
    good = {"input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6, "max_tokens": 9}
    document = {
        "good": good,
        "half-priced": {**good, "output_cost_per_token": math.nan},
        "paying": {**good, "input_cost_per_token": -1},
        "windowless": {**good, "max_tokens": 0},
    }
    assert load_pricing(write_json(document)).warnings() == [
        "1 of 4 models with no known price; the platform reads 0 and ranks them first"
        " (for example half-priced)",
        "1 of 4 models with a price below 0; the platform keeps it and ranks them first"
        " (for example paying)",
        "1 of 4 models with no known context window; the platform reads 0 and rejects them"
        " (for example windowless)",
        "1 of 4 models with fields that are no usable number or flag, taken as unknown"
        " (for example half-priced)",
    ]


# What an entry breaks the platform's ranking by.
BREAKS = [
    pytest.param({}, None, id="nothing-said"),
    pytest.param({"litellm_provider": "openai", "input_cost_per_token": 1e-6}, None, id="sound"),
    pytest.param({"litellm_provider": None}, ["litellm_provider"], id="null-provider"),
    pytest.param({"litellm_provider": 7}, ["litellm_provider"], id="number-for-a-provider"),
    pytest.param({"litellm_provider": ""}, None, id="empty-provider"),
    pytest.param({"input_cost_per_token": None}, ["input_cost_per_token"], id="null-price"),
    pytest.param({"output_cost_per_token": None}, ["output_cost_per_token"], id="null-output"),
    pytest.param({"output_cost_per_token": "3e-7"}, ["output_cost_per_token"], id="numeral"),
    pytest.param({"input_cost_per_token": []}, ["input_cost_per_token"], id="list-for-a-price"),
    pytest.param({"input_cost_per_token": True}, None, id="true-is-1"),
    pytest.param({"input_cost_per_token": -1}, None, id="below-0"),
    pytest.param({"input_cost_per_token": math.nan}, None, id="nan-is-a-number"),
    pytest.param({"max_input_tokens": "9000"}, ["max_input_tokens"], id="text-for-a-window"),
    pytest.param({"max_input_tokens": {"n": 1}}, ["max_input_tokens"], id="object"),
    pytest.param({"max_input_tokens": "9", "max_tokens": "9"}, ["max_input_tokens"], id="first"),
    pytest.param({"max_input_tokens": 9000, "max_tokens": "9"}, None, id="second-is-not-read"),
    pytest.param({"max_input_tokens": 0, "max_tokens": "9"}, ["max_tokens"], id="second-is-read"),
    pytest.param({"max_input_tokens": None, "max_tokens": 9}, None, id="null-is-no-window"),
    pytest.param({"max_input_tokens": "", "max_tokens": []}, None, id="both-are-false"),
    pytest.param({"max_output_tokens": "many", "mode": None}, None, id="nobody-reads-it"),
    pytest.param(
        {"max_tokens": "9", "output_cost_per_token": None, "litellm_provider": None},
        ["litellm_provider", "output_cost_per_token", "max_tokens"],
        id="all-in-order",
    ),
]


@pytest.mark.parametrize("as_cache", [True, False], ids=["atom-cache", "litellm-map"])
@pytest.mark.parametrize(("entry", "fields"), BREAKS)
def test_an_entry_tells_by_which_fields_it_breaks_the_ranking(write_json, entry, fields, as_cache):
    """Null or other types where the platform reads text or a number, and what is missing not."""
    models = {"m": entry, "other": {"max_tokens": 9}}
    pricing = load_pricing(write_json({"pricing": models} if as_cache else models))
    assert pricing.columns["breaks"] == [json.dumps(fields) if fields else None, None]
    assert pricing.breaks == ({0: tuple(fields)} if fields else {})


@given(
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            ("litellm_provider", *PRICES, *WINDOWS),
            JSON | st.sampled_from(["openai", "", 0, 5000, 2e-6, "9", None]),
        ),
    )
)
@settings(deadline=None)
def test_what_breaks_the_ranking_is_what_python_cannot_rank(entry):
    """The platform's own steps, done to the entry, fail exactly at the fields that are named."""

    def fails(step):
        try:
            step()
        except (AttributeError, TypeError):
            return True
        return False

    provider = entry.get("litellm_provider", "")
    prices = {name: entry.get(name, 0) for name in PRICES}
    most, fallback = (entry.get(name, 0) for name in WINDOWS)
    expected = ["litellm_provider"] if fails(lambda: str.lower(provider)) else []
    expected += [name for name, price in prices.items() if fails(lambda p=price: (p + 0.0) / 2)]
    if fails(lambda: (most or fallback or 0) >= 4000):
        expected.append("max_input_tokens" if most else "max_tokens")
    pricing = load_bytes(json.dumps({"pricing": {"m": entry}}).encode())
    assert pricing.breaks == ({0: tuple(expected)} if expected else {})


def test_nothing_of_openrouters_list_breaks_the_ranking(write_json):
    """What its loader parses is a number, or missing."""
    models = [
        {"id": "a/free", "pricing": {"prompt": None}, "context_length": "9000"},
        {"id": "a/nothing"},
    ]
    assert load_pricing(write_json({"data": models})).columns["breaks"] == [None, None]


def test_warnings_say_first_whose_ranking_is_broken(write_json):
    """A provider breaks it for everybody, a number for whoever has a client for the model."""
    good = {"input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6, "max_tokens": 9}
    document = {
        "good": {**good, "litellm_provider": "openai"},
        "nobody's": {**good, "litellm_provider": None},
        **{f"null-{n}": {**good, "input_cost_per_token": None} for n in range(4)},
        "prose": {**good, "max_tokens": "many", "litellm_provider": None},
    }
    first, second, *_ = load_pricing(write_json(document)).warnings()
    assert first == (
        "2 of 7 models with a litellm_provider that is null or no text; one makes the platform's"
        " ranking fail for every tenant (for example nobody's, prose)"
    )
    assert second == (
        "5 of 7 models with a price that is null or no number, or text for a window; one makes the"
        " platform's ranking fail for every tenant whose client serves it"
        " (for example null-0, null-1, null-2)"
    )


def test_the_legend_of_the_real_map_breaks_a_ranking_and_is_no_warning(real_prices):
    """Its windows are prose, in every such map; a client that serves it nobody has."""
    pricing = load_pricing(real_prices)
    ids = pricing.columns["model_id"]
    assert {ids[place]: fields for place, fields in pricing.breaks.items()} == {
        "sample_spec": ("max_input_tokens",)
    }
    assert not any("ranking fail" in warning for warning in pricing.warnings())


@pytest.mark.parametrize(
    ("price", "as_cache", "as_map"),
    [
        pytest.param({}, True, True, id="missing"),
        pytest.param({"input_cost_per_token": 1e-6}, True, True, id="one-missing"),
        pytest.param(dict.fromkeys(PRICES, 0), True, False, id="zero"),
        pytest.param(dict(zip(PRICES, (1e-6, 0), strict=True)), True, False, id="one-zero"),
        pytest.param(dict.fromkeys(PRICES, 1e-6), False, False, id="known"),
        pytest.param(dict.fromkeys(PRICES, -1), True, True, id="below-zero"),
        pytest.param(dict.fromkeys(PRICES, math.inf), True, True, id="infinite"),
    ],
)
def test_a_price_of_zero_is_unknown_in_atoms_own_cache(write_json, price, as_cache, as_map):
    """There it stands for a missing one, too; anywhere else it is a price."""
    entry = {"max_tokens": 9, **price}
    cache, other = {"pricing": {"m": entry}}, {"m": entry}
    assert load_pricing(write_json(cache)).price_unknown.tolist() == [as_cache]
    assert load_pricing(write_json(other)).price_unknown.tolist() == [as_map]


@pytest.mark.parametrize("as_cache", [True, False], ids=["atom-cache", "litellm-map"])
@pytest.mark.parametrize(("most", "fallback"), [(0, 0), (0, 9), (9, 0), (9, 8), (-1, 9), (0, -1)])
def test_a_window_is_read_as_the_platform_does_and_unknown_if_zero(
    write_json, most, fallback, as_cache
):
    """`max_input_tokens or max_tokens or 0`: what is below 0 is a window, if a bad one."""
    models = {"m": {"max_input_tokens": most, "max_tokens": fallback}}
    pricing = load_pricing(write_json({"pricing": models} if as_cache else models))
    assert pricing.window.tolist() == [most or fallback or 0]
    assert pricing.window_unknown.tolist() == [(most or fallback) == 0]


def test_the_real_map_as_atoms_cache_warns_of_what_it_does_as_a_map(real_map, write_json):
    """Its loader writes 0 for what is missing: unknown there is that, and every 0 of the map."""
    as_map = load_pricing(write_json(real_map))
    cache = {m: {**e, **{n: e.get(n, 0) for n in NUMBERS}} for m, e in real_map.items()}
    as_cache = load_pricing(write_json({"pricing": cache}))
    lacking, stated = (
        [test(entry.get(name) for name in PRICES) for entry in real_map.values()]
        for test in (lambda prices: None in prices, lambda prices: 0 in [*prices])
    )
    assert sum(lacking) == 472
    assert as_map.price_unknown.tolist() == lacking
    both = [any(each) for each in zip(lacking, stated, strict=True)]
    assert as_cache.price_unknown.tolist() == both
    assert as_cache.window_unknown.tolist() == as_map.window_unknown.tolist()
    (price, *others), (known, *same) = as_cache.warnings(), as_map.warnings()
    assert others == same
    assert known.startswith("472 of 2,690 models with no known price; ")
    assert price.startswith(
        f"{sum(both):,} of 2,690 models with no known price (in ATOM's own cache 0 may mean"
        " unknown, or free); "
    )


def test_the_real_map_in_dollars_per_million_is_noticed(real_map, write_json):
    """As it stands it is not, though eleven of its models are dear by mistake."""
    per_million = {
        model: {n: v * 1e6 if "_cost_" in n else v for n, v in entry.items()}
        for model, entry in real_map.items()
    }
    told, *_ = load_pricing(write_json(per_million)).warnings()
    number = sum(
        max(float(entry.get(name, 0)) for name in PRICES) > DEAREST
        for entry in per_million.values()
        if chat_of(entry.get("mode")) is not False
    )
    assert told.startswith(f"{number:,} of 2,690 models with prices that look like dollars per mil")
    as_it_is = load_pricing(write_json(real_map))
    assert sum(as_it_is.too_dear) == 11
    assert not any("per million" in warning for warning in as_it_is.warnings())


@pytest.mark.parametrize(
    ("prices", "mode", "told"),
    [
        pytest.param([2.5] + [1e-6] * 99, "chat", 1, id="one-of-a-hundred-at-dollars"),
        pytest.param([0.5] + [1e-6] * 99, "chat", 0, id="one-of-a-hundred-at-cents"),
        pytest.param([0.5] * 10 + [1e-6] * 90, "chat", 10, id="a-tenth-at-cents"),
        pytest.param([0.5] + [0] * 99, "chat", 1, id="what-is-free-tells-no-unit"),
        pytest.param([0.02], None, 1, id="mode-unknown"),
        pytest.param([0.02], "image_generation", 0, id="an-image-may-cost-cents"),
        pytest.param([6e-4], "responses", 0, id="dear-is-possible"),
        pytest.param([0, 0], "chat", 0, id="free"),
    ],
)
def test_prices_that_can_only_be_per_million_are_told(write_json, prices, mode, told):
    """A good share above a cent per token, or any above a dollar; of models for chat."""
    models = {
        f"m{n}": {"input_cost_per_token": 0, "output_cost_per_token": price, "mode": mode}
        for n, price in enumerate(prices)
    }
    warnings = [w for w in load_pricing(write_json(models)).warnings() if "per million" in w]
    expected = f"{told} of {len(prices)} model"
    assert [w.startswith(expected) for w in warnings] == ([True] if told else [])


@pytest.mark.parametrize(
    ("mode", "chat"),
    [
        pytest.param("chat", True, id="chat"),
        pytest.param("responses", None, id="another-api"),
        pytest.param(None, None, id="none"),
        pytest.param("", None, id="empty"),
        pytest.param("one of: chat, embedding", None, id="prose"),
        *((mode, False) for mode in ("audio_speech", "moderation", "moderations", "embedding")),
    ],
)
def test_a_mode_tells_whether_a_model_can_chat(mode, chat):
    """What nobody knows is not decided."""
    assert chat_of(mode) is chat


def test_every_mode_of_the_real_map_is_known(real_map):
    """Of 2,690 models those are undecided that say nothing, or are behind the responses API."""
    modes = {entry.get("mode") for model, entry in real_map.items() if model != "sample_spec"}
    assert {mode for mode in modes if chat_of(mode) is None} == {None, "responses"}
    assert {mode for mode in modes if chat_of(mode)} == {"chat"}


def test_rows_give_back_every_column(real_prices, write_json):
    """As a database stores them, also what breaks the ranking or is malformed."""
    odd = {"null": {"litellm_provider": None, "input_cost_per_token": "x", "mode": "chat"}}
    for path in (real_prices, write_json(odd)):
        pricing = load_pricing(path)
        again = Pricing(pricing_columns(pricing.rows()), pricing.format)
        assert tuple(again.columns) == COLUMNS
        assert again.frame.equals(pricing.frame)
        assert again.breaks == pricing.breaks


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
    windows = sum(
        all(not isinstance(w, int | float) or w == 0 for w in (entry.get(n) for n in WINDOWS))
        for entry in real_map.values()
    )
    assert unpriced.startswith(f"{prices:,} of 2,690 models with no known price")
    assert windowless.startswith(f"{windows:,} of 2,690 models with no known context window")
    assert "sample_spec" in malformed


def test_a_null_price_breaks_and_is_not_read_as_0(write_json):
    """What makes the ranking fail is not said to look free as well."""
    entry = {"input_cost_per_token": None, "output_cost_per_token": 1e-6, "max_tokens": 9_000}
    told = load_pricing(write_json({"pricing": {"gpt-4": entry}})).warnings()
    assert any("null" in line for line in told)
    assert not any("no known price" in line for line in told)


@pytest.mark.parametrize(
    "model",
    [
        "perplexity/pplx-embed-v1-large",
        "xai-grok-4-fast-non-reasoning",
        "hf_meta_llama_3_instruct_8b",
        "ft:gpt-4o-mini-2024-07-18:org::abc",
        "vertex_ai/claude-3-5-sonnet@20240620",
        "openrouter/qwen/qwen3-coder:free",
        "fw_accounts_fireworks_models_x",
    ],
)
def test_a_models_name_is_not_taken_for_a_key(tmp_path, model):
    """Names begin as vendors' keys do; nobody drew them by chance."""
    path = tmp_path / "prices.json"
    path.write_text(json.dumps({model: {"litellm_provider": "x"}}))
    assert load_pricing(path).columns["model_id"] == [model]


@pytest.mark.attack("4 secrets beside the settings, mistyped sources")
@pytest.mark.parametrize(
    ("source", "kept"),
    [
        ("https://prices.example.org/v1/model_prices_and_context_window_backup.json", True),
        ("https://hooks.example.org/services/T00/B00/QwErTyUiOpAsDfGhJkLz", False),
        (f"https://prices.example.org/{'a-/' * 700}", False),
        (f"https://prices.example.org/{'b' * 3_000_000}", False),
    ],
)
def test_of_where_prices_come_from_no_key_in_the_path_is_kept(write_json, source, kept):
    """Nor one of millions of characters, of which no snapshot could be made."""
    loaded = load_pricing(write_json({"pricing": {}, "source": source}))
    assert loaded.source == (source if kept else "withheld")
