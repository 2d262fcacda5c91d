"""What the commands print for people: one screen, and escaped whatever a database holds."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from atomlab.files import whole_files
from atomlab.show.palette import TERMINAL, terminal_colour
from atomlab.text import count, listed, printable

if TYPE_CHECKING:  # each command loads what it needs, and no more
    from rich.progress import TaskID

    from atomlab.diagnosis.fixes import Fix
    from atomlab.diagnosis.lint import Lint, Severity
    from atomlab.diagnosis.verify import Verification
    from atomlab.diagnosis.why import Why
    from atomlab.evidence.inputs.rules import Rules
    from atomlab.evidence.snapshot import Snapshot

# How much a command prints: the answer alone, all that fits a screen, or every detail.
Detail = Literal["quiet", "usual", "verbose"]
_SEVERITIES = {"error": "bad", "warning": "open", "info": "plain"}  # their tones
_NOUNS: dict[Severity, str] = {"error": "error", "warning": "warning", "info": "remark"}
_WHOLE = 100_000  # columns: where no terminal shows it, a line is never folded


def print_capture(snapshots: Sequence[Snapshot], out: str, detail: Detail = "usual") -> None:
    """Print on stderr what a capture had to take on trust, then what it wrote: one, or shards."""
    first, printed = snapshots[0], console()
    if detail != "quiet":
        _print_capture_warnings(first, detail)
    is_whole = "shard" not in first.manifest
    for snapshot in snapshots if detail != "quiet" else ():
        of = "" if is_whole else f"  {printable(snapshot.path.name)}"
        print_line(printed, f"sha256 {snapshot.sha256}{of}")
    inputs, tables = first.manifest["inputs"], [each.manifest["tables"] for each in snapshots]
    rows = {name: digest["rows"] for name, digest in tables[0].items()}
    for name in ("tenants", "tenant_settings"):
        rows[name] = sum(table[name]["rows"] for table in tables)
    redacted = [count(rows["tenant_settings"], "key setting")]
    if inputs["environment"] == "given":
        redacted.append(count(rows["environment"], "variable"))
    if inputs["stored keys"] == "given" and is_whole:  # else some are in every shard
        redacted.append(count(rows["stored_keys"], "stored key"))
    captured = (
        *(() if is_whole else [count(len(snapshots), "shard")]),
        count(rows["tenants"], "tenant"),
        f"{', '.join(redacted)} redacted",
        count(rows["pricing"], "model"),
    )
    what = f"{', '.join(captured)}; every decision is the same as on the source"
    print_line(printed, f"{printable(first.path if is_whole else out, 4096)}: {what}")


def _print_capture_warnings(snapshot: Snapshot, detail: Detail) -> None:
    from atomlab.byok.platform import load_platform

    manifest, platform = snapshot.manifest, load_platform(snapshot.session)
    warnings = [*_about_keys(manifest["inputs"], platform.rules), *manifest["source"]["remarks"]]
    if manifest["pricing"] is None:
        warnings.append("no --pricing given: the snapshot cannot say which models are available")
    elif not manifest["tables"]["pricing"]["rows"]:
        warnings.append("the pricing cache is empty")
    else:
        age = manifest["pricing"]["age_hours"]
        if age is not None and age > 24:  # source: docs/platform.md, prices
            days = f"{age:,.0f} hours old at the capture, and the platform takes them for 24"
            warnings.append(f"the prices were {days}: give the worker's own file")
        print_price_warnings(platform.pricing.warnings(), detail, "atomlab diagnose -v")
    print_warnings(warnings)


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


def print_verification(
    verification: Verification, snapshot: str, mode: str = "", detail: Detail = "usual"
) -> None:
    """Print the verdict on each claim, its evidence if `detail` asks, last that on all of them."""
    out = console()
    if detail != "quiet":
        _print_claims(out, verification, snapshot, mode)
    if detail == "verbose":
        for claim in verification.claims:
            for words in (f"expected: {claim.expected}", *claim.evidence):
                print_line(out, f"{printable(claim.id)}: {printable(words, 400)}", "dim")
    colour = terminal_colour(verification.verdict)
    print_line(out, f"verdict: {verification.verdict}", f"bold {colour}")


def _print_claims(out: Console, verification: Verification, snapshot: str, mode: str) -> None:
    table = columns("", "claim", "verdict", "observed")
    table.columns[3].max_width = out.width // 3  # claims are longer
    for claim in verification.claims:
        table.add_row(
            Text(printable(claim.id)),
            Text(printable(claim.statement, 200)),
            Text(claim.verdict, f"bold {terminal_colour(claim.verdict)}"),
            Text(printable(claim.observed, 200)),
        )
    who = f"tenant {printable(verification.tenant)}" + (f", requests {mode}" if mode else "")
    title = printable(verification.title)
    print_text(out, Text(f"{title}, {who}, on snapshot {printable(snapshot)}", "bold"))
    print_table(out, table)


def print_fix(fix: Fix, mode: str, out: Path | None = None, *, overwrite: bool = False) -> None:
    """Print the fix as SQL, its rollback commented out below, or write both; say what it does.

    What is said goes to stderr, so that stdout is the script and nothing else, and comes last.
    Raises SnapshotError if a file cannot be written, or is there and `overwrite` is false.
    """
    if fix.status != "sql":
        if out and out.exists():
            print_warnings([f"{printable(out, 4096)} is an earlier script, not of this fix"])
    elif out is None:
        from atomlab.diagnosis.sql import with_rollback

        print(with_rollback(fix.sql, fix.rollback), end="", flush=True)  # noqa: T201
    else:
        # The rollback first: no script is there without it.
        scripts = {rollback_of(out): fix.rollback, out: fix.sql}
        with whole_files(dict.fromkeys(scripts, overwrite)) as streams:
            for stream, script in zip(streams, scripts.values(), strict=True):
                stream.write(script.encode())
        for path in scripts:
            print_line(console(), f"wrote {printable(path, 4096)}")
    served = [f"for requests that are {mode}"] if mode else []
    print_warnings([printable(words, 600) for words in (*served, *fix.sentences)], label="fix")


def rollback_of(script: Path) -> Path:
    """Return where the rollback of a script stands: `fix.rollback.sql` beside `fix.sql`."""
    return script.with_name(f"{script.stem}.rollback{script.suffix or '.sql'}")


def print_why(answer: Why) -> None:
    """Print an answer in at most ten lines."""
    out = console()
    for label, text in answer.lines():
        shown = printable(text, 4096)
        if label:
            print_text(out, Text().append(f"{label:13}", "dim").append(shown))
        else:
            print_line(out, shown, f"bold {terminal_colour(answer.status)}")


@contextmanager
def progress_bars(unit: str = "") -> Iterator[Callable[[str, int, int], None]]:
    """Yield what draws how much is done of each thing, by its name, on stderr if a terminal.

    Of a `unit`, also how many of them a second.
    """
    from rich.progress import Progress, ProgressColumn, Task

    class Speed(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.speed:,.0f} {unit}/s" if task.speed else "", "dim")

    errors, shown = console(stderr=True), [*Progress.get_default_columns()]
    shown += [Speed()] if unit else []
    drawn = Progress(*shown, console=errors, transient=True, disable=not errors.is_terminal)
    tasks: dict[str, TaskID] = {}

    def advance(name: str, done: int, total: int) -> None:
        drawn.start()  # not before: a process with the thread that draws cannot be forked
        if name not in tasks:
            tasks[name] = drawn.add_task(name, total=None)
        drawn.update(tasks[name], completed=done, total=total or None)

    try:
        yield advance
    finally:
        drawn.stop()


def print_lint(lint: Lint, snapshot: str, detail: Detail = "usual") -> None:
    """Print the findings, one row per code: its subjects, most tenants touched first.

    Where `detail` asks for it, a row per finding, with the reason; last how many there are.
    """
    out = console()
    if detail != "quiet":
        captured = f"captured {lint.captured_at}, rules {printable(lint.rules)}"
        print_line(out, f"snapshot {printable(snapshot)}, {captured}", "dim")
    if lint.findings and detail != "quiet":
        print_table(out, _lint_rows(lint, each=detail == "verbose"))
    numbers = Counter(finding.severity for finding in lint.findings)
    kinds = [count(numbers[name], noun) for name, noun in _NOUNS.items() if numbers[name]]
    more = "; -v lists each" if kinds and detail == "usual" else ""
    found = f"{count(len(lint.findings), 'finding')}{': ' if kinds else ''}{', '.join(kinds)}"
    print_line(out, found + more, "bold")


def _lint_rows(lint: Lint, *, each: bool) -> Table:
    from atomlab.diagnosis.lint import CODES

    table = columns("", "code", "subjects (tenants touched)")
    table.columns[1].no_wrap = True
    for code in dict.fromkeys(finding.code for finding in lint.findings):
        alike = sorted((f for f in lint.findings if f.code == code), key=lambda f: -f.tenants)
        severity, meaning = CODES[code]
        for some in [[finding] for finding in alike] if each else [alike]:
            subjects = listed((f"{f.subject} ({f.tenants:,})" for f in some), 6)
            why = f"; {some[0].why}" if len(some) == 1 else ""
            cell = Text(f"{meaning}: {subjects}{why}")
            table.add_row(Text(severity, TERMINAL[_SEVERITIES[severity]]), Text(code), cell)
    return table


def console(*, stderr: bool = False) -> Console:
    """Return what prints on stdout or stderr, of a terminal's width or, to a pipe, of any.

    A pipe that is to have colours (FORCE_COLOR) is a terminal where COLUMNS says how wide.
    """
    out = Console(stderr=stderr)
    if not (out.file.isatty() or (out.is_terminal and os.environ.get("COLUMNS"))):
        out.width = _WHOLE
    return out


def folds(out: Console) -> bool:
    """Return whether what is printed is folded, to the width of a terminal."""
    return out.width < _WHOLE


def columns(*names: str) -> Table:
    """Return an empty table with these columns, whose cells are folded rather than cut."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in names:
        table.add_column(name, overflow="fold")
    return table


