"""The ranking: one vectorised evaluation of (clients, request) over all models, explained."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from atomlab.byok.filters import FILTERS, NAMES, PHRASES, View
from atomlab.byok.models import Indices, first_match
from atomlab.byok.platform import Platform
from atomlab.byok.request import Request
from atomlab.byok.scoring import Floats, value_scores
from atomlab.errors import NO_MODELS, InputError
from atomlab.evidence.inputs.pricing import chat_of
from atomlab.shown import Shown
from atomlab.text import count, printable

if TYPE_CHECKING:
    import pandas as pd


# A mask has a bit for each filter; which masks there are, and the filters that reject before a
# price is asked for.
Masks = NDArray[np.uint32]
_BEFORE_PRICE = sum(1 << bit for bit, name in enumerate(NAMES) if name not in ("plan", "tools"))
_CLIENT = 1 << NAMES.index("client")


@dataclass(frozen=True, repr=False)
class Reason(Shown):
    """Why a filter rejects a model: a constant code, what it saw, what it required."""

    code: str
    observed: object
    required: object


@dataclass(frozen=True, repr=False)
class Candidate(Shown):
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
        fields = ("provider", "model", "value_score", "mode", "chat")
        return {name: getattr(self, name) for name in fields}

    @property
    def unable(self) -> str:
        """Say that the model is not a chat model, where that is known; empty if it may be one."""
        return f"{self.model} is not a chat model ({self.mode})" if self.chat is False else ""


@dataclass(frozen=True, repr=False)
class Answer(Shown):
    """Who answers instead, `by` static-mapping, plain-ranking (of less) or first-client."""

    provider: str
    model: str
    by: str


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

    @cached_property
    def winner(self) -> Candidate | None:
        """The best candidate, None if there is none."""
        return next(self.candidates(), None)

    def candidates(self) -> Iterator[Candidate]:
        """Yield the candidates, best first."""
        platform, models = self.view.platform, self.view.platform.models
        for place in self.order:
            yield Candidate(
                provider=models.providers[self.view.active[place]],
                model=models.ids[place],
                value_score=float(self.value_score[place]),
                quality=float(self.view.quality[place]),
                cost=float(self.cost[place]),
                price_unknown=bool(platform.pricing.price_unknown[place]),
                mode=platform.pricing.columns["mode"][place],
                chat=chat_of(platform.pricing.columns["mode"][place]),
            )

    @property
    def broken(self) -> str | None:
        """Say at which entry the platform's ranking fails inside, None if at none."""
        if not len(self.breaks):
            return None
        models, first, others = self.view.platform.models, self.breaks[0], len(self.breaks) - 1
        wrong = (
            "its litellm_provider is null",
            "its context window is not a number",
            "its price is null or no number",
        )
        what = next(what for what, at in zip(wrong, models.breaks, strict=True) if at[first])
        more = f" (and {count(others, 'more entry', 'more entries')})" if others else ""
        return f"the entry {printable(models.ids[first])}{more} breaks the ranking: {what}"

    @property
    def fallback(self) -> Answer | None:
        """Who answers in the edition's fallback, None where a model was found or nobody does.

        First the static mapping; then the best model for less (measured); then the first client.
        """
        view, fallback = self.view, self.view.platform.rules.fallback
        if len(self.order) or fallback is None or not self.clients:
            return None
        for provider, model in static_mapping(view, self.clients):
            return Answer(provider, model, "static-mapping")
        plain = replace(view.request, capability=None, tier=None, turn=0, tokens=0)
        if plain != view.request:
            winner = rank(view.platform, self.clients, plain, view.plan).winner
            if winner is not None:
                return Answer(winner.provider, winner.model, "plain-ranking")
        return Answer(self.clients[0], fallback.last_model, "first-client")

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
        only_blocker (models that no other filter rejects).
        """
        first = np.bincount(self.first_blockers(), minlength=len(NAMES) + 1)
        entering, rows = len(self.blockers), []
        for bit, (name, rejected) in enumerate(zip(NAMES, first.tolist(), strict=False)):
            only = int(np.count_nonzero(self.blockers == 1 << bit))
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

        platform, models = self.view.platform, self.view.platform.models
        rank = pd.Series(pd.NA, index=range(len(models.ids)), dtype="Int64")
        rank.iloc[self.order] = np.arange(1, len(self.order) + 1)
        serving = zip(self.view.active, models.provider, strict=True)
        names = {
            int(mask): ", ".join(n for b, n in enumerate(NAMES) if mask >> b & 1)
            for mask in np.unique(self.blockers)
        }
        return pd.DataFrame(
            {
                "model": models.ids,
                "provider": [models.providers[a] if a >= 0 else named for a, named in serving],
                "blockers": [names[int(mask)] for mask in self.blockers],
                "first_blocker": [(*NAMES, "")[place] for place in self.first_blockers()],
                "quality": self.view.quality,
                "quality_source": platform.quality(self.request.capability)[1],
                "cost": self.cost,
                "value_score": self.value_score,
                "rank": rank,
                "price_unknown": platform.pricing.price_unknown,
                "window_unknown": platform.pricing.window_unknown,
                "mode": platform.pricing.columns["mode"],
            }
        )

    def reasons(self, model_id: str) -> list[Reason]:
        """Return why each filter rejects the model, in filter order; KeyError if unknown."""
        ids = self.view.platform.models.ids
        if model_id not in ids:
            raise KeyError(model_id)
        place = ids.index(model_id)
        judged = {name: judge(self.view) for name, judge in zip(NAMES, FILTERS, strict=True)}
        return [
            Reason(name, judgement.observed.item(place), judgement.required)
            for name, judgement in judged.items()
            if judgement.rejected[place]
        ]

    def summary(self) -> str:
        """Return the folded counts: `2,690 models: 2,681 no client for provider, …`."""
        total = count(len(self.blockers), "model")
        parts = [f"{number:,} {PHRASES[name]}" for name, number in self.rejected().items()]
        if usable := int(np.count_nonzero(self.blockers == 0)):
            parts.append(f"{usable:,} usable")
        if self.broken:
            parts.append(self.broken)
        return f"{total}: {', '.join(parts)}" if parts else f"{total} in the pricing cache"

    def __repr__(self) -> str:
        return f"<Ranking, {self.request.complexity} request: {self.summary()}>"

    def warnings(self) -> list[str]:
        """Return what the ranking had to take on trust, most important first."""
        winner = self.winner
        unpriced = int(self.view.platform.pricing.price_unknown[self.order].sum())
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

    `plan` counts only for managed requests. Filters named in `waived` let every model pass: that
    is how an intervention on one is tried. No model left is a decision, too. Raises InputError for
    a client that the platform cannot have.
    """
    models = platform.models
    if unknown := [c for c in clients if c not in platform.column]:
        raise InputError(f"no provider {unknown[0]!r}", todo="give clients of the registry")
    columns = np.array([platform.column[c] for c in clients], dtype=np.intp)
    active = first_match(models.matches, columns)
    quality, _ = platform.quality(request.capability)
    view = View(platform, request, active, plan, quality)
    blockers = np.zeros(len(models.ids), dtype=np.uint32)
    for bit, judge in enumerate(FILTERS):
        if judge.__name__ not in waived:
            blockers |= judge(view).rejected.astype(np.uint32) << bit
    input_cost, output_cost = models.costs
    shares = np.array([*input_shares(platform, request), 1.0])  # the last where nobody serves
    with np.errstate(over="ignore"):  # an absurd price is infinite, its value 0
        cost = (input_cost * shares[active] + output_cost) / 2
        value = value_scores(quality, cost)
    always, if_served, if_candidate = models.breaks
    served, candidate = blockers & _CLIENT == 0, blockers & _BEFORE_PRICE == 0
    breaks = np.flatnonzero(always | if_served & served | if_candidate & candidate)
    candidates = np.flatnonzero(blockers == 0) if not len(breaks) else breaks[:0]
    order = candidates[np.argsort(-value[candidates], kind="stable")]
    return Ranking(view, tuple(clients), blockers, cost, value, order, breaks)


