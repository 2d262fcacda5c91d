"""Deviations: the causes that repairs point at, what part each plays, and what was observed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

import numpy as np

from atomlab.byok.filters import FILTERS, NAMES, PHRASES
from atomlab.byok.ranking import Ranking
from atomlab.diagnosis.confirmation import own_fix_set
from atomlab.diagnosis.edits import Edit
from atomlab.diagnosis.explanation import (
    CODES,
    FILTER_OF,
    Cause,
    DecidedRequest,
    FixSet,
    atom_of,
)
from atomlab.text import count, listed
from atomlab.verdicts import Role

# Filters whose observed value is a number that has to be high enough.
_NUMERIC = ("context", "health", "quality")
# Causes that are repaired by a change of the platform; any other is repaired in the tenant's rows.
_PLATFORM = ("provider-not-llm", "provider-unknown", "orphan-client")


def find_causes(case: DecidedRequest, fix_sets: Sequence[FixSet]) -> list[Cause]:
    """Return the causes that some fix set repairs, best supported first; else what is left to say.

    Best supported are those that suffice alone, then the cheaper, then in registry order.
    """
    ranking, place = case.ranking, case.platform.column
    repaired = {atom for fix_set in fix_sets for atom in fix_set.atoms}
    causes = [
        cause_of(*defect.claim, fix_sets, defect.evidence)
        for defect in case.defects
        if f"client:{defect.provider}" in repaired
    ]
    orphans = _orphans(case, fix_sets)
    causes += [*(orphans if causes else ()), *_filter_causes(causes, ranking, fix_sets)]
    if not causes:
        return orphans or _without_fix(case, fix_sets)

    def support(cause: Cause) -> tuple[bool, bool, int, int]:
        last = place.get(cause.provider or "", len(place))
        return cause.role is None, not cause.sufficient_alone, _cost(cause), last

    causes.sort(key=support)
    if sum(cause.sufficient_alone for cause in causes) > 1:  # each is one of several
        causes = [replace(c, role="one-of-k") if c.role == "sole" else c for c in causes]
    known = {(cause.atom, cause.provider) for cause in causes}
    return [_with_filters(cause, known, ranking, fix_sets) for cause in causes]


def cause_of(
    code: str,
    provider: str | None,
    key: str | None,
    fix_sets: Sequence[FixSet],
    evidence: tuple[str, ...],
) -> Cause:
    """Return the cause, its part as these fix sets give it."""
    atom = atom_of(code, provider)
    through = [fix_set for fix_set in fix_sets if atom in fix_set.atoms]
    alone = any(fix_set.atoms == (atom,) for fix_set in through)
    in_every = len(through) == len(fix_sets) > 0
    return Cause(code, provider, key, _role(through, fix_sets), alone, in_every, evidence)


def no_keys(case: DecidedRequest, fix_sets: Sequence[FixSet]) -> Cause:
    """Return the cause of a tenant without any key, or sign of one, that was looked at."""
    alone = any(len(fix_set.atoms) == 1 for fix_set in fix_sets)
    role, evidence = _role(fix_sets, fix_sets), tuple(_no_keys_evidence(case, fix_sets))
    return Cause("no-keys", None, None, role, alone, bool(fix_sets), evidence)


def _no_keys_evidence(case: DecidedRequest, fix_sets: Sequence[FixSet]) -> Iterator[str]:
    if case.other_keys:
        yield "the tenant has no usable key of an LLM provider with a chat model in the price map"
    else:
        yield "the tenant has no usable key of an LLM provider, and no row resembles one"
    if case.withheld:
        others = count(case.withheld, "other setting was", "other settings were")
        yield f"{others} not looked at by name"
    if fix_sets:
        yield f"{count(len(fix_sets), 'fix set')} would do, each with another provider's key"
    else:
        yield "no provider's key alone would do"
    if case.other_keys:
        named = listed(case.other_keys)
        yield f"other keys, of providers without a chat model in the price map: {named}"
    rows = case.sandbox.tenant(case.tenant_id).rows
    names = rows.names(case.tenant_id)
    if names and rows.rules.keys_from == "environment":
        yield (
            "in this edition keys come from the worker's environment; these settings are not"
            f" read: {listed(names)}"
        )


def _role(through: Sequence[FixSet], fix_sets: Sequence[FixSet]) -> Role | None:
    if not through:
        return None
    if all(len(fix_set.atoms) > 1 for fix_set in through):
        return "joint"
    return "sole" if len(fix_sets) == 1 else "one-of-k"


def _cost(cause: Cause) -> int:
    if cause.code in FILTER_OF:
        return Edit("waive-filter", filter=FILTER_OF[cause.code]).cost
    return Edit("allow-provider" if cause.code in _PLATFORM else "copy-key").cost


def _filter_causes(
    causes: Sequence[Cause], ranking: Ranking, fix_sets: Sequence[FixSet]
) -> list[Cause]:
    """Return the filters that are causes, for each provider whose models they block.

    Those that alone block a client's models; where there are none and no cause suffices alone,
    the filters in each cause's own smallest repair.
    """
    pairs: list[tuple[str, str]] = []
    if blocking := [f for f in fix_sets if not f.atoms[0].startswith("client:")]:
        best = {name: f for f in reversed(blocking) for name in f.atoms}
        names = dict.fromkeys(name for f in blocking for name in f.atoms)
        pairs = [(name, p) for name in names for p in _blocked_by(name, ranking, best[name])]
    elif not any(cause.sufficient_alone for cause in causes):
        own = (own_fix_set(cause, fix_sets, ranking) for cause in causes)
        pairs = [(name, f.provider or "") for f in own if f for name in f.atoms if name in NAMES]
    return [
        cause_of(CODES.get(name, name), p, None, fix_sets, (_observed(name, ranking, p),))
        for name, p in dict.fromkeys(pairs)
    ]


def _blocked_by(name: str, ranking: Ranking, fix_set: FixSet) -> list[str]:
    """Return whose models the filter blocks: those of the fix, or of each unhealthy client."""
    platform, unhealthy = ranking.view.platform, list[str]()
    if name == "health":
        least = platform.rules.min_health_score
        unhealthy = [c for c in ranking.clients if platform.health[platform.column[c]] < least]
    return unhealthy or [fix_set.provider or ""]


def _with_filters(
    cause: Cause,
    known: Collection[tuple[str, str | None]],
    ranking: Ranking,
    fix_sets: Sequence[FixSet],
) -> Cause:
    """Return a joint cause with what its own repair needs waived, where no cause says so."""
    own = own_fix_set(cause, fix_sets, ranking) if cause.role == "joint" else None
    provider = cause.provider
    if own is None or provider is None:
        return cause
    names = (atom for atom in own.atoms if atom in NAMES and (atom, provider) not in known)
    seen = (_observed(name, ranking, provider) for name in names)
    return replace(cause, evidence=(*cause.evidence, *seen))


def _observed(name: str, ranking: Ranking, provider: str) -> str:
    """Return what the filter saw of the provider's models, and what it required."""
    pricing, mine = ranking.view.platform.pricing, ranking.view.platform.models_of(provider)
    judgement = FILTERS[NAMES.index(name)](ranking.view)
    places = np.flatnonzero(mine & judgement.rejected)
    rejects = f"{len(places):,} of {count(int(mine.sum()), 'model')} of {provider} rejected"
    if name not in _NUMERIC:
        return f"{rejects}: {PHRASES[name]}, required {judgement.required}"
    known = places[~pricing.window_unknown[places]] if name == "context" else places
    required = f"required {judgement.required:g}"
    seen = []
    if len(known):
        best = max(judgement.observed[int(place)] for place in known)
        seen.append(f"{PHRASES[name]}, the best of them {best:g}, {required}")
    if unknown := len(places) - len(known):
        for_these = f" for {unknown:,} of these" if len(known) else ""
        seen.append(f"no context window known{for_these}: the platform reads 0, {required}")
    return f"{rejects}: {'; '.join(seen)}"


