"""The command line: parse, call, print; nothing else.

Exit codes: 0 done (all confirmed, healthy, fixed); 1 could not look; 2 usage; 3 refuted, affected
or not fixed; 4 inconclusive or undecided.
"""

from __future__ import annotations

import gc
import io
import json
import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from atomlab.errors import AtomlabError, Ended, InputError, ReportError
from atomlab.process import INTERRUPTED, need
from atomlab.text import count, is_address, printable, without_password
from atomlab.verdicts import EXIT_CODES

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
custody = typer.Typer(help="Where a snapshot came from, and whether it is still what it was.")
app.add_typer(custody, name="snapshot")
DAY_S = 86_400
REPORT_MB = 1024  # of address space: its kernel, a process of its own, takes most of them


def _harmless(value: Any) -> Any:
    """Return the value of an option that is recorded or names a file to write: no URL."""
    for text in map(str, value if isinstance(value, list) else [value]):
        if is_address(text):
            raise typer.BadParameter("a URL or a key belongs in no option")
    return value


def _named(value: str | None) -> str | None:
    if value == "":  # of a variable that is not set, say: something was meant to be given
        raise typer.BadParameter("is empty")
    return value


def _seconds(value: float) -> float:
    if value != value:  # nan is within every range
        raise typer.BadParameter("give a number of seconds")
    return value


Snapshot = Annotated[str, typer.Argument(help="A snapshot file, as made by capture.")]
Tenant = Annotated[str, typer.Option(help="The tenant's id, subdomain or exact name.")]
Hypothesis = Annotated[
    str | None, typer.Option(help="The claims to test (.yaml).", callback=_named)
]
Managed = Annotated[
    bool | None,
    typer.Option(
        "--managed/--byok",
        help="Served with ATOM's keys, or with the tenant's. Default: as its ai_mode says.",
    ),
]
Complexity = Literal["simple", "moderate", "complex", "advanced"]
SqlDialect = Literal["postgresql", "sqlite"]
ReportFormat = Literal["html", "pdf"]
DocumentFormat = Literal["md", "html", "docx", "pdf"]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document, nothing else.")]


