"""The ranking: one vectorised evaluation of (clients, request) over all models, explained."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from atomlab.byok import cards
from atomlab.byok.filters import FILTERS, NAMES, PHRASES, View
from atomlab.byok.platform import Indices, Platform
from atomlab.byok.request import Request
from atomlab.byok.scoring import Floats, value_scores
from atomlab.text import count

if TYPE_CHECKING:
    import pandas as pd

# For each of the 256 masks the place of its lowest bit (the first rejecting filter), 8 for none.
_FIRST = np.array([next((b for b in range(8) if m >> b & 1), 8) for m in range(256)], np.uint8)


@dataclass(frozen=True)
class Reason:
    """Why a filter rejects a model: a constant code, what it saw, what it required."""

    code: str
    observed: object
    required: object


@dataclass(frozen=True)
class Candidate:
    """A ranked model: what the platform would hand on."""

    provider: str
    model: str
    value_score: float
    quality: float
    cost: float
    price_unknown: bool


@dataclass(frozen=True, eq=False)
class Ranking:
    """The decision for one request: every model judged by every filter.

    Arrays have one element per model in cache order. `blockers` is a bit mask over FILTERS (bit 0
    is the first), `cost` is in US dollars per token, `order` lists the candidates' places, best
    first: by value score, ties in cache order.
    """

    view: View
    clients: tuple[str, ...]
    blockers: NDArray[np.uint8]
    cost: Floats
    value_score: Floats
    order: Indices

    @property
    def request(self) -> Request:
        """The request that was ranked."""
        return self.view.request

    @property
    def winner(self) -> Candidate | None:
        """The best candidate, None if there is none."""
        return next(self.candidates(), None)

    def candidates(self) -> Iterator[Candidate]:
        """Yield the candidates, best first."""
        models, providers = self.view.platform.models, self.view.platform.providers
        for place in self.order:
            yield Candidate(
                provider=providers[self.view.active[place]].id,
                model=models.ids[place],
                value_score=float(self.value_score[place]),
                quality=float(self.view.quality[place]),
                cost=float(self.cost[place]),
                price_unknown=bool(models.price_unknown[place]),
            )

    def first_blockers(self) -> NDArray[np.uint8]:
        """Return per model the place of the first rejecting filter, len(FILTERS) for none."""
        return _FIRST[self.blockers]

    def funnel_rows(self) -> list[dict[str, Any]]:
        """Return the models' way through the filters, one row per filter in order.

        Columns: filter; entering (models that no earlier filter rejected); rejected (of those);
        only_blocker (models that this filter alone keeps out).
        """
        first = np.bincount(self.first_blockers(), minlength=len(NAMES) + 1)
        masks = np.bincount(self.blockers, minlength=256)
        entering, rows = len(self.blockers), []
        for bit, name in enumerate(NAMES):
            rejected, only = int(first[bit]), int(masks[1 << bit])
            rows.append(
                {"filter": name, "entering": entering, "rejected": rejected, "only_blocker": only}
            )
            entering -= rejected
        return rows

    def rejected(self) -> dict[str, int]:
        """Return for each filter that rejects a model first how many it does, in filter order."""
        return {row["filter"]: row["rejected"] for row in self.funnel_rows() if row["rejected"]}

    def funnel(self) -> pd.DataFrame:
        """Return `funnel_rows` as a data frame."""
        import pandas as pd

        return pd.DataFrame(self.funnel_rows())

    def frame(self) -> pd.DataFrame:
        """Return one row per model in cache order.

        Columns: model, provider (who serves it, or would), blockers (all filters that reject it,
        comma-separated), first_blocker, quality, quality_source, cost (US dollars per token),
        value_score, rank (1 is the winner; <NA> if rejected), price_unknown, window_unknown.
        """
        import pandas as pd

        models = self.view.platform.models
        first = self.first_blockers()
        rank = pd.Series(pd.NA, index=range(len(first)), dtype="Int64")
        rank.iloc[self.order] = np.arange(1, len(self.order) + 1)
        active = self.view.active
        ids = [p.id for p in self.view.platform.providers]
        provider = [ids[a] if a >= 0 else n for a, n in zip(active, models.provider, strict=True)]
        names = [", ".join(n for b, n in enumerate(NAMES) if m >> b & 1) for m in range(256)]
        return pd.DataFrame(
            {
                "model": models.ids,
                "provider": provider,
                "blockers": [names[mask] for mask in self.blockers],
                "first_blocker": [(*NAMES, "")[place] for place in first],
                "quality": self.view.quality,
                "quality_source": self.view.platform.quality(self.request.capability)[1],
                "cost": self.cost,
                "value_score": self.value_score,
                "rank": rank,
                "price_unknown": models.price_unknown,
                "window_unknown": models.window_unknown,
            }
        )

    def reasons(self, model_id: str) -> list[Reason]:
        """Return why each filter rejects the model, in filter order; KeyError if unknown."""
        models = self.view.platform.models
        if model_id not in models.ids:
            raise KeyError(model_id)
        place = models.ids.index(model_id)
        judgements = [(name, judge(self.view)) for name, judge in zip(NAMES, FILTERS, strict=True)]
        return [
            Reason(name, _plain(verdict.observed[place]), verdict.required)
            for name, verdict in judgements
            if verdict.rejected[place]
        ]

    def summary(self) -> str:
        """Return the folded counts: `2,690 models: 2,681 no client for provider, …`."""
        total = count(len(self.blockers), "model")
        parts = [f"{number:,} {PHRASES[name]}" for name, number in self.rejected().items()]
        if len(self.order):
            parts.append(f"{len(self.order):,} usable")
        return f"{total}: {', '.join(parts)}" if parts else f"{total} in the pricing cache"

    def _repr_html_(self) -> str:
        return cards.ranking_card(self).html()

    def __repr__(self) -> str:
        return f"<Ranking, {self.request.complexity} request: {self.summary()}>"

    def warnings(self) -> list[str]:
        """Return what the ranking had to take on trust, most important first."""
        models, winner = self.view.platform.models, self.winner
        unpriced = int(models.price_unknown[self.order].sum())
        out = []
        if winner is not None and winner.price_unknown:
            out.append(
                f"the winner {winner.model} has no known price: it won because it looks free"
            )
        if unpriced:
            out.append(f"{unpriced:,} of {len(self.order):,} candidates have no known price")
        return out


def rank(
    platform: Platform,
    clients: Sequence[str],
    request: Request,
    plan: str | None = None,
    *,
    waived: Collection[str] = (),
) -> Ranking:
    """Return the decision for the clients (provider ids in client order) and the request.

    `plan` is the tenant's, and counts only for managed requests. Filters named in `waived` let
    every model pass, which the platform never does: it is how an intervention on one is tried.
    Nothing is raised when no model is left: that is a decision too.
    """
    models = platform.models
    columns = np.array([platform.column[c] for c in clients if c in platform.column], dtype=np.intp)
    if len(columns) and len(models.ids):
        served = models.matches[:, columns]
        active = np.where(served.any(axis=1), columns[served.argmax(axis=1)], -1)
    else:
        active = np.full(len(models.ids), -1, dtype=np.intp)
    quality, _ = platform.quality(request.capability)
    view = View(platform, request, active, plan, quality)
    blockers = np.zeros(len(models.ids), dtype=np.uint8)
    for bit, judge in enumerate(FILTERS):
        if judge.__name__ not in waived:
            blockers |= judge(view).rejected.astype(np.uint8) << bit
    with np.errstate(over="ignore"):  # an absurd price is infinite, its value 0
        cost = (models.input_cost * _input_factor(view) + models.output_cost) / 2
        value = value_scores(quality, cost)
    candidates = np.flatnonzero(blockers == 0)
    order = candidates[np.argsort(-value[candidates], kind="stable")]
    return Ranking(view, tuple(clients), blockers, cost, value, order)


def _input_factor(view: View) -> Floats | float:
    """Return what share of the input price counts: less where the provider caches the prompt."""
    rules, request = view.platform.rules, view.request
    if request.turn == 0:
        return 1.0
    least = rules.prompt_cache_min_tokens
    factors = [
        rules.cached_input_factor if p.id in least and request.tokens >= least[p.id] else 1.0
        for p in view.platform.providers
    ]
    return np.array([*factors, 1.0])[view.active]


def _plain(value: object) -> object:
    return value.item() if isinstance(value, np.generic) else value
