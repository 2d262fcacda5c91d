"""The ranking: one vectorised evaluation of (clients, request) over all models, explained."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from atomlab.byok.fallback import Answer, last_answer, static_mapping
from atomlab.byok.filters import FILTERS, NAMES, PHRASES, View
from atomlab.byok.platform import Indices, Platform
from atomlab.byok.request import Request
from atomlab.byok.scoring import Floats, value_scores
from atomlab.errors import NO_MODELS, InputError
from atomlab.evidence.inputs.rules import Rules
from atomlab.shown import Shown
from atomlab.text import count, printable

if TYPE_CHECKING:
    import pandas as pd

# A mask has a bit for each filter; which masks there are, and the filters that reject before a
# price is asked for.
Masks = NDArray[np.uint32]
_BEFORE_PRICE = sum(1 << bit for bit, name in enumerate(NAMES) if name not in ("plan", "tools"))
_CLIENT = 1 << NAMES.index("client")


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
    mode: str | None = None
    chat: bool | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the model as a winner in `atomlab.diagnosis/1`."""
        return {
            "provider": self.provider,
            "model": self.model,
            "value_score": self.value_score,
            "mode": self.mode,
            "chat": self.chat,
        }

    @property
    def unable(self) -> str:
        """Say that the model is no chat model, where that is known; empty if it may be one."""
        return f"{self.model} is no chat model ({self.mode})" if self.chat is False else ""


@dataclass(frozen=True)
class Break:
    """An entry of the cache at which the platform's ranking fails inside, so that nothing is left.

    `what` says what is wrong with it, `others` how many more such entries there are.
    """

    model: str
    what: str
    others: int = 0

    def __str__(self) -> str:
        more = f" (and {count(self.others, 'more entry', 'more entries')})" if self.others else ""
        return f"the entry {printable(self.model)}{more} breaks the ranking: {self.what}"