@app.callback(
    invoke_without_command=True,
    help=(
        'Proves why a tenant of ATOM gets "No models available from dynamic pricing". '
        "Exit codes: 0 done, all confirmed, healthy, fixed; 1 could not look; 2 usage; 3 refuted, "
        "affected or not fixed; 4 inconclusive or undecided."
    ),
)
def start(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Print the version; without a command there is nothing else to do."""
    if version:
        from importlib.metadata import version as version_of

        typer.echo(f"atomlab {version_of('atomlab')}")
    elif context.invoked_subcommand is None:
        raise typer.TyperException("No command given.")


@app.command()
def capture(
    source: Annotated[
        str,
        typer.Argument(help="ATOM's database: a PostgreSQL URL, an SQLite file, or env:NAME."),
    ],
    out: Annotated[str, typer.Option(help="The snapshot to write.", callback=_harmless)],
    tenant: Annotated[list[str] | None, typer.Option(help="Only this tenant; repeatable.")] = None,
    pricing: Annotated[str | None, typer.Option(help="Pricing cache (.json, .json.gz).")] = None,
    providers: Annotated[str | None, typer.Option(help="byok_config.json.")] = None,
    catalog: Annotated[str | None, typer.Option(help="Model catalogue (.json).")] = None,
    env: Annotated[
        str | None, typer.Option(help="The worker's environment, as env prints it.")
    ] = None,
    keys: Annotated[str | None, typer.Option(help="byok_keys.json.")] = None,
    rules: Annotated[str, typer.Option(help="An edition's name, or a file.")] = "hosted-2026-05",
    key_file: Annotated[
        str | None, typer.Option(help="Fingerprint key, made if absent; keep it to compare.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an existing snapshot.")
    ] = False,
    operator: Annotated[
        str | None, typer.Option(help="Who captures; recorded.", callback=_harmless)
    ] = None,
    parent: Annotated[
        str | None, typer.Option(help="An earlier snapshot of this incident; recorded.")
    ] = None,
    statement_timeout: Annotated[
        float,
        typer.Option(
            min=0.1, max=DAY_S, help="Seconds for each statement on the server.", callback=_seconds
        ),
    ] = 60,
) -> None:
    """Make a redacted snapshot of a platform database.

    The database is only read. Its password comes from PGPASSWORD, .pgpass, or a URL in the
    environment (env:NAME), rather than from the arguments, which others on the machine can see.
    """
    from atomlab.capturing.capture import capture as write_snapshot
    from atomlab.capturing.memory import close_memory
    from atomlab.show.manifest import capture_progress
    from atomlab.show.terminal import print_capture

    close_memory()  # to the end of the process: values are freed, not wiped
    with capture_progress() as progress:
        snapshot = write_snapshot(
            source,
            out,
            tenants=tenant or (),
            pricing=pricing,
            providers=providers,
            catalog=catalog,
            env=env,
            keys=keys,
            rules=rules,
            key_file=key_file,
            overwrite=overwrite,
            operator=operator,
            parent=parent,
            statement_timeout_s=statement_timeout,
            progress=progress,
        )
    with snapshot:
        print_capture(snapshot)


@custody.command()
def show(snapshot: Snapshot, as_json: AsJson = False) -> None:
    """Print a snapshot's manifest: where it came from, how, when, and what is in it."""
    from atomlab.evidence.snapshot import open_snapshot
    from atomlab.show.manifest import print_manifest

    with open_snapshot(snapshot) as evidence:
        if as_json:
            _print_json({"sha256": evidence.sha256, **evidence.manifest})
        else:
            print_manifest(evidence)


@custody.command("verify")
def verify_snapshot(snapshot: Snapshot, as_json: AsJson = False) -> None:
    """Compute a manifest's hashes and counts again; exit code 1 if one does not hold."""
    from atomlab.evidence.snapshot import open_snapshot
    from atomlab.show.manifest import print_verified

    with open_snapshot(snapshot) as evidence:
        evidence.verify()
        if as_json:
            tables = evidence.manifest["tables"]
            _print_json({"sha256": evidence.sha256, "verified": True, "tables": tables})
        else:
            print_verified(evidence)


@app.command()
def diagnose(
    snapshot: Snapshot,
    tenant: Tenant,
    complexity: Annotated[
        Complexity | None, typer.Option(help="The request's; all four if not given.")
    ] = None,
    task: Annotated[
        str | None, typer.Option(help="The request's task; recorded.", callback=_harmless)
    ] = None,
    capability: Annotated[
        str | None, typer.Option(help="A required capability.", callback=_harmless)
    ] = None,
    tools: Annotated[bool, typer.Option("--tools", help="Tools are required.")] = False,
    managed: Managed = None,
    turn: Annotated[int, typer.Option(min=0, help="Turn index of the conversation.")] = 0,
    tokens: Annotated[int, typer.Option(min=0, help="Estimated length of the prompt.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Name the causes of "no models", and prove them."""
    from atomlab.byok.request import Request
    from atomlab.diagnosis.diagnose import diagnose
    from atomlab.evidence.inputs.rules import COMPLEXITIES
    from atomlab.evidence.snapshot import open_snapshot
    from atomlab.show.argument import print_diagnosis

    requests = [
        Request(c, task, capability, tools, managed, turn, tokens)
        for c in ([complexity] if complexity else COMPLEXITIES)
    ]
    with open_snapshot(snapshot) as evidence:
        found = diagnose(evidence, tenant, requests)
        if as_json:
            _print_json(found.to_json())
        else:
            print_diagnosis(found, evidence.name)
    raise typer.Exit(EXIT_CODES[found.status])


@app.command()
def verify(
    snapshot: Snapshot,
    hypothesis: Annotated[str, typer.Argument(help="A hypothesis file (.yaml).")],
    tenant: Annotated[
        str | None,
        typer.Option(help="Whom to test it on, where it names no tenant.", callback=_named),
    ] = None,
    managed: Managed = None,
    as_json: AsJson = False,
) -> None:
    """Test every claim of a hypothesis on a snapshot."""
    from atomlab.diagnosis.hypothesis import load_hypothesis
    from atomlab.diagnosis.verify import verify
    from atomlab.evidence.snapshot import open_snapshot
    from atomlab.show.terminal import print_verification
    from atomlab.show.words import mode_of

    with open_snapshot(snapshot) as evidence:
        claims = load_hypothesis(hypothesis)
        found = verify(evidence, claims, tenant=tenant, managed=managed)
        if as_json:
            _print_json(found.to_json())
        else:
            asked = claims.request.managed if managed is None else managed
            print_verification(found, evidence.name, mode_of(found.request, asked))
    raise typer.Exit(EXIT_CODES[found.verdict])


@app.command()
def lint(snapshot: Snapshot, as_json: AsJson = False) -> None:
    """Look for what in a snapshot's registry, rules and prices breaks tenants, or waits to."""
    from atomlab.diagnosis.lint import lint
    from atomlab.evidence.snapshot import open_snapshot
    from atomlab.show.terminal import print_lint

    with open_snapshot(snapshot) as evidence:
        found = lint(evidence)
        if as_json:
            _print_json(found.to_json())
        else:
            print_lint(found, evidence.name)


@app.command()
def fix(
    snapshot: Snapshot,
    tenant: Tenant,
    complexity: Annotated[
        Complexity | None, typer.Option(help="The request to cure; all four if not given.")
    ] = None,
    managed: Managed = None,
    dialect: Annotated[SqlDialect, typer.Option(help="Of the database to fix.")] = "postgresql",
    out: Annotated[
        Path | None,
        typer.Option(help="Write the script here, its rollback beside it.", callback=_harmless),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace existing scripts.")
    ] = False,
) -> None:
    """Print the easiest fix as SQL, or in words."""
    from atomlab.byok.request import Request
    from atomlab.diagnosis.diagnose import diagnose
    from atomlab.diagnosis.fixes import plan_fix
    from atomlab.evidence.inputs.rules import COMPLEXITIES
    from atomlab.evidence.snapshot import open_snapshot
    from atomlab.files import check_writable
    from atomlab.show.terminal import print_fix, rollback_of
    from atomlab.show.words import unusual_mode

    if out is not None:
        check_writable(out, overwrite, [Path(snapshot)])
        check_writable(rollback_of(out), overwrite, [Path(snapshot)])
    requests = [Request(complexity=c) for c in ([complexity] if complexity else COMPLEXITIES)]
    with open_snapshot(snapshot) as evidence:
        found = diagnose(evidence, tenant, requests, managed=managed)
        planned = plan_fix(found, dialect)
        mode = unusual_mode(found.request_mode, found.tenant.ai_mode)
    print_fix(planned, mode, out, overwrite=overwrite)
    not_fixed = planned.status == "words" or planned.unable
    raise typer.Exit(EXIT_CODES["affected"] if not_fixed else EXIT_CODES.get(planned.status, 0))


def _help_notebook(name: str | None) -> None:
    """Print a notebook's parameters, and end there."""
    if name is None:
        return
    from atomlab.report.notebooks import find_notebook, parameters_of
    from atomlab.report.results import print_parameters

    with _as_usage():
        path = find_notebook(name)
    print_parameters(name, parameters_of(path))
    raise typer.Exit


@app.command()
def report(
    snapshot: Snapshot,
    tenant: Annotated[list[str] | None, typer.Option(help="A tenant; repeatable.")] = None,
    all_affected: Annotated[
        bool, typer.Option("--all-affected", help="Every tenant with a request without a model.")
    ] = False,
    hypothesis: Hypothesis = None,
    managed: Managed = None,
    notebook: Annotated[
        str | None,
        typer.Option(
            help="A shipped notebook, or a path (.ipynb). Default: root_cause_verification, "
            "without --hypothesis tenant_triage.",
            callback=_named,
        ),
    ] = None,
    out: Annotated[
        Path,
        typer.Option(
            help="The folder to write; for several, one each and index.html.", callback=_harmless
        ),
    ] = Path("report"),
    format: Annotated[  # noqa: A002 - the option's name
        ReportFormat, typer.Option(help="pdf: report.pdf beside report.html, without a browser.")
    ] = "html",
    parameter: Annotated[
        list[str] | None,
        typer.Option(
            *("--parameter", "-p"),
            help="Another notebook parameter, NAME=VALUE.",
            callback=_harmless,
        ),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Reports at once. Default: one per core, up to 4.")
    ] = None,
    timeout: Annotated[
        float,
        typer.Option(min=1, max=DAY_S, help="Seconds for each report in all.", callback=_seconds),
    ] = 300,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files there that no report wrote.")
    ] = False,
    help_notebook: Annotated[  # noqa: ARG001 - its callback has done it
        str | None,
        typer.Option(
            metavar="NAME",
            help="List a notebook's parameters and exit.",
            is_eager=True,
            callback=_help_notebook,
        ),
    ] = None,
) -> None:
    """Run a notebook into a report, or into one for each of several tenants.

    Of several, the exit code is the worst: 1, else 3, else 4, else 0.
    """
    from atomlab.report.notebooks import parameters_of
    from atomlab.report.planning import notebook_for, want

    with _as_usage():
        path = notebook_for(notebook, hypothesis=bool(hypothesis))
    declared = parameters_of(path)
    with _as_usage():
        given = _pairs(parameter or [])
        wanted = want(
            *(snapshot, path, declared, tenant or (), all_affected, hypothesis, out, given),
            managed=managed,
            pdf=format == "pdf",
            overwrite=overwrite,
        )
    if wanted.one:
        from atomlab.report.making import make_one
        from atomlab.report.results import print_report

        with _keeping_what_ran(wanted.out):
            subject, made = make_one(wanted, timeout)
        print_report(subject, made)
        raise typer.Exit(EXIT_CODES[made.result])
    from atomlab.report.making import make_many
    from atomlab.report.results import print_index

    with _keeping_what_ran(wanted.out):
        outcomes, index = make_many(wanted, jobs, timeout)
    print_index(index)
    found = {outcome.result for outcome in outcomes}
    raise typer.Exit(next((code for result, code in EXIT_CODES.items() if result in found), 0))


@app.command()
def postmortem(
    inputs: Annotated[
        list[str],
        typer.Argument(help="Findings of reports (.json), or one edited postmortem (.md)."),
    ],
    events: Annotated[
        str | None,
        typer.Option(
            help="What only people know: times, owners, lessons (.yaml).", callback=_named
        ),
    ] = None,
    format: Annotated[  # noqa: A002 - the option's name
        DocumentFormat | None, typer.Option(help="As the file's name ends, else md.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write it here.")] = None,
    check: Annotated[
        bool, typer.Option("--check", help="List what is open; exit 3 if anything is.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an existing file.")
    ] = False,
) -> None:
    """Write a postmortem from findings, or check one that people finished."""
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


@app.command()
def lab(
    snapshot: Annotated[
        str | None,
        typer.Argument(help="A snapshot; the shipped example if none is given.", callback=_named),
    ] = None,
    tenant: Annotated[
        str | None,
        typer.Option(help="The tenant's id, subdomain or exact name.", callback=_named),
    ] = None,
    hypothesis: Hypothesis = None,
    folder: Annotated[
        Path, typer.Option(help="Where your copies are kept, a subfolder for each choice.")
    ] = Path("atomlab-notebooks"),
    port: Annotated[
        int, typer.Option(min=1024, max=65535, help="The server's; the next free one if taken.")
    ] = 8888,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open it, or only print its address.")
    ] = True,
) -> None:
    """Open JupyterLab on your own copies of the notebooks, until Ctrl-C.

    The snapshot, tenant and hypothesis are written into the parameters cell of each new copy.
    A copy that is there already is kept as you left it.
    """
    from atomlab.report.copies import choose, copy_notebooks, folder_of
    from atomlab.report.lab import print_address, print_copies, serve_lab

    need(REPORT_MB)
    choice = choose(snapshot, tenant, hypothesis)
    own = folder_of(choice, folder)
    copies = copy_notebooks(own, choice.parameters)
    print_copies(choice, copies, tenant is not None)
    serve_lab(own, port, browser=browser, announce=print_address)


def main() -> None:
    """Run the command line; an error is one line on stderr."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # whatever the terminal's encoding cannot say
        sys.stdout.reconfigure(errors="backslashreplace")
    os.umask(os.umask(0o022) | 0o022)  # what is written here is evidence: nobody else changes it
    try:
        if not _in_a_folder():
            raise InputError("the current folder is gone", todo="cd to one that is there")
        code = app(standalone_mode=False)
        if code == INTERRUPTED:  # typer has caught it
            _fail("interrupted", INTERRUPTED)
        if sys.stdout:  # none where it was closed
            sys.stdout.flush()
    except AtomlabError as error:
        code = _fail(str(error), INTERRUPTED if isinstance(error.__cause__, Ended) else 1)
    except typer.TyperException as error:
        told = error.format_message()
        if getattr(error, "ctx", None):  # typer's own, which quotes what it was given
            told = _unquoted(told)
        what = printable(without_password(told), 400).rstrip(".")
        what = what.replace("Value error, ", "")  # pydantic's, of no use here
        end = "" if what.endswith("?") else "."
        told = f"{what}{end} See --help." if what else "no command given; see --help"
        code = _fail(told, 2)
    except (KeyboardInterrupt, typer.Abort):
        code = _fail("interrupted", INTERRUPTED)
    except BrokenPipeError:
        _forget_output()  # the reader went away, as `| head` does
        code = 1
    except OSError as error:  # all others are caught where they happen
        _forget_output()
        code = _fail(f"cannot write the output ({error.strerror or error}); send it elsewhere", 1)
    gc.freeze()  # else the interpreter looks for garbage in all that was imported: 0.3 s
    raise SystemExit(code)


def _unquoted(message: str) -> str:
    """Return what is wrong with a command line, without words of it that could be a password.

    A password that a space or a shell parts stands there alone. Names of commands and options,
    and numbers, are quoted, mistyped ones too.
    """
    message = re.sub(r"(extra arguments?(\(s\))?) \(.*\)", r"\1", message, flags=re.DOTALL)
    plain = re.compile(r"-{0,2}[a-z]+([-_][a-z]+)*|-?[\d.]{1,6}|\W{,3}", re.IGNORECASE)
    words = {part for argument in sys.argv[1:] for part in (argument, *argument.split("="))}
    for word in sorted((w for w in words if not plain.fullmatch(w)), key=len, reverse=True):
        message = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", "…", message)
    return message


def _in_a_folder() -> bool:
    try:
        return Path.cwd().is_dir()
    except FileNotFoundError:
        return False


@contextmanager
def _as_usage() -> Iterator[None]:
    """Let what is wrong with the command line itself be an error of its use."""
    try:
        yield
    except InputError as error:
        raise typer.TyperException(f"{error}.") from None


@contextmanager
def _keeping_what_ran(folder: Path) -> Iterator[None]:
    """Let a request to end leave what has run so far, and say so; Ctrl-C leaves nothing."""

    def end(_number: int, _frame: object) -> None:
        raise Ended

    need(REPORT_MB)
    handlers = {signal.SIGTERM: end, signal.SIGINT: signal.default_int_handler}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    except Ended as ended:
        raise ReportError(
            "was asked to end before it was done",
            where=folder,
            todo="open notebook.partial.ipynb there or in a folder below, or make it again",
        ) from ended
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _forget_output() -> None:
    """Let what is left in the buffer of stdout go nowhere, since it cannot go where it should."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(line: str, code: int) -> int:
    print(f"atomlab: {line}", file=sys.stderr)  # noqa: T201 - the command line's own voice
    return code


def _print_json(document: dict[str, Any]) -> None:
    typer.echo(json.dumps(document, indent=2, allow_nan=False))


def _pairs(given: list[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in given]
    for _, equals, _ in pairs:
        if not equals:
            raise InputError("a --parameter has no value", todo="write NAME=VALUE")
    names = [name for name, _, _ in pairs]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise InputError(f"--parameter {twice!r} is given twice", todo="give it once")
    return {name: value for name, _, value in pairs}
