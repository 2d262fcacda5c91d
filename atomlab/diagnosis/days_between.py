"""Days between two: what a tenant gets on the good day with any of the differences made.

Whether a model is found is decided of each price entry by itself, so that one ranking of each
day's prices serves all sets of their differences. What is shown in the end is ranked as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from atomlab.byok.models import Bools, Models
from atomlab.byok.platform import Platform, load_platform, read_registry
from atomlab.byok.ranking import Ranking, rank
from atomlab.byok.request import Request, asked_by
from atomlab.byok.rows import first_of, read_rows
from atomlab.diagnosis.assumptions import missing_input
from atomlab.diagnosis.differences import (
    PLACEHOLDERS,
    DayPart,
    Difference,
    blocks_of,
    flat_rules,
    rules_of,
    same_token,
)
from atomlab.evidence.inputs.environment import NONE, read_environment
from atomlab.evidence.inputs.pricing import Pricing
from atomlab.evidence.inputs.registry import Provider
from atomlab.evidence.inputs.rules import Rules
from atomlab.evidence.redaction import token_state
from atomlab.evidence.snapshot import Snapshot
from atomlab.evidence.tenants import plan_and_mode
from atomlab.shown import Several, Shown

_PLATFORMS = 16  # with mixed prices that are remembered, at most
# States that other rules on placeholders may see otherwise: nobody can tell without the value.
_JUDGED = ("present", "blank", "placeholder")


@dataclass(frozen=True, eq=False, repr=False)
class Day(Shown):
    """One of the two snapshots, and the platform's side of it."""

    snapshot: Snapshot
    platform: Platform
    registry: tuple[Provider, ...]

    @property
    def key_id(self) -> str:
        """The name of the key of its fingerprints."""
        return str(self.snapshot.manifest["fingerprint"]["key_id"])


@dataclass(frozen=True, repr=False)
class Held:
    """What a decision uses of a tenant on one day: settings and environment as tokens by name."""

    plan: str | None
    mode: str | None
    settings: Mapping[str, str]
    environment: Mapping[str, str]


@dataclass(frozen=True)
class _PricesSeen:
    """Of one request, which differing price entries are candidates, or break it, on each day.

    Sets of differences, and whether any other entry is, or does.
    """

    candidates: tuple[int, int]
    breaks: tuple[int, int]
    found: bool
    broken: bool


def lacking(good: Day, bad: Day) -> str:
    """Return what decides and a day lacks, with the day; empty if nothing."""
    days = {"good": good, "bad": bad}
    found = {name: missing_input(day.snapshot, day.platform) for name, day in days.items()}
    return " and ".join(f"of the {name} day {what}" for name, what in found.items() if what)


def read_day(snapshot: Snapshot) -> Day:
    """Return a snapshot with the platform's side of it."""
    session = snapshot.session
    return Day(snapshot, load_platform(session), Several(read_registry(session)))


def held_by(day: Day, tenant_id: str) -> Held:
    """Return what the tenant holds; raise TenantError for an id that no tenant has."""
    db = day.snapshot.session
    rows = read_rows(db, day.platform.rules, [tenant_id], NONE).settings.get(tenant_id, ())
    environment = read_environment(db).of(tenant_id)
    return Held(*plan_and_mode(db, tenant_id), first_of(rows), environment)


