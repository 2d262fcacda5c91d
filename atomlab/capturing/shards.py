"""A capture in shards: where its files stand, and what their manifests say of them."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from atomlab.errors import InputError, SnapshotError
from atomlab.evidence.shards import MOST_SHARDS, SHARD_NAME, shard_name
from atomlab.files import unwritable


@contextmanager
def shard_files(
    out: Path, shards: int | None, overwrite: bool
) -> Iterator[tuple[list[Path], list[Path]]]:
    """Give the files to write, and those of an earlier capture in shards that are to go.

    Without `shards` that is `out` alone. With them it is a folder, which is made if need be, and
    is gone again if the block fails. Raises SnapshotError if it cannot be made, or holds the shards
    of an earlier capture that may not be overwritten.
    """
    if shards is None:
        yield [out], []
        return
    if not 1 <= shards <= MOST_SHARDS:
        raise InputError(f"shards is {shards}", todo=f"give a number from 1 to {MOST_SHARDS}")
    was_there = out.is_dir()
    try:
        _make(out)
        targets = [out / shard_name(number, shards) for number in range(1, shards + 1)]
        earlier = [path for path in out.iterdir() if SHARD_NAME.fullmatch(path.name)]
        if earlier and not overwrite:
            raise SnapshotError(
                "holds the shards of an earlier capture, which are kept",
                where=out,
                todo="name another folder or add --overwrite",
            )
        yield targets, [path for path in earlier if path not in targets]
    except BaseException:
        if not was_there:
            with suppress(OSError):
                out.rmdir()
        raise


def _make(folder: Path) -> None:
    """Make a folder if need be; raise SnapshotError if it cannot be."""
    try:
        folder.mkdir()
    except FileExistsError:
        if folder.is_dir():
            return
        raise SnapshotError(
            "is no folder", where=folder, todo="name a folder for the shards"
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise unwritable(
            folder, reason, "make the folder around it first, or name another"
        ) from None


def numbered(manifests: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the manifests with what each shard is: its number, of how many, of which capture."""
    capture = secrets.token_hex(8)
    for number, manifest in enumerate(manifests, 1):
        yield {**manifest, "shard": {"number": number, "of": len(manifests), "capture": capture}}
