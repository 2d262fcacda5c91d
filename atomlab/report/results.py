"""What the report command prints: results, pages, and a notebook's parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from atomlab.report.export import font_warnings
from atomlab.report.files import PAGE, PAPER
from atomlab.report.notebooks import Parameter
from atomlab.show.palette import terminal_colour
from atomlab.show.terminal import columns, console, print_line, print_table, print_warnings
from atomlab.text import printable

if TYPE_CHECKING:
    from atomlab.report.running import Outcome, Report


def print_reports(*reports: tuple[str, Report]) -> None:
    """Print each report's subject and result, how sure the cause is, and its pages.

    How requests were served is printed where that is not as usual.
    """
    out = Console()
    for subject, report in reports:
        colour = f"bold {terminal_colour(report.result)}"
        print_line(out, f"{printable(subject)}: {report.result}", colour)
        if report.certainty:
            print_line(out, f"cause: {report.certainty}", terminal_colour(report.certainty))
        if report.mode:
            print_line(out, f"requests: {printable(report.mode)}")
        for page in [PAGE, PAPER] if report.paper else [PAGE]:
            print_line(out, f"report: {printable(report.folder / page, 4096)}")
    letters = dict.fromkeys("".join(report.missing for _, report in reports))
    print_warnings(font_warnings("".join(letters)))


def print_outcomes(outcomes: Sequence[Outcome], index: Path) -> None:
    """Print each report's result and where it is, then where the index is; failures on stderr."""
    print_reports(*((each.task.subject, each.report) for each in outcomes if each.report))
    for outcome in outcomes:
        if not outcome.report:
            line = f"atomlab: {printable(outcome.task.subject)}: {printable(outcome.error, 2000)}"
            print_line(Console(stderr=True), line, "bold red")
    print_line(Console(), f"index: {printable(index, 4096)}")


def print_parameters(name: str, declared: Mapping[str, Parameter]) -> None:
    """Print a notebook's parameters, one row each: type, default, choices, help."""
    table = columns("parameter", "type", "default", "choices", "help")
    for column in table.columns[:2]:
        column.no_wrap = True
    for one in declared.values():
        choices = ", ".join(map(repr, one.choices)) or "–"
        row = (one.name, one.type, repr(one.default), choices, one.help)
        table.add_row(*(Text(printable(cell, 300)) for cell in row))
    print_line(Console(), f"notebook {printable(name)}", "bold")
    print_table(console(), table)
