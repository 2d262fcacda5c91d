"""Pictures: figures as SVG for light and dark pages; they are drawn as bars or as grids."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any

from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from atomlab.show.palette import DARK, LIGHT
from atomlab.show.templates import render
from atomlab.text import printable

_OURS: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.color": LIGHT["ink"],
    "figure.facecolor": LIGHT["paper"],
    "savefig.facecolor": LIGHT["paper"],
    "axes.facecolor": LIGHT["paper"],
    "axes.edgecolor": LIGHT["muted"],
    "xtick.color": LIGHT["ink"],
    "ytick.color": LIGHT["ink"],
    "svg.hashsalt": "atomlab",
    "text.parse_math": False,
}
# Matplotlib's own defaults first: a reader's matplotlibrc has no say in evidence.
_STYLE: list[str | dict[str, Any]] = ["default", _OURS]
_NO_METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))
_HALF, _WIDE = 4.1, 5.2  # inches; two halves fit a page, and one a phone


@dataclass(frozen=True)
class Picture:
    """A figure with its caption and its alternative text.

    `beside` is a second panel: next to the first where there is room, below it on a phone.
    """

    figure: Figure
    caption: str
    alt: str
    beside: Figure | None = None

    def svgs(self) -> list[str]:
        """Return each panel as SVG for a light page, the same text for the same data."""
        return [_svg(figure) for figure in (self.figure, self.beside) if figure is not None]

    def _repr_html_(self) -> str:
        panels = [(_data(svg), _data(darkened(svg))) for svg in self.svgs()]
        caption, alt = printable(self.caption, 600), printable(self.alt, 2000)
        return render("figure.html", panels=panels, caption=caption, alt=alt)

    def __repr__(self) -> str:
        return f"<Picture: {printable(self.alt, 2000)}>"


@dataclass(frozen=True)
class Cell:
    """What stands in a cell of a grid: text in a colour of the palette, on one of its shares."""

    text: str
    colour: str = "ink"
    shade: int = 0  # none, or one of the four shares

    @property
    def ink(self) -> str:
        """The text's colour, which can be read on the shade."""
        return LIGHT["paper" if self.shade > 2 else self.colour]


def bars(
    labels: Sequence[str],
    values: Sequence[int],
    texts: Sequence[str],
    title: str = "",
) -> Figure:
    """Return horizontal bars, as long as their values, each with its text behind it.

    Those of nothing are written in red.
    """
    with style.context(_STYLE):
        figure, axis = _canvas(_HALF, 0.45 + 0.26 * len(labels), title, len(labels))
        axis.barh(range(len(labels)), values, color=LIGHT["good"], height=0.62)
        room = 1.1 + 0.04 * max(map(len, texts), default=0)
        axis.set_xlim(0, max([*values, 1]) * room)
        axis.set_ylim(max(len(labels), 1) - 0.5, -0.5)
        for place, (value, text) in enumerate(zip(values, texts, strict=True)):
            axis.text(value, place, f" {text}", va="center", color=LIGHT["ink" if value else "bad"])
        axis.set_yticks(range(len(labels)), labels)
        axis.xaxis.set_visible(False)
        return _laid_out(figure)


def grid(
    rows: Mapping[str, str],
    columns: Sequence[str],
    cells: Mapping[tuple[str, str], Cell],
    title: str = "",
    *,
    half: bool = False,
) -> Figure:
    """Return a grid of cells, by (row, column); `rows` has each row's label.

    Of `half` the width, two fit next to each other.
    """
    names = list(rows)
    slanted = len(columns) > 5
    with style.context(_STYLE):
        height = (1.3 if slanted else 0.4) + 0.27 * max(len(rows), 1)
        figure, axis = _canvas(_HALF if half else _WIDE, height, title, len(rows))
        for (name, heading), cell in cells.items():
            row, column = names.index(name), columns.index(heading)
            if cell.shade:
                colour = LIGHT[f"share-{cell.shade}"]
                axis.fill_between([column, column + 1], row, row + 1, color=colour, linewidth=0)
            place = (column + 0.5, row + 0.5)
            text = axis.text(*place, cell.text, color=cell.ink, ha="center", va="center")
            text.set(size=9.5, weight="bold" if cell.colour == "good" else "normal")
        axis.hlines(range(len(rows) + 1), 0, len(columns), color=LIGHT["line"], linewidth=0.6)
        axis.set_xlim(0, max(len(columns), 1))
        axis.set_ylim(max(len(rows), 1), 0)
        axis.set_xticks([column + 0.5 for column in range(len(columns))], columns)
        if slanted:
            axis.tick_params(axis="x", labelrotation=50)
            for label in axis.get_xticklabels():
                label.set(ha="left", rotation_mode="anchor")
        axis.set_yticks([row + 0.5 for row in range(len(rows))], [*rows.values()])
        axis.xaxis.tick_top()
        return _laid_out(figure)


