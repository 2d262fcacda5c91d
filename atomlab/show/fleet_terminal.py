"""A fleet in the terminal: causes and kinds of request at a glance, some tenants, the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.table import Table
from rich.text import Text

from atomlab.fleets.listing import Row
from atomlab.fleets.parts import Part
from atomlab.fleets.summary import summarize_totals
from atomlab.fleets.totals import Totals
from atomlab.show.argument import argue, print_answer
from atomlab.show.palette import TERMINAL, terminal_colour
from atomlab.show.terminal import (
    Detail,
    columns,
    console,
    print_line,
    print_table,
    print_text,
    print_warnings,
)
from atomlab.text import count, listed, printable

_MOST = 8  # providers in a line


def where(parts: Sequence[Part]) -> str:
    """Return what was looked at: the snapshot, when it was captured, by which rules."""
    first, name = parts[0].snapshot, printable(parts[0].snapshot["name"])
    whole = f"snapshot {name}" if len(parts) == 1 else f"{len(parts)} shards, {name} and others"
    return f"{whole}, captured {first['captured_at']}, rules {printable(first['rules'])}"


def print_fleet(
    totals: Totals,
    rows: Sequence[Row],
    snapshot: str,
    csv: Path | None = None,
    detail: Detail = "usual",
) -> None:
    """Print how many tenants meet what, the tenants of `rows`, a line each, and the answer.

    `snapshot` says what was looked at, `csv` where all affected tenants were written. Of `detail`
    quiet, the answer is all.
    """
    answer, out = summarize_totals(totals), console()
    if detail != "quiet":
        first = Text(f"{count(totals.tenants, 'tenant')}: ", "bold")
        found = totals.by_status
        numbers = (f"{n:,} {status}" for status, n in found.items() if n or status == "affected")
        first.append(", ".join(numbers), f"bold {terminal_colour(totals.status)}")
        print_text(out, first)
        print_line(out, snapshot, "dim")
        for how, number in totals.modes.items():
            print_line(out, f"requests are {how} for {count(number, 'tenant')}", "dim")
        if totals.affected:
            print_table(out, _causes(totals))
            argue(out, "providers", _numbers(totals.by("provider"), "none in particular"))
            argue(out, "who acts", _numbers(totals.by("who"), "nobody, since no fix helped"))
            out.print()
            if rows:
                print_table(out, _tenants(rows, totals))
            _print_left_out(totals, len(rows), csv)
        print_warnings([answer.warning] if answer.warning else [])
        out.print()
    print_answer(answer)


def _causes(totals: Totals) -> Table:
    """Return one row per cause: its tenants, how many find no model by request, who is sure."""
    table = columns("cause", "tenants", *totals.kinds, "confirmed")
    for column in table.columns[1:]:
        column.justify = "right"
    confirmed = totals.confirmed_by_cause
    causes = totals.by("cause")
    for cause, number in causes.items():
        failing = totals.by_request(cause).values()
        cells = (f"{n:,}" if n else "–" for n in (number, *failing, confirmed[cause]))
        table.add_row(Text(cause), *cells)
    if len(causes) > 1:
        sums = totals.by_status["affected"], *totals.by_request().values(), confirmed.total()
        table.add_row(Text("all"), *(f"{n:,}" for n in sums), style="bold")
    return table


def _numbers(numbers: Mapping[str | None, int], nothing: str) -> str:
    """Return the names with their numbers of tenants, the most frequent first."""
    return listed((f"{name or nothing} {number:,}" for name, number in numbers.items()), _MOST)


def _tenants(rows: Sequence[Row], totals: Totals) -> Table:
    table = columns("tenant", "fails", "cause", "fix (who acts)")
    for tenant, shared in rows:
        every = len(shared.failing) == len(totals.kinds) > 1
        cause = f"{shared.cause} {shared.provider or ''}".rstrip()
        table.add_row(
            Text(printable(tenant.subdomain or tenant.id, 40)),
            Text("all" if every else ", ".join(shared.failing), TERMINAL["bad"] if every else ""),
            Text(printable(cause)),
            Text(f"{printable(shared.fix, 300)} ({shared.who})" if shared.fix else "none helped"),
        )
    return table


def _print_left_out(totals: Totals, number: int, csv: Path | None) -> None:
    """Print how many affected tenants are not in the list, and what lists them."""
    affected = totals.by_status["affected"]
    if affected > number:
        todo = "" if csv else f"; --limit {affected} lists all, --csv FILE writes them to a file"
        print_line(
            console(), f"and {count(affected - number, 'more affected tenant')}{todo}", "dim"
        )
    if csv:
        print_line(console(), f"{printable(csv, 4096)}: all {count(affected, 'affected tenant')}")
