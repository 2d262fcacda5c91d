"""Edits of the platform's side, made on a copy: allow-list, registry and pricing cache."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from atomlab.byok.platform import Platform
from atomlab.diagnosis.edits import Edit
from atomlab.evidence.inputs.pricing import FLAGS, NUMBERS, Pricing
from atomlab.evidence.inputs.registry import Provider

_HUGE_WINDOW = 1e7  # tokens: more than any edition requires


def edited(platform: Platform, edits: Collection[Edit]) -> Platform:
    """Return the platform with these edits made."""
    # All entries at once: there may be as many as prices.
    if broken := {edit.model for edit in edits if edit.kind == "repair-entry"}:
        platform = _without_entries(platform, broken)
    for edit in edits:
        if edit.kind != "repair-entry":
            platform = CHANGES[edit.kind](platform, str(edit.provider))
    return platform


def _allowed(platform: Platform, provider: str) -> Platform:
    allowed = (*platform.rules.llm_providers, provider)
    changed = replace(platform, rules=replace(platform.rules, llm_providers=allowed))
    if platform.rules.client_order == "registry" and "models" in platform.__dict__:
        changed.__dict__["models"] = platform.models  # they do not depend on the list
    return changed


def _registered(platform: Platform, provider: str) -> Platform:
    registry = (*platform.providers, Provider(provider))
    changed = _allowed(replace(platform, providers=registry), provider)
    if platform.rules.client_order == "registry" and provider not in platform.column:
        served = platform.models_of(provider)  # all else is as it was
        changed.__dict__["models"] = platform.models.with_client(provider, served)
    return changed


def _with_made_up_model(platform: Platform, provider: str) -> Platform:
    """Add a model that passes every filter of the shipped editions, if `provider` is healthy."""
    made: dict[str, Any] = {
        "model_id": f"{provider}/gpt-5 gpt-4o-mini",
        "litellm_provider": provider,
        **dict.fromkeys(NUMBERS, 1e-6),
        **dict.fromkeys(FLAGS, 1.0),
        **dict.fromkeys(("max_input_tokens", "max_tokens"), _HUGE_WINDOW),
    }
    columns = {
        name: np.append(values, made[name]) if name in _NUMERIC else [*values, made.get(name)]
        for name, values in platform.pricing.columns.items()
    }
    return _repriced(platform, Pricing(columns, "trial"))


def _with_windows(platform: Platform, _: str) -> Platform:
    """Give every model whose context window is unknown one that passes every edition's filter."""
    columns, unknown = dict(platform.pricing.columns), platform.pricing.window_unknown
    columns["max_input_tokens"] = np.where(unknown, _HUGE_WINDOW, columns["max_input_tokens"])
    return _repriced(platform, replace(platform.pricing, columns=columns))


def _without_entries(platform: Platform, models: Collection[str | None]) -> Platform:
    """Take entries out of the cache: the order of the others stays."""
    columns = platform.pricing.columns
    kept = [place for place, name in enumerate(columns["model_id"]) if name not in models]
    left = {
        name: values[kept] if name in _NUMERIC else [values[place] for place in kept]
        for name, values in columns.items()
    }
    return _repriced(platform, replace(platform.pricing, columns=left))


def _repriced(platform: Platform, pricing: Pricing) -> Platform:
    """Return a platform with other prices, without what was computed from the old ones."""
    return replace(platform, pricing=pricing, _by_capability={}, _by_plan={})


_NUMERIC = frozenset({*NUMBERS, *FLAGS})
CHANGES: Mapping[str, Callable[[Platform, str], Platform]] = {
    "allow-provider": _allowed,
    "register-provider": _registered,
    "add-model": _with_made_up_model,
    "complete-windows": _with_windows,
}