def input_shares(platform: Platform, request: Request) -> list[float]:
    """Return what share of the input price counts with each provider: less for a cached prompt."""
    rules, shares = platform.rules, []
    if request.turn == 0:
        return [1.0] * len(platform.models.providers)
    for provider in platform.models.providers:
        contained = rules.prompt_cache_min_tokens_containing.items()
        least = next((tokens for part, tokens in contained if part in provider), None)
        least = rules.prompt_cache_min_tokens.get(provider, least)
        cached = least is not None and request.tokens >= least
        shares.append(rules.cached_input_factor if cached else 1.0)
    return shares


def static_mapping(view: View, clients: Sequence[str]) -> list[tuple[str, str]]:
    """Return the (provider, model) pairs that the mapping gives the request, first asked first."""
    fallback, kind = view.platform.rules.fallback, view.request.complexity
    if fallback is None:
        return []
    asked = [(p, fallback.models[p][kind]) for p in fallback.order[kind] if p in clients]
    pairs = [(p, suited) for p, model in asked if (suited := _suited(model, view)) is not None]
    return sorted(pairs, key=lambda pair: pair[0] != fallback.first)


def _suited(model: str, view: View) -> str | None:
    request, rules, models = view.request, view.platform.rules, view.platform.models
    if request.managed:
        allowed = rules.allowed_names(view.plan)
        return model if allowed is None or model in allowed else None
    if not request.tools:
        return model
    if rules.fallback and model in rules.fallback.without_tools:
        return rules.fallback.without_tools[model]  # which is not asked for itself
    # A model that the price cache does not know, by this very id, has no tools (measured).
    known = model in models.ids and models.supports_tools[models.ids.index(model)]
    return model if known else None
