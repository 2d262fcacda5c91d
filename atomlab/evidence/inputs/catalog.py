"""The model catalogue: what a model can do, and which models general routing leaves out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from atomlab import limits
from atomlab.errors import InputError
from atomlab.evidence.shapes import looks_secret
from atomlab.files import read_json
from atomlab.shown import Shown
from atomlab.text import storable

# What the platform reads of a model without capabilities (docs/platform.md).
_NONE_LISTED = ["chat"]


@dataclass(frozen=True, repr=False)
class CatalogEntry(Shown):
    """A model's capabilities, and whether requests without a required one pass it over."""

    capabilities: frozenset[str]
    excluded: bool = False

    @property
    def stored(self) -> str:
        """The JSON text of the capabilities that `catalog_from_rows` reads as the same again."""
        return json.dumps(sorted(self.capabilities) or [None])


def load_catalog(path: Path) -> dict[str, CatalogEntry]:
    """Return the catalogue in a JSON list of `{"model_id", "capabilities", …}`, by model id."""
    document = read_json(path)
    if not isinstance(document, list) or not all(isinstance(row, dict) for row in document):
        raise InputError("is not a model catalogue", where=path, todo="give a JSON list of objects")
    limits.check_size(document, limits.MODELS, "models", path)
    if any(not isinstance(row.get("model_id"), str) for row in document):
        raise InputError("has an entry without model_id", where=path, todo="give it one")
    try:
        return catalog_from_rows(
            (row["model_id"], row.get("capabilities"), row.get("exclude_from_general_routing"))
            for row in document
        )
    except ValueError as error:
        raise InputError(str(error), where=path, todo="check that model") from None


def catalog_from_rows(rows: Iterable[Sequence[Any]]) -> dict[str, CatalogEntry]:
    """Return the catalogue of (model_id, capabilities, excluded) rows, by model id.

    Capabilities are a list or its JSON text; NULL, JSON's null and the empty list count as
    `["chat"]`, anything else as none. An unknown `excluded` is false. Raises ValueError, which
    names the model unless it looks like a secret.
    """
    entries = {}
    for number, (model_id, capabilities, excluded) in enumerate(rows, 1):
        able = _capabilities(capabilities)
        if any(map(looks_secret, (str(model_id), *able))):
            raise ValueError(f"model number {number} has what looks like a key in it")
        entries[storable(str(model_id))] = CatalogEntry(able, _is_excluded(excluded, model_id))
    return entries


def _is_excluded(value: Any, model_id: object) -> bool:
    spelled = str(value).lower()
    if value is None or spelled in ("false", "0"):
        return False
    if spelled in ("true", "1"):
        return True
    raise ValueError(f"model {model_id!r}: exclude_from_general_routing is neither true nor false")


def _capabilities(value: Any) -> frozenset[str]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return frozenset()
    if value is None or value == []:
        value = _NONE_LISTED
    if not isinstance(value, list):
        return frozenset()
    found = frozenset(v for v in value if isinstance(v, str))
    if len(found) > limits.CAPABILITIES:
        what = "capabilities of one model"
        raise ValueError(limits.beyond(len(found), limits.CAPABILITIES, what))
    return found
