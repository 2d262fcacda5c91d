"""Diagnose a tenant: rows → decision → defects → fix sets → trials → causes → verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

from atomlab.byok.keys import KeyLookups
from atomlab.byok.platform import Platform
from atomlab.byok.ranking import Ranking
from atomlab.byok.request import Request
from atomlab.diagnosis.answers import USUAL_MODE, keys_that_serve, mode_of
from atomlab.diagnosis.assumptions import Assumption, assumptions, missing_input
from atomlab.diagnosis.causes import explain
from atomlab.diagnosis.confirmation import put_fault_back
from atomlab.diagnosis.defects import find_defects
from atomlab.diagnosis.explanation import DecidedRequest, Explanation
from atomlab.diagnosis.findings import Rival
from atomlab.diagnosis.fix_sets import minimal_blocking_sets
from atomlab.diagnosis.rivals import find_rivals
from atomlab.diagnosis.sandbox import Sandbox
from atomlab.evidence.inputs.rules import COMPLEXITIES
from atomlab.evidence.redaction import State
from atomlab.evidence.schema import Tenant
from atomlab.evidence.snapshot import Evidence
from atomlab.shown import Several, Shown
from atomlab.text import listed, printable
from atomlab.verdicts import STATUS_OF, Outcome, Status, worst_status


@dataclass(frozen=True, repr=False)
class RequestDiagnosis(Shown):
    """One request's outcome; `ranking` is the decision in full, `explanation` why it is empty.

    The outcome is inconclusive where the snapshot lacks what the platform certainly has, and that
    could turn it; `missing` says what.
    """

    request: Request
    ranking: Ranking
    outcome: Outcome
    explanation: Explanation
    rivals: tuple[Rival, ...]
    missing: str | None = None

    @property
    def status(self) -> Status:
        """Whether the tenant is affected, healthy or undecided, for this request."""
        return STATUS_OF[self.outcome]

    def to_json(self) -> dict[str, Any]:
        """Return the diagnosis as an element of `diagnoses` in `atomlab.diagnosis/1`."""
        winner, answer = self.ranking.winner, self.ranking.fallback
        fix_sets = self.explanation.fix_sets
        blocking = minimal_blocking_sets(fix.atoms for fix in fix_sets) if fix_sets else []
        return {
            "request": self.request.to_json(),
            "outcome": self.outcome,
            "status": self.status,
            "error": self.ranking.error if self.outcome == "no-models" else None,
            "fallback": asdict(answer) if answer and self.outcome == "fallback" else None,
            "missing": self.missing if self.outcome == "inconclusive" else None,
            "winner": winner and winner.to_json(),
            "candidates": len(self.ranking.order),
            "funnel": self.ranking.funnel_rows(),
            "warnings": self.ranking.warnings(),
            "causes": [cause.to_json() for cause in self.explanation.causes],
            "fix_sets": [fix_set.to_json() for fix_set in self.explanation.fix_sets],
            "rivals": [asdict(rival) for rival in self.rivals],
            "interventions": [trial.to_json() for trial in self.explanation.trials],
            "fix_sets_dropped": self.explanation.dropped,
            "blocking_sets": None if blocking is None else [sorted(each) for each in blocking],
        }


@dataclass(frozen=True)
class Diagnosis(Shown):
    """A tenant's rows (state by setting name), lookups (one per provider), clients and outcomes.

    `repeated` are names of which there is a second row, which the platform never reads;
    `asked_managed` is what the caller said of managed requests, None for nothing; `withheld`
    counts the settings, or variables of the worker, of which the capture kept no name.
    """

    evidence: Evidence
    tenant: Tenant
    platform: Platform
    rows: Mapping[str, State]
    lookups: KeyLookups
    clients: tuple[str, ...]
    requests: tuple[RequestDiagnosis, ...]
    repeated: tuple[str, ...] = ()
    asked_managed: bool | None = None
    withheld: int = 0

    @property
    def assumptions(self) -> tuple[Assumption, ...]:
        """What the diagnosis assumes of inputs that are the edition's default, or absent."""
        return assumptions(self.evidence, self.platform)

    @cached_property
    def keys_that_serve(self) -> tuple[str, ...]:
        """The providers of which a new key alone would serve every kind of request."""
        asked = self.requests[0].request
        held = (self.rows, self.clients, self.tenant.plan_type)
        return keys_that_serve(self.platform, *held, asked)

    @property
    def request_mode(self) -> str:
        """Whether the requests are managed or BYOK, and who says so."""
        return mode_of(self.asked_managed, self.tenant.ai_mode) or USUAL_MODE

    @property
    def status(self) -> Status:
        """Whether the tenant is affected by any of the requests, healthy for all, or undecided."""
        return worst_status(each.status for each in self.requests)

    @property
    def failing(self) -> tuple[RequestDiagnosis, ...]:
        """The requests for which pricing finds no model."""
        return Several(each for each in self.requests if each.status == "affected")

    @property
    def undecided(self) -> tuple[RequestDiagnosis, ...]:
        """The requests of which the snapshot cannot say whether they find a model."""
        return Several(each for each in self.requests if each.status == "undecided")

    @property
    def named(self) -> frozenset[str]:
        """The providers that the causes of failing requests name."""
        causes = (cause for each in self.requests for cause in each.explanation.causes)
        return frozenset(cause.provider for cause in causes if cause.provider)

    def __repr__(self) -> str:
        outcomes = listed((f"{d.request.complexity} {d.outcome}" for d in self.requests), 8)
        return f"<Diagnosis of {printable(self.tenant.name)}: {outcomes}>"

    def warnings(self) -> list[str]:
        """Return what the replay had to take on trust, and what may be overlooked."""
        out = [f"{look.provider}: {look.reason}" for look in self.lookups if look.state == "blank"]
        if self.repeated:
            names = listed(self.repeated)
            out.append(f"{names}: there is a second row, but the platform reads only the first")
        if self.request_mode != USUAL_MODE:
            mode = (self.tenant.ai_mode or "byok").lower()
            out.append(f"decided as {self.request_mode} requests; the tenant's ai_mode is {mode}")
        wanted = self.requests[0].request.capability
        known = (entry.capabilities for entry in self.platform.catalog.values())
        if wanted is not None and not any(wanted in capabilities for capabilities in known):
            out.append(f"no model of the catalogue lists {wanted}: only models outside it can pass")
        for diagnosis in self.requests:
            prefix = f"{diagnosis.request.complexity}: "
            out.extend(prefix + warning for warning in diagnosis.ranking.warnings())
        return out

    def to_json(self) -> dict[str, Any]:
        """Return the document `atomlab.diagnosis/1`."""
        assumed = [assumption.to_json() for assumption in self.assumptions]
        return {
            "schema": "atomlab.diagnosis/1",
            "snapshot": {
                "sha256": self.evidence.sha256,
                "captured_at": self.evidence.captured_at,
                "rules": self.platform.rules.name,
            },
            "tenant": {
                "id": self.tenant.id,
                "name": self.tenant.name,
                "subdomain": self.tenant.subdomain,
                "plan": self.tenant.plan_type,
            },
            "withheld": self.withheld,
            "ai_mode": self.tenant.ai_mode,
            "status": self.status,
            "request_mode": self.request_mode,
            "assumptions": assumed,
            "lookups": [asdict(lookup) for lookup in self.lookups],
            "clients": list(self.clients),
            "diagnoses": [{**each.to_json(), "assumptions": assumed} for each in self.requests],
        }


