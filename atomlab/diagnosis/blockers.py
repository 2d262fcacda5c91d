"""Blockers: what rejects each model, and the smallest changes that let one through.

Let A(m) be all atoms that block model m: `client:<provider>` and filter names. Removing all of
A(m) lets m through, so the minimal fix sets are the inclusion-minimal A(m): a closed form, since
every filter judges every model. Their minimal hitting sets are the minimal blocking sets: what
has to stay, all of it, for the error to stay.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from atomlab.byok.filters import NAMES
from atomlab.byok.ranking import Ranking

_CLIENT = 1 << NAMES.index("client")
_HEALTH = 1 << NAMES.index("health")


@dataclass(frozen=True)
class BlockerSet:
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


def minimal_fix_sets(ranking: Ranking, providers: Iterable[str]) -> list[BlockerSet]:
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
    return found


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
    """Return the minimal masks of the models `where`, each with its first model."""
    places = np.flatnonzero(where)
    known, first = np.unique(masks[places], return_index=True)
    return {
        int(mask): int(places[f])
        for mask, f in zip(known, first, strict=True)
        if not any(other != mask and other & mask == other for other in known)
    }


def _names(mask: int) -> tuple[str, ...]:
    return tuple(name for bit, name in enumerate(NAMES) if mask >> bit & 1)