@dataclass(frozen=True)
class Series:
    """Points of one kind: their places on the time line, their heights, and their colour."""

    times: Sequence[datetime]
    heights: Sequence[float]
    colour: str


def time_line(
    series: Sequence[Series], rows: Sequence[str], marked: Mapping[str, datetime], title: str = ""
) -> Figure:
    """Return dots on a time line, a row for each name, with upright lines at marked moments."""
    with style.context(_STYLE):
        figure, axis = _canvas(_WIDE, 0.9 + 0.34 * len(rows), title, len(rows))
        for each in series:
            axis.scatter(_days(each.times), each.heights, s=14, color=LIGHT[each.colour])
        for name, moment in marked.items():
            [place] = _days([moment])
            axis.axvline(place, color=LIGHT["link"], linewidth=1)
            top = axis.get_xaxis_transform()
            axis.text(place, 1, f" {name}", transform=top, color=LIGHT["link"], va="bottom")
        axis.set_ylim(max(len(rows), 1) - 0.5, -0.5)
        axis.set_yticks(range(len(rows)), rows)
        locator = AutoDateLocator(maxticks=7)  # type: ignore[no-untyped-call]
        axis.xaxis.set_major_locator(locator)
        axis.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
        return _laid_out(figure)


def curves(lines: Mapping[str, Sequence[float]], bound: float, title: str = "") -> Figure:
    """Return lines over 0, 1, 2 … on a logarithmic scale, and the bound that they have to reach."""
    with style.context(_STYLE):
        figure, axis = _canvas(_WIDE, 2.2, title, len(lines))
        for place, (name, heights) in enumerate(lines.items()):
            colour = LIGHT[("good", "link", "open", "ink")[place % 4]]
            axis.plot(range(len(heights)), heights, color=colour, marker="o", markersize=3)
            last = (len(heights) - 1, heights[-1])
            axis.text(*last, f"  {name}", color=colour, va="center")
        axis.axhline(bound, color=LIGHT["bad"], linewidth=0.8, linestyle="--")
        axis.set_yscale("log")
        axis.set_yticks([1, bound], ["1", f"{bound:g}"], minor=False)
        axis.set_yticks([], minor=True)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.set_xlabel("jobs that succeeded as expected", color=LIGHT["ink"])
        return _laid_out(figure)


def _days(moments: Sequence[datetime]) -> list[float]:
    """Return moments as matplotlib counts them, in days since 1970."""
    return [moment.timestamp() / 86_400 for moment in moments]


def _canvas(width: float, height: float, title: str, rows: int) -> tuple[Figure, Axes]:
    """Return a figure of that size in inches and its axes, which say so where there is no row."""
    figure = Figure(figsize=(width, height), layout="constrained")
    if title:
        figure.suptitle(title, x=0.01, ha="left", weight="bold", size=10)
    axis = figure.subplots()
    axis.tick_params(length=0, labelsize=8.5)
    axis.spines[:].set_visible(False)
    if not rows:
        axis.text(0.5, 0.5, "none", transform=axis.transAxes, ha="center", va="center")
    return figure, axis


def _laid_out(figure: Figure) -> Figure:
    """Return the figure with its layout computed once and for all: each time moves it a little."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    return figure


def darkened(svg: str) -> str:
    """Return the SVG with each colour of the palette replaced by the one for a dark page."""
    return re.sub("#[0-9a-f]{6}", lambda colour: DARK.get(colour[0], colour[0]), svg)


def _svg(figure: Figure) -> str:
    stream = BytesIO()
    with style.context(_STYLE):
        figure.savefig(stream, format="svg", metadata=_NO_METADATA)
    return stream.getvalue().decode()


def _data(svg: str) -> str:
    return f"data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}"
