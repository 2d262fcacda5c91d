"""Deviations: the causes that repairs point at, what part each plays, and what was observed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from atomlab.byok.filters import FILTERS, NAMES, PHRASES
from atomlab.byok.platform import Platform
from atomlab.byok.ranking import Ranking
from atomlab.diagnosis.confirmation import own_fix_set
from atomlab.diagnosis.defects import Defect
from atomlab.diagnosis.explanation import CODES, Cause, FixSet
from atomlab.diagnosis.interventions import Edit
from atomlab.text import count
from atomlab.verdicts import Role

# Filters whose observed value is a number that has to be high enough.
_NUMERIC = ("context", "health", "quality")


def key_edit(provider: str, defect: Defect | None, platform: Platform) -> Edit:
    """Return what makes the provider's client: its defect repaired, or a new credential."""
    if defect is None:
        return Edit("new-credential", platform.manager().key_name(provider))
    if defect.code == "provider-unknown":
        return Edit("register-provider", provider=provider)
    if defect.code == "provider-not-llm":
        return Edit("allow-provider", provider=provider)
    if defect.code in ("key-empty", "key-placeholder"):
        return Edit("repair-row", defect.setting_key, defect.copy_from)
    return Edit("copy-key", defect.setting_key, defect.copy_from)


def deviations(
    ranking: Ranking, defects: Sequence[Defect], fix_sets: Sequence[FixSet]
) -> list[Cause]:
    """Return the causes that some fix set repairs, best supported first.

    First those that suffice alone, then the cheaper, then in registry order; last what no fix set
    repairs. Where none suffices alone, the filters that stand in the way of each one's own
    smallest repair are causes beside it; else its evidence says so.
    """
    platform, found = ranking.view.platform, list[tuple[int, Cause]]()
    for defect in defects:
        atom = f"client:{defect.provider}"
        if any(atom in fix_set.atoms for fix_set in fix_sets):
            key = (defect.provider, defect.setting_key)
            cause = cause_of(defect.code, *key, atom, fix_sets, defect.evidence)
            found.append((key_edit(defect.provider, defect, platform).cost, cause))
    lacking = not any(cause.sufficient_alone for _, cause in found)
    meant = [own_fix_set(cause, fix_sets, ranking) for _, cause in found]
    if found:
        refresh = Edit("refresh-pricing").cost
        found += [(refresh, orphan) for orphan in _orphans(ranking, defects, fix_sets)]
    blocking = [f for f in fix_sets if not f.atoms[0].startswith("client:")]
    for name in dict.fromkeys(a for f in blocking for a in f.atoms if a in NAMES):
        best = next(f for f in blocking if name in f.atoms)
        for provider in _blocked_providers(name, ranking, best):
            found.append(_filter_cause(name, provider, ranking, fix_sets))
    if not blocking and lacking:
        own = [(name, f.provider or "") for f in meant if f for name in f.atoms if name in NAMES]
        found += [_filter_cause(*each, ranking, fix_sets) for each in dict.fromkeys(own)]
    place = platform.column

    def support(entry: tuple[int, Cause]) -> tuple[bool, bool, int, int]:
        cost, cause = entry
        last = place.get(cause.provider or "", len(place))
        return cause.role is None, not cause.sufficient_alone, cost, last

    causes = _only_one_sole([cause for _, cause in sorted(found, key=support)])
    return [_with_filters(cause, causes, ranking, fix_sets) for cause in causes]


def _filter_cause(
    name: str, provider: str, ranking: Ranking, fix_sets: Sequence[FixSet]
) -> tuple[int, Cause]:
    """Return what waiving the filter costs, and the cause that it blocks the provider's models."""
    evidence = _observed(name, ranking, provider)
    cause = cause_of(CODES.get(name, name), provider, None, name, fix_sets, evidence)
    return Edit("waive-filter", filter=name).cost, cause


def _with_filters(
    cause: Cause, causes: Sequence[Cause], ranking: Ranking, fix_sets: Sequence[FixSet]
) -> Cause:
    """Return a joint cause with what its own repair needs waived, where no cause says so."""
    own = own_fix_set(cause, fix_sets, ranking) if cause.role == "joint" else None
    told = {(each.atom, each.provider) for each in causes}
    provider = cause.provider
    names = [a for a in own.atoms if a in NAMES and (a, provider) not in told] if own else []
    if not names or provider is None:
        return cause
    seen = (sentence for name in names for sentence in _observed(name, ranking, provider))
    return replace(cause, evidence=(*cause.evidence, *seen))


def _only_one_sole(causes: Sequence[Cause]) -> list[Cause]:
    """Return the causes; where several suffice alone, each is one of k."""
    several = sum(cause.sufficient_alone for cause in causes) > 1
    return [replace(c, role="one-of-k") if several and c.role == "sole" else c for c in causes]


