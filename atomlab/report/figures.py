"""Figures: the models' way through the filters, and which filter blocks which provider."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from atomlab.byok.filters import NAMES
from atomlab.byok.ranking import Ranking
from atomlab.report.templates import render
from atomlab.text import printable

_INK, _MUTED, _LEFT, _GONE, _NONE = "#1c2733", "#5b6875", "#1f6f54", "#c9d3dc", "#b3261e"
_SHARE = LinearSegmentedColormap.from_list("share", ["#ffffff", "#f0d9a8", "#c96a1b", "#7c2d12"])
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "xtick.color": _MUTED,
    "ytick.color": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.hashsalt": "atomlab",
    "text.parse_math": False,
}


@dataclass(frozen=True)
class Picture:
    """A figure with its caption and its alternative text."""

    figure: Figure
    caption: str
    alt: str

    def svg(self) -> bytes:
        """Return the figure as SVG, the same bytes for the same data."""
        stream = BytesIO()
        with rc_context(STYLE):
            self.figure.savefig(stream, format="svg", metadata={"Date": None})
        return stream.getvalue()

    def _repr_html_(self) -> str:
        encoded = b64encode(self.svg()).decode()
        return render("figure.html", svg=encoded, caption=self.caption, alt=self.alt)

    def __repr__(self) -> str:
        return f"<Picture: {self.alt}>"


def funnel(before: Ranking, after: Ranking | None = None) -> Picture:
    """Return how many models are left after each filter, before and (if given) after the fix."""
    panels = [("as captured", before)] + ([("after the fix", after)] if after else [])
    with rc_context(STYLE):
        figure = Figure(figsize=(8.2, 3.0))
        figure.subplots_adjust(left=0.1, right=0.99, top=0.9, bottom=0.03, wspace=0.08)
        axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        axes[0].invert_yaxis()  # shared: the panels read from top to bottom
        for axis, (title, ranking) in zip(axes, panels, strict=True):
            _draw_funnel(axis, ranking)
            usable = len(ranking.order)
            axis.set_title(
                f"{title}: {usable:,} usable",
                loc="left",
                color=_LEFT if usable else _NONE,
                fontweight="bold",
                fontsize=10,
            )
    told = "; ".join(f"{title}: {ranking.summary()}" for title, ranking in panels)
    complexity = before.request.complexity
    return Picture(
        figure,
        "Models left after each filter, in the platform's order; the request is "
        f"{complexity} (logarithmic scale; a filter's own toll stands beside it).",
        f"Funnel of models, the request is {complexity}. {told}.",
    )


def blockers(before: Ranking, after: Ranking | None = None) -> Picture:
    """Return for each provider and filter the share of the provider's models that it rejects.

    Every filter judges every model, so a provider without a client still shows what else would
    stand in its way. Providers that the registry lacks are one row. A model that several could
    serve, as substrings let them, is in the row of each.
    """
    panels = [("as captured", before)] + ([("after the fix", after)] if after else [])
    platform = before.view.platform
    rows = {p.id: platform.models_of(p.id) for p in platform.providers if platform.has_models(p.id)}
    rows["not in the registry"] = np.array(~platform.models.matches.any(axis=1), dtype=bool)
    with rc_context(STYLE):
        height = 1.2 + 0.24 * len(rows)  # inches; the margins below are 0.3 and 0.8 of them
        figure = Figure(figsize=(8.2, height))
        top, bottom = 1 - 0.3 / height, 0.8 / height
        figure.subplots_adjust(left=0.2, right=0.99, top=top, bottom=bottom, wspace=0.06)
        axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for axis, (title, ranking) in zip(axes, panels, strict=True):
            _draw_blockers(axis, ranking, rows)
            axis.set_title(title, loc="left", fontweight="bold", fontsize=10, pad=8)
    usable = {
        title: [name for name, mask in rows.items() if (ranking.blockers[mask] == 0).any()]
        for title, ranking in panels
    }
    told = "; ".join(f"{t}: {', '.join(names) or 'no provider'}" for t, names in usable.items())
    return Picture(
        figure,
        "Share of each provider's models that a filter rejects, each filter for itself: pale is "
        "none, dark is all. The last column counts models that no filter rejects.",
        f"Providers by filters. Providers with usable models, {told}.",
    )


def _draw_funnel(axis: Axes, ranking: Ranking) -> None:
    rejected = ranking.funnel()["rejected"].to_numpy()
    total = len(ranking.blockers)
    left = np.concatenate(([total], total - np.cumsum(rejected)))
    labels = ["all models", *(f"{name}" for name in NAMES)]
    places = np.arange(len(labels))
    axis.barh(places, left, color=[_LEFT if n else _GONE for n in left], height=0.62)
    axis.set_xscale("symlog", linthresh=1)
    axis.set_xlim(0, max(total, 1) * 30)
    for place, number in enumerate(left):
        toll = f"  −{rejected[place - 1]:,}" if place and rejected[place - 1] else ""
        axis.text(
            max(number, 0.04) * 1.15,
            place,
            f"{number:,}{toll}",
            va="center",
            color=_INK if number else _NONE,
            fontsize=8.5,
        )
    axis.set_yticks(places, labels)
    axis.xaxis.set_visible(False)
    axis.spines["bottom"].set_visible(False)
    axis.tick_params(axis="y", length=0)


def _draw_blockers(axis: Axes, ranking: Ranking, rows: dict[str, np.ndarray]) -> None:
    bits = np.array([(ranking.blockers >> bit) & 1 for bit in range(len(NAMES))]).T
    share = np.array([bits[mask].sum(axis=0) / max(mask.sum(), 1) for mask in rows.values()])
    axis.imshow(share, cmap=_SHARE, vmin=0, vmax=1, aspect="auto")
    for row, mask in enumerate(rows.values()):
        usable = int((ranking.blockers[mask] == 0).sum())
        axis.text(
            len(NAMES),
            row,
            f"{usable:,}",
            ha="center",
            va="center",
            fontsize=8.5,
            color=_LEFT if usable else _MUTED,
            fontweight="bold" if usable else "normal",
        )
    names = [f"{printable(name, 24)} ({int(mask.sum()):,})" for name, mask in rows.items()]
    axis.set_yticks(range(len(rows)), names, fontsize=8)
    axis.set_xticks(range(len(NAMES) + 1), [*NAMES, "usable"], rotation=55, ha="right", fontsize=8)
    axis.set_xlim(-0.5, len(NAMES) + 0.5)
    axis.tick_params(length=0)
    for side in ("left", "bottom"):
        axis.spines[side].set_visible(False)
    axis.set_xticks(np.arange(-0.5, len(NAMES)), minor=True)
    axis.set_yticks(np.arange(-0.5, len(rows)), minor=True)
    axis.grid(which="minor", color="#e3e8ec", linewidth=0.6)
    axis.tick_params(which="minor", length=0)
