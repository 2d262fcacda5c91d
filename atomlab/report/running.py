"""A notebook run into a report: all of it, or only the notebook as far as it came."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atomlab.diagnosis.findings import Summary, certainty_of, result_of
from atomlab.errors import Ended, ReportError
from atomlab.report.export import check_installed, to_pdf
from atomlab.report.files import (
    EXPLORER,
    FINDINGS,
    FIX,
    NOTEBOOK,
    PAGE,
    PAPER,
    PARTIAL,
    ReportFolder,
    make_folder,
    one_run_in,
    unwritable,
)
from atomlab.report.kernel import running_kernel
from atomlab.report.notebooks import (
    check_parameters,
    findings_in,
    folder_of,
    given_files,
    parameters_of,
)
from atomlab.report.plan import Task, Wanted, plan
from atomlab.show.words import mode_in
from atomlab.text import printable

if TYPE_CHECKING:
    from atomlab.report.execution import Execution

OnCell = Callable[[int, int], None]


@dataclass(frozen=True)
class Report:
    """What a run left: its `result` and `answer`, and its files in `folder`, `paper` if a PDF too.

    The result is the verdict on claims, or a tenant's status; `certainty` says how sure the cause
    is of an affected tenant; `mode` how requests are served, where that is not as usual; `missing`
    has the letters of the PDF that no font of this machine has; `summary` is as the findings state
    it, if they do; `kept` names files of earlier reports that are still in the folder.
    """

    result: str
    answer: str
    folder: Path
    certainty: str = ""
    mode: str = ""
    paper: bool = False
    missing: str = ""
    summary: Summary | None = None
    kept: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """How a task ended: with a report, or with an error in one line; and what time it took."""

    task: Task
    report: Report | None
    error: str
    seconds: float

    @property
    def result(self) -> str:
        """The report's result, `failed` if there is none."""
        return self.report.result if self.report else "failed"


class _OutOfTimeError(KeyboardInterrupt):
    """The deadline has come; asyncio hands on no other exception that a signal raises."""


def make_one(wanted: Wanted, timeout_s: float) -> Outcome:
    """Make the one report that is wanted; return it with what it is about."""
    started = time.monotonic()
    wanted.folder.check_report(pdf=wanted.pdf)
    with running_kernel(folder_of(wanted.notebook)) as kernel:
        # It boots while this is loaded, and the snapshot, tenant and hypothesis are looked at.
        from atomlab.report.progress import showing_cells

        (task,) = plan(wanted)
        with showing_cells(task.subject) as on_cell:
            report = run_report(task, timeout_s, on_cell, kernel)
    return Outcome(task, report, "", time.monotonic() - started)


def run_report(
    task: Task, timeout_s: float = 300, on_cell: OnCell | None = None, kernel: Any = None
) -> Report:
    """Run the task's notebook and leave the report in its folder; return what it found.

    `timeout_s` bounds the whole run; `on_cell` gets the place of each cell and their number;
    `kernel` is a fresh one, else one is started. Raises InputError for parameters that do not fit
    the notebook, before anything runs, and ReportError. After an error or the end of the time, or
    where it is asked to end (Ended), PARTIAL has the notebook as far as it came; a run that is
    interrupted leaves nothing. An earlier PDF is kept where none is asked for.
    """
    started = time.monotonic()
    values = check_parameters(task.parameters, parameters_of(task.notebook), task.notebook)
    own = folder_of(task.notebook)
    if task.pdf:
        check_installed()
    files = ReportFolder(task.folder, task.overwrite, given_files(task.notebook, values))
    with _open(files):
        files.check_report(pdf=task.pdf)
        with nullcontext(kernel) if kernel else running_kernel(own) as running:
            # The kernel boots while this, the slowest import of all, is loaded.
            from atomlab.report.execution import Execution

            execution = Execution(task.notebook, files, running, on_cell)
            with _keeping(execution, started + timeout_s, timeout_s):
                execution.run(values)
                report = _write(task, execution, own is not None)
    return report


def _write(task: Task, execution: Execution, users_own: bool) -> Report:
    from atomlab.report.explorer import explorer_of
    from atomlab.report.first_page import script_of
    from atomlab.report.page import to_html

    findings = findings_in(execution.notebook)
    explorer = explorer_of(findings, task.parameters.get("snapshot", ""))
    page = to_html(execution.notebook, findings, users_own, explored=explorer is not None)
    paper, missing = None, ""
    if task.pdf:
        snapshot = findings.get("snapshot", {})
        evidence = f"snapshot {snapshot['name']}, SHA-256 {snapshot['sha256']}" if snapshot else ""
        paper, missing = to_pdf(page, footer=printable(evidence, 200))
    report = Report(
        result_of(findings),
        str(findings["answer"]),
        task.folder,
        certainty_of(findings),
        mode_in(findings),
        paper=task.pdf,
        missing=missing,
        summary=Summary.model_validate(said) if (said := findings.get("summary")) else None,
    )
    contents = {
        NOTEBOOK: execution.text,
        FINDINGS: json.dumps(findings, indent=1) + "\n",
        PAGE: page,
        EXPLORER: explorer,
        PARTIAL: None,
        **({FIX: script} if (script := script_of(findings)) else {}),
        **({PAPER: paper} if paper else {}),
    }
    return replace(report, kept=execution.files.write(contents))


@contextmanager
def _keeping(execution: Execution, deadline: float, timeout_s: float) -> Iterator[None]:
    """Stop the block at the deadline; whatever else ends it but Ctrl-C, keep what ran in PARTIAL.

    Raises ReportError.
    """

    def end(_number: int, _frame: object) -> None:
        raise _OutOfTimeError

    before = signal.signal(signal.SIGALRM, end)
    # Again each second: an exception that is raised where none can be is lost.
    signal.setitimer(signal.ITIMER_REAL, max(deadline - time.monotonic(), 0.01), 1)
    try:
        yield
    except (ReportError, _OutOfTimeError, Ended) as error:
        signal.setitimer(signal.ITIMER_REAL, 0)
        with suppress(ReportError):  # then what was kept last is all there is
            execution.keep()
        if isinstance(error, Ended):
            raise
        what, where = f"{execution.at} was still running after {timeout_s:g} seconds in all", None
        todo = "open that notebook and look, or raise --timeout"
        if isinstance(error, ReportError):
            what, where, todo = error.what, error.where, error.todo
        raise ReportError(what, where=where or execution.partial, todo=todo) from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _open(files: ReportFolder) -> Iterator[None]:
    """Make the folder and lock it for this run; after an interrupt, remove it and PARTIAL.

    Raises ReportError if anything cannot be written.
    """
    try:
        missing = make_folder(files.path)
        try:
            with one_run_in(files.path):
                yield
        except Ended:
            raise
        except (KeyboardInterrupt, SystemExit):
            with suppress(OSError, ReportError):  # another report may use the folder, too
                files.write({PARTIAL: None})
                for path in missing:
                    path.rmdir()
            raise
    except OSError as error:
        raise unwritable(files.path, error.strerror) from None
