"""What several commands have in common: options, their checks, and how JSON is printed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer import Argument, BadParameter, Option

from atomlab.errors import InputError
from atomlab.text import is_address

if TYPE_CHECKING:
    from atomlab.show.terminal import Detail

REPORT_MB = 1024  # of address space: its kernel, a process of its own, takes most of them


def harmless(value: Any) -> Any:
    """Return the value of an option that is recorded or names a file to write: no URL."""
    if any(is_address(str(text)) for text in (value if isinstance(value, list) else [value])):
        raise BadParameter("a URL or a key belongs in no option")
    return value


def not_empty(value: str | None) -> str | None:
    """Return the value of an option, which is empty where a variable in it was not set."""
    if value == "":
        raise BadParameter("is empty")
    return value


Snapshot = Annotated[
    str, Argument(metavar="SNAPSHOT", help="The snapshot file, as atomlab capture made it.")
]
Tenant = Annotated[
    str, Option(metavar="T", help="The tenant: its id, its subdomain or its exact name.")
]
Hypothesis = Annotated[
    str | None,
    Option(metavar="FILE", help="A file with the claims to test (.yaml).", callback=not_empty),
]
Managed = Annotated[
    bool | None,
    Option(
        "--managed/--byok",
        help="Decide as for requests served with ATOM's keys, or with the tenant's own. Without "
        "either, the tenant's ai_mode says which.",
    ),
]
Complexity = Literal["simple", "moderate", "complex", "advanced"]
LogZone = Annotated[
    str | None,
    Option(
        metavar="ZONE",
        help="The zone of times in the log that name none: Europe/Berlin, or +02:00.",
        callback=not_empty,
    ),
]
LogShapes = Annotated[
    str | None,
    Option(metavar="FILE", help="A site's own shapes of log lines (.yaml).", callback=not_empty),
]
AsJson = Annotated[bool, Option("--json", help="Print one JSON document and nothing else.")]
Verbose = Annotated[
    bool, Option("--verbose", "-v", help="Print every detail and every warning in full.")
]
Quiet = Annotated[bool, Option("--quiet", "-q", help="Print the answer alone.")]


def detail_of(verbose: bool, quiet: bool) -> Detail:
    """Return how much to print: the answer alone, as much as fits a screen, or every detail."""
    if verbose and quiet:
        raise BadParameter("cannot go with --verbose.", param_hint="--quiet")
    return "verbose" if verbose else "quiet" if quiet else "usual"


def print_json(document: dict[str, Any]) -> None:
    """Print a document as JSON."""
    typer.echo(json.dumps(document, indent=2, allow_nan=False))


@contextmanager
def as_usage() -> Iterator[None]:
    """Let what is wrong with the command line itself be an error of its use."""
    try:
        yield
    except InputError as error:
        raise typer.TyperException(f"{error}.") from None
