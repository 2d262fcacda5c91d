"""A report's files, written all together or not at all, by one run at a time."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from atomlab.errors import ReportError
from atomlab.evidence.files import undisturbed


@contextmanager
def one_run_in(folder: Path) -> Iterator[None]:
    """Keep other runs out of `folder` meanwhile; raise ReportError if one is in it already."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # it ends with the process, too
        yield
    except BlockingIOError:
        raise ReportError(
            "another report is being made there", where=folder, todo="wait, or name another folder"
        ) from None
    finally:
        os.close(descriptor)


def write_all(folder: Path, contents: Mapping[str, str | bytes | None]) -> None:
    """Write each content to the file of that name in `folder`; a file of None goes.

    If one cannot be written, all are as they were before; an interrupt waits until they are
    written. A text is written as UTF-8, with lone surrogates as escapes. Raises OSError.
    """
    with undisturbed(), tempfile.TemporaryDirectory(dir=folder, prefix=".writing-") as scratch:
        new, old = Path(scratch, "new"), Path(scratch, "old")
        new.mkdir()
        old.mkdir()
        for name, content in contents.items():
            if isinstance(content, str):
                (new / name).write_bytes(content.encode("utf-8", "backslashreplace"))
            elif content is not None:
                (new / name).write_bytes(content)
        for file in new.iterdir():
            file.chmod(file.stat().st_mode & ~0o022)  # whatever the umask
        for name in contents:
            if (folder / name).exists():
                _keep(folder / name, old / name)
        placed = []
        try:
            for name, content in contents.items():
                if content is None:
                    (folder / name).unlink(missing_ok=True)
                else:
                    (new / name).replace(folder / name)
                placed.append(name)
        except OSError:
            for name in placed:
                if (old / name).exists():
                    (old / name).replace(folder / name)
                else:
                    (folder / name).unlink(missing_ok=True)
            raise


def _keep(file: Path, copy: Path) -> None:
    try:
        os.link(file, copy)
    except OSError:  # not every file system has links
        shutil.copy2(file, copy)
