"""A process of its own for what reads a database: one processor reads while another writes."""

from __future__ import annotations

import os
import pickle
import signal
import sys
from collections.abc import Generator
from contextlib import closing, suppress
from multiprocessing import current_process, get_context
from multiprocessing.connection import Connection
from multiprocessing.context import ForkProcess
from typing import TypeVar

from atomlab.capturing.memory import prctl
from atomlab.errors import SourceError

_SET_PARENT_DEATH_SIGNAL = 1  # source: linux/prctl.h
_PIPE_BYTES = 1 << 20  # enough that neither waits for the other after each part
_PATIENCE_S = 5  # for a statement to be cancelled
_ASKED = (signal.SIGINT, signal.SIGTERM)
T = TypeVar("T")
Parts = Generator[T, None, None]


def in_own_process(parts: Parts[T]) -> Parts[T]:
    """Yield the same parts, made in a forked process where one can be; raise the same errors.

    Whoever stops early, or is interrupted or killed, stops that process, too. Raises SourceError if
    it is killed itself.
    """
    forked = None
    try:
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, _ASKED)
        try:
            forked = _fork(parts) if _may_fork() else None
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        yield from parts if forked is None else _received(*forked)
    finally:
        if forked:
            process, pipe = forked
            process.terminate()
            pipe.close()  # then: it is not to be disturbed while it clears up
            process.join(_PATIENCE_S)
            process.kill()
            process.join()


def _may_fork() -> bool:
    """Return whether nothing else runs in here: a lock that it held would never be free in a fork.

    That can be known on Linux.
    """
    if sys.platform != "linux" or current_process().daemon:  # which may have no children
        return False
    try:
        return len(os.listdir("/proc/self/task")) == 1  # noqa: PTH208
    except OSError:
        return False


def _fork(parts: Parts[T]) -> tuple[ForkProcess, Connection] | None:
    """Return a process that makes the parts, and the pipe that they come through; None if none."""
    context = get_context("fork")
    with suppress(OSError):  # there may be as many processes, or files, as are allowed
        ours, theirs = context.Pipe(duplex=False)
        with closing(theirs):
            process = context.Process(
                target=_send, args=(parts, ours, theirs, os.getpid()), daemon=True
            )
            process.start()
        return process, ours
    return None


def _received(process: ForkProcess, pipe: Connection) -> Parts[T]:
    while True:
        try:
            part, error, is_last = pipe.recv()
        except (EOFError, OSError):  # it ended between two messages, or within one
            process.join(_PATIENCE_S)
            killed = process.exitcode == -signal.SIGKILL
            todo = "see that there is enough memory, and try again" if killed else "try again"
            what = f"the process that reads it has ended, exit code {process.exitcode}"
            raise SourceError(what, todo=todo) from None
        if is_last:
            process.join(_PATIENCE_S)
            if error:
                raise error
            return
        yield part


def _send(parts: Parts[T], theirs: Connection, pipe: Connection, parent: int) -> None:
    """Send the parts through a pipe, then that this was all, or what they raised."""
    from fcntl import F_SETPIPE_SZ, fcntl

    signal.set_wakeup_fd(-1)  # the parent's
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent obeys it
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)
    theirs.close()
    with suppress(OSError):  # a user may have so much of them in all
        fcntl(pipe.fileno(), F_SETPIPE_SZ, _PIPE_BYTES)
    # What is half sent, or not taken by anybody, is given up.
    with suppress(BrokenPipeError, KeyboardInterrupt), closing(parts):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ASKED)
        error = None
        while os.getppid() == parent:
            try:
                part = next(parts)
            except StopIteration:
                break
            except BaseException as raised:
                error = _portable(raised)
                break
            pipe.send((part, None, False))
        pipe.send((None, error, True))
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it ends by itself


def _portable(error: BaseException) -> BaseException:
    """Return the error, or one that names its kind if it cannot be sent."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - of this process's own
    except Exception:
        return RuntimeError(type(error).__name__)
    return error
