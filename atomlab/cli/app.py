"""The commands together, and what a run of any of them ends with: an exit code, and one line.

Exit codes: 0 done (all confirmed, healthy, fixed); 1 could not look; 2 usage; 3 refuted, affected
or not fixed; 4 inconclusive or undecided.
"""

from __future__ import annotations

import gc
import io
import os
import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from atomlab.cli.capture import capture
from atomlab.cli.compare import compare
from atomlab.cli.confirm import confirm
from atomlab.cli.demo import demo
from atomlab.cli.diagnose import diagnose
from atomlab.cli.fix import fix
from atomlab.cli.fleet import fleet
from atomlab.cli.lab import lab
from atomlab.cli.lint import lint
from atomlab.cli.postmortem import postmortem
from atomlab.cli.report import report
from atomlab.cli.snapshot import snapshot
from atomlab.cli.verify import verify
from atomlab.cli.what_if import what_if
from atomlab.cli.why import why
from atomlab.errors import AtomlabError, Ended, InputError
from atomlab.process import INTERRUPTED
from atomlab.text import printable, without_password

app = typer.Typer(
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (
    *(demo, capture, why, diagnose, compare, what_if, fleet, verify, lint, fix, report),
    *(postmortem, confirm, lab),
):
    app.command()(command)
app.add_typer(snapshot, name="snapshot")


@app.callback(
    invoke_without_command=True,
    help=(
        'Proves why a tenant of ATOM gets "No models available from dynamic pricing".\n\n'
        "To see it work, run atomlab demo. Exit codes: 0 done, all confirmed, healthy, fixed; 1 "
        "could not look; 2 usage; 3 refuted, affected or not fixed; 4 inconclusive or undecided."
    ),
)
def start(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Print the version, or without a command the help."""
    if version:
        from importlib.metadata import version as version_of

        typer.echo(f"atomlab {version_of('atomlab')}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main() -> None:
    """Run the command line; an error is one line on stderr."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # for what the terminal's encoding lacks
        sys.stdout.reconfigure(errors="backslashreplace")
    os.umask(os.umask(0o022) | 0o022)  # what is written here is evidence: nobody else changes it
    try:
        code = _run()
    except AtomlabError as error:
        code = _fail(str(error), INTERRUPTED if isinstance(error.__cause__, Ended) else 1)
    except typer.TyperException as error:
        code = _fail(_usage(error), 2)
    except (KeyboardInterrupt, typer.Abort):
        code = _fail("interrupted", INTERRUPTED)
    except BrokenPipeError:
        _forget_output()  # the reader went away, as `| head` does
        code = 1
    except OSError as error:  # all others are caught where they happen
        _forget_output()
        what = printable(error.filename, 4096) if error.filename else "the output"
        code = _fail(f"cannot write {what} ({error.strerror or error}); send it elsewhere", 1)
    gc.freeze()  # else the interpreter looks for garbage in all that was imported: 0.3 s
    raise SystemExit(code)


def _run() -> int:
    try:
        Path.cwd()
    except FileNotFoundError:
        raise InputError("the current folder is gone", todo="cd to one that is there") from None
    code: int = app(prog_name="atomlab", standalone_mode=False)
    if code == INTERRUPTED:  # typer has caught it
        raise KeyboardInterrupt
    if sys.stdout:  # none where it was closed
        sys.stdout.flush()
    return code


def _usage(error: typer.TyperException) -> str:
    """Return what is wrong with a command line, without what may be a password."""
    message = error.format_message()
    if getattr(error, "ctx", None):  # typer's own, which quotes its arguments
        message = _unquoted(message)
    what = printable(without_password(message), 400).rstrip(".")
    what = what.replace("Value error, ", "")  # pydantic's, of no use here
    return f"{what}{'' if what.endswith('?') else '.'} See --help."


def _unquoted(message: str) -> str:
    """Return the message without words of the command line that could be a password.

    A password that a space or a shell splits stands there by itself. Names of commands and options,
    and numbers, are quoted, mistyped ones too.
    """
    message = re.sub(r"(extra arguments?(\(s\))?) \(.*\)", r"\1", message, flags=re.DOTALL)
    plain = re.compile(r"-{0,2}[a-z]+([-_][a-z]+)*|-?[\d.]{1,6}|\W{,3}", re.IGNORECASE)
    words = {part for argument in sys.argv[1:] for part in (argument, *argument.split("="))}
    for word in sorted((w for w in words if not plain.fullmatch(w)), key=len, reverse=True):
        message = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", "…", message)
    return message


def _forget_output() -> None:
    """Let what is left in the buffer of stdout go nowhere, since it cannot go where it should."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(line: str, code: int) -> int:
    print(f"atomlab: {line}", file=sys.stderr)  # noqa: T201 - the command line's own voice
    return code
