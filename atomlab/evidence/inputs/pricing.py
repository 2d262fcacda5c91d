"""The pricing cache: which models the platform knows, at what price, with what window.

Three formats are read, plain or gzipped, and recognized by their shape (source: docs/platform.md,
*Pricing cache*): ATOM's own cache `{"pricing": {id: {…}}, "last_fetch": …}`, LiteLLM's map
`{id: {…}}`, and OpenRouter's list `{"data": [{"id": …}]}`, also without what wraps it, as models
by id, or as one of them.

An entry can break the platform's whole ranking (source: docs/platform.md; measured
on the public edition, assumed of the hosted one): `breaks` names the fields at which it does.
"""

from __future__ import annotations

import json
import math
import re
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from sys import intern
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from atomlab import limits
from atomlab.errors import InputError
from atomlab.evidence.inputs import openrouter
from atomlab.evidence.shapes import account, looks_secret, only_modes, only_time
from atomlab.files import read_json
from atomlab.shown import Shown
from atomlab.text import count, listed, storable

if TYPE_CHECKING:
    import pandas as pd

PROVIDER = "litellm_provider"
PRICES = ("input_cost_per_token", "output_cost_per_token")
WINDOWS = ("max_input_tokens", "max_tokens")  # the platform reads the first that is not 0
NUMBERS = (*PRICES, *WINDOWS, "max_output_tokens")
# ATOM's name of a flag, and LiteLLM's for the same.
FLAGS = {
    "supports_tools": "supports_function_calling",
    "supports_cache": "supports_prompt_caching",
    "supports_vision": "supports_vision",
}
COLUMNS = ("model_id", PROVIDER, "mode", *NUMBERS, *FLAGS, "malformed", "breaks")
# Modes of models that chat completions do not serve (source: LiteLLM's map, whose every mode but
# chat and responses is here, and the modes that its `sample_spec` names beside them). completion
# is text alone; responses is no such mode: those are language models behind another API.
NO_CHAT_MODES = frozenset(
    {
        *("audio_speech", "audio_transcription", "completion", "embedding", "image_edit"),
        *("image_generation", "moderation", "moderations", "ocr", "realtime", "rerank", "search"),
        *("vector_store", "video_generation"),
    }
)
# No chat model costs more, in US dollars per token. The dearest in LiteLLM's map, mistakes aside,
# is o1-pro at 0.0006; per million tokens, 99.9 % of those with a price cost more than this.
DEAREST = 0.01

