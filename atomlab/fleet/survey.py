"""The fleet: which tenants of a snapshot are affected, by which cause, and what would cure them.

Each state that tenants are in is diagnosed once, however many of them share it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from atomlab.byok.platform import Platform, load_platform
from atomlab.byok.request import Request
from atomlab.diagnosis.answers import decided_as
from atomlab.diagnosis.assumptions import assumptions, missing_input
from atomlab.diagnosis.document import document_head
from atomlab.diagnosis.population import distinct_states
from atomlab.diagnosis.verify import ClaimResult, Verification
from atomlab.evidence.inputs.rules import COMPLEXITIES
from atomlab.evidence.snapshot import Snapshot
from atomlab.fleet.impacts import Failure, Impact, impacts_on
from atomlab.text import count, listed, printable
from atomlab.verdicts import Status, Verdict

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["UNEXPLAINED", "Failure", "Fleet", "Impact", "survey"]

UNEXPLAINED = "unexplained"
_WHY = ("cause", "provider", "verdict", "fix", "cost")


@dataclass(frozen=True)
class Fleet:
    """Every tenant's impact, one each, in the order of their ids; `states` had to be diagnosed.

    `requests` are managed, or not, or, where they do not say so, as each tenant's `ai_mode` says.
    """

    evidence: Snapshot
    platform: Platform
    requests: tuple[Request, ...]
    impacts: tuple[Impact, ...]
    states: int

    @property
    def affected(self) -> tuple[Impact, ...]:
        """The tenants with a request that finds no model; none where nothing can be decided."""
        return tuple(impact for impact in self.impacts if impact.failures)

    @property
    def status(self) -> Status:
        """Whether some tenant is affected, all are healthy, or that is undecided."""
        found = self.by_status()
        if found["affected"]:
            return "affected"
        undecided = found["undecided"] or (self.missing and not self.impacts)
        return "undecided" if undecided else "healthy"

    @property
    def missing(self) -> str | None:
        """What the platform certainly has and the snapshot lacks, in words; None if nothing."""
        return missing_input(self.evidence, self.platform)

    def by_status(self) -> dict[Status, int]:
        """Return the number of tenants that are affected, healthy and undecided."""
        found = Counter(impact.status for impact in self.impacts)
        return {status: found[status] for status in get_args(Status)}

    def by_cause(self) -> dict[str, list[Impact]]:
        """Return the affected tenants by the code of their cause, the most frequent first."""
        found: dict[str, list[Impact]] = defaultdict(list)
        for impact in self.affected:
            found[impact.cause.code if impact.cause else UNEXPLAINED].append(impact)
        return dict(sorted(found.items(), key=lambda item: (-len(item[1]), item[0])))

    def frame(self) -> pd.DataFrame:
        """Return one row per tenant, affected or not.

        Columns: tenant (id), subdomain, name, plan, status, clients (how many), fails
        (complexities, comma-separated), then of the first request that fails its cause, provider,
        verdict, fix and cost.
        """
        import pandas as pd

        rows = [
            (
                *(i.tenant.id, i.tenant.subdomain, i.tenant.name, i.tenant.plan_type),
                *(i.status, len(i.clients)),
                ", ".join(failure.complexity for failure in i.failures),
                *_why(next(iter(i.failures), None)),
            )
            for i in self.impacts
        ]
        columns = ["tenant", "subdomain", "name", "plan", "status", "clients", "fails", *_WHY]
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
        """What is claimed, with its verdicts: that tenants are affected, and each cause.

        Nothing where all are healthy.
        """
        causes = (_claim(code, impacts) for code, impacts in self.by_cause().items())
        return Verification(
            "Which tenants are affected, and by which cause?",
            "all tenants",
            self.evidence.sha256,
            self.requests,
            () if self.status == "healthy" else (self._error(), *causes),
            assumptions(self.evidence, self.platform),
        )

    def answer(self) -> str:
        """Return what was found, in a few plain sentences."""
        tenants = count(len(self.impacts), "tenant")
        if self.status == "undecided":
            undecided, total = self.by_status()["undecided"], len(self.impacts)
            whom = tenants if undecided == total else f"{undecided:,} of {tenants}"
            return f"Nothing can be decided for {whom}: {self.missing}."
        if not self.affected:
            none = f"None of {tenants} is affected: every request that was tried finds a model"
            return f"{none}{self._unable()}.{self._hollow()}{self._decided_as()}"
        causes = (f"{code} ({len(hit):,})" for code, hit in self.by_cause().items())
        whole = sum(len(impact.failures) == len(self.requests) for impact in self.affected)
        held = sum(impact.held for impact in self.affected)
        find, hold = ("finds" if len(self.affected) == 1 else "find"), f"hold{'s' * (held == 1)}"
        return (
            f"{len(self.affected):,} of {tenants} {find} no model for some kind of request, "
            f"{whole:,} for every kind that was tried{self._unable()}. By cause: "
            f"{listed(causes, 12)}. {held:,} {hold} the missing key already, in another row."
            f"{self._hollow()}{self._decided_as()}"
        )

    def to_json(self) -> dict[str, Any]:
        """Return the document `atomlab.findings/1`.

        One element of `tenants` per affected tenant, one of `unable` per tenant that gets a model
        which is no chat model; `statuses` counts all.
        """
        where = {
            "sha256": self.evidence.sha256,
            "captured_at": self.evidence.captured_at,
            "rules": self.platform.rules.name,
        }
        return {
            **document_head(self.evidence, self.verification, self.answer(), self.status),
            "result": self.status,
            "statuses": self.by_status(),
            "request": {"complexity": ", ".join(r.complexity for r in self.requests)},
            "requests": [request.to_json() for request in self.requests],
            "diagnosis": {"tenant": None, "snapshot": where},
            "warnings": self.platform.pricing.warnings(),
            "tenants": [_told(impact, self.requests[0]) for impact in self.affected],
            "unable": [_winners(impact) for impact in self.impacts if impact.unable],
        }

    def _unable(self) -> str:
        """Return the end of a sentence on the tenants that get a model which cannot serve."""
        number = sum(bool(impact.unable) for impact in self.impacts)
        if not number:
            return ""
        get = "gets" if number == 1 else "get"
        return f"; {number:,} {get} one that is no chat model, which will fail"

    def _hollow(self) -> str:
        """Return a sentence on the tenants that get a model whose calls will fail, if any do."""
        number = sum(bool(impact.hollow) for impact in self.impacts)
        if not number:
            return ""
        get, it = ("gets", "its") if number == 1 else ("get", "their")
        return f" {number:,} {get} a model by a key of spaces only: {it} calls will fail."

    def _decided_as(self) -> str:
        """Return a sentence on whose requests were taken for managed ones, if that is to be said.

        None where every tenant's were decided as BYOK requests, and nobody asked for that.
        """
        told: Counter[str] = Counter()
        for mode, number in Counter(impact.tenant.ai_mode for impact in self.impacts).items():
            told[decided_as(self.requests[0].managed, mode)] += number
        return "".join(
            f" Decided {phrase}, for {number:,} of {count(len(self.impacts), 'tenant')}."
            for phrase, number in told.items()
            if phrase
        )

    def _error(self) -> ClaimResult:
        """Return the claim that there are affected tenants, which may be undecided."""
        observed = f"{len(self.affected):,} of {count(len(self.impacts), 'tenant')}"
        verdict: Verdict = "confirmed"
        if self.missing:
            verdict, observed = "inconclusive", self.missing
        statement = "Tenants of this snapshot find no model."
        return ClaimResult("affected", statement, verdict, "no model", observed)


def survey(
    evidence: Snapshot,
    complexity: str = "",
    platform: Platform | None = None,
    managed: bool | None = None,
) -> Fleet:
    """Return the impact on every tenant, for requests of `complexity`, all four if it is empty.

    They are `managed`, or not, or, where that is None, as each tenant's `ai_mode` says. Every fix
    that is named was run on a scratch copy. Where what decides is not in the snapshot, every
    tenant is undecided. Raises InputError for an unknown complexity.
    """
    complexities = [complexity] if complexity else COMPLEXITIES
    requests = tuple(Request(complexity=c, managed=managed) for c in complexities)
    platform = platform or load_platform(evidence.session)
    states = list(distinct_states(evidence, platform))
    impacts = sorted(
        impacts_on(evidence, platform, states, requests), key=lambda impact: impact.tenant.id
    )
    return Fleet(evidence, platform, requests, tuple(impacts), len(states))


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


def _told(impact: Impact, request: Request) -> dict[str, Any]:
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
        "managed": request.of_tenant(tenant.ai_mode).managed,
        "status": impact.status,
        "clients": list(impact.clients),
        "failures": failures,
    }


def _winners(impact: Impact) -> dict[str, Any]:
    """Return the tenant with its winners that are no chat models."""
    winners = [
        {"complexity": kind, "provider": w.provider, "model": w.model, "mode": w.mode}
        for kind, w in impact.unable.items()
    ]
    tenant = impact.tenant
    return {
        "id": tenant.id,
        "name": tenant.name,
        "subdomain": tenant.subdomain,
        "status": impact.status,
        "winners": winners,
    }
