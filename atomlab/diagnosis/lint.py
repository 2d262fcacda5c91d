"""Lint: what in the registry, the rules and the cache breaks tenants, or is about to."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from atomlab.byok.models import Bools
from atomlab.byok.platform import Platform, load_platform
from atomlab.byok.ranking import rank
from atomlab.byok.request import Request
from atomlab.byok.scoring import scorer
from atomlab.diagnosis.population import Population, TenantGroup
from atomlab.evidence.inputs.pricing import DEAREST, PROVIDER
from atomlab.evidence.inputs.registry import Provider, setting_key
from atomlab.evidence.inputs.rules import COMPLEXITIES
from atomlab.evidence.redaction import USABLE
from atomlab.evidence.snapshot import Evidence
from atomlab.files import read_shipped_yaml
from atomlab.shown import Several, Shown
from atomlab.text import count, listed, printable

Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
# Each code's severity, and what it means whatever the subject.
CODES: Mapping[str, tuple[Severity, str]] = read_shipped_yaml(Path(__file__).with_name("lint.yaml"))


@dataclass(frozen=True, repr=False)
class Finding(Shown):
    """One finding: `why` holds the observed values; `tenants`, how many tenants it touches."""

    code: str
    severity: Severity
    subject: str
    why: str
    tenants: int


@dataclass(frozen=True, repr=False)
class Lint(Shown):
    """The findings on a snapshot, ordered by severity, code and subject."""

    sha256: str
    captured_at: str
    rules: str
    findings: tuple[Finding, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the document `atomlab.lint/1`."""
        return {
            "schema": "atomlab.lint/1",
            "snapshot": {name: getattr(self, name) for name in ("sha256", "captured_at", "rules")},
            "findings": [asdict(finding) for finding in self.findings],
        }


@dataclass(frozen=True)
class _World:
    """What is linted: `reach` is models × registry, whose client, if it may be one, serves it.

    `holders` has for each name of a key the tenants for whom it is usable, `clients_of` for each
    provider the tenants that have its client.
    """

    platform: Platform
    reach: Bools
    holders: Mapping[str, set[str]]
    clients_of: Mapping[str, set[str]]
    tenants: frozenset[str]
    has_pricing: bool

    def serves(self, provider: Provider) -> bool:
        return bool(self.reach[:, self.platform.column[provider.id]].any())

    def holding(self, names: Iterable[str]) -> frozenset[str]:
        """Return the tenants with a usable key under any of the names."""
        return frozenset().union(*(self.holders.get(name, ()) for name in names))

    def with_client(self, providers: Iterable[Provider]) -> frozenset[str]:
        """Return the tenants with a client of any of the providers."""
        return frozenset().union(*(self.clients_of.get(p.id, ()) for p in providers))

    def served(self, places: Sequence[int]) -> frozenset[str]:
        """Return the tenants with a client that may serve any of the models."""
        columns = np.flatnonzero(self.reach[list(places)].any(axis=0))
        return self.with_client(self.platform.providers[c] for c in columns)

    def some(self, places: Sequence[int]) -> str:
        ids = (self.platform.models.ids[place] for place in places)
        return f"{count(len(places), 'model')} ({listed(ids, 1)})"


# What a check finds: code, subject, observed values, and the tenants that it touches.
_Found = Iterator[tuple[str, str, str, frozenset[str]]]


def lint(evidence: Evidence) -> Lint:
    """Return what is wrong with a snapshot's registry, rules and cache; CODES lists the codes."""
    world = _world(evidence)
    found = [
        Finding(code, CODES[code][0], subject, why, len(touched))
        for check in _CHECKS
        for code, subject, why, touched in check(world)
    ]
    found.sort(key=lambda f: (SEVERITIES.index(f.severity), f.code, f.subject, f.why))
    rules = world.platform.rules.name
    return Lint(evidence.sha256, evidence.captured_at, rules, Several(found))


