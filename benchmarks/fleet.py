"""What a fleet costs, against a bare cursor over the same rows, and whether it is as diagnosed.

Run as `python -m benchmarks.fleet [TENANTS] [--classes N] [--bound RATIO]`. Making and capturing a
million tenants takes some minutes; `make bench` does so twice.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from atomlab.diagnosis.diagnose import Diagnosis
from atomlab.diagnosis.fixes import root_fix, serving_all
from atomlab.fleets.impacts import Failure, Impact


class Meets(NamedTuple):
    """What a tenant meets: status, clients, and of each request that fails why and its fix."""

    status: str
    clients: tuple[str, ...]
    failing: tuple[tuple[Any, ...], ...]


def as_diagnosed(diagnosis: Diagnosis) -> Meets:
    """Return what a tenant meets by its own diagnosis."""
    failing = diagnosis.failing
    found = []
    for each in failing:
        cause = next(iter(each.explanation.causes), None)
        fix = root_fix(each, failing)
        fix = fix and serving_all(fix, failing, lambda: diagnosis.keys_that_serve)
        why = (cause.code, cause.provider, cause.verdict) if cause else (None, None, None)
        found.append((each.request.complexity, *why, fix.edits if fix else (), fix and fix.who))
    return Meets(diagnosis.status, tuple(diagnosis.clients), tuple(found))


def as_surveyed(impact: Impact, who: Any) -> Meets:
    """Return what a tenant meets by the survey of all; `who` says who makes a failure's fix."""

    def one(failure: Failure) -> tuple[Any, ...]:
        cause = failure.cause
        why = (cause.code, cause.provider, cause.verdict) if cause else (None, None, None)
        return (failure.complexity, *why, failure.edits, who(failure))

    return Meets(impact.status, impact.clients, tuple(map(one, impact.failures)))
