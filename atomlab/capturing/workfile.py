"""The file in which a snapshot grows: redacted rows only, without a name until it is finished."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from atomlab.evidence.schema import FORMAT_VERSION, SNAPSHOT_DDL
from atomlab.evidence.seal import APPLICATION_ID, seal_of
from atomlab.files import undisturbed, unwritable

_CHUNK_BYTES = 1 << 20
_ROWS_PER_STATEMENT = 200
_CACHE_KB, _ALL_CACHES_KB = 2000, 32_000


@contextmanager
def work_database(target: Path, of: int = 1) -> Iterator[tuple[sqlite3.Connection, BinaryIO]]:
    """Give an empty snapshot database beside `target`, one `of` so many, and its bytes' stream.

    Its name is taken away as soon as it is opened, so that nothing is left of it whatever
    happens. Raises SnapshotError if it cannot be written; a source's own errors are its own.
    """
    with undisturbed():
        try:
            descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=".atomlab-")
        except OSError as error:
            raise unwritable(target.parent, error.strerror) from None
        try:
            connection = sqlite3.connect(name, isolation_level=None)
            connection.execute("PRAGMA schema_version").fetchone()  # opens the file
        finally:
            Path(name).unlink()
    try:
        with os.fdopen(descriptor, "rb") as content, closing(connection):
            # No journal: a file that is not finished is of no use to anybody.
            quick = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF"
            quick += f"; PRAGMA cache_size = -{min(_CACHE_KB, _ALL_CACHES_KB // of)}"
            connection.executescript(f"{quick}; PRAGMA locking_mode = EXCLUSIVE; {SNAPSHOT_DDL}")
            yield connection, content
    except sqlite3.OperationalError as error:
        raise unwritable(target, error) from None


def insert(work: sqlite3.Connection, table: str, rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows, many to a statement: twice as fast as one by one."""
    for start in range(0, len(rows), _ROWS_PER_STATEMENT):
        part = rows[start : start + _ROWS_PER_STATEMENT]
        marks = f"({', '.join('?' * len(part[0]))})"
        statement = f"INSERT INTO {table} VALUES {', '.join([marks] * len(part))}"  # noqa: S608
        work.execute(statement, list(chain.from_iterable(part)))


def write_sealed(
    work: sqlite3.Connection, content: BinaryIO, manifest: Mapping[str, Any], stream: BinaryIO
) -> None:
    """Finish the database with its manifest, and write its bytes and their seal to `stream`."""
    work.executemany(
        "INSERT INTO manifest VALUES (?, ?)",
        [(name, json.dumps(value)) for name, value in manifest.items()],
    )
    work.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    work.execute(f"PRAGMA user_version = {FORMAT_VERSION}")
    digest = hashlib.sha256()
    content.seek(0)
    while chunk := content.read(_CHUNK_BYTES):
        digest.update(chunk)
        stream.write(chunk)
    stream.write(seal_of(digest.hexdigest()))
    stream.flush()
    os.fsync(stream.fileno())
