"""`atomlab diagnose`."""

from __future__ import annotations

from typing import Annotated

import typer
from typer import Option

from atomlab.cli.options import (
    AsJson,
    Complexity,
    Managed,
    Quiet,
    Snapshot,
    Tenant,
    Verbose,
    detail_of,
    harmless,
    print_json,
)
from atomlab.verdicts import EXIT_CODES

Kind = Annotated[
    Complexity | None,
    Option(help="Decide for this kind of request only. Without it, all four are tried."),
]
Task = Annotated[
    str | None,
    Option(
        metavar="TASK",
        help="The request's task. It is recorded and decides nothing.",
        callback=harmless,
    ),
]
Capability = Annotated[
    str | None,
    Option(metavar="C", help="A capability that the model must have.", callback=harmless),
]
Tools = Annotated[bool, Option("--tools", help="The model must be able to use tools.")]
Turn = Annotated[
    int,
    Option(min=0, metavar="N", help="How many turns the conversation has had before this request."),
]
Tokens = Annotated[
    int, Option(min=0, metavar="N", help="The estimated length of the prompt, in tokens.")
]


def diagnose(
    snapshot: Snapshot,
    tenant: Tenant,
    complexity: Kind = None,
    task: Task = None,
    capability: Capability = None,
    tools: Tools = False,
    managed: Managed = None,
    turn: Turn = 0,
    tokens: Tokens = 0,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Find out why a tenant gets no model, and prove it.

    The evidence comes first; the last lines are the answer in plain words.
    """
    from atomlab.byok.request import Request
    from atomlab.diagnosis.diagnose import diagnose
    from atomlab.evidence.inputs.rules import COMPLEXITIES
    from atomlab.evidence.snapshot import open_snapshot
    from atomlab.show.argument import print_diagnosis

    detail = detail_of(verbose, quiet)
    requests = [
        Request(each, task, capability, tools, managed, turn, tokens)
        for each in ([complexity] if complexity else COMPLEXITIES)
    ]
    with open_snapshot(snapshot) as evidence:
        found = diagnose(evidence, tenant, requests)
        if as_json:
            print_json(found.to_json())
        else:
            print_diagnosis(found, evidence.name, detail)
    raise typer.Exit(EXIT_CODES[found.status])
