"""Run a notebook into a report: all of it, or nothing but the notebook as far as it came."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atomlab.diagnosis.findings import certainty_of, findings_in, result_of
from atomlab.errors import Ended, ReportError
from atomlab.report.export import check_installed, to_pdf
from atomlab.report.files import (
    FINDINGS,
    NOTEBOOK,
    PAGE,
    PAPER,
    PARTIAL,
    ReportFolder,
    make_folder,
    one_run_in,
)
from atomlab.report.kernel import running_kernel
from atomlab.report.notebooks import folder_of, given_files, parameters_of
from atomlab.report.parameters import check_parameters
from atomlab.show.words import mode_in
from atomlab.text import printable

if TYPE_CHECKING:
    from atomlab.report.execution import OnCell


@dataclass(frozen=True)
class Report:
    """What a run left: its `result` and `answer`, and its files in `folder`; `paper`, a PDF too.

    The result is the verdict on claims, or a tenant's status; `certainty` how sure the cause is of
    one that is affected; `mode` how requests are served, where that has to be said; `missing` the
    letters of the PDF that no font of this machine has.
    """

    result: str
    answer: str
    folder: Path
    certainty: str = ""
    mode: str = ""
    paper: bool = False
    missing: str = ""

    @property
    def html(self) -> Path:
        """The report itself, one self-contained file."""
        return self.folder / PAGE

    @property
    def pdf(self) -> Path:
        """The report for paper, where it was asked for."""
        return self.folder / PAPER

    @property
    def notebook(self) -> Path:
        """The executed notebook."""
        return self.folder / NOTEBOOK

    @property
    def findings(self) -> Path:
        """The findings as JSON."""
        return self.folder / FINDINGS

    @property
    def pages(self) -> list[Path]:
        """What is there to be read: the report, and where it was asked for as PDF, that."""
        return [self.html, *([self.pdf] if self.paper else [])]


def run_report(
    notebook: Path,
    parameters: Mapping[str, Any],
    folder: Path,
    *,
    pdf: bool = False,
    overwrite: bool = False,
    timeout_s: float = 300,
    on_cell: OnCell | None = None,
    kernel: Any = None,
) -> Report:
    """Run `notebook` with `parameters` and leave its report in `folder`; return what it found.

    `pdf` asks for the report as PDF too, else one of an earlier run goes; `overwrite` lets files
    be replaced that no run wrote, other than those that are given; `timeout_s` bounds the whole
    run; `on_cell` is told the place of each cell and how many there are; `kernel` is a
    fresh one, else one is started. Raises InputError for parameters that do not fit the notebook,
    before anything runs; ReportError if a package for PDF is missing, the folder cannot be written
    or holds what is to be kept, another run is in it, a cell fails, the kernel dies or time runs
    out: then the notebook as far as it came is kept there as PARTIAL, and what an earlier run left
    stays as it was. An interrupted run leaves nothing; one that was asked to end (Ended) leaves
    PARTIAL.
    """
    started = time.monotonic()
    values = check_parameters(parameters, parameters_of(notebook), notebook)
    own = folder_of(notebook)
    if pdf:
        check_installed()
    files = ReportFolder(folder, overwrite, given_files(notebook, values))
    with _open(files):
        files.check_report(pdf=pdf)
        with nullcontext(kernel) if kernel else running_kernel(own) as running:
            # The kernel boots while these, the slowest imports of all, are loaded.
            from atomlab.report.execution import as_text, execute
            from atomlab.report.html import to_html

            executed = execute(notebook, values, running, files, started, timeout_s, on_cell)
        try:
            with _within(started, timeout_s):
                findings = findings_in(executed)
                page = to_html(executed, findings, own is not None)
                paper, missing = _on_paper(page, findings) if pdf else (None, "")
                made = Report(
                    *(result_of(findings), str(findings["answer"]), folder),
                    *(certainty_of(findings), mode_in(findings)),
                    paper=pdf,
                    missing=missing,
                )
        except ReportError as error:
            files.write({PARTIAL: as_text(executed)})
            raise ReportError(error.what, where=folder / PARTIAL, todo=error.todo) from None
        contents = {
            PAPER: paper,
            NOTEBOOK: as_text(executed),
            FINDINGS: json.dumps(findings, indent=1) + "\n",
            PAGE: page,
            PARTIAL: None,
        }
        files.write(contents)
    return made


def _on_paper(page: str, findings: Mapping[str, Any]) -> tuple[bytes, str]:
    """Return the PDF, the evidence at the foot of its pages, and letters that no font has."""
    snapshot = findings.get("snapshot", {})
    evidence = f"snapshot {snapshot['name']}, SHA-256 {snapshot['sha256']}" if snapshot else ""
    return to_pdf(page, footer=printable(evidence, 200))


@contextmanager
def _within(started: float, timeout_s: float) -> Iterator[None]:
    """Raise ReportError in the block as soon as time is over, where a signal can tell."""

    def end(_number: int, _frame: object) -> None:
        raise ReportError(
            f"was still being written after {timeout_s:g} seconds in all",
            todo="let the notebook put out less, or raise --timeout",
        )

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, max(started + timeout_s - time.monotonic(), 0.01))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _open(files: ReportFolder) -> Iterator[None]:
    """Make the folder, for this run alone; after an interrupt, let it and PARTIAL go.

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
            with suppress(OSError, ReportError):  # of which another report may have made use
                files.write({PARTIAL: None})
                for path in missing:
                    path.rmdir()
            raise
    except OSError as error:
        raise ReportError(
            f"cannot be written ({error.strerror})",
            where=files.path,
            todo="make room, or name another folder",
        ) from None
