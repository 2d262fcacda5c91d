"""Tables of a replay: what fails and why, for whom, and what changes would flip."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from atomlab.fleets.replay import Replay
from atomlab.show.tables import Table, table_of
from atomlab.text import count

_MOST = 20  # rows
_WORDS = {"cured": "cured", "lost": "lost", "moved": "another model", "not cured": "fails anew"}


def tables_of(replay: Replay) -> Iterator[Table]:
    """Yield the tables that have a row, the longest cut to their first rows."""
    if replay.causes:
        columns = ("cause", "provider", "verdict", "requests", "tenants")
        yield _first(replay.causes, columns, "root cause", "of requests that find no model")
        worst = sorted(replay.failing, key=lambda row: -row["requests"])
        columns = ("subdomain", "complexity", "cause", "provider", "requests")
        yield _first(worst, columns, "row", "by tenant, complexity and cause, the most first")
    if replay.unable:
        columns = ("subdomain", "provider", "model", "mode", "requests")
        yield _first(replay.unable, columns, "row", "of winners that are no chat model")
    if replay.pairs:
        columns = ("flip", "from", "to", "requests", "tenants")
        yield _first(replay.pairs, columns, "pair", "of models before and after the changes")
        flipped = sorted(replay.flipped, key=lambda row: -row["requests"])
        yield _first(
            flipped, ("subdomain", "flip", "requests"), "row", "by tenant and flip, the most first"
        )


def _first(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str], noun: str, caption: str
) -> Table:
    which = f"The first {_MOST} of " if len(rows) > _MOST else ""
    shown = [[_cell(row, name) for name in columns] for row in rows[:_MOST]]
    return table_of(
        shown,
        ["tenant" if name == "subdomain" else name for name in columns],
        f"{which}{count(len(rows), noun)} {caption}.",
    )


def _cell(row: Mapping[str, Any], name: str) -> object:
    if name == "subdomain":
        return row["subdomain"] or row["id"]
    if name in ("from", "to"):
        return row[name] or "no model"
    return _WORDS[row["flip"]] if name == "flip" else row[name]
