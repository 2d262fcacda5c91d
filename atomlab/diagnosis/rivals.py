"""Rivals: other explanations of the same error, and why each is ruled out, or is not.

In the incident it was an empty or stale pricing cache, which raises the very same message; the
others are the filters behind the first, and the wrong database.
"""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from atomlab.byok.filters import NAMES, PHRASES
from atomlab.byok.ranking import Ranking
from atomlab.diagnosis.explanation import Explanation
from atomlab.diagnosis.findings import Rival
from atomlab.evidence.manifest import cache_age
from atomlab.evidence.snapshot import Evidence
from atomlab.shown import Several
from atomlab.text import count

CACHE_VALID = timedelta(hours=24)  # source: docs/platform.md, prices


def find_rivals(
    evidence: Evidence, ranking: Ranking, explanation: Explanation
) -> tuple[Rival, ...]:
    """Return the rivals of the explanation, for a request that found no model."""
    if not evidence.has_pricing:
        return (Rival("pricing-cache-empty", False, "the snapshot holds no pricing cache"),)
    causes = {cause.atom for cause in explanation.causes}
    models, broken = len(ranking.blockers), ranking.broken
    sound = "no entry of the cache breaks the ranking of this request"
    others = ranking.view.platform.rules.other_faults
    found = (
        Rival("pricing-cache-empty", models > 0, f"the cache holds {count(models, 'model')}"),
        _stale_cache(evidence, explanation),
        Rival("pricing-entry-broken", not broken, f"it is a cause: {broken}" if broken else sound),
        *(_filter(name, ranking, causes) for name in NAMES if name != "client"),
        _wrong_database(explanation),
        *(Rival(code, False, why) for code, why in others.items()),
    )
    return Several(found)


def _stale_cache(evidence: Evidence, explanation: Explanation) -> Rival:
    code = "pricing-cache-stale"
    if any(fix.verified for fix in explanation.fix_sets):
        return Rival(code, True, "once the fix is made, this same cache gives a winner")
    fetched, captured = (evidence.manifest["pricing"] or {}).get("last_fetch"), evidence.captured_at
    age = fetched and cache_age(fetched, captured)
    fresh = age is not None and timedelta(0) <= age <= CACHE_VALID
    since = f"fetched at {fetched or 'an unknown time'}, captured at {captured}"
    why = f"the prices were {since}; they are valid for 24 h"
    return Rival(code, fresh, why)


def _filter(name: str, ranking: Ranking, causes: set[str]) -> Rival:
    bit = NAMES.index(name)
    only = int(np.count_nonzero(ranking.blockers == 1 << bit))
    if name in causes:
        return Rival(name, False, f"it is a cause: {PHRASES[name]}")
    if only:
        return Rival(name, False, f"it is the only blocker of {count(only, 'model')}")
    if not np.any(ranking.blockers >> bit & 1):
        return Rival(name, True, "it rejects no model")
    return Rival(name, True, "it is nowhere the only blocker: waiving it leaves the error")


def _wrong_database(explanation: Explanation) -> Rival:
    shown = next((c.code for c in explanation.causes if c.setting_key is not None), None)
    if shown is None:
        why = "the tenant is in this database, but no row of the tenant shows the cause"
        return Rival("wrong-database", False, why)
    why = f"the tenant is in this database, with the rows that the cause {shown} names"
    return Rival("wrong-database", True, why)
