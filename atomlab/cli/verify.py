"""`atomlab verify`."""

from __future__ import annotations

from typing import Annotated

import typer
from typer import Argument, Option

from atomlab.cli.options import (
    AsJson,
    Managed,
    Quiet,
    Snapshot,
    Verbose,
    detail_of,
    not_empty,
    print_json,
)
from atomlab.verdicts import EXIT_CODES


def verify(
    snapshot: Snapshot,
    hypothesis: Annotated[
        str, Argument(metavar="HYPOTHESIS", help="The file with the claims (.yaml).")
    ],
    tenant: Annotated[
        str | None,
        Option(
            metavar="T",
            help="The tenant to test the claims on, where their file names none.",
            callback=not_empty,
        ),
    ] = None,
    managed: Managed = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Test each claim of a hypothesis on a snapshot.

    The last line is the verdict on all of them.
    """
    from atomlab.diagnosis.answers import mode_of
    from atomlab.diagnosis.hypothesis import load_hypothesis
    from atomlab.diagnosis.verify import verify
    from atomlab.evidence.snapshot import open_snapshot
    from atomlab.show.terminal import print_verification

    detail = detail_of(verbose, quiet)
    with open_snapshot(snapshot) as evidence:
        claims = load_hypothesis(hypothesis)
        found = verify(evidence, claims, tenant=tenant, managed=managed)
        if as_json:
            print_json(found.to_json())
        else:
            asked = claims.request.managed if managed is None else managed
            ai_mode = "managed" if found.requests[0].managed else None
            print_verification(found, evidence.name, mode_of(asked, ai_mode), detail)
    raise typer.Exit(EXIT_CODES[found.verdict])
