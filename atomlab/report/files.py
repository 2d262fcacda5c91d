"""A report's files: written together or not at all, and never over what no report wrote."""

from __future__ import annotations

import atexit
import fcntl
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from atomlab.errors import ReportError, SnapshotError
from atomlab.files import check_writable, undisturbed, whole_files

PAGE, PAPER, NOTEBOOK, FINDINGS = "report.html", "report.pdf", "notebook.ipynb", "findings.json"
PARTIAL, INDEX = "notebook.partial.ipynb", "index.html"
# What reports have written into a folder, as `sha256sum -c` reads it. Who makes a list of that name
# of files of their own has no such first line.
RECORD, _OURS = "SHA256SUMS", "# what atomlab report wrote, and may replace"
_NAMES = (PAGE, PAPER, NOTEBOOK, FINDINGS, PARTIAL, INDEX)
_RECORDED = re.compile(rf"([0-9a-f]{{64}})  ({'|'.join(map(re.escape, _NAMES))})")
_SCRATCH, _IN_USE = ".atomlab-", "in-use-by-atomlab"


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


def make_folder(folder: Path) -> list[Path]:
    """Make the folder and those above it, in which nobody else may write; return what was made."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir(mode=0o755, exist_ok=True)
    folder.mkdir(exist_ok=True)  # raises if it is a file
    return missing


@dataclass(frozen=True)
class ReportFolder:
    """The folder of a report, in which no file is replaced or removed but those of reports.

    With `overwrite` others are replaced as well, except the `inputs`, the files that were given.
    """

    path: Path
    overwrite: bool = False
    inputs: tuple[Path, ...] = ()

    def check_report(self, *, pdf: bool) -> None:
        """Raise ReportError if a report's files, one for paper among them, cannot be written."""
        self.check([PAGE, NOTEBOOK, FINDINGS, PARTIAL, *([PAPER] if pdf else [])])

    def check(self, names: Iterable[str]) -> None:
        """Raise ReportError if a file of those names is there that is to be kept."""
        recorded = _recorded(self.path)
        for name in (RECORD, *names):
            file = self.path / name
            if not os.path.lexists(file):
                continue
            try:
                check_writable(file, overwrite=True, inputs=self.inputs)
            except SnapshotError as error:
                raise ReportError(error.what, where=file, todo="name another folder") from None
            ours = recorded is not None if name == RECORD else _is_as_recorded(file, recorded)
            if not (ours or self.overwrite):
                raise ReportError(
                    "is not as a report wrote it and is kept",
                    where=file,
                    todo="name another folder or add --overwrite",
                )

    @undisturbed()
    def write(self, contents: Mapping[str, str | bytes | None]) -> None:
        """Write each content to the file of that name, and the hashes of all to RECORD.

        A file of None goes if a report wrote it. If one cannot be written, all are as they were
        before. A text is written as UTF-8, with lone surrogates as escapes. Raises ReportError as
        `check` does, and if the folder cannot be written.
        """
        new = {name: _bytes(content) for name, content in contents.items() if content is not None}
        self.check(new)
        recorded = _recorded(self.path) or {}
        dropped = contents.keys() - new.keys()
        gone = [self.path / n for n in dropped if _is_as_recorded(self.path / n, recorded)]
        hashes = {name: value for name, value in recorded.items() if name not in dropped}
        hashes |= {name: hashlib.sha256(content).hexdigest() for name, content in new.items()}
        if hashes:
            lines = [f"{value}  {name}\n" for name, value in sorted(hashes.items())]
            new[RECORD] = "".join([f"{_OURS}\n", *lines]).encode()
        elif recorded:
            gone.append(self.path / RECORD)
        files = {self.path / name: content for name, content in new.items()}
        try:
            with whole_files({path: path.exists() for path in files}, gone, mode=0o644) as streams:
                for stream, content in zip(streams, files.values(), strict=True):
                    stream.write(content)
        except SnapshotError as error:
            todo = "make room, or name another folder"
            raise ReportError(error.what, where=self.path, todo=todo) from None


def _bytes(content: str | bytes) -> bytes:
    return content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content


def _recorded(folder: Path) -> dict[str, str] | None:
    """Return the hash of each file that reports wrote, by name; None if that is no such record."""
    try:
        lines = (folder / RECORD).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError):
        return None
    found = [_RECORDED.fullmatch(line) for line in lines[1:100]]
    ours = lines[:1] == [_OURS] and all(found)
    return {match[2]: match[1] for match in found if match} if ours else None


def _is_as_recorded(path: Path, recorded: Mapping[str, str] | None) -> bool:
    if not recorded or path.name not in recorded or path.is_symlink():
        return False
    with suppress(OSError), path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest() == recorded[path.name]
    return False


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Give a new folder for temporary files, its owner's only, that is gone after the block.

    Those of processes that were killed go too: each holds a lock on its own while it lives.
    """
    parent = Path(tempfile.gettempdir())
    _remove_abandoned(parent)
    folder, lock = _locked_folder(parent)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)
        _remove_abandoned(parent)  # by now the kernel of one that was killed has ended as well


@cache
def folder_of_process() -> Path:
    """Return a scratch folder that is gone when this process ends."""
    until_the_end = ExitStack()
    atexit.register(until_the_end.close)
    return until_the_end.enter_context(scratch_folder())


def _locked_folder(parent: Path) -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_SCRATCH, dir=parent))
        lock = os.open(folder / _IN_USE, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (folder / _IN_USE).exists():  # else it was taken for abandoned before it was locked
            return folder, lock
        os.close(lock)


def _remove_abandoned(parent: Path) -> None:
    for lock_file in parent.glob(f"{_SCRATCH}*/{_IN_USE}"):
        with suppress(OSError):  # of somebody else, in use, or gone by now
            lock = os.open(lock_file, os.O_RDWR | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(lock_file.parent, ignore_errors=True)
            finally:
                os.close(lock)
