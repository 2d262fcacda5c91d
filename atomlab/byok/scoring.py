"""Quality, cost and value of models (source: PLATFORM B, *Ranking* and *Quality*)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from atomlab.evidence.rules import Rules

Floats = NDArray[np.float64]
CHEAPEST = 1e-9  # the platform's floor under a cost, in US dollars per token


def quality_of(model_id: str, rules: Rules, capability: str | None = None) -> tuple[float, str]:
    """Return a model's quality and where the score came from.

    The source is `exact`, `table:<key>`, `heuristic:<word>` or `default`; a score of the
    capability's own table has `capability-` before it.
    """
    lowered = model_id.lower()
    if capability is not None:
        found = _in_table(model_id, lowered, rules.capability_quality.get(capability, ()))
        if found is not None:
            return found[0], f"capability-{found[1]}"
    found = _in_table(model_id, lowered, rules.quality)
    if found is not None:
        return found
    for words, score in rules.quality_heuristics:
        for word in words:
            if word in lowered:
                return score, f"heuristic:{word}"
    return rules.default_quality, "default"


def _in_table(
    model_id: str, lowered: str, table: Sequence[tuple[str, float]]
) -> tuple[float, str] | None:
    exact = dict(table).get(model_id)
    if exact is not None:
        return exact, "exact"
    for key, score in table:
        if key in lowered:
            return score, f"table:{key}"
    return None


def value_scores(quality: Floats, cost: Floats) -> Floats:
    """Return quality² per micro-dollar: what the ranking sorts by, descending."""
    return quality**2 / (np.maximum(cost, CHEAPEST) * 1e6)
