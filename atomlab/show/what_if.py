"""A what-if in the terminal: what was changed, each request before and after, the sentence."""

from __future__ import annotations

from itertools import islice

from rich.console import Console
from rich.table import Table
from rich.text import Text

from atomlab.diagnosis.altered import Altered
from atomlab.diagnosis.answers import mode_of
from atomlab.diagnosis.what_if import WhatIf
from atomlab.fleets.what_if import FleetWhatIf
from atomlab.show.argument import argue
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
from atomlab.text import count, printable
from atomlab.verdicts import STATUSES

_FLIPS = {"affected → healthy": "good", "healthy → affected": "bad"}  # their tones


def print_what_if(
    found: WhatIf | FleetWhatIf, snapshot: str, limit: int, detail: Detail = "usual"
) -> None:
    """Print a what-if, of all tenants with `limit` of those that flip; remarks go to stderr.

    Of `detail` quiet, the answer is all.
    """
    out = console()
    if detail != "quiet":
        if isinstance(found, WhatIf):
            _print_tenant(out, found, snapshot)
        else:
            _print_everyone(out, found, snapshot, limit)
        print_warnings([printable(remark, 400) for remark in found.remarks()], label="note")
        out.print()
    print_text(out, Text(printable(found.answer(), 2000), terminal_colour(found.status)))


def _print_tenant(out: Console, found: WhatIf, snapshot: str) -> None:
    tenant = found.before.tenant
    mode = mode_of(found.before.asked_managed, tenant.ai_mode)
    who = f"{printable(tenant.called)} ({printable(tenant.subdomain or tenant.id)})"
    served = f", requests {mode}" if mode else ""
    line = Text(f"{who}, plan {printable(tenant.plan_type)}{served}: ", "bold")
    line.append(found.before.status, f"bold {terminal_colour(found.before.status)}")
    line.append(" → ").append(found.status, f"bold {terminal_colour(found.status)}")
    print_text(out, line)
    _print_changes(out, found.altered, snapshot)
    for each in found.requests:
        tone = TERMINAL[_FLIPS[each.flip]] if each.flip in _FLIPS else ""
        argue(out, each.kind, Text(printable(each, 300), tone))


def _print_everyone(out: Console, found: FleetWhatIf, snapshot: str, limit: int) -> None:
    numbers = found.counts
    first = f"{count(numbers['tenants'], 'tenant')}: {numbers['flip']:,} would flip"
    print_text(out, Text(first, "bold"))
    _print_changes(out, found.altered, snapshot)
    print_table(out, _by_status(found))
    if rows := [*islice(found.rows(), limit)]:
        out.print()
        table = columns("tenant", "before → after", "gains a model for", "loses it for")
        for tenant, turned in rows:
            name = printable(tenant.subdomain or tenant.id, 40)
            kinds = (", ".join(these) or "–" for these in (turned.gained, turned.lost))
            cells = (name, f"{turned.before} → {turned.after}", *kinds)
            table.add_row(*map(Text, cells))
        print_table(out, table)
    if left := numbers["flip"] - len(rows):
        todo = f"--limit {numbers['flip']} lists all"
        print_line(out, f"and {count(left, 'more tenant')}; {todo}", "dim")


def _print_changes(out: Console, altered: Altered, snapshot: str) -> None:
    evidence = altered.evidence
    where = f"snapshot {printable(snapshot)}, captured {evidence.captured_at}"
    print_line(out, f"{where}, rules {printable(evidence.manifest['rules'])}", "dim")
    for made in altered.steps:
        argue(out, "change", printable(made, 300))


def _by_status(found: FleetWhatIf) -> Table:
    """Return how many tenants are in each status, as captured and with the changes."""
    table = columns("", *STATUSES)
    for column in table.columns[1:]:
        column.justify = "right"
    for side, numbers in found.by_status.items():
        table.add_row(Text(side), *(f"{numbers[status]:,}" for status in STATUSES))
    return table
