"""Diagnose a tenant: what the platform looks up, builds and decides, for each request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import select

from atomlab.byok.handler import BYOKHandler
from atomlab.byok.keys import KeyLookups
from atomlab.byok.platform import Platform, load_platform
from atomlab.byok.ranking import Ranking
from atomlab.byok.request import Request
from atomlab.diagnosis import cards
from atomlab.diagnosis.blockers import minimal_blocking_sets
from atomlab.diagnosis.causes import explain
from atomlab.diagnosis.confirmation import put_fault_back
from atomlab.diagnosis.defects import Defect, find_defects
from atomlab.diagnosis.explanation import Explanation
from atomlab.diagnosis.interventions import Laboratory
from atomlab.diagnosis.rivals import Rival, find_rivals
from atomlab.errors import NO_MODELS
from atomlab.evidence.redaction import State
from atomlab.evidence.rules import COMPLEXITIES
from atomlab.evidence.schema import Tenant, TenantSetting
from atomlab.evidence.snapshot import Evidence
from atomlab.text import printable

if TYPE_CHECKING:
    import pandas as pd

Outcome = Literal["ranked", "no-models", "inconclusive"]


@dataclass(frozen=True)
class RequestDiagnosis:
    """One request's outcome; `ranking` is the decision in full, `explanation` why it is empty.

    The outcome is inconclusive where the snapshot holds no pricing cache.
    """

    request: Request
    ranking: Ranking
    outcome: Outcome
    explanation: Explanation
    rivals: tuple[Rival, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the diagnosis as an element of `diagnoses` in `atomlab.diagnosis/1`."""
        winner = self.ranking.winner
        fix_sets = self.explanation.fix_sets
        blocking = minimal_blocking_sets(fix.atoms for fix in fix_sets) if fix_sets else []
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
            "causes": [cause.to_json() for cause in self.explanation.causes],
            "fix_sets": [fix_set.to_json() for fix_set in self.explanation.fix_sets],
            "rivals": [asdict(rival) for rival in self.rivals],
            "interventions": [trial.to_json() for trial in self.explanation.trials],
            "fix_sets_dropped": self.explanation.dropped,
            "blocking_sets": None if blocking is None else [sorted(each) for each in blocking],
        }


@dataclass(frozen=True)
class Diagnosis:
    """A tenant's rows (state by setting name), lookups (one per provider), clients and outcomes."""

    evidence: Evidence
    tenant: Tenant
    platform: Platform
    rows: Mapping[str, State]
    lookups: KeyLookups
    clients: tuple[str, ...]
    requests: tuple[RequestDiagnosis, ...]

    @property
    def named(self) -> frozenset[str]:
        """The providers that the causes of failing requests name."""
        causes = (cause for each in self.requests for cause in each.explanation.causes)
        return frozenset(cause.provider for cause in causes if cause.provider)

    def lookup_frame(self) -> pd.DataFrame:
        """Return one row per provider: provider, setting_key, state, client, reason."""
        return self.lookups.frame()

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

    def repaired_frame(self, after: Sequence[Ranking]) -> pd.DataFrame:
        """Return one row per request as captured and as in `after`, its ranking with a fix made.

        Columns: complexity, usable before, usable after, winner after, decision after.
        """
        import pandas as pd

        return pd.DataFrame(
            {
                "complexity": d.request.complexity,
                "usable before": len(d.ranking.order),
                "usable after": len(ranking.order),
                "winner after": ranking.winner.model if ranking.winner else None,
                "decision after": ranking.summary(),
            }
            for d, ranking in zip(self.requests, after, strict=True)
        )

    def _repr_html_(self) -> str:
        return cards.diagnosis_card(self).html()

    def __repr__(self) -> str:
        told = ", ".join(f"{d.request.complexity} {d.outcome}" for d in self.requests)
        return f"<Diagnosis of {printable(self.tenant.name)}: {told}>"

    def warnings(self) -> list[str]:
        """Return what the replay had to take on trust, and what may be overlooked."""
        out = [f"{look.provider}: {look.reason}" for look in self.lookups if look.state == "blank"]
        if self.tenant.ai_mode == "managed" and not self.requests[0].request.managed:
            out.append("the tenant is managed, the request is not: add --managed to apply its plan")
        wanted = self.requests[0].request.capability
        listed = (entry.capabilities for entry in self.platform.catalog.values())
        if wanted is not None and not any(wanted in capabilities for capabilities in listed):
            out.append(f"no model of the catalogue lists {wanted}: only uncatalogued ones can pass")
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
    evidence: Evidence,
    tenant: str,
    requests: Sequence[Request] | None = None,
    platform: Platform | None = None,
) -> Diagnosis:
    """Return the diagnosis of `tenant` (id, subdomain or exact name) for the requests.

    Without `requests`, all four complexities are diagnosed; `platform` spares loading it again.
    Every fix is run on a scratch copy. Raises TenantError if no tenant, or more than one, goes by
    that name.
    """
    found = evidence.tenant(tenant)
    platform = platform or load_platform(evidence.session)
    handler = BYOKHandler(found.id, evidence.session, platform=platform)
    rows = handler.byok_manager.row_states(found.id, evidence.session)
    asked = requests or [Request(complexity=c) for c in COMPLEXITIES]
    with Laboratory(evidence, platform) as lab:
        defects = find_defects(rows, platform, _tokens(evidence, found.id))
        diagnosed = tuple(
            _diagnose(evidence, handler.explain(request), defects, lab, found.id)
            for request in asked
        )
    return Diagnosis(
        evidence=evidence,
        tenant=found,
        platform=platform,
        rows=rows,
        lookups=handler.byok_manager.lookups(found.id, evidence.session),
        clients=tuple(handler.clients),
        requests=diagnosed,
    )


def _tokens(evidence: Evidence, tenant_id: str) -> dict[str, str]:
    """Return the token of each of the tenant's rows, by setting name; the first of several."""
    columns = (TenantSetting.setting_key, TenantSetting.setting_value)
    tokens: dict[str, str] = {}
    for name, token in evidence.session.execute(
        select(*columns).where(TenantSetting.tenant_id == tenant_id)
    ):
        tokens.setdefault(name, token)
    return tokens


def _diagnose(
    evidence: Evidence,
    ranking: Ranking,
    defects: Sequence[Defect],
    lab: Laboratory,
    tenant_id: str,
) -> RequestDiagnosis:
    outcome: Outcome = "ranked" if len(ranking.order) else "no-models"
    explanation = Explanation()
    if not evidence.has_pricing:
        outcome = "inconclusive"
    elif outcome == "no-models":
        explanation = explain(ranking, defects, lab, tenant_id)
    else:
        explanation = Explanation(trials=put_fault_back(ranking, lab, tenant_id))
    rivals = find_rivals(evidence, ranking, explanation) if outcome != "ranked" else ()
    return RequestDiagnosis(ranking.request, ranking, outcome, explanation, rivals)
