"""`atomlab fleet`."""

from __future__ import annotations

from contextlib import ExitStack, nullcontext
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, BadParameter, Option

from atomlab.cli.options import (
    AsJson,
    Complexity,
    Managed,
    Quiet,
    at_most,
    file,
    harmless,
    overwrite,
    print_json,
)
from atomlab.verdicts import EXIT_CODES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from atomlab.fleets.impacts import Progress
    from atomlab.fleets.parts import Part
    from atomlab.fleets.totals import Totals
    from atomlab.verdicts import Status

Snapshots = Annotated[
    list[str],
    Argument(metavar="SNAPSHOT…", help="The snapshot file, or the folder of a capture in shards."),
]
Kind = Annotated[
    Complexity | None,
    Option(help="Decide for this kind of request only. Without it, all four are tried."),
]
Csv = Annotated[Path | None, file("Also write all affected tenants to this file (.csv).", harmless)]
Limit = Annotated[int, at_most("List this many of the affected tenants.")]
Overwrite = Annotated[bool, overwrite("an existing file")]
Scheduler = Annotated[
    str | None,
    Option(
        metavar="ADDRESS",
        help="Let the workers of a Dask cluster decide the shards; they read the same files.",
    ),
]

Requests = Annotated[
    Path | None,
    file("Decide the requests of this file instead (.csv or JSON lines).", harmless),
]
SkipBad = Annotated[
    bool, Option("--skip-bad", help="Count bad lines of the requests and leave them out.")
]
WithFix = Annotated[
    list[str] | None,
    Option(
        metavar="CHANGE",
        help="Also decide the requests with this change, in memory: TENANT for its easiest fix, or "
        "TENANT=copy-key:TO=FROM, add-key:PROVIDER or remove-key:PROVIDER. May be repeated.",
    ),
]
Changes = Annotated[Path | None, file("Also with the changes in this file (.yaml).", harmless)]


def fleet(
    snapshot: Snapshots,
    complexity: Kind = None,
    managed: Managed = None,
    limit: Limit = 10,
    csv: Csv = None,
    overwrite: Overwrite = False,
    scheduler: Scheduler = None,
    requests: Requests = None,
    skip_bad: SkipBad = False,
    with_fix: WithFix = None,
    changes: Changes = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Find out which tenants get no model, why, and who acts.

    All tenants of the snapshot are decided. The last lines are the answer in plain words.
    """
    if requests is None:
        if option := _first_given(
            {"--skip-bad": skip_bad, "--with-fix": with_fix, "--changes": changes}
        ):
            raise BadParameter("goes with --requests only.", param_hint=option)
        status = _decide(
            snapshot, complexity or "", managed, limit, csv, overwrite, scheduler, as_json, quiet
        )
    else:
        if option := _first_given(
            {"--complexity": complexity, "--csv": csv, "--scheduler": scheduler}
        ):
            raise BadParameter("cannot go with --requests.", param_hint=option)
        status = _replay(
            snapshot, requests, with_fix or [], changes, managed, skip_bad, limit, as_json, quiet
        )
    raise typer.Exit(EXIT_CODES[status])


def _first_given(options: Mapping[str, object]) -> str | None:
    return next((option for option, value in options.items() if value), None)


def _replay(
    paths: Sequence[str],
    requests: Path,
    with_fix: Sequence[str],
    changes: Path | None,
    managed: bool | None,
    skip_bad: bool,
    limit: int,
    as_json: bool,
    quiet: bool,
) -> Status:
    """Decide recorded requests and print what they get."""
    from atomlab.errors import InputError
    from atomlab.evidence.shards import open_shards
    from atomlab.fleets.replay import replay
    from atomlab.show.replay_terminal import print_replay
    from atomlab.show.terminal import progress_bars

    with ExitStack() as stack:
        shards = [stack.enter_context(each) for each in open_shards(*paths)]
        if len(shards) > 1:
            what, todo = "requests are decided on one whole snapshot", "capture without --shards"
            raise InputError(what, where=shards[0].path.parent, todo=todo)
        with progress_bars("bytes") as progress:
            found = replay(
                shards[0],
                requests,
                with_fix,
                changes,
                managed=managed,
                skip_bad=skip_bad,
                progress=partial(progress, "requests"),
            )
        if as_json:
            print_json(found.to_json())
        else:
            print_replay(found, limit, "quiet" if quiet else "usual")
        return found.status


def _decide(
    paths: Sequence[str],
    kind: str,
    managed: bool | None,
    limit: int,
    csv: Path | None,
    overwrite: bool,
    scheduler: str | None,
    as_json: bool,
    quiet: bool,
) -> Status:
    """Decide all tenants and print what they get."""
    from atomlab.evidence.shards import open_shards
    from atomlab.files import check_writable
    from atomlab.fleets.cluster import executor_on
    from atomlab.fleets.document import fleet_document
    from atomlab.fleets.parts import merged_rows, parts_in
    from atomlab.fleets.totals import added
    from atomlab.show.fleet_terminal import print_fleet, where
    from atomlab.show.terminal import progress_bars

    if csv:
        check_writable(csv, overwrite, map(Path, paths))
    most = None if csv else limit
    with ExitStack() as stack:
        shards = [stack.enter_context(each) for each in open_shards(*paths)]
        with progress_bars("shards" if scheduler else "tenants") as progress:
            with executor_on(scheduler) if scheduler else nullcontext() as executor:
                decided = partial(progress, "deciding")
                parts = parts_in(shards, kind, managed, executor, most, decided)
            totals = added(part.totals for part in parts)
            if csv:
                _write(csv, overwrite, parts, totals, partial(progress, "writing"))
        rows = [*islice(merged_rows(parts), limit)]
        if as_json:
            print_json(fleet_document(parts, totals, rows))
        else:
            print_fleet(totals, rows, where(parts), csv, "quiet" if quiet else "usual")
    return totals.status


def _write(
    path: Path, overwrite: bool, parts: Sequence[Part], totals: Totals, progress: Progress
) -> None:
    """Write all affected tenants to a file."""
    from atomlab.files import whole_files
    from atomlab.fleets.listing import write_csv
    from atomlab.fleets.parts import merged_rows

    with whole_files({path: overwrite}) as [stream]:
        write_csv(merged_rows(parts), stream, progress, totals.by_status["affected"])
