"""`atomlab diagnose`."""

from __future__ import annotations

from typing import Annotated

import typer
from typer import Option

from atomlab.cli.options import AsJson, Complexity, Managed, Snapshot, Tenant, harmless, print_json
from atomlab.verdicts import EXIT_CODES


def diagnose(
    snapshot: Snapshot,
    tenant: Tenant,
    complexity: Annotated[
        Complexity | None, Option(help="The request's; all four if not given.")
    ] = None,
    task: Annotated[
        str | None, Option(help="The request's task; recorded.", callback=harmless)
    ] = None,
    capability: Annotated[
        str | None, Option(help="A required capability.", callback=harmless)
    ] = None,
    tools: Annotated[bool, Option("--tools", help="Tools are required.")] = False,
    managed: Managed = None,
    turn: Annotated[int, Option(min=0, help="Turn index of the conversation.")] = 0,
    tokens: Annotated[int, Option(min=0, help="Estimated length of the prompt.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Name the causes of "no models", and prove them."""
    from atomlab.byok.request import Request
    from atomlab.diagnosis.diagnose import diagnose
    from atomlab.evidence.inputs.rules import COMPLEXITIES
    from atomlab.evidence.snapshot import open_snapshot
    from atomlab.show.argument import print_diagnosis

    requests = [
        Request(each, task, capability, tools, managed, turn, tokens)
        for each in ([complexity] if complexity else COMPLEXITIES)
    ]
    with open_snapshot(snapshot) as evidence:
        found = diagnose(evidence, tenant, requests)
        if as_json:
            print_json(found.to_json())
        else:
            print_diagnosis(found, evidence.name)
    raise typer.Exit(EXIT_CODES[found.status])
