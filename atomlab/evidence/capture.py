"""Capture: a redacted snapshot of a platform database, written only when it is whole.

Rows are redacted as they are read; no value of a setting is ever held in a file or a message.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from atomlab.errors import SourceError
from atomlab.evidence.catalog import CatalogEntry, load_catalog
from atomlab.evidence.files import check_writable, write_whole
from atomlab.evidence.pricing import COLUMNS, Pricing, load_pricing
from atomlab.evidence.redaction import key_id, load_key, name_may_leave, token
from atomlab.evidence.registry import Provider, default_registry, load_registry
from atomlab.evidence.rules import Rules, load_rules
from atomlab.evidence.schema import SNAPSHOT_DDL, SNAPSHOT_TABLES
from atomlab.evidence.seal import APPLICATION_ID, FORMAT_VERSION, sealed
from atomlab.evidence.snapshot import Snapshot, engine_on, open_snapshot, table_digest
from atomlab.evidence.source import (
    SETTING_COLUMNS,
    TENANT_COLUMNS,
    Source,
    open_source,
    sqlite_path,
)
from atomlab.evidence.tenants import find_tenant_id
from atomlab.text import printable, storable


@dataclass(frozen=True)
class Inputs:
    """What a decision uses beside the tenants: rules, registry, prices (if any), catalogue."""

    rules: Rules
    providers: tuple[Provider, ...]
    pricing: Pricing | None
    catalog: Mapping[str, CatalogEntry]


# Compares the decisions on the source with those on the redacted copy, and returns what the
# manifest says of it, or raises. Handed in, because evidence knows nothing of decisions.
Prove = Callable[[Session, Session, Inputs], dict[str, Any]]


def capture(
    source: str,
    out: str | Path,
    *,
    prove: Prove,
    tenants: Sequence[str] = (),
    pricing: str | Path | None = None,
    providers: str | Path | None = None,
    catalog: str | Path | None = None,
    rules: str = "hosted-2026-05",
    key_file: str | Path | None = None,
    overwrite: bool = False,
    captured_at: datetime | None = None,
    note: str | None = None,
) -> Snapshot:
    """Write a redacted snapshot of `source` to `out` and return it, opened.

    `source` is an SQLite file in ATOM's schema, or its SQLAlchemy URL; it is opened read-only and
    read in one transaction. `tenants` narrows to some tenants (ids, subdomains or names).
    `captured_at` is for made-up data; it defaults to now. `note` stands in the manifest and on
    every report.

    Raises SourceError, InputError or TenantError before anything is written; SnapshotError if
    `out` exists and `overwrite` is false, or cannot be written.
    """
    target = Path(out)
    given = (pricing, providers, catalog, rules, key_file)
    check_writable(target, overwrite, [sqlite_path(source), *(Path(f) for f in given if f)])
    chosen = load_rules(rules)
    registry = load_registry(Path(providers) if providers else default_registry(chosen.based_on))
    prices = load_pricing(Path(pricing)) if pricing else None
    started_at = datetime.now(UTC)
    memory = sqlite3.connect(":memory:", check_same_thread=False)
    with (
        contextlib.closing(memory),
        open_source(source) as original,
        contextlib.ExitStack() as on_failure,
    ):
        entries = load_catalog(Path(catalog)) if catalog else original.catalog()
        inputs = Inputs(chosen, registry, prices, entries)
        memory.executescript(SNAPSHOT_DDL)
        _copy_inputs(memory, inputs)
        names = list(original.rows("tenants", ("id", "subdomain", "name"))) if tenants else []
        ids = {find_tenant_id(names, name) for name in tenants}
        key = _load_key(key_file, on_failure)
        _copy_tenants(memory, original, ids if tenants else None, inputs, key)
        memory.commit()
        ended_at = datetime.now(UTC)
        with Session(engine_on(memory)) as copy:
            fidelity = prove(original.db, copy, inputs)
        manifest = {
            "schema": "atomlab.snapshot/1",
            "tool": f"atomlab {version('atomlab')}",
            "source": {"kind": original.kind, "name": original.name},
            "started_at": _iso(captured_at or started_at),
            "captured_at": _iso(captured_at or ended_at),
            "rules": chosen.name,
            "pricing": _about(prices),
            "fingerprint": {"scheme": "hmac-sha256/v1", "key_id": key_id(key)},
            "narrowed": bool(tenants),
            "note": note,
            "fidelity": fidelity,
            "tables": {table: table_digest(memory, table) for table in SNAPSHOT_TABLES},
        }
        _finish(memory, manifest)
        write_whole(target, sealed(memory.serialize()))
        on_failure.pop_all()
    return open_snapshot(target)


def _load_key(key_file: str | Path | None, on_failure: contextlib.ExitStack) -> bytes:
    """Return the fingerprint key; a key file that is made now goes again if the capture fails."""
    if key_file is None:
        return load_key(None)
    path = Path(key_file)
    made = not os.path.lexists(path)
    key = load_key(path)
    if made:
        on_failure.callback(path.unlink, missing_ok=True)
    return key


def _copy_inputs(memory: sqlite3.Connection, inputs: Inputs) -> None:
    memory.executemany(
        "INSERT INTO providers VALUES (?, ?, ?, ?, ?)",
        [
            (position, p.id, p.api_key_env_var, p.is_active, p.health_score)
            for position, p in enumerate(inputs.providers)
        ],
    )
    if inputs.pricing is not None:
        memory.executemany(
            f"INSERT INTO pricing VALUES (?{', ?' * len(COLUMNS)})",  # noqa: S608
            [(position, *row) for position, row in enumerate(inputs.pricing.rows())],
        )
    memory.executemany(
        "INSERT INTO model_catalog VALUES (?, ?, ?)",
        [
            (storable(model_id), json.dumps(sorted(entry.capabilities)), entry.excluded)
            for model_id, entry in inputs.catalog.items()
        ],
    )
    rules = inputs.rules
    memory.execute("INSERT INTO rules VALUES (?, ?)", (rules.name, json.dumps(rules.to_mapping())))


def _copy_tenants(
    memory: sqlite3.Connection,
    source: Source,
    ids: Collection[str] | None,
    inputs: Inputs,
    key: bytes,
) -> None:
    """Copy the tenants with these ids (None: all) and their key settings, values redacted."""
    unnamed: Counter[str] = Counter()
    for setting_id, tenant_id, name, value, created_at in source.rows(
        "tenant_settings", SETTING_COLUMNS
    ):
        if ids is not None and tenant_id not in ids:
            continue
        if not isinstance(name, str) or not name_may_leave(name, inputs.providers):
            unnamed[tenant_id] += 1
            continue
        if tenant_id is None:
            raise SourceError(
                f"setting {printable(name)} belongs to no tenant",
                where=source.name,
                todo="mend the row in a copy of the database",
            )
        redacted = token(value, inputs.rules, key)
        memory.execute(
            "INSERT INTO tenant_settings VALUES (?, ?, ?, ?, ?)",
            (*map(_text, (setting_id, tenant_id, name)), redacted, _text(created_at)),
        )
    for row in source.rows("tenants", TENANT_COLUMNS):
        if ids is not None and row[0] not in ids:
            continue
        try:
            memory.execute(
                "INSERT INTO tenants VALUES (?, ?, ?, ?, ?, ?)",
                (*map(_text, row), unnamed[row[0]]),
            )
        except sqlite3.IntegrityError:
            raise SourceError(
                f"tenant {row[0]!r} has no name, or its id stands there twice",
                where=source.name,
                todo="mend the row in a copy of the database",
            ) from None


def _finish(memory: sqlite3.Connection, manifest: Mapping[str, Any]) -> None:
    memory.executemany(
        "INSERT INTO manifest VALUES (?, ?)",
        [(name, json.dumps(value)) for name, value in manifest.items()],
    )
    memory.commit()
    memory.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    memory.execute(f"PRAGMA user_version = {FORMAT_VERSION}")
    memory.execute("VACUUM")


def _about(prices: Pricing | None) -> dict[str, Any] | None:
    if prices is None:
        return None
    return {
        "format": prices.format,
        "source": prices.source,
        "last_fetch": prices.last_fetch,
        "models": len(prices),
    }


def _text(value: object) -> str | None:
    return None if value is None else storable(str(value))


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
