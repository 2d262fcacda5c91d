"""What several commands have in common: options, their checks, and how JSON is printed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import typer
from typer import Argument, BadParameter, Option

from atomlab.errors import InputError
from atomlab.text import is_address

if TYPE_CHECKING:
    from atomlab.show.terminal import Detail

Check = Callable[[Any], Any]
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


def at_most(help: str) -> Any:  # noqa: A002 - as typer calls it
    """Return the declaration of an option that says how many to list: no more than can be."""
    return Option(min=0, max=sys.maxsize, metavar="N", help=help)


def file(help: str, check: Check | None = None) -> Any:  # noqa: A002 - as typer calls it
    """Return the declaration of an option that names a file."""
    return Option(metavar="FILE", help=help, callback=check)


def overwrite(what: str) -> Any:
    """Return the declaration of the option that lets these files be replaced."""
    return Option("--overwrite", help=f"Replace {what}.")


Snapshot = Annotated[
    str, Argument(metavar="SNAPSHOT", help="The snapshot file, as atomlab capture made it.")
]
Tenant = Annotated[
    str, Option(metavar="T", help="The tenant: its id, its subdomain or its exact name.")
]
Hypothesis = Annotated[str | None, file("A file with the claims to test (.yaml).", not_empty)]
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
LogShapes = Annotated[str | None, file("A site's own shapes of log lines (.yaml).", not_empty)]
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


def kinds_of(complexity: Complexity | None) -> Sequence[Complexity]:
    """Return the kind of request that was asked about, or all four."""
    return [complexity] if complexity else get_args(Complexity)


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
