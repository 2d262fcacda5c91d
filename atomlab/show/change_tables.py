"""What changed between two days, as tables: the differences, and which of them did it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from atomlab.diagnosis.changed_requests import ChangedRequest, SetsFound
from atomlab.diagnosis.differences import Difference, counted, in_groups, in_words
from atomlab.diagnosis.what_changed import WhatChanged
from atomlab.fleets.flips import Flips
from atomlab.show.tables import Table, table_of
from atomlab.text import grouped, listed, printable

_MOST_GROUPS = 40
_LABELS = {"mode": "ai_mode"}


def facts(found: WhatChanged | Flips) -> Mapping[str, object]:
    """Return which snapshots were compared, and how many differences there are of each kind."""
    days = {"good day": found.good, "bad day": found.bad}
    said = {
        name: f"{d.snapshot.name}, captured {d.snapshot.captured_at}" for name, d in days.items()
    }
    return {**said, **totals(found)}


def totals(found: WhatChanged | Flips) -> Mapping[str, str]:
    """Return the number of differences by kind; of a tenant, also of those without an effect."""
    numbers = by_kind(counted(found.differences))
    if not isinstance(found, WhatChanged):
        return {"differences of the platform": numbers}
    some = found.idle and any(each.brings for each in found.requests)
    idle = {"in none of the sets shown": by_kind(found.idle)} if some else {}
    return {"differences": numbers, **idle}


def by_kind(numbers: Mapping[str, int]) -> str:
    """Return `prices 1,204, rows 1`, or `none`."""
    each = (f"{_LABELS.get(kind, kind)} {number:,}" for kind, number in numbers.items())
    return ", ".join(each) or "none"


def of_tenant(found: WhatChanged) -> list[Table]:
    """Return what became of each request, which sets did it, and the differences."""
    return [requests(found), sets(found), differences(found)]


def requests(found: WhatChanged) -> Table:
    """Return one row per kind of request: its status on both days, and whether it is shown why."""
    return table_of(
        [
            (each.request.complexity, *each.statuses, each.verdict, _model(each))
            for each in found.requests
        ],
        ["request", "good day", "bad day", "verdict", "winner of the good day"],
        "What became of each kind of request, and whether it is shown what did it.",
    )


def sets(found: WhatChanged) -> Table:
    """Return the smallest sets of differences that bring the error, and those that cure it."""
    rows = grouped(
        ((what, words, after), each.request.complexity)
        for what, which in (("brings the error", "brings"), ("cures it", "cures"))
        for each in found.requests
        for words, after in _rows(getattr(each, which))
    )
    return table_of(
        [(what, words, ", ".join(kinds), after) for (what, words, after), kinds in rows.items()],
        ["what it does", "differences", "requests", "decided again"],
        "The smallest sets of differences: made to the good day they bring the error, undone on "
        "the bad day they cure it. Each was run through the whole decision again.",
    )


def differences(found: WhatChanged | Flips) -> Table:
    """Return the differences, or where they come in hundreds how many there are of each group."""
    groups = in_groups(found.differences)
    rest = len(groups) - _MOST_GROUPS
    left_out = f" {rest:,} more groups are left out." if rest > 0 else ""
    return table_of(
        [_difference_row(those) for those in groups[:_MOST_GROUPS]],
        ["kind", "change", "number", "which", "from → to"],
        f"What differs between the two days, by kind.{left_out}",
    )


def flips(found: Flips) -> Table:
    """Return one row per flip: how many tenants, which requests, and which differences did it."""
    return table_of(
        [
            (
                "works again" if flip.back else "fails anew",
                flip.tenants,
                flip.why,
                ", ".join(flip.kinds),
                flip.verdict,
                listed(flip.named, 3),
            )
            for flip in found.flips
        ],
        ["flip", "tenants", "differences", "requests", "verdict", "for example"],
        "Tenants whose outcome differs between the two days, by the differences that did it.",
    )


def _rows(some: SetsFound | None) -> Sequence[tuple[str, str]]:
    if some is None:
        return ()
    found = []
    for each in some.sets:
        winner = each.after.winner if each.after else None
        after = f"{winner.model} wins" if winner else "no model"
        found.append((in_words(each.differences), after if each.holds else "not confirmed"))
    return found


def _model(each: ChangedRequest) -> str | None:
    return each.good.winner.model if each.good.winner else None


def _difference_row(those: Sequence[Difference]) -> tuple[object, ...]:
    first = those[0]
    names = listed((each.name for each in those), 3)
    return (
        first.kind,
        first.change,
        len(those),
        names,
        printable(first.detail, 200) if len(those) == 1 else None,
    )
