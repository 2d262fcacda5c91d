"""Fidelity of a capture: the decision on the redacted copy equals the one on the source."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from itertools import groupby, zip_longest
from operator import itemgetter
from typing import Any

from sqlalchemy.orm import Session

from atomlab.byok.keys import BYOKManager
from atomlab.byok.platform import Platform, in_client_order, load_platform
from atomlab.byok.ranking import rank
from atomlab.byok.request import Request
from atomlab.capturing.capture import Inputs, capture
from atomlab.errors import SourceError
from atomlab.evidence.inputs.environment import Environment, read_environment
from atomlab.evidence.inputs.pricing import Pricing, pricing_columns
from atomlab.evidence.inputs.rules import COMPLEXITIES
from atomlab.evidence.redaction import State
from atomlab.evidence.shapes import only_choice
from atomlab.evidence.snapshot import engine_on
from atomlab.evidence.sources.source import Row
from atomlab.text import storable

Outcome = tuple[tuple[str, str, int] | None, ...]

# Every tenant that was captured, with what the source decided and the copy's own plan; and of each
# the copy's own keys. Two queries, since what repeats in every row has to be fetched in every row.
_TENANTS = """
SELECT w.tenant, w.plan, w.mode, w.clients, t.id, t.plan_type, t.ai_mode
FROM temp.witness AS w LEFT JOIN tenants AS t ON t.id = w.tenant ORDER BY w.rowid
"""
_KEYS = """
SELECT w.rowid, s.setting_key, s.setting_value
FROM temp.witness AS w LEFT JOIN tenant_settings AS s
    ON s.tenant_id = w.tenant AND s.setting_key IN (SELECT value FROM json_each(?))
ORDER BY w.rowid, s.rowid
"""


class Witness:
    """Sees the source's rows as they are read, and judges its keys by their raw values.

    What it concludes of each tenant stands in a temporary table of `work`: clients, no values.
    """

    def __init__(self, work: sqlite3.Connection, inputs: Inputs) -> None:
        self._work, self._inputs = work, inputs
        providers = in_client_order(inputs.providers, inputs.rules)
        self._manager = BYOKManager(providers, inputs.rules)
        self._clients_of = _clients_of(self._manager)
        self._names = {name for p in providers for name in self._manager.key_names(p.id)}
        self._dumps = lru_cache(maxsize=4096)(json.dumps)
        self._tenant: object = None
        self._settings: list[Row] = []
        work.execute(
            "CREATE TEMP TABLE witness (tenant TEXT PRIMARY KEY, plan TEXT, mode TEXT,"
            " clients TEXT NOT NULL DEFAULT '[]')"
        )

    def see_tenants(self, rows: Iterable[Row]) -> None:
        """Take in (tenant, plan, ai_mode) rows."""
        statement = "INSERT INTO temp.witness (tenant, plan, mode) VALUES (?, ?, ?)"
        self._work.executemany(statement, rows)

    def see_settings(self, rows: Iterable[Row]) -> None:
        """Take in SETTING_COLUMNS rows; those of one tenant follow each other."""
        names, seen = self._names, []
        if self._inputs.rules.keys_from == "environment":
            return  # the platform does not read them
        for _, tenant, name, value, _ in rows:
            if name in names:
                if tenant != self._tenant:
                    seen += self._concluded()
                    self._tenant = tenant
                self._settings.append((name, value))
        self._keep(seen)

    def compare(self) -> dict[str, Any]:
        """Decide for every tenant and complexity on both sides; return what was compared.

        Raises SourceError naming the first tenant on which the two differ, or what of all that a
        decision of whatever request depends on: rules, registry, prices, model catalogue, plans.
        """
        self._keep(self._concluded())
        pricing = self._inputs.pricing or Pricing(pricing_columns([]), "none")
        original = Platform(
            self._inputs.rules, self._inputs.providers, pricing, self._inputs.catalog
        )
        with Session(engine_on(self._work)) as session:
            redacted, environment = load_platform(session), read_environment(session)
        manager = redacted.manager()
        clients_of, on_source, on_copy = _clients_of(manager), _decide(original), _decide(redacted)
        worker_of_source = _clients_from(self._inputs.environment, self._manager)
        worker_of_copy = _clients_from(environment, manager)
        loads = lru_cache(maxsize=4096)(lambda text: tuple(json.loads(text)))
        tenants = 0
        keys = self._work.execute(_KEYS, [json.dumps(sorted(self._names))])
        of_tenants = groupby(keys, itemgetter(0))
        for row, (_, group) in zip(self._work.execute(_TENANTS), of_tenants, strict=True):
            tenant, plan, mode, seen, copied, copied_plan, copied_mode = row
            if self._inputs.rules.keys_from == "environment":
                expected, clients = worker_of_source(tenant), worker_of_copy(tenant)
            else:
                expected = loads(seen)
                clients = clients_of(manager.states_of([key[1:] for key in group if key[1]]))
            chosen = only_choice(plan), only_choice(mode)
            source = (tenant, *chosen, expected, on_source(expected, plan, mode))
            copy = (copied, copied_plan, copied_mode, clients)
            if source != (*copy, on_copy(clients, copied_plan, copied_mode)):
                raise _differs(f"decides otherwise for tenant {tenant}")
            tenants += 1
        _check_grounds(original, redacted)
        return {"agree": True, "tenants": tenants, "complexities": list(COMPLEXITIES)}

    def _concluded(self) -> list[tuple[str, str]]:
        """Return what the last tenant's settings come to: its clients, and its id."""
        if not self._settings:
            return []
        clients = self._clients_of(self._manager.states_of(self._settings))
        self._settings.clear()
        return [(self._dumps(clients), storable(str(self._tenant)))]

    def _keep(self, seen: list[tuple[str, str]]) -> None:
        self._work.executemany("UPDATE temp.witness SET clients = ? WHERE tenant = ?", seen)