class PlatformsBetween(Shown):
    """The platform's side on every day between two; what was made once is kept."""

    def __init__(self, good: Day, bad: Day) -> None:
        self._days = one, other = good.platform, bad.platform
        self.rules = DayPart("rules", flat_rules(one.rules), flat_rules(other.rules))
        self.registry = DayPart("registry", _by_id(good), _by_id(bad), ordered=True)
        self.catalogue = DayPart("catalogue", one.catalog, other.catalog)
        self.prices = DayPart("prices", _by_model(one), _by_model(other), ordered=True)
        self.platform = lru_cache(maxsize=_PLATFORMS)(self._platform)
        self._made: dict[int, tuple[Rules, tuple[Platform, Platform]]] = {}
        self._models: dict[object, Models] = {}
        self._judged: dict[object, Any] = {}
        self._seen: dict[object, _PricesSeen] = {}

    @cached_property
    def differences(self) -> tuple[Difference, ...]:
        """All of the platform's: rules, registry, catalogue, then prices."""
        parts = self.rules, self.registry, self.catalogue, self.prices
        return Several(each for part in parts for each in part.differences)

    @cached_property
    def priced_from(self) -> int:
        """Where the differences of prices begin."""
        return len(self.differences) - len(self.prices.differences)

    @cached_property
    def placeholders(self) -> int:
        """The difference of what makes a value a placeholder, as a set; empty if there is none."""
        names = [each.name for each in self.rules.differences]
        return 1 << names.index(PLACEHOLDERS) if PLACEHOLDERS in names else 0

    def made(self, chosen: int) -> tuple[Rules, tuple[Platform, Platform]]:
        """Return rules and the platform with these differences, with each day's prices."""
        chosen &= (1 << self.priced_from) - 1
        if chosen not in self._made:
            rest, counts = chosen, []
            for part in (self.rules, self.registry, self.catalogue):
                counts.append(part.mixed(rest))
                rest >>= len(part.differences)
            rules = rules_of(counts[0], self._days[0].rules)
            registry = tuple(counts[1].values())
            sides = (
                self._on(day, rules, registry, counts[2], place)
                for place, day in enumerate(self._days)
            )
            self._made[chosen] = rules, (next(sides), next(sides))
        return self._made[chosen]

    def _platform(self, chosen: int) -> Platform:
        """Return the platform with these differences made, its prices included."""
        _, (site, other) = self.made(chosen)
        priced = chosen >> self.priced_from & ((1 << len(self.prices.differences)) - 1)
        if not priced:
            return site
        if priced == (1 << len(self.prices.differences)) - 1:
            return other
        pricing = self._mixed_prices(priced)
        ids = pricing.columns["model_id"]
        known = next((day for day in (site, other) if day.models.ids == ids), None)
        if known is None:
            return replace(site, pricing=pricing, _by_capability={}, _by_plan={})
        return replace(known, pricing=pricing)  # what follows from the ids alone is the same

    def _mixed_prices(self, priced: int) -> Pricing:
        """Return the good day's prices with these of their differences made."""
        days = [day.pricing.columns for day in self._days]
        good, bad = ({name: n for n, name in enumerate(day["model_id"])} for day in days)
        at = [
            len(good) + bad[name] if row is self.prices.bad.get(name) else good[name]
            for name, row in self.prices.mixed(priced).items()
        ]
        both = {name: (days[0][name], days[1][name]) for name in days[0]}
        columns = {
            name: np.concatenate(values)[at]
            if isinstance(values[0], np.ndarray)
            else [*map([*values[0], *values[1]].__getitem__, at)]
            for name, values in both.items()
        }
        return Pricing(columns, self._days[0].pricing.format)

    def seen(
        self, chosen: int, clients: tuple[str, ...], request: Request, plan: str | None
    ) -> _PricesSeen:
        """Return what each day's price entries are to a request on the platform that is chosen."""
        chosen &= (1 << self.priced_from) - 1
        plan = plan if request.managed else None
        key = chosen, clients, request, plan
        if key not in self._seen:
            rankings = [rank(site, clients, request, plan) for site in self.made(chosen)[1]]
            candidates = [ranking.blockers == 0 for ranking in rankings]
            breaks = [np.zeros(len(each), dtype=bool) for each in candidates]
            for ranking, where in zip(rankings, breaks, strict=True):
                where[ranking.breaks] = True
            self._seen[key] = _PricesSeen(
                self._sets(candidates),
                self._sets(breaks),
                bool(candidates[0][self._common].any()),
                bool(breaks[0][self._common].any()),
            )
        return self._seen[key]

    def _on(
        self,
        day: Platform,
        rules: Rules,
        registry: tuple[Provider, ...],
        catalog: Mapping[str, Any],
        place: int,
    ) -> Platform:
        """Return a platform with the prices of a day; what others have computed is shared."""
        able = tuple(rules.capability_quality.items())
        quality = place, rules.quality, rules.quality_heuristics, rules.default_quality, able
        plans = place, tuple(rules.plans.items())
        site = Platform(
            rules,
            registry,
            day.pricing,
            catalog,
            redacted=True,
            _by_capability=self._judged.setdefault(quality, {}),
            _by_plan=self._judged.setdefault(plans, {}),
        )
        key = place, tuple(site.column), rules.matcher, tuple(catalog.items())
        site.__dict__["models"] = self._models.setdefault(key, site.models)
        return site

    @cached_property
    def _places(self) -> tuple[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]], ...]:
        """For each day, which differing entries it has, and where they are in its prices."""
        names = [e.name if e.change != "reordered" else None for e in self.prices.differences]
        found = []
        for day in self._days:
            at = {name: place for place, name in enumerate(day.pricing.columns["model_id"])}
            places = np.array([at.get(name, -1) for name in names], dtype=np.intp)
            found.append((places >= 0, np.maximum(places, 0)))
        return tuple(found)

    @cached_property
    def _common(self) -> np.ndarray[Any, Any]:
        """Where the entries that both days have alike are in the good day's prices."""
        differing = {e.name for e in self.prices.differences if e.change != "reordered"}
        ids = self._days[0].pricing.columns["model_id"]
        return np.array([n for n, name in enumerate(ids) if name not in differing], dtype=np.intp)

    def _sets(self, marks: list[Bools]) -> tuple[int, int]:
        """Return of each day the set of differing entries that are marked."""
        found = []
        for (there, at), marked in zip(self._places, marks, strict=True):
            bits = there & marked[at] if len(marked) else np.zeros(len(there), dtype=bool)
            packed = int.from_bytes(np.packbits(bits, bitorder="little").tobytes(), "little")
            found.append(packed << self.priced_from)
        return found[0], found[1]


