"""The seal of a snapshot file: one last line with the SHA-256 of every byte before it.

SQLite ignores what follows its last page, so a sealed file opens in any SQLite tool; a changed
byte anywhere breaks the seal. A seal proves that a file is intact, not who made it.
"""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

from atomlab.errors import SnapshotError
from atomlab.evidence.schema import FORMATS

APPLICATION_ID = 0x41544C42  # "ATLB", in SQLite's header

_MAGIC = b"SQLite format 3\0"
_PREFIX = b"\natomlab-seal-v1 sha256="
SEAL_BYTES = len(_PREFIX) + 64 + 1
_ROLLBACK_JOURNAL = b"\x01\x01"  # who may write, who may read; others make copies read-only
_AGAIN = "fetch the file again, or capture it again"


def seal_of(sha256: str) -> bytes:
    """Return the last line of a snapshot whose other bytes have this hash."""
    return _PREFIX + sha256.encode() + b"\n"


def is_snapshot(path: Path) -> bool:
    """Return whether the file's header says that it is a snapshot, of whatever format."""
    with path.open("rb") as stream:
        head = stream.read(100)
    return head.startswith(_MAGIC) and int.from_bytes(head[68:72], "big") == APPLICATION_ID


def check_seal(path: Path) -> str:
    """Return the SHA-256 of the whole file; raise SnapshotError if it is damaged or no snapshot."""
    try:
        if path.is_fifo() or path.is_char_device():  # which may have no end, or not begin
            raise OSError(errno.EINVAL, "not a regular file")
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            head = stream.read(100)
            _check_header(head, path)
            stream.seek(0)
            digest = hashlib.sha256()
            remaining = max(size - SEAL_BYTES, 0)
            while remaining and (chunk := stream.read(min(1 << 20, remaining))):
                digest.update(chunk)
                remaining -= len(chunk)
            content_hash = digest.hexdigest()
            seal = stream.read(SEAL_BYTES + 1)
    except FileNotFoundError:
        raise SnapshotError("no such snapshot", where=path, todo="check the path") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SnapshotError(
            f"cannot be read ({reason})", where=path, todo="check the path and your rights"
        ) from None
    if seal != seal_of(content_hash):
        raise SnapshotError("is damaged: its bytes do not match its seal", where=path, todo=_AGAIN)
    digest.update(seal)
    return digest.hexdigest()


def _check_header(head: bytes, path: Path) -> None:
    version = int.from_bytes(head[60:64], "big")
    for wrong, what, todo in (
        (
            not head.startswith(_MAGIC) or len(head) < 100,
            "is not a snapshot (not an SQLite file)",
            "give a file made by atomlab capture",
        ),
        (
            int.from_bytes(head[68:72], "big") != APPLICATION_ID,
            "is an SQLite file, but not a snapshot",
            "make one from it: atomlab capture",
        ),
        (
            version not in FORMATS,
            f"has snapshot format {version}, this atomlab reads {min(FORMATS)} to {max(FORMATS)}",
            "update atomlab" if version > max(FORMATS) else "capture it again",
        ),
        (head[18:20] != _ROLLBACK_JOURNAL, "has a header that capture never writes", _AGAIN),
    ):
        if wrong:
            raise SnapshotError(what, where=path, todo=todo)
