"""The case of a bad day beside a good one: each kind of request that fails anew is a claim."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from atomlab.diagnosis.case import TenantCase
from atomlab.diagnosis.changed_requests import ChangedRequest
from atomlab.diagnosis.differences import in_words
from atomlab.diagnosis.findings import ClaimResult, TenantFindings
from atomlab.diagnosis.verify import Verification


@dataclass(frozen=True, kw_only=True)
class ChangeCase(TenantCase):
    """What became of each request; `said` is the answer, `compared` the document of it all."""

    changed: tuple[ChangedRequest, ...]
    said: str
    compared: dict[str, Any]

    @property
    def verification(self) -> Verification:
        """What is claimed, with its verdicts: that differences made requests fail.

        It is about those that fail anew, if any does, else about all.
        """
        anew = [each for each in self.changed if each.verdict] or self.changed
        return self._verification(
            f"What changed for {self.tenant_name}?",
            self.short_name,
            [each.request for each in anew],
            *map(_claim, anew),
        )

    def answer(self) -> str:
        """Return what was found, in a few plain sentences."""
        return self.said

    def findings(self) -> TenantFindings:
        """Return the findings on the bad day, and the comparison as `compared`."""
        return self._findings(self.shown.explanation.trials, compared=self.compared)


def _claim(one: ChangedRequest) -> ClaimResult:
    """Return the claim; where the request does not fail anew, no difference did it: refuted."""
    made = in_words(one.brings.first.differences) if one.brings else ""
    kind = one.request.complexity
    return ClaimResult(
        kind,
        f"{kind.capitalize()} requests fail since the good day because of what changed.",
        one.verdict or "refuted",
        "a model on the good day, the error on the bad one, and differences that decide it",
        made or f"{one.statuses[0]} on the good day, {one.statuses[1]} on the bad one",
        one.sentences(),
    )
