"""Figures: the models' way through the filters, and which filter blocks which provider."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure

from atomlab.byok.filters import NAMES
from atomlab.byok.ranking import Ranking
from atomlab.show.pictures import BAD, GOOD, INK, LINE, MUTED, PAPER, SHARES, STYLE, Picture
from atomlab.text import printable

_WIDTH = 4.1  # inches; two panels fit a page, one fits a phone
_STEPS = (0.0, 1e-9, 0.25, 0.5, 1.0, 1.1)  # none, up to a quarter, a half, less than all, all
_SHARE = ListedColormap([PAPER, *SHARES])


def funnel(before: Ranking, after: Ranking | None = None) -> Picture:
    """Return how many models are left after each filter, before and (if given) after the fix."""
    panels = {"as captured": before} | ({"after the fix": after} if after else {})
    with rc_context(STYLE):
        drawn = [_draw_funnel(title, ranking) for title, ranking in panels.items()]
    told = "; ".join(f"{title}: {ranking.summary()}" for title, ranking in panels.items())
    complexity = before.request.complexity
    return Picture(
        drawn[0],
        f"Models left after each filter, in the platform's order, for {complexity} requests. "
        "The scale is logarithmic; a filter's own toll stands in brackets.",
        f"Funnel of models for {complexity} requests. {told}.",
        *drawn[1:],
    )


def blockers(before: Ranking, after: Ranking | None = None) -> Picture:
    """Return for each provider and filter the share of the provider's models that it rejects.

    Every filter judges every model, so a provider without a client still shows what else would
    stand in its way. Providers that the registry lacks are one row. A model that several could
    serve, as substrings let them, is in the row of each.
    """
    panels = {"as captured": before} | ({"after the fix": after} if after else {})
    platform = before.view.platform
    rows = {p.id: platform.models_of(p.id) for p in platform.providers if platform.has_models(p.id)}
    rows["not in the registry"] = np.array(~platform.models.matches.any(axis=1), dtype=bool)
    with rc_context(STYLE):
        drawn = [_draw_blockers(title, ranking, rows) for title, ranking in panels.items()]
    usable = {
        title: [name for name, mask in rows.items() if (ranking.blockers[mask] == 0).any()]
        for title, ranking in panels.items()
    }
    told = "; ".join(f"{t}: {', '.join(names) or 'no provider'}" for t, names in usable.items())
    return Picture(
        drawn[0],
        "Per cent of each provider's models that a filter rejects, each filter for itself. The "
        "last column counts the models that no filter rejects.",
        f"Providers by filters. Providers with usable models, {told}.",
        *drawn[1:],
    )


def _draw_funnel(title: str, ranking: Ranking) -> Figure:
    rejected = ranking.funnel()["rejected"].to_numpy()
    total, usable = len(ranking.blockers), len(ranking.order)
    left = np.concatenate(([total], total - np.cumsum(rejected)))
    places = np.arange(len(left))
    figure, axis = _panel(f"{title}: {usable:,} usable", GOOD if usable else BAD, 2.7, 0.95)
    axis.barh(places, left, color=GOOD, height=0.62)
    axis.set_xscale("symlog", linthresh=1)
    axis.set_xlim(0, max(total, 1) * 60)
    axis.set_ylim(len(left) - 0.5, -0.5)
    for place, number in enumerate(left):
        toll = f"  (−{rejected[place - 1]:,})" if place and rejected[place - 1] else ""
        colour = INK if number else BAD
        axis.text(max(number, 0.04) * 1.2, place, f"{number:,}{toll}", va="center", color=colour)
    axis.set_yticks(places, ["all models", *NAMES])
    axis.xaxis.set_visible(False)
    axis.spines["bottom"].set_visible(False)
    return figure


def _draw_blockers(title: str, ranking: Ranking, rows: Mapping[str, np.ndarray]) -> Figure:
    figure, axis = _panel(title, INK, 1.15 + 0.235 * len(rows), 1.65, top=0.95, right=0.25)
    _fill_shares(axis, ranking, rows)
    for row, mask in enumerate(rows.values()):
        usable = int((ranking.blockers[mask] == 0).sum())
        _write(axis, len(NAMES), row, f"{usable:,}", GOOD if usable else MUTED, bold=usable > 0)
    _label_cells(axis, rows)
    return figure


def _fill_shares(axis: Axes, ranking: Ranking, rows: Mapping[str, np.ndarray]) -> None:
    """Colour a cell per provider and filter by the share that it rejects, and write it there."""
    bits = np.array([(ranking.blockers >> bit) & 1 for bit in range(len(NAMES))]).T
    share = np.array([bits[mask].sum(axis=0) / max(mask.sum(), 1) for mask in rows.values()])
    norm = BoundaryNorm(_STEPS, _SHARE.N)
    axis.pcolormesh(share, cmap=_SHARE, norm=norm, edgecolors=LINE, linewidth=0.6)
    for (row, column), part in np.ndenumerate(share):
        if part:
            colour = PAPER if part > _STEPS[3] else INK
            told = "100" if part == 1 else f"{min(100 * part, 99):.0f}" if part >= 0.01 else "<1"
            _write(axis, column, row, told, colour, size=6.5)


def _label_cells(axis: Axes, rows: Mapping[str, np.ndarray]) -> None:
    """Name the rows by provider and number of models, the columns by filter."""
    axis.set_ylim(len(rows), 0)
    axis.set_xlim(0, len(NAMES) + 1)
    names = [f"{printable(name, 20)} ({int(mask.sum()):,})" for name, mask in rows.items()]
    axis.set_yticks(np.arange(len(rows)) + 0.5, names, fontsize=8)
    axis.set_xticks(np.arange(len(NAMES) + 1) + 0.5, [*NAMES, "usable"], fontsize=8)
    axis.xaxis.tick_top()
    axis.tick_params(axis="x", length=0, rotation=55)
    for label in axis.get_xticklabels():
        label.set_horizontalalignment("left")
        label.set_rotation_mode("anchor")
    axis.spines[["left", "bottom"]].set_visible(False)


def _panel(
    title: str, colour: str, height: float, left: float, *, top: float = 0.3, right: float = 0.04
) -> tuple[Figure, Axes]:
    """Return a figure of `height` inches, its title above; the margins are inches too."""
    figure = Figure(figsize=(_WIDTH, height))
    figure.subplots_adjust(
        left=left / _WIDTH, right=1 - right / _WIDTH, top=1 - top / height, bottom=0.05 / height
    )
    place = (left / _WIDTH, 1 - 0.05 / height)
    figure.text(*place, title, va="top", color=colour, weight="bold", size=10)
    axis = figure.subplots()
    axis.tick_params(axis="y", length=0)
    return figure, axis


def _write(
    axis: Axes, column: int, row: int, text: str, colour: str, size: float = 8, bold: bool = False
) -> None:
    """Write into the middle of a cell."""
    axis.text(
        column + 0.5,
        row + 0.5,
        text,
        color=colour,
        size=size,
        weight="bold" if bold else "normal",
        ha="center",
        va="center",
    )
