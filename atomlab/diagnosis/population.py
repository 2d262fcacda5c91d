"""The population: a snapshot's tenants by the state they are in, and which of them are affected.

Tenants whose rows are in the same states, on the same plan, get the same decision for the same
causes. There are far fewer such states than tenants.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from atomlab.byok.keys import BYOKManager
from atomlab.byok.platform import Platform, load_platform
from atomlab.byok.ranking import Ranking, rank
from atomlab.byok.request import Request
from atomlab.errors import InputError
from atomlab.evidence.redaction import State
from atomlab.evidence.rules import COMPLEXITIES
from atomlab.evidence.schema import Tenant, TenantSetting
from atomlab.evidence.snapshot import Evidence


@dataclass(frozen=True)
class Alike:
    """Tenants on the same plan whose rows are in the same states, and the clients they get."""

    tenants: Sequence[Tenant]
    plan: str | None
    rows: dict[str, State]
    clients: tuple[str, ...]

    def decide(self, platform: Platform, request: Request) -> Ranking:
        """Return the platform's decision for any of them."""
        return rank(platform, self.clients, request, self.plan)


def distinct_states(evidence: Evidence, platform: Platform) -> Iterator[Alike]:
    """Yield the distinct states that the snapshot's tenants are in, each with its tenants."""
    db = evidence.session
    manager = BYOKManager(platform.providers, platform.rules, redacted=True)
    rows: dict[str, dict[str, State]] = defaultdict(dict)
    columns = (TenantSetting.tenant_id, TenantSetting.setting_key, TenantSetting.setting_value)
    for tenant_id, name, value in db.execute(select(*columns)):
        rows[tenant_id].setdefault(name, manager.state(value))  # the platform reads the first
    found: dict[tuple[str | None, frozenset[tuple[str, State]]], list[Tenant]] = defaultdict(list)
    for tenant in db.scalars(select(Tenant)):
        db.expunge(tenant)
        found[tenant.plan_type, frozenset(rows[tenant.id].items())].append(tenant)
    for (plan, _), tenants in found.items():
        lookups = manager.lookups(tenants[0].id, db)
        clients = tuple(look.provider for look in lookups if look.client)
        yield Alike(tenants, plan, rows[tenants[0].id], clients)


def affected_tenants(evidence: Evidence, complexity: str = "") -> list[Tenant]:
    """Return the tenants with a request that finds no model, in the order of their ids.

    A request is of `complexity`, or, if that is empty, of any of the four. Raises InputError for
    an unknown complexity, and where there is no pricing cache to decide with.
    """
    if not evidence.has_pricing:
        raise InputError(
            "holds no pricing cache, so nobody can tell who is affected",
            where="the snapshot",
            todo="capture it with --pricing",
        )
    requests = [Request(complexity=c) for c in ([complexity] if complexity else COMPLEXITIES)]
    platform = load_platform(evidence.session)
    found = [
        tenant
        for alike in distinct_states(evidence, platform)
        if any(not len(alike.decide(platform, request).order) for request in requests)
        for tenant in alike.tenants
    ]
    return sorted(found, key=lambda tenant: tenant.id)
