"""Many reports: each in a process of its own, forked from one that has loaded everything."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import current_process, get_context, parent_process
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from atomlab.errors import AtomlabError, Ended, ReportError
from atomlab.evidence.snapshot import open_snapshot
from atomlab.process import home
from atomlab.report.files import (
    INDEX,
    PARTIAL,
    TABLE,
    folders_with_reports,
    make_folder,
    unwritable,
)
from atomlab.report.index import index_page
from atomlab.report.plan import Task, Wanted, plan
from atomlab.report.progress import showing_batch
from atomlab.report.rows import rows_of, to_csv
from atomlab.report.running import Outcome, Report, run_report
from atomlab.report.scratch import folder_of_process
from atomlab.text import printable

# More than the processors would only wait for each other; and each report takes some 200 MB,
# of which a container that sees many processors may not have many.
MOST_JOBS = 4
GRACE_S = 10.0
_LOADED = ("__main__", "atomlab.report.execution", "atomlab.report.page")
_SAFE = "PYTHONSAFEPATH"


def default_jobs() -> int:
    """Return how many reports to make at once: one per processor that may be used, up to four."""
    usable = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))(0)
    return min(len(usable), MOST_JOBS)


@dataclass(frozen=True)
class Batch:
    """A batch as it ended: its outcomes, and where the page that lists them is.

    `tenants` is how many tenants were looked at, if not all of them have a report. What earlier
    runs left beside the page is kept: `files` by name, and `folders` that the page does not list.
    """

    outcomes: Sequence[Outcome]
    index: Path
    tenants: int | None
    files: tuple[str, ...] = ()
    folders: tuple[Path, ...] = ()


def make_batch(wanted: Wanted, jobs: int | None, timeout_s: float) -> Batch:
    """Make the reports that are wanted and the page that lists them.

    One that fails does not stop the others; an interrupt does, and the page lists what was made.
    """
    tasks, tenants = plan(wanted), _looked_at(wanted)
    wanted.folder.check([INDEX, TABLE])
    outcomes: list[Outcome] = []
    try:
        with showing_batch(len(tasks)) as show:
            running = run_batch(tasks, jobs or default_jobs(), timeout_s)
            try:
                for outcome in running:
                    outcomes.append(outcome)
                    show()
            except Ended as ended:
                running.throw(ended)
    except KeyboardInterrupt:
        if outcomes:
            _write_index(outcomes, wanted, len(tasks), tenants)
        raise
    return _write_index(outcomes, wanted, len(tasks), tenants)


def run_batch(tasks: Sequence[Task], jobs: int, timeout_s: float) -> Generator[Outcome, None, None]:
    """Yield each task's outcome as it ends; `jobs` of them run at once, `timeout_s` bounds each.

    If the caller stops early, what runs is ended and leaves nothing; if Ended is raised or thrown
    into this, it leaves its partial notebook.
    """
    waiting, running = deque(tasks), list[_Run]()
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                running.append(_Run(waiting.popleft(), timeout_s))
            wait([handle for run in running for handle in run.handles], timeout=1)
            for run in [*running]:
                if outcome := run.outcome():
                    running.remove(run)
                    yield outcome
    except BaseException as stopped:
        for run in running:
            run.stop(keeping=isinstance(stopped, Ended))
        raise
    finally:
        for run in running:
            run.end(5)


class _Run:
    """A task's process, as seen from the one that started it."""

    def __init__(self, task: Task, timeout_s: float) -> None:
        context = get_context("forkserver")
        context.set_forkserver_preload([*_LOADED])
        # Else multiprocessing makes one of its own, which a kill would leave.
        current_process()._config["tempdir"] = str(folder_of_process())  # type: ignore[attr-defined]
        self._task, self._timeout_s, self._started = task, timeout_s, time.monotonic()
        self._pipe, theirs = context.Pipe(duplex=False)
        self.process = context.Process(target=_work, args=(task, timeout_s, theirs))
        with _safe_path():
            self.process.start()
        theirs.close()

    @property
    def handles(self) -> list[Any]:
        """What to wait for: its result, or its end."""
        return [self._pipe, self.process.sentinel]

    def outcome(self) -> Outcome | None:
        """Return how it ended, None while it goes on."""
        seconds = time.monotonic() - self._started
        result: Report | str | None = None
        patience_s = 0.0
        ended = not self.process.is_alive()  # asked first: what it sent before it ended counts
        if self._pipe.poll():
            with suppress(EOFError, OSError):  # it ended without a result
                result, patience_s = self._pipe.recv(), 5
        if result is None and ended:
            result = self._lost(f"its process ended, exit code {self.process.exitcode}")
        elif result is None and seconds > self._timeout_s + GRACE_S:
            result = self._lost(f"it was still running after {self._timeout_s:g} seconds in all")
        if result is None:
            return None
        self.end(patience_s)
        report = result if isinstance(result, Report) else None
        return Outcome(self._task, report, "" if report else str(result), seconds)

    def stop(self, *, keeping: bool) -> None:
        """Ask it to end and clean up, keeping its partial notebook or not."""
        with suppress(ProcessLookupError):
            os.kill(self.process.pid or 0, signal.SIGTERM if keeping else signal.SIGINT)

    def end(self, patience_s: float) -> None:
        """Wait for its end; after that, kill it and all that it started."""
        self.process.join(patience_s)
        if self.process.exitcode != 0:
            with suppress(OSError):  # gone already
                os.killpg(self.process.pid or 0, signal.SIGKILL)
            self.process.kill()
            self.process.join()
        self._pipe.close()

    def _lost(self, what: str) -> str:
        partial = self._task.folder / PARTIAL
        todo = "open that notebook and look" if partial.exists() else "try again"
        return str(ReportError(what, where=partial, todo=todo))


