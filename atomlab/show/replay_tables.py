"""Tables of a replay: what fails and why, for whom, and what changes would flip."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from atomlab.fleets.replay import Replay
from atomlab.show.tables import Table, table_of
from atomlab.text import count

_MOST = 20  # rows
_WORDS = {"cured": "cured", "lost": "lost", "moved": "another model", "not cured": "fails anew"}


@dataclass(frozen=True)
class ReplayRows:
    """Rows that are shown: the columns' names, the cells, and what they are of."""

    columns: tuple[str, ...]
    cells: Sequence[Sequence[object]]
    noun: str
    caption: str


def rows_of(replay: Replay) -> Iterator[ReplayRows]:
    """Yield what is shown of a replay, those with the most requests first; nothing empty."""
    tables: tuple[tuple[Sequence[Mapping[str, Any]], str, str, str], ...] = (
        (
            replay.causes,
            "cause provider verdict requests tenants",
            "root cause",
            "of requests that find no model",
        ),
        (
            replay.failing,
            "tenant complexity cause provider requests",
            "row",
            "by tenant, complexity and cause",
        ),
        (
            replay.unable,
            "tenant provider model mode requests",
            "row",
            "of winners that are no chat model",
        ),
        (
            replay.pairs,
            "flip from to requests tenants",
            "pair",
            "of models before and after the changes",
        ),
        (replay.flipped, "tenant flip requests", "row", "of tenants and what the changes flip"),
    )
    for rows, names, noun, caption in tables:
        columns = tuple(names.split())
        if rows:
            first = sorted(rows, key=lambda row: -row["requests"])
            cells = [[_cell(row, name) for name in columns] for row in first]
            yield ReplayRows(columns, cells, noun, caption)


def tables_of(replay: Replay) -> Iterator[Table]:
    """Yield the same as tables, the longest cut to their first rows."""
    for rows in rows_of(replay):
        which = f"The first {_MOST} of " if len(rows.cells) > _MOST else ""
        caption = f"{which}{count(len(rows.cells), rows.noun)} {rows.caption}."
        yield table_of(rows.cells[:_MOST], rows.columns, caption)


def span_of(replay: Replay) -> tuple[str, str]:
    """Return when the first and the last request were made, UTC, or that it is unknown."""
    first, last = (
        at.strftime("%Y-%m-%d %H:%M:%S") if at else "unknown"
        for at in (replay.first_at, replay.last_at)
    )
    return first, last


def _cell(row: Mapping[str, Any], name: str) -> object:
    if name == "tenant":
        return row["subdomain"] or row["id"]
    if name in ("from", "to"):
        return row[name] or "no model"
    return _WORDS[row["flip"]] if name == "flip" else row[name]
