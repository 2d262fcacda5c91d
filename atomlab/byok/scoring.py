"""Quality, cost and value of models (source: PLATFORM B, *Ranking* and *Quality*)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from atomlab.evidence.inputs.rules import Rules

Floats = NDArray[np.float64]
CHEAPEST = 1e-9  # the platform's floor under a cost, in US dollars per token


def quality_of(model_id: str, rules: Rules, capability: str | None = None) -> tuple[float, str]:
    """Return a model's quality and where the score came from.

    The source is `exact`, `table:<key>`, `heuristic:<word>` or `default`; a score of the
    capability's own table has `capability-` before it.
    """
    return scorer(rules, capability)(model_id)


def scorer(rules: Rules, capability: str | None = None) -> Callable[[str], tuple[float, str]]:
    """Return the function from a model id to its quality and source, for many models."""
    tables = [("", rules.quality, dict(rules.quality))]
    if capability is not None:
        own = rules.capability_quality.get(capability, ())
        tables.insert(0, ("capability-", own, dict(own)))
    lowered_tables = [
        (prefix, [(key.lower(), score, f"{prefix}table:{key}") for key, score in table], exact)
        for prefix, table, exact in tables
    ]

    heuristics = [
        (word, score, f"heuristic:{word}")
        for words, score in rules.quality_heuristics
        for word in words
    ]

    def score_of(model_id: str) -> tuple[float, str]:
        lowered = model_id.lower()
        for prefix, table, exact in lowered_tables:
            if model_id in exact:
                return exact[model_id], f"{prefix}exact"
            for lowered_key, score, source in table:
                if lowered_key in lowered:
                    return score, source
        for word, score, source in heuristics:
            if word in lowered:
                return score, source
        return rules.default_quality, "default"

    return score_of


def value_scores(quality: Floats, cost: Floats) -> Floats:
    """Return quality² per micro-dollar: what the ranking sorts by, descending."""
    return quality**2 / (np.maximum(cost, CHEAPEST) * 1e6)
