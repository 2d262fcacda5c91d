"""Capture: a redacted snapshot of a platform database, written only when it is whole.

Rows are redacted as they are read; no value of a setting is ever held in a file or a message.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import compress
from operator import itemgetter
from pathlib import Path
from time import monotonic
from typing import Any, Protocol

from atomlab.capturing.memory import private_memory
from atomlab.capturing.workfile import insert, work_database, write_sealed
from atomlab.errors import InputError, SourceError
from atomlab.evidence.inputs.catalog import CatalogEntry, load_catalog
from atomlab.evidence.inputs.environment import (
    NONE,
    Environment,
    kept_stored_keys,
    load_stored_keys,
    load_variables,
)
from atomlab.evidence.inputs.pricing import COLUMNS, Pricing, load_pricing
from atomlab.evidence.inputs.registry import Provider, any_health, default_registry, load_registry
from atomlab.evidence.inputs.rules import Rules, load_rules
from atomlab.evidence.manifest import describe
from atomlab.evidence.redaction import (
    fingerprinter,
    key_id,
    key_text,
    new_key,
    read_key,
    settings_that_may_leave,
    token,
)
from atomlab.evidence.schema import FORMAT_VERSION
from atomlab.evidence.shapes import looks_secret, only_choice, only_digits, only_public, only_time
from atomlab.evidence.snapshot import Snapshot, open_snapshot, open_written
from atomlab.evidence.soundness import check_sizes
from atomlab.evidence.sources.source import Progress, Row, Source, open_source, source_files
from atomlab.files import check_writable, unwritable, whole_files
from atomlab.text import printable, storable


@dataclass(frozen=True)
class Inputs:
    """What a decision uses beside the tenants: rules, registry, prices (if any), catalogue.

    And where keys come from it, the worker's environment, its values raw.
    """

    rules: Rules
    providers: tuple[Provider, ...]
    pricing: Pricing | None
    catalog: Mapping[str, CatalogEntry]
    environment: Environment = NONE


class Witness(Protocol):
    """Whoever compares the decisions on the source with those on the redacted copy.

    It is handed in, because evidence knows nothing of decisions.
    """

    def __init__(self, work: sqlite3.Connection, inputs: Inputs, /) -> None: ...

    def see_tenants(self, rows: Iterable[Row], /) -> None:
        """Take in (tenant, plan, ai_mode) rows as the source gives them."""

    def see_settings(self, rows: Iterable[Row], /) -> None:
        """Take in SETTING_COLUMNS rows as the source gives them, those of a tenant together."""

    def compare(self) -> dict[str, Any]:
        """Return what the manifest says of the comparison, or raise."""


@private_memory()
def capture(
    source: str,
    out: str | Path,
    *,
    witness: type[Witness],
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
) -> Snapshot:
    """Write a redacted snapshot of `source` to `out` and return it, opened.

    `source` is a PostgreSQL URL, an SQLite file in ATOM's schema or its URL, or `env:NAME`, the
    environment variable that holds one of these; it is read in one read-only transaction, in
    batches. `tenants` narrows to some tenants (ids, subdomains or names). `env`, the worker's
    variables, and `keys`, its byok_keys.json, are files or what would stand in them; they are
    redacted as settings are. The manifest records
    `operator`, who captured; `parent`, an earlier snapshot of the same incident; and `note`,
    which stands on every report. `captured_at` is for made-up data; it defaults to now.

    No core of the process is dumped meanwhile, and nobody else looks at its memory.

    Raises SourceError, InputError or TenantError before anything is written; SnapshotError if
    `out` exists and `overwrite` is false, or cannot be written.
    """
    if any(map(looks_secret, filter(None, (operator, note)))):
        raise InputError("operator or note has what looks like a key in it", todo="leave it out")
    target = Path(out)
    files = (pricing, providers, catalog, env, keys, rules, parent)
    read = [Path(f) for f in files if f is not None and not isinstance(f, Mapping)]
    read += source_files(source)
    key_path = None if key_file is None else Path(key_file)
    check_writable(target, overwrite, [*read, *([key_path] if key_path else ())])
    new_key_path = key_path if key_path and not os.path.lexists(key_path) else None
    if new_key_path:
        check_writable(new_key_path, overwrite=False, inputs=read)
    chosen = load_rules(rules)
    if looks_secret(json.dumps(chosen.to_mapping())):
        raise InputError("have what looks like a key in them", where="the rules", todo="mend them")
    registered = default_registry(chosen.based_on) if providers is None else Path(providers)
    registry = load_registry(registered)
    prices = None if pricing is None else load_pricing(Path(pricing))
    environment = Environment(
        {} if env is None else load_variables(env), {} if keys is None else load_stored_keys(keys)
    )
    started_at, began = datetime.now(UTC), monotonic()
    opened = open_source(source, statement_timeout_s=statement_timeout_s, progress=progress)
    with opened as original:
        entries = original.catalog() if catalog is None else load_catalog(Path(catalog))
        inputs = Inputs(chosen, registry, prices, entries, environment)
        ids = original.tenant_ids(tenants) if tenants else None
        key = read_key(key_path) if key_path and not new_key_path else new_key()
        predecessor = _parent(parent, key)
        with _written(target), work_database(target.parent) as (work, content):
            work.execute("BEGIN")
            _copy_inputs(work, inputs)
            seeing = witness(work, inputs)
            _copy_tenants(work, original, ids, seeing)
            _copy_settings(work, original, ids, inputs, key, seeing)
            withheld = _copy_environment(work, inputs, key)
            work.execute("COMMIT")  # before anything could roll back: there is no journal
            _check_limits(work, original)
            ended_at, took_s = datetime.now(UTC), round(monotonic() - began, 3)
            fidelity = seeing.compare()
            manifest = describe(
                work,
                source=original.custody,
                started_at=captured_at or started_at,
                captured_at=captured_at or ended_at,
                rules=chosen,
                prices=prices,
                key=key,
                inputs={
                    "rules": "default" if rules == chosen.based_on == chosen.name else "given",
                    "prices": "absent" if prices is None else "given",
                    "registry": "default" if providers is None else "given",
                    "catalogue": "given" if catalog else original.catalog_state,
                    "health": "given" if any_health(registry) else "absent",
                    "environment": "absent" if env is None else "given",
                    "stored keys": "absent" if keys is None else "given",
                },
                withheld=withheld,
                narrowed=bool(tenants),
                fidelity=fidelity,
                operator=operator,
                parent=predecessor,
                note=note,
                **({} if captured_at else {"duration_s": took_s}),
            )
            # The key first: no snapshot is there without it.
            new = {new_key_path: False} if new_key_path else {}
            with whole_files({**new, target: overwrite}) as streams:
                write_sealed(work, content, manifest, streams[-1])
                if new:
                    streams[0].write(key_text(key))
    return open_written(target)


@contextlib.contextmanager
def _written(target: Path) -> Iterator[None]:
    """Say what a failing work file means; a source's own errors are its own."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise unwritable(target, error) from None


