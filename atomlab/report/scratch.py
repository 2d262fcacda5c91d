"""Folders for temporary files, which go with the process, or with the next after it was killed."""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path

_PREFIX = ".atomlab_"
# Sockets are in these folders: their addresses have 103 bytes at most, of which names take 36.
_LONGEST = 67


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Give a new folder for temporary files, its owner's only, that is gone after the block.

    Those of processes that were killed go too: each process holds a lock on its own.
    """
    _remove_abandoned()
    folder, lock = _locked_folder()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)
        _remove_abandoned()  # by now the kernel of one that was killed has ended as well


@cache
def folder_of_process() -> Path:
    """Return a scratch folder that is gone when this process ends."""
    until_the_end = ExitStack()
    atexit.register(until_the_end.close)
    return until_the_end.enter_context(scratch_folder())


def _parent() -> Path:
    folder = tempfile.gettempdir()
    return Path(folder if len(os.fsencode(folder)) <= _LONGEST else "/tmp")  # noqa: S108


def _locked_folder() -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=_parent()))
        with suppress(FileNotFoundError):  # taken for abandoned before it was locked
            lock = os.open(folder, os.O_RDONLY)
            fcntl.flock(lock, fcntl.LOCK_EX)
            if folder.exists():
                return folder, lock
            os.close(lock)


def _remove_abandoned() -> None:
    for folder in _parent().glob(f"{_PREFIX}*"):
        with suppress(OSError):  # of somebody else, in use, or gone by now
            lock = os.open(folder, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)
