"""The evidence that a fault is gone: a test that may be looked at after every job.

Under the hypothesis that nothing is fixed, a job fails at least as often as before. Each job that
succeeds then multiplies the evidence by 1 / (1 - rate), and one that fails takes it all (a betting
e-process, a test martingale: its expectation never grows, so by Ville's inequality it ever reaches
20 with a probability of at most 5 %, however often it is looked at). The rate before the fix is not
known but estimated: it enters by the lower end of its exact (Clopper-Pearson) interval. How often
both together err is computed exactly in tests/diagnosis/test_evidence_curve.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

LEVEL = 0.05  # the error of the test over jobs after the fix
# How often the lower end may lie above the true rate. With it the whole test errs in fewer than 5 %
# of all cases, whatever the rate and the number of jobs before; less only asks for more jobs.
TAIL = 0.3


@lru_cache
def lowest_rate(failed: int, jobs: int) -> float:
    """Return the lower end of the exact interval of a failure rate; 0 if none failed."""
    if not failed:
        return 0.0
    low, high = 0.0, 1.0
    for _ in range(50):
        rate = (low + high) / 2
        if _at_least(failed, jobs, rate) > TAIL:
            high = rate
        else:
            low = rate
    return low


def jobs_needed(rate: float) -> int | None:
    """Return how many jobs have to succeed, none failing, None if no number would do."""
    return max(1, math.ceil(math.log(LEVEL) / math.log1p(-rate) - 1e-9)) if rate > 0 else None


def evidence_curve(successes: Sequence[bool], rate: float) -> list[float]:
    """Return the evidence after each job; that it is over is shown from 1 / LEVEL on."""
    curve, evidence = [], 1.0
    for success in successes:
        evidence *= 1 / (1 - rate) if success else 0.0
        curve.append(evidence)
    return curve


def _at_least(failed: int, jobs: int, rate: float) -> float:
    """Return the probability that of so many jobs at least so many fail."""
    log_rate, log_rest, every = math.log(rate), math.log1p(-rate), math.lgamma(jobs + 1)

    def term(k: int) -> float:
        ways = every - math.lgamma(k + 1) - math.lgamma(jobs - k + 1)
        return math.exp(ways + k * log_rate + (jobs - k) * log_rest)

    if failed > jobs / 2:
        return math.fsum(map(term, range(failed, jobs + 1)))
    return 1 - math.fsum(map(term, range(failed)))
