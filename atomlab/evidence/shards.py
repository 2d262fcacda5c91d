"""The shards of a capture: its tenants in several snapshots, each in the one that its id says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

from atomlab.errors import SnapshotError
from atomlab.evidence.snapshot import Snapshot, open_snapshot
from atomlab.text import count, listed

MOST_SHARDS = 100  # a capture has them all open
SHARD_NAME = re.compile(r"shard-\d{2,3}-of-\d{2,3}\.sqlite")
# What all tenants have in common, and what each shard holds.
_COMMON = {
    "rules": "rules",
    "providers": "providers",
    "pricing": "prices",
    "model_catalog": "model catalogue",
    "environment": "environment",
}


def shard_name(number: int, of: int) -> str:
    """Return the name of the file of a shard; sorted, names are in the order of the numbers."""
    width = max(2, len(str(of)))
    return f"shard-{number:0{width}}-of-{of:0{width}}.sqlite"


def open_shards(*paths: str | Path) -> list[Snapshot]:
    """Return the opened snapshots that hold all tenants: one that is whole, or all of its shards.

    Each path is a file, or a folder, of which its `*.sqlite` files are taken. The shards come in
    the order of their numbers. Raises SnapshotError if a file cannot be opened, a shard is missing,
    of another capture or there twice, or what all have in common differs; and for several whole
    snapshots, since a tenant may stand in two.
    """
    files = [file for path in paths for file in _files(Path(path))]
    with ExitStack() as stack:
        found = [stack.enter_context(open_snapshot(file)) for file in files]
        if len(found) > 1 or any("shard" in snapshot.manifest for snapshot in found):
            found = _checked(found)
        stack.pop_all()
    return found


def _files(path: Path) -> Iterable[Path]:
    if not path.is_dir():
        return [path]
    if found := sorted(path.glob("*.sqlite")):
        return found
    raise SnapshotError(
        "has no snapshot (*.sqlite) in it", where=path, todo="give the folder of a capture"
    )


def _checked(snapshots: Sequence[Snapshot]) -> list[Snapshot]:
    """Return the shards of one capture in order; raise SnapshotError if they are anything else."""
    for snapshot in snapshots:
        if "shard" not in snapshot.manifest:
            raise SnapshotError(
                "is a whole snapshot, and a tenant of it may stand in another one, too",
                where=snapshot.path,
                todo="give it alone, or the shards of one capture",
            )
    first, *others = snapshots
    for other in others:
        _check_pair(first, other)
    ordered = sorted(snapshots, key=_number)
    for one, other in pairwise(ordered):
        if _number(one) == _number(other):
            raise SnapshotError(
                f"is shard {_number(one)}, and so is {one.path}",
                where=other.path,
                todo="give each shard once",
            )
    of = first.manifest["shard"]["of"]
    if missing := [n for n in range(1, of + 1) if n not in set(map(_number, ordered))]:
        raise SnapshotError(
            f"{count(len(missing), 'shard')} of {of} not given: {listed(map(str, missing))}",
            where=first.path.parent,
            todo=f"give all {of}, such as {shard_name(missing[0], of)}, or capture again",
        )
    return ordered


def _check_pair(first: Snapshot, other: Snapshot) -> None:
    """Raise SnapshotError unless two shards are of one capture, and decide by the same."""
    one, its = ({**each.manifest["shard"], "number": 0} for each in (first, other))
    differs = "is of another capture than" if one != its else ""
    for table, what in _COMMON.items():
        if first.manifest["tables"].get(table) != other.manifest["tables"].get(table):
            differs = differs or f"holds other {what} than"
    if differs:
        what = f"{differs} {first.path}"
        raise SnapshotError(what, where=other.path, todo="give the shards of one capture")


def _number(snapshot: Snapshot) -> int:
    return int(snapshot.manifest["shard"]["number"])
