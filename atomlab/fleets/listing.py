"""A fleet's tenants, one row each: what all of a group have in common is worked out once."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from functools import lru_cache
from io import TextIOWrapper
from itertools import chain
from typing import Any, BinaryIO, NamedTuple

from atomlab.diagnosis.population import TenantRow
from atomlab.fleets.impacts import Impact, Progress
from atomlab.fleets.survey import Fleet
from atomlab.fleets.totals import found
from atomlab.text import inert_cell, printable
from atomlab.verdicts import Status

OWN = ("id", "name", "subdomain")  # the columns that are a tenant's own
_LONGEST = 1000  # characters, of a cell
_MOMENT = 10_000  # tenants, after which progress is told


class Shared(NamedTuple):
    """What the tenants of a group have in common; the fields are columns, in their order.

    `failing` are the kinds of request that find no model, `cause` to `who` are of the first of
    them, None if none does. `leaves` are the kinds that the fix does not cure.
    """

    plan: str | None
    ai_mode: str | None
    managed: bool
    status: Status
    clients: tuple[str, ...]
    failing: tuple[str, ...]
    cause: str | None
    provider: str | None
    verdict: str | None
    fix: str | None
    cost: int | None
    leaves: tuple[str, ...]
    who: str | None


Row = tuple[TenantRow, Shared]


def shared_by(fleet: Fleet, impact: Impact) -> Shared:
    """Return what all tenants that meet this impact have in common."""
    group, first = impact.group, None
    if impact.failures:
        first = found(impact.failures[0], fleet.platform.rules)
    return Shared(
        group.plan,
        group.mode,
        bool(fleet.requests[0].of_tenant(group.mode).managed),
        impact.status,
        impact.clients,
        tuple(failure.complexity for failure in impact.failures),
        first and first.cause,
        first and first.provider,
        first and first.verdict,
        first and first.fix,
        first and first.cost,
        first.leaves if first else (),
        first.who or None if first else None,
    )


class AffectedRows:
    """The affected tenants of a fleet, read from its snapshot each time they are asked for.

    Those for whom all kinds of request fail come first, then the others, each by id.
    """

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def __iter__(self) -> Iterator[Row]:
        known: dict[Impact, Shared] = {}
        for tenant, impact in self._fleet.first_affected():
            if impact not in known:
                known[impact] = shared_by(self._fleet, impact)
            yield tenant, known[impact]


def to_json(row: Row) -> dict[str, Any]:
    """Return a tenant's row as JSON-ready values by the names of the columns."""
    tenant, shared = row
    return {name: getattr(tenant, name) for name in OWN} | shared._asdict()


def write_csv(
    rows: Iterable[Row], stream: BinaryIO, progress: Progress | None = None, total: int = 0
) -> None:
    """Write the rows as CSV under a line of names, one after the other as they come.

    Each text is in one line, and none is a formula to a spreadsheet. What is nothing is an empty
    cell, and several things stand in one, joined by commas. `progress` is told how many of the
    `total` are written.
    """
    cells = lru_cache(maxsize=1 << 14)(_cells)
    text = TextIOWrapper(stream, encoding="utf-8", newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow((*OWN, *Shared._fields))
    for number, (tenant, shared) in enumerate(rows):
        if progress and number % _MOMENT == 0:
            progress(number, total)
        writer.writerow(chain(_cells(tenant[: len(OWN)]), cells(shared)))
    text.detach()  # flushed; the stream is its owner's


def _cells(values: Iterable[object]) -> tuple[str, ...]:
    return tuple(inert_cell(printable(_text(value), _LONGEST)) for value in values)


def _text(value: object) -> object:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(value)
    return "" if value is None else value
