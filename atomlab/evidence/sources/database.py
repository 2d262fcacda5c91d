"""What the two kinds of source database have in common, and how they differ."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from atomlab.files import read_shipped_yaml

# A table of later versions of the platform, which no edition describes (docs/platform.md).
LATER_TABLE = "local_model_providers"
LATER = (
    f"the database's schema is later than these rules (table {LATER_TABLE}):"
    " newer versions decide otherwise"
)
CHECK = "check that it is ATOM's database and that you may read it"


@dataclass(frozen=True)
class Database:
    """An opened database in one read-only transaction.

    `about` is what the manifest records of it: server version, isolation, clock, and `remarks`,
    what else to know of it, a sentence each. `columns` has for each table that is there all its
    columns and those that may be read. What is read from a `cursor` is read in a block of
    `reading`. `mark` and `place` spell a bound value, and where a row of a table is stored (empty
    where that has no name). A server is asked for no more than is kept
    (`is_server`). Unless `only_utf8`, text that was read so far may hold lone surrogates for bytes
    that are no UTF-8. When all is read, `end` gives back what others may wait for; it raises
    SourceError if it was not of one moment.
    `types` has the declared types of columns, `odd` those that the platform would not read as the
    text that they are.
    """

    name: str
    user: str
    about: Mapping[str, Any]
    columns: Mapping[str, tuple[frozenset[str], frozenset[str]]]
    types: Mapping[tuple[str, str], str]
    odd: Collection[tuple[str, str]]
    cursor: Callable[[], Any]
    reading: Callable[[], AbstractContextManager[object]]
    interrupt: Callable[[], object]
    end: Callable[[], object]
    mark: str
    place: Callable[[str], str]
    only_utf8: Callable[[], bool]
    is_server: bool


@cache
def conditions(
    kind: str, otherwise: str = CHECK, file: str = "conditions"
) -> Mapping[str, tuple[str, str]]:
    """Return what the errors or forms of a kind mean, and what to do, by how they are known."""
    known = read_shipped_yaml(Path(__file__).with_name(f"{file}.yaml"))[kind]
    return {sign: (*words, otherwise)[:2] for sign, words in known.items()}