def diagnose(
    evidence: Evidence,
    tenant: str,
    requests: Sequence[Request] | None = None,
    platform: Platform | None = None,
    *,
    managed: bool | None = None,
) -> Diagnosis:
    """Return the diagnosis of `tenant` (id, subdomain or exact name) for the requests.

    Without `requests`, all four complexities are diagnosed; managed or not as they say, else as
    `managed` says, else as the tenant's `ai_mode` does. Raises TenantError if no tenant, or more
    than one, goes by that name.
    """
    found = evidence.tenant(tenant)
    return diagnose_in(Sandbox(evidence, platform), found, requests, managed)


def asked_of(requests: Sequence[Request] | None, managed: bool | None) -> list[Request]:
    """Return the requests, all four complexities if none; what they leave open is as `managed`."""
    asked = requests or [Request(complexity=c) for c in COMPLEXITIES]
    return [r if r.managed is not None else replace(r, managed=managed) for r in asked]


def diagnose_in(
    sandbox: Sandbox, tenant: Tenant, requests: Sequence[Request] | None, managed: bool | None
) -> Diagnosis:
    """Return the diagnosis of a tenant as a sandbox has its rows, with the sandbox's platform."""
    evidence, platform = sandbox.evidence, sandbox.platform
    manager, missing = platform.manager(), missing_input(evidence, platform)
    held, withheld = sandbox.tenant(tenant.id).rows, _withheld(evidence, platform, tenant.id)
    tokens = held.of(tenant.id)
    rows = manager.states_of(tokens.items())
    lookups, defects = manager.lookups_of(rows), find_defects(rows, platform, tokens)
    asked = asked_of(requests, managed)
    rankings = [sandbox.decide(tenant.id, r.of_tenant(tenant.ai_mode)) for r in asked]
    diagnosed = [
        _diagnose(DecidedRequest(each, defects, sandbox, tenant.id, withheld), lookups, missing)
        for each in rankings
    ]
    return Diagnosis(
        evidence=evidence,
        tenant=tenant,
        platform=platform,
        rows=rows,
        lookups=lookups,
        clients=lookups.clients,
        requests=Several(diagnosed),
        repeated=tuple(held.repeated(tenant.id)),
        asked_managed=asked[0].managed if managed is None else managed,
        withheld=withheld,
    )


def _withheld(evidence: Evidence, platform: Platform, tenant_id: str) -> int:
    if platform.rules.keys_from == "environment":
        return int(evidence.manifest["withheld"]["variables"])
    return evidence.withheld(tenant_id)


def _diagnose(case: DecidedRequest, lookups: KeyLookups, missing: str | None) -> RequestDiagnosis:
    """Return the request's outcome and why; nothing can be concluded without what is `missing`."""
    ranking, evidence = case.ranking, case.sandbox.evidence
    explanation, rivals = Explanation(), tuple[Rival, ...]()
    outcome: Outcome = "ranked"
    if not len(ranking.order):
        outcome = "fallback" if ranking.fallback else "no-models"
    if missing and (outcome != "ranked" or not evidence.has_pricing):
        outcome = "inconclusive"
    elif outcome == "ranked":
        explanation = Explanation(trials=put_fault_back(case, lookups))
    else:
        explanation = explain(case)
    if outcome != "ranked":
        rivals = find_rivals(evidence, ranking, explanation)
    return RequestDiagnosis(ranking.request, ranking, outcome, explanation, rivals, missing)
