"""The platform's side of a decision: rules, registry, prices and catalogue, as columns.

Built once, it serves every tenant and request of a snapshot.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import inspect, text
from sqlalchemy.orm import Session

from atomlab import limits
from atomlab.byok.keys import BYOKManager
from atomlab.byok.scoring import Floats, scorer
from atomlab.errors import InputError, SnapshotError
from atomlab.evidence.inputs.catalog import CatalogEntry, catalog_from_rows
from atomlab.evidence.inputs.pricing import COLUMNS, Pricing, chat_of, pricing_columns
from atomlab.evidence.inputs.registry import Provider
from atomlab.evidence.inputs.rules import Rules, rules_from_mapping
from atomlab.text import printable

Bools = NDArray[np.bool_]
Indices = NDArray[np.intp]


@dataclass(frozen=True)
class Models:
    """The models of the pricing cache as columns, one element per model in cache order.

    Unknown numbers are 0 here, as the platform reads them; `price_unknown` and `window_unknown`
    remember. `matches` is models × providers: which provider's client would serve a model;
    `served_by` is the first of them in client order, -1 if there is none; `provider` is the
    provider's id there, else what the model itself names. `chat` is 1 for a chat model, 0 for one
    that is none, NaN where that is unknown. `breaks_all`, `breaks_window` and `breaks_price` say
    at which entries the platform's ranking fails inside: whatever the clients are, where a client
    serves the model, and where the model would be a candidate.
    """

    ids: list[str]
    lowered: list[str]
    matches: Bools
    served_by: Indices
    provider: NDArray[np.object_]
    window: Floats
    input_cost: Floats
    output_cost: Floats
    price_unknown: Bools
    window_unknown: Bools
    supports_tools: Bools
    in_catalog: Bools
    excluded: Bools
    chat: Floats
    breaks_all: Bools
    breaks_window: Bools
    breaks_price: Bools

    def with_client(self, provider_id: str, served: Bools) -> Models:
        """Return the models with one more provider, asked last, whose client serves some."""
        fresh = served & (self.served_by < 0)
        provider = self.provider.copy()
        provider[fresh] = provider_id
        return replace(
            self,
            matches=np.column_stack([self.matches, served]),
            served_by=np.where(fresh, self.matches.shape[1], self.served_by),
            provider=provider,
        )


@dataclass(frozen=True, eq=False)
class Platform:
    """Everything that a decision uses beside the tenant; never changed after it is made.

    `providers` are in client order: the registry's own, or the edition's list, which may have
    some that the registry lacks, and then the rest of the registry. `redacted` says that it came
    from a snapshot, where settings hold tokens and no values.
    """

    rules: Rules
    providers: tuple[Provider, ...]
    pricing: Pricing
    catalog: Mapping[str, CatalogEntry]
    redacted: bool = False
    _by_capability: dict[str | None, tuple[Floats, list[str]]] = field(default_factory=dict)
    _by_plan: dict[str | None, Bools] = field(default_factory=dict)

    def __post_init__(self) -> None:
        providers = in_client_order(self.providers, self.rules)
        pairs = len(providers) * len(self.pricing)
        if pairs > limits.PAIRS:
            what = limits.beyond(pairs, limits.PAIRS, "pairs of a provider and a model")
            raise InputError(f"registry and prices together: {what}", todo="leave out some models")
        object.__setattr__(self, "providers", providers)

    def __repr__(self) -> str:
        sizes = (
            f"{len(self.providers):,} providers, {len(self.pricing.columns['model_id']):,} models"
        )
        return f"<Platform {printable(self.rules.name)}: {sizes}>"

    @cached_property
    def column(self) -> dict[str, int]:
        """The column of each provider id in `models.matches`: its place in client order."""
        return {provider.id: place for place, provider in enumerate(self.providers)}

    @cached_property
    def health(self) -> Floats:
        """Health score of each provider to three digits, as the platform compares it, or NaN."""
        scores = (p.health_score for p in self.providers)
        # Python's rounding, the platform's own: numpy's makes 0.4995, a little less, to 0.5.
        return np.array([np.nan if s is None else round(s, 3) for s in scores], dtype=float)

    def manager(self) -> BYOKManager:
        """Return what finds the keys of a snapshot's tenants."""
        return BYOKManager(self.providers, self.rules, redacted=self.redacted)

    @cached_property
    def models(self) -> Models:
        """The pricing cache, prepared."""
        columns = self.pricing.columns
        ids: list[str] = columns["model_id"]
        lowered = [model_id.lower() for model_id in ids]
        matches, named = _MATCHERS[self.rules.matcher](
            lowered, columns["litellm_provider"], self.providers
        )
        any_match = matches.any(axis=1)
        served_by = np.full(len(ids), -1)
        if matches.size:
            served_by = np.where(any_match, matches.argmax(axis=1), -1)
        provider = np.array(
            [self.providers[p].id if p >= 0 else n for p, n in zip(served_by, named, strict=True)],
            dtype=object,
        )
        input_cost, output_cost = columns["input_cost_per_token"], columns["output_cost_per_token"]
        entries = [self.catalog.get(model_id) for model_id in ids]
        broken = [self.pricing.breaks.get(place, ()) for place in range(len(ids))]
        chat = [{True: 1.0, False: 0.0, None: np.nan}[chat_of(m)] for m in columns["mode"]]
        return Models(
            ids=ids,
            lowered=lowered,
            matches=matches,
            served_by=served_by.astype(np.intp),
            provider=provider,
            window=self.pricing.window,
            input_cost=np.nan_to_num(input_cost),
            output_cost=np.nan_to_num(output_cost),
            price_unknown=self.pricing.price_unknown,
            window_unknown=self.pricing.window_unknown,
            supports_tools=columns["supports_tools"] == 1,
            in_catalog=np.array([entry is not None for entry in entries], dtype=bool),
            excluded=np.array([entry is not None and entry.excluded for entry in entries], bool),
            chat=np.array(chat, dtype=float),
            breaks_all=_at("litellm_provider", broken),
            breaks_window=_at("max_input_tokens", broken) | _at("max_tokens", broken),
            breaks_price=_at("input_cost_per_token", broken) | _at("output_cost_per_token", broken),
        )

    def has_models(self, provider_id: str) -> bool:
        """Return whether the cache has a model that the provider's client would serve."""
        return provider_id in self._with_models

    @cached_property
    def _with_models(self) -> frozenset[str]:
        served = np.flatnonzero(self.models.matches.any(axis=0))
        return frozenset(self.providers[int(place)].id for place in served)

    def models_of(self, provider_id: str) -> Bools:
        """Return for each model whether the provider's client would serve it.

        For a provider that can have no client: whether one would, by the edition's matcher.
        """
        place = self.column.get(provider_id)
        if place is not None:
            matches: Bools = self.models.matches[:, place]
            return matches
        if self.rules.matcher == "prefix":
            known, prefix, owner = self._names
            served: Bools = np.where(self._parted, prefix, owner) == known.get(provider_id, -1)
            return served
        match, declared = _MATCHERS[self.rules.matcher], self.pricing.columns["litellm_provider"]
        return match(self.models.lowered, declared, (Provider(provider_id),))[0][:, 0]

    def knows(self, provider_id: str) -> bool:
        """Return whether the cache has a model that `models_of` gives for the provider."""
        odd = not provider_id or "\n" in provider_id
        if odd or self.rules.matcher == "prefix" or provider_id in self.column:
            return bool(self.models_of(provider_id).any())
        owners, every = self._said
        return provider_id in owners or provider_id in every

    @cached_property
    def _said(self) -> tuple[frozenset[str], str]:
        """All owners, and all ids in one text, in which a part is found many times sooner."""
        owners = self.pricing.columns["litellm_provider"]
        return frozenset(o.lower() for o in owners), "\n".join(self.models.lowered)

    @cached_property
    def _parted(self) -> Bools:
        return np.array(["/" in model for model in self.models.lowered], dtype=bool)

    def models_named(self, provider_id: str) -> Bools:
        """Return for each model whether its entry names the provider, by prefix or as its owner.

        It takes no client for that, and no place in the registry.
        """
        known, prefix, owner = self._names
        code = known.get(provider_id.lower(), -1)
        named: Bools = (prefix == code) | (owner == code)
        return named

    @cached_property
    def _names(self) -> tuple[dict[str, int], Indices, Indices]:
        """A number for each name by which entries name providers; each entry's prefix and owner."""
        known: dict[str, int] = {}
        models, owners = self.models.lowered, self.pricing.columns["litellm_provider"]
        prefixes = (known.setdefault(model.split("/", 1)[0], len(known)) for model in models)
        prefix = np.fromiter(prefixes, np.intp, len(models))
        named = (known.setdefault(owner.lower(), len(known)) for owner in owners)
        return known, prefix, np.fromiter(named, np.intp, len(models))

    def quality(self, capability: str | None) -> tuple[Floats, list[str]]:
        """Return each model's quality for a capability (None: in general) and its source."""
        if capability not in self._by_capability:
            score = scorer(self.rules, capability)
            scored = [score(model_id) for model_id in self.models.ids]
            self._by_capability[capability] = (
                np.array([score for score, _ in scored], dtype=float),
                [source for _, source in scored],
            )
        return self._by_capability[capability]

    def lists_capability(self, capability: str) -> Bools:
        """Return for each model whether the catalogue lists the capability."""
        entries = (self.catalog.get(model_id) for model_id in self.models.ids)
        return np.array([e is not None and capability in e.capabilities for e in entries], bool)

    def allowed_by(self, plan: str | None) -> Bools:
        """Return for each model whether a managed tenant on `plan` may use it."""
        if plan not in self._by_plan:
            names = self.rules.allowed_names(plan)
            lowered = None if names is None else [name.lower() for name in names]
            self._by_plan[plan] = np.array(
                [lowered is None or any(n in m for n in lowered) for m in self.models.lowered], bool
            )
        return self._by_plan[plan]


