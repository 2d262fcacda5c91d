"""The fleet: which tenants of a snapshot are affected, by which cause, and what would cure them.

Each state that tenants are in is diagnosed once, however many of them share it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from atomlab.byok.platform import Platform, load_platform
from atomlab.byok.ranking import Ranking
from atomlab.byok.request import Request
from atomlab.diagnosis.causes import explain
from atomlab.diagnosis.defects import find_defects
from atomlab.diagnosis.diagnose import RequestDiagnosis
from atomlab.diagnosis.document import document_head
from atomlab.diagnosis.explanation import Cause, Verdict
from atomlab.diagnosis.fixes import cured_by, root_fix
from atomlab.diagnosis.interventions import Edit, Laboratory
from atomlab.diagnosis.population import Alike, distinct_states
from atomlab.diagnosis.verify import ClaimResult, Verification
from atomlab.evidence.registry import setting_key
from atomlab.evidence.rules import COMPLEXITIES
from atomlab.evidence.schema import Tenant
from atomlab.evidence.snapshot import Snapshot
from atomlab.text import count, listed, printable

if TYPE_CHECKING:
    import pandas as pd

UNEXPLAINED = "unexplained"
_WHY = ("cause", "provider", "verdict", "fix", "cost")
# A laboratory remembers what it decided; a new one now and then forgets it.
_STATES_PER_LABORATORY = 200


@dataclass(frozen=True)
class Failure:
    """A kind of request that finds no model, and its root cause.

    `edits` are the cheapest fix of it that was run and helped, empty if none did, and `leaves` the
    other kinds of request that still fail with them made; `cause` is None where no deviation
    explains the failure.
    """

    complexity: str
    cause: Cause | None
    edits: tuple[Edit, ...]
    leaves: tuple[str, ...] = ()

    @property
    def fix(self) -> str | None:
        """The edits in words, None if there are none."""
        return " and ".join(map(str, self.edits)) or None

    @property
    def cost(self) -> int | None:
        """What the edits cost together, None if there are none."""
        return sum(edit.cost for edit in self.edits) or None

    @property
    def held(self) -> bool:
        """Whether the tenant holds the missing key already, in another row."""
        return [edit.copy_from is not None for edit in self.edits] == [True]


@dataclass(frozen=True)
class Impact:
    """What a tenant meets: its clients, and the requests that fail, in the order asked.

    `hollow` are the providers whose models win although the key is spaces only.
    """

    tenant: Tenant
    clients: tuple[str, ...]
    failures: tuple[Failure, ...]
    hollow: tuple[str, ...] = ()

    @property
    def cause(self) -> Cause | None:
        """The root cause of the first request that fails, None if none does or none is known."""
        return self.failures[0].cause if self.failures else None

    @property
    def held(self) -> bool:
        """Whether some failure's fix copies a key that the tenant holds in another row."""
        return any(edit.copy_from is not None for f in self.failures for edit in f.edits)


