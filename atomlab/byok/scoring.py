"""Quality and value of models (source: docs/platform.md, ranking)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from atomlab.evidence.inputs.rules import Rules

Floats = NDArray[np.float64]
CHEAPEST = 1e-9  # the platform's floor under a cost, in US dollars per token


def scorer(rules: Rules, capability: str | None = None) -> Callable[[str], tuple[float, str]]:
    """Return the function that gives a model id's quality, and where the score came from.

    The source is `exact`, `table:<key>`, `heuristic:<word>` or `default`; a score of the
    capability's own table, which is asked first, has `capability-` before it.
    """
    own = rules.capability_quality.get(capability or "", ())
    tables = [
        (
            dict(table),
            [(key.lower(), score, f"{prefix}table:{key}") for key, score in table],
            prefix,
        )
        for prefix, table in (("capability-", own), ("", rules.quality))
    ]
    heuristics = [
        (word, score, f"heuristic:{word}")
        for words, score in rules.quality_heuristics
        for word in words
    ]

    def score_of(model_id: str) -> tuple[float, str]:
        lowered = model_id.lower()
        for exact, contained, prefix in tables:
            if model_id in exact:
                return exact[model_id], f"{prefix}exact"
            for key, score, source in contained:
                if key in lowered:
                    return score, source
        for word, score, source in heuristics:
            if word in lowered:
                return score, source
        return rules.default_quality, "default"

    return score_of


def value_scores(quality: Floats, cost: Floats) -> Floats:
    """Return quality² per micro-dollar: what the ranking sorts by, descending."""
    return quality**2 / (np.maximum(cost, CHEAPEST) * 1e6)
