"""Tables and pictures of a fleet: who is affected, by which cause, and what would cure them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure

from atomlab.diagnosis.edits import WHO
from atomlab.errors import InputError
from atomlab.evidence.inputs.rules import Rules
from atomlab.fleet.survey import UNEXPLAINED, Failure, Fleet, Impact
from atomlab.show.pictures import GOOD, INK, PAPER, SHARES, STYLE, Picture
from atomlab.show.tables import Table
from atomlab.text import count, listed, printable

_WIDTH = 5.2  # inches; a phone shows it at three quarters
_WHY = ("cause", "verdict", "fix", "cost")
_NOBODY = "none is affected"
_TENANTS = ListedColormap([PAPER, *SHARES])
_STEPS = BoundaryNorm((0.0, 1e-9, 0.25, 0.5, 0.75, 1.1), _TENANTS.N)  # of the square root
_MOST_PROVIDERS = 12
# What a fix asks, and of whom; the least effort first.
EFFORTS = {
    "held": "copy a key that the tenant holds",
    "repair-row": "the tenant enters a valid key in the row",
    "new-credential": "the tenant gets a new credential",
    "operator": "an operator changes the configuration",
    "engineering": "engineering changes the code",
    "": "none of the fixes that were run helped",
}


def causes(fleet: Fleet) -> Table:
    """Return one row per cause: how many tenants have it, for how many it is confirmed, and who."""
    rows = []
    for code, impacts in fleet.by_cause().items():
        known = [impact.cause for impact in impacts if impact.cause]
        providers = sorted({cause.provider for cause in known if cause.provider})
        confirmed = sum(cause.verdict == "confirmed" for cause in known)
        who = listed((i.tenant.subdomain or i.tenant.id for i in impacts), 6)
        rows.append((code, len(impacts), confirmed, listed(providers) or None, who))
    columns = ["cause", "tenants", "confirmed", "providers", "who"]
    caption = (
        f"The root causes of {count(len(fleet.affected), 'affected tenant')}, each counted once, "
        "by the first of its requests that fails. Confirmed: the repair, run, removed the error."
    )
    return Table(pd.DataFrame(rows, columns=columns), caption)


def affected(fleet: Fleet, limit: int = 100) -> Table:
    """Return one row per affected tenant, the most frequent cause first, `limit` of them.

    Raises InputError for a limit below 1.
    """
    if limit < 1:
        raise InputError(f"{limit} tenants cannot be listed", todo="give 1 or more")
    rows = [
        (
            *(impact.tenant.name, impact.tenant.subdomain),
            _fails(impact, fleet),
            *_why(impact.failures[0], leaves=True),
        )
        for impacts in fleet.by_cause().values()
        for impact in impacts
    ]
    columns = ["tenant", "subdomain", "fails", *_WHY]
    frame = pd.DataFrame(rows[:limit], columns=columns).astype({"cost": "Int64"})
    which = f"The first {limit:,} of " if len(rows) > limit else ""
    who = f"{which}{count(len(rows), 'affected tenant')}"
    caption = f"{who}: what fails, why, the fix of least effort and what it leaves."
    return Table(frame, caption)


def further(fleet: Fleet, limit: int = 100) -> Table:
    """Return one row per failing request that needs another fix than the tenant's first one.

    Of these `limit` rows; what is left out is said in the caption.
    """
    rows = [
        (
            impact.tenant.subdomain or impact.tenant.id,
            failure.complexity,
            *_why(failure),
        )
        for impact in fleet.affected
        for failure in impact.failures[1:]
        if failure.edits != impact.failures[0].edits
    ]
    columns = ["tenant", "request", *_WHY]
    frame = pd.DataFrame(rows[:limit], columns=columns).astype({"cost": "Int64"})
    which = f"The first {limit:,} of " if len(rows) > limit else ""
    caption = f"{which}{count(len(rows), 'request')} whose fix is not that of the tenant's first."
    return Table(frame, caption)


def by_request(fleet: Fleet) -> Picture:
    """Return for each cause how many tenants' requests of each complexity it makes fail."""
    columns = [request.complexity for request in fleet.requests]
    failures = [failure for impact in fleet.affected for failure in impact.failures]
    found = Counter((_code(failure), failure.complexity) for failure in failures)
    caption = (
        "Tenants by root cause and by complexity of the request that fails. One tenant can stand "
        "in several columns, and in another row where another request fails for another cause."
    )
    return _matrix(found, columns, "request", caption)


def by_provider(fleet: Fleet) -> Picture:
    """Return for each cause how many tenants it affects by the provider that was meant."""
    firsts = [impact.failures[0] for impact in fleet.affected]
    provider = [(f.cause.provider if f.cause else None) or "none meant" for f in firsts]
    common = [name for name, _ in Counter(provider).most_common(_MOST_PROVIDERS)]
    kept = [name if name in common else "others" for name in provider]
    found = Counter(zip(map(_code, firsts), kept, strict=True))
    columns = [*common, *(["others"] if "others" in kept else [])]
    caption = (
        "Affected tenants by root cause and by the provider whose models they were meant to get, "
        "each tenant once."
    )
    return _matrix(found, columns, "provider", caption)


