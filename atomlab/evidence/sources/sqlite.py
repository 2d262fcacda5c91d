"""SQLite as a source: one moment of a file, copied into memory, or read where it is if large."""

from __future__ import annotations

import os
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import Any, Self

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from atomlab.errors import SourceError
from atomlab.evidence.seal import is_snapshot
from atomlab.evidence.sources.address import no_file
from atomlab.evidence.sources.database import CHECK, LATER, LATER_TABLE, Database, conditions
from atomlab.evidence.sources.foreign import check_file, check_folder

_BUSY_TIMEOUT_S = 10
_STEPS_BETWEEN_LOOKS = 10_000
_SMALL = 64 << 20  # bytes of a file that is copied into memory
_LONGEST = 64 << 20  # bytes of a value: a view may make any
_MAY_LACK = (
    "the file is in WAL mode, and no log (-wal) lies beside it: if it is a copy that was made "
    "while the platform ran, its last transactions are missing"
)
_TO_SHARE = "mode=ro"


def _file_of(source: str) -> Path:
    path = Path(source)
    if "://" in source and not _is_file(path):
        with suppress(ArgumentError, ValueError):  # whose words repeat parts of it
            url = make_url(source)
            if url.get_backend_name() == "sqlite" and url.database:
                path = Path(url.database)
    if not _is_file(path):
        with suppress(OSError, ValueError):
            check_folder(path)
        raise no_file(source)
    return path


def _is_file(path: Path) -> bool:
    return os.path.isfile(path)  # noqa: PTH113 - false for an impossible name, too


@contextmanager
def open_database(source: str, tables: Sequence[str], limit_s: float) -> Iterator[Database]:
    """Open an SQLite file, in any journal mode, while others may write to it; see one moment of it.

    Nothing is written beside the file. A small one is copied into memory: a writer in WAL mode
    waits for nothing, another one with its commit until that is done. A larger one is read in
    one transaction: another writer than one in WAL mode waits until all is read. Raises SourceError
    if the file cannot be read.
    """
    path = _file_of(source)
    with ExitStack() as stack, _refusals(path):
        if is_snapshot(path):
            raise SourceError(
                "is a snapshot already; its tokens are not values",
                where=path,
                todo="capture the database that it was made from",
            )
        check_file(path)
        mode, before = _mode(path), _state(path)
        is_small = (
            sum(file.stat().st_size for file in _files_at(path)[:2] if file.exists()) <= _SMALL
        )
        db = stack.enter_context(closing(_connect(None if is_small else path, mode, limit_s)))
        db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST)

        def check() -> None:
            if mode != _TO_SHARE and _state(path) != before:
                raise SourceError(
                    "was opened while it was copied", where=path, todo="capture again"
                )

        def end() -> None:
            if db.in_transaction:
                db.execute("ROLLBACK")
                check()

        if is_small:
            _copy(path, db, mode, limit_s)
            check()
        # Sorting spills into no file: values never reach the disk.
        db.execute("PRAGMA temp_store = MEMORY")
        db.execute("PRAGMA query_only = ON")
        if not is_small:
            _begin(path, db, limit_s)
        # It was closed, or its log was lost.
        lacks_log = mode != _TO_SHARE and not _files_at(path)[1].exists()
        yield _database(path, db, tables, limit_s, end, lacks_log=lacks_log, is_copy=is_small)
        end()


def _database(
    path: Path,
    db: sqlite3.Connection,
    tables: Sequence[str],
    limit_s: float,
    end: Callable[[], None],
    *,
    lacks_log: bool,
    is_copy: bool,
) -> Database:
    db.text_factory = _escaped
    later = _columns(db, LATER_TABLE)
    columns = {t: (names, names) for t in tables if (names := _columns(db, t))}
    db.text_factory = str
    return Database(
        name=path.name,
        user="",
        about={
            "kind": "sqlite",
            "server_version": sqlite3.sqlite_version,
            "isolation": "copy of one moment (backup API)" if is_copy else "one read transaction",
            "clock_offset_s": None,
            "remarks": [*([_MAY_LACK] if lacks_log else []), *([LATER] if later else [])],
        },
        columns=columns,
        types={},
        odd=frozenset(),
        cursor=lambda: db.cursor(_Cursor),
        reading=lambda: _bounded(path, db, limit_s),
        interrupt=db.interrupt,
        end=end,
        mark="?",
        only_utf8=lambda: db.text_factory is str,
        is_server=False,
        place=lambda table: _place(db, table),
    )


