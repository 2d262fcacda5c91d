"""Who wins for each set of clients: decided once, however many tenants have it.

Where no model is served by two providers, what a set of clients finds is what each of them finds
alone: the best of their winners wins, in the ranking's own order. Elsewhere a client that comes
first takes models over, and each set of clients is ranked once.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from atomlab.byok.platform import Platform
from atomlab.byok.ranking import Candidate, rank
from atomlab.byok.request import Request

Clients = tuple[str, ...]


@dataclass(frozen=True)
class _Alone:
    """What one client finds: its winner, what winners are compared by, and if it breaks all."""

    winner: Candidate | None
    order: tuple[float, int]
    breaks: bool


class Decisions:
    """The winners on one platform, by clients, request and plan; `waived` filters let all pass."""

    def __init__(self, platform: Platform, waived: AbstractSet[str] = frozenset()) -> None:
        self.platform, self._waived = platform, waived
        self._alone = lru_cache(maxsize=None)(self._decide_alone)  # a few hundred: clients, kinds
        self._together = lru_cache(maxsize=1 << 16)(self._decide_together)
        self._each = lru_cache(maxsize=1 << 16)(self._decide_each)

    @cached_property
    def one_by_one(self) -> bool:
        """Whether no model is served by two providers."""
        matches = self.platform.models.matches
        return not matches.size or int(matches.sum(axis=1).max()) <= 1

    def winner(self, clients: Clients, request: Request, plan: str | None) -> Candidate | None:
        """Return the model that wins, None if none is found; `request` says if it is managed."""
        plan = plan if request.managed else None  # else it does not count
        if not self.one_by_one:
            return self._together(clients, request, plan)
        found = [self._alone(client, request, plan) for client in clients]
        if any(alone.breaks for alone in found):
            return None
        return min(found, key=lambda alone: alone.order, default=_NOTHING).winner

    def winners(
        self, clients: Clients, requests: tuple[Request, ...], plan: str | None
    ) -> tuple[Candidate | None, ...]:
        """Return the winner of each of the requests."""
        managed = any(request.managed for request in requests)
        return self._each(clients, requests, plan if managed else None)

    def _decide_each(
        self, clients: Clients, requests: tuple[Request, ...], plan: str | None
    ) -> tuple[Candidate | None, ...]:
        return tuple(self.winner(clients, request, plan) for request in requests)

    def _decide_alone(self, client: str, request: Request, plan: str | None) -> _Alone:
        ranking = rank(self.platform, (client,), request, plan, waived=self._waived)
        if not len(ranking.order):
            return _Alone(None, _NOTHING.order, len(ranking.breaks) > 0)
        first = int(ranking.order[0])
        value = float(ranking.value_score[first])
        return _Alone(ranking.winner, (np.inf if np.isnan(value) else -value, first), breaks=False)

    def _decide_together(
        self, clients: Clients, request: Request, plan: str | None
    ) -> Candidate | None:
        return rank(self.platform, clients, request, plan, waived=self._waived).winner


_NOTHING = _Alone(None, (np.inf, 1 << 62), breaks=False)


@lru_cache(maxsize=4)
def decisions_on(platform: Platform) -> Decisions:
    """Return the winners on a platform, what was decided before included."""
    return Decisions(platform)
