"""A triage: what is wrong with a tenant, asked without a hypothesis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from atomlab.byok.ranking import Ranking
from atomlab.byok.request import Request
from atomlab.diagnosis.diagnose import Diagnosis, RequestDiagnosis, diagnose
from atomlab.diagnosis.document import findings_document
from atomlab.diagnosis.explanation import Verdict
from atomlab.diagnosis.fixes import Fix, best_fix, plan_fix
from atomlab.diagnosis.interventions import Laboratory
from atomlab.diagnosis.verify import ClaimResult, Verification
from atomlab.evidence.snapshot import Snapshot
from atomlab.text import printable

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Triage:
    """A tenant's diagnosis, read as claims of its own: that requests fail, and each one's cause.

    `after` are the decisions with the fix of the root cause made, none if there is no such fix.
    """

    snapshot: Snapshot
    diagnosis: Diagnosis
    fix: Fix
    after: tuple[Ranking, ...] = ()

    @property
    def failing(self) -> tuple[RequestDiagnosis, ...]:
        """The requests that find no model."""
        return tuple(d for d in self.diagnosis.requests if d.outcome == "no-models")

    @property
    def shown(self) -> RequestDiagnosis:
        """The request to look at: the first that fails, else the first."""
        return next(iter(self.failing), self.diagnosis.requests[0])

    @property
    def verification(self) -> Verification:
        """What is claimed, with its verdicts: one claim that requests fail, one per root cause."""
        claims = (self._error(), *map(_root_cause, self.failing))
        return Verification(
            f"What is wrong with {printable(self.diagnosis.tenant.name)}?",
            self.diagnosis.tenant.subdomain or self.diagnosis.tenant.id,
            self.snapshot.sha256,
            tuple(d.request for d in self.diagnosis.requests),
            claims,
        )

    def answer(self) -> str:
        """Return what was found, in a few plain sentences."""
        whose = f"of {printable(self.diagnosis.tenant.name)}"
        if not self.snapshot.has_pricing:
            return f"Nothing can be decided for requests {whose}: there is no pricing cache."
        if not self.failing:
            healthy = f"Nothing: all requests {whose} that were tried find a model"
            return f"{healthy} ({self._tried()}).{self._spaces_only()}"
        fix = "; ".join(self.fix.words)
        return (
            f"No model for {_kinds(self.failing)} requests {whose}. {self._root_causes()} "
            f"Fix: {fix}.{self._spaces_only()}"
        )

    def warnings(self) -> list[str]:
        """Return what the replay had to take on trust."""
        return [*self.diagnosis.platform.pricing.warnings(), *self.diagnosis.warnings()]

    def outcome_frame(self) -> pd.DataFrame:
        """Return one row per complexity: usable models and winner before and after the fix.

        Columns: complexity, usable before, usable after, winner after, decision after; without
        a fix: complexity, usable, winner, decision.
        """
        if not self.after:
            return self.diagnosis.outcome_frame().drop(columns="outcome")
        return self.diagnosis.repaired_frame(self.after)

    def to_json(self) -> dict[str, Any]:
        """Return the document `atomlab.findings/1`."""
        return findings_document(
            self.snapshot,
            self.diagnosis,
            self.verification,
            self.shown.request,
            self.answer(),
            warnings=self.warnings(),
            trials=self.shown.explanation.trials,
        )

    def _tried(self) -> str:
        return _kinds(self.diagnosis.requests)

    def _root_causes(self) -> str:
        """Return a sentence for each root cause, with its kinds of request if there are several."""
        alike: dict[tuple[str | None, ...], list[RequestDiagnosis]] = {}
        for each in self.failing:
            root = next(iter(each.explanation.causes), None)
            key = (root.code, root.provider, root.verdict) if root else ()
            alike.setdefault(key, []).append(each)
        told = {_kinds(group): group[0].explanation.told() for group in alike.values()}
        if len(told) == 1:
            return next(iter(told.values()))
        return " ".join(f"For {k} requests {t[:1].lower()}{t[1:]}" for k, t in told.items())

    def _spaces_only(self) -> str:
        """Return a sentence on each provider whose models win with a key of spaces only."""
        winners = (d.ranking.winner for d in self.diagnosis.requests)
        winning = {winner.provider for winner in winners if winner}
        blank = [k for k in self.diagnosis.lookups if k.provider in winning and k.state == "blank"]
        return "".join(
            f" But for {printable(k.provider)}, whose models win, {k.reason}." for k in blank
        )

    def _error(self) -> ClaimResult:
        outcomes = tuple(
            f"{d.request.complexity}: {d.ranking.summary()}" for d in self.diagnosis.requests
        )
        failing, tried = len(self.failing), len(self.diagnosis.requests)
        observed = f"{failing} of {tried} kinds of request find no model"
        verdict: Verdict = "confirmed"
        if not self.snapshot.has_pricing:
            verdict, observed = "inconclusive", "the snapshot holds no pricing cache"
        if failing:
            statement, expected = "Requests of the tenant find no model.", "the error"
        else:
            statement, expected = "Every request that was tried finds a model.", "no error"
        return ClaimResult("error", statement, verdict, expected, observed, outcomes)


def triage(snapshot: Snapshot, tenant: str, complexity: str = "") -> Triage:
    """Return the triage of `tenant`, for requests of `complexity`, all four if it is empty.

    Raises TenantError for an unknown or ambiguous tenant, InputError for an unknown complexity.
    """
    requests = [Request(complexity=complexity)] if complexity else None
    diagnosis = diagnose(snapshot, tenant, requests)
    return Triage(snapshot, diagnosis, plan_fix(diagnosis, "postgresql"), _after_fix(diagnosis))


def _after_fix(diagnosis: Diagnosis) -> tuple[Ranking, ...]:
    """Return each request's decision on a scratch copy with the fix made, none without a fix."""
    fix = best_fix(diagnosis)
    if fix is None:
        return ()
    with Laboratory(diagnosis.evidence, diagnosis.platform) as lab:
        return tuple(
            lab.try_edits("the fix", fix.edits, diagnosis.tenant.id, each.request).after
            for each in diagnosis.requests
        )


def _kinds(requests: Sequence[RequestDiagnosis]) -> str:
    return ", ".join(each.request.complexity for each in requests)


def _root_cause(diagnosis: RequestDiagnosis) -> ClaimResult:
    """Return the claim that the first cause is the root cause of the failing request."""
    complexity, causes = diagnosis.request.complexity, diagnosis.explanation.causes
    if not causes:
        statement, observed = f"A deviation explains why {complexity} requests fail.", "none found"
        return ClaimResult(complexity, statement, "inconclusive", "a cause", observed)
    root = causes[0]
    subject = f"{root.code} {printable(root.provider)}" if root.provider else root.code
    trials = diagnosis.explanation.trials
    return ClaimResult(
        complexity,
        f"{complexity.capitalize()} requests fail because of {subject} ({root.role}).",
        root.verdict,
        "its repair removes the error, placebos leave it",
        "; ".join(f"{trial.name}: {trial.result}" for trial in trials) or "nothing could be run",
        root.evidence,
    )
