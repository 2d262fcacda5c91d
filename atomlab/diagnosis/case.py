"""A case: a question about a snapshot, with its claims, its answer and its findings."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

from atomlab.byok.platform import Platform
from atomlab.byok.ranking import Ranking
from atomlab.byok.request import Request
from atomlab.diagnosis.answers import mode_of, serves
from atomlab.diagnosis.assumptions import assumptions, missing_input
from atomlab.diagnosis.coverage import affected, limits, steps
from atomlab.diagnosis.diagnose import Diagnosis, RequestDiagnosis
from atomlab.diagnosis.findings import CaseRecord, ClaimResult, Summary, TenantFindings
from atomlab.diagnosis.fixes import plan_fix
from atomlab.diagnosis.options import Option, cons, pros
from atomlab.diagnosis.sandbox import Trial
from atomlab.diagnosis.summary import summarize
from atomlab.diagnosis.verify import Verification
from atomlab.evidence.snapshot import Snapshot
from atomlab.shown import Several, Shown, explorer_of
from atomlab.text import printable
from atomlab.verdicts import Status, Verdict


@dataclass(frozen=True, kw_only=True, repr=False)
class SnapshotCase(Shown, ABC):
    """What all cases have; `managed` is what was asked for, None for what each `ai_mode` says."""

    snapshot: Snapshot
    platform: Platform
    managed: bool | None = None

    def _facts(self) -> Mapping[str, object]:
        return {"snapshot": self.snapshot, "status": self.status, "answer": self.answer()}

    @property
    @abstractmethod
    def status(self) -> Status:
        """Whether requests fail (affected), find a model (healthy), or that is undecided."""

    @property
    @abstractmethod
    def verification(self) -> Verification:
        """What is claimed, with its verdicts; nothing where all is healthy."""

    @abstractmethod
    def answer(self) -> str:
        """Return what was found, in a few plain sentences."""

    @abstractmethod
    def findings(self) -> CaseRecord:
        """Return the findings, as reports, postmortems and scripts read them."""

    @property
    def missing(self) -> str | None:
        """What the platform certainly has and the snapshot lacks, in words; None if nothing."""
        return missing_input(self.snapshot, self.platform)

    def to_json(self) -> dict[str, Any]:
        """Return the document `atomlab.findings/1`."""
        return self.findings().to_json()

    def _verification(
        self, title: str, whose: str, requests: Iterable[Request], *claims: ClaimResult
    ) -> Verification:
        """Return the claims on the requests of `whose`; where all is healthy there is no fault."""
        return Verification(
            title,
            whose,
            self.snapshot.sha256,
            Several(requests),
            () if self.status == "healthy" else Several(claims),
            assumptions(self.snapshot, self.platform),
        )

    def _fails(
        self, name: str, statement: str, expected: str, observed: str, evidence: Sequence[str] = ()
    ) -> ClaimResult:
        """Return the claim that requests find no model, inconclusive where nothing is decided."""
        verdict: Verdict = "confirmed"
        if self.status == "undecided":
            verdict, observed = "inconclusive", self.missing or observed
        return ClaimResult(name, statement, verdict, expected, observed, tuple(evidence))

    def _head(self) -> dict[str, Any]:
        """Return the fields that every document begins with: what was asked, and found, on what.

        `status` is the tenant's; `verdict` is about claims, and None where there is none; `tested`
        are the requests that the claims are about.
        """
        tested = self.verification
        verdict = tested.verdict if tested.claims else None
        return {
            "schema": "atomlab.findings/1",
            "tool": f"atomlab {version('atomlab')}",
            "title": tested.title,
            "status": self.status,
            "verdict": verdict,
            "result": verdict or self.status,
            "answer": self.answer(),
            "snapshot": {
                "name": self.snapshot.name,
                "sha256": self.snapshot.sha256,
                "manifest": dict(self.snapshot.manifest),
            },
            "verification": tested.to_json(),
            "tested": [request.to_json() for request in tested.requests],
        }


@dataclass(frozen=True, kw_only=True, repr=False)
class TenantCase(SnapshotCase):
    """A case of one tenant; `decided_after` are the decisions with its fix made, if there is one.

    Each is the decision on the request at the same place in the diagnosis.
    """

    diagnosis: Diagnosis
    decided_after: tuple[Ranking, ...] = ()

    def _facts(self) -> Mapping[str, object]:
        return {"tenant": self.tenant_name, **super()._facts()}

    @property
    def status(self) -> Status:
        """Whether the tenant is affected by any of the requests, healthy, or undecided."""
        return self.diagnosis.status

    @property
    def shown(self) -> RequestDiagnosis:
        """The request that the case is about."""
        return self.diagnosis.requests[0]

    @property
    def tenant_name(self) -> str:
        """The tenant's name, printable."""
        return printable(self.diagnosis.tenant.called)

    @property
    def short_name(self) -> str:
        """What the tenant goes by: its subdomain, or its id."""
        return self.diagnosis.tenant.subdomain or self.diagnosis.tenant.id

    def warnings(self) -> list[str]:
        """Return what the replay had to take on trust."""
        return [*self.platform.pricing.warnings(), *self.diagnosis.warnings()]

    def summary(self) -> Summary:
        """Return what was found in plain words."""
        return summarize(self.diagnosis)

    def after(self, complexity: str) -> Ranking | None:
        """Return the decision for the complexity after the fix, None if none is proposed."""
        return next((r for r in self.decided_after if r.request.complexity == complexity), None)

    def explore(self) -> Any:
        """Return the explorer: a widget in which keys are turned on and off, and what then wins."""
        return explorer_of(self)

    def findings(self) -> TenantFindings:
        """Return the findings on the tenant."""
        return self._findings(self.shown.explanation.trials)

    def _findings(
        self, trials: Sequence[Trial], options: Sequence[Option] = (), **parts: Any
    ) -> TenantFindings:
        diagnosis, tested = self.diagnosis, self.verification
        document: dict[str, Any] = {
            **self._head(),
            "request": self.shown.request.to_json(),
            "requests": [each.request.to_json() for each in diagnosis.requests],
            "summary": self.summary(),
            "diagnosis": diagnosis.to_json(),
            "rows": dict(diagnosis.rows),
            "warnings": self.warnings(),
            "fix": None,
            "trials": list(map(_trial, trials)),
            "repaired": None,
            "affected": affected(self.snapshot, diagnosis, self.managed),
            "options": [{**asdict(o), "pros": pros(o), "cons": cons(o)} for o in options],
            "remedy": _remedy(diagnosis),
            "steps": steps(self.snapshot, diagnosis, tested, trials, parts.get("repaired")),
            "limits": limits(self.snapshot, diagnosis, tested),
        }
        return TenantFindings.model_validate(document | parts)

    def _decided_as(self) -> str:
        """Return a sentence on what the requests were taken for, if that has to be said."""
        mode = mode_of(self.managed, self.diagnosis.tenant.ai_mode)
        return f"Requests are {mode}." if mode else ""


def _trial(trial: Trial) -> dict[str, Any]:
    cured = trial.cured and serves(trial.after)
    return {"name": trial.name, "edit": trial.edit, "cured": cured, "result": trial.result}


def _remedy(diagnosis: Diagnosis) -> dict[str, Any]:
    """Return the easiest fix, all that can be said of it as its `words`."""
    fix = plan_fix(diagnosis, "postgresql")
    return {
        "dialect": "postgresql",
        "status": fix.status,
        "words": fix.sentences,
        "sql": fix.sql,
        "rollback": fix.rollback,
    }
