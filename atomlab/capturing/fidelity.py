"""The fidelity of a capture: the redacted copy decides as its source does, for every tenant.

A decision follows from rules, registry, prices, catalogue and environment, and from a tenant's
plan, mode and the states of its keys. All of them are compared, and so no decision need be.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import zip_longest
from typing import Any

from sqlalchemy.orm import Session

from atomlab.byok.platform import Platform, load_platform
from atomlab.capturing.reading import Inputs, differs
from atomlab.evidence.inputs.environment import Environment, read_environment
from atomlab.evidence.inputs.pricing import Pricing, pricing_columns
from atomlab.evidence.inputs.rules import COMPLEXITIES
from atomlab.evidence.manifest import RowsHash, table_digest
from atomlab.evidence.schema import FORMAT_VERSION, FORMATS
from atomlab.evidence.snapshot import engine_on
from atomlab.evidence.sources.source import Row
from atomlab.evidence.states import StatesCheck

_READ_COLUMNS = 5  # of a tenant's row, before those that capture itself adds


class FidelityCheck:
    """Judges the source by what is read of it, the copy in `work` by what is read back.

    The states of a tenant's keys stand beside it in the copy, made from the source's values.
    """

    def __init__(self, work: sqlite3.Connection, inputs: Inputs) -> None:
        pricing = inputs.pricing or Pricing(pricing_columns([]), "none")
        self._source = Platform(inputs.rules, inputs.providers, pricing, inputs.catalog)
        self._environment, self._work = inputs.environment, work
        self._tenants, self._read = 0, RowsHash()
        self._settings, self._states = RowsHash(), StatesCheck(work)

    def see_tenants(self, rows: Sequence[Row]) -> None:
        """Take in rows of tenants that were read of the source."""
        self._tenants += len(rows)
        self._read.add(rows)

    def read_settings(self) -> None:
        """Read back the settings that were written since this was called last.

        Raises SourceError naming the first tenant whose states differ.
        """
        query = "SELECT * FROM tenant_settings WHERE rowid > ? ORDER BY rowid"
        rows = self._work.execute(query, [self._settings.rows]).fetchall()
        self._settings.add(rows)
        with _tenant_named():
            self._states.see(rows)

    def compare(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what was compared, and the digests of the copy's tables, which were read for it.

        Raises SourceError naming the first tenant, or the input, on which the two differ.
        """
        work, copied = self._work, RowsHash()
        see = {"tenants": lambda rows: copied.add([row[:_READ_COLUMNS] for row in rows])}
        tables = {
            table: self._settings.end()  # read back as they were written
            if table == "tenant_settings"
            else table_digest(work, table, see.get(table))
            for table in FORMATS[FORMAT_VERSION][1]
        }
        [[settings]] = work.execute("SELECT count(*) FROM tenant_settings")
        if settings != tables["tenant_settings"]["rows"]:
            raise differs("holds other settings")
        with _tenant_named():
            self._states.end()
        if copied.end() != self._read.end():
            raise differs("holds other tenants")
        with Session(engine_on(work)) as session:
            platform = load_platform(session)
            _check_inputs(self._source, platform)
            if platform.rules.keys_from == "environment":
                sides = {self._source: self._environment, platform: read_environment(session)}
                _check_environment(work, sides)
        done = {"agree": True, "tenants": self._tenants, "complexities": list(COMPLEXITIES)}
        return done, tables


@contextmanager
def _tenant_named() -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise differs(f"decides otherwise for tenant {error}") from None


def _check_environment(work: sqlite3.Connection, sides: Mapping[Platform, Environment]) -> None:
    """Raise SourceError, with the first tenant, unless both sides find it the same clients."""
    managers = {platform: platform.manager() for platform in sides}

    @cache
    def clients(side: Platform, whose: str) -> tuple[str, ...]:
        states = managers[side].states_of(sides[side].of(whose).items())
        return managers[side].clients_of(states)

    for (tenant,) in work.execute("SELECT id FROM tenants ORDER BY rowid"):
        found = {clients(side, held.whose(tenant)) for side, held in sides.items()}
        if len(found) > 1:
            raise differs(f"decides otherwise for tenant {tenant}")


def _check_inputs(original: Platform, redacted: Platform) -> None:
    prices = zip_longest(original.pricing.rows(), redacted.pricing.rows())
    same = {
        "rules": original.rules == redacted.rules,
        "providers": original.providers == redacted.providers,
        "prices": all(one == other for one, other in prices),
        "model catalogue": original.catalog == redacted.catalog,
    }
    if others := [what for what, alike in same.items() if not alike]:
        raise differs(f"holds other {', '.join(others)}")
