"""A process of its own for what reads a database: one processor reads while another writes."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Generator
from contextlib import closing, suppress
from multiprocessing import current_process, get_context
from multiprocessing.connection import Connection
from typing import TypeVar

from atomlab.capturing.memory import prctl
from atomlab.errors import SourceError
from atomlab.files import undisturbed

_SET_PARENT_DEATH_SIGNAL = 1  # source: linux/prctl.h
_PIPE_BYTES = 1 << 20  # enough that neither waits for the other after each part
_PATIENCE_S = 5  # for a statement to be cancelled
T = TypeVar("T")
Parts = Generator[T, None, None]


def in_own_process(parts: Parts[T]) -> Parts[T]:
    """Yield the same parts, made in a forked process where that is safe; raise the same errors.

    Whoever stops early, or is interrupted or killed, stops that process, too. Raises SourceError if
    something else ends it.
    """
    if not _may_fork():
        yield from parts
        return
    context = get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(parts, ours, theirs, os.getpid()), daemon=True)
    with undisturbed():  # until that process has its own way to end
        process.start()
    theirs.close()
    try:
        while True:
            part, error, is_last = ours.recv()
            if is_last:
                process.join(_PATIENCE_S)
                if error:
                    raise error
                return
            yield part
    except EOFError:
        process.join()
        what = f"the process that reads it has ended, exit code {process.exitcode}"
        raise SourceError(what, todo="see that there is enough memory, and try again") from None
    finally:
        ours.close()
        process.terminate()
        process.join(_PATIENCE_S)
        process.kill()
        process.join()


def _may_fork() -> bool:
    """Return whether nothing else runs in here: a lock that it held would never be free in a fork.

    That can be known on Linux.
    """
    if sys.platform != "linux" or current_process().daemon:  # which may have no children
        return False
    return len(os.listdir("/proc/self/task")) == 1  # noqa: PTH208


def _send(parts: Parts[T], theirs: Connection, pipe: Connection, parent: int) -> None:
    """Send the parts through a pipe, then that this was all, or what ended it."""
    from fcntl import F_SETPIPE_SZ, fcntl

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent obeys it
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)
    theirs.close()
    fcntl(pipe.fileno(), F_SETPIPE_SZ, _PIPE_BYTES)
    with suppress(BrokenPipeError, KeyboardInterrupt), closing(parts):  # nobody takes them
        try:
            for part in parts if os.getppid() == parent else ():
                pipe.send((part, None, False))
        except BaseException as error:
            pipe.send((None, error, True))
        else:
            pipe.send((None, None, True))
