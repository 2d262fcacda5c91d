"""`atomlab report`."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer
from typer import Option

from atomlab.cli.options import (
    REPORT_MB,
    Hypothesis,
    Managed,
    Snapshot,
    as_usage,
    harmless,
    not_empty,
)
from atomlab.errors import Ended, InputError, ReportError
from atomlab.process import need
from atomlab.verdicts import EXIT_CODES

ReportFormat = Literal["html", "pdf"]


def _help_notebook(name: str | None) -> None:
    """Print a notebook's parameters, and end there."""
    if name is None:
        return
    from atomlab.report.notebooks import find_notebook, parameters_of
    from atomlab.report.results import print_parameters

    with as_usage():
        path = find_notebook(name)
    print_parameters(name, parameters_of(path))
    raise typer.Exit


Tenants = Annotated[
    list[str] | None, Option(metavar="T", help="The tenant. It can be given several times.")
]
AllAffected = Annotated[
    bool, Option("--all-affected", help="Report on every tenant that has a failing request.")
]
Notebook = Annotated[
    str | None,
    Option(
        metavar="NAME",
        help="The notebook: a shipped one's name, or a path (.ipynb). Default: "
        "root_cause_verification, or without --hypothesis tenant_triage.",
        callback=not_empty,
    ),
]
Out = Annotated[
    Path,
    Option(
        metavar="DIR",
        help="The folder to write. Several tenants get a folder each there, beside index.html and "
        "index.csv.",
        callback=harmless,
    ),
]
Format = Annotated[
    ReportFormat, Option(help="With pdf, a report.pdf is written beside report.html.")
]
Parameters = Annotated[
    list[str] | None,
    Option(
        "--parameter",
        "-p",
        metavar="NAME=VALUE",
        help="A parameter of the notebook, NAME=VALUE.",
        callback=harmless,
    ),
]
Jobs = Annotated[
    int | None,
    Option(
        min=1,
        metavar="N",
        help="How many reports are made at once. Default: one per core, up to 4.",
    ),
]
Timeout = Annotated[
    int,
    Option(
        min=1, max=86_400, metavar="SECONDS", help="The limit of each report in all, in seconds."
    ),
]
Overwrite = Annotated[
    bool, Option("--overwrite", help="Replace files in the folder that no report wrote.")
]
HelpNotebook = Annotated[
    str | None,
    Option(
        metavar="NAME",
        help="List the parameters of a notebook and exit.",
        is_eager=True,
        callback=_help_notebook,
    ),
]


def report(
    snapshot: Snapshot,
    tenant: Tenants = None,
    all_affected: AllAffected = False,
    hypothesis: Hypothesis = None,
    managed: Managed = None,
    notebook: Notebook = None,
    out: Out = Path("report"),
    format: Format = "html",  # noqa: A002 - the option's name
    parameter: Parameters = None,
    jobs: Jobs = None,
    timeout: Timeout = 300,
    overwrite: Overwrite = False,
    help_notebook: HelpNotebook = None,  # noqa: ARG001 - its callback has done it
) -> None:
    """Make a report of a tenant, or one of each of several.

    A notebook is run into a page. Of several, the exit code is the worst: 1, else 3, else 4, else
    0.
    """
    from atomlab.report.notebooks import TRIAGE, VERIFICATION, find_notebook, parameters_of
    from atomlab.report.plan import Wanted, checked
    from atomlab.report.results import print_batch, print_report

    with as_usage():
        path = find_notebook(notebook or (VERIFICATION if hypothesis else TRIAGE))
    parameters_of(path)  # a notebook that cannot be read is no wrong use
    with as_usage():
        asked = (snapshot, path, out, tuple(tenant or ()), all_affected, hypothesis, managed)
        given = _pairs(parameter or [])
        wanted = checked(Wanted(*asked, given, pdf=format == "pdf", overwrite=overwrite))
    need(REPORT_MB)
    with _keeping_what_ran(out):
        if wanted.single:
            from atomlab.report.running import make_one

            outcomes = [make_one(wanted, timeout)]
            print_report(outcomes[0])
        else:
            from atomlab.report.batch import make_batch

            batch = make_batch(wanted, jobs, timeout)
            print_batch(batch)
            outcomes = [*batch.outcomes]
    results = {outcome.result for outcome in outcomes}
    raise typer.Exit(next((code for result, code in EXIT_CODES.items() if result in results), 0))


@contextmanager
def _keeping_what_ran(folder: Path) -> Iterator[None]:
    """On SIGTERM keep what has run so far, and name it; Ctrl-C leaves nothing."""

    def end(_number: int, _frame: object) -> None:
        raise Ended

    handlers = {signal.SIGTERM: end, signal.SIGINT: signal.default_int_handler}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    except Ended as ended:
        raise ReportError(
            "was asked to end before it was done",
            where=folder,
            todo="open notebook.partial.ipynb there or in a folder below, or make it again",
        ) from ended
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _pairs(given: list[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise InputError("a --parameter has no value", todo="write NAME=VALUE")
        if name in pairs:
            raise InputError(f"--parameter {name!r} is given twice", todo="give it once")
        pairs[name] = value
    return pairs