class DaysBetween:
    """What a tenant gets on every day between two.

    `comparable` says that the fingerprints of both were made under one key.
    """

    def __init__(self, sites: PlatformsBetween, good: Held, bad: Held, *, comparable: bool) -> None:
        self.sites, self._held = sites, (good, bad)
        edges = [sites.made(chosen)[0] for chosen in (0, (1 << len(sites.differences)) - 1)]
        read = {rules.keys_from for rules in edges}

        def same(one: str, other: str) -> bool | None:
            if not sites.placeholders and token_state(one) != token_state(other):
                return False
            return same_token(one, other, comparable=comparable)

        def rows(where: str) -> DayPart:
            if where not in read:
                return DayPart("rows", {}, {})
            return DayPart("rows", getattr(good, where), getattr(bad, where), same=same)

        self._parts = (
            DayPart("plan", {"plan": good.plan}, {"plan": bad.plan}),
            DayPart("mode", {"ai_mode": good.mode}, {"ai_mode": bad.mode}),
            rows("settings"),
            rows("environment"),
        )
        own = tuple(each for part in self._parts for each in part.differences)
        self.differences = Several((*sites.differences, *own))
        self.blocks = blocks_of(self.differences)
        self.whole = (1 << len(self.differences)) - 1
        self.guesses = False  # whether a day was met that nobody can decide
        self._decided: dict[object, tuple[tuple[str, ...], str | None, str | None] | None] = {}

    @property
    def priced(self) -> tuple[int, int]:
        """Where the differences of prices begin, and how many they are."""
        return self.sites.priced_from, len(self.sites.prices.differences)

    def fails(self, chosen: int, request: Request) -> bool | None:
        """Return whether the request finds no model with these differences made on the good day.

        None where a value would have to be judged by the other day's rules on placeholders.
        """
        tenant = self._tenant(chosen)
        if tenant is None:
            self.guesses = True
            return None
        clients, plan, mode = tenant
        seen = self.sites.seen(chosen, clients, asked_by(request, mode), plan)
        left = self.whole & ~chosen

        def any_of(sets: tuple[int, int]) -> bool:
            return bool(left & sets[0] or chosen & sets[1])

        if seen.broken or any_of(seen.breaks):
            return True
        return not (seen.found or any_of(seen.candidates))

    def run(self, chosen: int, request: Request) -> Ranking | None:
        """Return the whole decision with these differences made; None where nobody can tell."""
        tenant = self._tenant(chosen)
        if tenant is None:
            return None
        clients, plan, mode = tenant
        return rank(self.sites.platform(chosen), clients, request.of_tenant(mode), plan)

    def _tenant(self, chosen: int) -> tuple[tuple[str, ...], str | None, str | None] | None:
        """Return clients, plan and mode; None where the state of a value is not known."""
        priced = ((1 << self.priced[1]) - 1) << self.priced[0]
        key = chosen & ~priced
        if key not in self._decided:
            self._decided[key] = self._decide(chosen)
        return self._decided[key]

    def _decide(self, chosen: int) -> tuple[tuple[str, ...], str | None, str | None] | None:
        own, mixed = chosen >> len(self.sites.differences), []
        for part in self._parts:
            mixed.append(part.mixed(own))
            own >>= len(part.differences)
        rules, (site, _) = self.sites.made(chosen)
        place = 2 if rules.keys_from == "settings" else 3
        rows, judged = mixed[place], bool(chosen & self.sites.placeholders)
        if self.sites.placeholders:
            part = self._parts[place]
            differing = {each.name for each in part.differences}
            days = (part.bad, part.good) if judged else (part.good, part.bad)
            if any(
                rows[name] != days[0].get(name) and token_state(rows[name]) in _JUDGED
                for name in differing & rows.keys()
            ):
                return None
            rows = {name: rows[name] if name in differing else days[0][name] for name in rows}
        manager = site.manager()
        clients = manager.clients_of(manager.states_of(rows.items()))
        return clients, mixed[0]["plan"], mixed[1]["ai_mode"]


def _by_id(day: Day) -> dict[str, Provider]:
    return {provider.id: provider for provider in day.registry}


def _by_model(site: Platform) -> dict[str, tuple[Any, ...]]:
    return {row[0]: row for row in site.pricing.rows()}
