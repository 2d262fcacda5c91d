"""The database to capture from: read in one transaction, in batches, never written.

What is read is listed here and nowhere else: default deny.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

from atomlab.errors import SourceError
from atomlab.evidence.inputs.catalog import CatalogEntry, catalog_from_rows
from atomlab.evidence.sources import postgres, sqlite
from atomlab.evidence.sources.address import is_url, trimmed
from atomlab.evidence.sources.database import CHECK, Database
from atomlab.evidence.tenants import find_tenant_id, unknown_tenant
from atomlab.text import listed, printable, storable

# Everything that is ever read of these tables.
TENANT_COLUMNS = ("id", "name", "subdomain", "plan_type", "ai_mode")
SETTING_COLUMNS = ("id", "tenant_id", "setting_key", "setting_value", "created_at")
CATALOG_COLUMNS = ("model_id", "capabilities", "exclude_from_general_routing")
_TABLES = {
    "tenants": TENANT_COLUMNS,
    "tenant_settings": SETTING_COLUMNS,
    "model_catalog": CATALOG_COLUMNS,
}
_NEEDED = {
    "tenants": {"id", "name"},
    "tenant_settings": {"tenant_id", "setting_key", "setting_value"},
    "model_catalog": set(),
}
# What a decision depends on: absent it may be, but not there and withheld.
_DECIDING = {
    "tenants": {"plan_type"},
    "tenant_settings": set(),
    "model_catalog": set(CATALOG_COLUMNS),
}
# Read as they are stored, since the platform compares the one and asks for the other's truth.
_AS_STORED = ("setting_key", "setting_value")
_TEXT = (*_AS_STORED, "plan_type", "model_id", "capabilities")
_BATCH_ROWS = 500  # few enough to stay in the processor's cache while they are worked on
_NEAR_MATCHES_AMONG = 100_000  # tenants whose names are offered for a misspelled one

Row = tuple[Any, ...]
TenantId = tuple[Any, str]  # as the database holds it, and as its text
# Called with a table, the rows read of it so far and the rows that it has.
Progress = Callable[[str, int, int], object]


@dataclass(frozen=True)
class Source:
    """A platform database, opened; every read sees the same moment.

    `columns` are those of the list above that are there and may be read, by table.
    """

    database: Database
    columns: Mapping[str, frozenset[str]]
    readings: ExitStack
    progress: Progress | None

    @property
    def name(self) -> str:
        """The database's name, without credentials."""
        return self.database.name

    @property
    def custody(self) -> dict[str, Any]:
        """What a manifest says of the source: which, how it was read, and what of it."""
        read = {table: sorted(columns) for table, columns in self.columns.items() if columns}
        return {"name": self.name, **self.database.about, "columns_read": read}

    def end(self) -> None:
        """Let go of what was read; raise SourceError if it was not of one moment."""
        self.database.end()

    def tenants(self, ids: Sequence[TenantId] | None = None) -> Iterator[list[Row]]:
        """Yield batches of TENANT_COLUMNS rows by id; with `ids`, of these tenants only."""
        where, values = self._among("tenants", "id", ids)
        return self._batches("tenants", TENANT_COLUMNS, f"{where} ORDER BY tenants.id", values)

    def setting_names(self, ids: Sequence[TenantId] | None = None) -> Iterator[Row] | None:
        """Yield each name of settings and how many have it; None for a file, which is here already.

        There may be as many as settings.
        """
        if not self.database.is_server:
            return None
        where, values = self._among("tenant_settings", "tenant_id", ids)
        query = f"SELECT {_NAME}, count(*) FROM tenant_settings {where} GROUP BY 1"  # noqa: S608
        return self._rows(query, values)

    def settings(
        self, ids: Sequence[TenantId] | None = None, names: Mapping[str, int] | None = None
    ) -> Iterator[list[Row]]:
        """Yield batches of SETTING_COLUMNS rows, by tenant, then key, then as they are stored.

        The platform reads the first of several rows of one key. With `names`, of these only: so
        many each.
        """
        where, values = self._named(ids, names, "TRUE")
        place = self.database.place("tenant_settings")
        order = ["tenant_settings.tenant_id", "tenant_settings.setting_key", place]
        rest = f"{where} ORDER BY {', '.join(filter(None, order))}"
        total = None if names is None else sum(names.values())
        return self._batches("tenant_settings", SETTING_COLUMNS, rest, values, total)

    def other_settings(
        self, ids: Sequence[TenantId] | None, names: Mapping[str, int]
    ) -> Iterator[list[Row]]:
        """Yield batches of how many settings by other names a tenant has, and its id."""
        where, values = self._named(ids, names, "NOT TRUE")
        tenant = _as_text("tenant_id")
        query = f"SELECT count(*), {tenant} FROM tenant_settings {where} GROUP BY tenant_id"  # noqa: S608
        return self._read(query, values, _BATCH_ROWS)

    def _named(
        self, ids: Sequence[TenantId] | None, names: Mapping[str, int] | None, which: str
    ) -> tuple[str, Sequence[Any]]:
        """Return the condition on settings of these tenants and, or not, by these names."""
        where, values = self._among("tenant_settings", "tenant_id", ids)
        if names is None:
            return where, values
        also = f"({_NAME} = ANY({self.database.mark})) IS {which}"
        return f"{where} AND {also}" if where else f"WHERE {also}", [*values, [*names]]

    @property
    def catalog_state(self) -> str:
        """Whether the model catalogue is `captured`, or `absent`: the database has none."""
        there = {"model_id", "capabilities"} <= self.columns["model_catalog"]
        return "captured" if there else "absent"

    def catalog(self) -> dict[str, CatalogEntry]:
        """Return the model catalogue, empty if the database has none; raise SourceError."""
        _check_deciding(self.database, "model_catalog", ", or give --catalog")
        if self.catalog_state == "absent":
            return {}
        try:
            rows = self._batches("model_catalog", CATALOG_COLUMNS, "", ())
            return catalog_from_rows(chain.from_iterable(rows))
        except ValueError as error:
            raise SourceError(
                f"model_catalog: {error}",
                where=self.name,
                todo="correct the row in a copy of the database, or give --catalog",
            ) from None

    def tenant_ids(self, names: Sequence[str]) -> list[TenantId]:
        """Return the ids of the tenants that go by these names; raise TenantError."""
        return list(dict.fromkeys(map(self._tenant_id, names)))

    def _tenant_id(self, name: str) -> TenantId:
        columns = ("id", *sorted({"subdomain", "name"} & self.columns["tenants"]))
        texts = [*map(_as_text, columns)]
        where = " OR ".join(f"{column} = {self.database.mark}" for column in texts)
        query = f"SELECT {', '.join(texts)}, id FROM tenants WHERE {where}"  # noqa: S608
        sayable = storable(name) == name  # else no row is called so
        if sayable and (rows := list(self._rows(query, [name] * len(columns)))):
            found = find_tenant_id([row[:-1] for row in rows], name)
            return next((row[-1], row[0]) for row in rows if row[0] == found)
        starts = ", ".join(f"substr({column}, 1, 200)" for column in texts)
        [[tenants]] = self._rows("SELECT count(*) FROM tenants", ())
        others = self._rows(f"SELECT {starts} FROM tenants", ())  # noqa: S608
        raise unknown_tenant(islice(others, _NEAR_MATCHES_AMONG), tenants, name)

    def _rows(self, query: str, values: Sequence[Any]) -> Iterator[Row]:
        return chain.from_iterable(self._read(query, values, 1000))

    def _batches(
        self,
        table: str,
        columns: Sequence[str],
        rest: str,
        values: Sequence[Any],
        total: int | None = None,
    ) -> Iterator[list[Row]]:
        """Yield the rows of a table, None for the columns that it lacks; count them if need be."""
        where, _, _ = rest.partition(" ORDER BY")
        if total is None:
            [(total,)] = self._rows(f"SELECT count(*) FROM {table} {where}", values)  # noqa: S608
        chosen = ", ".join(self._column(table, column) for column in columns)
        done = 0
        query = f"SELECT {chosen} FROM {table} {rest}"  # noqa: S608
        for rows in self._read(query, values, _BATCH_ROWS):
            yield rows
            done += len(rows)
            if self.progress:
                self.progress(table, done, total)
        if done != total:
            raise SourceError(
                f"gave {done:,} of the {total:,} rows of {table}",
                where=self.name,
                todo="capture again",
            )

    def _read(self, query: str, values: Sequence[Any], size: int) -> Iterator[list[Row]]:
        """Yield batches of `size` rows; a reading that nobody finishes ends with the source."""
        return self.readings.enter_context(closing(self._reading(query, values, size)))

    def _reading(
        self, query: str, values: Sequence[Any], size: int
    ) -> Generator[list[Row], None, None]:
        cursor = self.database.cursor()
        try:
            with self.database.reading():
                cursor.execute(query, values)
            while True:
                with self.database.reading():
                    rows = list(cursor.fetchmany(size))
                if not rows:
                    return
                yield rows
        except BaseException:
            self.database.interrupt()
            raise
        finally:
            with suppress(Exception):  # what was interrupted or cut off cannot close it
                cursor.close()

    def _column(self, table: str, column: str) -> str:
        if column not in self.columns[table]:
            return "NULL"
        return column if column in _AS_STORED else _as_text(column)

    def _among(
        self, table: str, column: str, ids: Sequence[TenantId] | None
    ) -> tuple[str, Sequence[Any]]:
        """Return the condition that a row is of these tenants, and its values."""
        if ids is None:
            return "", ()
        types, marks = self.database.types, ", ".join([self.database.mark] * len(ids))
        if types and types.get((table, column)) == types.get(("tenants", "id")):
            return f"WHERE {column} IN ({marks})", [stored for stored, _ in ids]
        return f"WHERE {_as_text(column)} IN ({marks})", [text for _, text in ids]


