"""Pictures: figures as SVG in a light and a dark dress, with caption and alternative text."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from matplotlib import rc_context, rcParamsDefault
from matplotlib.figure import Figure

from atomlab.show.templates import render
from atomlab.text import printable

# Every colour that a figure may use, and what it becomes on a dark page.
DARK = {
    "#ffffff": "#14191f",  # paper
    "#1c2733": "#e6ebf0",  # ink
    "#55616d": "#a5b1bd",  # muted
    "#d8dfe5": "#37424d",  # lines
    "#14633f": "#7fd6a8",  # good
    "#9b1c14": "#ff9d94",  # bad
    "#7a4a00": "#f3c471",  # open
    "#fbead0": "#33270f",  # a quarter
    "#f3cf94": "#5c4315",  # a half
    "#b05c18": "#d08a3c",  # three quarters
    "#7c2d12": "#ffd08a",  # all
}
PAPER, INK, MUTED, LINE, GOOD, BAD, OPEN, *SHARES = DARK
_DRAWN = """axes figure font grid hatch legend lines mathtext patch path savefig svg text xtick
    ytick""".split()  # noqa: SIM905
# Matplotlib's own defaults first: a reader's matplotlibrc has no say in evidence.
STYLE: dict[Any, Any] = {
    **{name: value for name, value in rcParamsDefault.items() if name.split(".")[0] in _DRAWN},
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.color": INK,
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "axes.facecolor": PAPER,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "xtick.color": MUTED,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.hashsalt": "atomlab",
    "text.parse_math": False,
}
_NO_METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))


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


def darkened(svg: str) -> str:
    """Return the SVG with each colour of the palette replaced by the one for a dark page."""
    return re.sub("#[0-9a-f]{6}", lambda colour: DARK.get(colour[0], colour[0]), svg)


def _svg(figure: Figure) -> str:
    stream = BytesIO()
    with rc_context(STYLE):
        figure.savefig(stream, format="svg", metadata=_NO_METADATA)
    return stream.getvalue().decode()


def _data(svg: str) -> str:
    return f"data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}"
