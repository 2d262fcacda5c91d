"""Is it over? One case for each thing that a log can show, or lack."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from atomlab.diagnosis.evidence_curve import LEVEL
from atomlab.diagnosis.jobs import Job
from atomlab.diagnosis.recovery import Expected, Seen, judge
from benchmarks.confirm_files import differences
from benchmarks.confirm_worlds import FIXED as FIXED_WORLDS
from benchmarks.confirm_worlds import NOT_BY_THIS, UNFIXED, first_over, needed_by_fixed_size

NOON = datetime(2026, 5, 3, 12, tzinfo=UTC)
MODEL = "minimax/MiniMax-M2.5"
EXPECTED = Expected("moderate", MODEL)


def jobs(ending, number, model=MODEL, after=True):
    models = (model,) if ending == "succeeded" and model else ()
    step = timedelta(minutes=10 if after else -10)
    starts = [NOON + step * (n + 1) for n in range(number)]
    end = timedelta(minutes=2)
    return [
        Job(f"{ending}-{n}", "moderate", at, at + end, ending, models, ())
        for n, at in enumerate(starts)
    ]


BEFORE = [*jobs("failed", 20, after=False), *jobs("succeeded", 20, after=False)]
GOOD = jobs("succeeded", 30)
UNTIL = NOON + timedelta(hours=9)
FIXED = Seen(BEFORE, GOOD, until=UNTIL)


def test_enough_jobs_with_the_expected_model_in_a_complete_log_is_over():
    """As many as are needed, and not one less; the curve reaches its bound there."""
    full = judge(EXPECTED, FIXED)
    assert full.verdict == "over"
    assert (full.failed_before, full.jobs_before) == (20, 40)
    exact = judge(EXPECTED, replace(FIXED, after=GOOD[: full.needed]))
    assert exact.verdict == "over"
    assert exact.curve[-1][1] >= 20 > exact.curve[-2][1]
    short = judge(EXPECTED, replace(FIXED, after=GOOD[: full.needed - 1]))
    assert (short.verdict, short.missing) == ("inconclusive", "1 more moderate job")


@pytest.mark.parametrize(
    ("changed", "verdict", "why", "missing"),
    [
        ({"after": [*GOOD, *jobs("failed", 1)]}, "not over", "1 moderate job failed", ""),
        ({"after": [*GOOD, *jobs("refused", 2)]}, "not over", "401", "a key that the provider"),
        ({"after": jobs("succeeded", 30, "deepseek/x")}, "inconclusive", "not by this fix", ""),
        ({"after": [*GOOD, *jobs("succeeded", 1, "")]}, "inconclusive", "names the model", "lines"),
        ({"after": []}, "inconclusive", "no moderate job was seen", "moderate jobs"),
        ({"before": jobs("succeeded", 9, after=False)}, "inconclusive", "no moderate", "an older"),
        ({"before": []}, "inconclusive", "no moderate job failed before", "an older log"),
        (
            {"gaps": [(NOON, NOON + timedelta(minutes=40))]},
            "inconclusive",
            "the log has gaps",
            "a log of 2026-05-03 12:00 to 12:40",
        ),
        (
            {"gaps": [(NOON, NOON + timedelta(hours=30))]},
            "inconclusive",
            "the log has gaps",
            "a log of 2026-05-03 12:00 to 2026-05-04 18:00",
        ),
        (
            {"silences": [(NOON, NOON + timedelta(minutes=40))]},
            "inconclusive",
            "silent for far longer than otherwise",
            "a log of 2026-05-03 12:00 to 12:40, or an older one that is as quiet then",
        ),
        ({"silent": ("nothing below ERROR", "a log")}, "inconclusive", "below ERROR", "a log"),
        ({"nameless": 2}, "inconclusive", "without naming their kind", "their kind"),
        ({"unowned": jobs("failed", 1)}, "inconclusive", "may be of any tenant", "lines that say"),
        ({"after": [*GOOD, *jobs("open", 1)]}, "inconclusive", "did not end", "the end of open-0"),
    ],
)  # fmt: skip
def test_one_thing_amiss_and_it_is_not_over(changed, verdict, why, missing):
    """Whatever else the log shows: each of these alone turns the verdict of a complete log."""
    found = judge(EXPECTED, replace(FIXED, **changed))
    assert found.verdict == verdict
    assert why in found.why
    assert found.missing.startswith(missing)


def test_a_kind_that_the_fix_leaves_is_not_over_however_silent_the_log():
    """Silence on it proves nothing, nor does the success of other kinds."""
    left = Expected("advanced", None, "it needs another fix")
    for after in ([], GOOD):
        found = judge(left, replace(FIXED, after=after))
        assert (found.verdict, found.why) == ("not over", "the fix leaves it: it needs another fix")


def test_a_job_that_may_still_run_says_nothing():
    """Only one that has run longer than any other did is lost."""
    late = replace(jobs("open", 1)[0], began_at=UNTIL - timedelta(minutes=1), ended_at=UNTIL)
    assert judge(EXPECTED, replace(FIXED, after=[*GOOD, late])).verdict == "over"


def test_a_job_without_an_end_was_killed_by_a_restart_only_if_the_log_shows_one():
    """A start line while it should still have run explains it; an earlier or later one does not."""
    killed = jobs("open", 1)[0]
    looked = replace(FIXED, after=[*GOOD, killed])
    for minutes, verdict in ((1, "over"), (-1, "inconclusive"), (3, "inconclusive")):
        start = killed.ended_at + timedelta(minutes=minutes)
        assert judge(EXPECTED, replace(looked, restarts=[start])).verdict == verdict


def test_failures_of_another_kind_are_counted_and_say_nothing():
    """A job that fails otherwise is no success and no failure of this kind."""
    found = judge(EXPECTED, replace(FIXED, after=[*GOOD, *jobs("otherwise", 3)]))
    assert found.verdict == "over"
    assert dict(found.counted) == {"succeeded": 30, "otherwise": 3}


def test_a_log_may_name_the_model_without_its_provider():
    """In capitals or not."""
    short = jobs("succeeded", 30, "minimax-m2.5")
    assert judge(EXPECTED, replace(FIXED, after=short)).verdict == "over"


def test_the_model_with_which_a_job_ends_decides():
    """A retry that another model answers is no success of the expected one."""
    for models, verdict in ((("x/y", MODEL), "over"), ((MODEL, "x/y"), "inconclusive")):
        after = [replace(job, models=models) for job in GOOD]
        assert judge(EXPECTED, replace(FIXED, after=after)).verdict == verdict


def world(name, among):
    [found] = [each for each in among if each.name == name]
    return found


@pytest.mark.parametrize("trouble", ["retries", "restarts", "lost file", "other tenant"])
def test_in_made_worlds_where_nothing_is_fixed_it_is_hardly_ever_over(trouble):
    """Looked at after every job, as benchmarks/confirm_worlds.py does ten thousand times."""
    unfixed = world(f"unfixed, rate 0.3, {trouble}", UNFIXED)
    over = sum(first_over(unfixed, seed) is not None for seed in range(100))
    assert over <= 2 * LEVEL * 100  # of so few worlds; the seeds are fixed


@pytest.mark.parametrize("made", NOT_BY_THIS, ids=lambda each: each.name)
def test_in_made_worlds_it_is_never_over_by_something_else(made):
    """Another fix, a dead key, a log of errors only, a kind that is left."""
    assert not any(first_over(made, seed) for seed in range(25))


def test_in_made_worlds_that_are_fixed_it_is_soon_over():
    """Within a quarter more jobs than a test of fixed size needs, although workers restart."""
    for rate in (0.3, 0.9):
        fixed = world(f"fixed, rate {rate}, restarts", FIXED_WORLDS)
        soon = [first_over(fixed, seed) or 999 for seed in range(4)]
        assert max(soon) <= 1.25 * needed_by_fixed_size(rate)


@pytest.mark.parametrize(
    "name",
    [
        *(f"unfixed, rate 0.3, {trouble}" for trouble in ("retries", "lost file", "kills")),
        *("fixed, rate 0.3, skew", "fixed, rate 0.9, restarts", "a dead key"),
        *("errors only in the log", "a partial fix, this kind is left"),
    ],
)
def test_a_made_world_in_files_is_judged_as_its_events_are(name):
    """Rotated, packed, in two formats and in any order: the reader loses and adds nothing."""
    assert differences(world(name, [*UNFIXED, *NOT_BY_THIS, *FIXED_WORLDS]), 1) == []


OTHERS = [jobs("succeeded", 1, f"x/m-{n}")[0] for n in range(4)]
LOST = [replace(jobs("open", 1)[0], id=f"lost-{n}") for n in range(4)]
SPANS = [(NOON + timedelta(hours=n), NOON + timedelta(hours=n, minutes=30)) for n in range(4)]


@pytest.mark.parametrize(
    ("changed", "why", "missing"),
    [
        ({}, f"30 jobs succeeded with {MODEL}, none failed", ""),
        (
            {"before": jobs("failed", 20, after=False), "after": GOOD[:1]},
            "1 of the 2 jobs needed succeeded, none failed",
            "1 more moderate job",
        ),
        ({"after": jobs("failed", 2)}, "2 moderate jobs failed as before the fix", ""),
        (
            {"after": [*GOOD, *OTHERS]},
            f"jobs succeed, but with x/m-0, x/m-1, x/m-2 and 1 more instead of {MODEL}:"
            " not by this fix",
            "jobs with the expected model",
        ),
        (
            {"after": [*GOOD, *LOST]},
            "4 moderate jobs began after the fix and did not end",
            "the end of lost-0, lost-1, lost-2 and 1 more",
        ),
        (
            {"nameless": 1},
            "1 job failed after the fix without naming their kind",
            "their kind of request",
        ),
        (
            {"unowned": jobs("failed", 2)},
            "2 failures after the fix may be of any tenant",
            "lines that say whose they are",
        ),
        (
            {"gaps": SPANS},
            "the log has gaps after the fix",
            "a log of 2026-05-03 12:00 to 12:30, 2026-05-03 13:00 to 13:30 and 2026-05-03 14:00 to"
            " 14:30",
        ),
    ],
)
def test_what_is_said_of_a_log(changed, why, missing):
    """In full: how many, of what; a list is cut after three."""
    found = judge(EXPECTED, replace(FIXED, **changed))
    assert (found.why, found.missing) == (why, missing)


def test_jobs_that_succeed_with_another_model_are_counted_apart():
    """One that failed with it is one that failed, as is an open one; a job may name none."""
    failed = replace(jobs("failed", 1)[0], models=("x/y",))
    found = judge(EXPECTED, replace(FIXED, after=[*GOOD[:2], OTHERS[0], failed, *LOST[:1]]))
    counted = {"succeeded": 2, "succeeded with another model": 1, "failed": 1, "open": 1}
    assert found.counted == counted


def test_only_what_succeeds_with_the_expected_model_is_evidence():
    """Not a job that fails with it, nor one without a model."""
    bad = [replace(job, models=(MODEL,)) for job in jobs("otherwise", 5)]
    found = judge(EXPECTED, replace(FIXED, after=[*GOOD[:3], *bad, *jobs("succeeded", 2, "")]))
    assert [at for at, _ in found.curve] == [job.ended_at for job in GOOD[:3]]


def test_a_job_is_lost_once_it_has_run_longer_than_the_longest():
    """At two minutes, as all took, it may still run; a restart within that explains it."""
    late = replace(jobs("open", 1)[0], began_at=UNTIL - timedelta(minutes=2), ended_at=UNTIL)
    assert judge(EXPECTED, replace(FIXED, after=[*GOOD, late])).verdict == "over"
    killed = jobs("open", 1)[0]
    for minutes in (0, 2):
        restarts = [killed.ended_at + timedelta(minutes=minutes)]
        looked = replace(FIXED, after=[*GOOD, killed], restarts=restarts)
        assert judge(EXPECTED, looked).verdict == "over"
