"""What a file or folder is that is given as a database and is none, and what to do about it."""

from __future__ import annotations

import bz2
import codecs
import lzma
import re
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from atomlab.errors import SourceError
from atomlab.evidence.sources.database import conditions

_HEAD = 4096  # bytes, of what a file holds and of what an archive does
_XZ_MEMORY = 80 << 20  # bytes; its highest level takes 65 MB
_ASK = "give the database itself: a PostgreSQL URL or an SQLite file"
_SQLITE = b"SQLite format 3\0"
_UTF16 = (
    "UTF-16 text (as PowerShell writes it)",
    "write it again (pg_dump -f FILE), or convert it first: iconv -f UTF-16 -t UTF-8 FILE > COPY",
)
# How the content of an archive begins, by how the archive does.
_OPENERS: Mapping[bytes, Callable[[bytes], bytes]] = {
    b"\x1f\x8b": lambda head: zlib.decompressobj(31).decompress(head, _HEAD),
    b"BZh": lambda head: bz2.BZ2Decompressor().decompress(head, _HEAD),
    b"\xfd7zXZ": lambda head: lzma.LZMADecompressor(memlimit=_XZ_MEMORY).decompress(head, _HEAD),
    codecs.BOM_UTF16_LE: lambda head: head.decode("utf-16", "ignore").encode("utf-8", "ignore"),
    codecs.BOM_UTF16_BE: lambda head: head.decode("utf-16", "ignore").encode("utf-8", "ignore"),
}


def check_file(path: Path) -> None:
    """Raise SourceError if a file is known not to be an SQLite database; raise OSError."""
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
    if head.startswith(_SQLITE) or not (known := _known(head)):
        return  # of what nobody knows SQLite says that it is none
    what, todo = known
    for start, opener in _OPENERS.items():
        if head.startswith(start):
            with suppress(OSError, ValueError, EOFError, zlib.error, lzma.LZMAError):
                what, todo = _of_content(what, todo, opener(head))
    raise SourceError(f"is {what}, not a database", where=path, todo=todo)


def check_folder(path: Path) -> None:
    """Raise SourceError if `path` is a folder."""
    if path.is_dir():
        known = conditions("folder", _ASK, "forms").items()
        found = (words for inside, words in known if next(path.glob(inside), None))
        what, todo = next(found, ("a folder", _ASK))
        raise SourceError(f"is {what}, not a database file", where=path, todo=todo)


def _known(head: bytes) -> tuple[str, str] | None:
    """Return what begins with these bytes, and what to do about it, None if that is not known."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _UTF16
    text = head.removeprefix(codecs.BOM_UTF8).decode("latin-1").replace("\r\n", "\n")
    known = conditions("file", _ASK, "forms").items()
    return next((words for sign, words in known if re.match(sign, text, re.M | re.S)), None)


def _of_content(what: str, todo: str, content: bytes) -> tuple[str, str]:
    """Return what is said of an archive together with what is said of its content, if known."""
    if not content or not (inner := _known(content)):
        return what, todo
    then = inner[1].replace("FILE", "COPY").replace(" first", "", 1)
    return f"{what} of {inner[0]}", todo if inner[1] == _ASK else f"{todo}, then {then}"
