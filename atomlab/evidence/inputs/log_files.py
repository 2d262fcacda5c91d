"""Files of a worker's log: opened plain or gzipped, checked to be a log, read in bounded blocks."""

from __future__ import annotations

import gzip
import io
import os
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO

from atomlab.errors import InputError
from atomlab.evidence.inputs.log_records import begins
from atomlab.files import opened

STDIN, GIVEN = "-", "the line given"
HEAD = 1 << 16  # bytes by which a file is judged
BLOCK = 1 << 17
LONGEST_LINE = 8 << 20
LONGEST_RECORD = 1 << 20  # bytes; more lines that begin no record are a record of their own
_KEPT = 1 << 13
_TOO_SHORT = 100  # bytes: what two logs may have in common
_GIVE = "give the worker's log as text, gzipped or not"
_PACKED = {b"\x28\xb5\x2f\xfd": "zstd", b"\xfd7zXZ": "xz", b"BZh": "bzip2", b"PK\x03\x04": "zip"}

OnRead = Callable[[int], None]  # told how many bytes of the file, as it is on disk, were read


class LogFile:
    """One file of a log; `head` is its first lines, `whole` whether it is one JSON document."""

    kind, give = "a log", _GIVE  # what is read of such a file, and what to do about another
    in_folder = "give its files, {}/*.log say"

    def __init__(self, path: str | Path | bytes) -> None:
        self._given = path if isinstance(path, bytes) else None
        in_no_file = self._given is not None or str(path) == STDIN
        self.name = "stdin" if str(path) == STDIN else str(path)
        if self._given is not None:
            self.name = GIVEN
        self._path = None if in_no_file else Path(os.fsdecode(path))
        self._piped: BinaryIO | None = None
        self.size = 0
        raw = self._opened()
        try:
            head = self._plain(raw).read(HEAD)
            self.whole = head.lstrip().split(b"\n", 1)[0].rstrip() in (b"{", b"[")
            if self.whole:
                head += self._stream.read(LONGEST_LINE)
        except (EOFError, zlib.error, OSError) as error:
            raw.close()
            raise self._unreadable(error, 1) from None
        if self._path is not None and self._path.is_file():
            self.size = os.fstat(raw.fileno()).st_size
            raw.close()
        else:  # a pipe is read once
            self._piped = self._stream
        self.cut = head.startswith(b"\0")  # copied and truncated while it was written
        self.head = head.lstrip(b"\0")
        self._check()

    def _opened(self) -> BinaryIO:
        if self._given is not None:
            return io.BufferedReader(io.BytesIO(self._given))
        if self._path is None:
            raw: Any = sys.stdin.buffer
            return raw if hasattr(raw, "peek") else io.BufferedReader(raw)
        if os.path.isdir(self._path):  # noqa: PTH112 - false for an impossible name, too
            todo = self.in_folder.format(self._path)
            raise InputError("is a folder", where=self._path, todo=todo)
        return opened(self._path)

    def _plain(self, raw: BinaryIO) -> Any:
        """Return the stream of a file's text, which gzip has packed or not."""
        peeked: Any = raw
        packed = peeked.peek(2)[:2] == b"\x1f\x8b"
        self._stream: Any = gzip.GzipFile(fileobj=raw) if packed else raw
        return self._stream

    def _unreadable(self, error: Exception, line: int) -> InputError:
        early = isinstance(error, EOFError)
        what = "its gzip ends early" if early else "its gzip is damaged"
        if isinstance(error, OSError) and not isinstance(error, gzip.BadGzipFile):
            what = f"cannot be read ({error.strerror or error})"
        todo = "copy the file again" + (", or give what gzip -dc still gets of it" if early else "")
        return InputError(f"{what} after line {line:,}", where=self.name, todo=todo)

    def _check(self) -> None:
        head = self.head
        if not head:
            raise InputError("is empty", where=self.name, todo="leave it out")
        if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise InputError("is UTF-16", where=self.name, todo="save it as UTF-8")
        for magic, kind in _PACKED.items():
            if head.startswith(magic):
                raise InputError(f"is packed with {kind}", where=self.name, todo="unpack it first")
        controls = sum(map(head.count, (bytes([n]) for n in range(32) if n not in b"\t\n\r\x1b")))
        garbled = head.decode("utf-8", "replace").count("\ufffd")
        if b"\0" in head or controls + garbled > len(head) // 20:
            raise InputError(f"is binary, not {self.kind}", where=self.name, todo=self.give)

    def forget(self) -> None:
        """Keep of the head only what tells two files apart: there may be thousands of them."""
        if self._piped is None and not self.whole:
            self.head = self.head[:_KEPT]

    def blocks(self, read: OnRead | None = None) -> Iterator[tuple[int, bytes, int]]:
        """Yield the file in blocks: the number of the first line, the text, and up to where.

        Up to there they hold whole records; what comes after it is yielded again.

        Raises InputError for a line of more than LONGEST_LINE bytes, and a damaged file.
        """
        number, rest = 1, b""
        for raw, part in self.parts():
            if read:
                read(raw.tell() if self._piped is None else 0)
            rest = rest + part if rest else part
            cut = 0 if self.whole else self._cut(rest)
            if not cut:
                self._check_length(rest, number)
                continue
            yield number, rest, cut
            number += rest.count(b"\n", 0, cut)
            rest = rest[cut:]
        if rest:
            yield number, rest, len(rest)

    def _check_length(self, text: bytes, number: int) -> None:
        if len(text) > LONGEST_LINE:
            what, todo = f"line {number:,}", f"shorten it first: cut -b 1-{LONGEST_RECORD}"
            if self.whole:
                what, todo = "the one document in it", "give a document to each line (jq -c .)"
            what += f" is longer than {LONGEST_LINE:,} bytes"
            raise InputError(what, where=self.name, todo=todo)

    def parts(self) -> Iterator[tuple[Any, bytes]]:
        """Yield the stream and its text in pieces, without what a truncation left at its begin."""
        lines = 1
        if self._piped is not None:
            yield self._piped, self.head
            raw, stream = self._piped, self._stream
        else:
            raw = self._opened()
            stream = self._plain(raw)
        leading = self._piped is None
        with closing(raw):
            while True:
                try:
                    part = stream.read(BLOCK)
                except (EOFError, zlib.error, OSError) as error:
                    raise self._unreadable(error, lines) from None
                if not part:
                    return
                lines += part.count(b"\n")
                if leading:
                    part = part.lstrip(b"\0")
                    leading = not part
                if part:
                    yield raw, part

    @staticmethod
    def _cut(text: bytes) -> int:
        """Return where the last record begins of which the end may be missing, 0 if all may be."""
        end = text.rfind(b"\n") + 1
        at = end
        while at > 0 and end - at < LONGEST_RECORD:
            at = text.rfind(b"\n", 0, at - 1) + 1
            if begins(text, at):
                return at or (0 if len(text) < LONGEST_RECORD else end)
        return end


def check_once(files: Sequence[LogFile]) -> None:
    """Raise InputError if one file's text begins with all of another's first lines, or is it."""
    for n, file in enumerate(files):
        for other in files[:n]:
            shorter, longer = sorted((file.head, other.head), key=len)
            if len(shorter) > _TOO_SHORT and longer.startswith(shorter):
                what = f"begins as {other.name} does: the same log twice"
                raise InputError(what, where=file.name, todo="give it once")
