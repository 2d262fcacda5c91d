"""Diagnose a tenant: what the platform looks up, builds and decides, for each request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from atomlab.byok.handler import BYOKHandler
from atomlab.byok.keys import KeyLookup
from atomlab.byok.platform import Platform, load_platform
from atomlab.byok.ranking import Ranking
from atomlab.byok.request import Request
from atomlab.errors import NO_MODELS
from atomlab.evidence.rules import COMPLEXITIES
from atomlab.evidence.schema import Tenant
from atomlab.evidence.snapshot import Evidence

if TYPE_CHECKING:
    import pandas as pd

Outcome = Literal["ranked", "no-models", "inconclusive"]


@dataclass(frozen=True)
class RequestDiagnosis:
    """One request's outcome; `ranking` is the decision in full.

    The outcome is inconclusive where the snapshot holds no pricing cache.
    """

    request: Request
    ranking: Ranking
    outcome: Outcome

    def to_json(self) -> dict[str, Any]:
        """Return the diagnosis as an element of `diagnoses` in `atomlab.diagnosis/1`."""
        winner = self.ranking.winner
        return {
            "request": self.request.to_json(),
            "outcome": self.outcome,
            "error": NO_MODELS if self.outcome == "no-models" else None,
            "winner": winner
            and {
                "provider": winner.provider,
                "model": winner.model,
                "value_score": winner.value_score,
            },
            "candidates": len(self.ranking.order),
            "funnel": self.ranking.funnel_rows(),
            "warnings": self.ranking.warnings(),
            "causes": [],
            "fix_sets": [],
            "rivals": [],
        }


@dataclass(frozen=True)
class Diagnosis:
    """A tenant's lookups (one per provider of the registry), clients and outcomes."""

    evidence: Evidence
    tenant: Tenant
    platform: Platform
    lookups: list[KeyLookup]
    clients: tuple[str, ...]
    requests: tuple[RequestDiagnosis, ...]

    def lookup_frame(self) -> pd.DataFrame:
        """Return one row per provider: provider, setting_key, state, client, reason."""
        import pandas as pd

        return pd.DataFrame([asdict(lookup) for lookup in self.lookups])

    def outcome_frame(self) -> pd.DataFrame:
        """Return one row per request: complexity, outcome, usable, winner, decision (counts)."""
        import pandas as pd

        return pd.DataFrame(
            {
                "complexity": d.request.complexity,
                "outcome": d.outcome,
                "usable": len(d.ranking.order),
                "winner": d.ranking.winner.model if d.ranking.winner else None,
                "decision": d.ranking.summary(),
            }
            for d in self.requests
        )

    def warnings(self) -> list[str]:
        """Return what the replay had to take on trust, and what may be overlooked."""
        out = [f"{look.provider}: {look.reason}" for look in self.lookups if look.state == "blank"]
        if self.tenant.ai_mode == "managed" and not self.requests[0].request.managed:
            out.append("the tenant is managed, the request is not: add --managed to apply its plan")
        for diagnosis in self.requests:
            prefix = f"{diagnosis.request.complexity}: "
            out.extend(prefix + warning for warning in diagnosis.ranking.warnings())
        return out

    def to_json(self) -> dict[str, Any]:
        """Return the document `atomlab.diagnosis/1`."""
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
            "lookups": [asdict(lookup) for lookup in self.lookups],
            "clients": list(self.clients),
            "diagnoses": [diagnosis.to_json() for diagnosis in self.requests],
        }


def diagnose(
    evidence: Evidence, tenant: str, requests: Sequence[Request] | None = None
) -> Diagnosis:
    """Return the diagnosis of `tenant` (id, subdomain or exact name) for the requests.

    Without `requests`, all four complexities are diagnosed. Raises TenantError if no tenant, or
    more than one, goes by that name.
    """
    found = evidence.tenant(tenant)
    platform = load_platform(evidence.session)
    handler = BYOKHandler(found.id, evidence.session, platform=platform)
    asked = requests or [Request(complexity=c) for c in COMPLEXITIES]
    return Diagnosis(
        evidence=evidence,
        tenant=found,
        platform=platform,
        lookups=handler.byok_manager.lookups(found.id, evidence.session),
        clients=tuple(handler.clients),
        requests=tuple(_diagnose(evidence, handler.explain(request)) for request in asked),
    )


def _diagnose(evidence: Evidence, ranking: Ranking) -> RequestDiagnosis:
    outcome: Outcome = "ranked" if len(ranking.order) else "no-models"
    return RequestDiagnosis(
        ranking.request, ranking, outcome if evidence.has_pricing else "inconclusive"
    )
