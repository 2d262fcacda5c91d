"""`atomlab why`."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from atomlab.cli.options import AsJson, Complexity, LogShapes, LogZone, file, not_empty, print_json
from atomlab.verdicts import EXIT_CODES


def why(
    line: Annotated[
        str | None,
        Argument(metavar="LINE|FILE|-", help="The error line, a worker's log, or - for stdin."),
    ] = None,
    snapshot: Annotated[
        str | None,
        file(
            "The snapshot. Without it, the one that fits in the folder $ATOMLAB_SNAPSHOTS.",
            not_empty,
        ),
    ] = None,
    tenant: Annotated[
        str | None,
        Option(
            metavar="T",
            help="The tenant: its id, its subdomain or its exact name. Without it, the line's.",
            callback=not_empty,
        ),
    ] = None,
    complexity: Annotated[
        Complexity | None,
        Option(help="The kind of request. Without it, the line's, or all four."),
    ] = None,
    log_zone: LogZone = None,
    log_shapes: LogShapes = None,
    as_json: AsJson = False,
) -> None:
    """Say why a line of a worker's log came, and who fixes it."""
    from atomlab.diagnosis.why import Asked, explain_log
    from atomlab.evidence.inputs.worker_log import read_log
    from atomlab.show.terminal import print_why, progress_bars

    with progress_bars() as progress:
        watched = partial(progress, "log")
        log = read_log([_source(line)], log_zone, log_shapes, watched, timeless=True)
        folder = os.environ.get("ATOMLAB_SNAPSHOTS") or None
        answer = explain_log(log, snapshot, folder, tenant, complexity)
    if as_json:
        print_json(answer.to_json())
    elif isinstance(answer, Asked):
        typer.echo(f"atomlab: {answer.sentence}", err=True)
    else:
        print_why(answer)
    raise typer.Exit(EXIT_CODES[answer.status])


def _source(line: str | None) -> str | bytes:
    """Return the path of a log, `-` for stdin, or the bytes of a line that was given itself."""
    if line is None or not line.strip():
        if line is not None or sys.stdin is None or sys.stdin.isatty():
            raise typer.BadParameter("give the error line, a log file, or - for stdin")
        return "-"
    looks_like_a_path = " " not in line.strip() and ":" not in line and "{" not in line
    if line == "-" or looks_like_a_path or os.path.exists(line):  # noqa: PTH110 - any text
        return line if line == "-" else str(Path(line))
    return os.fsencode(line)
