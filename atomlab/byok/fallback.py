"""The static mapping of editions that have one: who answers where pricing finds no model.

Source: docs/platform.md, the public edition.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from atomlab.byok.filters import View


@dataclass(frozen=True)
class Answer:
    """The provider and model that answer instead, and `by` what.

    `static-mapping`; `plain-ranking`, which asks for neither capability nor tier; `first-client`.
    """

    provider: str
    model: str
    by: str


def static_mapping(view: View, clients: Sequence[str]) -> list[tuple[str, str]]:
    """Return the (provider, model) pairs that the mapping gives the request, first asked first."""
    fallback, kind = view.platform.rules.fallback, view.request.complexity
    if fallback is None:
        return []
    asked = [(p, fallback.models[p][kind]) for p in fallback.order[kind] if p in clients]
    pairs = [(p, suited) for p, model in asked if (suited := _suited(model, view)) is not None]
    return sorted(pairs, key=lambda pair: pair[0] != fallback.first)


def _suited(model: str, view: View) -> str | None:
    """Return the model that the request gets for `model`, None if none."""
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
