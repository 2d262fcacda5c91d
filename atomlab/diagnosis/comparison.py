"""A comparison: which of a tenant's fixes should be made, for a request that has to work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from atomlab.byok.request import Request
from atomlab.diagnosis.diagnose import Diagnosis, diagnose
from atomlab.diagnosis.document import findings_document
from atomlab.diagnosis.explanation import Verdict
from atomlab.diagnosis.options import Option, compare_options
from atomlab.diagnosis.verify import ClaimResult, Verification
from atomlab.errors import InputError
from atomlab.evidence.snapshot import Snapshot
from atomlab.text import count, printable


@dataclass(frozen=True)
class Comparison:
    """A tenant's options side by side, and the diagnosis of the request that has to work."""

    snapshot: Snapshot
    diagnosis: Diagnosis
    options: tuple[Option, ...]

    @property
    def request(self) -> str:
        """The request that has to work, named as the options name requests."""
        request = self.diagnosis.requests[0].request
        return request.complexity + (" with tools" if request.tools else "")

    @property
    def curing(self) -> tuple[Option, ...]:
        """The options that cure the request."""
        return tuple(option for option in self.options if self.request in option.cures)

    @property
    def best(self) -> Option | None:
        """The cheapest option that cures the request and touches no other tenant, if any.

        Of equally cheap ones it is the one that cures most.
        """
        harmless = (option for option in self.curing if not option.touched)
        return min(harmless, key=lambda option: (option.cost, -len(option.cures)), default=None)

    @property
    def verification(self) -> Verification:
        """What is claimed, with its verdicts: that the request fails, and that the fix is best."""
        name = printable(self.diagnosis.tenant.name)
        return Verification(
            f"Which fix should be made for {name}?",
            self.diagnosis.tenant.subdomain or self.diagnosis.tenant.id,
            self.snapshot.sha256,
            (self.diagnosis.requests[0].request,),
            (self._error(), *self._fix()),
        )

    def answer(self) -> str:
        """Return what was found, in a few plain sentences."""
        who = f"{self.request} requests of {printable(self.diagnosis.tenant.name)}"
        outcome, best = self.diagnosis.requests[0].outcome, self.best
        if outcome == "inconclusive":
            return f"Nothing can be decided for {who}: the snapshot holds no pricing cache."
        if outcome == "ranked":
            return f"Nothing has to be fixed: {who} find a model."
        if best is None:
            return f"None of {count(len(self.options), 'option')} cures {who} and only those."
        rest = f", and leaves {', '.join(best.leaves)} requests" if best.leaves else ""
        touching = sum(bool(option.touched) for option in self.options)
        return (
            f"To {printable(best.name, 200)} (cost {best.cost}) cures {who} and touches no other "
            f"tenant{rest}. Of {count(len(self.options), 'option')} {len(self.curing)} cure the "
            f"request, {touching} touch other tenants."
        )

    def to_json(self) -> dict[str, Any]:
        """Return the document `atomlab.findings/1`, with one element of `options` each."""
        return findings_document(
            self.snapshot,
            self.diagnosis,
            self.verification,
            self.diagnosis.requests[0].request,
            self.answer(),
            warnings=[*self.diagnosis.platform.pricing.warnings(), *self.diagnosis.warnings()],
            trials=self.diagnosis.requests[0].explanation.trials,
            options=self.options,
        )

    def _error(self) -> ClaimResult:
        found = self.diagnosis.requests[0]
        verdict: Verdict = "inconclusive" if found.outcome == "inconclusive" else "confirmed"
        whose, seen = f"{self.request.capitalize()} requests of the tenant", found.ranking.summary()
        if found.outcome == "ranked":
            return ClaimResult("error", f"{whose} find a model.", verdict, "no error", seen)
        return ClaimResult("error", f"{whose} find no model.", verdict, "the error", seen)

    def _fix(self) -> tuple[ClaimResult, ...]:
        """Return the claim that there is a fix, none where the request finds a model."""
        if self.diagnosis.requests[0].outcome == "ranked":
            return ()
        verdict: Verdict = "confirmed" if self.best else "refuted"
        if self.best:
            told = f"{printable(self.best.name, 200)} (cost {self.best.cost})"
        elif self.diagnosis.requests[0].outcome == "inconclusive":
            verdict, told = "inconclusive", "nothing can be decided without prices"
        else:
            told = f"none of {count(len(self.options), 'option')} does"
        statement = "A fix cures it and touches no other tenant."
        return (ClaimResult("fix", statement, verdict, "one that was run", told),)


def compare(
    snapshot: Snapshot,
    tenant: str,
    complexity: str = "moderate",
    *,
    tools: bool = False,
    others: int | None = None,
) -> Comparison:
    """Return the comparison of `tenant`'s options for the request that has to work.

    Beside the fixes of the root cause and the code fallback it holds the `others` cheapest ones,
    all if not given. Raises TenantError, or InputError for an unknown complexity or fewer than
    no others.
    """
    if others is not None and others < 0:
        raise InputError(f"{others} other options cannot be tried", todo="give 0 or more")
    diagnosis = diagnose(snapshot, tenant, [Request(complexity=complexity, tools=tools)])
    options = compare_options(snapshot, diagnosis.tenant.id, others)
    return Comparison(snapshot, diagnosis, tuple(options))