@contextmanager
def _safe_path() -> Iterator[None]:
    """Let a new Python load its first modules from a safe path; it gets the whole path later."""
    before = {name: os.environ.get(name) for name in (_SAFE, "PYTHONPATH")}
    os.environ |= {_SAFE: "1", "PYTHONPATH": "" if (own := home()).endswith("-packages") else own}
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


def _work(task: Task, timeout_s: float, pipe: Connection) -> None:
    """Make one report in this process, and send it, or the error, through `pipe`."""

    def end(_number: int, _frame: object) -> None:
        raise Ended

    os.environ.pop(_SAFE, None)  # what a notebook starts is not ours
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where nohup started it all
    os.setpgid(0, 0)  # the terminal's Ctrl-C is for the process that started this one
    threading.Thread(target=_die_with_parent, daemon=True).start()
    try:
        pipe.send(run_report(task, timeout_s))
    except AtomlabError as error:
        pipe.send(str(error))
    except KeyboardInterrupt:
        pass
    except Exception as error:
        pipe.send(f"{type(error).__name__}: {printable(error)}; please report this fault")


def _die_with_parent() -> None:
    if parent := parent_process():
        parent.join()
        os.killpg(0, signal.SIGKILL)


def _looked_at(wanted: Wanted) -> int | None:
    """Return how many tenants are looked at, None if they are those that are named."""
    if not wanted.all_affected:
        return None
    with open_snapshot(wanted.snapshot) as evidence:
        return int(evidence.manifest["tables"]["tenants"]["rows"])


def _write_index(
    outcomes: Sequence[Outcome], wanted: Wanted, tasks: int, tenants: int | None
) -> Batch:
    """Write the page that links the reports in the folders below, and its rows as CSV."""
    listed = {outcome.task.folder for outcome in outcomes}
    earlier = [path for path in folders_with_reports(wanted.out) if path not in listed]
    page = index_page(
        outcomes,
        wanted.out,
        Path(wanted.snapshot).stem,
        wanted.notebook.stem,
        tenants=tenants,
        missing=tasks - len(outcomes),
        earlier=earlier,
    )
    try:
        make_folder(wanted.out)
    except OSError as error:
        raise unwritable(wanted.out / INDEX, error.strerror) from None
    files = {INDEX: page, TABLE: to_csv(rows_of(outcomes, wanted.out))}
    kept = wanted.folder.write(files)
    return Batch(outcomes, wanted.out / INDEX, tenants, kept, tuple(earlier))
