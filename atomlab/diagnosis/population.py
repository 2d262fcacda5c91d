"""The population: a snapshot's tenants by the state they are in, and which of them are affected.

Tenants whose rows are in the same states, on the same plan and in the same mode, get the same
decision for the same causes. There are far fewer such states than tenants, so rows are read of one
tenant of each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from itertools import islice
from sys import intern
from typing import NamedTuple

from atomlab.byok.decisions import Decisions, decisions_on
from atomlab.byok.keys import BYOKManager, KeyLookups
from atomlab.byok.platform import Platform, load_platform
from atomlab.byok.ranking import Candidate
from atomlab.byok.request import Request, asked_by
from atomlab.byok.rows import Row
from atomlab.diagnosis.assumptions import missing_input
from atomlab.errors import InputError
from atomlab.evidence.inputs.environment import read_environment
from atomlab.evidence.inputs.rules import COMPLEXITIES
from atomlab.evidence.redaction import State
from atomlab.evidence.snapshot import Evidence
from atomlab.evidence.states import StatesByTenant
from atomlab.shown import Listed, Shown, brief

_CASES = "SELECT id, plan_type, ai_mode, {} FROM tenants ORDER BY rowid"
_TENANTS = "SELECT id, name, subdomain, plan_type, ai_mode, {} FROM tenants {} ORDER BY rowid"
_ROWS = "SELECT tenant_id, setting_key, setting_value FROM tenant_settings"
_IDS_PER_QUERY, _NUMBERS_PER_QUERY, _ROWS_AT_ONCE = 500, 100_000, 10_000
# A plan, an ai_mode, and the number of the states of rows, or whose environment is used.
_Case = tuple[str | None, str | None, int | str]


class TenantRow(NamedTuple):
    """A tenant as a snapshot has it."""

    id: str
    name: str
    subdomain: str | None
    plan_type: str | None
    ai_mode: str | None

    def __repr__(self) -> str:
        return f"TenantRow({brief(tuple(self))[1:]}"

    @property
    def called(self) -> str:
        """The name, or the subdomain or id where that is empty."""
        return self.name if self.name.strip() else self.subdomain or self.id


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class TenantGroup(Shown):
    """How many tenants are on a plan and `ai_mode` with rows in these states; `first` is one.

    In an edition whose keys come from the environment, `rows` are its variables and stored keys.
    `clients` are those of any of them, in client order.
    """

    first: str
    tenants: int
    plan: str | None
    mode: str | None
    rows: dict[str, State]
    manager: BYOKManager
    clients: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "clients", self.manager.clients_of(self.rows))

    @property
    def lookups(self) -> KeyLookups:
        """What the platform finds for each provider."""
        return self.manager.lookups_of(self.rows)


class Population(Shown):
    """A snapshot's tenants, each in a group of those that decide alike."""

    def __init__(self, evidence: Evidence, platform: Platform) -> None:
        self._evidence, self._manager = evidence, platform.manager()
        self._of = _numbering(evidence, platform)
        tenants: dict[_Case, int] = {}
        first: dict[_Case, str] = {}
        for tenant_id, plan, mode, number in evidence.select(_CASES.format(self._column)):
            case = plan, mode, self._of(tenant_id, number) if self._of else number
            tenants[case] = tenants.get(case, 0) + 1
            if tenants[case] == 1:
                first[case] = tenant_id
        rows = self._rows(first.values())
        self._groups = {
            case: TenantGroup(first[case], tenants[case], *case[:2], next(rows), self._manager)
            for case in tenants
        }

    def _facts(self) -> Mapping[str, object]:
        return {"tenants": sum(g.tenants for g in self.groups), "groups": len(self.groups)}

    @property
    def groups(self) -> list[TenantGroup]:
        """The groups, each once, in the order in which their first tenants are stored."""
        return Listed(self._groups.values())

    def __iter__(self) -> Iterator[tuple[TenantRow, TenantGroup]]:
        """Yield each tenant, as they are stored, with its group."""
        return self.members(self._groups.values())

    def members(self, groups: Iterable[TenantGroup]) -> Iterator[tuple[TenantRow, TenantGroup]]:
        """Yield the tenants of these groups alone."""
        chosen = {*groups}
        wanted = {case: group for case, group in self._groups.items() if group in chosen}
        numbers = {str(number) for _, _, number in wanted}
        few = self._of is None and len(numbers) <= _NUMBERS_PER_QUERY
        where = f"WHERE states IN ({','.join(numbers)})" if few else ""
        for row in self._evidence.select(_TENANTS.format(self._column, where)):
            number = self._of(row[0], row[5]) if self._of else row[5]
            if group := wanted.get((row[3], row[4], number)):
                yield TenantRow._make(row[:5]), group

    @property
    def _column(self) -> str:
        return "0" if self._of else "states"

    def _rows(self, ids: Iterable[str]) -> Iterator[dict[str, State]]:
        """Yield for each tenant the states of its rows by name."""
        evidence, states_of, rest = self._evidence, self._manager.states_of, iter(ids)
        if self._manager.rules.keys_from == "environment":
            environment = read_environment(evidence.session)
            yield from (states_of(environment.of(tenant_id).items()) for tenant_id in rest)
        while some := [*islice(rest, _IDS_PER_QUERY)]:
            found: dict[str, list[Row]] = {tenant_id: [] for tenant_id in some}
            marks = ", ".join("?" * len(some))
            query = f"{_ROWS} WHERE tenant_id IN ({marks}) ORDER BY rowid"
            for tenant_id, name, value in evidence.select(query, some):
                found[tenant_id].append((intern(name), value))
            yield from map(states_of, found.values())


