"""The ranking as a plain loop over the pricing cache: the reference, in speed and in answers.

Written from PLATFORM A and B alone, the way the platform itself does it: one model after the
other, leaving it at the first filter that rejects it, and with whatever Python makes of an entry.
It ranks and explains nothing. It shares no code with `atomlab.byok`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from atomlab.evidence.inputs.catalog import CatalogEntry
from atomlab.evidence.inputs.rules import Rules

Cache = Mapping[str, Mapping[str, Any]]


def cache_of(frame: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return a pricing frame as the platform's cache: an entry by model id, without the unknown.

    At a field that breaks the ranking the entry has what no number and no text is.
    """
    cache = {}
    for row in frame.astype(object).where(frame.notna(), None).to_dict("records"):
        entry = {name: value for name, value in row.items() if value is not None}
        broken = json.loads(entry.get("breaks", "[]"))
        cache[entry.pop("model_id")] = {**entry, **dict.fromkeys(broken, object())}
    return cache


def rank_plainly(
    cache: Cache,
    clients: Iterable[str],
    rules: Rules,
    request: Any,
    *,
    catalog: Mapping[str, CatalogEntry],
    health: Mapping[str, float | None],
    plan: str | None = None,
) -> list[tuple[str, str, float]]:
    """Return the candidates as (provider, model, value score), best first.

    `clients` are provider ids in client order; `request` has the fields of atomlab's Request;
    `health` is a score by provider id, None or absent where unknown. An entry with which Python
    cannot reckon raises, and the platform takes that for no candidates.
    """
    try:
        return _ranked(cache, clients, rules, request, catalog, health, plan)
    except (AttributeError, TypeError):
        return []


def _ranked(
    cache: Cache,
    clients: Iterable[str],
    rules: Rules,
    request: Any,
    catalog: Mapping[str, CatalogEntry],
    health: Mapping[str, float | None],
    plan: str | None,
) -> list[tuple[str, str, float]]:
    in_order = list(clients)
    available = set(in_order)
    by_prefix = rules.matcher == "prefix"
    capability = request.capability
    min_context = rules.min_context_tokens[request.complexity]
    if request.tier is None:
        min_quality = rules.min_quality[request.complexity]
    else:
        min_quality = rules.min_quality_by_tier[request.tier]
    exact = dict(rules.quality)
    special = rules.capability_quality.get(capability, ()) if capability is not None else ()

    candidates = []
    for model, entry in cache.items():
        lowered = model.lower()
        owner = entry.get("litellm_provider", "").lower()
        if by_prefix:
            provider = lowered.split("/", 1)[0] if "/" in lowered else owner
            if provider not in available:
                continue
        else:
            provider = _first_match(in_order, lowered, owner)
            if provider is None:
                continue
        if (entry.get("max_input_tokens") or entry.get("max_tokens") or 0) < min_context:
            continue
        listed = catalog.get(model)
        if listed is not None:
            if capability is None:
                if listed.excluded:
                    continue
            elif capability not in listed.capabilities:
                continue
        score = health.get(provider)
        if score is not None and round(score, 3) < rules.min_health_score:
            continue
        quality = _quality(model, lowered, rules, exact, special)
        if quality < min_quality:
            continue
        input_cost = entry.get("input_cost_per_token", 0.0)
        if request.turn > 0:
            least = rules.prompt_cache_min_tokens.get(provider)
            for part, tokens in rules.prompt_cache_min_tokens_containing.items():
                if least is None and part in provider:
                    least = tokens
            if least is not None and request.tokens >= least:
                input_cost *= rules.cached_input_factor
        cost = (input_cost + entry.get("output_cost_per_token", 0.0)) / 2
        value = quality * quality / (max(cost, 1e-9) * 1e6)
        candidates.append((provider, model, value))

    candidates.sort(key=lambda candidate: -candidate[2])  # stable: ties keep the cache's order
    if request.managed:
        allowed = rules.plans.get((plan or "free").lower(), rules.plans["free"])
        if allowed is not None:
            names = [name.lower() for name in allowed]
            candidates = [c for c in candidates if any(n in c[1].lower() for n in names)]
            if request.tools:
                candidates = [c for c in candidates if cache[c[1]].get("supports_tools")]
    return candidates


def _first_match(clients: list[str], lowered: str, owner: str) -> str | None:
    for client in clients:
        if client in lowered or client == owner:
            return client
    return None


def _quality(
    model: str,
    lowered: str,
    rules: Rules,
    exact: Mapping[str, float],
    special: tuple[tuple[str, float], ...],
) -> float:
    for key, score in special:
        if key == model:
            return score
    for key, score in special:
        if key.lower() in lowered:
            return score
    if model in exact:
        return exact[model]
    for key, score in rules.quality:
        if key.lower() in lowered:
            return score
    for words, score in rules.quality_heuristics:
        for word in words:
            if word in lowered:
                return score
    return rules.default_quality
