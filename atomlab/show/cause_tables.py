"""Tables and a picture of a diagnosis: causes, fixes, rivals, and options side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from atomlab.diagnosis.diagnose import Diagnosis
from atomlab.diagnosis.edits import Edit
from atomlab.diagnosis.explanation import Cause, FixSet
from atomlab.diagnosis.options import Option
from atomlab.show.pictures import GOOD, INK, LINE, OPEN, STYLE, Picture
from atomlab.show.tables import Table
from atomlab.text import count, listed, printable

_COLOURS = {"sole": GOOD, "one-of-k": GOOD, "joint": OPEN, None: OPEN}


def causes(diagnosis: Diagnosis) -> Table:
    """Return one row per cause and role: the requests that fail for it, and its evidence."""
    requests: dict[Cause, list[str]] = {}
    for each in diagnosis.requests:
        for cause in each.explanation.causes:
            requests.setdefault(cause, []).append(each.request.complexity)
    rows = [
        (str(cause), cause.place, ", ".join(named), cause.verdict, "; ".join(cause.evidence))
        for cause, named in requests.items()
    ]
    frame = pd.DataFrame(rows, columns=["cause", "role", "requests", "verdict", "evidence"])
    caption = (
        "The causes that the diagnosis finds without being given a hypothesis, best supported "
        "first. One-of-k: its repair alone suffices, and so would others; joint: only together."
    )
    return Table(frame, caption)


def fixes(diagnosis: Diagnosis, limit: int = 8) -> Table:
    """Return the fix sets of least effort: who acts, the requests cured, and who then wins."""
    cured: dict[tuple[Edit, ...], list[tuple[str, FixSet]]] = {}
    for each in diagnosis.requests:
        for fix in each.explanation.fix_sets:
            cured.setdefault(fix.edits, []).append((each.request.complexity, fix))
    least = sorted(cured.values(), key=lambda found: found[0][1].effort)
    rows = [_fix_row(found) for found in least[:limit]]
    columns = ["fix", "who acts", "cost", "requests cured", "run", "winners after"]
    rest = f"; {len(cured) - limit:,} more are not shown" if len(cured) > limit else ""
    number = count(len(cured), "minimal fix set")
    told = f"{number}, by who acts, then by cost, each run again{rest}."
    return Table(pd.DataFrame(rows, columns=columns), told)


def _fix_row(found: Sequence[tuple[str, FixSet]]) -> tuple[object, ...]:
    fixes = [fix for _, fix in found]
    winners = dict.fromkeys(
        f"{winner.model} (no chat model)" if winner.unable else winner.model
        for fix in fixes
        if (winner := fix.after.winner)
    )
    return (
        " and ".join(map(str, fixes[0].edits)),
        fixes[0].who,
        fixes[0].cost,
        ", ".join(complexity for complexity, fix in found if fix.cures) or "none",
        "verified" if all(fix.verified for fix in fixes) else "not run",
        listed(winners, 3) or None,
    )


def rivals(diagnosis: Diagnosis, complexity: str | None = None) -> Table:
    """Return one row per rival explanation, of the complexity's request or the first that fails."""
    failing = diagnosis.failing
    asked = [each for each in failing if each.request.complexity == complexity]
    told = next(iter(asked or failing), None)
    rows = [(r.code, "yes" if r.ruled_out else "no", r.why) for r in (told.rivals if told else ())]
    frame = pd.DataFrame(rows, columns=["rival", "ruled out", "why"])
    which = f"; the request is {told.request.complexity}" if told else ""
    return Table(frame, f"Other explanations of the same error{which}.")


def options(compared: Sequence[Option]) -> Table:
    """Return one row per option: its cost, what it cures and leaves, how many others it touches.

    Who they are, the findings say: a report on one tenant names no other.
    """
    rows = [
        (
            option.name,
            option.kind,
            option.cost,
            len(option.cures),
            ", ".join(option.leaves) or "nothing",
            len(option.touched),
        )
        for option in compared
    ]
    columns = ["option", "kind", "cost", "cures", "leaves", "other tenants touched"]
    caption = (
        f"{count(len(compared), 'option')}, each run for every tenant and eight kinds of request: "
        "four complexities, with and without tools."
    )
    return Table(pd.DataFrame(rows, columns=columns), caption)


def causes_by_request(diagnosis: Diagnosis) -> Picture:
    """Return which cause plays which role for which request."""
    columns = [[str(cause) for cause in each.explanation.causes] for each in diagnosis.requests]
    names = list(dict.fromkeys(name for column in columns for name in column))
    with rc_context(STYLE):
        figure = _draw_causes(diagnosis, names)
    told = "; ".join(
        f"{each.request.complexity}: "
        + (", ".join(f"{c} ({c.place})" for c in each.explanation.causes) or each.status)
        for each in diagnosis.requests
    )
    caption = "Which cause plays which role, by complexity of the request."
    return Picture(figure, caption, f"Causes by request. {told}.")


def _draw_causes(diagnosis: Diagnosis, names: Sequence[str]) -> Figure:
    """Return a figure with a row per cause, its name above its marks, and a column per request."""
    rows, complexities = max(len(names), 1), [d.request.complexity for d in diagnosis.requests]
    height = 0.35 + 0.5 * rows
    figure = Figure(figsize=(4.1, height))
    figure.subplots_adjust(left=0.01, right=0.99, top=1 - 0.3 / height, bottom=0.02 / height)
    axis = figure.subplots()
    axis.set_xlim(-0.15, len(complexities))
    axis.set_ylim(rows, 0)
    _mark_causes(axis, diagnosis, names)
    for row, name in enumerate(names):
        axis.text(-0.08, row + 0.24, printable(name, 60), va="center", weight="bold")
        axis.axhline(row, color=LINE, linewidth=0.8)
    axis.set_xticks(np.arange(len(complexities)) - 0.08, complexities, ha="left")
    axis.set_yticks([])
    axis.xaxis.tick_top()
    axis.tick_params(length=0, labelcolor=INK)
    axis.spines[["left", "bottom"]].set_visible(False)
    return figure


def _mark_causes(axis: Axes, diagnosis: Diagnosis, names: Sequence[str]) -> None:
    """Put a mark and the role where a request has a cause, the outcome where it has none."""
    for column, each in enumerate(diagnosis.requests):
        for cause in each.explanation.causes:
            row = names.index(str(cause)) + 0.68
            axis.scatter(column, row, s=60, color=_COLOURS[cause.role])
            axis.text(column + 0.12, row, cause.place, va="center")
        if not each.explanation.causes:
            told = {"healthy": "finds a model", "affected": "unexplained"}
            axis.text(column - 0.08, 0.68, told.get(each.status, each.status), va="center")