def by_effort(fleet: Fleet) -> Picture:
    """Return how many tenants need which effort, for the first of their requests that fails."""
    rules = fleet.platform.rules
    found = Counter(_effort(impact.failures[0], rules) for impact in fleet.affected)
    labels = [label for label in EFFORTS.values() if found[label]]
    with rc_context(STYLE):
        figure, axis = _figure(len(labels), left=2.65)
        axis.barh(range(len(labels)), [found[label] for label in labels], color=GOOD, height=0.6)
        for place, label in enumerate(labels):
            axis.text(found[label], place, f"  {found[label]:,}", va="center", color=INK)
        axis.set_yticks(range(len(labels)), labels)
        axis.set_ylim(max(len(labels), 1) - 0.5, -0.5)
        axis.xaxis.set_visible(False)
        axis.spines["bottom"].set_visible(False)
    told = "; ".join(f"{label}: {count(found[label], 'tenant')}" for label in labels)
    return Picture(
        figure,
        "What the fix of least effort asks, and of whom, for the first request of each tenant that "
        "fails; every fix was run on a scratch copy.",
        f"Affected tenants by the effort of their fix. {told or _NOBODY}.",
    )


def _matrix(
    found: Counter[tuple[str, str]], columns: Sequence[str], axis_name: str, caption: str
) -> Picture:
    """Return the counts of (cause, column) as a picture, the most frequent cause on top."""
    totals: Counter[str] = Counter()
    for (code, _), number in found.items():
        totals[code] += number
    codes = [code for code, _ in totals.most_common()]
    numbers = np.array([[found[code, c] for c in columns] for code in codes], dtype=float)
    with rc_context(STYLE):
        slanted = len(columns) > 6
        figure, axis = _figure(len(codes), left=1.35, top=0.65 if slanted else 0.3)
        axis.set_ylim(max(len(codes), 1), 0)
        share = np.sqrt(numbers / max(numbers.max(initial=0), 1))
        if numbers.size:
            axis.pcolormesh(share, cmap=_TENANTS, norm=_STEPS, edgecolor=PAPER, linewidth=2)
        for (row, column), number in np.ndenumerate(numbers):
            if number:
                colour = PAPER if share[row, column] >= 0.5 else INK
                place = (column + 0.5, row + 0.5)
                axis.text(*place, f"{number:,.0f}", ha="center", va="center", color=colour)
        axis.set_yticks(np.arange(len(codes)) + 0.5, codes)
        names = [printable(name, 20) for name in columns]
        slant = {"rotation": 40, "ha": "left", "rotation_mode": "anchor"} if slanted else {}
        axis.set_xticks(np.arange(len(names)) + 0.5, names, **slant)
        axis.xaxis.tick_top()
        axis.spines[["left", "bottom"]].set_visible(False)
    told = "; ".join(
        f"{code}: " + ", ".join(f"{c} {found[code, c]:,}" for c in columns if found[code, c])
        for code in codes
    )
    return Picture(figure, caption, f"Tenants by cause and {axis_name}. {told or _NOBODY}.")


def _figure(rows: int, left: float, top: float = 0.15) -> tuple[Figure, Any]:
    """Return a figure with an axis of so many rows; the margins are in inches."""
    height = 0.15 + top + 0.34 * max(rows, 1)
    figure = Figure(figsize=(_WIDTH, height))
    figure.subplots_adjust(
        left=left / _WIDTH, right=0.94, top=1 - top / height, bottom=0.1 / height
    )
    axis = figure.subplots()
    axis.tick_params(length=0)
    if not rows:
        axis.set_axis_off()
        axis.text(0.5, 0.5, _NOBODY, transform=axis.transAxes, ha="center", va="center")
    return figure, axis


def _fails(impact: Impact, fleet: Fleet) -> str:
    if len(impact.failures) == len(fleet.requests) > 1:
        return "all"
    return ", ".join(failure.complexity for failure in impact.failures)


def _code(failure: Failure) -> str:
    return failure.cause.code if failure.cause else UNEXPLAINED


def _why(failure: Failure, *, leaves: bool = False) -> tuple[object, ...]:
    """Return what the columns `_WHY` say of a failure, its fix with what it `leaves` if asked."""
    cause, fix = failure.cause, failure.fix
    verdict = cause.verdict if cause else "inconclusive"
    if leaves and failure.leaves:
        fix = f"{fix} (leaves {', '.join(failure.leaves)})"
    return str(cause or UNEXPLAINED), verdict, fix, failure.cost


def _effort(failure: Failure, rules: Rules) -> str:
    """Return what the fix asks: the label of who has most to do, and of a tenant, of what."""
    if failure.held:
        return EFFORTS["held"]
    kinds = {edit.kind for edit in failure.edits}
    who = max((edit.who(rules) for edit in failure.edits), key=WHO.index, default="")
    if who == "tenant":
        return EFFORTS["new-credential" if "new-credential" in kinds else "repair-row"]
    return EFFORTS[who]
