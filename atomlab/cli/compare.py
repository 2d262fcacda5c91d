"""`atomlab compare`."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Annotated

import typer
from typer import Argument, Option

from atomlab.cli.options import AsJson, Complexity, Managed, not_empty, print_json
from atomlab.verdicts import EXIT_CODES

Good = Annotated[
    str, Argument(metavar="GOOD", help="A snapshot in which the requests find a model.")
]
Bad = Annotated[str, Argument(metavar="BAD", help="A snapshot in which they fail.")]
Tenant = Annotated[
    str | None,
    Option(
        metavar="T",
        help="The tenant: its id, its subdomain or its exact name. Without it, all tenants whose "
        "outcomes differ, by the difference that did it.",
        callback=not_empty,
    ),
]
Kind = Annotated[
    Complexity | None,
    Option(help="Compare this kind of request only. Without it, all four are tried."),
]


def compare(
    good: Good,
    bad: Bad,
    tenant: Tenant = None,
    complexity: Kind = None,
    managed: Managed = None,
    as_json: AsJson = False,
) -> None:
    """Say which difference between two snapshots did it.

    Exit codes: 0 shown by experiment, 3 no difference explains it, 4 inconclusive.
    """
    from atomlab.evidence.snapshot import open_snapshot
    from atomlab.fleets.flips import compare
    from atomlab.show.changes import print_changes

    with ExitStack() as stack:
        days = [stack.enter_context(open_snapshot(path)) for path in (good, bad)]
        found = compare(days[0], days[1], tenant, complexity or "", managed=managed)
        if as_json:
            print_json(found.to_json())
        else:
            print_changes(found)
    raise typer.Exit(EXIT_CODES[found.verdict])
