"""The platform's rules as data: which edition, and every number and list its decision uses.

The shipped editions are the readable YAML files in `editions/`. A user's own rules are a YAML
file with a `name` of its own, the edition it is `based_on`, and the fields it changes.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from atomlab import limits
from atomlab.errors import InputError
from atomlab.files import read_yaml
from atomlab.text import did_you_mean, field_name, listed, storable

EDITIONS = Path(__file__).parent / "editions"
COMPLEXITIES = ("simple", "moderate", "complex", "advanced")
TIERS = ("micro", "standard", "versatile", "heavy", "complex")
_LIMIT = 2**53  # of what every database and JSON reader holds exactly


@dataclass(frozen=True)
class Fallback:
    """Who answers where pricing finds no model, instead of an error (source: PLATFORM C).

    `order` are providers and `models` the model of each, by complexity; `first` is asked before
    all others. A model in `without_tools` gives way to another where tools are required. If
    nobody in it answers, the first client does with `last_model`; without any client
    `no_client_error` is raised.
    """

    order: Mapping[str, tuple[str, ...]]
    models: Mapping[str, Mapping[str, str]]
    first: str | None
    without_tools: Mapping[str, str]
    last_model: str
    no_client_error: str


@dataclass(frozen=True)
class Rules:
    """One edition's rules; the comments in `editions/*.yaml` say what each field means.

    `based_on` is the shipped edition that a user's own rules change, or the edition itself. What
    has a default may be left out of a file: it is the hosted edition's.
    """

    name: str
    based_on: str
    matcher: Literal["prefix", "substring"]
    placeholder_prefixes: tuple[str, ...]
    placeholder_shorter_than: int
    llm_providers: tuple[str, ...]
    min_context_tokens: Mapping[str, float]
    min_quality: Mapping[str, float]
    min_quality_by_tier: Mapping[str, float]
    min_health_score: float
    cached_input_factor: float
    prompt_cache_min_tokens: Mapping[str, int]
    plans: Mapping[str, tuple[str, ...] | None]
    quality: tuple[tuple[str, float], ...]
    quality_heuristics: tuple[tuple[tuple[str, ...], float], ...]
    default_quality: float
    capability_quality: Mapping[str, tuple[tuple[str, float], ...]]
    prompt_cache_min_tokens_containing: Mapping[str, int] = field(default_factory=dict)
    keys_from: Literal["settings", "environment"] = "settings"
    key_places: tuple[str, ...] = ("own",)
    client_key_places: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    client_order: Literal["registry", "llm_providers"] = "registry"
    fallback: Fallback | None = None
    assumptions: tuple[str, ...] = ()
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
    """Return the rules that `document` holds in full, or raise InputError naming the field.

    Without `based_on` they are an edition of their own.
    """
    if (size := _size(document)) > limits.RULES:
        what = limits.beyond(size, limits.RULES, "words and numbers")
        raise InputError(f"rules are too many: {what}", where=where, todo="check the file")
    names = [f.name for f in dataclasses.fields(Rules)]
    document = {"based_on": document.get("name"), **_DEFAULTS, **document}
    if missing := [name for name in names if name not in document]:
        raise InputError(f"rules lack {listed(missing)}", where=where, todo="add them")
    if unknown := [name for name in document if name not in names]:
        todo = did_you_mean(str(unknown[0]), names) or "see the editions' own files"
        what = f"rules have the unknown field {field_name(unknown[0])}"
        raise InputError(what, where=where, todo=todo)
    rules = Rules(**{name: _parsed(name, document[name], where) for name in names})
    _check(rules, where)
    return rules


def _size(value: Any) -> int:
    """Return how many scalars a value holds, keys included."""
    if isinstance(value, dict):
        return len(value) + sum(map(_size, value.values()))
    return sum(map(_size, value)) if isinstance(value, list | tuple) else 1


def _parsed(name: str, value: Any, where: object) -> Any:
    """Return the value of a field, or raise InputError that says what is wrong, and quotes none."""
    try:
        return _PARSERS[name](value)
    except (
        *(TypeError, ValueError, AttributeError, KeyError),
        *(OverflowError, RecursionError),
    ) as error:
        raise InputError(
            f"rules have a field of the wrong form, {name} ({error})",
            where=where,
            todo="compare it with the shipped editions",
        ) from None


def load_rules(name_or_file: str) -> Rules:
    """Return a shipped edition by name, or the rules in a YAML file `based_on` one.

    Raises InputError for an unknown edition, unknown or missing fields, or a bad value.
    """
    shipped = editions()
    if name_or_file in shipped:
        return rules_from_mapping(_edition(shipped[name_or_file]), name_or_file)
    path = Path(name_or_file)
    try:
        found = path.is_file()
    except OSError:  # the name is too long, or its folder may not be read
        found = False
    if not found:
        raise InputError(
            "no such rules",
            where=name_or_file,
            todo=f"give a file, or one of {', '.join(sorted(shipped))}",
        )
    changes = _yaml(path)
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
    document = _yaml(path)
    for included in document.pop("include"):
        document.update(_yaml(EDITIONS / included))
    return MappingProxyType(document)  # of the package, and read once: not to be changed


def _yaml(path: Path) -> dict[str, Any]:
    document = read_yaml(path)
    if not isinstance(document, dict):
        raise InputError("rules are no mapping", where=path, todo="give field: value lines")
    return document


def _numbers(mapping: Mapping[str, Any]) -> dict[str, float]:
    return {str(name): _number(number) for name, number in mapping.items()}


def _counts(mapping: Mapping[str, Any]) -> dict[str, int]:
    return {str(name): _whole(number) for name, number in mapping.items()}


def _lists(mapping: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    return {str(name): _words(words) for name, words in mapping.items()}


def _fallback(document: Mapping[str, Any] | None) -> Fallback | None:
    if document is None:
        return None
    return Fallback(
        order=_lists(document["order"]),
        models={
            str(provider): {str(kind): str(_word(model)) for kind, model in models.items()}
            for provider, models in document["models"].items()
        },
        first=document["first"] and _word(document["first"]),
        without_tools={str(k): str(_word(v)) for k, v in document["without_tools"].items()},
        last_model=_word(document["last_model"]),
        no_client_error=_word(document["no_client_error"]),
    )


def _scores(pairs: Any) -> tuple[tuple[str, float], ...]:
    return tuple((str(name), _number(score)) for name, score in pairs)


def _number(value: Any) -> float:
    """Return a number; NaN would make every comparison with it false, a huge one overflow."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError("no number") from None
    if not abs(number) < _LIMIT:
        raise ValueError("no threshold, score or count")
    return number


