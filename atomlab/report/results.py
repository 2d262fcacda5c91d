"""What the report command prints: results, pages, and a notebook's parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from atomlab.report.export import font_warnings
from atomlab.report.files import PAGE, PAPER
from atomlab.report.notebooks import Parameter
from atomlab.report.rows import Row, rows_of, summary_of, sums
from atomlab.show.palette import TERMINAL, terminal_colour
from atomlab.show.terminal import (
    columns,
    console,
    print_line,
    print_table,
    print_text,
    print_warnings,
)
from atomlab.text import listed, printable

if TYPE_CHECKING:
    from atomlab.report.batch import Batch
    from atomlab.report.running import Outcome

_KEPT_LINES = 5
_WIDEST = 32  # what is longer moves only its own line


def print_report(outcome: Outcome) -> None:
    """Print what one report found: the tenant's state, cause, fix and who acts, then its pages.

    How requests were served is printed where that is not as usual; on stderr, which files of
    earlier reports are still beside it.
    """
    report = outcome.report
    assert report is not None  # noqa: S101 - a single one that fails raises
    out, [row], summary = console(), rows_of([outcome], outcome.task.folder), summary_of(report)
    _note_kept(report.folder / name for name in report.kept)
    print_warnings(font_warnings(report.missing))
    title = f"{printable(summary.title, 200)} ({row.status})" if summary else ""
    print_line(out, title or f"{row.short_name}: {row.word}", f"bold {TERMINAL[row.tone]}")
    if summary and row.verdict:
        print_line(out, f"verdict: {row.verdict}", terminal_colour(row.verdict))
    facts = {
        "cause": ", ".join(filter(None, (row.cause, row.certainty))),
        "fix": row.fix,
        "who acts": row.who_acts,
        "stays broken": row.not_cured,
        "answer": row.note,
        "requests": row.requests_are,
    }
    for name, fact in facts.items():
        if fact:
            print_line(out, f"{name}: {fact}")
    for page in [PAGE, PAPER] if report.paper else [PAGE]:
        print_line(out, f"report: {printable(report.folder / page, 4096)}")


def print_batch(batch: Batch) -> None:
    """Print a line for each report, the most severe first, then the sum and where the index is.

    On stderr stand those that failed, and what earlier reports have left beside the new ones.
    """
    out, folder = console(), batch.index.parent
    rows = rows_of(batch.outcomes, folder)
    reports = [each.report for each in batch.outcomes if each.report]
    _note_kept(folder / name for name in batch.files)
    _note_kept(report.folder / name for report in reports for name in report.kept)
    if batch.folders:
        names = listed(path.name for path in batch.folders)
        print_warnings([f"of earlier reports, and not in the index: {names}"], label="kept")
    print_warnings(font_warnings("".join(dict.fromkeys("".join(r.missing for r in reports)))))
    _print_rows([row for row in rows if row.report], folder)
    for row in rows:
        if not row.report:
            failed = f"atomlab: {row.short_name}: {row.note}"
            print_line(console(stderr=True), failed, "bold red")
    index = printable(batch.index, 4096)
    print_line(out, "; ".join([*sums(rows, batch.tenants), f"index: {index}"]), "bold")


def _print_rows(rows: Sequence[Row], folder: Path) -> None:
    """Print status, cause and page of each, below each other as far as they are short."""
    cells = [(_short(row), row.reason) for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    for row, (short, cause) in zip(rows, cells, strict=True):
        line = Text(short, TERMINAL[row.tone])
        where = printable(folder / row.report, 4096)
        for text, before, width in ((cause, short, widths[0]), (where, cause, widths[1])):
            line.append(" " * (min(width, _WIDEST) - cell_len(before)) + f"  {text}", "default")
        print_text(console(), line)


def _short(row: Row) -> str:
    verdict = f", verdict {row.verdict}" if row.status and row.verdict else ""
    return f"{row.short_name}: {row.word}{verdict}"


def _note_kept(files: Iterable[Path]) -> None:
    """Print on stderr which files of earlier reports are still there, and of when they are."""
    kept = [path for path in files if path.exists()]
    lines = []
    for path in kept[:_KEPT_LINES]:
        written_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        lines.append(f"{printable(path, 4096)} of an earlier report ({written_at:%F %R} UTC)")
    if rest := len(kept) - len(lines):
        lines.append(f"{rest:,} more of earlier reports")
    print_warnings(lines, label="kept")


def print_parameters(name: str, declared: Mapping[str, Parameter]) -> None:
    """Print a notebook's parameters, one row each: type, default, choices, help."""
    table = columns("parameter", "type", "default", "choices", "help")
    for column in table.columns[:2]:
        column.no_wrap = True
    for one in declared.values():
        choices = ", ".join(map(repr, one.choices)) or "–"
        row = (one.name, one.type, repr(one.default), choices, one.help)
        table.add_row(*(Text(printable(cell, 300)) for cell in row))
    print_line(console(), f"notebook {printable(name)}", "bold")
    print_table(console(), table)
