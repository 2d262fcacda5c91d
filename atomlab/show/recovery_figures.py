"""The figures of a fix that is checked: its jobs on a time line, and the evidence after each."""

from __future__ import annotations

from collections import Counter

from atomlab.diagnosis.confirm import FixCheck
from atomlab.diagnosis.evidence_curve import LEVEL
from atomlab.diagnosis.jobs import ENDINGS, Job
from atomlab.evidence.inputs.rules import COMPLEXITIES
from atomlab.show.pictures import Picture, Series, curves, time_line
from atomlab.text import count, joined

_COLOURS = {"succeeded": "good", "failed": "bad", "refused": "bad", "otherwise": "open"}


def jobs(case: FixCheck) -> Picture:
    """Return each job as a dot where it ended, a row for each kind of request."""
    rows = [kind for kind in COMPLEXITIES if any(job.complexity == kind for job in case.jobs)]
    series = [
        Series(
            [job.ended_at for job in case.jobs if _is(job, ending, rows)],
            [rows.index(str(job.complexity)) for job in case.jobs if _is(job, ending, rows)],
            _COLOURS.get(ending, "muted"),
        )
        for ending in ENDINGS
    ]
    counted = "; ".join(
        f"{row}: " + ", ".join(f"{n} {ending}" for ending, n in _counts(case, row).items())
        for row in rows
    )
    return Picture(
        time_line(series, rows, {"fix": case.fixed_at}),
        "Each dot is a job, where it ended: green succeeded, red failed with the error or was "
        "refused, amber ended otherwise, grey has no end in the log.",
        f"Jobs by kind of request. {counted}.",
    )


def evidence(case: FixCheck) -> Picture:
    """Return how the evidence that it is over grows with each job that succeeds as expected."""
    bound = 1 / LEVEL
    lines: dict[tuple[float, ...], list[str]] = {}
    for each in case.recoveries:
        if each.curve:
            known = (1.0, *(value for _, value in each.curve))
            reached = next((n for n, value in enumerate(known) if value >= bound), len(known))
            lines.setdefault(known[: reached + 1], []).append(each.complexity)
    shown = {joined(kinds): line for line, kinds in lines.items()}
    counted = "; ".join(
        f"{each.complexity}: {count(len(each.curve), 'job')}, {each.needed or 'no number'} needed"
        for each in case.recoveries
    )
    return Picture(
        curves(shown, bound),
        "The evidence after each job that succeeded with the expected model, up to the bound of "
        f"{bound:.0f} (dashed). From there on it is shown that the fault is gone; however often "
        "one looks, that is wrong in at most 5 % of all cases. One failure ends it.",
        f"Evidence that it is over. Jobs that succeeded as expected, {counted}.",
    )


def _is(job: Job, ending: str, rows: list[str]) -> bool:
    return job.ending == ending and job.complexity in rows


def _counts(case: FixCheck, row: str) -> Counter[str]:
    return Counter(job.ending for job in case.jobs if job.complexity == row)
