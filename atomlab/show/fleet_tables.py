"""Tables of a fleet: the causes, who is affected, and what would cure them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import islice

from atomlab.errors import InputError
from atomlab.fleets.impacts import UNEXPLAINED, Failure, Impact, tenants_in
from atomlab.fleets.survey import Fleet
from atomlab.show.tables import Table, table_of
from atomlab.text import count, listed

_WHY = ("cause", "verdict", "fix", "cost")
_NAMED = 6  # tenants of a cause
_ALL = "atomlab fleet SNAPSHOT --csv FILE lists all affected tenants."


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
        tenants, named = tenants_in(impacts), fleet.named(code, _NAMED)
        rest = f" and {tenants - _NAMED:,} more" if tenants > _NAMED else ""
        who = listed(named, _NAMED) + rest
        rows.append((code, tenants, confirmed, meant or None, who))
    return table_of(
        rows,
        ["cause", "tenants", "confirmed", "providers", "who"],
        f"The root causes of {count(tenants_in(fleet.affected), 'affected tenant')}, each counted "
        "once, by the first of its requests that fails. Confirmed: the repair, run, removed the "
        "error.",
    )


def affected(fleet: Fleet, limit: int = 100) -> Table:
    """Return one row per affected tenant, `limit` of them, those of whom all fails first."""
    if limit < 1:
        raise InputError(f"{limit} tenants cannot be listed", todo="give 1 or more")
    rows: list[tuple[object, ...]] = []
    for tenant, impact in islice(fleet.first_affected(), limit):
        fails = [failure.complexity for failure in impact.failures]
        kinds = "all" if len(fails) == len(fleet.requests) > 1 else ", ".join(fails)
        first = impact.failures[0]
        leaves = f" (leaves {', '.join(first.leaves)})" if first.fix and first.leaves else ""
        rows.append((tenant.name, tenant.subdomain, kinds, *_why(first, leaves)))
    number = tenants_in(fleet.affected)
    caption = f"{count(number, 'affected tenant')}: what fails, why, the easiest fix and what it "
    return _first(rows, number, ("tenant", "subdomain", "fails"), f"{caption}leaves.")


def further(fleet: Fleet, limit: int = 100) -> Table:
    """Return one row per failing request that needs another fix than the tenant's first one."""
    rows = (
        (tenant.subdomain or tenant.id, failure.complexity, *_why(failure))
        for tenant, impact in fleet.members(lambda impact: bool(_others(impact)))
        for failure in _others(impact)
    )
    number = sum(len(_others(impact)) * impact.tenants for impact in fleet.affected)
    caption = f"{count(number, 'request')} whose fix is not that of the tenant's first."
    return _first([*islice(rows, limit)], number, ("tenant", "request"), caption)


def _others(impact: Impact) -> list[Failure]:
    """Return the failures whose fix is not that of the first."""
    return [each for each in impact.failures[1:] if each.edits != impact.failures[0].edits]


def _why(failure: Failure, leaves: str = "") -> tuple[object, ...]:
    """Return what the columns `_WHY` say of a failure, with what its fix leaves."""
    cause, fix = failure.cause, failure.fix and failure.fix + leaves
    verdict = cause.verdict if cause else "inconclusive"
    return str(cause or UNEXPLAINED), verdict, fix, failure.cost


def _first(
    rows: Sequence[tuple[object, ...]], number: int, columns: Sequence[str], caption: str
) -> Table:
    """Return a table of the first of so many rows, whose caption says what lists them all."""
    if len(rows) < number:
        caption = f"The first {len(rows):,} of {caption} {_ALL}"
    return table_of(rows, [*columns, *_WHY], caption)
