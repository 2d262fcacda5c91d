"""The parts of a fleet, one for each shard: decided here, or wherever an executor runs it.

What each says of its tenants adds up: `added` for the totals, `merged_rows` for the tenants.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, as_completed
from dataclasses import dataclass, replace
from functools import partial
from heapq import merge
from itertools import islice
from typing import Any

from atomlab.byok.request import Request
from atomlab.evidence.snapshot import Snapshot, open_snapshot
from atomlab.fleets.impacts import Progress
from atomlab.fleets.listing import AffectedRows, Row
from atomlab.fleets.survey import Fleet, survey
from atomlab.fleets.totals import Totals


@dataclass(frozen=True)
class Part:
    """What a snapshot says of a fleet: which one, what was asked, totals, the affected tenants."""

    snapshot: dict[str, Any]
    requests: tuple[Request, ...]
    totals: Totals
    rows: Iterable[Row]


def part_of(fleet: Fleet) -> Part:
    """Return a fleet as a part; its rows are read from the snapshot whenever they are asked for."""
    snapshot = {
        "name": fleet.snapshot.name,
        "sha256": fleet.snapshot.sha256,
        "captured_at": fleet.snapshot.captured_at,
        "rules": fleet.platform.rules.name,
    }
    return Part(snapshot, fleet.requests, fleet.totals, AffectedRows(fleet))


def summarise(path: str, complexity: str, managed: bool | None, most: int | None) -> Part:
    """Return what the snapshot in a file says, with at most so many rows, None for all.

    It depends on nothing but the file and these arguments, so any process may do it, twice as well.
    """
    with open_snapshot(path) as snapshot:
        part = part_of(survey(snapshot, complexity, managed))
        return replace(part, rows=tuple(islice(part.rows, most)))


def parts_in(
    shards: Sequence[Snapshot],
    complexity: str = "",
    managed: bool | None = None,
    executor: Executor | None = None,
    most: int | None = None,
    progress: Progress | None = None,
) -> list[Part]:
    """Return what each of the shards says, in their order: found out here, or by an executor.

    An executor's workers read the files by the same paths, and return at most so many rows each.
    `progress` is told how many tenants are done here, or how many shards by others.
    """
    if executor is None:
        return [part_of(survey(shard, complexity, managed, progress)) for shard in shards]
    decide = partial(summarise, complexity=complexity, managed=managed, most=most)
    futures = [executor.submit(decide, str(shard.path.resolve())) for shard in shards]
    for done, _ in enumerate(as_completed(futures), 1):
        if progress:
            progress(done, len(futures))
    return [future.result() for future in futures]


def merged_rows(parts: Sequence[Part]) -> Iterator[Row]:
    """Yield the affected tenants of all parts: those for whom all fails first, each by id."""
    kinds = len(parts[0].requests)
    place = lambda row: (len(row[1].failing) < kinds, row[0].id)  # noqa: E731
    yield from merge(*(part.rows for part in parts), key=place)