@dataclass(frozen=True, eq=False)
class Ranking(Shown):
    """The decision for one request: every model judged by every filter.

    Arrays have one element per model in cache order. `blockers` is a bit mask over FILTERS (bit 0
    is the first), `cost` is in US dollars per token, `order` lists the candidates' places, best
    first: by value score, ties in cache order. It is empty where an entry has broken the ranking;
    `breaks` are the places of all such entries.
    """

    view: View
    clients: tuple[str, ...]
    blockers: Masks
    cost: Floats
    value_score: Floats
    order: Indices
    breaks: Indices

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
                mode=self.view.platform.pricing.columns["mode"][place],
                chat=None if np.isnan(models.chat[place]) else bool(models.chat[place]),
            )

    @property
    def broken(self) -> Break | None:
        """The first entry at which the platform's ranking fails inside, None if there is none."""
        if not len(self.breaks):
            return None
        models, first = self.view.platform.models, self.breaks[0]
        what = next(
            what
            for at, what in (
                (models.breaks_all, "its litellm_provider is null"),
                (models.breaks_window, "its context window is no number"),
                (models.breaks_price, "its price is null or no number"),
            )
            if at[first]
        )
        return Break(models.ids[first], what, len(self.breaks) - 1)

    @property
    def fallback(self) -> Answer | None:
        """Who answers in the edition's fallback, None where a model was found or nobody does.

        First the static mapping; then, with the same clients, the best model for the same request
        without capability, tier and cached prompt (measured); then the first client.
        """
        view = self.view
        if len(self.order) or view.platform.rules.fallback is None:
            return None
        for provider, model in static_mapping(view, self.clients):
            return Answer(provider, model, "static-mapping")
        plain = replace(view.request, capability=None, tier=None, turn=0, tokens=0)
        if plain != view.request:
            winner = rank(view.platform, self.clients, plain, view.plan).winner
            if winner is not None:
                return Answer(winner.provider, winner.model, "plain-ranking")
        return last_answer(view, self.clients)

    @property
    def error(self) -> str | None:
        """What the platform raises, None where a model was found or the fallback answers."""
        if len(self.order) or self.fallback:
            return None
        fallback = self.view.platform.rules.fallback
        return fallback.no_client_error if fallback else NO_MODELS

    def first_blockers(self) -> NDArray[np.intp]:
        """Return per model the place of the first rejecting filter, len(FILTERS) for none."""
        rejected = self.blockers[:, None] >> np.arange(len(NAMES), dtype=np.uint32) & 1
        first = np.argmax(rejected, axis=1)
        return np.where(self.blockers == 0, len(NAMES), first)

    def funnel_rows(self) -> list[dict[str, Any]]:
        """Return the models' way through the filters, one row per filter in order.

        Columns: filter; entering (models that no earlier filter rejected); rejected (of those);
        only_blocker (models that this filter alone keeps out).
        """
        first = np.bincount(self.first_blockers(), minlength=len(NAMES) + 1)
        entering, rows = len(self.blockers), []
        for bit, name in enumerate(NAMES):
            rejected, only = int(first[bit]), int(np.count_nonzero(self.blockers == 1 << bit))
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
        value_score, rank (1 is the winner; <NA> if rejected), price_unknown, window_unknown, mode.
        """
        import pandas as pd

        models = self.view.platform.models
        first = self.first_blockers()
        rank = pd.Series(pd.NA, index=range(len(first)), dtype="Int64")
        rank.iloc[self.order] = np.arange(1, len(self.order) + 1)
        active = self.view.active
        ids = [p.id for p in self.view.platform.providers]
        provider = [ids[a] if a >= 0 else n for a, n in zip(active, models.provider, strict=True)]
        names = {
            int(mask): ", ".join(n for b, n in enumerate(NAMES) if mask >> b & 1)
            for mask in np.unique(self.blockers)
        }
        return pd.DataFrame(
            {
                "model": models.ids,
                "provider": provider,
                "blockers": [names[int(mask)] for mask in self.blockers],
                "first_blocker": [(*NAMES, "")[place] for place in first],
                "quality": self.view.quality,
                "quality_source": self.view.platform.quality(self.request.capability)[1],
                "cost": self.cost,
                "value_score": self.value_score,
                "rank": rank,
                "price_unknown": models.price_unknown,
                "window_unknown": models.window_unknown,
                "mode": self.view.platform.pricing.columns["mode"],
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
        if usable := int(np.count_nonzero(self.blockers == 0)):
            parts.append(f"{usable:,} usable")
        if self.broken:
            parts.append(str(self.broken))
        return f"{total}: {', '.join(parts)}" if parts else f"{total} in the pricing cache"

    def __repr__(self) -> str:
        return f"<Ranking, {self.request.complexity} request: {self.summary()}>"

    def warnings(self) -> list[str]:
        """Return what the ranking had to take on trust, most important first."""
        models, winner = self.view.platform.models, self.winner
        unpriced = int(models.price_unknown[self.order].sum())
        out = []
        if winner is not None and winner.unable:
            out.append(f"the winner {winner.unable}: a chat request to it fails")
        if winner is not None and (winner.price_unknown or winner.cost == 0):
            known = "no known price" if winner.price_unknown else "a price of 0"
            out.append(f"the winner {winner.model} has {known}: it won because it looks free")
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
    Nothing is raised when no model is left: that is a decision too. Raises InputError for a client
    that the platform cannot have.
    """
    models = platform.models
    if unknown := [c for c in clients if c not in platform.column]:
        raise InputError(f"no provider {unknown[0]!r}", todo="give clients of the registry")
    columns = np.array([platform.column[c] for c in clients], dtype=np.intp)
    if len(columns) and len(models.ids):
        served = models.matches[:, columns]
        active = np.where(served.any(axis=1), columns[served.argmax(axis=1)], -1)
    else:
        active = np.full(len(models.ids), -1, dtype=np.intp)
    quality, _ = platform.quality(request.capability)
    view = View(platform, request, active, plan, quality)
    blockers = np.zeros(len(models.ids), dtype=np.uint32)
    for bit, judge in enumerate(FILTERS):
        if judge.__name__ not in waived:
            blockers |= judge(view).rejected.astype(np.uint32) << bit
    with np.errstate(over="ignore"):  # an absurd price is infinite, its value 0
        cost = (models.input_cost * _input_factor(view) + models.output_cost) / 2
        value = value_scores(quality, cost)
    breaks = np.flatnonzero(
        models.breaks_all
        | models.breaks_window & (blockers & _CLIENT == 0)
        | models.breaks_price & (blockers & _BEFORE_PRICE == 0)
    )
    candidates = np.flatnonzero(blockers == 0) if not len(breaks) else breaks[:0]
    order = candidates[np.argsort(-value[candidates], kind="stable")]
    return Ranking(view, tuple(clients), blockers, cost, value, order, breaks)


def _input_factor(view: View) -> Floats | float:
    """Return what share of the input price counts: less where the provider caches the prompt."""
    rules, request = view.platform.rules, view.request
    if request.turn == 0:
        return 1.0
    least = [least_cached_tokens(p.id, rules) for p in view.platform.providers]
    factors = [
        rules.cached_input_factor if tokens is not None and request.tokens >= tokens else 1.0
        for tokens in least
    ]
    return np.array([*factors, 1.0])[view.active]


def least_cached_tokens(provider_id: str, rules: Rules) -> int | None:
    """Return from how many tokens on a provider caches a prompt, None if it does not."""
    exact = rules.prompt_cache_min_tokens.get(provider_id)
    contained = (
        n for part, n in rules.prompt_cache_min_tokens_containing.items() if part in provider_id
    )
    return exact if exact is not None else next(contained, None)


def _plain(value: object) -> object:
    return value.item() if isinstance(value, np.generic) else value