def _parent(parent: str | Path | None, key: bytes) -> dict[str, Any] | None:
    """Return what a manifest says of an earlier snapshot: which, and whether values compare."""
    if parent is None:
        return None
    with open_snapshot(parent) as earlier:
        comparable = earlier.manifest["fingerprint"]["key_id"] == key_id(key)
        return {
            "sha256": earlier.sha256,
            "captured_at": earlier.captured_at,
            "comparable": comparable,
        }


def _copy_inputs(work: sqlite3.Connection, inputs: Inputs) -> None:
    work.executemany(
        "INSERT INTO providers VALUES (?, ?, ?, ?, ?)",
        [
            (position, p.id, p.api_key_env_var, p.is_active, p.health_score)
            for position, p in enumerate(inputs.providers)
        ],
    )
    if inputs.pricing is not None:
        work.executemany(
            f"INSERT INTO pricing VALUES (?{', ?' * len(COLUMNS)})",  # noqa: S608
            ((position, *row) for position, row in enumerate(inputs.pricing.rows())),
        )
    work.executemany(
        "INSERT INTO model_catalog VALUES (?, ?, ?)",
        [
            (storable(model_id), entry.stored, entry.excluded)
            for model_id, entry in sorted(inputs.catalog.items(), key=itemgetter(0))
        ],
    )
    rules = inputs.rules
    work.execute("INSERT INTO rules VALUES (?, ?)", (rules.name, json.dumps(rules.to_mapping())))


