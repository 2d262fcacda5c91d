"""`atomlab fix`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer
from typer import Option

from atomlab.cli.options import Complexity, Managed, Snapshot, Tenant, harmless
from atomlab.verdicts import EXIT_CODES

SqlDialect = Literal["postgresql", "sqlite"]


def fix(
    snapshot: Snapshot,
    tenant: Tenant,
    complexity: Annotated[
        Complexity | None,
        Option(help="Fix this kind of request only. Without it, all four are looked at."),
    ] = None,
    managed: Managed = None,
    dialect: Annotated[
        SqlDialect, Option(help="The kind of database that the script is for.")
    ] = "postgresql",
    out: Annotated[
        Path | None,
        Option(
            metavar="FILE",
            help="Write the script to this file, its rollback beside it.",
            callback=harmless,
        ),
    ] = None,
    overwrite: Annotated[
        bool, Option("--overwrite", help="Replace scripts that are there already.")
    ] = False,
) -> None:
    """Print the easiest fix: SQL to review, or words.

    Who has to act, what the fix cures and what it leaves is said last, on stderr.
    """
    from atomlab.byok.request import Request
    from atomlab.diagnosis.answers import mode_of
    from atomlab.diagnosis.diagnose import diagnose
    from atomlab.diagnosis.fixes import plan_fix
    from atomlab.evidence.inputs.rules import COMPLEXITIES
    from atomlab.evidence.snapshot import open_snapshot
    from atomlab.files import check_writable
    from atomlab.show.terminal import print_fix, rollback_of

    if out is not None:
        check_writable(out, overwrite, [Path(snapshot)])
        check_writable(rollback_of(out), overwrite, [Path(snapshot)])
    requests = [Request(complexity=c) for c in ([complexity] if complexity else COMPLEXITIES)]
    with open_snapshot(snapshot) as evidence:
        found = diagnose(evidence, tenant, requests, managed=managed)
        planned = plan_fix(found, dialect)
        mode = mode_of(managed, found.tenant.ai_mode)
    print_fix(planned, mode, out, overwrite=overwrite)
    not_fixed = planned.status == "words" or planned.unable
    raise typer.Exit(EXIT_CODES["affected"] if not_fixed else EXIT_CODES.get(planned.status, 0))
