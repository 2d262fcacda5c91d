"""The memory of a process that reads secrets: no core dump of it, and no look at it by others."""

from __future__ import annotations

import ctypes
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_GET_DUMPABLE, _SET_DUMPABLE = 3, 4  # source: linux/prctl.h


def close_memory() -> Callable[[], None]:
    """Let nobody look at the process's memory, nor its core be dumped; return what undoes that.

    It holds for processes forked meanwhile. Elsewhere than on Linux only the core is not dumped.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    dumpable = prctl(_GET_DUMPABLE, 0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    prctl(_SET_DUMPABLE, 0)

    def undo() -> None:
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))
        if dumpable == 1:
            prctl(_SET_DUMPABLE, 1)

    return undo


@contextmanager
def private_memory() -> Iterator[None]:
    """Close the process's memory while the block runs.

    Afterwards a notebook's kernel can be debugged again. What was freed may still lie in memory:
    the command line keeps its own closed to the end.
    """
    undo = close_memory()
    try:
        yield
    finally:
        undo()


def prctl(option: int, value: int) -> int:
    """Return what Linux answers to an option of the process; elsewhere 0."""
    if sys.platform != "linux":
        return 0
    return int(ctypes.CDLL(None).prctl(option, value, 0, 0, 0))
