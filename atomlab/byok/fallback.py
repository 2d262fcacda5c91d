"""Who answers where pricing finds no model: the edition's static mapping (source: PLATFORM C)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from atomlab.byok.filters import View
from atomlab.evidence.inputs.rules import Fallback


@dataclass(frozen=True)
class Answer:
    """The provider and model that answer instead, and `by` what.

    `static-mapping`; `plain-ranking`, which asks for neither capability nor tier; `first-client`.
    """

    provider: str
    model: str
    by: str


def last_answer(view: View, clients: Sequence[str]) -> Answer | None:
    """Return who answers where nobody in the mapping does, None without a client."""
    fallback = view.platform.rules.fallback
    if fallback is None or not clients:
        return None
    return Answer(clients[0], fallback.last_model, "first-client")


def static_mapping(view: View, clients: Sequence[str]) -> list[tuple[str, str]]:
    """Return the (provider, model) pairs that the mapping gives the request, first asked first."""
    fallback, kind = view.platform.rules.fallback, view.request.complexity
    if fallback is None:
        return []
    pairs = []
    for provider in fallback.order[kind]:
        if provider in clients:
            model = _suited(fallback.models[provider][kind], fallback, view)
            if model is not None:
                pairs.append((provider, model))
    return sorted(pairs, key=lambda pair: pair[0] != fallback.first)


def _suited(model: str, fallback: Fallback, view: View) -> str | None:
    """Return the model that the request gets for `model`, None if none."""
    request = view.request
    if request.managed:
        allowed = view.platform.rules.allowed_names(view.plan)
        return model if allowed is None or model in allowed else None
    if not request.tools:
        return model
    if model in fallback.without_tools:
        return fallback.without_tools[model]  # which is not asked for itself
    return model if _has_tools(model, view) else None


def _has_tools(model: str, view: View) -> bool:
    """Return whether the price cache knows the model, by this very id, as one with tools.

    What the cache does not know has none (measured; PLATFORM C says otherwise).
    """
    models = view.platform.models
    return model in models.ids and bool(models.supports_tools[models.ids.index(model)])
