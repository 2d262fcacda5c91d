"""An investigation: the claims, the decision before and after the fix, and what each trial did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from atomlab.byok.ranking import Ranking
from atomlab.byok.request import Request
from atomlab.diagnosis.diagnose import Diagnosis, diagnose
from atomlab.diagnosis.hypothesis import FixResolves, Hypothesis
from atomlab.diagnosis.interventions import KeyCopy, Laboratory, Trial, try_fix
from atomlab.diagnosis.verify import Verification, verify
from atomlab.evidence.rules import COMPLEXITIES
from atomlab.evidence.snapshot import Snapshot
from atomlab.text import count, printable


@dataclass(frozen=True)
class Repaired:
    """The scratch copy after the fix: the same claims and the same requests, once more."""

    fix: FixResolves
    diagnosis: Diagnosis
    verification: Verification
    trials: tuple[Trial, ...]


@dataclass(frozen=True)
class Investigation:
    """One tenant's incident on one snapshot. `repaired` is None if no fix is proposed."""

    snapshot: Snapshot
    hypothesis: Hypothesis
    request: Request
    diagnosis: Diagnosis
    verification: Verification
    repaired: Repaired | None

    @property
    def provider(self) -> str:
        """The provider that the claims are about: the fix's, else the first that a claim names."""
        if self.repaired:
            return self.repaired.fix.provider
        return next((c.provider for c in self.hypothesis.claims if hasattr(c, "provider")), "")

    @property
    def trials(self) -> tuple[Trial, ...]:
        """The fix and its placebos, as tried on the scratch copy; empty if none is proposed."""
        return self.repaired.trials if self.repaired else ()

    def before(self, complexity: str) -> Ranking:
        """Return the decision for the complexity as captured."""
        return _ranking(self.diagnosis, complexity)

    def after(self, complexity: str) -> Ranking | None:
        """Return the decision for the complexity after the fix, None if none is proposed."""
        return _ranking(self.repaired.diagnosis, complexity) if self.repaired else None

    def warnings(self) -> list[str]:
        """Return what the replay had to take on trust."""
        return [*self.diagnosis.platform.pricing.warnings(), *self.diagnosis.warnings()]

    def cured(self) -> list[str]:
        """Return the complexities that fail before the fix and find a model after it."""
        return [c for c, before, after in self._pairs() if not before and after]

    def not_cured(self) -> list[str]:
        """Return the complexities that find no model even after the fix."""
        return [c for c, _, after in self._pairs() if not after]

    def outcome_frame(self) -> pd.DataFrame:
        """Return one row per complexity: usable models and winner before and after the fix.

        Columns: complexity, usable before, usable after, winner after, decision after.
        """
        before = self.diagnosis.outcome_frame()
        after = self.repaired.diagnosis.outcome_frame() if self.repaired else before
        return pd.DataFrame(
            {
                "complexity": before["complexity"],
                "usable before": before["usable"],
                "usable after": after["usable"],
                "winner after": after["winner"],
                "decision after": after["decision"],
            }
        )

    def answer(self) -> str:
        """Return what was found, in a few plain sentences."""
        claims = self.verification.claims
        ranking = self.before(self.request.complexity)
        agreed = sum(claim.verdict == "confirmed" for claim in claims)
        name = printable(self.diagnosis.tenant.name)
        usable = f"{len(ranking.order):,} of {count(len(ranking.blockers), 'model')} are usable"
        some = "All" if agreed == len(claims) else f"{agreed} of"
        sentences = [
            f"{usable} for a {self.request.complexity} request of {name}.",
            f"{some} {count(len(claims), 'claim')} are confirmed on this snapshot.",
        ]
        if self.repaired and not len(ranking.order):
            fix = self.repaired.fix
            sentences.append(
                f"Giving {fix.setting_key} the value of {fix.copy_from} cures "
                f"{_requests(self.cured())}; it does not cure {_requests(self.not_cured())}."
            )
        return " ".join(sentences)

    def to_json(self) -> dict[str, Any]:
        """Return the document `atomlab.findings/1`."""
        repaired = self.repaired
        return {
            "schema": "atomlab.findings/1",
            "title": self.verification.title,
            "verdict": self.verification.verdict,
            "answer": self.answer(),
            "request": self.request.to_json(),
            "snapshot": {
                "name": self.snapshot.name,
                "sha256": self.snapshot.sha256,
                "manifest": dict(self.snapshot.manifest),
            },
            "verification": self.verification.to_json(),
            "diagnosis": self.diagnosis.to_json(),
            "warnings": self.warnings(),
            "repaired": repaired
            and {
                "fix": repaired.fix.model_dump(),
                "cured": self.cured(),
                "not_cured": self.not_cured(),
                "trials": [
                    {"name": t.name, "edit": t.edit, "cured": t.cured, "result": t.result}
                    for t in self.trials
                ],
                "diagnosis": repaired.diagnosis.to_json(),
                "verification": repaired.verification.to_json(),
            },
        }

    def _pairs(self) -> list[tuple[str, int, int]]:
        frame = self.outcome_frame()
        columns = (frame["complexity"], frame["usable before"], frame["usable after"])
        return list(zip(*columns, strict=True))


def investigate(
    snapshot: Snapshot, tenant: str, hypothesis: Hypothesis, complexity: str | None = None
) -> Investigation:
    """Return the investigation of `tenant` on `snapshot`, the fix tried on a scratch copy.

    `complexity` replaces the hypothesis's. Raises TenantError for an unknown or ambiguous tenant.
    """
    asked = hypothesis.request
    if complexity is not None:
        asked = Request(**{**asked.to_json(), "complexity": complexity})
    requests = [Request(**{**asked.to_json(), "complexity": c}) for c in COMPLEXITIES]
    diagnosis = diagnose(snapshot, tenant, requests)
    about = hypothesis.model_copy(update={"tenant": diagnosis.tenant.id})
    return Investigation(
        snapshot=snapshot,
        hypothesis=hypothesis,
        request=asked,
        diagnosis=diagnosis,
        verification=verify(snapshot, about, asked),
        repaired=_repair(diagnosis, about, asked, requests),
    )


def _repair(
    diagnosis: Diagnosis, hypothesis: Hypothesis, asked: Request, requests: list[Request]
) -> Repaired | None:
    fix = next((c for c in hypothesis.claims if isinstance(c, FixResolves)), None)
    if fix is None:
        return None
    tenant_id = diagnosis.tenant.id
    with Laboratory(diagnosis.evidence, diagnosis.platform) as lab:
        first, placebos = try_fix(lab, tenant_id, fix.setting_key, fix.copy_from, asked)
        lab.make(KeyCopy(tenant_id, fix.setting_key, tenant_id, fix.copy_from))
        return Repaired(
            fix=fix,
            diagnosis=diagnose(lab.scratch, tenant_id, requests),
            verification=verify(lab.scratch, hypothesis, asked),
            trials=(first, *placebos),
        )


def _ranking(diagnosis: Diagnosis, complexity: str) -> Ranking:
    return next(d.ranking for d in diagnosis.requests if d.request.complexity == complexity)


def _requests(complexities: list[str]) -> str:
    if not complexities:
        return "no request"
    *most, last = complexities
    return f"{', '.join(most)} and {last} requests" if most else f"{last} requests"
