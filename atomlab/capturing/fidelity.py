"""The fidelity of a capture: the redacted copy decides as its source does, for every tenant.

A decision follows from rules, registry, prices, catalogue and environment, and from a tenant's
plan, mode and the states of its keys. All of them are compared, and so no decision need be.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import zip_longest
from typing import Any

from sqlalchemy.orm import Session

from atomlab.byok.platform import Platform, load_platform
from atomlab.byok.request import Request
from atomlab.capturing.copying import Inputs
from atomlab.errors import SourceError
from atomlab.evidence.inputs.environment import Environment, read_environment
from atomlab.evidence.inputs.pricing import Pricing, pricing_columns
from atomlab.evidence.inputs.rules import COMPLEXITIES
from atomlab.evidence.manifest import RowsHash, table_digest
from atomlab.evidence.schema import FORMAT_VERSION, FORMATS
from atomlab.evidence.shapes import only_choice
from atomlab.evidence.snapshot import engine_on
from atomlab.evidence.sources.source import Row
from atomlab.evidence.states import StatesCheck


class FidelityCheck:
    """Judges the source by what is read of it, the copy by what is read back.

    The states of a tenant's keys stand beside it in the copy, made from the source's values.
    """

    def __init__(self, inputs: Inputs) -> None:
        pricing = inputs.pricing or Pricing(pricing_columns([]), "none")
        self._source = Platform(inputs.rules, inputs.providers, pricing, inputs.catalog)
        self._environment = inputs.environment
        self._tenants, self._read = 0, RowsHash()

    def see_tenants(self, rows: Sequence[Row]) -> None:
        """Take in (tenant, plan, ai_mode) rows of the source."""
        kept = {choice: only_choice(choice) for choice in {c for row in rows for c in row[1:]}}
        for tenant, plan, mode in rows:
            if (plan, mode) != (kept[plan], kept[mode]):
                self._check_withheld(tenant, (plan, mode), (kept[plan], kept[mode]))
        self._tenants += len(rows)
        self._read.add([(tenant, kept[p], kept[m]) for tenant, p, m in rows])

    def compare(self, work: sqlite3.Connection) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what was compared, and the digests of the copy's tables, which were read for it.

        Raises SourceError naming the first tenant, or the input, on which the two differ.
        """
        copied, states = RowsHash(), StatesCheck(work)
        see: dict[str, Callable[[list[Row]], None]] = {
            "tenants": lambda rows: copied.add([(r[0], r[3], r[4]) for r in rows]),
            "tenant_settings": states.see,
        }
        try:
            tables = {
                table: table_digest(work, table, see.get(table))
                for table in FORMATS[FORMAT_VERSION][1]
            }
            states.end()
        except ValueError as error:
            raise _differs(f"decides otherwise for tenant {error}") from None
        if copied.end() != self._read.end():
            raise _differs("holds other tenants")
        with Session(engine_on(work)) as session:
            platform = load_platform(session)
            _check_inputs(self._source, platform)
            if platform.rules.keys_from == "environment":
                sides = {self._source: self._environment, platform: read_environment(session)}
                _check_environment(work, sides)
        done = {"agree": True, "tenants": self._tenants, "complexities": list(COMPLEXITIES)}
        return done, tables

    def _check_withheld(
        self, tenant: str, own: tuple[str | None, str | None], kept: tuple[str | None, str | None]
    ) -> None:
        """Raise SourceError if what is withheld of a tenant's plan and mode would decide."""
        rules, request = self._source.rules, Request()
        one, other = (
            (rules.allowed_names(plan), request.of_tenant(mode)) for plan, mode in (own, kept)
        )
        if one != other:
            raise _differs(f"decides otherwise for tenant {tenant}")


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
            raise _differs(f"decides otherwise for tenant {tenant}")


def _check_inputs(original: Platform, redacted: Platform) -> None:
    prices = zip_longest(original.pricing.rows(), redacted.pricing.rows())
    same = {
        "rules": original.rules == redacted.rules,
        "providers": original.providers == redacted.providers,
        "prices": all(one == other for one, other in prices),
        "model catalogue": original.catalog == redacted.catalog,
    }
    if others := [what for what, alike in same.items() if not alike]:
        raise _differs(f"holds other {', '.join(others)}")


def _differs(how: str) -> SourceError:
    return SourceError(
        f"the redacted copy {how}", todo="report this as a fault of atomlab; nothing was written"
    )
