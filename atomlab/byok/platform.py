"""The platform's side of a decision: rules, registry, prices and catalogue, as columns.

Built once, it serves every tenant and request of a snapshot.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from sqlalchemy import inspect, text
from sqlalchemy.orm import Session

from atomlab import limits
from atomlab.byok.keys import BYOKManager
from atomlab.byok.models import Bools, Models
from atomlab.byok.scoring import Floats, scorer
from atomlab.errors import InputError, SnapshotError
from atomlab.evidence.inputs.catalog import CatalogEntry, catalog_from_rows
from atomlab.evidence.inputs.pricing import COLUMNS, Pricing, pricing_columns
from atomlab.evidence.inputs.registry import Provider
from atomlab.evidence.inputs.rules import Rules, rules_from_mapping
from atomlab.shown import Several, Shown
from atomlab.text import printable


@dataclass(frozen=True, eq=False)
class Platform(Shown):
    """Everything that a decision uses beside the tenant; never changed after it is made.

    `providers` are in client order. `redacted` says that it came from a snapshot, where settings
    hold tokens and no values.
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
        sizes = f"{len(self.providers):,} providers, {len(self.pricing):,} models"
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
        return self._manager

    @cached_property
    def _manager(self) -> BYOKManager:
        return BYOKManager(self.providers, self.rules, redacted=self.redacted)

    @cached_property
    def models(self) -> Models:
        """The pricing cache, prepared for this platform's providers."""
        ids = tuple(provider.id for provider in self.providers)
        return Models(self.pricing, self.catalog, ids, self.rules.matcher)

    def models_of(self, provider_id: str) -> Bools:
        """Return for each model whether the provider's client would serve it, if it had one."""
        if provider_id not in self.column:
            return self.models.matching(provider_id)
        matches: Bools = self.models.matches[:, self.column[provider_id]]
        return matches

    def has_models(self, provider_id: str) -> bool:
        """Return whether the provider can have a client, and the cache a model for it."""
        return provider_id in self._with_models

    @cached_property
    def _with_models(self) -> frozenset[str]:
        served = np.flatnonzero(self.models.matches.any(axis=0))
        return frozenset(self.providers[place].id for place in served)

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
    """Return the providers as clients are built: by the registry, or the edition's own list."""
    if rules.client_order == "registry":
        return Several(providers)
    registered = {p.id: p for p in providers}
    first = [registered.get(name, Provider(name)) for name in rules.llm_providers]
    return Several((*first, *(p for p in providers if p.id not in rules.llm_providers)))


def load_platform(db: Session) -> Platform:
    """Return the platform's side as a snapshot (or scratch copy) holds it.

    A snapshot without a pricing cache gives an empty one; Snapshot.has_pricing tells them apart.
    Raises InputError for a database that is not a snapshot, SnapshotError for a broken one.
    """
    if not inspect(db.connection()).has_table("manifest"):
        raise InputError("the database is not a snapshot", todo="give platform= beside it")
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


def read_registry(db: Session) -> tuple[Provider, ...]:
    """Return the providers that a snapshot (or scratch copy) holds, in the registry's own order."""
    registry = db.execute(
        text("SELECT id, api_key_env_var, is_active, health_score FROM providers ORDER BY position")
    )
    return tuple(
        Provider(row[0], row[1], None if row[2] is None else bool(row[2]), row[3])
        for row in registry
    )


def _read_platform(db: Session) -> Platform:
    ((document,),) = db.execute(text("SELECT document FROM rules"))
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
        providers=read_registry(db),
        pricing=Pricing(columns, (about or {}).get("format", "none")),
        catalog=catalog_from_rows(catalog.all()),
        redacted=True,
    )
