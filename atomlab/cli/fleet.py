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
from atomlab.verdicts import EXIT_CODES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from atomlab.evidence.snapshot import Snapshot as OpenedSnapshot
    from atomlab.fleets.impacts import Progress
    from atomlab.fleets.parts import Part
    from atomlab.fleets.totals import Totals

Snapshots = Annotated[
    list[str],
    Argument(metavar="SNAPSHOT…", help="The snapshot file, or the folder of a capture in shards."),
]
Kind = Annotated[
    Complexity | None,
    Option(help="Decide for this kind of request only. Without it, all four are tried."),
]
Csv = Annotated[Path | None, file("Also write all affected tenants to this file (.csv).", harmless)]
Limit = Annotated[int, Option(min=0, metavar="N", help="List this many of the affected tenants.")]
Overwrite = Annotated[bool, overwrite("an existing file")]
Scheduler = Annotated[
    str | None,
    Option(
        metavar="ADDRESS",
        help="Let the workers of a Dask cluster decide the shards; they read the same files.",
    ),
]


def fleet(
    snapshot: Snapshots,
    complexity: Kind = None,
    managed: Managed = None,
    limit: Limit = 10,
    csv: Csv = None,
    overwrite: Overwrite = False,
    scheduler: Scheduler = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Find out which tenants get no model, why, and who acts.

    All tenants of the snapshot are decided. The last lines are the answer in plain words.
    """
    from atomlab.evidence.shards import open_shards
    from atomlab.files import check_writable
    from atomlab.fleets.document import fleet_document
    from atomlab.fleets.parts import merged_rows
    from atomlab.fleets.totals import added
    from atomlab.show.fleet_terminal import print_fleet, where
    from atomlab.show.terminal import progress_bars

    if csv:
        check_writable(csv, overwrite, map(Path, snapshot))
    kind, most = complexity or "", None if csv else limit
    with ExitStack() as stack:
        shards = [stack.enter_context(each) for each in open_shards(*snapshot)]
        with progress_bars("shards" if scheduler else "tenants") as progress:
            decided = partial(progress, "deciding")
            if scheduler:
                parts = _on_cluster(scheduler, shards, kind, managed, most, decided)
            else:
                parts = _here(shards, kind, managed, decided)
            totals = added(part.totals for part in parts)
            if csv:
                _write(csv, overwrite, parts, totals, partial(progress, "writing"))
        rows = [*islice(merged_rows(parts), limit)]
        if as_json:
            print_json(fleet_document(parts, totals, rows))
        else:
            print_fleet(totals, rows, where(parts), csv, "quiet" if quiet else "usual")
    raise typer.Exit(EXIT_CODES[totals.status])


def _here(
    shards: Sequence[OpenedSnapshot], kind: str, managed: bool | None, progress: Progress
) -> list[Part]:
    """Return what each shard says, one after the other."""
    from atomlab.fleets.parts import part_of
    from atomlab.fleets.survey import survey

    return [part_of(survey(each, kind, managed, progress)) for each in shards]


def _on_cluster(
    scheduler: str,
    shards: Sequence[OpenedSnapshot],
    kind: str,
    managed: bool | None,
    most: int | None,
    progress: Progress,
) -> list[Part]:
    """Return what each shard says, found out by the workers of a Dask cluster."""
    from atomlab.fleets.cluster import executor_on
    from atomlab.fleets.parts import summarise_all

    paths = [shard.path for shard in shards]
    with executor_on(scheduler) as executor:
        return summarise_all(paths, executor, kind, managed, most, progress)


def _write(
    path: Path, overwrite: bool, parts: Sequence[Part], totals: Totals, progress: Progress
) -> None:
    """Write all affected tenants to a file."""
    from atomlab.files import whole_files
    from atomlab.fleets.listing import write_csv
    from atomlab.fleets.parts import merged_rows

    with whole_files({path: overwrite}) as [stream]:
        write_csv(merged_rows(parts), stream, progress, totals.by_status["affected"])
