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
from atomlab.display.tables import Table
from atomlab.evidence.rules import COMPLEXITIES
from atomlab.report.pictures import BAD, GOOD, INK, LINE, STYLE, Picture
from atomlab.text import count, printable


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


def touched(comparison: Comparison, limit: int = 50) -> Table:
    """Return one row per option and other tenant that it touches, `limit` of them."""
    rows = [
        (option.name, tenant, change)
        for option in comparison.options
        for tenant, change in option.touched.items()
    ]
    frame = pd.DataFrame(rows[:limit], columns=["option", "other tenant", "what changes first"])
    which = f"The first {limit:,} of {len(rows):,}: whom" if len(rows) > limit else "Whom"
    return Table(frame, f"{which} else an option touches, another winner being a change too.")


def by_request(comparison: Comparison) -> Picture:
    """Return which option cures which of the requests that fail, its cost, and whom it touches."""
    chosen = comparison.options
    requests = sorted({r for o in chosen for r in (*o.cures, *o.leaves)}, key=_order)
    with rc_context(STYLE):
        height = 1.25 + 0.38 * max(len(chosen), 1)  # inches, 1.1 of them above the rows
        figure = Figure(figsize=(8.2, height))
        figure.subplots_adjust(left=0.42, right=0.93, top=1 - 1.1 / height, bottom=0.1 / height)
        axis = figure.subplots()
        axis.set_ylim(max(len(chosen), 1) - 0.5, -0.5)
        axis.set_xlim(-0.5, len(requests) + 1.5)
        for row, option in enumerate(chosen):
            _draw_option(axis, row, option, requests)
        names = [fill(printable(option.name, 130), 52) for option in chosen]
        axis.set_yticks(range(len(chosen)), names, fontsize=7.5)
        columns = [*requests, "cost", "others touched"]
        axis.set_xticks(range(len(columns)), columns, rotation=40, ha="left", fontsize=8)
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
