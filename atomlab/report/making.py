"""Reports from what was asked for: one in this process, several each in a process of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from atomlab.errors import Ended, ReportError
from atomlab.report.files import INDEX
from atomlab.report.kernel import running_kernel
from atomlab.report.notebooks import folder_of
from atomlab.report.planning import Wanted, plan
from atomlab.report.runner import Report, run_report

if TYPE_CHECKING:
    from atomlab.report.batch import Outcome


def make_one(wanted: Wanted, timeout_s: float) -> tuple[str, Report]:
    """Make the one report that is wanted; return what it is about, and the report.

    Raises AtomlabError.
    """
    wanted.into.check_report(pdf=wanted.pdf)
    with running_kernel(folder_of(wanted.notebook)) as kernel:
        # It boots while this is loaded, and the snapshot, tenant and hypothesis are looked at.
        from atomlab.report.progress import watching

        (task,) = plan(wanted)
        with watching() as watch:
            report = run_report(
                task.notebook,
                task.parameters,
                task.folder,
                pdf=task.pdf,
                overwrite=task.overwrite,
                timeout_s=timeout_s,
                on_cell=lambda place, cells: watch.cell(task, place, cells),
                kernel=kernel,
            )
            watch.ended(task, report.result)
    return task.subject, report


def make_many(wanted: Wanted, jobs: int | None, timeout_s: float) -> tuple[list[Outcome], Path]:
    """Make the reports that are wanted and the page that lists them; return both.

    One that fails does not stop the others; an interrupt does, and the page lists what was made,
    if anything was. What became of each is printed before the page is written. Raises AtomlabError
    if nothing can be made, or the page cannot be written.
    """
    from atomlab.report.batch import default_jobs, run_batch
    from atomlab.report.progress import watching
    from atomlab.report.results import print_outcomes

    tasks = plan(wanted)
    wanted.into.check([INDEX])
    outcomes: list[Outcome] = []
    place = {task.folder: number for number, task in enumerate(tasks)}
    try:
        with watching(len(tasks)) as watch:
            running = run_batch(tasks, jobs or default_jobs(), timeout_s, watch.cell)
            try:
                for outcome in running:
                    outcomes.append(outcome)
                    watch.ended(outcome.task, outcome.result)
            except Ended as ended:
                running.throw(ended)
    except KeyboardInterrupt:
        if outcomes:
            _indexed(outcomes, wanted, missing=len(tasks) - len(outcomes))
        raise
    outcomes.sort(key=lambda outcome: place[outcome.task.folder])
    print_outcomes(outcomes)
    return outcomes, _indexed(outcomes, wanted)


def _indexed(outcomes: Sequence[Outcome], wanted: Wanted, missing: int = 0) -> Path:
    from atomlab.report.index import write_index

    about = (Path(wanted.snapshot).stem, wanted.notebook.stem)
    try:
        return write_index(outcomes, wanted.into, *about, missing=missing)
    except OSError as error:
        raise ReportError(
            f"cannot be written ({error.strerror})",
            where=wanted.out / INDEX,
            todo="make room, or name another folder",
        ) from None