def _check_grounds(original: Platform, redacted: Platform) -> None:
    same = {
        "rules": original.rules == redacted.rules,
        "providers": original.providers == redacted.providers,
        "prices": all(
            one == other
            for one, other in zip_longest(original.pricing.rows(), redacted.pricing.rows())
        ),
        "model catalogue": original.catalog == redacted.catalog,
    }
    if others := [what for what, alike in same.items() if not alike]:
        raise _differs(f"holds other {', '.join(others)}")


def _differs(how: str) -> SourceError:
    return SourceError(
        f"the redacted copy {how}", todo="report this as a fault of atomlab; nothing was written"
    )


def _clients_of(manager: BYOKManager) -> Callable[[dict[str, State]], tuple[str, ...]]:
    @lru_cache(maxsize=4096)  # most tenants are like many others
    def clients_of(states: tuple[tuple[str, State], ...]) -> tuple[str, ...]:
        return tuple(k.provider for k in manager.lookups_of(dict(states)) if k.client)

    return lambda states: clients_of(tuple(states.items()))


def _clients_from(
    environment: Environment, manager: BYOKManager
) -> Callable[[str], tuple[str, ...]]:
    @lru_cache(maxsize=4096)
    def clients_of(whose: str) -> tuple[str, ...]:
        lookups = manager.lookups_of(manager.states_of(environment.of(whose).items()))
        return tuple(k.provider for k in lookups if k.client)

    return lambda tenant: clients_of(environment.whose(tenant))


def _decide(platform: Platform) -> Callable[[tuple[str, ...], str | None, str | None], Outcome]:
    @lru_cache(maxsize=4096)
    def decide(clients: tuple[str, ...], plan: str | None, mode: str | None) -> Outcome:
        requests = [Request(complexity=c).of_tenant(mode) for c in COMPLEXITIES]
        rankings = [rank(platform, clients, request, plan) for request in requests]
        return tuple(
            (r.winner.provider, r.winner.model, len(r.order)) if r.winner else None
            for r in rankings
        )

    return decide


# What everybody uses: a capture that proves its own fidelity before it is written.
proven_capture = partial(capture, witness=Witness)
