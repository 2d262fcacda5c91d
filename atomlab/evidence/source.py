"""The database to capture from: opened so that it cannot be written, its schema checked."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from atomlab.errors import SourceError
from atomlab.evidence.catalog import CatalogEntry, catalog_from_rows
from atomlab.evidence.seal import is_snapshot
from atomlab.text import listed

# Everything that is ever read of these tables.
TENANT_COLUMNS = ("id", "name", "subdomain", "plan_type", "ai_mode")
SETTING_COLUMNS = ("id", "tenant_id", "setting_key", "setting_value", "created_at")
_NEEDED = {
    "tenants": {"id", "name"},
    "tenant_settings": {"tenant_id", "setting_key", "setting_value"},
}
_CHECK = "check that it is ATOM's database and that you may read it"

Columns = Mapping[str, set[str]]


class Source:
    """A platform database, read in one transaction: `db` is the session, `name` its file's name."""

    def __init__(self, db: Session, name: str) -> None:
        self.db, self.name = db, name
        self.kind = db.get_bind().dialect.name
        self._columns = self._check_schema()

    def rows(self, table: str, columns: Iterable[str]) -> Iterable[Sequence[Any]]:
        """Return the rows of `table`, in the order that the database gives them.

        Each has the listed columns only, None for those that the table lacks.
        """
        have = self._columns[table]
        chosen = ", ".join(c if c in have else f"NULL AS {c}" for c in columns)
        return self.db.connection().exec_driver_sql(f"SELECT {chosen} FROM {table}")  # noqa: S608

    def catalog(self) -> dict[str, CatalogEntry]:
        """Return the model catalogue, empty if the database has none."""
        have = self._columns.get("model_catalog", set())
        if not {"model_id", "capabilities"} <= have:
            return {}
        excluded = "exclude_from_general_routing"
        chosen = f"model_id, capabilities, {excluded if excluded in have else '0'}"
        try:
            return catalog_from_rows(self.db.execute(text(f"SELECT {chosen} FROM model_catalog")))  # noqa: S608
        except ValueError as error:
            raise SourceError(
                f"model_catalog: {error}",
                where=self.name,
                todo="mend the row in a copy of the database, or give --catalog",
            ) from None

    def _check_schema(self) -> Columns:
        inspector = inspect(self.db.connection())
        columns = {
            table: {column["name"] for column in inspector.get_columns(table)}
            for table in inspector.get_table_names()
        }
        for table, needed in _NEEDED.items():
            if table not in columns:
                raise SourceError(f"has no table {table}", where=self.name, todo=_CHECK)
            if missing := sorted(needed - columns[table]):
                raise SourceError(
                    f"table {table} lacks {listed(missing)}", where=self.name, todo=_CHECK
                )
        return columns


@contextmanager
def open_source(source: str) -> Iterator[Source]:
    """Open an SQLite file in ATOM's schema, by path or SQLAlchemy URL, to read it only.

    Raises SourceError if it is no such database, now or while it is read.
    """
    path = sqlite_path(source)
    if is_snapshot(path):
        raise SourceError(
            "is a snapshot already; its tokens are no values",
            where=path,
            todo="capture the database that it was made from",
        )
    engine = _read_only_engine(path)
    try:
        with Session(engine) as db:
            connection = db.connection()
            connection.exec_driver_sql("PRAGMA query_only = ON")
            connection.exec_driver_sql("BEGIN")  # one transaction: the tables agree
            yield Source(db, path.name)
    except DBAPIError as error:
        # SQLite's own messages name tables and files, never values.
        raise SourceError(f"cannot be read ({error.orig})", where=path, todo=_CHECK) from None
    except SQLAlchemyError as error:
        raise SourceError(
            f"cannot be read ({type(error).__name__})", where=path, todo=_CHECK
        ) from None
    finally:
        engine.dispose()


def sqlite_path(source: str) -> Path:
    """Return the SQLite file that `source`, a path or URL, names; raise SourceError if none."""
    path = Path(source)
    if "://" in source:
        try:
            url = make_url(source)
        except (ArgumentError, ValueError):
            raise SourceError("is no database URL", todo="give sqlite:///PATH or a path") from None
        if url.get_backend_name() != "sqlite" or not url.database:
            raise SourceError(
                f"cannot capture from {url.get_backend_name()} yet",
                todo="give an SQLite file in ATOM's schema",
            )
        path = Path(url.database)
    try:
        found = path.is_file()
    except OSError as error:
        raise SourceError(
            f"cannot be read ({error.strerror})", where=path, todo="check the path"
        ) from None
    if not found:
        raise SourceError("no such database file", where=path, todo="check the path")
    return path


def _read_only_engine(path: Path) -> Engine:
    uri = path.resolve().as_uri() + "?mode=ro"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(uri, uri=True, check_same_thread=False)
        # Without this, a value that is not UTF-8 would stand in the error that it causes.
        connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
        return connection

    return create_engine("sqlite://", creator=connect, poolclass=NullPool, hide_parameters=True)
