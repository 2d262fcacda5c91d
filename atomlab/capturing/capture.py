"""Capture: a redacted snapshot of a platform database, written only if it decides as its source."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any, TypedDict, Unpack, overload

from atomlab.capturing.copying import (
    Works,
    by_shard,
    copy_environment,
    copy_inputs,
    copy_settings,
    copy_tenants,
    settings_by_shard,
)
from atomlab.capturing.fidelity import FidelityCheck
from atomlab.capturing.memory import private_memory
from atomlab.capturing.own_process import in_own_process
from atomlab.capturing.reading import (
    Inputs,
    OpenedSource,
    Part,
    ReadSettings,
    ReadSoFar,
    ReadTenants,
    read,
)
from atomlab.capturing.shards import numbered, shard_files
from atomlab.capturing.workfile import work_database, write_sealed
from atomlab.errors import InputError, SourceError
from atomlab.evidence.inputs.catalog import CatalogEntry, load_catalog
from atomlab.evidence.inputs.environment import Environment, load_stored_keys, load_variables
from atomlab.evidence.inputs.pricing import load_pricing
from atomlab.evidence.inputs.registry import default_registry, load_registry
from atomlab.evidence.inputs.rules import load_rules
from atomlab.evidence.manifest import describe
from atomlab.evidence.redaction import key_id, key_text, new_key, read_key
from atomlab.evidence.schema import FORMAT_VERSION
from atomlab.evidence.shapes import looks_secret
from atomlab.evidence.snapshot import Snapshot, open_snapshot, open_written
from atomlab.evidence.soundness import check_sizes
from atomlab.evidence.sources.source import Progress, source_files
from atomlab.files import check_writable, whole_files


class Options(TypedDict, total=False):
    """What `capture` can be given beside a source, where to write and how many shards."""

    tenants: Sequence[str]
    pricing: str | Path | None
    providers: str | Path | None
    catalog: str | Path | None
    env: str | Path | Mapping[str, str] | None
    keys: str | Path | Mapping[str, Any] | None
    rules: str
    key_file: str | Path | None
    overwrite: bool
    operator: str | None
    parent: str | Path | None
    statement_timeout_s: float
    progress: Progress | None
    captured_at: datetime | None
    note: str | None


@overload
def capture(
    source: str, out: str | Path, *, shards: None = None, **options: Unpack[Options]
) -> Snapshot: ...
@overload
def capture(
    source: str, out: str | Path, *, shards: int, **options: Unpack[Options]
) -> list[Snapshot]: ...
@private_memory()
def capture(
    source: str,
    out: str | Path,
    *,
    shards: int | None = None,
    tenants: Sequence[str] = (),
    pricing: str | Path | None = None,
    providers: str | Path | None = None,
    catalog: str | Path | None = None,
    env: str | Path | Mapping[str, str] | None = None,
    keys: str | Path | Mapping[str, Any] | None = None,
    rules: str = "hosted-2026-05",
    key_file: str | Path | None = None,
    overwrite: bool = False,
    operator: str | None = None,
    parent: str | Path | None = None,
    statement_timeout_s: float = 60,
    progress: Progress | None = None,
    captured_at: datetime | None = None,
    note: str | None = None,
) -> Snapshot | list[Snapshot]:
    """Write a redacted snapshot of `source` to `out` and return it, opened.

    `source` is a PostgreSQL URL, an SQLite file in ATOM's schema or its URL, or `env:NAME`, a
    variable that holds one of these. `tenants` narrows to some (ids, subdomains or names). With
    `shards`, `out` is a folder, and the tenants stand in so many snapshots there, which are
    returned: all of one capture, read at one moment. `env` and `keys` are files, or what would
    stand in them. The manifest records `operator`; `parent`, an earlier snapshot of the incident;
    and `note`, for reports. `captured_at` is for made-up data. Raises AtomlabError; what was there
    before is then as it was.
    """
    if any(map(looks_secret, filter(None, (operator, note)))):
        raise InputError("operator or note has what looks like a key in it", todo="leave it out")
    given = _Given(rules, pricing, providers, catalog, env, keys, parent)
    sources = [*given.files(), *source_files(source)]
    about: dict[str, Any] = {"operator": operator, "note": note, "narrowed": bool(tenants)}
    with shard_files(Path(out), shards, overwrite) as (targets, gone):
        files = _Files(targets, gone, Path(key_file) if key_file is not None else None, overwrite)
        is_new_key = files.check(sources)
        inputs, clock = given.load(), partial(_times, captured_at, datetime.now(UTC), monotonic())
        key = read_key(files.key) if files.key and not is_new_key else new_key()
        about |= {"parent": _earlier(given.parent, key)}
        to_read = read(source, statement_timeout_s, tenants, inputs, key, given.catalogue is None)
        with closing(in_own_process(to_read)) as parts:
            seen = _seen(parts, progress)
            _write(seen, given, inputs, files, key, is_new_key, clock, about, shards)
    written = [open_written(target) for target in targets]
    return written if shards else written[0]


@dataclass(frozen=True)
class _Files:
    """What a capture writes: snapshots, and the key unless it is there; what is `gone` then."""

    targets: list[Path]
    gone: list[Path]
    key: Path | None
    overwrite: bool

    def check(self, read: list[Path]) -> bool:
        """Raise SnapshotError unless all may be written; return whether the key is to be."""
        for target in (*self.targets, *self.gone):
            check_writable(target, self.overwrite, [*read, *([self.key] if self.key else [])])
        if self.key is None or os.path.lexists(self.key):
            return False
        check_writable(self.key, overwrite=False, inputs=read)
        return True


def _seen(parts: Iterator[Part], progress: Progress | None) -> Iterator[Part]:
    """Yield what was read, without how much that is so far, which is shown."""
    for part in parts:
        if not isinstance(part, ReadSoFar):
            yield part
        elif progress:
            progress(part.table, part.done, part.total)


def _write(
    parts: Iterator[Part],
    given: _Given,
    inputs: Inputs,
    files: _Files,
    key: bytes,
    is_new_key: bool,
    clock: Callable[[], dict[str, Any]],
    about: dict[str, Any],
    shards: int | None,
) -> None:
    """Copy what is read into snapshots, prove and seal them, and give all of them their names."""
    source = next(parts)
    assert isinstance(source, OpenedSource)  # noqa: S101 - what `read` yields first
    inputs = replace(inputs, catalog=given.catalog(source))
    about |= {"inputs": given.states(source, inputs)}
    # The key first: no snapshot is there without it.
    named = {files.key: False} if files.key and is_new_key else {}
    with ExitStack() as stack:
        grown = [
            stack.enter_context(work_database(target, len(files.targets)))
            for target in files.targets
        ]
        works = [work for work, _ in grown]
        manifests = _copy(works, source, parts, inputs, key, clock, about)
        streams = stack.enter_context(
            whole_files({**named, **dict.fromkeys(files.targets, files.overwrite)}, files.gone)
        )
        manifests = [*numbered(manifests)] if shards else manifests
        for each, manifest, stream in zip(grown, manifests, streams[len(named) :], strict=True):
            write_sealed(*each, manifest, stream)
        if named:
            streams[0].write(key_text(key))


@dataclass(frozen=True)
class _Given:
    """What a capture was given beside its source: files, or what would stand in them."""

    rules: str
    pricing: str | Path | None
    providers: str | Path | None
    catalogue: str | Path | None
    env: str | Path | Mapping[str, str] | None
    keys: str | Path | Mapping[str, Any] | None
    parent: str | Path | None

    def files(self) -> list[Path]:
        """Return the files to read."""
        return [Path(f) for f in vars(self).values() if isinstance(f, str | Path)]

    def load(self) -> Inputs:
        """Return what is in the files, but for the catalogue, which the source may have."""
        rules = load_rules(self.rules)
        if looks_secret(json.dumps(rules.to_mapping())):
            what = "have what looks like a key in them"
            raise InputError(what, where="the rules", todo="mend them")
        own = default_registry(rules.based_on) if self.providers is None else self.providers
        providers = load_registry(Path(own))
        pricing = None if self.pricing is None else load_pricing(Path(self.pricing))
        environment = Environment(
            {} if self.env is None else load_variables(self.env),
            {} if self.keys is None else load_stored_keys(self.keys),
        )
        return Inputs(rules, providers, pricing, {}, environment)

    def catalog(self, source: OpenedSource) -> Mapping[str, CatalogEntry]:
        """Return the catalogue that was given, else the source's own."""
        if self.catalogue is None:
            return source.catalog or {}
        return load_catalog(Path(self.catalogue))

    def states(self, source: OpenedSource, inputs: Inputs) -> dict[str, str]:
        """Return for each input whether it was captured, given, default or absent."""
        scored = any(p.health_score is not None for p in inputs.providers)
        shipped = self.rules == inputs.rules.based_on == inputs.rules.name
        return {
            "rules": "default" if shipped else "given",
            "prices": "absent" if self.pricing is None else "given",
            "registry": "default" if self.providers is None else "given",
            "catalogue": source.catalog_state if self.catalogue is None else "given",
            "health": "given" if scored else "absent",
            "environment": "absent" if self.env is None else "given",
            "stored keys": "absent" if self.keys is None else "given",
        }


