"""`atomlab fleet`."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from atomlab.cli.options import (
    AsJson,
    Complexity,
    Managed,
    Quiet,
    file,
    harmless,
    overwrite,
    print_json,
)
from atomlab.errors import InputError
from atomlab.verdicts import EXIT_CODES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from atomlab.evidence.snapshot import Snapshot as OpenedSnapshot
    from atomlab.fleets.impacts import Progress
    from atomlab.fleets.survey import Fleet
    from atomlab.fleets.totals import Totals

Snapshots = Annotated[
    list[str],
    Argument(metavar="SNAPSHOT…", help="The snapshot file, as atomlab capture made it."),
]
Kind = Annotated[
    Complexity | None,
    Option(help="Decide for this kind of request only. Without it, all four are tried."),
]
Csv = Annotated[Path | None, file("Also write all affected tenants to this file (.csv).", harmless)]
Limit = Annotated[int, Option(min=0, metavar="N", help="List this many of the affected tenants.")]
Overwrite = Annotated[bool, overwrite("an existing file")]


def fleet(
    snapshot: Snapshots,
    complexity: Kind = None,
    managed: Managed = None,
    limit: Limit = 10,
    csv: Csv = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Find out which tenants get no model, why, and who acts.

    All tenants of the snapshot are decided. The last lines are the answer in plain words.
    """
    from atomlab.files import check_writable
    from atomlab.fleets.document import fleet_document
    from atomlab.fleets.listing import affected_rows
    from atomlab.fleets.survey import survey
    from atomlab.fleets.totals import added
    from atomlab.show.fleet_terminal import print_fleet, where
    from atomlab.show.terminal import progress_bars

    if csv:
        check_writable(csv, overwrite, map(Path, snapshot))
    with ExitStack() as stack:
        shards = [stack.enter_context(each) for each in _opened(snapshot)]
        with progress_bars("tenants") as progress:
            decided = partial(progress, "deciding")
            fleets = [survey(each, complexity or "", managed, decided) for each in shards]
            totals = added(each.totals for each in fleets)
            if csv:
                _write(csv, overwrite, fleets, totals, partial(progress, "writing"))
        rows = [*islice(affected_rows(fleets), limit)]
        if as_json:
            print_json(fleet_document(fleets, totals, rows))
        else:
            print_fleet(totals, rows, where(shards), csv, "quiet" if quiet else "usual")
    raise typer.Exit(EXIT_CODES[totals.status])


def _opened(paths: Sequence[str]) -> list[OpenedSnapshot]:
    """Return the opened snapshots that hold the tenants."""
    from atomlab.evidence.snapshot import open_snapshot

    if len(paths) > 1:
        what = f"{len(paths)} snapshots cannot be looked at together"
        raise InputError(what, todo="give one that holds all tenants")
    return [open_snapshot(path) for path in paths]


def _write(
    path: Path, overwrite: bool, fleets: Sequence[Fleet], totals: Totals, progress: Progress
) -> None:
    """Write all affected tenants to a file."""
    from atomlab.files import whole_files
    from atomlab.fleets.listing import affected_rows, write_csv

    with whole_files({path: overwrite}) as [stream]:
        write_csv(affected_rows(fleets), stream, progress, totals.by_status["affected"])