@dataclass(frozen=True)
class Fleet:
    """Every tenant's impact, one each, in the order of their ids; `states` had to be diagnosed."""

    evidence: Snapshot
    platform: Platform
    requests: tuple[Request, ...]
    impacts: tuple[Impact, ...]
    states: int

    @property
    def affected(self) -> tuple[Impact, ...]:
        """The tenants with a request that finds no model; none where nothing can be decided."""
        return tuple(impact for impact in self.impacts if impact.failures)

    def by_cause(self) -> dict[str, list[Impact]]:
        """Return the affected tenants by the code of their cause, the most frequent first."""
        found: dict[str, list[Impact]] = defaultdict(list)
        for impact in self.affected:
            found[impact.cause.code if impact.cause else UNEXPLAINED].append(impact)
        return dict(sorted(found.items(), key=lambda item: (-len(item[1]), item[0])))

    def frame(self) -> pd.DataFrame:
        """Return one row per tenant, affected or not.

        Columns: tenant (id), subdomain, name, plan, clients (how many), fails (complexities,
        comma-separated), then of the first request that fails its cause, provider, verdict, fix
        and cost.
        """
        import pandas as pd

        rows = [
            (
                *(i.tenant.id, i.tenant.subdomain, i.tenant.name, i.tenant.plan_type),
                len(i.clients),
                ", ".join(failure.complexity for failure in i.failures),
                *_why(next(iter(i.failures), None)),
            )
            for i in self.impacts
        ]
        columns = ["tenant", "subdomain", "name", "plan", "clients", "fails", *_WHY]
        return pd.DataFrame(rows, columns=columns).astype({"cost": "Int64"})

    def failures_frame(self) -> pd.DataFrame:
        """Return one row per affected tenant and kind of request that fails.

        Columns: tenant (id), subdomain, complexity, cause, provider, verdict, fix, cost.
        """
        import pandas as pd

        rows = [
            (impact.tenant.id, impact.tenant.subdomain, failure.complexity, *_why(failure))
            for impact in self.affected
            for failure in impact.failures
        ]
        columns = ["tenant", "subdomain", "complexity", *_WHY]
        return pd.DataFrame(rows, columns=columns).astype({"cost": "Int64"})

    @property
    def verification(self) -> Verification:
        """What is claimed, with its verdicts: that tenants are affected, and each cause."""
        claims = [self._error()]
        for code, impacts in self.by_cause().items():
            claims.append(_claim(code, impacts))
        title = "Which tenants are affected, and by which cause?"
        return Verification(
            title, "all tenants", self.evidence.sha256, self.requests, tuple(claims)
        )

    def answer(self) -> str:
        """Return what was found, in a few plain sentences."""
        tenants = count(len(self.impacts), "tenant")
        if not self.evidence.has_pricing:
            return f"Nothing can be decided for {tenants}: the snapshot holds no pricing cache."
        if not self.affected:
            none = f"None of {tenants} is affected: every request that was tried finds a model."
            return f"{none}{self._hollow()}"
        causes = (f"{code} ({len(hit):,})" for code, hit in self.by_cause().items())
        whole = sum(len(impact.failures) == len(self.requests) for impact in self.affected)
        held = sum(impact.held for impact in self.affected)
        find, hold = ("finds" if len(self.affected) == 1 else "find"), f"hold{'s' * (held == 1)}"
        return (
            f"{len(self.affected):,} of {tenants} {find} no model for some kind of request, "
            f"{whole:,} for every kind that was tried. By cause: {listed(causes, 12)}. "
            f"{held:,} {hold} the missing key already, in another row.{self._hollow()}"
        )

    def to_json(self) -> dict[str, Any]:
        """Return the document `atomlab.findings/1`, one element of `tenants` per affected one."""
        where = {
            "sha256": self.evidence.sha256,
            "captured_at": self.evidence.captured_at,
            "rules": self.platform.rules.name,
        }
        return {
            **document_head(self.evidence, self.verification, self.answer()),
            "request": {"complexity": ", ".join(r.complexity for r in self.requests)},
            "requests": [request.to_json() for request in self.requests],
            "diagnosis": {"tenant": None, "snapshot": where},
            "warnings": self.platform.pricing.warnings(),
            "tenants": [_told(impact) for impact in self.affected],
        }

    def _hollow(self) -> str:
        """Return a sentence on the tenants that get a model whose calls will fail, if any do."""
        number = sum(bool(impact.hollow) for impact in self.impacts)
        if not number:
            return ""
        get, it = ("gets", "its") if number == 1 else ("get", "their")
        return f" {number:,} {get} a model by a key of spaces only: {it} calls will fail."

    def _error(self) -> ClaimResult:
        observed = f"{len(self.affected):,} of {count(len(self.impacts), 'tenant')}"
        verdict: Verdict = "confirmed"
        if not self.evidence.has_pricing:
            verdict, observed = "inconclusive", "the snapshot holds no pricing cache"
        if self.affected:
            statement, expected = "Tenants of this snapshot get the error.", "the error"
        else:
            statement, expected = "No tenant of this snapshot gets the error.", "no error"
        return ClaimResult("affected", statement, verdict, expected, observed)


def survey(evidence: Snapshot, complexity: str = "", platform: Platform | None = None) -> Fleet:
    """Return the impact on every tenant, for requests of `complexity`, all four if it is empty.

    Every fix that is named was run on a scratch copy. Without a pricing cache nothing is decided,
    and nobody is affected. Raises InputError for an unknown complexity.
    """
    requests = tuple(Request(complexity=c) for c in ([complexity] if complexity else COMPLEXITIES))
    platform = platform or load_platform(evidence.session)
    states = list(distinct_states(evidence, platform))
    impacts = [
        Impact(tenant, alike.clients, failures, hollow)
        for alike, failures, hollow in _diagnosed(evidence, platform, states, requests)
        for tenant in alike.tenants
    ]
    impacts.sort(key=lambda impact: impact.tenant.id)
    return Fleet(evidence, platform, requests, tuple(impacts), len(states))


