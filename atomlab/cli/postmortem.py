"""`atomlab postmortem`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer
from typer import Argument, Option

from atomlab.cli.options import not_empty
from atomlab.text import count, printable
from atomlab.verdicts import EXIT_CODES

DocumentFormat = Literal["md", "html", "docx", "pdf"]


Inputs = Annotated[
    list[str],
    Argument(
        help="The findings of one or more reports (.json), or one edited postmortem (.md).",
        metavar="INPUTS",
    ),
]
Events = Annotated[
    str | None,
    Option(
        help="A file with what only people know: times, owners, lessons (.yaml).",
        metavar="FILE",
        callback=not_empty,
    ),
]
Format = Annotated[
    DocumentFormat | None,
    Option(help="The format. Without it, as the file's name ends, or else md."),
]
Out = Annotated[
    Path | None, Option(help="Write the postmortem to this file, not to stdout.", metavar="FILE")
]
Check = Annotated[
    bool,
    Option("--check", help="List what is still open. Where anything is, the exit code is 3."),
]
Overwrite = Annotated[bool, Option("--overwrite", help="Replace a file that is there already.")]


def postmortem(
    inputs: Inputs,
    events: Events = None,
    format: Format = None,  # noqa: A002 - the option's name
    out: Out = None,
    check: Check = False,
    overwrite: Overwrite = False,
) -> None:
    """Write a postmortem from findings, or check one.

    What is measured is filled in with its source; what only people know is marked TO WRITE.
    """
    from atomlab.files import check_writable, whole_files
    from atomlab.postmortem.check import problems
    from atomlab.postmortem.make import format_of, is_markdown, to_bytes, to_markdown

    try:
        wanted = format_of(out, format)
    except ValueError as error:
        raise typer.TyperException(f"--out: {error}.") from None
    if wanted in ("docx", "pdf") and out is None and not check:
        raise typer.BadParameter(f"{wanted} needs a file to go to.", param_hint="--out")
    if out is not None:
        check_writable(out, overwrite, [Path(path) for path in (*inputs, *filter(None, [events]))])
    text = to_markdown(inputs, events)
    if out is not None:
        with whole_files({out: overwrite}) as [stream]:
            stream.write(to_bytes(text, wanted))
    elif not check:
        typer.echo(to_bytes(text, wanted), nl=False)
        return
    found = problems(text)
    left = [problem for problem in found if not problem.advice]
    name = inputs[0] if is_markdown(inputs) else out if out and wanted == "md" else "draft"
    for problem in found if check else ():
        typer.echo(f"{printable(name, 300)}:{problem.line}: {problem.place}: {problem.what}")
    wrote = f"wrote {printable(out, 300)}; " if out else ""
    typer.echo(f"{wrote}{count(len(left), 'point') if left else 'nothing'} open")
    raise typer.Exit(EXIT_CODES["refuted"] if check and left else 0)
