"""Tables of a fleet: the causes, who is affected, and what would cure them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from atomlab.errors import InputError
from atomlab.fleets.impacts import UNEXPLAINED, Failure, tenants_in
from atomlab.fleets.survey import Fleet
from atomlab.show.tables import Table, table_of
from atomlab.text import count, listed

_WHY = ("cause", "verdict", "fix", "cost")


def causes(fleet: Fleet) -> Table:
    """Return one row per cause: how many tenants have it, for how many it is confirmed, and who."""
    rows = []
    for code, impacts in fleet.by_cause().items():
        providers, confirmed = Counter[str](), 0
        for impact in impacts:
            if impact.cause:
                confirmed += impact.tenants * (impact.cause.verdict == "confirmed")
                providers[impact.cause.provider or ""] += impact.tenants
        known = ((provider, n) for provider, n in providers.most_common() if provider)
        meant = listed((f"{provider} ({number:,})" for provider, number in known), 12)
        named = (t.subdomain or t.id for t, i in fleet.affected_tenants if i.code == code)
        rows.append((code, tenants_in(impacts), confirmed, meant or None, listed(named, 6)))
    return table_of(
        rows,
        ["cause", "tenants", "confirmed", "providers", "who"],
        f"The root causes of {count(tenants_in(fleet.affected), 'affected tenant')}, each counted "
        "once, by the first of its requests that fails. Confirmed: the repair, run, removed the "
        "error.",
    )


def affected(fleet: Fleet, limit: int = 100) -> Table:
    """Return one row per affected tenant, the most frequent cause first, `limit` of them."""
    if limit < 1:
        raise InputError(f"{limit} tenants cannot be listed", todo="give 1 or more")
    rows: list[tuple[object, ...]] = []
    place = {code: number for number, code in enumerate(fleet.by_cause())}
    for tenant, impact in sorted(fleet.affected_tenants, key=lambda each: place[each[1].code]):
        fails = [failure.complexity for failure in impact.failures]
        kinds = "all" if len(fails) == len(fleet.requests) > 1 else ", ".join(fails)
        first = impact.failures[0]
        leaves = f" (leaves {', '.join(first.leaves)})" if first.fix and first.leaves else ""
        rows.append((tenant.name, tenant.subdomain, kinds, *_why(first, leaves)))
    caption = "what fails, why, the easiest fix and what it leaves."
    return _first(rows, limit, ("tenant", "subdomain", "fails"), "affected tenant", f": {caption}")


def further(fleet: Fleet, limit: int = 100) -> Table:
    """Return one row per failing request that needs another fix than the tenant's first one."""
    rows = [
        (tenant.subdomain or tenant.id, failure.complexity, *_why(failure))
        for tenant, impact in fleet.affected_tenants
        for failure in impact.failures[1:]
        if failure.edits != impact.failures[0].edits
    ]
    caption = " whose fix is not that of the tenant's first."
    return _first(rows, limit, ("tenant", "request"), "request", caption)


def _why(failure: Failure, leaves: str = "") -> tuple[object, ...]:
    """Return what the columns `_WHY` say of a failure, with what its fix leaves."""
    cause, fix = failure.cause, failure.fix and failure.fix + leaves
    verdict = cause.verdict if cause else "inconclusive"
    return str(cause or UNEXPLAINED), verdict, fix, failure.cost


def _first(
    rows: Sequence[tuple[object, ...]], limit: int, columns: Sequence[str], noun: str, caption: str
) -> Table:
    """Return a table of the first rows, whose caption says how many there are in all."""
    which = f"The first {limit:,} of " if len(rows) > limit else ""
    return table_of(rows[:limit], [*columns, *_WHY], f"{which}{count(len(rows), noun)}{caption}")
