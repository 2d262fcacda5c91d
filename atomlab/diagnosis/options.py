"""Options side by side: what each fix cures for the tenant, and what it does to the others.

The incident document weighs two: give the tenant the missing row (data), or let the lookup fall
back to the other name (code). A fallback is run as a real change of the lookup rule, for every
tenant, so that its side effects are measured rather than argued.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from sqlalchemy import select

from atomlab.byok.platform import Platform, load_platform
from atomlab.byok.ranking import Ranking, rank
from atomlab.byok.request import Request
from atomlab.diagnosis.diagnose import diagnose
from atomlab.diagnosis.edits import CODE_CHANGE, Edit, by_target
from atomlab.diagnosis.explanation import FixSet
from atomlab.diagnosis.findings import Option as Option
from atomlab.diagnosis.fixes import effort_of, root_fix, serving_all
from atomlab.diagnosis.sandbox import Sandbox
from atomlab.evidence.inputs.rules import COMPLEXITIES
from atomlab.evidence.redaction import USABLE, State
from atomlab.evidence.schema import Tenant
from atomlab.evidence.snapshot import Evidence
from atomlab.shown import Listed, Shown
from atomlab.text import count, printable

RowsOf = Callable[[str], dict[str, State]]  # a tenant's rows, state by name


@dataclass(frozen=True, repr=False)
class Decision(Shown):
    """Who answers a request, by provider and model: pricing's winner, else the fallback, if any."""

    winner: tuple[str, str] | None
    fallback: tuple[str, str] | None = None
    unable: str = ""

    @classmethod
    def of(cls, ranking: Ranking) -> Decision:
        """Return who answers the request that was ranked."""
        winner, answer = ranking.winner, ranking.fallback
        return cls(
            (winner.provider, winner.model) if winner else None,
            (answer.provider, answer.model) if answer else None,
            winner.unable if winner else "",
        )

    @property
    def works(self) -> bool:
        """Whether pricing finds a model, which may be a chat model."""
        return self.winner is not None and not self.unable

    def __str__(self) -> str:
        if self.winner is not None:
            return self.winner[1]
        return f"the fallback {self.fallback[1]}" if self.fallback else "the error"


def compare_options(
    evidence: Evidence, tenant: str, others: int | None = None, managed: bool | None = None
) -> list[Option]:
    """Return the options for a failing tenant, empty if nothing fails.

    First each request's easiest fix and, where that copies a key, the code fallback; then the
    `others`, all other minimal fixes if not given, the easiest first. All four complexities are
    tried for every tenant, with and without tools. Raises TenantError.
    """
    requests = [
        Request(complexity=c, tools=tools, managed=managed)
        for tools in (False, True)
        for c in COMPLEXITIES
    ]
    platform = load_platform(evidence.session)
    diagnosis = diagnose(evidence, tenant, requests, platform)
    own, failing = diagnosis.tenant.id, diagnosis.failing
    everyone = Everyone(evidence, platform, requests)

    def effort(fix: FixSet) -> tuple[int, ...]:
        return effort_of(fix, failing)

    easiest = (fix for each in failing if (fix := root_fix(each, failing)) is not None)
    roots = [serving_all(fix, failing, lambda: diagnosis.keys_that_serve) for fix in easiest]
    first = list(dict.fromkeys(fix.edits for fix in sorted(roots, key=effort)))
    run = [f for each in failing for f in each.explanation.fix_sets if f.verified]
    every = dict.fromkeys(fix.edits for fix in sorted(run, key=effort))
    options = Listed[Option]()
    for edits in first:
        options.append(_with_edits(edits, own, everyone))
        if [edit.kind for edit in edits] == ["copy-key"]:
            options.append(_with_fallback(edits[0], own, everyone))
    rest = [edits for edits in every if edits not in first][:others]
    options += [_with_edits(edits, own, everyone) for edits in rest]
    return options


class Everyone:
    """All tenants of a snapshot, and what is decided for each; most of them share a few cases."""

    def __init__(self, evidence: Evidence, platform: Platform, requests: Sequence[Request]) -> None:
        columns = (Tenant.id, Tenant.subdomain, Tenant.plan_type, Tenant.ai_mode)
        self.tenants = evidence.session.execute(select(*columns)).all()
        self.rows_of: RowsOf = platform.manager().states(evidence.session).of
        self.requests = requests
        self.sandbox = Sandbox(evidence, platform)
        self._decide = cache(self._decided)
        self.before = self.decide(self.rows_of, platform)

    def decide(
        self, rows_of: RowsOf, platform: Platform, waived: frozenset[str] = frozenset()
    ) -> dict[str, tuple[Decision, ...]]:
        """Return by tenant a decision per request, made with these rows and filters."""
        manager = platform.manager()

        @cache
        def clients_of(rows: frozenset[tuple[str, State]]) -> tuple[str, ...]:
            return manager.lookups_of(dict(rows)).clients

        found = {}
        for tenant_id, _, plan, mode in self.tenants:
            clients = clients_of(frozenset(rows_of(tenant_id).items()))
            found[tenant_id] = self._decide(platform, waived, clients, plan, mode)
        return found

    def _decided(
        self,
        platform: Platform,
        waived: frozenset[str],
        clients: tuple[str, ...],
        plan: str | None,
        mode: str | None,
    ) -> tuple[Decision, ...]:
        asked = (request.of_tenant(mode) for request in self.requests)
        return tuple(Decision.of(rank(platform, clients, r, plan, waived=waived)) for r in asked)

    def falling_back(self, name: str, other: str) -> RowsOf:
        """Return the rows where the lookup of a name reads another one that holds a usable key."""

        def rows_of(tenant_id: str) -> dict[str, State]:
            rows = self.rows_of(tenant_id)
            return {**rows, name: rows[other]} if rows.get(other) in USABLE else rows

        return rows_of


