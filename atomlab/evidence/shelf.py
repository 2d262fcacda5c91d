"""A folder of snapshots: the one that shows a tenant as it was at a time, or the newest."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path

from atomlab.errors import InputError, SnapshotError, TenantError
from atomlab.evidence.manifest import read_manifest
from atomlab.evidence.snapshot import Snapshot, open_snapshot
from atomlab.text import listed


def fitting_snapshot(folder: Path, names: Sequence[str], at: datetime | None = None) -> Snapshot:
    """Return the snapshot in a folder that was captured nearest to `at`, without it the newest.

    It holds a tenant that goes by one of the names; files that are no snapshots are passed over.
    Raises InputError if there is none.
    """
    if not folder.is_dir():
        raise InputError("is no folder of snapshots", where=folder, todo="set ATOMLAB_SNAPSHOTS")
    known = [(found, path) for path in folder.iterdir() if (found := captured_at(path))]
    newest = sorted(known, reverse=True)
    if at is not None:
        newest.sort(key=lambda found: abs(found[0] - at))
    for _, path in newest:
        with suppress(SnapshotError):
            snapshot = open_snapshot(path)
            for name in names:
                with suppress(TenantError):
                    snapshot.tenant(name)
                    return snapshot
            snapshot.close()
    raise InputError(
        f"no snapshot in it holds {listed(names)}",
        where=folder,
        todo="capture one, give one with --snapshot, or another name with --tenant",
    )


def captured_at(path: Path) -> datetime | None:
    """Return when a snapshot was captured, by what it says of itself; None for another file."""
    with suppress(OSError, ValueError, RecursionError, KeyError, sqlite3.Error):
        if path.is_file() and path.suffix not in (".key", ".lock"):
            uri = path.resolve().as_uri() + "?mode=ro&immutable=1"
            with closing(sqlite3.connect(uri, uri=True)) as db:
                return datetime.fromisoformat(str(read_manifest(db)["captured_at"]))
    return None