def cause_of(
    code: str,
    provider: str | None,
    key: str | None,
    atom: str,
    fix_sets: Sequence[FixSet],
    evidence: tuple[str, ...],
) -> Cause:
    """Return the cause for which `atom` stands, its part as these fix sets give it."""
    through = [fix_set for fix_set in fix_sets if atom in fix_set.atoms]
    alone = any(fix_set.atoms == (atom,) for fix_set in through)
    everywhere = len(through) == len(fix_sets) > 0
    return Cause(code, provider, key, _role(through, fix_sets), alone, everywhere, evidence)


def _role(through: Sequence[FixSet], fix_sets: Sequence[FixSet]) -> Role | None:
    """Return the role of a cause that these of all fix sets repair, None if none does."""
    if not through:
        return None
    if all(len(fix_set.atoms) > 1 for fix_set in through):
        return "joint"
    return "sole" if len(fix_sets) == 1 else "one-of-k"


def _blocked_providers(name: str, ranking: Ranking, fix_set: FixSet) -> list[str]:
    """Return whose models the filter blocks: those of the fix, or of each unhealthy client."""
    best = fix_set.provider or ""
    if name != "health" or fix_set.atoms[0].startswith("client:"):
        return [best]
    platform = ranking.view.platform
    least = platform.rules.min_health_score
    return [c for c in ranking.clients if platform.health[platform.column[c]] < least] or [best]


def _observed(name: str, ranking: Ranking, provider: str) -> tuple[str, ...]:
    """Return what the filter saw of the provider's models, and what it required."""
    models = ranking.view.platform.models
    mine = ranking.view.platform.models_of(provider)
    judgement = FILTERS[NAMES.index(name)](ranking.view)
    places = np.flatnonzero(mine & judgement.rejected)
    told = f"{len(places):,} of {count(int(mine.sum()), 'model')} of {provider} rejected"
    if name not in _NUMERIC:
        return (f"{told}: {PHRASES[name]}, required {judgement.required}",)
    known = places[~models.window_unknown[places]] if name == "context" else places
    required = f"required {judgement.required:g}"
    seen = []
    if len(known):
        best = max(judgement.observed[int(place)] for place in known)
        seen.append(f"{PHRASES[name]}, the best of them {best:g}, {required}")
    if unknown := len(places) - len(known):
        of_these = "" if not len(known) else f" of {unknown:,} of these"
        seen.append(f"no context window known{of_these}: the platform reads 0, {required}")
    return (f"{told}: {'; '.join(seen)}",)


def without_fix(
    ranking: Ranking, defects: Sequence[Defect], fix_sets: Sequence[FixSet], withheld: int
) -> list[Cause]:
    """Return the causes where no deviation leads to a model: orphans, hopeless rows, or no key."""
    if orphans := _orphans(ranking, defects, fix_sets):
        return orphans
    if defects:
        return [
            Cause(
                *(d.code, d.provider, d.setting_key, None, False, False),
                (*d.evidence, f"repairing it alone gives no model of {d.provider}"),
            )
            for d in defects
        ]
    if ranking.clients:
        return []
    return [no_keys(fix_sets, withheld)]


NO_CHAT_KEY = (
    "the tenant has no usable key of an LLM provider, and no row of one with a chat model here"
)


def no_keys(fix_sets: Sequence[FixSet], withheld: int) -> Cause:
    """Return the cause of a tenant without any key, or sign of one, that was looked at."""
    others = count(withheld, "other setting was", "other settings were")
    alone = any(len(fix_set.atoms) == 1 for fix_set in fix_sets)
    evidence = (
        "the tenant has no usable key of an LLM provider, and no row looked at that nearly is one",
        *([f"{others} not looked at by name"] if withheld else []),
        *(
            [f"{count(len(fix_sets), 'fix set')} would do, each with another provider's key"]
            if fix_sets
            else ["no key of any provider alone would do"]
        ),
    )
    role = _role(fix_sets, fix_sets)
    return Cause("no-keys", None, None, role, alone, bool(fix_sets), evidence)


def _orphans(
    ranking: Ranking, defects: Sequence[Defect], fix_sets: Sequence[FixSet]
) -> list[Cause]:
    """Return a cause for each client without models, where no client of the tenant has any.

    Not for a row that the repair of an alias which helps could copy, chosen or not: that it makes
    a client is beside the point. No change of an orphan alone is in a fix set, so it has no role.
    """
    platform, manager = ranking.view.platform, ranking.view.platform.manager()
    if any(platform.has_models(client) for client in ranking.clients):
        return []
    repaired = {atom for fix_set in fix_sets for atom in fix_set.atoms}
    helping = [d for d in defects if d.copy_from and f"client:{d.provider}" in repaired]
    copied = {name for d in helping for name in (d.copy_from, *d.others)}
    total = count(len(platform.models.ids), "model")
    return [
        Cause(
            *("orphan-client", orphan, manager.key_name(orphan), None, False, False),
            (
                f"row {manager.key_name(orphan)} makes the client {orphan}",
                f"none of the {total} in the pricing cache is served by {orphan}",
            ),
        )
        for orphan in ranking.clients
        if manager.key_name(orphan) not in copied
    ]