_READ = (PROVIDER, "mode", *NUMBERS, *FLAGS, *FLAGS.values())
_READ_FIRST = (PROVIDER, *PRICES, *WINDOWS)  # what the platform reads to rank, in its order
_ABOUT = ("source", "last_fetch")
_LEGEND = "sample_spec"
_NUMERIC = frozenset({*NUMBERS, *FLAGS})
# The whole list is in another unit where this share of its models is above DEAREST; in LiteLLM's
# map 11 of 1,931 are, by mistake. By itself, only a token for a dollar is beyond any mistake there.
_GOOD_SHARE, _A_DOLLAR = 0.1, 1.0
_NUMERAL = re.compile(r"-?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class Pricing(Shown):
    """A pricing cache, checked: one element of every column per model, in the cache's order.

    `columns` has COLUMNS: costs in US dollars per token and windows in tokens as floats, NaN
    where unknown; flags as 1.0, 0.0 or NaN where unknown; text as lists of str. `malformed` names
    the fields whose values were unusable, `breaks` those at which the ranking fails inside: JSON
    lists, None if none. `last_fetch` is the cache's own ISO time, None if it is none, `source` its
    own account of where it came from, secrets withheld. `format` decides what a price of 0 means,
    and is in a snapshot's manifest.
    """

    columns: Mapping[str, Any]
    format: str
    source: str | None = None
    last_fetch: str | None = None

    def __len__(self) -> int:
        return len(self.columns["model_id"])

    def _facts(self) -> Mapping[str, object]:
        return {"models": len(self)} | {n: getattr(self, n) for n in ("format", *_ABOUT)}

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The columns as a data frame, one row per model."""
        import pandas as pd  # half of a short command's time, and only people need frames

        return pd.DataFrame(
            {
                name: values if isinstance(values, np.ndarray) else pd.Series(values, dtype=object)
                for name, values in self.columns.items()
            }
        )

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Yield one tuple of COLUMNS per model, None where unknown, as a database stores it."""
        for row in zip(*self.columns.values(), strict=True):
            yield tuple(None if value != value else value for value in row)

    @cached_property
    def price_unknown(self) -> Bools:
        """For each model, whether a price is unknown, or below 0, which no price is.

        0 is unknown in ATOM's own cache, which holds it for a missing price as for none at all.
        """
        return self._unpriced | self._below_zero

    @cached_property
    def window(self) -> Floats:
        """The context window of each model as the platform reads it, 0 where unknown."""
        most, fallback = (np.nan_to_num(self.columns[name]) for name in WINDOWS)
        window: Floats = np.where(most != 0, most, fallback)
        return window

    @cached_property
    def window_unknown(self) -> Bools:
        """For each model, whether its context window is unknown: none is 0."""
        return np.asarray(self.window == 0, dtype=bool)

    @cached_property
    def too_dear(self) -> Bools:
        """For each model, whether it costs more than a chat model can: in another unit."""
        return np.asarray(self._language_price > DEAREST, dtype=bool)

    @cached_property
    def breaks(self) -> dict[int, tuple[str, ...]]:
        """The fields at which the ranking fails, by the place of the model with them."""
        broken = ((place, text) for place, text in enumerate(self.columns["breaks"]) if text)
        found = {place: tuple(f for f in _READ_FIRST if f'"{f}"' in text) for place, text in broken}
        return {place: fields for place, fields in found.items() if fields}

    def warnings(self) -> list[str]:
        """Return a sentence with examples for what breaks the ranking, and for each guess.

        The legend of LiteLLM's map is not reported: every such map has it, and nobody serves it.
        """
        ids, fields = self.columns["model_id"], self.breaks
        named_badly = (place for place in fields if PROVIDER in fields[place])
        numbered_badly = (place for place in fields if fields[place] != (PROVIDER,))
        malformed = (place for place, text in enumerate(self.columns["malformed"]) if text)
        zero = " (in ATOM's own cache 0 may mean unknown, or free)" if self._zero_is_unknown else ""
        meaning: dict[str, Iterable[int]] = {
            f"a {PROVIDER} that is null or no text; one makes the platform's ranking fail for "
            "every tenant": named_badly,
            "a price that is null or no number, or text for a window; one makes the platform's "
            "ranking fail for every tenant whose client serves it": (
                place for place in numbered_badly if ids[place] != _LEGEND
            ),
            "prices that look like dollars per million tokens; the platform reads dollars per "
            "token": np.flatnonzero(self._in_another_unit()),
            f"no known price{zero}; the platform reads 0 and ranks them first": (
                place
                for place in np.flatnonzero(self._unpriced).tolist()
                if not set(fields.get(place, ())) & set(PRICES)  # listed above
            ),
            "a price below 0; the platform keeps it and ranks them first": (
                np.flatnonzero(self._below_zero)
            ),
            "no known context window; the platform reads 0 and rejects them": (
                np.flatnonzero(self.window_unknown)
            ),
            "fields that are no usable number or flag, taken as unknown": malformed,
        }
        found = ((what, [ids[place] for place in places]) for what, places in meaning.items())
        return [
            f"{len(named):,} of {count(len(self), 'model')} with {what} "
            f"(for example {listed(named[:3], 3)})"
            for what, named in found
            if named
        ]

    @property
    def _zero_is_unknown(self) -> bool:
        return self.format == "atom-cache"

    @cached_property
    def _prices(self) -> Floats:
        return np.array([self.columns[name] for name in PRICES], dtype=float)

    @property
    def _unpriced(self) -> Bools:
        unknown = np.isnan(self._prices)
        if self._zero_is_unknown:
            unknown |= self._prices == 0
        return np.asarray(unknown.any(axis=0), dtype=bool)

    @property
    def _below_zero(self) -> Bools:
        return np.asarray((self._prices < 0).any(axis=0), dtype=bool)

    @cached_property
    def _language_price(self) -> Floats:
        """The dearer price of each model that may be for chat, 0 for any other."""
        language = np.array([chat_of(m) is not False for m in self.columns["mode"]], dtype=bool)
        return np.asarray(np.nan_to_num(self._prices).max(axis=0) * language, dtype=float)

    def _in_another_unit(self) -> Bools:
        price = self._language_price
        if self.too_dear.sum() >= _GOOD_SHARE * (price > 0).sum():
            return self.too_dear
        return np.asarray(price >= _A_DOLLAR, dtype=bool)


def chat_of(mode: str | None) -> bool | None:
    """Return whether a model of this mode can serve a chat; None where that is unknown."""
    if mode in NO_CHAT_MODES:
        return False
    return True if mode == "chat" else None


def load_pricing(path: Path) -> Pricing:
    """Return the pricing cache in `path`, whichever of the three formats it is in.

    What is not a finite number is unknown (NaN), never an error; a numeral in a string counts, also
    where it breaks the ranking. Raises InputError for a file in none of the formats.
    """
    document = read_json(path)
    source = last_fetch = None
    entries: dict[str, Any]
    if (models := openrouter.models_of(document)) is not None:
        kind, entries = "openrouter-list", openrouter.entries_of(models, path)
    elif isinstance(document, dict) and isinstance(document.get("pricing"), dict):
        kind, entries = "atom-cache", document["pricing"]
        source = account(_text(document.get("source")))
        last_fetch = only_time(_text(document.get("last_fetch")))
    elif isinstance(document, dict) and any(map(_tells_a_model, document.values())):
        kind, entries = "litellm-map", document
    else:
        raise InputError(
            "holds no prices in a known format",
            where=path,
            todo='give ATOM\'s cache ({"pricing": {…}}, which may be empty), a LiteLLM map '
            '({id: {"litellm_provider": …}}) or an OpenRouter list ({"data": [{"id": …}]}, or its '
            "models alone)",
        )
    # What its loader parses is a number or missing: an assumption, which breaks nothing.
    parsed = kind == "openrouter-list"
    limits.check_size(entries, limits.PRICES, "prices", path)
    columns = pricing_columns(
        (*_row(model_id, entry := entries.pop(model_id)), None if parsed else _breaks(entry))
        for model_id in list(entries)  # each leaves memory as it is read
    )
    ids = columns["model_id"]
    if len(set(ids)) < len(ids):  # a lone surrogate, and its escape spelled out
        raise InputError("has two models of one id", where=path, todo="drop one of them")
    for number, texts in enumerate(zip(ids, columns[PROVIDER], columns["mode"], strict=True), 1):
        if any(map(looks_secret, filter(None, texts))):
            raise InputError(
                f"model number {number} has what looks like a key or a password for its name,"
                " provider or mode",
                where=path,
                todo="correct the entry",
            )
    return Pricing(columns, kind, source, last_fetch)


def pricing_columns(rows: Iterable[Sequence[Any]]) -> dict[str, Any]:
    """Return rows of COLUMNS (None where unknown) as the columns that Pricing describes.

    The rows are taken one by one, so that not all of them are in memory at once.
    """
    columns: list[Any] = [array("d") if name in _NUMERIC else [] for name in COLUMNS]
    for row in rows:
        for column, value in zip(columns, row, strict=True):
            if type(column) is array:
                column.append(math.nan if value is None else value)
            else:  # few different owners and modes, many models
                column.append(value if value is None else intern(value))
    return {
        name: np.array(values, dtype=float) if name in _NUMERIC else values
        for name, values in zip(COLUMNS, columns, strict=True)
    }


def _tells_a_model(entry: Any) -> bool:
    """Return whether a LiteLLM map's entry says anything that a ranking reads."""
    return isinstance(entry, dict) and not entry.keys().isdisjoint(_READ)


def _row(model_id: str, entry: Any) -> tuple[Any, ...]:
    malformed = [] if isinstance(entry, dict) else ["entry"]
    fields: dict[str, Any] = entry if isinstance(entry, dict) else {}
    provider, mode = fields.get(PROVIDER), fields.get("mode")
    malformed += [
        name
        for name, value in ((PROVIDER, provider), ("mode", mode))
        if value is not None and not isinstance(value, str)
    ]
    numbers = [_number(fields.get(name), name, malformed) for name in NUMBERS]
    flags = [
        _flag(fields.get(name, fields.get(other)), name, malformed) for name, other in FLAGS.items()
    ]
    return (
        storable(model_id),
        storable(provider) if isinstance(provider, str) else "",
        only_modes(storable(mode)) if isinstance(mode, str) else None,
        *numbers,
        *flags,
        json.dumps(malformed) if malformed else None,
    )


def _breaks(entry: Any) -> str | None:
    """Return the JSON list of the fields at which the platform's ranking fails, None if none.

    It reads a provider's missing name as no text, a missing price as 0, and of the windows the
    first that is true. Of an entry that is not an object nothing was measured: none.
    """
    fields = entry if isinstance(entry, dict) else {}
    window = next((name for name in WINDOWS if fields.get(name)), None)
    numbers = [name for name in (*PRICES, window) if name in fields]
    broken = [name for name in numbers if not isinstance(fields[name], int | float)]
    if not isinstance(fields.get(PROVIDER, ""), str):
        broken.insert(0, PROVIDER)
    return json.dumps(broken) if broken else None


def _number(value: Any, name: str, malformed: list[str]) -> float | None:
    if value is None:
        return None
    number = math.nan
    if isinstance(value, str):
        if _NUMERAL.fullmatch(text := value.strip()) and text.isascii():
            number = float(text)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
    if math.isfinite(number):
        return number
    malformed.append(name)
    return None


def _flag(value: Any, name: str, malformed: list[str]) -> float | None:
    if value is None or isinstance(value, bool):
        return None if value is None else float(value)
    malformed.append(name)
    return None


def _text(value: Any) -> str | None:
    return storable(value) if isinstance(value, str) else None
