"""The population: a snapshot's tenants by the state they are in, and which of them are affected.

Tenants whose rows are in the same states, on the same plan and in the same mode, get the same
decision for the same causes. There are far fewer such states than tenants.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from atomlab.byok.keys import KeyLookups
from atomlab.byok.platform import Platform, load_platform
from atomlab.byok.ranking import Ranking, rank
from atomlab.byok.request import Request
from atomlab.diagnosis.assumptions import missing_input
from atomlab.errors import InputError
from atomlab.evidence.inputs.rules import COMPLEXITIES
from atomlab.evidence.redaction import State
from atomlab.evidence.schema import Tenant
from atomlab.evidence.snapshot import Evidence

# A plan, an ai_mode, and the states of rows by name.
_Case = tuple[str | None, str | None, frozenset[tuple[str, State]]]


@dataclass(frozen=True)
class TenantGroup:
    """Tenants on the same plan and `ai_mode` whose rows are in the same states.

    In an edition whose keys come from the environment, `rows` are its variables and stored keys.
    """

    tenants: Sequence[Tenant]
    plan: str | None
    mode: str | None
    rows: dict[str, State]
    lookups: KeyLookups

    def decide(self, platform: Platform, request: Request) -> Ranking:
        """Return the platform's decision for any of them; their mode counts as the request says."""
        return rank(platform, self.lookups.clients, request.of_tenant(self.mode), self.plan)


def distinct_states(evidence: Evidence, platform: Platform) -> Iterator[TenantGroup]:
    """Yield the distinct states that the snapshot's tenants are in, each with its tenants."""
    db, manager = evidence.session, platform.manager()
    rows_of = manager.states(db).of
    found: dict[_Case, list[Tenant]] = defaultdict(list)
    for tenant in db.scalars(select(Tenant)):
        db.expunge(tenant)
        rows = frozenset(rows_of(tenant.id).items())
        found[tenant.plan_type, tenant.ai_mode, rows].append(tenant)
    for (plan, mode, _), tenants in found.items():
        states = rows_of(tenants[0].id)
        yield TenantGroup(tenants, plan, mode, states, manager.lookups_of(states))


def affected_tenants(
    evidence: Evidence, complexity: str = "", managed: bool | None = None
) -> list[Tenant]:
    """Return the tenants with a request that finds no model, in the order of their ids.

    A request is of `complexity`, any of the four if that is empty. Raises InputError for an
    unknown complexity, and where what decides is not in the snapshot.
    """
    platform = load_platform(evidence.session)
    if missing := missing_input(evidence, platform):
        raise InputError(
            f"{missing.removeprefix('the snapshot ')}, so nobody can tell who is affected",
            where="the snapshot",
            todo=f"capture it with {'--env' if evidence.has_pricing else '--pricing'}",
        )
    complexities = [complexity] if complexity else COMPLEXITIES
    requests = [Request(complexity=c, managed=managed) for c in complexities]
    found = [
        tenant
        for group in distinct_states(evidence, platform)
        if any(not len(group.decide(platform, request).order) for request in requests)
        for tenant in group.tenants
    ]
    return sorted(found, key=lambda tenant: tenant.id)