def _with_edits(edits: Sequence[Edit], own: str, everyone: Everyone) -> Option:
    on_rows, on_platform, waived = by_target(edits)
    sandbox, manager = everyone.sandbox, everyone.sandbox.platform.manager()
    held, _ = sandbox.edited_rows(on_rows, own)
    shared = held.rules.keys_from == "environment"  # which is every tenant's

    def rows_of(tenant_id: str) -> dict[str, State]:
        if tenant_id == own or shared:
            return manager.states_of(held.of(tenant_id).items())
        return everyone.rows_of(tenant_id)

    after = everyone.decide(rows_of, sandbox.edited(on_platform), waived)
    kind = "data" if len(on_rows) == len(edits) and not shared else "platform"
    name, cost = " and ".join(map(str, edits)), sum(edit.cost for edit in edits)
    return _option(name, kind, cost, own, everyone, after, tuple(edit.kind for edit in edits))


def _with_fallback(edit: Edit, own: str, everyone: Everyone) -> Option:
    name = f"let the lookup of {edit.setting_key} fall back to {edit.copy_from}, for every tenant"
    rows_of = everyone.falling_back(str(edit.setting_key), str(edit.copy_from))
    after = everyone.decide(rows_of, everyone.sandbox.platform)
    return _option(name, "code", CODE_CHANGE, own, everyone, after)


def _option(
    name: str,
    kind: str,
    cost: int,
    own: str,
    everyone: Everyone,
    after: Mapping[str, tuple[Decision, ...]],
    edits: tuple[str, ...] = (),
) -> Option:
    names = [request.kind for request in everyone.requests]
    before, touched = everyone.before, {}
    for other, subdomain, *_ in everyone.tenants:
        changes = zip(names, before[other], after[other], strict=True)
        change = next((f"{n}: {b} → {a}" for n, b, a in changes if b != a), None)
        if change is not None and other != own:
            touched[subdomain or other] = change
    own_changes = list(zip(names, before[own], after[own], strict=True))
    failing = {name: then for name, now, then in own_changes if now.winner is None}
    cures = tuple(name for name, then in failing.items() if then.winner and not then.unable)
    return Option(
        name,
        kind,
        cost,
        cures=cures,
        leaves=tuple(name for name in failing if name not in cures),
        touched=dict(sorted(touched.items())),
        edits=edits,
        unable={name: then.unable for name, then in failing.items() if then.unable},
        breaks=tuple(n for n, now, then in own_changes if now.works and not then.works),
    )


def pros(option: Option) -> list[str]:
    """Return the pros of the option, each a sentence without its full stop."""
    tried = count(len(option.cures) + len(option.leaves), "failing kind")
    found: dict[str, object] = {
        f"cures {len(option.cures)} of {tried} of request": option.cures,
        "changes nothing for other tenants": not option.touched,
        "needs no change of code or configuration": option.kind == "data",
        "needs no new key: the tenant already has it": set(option.edits) == {"copy-key"},
        "nobody has to change the tenant's settings": option.kind == "code",
    }
    return [sentence for sentence, holds in found.items() if holds]


def cons(option: Option) -> list[str]:
    """Return its cons, each a sentence without its full stop."""
    kinds: dict[str, list[str]] = {}
    for name, winner in option.unable.items():
        kinds.setdefault(printable(winner, 200), []).append(name)
    fail = [
        f"{', '.join(names)} requests get a model that cannot serve: {winner}"
        for winner, names in kinds.items()
    ]
    new_key = {"new-credential", "repair-row"} & set(option.edits)
    others = count(len(option.touched), "other tenant")
    found: dict[str, object] = {
        f"does not cure {', '.join(option.leaves)} requests": option.leaves,
        **dict.fromkeys(fail, True),
        f"breaks {', '.join(option.breaks)} requests, which work now": option.breaks,
        f"changes decisions for {others}": option.touched,
        "somebody has to change the tenant's settings": option.kind == "data",
        "needs a new credential, which only the tenant can get": new_key,
        "needs a release, and leaves the settings as they are": option.kind == "code",
        "changes the platform's rules or data, for every tenant": option.kind == "platform",
    }
    return [sentence for sentence, holds in found.items() if holds]
