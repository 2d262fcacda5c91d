"""`atomlab what-if`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import BadParameter, Option

from atomlab.cli.options import (
    AsJson,
    Complexity,
    Managed,
    Quiet,
    Snapshot,
    at_most,
    harmless,
    kinds_of,
    not_empty,
    print_json,
)
from atomlab.verdicts import EXIT_CODES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from atomlab.evidence.steps import StepKind

    Step = tuple[StepKind, str, str]


def _change(metavar: str, help: str) -> Any:  # noqa: A002 - as typer calls it
    return Option(metavar=metavar, help=help, callback=harmless)


Tenant = Annotated[
    str | None,
    Option(metavar="T", help="The tenant: its id, its subdomain or its exact name. Else all."),
]
Rules = Annotated[
    str | None,
    Option(
        metavar="NAME|FILE",
        help="Decide by other rules: an edition, or a file.",
        callback=not_empty,
    ),
]
WithoutModels = Annotated[
    list[str] | None,
    _change("GLOB", "Take out the models whose id fits, such as 'minimax/*'. May be repeated."),
]
Plan = Annotated[
    str | None,
    Option(metavar="P", help="Put the tenant, or all, on another plan.", callback=not_empty),
]
CopyKey = Annotated[
    list[str] | None,
    _change("TO=FROM", "Give the setting TO the value of the setting FROM. May be repeated."),
]
RemoveKey = Annotated[
    list[str] | None, _change("P", "Remove the key of this provider. May be repeated.")
]
AddKey = Annotated[list[str] | None, _change("P", "Add a key of this provider. May be repeated.")]
Kind = Annotated[
    Complexity | None,
    Option(help="Decide for this kind of request only. Without it, all four are tried."),
]
Limit = Annotated[int, at_most("List this many of the tenants that flip.")]


def what_if(
    snapshot: Snapshot,
    tenant: Tenant = None,
    rules: Rules = None,
    without_models: WithoutModels = None,
    plan: Plan = None,
    copy_key: CopyKey = None,
    remove_key: RemoveKey = None,
    add_key: AddKey = None,
    complexity: Kind = None,
    managed: Managed = None,
    limit: Limit = 10,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Decide with changes made in memory, and say what flips.

    Changes are made in the order in which they stand here, of one tenant or of all. Nothing
    reaches the snapshot. The last lines are the answer in plain words.
    """
    from atomlab.byok.request import Request
    from atomlab.diagnosis.what_if import WhatIf
    from atomlab.evidence.snapshot import open_snapshot
    from atomlab.fleets.what_if import what_if
    from atomlab.show.what_if import print_what_if

    if tenant is None and copy_key:
        raise BadParameter("goes with --tenant only.", param_hint="--copy-key")
    steps = [
        *_steps("rules", [rules] if rules else None),
        *_steps("without-models", without_models),
        *_steps("plan", [plan] if plan else None),
        *_copies(copy_key or []),
        *_steps("remove-key", remove_key),
        *_steps("add-key", add_key),
    ]
    if not steps:
        raise BadParameter("give a change, such as --add-key openai.", param_hint="what-if")
    requests = [Request(complexity=each) for each in kinds_of(complexity)]
    with open_snapshot(snapshot) as evidence:
        found = what_if(evidence, tenant, requests, managed=managed)
        for step in steps:
            found = found.step(*step)
        if as_json:
            print_json(found.to_json() if isinstance(found, WhatIf) else found.to_json(limit))
        else:
            print_what_if(found, evidence.name, limit, "quiet" if quiet else "usual")
    raise typer.Exit(EXIT_CODES[found.status])


def _steps(kind: StepKind, names: Sequence[str] | None) -> list[Step]:
    return [(kind, name, "") for name in names or ()]


def _copies(spelled: Sequence[str]) -> list[Step]:
    parts = [text.partition("=") for text in spelled]
    if not all(to and held for to, _, held in parts):
        raise BadParameter("has to name two settings, TO=FROM.", param_hint="--copy-key")
    return [("copy-key", to, held) for to, _, held in parts]
