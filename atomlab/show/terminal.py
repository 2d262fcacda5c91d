"""What the commands print for people: one screen, and escaped whatever a database holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from atomlab.files import whole_files
from atomlab.show.palette import TERMINAL, terminal_colour
from atomlab.text import count, listed, printable

if TYPE_CHECKING:  # each command loads what it needs, and no more
    from atomlab.diagnosis.fixes import Fix
    from atomlab.diagnosis.lint import Lint
    from atomlab.diagnosis.verify import Verification
    from atomlab.diagnosis.why import Why
    from atomlab.evidence.inputs.rules import Rules
    from atomlab.evidence.snapshot import Snapshot

_SEVERITIES = {"error": "bad", "warning": "open", "info": "plain"}  # their tones


def print_capture(snapshot: Snapshot) -> None:
    """Print what a capture wrote, and on stderr what it had to take on trust."""
    manifest, out = snapshot.manifest, Console()
    rows = {name: digest["rows"] for name, digest in manifest["tables"].items()}
    inputs = manifest["inputs"]
    redacted = [count(rows["tenant_settings"], "key setting")]
    if inputs["environment"] == "given":
        redacted.append(count(rows["environment"], "variable"))
    if inputs["stored keys"] == "given":
        redacted.append(count(rows["stored_keys"], "stored key"))
    captured = (
        count(rows["tenants"], "tenant"),
        f"{', '.join(redacted)} redacted",
        count(rows["pricing"], "model"),
    )
    what = f"{', '.join(captured)}; every decision is the same as on the source"
    print_line(out, f"{printable(snapshot.path, 4096)}: {what}")
    print_line(out, f"sha256 {snapshot.sha256}")
    from atomlab.byok.platform import load_platform

    platform = load_platform(snapshot.session)
    warnings = platform.pricing.warnings()
    if manifest["pricing"] is None:
        warnings = ["no --pricing given: the snapshot cannot say which models are available"]
    elif not rows["pricing"]:
        warnings = ["the pricing cache is empty"]
    remarks = manifest["source"]["remarks"]
    print_warnings([*_about_keys(inputs, platform.rules), *remarks, *warnings])


def _about_keys(inputs: Mapping[str, str], rules: Rules) -> list[str]:
    """Return that what these rules read keys from was not given, or that what was is not read."""
    if rules.keys_from == "environment" and inputs["environment"] == "absent":
        but = " but by a stored key" if inputs["stored keys"] == "given" else ""
        why = f"these rules read keys from the worker's environment, so no client can be known{but}"
        todo = "give what env prints in the worker, or its /proc/PID/environ"
        return [f"no --env given: {why}; {todo}"]
    options = {"--env": "environment", "--keys": "stored keys"}
    given = [option for option, name in options.items() if inputs[name] == "given"]
    if rules.keys_from == "settings" and given:
        return [f"{' and '.join(given)} given, but these rules read keys from tenant_settings"]
    return []


def print_verification(verification: Verification, snapshot: str, mode: str = "") -> None:
    """Print the verdict on each claim, then the one on the hypothesis."""
    out = Console()
    table = columns("", "claim", "verdict", "observed")
    for claim in verification.claims:
        table.add_row(
            Text(printable(claim.id)),
            Text(printable(claim.statement, 200)),
            Text(claim.verdict, f"bold {terminal_colour(claim.verdict)}"),
            Text(printable(claim.observed, 200)),
        )
    who = f"tenant {printable(verification.tenant)}" + (f", requests {mode}" if mode else "")
    title = printable(verification.title)
    print_line(out, f"{title}, {who}, on snapshot {printable(snapshot)}", "bold")
    out.print(table)
    colour = terminal_colour(verification.verdict)
    print_line(out, f"verdict: {verification.verdict}", f"bold {colour}")


def print_fix(fix: Fix, mode: str, out: Path | None = None, *, overwrite: bool = False) -> None:
    """Print the fix as SQL, its rollback commented out below, or write both; say what it does.

    What is said goes to stderr, so that stdout is the script and nothing else. Raises
    SnapshotError if a file cannot be written, or is there and `overwrite` is false.
    """
    served = [f"for requests that are {mode}"] if mode else []
    print_warnings([printable(words, 600) for words in (*served, *fix.sentences)], label="fix")
    if fix.status != "sql":
        if out and out.exists():
            print_warnings([f"{printable(out, 4096)} is an earlier script, not of this fix"])
        return
    if out is None:
        undo = "\n".join(f"-- {line}" for line in fix.rollback.splitlines())
        print(f"{fix.sql}\n-- To undo it, run the following without the leading dashes.\n{undo}")  # noqa: T201
        return
    # The rollback first: no script is there without it.
    scripts = {rollback_of(out): fix.rollback, out: fix.sql}
    with whole_files(dict.fromkeys(scripts, overwrite)) as streams:
        for stream, script in zip(streams, scripts.values(), strict=True):
            stream.write(script.encode())
    for path in scripts:
        print_line(Console(), f"wrote {printable(path, 4096)}")


def rollback_of(script: Path) -> Path:
    """Return where the rollback of a script stands: `fix.rollback.sql` beside `fix.sql`."""
    return script.with_name(f"{script.stem}.rollback{script.suffix or '.sql'}")


def print_why(answer: Why) -> None:
    """Print an answer in at most ten lines."""
    out = Console()
    for label, text in answer.lines():
        shown = printable(text, 4096)
        if label:
            print_line(out, Text().append(f"{label:10}", "dim").append(shown))
        else:
            print_line(out, shown, f"bold {terminal_colour(answer.status)}")


@contextmanager
def log_progress() -> Iterator[Callable[[int, int], None]]:
    """Yield what draws a bar of the bytes that were read on stderr, if that is a terminal."""
    from rich.progress import Progress

    console = Console(stderr=True)
    bars = Progress(console=console, transient=True, disable=not console.is_terminal)
    task = bars.add_task("log", total=None)
    with bars:
        yield lambda done, total: bars.update(task, completed=done, total=total or None)


def print_lint(lint: Lint, snapshot: str) -> None:
    """Print the findings, one row per code: its subjects, most tenants touched first."""
    from atomlab.diagnosis.lint import CODES

    out = Console()
    captured = f"captured {lint.captured_at}, rules {printable(lint.rules)}"
    print_line(out, f"snapshot {printable(snapshot)}, {captured}", "dim")
    table = columns("", "code", "subjects (tenants touched)")
    table.columns[1].no_wrap = True
    for code in dict.fromkeys(finding.code for finding in lint.findings):
        alike = sorted((f for f in lint.findings if f.code == code), key=lambda f: -f.tenants)
        severity, meaning = CODES[code]
        subjects = listed((f"{f.subject} ({f.tenants:,})" for f in alike), 6)
        why = f"; {alike[0].why}" if len(alike) == 1 else ""
        cell = Text(f"{meaning}: {subjects}{why}")
        table.add_row(Text(severity, TERMINAL[_SEVERITIES[severity]]), Text(code), cell)
    if lint.findings:
        out.print(table)
    print_line(out, f"{count(len(lint.findings), 'finding')}; --json has the values behind each")


def columns(*names: str) -> Table:
    """Return an empty table with these columns, whose cells are folded rather than cut."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in names:
        table.add_column(name, overflow="fold")
    return table


def print_line(console: Console, line: str | Text, style: str = "") -> None:
    """Print one line, however long, without wrapping it."""
    console.print(Text(line, style) if isinstance(line, str) else line, soft_wrap=True)


def print_warnings(warnings: Sequence[str], label: str = "warning") -> None:
    """Print each warning on stderr."""
    for warning in warnings:
        print_line(Console(stderr=True), f"{label}: {warning}", TERMINAL["open"])
