"""The tables of a snapshot, written of what was read of a source."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from operator import itemgetter

from atomlab.capturing.reading import Inputs, ReadSettings
from atomlab.capturing.workfile import insert
from atomlab.errors import SourceError
from atomlab.evidence.inputs.environment import DEFAULT
from atomlab.evidence.inputs.pricing import COLUMNS
from atomlab.evidence.redaction import fingerprinter, in_key_shape, key_state, reach_of, token
from atomlab.evidence.shapes import only_public
from atomlab.evidence.sources.source import Row
from atomlab.evidence.tenants import shard_of
from atomlab.text import printable, storable

Works = Sequence[sqlite3.Connection]  # the database of each shard, or the only one


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


def by_shard(rows: list[Row], shards: int, place: int) -> list[list[Row]]:
    """Return the rows of each shard, by the tenant at this place of a row."""
    if shards == 1:
        return [rows]
    found: list[list[Row]] = [[] for _ in range(shards)]
    for row in rows:
        found[shard_of(str(row[place]), shards) - 1].append(row)
    return found


def settings_by_shard(part: ReadSettings, shards: int) -> list[ReadSettings]:
    """Return what each shard holds of some settings."""
    split = (by_shard(rows, shards, 1) for rows in (part.rows, part.unnamed, part.states))
    return [ReadSettings(*of_shard) for of_shard in zip(*split, strict=True)]


def copy_tenants(work: sqlite3.Connection, rows: list[Row], source: str) -> None:
    """Copy tenants; raise SourceError naming the one that cannot be, of the source of that name."""
    before = work.total_changes
    try:
        work.executemany("INSERT INTO tenants VALUES (?, ?, ?, ?, ?, 0, 0)", rows)
    except sqlite3.IntegrityError:
        tenant = only_public(str(rows[work.total_changes - before][0]))
        what = f"tenant {tenant!r} has no name, no id, or one that stands there twice"
        raise _bad_row(what, source) from None


def copy_settings(work: sqlite3.Connection, part: ReadSettings, source: str) -> None:
    """Copy settings; note beside their tenants how many others there are, and their states."""
    try:
        insert(work, "tenant_settings", part.rows)
    except sqlite3.IntegrityError:
        name = next(name for _, tenant, name, *_ in part.rows if tenant is None)
        what = f"setting {printable(name)} belongs to no tenant"
        raise _bad_row(what, source) from None
    numbers, others = (
        {tenant: number for number, tenant in rows} for rows in (part.states, part.unnamed)
    )
    add = "UPDATE tenants SET states = states + ?, unnamed_settings = unnamed_settings + ?"
    both = [(numbers.get(t, 0), others.get(t, 0), t) for t in numbers | others]
    work.executemany(f"{add} WHERE id = ?", both)


def copy_environment(work: sqlite3.Connection, inputs: Inputs, key: bytes) -> dict[str, int]:
    """Copy variables and stored keys whose names may leave; return how much was withheld."""
    reach, fingerprint = reach_of(inputs.providers), fingerprinter(key)

    def redacted(value: object) -> str:
        return token(value, key_state(value, inputs.rules), fingerprint)

    variables = {
        name: value
        for name, value in inputs.environment.variables.items()
        if reach(name) == "always" or (reach(name) == "as a key" and in_key_shape(value))
    }
    named = "SELECT 1 FROM tenants WHERE id = ?"
    key_names = {
        name
        for _, name in inputs.environment.stored
        if name == DEFAULT or (storable(name) == name and work.execute(named, [name]).fetchone())
    }
    known = {*(p.id for p in inputs.providers), *inputs.rules.llm_providers}
    stored = {
        (provider, key_name): value
        for (provider, key_name), value in inputs.environment.stored.items()
        if provider in known and key_name in key_names
    }
    work.executemany(
        "INSERT INTO environment VALUES (?, ?)",
        [(n, redacted(v)) for n, v in sorted(variables.items())],
    )
    work.executemany(
        "INSERT INTO stored_keys VALUES (?, ?, ?)",
        [(*name, redacted(v)) for name, v in sorted(stored.items())],
    )
    [[settings]] = work.execute("SELECT coalesce(sum(unnamed_settings), 0) FROM tenants")
    return {
        "settings": settings,
        "variables": len(inputs.environment.variables) - len(variables),
        "stored_keys": len(inputs.environment.stored) - len(stored),
    }


def _bad_row(what: str, source: str) -> SourceError:
    return SourceError(what, where=source, todo="mend the row in a copy of the database")
