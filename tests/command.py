"""The command line in a process of its own, so that it can be limited, stopped and killed."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from tests.refusals import is_one_line

# A server that has everything imported makes a process in a few hundredths of a second.
_IMPORTED = (
    "pytest",
    "typer.main",
    "yaml",
    "pydantic.main",
    "sqlalchemy.dialects.sqlite",
    "sqlalchemy.dialects.postgresql.psycopg",
    "psycopg",
    "atomlab.cli",
    "atomlab.capturing.capture",
    "atomlab.show.manifest",
    "atomlab.show.terminal",
)
STREAMS = ("stdout", "stderr")
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload([__name__, *_IMPORTED])


@dataclass(frozen=True)
class Run:
    """A command that is running; its output goes to files in `folder`."""

    process: Any
    folder: Path

    def kill(self, number: int) -> None:
        """Send a signal, if it is still running."""
        with contextlib.suppress(ProcessLookupError):  # it may end at this very moment
            os.kill(self.process.pid, number)

    def wait(self, timeout_s: float = 30) -> tuple[int, str, str]:
        """Return the exit code (negative for a signal), stdout and stderr."""
        self.process.join(timeout_s)
        code = self.process.exitcode
        if code is None:
            self.process.kill()
            raise TimeoutError("the command does not end")
        out, err = ((self.folder / name).read_text() for name in STREAMS)
        return code, out, err

    def refusal(self) -> str:
        """Return the one line on stderr of a command that could not look."""
        code, out, err = self.wait()
        assert (code, out) == (1, "")
        assert err.startswith("atomlab: ")
        assert is_one_line(err.removesuffix("\n"))
        return err


def start(folder: Path, *arguments: object, first: Callable[[], object] | None = None) -> Run:
    """Start `atomlab` with these arguments, after having called `first` in its process."""
    folder.mkdir(exist_ok=True)
    for name in STREAMS:
        (folder / name).unlink(missing_ok=True)
    process = _CONTEXT.Process(target=_main, args=(folder, [*map(str, arguments)], first))
    process.start()
    while process.is_alive() and not (folder / STREAMS[-1]).exists():  # then it has begun
        time.sleep(0.005)
    return Run(process, folder)


def _main(folder: Path, arguments: list[str], first: Callable[[], object] | None) -> None:
    sys.argv = ["atomlab", *arguments]
    from atomlab.__main__ import run

    if first:
        first()
    sys.stdout, sys.stderr = ((folder / name).open("w") for name in STREAMS)
    try:
        run()
    except SystemExit as stop:  # multiprocessing's own way out takes a signal for a failure
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(int(stop.code or 0))


def signalled_at(number: int, moment: int, functions: Collection[str], told: Path) -> None:
    """Send this process a signal at a moment: so many calls to, from and in these functions."""
    seen = 0

    def count(frame: FrameType, event: str, _: object) -> None:
        nonlocal seen
        code = frame.f_code
        if code.co_name in functions and "atomlab" in code.co_filename:
            seen += 1
            if seen == moment:
                told.write_text(f"{code.co_name}:{frame.f_lineno} {event}")
                os.kill(os.getpid(), number)

    sys.setprofile(count)