def in_client_order(providers: Sequence[Provider], rules: Rules) -> tuple[Provider, ...]:
    """Return the providers in the order in which clients are built and asked for a model.

    An edition with a list of its own builds them by that list, whatever the registry says.
    """
    if rules.client_order == "registry":
        return tuple(providers)
    registered = {p.id: p for p in providers}
    first = [registered.get(name, Provider(name)) for name in rules.llm_providers]
    return (*first, *(p for p in providers if p.id not in rules.llm_providers))


def load_platform(db: Session) -> Platform:
    """Return the platform's side as a snapshot (or scratch copy) holds it.

    A snapshot without a pricing cache gives an empty one; Snapshot.has_pricing tells them apart.
    Raises InputError for a database that is no snapshot, SnapshotError for a broken one.
    """
    if not inspect(db.connection()).has_table("manifest"):
        raise InputError("the database is no snapshot", todo="give platform= beside it")
    try:
        platform = _read_platform(db)
        _ = platform.health
    except (InputError, AttributeError, TypeError, ValueError, RecursionError) as error:
        raise SnapshotError(
            f"rules, registry, prices or catalogue are broken ({error})",
            where="the snapshot",
            todo="capture it again",
        ) from None
    return platform


def _read_platform(db: Session) -> Platform:
    ((document,),) = db.execute(text("SELECT document FROM rules"))
    registry = db.execute(
        text("SELECT id, api_key_env_var, is_active, health_score FROM providers ORDER BY position")
    )
    providers = tuple(
        Provider(row[0], row[1], None if row[2] is None else bool(row[2]), row[3])
        for row in registry
    )
    there = {column["name"] for column in inspect(db.connection()).get_columns("pricing")}
    chosen = ", ".join(c if c in there else "NULL" for c in COLUMNS)  # less in an earlier format
    models = db.execute(text(f"SELECT {chosen} FROM pricing ORDER BY position"))  # noqa: S608
    catalog = db.execute(
        text("SELECT model_id, capabilities, exclude_from_general_routing FROM model_catalog")
    )
    kept = db.scalar(text("SELECT value FROM manifest WHERE name = 'pricing'"))
    about = json.loads(kept) if kept else None  # none yet while a snapshot is being made
    columns = pricing_columns(models)
    return Platform(
        rules=rules_from_mapping(json.loads(document), "the snapshot's rules"),
        providers=providers,
        pricing=Pricing(columns, (about or {}).get("format", "none")),
        catalog=catalog_from_rows(catalog.all()),
        redacted=True,
    )


