"""The platform's rules as data: which edition, and every number and list its decision uses.

The shipped editions are the readable YAML files in `editions/`. A user's own rules are a YAML
file with a `name` of its own, the edition it is `based_on`, and the fields it changes.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, TypeAdapter, ValidationError

from atomlab import limits
from atomlab.errors import InputError
from atomlab.evidence.inputs.strict import complaint
from atomlab.files import read_shipped_yaml, read_yaml
from atomlab.shown import Shown
from atomlab.text import did_you_mean, field_name, storable

EDITIONS = Path(__file__).parent / "editions"
COMPLEXITIES = ("simple", "moderate", "complex", "advanced")
TIERS = ("micro", "standard", "versatile", "heavy", "complex")
_LIMIT = 2**53  # of what every database and JSON reader holds exactly
# The last is a name that capture keeps: without it a snapshot would decide otherwise.
_PLACE = re.compile(r"own|(stored|declared)( [^ ]+)?|variable [A-Z0-9_.-]*_API_KEY")
_PLACES_KNOWN = "own, stored, declared, stored ID, declared ID, or variable …_API_KEY"


def _with(*names: str) -> AfterValidator:

    def check(mapping: Mapping[str, Any]) -> Mapping[str, Any]:
        if missing := [name for name in names if name not in mapping]:
            raise ValueError(f"lacks {missing[0]}")
        return mapping

    return AfterValidator(check)


def _place(text: str) -> str:
    if not _PLACE.fullmatch(text):
        raise ValueError(f"has an unknown place of a key; use {_PLACES_KNOWN}")
    return text


_Number = Annotated[float, Field(gt=-_LIMIT, lt=_LIMIT, allow_inf_nan=False)]
_Count = Annotated[int, Field(gt=-_LIMIT, lt=_LIMIT)]
_Name = Annotated[str, BeforeValidator(lambda v: storable(v) if isinstance(v, str) else v)]
_Words = tuple[str, ...]
_Scores = tuple[tuple[str, _Number], ...]
_Places = tuple[Annotated[str, AfterValidator(_place)], ...]


@dataclass(frozen=True, repr=False)
class Fallback(Shown):
    """Who answers where pricing finds no model, instead of an error (source: docs/platform.md).

    `order` are providers and `models` the model of each, by complexity; `first` is asked before
    all others. A model in `without_tools` gives way to another where tools are required. If
    nobody in it answers, the first client does with `last_model`; without any client
    `no_client_error` is raised.
    """

    order: Annotated[Mapping[str, _Words], _with(*COMPLEXITIES)]
    models: Mapping[str, Mapping[str, str]]
    first: str | None
    without_tools: Mapping[str, str]
    last_model: str
    no_client_error: str


def _is_complete(fallback: Fallback) -> Fallback:
    for kind in COMPLEXITIES:
        if any(kind not in fallback.models.get(p, {}) for p in fallback.order[kind]):
            raise ValueError(f"lacks a model of a provider for {kind}")
    return fallback


@dataclass(frozen=True, repr=False)
class Rules(Shown):
    """One edition's rules; the comments in `editions/*.yaml` say what each field means.

    `based_on` is the shipped edition that a user's own rules change, or the edition itself. What
    has a default may be left out of a file: it is the hosted edition's.
    """

    name: _Name
    based_on: _Name
    matcher: Literal["prefix", "substring"]
    placeholder_prefixes: _Words
    placeholder_shorter_than: _Count
    llm_providers: _Words
    min_context_tokens: Annotated[Mapping[str, _Number], _with(*COMPLEXITIES)]
    min_quality: Annotated[Mapping[str, _Number], _with(*COMPLEXITIES)]
    min_quality_by_tier: Annotated[Mapping[str, _Number], _with(*TIERS)]
    min_health_score: _Number
    cached_input_factor: _Number
    prompt_cache_min_tokens: Mapping[str, _Count]
    plans: Annotated[Mapping[str, _Words | None], _with("free")]
    quality: _Scores
    quality_heuristics: tuple[tuple[_Words, _Number], ...]
    default_quality: _Number
    capability_quality: Mapping[str, _Scores]
    prompt_cache_min_tokens_containing: Mapping[str, _Count] = field(default_factory=dict)
    keys_from: Literal["settings", "environment"] = "settings"
    key_places: _Places = ("own",)
    client_key_places: Mapping[str, _Places] = field(default_factory=dict)
    client_order: Literal["registry", "llm_providers"] = "registry"
    fallback: Annotated[Fallback, AfterValidator(_is_complete)] | None = None
    assumptions: _Words = ()
    other_faults: Mapping[str, str] = field(default_factory=dict)

    def allowed_names(self, plan: str | None) -> tuple[str, ...] | None:
        """Return the names that `plan`, in any case, allows for managed requests, None for all."""
        return self.plans.get((plan or "free").lower(), self.plans["free"])

    def places_of(self, provider_id: str) -> tuple[str, ...]:
        """Return where client initialization looks for a provider's key, in that order."""
        own = (*self.key_places, "own") if self.client_key_places else self.key_places
        return self.client_key_places.get(provider_id, own)

    def to_mapping(self) -> dict[str, Any]:
        """Return the rules as JSON-ready values, the form in which a snapshot keeps them."""
        return dataclasses.asdict(self)


