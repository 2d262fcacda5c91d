"""The facts that an object without a card of its own shows: as words, and as small tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence, Sized
from typing import TypeGuard

from atomlab.show.tables import Table, table_of
from atomlab.shown import Listed, Several, Shown, brief
from atomlab.text import capital, count, listed, printable

_ROWS, _TABLES, _LISTED = 10, 3, 4
_CELL = 80  # characters


def title_of(thing: object) -> str:
    """Return the name of the thing's class in words, of many things how many there are."""
    if isinstance(thing, Several | Listed) and thing:
        return count(len(thing), _name_of(thing[0]))
    return capital(_name_of(thing))


def facts_of(thing: Shown) -> dict[str, object]:
    """Return what a thing shows of itself in words, by name; many things alike aside."""
    facts = thing._facts().items()
    return {_words(name): _word(value) for name, value in facts if not _are_many(value)}


def tables_of(thing: Shown) -> list[Table]:
    """Return a table for each of the first facts that are many things, or for the thing itself."""
    if isinstance(thing, Sequence):
        return [few(thing, "")]
    facts = thing._facts().items()
    return [few(v, f"{capital(_words(n))}. ") for n, v in facts if _are_many(v)][:_TABLES]


def few(things: Sequence[object], caption: str) -> Table:
    """Return a table of the first things, each fact a column; the caption says of how many."""
    rows = [_row(thing) for thing in things[:_ROWS]]
    columns = [*dict.fromkeys(name for row in rows for name in row)]
    rest = f"The first {_ROWS} of {len(things):,}." if len(things) > _ROWS else ""
    return table_of(
        ([row.get(name) for name in columns] for row in rows), columns, f"{caption}{rest}".strip()
    )


def _row(thing: object) -> dict[str, object]:
    facts: Iterable[tuple[str, object]] = {"value": thing}.items()
    if isinstance(thing, Mapping):
        facts = thing.items()
    elif isinstance(thing, Shown) and not isinstance(thing, Sequence):
        facts = thing._facts().items()
    return {_words(str(name)): _cell(value) for name, value in facts}


def _cell(value: object) -> object:
    return value if isinstance(value, int | float) else printable(_word(value), _CELL)


def _word(value: object) -> str:
    """Return a value as text; a list of texts as they are written in a sentence."""
    if value is None or (isinstance(value, Sized) and not len(value)):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Mapping):
        return listed((f"{name}: {each}" for name, each in value.items()), _LISTED)
    if isinstance(value, tuple | list) and all(map(_has_words, value)):
        return listed(map(str, value), _LISTED)
    return str(value) if _has_words(value) else brief(value)


def _has_words(value: object) -> bool:
    return isinstance(value, str) or (isinstance(value, Shown) and "__str__" in vars(type(value)))


def _name_of(thing: object) -> str:
    """Return the name of a class in words: `FixSet` is a fix set."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", type(thing).__name__)
    return " ".join(word if word.isupper() else word.lower() for word in words)


def _are_many(value: object) -> TypeGuard[Sequence[object]]:
    if not isinstance(value, tuple | list) or not value:
        return False
    return isinstance(value[0], Shown | Mapping)


def _words(name: str) -> str:
    return name.replace("_", " ")