def _numbering(evidence: Evidence, platform: Platform) -> Callable[[str, int], int | str] | None:
    """Return what tells the states of a tenant apart, None where that stands beside it."""
    if platform.rules.keys_from == "environment":
        environment = read_environment(evidence.session)
        return lambda tenant_id, _: environment.whose(tenant_id)
    if evidence.has_states:
        return None
    manager, found = platform.manager(), StatesByTenant()
    rows = evidence.select(f"{_ROWS} ORDER BY tenant_id, rowid")
    numbered = []
    while some := [*islice(rows, _ROWS_AT_ONCE)]:
        named = [(name, manager.state(value)) for _, name, value in some]
        numbered += found.add([tenant for tenant, _, _ in some], named)
    numbers = {tenant: number for number, tenant in (*numbered, *found.end())}
    return lambda tenant_id, _: numbers.get(tenant_id, 0)


def affected_tenants(
    evidence: Evidence, complexity: str = "", managed: bool | None = None
) -> list[TenantRow]:
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
    requests = tuple(Request(complexity=c, managed=managed) for c in complexities)
    population, winners = Population(evidence, platform), Winners(platform)
    failing = {group for group in population.groups if not all(winners.all_of(group, requests))}
    return sorted(tenant for tenant, _ in population.members(failing))


class Winners(Shown):
    """Who wins for the tenants of a group, once filters that are `waived` let every model pass."""

    def __init__(self, platform: Platform, waived: AbstractSet[str] = frozenset()) -> None:
        self._decisions = Decisions(platform, waived) if waived else decisions_on(platform)
        self.platform = platform

    def _facts(self) -> Mapping[str, object]:
        return {"platform": self.platform}

    def of(self, group: TenantGroup, request: Request) -> Candidate | None:
        """Return who wins, None if no model is found; their mode counts as the request says."""
        return self._decisions.winner(group.clients, asked_by(request, group.mode), group.plan)

    def all_of(
        self, group: TenantGroup, requests: tuple[Request, ...]
    ) -> tuple[Candidate | None, ...]:
        """Return who wins for each of the requests; groups with the same clients share it."""
        asked = tuple([asked_by(request, group.mode) for request in requests])
        return self._decisions.winners(group.clients, asked, group.plan)