def rules_from_mapping(document: Mapping[str, Any], where: object) -> Rules:
    """Return the rules that `document` holds in full, or raise InputError naming the field."""
    if (size := _size(document)) > limits.RULES:
        what = limits.beyond(size, limits.RULES, "words and numbers")
        raise InputError(f"rules are too many: {what}", where=where, todo="check the file")
    fields = {f.name: f for f in dataclasses.fields(Rules)}
    document = {"based_on": document.get("name"), **document}
    if unknown := [name for name in document if name not in fields]:
        todo = did_you_mean(str(unknown[0]), fields) or "see the editions' own files"
        what = f"rules have the unknown field {field_name(unknown[0])}"
        raise InputError(what, where=where, todo=todo)
    try:
        return _rules().validate_python(document)
    except ValidationError as error:
        place, must, _ = complaint(error)
    what = f"rules have a wrong field: {place} {must}"
    raise InputError(what, where=where, todo="compare it with the shipped editions")


def _size(value: Any) -> int:
    """Return how many scalars a value holds, keys included."""
    if isinstance(value, dict):
        return len(value) + sum(map(_size, value.values()))
    return sum(map(_size, value)) if isinstance(value, list | tuple) else 1


@cache
def _rules() -> TypeAdapter[Rules]:
    return TypeAdapter(Rules)


def load_rules(name_or_file: str) -> Rules:
    """Return a shipped edition by name, or the rules in a YAML file `based_on` one."""
    shipped = editions()
    if name_or_file in shipped:
        return rules_from_mapping(_edition(shipped[name_or_file]), name_or_file)
    path = Path(name_or_file)
    if not os.path.isfile(path):  # noqa: PTH113 - false for an impossible name, too
        known = f"give a file, or one of {', '.join(sorted(shipped))}"
        near = did_you_mean(name_or_file, shipped)
        raise InputError("no such rules", where=name_or_file, todo=f"{near} {known}".lstrip())
    changes = read_yaml(path)
    if not isinstance(changes, dict):
        raise InputError("rules are no mapping", where=path, todo="give field: value lines")
    base, name = changes.get("based_on"), changes.get("name")
    if not isinstance(base, str) or base not in shipped:
        raise InputError(
            "based_on names no shipped edition",
            where=path,
            todo=f"use one of {', '.join(sorted(shipped))}",
        )
    if not isinstance(name, str) or not name.strip() or name in shipped:
        raise InputError(
            "rules have no name of their own", where=path, todo=f"add a line like name: my-{base}"
        )
    return rules_from_mapping({**_edition(shipped[base]), **changes}, path)


def editions() -> dict[str, Path]:
    """Return the files of the shipped editions by their names."""
    return {path.stem: path for path in EDITIONS.glob("*-20*.yaml")}


@cache
def _edition(path: Path) -> Mapping[str, Any]:
    document: dict[str, Any] = read_shipped_yaml(path)
    for included in document.pop("include"):
        document.update(read_shipped_yaml(EDITIONS / included))
    return MappingProxyType(document)  # of the package, and read once: not to be changed
