"""The fleet: which tenants of a snapshot are affected, by which cause, and what would cure them.

Each state that tenants are in is diagnosed once, however many of them share it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

from atomlab.byok.platform import load_platform
from atomlab.byok.request import Request
from atomlab.diagnosis.answers import mode_of
from atomlab.diagnosis.case import SnapshotCase
from atomlab.diagnosis.findings import ClaimResult, FleetFindings
from atomlab.diagnosis.verify import Verification
from atomlab.evidence.inputs.rules import COMPLEXITIES
from atomlab.evidence.schema import Tenant
from atomlab.evidence.snapshot import Snapshot
from atomlab.fleet.impacts import Failure, Impact, impacts_on
from atomlab.fleet.summary import summarize_impacts
from atomlab.text import count, listed, printable
from atomlab.verdicts import Status

UNEXPLAINED = "unexplained"
_WHY = ("cause", "provider", "verdict", "fix", "cost")


@dataclass(frozen=True, kw_only=True)
class Fleet(SnapshotCase):
    """Every tenant's impact, one each, in the order of their ids."""

    requests: tuple[Request, ...]
    impacts: tuple[Impact, ...]

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

    def by_status(self) -> dict[Status, int]:
        """Return the number of tenants that are affected, healthy and undecided."""
        found = Counter(impact.status for impact in self.impacts)
        return {status: found[status] for status in sorted(get_args(Status))}

    def by_cause(self) -> dict[str, list[Impact]]:
        """Return the affected tenants by the code of their cause, the most frequent first."""
        found: dict[str, list[Impact]] = defaultdict(list)
        for impact in self.affected:
            found[impact.cause.code if impact.cause else UNEXPLAINED].append(impact)
        return dict(sorted(found.items(), key=lambda item: (-len(item[1]), item[0])))

    @property
    def verification(self) -> Verification:
        """What is claimed, with its verdicts: that tenants are affected, and each cause."""
        return self._verification(
            "Which tenants are affected, and by which cause?",
            "all tenants",
            self.requests,
            self._fails(
                "affected",
                "Tenants of this snapshot find no model.",
                "no model",
                f"{len(self.affected):,} of {count(len(self.impacts), 'tenant')}",
            ),
            *(_claim(code, impacts) for code, impacts in self.by_cause().items()),
        )

    def answer(self) -> str:
        """Return what was found, in a few plain sentences."""
        tenants = count(len(self.impacts), "tenant")
        if self.status == "undecided":
            undecided, total = self.by_status()["undecided"], len(self.impacts)
            whom = tenants if undecided == total else f"{undecided:,} of {tenants}"
            return f"Nothing can be decided for {whom}: {self.missing}."
        return " ".join([self._causes(tenants), *self._blank_keys(), *self._decided_as(tenants)])

    def findings(self) -> FleetFindings:
        """Return the findings on all tenants."""
        where = {
            "sha256": self.snapshot.sha256,
            "captured_at": self.snapshot.captured_at,
            "rules": self.platform.rules.name,
        }
        return FleetFindings.model_validate(
            {
                **self._head(),
                "result": self.status,
                "statuses": self.by_status(),
                "request": {"complexity": ", ".join(r.complexity for r in self.requests)},
                "requests": [request.to_json() for request in self.requests],
                "diagnosis": {"tenant": None, "snapshot": where},
                "summary": summarize_impacts(
                    self.impacts, self.requests, self.status, self.missing, self.platform.rules
                ),
                "warnings": self.platform.pricing.warnings(),
                "tenants": [_affected(impact, self.requests[0]) for impact in self.affected],
                "unable": [_winners(impact) for impact in self.impacts if impact.unable],
            }
        )

    def _causes(self, tenants: str) -> str:
        number = f"{len(self.affected):,} of {tenants}"
        if not self.affected:
            found = f"None of {tenants} is affected: every request that was tried finds a model"
            return f"{found}{self._unable()}."
        causes = (f"{code} ({len(hit):,})" for code, hit in self.by_cause().items())
        for_all = sum(len(impact.failures) == len(self.requests) for impact in self.affected)
        held = sum(impact.held for impact in self.affected)
        return (
            f"No model is found for {number}, for {for_all:,} of them whatever the request"
            f"{self._unable()}. By cause: {listed(causes, 12)}. For {held:,} the missing key is in "
            "another row."
        )

    def _unable(self) -> str:
        """Return the end of a sentence on the tenants that get a model which cannot serve."""
        number = sum(bool(impact.unable) for impact in self.impacts)
        return f"; for {number:,} the winner is not a chat model and will fail" if number else ""

    def _blank_keys(self) -> list[str]:
        """Return a sentence on the tenants that get a model whose calls will fail, if any do."""
        number = sum(bool(impact.blank_keys) for impact in self.impacts)
        what = "the winner's key is only spaces: its calls will fail"
        return [f"For {number:,} {what}."] if number else []

    def _decided_as(self, tenants: str) -> list[str]:
        """Return a sentence on whose requests were taken for managed ones, if that matters."""
        found: Counter[str] = Counter(
            mode_of(self.managed, impact.tenant.ai_mode) for impact in self.impacts
        )
        return [f"Requests are {how} for {n:,} of {tenants}." for how, n in found.items() if how]


def survey(evidence: Snapshot, complexity: str = "", managed: bool | None = None) -> Fleet:
    """Return the impact on every tenant, for requests of `complexity`, all four if it is empty.

    They are `managed`, or not, or, where that is None, as each tenant's `ai_mode` says. Raises
    InputError for an unknown complexity.
    """
    complexities = [complexity] if complexity else COMPLEXITIES
    requests = tuple(Request(complexity=c, managed=managed) for c in complexities)
    platform = load_platform(evidence.session)
    impacts = impacts_on(evidence, platform, requests)
    return Fleet(
        snapshot=evidence,
        platform=platform,
        managed=managed,
        requests=requests,
        impacts=tuple(sorted(impacts, key=lambda impact: impact.tenant.id)),
    )


def _why(failure: Failure | None) -> dict[str, Any]:
    """Return what the findings say of a failure."""
    if failure is None:
        return dict.fromkeys(_WHY)
    cause, fix = failure.cause, (failure.fix, failure.cost)
    known = (cause.code, cause.provider, cause.verdict) if cause else None
    values = (*(known or (UNEXPLAINED, None, "inconclusive")), *fix)
    return dict(zip(_WHY, values, strict=True))


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


def _affected(impact: Impact, request: Request) -> dict[str, Any]:
    """Return the tenant with its failures."""
    return {
        **_named(impact.tenant),
        "plan": impact.tenant.plan_type,
        "managed": request.of_tenant(impact.tenant.ai_mode).managed,
        "status": impact.status,
        "clients": list(impact.clients),
        "failures": [{"complexity": each.complexity, **_why(each)} for each in impact.failures],
    }


def _winners(impact: Impact) -> dict[str, Any]:
    """Return the tenant with its winners that are not chat models."""
    winners = [
        {"complexity": kind, "provider": w.provider, "model": w.model, "mode": w.mode}
        for kind, w in impact.unable.items()
    ]
    return {**_named(impact.tenant), "status": impact.status, "winners": winners}


def _named(tenant: Tenant) -> dict[str, Any]:
    return {"id": tenant.id, "name": tenant.name, "subdomain": tenant.subdomain}