def _without_fix(case: DecidedRequest, fix_sets: Sequence[FixSet]) -> list[Cause]:
    """Return the causes where no deviation leads to a model: hopeless rows, or no key."""
    if not case.defects and not case.ranking.clients:
        return [no_keys(case, fix_sets)]
    hopeless = "repairing it alone makes no model of {} usable"
    return [
        cause_of(*d.claim, (), (*d.evidence, hopeless.format(d.provider))) for d in case.defects
    ]


def _orphans(case: DecidedRequest, fix_sets: Sequence[FixSet]) -> list[Cause]:
    """Return a cause for each client without models, where no client of the tenant has any.

    Not for a row that the repair of an alias which helps could copy, chosen or not: that it makes
    a client is beside the point. No change of an orphan alone is in a fix set, so it has no role.
    """
    platform, manager = case.platform, case.platform.manager()
    if any(map(platform.has_models, case.ranking.clients)):
        return []
    repaired = {atom for fix_set in fix_sets for atom in fix_set.atoms}
    helping = [d for d in case.defects if d.copy_from and f"client:{d.provider}" in repaired]
    copied = {name for d in helping for name in (d.copy_from, *d.others)}
    total = count(len(platform.models.ids), "model")
    rows = {client: manager.key_name(client) for client in case.ranking.clients}
    return [
        cause_of(
            *("orphan-client", orphan, row, ()),
            (
                f"row {row} makes the client {orphan}",
                f"none of the {total} in the pricing cache is served by {orphan}",
            ),
        )
        for orphan, row in rows.items()
        if row not in copied
    ]