def _as_text(column: str) -> str:
    return f"CAST({column} AS text)"


_NAME = f'{_as_text("setting_key")} COLLATE "C"'  # byte by byte, whatever the column's own is


@contextmanager
def open_source(
    source: str, statement_timeout_s: float = 60, progress: Progress | None = None
) -> Iterator[Source]:
    """Open a database in ATOM's schema to read it: an SQLite file, by path or URL, or PostgreSQL.

    `source` may also be `env:NAME`, the environment variable that holds it. No statement runs
    longer than `statement_timeout_s`, and no lock is waited for longer. Raises SourceError if it
    is no such database, now or while it is read.
    """
    named = _resolved(source)
    kind = postgres if is_url(named) else sqlite
    opened = kind.open_database(named, tuple(_TABLES), statement_timeout_s)
    try:
        with opened as database, ExitStack() as readings:
            yield Source(database, _checked(database), readings, progress)
    except SourceError as error:
        error.__context__ = None  # the driver's own error, hidden there, may quote values
        raise


def source_files(source: str) -> list[Path]:
    """Return the SQLite file that `source` names, and those that may lie beside it.

    For a server what its URL may name, its key say. Raises SourceError if it names no file.
    """
    named = _resolved(source)
    return (postgres if is_url(named) else sqlite).files_of(named)  # type: ignore[no-any-return]


