"""Whether a sealed file holds a snapshot's tables, and nothing else.

A seal proves that a file is intact, not that it is harmless: a view under a table's name may never
end, a trigger may run on a scratch copy, a number may be text. This is checked once, on
opening; afterwards every table is a plain one, on sound pages, with values of its columns' types.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from functools import cache

from atomlab import limits
from atomlab.evidence.schema import FORMATS
from atomlab.evidence.seal import SEAL_BYTES

_SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_schema"
# What a check may cost: SQLite takes at most three steps for each byte of a sound file.
_STEPS_PER_BYTE, _STEPS_AT_LEAST, _STEPS_BETWEEN_LOOKS = 10, 1_000_000, 10_000

_AT_MOST = {
    "providers": ("SELECT count(*) FROM providers", limits.PROVIDERS, "providers"),
    "pricing": ("SELECT count(*) FROM pricing", limits.PRICES, "prices"),
    "model_catalog": (
        "SELECT count(*) FROM model_catalog",
        limits.MODELS,
        "models in the catalogue",
    ),
    "environment": ("SELECT count(*) FROM environment", limits.KEY_SETTINGS, "variables"),
    "tenant_settings": (
        "SELECT count(*) AS n FROM tenant_settings GROUP BY tenant_id ORDER BY n DESC LIMIT 1",
        limits.KEY_SETTINGS,
        "key settings of one tenant",
    ),
}


def check_content(connection: sqlite3.Connection, file_bytes: int) -> None:
    """Raise ValueError or sqlite3.Error, saying what, unless the content is a snapshot's.

    It takes no longer than a file of this size warrants, whatever its pages say.
    """
    [(version,)] = connection.execute("PRAGMA user_version")
    schema, odd_rows = _expected(version)
    with _bounded(connection, file_bytes):
        if connection.execute(_SCHEMA).fetchmany(len(schema) + 1) != schema:
            raise ValueError("its tables are not those of a snapshot")
        [(pages,)], [(size,)] = (
            connection.execute(f"PRAGMA {name}") for name in ("page_count", "page_size")
        )
        if pages * size != file_bytes - SEAL_BYTES:
            raise ValueError("it has bytes that belong to no page")
        [(found,)] = connection.execute("PRAGMA integrity_check(1)")
        if found != "ok":
            raise ValueError("its pages are damaged")
        for table, query in odd_rows.items():
            if connection.execute(query).fetchone():
                raise ValueError(f"table {table} has a value of another type than its column")
        check_sizes(connection, version)


def check_sizes(connection: sqlite3.Connection, version: int) -> None:
    """Raise ValueError, saying what there is too much of, if a snapshot is beyond the limits."""
    for table in ("manifest", *FORMATS[version][1]):
        columns = [name for name, *_ in connection.execute(f"SELECT * FROM {table}").description]  # noqa: S608
        at_most = {
            name: limits.SETTING_NAME if name == "setting_key" else limits.TEXT for name in columns
        }
        too_long = " OR ".join(f"length({name}) > {most}" for name, most in at_most.items())
        if connection.execute(f"SELECT 1 FROM {table} WHERE {too_long}").fetchone():  # noqa: S608
            raise ValueError(f"table {table} has a text that is too long")
    for table, (query, most, what) in _AT_MOST.items():
        if table in FORMATS[version][1]:
            [number] = connection.execute(query).fetchone() or [0]
            if number > most:
                raise ValueError(limits.beyond(number, most, what))


@contextmanager
def _bounded(connection: sqlite3.Connection, file_bytes: int) -> Iterator[None]:
    """Interrupt what takes more steps than a file of this size warrants."""
    steps = file_bytes * _STEPS_PER_BYTE + _STEPS_AT_LEAST
    looks = iter(range(steps // _STEPS_BETWEEN_LOOKS))
    connection.set_progress_handler(lambda: next(looks, None) is None, _STEPS_BETWEEN_LOOKS)
    try:
        yield
    finally:
        connection.set_progress_handler(None, 0)


@cache
def _expected(version: int) -> tuple[list[tuple[str, str, str, str | None]], Mapping[str, str]]:
    """Return a snapshot's schema in a format, and for each table a query that finds an odd row."""
    ddl, _ = FORMATS[version]
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript(ddl)
        schema = db.execute(_SCHEMA).fetchall()
        tables = [name for kind, name, _, _ in schema if kind == "table"]
        columns = {table: db.execute(f"PRAGMA table_info({table})").fetchall() for table in tables}
    return schema, {
        table: f"SELECT 1 FROM {table} WHERE {' OR '.join(map(_is_odd, columns[table]))}"  # noqa: S608
        for table in tables
    }


def _is_odd(column: tuple[int, str, str, int, object, int]) -> str:
    """Return the condition that a value is not of its column's type, or infinite."""
    _, name, kind, not_null, _, in_key = column
    types = [kind.lower()] if not_null or in_key else [kind.lower(), "null"]
    condition = f"typeof({name}) NOT IN ({', '.join(map(repr, types))})"
    return f"{condition} OR abs({name}) = 9e999" if kind == "REAL" else condition
