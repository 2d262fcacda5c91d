"""The copy of a source's rows into a snapshot's tables: redacted as they are read.

No value of a setting is ever held in a file or a message.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from operator import itemgetter, not_

from atomlab.capturing.workfile import insert
from atomlab.errors import SourceError
from atomlab.evidence.inputs.catalog import CatalogEntry
from atomlab.evidence.inputs.environment import DEFAULT, Environment
from atomlab.evidence.inputs.pricing import COLUMNS, Pricing
from atomlab.evidence.inputs.registry import Provider
from atomlab.evidence.inputs.rules import Rules
from atomlab.evidence.redaction import (
    Reach,
    fingerprinter,
    in_key_shape,
    key_state,
    reach_of,
    token,
)
from atomlab.evidence.shapes import (
    all_public,
    only_choice,
    only_digits,
    only_public,
    only_time,
)
from atomlab.evidence.sources.source import Row, Source, TenantId
from atomlab.evidence.states import StatesByTenant
from atomlab.evidence.tenants import shard_of
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


Works = Sequence[sqlite3.Connection]  # the database of each shard, or the only one


def _by_shard(rows: list[Row], works: Works, place: int) -> list[list[Row]]:
    """Return the rows of each shard, by the tenant at this place of a row."""
    if len(works) == 1:
        return [rows]
    found: list[list[Row]] = [[] for _ in works]
    for row in rows:
        found[shard_of(str(row[place]), len(works)) - 1].append(row)
    return found


def copy_tenants(
    works: Works, source: Source, ids: Sequence[TenantId] | None
) -> Iterator[list[list[Row]]]:
    """Copy the tenants; yield batches of (tenant, plan, ai_mode) rows as the source has them.

    A batch has a list for each shard.
    """
    for batch in source.tenants(ids):
        parts = _by_shard(_storable(batch, source), works, 0)
        for work, rows in zip(works, parts, strict=True):
            _write_tenants(work, source, rows)
        yield [[(tenant, plan, mode) for tenant, _, _, plan, mode in rows] for rows in parts]


def _write_tenants(work: sqlite3.Connection, source: Source, rows: list[Row]) -> None:
    if not rows:
        return
    tenants, names, subdomains, plans, modes = zip(*rows, strict=True)
    kept = {choice: only_choice(choice) for choice in {*plans, *modes}}
    choices = (map(kept.get, plans), map(kept.get, modes))
    redacted = zip(tenants, all_public(names), all_public(subdomains), *choices, strict=True)
    before = work.total_changes
    try:
        work.executemany("INSERT INTO tenants VALUES (?, ?, ?, ?, ?, 0, 0)", redacted)
    except sqlite3.IntegrityError:
        tenant = only_public(str(rows[work.total_changes - before][0]))
        what = f"tenant {tenant!r} has no name, no id, or one that stands there twice"
        raise _bad_row(what, source) from None


def copy_settings(
    works: Works,
    source: Source,
    ids: Sequence[TenantId] | None,
    inputs: Inputs,
    key: bytes,
) -> None:
    """Copy the settings whose names may leave, values redacted.

    Beside each tenant it notes the states of these, and how many others it has. The values of
    those that can be no key's are not even asked of a server.
    """
    reach, states = reach_of(inputs.providers), StatesByTenant()
    redact, named = _redactor(source, inputs, key, reach), source.setting_names(ids)
    names = None if named is None else {name: n for name, n in named if reach(name) != "never"}
    for unnamed in () if names is None else source.other_settings(ids, names):
        _write(works, source, [], unnamed, [])
    for rows in source.settings(ids, names):
        kept, found, unnamed = redact(rows)
        noted = states.add([row[1] for row in kept], found)
        _write(works, source, kept, unnamed, noted)
    _write(works, source, [], [], states.end())


def _redactor(
    source: Source, inputs: Inputs, key: bytes, reach: Callable[[object], Reach]
) -> Callable[[list[Row]], tuple[list[Row], list[Row], list[Row]]]:
    """Return a function that makes of SETTING_COLUMNS rows what a snapshot holds of them.

    That is the rows whose names may leave; name and state of each; and how many others there are,
    by tenant. Of columns rather than rows: there are millions.
    """
    fingerprint, rules = fingerprinter(key), inputs.rules

    def redact(rows: list[Row]) -> tuple[list[Row], list[Row], list[Row]]:
        _, tenants, names, values, _ = zip(*rows, strict=True)
        reached = {name: reach(name) for name in set(names)}  # few
        leaving = [
            how == "always" or (how == "as a key" and in_key_shape(value))
            for how, value in zip(map(reached.get, names), values, strict=True)
        ]
        counted = Counter(compress(tenants, map(not_, leaving)))
        unnamed = _storable([(number, tenant) for tenant, number in counted.items()], source)
        kept = list(compress(rows, leaving))
        if not kept:
            return [], [], unnamed
        numbers, tenants, names, values, made = zip(*kept, strict=True)
        states = [key_state(value, rules) for value in values]
        tokens = [token(v, state, fingerprint) for v, state in zip(values, states, strict=True)]
        if not only_digits(numbers):  # as it is nearly always
            numbers = tuple(map(only_public, numbers))
        times = {time: only_time(time) for time in set(made)}  # few, too
        redacted = zip(numbers, tenants, names, tokens, map(times.get, made), strict=True)
        return (
            _storable(list(redacted), source),
            _storable(list(zip(names, states, strict=True)), source),
            unnamed,
        )

    return redact


def _write(
    works: Works, source: Source, kept: list[Row], unnamed: list[Row], states: list[Row]
) -> None:
    """Write settings, and beside their tenants how many others there are, and their states."""
    parts = (_by_shard(rows, works, 1) for rows in (kept, unnamed, states))
    for work, *of_shard in zip(works, *parts, strict=True):
        _write_settings(work, source, *of_shard)


def _write_settings(
    work: sqlite3.Connection,
    source: Source,
    kept: list[Row],
    unnamed: list[Row],
    states: list[Row],
) -> None:
    try:
        insert(work, "tenant_settings", kept)
    except sqlite3.IntegrityError:
        name = next(name for _, tenant, name, *_ in kept if tenant is None)
        what = f"setting {printable(name)} belongs to no tenant"
        raise _bad_row(what, source) from None
    numbers, others = ({tenant: number for number, tenant in rows} for rows in (states, unnamed))
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


def _bad_row(what: str, source: Source) -> SourceError:
    return SourceError(what, where=source.name, todo="mend the row in a copy of the database")


def _storable(rows: list[Row], source: Source) -> list[Row]:
    """Return rows that SQLite takes: text that is not UTF-8 with its odd bytes escaped."""
    if source.database.only_utf8():
        return rows
    return [tuple(storable(v) if isinstance(v, str) else v for v in row) for row in rows]
