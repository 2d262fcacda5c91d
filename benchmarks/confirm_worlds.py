"""Worlds in which the truth is known: how often `atomlab confirm` says that it is over.

Run as `python -m benchmarks.confirm_worlds [WORLDS]`: of each kind so many (10,000) are made, and
each is looked at after every job. Prints how often the verdict was ever *over*, and for worlds
that are fixed how many jobs after the fix it took.
"""

from __future__ import annotations

import math
import random
import statistics
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial

from atomlab.diagnosis.jobs import Job, JobFolder, parted
from atomlab.diagnosis.recovery import MARGIN, Expected, Recovery, Seen, judge
from atomlab.evidence.inputs.worker_log import LogLine

FIXED_AT = datetime(2026, 5, 3, 12, tzinfo=UTC)
MODEL, OTHER = "minimax/MiniMax-M2.5", "deepseek/deepseek-chat"
KIND, TENANT = "moderate", "brennan"
ERROR = "No models available from dynamic pricing"
JOBS_BEFORE, JOBS_AFTER = 200, 120
# Where the rate is to be known well, as that of a test of fixed size is.
JOBS_BEFORE_FIXED = 5_000


@dataclass(frozen=True)
class World:
    """How jobs come and end: `rate` is how often one fails before the fix, `after` after it.

    `trouble` is what happens to the jobs beside that, or to the log; `model` wins after the fix.
    """

    name: str
    rate: float
    after: float
    trouble: str = ""
    model: str = MODEL
    truth: str = "not fixed"


# Restarts kill jobs and leave a line of their own; where jobs are killed without one, no verdict is
# due, nor where a file is lost.
TROUBLES = ("retries", "nights", "skew", "restarts", "other tenant")
UNFIXED = [
    World(f"unfixed, rate {rate}, {trouble or 'nothing else'}", rate, rate, trouble)
    for rate in (0.05, 0.3, 0.9)
    for trouble in ("", *TROUBLES, "lost file", "kills")
]
NOT_BY_THIS = [
    World("another fix, another model", 0.3, 0.0, model=OTHER),
    World("a dead key", 0.3, 0.0, "dead key"),
    World("errors only in the log", 0.3, 0.3, "errors only"),
    World("a partial fix, this kind is left", 0.3, 0.3, "left"),
]
FIXED = [
    World(f"fixed, rate {rate}, {trouble or 'nothing else'}", rate, 0.0, trouble, truth="fixed")
    for rate in (0.05, 0.3, 0.9)
    for trouble in ("", *TROUBLES)
]


def lines_of(world: World, chance: random.Random, before: int | None = None) -> list[LogLine]:
    """Return the log of a world: jobs of the tenant, and of another one where there is.

    `before` is about how many jobs there are before the fix.
    """
    lines: list[LogLine] = []
    before = before or (JOBS_BEFORE_FIXED if world.truth == "fixed" else JOBS_BEFORE)
    slower = 1.8 if world.trouble == "nights" else 1
    at = FIXED_AT - timedelta(minutes=15 * before * slower)
    skew = timedelta(seconds=chance.uniform(-45, 45) if world.trouble == "skew" else 0)
    number = late = 0
    while late < JOBS_AFTER:
        number += 1
        quiet = 20 if world.trouble == "nights" and not 7 <= at.hour < 20 else 1
        at += timedelta(minutes=chance.expovariate(1 / (15 * quiet)))
        fixed = at >= FIXED_AT
        late += fixed
        fails = chance.random() < (world.after if fixed else world.rate)
        model = world.model if fixed else MODEL
        lines += _job(f"job-{number}", TENANT, at + skew, fails, model, world, chance)
        if world.trouble == "other tenant":
            cured = fixed or chance.random() > world.rate
            lines += _job(f"other-{number}", "acme", at + skew, not cured, MODEL, world, chance)
    return sorted(lines, key=lambda line: line.at or FIXED_AT)


def _job(
    name: str,
    tenant: str,
    at: datetime,
    fails: bool,
    model: str,
    world: World,
    chance: random.Random,
) -> Iterator[LogLine]:
    """Yield the lines of a job: attempts, and how it ended."""
    about = {"job": name, "tenant": tenant, "complexity": KIND}
    attempts = chance.randint(1, 5) if fails and world.trouble == "retries" else 1
    if world.trouble in ("restarts", "kills") and chance.random() < 0.05:
        yield _line(at, "job-event", about)  # and then the worker was killed
        if world.trouble == "restarts":
            yield _line(at + timedelta(seconds=chance.uniform(1, 5)), "start", {})
        return
    for _ in range(attempts):
        at += timedelta(seconds=chance.uniform(1, 30))
        if fails:
            yield _line(at, "error", {**about, "error": ERROR}, "ERROR")
    if fails:
        return
    yield _line(at, "top-model", {**about, "model": model})
    at += timedelta(seconds=chance.uniform(5, 60))
    if world.trouble == "dead key" and at >= FIXED_AT:
        yield _line(at, "auth-error", {**about, "status": "401"}, "ERROR")
    else:
        yield _line(at, "ingested", {**about, "entities": "12"})


