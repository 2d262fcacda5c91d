"""Tables and a picture of a diagnosis: causes, fixes, rivals, and options side by side."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib import rc_context
from matplotlib.figure import Figure

from atomlab.diagnosis.diagnose import Diagnosis
from atomlab.diagnosis.options import Option
from atomlab.report.figures import STYLE, Picture
from atomlab.report.tables import Table
from atomlab.text import count, listed, printable

_COLOURS = {"sole": "#1f6f54", "one-of-k": "#1f6f54", "joint": "#c96a1b"}


def causes(diagnosis: Diagnosis) -> Table:
    """Return one row per failing request and cause: what it is, its role, its evidence."""
    rows = [
        (
            each.request.complexity,
            f"{cause.code} {cause.provider}" if cause.provider else cause.code,
            cause.role,
            cause.verdict,
            "; ".join(cause.evidence),
        )
        for each in diagnosis.requests
        for cause in each.explanation.causes
    ]
    frame = pd.DataFrame(rows, columns=["request", "cause", "role", "verdict", "evidence"])
    caption = (
        "The causes that the diagnosis finds without being given a hypothesis, best supported "
        "first. One-of-k: its repair alone suffices, and so would others; joint: only together."
    )
    return Table(frame, caption)


def fixes(diagnosis: Diagnosis, limit: int = 4) -> Table:
    """Return the cheapest fix sets of each failing request, re-executed on the scratch copy."""
    rows = [
        (
            each.request.complexity,
            " and ".join(map(str, fix.edits)),
            fix.cost,
            "verified" if fix.verified else "not run",
            fix.after.winner.model if fix.after.winner else None,
        )
        for each in diagnosis.requests
        for fix in each.explanation.fix_sets[:limit]
    ]
    total = sum(len(each.explanation.fix_sets) for each in diagnosis.requests)
    frame = pd.DataFrame(rows, columns=["request", "fix", "cost", "run", "winner after"])
    return Table(frame, f"The cheapest of {count(total, 'minimal fix set')}, each run again.")


def rivals(diagnosis: Diagnosis) -> Table:
    """Return one row per rival explanation of the first failing request."""
    failing = [each for each in diagnosis.requests if each.outcome == "no-models"]
    found = failing[0].rivals if failing else ()
    rows = [(r.code, "yes" if r.ruled_out else "no", r.why) for r in found]
    frame = pd.DataFrame(rows, columns=["rival", "ruled out", "why"])
    which = f" of a {failing[0].request.complexity} request" if failing else ""
    return Table(frame, f"Other explanations of the same error{which}.")


def options(compared: Sequence[Option]) -> Table:
    """Return one row per option: what it cures and leaves, its cost, and whom else it touches."""
    rows = [
        (
            option.name,
            option.kind,
            option.cost,
            len(option.cures),
            ", ".join(option.leaves) or "nothing",
            listed(option.touched, 3) if option.touched else "nobody",
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
    names = list(
        dict.fromkeys(
            f"{c.code} {c.provider or ''}".strip()
            for each in diagnosis.requests
            for c in each.explanation.causes
        )
    )
    requests = [each.request.complexity for each in diagnosis.requests]
    with rc_context(STYLE):
        height = 0.9 + 0.34 * max(len(names), 1)
        figure = Figure(figsize=(8.2, height))
        figure.subplots_adjust(left=0.32, right=0.99, top=1 - 0.42 / height, bottom=0.12 / height)
        axis = figure.subplots()
        axis.set_xlim(-0.5, len(requests) - 0.5)
        axis.set_ylim(max(len(names), 1) - 0.5, -0.5)
        for column, each in enumerate(diagnosis.requests):
            for cause in each.explanation.causes:
                row = names.index(f"{cause.code} {cause.provider or ''}".strip())
                axis.scatter(column, row, s=90, color=_COLOURS[cause.role])
                axis.text(column + 0.09, row, cause.role, va="center", fontsize=8.5)
            if each.outcome == "ranked":
                axis.text(column, 0, "no error", ha="center", va="center", fontsize=8.5)
        axis.set_xticks(range(len(requests)), requests)
        axis.set_yticks(range(len(names)), [printable(name, 40) for name in names])
        axis.xaxis.tick_top()
        axis.tick_params(length=0)
        for side in ("left", "bottom"):
            axis.spines[side].set_visible(False)
        for row in range(len(names)):
            axis.axhline(row + 0.5, color="#e3e8ec", linewidth=0.6)
    told = "; ".join(
        f"{each.request.complexity}: "
        + (", ".join(f"{c.code} ({c.role})" for c in each.explanation.causes) or each.outcome)
        for each in diagnosis.requests
    )
    return Picture(figure, "Causes by request.", f"Causes by request. {told}.")
