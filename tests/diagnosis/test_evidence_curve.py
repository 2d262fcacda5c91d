"""The evidence that a fault is gone: how often it errs, computed exactly."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from atomlab.diagnosis.evidence_curve import LEVEL, evidence_curve, jobs_needed, lowest_rate

RATES = [*np.linspace(0.0005, 0.05, 40), *np.linspace(0.06, 0.999, 60)]


def binomial(jobs: int, rate: float) -> list[float]:
    """Return how probable each number of failures is, one job at a time."""
    chances = np.array([1.0])
    for _ in range(jobs):
        chances = np.append(chances * (1 - rate), 0) + np.append(0, chances * rate)
    return list(chances)


def reaches(rate_before: float, rate: float, jobs: int) -> float:
    """Return how probable it is that the evidence reaches 20 at any look, by dynamic programming.

    State of the program: the evidence after each job; nothing is known of the test but its curve.
    """
    states, reached = {1.0: 1.0}, 0.0
    for _ in range(jobs):
        following: dict[float, float] = {}
        for evidence, chance in states.items():
            for success, weight in ((True, 1 - rate), (False, rate)):
                [factor] = evidence_curve([success], rate_before)
                after = evidence * factor
                if after >= 1 / LEVEL * (1 - 1e-9):
                    reached += chance * weight
                elif after:
                    following[after] = following.get(after, 0) + chance * weight
        states = following
    return reached


@pytest.mark.parametrize("before", [1, 2, 3, 5, 10, 20, 50, 200, 600])
def test_nothing_fixed_is_called_over_in_fewer_than_5_percent(before):
    """Whatever the rate: the chance of each number of failures before, times that of an error."""
    needed = [jobs_needed(lowest_rate(failed, before)) for failed in range(before + 1)]
    for rate in RATES:
        errs = sum(
            chance * ((1 - rate) ** jobs if jobs else 0)
            for chance, jobs in zip(binomial(before, rate), needed, strict=True)
        )
        assert errs <= LEVEL


@pytest.mark.parametrize("rate", [0.03, 0.05, 0.1, 0.3, 0.5, 0.9])
def test_looking_after_every_job_errs_in_at_most_5_percent(rate):
    """The rate before being known, whatever it is after: as often, or more often."""
    for after in {rate, (rate + 1) / 2}:
        assert reaches(rate, after, 200) <= LEVEL
    assert reaches(rate, rate / 20, 200) > 0.5  # and it does see that something is fixed


@pytest.mark.parametrize(("failed", "jobs"), [(1, 1), (1, 7), (3, 10), (10, 10), (60, 200)])
def test_the_lowest_rate_is_the_lower_end_of_the_exact_interval(failed, jobs):
    """With it, so many failures or more are seen three times in ten; computed with fractions."""
    rate = Fraction(lowest_rate(failed, jobs))
    chance = sum(
        math.comb(jobs, k) * rate**k * (1 - rate) ** (jobs - k) for k in range(failed, jobs + 1)
    )
    assert float(chance) == pytest.approx(0.3, abs=1e-6)


def test_without_a_failure_before_nothing_can_be_shown():
    """A rate of 0 is compatible with anything: no number of jobs would do."""
    assert lowest_rate(0, 1000) == 0
    assert jobs_needed(0) is None
    assert evidence_curve([True] * 100, 0) == [1.0] * 100


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.3, 0.69, 0.999])
def test_so_many_jobs_are_needed_as_the_curve_needs_to_reach_its_bound(rate):
    """One less does not do, and one that fails ends it."""
    jobs = jobs_needed(rate)
    curve = evidence_curve([True] * jobs, rate)
    assert curve[-1] >= 1 / LEVEL * (1 - 1e-9)
    assert max(curve[:-1], default=1) < 1 / LEVEL
    assert evidence_curve([True, False, True], rate)[-1] == 0


@pytest.mark.parametrize(("failed", "jobs", "most"), [(300, 1000, 10), (50, 1000, 73)])
def test_few_more_jobs_are_needed_than_a_test_of_fixed_size_needs(failed, jobs, most):
    """At a rate of 0.3 that needs 9 jobs, at 0.05 59; a quarter more is allowed."""
    assert jobs_needed(lowest_rate(failed, jobs)) <= most
