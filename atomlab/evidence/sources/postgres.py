"""PostgreSQL as a source: one REPEATABLE READ, READ ONLY transaction through psycopg 3."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from atomlab.errors import SourceError
from atomlab.evidence.sources.address import postgres_url, where
from atomlab.evidence.sources.database import LATER, LATER_TABLE, Database, conditions

if TYPE_CHECKING:
    import psycopg

_CONNECT_ARGS = {
    "connect_timeout": 10,  # seconds
    "fallback_application_name": "atomlab",
    "client_encoding": "utf8",
    "autocommit": True,  # until the tables are known
    "prepare_threshold": None,  # poolers between do not know prepared statements
}
_LOCK_TIMEOUT_S = 10
_CHECK = "check the URL, the server and your rights there"
_ISOLATION = "REPEATABLE_READ"
_ABOUT = """
SELECT pg_catalog.current_setting('server_version'), current_user, clock_timestamp(),
    to_regclass(%s) IS NOT NULL, pg_catalog.current_setting('transaction_isolation') || ', ' ||
    CASE pg_catalog.current_setting('transaction_read_only')
    WHEN 'on' THEN 'read only' ELSE 'read write' END
"""
# Which columns each table has, which of them may be read, and their types; also of views. Odd is
# what is not text, and text that is padded, or equal to what is spelled otherwise.
_COLUMNS = """
SELECT name, CASE WHEN pg_catalog.has_table_privilege(c.oid, 'SELECT') THEN c.relkind END,
    a.attname, pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT'), own.typname,
    (base.typcategory NOT IN ('S', 'E') OR base.typname IN ('bpchar', 'citext'))
    AND NOT (a.attname = 'capabilities' AND base.typname IN ('json', 'jsonb'))