def _no_models(world: _World) -> _Found:
    """Touched: everybody."""
    if not world.has_pricing:
        yield "pricing-not-captured", "pricing cache", "none was captured", world.tenants
    elif not len(world.reach):
        yield "pricing-cache-empty", "pricing cache", "it holds 0 models", world.tenants


def _variables(world: _World) -> _Found:
    """Touched: who holds a key under the variable or the name of any id that declares it."""
    manager, sharing = world.platform.manager(), defaultdict[str, list[Provider]](list)
    for p in world.platform.providers:
        if p.api_key_env_var:
            sharing[p.api_key_env_var].append(p)
    for variable, ids in sharing.items():
        touched = world.holding([variable, *(p.setting_key for p in ids)])
        for p in ids:
            names = manager.key_names(p.id)
            if variable not in names:
                why = f"declares {printable(variable)}, is looked up as {printable(names[0])}"
                yield "setting-key-differs", p.id, why, touched
        if len(ids) > 1:
            yield "shared-variable", variable, _sharing(ids, touched, world), touched


def _sharing(ids: Sequence[Provider], touched: frozenset[str], world: _World) -> str:
    declared = f"declared by {listed((p.id for p in ids), 8)}"
    serving = [p for p in ids if world.serves(p)]
    if not serving:
        models = count(len(world.reach), "model")
        return f"{declared}; none serves any of {models}" if len(world.reach) else declared
    stuck = len(touched - world.with_client(serving))
    return (
        f"{declared}; only {listed((p.id for p in serving), 8)} can serve models, and "
        f"{stuck:,} of {count(len(touched), 'tenant')} with a key lack that one"
    )


def _membership(world: _World) -> _Found:
    """Touched: who holds a key under the name that the lookup reads, or would read."""
    platform, models = world.platform, count(len(world.reach), "model")
    allowed = platform.rules.llm_providers
    never = f"is never read: not among {len(platform.providers):,} registered"
    found = [
        (name, "allow-list-unregistered", never)
        for name in dict.fromkeys(allowed)
        if name not in platform.column
    ]
    for p in platform.providers:
        if p.id not in allowed:
            why = f"makes no client: not among {len(allowed):,} allowed"
            found.append((p.id, "registry-not-allowed", why))
        elif len(world.reach) and not world.serves(p):
            found.append((p.id, "orphan-client", f"makes a client that serves none of {models}"))
    for name, code, why in found:
        key = platform.manager().key_name(name)
        yield code, name, f"{printable(key)} {why}", world.holding([key])


def _breaking(world: _World) -> _Found:
    """Touched: everybody by an unreadable provider; else who has a client for the model.

    What only breaks the ranking of a client that nobody can have is left out.
    """
    for place, broken in world.platform.pricing.breaks.items():
        if PROVIDER in broken or world.reach[place].any():
            why = f"{listed(broken)}: not the text or number that the platform expects"
            touched = world.tenants if PROVIDER in broken else world.served([place])
            yield "pricing-entry-breaks", world.platform.models.ids[place], why, touched


def _units(world: _World) -> _Found:
    """Touched: who has a client for such a model. One finding per provider."""
    for place, p in enumerate(world.platform.providers):
        dear = np.flatnonzero(world.reach[:, place] & world.platform.pricing.too_dear)
        if len(dear):
            why = f"{world.some(dear.tolist())} above {DEAREST:g} US dollars per token"
            yield "price-unit", p.id, why, world.with_client([p])


def _winners(world: _World) -> _Found:
    """Touched: who holds the key. The winner is that of a tenant who has no other client."""
    serving = filter(world.serves, world.platform.providers)
    for p, complexity in itertools.product(serving, COMPLEXITIES):
        winner = rank(world.platform, [p.id], Request(complexity)).winner
        if winner and winner.unable:
            model = printable(winner.model)
            why = f"with this key alone {model} wins, whose mode is {winner.mode}"
            yield "winner-no-chat", f"{p.id}, {complexity}", why, world.with_client([p])


