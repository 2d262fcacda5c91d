"""The fidelity of a capture: the redacted copy decides as its source does, for every tenant."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from functools import lru_cache
from itertools import zip_longest
from typing import Any

from sqlalchemy.orm import Session

from atomlab.byok.platform import Platform, load_platform
from atomlab.byok.ranking import rank
from atomlab.byok.request import Request
from atomlab.byok.rows import Row
from atomlab.capturing.copying import Inputs
from atomlab.errors import SourceError
from atomlab.evidence.inputs.environment import Environment, read_environment
from atomlab.evidence.inputs.pricing import Pricing, pricing_columns
from atomlab.evidence.inputs.rules import COMPLEXITIES
from atomlab.evidence.redaction import State
from atomlab.evidence.shapes import only_choice
from atomlab.evidence.snapshot import engine_on
from atomlab.text import storable

Clients = tuple[str, ...]


class FidelityCheck:
    """Judges the source's keys by their raw values as they are read, the copy's by their tokens.

    Of the source's rows it keeps each tenant's plan, ai_mode and clients, and no values.
    """

    def __init__(self, inputs: Inputs) -> None:
        pricing = inputs.pricing or Pricing(pricing_columns([]), "none")
        original = Platform(inputs.rules, inputs.providers, pricing, inputs.catalog)
        self._source = _Side(original, inputs.environment)
        self._tenants: dict[str, tuple[str | None, str | None]] = {}
        self._plans: dict[object, tuple[str | None, str | None]] = {}  # few, and many tenants

    def see_tenants(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Take in (tenant, plan, ai_mode) rows of the source."""
        for tenant, plan, mode in rows:
            self._tenants[str(tenant)] = self._plans.setdefault((plan, mode), (plan, mode))

    def see_settings(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Take in SETTING_COLUMNS rows of the source; those of one tenant follow each other."""
        self._source.see((tenant, name, value) for _, tenant, name, value, _ in rows)

    def compare(self, work: sqlite3.Connection) -> dict[str, Any]:
        """Decide for every tenant and complexity on both sides; return what was compared.

        Raises SourceError naming the first tenant on which the two differ, or what of all that a
        decision of whatever request depends on: rules, registry, prices, model catalogue, plans.
        """
        with Session(engine_on(work)) as session:
            copy = _Side(load_platform(session), read_environment(session))
        settings = (
            "SELECT tenant_id, setting_key, setting_value FROM tenant_settings ORDER BY rowid"
        )
        copy.see(work.execute(settings))
        source, tenants = self._source, work.execute("SELECT id, plan_type, ai_mode FROM tenants")
        copied = {tenant: (plan, mode) for tenant, plan, mode in tenants}
        for tenant, (plan, mode) in self._tenants.items():
            chosen, clients = (only_choice(plan), only_choice(mode)), source.clients(tenant)
            decided, again = source.decide(clients, plan, mode), copy.decide(clients, *chosen)
            held = (copied.get(tenant), copy.clients(tenant), again)
            if held != (chosen, clients, decided):
                raise _differs(f"decides otherwise for tenant {tenant}")
        _check_inputs(source.platform, copy.platform)
        complexities = list(COMPLEXITIES)
        return {"agree": True, "tenants": len(self._tenants), "complexities": complexities}


class _Side:
    """The source or the copy: which clients its tenants get, and what is decided for them."""

    def __init__(self, platform: Platform, environment: Environment) -> None:
        self.platform, self._environment = platform, environment
        self._manager = platform.manager()
        self._from_environment = platform.rules.keys_from == "environment"
        names = map(self._manager.key_names, platform.column)
        self._names = frozenset(name for those in names for name in those)
        self._tenant: object = None
        self._keys: list[Row] = []
        self._clients: dict[str, Clients] = {}
        # Most tenants are like many others.
        self._clients_of = lru_cache(maxsize=4096)(self._look_up)
        self.decide = lru_cache(maxsize=4096)(self._decide)

    def see(self, rows: Iterable[tuple[Any, Any, Any]]) -> None:
        """Take in (tenant, name, value) rows, those of one tenant together."""
        if self._from_environment:
            return  # the platform does not read them
        for tenant, name, value in rows:
            if name in self._names:
                if tenant != self._tenant:
                    self._conclude()
                    self._tenant = tenant
                self._keys.append((name, value))

    def clients(self, tenant: str) -> Clients:
        """Return the tenant's clients, once all rows were seen."""
        if self._from_environment:
            whose = self._environment.whose(tenant)
            if whose not in self._clients:
                keys = self._environment.of(whose).items()
                self._clients[whose] = self._clients_of(*self._manager.states_of(keys).items())
            return self._clients[whose]
        self._conclude()
        return self._clients.get(tenant, ())

    def _conclude(self) -> None:
        if self._keys:
            states = self._manager.states_of(self._keys)
            self._clients[storable(str(self._tenant))] = self._clients_of(*states.items())
            self._keys.clear()

    def _look_up(self, *states: tuple[str, State]) -> Clients:
        return tuple(k.provider for k in self._manager.lookups_of(dict(states)) if k.client)

    def _decide(
        self, clients: Clients, plan: str | None, mode: str | None
    ) -> list[tuple[str, str, int] | None]:
        """Return the winner and the number of candidates for each complexity."""
        requests = [Request(complexity=c).of_tenant(mode) for c in COMPLEXITIES]
        rankings = [rank(self.platform, clients, request, plan) for request in requests]
        return [
            (r.winner.provider, r.winner.model, len(r.order)) if r.winner else None
            for r in rankings
        ]


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
