"""The copy of a source's rows into a snapshot's tables: redacted as they are read.

No value of a setting is ever held in a file or a message.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from operator import itemgetter

from atomlab.capturing.workfile import insert
from atomlab.errors import SourceError
from atomlab.evidence.inputs.catalog import CatalogEntry
from atomlab.evidence.inputs.environment import DEFAULT, Environment
from atomlab.evidence.inputs.pricing import COLUMNS, Pricing
from atomlab.evidence.inputs.registry import Provider
from atomlab.evidence.inputs.rules import Rules
from atomlab.evidence.redaction import (
    fingerprinter,
    in_key_shape,
    reach_of,
    token,
)
from atomlab.evidence.shapes import only_choice, only_digits, only_public, only_time
from atomlab.evidence.sources.source import Row, Source, TenantId
from atomlab.text import printable, storable


@dataclass(frozen=True)
class Inputs:
    """What a decision uses beside the tenants; `environment` is the worker's, its values raw."""

    rules: Rules
    providers: tuple[Provider, ...]
    pricing: Pricing | None
    catalog: Mapping[str, CatalogEntry]
    environment: Environment


def copy_inputs(work: sqlite3.Connection, inputs: Inputs) -> None:
    """Copy rules, registry, prices and catalogue."""
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


def copy_tenants(
    work: sqlite3.Connection, source: Source, ids: Sequence[TenantId] | None
) -> Iterator[list[Row]]:
    """Copy the tenants; yield batches of (tenant, plan, ai_mode) rows as the source has them."""
    for batch in source.tenants(ids):
        rows = _storable(batch, source)
        choices = {choice: only_choice(choice) for choice in {c for row in rows for c in row[3:]}}
        for tenant, name, subdomain, plan, mode in rows:
            row = (tenant, only_public(name), only_public(subdomain), choices[plan], choices[mode])
            try:
                if tenant is None:  # which SQLite takes for a key, too
                    raise sqlite3.IntegrityError
                work.execute("INSERT INTO tenants VALUES (?, ?, ?, ?, ?, 0)", row)
            except sqlite3.IntegrityError:
                what = "has no name, no id, or one that stands there twice"
                raise _bad_row(f"tenant {only_public(str(tenant))!r} {what}", source) from None
        yield [(tenant, plan, mode) for tenant, _, _, plan, mode in rows]


def copy_settings(
    work: sqlite3.Connection,
    source: Source,
    ids: Sequence[TenantId] | None,
    inputs: Inputs,
    key: bytes,
) -> Iterator[list[Row]]:
    """Copy the settings whose names may leave, values redacted; count the others by tenant.

    Yields batches of SETTING_COLUMNS rows as the source has them, those of a tenant together.
    """
    reach, fingerprint = reach_of(inputs.providers), fingerprinter(key)
    for rows in source.settings(ids):
        yield rows
        names = {name: reach(name) for name in {row[2] for row in rows}}  # few
        kept = {name for name, reached in names.items() if reached == "always"}
        unsure = {name for name, reached in names.items() if reached == "as a key"}
        leaving = [
            name in kept or (name in unsure and in_key_shape(value))
            for _, _, name, value, _ in rows
        ]
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
            what = f"setting {printable(name)} belongs to no tenant"
            raise _bad_row(what, source) from None
        unnamed = Counter([row[1] for row, leaves in zip(rows, leaving, strict=True) if not leaves])
        work.executemany(
            "UPDATE tenants SET unnamed_settings = unnamed_settings + ? WHERE id = ?",
            _storable([(number, tenant) for tenant, number in unnamed.items()], source),
        )


def copy_environment(work: sqlite3.Connection, inputs: Inputs, key: bytes) -> dict[str, int]:
    """Copy variables and stored keys whose names may leave; return how much was withheld."""
    reach, fingerprint = reach_of(inputs.providers), fingerprinter(key)
    variables = {
        name: value
        for name, value in inputs.environment.variables.items()
        if reach(name) == "always" or (reach(name) == "as a key" and in_key_shape(value))
    }
    key_names = {DEFAULT, *(tenant for (tenant,) in work.execute("SELECT id FROM tenants"))}
    known = {*(p.id for p in inputs.providers), *inputs.rules.llm_providers}
    stored = {
        (provider, key_name): value
        for (provider, key_name), value in inputs.environment.stored.items()
        if provider in known and key_name in key_names
    }
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


def _bad_row(what: str, source: Source) -> SourceError:
    return SourceError(what, where=source.name, todo="mend the row in a copy of the database")


def _storable(rows: list[Row], source: Source) -> list[Row]:
    """Return rows that SQLite takes: text that is not UTF-8 with its odd bytes escaped."""
    if source.database.only_utf8:
        return rows
    return [tuple(storable(v) if isinstance(v, str) else v for v in row) for row in rows]