def _diagnosed(
    evidence: Snapshot, platform: Platform, states: Sequence[Alike], requests: Sequence[Request]
) -> Iterator[tuple[Alike, tuple[Failure, ...], tuple[str, ...]]]:
    """Yield each state with what fails in it, and why, and whose models win by spaces only."""
    waiting = iter(states)
    while some := list(islice(waiting, _STATES_PER_LABORATORY)):
        with Laboratory(evidence, platform) as lab:
            for alike in some:
                decided = [alike.decide(platform, request) for request in requests]
                failing = [r for r in decided if not len(r.order) and evidence.has_pricing]
                told = [_explained(alike, ranking, lab) for ranking in failing]
                failures = tuple(_failure(each, told, alike, lab) for each in told)
                yield alike, failures, _hollow(alike, decided)


def _hollow(alike: Alike, decided: Sequence[Ranking]) -> tuple[str, ...]:
    """Return the providers whose models win although their keys are spaces only."""
    winning = dict.fromkeys(r.winner.provider for r in decided if r.winner)
    return tuple(p for p in winning if alike.rows.get(setting_key(p)) == "blank")


def _explained(alike: Alike, ranking: Ranking, lab: Laboratory) -> RequestDiagnosis:
    defects = find_defects(alike.rows, lab.platform)
    explanation = explain(ranking, defects, lab, alike.tenants[0].id)
    return RequestDiagnosis(ranking.request, ranking, "no-models", explanation, ())


def _failure(
    told: RequestDiagnosis, failing: Sequence[RequestDiagnosis], alike: Alike, lab: Laboratory
) -> Failure:
    fix = root_fix(told, failing)
    cause = next(iter(told.explanation.causes), None)
    if fix is None:
        return Failure(told.request.complexity, cause, ())
    cured = {each.request.complexity for each in cured_by(fix.edits, failing)}
    leaves = tuple(
        each.request.complexity
        for each in failing
        if each.request.complexity not in cured and not _cures(fix.edits, each, alike, lab)
    )
    return Failure(told.request.complexity, cause, fix.edits, leaves)


def _cures(edits: tuple[Edit, ...], each: RequestDiagnosis, alike: Alike, lab: Laboratory) -> bool:
    """Return whether the request finds a model with these edits, be they more than it needs."""
    after = lab.try_edits("", edits, alike.tenants[0].id, each.request).after
    return len(after.order) > 0


def _why(failure: Failure | None) -> tuple[Any, ...]:
    """Return what the last columns of both frames say of a failure."""
    if failure is None:
        return (None,) * 5
    if failure.cause is None:
        return UNEXPLAINED, None, "inconclusive", failure.fix, failure.cost
    cause = failure.cause
    return cause.code, cause.provider, cause.verdict, failure.fix, failure.cost


def _claim(code: str, impacts: Sequence[Impact]) -> ClaimResult:
    """Return the claim that a cause is what affects these tenants."""
    verdicts = [impact.cause.verdict if impact.cause else "inconclusive" for impact in impacts]
    confirmed = verdicts.count("confirmed")
    return ClaimResult(
        code,
        f"{count(len(impacts), 'tenant')} affected because of {code}.",
        "confirmed" if confirmed == len(impacts) else "inconclusive",
        "the repair removes the error, placebos leave it",
        f"so for {confirmed:,} of {count(len(impacts), 'tenant')}",
        tuple(printable(impact.tenant.subdomain or impact.tenant.id) for impact in impacts),
    )


def _told(impact: Impact) -> dict[str, Any]:
    tenant = impact.tenant
    failures = [
        {"complexity": failure.complexity, **dict(zip(_WHY, _why(failure), strict=True))}
        for failure in impact.failures
    ]
    return {
        "id": tenant.id,
        "name": tenant.name,
        "subdomain": tenant.subdomain,
        "plan": tenant.plan_type,
        "clients": list(impact.clients),
        "failures": failures,
    }
