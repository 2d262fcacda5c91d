"""Many reports: each in a process of its own, forked from one that has loaded everything.

A fork starts in milliseconds with papermill, pandas and the rest in memory, and shares no state
with other reports; its notebook's kernel is a fork in turn. Where processes cannot be forked they
are started anew, which is slower and otherwise the same.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import current_process, get_all_start_methods, get_context, parent_process
from multiprocessing.connection import Connection, wait
from tempfile import gettempdir
from typing import Any

from atomlab.errors import AtomlabError, Ended, ReportError
from atomlab.process import HOME
from atomlab.report.files import PARTIAL, folder_of_process
from atomlab.report.kernel import running_kernel
from atomlab.report.notebooks import folder_of
from atomlab.report.planning import Task
from atomlab.report.runner import Report, run_report
from atomlab.text import printable

# More than the processors would only wait for each other; and each report takes some 200 MB,
# of which a container that sees many processors may not have many.
MOST_JOBS = 4
GRACE_S = 10.0
# What forks listens on a socket in the temporary folder, and a socket's address is 103 bytes at
# most, of which the names in there take 36.
_FORKED = "forkserver" in get_all_start_methods() and len(os.fsencode(gettempdir())) <= 67
_LOADED = (
    "__main__",
    "atomlab.report.execution",
    "atomlab.report.html",
    "ipykernel.kernelapp",
    "atomlab.report.preloaded",
)

_SAFE = "PYTHONSAFEPATH"

OnTaskCell = Callable[[Task, int, int], None]


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


def default_jobs() -> int:
    """Return how many reports to make at once: one per processor that may be used, up to four."""
    usable = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))(0)
    return min(len(usable), MOST_JOBS)


def run_batch(
    tasks: Sequence[Task], jobs: int, timeout_s: float, on_cell: OnTaskCell | None = None
) -> Generator[Outcome, None, None]:
    """Yield each task's outcome as it ends; `jobs` of them run at once, `timeout_s` bounds each.

    `on_cell` is told which cell a task is at, and of how many. If the caller stops early, what
    runs is ended and leaves nothing; if Ended is raised or thrown into this, its partial notebook.
    """
    waiting, running = deque(tasks), list[_Run]()
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                running.append(_Run(waiting.popleft(), timeout_s, on_cell))
            wait([handle for run in running for handle in run.handles], timeout=1)
            for run in [*running]:
                if outcome := run.look():
                    running.remove(run)
                    yield outcome
    except BaseException as stopped:
        for run in running:
            run.stop(keeping=isinstance(stopped, Ended))
        raise
    finally:
        for run in running:
            run.end(patience_s=5)


class _Run:
    """A task's process, as seen from the one that started it."""

    def __init__(self, task: Task, timeout_s: float, on_cell: OnTaskCell | None) -> None:
        context = _context()
        self._task, self._timeout_s, self._on_cell = task, timeout_s, on_cell
        self._started = time.monotonic()
        self._pipe, theirs = context.Pipe(duplex=False)
        self.process = context.Process(target=_work, args=(task, timeout_s, theirs))
        with _safe_path():
            self.process.start()
        theirs.close()

    @property
    def handles(self) -> list[Any]:
        """What to wait for: that it says something, or ends."""
        return [self.process.sentinel, *(() if self._pipe.closed else (self._pipe,))]

    def look(self) -> Outcome | None:
        """Pass on which cell it is at; return how it ended, None if it goes on."""
        ended = not self.process.is_alive()  # asked first: what it said before it ended counts
        seconds = time.monotonic() - self._started
        result = self._said()
        if result is not None:
            self.end(patience_s=5)
        elif ended:
            self.end()
            result = self._lost(f"its process ended, exit code {self.process.exitcode}")
        elif seconds > self._timeout_s + GRACE_S:
            self.end()
            result = self._lost(f"was still running after {self._timeout_s:g} seconds in all")
        else:
            return None
        report = result if isinstance(result, Report) else None
        return Outcome(self._task, report, "" if report else str(result), seconds)

    def stop(self, *, keeping: bool) -> None:
        """Ask it to end and clean up, keeping its partial notebook or not."""
        with suppress(ProcessLookupError):
            os.kill(self.process.pid, signal.SIGTERM if keeping else signal.SIGINT)

    def end(self, patience_s: float = 0) -> None:
        """Wait for its end; after that, kill it and all that it started."""
        self.process.join(patience_s)
        if self.process.exitcode != 0:
            with suppress(OSError, AttributeError):  # gone already; no groups on this system
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.kill()
            self.process.join()
        self._pipe.close()

    def _lost(self, what: str) -> str:
        partial = self._task.folder / PARTIAL
        todo = "open that notebook and look" if partial.exists() else "try again"
        return str(ReportError(what, where=partial, todo=todo))

    def _said(self) -> Report | str | None:
        """Pass on the cells that it named; return its report or error, if it has come to that."""
        try:
            while not self._pipe.closed and self._pipe.poll():
                said = self._pipe.recv()
                if not isinstance(said, tuple):
                    return said  # type: ignore[no-any-return]
                if self._on_cell:
                    self._on_cell(self._task, *said)
        except (EOFError, OSError):
            self._pipe.close()
        return None


def _context() -> Any:
    context = get_context("forkserver" if _FORKED else "spawn")
    # Else multiprocessing makes one of its own, which a kill would leave.
    current_process()._config["tempdir"] = str(folder_of_process())  # type: ignore[attr-defined]
    if _FORKED:
        context.set_forkserver_preload([*_LOADED])
    return context


@contextmanager
def _safe_path() -> Iterator[None]:
    """Let a new Python load its first modules from where it is safe; then it is told the rest."""
    before = {name: os.environ.get(name) for name in (_SAFE, "PYTHONPATH")}
    os.environ |= {_SAFE: "1", "PYTHONPATH": "" if HOME.endswith("-packages") else HOME}
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


def _work(task: Task, timeout_s: float, pipe: Connection) -> None:
    """Make one report in this process, and say through `pipe` how it goes and ends."""
    os.environ.pop(_SAFE, None)  # what a notebook starts is not ours
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where nohup started it all
    with suppress(AttributeError):
        os.setpgid(0, 0)  # the terminal's Ctrl-C is for the process that started this one
    try:
        pipe.send(_make(task, timeout_s, pipe))
    except AtomlabError as error:
        pipe.send(str(error))
    except KeyboardInterrupt:
        pass
    except Exception as error:
        pipe.send(f"{type(error).__name__}: {printable(error)}; report this fault of atomlab's")


def _end(_number: int, _frame: object) -> None:
    raise Ended


def _make(task: Task, timeout_s: float, pipe: Connection) -> Report:
    with running_kernel(folder_of(task.notebook), forked=_FORKED) as kernel:
        threading.Thread(target=_die_with_parent, daemon=True).start()
        return run_report(
            task.notebook,
            task.parameters,
            task.folder,
            pdf=task.pdf,
            overwrite=task.overwrite,
            timeout_s=timeout_s,
            on_cell=lambda place, cells: pipe.send((place, cells)),
            kernel=kernel,
        )


def _die_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os.killpg(0, signal.SIGKILL)
