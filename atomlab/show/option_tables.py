"""A comparison's options side by side: what each cures, what it costs, and whom else it touches."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill

import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from atomlab.diagnosis.comparison import Comparison
from atomlab.diagnosis.options import Option
from atomlab.evidence.inputs.rules import COMPLEXITIES
from atomlab.show.pictures import BAD, GOOD, INK, LINE, STYLE, Picture
from atomlab.show.tables import Table
from atomlab.text import count, printable

_LONGEST = 280  # characters; with the count of the rest it fits into a table's cell


def options(comparison: Comparison) -> Table:
    """Return one row per option: kind and cost, what it cures, and how many others it touches."""
    rows = [
        (
            option.name,
            option.kind,
            option.cost,
            "yes" if comparison.request in option.cures else "no",
            f"{len(option.cures)} of {len(option.cures) + len(option.leaves)}",
            len(option.touched),
        )
        for option in comparison.options
    ]
    columns = ["option", "kind", "cost", f"cures {comparison.request}", "failing requests cured"]
    frame = pd.DataFrame(rows, columns=[*columns, "other tenants touched"])
    caption = f"{count(len(rows), 'option')}, each run on a scratch copy, for every tenant."
    return Table(frame, caption)


def touched(comparison: Comparison, limit: int = 3) -> Table:
    """Return one row per option that touches others: how many, and what changes for `limit`."""
    rows = [
        (option.name, len(option.touched), _changes(option, limit))
        for option in comparison.options
        if option.touched
    ]
    frame = pd.DataFrame(rows, columns=["option", "others touched", "who, and what changes first"])
    most = max((len(option.touched) for option in comparison.options), default=0)
    which = f" Up to {limit} of each are named, the others counted." if most > limit else ""
    return Table(frame, f"Whom else an option touches; another winner is a change too.{which}")


def _changes(option: Option, limit: int) -> str:
    """Return whom the option touches and how, fewer than `limit` where more would be cut."""
    named: list[str] = []
    for who, what in list(option.touched.items())[:limit]:
        told = f"{printable(who, 40)}: {printable(what)}"
        if named and len("; ".join([*named, told])) > _LONGEST:
            break
        named.append(told)
    rest = len(option.touched) - len(named)
    return "; ".join([*named, *([f"and {rest:,} more"] if rest else [])])


def by_request(comparison: Comparison) -> Picture:
    """Return which option cures which of the requests that fail, its cost, and whom it touches."""
    chosen = comparison.options
    requests = sorted({r for o in chosen for r in (*o.cures, *o.leaves)}, key=_order)
    with rc_context(STYLE):
        names = [fill(printable(option.name, 130), 36) for option in chosen]
        lines = max((name.count("\n") + 1 for name in names), default=1)
        height = 1.2 + (0.12 + 0.13 * lines) * max(len(chosen), 1)  # inches, 1.1 above the rows
        figure = Figure(figsize=(5.4, height))
        figure.subplots_adjust(left=0.4, right=0.88, top=1 - 1.1 / height, bottom=0.1 / height)
        axis = figure.subplots()
        axis.set_ylim(max(len(chosen), 1) - 0.5, -0.5)
        axis.set_xlim(-0.5, len(requests) + 1.5)
        for row, option in enumerate(chosen):
            _draw_option(axis, row, option, requests)
        axis.set_yticks(range(len(chosen)), names, fontsize=7.5)
        columns = [*requests, "cost", "others touched"]
        axis.set_xticks(
            range(len(columns)), columns, rotation=50, ha="left", rotation_mode="anchor", fontsize=8
        )
        axis.xaxis.tick_top()
        axis.tick_params(length=0)
        axis.spines[["left", "bottom"]].set_visible(False)
    told = "; ".join(
        f"{printable(o.name)}: cures {', '.join(o.cures) or 'nothing'}, costs {o.cost}, touches "
        f"{count(len(o.touched), 'other tenant')}"
        for o in chosen
    )
    return Picture(
        figure,
        "Options by request: a dot where the option cures a request that fails, a cross where it "
        "does not; then what it costs, and how many other tenants it touches.",
        f"Options by request. {told or 'There is none'}.",
    )


def _draw_option(axis: Axes, row: int, option: Option, requests: Sequence[str]) -> None:
    marks = [("●", GOOD) if request in option.cures else ("×", BAD) for request in requests]
    marks += [(f"{number:,}", INK) for number in (option.cost, len(option.touched))]
    for column, (mark, colour) in enumerate(marks):
        axis.text(column, row, mark, color=colour, ha="center", va="center")
    axis.axhline(row + 0.5, color=LINE, linewidth=0.6)


def _order(request: str) -> tuple[bool, int]:
    """Return where a request stands: without tools before with, then by complexity."""
    complexity, _, tools = request.partition(" with ")
    return bool(tools), COMPLEXITIES.index(complexity)