def _times(made_up: datetime | None, started_at: datetime, began: float) -> dict[str, Any]:
    """Return what a manifest says of when a capture began and ended, and how long it took."""
    if made_up:
        return {"started_at": made_up, "captured_at": made_up}
    duration_s = round(monotonic() - began, 3)
    return {"started_at": started_at, "captured_at": datetime.now(UTC), "duration_s": duration_s}


def _earlier(parent: str | Path | None, key: bytes) -> dict[str, Any] | None:
    """Return what a manifest says of an earlier snapshot: which, and whether values compare."""
    if parent is None:
        return None
    with open_snapshot(parent) as earlier:
        comparable = earlier.manifest["fingerprint"]["key_id"] == key_id(key)
        about = {"sha256": earlier.sha256, "captured_at": earlier.captured_at}
    return {**about, "comparable": comparable}


def _copy(
    works: Works,
    source: OpenedSource,
    parts: Iterator[Part],
    inputs: Inputs,
    key: bytes,
    clock: Callable[[], dict[str, Any]],
    about: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """Copy everything in one pass, check that the copy decides as the source; return manifests."""
    checks = [FidelityCheck(work, inputs) for work in works]
    for work in works:
        work.execute("BEGIN")
        copy_inputs(work, inputs)
    for part in parts:
        _copy_part(part, works, checks, source.name)
    found: list[dict[str, Any]] = []
    for work, check in zip(works, checks, strict=True):
        withheld = copy_environment(work, inputs, key)
        work.execute("COMMIT")  # before anything could roll back: there is no journal
        _check_sizes(work, source.name)
        fidelity, tables = check.compare()
        found.append({"withheld": withheld, "fidelity": fidelity, "tables": tables})
    about = {**about, **clock()}
    describe_each = partial(
        describe, source=source.custody, rules=inputs.rules, prices=inputs.pricing, key=key
    )
    return [describe_each(**about, **each) for each in found]


def _copy_part(part: Part, works: Works, checks: Sequence[FidelityCheck], source: str) -> None:
    """Copy tenants or settings to the shards that hold them, and let these be checked."""
    if isinstance(part, ReadTenants):
        shares = by_shard(part.rows, len(works), 0)
        for work, check, rows in zip(works, checks, shares, strict=True):
            copy_tenants(work, rows, source)
            check.see_tenants(rows)
    elif isinstance(part, ReadSettings):
        split = settings_by_shard(part, len(works))
        for work, check, settings in zip(works, checks, split, strict=True):
            copy_settings(work, settings, source)
            check.read_settings()


def _check_sizes(work: sqlite3.Connection, source: str) -> None:
    """Raise SourceError for what opening the snapshot would refuse."""
    try:
        check_sizes(work, FORMAT_VERSION)
    except ValueError as error:
        raise SourceError(
            f"cannot be captured: {error}", where=source, todo="capture from a smaller copy"
        ) from None
