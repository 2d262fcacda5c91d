"""The pricing cache: which models the platform knows, at what price, with what window.

Three formats are read, plain or gzipped, and told apart by their shape (source: PLATFORM B,
*Pricing cache*): ATOM's own cache `{"pricing": {id: {…}}, "last_fetch": …}`, LiteLLM's map
`{id: {…}}`, and OpenRouter's list `{"data": [{"id": …}]}`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from atomlab.errors import InputError
from atomlab.evidence.files import read_json
from atomlab.text import count, listed, storable

if TYPE_CHECKING:
    import pandas as pd

NUMBERS = (
    "input_cost_per_token",
    "output_cost_per_token",
    "max_input_tokens",
    "max_tokens",
    "max_output_tokens",
)
# ATOM's name of a flag, and LiteLLM's for the same.
FLAGS = {
    "supports_tools": "supports_function_calling",
    "supports_cache": "supports_prompt_caching",
    "supports_vision": "supports_vision",
}
COLUMNS = ("model_id", "litellm_provider", "mode", *NUMBERS, *FLAGS, "malformed")

_READ = ("litellm_provider", "mode", *NUMBERS, *FLAGS, *FLAGS.values())
_NUMERAL = re.compile(r"\d+(\.\d*)?([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?")


@dataclass(frozen=True, eq=False)
class Pricing:
    """A pricing cache, checked: one element of every column per model, in the cache's order.

    `columns` has COLUMNS: costs in US dollars per token and windows in tokens as floats, NaN
    where unknown; flags as 1.0, 0.0 or NaN where unknown; text as lists of str, and `malformed`
    names the fields whose values were unusable, None if none. `last_fetch` is the cache's own ISO
    time, `source` its own account of where it came from.
    """

    columns: Mapping[str, Any]
    format: str
    source: str | None = None
    last_fetch: str | None = None

    def __len__(self) -> int:
        """Return the number of models."""
        return len(self.columns["model_id"])

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

    def rows(self) -> list[tuple[Any, ...]]:
        """Return one tuple of COLUMNS per model, None where unknown, as a database stores it."""
        columns = [
            [None if value != value else value for value in list(values)]
            for values in self.columns.values()
        ]
        return list(zip(*columns, strict=True))

    def warnings(self) -> list[str]:
        """Return a sentence with examples for each way in which the replay has to guess."""
        unknown = {name: np.isnan(self.columns[name]) for name in NUMBERS}
        malformed = np.array([fields is not None for fields in self.columns["malformed"]], bool)
        meaning = {
            "no known price; the platform reads 0 and ranks them first": (
                unknown["input_cost_per_token"] | unknown["output_cost_per_token"]
            ),
            "no known context window; the platform reads 0 and rejects them": (
                unknown["max_input_tokens"] & unknown["max_tokens"]
            ),
            "fields that are no usable number or flag, taken as unknown": malformed,
        }
        ids = self.columns["model_id"]
        return [
            f"{int(places.sum()):,} of {count(len(self), 'model')} with {what} "
            f"(for example {listed((ids[place] for place in np.flatnonzero(places)[:3]), 3)})"
            for what, places in meaning.items()
            if places.any()
        ]


def load_pricing(path: Path) -> Pricing:
    """Return the pricing cache in `path`, whichever of the three formats it is in.

    A missing, non-numeric, negative, infinite, NaN or boolean number is unknown (NaN), never an
    error. A cache that says that it is empty is returned empty. Raises InputError for a file
    that is not JSON, in none of the formats, an OpenRouter entry without an id, or two ids that
    no database can tell apart.
    """
    document = read_json(path)
    source = last_fetch = None
    entries: Iterable[tuple[str, Any]]
    if isinstance(document, dict) and isinstance(document.get("pricing"), dict):
        kind, entries = "atom-cache", document["pricing"].items()
        source, last_fetch = _text(document.get("source")), _text(document.get("last_fetch"))
    elif isinstance(document, dict) and isinstance(document.get("data"), list):
        kind, entries = "openrouter-list", _openrouter_entries(document["data"], path)
    elif isinstance(document, dict) and any(map(_tells_a_model, document.values())):
        kind, entries = "litellm-map", document.items()
    else:
        raise InputError(
            "holds no prices in a known format",
            where=path,
            todo='give ATOM\'s cache ({"pricing": {…}}, which may be empty), a LiteLLM map '
            'or an OpenRouter list ({"data": […]})',
        )
    rows = [_row(model_id, entry) for model_id, entry in entries]
    if len({row[0] for row in rows}) < len(rows):  # a lone surrogate, and its escape spelled out
        raise InputError("has two models of one id", where=path, todo="drop one of them")
    return Pricing(pricing_columns(rows), kind, source, last_fetch)


def pricing_columns(rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """Return rows of COLUMNS (None where unknown) as the columns that Pricing describes."""
    columns = zip(*rows, strict=True) if rows else [()] * len(COLUMNS)
    return {
        name: np.array(values, dtype=float) if name in NUMBERS or name in FLAGS else list(values)
        for name, values in zip(COLUMNS, columns, strict=True)
    }


def _tells_a_model(entry: Any) -> bool:
    """Return whether a LiteLLM map's entry says anything that a ranking reads."""
    return isinstance(entry, dict) and not entry.keys().isdisjoint(_READ)


def _row(model_id: str, entry: Any) -> tuple[Any, ...]:
    malformed = [] if isinstance(entry, dict) else ["entry"]
    fields: dict[str, Any] = entry if isinstance(entry, dict) else {}
    provider, mode = fields.get("litellm_provider"), fields.get("mode")
    malformed += [
        name
        for name, value in (("litellm_provider", provider), ("mode", mode))
        if value is not None and not isinstance(value, str)
    ]
    numbers = [_number(fields.get(name), name, malformed) for name in NUMBERS]
    flags = [
        _flag(fields.get(name, fields.get(other)), name, malformed) for name, other in FLAGS.items()
    ]
    return (
        storable(model_id),
        storable(provider) if isinstance(provider, str) else "",
        storable(mode) if isinstance(mode, str) else None,
        *numbers,
        *flags,
        json.dumps(malformed) if malformed else None,
    )


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
    if math.isfinite(number) and number >= 0:
        return number
    malformed.append(name)
    return None


def _flag(value: Any, name: str, malformed: list[str]) -> float | None:
    if value is None or isinstance(value, bool):
        return None if value is None else float(value)
    malformed.append(name)
    return None


def _openrouter_entries(data: list[Any], path: Path) -> Iterable[tuple[str, Any]]:
    """Return LiteLLM-like entries by id; as in a dictionary, a later duplicate wins."""
    entries: dict[str, Any] = {}
    for position, model in enumerate(data, 1):
        if not isinstance(model, dict) or not isinstance(model.get("id"), str):
            raise InputError(f"entry {position} of data has no id", where=path, todo="give it one")
        pricing = model.get("pricing")
        prices = pricing if isinstance(pricing, dict) else {}
        top = model.get("top_provider")
        parameters = model.get("supported_parameters")
        entries[model["id"]] = {
            "litellm_provider": "openrouter",
            "input_cost_per_token": prices.get("prompt"),
            "output_cost_per_token": prices.get("completion"),
            "max_input_tokens": model.get("context_length"),
            "max_output_tokens": top.get("max_completion_tokens")
            if isinstance(top, dict)
            else None,
            "supports_tools": "tools" in parameters if isinstance(parameters, list) else None,
        }
    return entries.items()


def _text(value: Any) -> str | None:
    return storable(value) if isinstance(value, str) else None
