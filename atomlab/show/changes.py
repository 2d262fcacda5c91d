"""What changed, on the terminal: the two days, what differs, what did it, the answer last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from atomlab.diagnosis.differences import in_words
from atomlab.diagnosis.what_changed import WhatChanged
from atomlab.show.change_tables import totals
from atomlab.show.palette import terminal_colour
from atomlab.show.terminal import columns, console, print_line, print_table, print_text
from atomlab.text import count, grouped, listed, printable

if TYPE_CHECKING:
    from rich.console import Console

    from atomlab.diagnosis.changed_requests import ChangedRequest
    from atomlab.fleets.flips import Flips

_MOST_FLIPS = 8


def print_changes(found: WhatChanged | Flips) -> None:
    """Print the two days and what differs, what did it of a tenant or of all, and the answer."""
    out = console()
    for name, day in (("good", found.good), ("bad", found.bad)):
        rules, where = printable(day.platform.rules.name), printable(day.snapshot.name)
        captured = f"captured {day.snapshot.captured_at}, rules {rules}"
        print_line(out, f"{name:4} {where}, {captured}", "dim")
    for name, said in totals(found).items():
        print_text(out, Text(f"{name}: {said}"))
    if isinstance(found, WhatChanged):
        _print_requests(out, found.requests)
        who = printable(found.tenant.called)
    else:
        _print_flips(out, found)
        who = f"{count(found.tenants, 'tenant')}"
    colour = terminal_colour(found.verdict)
    print_text(out, Text(f"{who}: ", "bold").append(found.verdict, f"bold {colour}"))
    print_text(out, Text(found.answer()))


def _print_requests(out: Console, requests: tuple[ChangedRequest, ...]) -> None:
    """Print each request on both days, then the sets that bring the error, and that cure it."""
    table = columns("request", "good day", "bad day", "verdict")
    for each in requests:
        words = [Text(status, terminal_colour(status)) for status in each.statuses]
        table.add_row(each.request.complexity, *words, each.verdict or "–")
    print_table(out, table)
    shown = grouped((line, each.request.complexity) for each in requests for line in _sets(each))
    for line, kinds in shown.items():
        print_text(out, Text(f"  {line}").append(f" [{', '.join(kinds)}]", "dim"))


def _sets(each: ChangedRequest) -> list[str]:
    """Return what brings and cures the error of a request, then what does only one of these."""
    brings, cures = (
        [in_words(one.differences) for one in some.sets] if some else []
        for some in (each.brings, each.cures)
    )
    both = [words for words in brings if words in cures]
    return [
        *(f"brings and cures it: {words}" for words in both),
        *(f"brings it: {words}" for words in brings if words not in both),
        *(f"cures it: {words}" for words in cures if words not in both),
    ]


def _print_flips(out: Console, found: Flips) -> None:
    table = columns("", "tenants", "differences", "requests", "for example")
    for flip in found.flips[:_MOST_FLIPS]:
        word = Text("works again", "green") if flip.back else Text("fails anew", "red")
        some = listed(flip.named, 2)
        table.add_row(word, f"{flip.tenants:,}", flip.why, ", ".join(flip.kinds), some)
    if found.flips:
        print_table(out, table)
    if (rest := len(found.flips) - _MOST_FLIPS) > 0:
        print_line(out, f"and {count(rest, 'flip')} more: --json lists them")
