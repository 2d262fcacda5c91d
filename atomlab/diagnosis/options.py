"""Options side by side: what each fix cures for the tenant, and what it does to the others.

The incident document weighs two: give the tenant the missing row (data), or let the lookup fall
back to the other name (code). A fallback is run as a real change of the lookup rule, for every
tenant, so that its side effects are measured rather than argued.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from atomlab.byok.fallback import Answer
from atomlab.byok.platform import Platform, load_platform
from atomlab.byok.ranking import Candidate, Ranking, rank
from atomlab.byok.request import Request
from atomlab.diagnosis.diagnose import diagnose
from atomlab.diagnosis.edits import CODE_CHANGE, Edit
from atomlab.diagnosis.explanation import FixSet
from atomlab.diagnosis.fixes import cured_by, root_fix
from atomlab.diagnosis.sandbox import Sandbox
from atomlab.evidence.inputs.rules import COMPLEXITIES
from atomlab.evidence.redaction import USABLE, State
from atomlab.evidence.schema import Tenant
from atomlab.evidence.snapshot import Evidence


@dataclass(frozen=True)
class Decision:
    """Who answers a request, by provider and model: pricing's winner, else the fallback, if any.

    `unable` says that the winner is no chat model, where that is known.
    """

    winner: tuple[str, str] | None
    fallback: tuple[str, str] | None = None
    unable: str = ""

    @property
    def served(self) -> bool:
        """Whether pricing finds a model that may be a chat model."""
        return self.winner is not None and not self.unable

    def __str__(self) -> str:
        if self.winner is not None:
            return self.winner[1]
        return f"the fallback {self.fallback[1]}" if self.fallback else "the error"


# A decision per request, in the order asked.
Winners = tuple[Decision, ...]
# What was decided: by platform, waived filters, clients, plan and ai_mode. Most tenants share a
# few.
Decided = dict[tuple[Platform, frozenset[str], tuple[str, ...], str | None, str | None], Winners]


@dataclass(frozen=True)
class Option:
    """A fix and its effects. Requests are named `complexity`, or `complexity with tools`.

    `edits` are the kinds of its edits, none for a change of the code. `cures` and `leaves` are the
    tenant's failing requests that it does and does not cure; of the latter, `unable` has those
    that get a model which is no chat model, and says so. `touched` are the other tenants whose
    outcome, winner or fallback changes for any request, by subdomain or id, with the first change
    in words.
    """

    name: str
    kind: str
    cost: int
    cures: tuple[str, ...]
    leaves: tuple[str, ...]
    touched: Mapping[str, str]
    edits: tuple[str, ...] = ()
    unable: Mapping[str, str] = field(default_factory=dict)


def compare_options(
    evidence: Evidence, tenant: str, others: int | None = None, managed: bool | None = None
) -> list[Option]:
    """Return the options for a failing tenant, empty if nothing fails.

    First each request's fix of least effort and, where that copies a key, the code fallback; then
    the `others`, all other minimal fixes if not given, least effort first, of equal ones those that
    cure more. All four complexities are tried, with and without tools, for every tenant as its
    `ai_mode` says, unless they are asked for as `managed` or not. Raises TenantError.
    """
    requests = [
        Request(complexity=c, tools=tools, managed=managed)
        for tools in (False, True)
        for c in COMPLEXITIES
    ]
    platform = load_platform(evidence.session)
    diagnosis = diagnose(evidence, tenant, requests, platform)
    fix_sets = [f for d in diagnosis.requests for f in d.explanation.fix_sets if f.verified]
    failing = diagnosis.failing
    roots = [fix for d in failing if (fix := root_fix(d, failing)) is not None]
    decided: Decided = {}
    before = winners_by_tenant(evidence.session, platform, requests, decided)
    own = diagnosis.tenant.id
    options = []

    def rank(fix: FixSet) -> tuple[int, ...]:
        return (*fix.effort, not fix.cures, -len(cured_by(fix.edits, failing)))

    for edits in dict.fromkeys(f.edits for f in sorted(roots, key=rank)):
        options.append(_with_edits(evidence, platform, requests, own, edits, before, decided))
        if len(edits) == 1 and edits[0].kind == "copy-key":
            options.append(
                _with_fallback(evidence, platform, requests, own, edits[0], before, decided)
            )
    done = {f.edits for f in roots}
    rest = dict.fromkeys(f.edits for f in sorted(fix_sets, key=rank))
    kept = [edits for edits in rest if edits not in done][:others]
    return options + [
        _with_edits(evidence, platform, requests, own, edits, before, decided) for edits in kept
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
    with Sandbox(evidence, platform) as lab:
        lab.make(tenant_id, *rows)
        changed = lab.edited(changes)
        after = winners_by_tenant(lab.scratch.session, changed, requests, decided, waived=waived)
    # The worker's environment is every tenant's.
    own = platform.rules.keys_from == "settings" and len(rows) == len(edits)
    kind = "data" if own else "platform"
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
    own = zip(names, before[tenant_id], after[tenant_id], strict=True)
    failing = [(name, then) for name, now, then in own if now.winner is None]
    touched = {}
    for other in before.keys() - {tenant_id}:
        changes = zip(names, before[other], after[other], strict=True)
        change = next(((n, b, a) for n, b, a in changes if b != a), None)
        if change is not None:
            name, was, becomes = change
            touched[subdomains[other] or other] = f"{name}: {was} → {becomes}"
    return replace(
        option,
        cures=tuple(name for name, then in failing if then.served),
        leaves=tuple(name for name, then in failing if not then.served),
        touched=dict(sorted(touched.items())),
        unable={name: then.unable for name, then in failing if then.unable},
    )


def winners_by_tenant(
    db: Session,
    platform: Platform,
    requests: Sequence[Request],
    decided: Decided,
    *,
    waived: frozenset[str] = frozenset(),
    fallback: Mapping[str, str] | None = None,
) -> dict[str, Winners]:
    """Return what is decided for every tenant with the given lookup rule and filters.

    A name in `fallback` that holds no usable key is looked up under the other name that it has
    there. Requests are managed or not as they say, else as each tenant's `ai_mode` says.
    """
    rows_of = platform.manager().all_row_states(db)
    clients_of: dict[frozenset[tuple[str, State]], tuple[str, ...]] = {}
    found = {}
    for tenant_id, plan, mode in db.execute(select(Tenant.id, Tenant.plan_type, Tenant.ai_mode)):
        rows = frozenset(rows_of(tenant_id).items())
        if rows not in clients_of:
            clients_of[rows] = _clients(platform, dict(rows), fallback or {})
        case = (platform, waived, clients_of[rows], plan, mode)
        if case not in decided:
            asked = [request.of_tenant(mode) for request in requests]
            decided[case] = tuple(
                _decision(rank(platform, clients_of[rows], r, plan, waived=waived)) for r in asked
            )
        found[tenant_id] = decided[case]
    return found


def _clients(
    platform: Platform, rows: dict[str, State], fallback: Mapping[str, str]
) -> tuple[str, ...]:
    """Return the clients of a tenant whose rows are in these states, by the given lookup rule."""
    for name, other in fallback.items():
        if rows.get(other) in USABLE:
            rows = {**rows, name: rows[other]}
    return tuple(look.provider for look in platform.manager().lookups_of(rows) if look.client)


def _decision(ranking: Ranking) -> Decision:
    winner = ranking.winner
    unable = winner.unable if winner else ""
    return Decision(_named(winner), _named(ranking.fallback), unable)


def _named(found: Candidate | Answer | None) -> tuple[str, str] | None:
    return (found.provider, found.model) if found else None
