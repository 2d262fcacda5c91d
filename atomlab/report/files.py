"""A report's files: written together or not at all, and never over what no report wrote."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from atomlab.errors import ReportError, SnapshotError
from atomlab.files import check_writable, undisturbed, whole_files

PAGE, PAPER, NOTEBOOK, FINDINGS = "report.html", "report.pdf", "notebook.ipynb", "findings.json"
FIX, EXPLORER, PARTIAL, INDEX, TABLE = (
    "fix.sql",
    "explore.html",
    "notebook.partial.ipynb",
    "index.html",
    "index.csv",
)
_ROOM = "make room, or name another folder"
# What reports have written into a folder, as `sha256sum -c` reads it. A list of that name which
# somebody made of their own files has no such first line.
RECORD, _OURS = "SHA256SUMS", "# what atomlab report wrote, and may replace"


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


def folders_with_reports(folder: Path) -> list[Path]:
    """Return the folders in `folder` in which reports have left files, in order."""
    found = sorted(record.parent for record in folder.glob(f"*/{RECORD}"))
    return [path for path in found if ReportFolder(path).holds_reports]


def unwritable(folder: Path, reason: object) -> ReportError:
    """Return the error that a report's files cannot be written."""
    return ReportError(f"cannot be written ({reason})", where=folder, todo=_ROOM)


@dataclass(frozen=True)
class ReportFolder:
    """The folder of a report, in which no file is replaced or removed but those of reports.

    With `overwrite` others are replaced as well, except the `inputs`, the files that were given.
    """

    path: Path
    overwrite: bool = False
    inputs: tuple[Path, ...] = ()

    @property
    def holds_reports(self) -> bool:
        """Whether reports have left files in it."""
        return bool(self._recorded())

    def check_report(self, *, pdf: bool) -> None:
        """Raise ReportError if a report's files, a PDF among them, cannot be written."""
        self.check([PAGE, NOTEBOOK, FINDINGS, FIX, EXPLORER, PARTIAL, *([PAPER] if pdf else [])])

    def check(self, names: Iterable[str]) -> None:
        """Raise ReportError if a file of those names is there that is to be kept."""
        recorded = self._recorded()
        for name in (RECORD, *names):
            file = self.path / name
            if not os.path.lexists(file):
                continue
            try:
                check_writable(file, overwrite=True, inputs=self.inputs)
            except SnapshotError as error:
                raise ReportError(error.what, where=file, todo="name another folder") from None
            ours = recorded is not None if name == RECORD else self._is_ours(name)
            if not (ours or self.overwrite):
                raise ReportError(
                    "is not as a report wrote it and is kept",
                    where=file,
                    todo="name another folder or add --overwrite",
                )

    @undisturbed()
    def write(self, contents: Mapping[str, str | bytes | None]) -> tuple[str, ...]:
        """Write each content to the file of that name, and the hashes of all to RECORD.

        A file of None is removed if a report wrote it; what else earlier reports left is kept, and
        its names are returned. If one cannot be written, all are as they were before. A text is
        written as UTF-8, with lone surrogates as escapes.
        """
        new = {
            name: text.encode("utf-8", "backslashreplace") if isinstance(text, str) else text
            for name, text in contents.items()
            if text is not None
        }
        self.check(new)
        dropped = contents.keys() - new.keys()
        gone = [self.path / name for name in dropped if self._is_ours(name)]
        recorded = self._recorded() or {}
        kept = {n: value for n, value in recorded.items() if n not in contents and self._is_ours(n)}
        hashes = kept | {n: hashlib.sha256(content).hexdigest() for n, content in new.items()}
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
            raise ReportError(error.what, where=self.path, todo=_ROOM) from None
        return tuple(sorted(kept))

    def _recorded(self) -> dict[str, str] | None:
        """Return the hash of each file that reports wrote; None if the record is not a report's."""
        try:
            lines = (self.path / RECORD).read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return {}
        except (OSError, UnicodeDecodeError):
            return None
        ours = lines[:1] == [_OURS]
        return {line[66:]: line[:64] for line in lines[1:]} if ours else None

    def _is_ours(self, name: str) -> bool:
        """Return whether a report wrote the file of that name as it is."""
        file, recorded = self.path / name, self._recorded() or {}
        if name not in recorded or file.is_symlink():
            return False
        with suppress(OSError), file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest() == recorded[name]
        return False
