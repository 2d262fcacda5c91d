"""What the report command prints: results, pages, and a notebook's parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from atomlab.report.export import font_warnings
from atomlab.report.parameters import Parameter
from atomlab.show.palette import terminal_colour
from atomlab.show.terminal import print_line, print_warnings
from atomlab.text import printable

if TYPE_CHECKING:
    from atomlab.report.batch import Outcome
    from atomlab.report.runner import Report


def print_report(subject: str, report: Report) -> None:
    """Print a report's result, how sure the cause is of a tenant that is affected, and where it is.

    How requests were served is said where that is not as usual.
    """
    _print_result(subject, report)
    print_warnings(font_warnings(report.missing))


def _print_result(subject: str, report: Report) -> None:
    told = f"{printable(subject)}: {report.result}"
    print_line(Console(), told, f"bold {terminal_colour(report.result)}")
    if report.certainty:
        print_line(Console(), f"cause: {report.certainty}", terminal_colour(report.certainty))
    if report.mode:
        print_line(Console(), f"requests: {printable(report.mode)}")
    for page in report.pages:
        print_line(Console(), f"report: {printable(page, 4096)}")


def print_outcomes(outcomes: Sequence[Outcome]) -> None:
    """Print each report's result and where it is; what failed goes to stderr."""
    missing = dict[str, None]()
    for outcome in outcomes:
        if outcome.report:
            _print_result(outcome.task.subject, outcome.report)
            missing |= dict.fromkeys(outcome.report.missing)
    for outcome in outcomes:
        if not outcome.report:
            told = f"atomlab: {printable(outcome.task.subject)}: {printable(outcome.error, 2000)}"
            print_line(Console(stderr=True), told, "bold red")
    print_warnings(font_warnings("".join(missing)))


def print_index(index: Path) -> None:
    """Print where the page is that lists a batch."""
    print_line(Console(), f"index: {printable(index, 4096)}")


def print_parameters(name: str, declared: Mapping[str, Parameter]) -> None:
    """Print a notebook's parameters, one row each: type, default, choices, help."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("parameter", "type", "default", "choices", "help"):
        table.add_column(column, overflow="fold", no_wrap=column in ("parameter", "type"))
    for one in declared.values():
        choices = ", ".join(map(repr, one.choices)) or "–"
        told = (one.name, one.type, repr(one.default), choices, one.help)
        table.add_row(*(Text(printable(cell, 300)) for cell in told))
    print_line(Console(), f"notebook {printable(name)}", "bold")
    Console().print(table)