def _unreachable(world: _World) -> _Found:
    """Touched: who holds a key under the name of an owner of such models (COHERE_API_KEY)."""
    unserved = np.flatnonzero(~world.reach.any(axis=1))
    owners = Counter(sorted(str(world.platform.models.provider[place]) for place in unserved))
    if owners:
        ranked = (f"{owner or 'no owner'} {n:,}" for owner, n in owners.most_common())
        why = f"of {len(world.reach):,} in all, by owner: {listed(ranked, 6)}"
        touched = world.holding(setting_key(owner) for owner in owners)
        yield "unreachable-models", count(len(unserved), "model"), why, touched


def _scores_by_name(world: _World) -> _Found:
    """Touched: who has a client for such a model. One finding per name and word.

    A model's score is earned by a name if the word that scores stands in one, and the id scores
    otherwise without its names: the parts before the last `/`, and ids of the registry in the last
    (so both in `minimax/MiniMax-M2`).
    """
    models, (scores, sources) = world.platform.models, world.platform.quality(None)
    registered = sorted((p.id.lower() for p in world.platform.providers), key=len, reverse=True)
    groups: dict[tuple[str, str], list[tuple[int, float]]] = defaultdict(list)
    score_of = scorer(world.platform.rules)
    for place in np.flatnonzero(world.reach.any(axis=1)).tolist():
        word = sources[place].partition(":")[2]
        *parts, own = models.lowered[place].split("/")
        inside = [name for name in registered if word in name and word != name and name in own]
        names = [part for part in parts if word in part] + inside
        for name in inside:
            own = own.replace(name, "/")
        score = score_of(own)[0]
        if word and names and score != scores[place]:
            groups[names[0], sources[place]].append((place, score))
    for (name, source), found in groups.items():
        places = [place for place, _ in found]
        without = " or ".join(f"{score:g}" for score in sorted({score for _, score in found}))
        why = (
            f"{printable(source)} scores {world.some(places)} {scores[places[0]]:g}, "
            f"without the name {without}"
        )
        yield "quality-by-name", name, why, world.served(places)


def _ambiguous(world: _World) -> _Found:
    """Touched: who has clients for two or more of the providers. One finding per set of them."""
    if world.platform.rules.matcher != "substring":
        return
    groups: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for place in np.flatnonzero(world.reach.sum(axis=1) > 1).tolist():
        groups[tuple(np.flatnonzero(world.reach[place]).tolist())].append(place)
    for columns, places in groups.items():
        ids = [world.platform.providers[c] for c in columns]
        clients = Counter(tenant for p in ids for tenant in world.with_client([p]))
        why = f"match {world.some(places)}; {printable(ids[0].id)} comes first in client order"
        touched = frozenset(tenant for tenant, number in clients.items() if number > 1)
        yield "ambiguous-match", ", ".join(p.id for p in ids), why, touched


_CHECKS = (
    *(_no_models, _breaking, _variables, _membership, _units, _winners),
    *(_unreachable, _scores_by_name, _ambiguous),
)


def _world(evidence: Evidence) -> _World:
    platform = load_platform(evidence.session)
    holders: dict[str, set[str]] = defaultdict(set)
    clients_of: dict[str, set[str]] = defaultdict(set)
    tenants: set[str] = set()
    members: dict[TenantGroup, set[str]] = defaultdict(set)
    for tenant, group in Population(evidence, platform):
        members[group].add(tenant.id)
    for group, ids in members.items():
        tenants |= ids
        for name in (name for name, state in group.rows.items() if state in USABLE):
            holders[name] |= ids
        for client in group.clients:
            clients_of[client] |= ids
    allowed = [p.id in platform.rules.llm_providers for p in platform.providers]
    reach = platform.models.matches & np.array(allowed, dtype=bool)
    return _World(platform, reach, holders, clients_of, frozenset(tenants), evidence.has_pricing)