def _match_prefix(
    lowered: list[str], declared: list[str], providers: tuple[Provider, ...]
) -> tuple[Bools, list[str]]:
    """Match the part before the first `/` (source: PLATFORM A).

    Assumption where the incident document is silent: an id without `/` is served by the provider
    that its entry names as `litellm_provider`, lower-cased.
    """
    named = _prefixes(lowered, declared)
    places: dict[str, int] = {p.id: place for place, p in enumerate(providers)}
    matches = np.zeros((len(lowered), len(providers)), dtype=bool)
    for row, name in enumerate(named):
        if name in places:
            matches[row, places[name]] = True
    return matches, named


def _prefixes(lowered: list[str], declared: list[str]) -> list[str]:
    return [
        lower.split("/", 1)[0] if "/" in lower else owner.lower()
        for lower, owner in zip(lowered, declared, strict=True)
    ]


def _match_substring(
    lowered: list[str], declared: list[str], providers: tuple[Provider, ...]
) -> tuple[Bools, list[str]]:
    """Match ids contained in the model id, or equal to `litellm_provider` (source: PLATFORM B).

    Both are compared in lower case.
    """
    owners = [owner.lower() for owner in declared]
    matches = np.zeros((len(lowered), len(providers)), dtype=bool)
    for place, provider in enumerate(providers):
        name = provider.id
        pairs = zip(lowered, owners, strict=True)
        matches[:, place] = [name in lower or name == owner for lower, owner in pairs]
    return matches, declared


def _at(name: str, broken: Sequence[Sequence[str]]) -> Bools:
    """Return for each entry whether the field is among those at which the ranking fails."""
    return np.array([name in fields for fields in broken], dtype=bool)


Matcher = Callable[[list[str], list[str], tuple[Provider, ...]], tuple[Bools, list[Any]]]
_MATCHERS: Mapping[str, Matcher] = {"prefix": _match_prefix, "substring": _match_substring}
