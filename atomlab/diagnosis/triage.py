"""A triage: what is wrong with a tenant, asked without a hypothesis."""

from __future__ import annotations

from dataclasses import dataclass

from atomlab.byok.request import Request
from atomlab.diagnosis.answers import instead, unable
from atomlab.diagnosis.case import TenantCase
from atomlab.diagnosis.diagnose import RequestDiagnosis, diagnose
from atomlab.diagnosis.findings import ClaimResult, TenantFindings
from atomlab.diagnosis.fixes import Fix, best_fix, decided_after, kinds_of, plan_fix
from atomlab.diagnosis.summary import blank_keys
from atomlab.diagnosis.verify import Verification
from atomlab.evidence.inputs.rules import COMPLEXITIES
from atomlab.evidence.snapshot import Snapshot
from atomlab.text import printable


@dataclass(frozen=True, kw_only=True, repr=False)
class Triage(TenantCase):
    """A tenant's diagnosis, read as claims of its own: that requests fail, and each one's cause."""

    fix: Fix

    @property
    def shown(self) -> RequestDiagnosis:
        """The request to look at: the first that fails, else the first."""
        return next(iter(self.diagnosis.failing), self.diagnosis.requests[0])

    @property
    def verification(self) -> Verification:
        """What is claimed, with its verdicts: one claim that requests fail, one per root cause."""
        requests = self.diagnosis.requests
        error = self._fails(
            "error",
            "Requests of the tenant find no model.",
            "the error",
            f"{len(self.diagnosis.failing)} of {len(requests)} kinds of request find no model",
            [f"{each.request.complexity}: {each.ranking.summary()}" for each in requests],
        )
        return self._verification(
            f"What is wrong with {self.tenant_name}?",
            self.short_name,
            [each.request for each in requests],
            error,
            *map(_root_cause, self.diagnosis.failing),
        )

    def answer(self) -> str:
        """Return what was found, in a few plain sentences."""
        requests = self.diagnosis.requests
        if self.status == "undecided":
            undecided = self.diagnosis.undecided
            kinds = f"{kinds_of(undecided)} " if len(undecided) < len(requests) else ""
            whose = f"{kinds}requests of {self.tenant_name}"
            return f"Nothing can be decided for {whose}: {self.missing}."
        found = self._failures() if self.diagnosis.failing else (self._no_failure(),)
        return " ".join(filter(None, (*found, *self._blank_keys(), self._decided_as())))

    def findings(self) -> TenantFindings:
        """Return the findings on the tenant, whose status is the result."""
        return self._findings(self.shown.explanation.trials, result=self.status)

    def _no_failure(self) -> str:
        tried = kinds_of(self.diagnosis.requests)
        found = f"ll requests of {self.tenant_name} that were tried find a model ({tried})"
        cannot = unable(each.ranking for each in self.diagnosis.requests)
        return f"A{found}, but {cannot}." if cannot else f"Nothing is wrong: a{found}."

    def _failures(self) -> tuple[str, ...]:
        cannot = unable(each.ranking for each in self.diagnosis.requests)
        also = f", and {cannot}" if cannot else ""
        failing = self.diagnosis.failing
        return (
            f"No model for {kinds_of(failing)} requests of {self.tenant_name}{also}.",
            instead(each.ranking for each in failing),
            self._root_causes(),
            f"Fix: {'; '.join(self.fix.words)}.",
        )

    def _root_causes(self) -> str:
        """Return a sentence for each root cause, with its kinds of request if there are several."""
        alike: dict[tuple[str | None, ...], list[RequestDiagnosis]] = {}
        for each in self.diagnosis.failing:
            root = next(iter(each.explanation.causes), None)
            key = (root.code, root.provider, root.verdict) if root else ()
            alike.setdefault(key, []).append(each)
        sentences = {kinds_of(group): group[0].explanation.sentence() for group in alike.values()}
        if len(sentences) == 1:
            return next(iter(sentences.values()))
        return " ".join(f"For {k} requests {s[:1].lower()}{s[1:]}" for k, s in sentences.items())

    def _blank_keys(self) -> list[str]:
        """Return a sentence on each provider whose models win with a key of spaces only."""
        blank = blank_keys(self.diagnosis)
        return [f"But for {printable(k.provider)}, whose models win, {k.reason}." for k in blank]


def triage(
    snapshot: Snapshot, tenant: str, complexity: str = "", managed: bool | None = None
) -> Triage:
    """Return the triage of `tenant`, for requests of `complexity`, all four if it is empty.

    Raises TenantError for an unknown or ambiguous tenant, InputError for an unknown complexity.
    """
    complexities = [complexity] if complexity else COMPLEXITIES
    requests = [Request(complexity=c, managed=managed) for c in complexities]
    diagnosis = diagnose(snapshot, tenant, requests)
    return Triage(
        snapshot=snapshot,
        platform=diagnosis.platform,
        managed=managed,
        diagnosis=diagnosis,
        decided_after=decided_after(best_fix(diagnosis), diagnosis),
        fix=plan_fix(diagnosis, "postgresql"),
    )


def _root_cause(diagnosis: RequestDiagnosis) -> ClaimResult:
    complexity, causes = diagnosis.request.complexity, diagnosis.explanation.causes
    if not causes:
        statement = f"A deviation explains why {complexity} requests fail."
        return ClaimResult(complexity, statement, "inconclusive", "a cause", "none found")
    root, trials = causes[0], diagnosis.explanation.trials
    return ClaimResult(
        complexity,
        f"{complexity.capitalize()} requests fail because of {printable(root)} ({root.place}).",
        root.verdict,
        "its repair removes the error, placebos leave it",
        "; ".join(f"{trial.name}: {trial.result}" for trial in trials) or "nothing could be run",
        root.evidence,
    )