def _resolved(source: str) -> str:
    prefix, colon, name = source.partition(":")
    if prefix != "env" or not colon:
        return trimmed(source)
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise SourceError("env: is not followed by the name of a variable", todo="write env:NAME")
    value = os.getenv(name)
    if not value:
        raise SourceError(  # without the name: it may be the value
            "the environment variable that env: names is not set",
            todo="export it, with the URL in it",
        )
    return trimmed(value)


def _checked(database: Database) -> dict[str, frozenset[str]]:
    """Return the columns that are there and may be read, by table.

    Raises SourceError if one is missing, withheld or odd without which nothing is decided.
    """
    columns = {}
    for table, wanted in _TABLES.items():
        there, readable = database.columns.get(table, (frozenset(), frozenset()))
        if _NEEDED[table]:
            if table not in database.columns:
                raise SourceError(f"has no table {table}", where=database.name, todo=CHECK)
            if missing := sorted(_NEEDED[table] - there):
                raise SourceError(
                    f"table {table} lacks {listed(missing)}", where=database.name, todo=CHECK
                )
            _check_deciding(database, table)
        columns[table] = readable & frozenset(wanted)
    return columns


def _check_deciding(database: Database, table: str, otherwise: str = "") -> None:
    """Raise SourceError if what decides is withheld, or read otherwise by the platform."""
    there, readable = database.columns.get(table, (frozenset(), frozenset()))
    deciding = (_NEEDED[table] | _DECIDING[table]) & there
    if withheld := sorted(deciding - readable):
        raise SourceError(
            f"you may not read {listed(withheld)} of {table}",
            where=database.name,
            todo=f"have it granted: GRANT SELECT ON {table} TO {printable(database.user)}"
            + otherwise,
        )
    for column in sorted(deciding.intersection(_TEXT)):
        if (table, column) in database.odd:
            raise SourceError(
                f"column {column} of {table} is not plain text, as the platform would read it",
                where=database.name,
                todo="capture from a copy in which it is plain text" + otherwise,
            )
