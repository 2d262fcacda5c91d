"""Fix sets: the smallest changes that remove an error, each run before it is believed.

Let A(m) be all atoms that block model m: `client:<provider>` and filter names. Removing all of
A(m) lets m through, so the minimal fix sets are the inclusion-minimal A(m): a closed form, since
every filter judges every model. Their minimal hitting sets are the minimal blocking sets: what
has to stay, all of it, for the error to stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from atomlab import limits
from atomlab.byok.filters import NAMES
from atomlab.byok.platform import Platform
from atomlab.byok.ranking import Ranking
from atomlab.diagnosis.defects import Defect
from atomlab.diagnosis.edits import Edit
from atomlab.diagnosis.explanation import DecidedRequest, FixSet

_CLIENT = 1 << NAMES.index("client")
_HEALTH = 1 << NAMES.index("health")


class BlockerSet(NamedTuple):
    """A minimal A(m): the client that is missing (None if one is there) and blocking filters.

    `provider` is who would serve the models.
    """

    client: str | None
    filters: tuple[str, ...]
    provider: str

    @property
    def atoms(self) -> tuple[str, ...]:
        """The atoms, the client's first, then filters in their order."""
        return (*((f"client:{self.client}",) if self.client else ()), *self.filters)


@lru_cache(maxsize=64)  # tenants with the same clients ask for the same
def minimal_fix_sets(ranking: Ranking, providers: frozenset[str]) -> tuple[BlockerSet, ...]:
    """Return the antichain of blocker sets, in registry order, then by size.

    Only the given providers' clients count as ones that could be added. A model that several of
    them would serve (the open-source matcher) counts once for each.
    """
    platform, view = ranking.view.platform, ranking.view
    served = view.active >= 0
    there = _minimal(ranking.blockers, served)
    found = [
        BlockerSet(None, _names(mask), platform.providers[view.active[first]].id)
        for mask, first in there.items()
    ]
    for provider in sorted(providers, key=platform.column.__getitem__):
        place = platform.column[provider]
        unhealthy = platform.health[place] < platform.rules.min_health_score
        masks = ranking.blockers & ~np.uint32(_CLIENT | _HEALTH) | np.uint32(unhealthy * _HEALTH)
        # Also a model that a later client serves now: the new one would take it over.
        takes = platform.models.matches[:, place] & (~served | (view.active > place))
        found += [
            BlockerSet(provider, _names(mask), provider)
            for mask in _minimal(masks, takes)
            if not any(other & mask == other for other in there)
        ]
    return tuple(found)


def minimal_blocking_sets(
    fix_sets: Iterable[Iterable[str]], most: int = 256
) -> list[frozenset[str]] | None:
    """Return the minimal hitting sets of the fix sets (Berge's algorithm), smallest first.

    Each is a least set of blockers that keeps the error as long as all of it stays. There can be
    exponentially many: None if there are ever more than `most` on the way.
    """
    hitting: list[frozenset[str]] = [frozenset()]
    for fix_set in fix_sets:
        grown = {h if h & set(fix_set) else h | {atom} for h in hitting for atom in fix_set}
        hitting = [h for h in grown if not any(other < h for other in grown)]
        if len(hitting) > most:
            return None
    return sorted(hitting, key=lambda h: (len(h), sorted(h)))


def _minimal(masks: np.ndarray, where: np.ndarray) -> dict[int, int]:
    places = np.flatnonzero(where)
    if not places.size:  # as of most providers
        return {}
    known, first = np.unique(masks[places], return_index=True)
    return {
        int(mask): int(places[f])
        for mask, f in zip(known, first, strict=True)
        if not any(other != mask and other & mask == other for other in known)
    }


def _names(mask: int) -> tuple[str, ...]:
    return tuple(name for bit, name in enumerate(NAMES) if mask >> bit & 1)


def run_fix_sets(case: DecidedRequest) -> tuple[list[FixSet], int]:
    """Return the minimal fix sets, each run, whether or not it then holds; how many were not run.

    Clients that could be added: allow-listed providers of the registry, and those that a key of
    the tenant was meant for, whether or not the platform knows them.
    """
    ranking, allowed = case.ranking, {*case.platform.rules.llm_providers}
    meant = {defect.provider: defect for defect in case.defects}
    unknown = (d.provider for d in case.defects if d.code == "provider-unknown")
    platform = case.sandbox.edited(tuple(Edit("register-provider", provider=p) for p in unknown))
    wide = case.sandbox.rank(platform, ranking.clients, ranking.request, ranking.view.plan)
    addable = frozenset(
        p.id
        for p in platform.providers
        if p.id not in ranking.clients and (p.id in allowed or p.id in meant)
    )
    minimal = minimal_fix_sets(wide, addable)
    most = limits.most_run(limits.FIX_SETS, len(platform.models.ids))
    run = [_run(each, meant.get(each.client or ""), case) for each in minimal[:most]]
    return run, len(minimal[most:])


def key_edits(provider: str, defect: Defect | None, platform: Platform) -> tuple[Edit, ...]:
    """Return what makes the provider's client: its defect repaired, or a new credential."""
    if defect is None:
        return (Edit("new-credential", platform.manager().key_name(provider)),)
    if defect.code == "provider-not-llm":
        return (Edit("allow-provider", provider=provider),)
    kind = "repair-row" if defect.code in ("key-empty", "key-placeholder") else "copy-key"
    row = Edit(kind, defect.setting_key, defect.copy_from)
    if defect.code != "provider-unknown":
        return (row,)
    registered = Edit("register-provider", provider=provider)
    return (registered, row) if defect.copy_from else (registered,)


def _run(blockers: BlockerSet, defect: Defect | None, case: DecidedRequest) -> FixSet:
    """Return the first of the fixes that removes these blockers when it is run, else the last.

    Where no row of the tenant's is repaired, it was run already if it was for the same ranking.
    """
    known: dict[object, FixSet] = case.sandbox.run
    key = case.ranking, blockers
    if defect is None and key in known:
        return known[key]
    for edits in _fixes(blockers, defect, case.platform):
        after = case.try_edits("", edits).after
        fix_set = FixSet(blockers.atoms, edits, after, blockers.provider)
        if fix_set.verified:
            break
    if defect is None:
        known[key] = fix_set
    return fix_set


def _fixes(
    blockers: BlockerSet, defect: Defect | None, platform: Platform
) -> Sequence[tuple[Edit, ...]]:
    """Return the edits that may remove the blockers, those to try first before the others.

    Where the cache does not know a context window, the cache is to be completed rather than the
    filter waived.
    """
    key = key_edits(blockers.client, defect, platform) if blockers.client is not None else ()
    waived = [Edit("waive-filter", filter=name) for name in blockers.filters]
    unknown = platform.models_of(blockers.provider) & platform.pricing.window_unknown
    if "context" not in blockers.filters or not unknown.any():
        return [(*key, *waived)]
    others = (edit for edit in waived if edit.filter != "context")
    return [(*key, Edit("complete-windows"), *others), (*key, *waived)]