FROM unnest(%s::text[]) AS name JOIN pg_class c ON c.oid = to_regclass(name)
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type own ON own.oid = a.atttypid
JOIN pg_type base ON base.oid = coalesce(nullif(own.typbasetype, 0), own.oid)
"""
# Where a row is stored, by the kind of its table: plain, materialized view, partitioned. Only
# who may read all of a table may know.
_PLACES = {"r": "ctid", "m": "ctid", "p": "tableoid, ctid"}


def files_of(source: str) -> list[Path]:
    """Return the files that a URL's options may name: certificates, their key, a list of passwords.

    Whether an option names a file is not asked: what it says is nothing else that is there.
    """
    with suppress(ArgumentError, ValueError):  # which is said when it is opened
        return [Path(value) for value in make_url(source).query.values() if isinstance(value, str)]
    return []


@contextmanager
def open_database(source: str, tables: Sequence[str], timeout_s: float) -> Iterator[Database]:
    """Connect to the database at a URL, and read it in one transaction until the block ends.

    The tables are locked against being altered, as pg_dump locks them, before the moment that
    all reads see. A password comes from the URL, PGPASSWORD or .pgpass; it is in no message.
    Raises SourceError if the server cannot be reached, refuses, or goes away.
    """
    psycopg, reading = _psycopg(), False
    known = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()}
    url = postgres_url(source, known)
    options: dict[str, Any] = url.translate_connect_args(username="user", database="dbname")
    options |= {n: v if isinstance(v, str) else ",".join(v) for n, v in url.query.items()}
    name = where(url)
    try:
        with closing(psycopg.connect(**options | _CONNECT_ARGS)) as driver:
            name = f"{driver.info.dbname} on {driver.info.host}:{driver.info.port}"
            database = _database(driver, name, [*tables], timeout_s)
            reading = True
            yield database
    except psycopg.Error as error:
        reason, todo = _condition(error)
        raise SourceError(f"cannot be read ({reason})", where=name, todo=todo) from None
    except (TypeError, ValueError) as error:
        if reading and not isinstance(error, UnicodeError):
            raise  # of whoever reads
        # An odd answer; or a UnicodeError, which holds the whole URL, or bytes of a row.
        what = (
            "holds text that is not in its own encoding" if reading else "is not a PostgreSQL URL"
        )
        raise SourceError(what, where=name, todo=_CHECK) from None


def _database(
    driver: psycopg.Connection[Any], name: str, tables: list[str], timeout_s: float
) -> Database:
    query = "SELECT name FROM unnest(%s::text[]) AS name WHERE to_regclass(name) IS NOT NULL"
    there = [table for (table,) in driver.execute(query, [tables])]
    _begin(driver, timeout_s)
    locked = _lock(driver, there)
    [(version, user, clock, later, isolation)] = driver.execute(_ABOUT, [LATER_TABLE])
    offset = clock - datetime.now(UTC)
    rows = driver.execute(_COLUMNS, [tables]).fetchall()
    kinds = {table: kind for table, kind, *_ in rows}
    return Database(
        name=name,
        user=user,
        about={
            "kind": "postgresql",
            "server_version": version,
            "isolation": isolation,
            "tables_locked": locked,
            "statement_timeout_s": timeout_s,
            "clock_offset_s": round(offset.total_seconds(), 3),
            "remarks": [LATER] if later else [],
        },
        columns={
            table: (
                frozenset(row[2] for row in rows if row[0] == table),
                frozenset(row[2] for row in rows if row[0] == table and row[3]),
            )
            for table in kinds
        },
        types={(table, column): type_ for table, _, column, _, type_, _ in rows},
        odd={(table, column) for table, _, column, *_, odd in rows if odd},
        cursor=lambda: driver.cursor(name="atomlab"),
        reading=nullcontext,
        interrupt=lambda: _cancel(driver),
        end=lambda: None,  # nobody waits for what it holds but who would alter the tables
        mark="%s",
        place=lambda table: _PLACES.get(kinds[table], ""),
        only_utf8=lambda: True,
        is_server=True,
    )


def _begin(driver: psycopg.Connection[Any], timeout_s: float) -> None:
    """Begin the transaction; the moment that all its reads see comes after the locks."""
    driver.autocommit = False
    driver.isolation_level = _psycopg().IsolationLevel[_ISOLATION]
    driver.read_only = True
    for setting, value in {
        "idle_in_transaction_session_timeout": "0",
        "statement_timeout": f"{timeout_s * 1000:.0f}",
        # Before the other one, which would not say what for.
        "lock_timeout": f"{min(timeout_s * 0.9, _LOCK_TIMEOUT_S) * 1000:.0f}",
        "row_security": "off",  # an error, where a policy would hide rows
        "timezone": "UTC",
        "datestyle": "ISO",
    }.items():
        driver.execute(f"SET LOCAL {setting} = '{value}'")


def _lock(driver: psycopg.Connection[Any], tables: Sequence[str]) -> bool:
    """Lock the tables against ALTER and TRUNCATE, and nothing else; return whether all are.

    A role that may only read some columns may not, and not every kind of table can be locked.
    """
    locked = bool(tables)
    for table in tables:
        driver.execute("SAVEPOINT unlocked")
        try:
            driver.execute(f"LOCK TABLE {table} IN ACCESS SHARE MODE")
        except (_psycopg().errors.InsufficientPrivilege, _psycopg().errors.WrongObjectType):
            driver.execute("ROLLBACK TO SAVEPOINT unlocked")
            locked = False
    return locked


def _cancel(driver: psycopg.Connection[Any]) -> None:
    with suppress(_psycopg().Error):
        driver.cancel()


def _psycopg() -> Any:
    try:
        import psycopg
    except ImportError:
        raise SourceError(
            "PostgreSQL needs the driver psycopg", todo='pip install "atomlab[postgres]"'
        ) from None
    return psycopg


def _condition(error: BaseException) -> tuple[str, str]:
    """Return what went wrong, and what to do, in words that quote nothing."""
    state = getattr(error, "sqlstate", None)
    if not state:
        known = conditions("connection", _CHECK).items()
        ours = (words for sign, words in known if re.search(sign, str(error)))
        return next(ours, (f"the driver's {type(error).__name__}", _CHECK))
    try:
        named = _psycopg().errors.lookup(state).__name__
    except KeyError:
        return "an error on the server", _CHECK  # a code of its own may say anything, too
    condition = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", named).lower()
    what, todo = conditions("postgresql", _CHECK).get(state, (condition, _CHECK))
    return f"{what}, {state}", todo