def _copy_tenants(
    work: sqlite3.Connection, source: Source, ids: Sequence[Any] | None, witness: Witness
) -> None:
    for rows in source.tenants(ids):
        storable_rows = _storable(rows, source)
        choices = {
            choice: only_choice(choice) for choice in {c for row in storable_rows for c in row[3:]}
        }
        for tenant, name, subdomain, plan, mode in storable_rows:
            row = (tenant, only_public(name), only_public(subdomain), choices[plan], choices[mode])
            try:
                if row[0] is None:  # which SQLite takes for a key, too
                    raise sqlite3.IntegrityError
                work.execute("INSERT INTO tenants VALUES (?, ?, ?, ?, ?, 0)", row)
            except sqlite3.IntegrityError:
                raise SourceError(
                    f"tenant {only_public(str(tenant))!r} has no name, no id, or one that stands "
                    "there twice",
                    where=source.name,
                    todo="mend the row in a copy of the database",
                ) from None
        witness.see_tenants([(tenant, plan, mode) for tenant, _, _, plan, mode in storable_rows])


def _copy_settings(
    work: sqlite3.Connection,
    source: Source,
    ids: Sequence[Any] | None,
    inputs: Inputs,
    key: bytes,
    witness: Witness,
) -> None:
    """Copy the settings whose names may leave, values redacted; count the others by tenant."""
    may_leave, fingerprint = settings_that_may_leave(inputs.providers), fingerprinter(key)
    for rows in source.settings(ids):
        witness.see_settings(rows)
        names = {name for _, _, name, _, _ in rows}  # few names, many rows
        kept = {name for name in names if may_leave(name, None)}
        leaving = [name in kept or may_leave(name, value) for _, _, name, value, _ in rows]
        times = {time: only_time(time) for time in {row[4] for row in rows}}  # few, too
        redacted = [
            (number, tenant, name, token(value, inputs.rules, fingerprint), times[created_at])
            for number, tenant, name, value, created_at in compress(rows, leaving)
        ]
        if not only_digits(row[0] for row in redacted):  # as it is nearly always
            redacted = [(only_public(number), *rest) for number, *rest in redacted]
        try:
            insert(work, "tenant_settings", _storable(redacted, source))
        except sqlite3.IntegrityError:
            name = next(name for _, tenant, name, *_ in redacted if tenant is None)
            raise SourceError(
                f"setting {printable(name)} belongs to no tenant",
                where=source.name,
                todo="mend the row in a copy of the database",
            ) from None
        unnamed = Counter([row[1] for row, leaves in zip(rows, leaving, strict=True) if not leaves])
        work.executemany(
            "UPDATE tenants SET unnamed_settings = unnamed_settings + ? WHERE id = ?",
            _storable([(number, tenant) for tenant, number in unnamed.items()], source),
        )


def _copy_environment(work: sqlite3.Connection, inputs: Inputs, key: bytes) -> dict[str, int]:
    """Copy variables and stored keys whose names may leave; return how much was withheld."""
    may_leave, fingerprint = settings_that_may_leave(inputs.providers), fingerprinter(key)
    variables = {n: v for n, v in inputs.environment.variables.items() if may_leave(n, v)}
    tenants = {tenant for (tenant,) in work.execute("SELECT id FROM tenants")}
    known = {*(p.id for p in inputs.providers), *inputs.rules.llm_providers}
    stored = kept_stored_keys(inputs.environment.stored, known, tenants)
    work.executemany(
        "INSERT INTO environment VALUES (?, ?)",
        [(n, token(v, inputs.rules, fingerprint)) for n, v in sorted(variables.items())],
    )
    work.executemany(
        "INSERT INTO stored_keys VALUES (?, ?, ?)",
        [(*name, token(v, inputs.rules, fingerprint)) for name, v in sorted(stored.items())],
    )
    [[settings]] = work.execute("SELECT coalesce(sum(unnamed_settings), 0) FROM tenants")
    return {
        "settings": settings,
        "variables": len(inputs.environment.variables) - len(variables),
        "stored_keys": len(inputs.environment.stored) - len(stored),
    }


def _check_limits(work: sqlite3.Connection, source: Source) -> None:
    """Raise SourceError for what would not be read again: opening refuses it."""
    try:
        check_sizes(work, FORMAT_VERSION)
    except ValueError as error:
        raise SourceError(
            f"cannot be captured: {error}", where=source.name, todo="capture from a smaller copy"
        ) from None


def _storable(rows: list[Row], source: Source) -> list[Row]:
    """Return rows that SQLite takes: text that is no UTF-8 with its odd bytes escaped."""
    if source.database.only_utf8:
        return rows
    return [tuple(storable(v) if isinstance(v, str) else v for v in row) for row in rows]
