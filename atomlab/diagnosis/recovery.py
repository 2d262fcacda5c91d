"""Is it over? What a worker's log shows of a tenant's jobs after a fix, for each kind of request.

The replay predicts which model wins with the fix made; jobs begun after the fix have to succeed
with that model, in a log without gaps, often enough for the rate at which they failed before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Literal

from atomlab.diagnosis.evidence_curve import evidence_curve, jobs_needed, lowest_rate
from atomlab.diagnosis.jobs import Job
from atomlab.shown import Several, Shown
from atomlab.text import count, grouped, joined, listed, printable

RecoveryVerdict = Literal["over", "not over", "inconclusive"]
MARGIN = timedelta(minutes=1)
LEAVES = "the fix leaves it: "


@dataclass(frozen=True, repr=False)
class Expected(Shown):
    """What the replay says of a kind of request: which model wins once the fix is made, if any."""

    complexity: str
    winner: str | None
    left: str = ""  # why it fails even then
    also: tuple[str, ...] = ()  # the winners with another of several keys that would do

    @cached_property
    def names(self) -> frozenset[str]:
        """What the winner is called in a log, in lower case: with its provider, or without."""
        names = [name.lower() for name in (self.winner or "", *self.also)]
        return frozenset(names) | {name.rpartition("/")[2] for name in names}


@dataclass(frozen=True, repr=False)
class Seen(Shown):
    """What the log shows of one kind of request: jobs before the fix, after it, and in between.

    `gaps` are the stretches of time after the fix of which there is no log, `silences` those in
    which it is quiet for far longer than otherwise; `silent` says why the
    log could not show all, and what is missing, None if it could; `nameless` counts jobs that
    failed after the fix without a line that names their kind, `unowned` are failures after it of
    which no line says whose they are; `until` is the log's last moment,
    `restarts` are when workers started.
    """

    before: Sequence[Job]
    after: Sequence[Job]
    between: int = 0
    gaps: Sequence[tuple[datetime, datetime]] = ()
    silences: Sequence[tuple[datetime, datetime]] = ()
    silent: tuple[str, str] | None = None
    nameless: int = 0
    unowned: Sequence[Job] = ()
    until: datetime | None = None
    restarts: Sequence[datetime] = ()


@dataclass(frozen=True, repr=False)
class Recovery(Shown):
    """The verdict on one kind of request: why, and what is missing for another one.

    `rate` is the least at which jobs failed before the fix, `needed` how many have to succeed after
    it; `curve` is the evidence after each; `counted` are the jobs after the fix by ending, of those
    that succeeded the ones with another model than expected apart.
    """

    complexity: str
    verdict: RecoveryVerdict
    why: str
    missing: str
    expected: str | None
    failed_before: int
    jobs_before: int
    rate: float
    needed: int | None
    counted: Mapping[str, int]
    between: int
    curve: tuple[tuple[datetime, float], ...]
    cited: tuple[Job, ...]


def judge(expected: Expected, seen: Seen) -> Recovery:
    """Return the verdict on one kind of request.

    The first of these that applies decides: the fix does not reach it; a job failed, or was
    refused; jobs succeed with another model; the log has gaps; jobs are missing; else it is over.
    """
    judged = [job for job in seen.before if job.ending in ("failed", "succeeded")]
    failed = sum(job.ending == "failed" for job in judged)
    rate = lowest_rate(failed, len(judged))
    good = [job for job in seen.after if _as_expected(job, expected)]
    curve = evidence_curve([True] * len(good), rate)
    verdict, why, missing, cited = next(_reasons(expected, seen, good, rate, failed))
    return Recovery(
        complexity=expected.complexity,
        verdict=verdict,
        why=why,
        missing=missing,
        expected=expected.winner,
        failed_before=failed,
        jobs_before=len(judged),
        rate=rate,
        needed=jobs_needed(rate),
        counted=Counter(_counted_as(job, expected) for job in seen.after),
        between=seen.between,
        curve=Several((job.ended_at, value) for job, value in zip(good, curve, strict=True)),
        cited=Several(cited),
    )


_Reason = tuple[RecoveryVerdict, str, str, Sequence[Job]]


def _reasons(
    expected: Expected, seen: Seen, good: Sequence[Job], rate: float, failed: int
) -> Iterator[_Reason]:
    """Yield each verdict that a look at the log leads to, the one that counts first."""
    kind = expected.complexity
    if expected.winner is None:
        yield "not over", f"{LEAVES}{expected.left}", "", ()
    yield from _against(expected, seen)
    yield from _blind(expected, seen)
    if not failed:
        what = f"no {kind} job failed before the fix"
        yield "inconclusive", what, "an older log, with jobs that failed", ()
    if not seen.after:
        yield "inconclusive", f"no {kind} job was seen after the fix", f"{kind} jobs", ()
    needed = jobs_needed(rate) or 1
    if len(good) < needed:
        more = f"{needed - len(good)} more {kind} job{'s' * (needed - len(good) != 1)}"
        so_far = f"{len(good)} of the {count(needed, 'job')} needed succeeded"
        yield "inconclusive", f"{so_far}, none failed", more, good
    if seen.silences:
        what = "after the fix the log is silent for far longer than otherwise"
        missing = f"a log of {_times(seen.silences)}, or an older one that is as quiet then"
        yield "inconclusive", what, missing, ()
    succeeded = f"{count(len(good), 'job')} succeeded with {printable(expected.winner)}"
    yield "over", f"{succeeded}, none failed", "", good


def _against(expected: Expected, seen: Seen) -> Iterator[_Reason]:
    """Yield what jobs after the fix say against it."""
    kind, ended = expected.complexity, grouped((job.ending, job) for job in seen.after)
    if bad := ended.get("failed"):
        yield "not over", f"{count(len(bad), f'{kind} job')} failed as before the fix", "", bad
    if refused := ended.get("refused"):
        what = f"the provider refused the key in {count(len(refused), f'{kind} job')} (401, 403)"
        yield "not over", what, "a key that the provider accepts", refused
    others = [job for job in ended.get("succeeded", ()) if _other_model(job, expected)]
    if others:
        models = listed(dict.fromkeys(model for job in others for model in job.models), 3)
        what = f"jobs succeed, but with {models} instead of {printable(expected.winner)}"
        yield "inconclusive", f"{what}: not by this fix", "jobs with the expected model", others


def _blind(expected: Expected, seen: Seen) -> Iterator[_Reason]:
    """Yield why the log does not show all that happened after the fix."""
    kind = expected.complexity
    if seen.gaps:
        yield "inconclusive", "the log has gaps after the fix", f"a log of {_times(seen.gaps)}", ()
    if seen.silent:
        yield "inconclusive", *seen.silent, ()
    if lost := _lost(seen):
        what = f"{count(len(lost), f'{kind} job')} began after the fix and did not end"
        yield "inconclusive", what, f"the end of {listed((job.id for job in lost), 3)}", lost
    if seen.nameless:
        what = f"{count(seen.nameless, 'job')} failed after the fix without naming their kind"
        yield "inconclusive", what, "their kind of request", ()
    if seen.unowned:
        what = f"{count(len(seen.unowned), 'failure')} after the fix may be of any tenant"
        yield "inconclusive", what, "lines that say whose they are", seen.unowned
    silent = [job for job in seen.after if job.ending == "succeeded" and not job.models]
    if silent:
        what = f"{count(len(silent), f'{kind} job')} succeeded without a line that names the model"
        yield "inconclusive", what, 'lines such as "BPC Ranking Successful"', silent


def _times(spans: Sequence[tuple[datetime, datetime]]) -> str:
    """Return up to three intervals in words: `2026-05-03 09:00 to 09:40`."""
    words = []
    for start, end in spans[:3]:
        until = f"{end:%H:%M}" if start.date() == end.date() else f"{end:%Y-%m-%d %H:%M}"
        words.append(f"{start:%Y-%m-%d %H:%M} to {until}")
    return joined(words)


def _lost(seen: Seen) -> list[Job]:
    """Return the jobs without an end that ran longer than any other did.

    One during which a worker started was killed by that: it ended without a result.
    """
    ended = [j.ended_at - j.began_at for j in (*seen.before, *seen.after) if j.ending != "open"]
    longest = max(ended, default=timedelta(0))
    return [
        job
        for job in seen.after
        if job.ending == "open"
        and seen.until
        and seen.until - job.began_at > longest
        and not any(job.ended_at <= at <= job.ended_at + longest for at in seen.restarts)
    ]


def _as_expected(job: Job, expected: Expected) -> bool:
    return job.ending == "succeeded" and bool(job.models) and not _other_model(job, expected)


def _other_model(job: Job, expected: Expected) -> bool:
    """Return whether a job names a model, and the one it chose last is not the expected one."""
    return bool(job.models) and job.models[-1].lower() not in expected.names


def _counted_as(job: Job, expected: Expected) -> str:
    other = job.ending == "succeeded" and _other_model(job, expected)
    return "succeeded with another model" if other else job.ending
