"""What tenants hold, in memory: read once, by key lookup and by all that follows from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from atomlab.evidence.inputs.environment import NONE, STORED, Environment
from atomlab.evidence.inputs.rules import Rules
from atomlab.evidence.schema import TenantSetting
from atomlab.shown import Shown

Row = tuple[str, Any]  # name and value


@dataclass(frozen=True, repr=False)
class TenantRows(Shown):
    """The settings of some tenants, as the platform reads them, and the worker's environment.

    Which of the two keys come from is a rule of the edition. Values are raw ones of a live
    database, tokens of a snapshot, or the states of either. Rows are never changed: `holding`,
    `storing` and `without` return others.
    """

    rules: Rules
    settings: Mapping[str, tuple[Row, ...]] = field(default_factory=dict)
    environment: Environment = NONE

    def _facts(self) -> Mapping[str, object]:
        """Return how many there are: their values may be keys."""
        rows = sum(map(len, self.settings.values()))
        return {"tenants": len(self.settings), "rows": rows, "environment": self.environment}

    def of(self, tenant_id: str) -> dict[str, Any]:
        """Return the values of the tenant's keys by name."""
        if self.rules.keys_from == "environment":
            return self.environment.of(tenant_id)
        return first_of(self.settings.get(tenant_id, ()))

    def names(self, tenant_id: str) -> list[str]:
        """Return the names of the tenant's settings, whether or not keys come from them."""
        return sorted({name for name, _ in self.settings.get(tenant_id, ())})

    def repeated(self, tenant_id: str) -> list[str]:
        """Return the names of which the tenant has a second row, which the platform never reads."""
        names = Counter(name for name, _ in self.settings.get(tenant_id, ()))
        return sorted(name for name, number in names.items() if number > 1)

    def holding(self, tenant_id: str, name: str, value: Any) -> TenantRows:
        """Return rows with one setting of that name for the tenant, or a variable of the worker."""
        if self.rules.keys_from == "settings":
            return self._without(tenant_id, name, (name, value))
        variables = {**self.environment.variables, name: value}
        return replace(self, environment=replace(self.environment, variables=variables))

    def storing(self, provider: str, tenant_id: str, value: Any) -> TenantRows:
        """Return rows in which a key of the provider is stored for the tenant alone."""
        stored = {**self.environment.stored, (provider, tenant_id): value}
        return replace(self, environment=replace(self.environment, stored=stored))

    def without(self, tenant_id: str, name: str) -> TenantRows:
        """Return rows without the tenant's settings, or the worker's variable, of that name."""
        if self.rules.keys_from == "settings":
            return self._without(tenant_id, name)
        provider, held = name.removeprefix(STORED), self.environment
        environment = Environment(
            {n: v for n, v in held.variables.items() if n != name},
            {key: v for key, v in held.stored.items() if key[0] != provider},
        )
        return replace(self, environment=environment)

    def _without(self, tenant_id: str, name: str, *new: Row) -> TenantRows:
        others = (row for row in self.settings.get(tenant_id, ()) if row[0] != name)
        return replace(self, settings={**self.settings, tenant_id: (*others, *new)})


def first_of(rows: Iterable[Row]) -> dict[str, Any]:
    """Return the values by name; of several rows of one name the platform reads the first."""
    values: dict[str, Any] = {}
    for name, value in rows:
        values.setdefault(name, value)
    return values


def read_rows(
    db: Session,
    rules: Rules,
    tenant_ids: Sequence[str],
    environment: Environment,
    read: Callable[[Any], Any] = lambda value: value,
) -> TenantRows:
    """Return what these tenants hold, all if none is given, each value as `read` makes it.

    Settings that the edition's lookup ignores are read only of tenants that are given.
    """
    held = select(TenantSetting.tenant_id, TenantSetting.setting_key, TenantSetting.setting_value)
    if tenant_ids:
        held = held.where(TenantSetting.tenant_id.in_(tenant_ids))
    settings: dict[str, list[Row]] = {}
    if tenant_ids or rules.keys_from == "settings":
        for tenant_id, name, value in db.execute(held):
            settings.setdefault(tenant_id, []).append((name, read(value)))
    variables = {name: read(value) for name, value in environment.variables.items()}
    stored = {key: read(value) for key, value in environment.stored.items()}
    rows = {tenant_id: tuple(found) for tenant_id, found in settings.items()}
    return TenantRows(rules, rows, Environment(variables, stored))
