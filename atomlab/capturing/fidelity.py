"""The fidelity of a capture: the redacted copy decides as its source does, for every tenant."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import groupby, zip_longest
from operator import itemgetter
from typing import Any

from sqlalchemy.orm import Session

from atomlab.byok.platform import Platform, load_platform
from atomlab.byok.ranking import rank
from atomlab.byok.request import Request
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
# A tenant's plan, ai_mode and clients. Few differ, so that of each one object is kept.
Case = tuple[str | None, str | None, Clients]
# Name and value of a setting stand where they do in the source's rows.
_COPY = """
SELECT t.id, s.id, s.setting_key, s.setting_value, t.plan_type, t.ai_mode
FROM tenants AS t LEFT JOIN tenant_settings AS s ON s.tenant_id = t.id ORDER BY t.rowid, s.rowid
"""


class FidelityCheck:
    """Judges the source's keys by their raw values as they are read, the copy's by their tokens.

    Of the source's rows it keeps each tenant's plan, ai_mode and clients, and no values.
    """

    def __init__(self, inputs: Inputs) -> None:
        pricing = inputs.pricing or Pricing(pricing_columns([]), "none")
        original = Platform(inputs.rules, inputs.providers, pricing, inputs.catalog)
        self._source = _Side(original, inputs.environment)
        self._seen: dict[str, Case] = {}
        self._cases: dict[Case, Case] = {}
        self._tenant: object = None
        self._keys: list[tuple[Any, ...]] = []

    def see_tenants(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Take in (tenant, plan, ai_mode) rows of the source."""
        for tenant, plan, mode in rows:
            self._keep(str(tenant), plan, mode, self._source.keyless(str(tenant)))

    def see_settings(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Take in SETTING_COLUMNS rows of the source; those of one tenant follow each other."""
        names = self._source.names
        keys = [row for row in rows if row[2] in names]
        for tenant, those in groupby(keys, itemgetter(1)):
            if tenant != self._tenant:
                self._conclude()
                self._tenant = tenant
            self._keys += those

    def compare(self, work: sqlite3.Connection) -> dict[str, Any]:
        """Decide for every tenant and complexity on both sides; return what was compared.

        Raises SourceError naming the first tenant, or the input, on which the two differ.
        """
        self._conclude()
        with Session(engine_on(work)) as session:
            copy = _Side(load_platform(session), read_environment(session))
        tenants, names = len(self._seen), copy.names
        for (tenant, *chosen), rows in groupby(work.execute(_COPY), itemgetter(0, 4, 5)):
            keys = [row for row in rows if row[2] in names]
            clients = copy.clients(tenant, keys)
            plan, mode, expected = self._seen.pop(tenant)
            decided = self._source.decide(expected, plan, mode)
            ours = (only_choice(plan), only_choice(mode), expected, decided)
            if ours != (*chosen, clients, copy.decide(clients, *chosen)):
                raise _differs(f"decides otherwise for tenant {tenant}")
        for tenant in self._seen:
            raise _differs(f"decides otherwise for tenant {tenant}")
        _check_inputs(self._source.platform, copy.platform)
        return {"agree": True, "tenants": tenants, "complexities": list(COMPLEXITIES)}

    def _conclude(self) -> None:
        """Keep what the last tenant's settings come to."""
        tenant = storable(str(self._tenant))
        if self._keys and tenant in self._seen:
            plan, mode, _ = self._seen[tenant]
            self._keep(tenant, plan, mode, self._source.clients(tenant, self._keys))
        self._keys.clear()

    def _keep(self, tenant: str, plan: str | None, mode: str | None, clients: Clients) -> None:
        case = (plan, mode, clients)
        self._seen[tenant] = self._cases.setdefault(case, case)


class _Side:
    """The source or the copy: which clients its tenants get, and what is decided for them."""

    def __init__(self, platform: Platform, environment: Environment) -> None:
        self.platform, self._environment = platform, environment
        self._manager = platform.manager()
        self._from_environment = platform.rules.keys_from == "environment"
        # The settings that a lookup reads.
        names = map(self._manager.key_names, () if self._from_environment else platform.column)
        self.names = frozenset(name for those in names for name in those)
        # Most tenants are like many others.
        self._clients_of = lru_cache(maxsize=4096)(self._look_up)
        self._keyless = self._look_up()
        self._in_environment = lru_cache(maxsize=4096)(self._environment_of)
        self.decide = lru_cache(maxsize=4096)(self._decide)

    def clients(self, tenant: str, keys: Sequence[tuple[Any, ...]]) -> Clients:
        """Return the clients of a tenant with these settings, or of the worker's environment.

        In each row, name and value of the setting stand third and fourth.
        """
        if self._from_environment:
            return self._in_environment(self._environment.whose(tenant))
        state = self._manager.state
        # Of several of one name the first counts.
        return self._clients_of(*{row[2]: state(row[3]) for row in reversed(keys)}.items())

    def keyless(self, tenant: str) -> Clients:
        """Return the clients of a tenant without settings."""
        return self.clients(tenant, ()) if self._from_environment else self._keyless

    def _environment_of(self, whose: str) -> Clients:
        return self._look_up(*self._manager.states_of(self._environment.of(whose).items()).items())

    def _look_up(self, *states: tuple[str, State]) -> Clients:
        return self._manager.lookups_of(dict(states)).clients

    def _decide(
        self, clients: Clients, plan: str | None, mode: str | None
    ) -> list[tuple[str, str, int] | None]:
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
