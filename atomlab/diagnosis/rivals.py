"""Rivals: other explanations of the same error, and why each is ruled out, or is not.

The incident's own rival is an empty or stale pricing cache (its PR #1989), which raises the very
same message; the others are the filters behind the first, and the wrong database.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from atomlab.byok.filters import NAMES, PHRASES
from atomlab.byok.ranking import Ranking
from atomlab.diagnosis.explanation import Explanation
from atomlab.evidence.manifest import cache_age
from atomlab.evidence.snapshot import Evidence
from atomlab.text import count

CACHE_VALID = timedelta(hours=24)  # source: PLATFORM B, *Pricing cache*


@dataclass(frozen=True)
class Rival:
    """Another explanation: its code, whether it is ruled out, and why."""

    code: str
    ruled_out: bool
    why: str


def find_rivals(
    evidence: Evidence, ranking: Ranking, explanation: Explanation
) -> tuple[Rival, ...]:
    """Return the rivals of the explanation, for a request that found no model."""
    if not evidence.has_pricing:
        return (Rival("pricing-cache-empty", False, "the snapshot holds no pricing cache"),)
    causes = {cause.atom for cause in explanation.causes}
    return (
        _empty_cache(ranking),
        _stale_cache(evidence, explanation),
        _broken_entry(ranking),
        *(_filter(name, ranking, causes) for name in NAMES if name != "client"),
        _wrong_database(explanation),
        *(
            Rival(code, False, why)
            for code, why in ranking.view.platform.rules.other_faults.items()
        ),
    )


def _empty_cache(ranking: Ranking) -> Rival:
    total = len(ranking.blockers)
    return Rival("pricing-cache-empty", total > 0, f"the cache holds {count(total, 'model')}")


def _stale_cache(evidence: Evidence, explanation: Explanation) -> Rival:
    code = "pricing-cache-stale"
    if any(fix.verified for fix in explanation.fix_sets):
        return Rival(code, True, "with the fix made, this very cache gives a winner")
    fetched = (evidence.manifest["pricing"] or {}).get("last_fetch")
    if fetched is None:
        return Rival(code, False, "when the prices were fetched is unknown")
    age = cache_age(fetched, evidence.captured_at)
    if age is None:
        return Rival(code, False, f"the time of the last fetch cannot be read: {fetched}")
    if age < timedelta(0):
        why = f"the prices were fetched {-age} after the capture: one of the clocks is wrong"
        return Rival(code, False, why)
    why = f"the prices were fetched {age} before the capture; valid for 24 h"
    return Rival(code, age <= CACHE_VALID, why)


def _broken_entry(ranking: Ranking) -> Rival:
    code = "pricing-entry-broken"
    if ranking.broken is None:
        return Rival(code, True, "no entry of the cache breaks the ranking of this request")
    return Rival(code, False, f"it is among the causes: {ranking.broken}")


def _filter(name: str, ranking: Ranking, causes: set[str]) -> Rival:
    bit = NAMES.index(name)
    alone = int(np.count_nonzero(ranking.blockers == 1 << bit))
    rejects = int(np.count_nonzero(ranking.blockers >> bit & 1))
    if name in causes:
        return Rival(name, False, f"it is among the causes: {PHRASES[name]}")
    if not rejects:
        return Rival(name, True, "it rejects no model")
    if alone:
        return Rival(name, False, f"it alone keeps out {count(alone, 'model')}")
    return Rival(name, True, "no model is kept out by it alone: waiving it leaves the error")


def _wrong_database(explanation: Explanation) -> Rival:
    shown = [c for c in explanation.causes if c.setting_key is not None]
    if shown:
        why = f"the tenant is in it, with the rows that the cause {shown[0].code} names"
        return Rival("wrong-database", True, why)
    return Rival(
        "wrong-database", False, "the tenant is in it, but no row of the tenant shows the cause"
    )
