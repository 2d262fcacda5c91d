"""A triage: what is wrong with a tenant, asked without a hypothesis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from atomlab.byok.ranking import Ranking
from atomlab.byok.request import Request
from atomlab.diagnosis.answers import decided_as, instead, unable
from atomlab.diagnosis.assumptions import assumptions, missing_input
from atomlab.diagnosis.diagnose import Diagnosis, RequestDiagnosis, diagnose
from atomlab.diagnosis.document import findings_document
from atomlab.diagnosis.fixes import Fix, best_fix, plan_fix
from atomlab.diagnosis.sandbox import Sandbox
from atomlab.diagnosis.verify import ClaimResult, Verification
from atomlab.evidence.inputs.rules import COMPLEXITIES
from atomlab.evidence.snapshot import Snapshot
from atomlab.text import printable
from atomlab.verdicts import Status, Verdict

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Triage:
    """A tenant's diagnosis, read as claims of its own: that requests fail, and each one's cause.

    `after` are the decisions with the fix of least effort made, none if there is no such fix.
    `managed` is what was asked for, None for what the tenant's `ai_mode` says.
    """

    snapshot: Snapshot
    diagnosis: Diagnosis
    fix: Fix
    after: tuple[Ranking, ...] = ()
    managed: bool | None = None

    @property
    def status(self) -> Status:
        """Whether the tenant is affected, healthy or undecided: what a triage is about."""
        return self.diagnosis.status

    @property
    def failing(self) -> tuple[RequestDiagnosis, ...]:
        """The requests that find no model."""
        return self.diagnosis.failing

    @property
    def shown(self) -> RequestDiagnosis:
        """The request to look at: the first that fails, else the first."""
        return next(iter(self.failing), self.diagnosis.requests[0])

    @property
    def verification(self) -> Verification:
        """What is claimed, with its verdicts: one claim that requests fail, one per root cause.

        Nothing of a healthy tenant: there is no fault of which anything could be claimed.
        """
        fault = self.status != "healthy"
        return Verification(
            f"What is wrong with {printable(self.diagnosis.tenant.name)}?",
            self.diagnosis.tenant.subdomain or self.diagnosis.tenant.id,
            self.snapshot.sha256,
            tuple(d.request for d in self.diagnosis.requests),
            (self._error(), *map(_root_cause, self.failing)) if fault else (),
            assumptions(self.snapshot, self.diagnosis.platform),
        )

    def answer(self) -> str:
        """Return what was found, in a few plain sentences."""
        whose = f"of {printable(self.diagnosis.tenant.name)}"
        if self.status == "undecided":
            undecided = [d for d in self.diagnosis.requests if d.status == "undecided"]
            some = len(undecided) < len(self.diagnosis.requests)
            kinds = f"{_kinds(undecided)} requests" if some else "requests"
            return f"Nothing can be decided for {kinds} {whose}: {self._missing()}."
        rest = f"{self._spaces_only()}{self._decided_as()}"
        cannot = unable(each.ranking for each in self.diagnosis.requests)
        if not self.failing:
            opening, but = ("All", f", but {cannot}") if cannot else ("Nothing: all", "")
            found = f"{opening} requests {whose} that were tried find a model ({self._tried()})"
            return f"{found}{but}.{rest}"
        beside = f", and {cannot}" if cannot else ""
        told = (
            f"No model for {_kinds(self.failing)} requests {whose}{beside}.",
            instead(each.ranking for each in self.failing),
            self._root_causes(),
            f"Fix: {'; '.join(self.fix.words)}.{rest}",
        )
        return " ".join(filter(None, told))

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
        document = findings_document(
            self.snapshot,
            self.diagnosis,
            self.verification,
            self.shown.request,
            self.answer(),
            warnings=self.warnings(),
            managed=self.managed,
            trials=self.shown.explanation.trials,
        )
        return {**document, "result": self.status}

    def _tried(self) -> str:
        return _kinds(self.diagnosis.requests)

    def _missing(self) -> str:
        """Return what the snapshot lacks, so that nothing can be decided."""
        return missing_input(self.snapshot, self.diagnosis.platform) or ""

    def _decided_as(self) -> str:
        """Return a sentence on what the requests were taken for, if that is to be said."""
        phrase = decided_as(self.managed, self.diagnosis.tenant.ai_mode)
        return f" Decided {phrase}." if phrase else ""

    def _root_causes(self) -> str:
        """Return a sentence for each root cause, with its kinds of request if there are several."""
        alike: dict[tuple[str | None, ...], list[RequestDiagnosis]] = {}
        for each in self.failing:
            root = next(iter(each.explanation.causes), None)
            key = (root.code, root.provider, root.verdict) if root else ()
            alike.setdefault(key, []).append(each)
        told = {_kinds(group): group[0].explanation.sentence() for group in alike.values()}
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
        if self.status == "undecided":
            verdict, observed = "inconclusive", self._missing()
        statement = "Requests of the tenant find no model."
        return ClaimResult("error", statement, verdict, "the error", observed, outcomes)


def triage(
    snapshot: Snapshot, tenant: str, complexity: str = "", managed: bool | None = None
) -> Triage:
    """Return the triage of `tenant`, for requests of `complexity`, all four if it is empty.

    They are `managed`, or not, or, where that is None, as the tenant's `ai_mode` says. Raises
    TenantError for an unknown or ambiguous tenant, InputError for an unknown complexity.
    """
    complexities = [complexity] if complexity else COMPLEXITIES
    requests = [Request(complexity=c, managed=managed) for c in complexities]
    diagnosis = diagnose(snapshot, tenant, requests)
    fix = plan_fix(diagnosis, "postgresql")
    return Triage(snapshot, diagnosis, fix, _after_fix(diagnosis), managed)


def _after_fix(diagnosis: Diagnosis) -> tuple[Ranking, ...]:
    """Return each request's decision on a scratch copy with the fix made, none without a fix."""
    fix = best_fix(diagnosis)
    if fix is None:
        return ()
    with Sandbox(diagnosis.evidence, diagnosis.platform) as lab:
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
        f"{complexity.capitalize()} requests fail because of {subject} ({root.place}).",
        root.verdict,
        "its repair removes the error, placebos leave it",
        "; ".join(f"{trial.name}: {trial.result}" for trial in trials) or "nothing could be run",
        root.evidence,
    )
