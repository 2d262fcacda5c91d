"""The filters of the ranking, in the platform's order (source: docs/platform.md, ranking).

Each is a pure function that judges every model, whatever the others say of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atomlab.byok.models import Bools, Indices
from atomlab.byok.platform import Platform
from atomlab.byok.request import Request
from atomlab.byok.scoring import Floats
from atomlab.shown import Shown


@dataclass(frozen=True, repr=False)
class View(Shown):
    """What a filter looks at.

    `active` is the client that serves each model, as a place among the platform's providers, -1
    if none does; `plan` the tenant's plan; `quality` each model's quality for the request.
    """

    platform: Platform
    request: Request
    active: Indices
    plan: str | None
    quality: Floats


@dataclass(frozen=True)
class Judgement:
    """What a filter says: which models it rejects, what it saw of each, and what it required."""

    rejected: Bools
    observed: NDArray[Any]
    required: object


def client(view: View) -> Judgement:
    """Reject models that no client of the tenant serves."""
    return Judgement(view.active < 0, view.platform.models.provider, "a client for the provider")


def context(view: View) -> Judgement:
    """Reject models whose window is smaller than the complexity needs."""
    window = view.platform.pricing.window
    needed = view.platform.rules.min_context_tokens[view.request.complexity]
    return Judgement(window < needed, window, needed)


def capability(view: View) -> Judgement:
    """Reject models that the catalogue knows, but not with the required capability."""
    models, wanted = view.platform.models, view.request.capability
    if wanted is None:
        return _passed(view)
    entries = map(view.platform.catalog.get, models.ids)
    listed = np.array([e is not None and wanted in e.capabilities for e in entries], dtype=bool)
    return Judgement(models.in_catalog & ~listed, listed, wanted)


def excluded(view: View) -> Judgement:
    """Reject models that the catalogue excludes, unless a capability is required."""
    if view.request.capability is not None:
        return _passed(view)
    found = view.platform.models.excluded
    return Judgement(found, found, False)


def health(view: View) -> Judgement:
    """Reject models of a provider known to be unhealthy; unknown health passes."""
    models, scores = view.platform.models, view.platform.health
    serving = np.where(view.active >= 0, view.active, models.served_by)
    known = np.append(scores, np.nan)[serving]  # place -1 is the NaN: no such provider
    needed = view.platform.rules.min_health_score
    return Judgement(known < needed, known, needed)


def quality(view: View) -> Judgement:
    """Reject models below the quality that the complexity, or the cognitive tier, needs."""
    rules, request = view.platform.rules, view.request
    needed = rules.min_quality[request.complexity]
    if request.tier is not None:
        needed = rules.min_quality_by_tier[request.tier]
    return Judgement(view.quality < needed, view.quality, needed)


def plan(view: View) -> Judgement:
    """Reject models that a managed tenant's plan does not allow; BYOK requests pass."""
    if not view.request.managed:
        return _passed(view)
    allowed = view.platform.allowed_by(view.plan)
    return Judgement(~allowed, allowed, f"allowed by plan {view.plan}")


def tools(view: View) -> Judgement:
    """Reject models without tool support where it is required, for managed requests.

    The platform asks only where the plan allows some models and not all (docs/platform.md).
    """
    asked = view.request.tools and view.request.managed
    if not asked or view.platform.rules.allowed_names(view.plan) is None:
        return _passed(view)
    supported = view.platform.models.supports_tools
    return Judgement(~supported, supported, True)


# What a rejection means in words; a reason's code is the filter's name.
_MEANING: dict[Callable[[View], Judgement], str] = {
    client: "no client for provider",
    context: "context window too small",
    capability: "without the capability",
    excluded: "excluded from general routing",
    health: "provider unhealthy",
    quality: "quality too low",
    plan: "not in the plan",
    tools: "without tool support",
}
FILTERS: tuple[Callable[[View], Judgement], ...] = tuple(_MEANING)
PHRASES = {judge.__name__: words for judge, words in _MEANING.items()}
NAMES: tuple[str, ...] = tuple(PHRASES)


def _passed(view: View) -> Judgement:
    nothing = np.zeros(len(view.active), dtype=bool)
    return Judgement(nothing, nothing, None)
