"""What tenants hold, in memory: read once, changed by interventions, and looked up again."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from sqlalchemy import select

from atomlab.evidence.inputs.environment import STORED, Environment, read_environment
from atomlab.evidence.inputs.rules import Rules
from atomlab.evidence.schema import TenantSetting
from atomlab.evidence.snapshot import Evidence

Row = tuple[str, str, str]  # tenant, name, token


@dataclass(frozen=True)
class TenantRows:
    """A scratch copy of the rows of some tenants, as tokens, and of the worker's environment.

    Which of the two keys come from is a rule of the edition. A copy is never changed: `holding`
    and `without` return another.
    """

    rules: Rules
    settings: tuple[Row, ...]
    environment: Environment

    def of(self, tenant_id: str) -> dict[str, str]:
        """Return the tokens of the tenant's keys by name; of several rows of one name the first."""
        if self.rules.keys_from == "environment":
            return self.environment.of(tenant_id)
        held: dict[str, str] = {}
        for whose, name, token in self.settings:
            if whose == tenant_id:
                held.setdefault(name, token)
        return held

    def repeated(self, tenant_id: str) -> list[str]:
        """Return the names of which the tenant has a second row, which the platform never reads."""
        names = Counter(name for whose, name, _ in self.settings if whose == tenant_id)
        return sorted(name for name, number in names.items() if number > 1)

    def holding(self, tenant_id: str, name: str, token: str) -> TenantRows:
        """Return a copy in which the tenant has one row of that name, or the worker a variable."""
        if self.rules.keys_from == "settings":
            others = self.without(tenant_id, name)
            return replace(others, settings=(*others.settings, (tenant_id, name, token)))
        variables = {**self.environment.variables, name: token}
        return replace(self, environment=replace(self.environment, variables=variables))

    def storing(self, provider: str, tenant_id: str, token: str) -> TenantRows:
        """Return a copy in which a key of the provider is stored for the tenant alone."""
        stored = {**self.environment.stored, (provider, tenant_id): token}
        return replace(self, environment=replace(self.environment, stored=stored))

    def without(self, tenant_id: str, name: str) -> TenantRows:
        """Return a copy in which the tenant has no row of that name, nor the worker a variable."""
        if self.rules.keys_from == "settings":
            kept = (row for row in self.settings if row[:2] != (tenant_id, name))
            return replace(self, settings=tuple(kept))
        provider = name.removeprefix(STORED)
        environment = Environment(
            {n: v for n, v in self.environment.variables.items() if n != name},
            {key: v for key, v in self.environment.stored.items() if key[0] != provider},
        )
        return replace(self, environment=environment)


def read_rows(evidence: Evidence, rules: Rules, *tenant_ids: str) -> TenantRows:
    """Return the rows of these tenants, in the order in which the platform reads them."""
    columns = (TenantSetting.tenant_id, TenantSetting.setting_key, TenantSetting.setting_value)
    rows = evidence.session.execute(select(*columns).where(TenantSetting.tenant_id.in_(tenant_ids)))
    in_environment = rules.keys_from == "environment"
    environment = read_environment(evidence.session) if in_environment else Environment()
    return TenantRows(
        rules, tuple((whose, name, token) for whose, name, token in rows), environment
    )