def _escaped(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


class _Cursor(sqlite3.Cursor):
    """Reads text as UTF-8, and from where it is none once more, with the odd bytes escaped."""

    def execute(self, query: str, values: Any = ()) -> Self:
        self._asked, self._given = (query, values), 0
        return super().execute(query, values)

    def fetchmany(self, size: int | None = 1) -> list[Any]:
        try:
            rows = super().fetchmany(size)
        except sqlite3.OperationalError as error:
            if not str(error).startswith("Could not decode"):
                raise
            rows = None
        if rows is None:  # out here: the error holds what is no UTF-8
            self.connection.text_factory = _escaped
            super().execute(*self._asked)
            deque(islice(self, self._given), 0)
            rows = super().fetchmany(size)
        self._given += len(rows)
        return rows


@contextmanager
def _refusals(path: Path) -> Iterator[None]:
    """Turn what SQLite and the system say of the file into a SourceError."""
    try:
        yield
    except OSError as error:
        raise SourceError(
            f"cannot be read ({error.strerror})", where=path, todo="check the path and your rights"
        ) from None
    except (sqlite3.Error, UnicodeDecodeError) as error:
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        known = (words for start, words in conditions("sqlite").items() if name.startswith(start))
        reason, todo = next(known, (f"SQLite's {name}", CHECK))
        raise SourceError(f"cannot be read ({reason})", where=path, todo=todo) from None


@contextmanager
def _bounded(path: Path, connection: sqlite3.Connection, limit_s: float) -> Iterator[None]:
    """Interrupt what runs for longer than it may; its errors are the source's."""
    ends_at, is_late = monotonic() + limit_s, False

    def look() -> bool:
        nonlocal is_late
        is_late = monotonic() > ends_at
        return is_late

    connection.set_progress_handler(look, _STEPS_BETWEEN_LOOKS)
    try:
        with _refusals(path):
            try:
                yield
            except sqlite3.OperationalError as error:
                if not is_late and error.sqlite_errorname == "SQLITE_INTERRUPT":
                    raise KeyboardInterrupt from None  # which a look raised, and SQLite lost
                raise
    finally:
        connection.set_progress_handler(None, 0)


def _connect(path: Path | None, mode: str, limit_s: float) -> sqlite3.Connection:
    """Return a connection to the file, to a database in memory without one."""
    uri = f"{path.resolve().as_uri()}?{mode}" if path else ":memory:"
    return sqlite3.connect(
        uri,
        uri=True,
        timeout=min(limit_s, _BUSY_TIMEOUT_S),
        isolation_level=None,
    )


def _begin(path: Path, db: sqlite3.Connection, limit_s: float) -> None:
    """Begin to see one moment of the file."""
    with _bounded(path, db, limit_s):
        db.execute("BEGIN")
        db.execute("SELECT 1 FROM sqlite_master").fetchone()


def _copy(path: Path, copy: sqlite3.Connection, mode: str, limit_s: float) -> None:
    with closing(_connect(path, mode, limit_s)) as original:
        _begin(path, original, limit_s)  # backup alone waits forever
        with _bounded(path, original, limit_s):
            original.backup(copy)


def _mode(path: Path) -> str:
    """Return how to open the file so that SQLite makes nothing beside it.

    In WAL mode it makes a log, and an index to it, where there is none: nobody has it open then.
    """
    with path.open("rb") as stream:
        head = stream.read(20)
    _, log, index, _ = _files_at(path)
    if head[18:20] != b"\x02\x02" or (log.exists() and index.exists()):
        return _TO_SHARE
    if log.exists() and log.stat().st_size:
        raise SourceError(
            "has a log (-wal) without its index (-shm), which would be made beside it",
            where=path,
            todo="open it once in sqlite3, or capture from a copy of all three files",
        )
    return f"{_TO_SHARE}&immutable=1"


def _state(path: Path) -> tuple[object, ...]:
    status = path.stat()
    return status.st_mtime_ns, status.st_size, *(beside.exists() for beside in _files_at(path)[1:3])


def files_of(source: str) -> list[Path]:
    """Return the file that a source names, and all that SQLite reads or makes beside it."""
    return _files_at(_file_of(source))


def _files_at(path: Path) -> list[Path]:
    """Return the file, and its log, the index to that and its journal, be they there or not."""
    real = path.resolve()  # SQLite follows links, too
    return [path, *(real.with_name(f"{real.name}-{end}") for end in ("wal", "shm", "journal"))]


def _columns(copy: sqlite3.Connection, table: str) -> frozenset[str]:
    about = copy.execute(f"PRAGMA table_xinfo({table})")
    return frozenset(row[1].lower() for row in about)  # SQLite does not tell cases apart


def _place(copy: sqlite3.Connection, table: str) -> str:
    """Return what says where a row is stored: no view has it, nor every table."""
    with suppress(sqlite3.OperationalError):
        copy.execute(f"SELECT rowid FROM {table} LIMIT 0")  # noqa: S608
        return "rowid"
    return ""