def print_table(out: Console, table: Table) -> None:
    """Print a table: folded into a terminal, one line a row to a pipe; no line ends in spaces."""
    with out.capture() as captured:
        out.print(table)
    for line in captured.get().split("\n")[:-1]:
        out.file.write(f"{line.rstrip()}\n")
    out.file.flush()


def print_line(out: Console, line: str, style: str = "") -> None:
    """Print one line, however long, without wrapping it: paths and hashes can be copied."""
    out.print(Text(line, style), soft_wrap=True)


def print_text(out: Console, text: Text) -> None:
    """Print a text: a terminal gets it folded between words, a pipe in one line."""
    out.print(text, soft_wrap=not folds(out))


def print_warnings(warnings: Sequence[str], label: str = "warning") -> None:
    """Print each warning on stderr."""
    for warning in warnings:
        print_text(console(stderr=True), Text(f"{label}: {warning}", TERMINAL["open"]))


def print_price_warnings(warnings: Sequence[str], detail: Detail, more: str = "-v") -> None:
    """Print how many price warnings there are and what lists them; each if `detail` asks."""
    if detail == "verbose":
        print_warnings(warnings)
    elif warnings:
        them = "it" if len(warnings) == 1 else "them"
        print_warnings([f"{count(len(warnings), 'price warning')}; {more} lists {them}"])
