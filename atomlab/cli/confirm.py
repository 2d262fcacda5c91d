"""`atomlab confirm`."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from atomlab.cli.options import (
    AsJson,
    LogShapes,
    LogZone,
    Managed,
    Snapshot,
    Tenant,
    as_usage,
    file,
    harmless,
    not_empty,
    overwrite,
    print_json,
)
from atomlab.verdicts import EXIT_CODES

FixedAt = Annotated[
    str,
    Option(
        metavar="TIME",
        help="When the fix was made, with its zone: 2026-05-03T12:00Z.",
        callback=harmless,
    ),
]
Log = Annotated[list[str], file("A file of the worker's log; repeat it for several.")]
After = Annotated[
    str | None, file("A snapshot from after the fix, which has to hold the fix.", not_empty)
]
Margin = Annotated[
    int,
    Option(
        metavar="SECONDS",
        min=0,
        max=86_400,
        help="How much the clocks may differ: jobs nearer to the fix are left out.",
    ),
]
Findings = Annotated[
    Path | None,
    file("Also write the findings to this file, for atomlab postmortem (.json).", harmless),
]
Overwrite = Annotated[bool, overwrite("findings that are there already")]


def confirm(
    snapshot: Snapshot,
    tenant: Tenant,
    fixed_at: FixedAt,
    log: Log,
    after: After = None,
    managed: Managed = None,
    log_zone: LogZone = None,
    log_shapes: LogShapes = None,
    margin: Margin = 60,
    findings: Findings = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Say from the worker's log whether it is over.

    Exit codes: 0 over, 3 not over, 4 inconclusive; what is missing is named.
    """
    from contextlib import nullcontext
    from functools import partial

    from atomlab.diagnosis.confirm import confirm, moment_of
    from atomlab.evidence.inputs.worker_log import read_log
    from atomlab.evidence.snapshot import open_snapshot
    from atomlab.files import check_writable, whole_files
    from atomlab.show.recovery import print_recovery
    from atomlab.show.terminal import progress_bars

    with as_usage():
        moment = moment_of(fixed_at)
    if findings is not None:
        read = (snapshot, *log, *filter(None, (after, log_shapes)))
        check_writable(findings, overwrite, map(Path, read))
    later = open_snapshot(after) if after else nullcontext()
    with open_snapshot(snapshot) as evidence, later as captured_after, progress_bars() as progress:
        lines = read_log(log, log_zone, log_shapes, partial(progress, "log"))
        margin_s = timedelta(seconds=margin)
        found = confirm(
            evidence, tenant, lines, moment, captured_after, margin=margin_s, managed=managed
        )
        document = found.to_json() if as_json or findings else {}
        if findings is not None:
            with whole_files({findings: overwrite}) as [stream]:
                stream.write(json.dumps(document, indent=2, allow_nan=False).encode())
        if as_json:
            print_json(document)
        else:
            print_recovery(found)
    raise typer.Exit(EXIT_CODES[found.verification.verdict])
