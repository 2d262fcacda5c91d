"""A replay in the terminal: causes, whose requests fail, what changes would flip, the answer."""

from __future__ import annotations

from collections.abc import Iterator

from rich.table import Table
from rich.text import Text

from atomlab.fleets.replay import Replay
from atomlab.show.argument import argue
from atomlab.show.palette import terminal_colour
from atomlab.show.replay_tables import ReplayRows, rows_of, span_of
from atomlab.show.terminal import Detail, columns, console, print_line, print_table, print_text
from atomlab.text import count, printable


def print_replay(replay: Replay, limit: int, detail: Detail = "usual") -> None:
    """Print what requests get, `limit` rows of each table, and the answer, all of it if quiet."""
    out = console()
    if detail != "quiet":
        for line in _heads(replay):
            print_line(out, line, "dim")
        for rows in rows_of(replay):
            if limit:
                print_table(out, _table(rows, limit))
            if len(rows.cells) > limit:
                print_line(out, f"and {count(len(rows.cells) - limit, 'more row')}", "dim")
        for what, bad in replay.bad.items():
            lines, first = count(bad.lines, "line"), bad.first_line
            argue(out, "skipped", f"{lines} ({what}), the first is line {first:,}")
        out.print()
    print_text(out, Text(printable(replay.answer(), 2000), terminal_colour(replay.status)))


def _heads(replay: Replay) -> Iterator[str]:
    """Yield what was looked at: snapshot, file, changes."""
    snapshot = printable(replay.snapshot.name)
    yield f"snapshot {snapshot}, captured {replay.snapshot.captured_at}"
    when = " to ".join(span_of(replay)) if replay.first_at else "at unknown times"
    yield f"{count(replay.requests, 'request')} of {printable(replay.file, 300)}, {when}"
    for edit in (edit for change in replay.changes for edit in change.edits):
        yield f"change: {printable(edit, 300)}"


def _table(rows: ReplayRows, limit: int) -> Table:
    table = columns(*rows.columns)
    for name, column in zip(rows.columns, table.columns, strict=True):
        if name in ("requests", "tenants"):
            column.justify = "right"
    for cells in rows.cells[:limit]:
        table.add_row(*map(_text, cells))
    return table


def _text(cell: object) -> Text:
    return Text(f"{cell:,}" if isinstance(cell, int) else printable(cell or "–", 60))
