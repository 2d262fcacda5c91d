"""What is read of a source, redacted as it is read: no value of a setting gets any further.

A snapshot is written of what `read` yields, in that order, and of nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, compress
from operator import not_
from typing import Any

from atomlab.byok.request import Request
from atomlab.errors import SourceError
from atomlab.evidence.inputs.catalog import CatalogEntry
from atomlab.evidence.inputs.environment import Environment
from atomlab.evidence.inputs.pricing import Pricing
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
from atomlab.evidence.sources.source import Row, Source, TenantId, open_source
from atomlab.evidence.states import StatesByTenant
from atomlab.text import storable


@dataclass(frozen=True)
class Inputs:
    """What a decision uses beside the tenants; `environment` is the worker's, its values raw."""

    rules: Rules
    providers: tuple[Provider, ...]
    pricing: Pricing | None
    catalog: Mapping[str, CatalogEntry]
    environment: Environment


@dataclass(frozen=True)
class OpenedSource:
    """A source: its name, what a manifest says of it, and its model catalogue if asked for."""

    name: str
    custody: Mapping[str, Any]
    catalog_state: str
    catalog: Mapping[str, CatalogEntry] | None


@dataclass(frozen=True)
class ReadTenants:
    """Some (id, name, subdomain, plan_type, ai_mode) rows of tenants."""

    rows: list[Row]


@dataclass(frozen=True)
class ReadSettings:
    """Some rows of settings whose names may leave, values redacted; how many others a tenant has.

    `unnamed` are (number, tenant) rows, and so are `states`, of the tenants that ended.
    """

    rows: list[Row]
    unnamed: list[Row]
    states: list[Row]


@dataclass(frozen=True)
class ReadSoFar:
    """How many rows of a table were read, and how many it has."""

    table: str
    done: int
    total: int


Part = OpenedSource | ReadTenants | ReadSettings | ReadSoFar


def read(
    source: str,
    limit_s: float,
    tenants: Sequence[str],
    inputs: Inputs,
    key: bytes,
    with_catalog: bool,
) -> Generator[Part, None, None]:
    """Yield the source once it is open, then its tenants, then their settings, in batches.

    Between them stands how much was read. `source`, `tenants` and `key` are as `capture` has them,
    no statement runs longer than `limit_s`. Raises SourceError and TenantError.
    """
    steps: list[ReadSoFar] = []
    with open_source(source, limit_s, lambda *step: steps.append(ReadSoFar(*step))) as opened:
        catalog = opened.catalog() if with_catalog else None
        yield OpenedSource(opened.name, opened.custody, opened.catalog_state, catalog)
        ids = opened.tenant_ids(tenants) if tenants else None
        settings = _settings(opened, ids, inputs, key)
        for part in chain[Part](_tenants(opened, ids, inputs.rules), settings):
            yield part
            yield from steps
            steps.clear()
        opened.end()
        yield from steps


def _tenants(source: Source, ids: Sequence[TenantId] | None, rules: Rules) -> Iterator[ReadTenants]:
    for batch in source.tenants(ids):
        rows = _storable(batch, source)
        tenants, names, subdomains, plans, modes = zip(*rows, strict=True)
        kept = {choice: only_choice(choice) for choice in {*plans, *modes}}
        if any(choice != public for choice, public in kept.items()):
            for tenant, _, _, plan, mode in rows:
                _check_withheld(tenant, (plan, mode), (kept[plan], kept[mode]), rules)
        choices = (map(kept.get, plans), map(kept.get, modes))
        public = zip(tenants, all_public(names), all_public(subdomains), *choices, strict=True)
        yield ReadTenants(list(public))


def _check_withheld(
    tenant: str,
    own: tuple[str | None, str | None],
    kept: tuple[str | None, str | None],
    rules: Rules,
) -> None:
    """Raise SourceError if what is withheld of a tenant's plan and mode would decide."""
    one, other = (
        (rules.allowed_names(plan), Request().of_tenant(mode)) for plan, mode in (own, kept)
    )
    if one != other:
        raise differs(f"decides otherwise for tenant {tenant}")


def differs(how: str) -> SourceError:
    """Return the error that a snapshot would not decide as its source does."""
    return SourceError(
        f"the redacted copy {how}", todo="report this as a fault of atomlab; nothing was written"
    )


def _settings(
    source: Source, ids: Sequence[TenantId] | None, inputs: Inputs, key: bytes
) -> Iterator[ReadSettings]:
    """Yield settings, the values of which are not even asked of a server if they can be no key."""
    reach, states = reach_of(inputs.providers), StatesByTenant()
    redact, named = _redactor(source, inputs.rules, key, reach), source.setting_names(ids)
    names = None if named is None else {name: n for name, n in named if reach(name) != "never"}
    for unnamed in () if names is None else source.other_settings(ids, names):
        yield ReadSettings([], unnamed, [])
    for rows in source.settings(ids, names):
        kept, found, unnamed = redact(rows)
        yield ReadSettings(kept, unnamed, states.add([row[1] for row in kept], found))
    yield ReadSettings([], [], states.end())


def _redactor(
    source: Source, rules: Rules, key: bytes, reach: Callable[[object], Reach]
) -> Callable[[list[Row]], tuple[list[Row], list[Row], list[Row]]]:
    """Return a function that makes of SETTING_COLUMNS rows what a snapshot holds of them.

    That is the rows whose names may leave; name and state of each; and how many others there are,
    by tenant. Of columns rather than rows: there are millions.
    """
    fingerprint = fingerprinter(key)

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


def _storable(rows: list[Row], source: Source) -> list[Row]:
    """Return rows that SQLite takes: text that is not UTF-8 with its odd bytes escaped."""
    if source.database.only_utf8():
        return rows
    return [tuple(storable(v) if isinstance(v, str) else v for v in row) for row in rows]