def _line(at: datetime, event: str, fields: dict[str, str], level: str = "INFO") -> LogLine:
    return LogLine("worker.log", 1, "0" * 64, at, level, event, fields)


Gap = tuple[datetime, datetime] | None


def gap_of(world: World, chance: random.Random) -> Gap:
    """Return from when to when a world's log is lost, if it is."""
    if world.trouble != "lost file":
        return None
    start = FIXED_AT + timedelta(minutes=chance.uniform(0, 600))
    return start, start + timedelta(minutes=chance.uniform(30, 300))


def is_shown(line: LogLine, world: World, gap: Gap) -> bool:
    """Return whether the log of a world has a line."""
    lost = gap is not None and line.at is not None and gap[0] <= line.at < gap[1]
    return not lost and (world.trouble != "errors only" or line.level == "ERROR")


class Watched:
    """The log of a world in which it is looked whether it is over, at any moment."""

    def __init__(self, world: World, lines: Sequence[LogLine], gap: Gap) -> None:
        self._world, self._gap = world, gap
        folder = JobFolder({TENANT})
        for line in lines:
            if is_shown(line, world, gap):
                folder.take(line)
        left = world.trouble == "left"
        self._expected = Expected(KIND, None if left else MODEL, "needs another fix")
        self._before, self.after, self._between = parted(folder.jobs(), FIXED_AT, MARGIN)
        self._starts = [line.at for line in lines if line.event == "start" and line.at]

    def judged(self, now: datetime) -> Recovery:
        """Return what is found at a moment after the fix."""
        errors_only = ("the log has no line below ERROR", "a log at level INFO")
        looked = Seen(
            self._before,
            [_as_of(now, job) for job in self.after if job.began_at <= now],
            len(self._between),
            gaps=[self._gap] if self._gap and self._gap[1] <= now else [],
            silent=errors_only if self._world.trouble == "errors only" else None,
            until=now,
            restarts=[at for at in self._starts if at <= now],
        )
        return judge(self._expected, looked)


def first_over(world: World, seed: int) -> int | None:
    """Return after how many jobs that ended the verdict is first *over*; None if it never is."""
    chance = random.Random(seed)
    lines = lines_of(world, chance)
    watched = Watched(world, lines, gap_of(world, chance))
    for number, last in enumerate(watched.after, 1):
        if last.ending == "failed":
            return None  # from here on it is not over
        if world.truth == "fixed" and number < needed_by_fixed_size(world.rate) // 2:
            continue  # too few for any test
        if watched.judged(last.ended_at).verdict == "over":
            return sum(job.ending != "open" for job in watched.after[:number])
    return None


def _as_of(now: datetime, job: Job) -> Job:
    """Return a job as the log shows it so far."""
    return job if job.ended_at <= now else replace(job, ended_at=now, ending="open", models=())


def needed_by_fixed_size(rate: float) -> int:
    """Return how many jobs without a failure a test of fixed size needs at this rate."""
    return math.ceil(math.log(0.05) / math.log1p(-rate))


def _looked_at(world: World, worlds: int) -> list[int | None]:
    with ProcessPoolExecutor() as pool:
        return list(pool.map(partial(first_over, world), range(worlds), chunksize=50))


def main(worlds: int) -> int:
    """Print a line for each kind of world; return 1 if any errs more often than it may."""
    bad = 0
    print(f"of {worlds:,} worlds of each kind, looked at after every job:")
    for world in (*UNFIXED, *NOT_BY_THIS):
        over = sum(number is not None for number in _looked_at(world, worlds))
        most = 0.05 if world in UNFIXED else 0
        bad += over > most * worlds
        print(f"  {over / worlds:7.2%} over (at most {most:.0%})  {world.name}", flush=True)
    for world in FIXED:
        within = 1.25 * needed_by_fixed_size(world.rate)
        soon = [number or JOBS_AFTER + 1 for number in _looked_at(world, worlds // 10)]
        share = sum(number <= within for number in soon) / len(soon)
        bad += share < 0.95
        figures = f"{share:7.2%} over within {within:.0f} jobs (at least 95%)"
        print(f"  {figures}, median {statistics.median(soon):.0f}  {world.name}", flush=True)
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
