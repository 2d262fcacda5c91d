"""Options side by side: what each fix cures for the tenant, and what it does to the others.

The incident document weighs two: give the tenant the missing row (data), or let the lookup fall
back to the other name (code). A fallback is run as a real change of the lookup rule, for every
tenant, so that its side effects are measured rather than argued.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from atomlab.byok.keys import BYOKManager
from atomlab.byok.platform import Platform, load_platform
from atomlab.byok.ranking import rank
from atomlab.byok.request import Request
from atomlab.diagnosis.diagnose import diagnose
from atomlab.diagnosis.explanation import FixSet
from atomlab.diagnosis.fixes import cured_by, root_fix
from atomlab.diagnosis.interventions import CODE_CHANGE, Edit, Laboratory
from atomlab.evidence.redaction import USABLE, State
from atomlab.evidence.rules import COMPLEXITIES
from atomlab.evidence.schema import Tenant, TenantSetting
from atomlab.evidence.snapshot import Evidence

# A winner by provider and model, None for the error; one per request.
Winners = tuple[tuple[str, str] | None, ...]
# What was decided: by platform, waived filters, clients and plan. Most tenants share a few.
Decided = dict[tuple[Platform, frozenset[str], tuple[str, ...], str | None], Winners]


@dataclass(frozen=True)
class Option:
    """A fix and its effects. Requests are named `complexity`, or `complexity with tools`.

    `edits` are the kinds of its edits, none for a change of the code. `cures` and `leaves` are the
    tenant's failing requests that it does and does not cure; `touched` are the other tenants whose
    outcome or winner changes for any request, by subdomain or id, with the first change in words.
    """

    name: str
    kind: str
    cost: int
    cures: tuple[str, ...]
    leaves: tuple[str, ...]
    touched: Mapping[str, str]
    edits: tuple[str, ...] = ()


def compare_options(evidence: Evidence, tenant: str, others: int | None = None) -> list[Option]:
    """Return the options for a failing tenant, empty if nothing fails.

    First the fix of the root cause and, where that copies a key, the code fallback; then the
    `others`, all other minimal fixes if not given, cheapest first, of equally cheap those that
    cure more. All four complexities are
    tried, with and without tools. Raises TenantError.
    """
    requests = [Request(complexity=c, tools=tools) for tools in (False, True) for c in COMPLEXITIES]
    platform = load_platform(evidence.session)
    diagnosis = diagnose(evidence, tenant, requests, platform)
    fix_sets = [f for d in diagnosis.requests for f in d.explanation.fix_sets if f.verified]
    failing = [d for d in diagnosis.requests if d.outcome == "no-models"]
    roots = [fix for d in failing if (fix := root_fix(d, failing)) is not None]
    decided: Decided = {}
    before = winners_by_tenant(evidence.session, platform, requests, decided)
    own = diagnosis.tenant.id
    options = []

    def rank(fix: FixSet) -> tuple[int, int]:
        return fix.cost, -len(cured_by(fix.edits, failing))

    for edits in dict.fromkeys(f.edits for f in sorted(roots, key=rank)):
        options.append(_with_edits(evidence, platform, requests, own, edits, before, decided))
        if len(edits) == 1 and edits[0].kind == "copy-key":
            options.append(
                _with_fallback(evidence, platform, requests, own, edits[0], before, decided)
            )
    done = {f.edits for f in roots}
    rest = dict.fromkeys(f.edits for f in sorted(fix_sets, key=rank))
    cheapest = [edits for edits in rest if edits not in done][:others]
    return options + [
        _with_edits(evidence, platform, requests, own, edits, before, decided) for edits in cheapest
    ]


def _with_edits(
    evidence: Evidence,
    platform: Platform,
    requests: Sequence[Request],
    tenant_id: str,
    edits: Sequence[Edit],
    before: Mapping[str, Winners],
    decided: Decided,
) -> Option:
    rows = [edit for edit in edits if edit.setting_key is not None]
    changes = tuple(e for e in edits if e.setting_key is None and e.filter is None)
    waived = frozenset(edit.filter for edit in edits if edit.filter is not None)
    with Laboratory(evidence, platform) as lab:
        lab.make(tenant_id, *rows)
        changed = lab.changed(changes)
        after = winners_by_tenant(lab.scratch.session, changed, requests, decided, waived=waived)
    kind = "data" if len(rows) == len(edits) else "platform"
    kinds = tuple(edit.kind for edit in edits)
    option = Option(
        " and ".join(map(str, edits)), kind, sum(e.cost for e in edits), (), (), {}, kinds
    )
    return _effects(option, evidence, requests, tenant_id, before, after)


def _with_fallback(
    evidence: Evidence,
    platform: Platform,
    requests: Sequence[Request],
    tenant_id: str,
    edit: Edit,
    before: Mapping[str, Winners],
    decided: Decided,
) -> Option:
    fallback = {str(edit.setting_key): str(edit.copy_from)}
    after = winners_by_tenant(evidence.session, platform, requests, decided, fallback=fallback)
    name = f"let the lookup of {edit.setting_key} fall back to {edit.copy_from}, for every tenant"
    option = Option(name, "code", CODE_CHANGE, (), (), {})
    return _effects(option, evidence, requests, tenant_id, before, after)


def _effects(
    option: Option,
    evidence: Evidence,
    requests: Sequence[Request],
    tenant_id: str,
    before: Mapping[str, Winners],
    after: Mapping[str, Winners],
) -> Option:
    names = [r.complexity + (" with tools" if r.tools else "") for r in requests]
    names_of = evidence.session.execute(select(Tenant.id, Tenant.subdomain))
    subdomains = {row.id: row.subdomain for row in names_of}
    own = list(zip(names, before[tenant_id], after[tenant_id], strict=True))
    touched = {}
    for other in before.keys() - {tenant_id}:
        changes = zip(names, before[other], after[other], strict=True)
        change = next(((n, b, a) for n, b, a in changes if b != a), None)
        if change is not None:
            name, was, becomes = change
            told = f"{name}: {_told(was)} → {_told(becomes)}"
            touched[subdomains[other] or other] = told
    return replace(
        option,
        cures=tuple(n for n, b, a in own if b is None and a is not None),
        leaves=tuple(n for n, b, a in own if b is None and a is None),
        touched=dict(sorted(touched.items())),
    )


def _told(winner: tuple[str, str] | None) -> str:
    return "the error" if winner is None else winner[1]


def winners_by_tenant(
    db: Session,
    platform: Platform,
    requests: Sequence[Request],
    decided: Decided,
    *,
    waived: frozenset[str] = frozenset(),
    fallback: Mapping[str, str] | None = None,
) -> dict[str, Winners]:
    """Return every tenant's winners, decided with the given lookup rule and filters."""
    manager = BYOKManager(platform.providers, platform.rules, redacted=True)
    rows: dict[str, dict[str, State]] = {}
    for tenant_id, name, value in db.execute(
        select(TenantSetting.tenant_id, TenantSetting.setting_key, TenantSetting.setting_value)
    ):
        rows.setdefault(tenant_id, {}).setdefault(name, manager.state(value))
    winners = {}
    for tenant_id, plan in db.execute(select(Tenant.id, Tenant.plan_type)):
        states = rows.get(tenant_id, {})
        clients = tuple(
            p.id
            for p in platform.providers
            if p.id in platform.rules.llm_providers and _usable(p.setting_key, states, fallback)
        )
        case = (platform, waived, clients, plan)
        if case not in decided:
            found = (rank(platform, clients, r, plan, waived=waived).winner for r in requests)
            decided[case] = tuple((w.provider, w.model) if w else None for w in found)
        winners[tenant_id] = decided[case]
    return winners


def _usable(key: str, states: Mapping[str, State], fallback: Mapping[str, str] | None) -> bool:
    if states.get(key) in USABLE:
        return True
    return fallback is not None and states.get(fallback.get(key, "")) in USABLE
