"""A comparison: which of a tenant's fixes should be made, for a request that has to work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from atomlab.byok.request import Request
from atomlab.diagnosis.answers import decided_as, unable
from atomlab.diagnosis.assumptions import assumptions, missing_input
from atomlab.diagnosis.diagnose import Diagnosis, diagnose
from atomlab.diagnosis.document import findings_document
from atomlab.diagnosis.options import Option, compare_options
from atomlab.diagnosis.verify import ClaimResult, Verification
from atomlab.errors import InputError
from atomlab.evidence.snapshot import Snapshot
from atomlab.text import count, printable
from atomlab.verdicts import Status, Verdict


@dataclass(frozen=True)
class Comparison:
    """A tenant's options side by side, and the diagnosis of the request that has to work.

    `managed` is what was asked for, None for what each tenant's `ai_mode` says.
    """

    snapshot: Snapshot
    diagnosis: Diagnosis
    options: tuple[Option, ...]
    managed: bool | None = None

    @property
    def status(self) -> Status:
        """Whether the request fails (affected), finds a model (healthy), or that is undecided."""
        return self.diagnosis.status

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
        """What is claimed, with its verdicts: that the request fails, and that the fix is best.

        Nothing of a request that finds a model.
        """
        name = printable(self.diagnosis.tenant.name)
        return Verification(
            f"Which fix should be made for {name}?",
            self.diagnosis.tenant.subdomain or self.diagnosis.tenant.id,
            self.snapshot.sha256,
            (self.diagnosis.requests[0].request,),
            () if self.status == "healthy" else (self._error(), self._fix()),
            assumptions(self.snapshot, self.diagnosis.platform),
        )

    def answer(self) -> str:
        """Return what was found, in a few plain sentences."""
        who = f"{self.request} requests of {printable(self.diagnosis.tenant.name)}"
        best, how = self.best, decided_as(self.managed, self.diagnosis.tenant.ai_mode)
        how = f" Decided {how}." if how else ""
        if self.status == "undecided":
            return f"Nothing can be decided for {who}: {self._missing()}."
        if self.status == "healthy":
            cannot = unable([self.diagnosis.requests[0].ranking])
            if cannot:
                return f"{who[:1].upper()}{who[1:]} find a model, but {cannot}.{how}"
            return f"Nothing has to be fixed: {who} find a model.{how}"
        if best is None:
            return f"None of {count(len(self.options), 'option')} cures {who} and only those.{how}"
        rest = f", and leaves {', '.join(best.leaves)} requests" if best.leaves else ""
        touching = sum(bool(option.touched) for option in self.options)
        return (
            f"To {printable(best.name, 200)} (cost {best.cost}) cures {who} and touches no other "
            f"tenant{rest}. Of {count(len(self.options), 'option')} {len(self.curing)} cure the "
            f"request, {touching} touch other tenants.{how}"
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
            managed=self.managed,
            trials=self.diagnosis.requests[0].explanation.trials,
            options=self.options,
        )

    def _missing(self) -> str:
        """Return what the snapshot lacks, so that nothing can be decided."""
        return missing_input(self.snapshot, self.diagnosis.platform) or ""

    def _error(self) -> ClaimResult:
        verdict: Verdict = "inconclusive" if self.status == "undecided" else "confirmed"
        statement = f"{self.request.capitalize()} requests of the tenant find no model."
        seen = self.diagnosis.requests[0].ranking.summary()
        return ClaimResult("error", statement, verdict, "the error", seen)

    def _fix(self) -> ClaimResult:
        """Return the claim that there is a fix of the request that fails."""
        verdict: Verdict = "confirmed" if self.best else "refuted"
        if self.best:
            told = f"{printable(self.best.name, 200)} (cost {self.best.cost})"
        elif self.status == "undecided":
            verdict, told = "inconclusive", self._missing()
        else:
            told = f"none of {count(len(self.options), 'option')} does"
        statement = "A fix cures it and touches no other tenant."
        return ClaimResult("fix", statement, verdict, "one that was run", told)


def compare(
    snapshot: Snapshot,
    tenant: str,
    complexity: str = "moderate",
    *,
    tools: bool = False,
    others: int | None = None,
    managed: bool | None = None,
) -> Comparison:
    """Return the comparison of `tenant`'s options for the request that has to work.

    Beside each request's fix of least effort and the code fallback it holds `others`, the least
    effort first, all if not given. Requests are `managed`, or not, or, where that is None, as each
    tenant's `ai_mode` says. Raises TenantError, or InputError for an unknown complexity or fewer
    than no others.
    """
    if others is not None and others < 0:
        raise InputError(f"{others} other options cannot be tried", todo="give 0 or more")
    request = Request(complexity=complexity, tools=tools, managed=managed)
    diagnosis = diagnose(snapshot, tenant, [request])
    options = compare_options(snapshot, diagnosis.tenant.id, others, managed)
    return Comparison(snapshot, diagnosis, tuple(options), managed)