def _whole(value: Any) -> int:
    if (number := _number(value)) != int(number):
        raise ValueError("no whole number")
    return int(number)


def _word(value: Any) -> Any:
    if not isinstance(value, str):
        raise TypeError("no word")
    return value


def _words(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(word, str) for word in value):
        raise TypeError("no list of words")
    return tuple(value)


def _name(value: Any) -> str:
    return storable(str(_word(value)))


_PARSERS: Mapping[str, Callable[[Any], Any]] = {
    "name": _name,
    "based_on": _name,
    "matcher": _word,
    "placeholder_prefixes": _words,
    "placeholder_shorter_than": _whole,
    "llm_providers": _words,
    "min_context_tokens": _numbers,
    "min_quality": _numbers,
    "min_quality_by_tier": _numbers,
    "min_health_score": _number,
    "cached_input_factor": _number,
    "prompt_cache_min_tokens": _counts,
    "plans": lambda plans: {str(k): None if v is None else _words(v) for k, v in plans.items()},
    "quality": _scores,
    "quality_heuristics": lambda pairs: tuple((_words(w), _number(score)) for w, score in pairs),
    "default_quality": _number,
    "capability_quality": lambda by_name: {str(k): _scores(v) for k, v in by_name.items()},
    "prompt_cache_min_tokens_containing": _counts,
    "keys_from": _word,
    "key_places": _words,
    "client_key_places": _lists,
    "client_order": _word,
    "fallback": _fallback,
    "assumptions": _words,
    "other_faults": lambda faults: {str(k): str(_word(v)) for k, v in faults.items()},
}
# The fields with a default, as a file spells it.
_DEFAULTS: Mapping[str, Any] = {
    "prompt_cache_min_tokens_containing": {},
    "keys_from": "settings",
    "key_places": ["own"],
    "client_key_places": {},
    "client_order": "registry",
    "fallback": None,
    "assumptions": [],
    "other_faults": {},
}
# The last is a name that capture keeps: without it a snapshot would decide otherwise.
_PLACE = re.compile(r"own|(stored|declared)( [^ ]+)?|variable [A-Z0-9_.-]*_API_KEY")


def _check(rules: Rules, where: object) -> None:
    for name, known in (
        ("matcher", ("prefix", "substring")),
        ("keys_from", ("settings", "environment")),
        ("client_order", ("registry", "llm_providers")),
    ):
        if getattr(rules, name) not in known:
            raise InputError(
                f"unknown {name}",
                where=where,
                todo=f"use {' or '.join(known)}",
            )
    for place in chain(rules.key_places, *rules.client_key_places.values()):
        if not _PLACE.fullmatch(place):
            raise InputError(
                "unknown place of a key",
                where=where,
                todo="use own, stored, declared, stored ID, declared ID, or variable …_API_KEY",
            )
    if rules.fallback:
        _check_fallback(rules.fallback, where)
    for name, needed in (
        ("min_context_tokens", COMPLEXITIES),
        ("min_quality", COMPLEXITIES),
        ("min_quality_by_tier", TIERS),
    ):
        if missing := [kind for kind in needed if kind not in getattr(rules, name)]:
            raise InputError(f"{name} lacks {missing[0]}", where=where, todo="add it")
    if "free" not in rules.plans:
        raise InputError("plans lack free, the fallback", where=where, todo="add it")


def _check_fallback(fallback: Fallback, where: object) -> None:
    for kind in COMPLEXITIES:
        lacking = [
            p for p in fallback.order.get(kind, ()) if kind not in fallback.models.get(p, {})
        ]
        if kind not in fallback.order or lacking:
            what = f"a model of a provider for {kind}" if lacking else f"an order for {kind}"
            raise InputError(f"the fallback lacks {what}", where=where, todo="add it")
