"""What the two kinds of source database have in common, and how they differ."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy.orm import Session

# A table of later versions of the platform, which no edition describes (docs/platform.md).
LATER_TABLE = "local_model_providers"


class Cursor(Protocol):
    """The part of a DB-API cursor that reading needs."""

    def execute(self, query: str, values: Sequence[Any], /) -> Any:
        """Run a query."""

    def fetchmany(self, size: int, /) -> list[tuple[Any, ...]]:
        """Return the next rows, none at the end."""

    def close(self) -> None:
        """Give back what the query holds."""


@dataclass(frozen=True)
class Database:
    """An opened database in one read-only transaction.

    `about` is what the manifest records of it: server version, isolation, clock, and `remarks`,
    what else to know of it, a sentence each. `columns` has for each table that is there all its
    columns and those that may be read. `text`, `length`, `mark` and `place` spell a column as
    text, its length in bytes, a bound value, and where a row of a table is stored (empty where
    that has no name). Unless `only_utf8`, text may hold lone surrogates for bytes that are no
    UTF-8. `types` has the declared type of a column where a database has declared types; `odd` are
    the columns that the platform would not read as the text that they are.
    """

    name: str
    user: str
    about: Mapping[str, Any]
    columns: Mapping[str, tuple[frozenset[str], frozenset[str]]]
    types: Mapping[tuple[str, str], str]
    odd: Collection[tuple[str, str]]
    session: Session
    cursor: Callable[[], Cursor]
    interrupt: Callable[[], object]
    text: Callable[[str], str]
    length: Callable[[str], str]
    mark: str
    place: Callable[[str], str]
    only_utf8: bool


def remarks_on_schema(has_later_table: bool) -> list[str]:
    """Return what to know of a database's schema: that it is later than the rules, if it is."""
    later = f"the database's schema is later than these rules (table {LATER_TABLE})"
    return [f"{later}: newer versions decide otherwise"] if has_later_table else []
