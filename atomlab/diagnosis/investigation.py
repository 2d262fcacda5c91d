"""An investigation: the claims, the decision before and after the fix, and what each trial did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from atomlab.byok.ranking import Ranking
from atomlab.byok.request import Request
from atomlab.diagnosis.diagnose import Diagnosis, diagnose
from atomlab.diagnosis.document import findings_document
from atomlab.diagnosis.hypothesis import FixResolves, Hypothesis
from atomlab.diagnosis.interventions import Edit, Laboratory, Trial, try_fix
from atomlab.diagnosis.options import Option, compare_options
from atomlab.diagnosis.verify import Verification, verify
from atomlab.errors import NO_MODELS
from atomlab.evidence.rules import COMPLEXITIES
from atomlab.evidence.snapshot import Snapshot
from atomlab.text import count, printable


@dataclass(frozen=True)
class Repaired:
    """The scratch copy after the fix: the same claims and the same requests, once more."""

    diagnosis: Diagnosis
    verification: Verification


@dataclass(frozen=True)
class Investigation:
    """One tenant's incident on one snapshot.

    `fix` is the one that the hypothesis proposes, `trials` are it and its placebos as tried on a
    scratch copy. `repaired` is None if no fix is proposed, or it could not be made.
    """

    snapshot: Snapshot
    hypothesis: Hypothesis | None
    request: Request
    diagnosis: Diagnosis
    verification: Verification
    fix: FixResolves | None = None
    trials: tuple[Trial, ...] = ()
    repaired: Repaired | None = None

    @property
    def provider(self) -> str:
        """The provider in question: the fix's, the first of a claim, the first client, or none."""
        claims = self.hypothesis.claims if self.hypothesis else ()
        fixed = [self.fix.provider] if self.fix else []
        named = [claim.provider for claim in claims if hasattr(claim, "provider")]
        return next(iter((*fixed, *named, *self.diagnosis.clients, "")))

    @cached_property
    def options(self) -> tuple[Option, ...]:
        """The fix of the root cause and its alternatives, each run for every tenant."""
        if not self.snapshot.has_pricing:
            return ()
        return tuple(compare_options(self.snapshot, self.diagnosis.tenant.id, others=2))

    def before(self, complexity: str) -> Ranking:
        """Return the decision for the complexity as captured."""
        return _ranking(self.diagnosis, complexity)

    def after(self, complexity: str) -> Ranking | None:
        """Return the decision for the complexity after the fix, None if none is proposed."""
        return _ranking(self.repaired.diagnosis, complexity) if self.repaired else None

    def warnings(self) -> list[str]:
        """Return what the replay had to take on trust."""
        other = [f"the hypothesis is about {self._other}"] if self._other else []
        return [*other, *self.diagnosis.platform.pricing.warnings(), *self.diagnosis.warnings()]

    @property
    def _other(self) -> str:
        """The tenant that the claims name and the one that they were tested on, if they differ."""
        tenant = self.diagnosis.tenant
        named = self.hypothesis.tenant if self.hypothesis else tenant.id
        if named in (tenant.id, tenant.subdomain, tenant.name):
            return ""
        who = printable(tenant.subdomain or tenant.name)
        return f"tenant {printable(named)}, tested on {who}"

    def cured(self) -> list[str]:
        """Return the complexities that fail before the fix and find a model after it."""
        return [c for c, before, after in self._pairs() if not before and after]

    def not_cured(self) -> list[str]:
        """Return the complexities that find no model even after the fix."""
        return [c for c, _, after in self._pairs() if not after]

    def outcome_frame(self) -> pd.DataFrame:
        """Return one row per complexity: usable models and winner before and after the fix.

        Columns: complexity, usable before, usable after, winner after, decision after; without
        a repaired copy: complexity, usable, winner, decision.
        """
        if self.repaired is None:
            return self.diagnosis.outcome_frame().drop(columns="outcome")
        after = [each.ranking for each in self.repaired.diagnosis.requests]
        return self.diagnosis.repaired_frame(after)

    def answer(self) -> str:
        """Return what was found, in a few plain sentences."""
        agreed = [claim.verdict == "confirmed" for claim in self.verification.claims]
        other = f"The claims are about {self._other}." if self._other else ""
        told = (self._decision(), self._cause(), other, _agreement(agreed), self._cure())
        return " ".join(filter(None, told))

    def _decision(self) -> str:
        ranking = self.before(self.request.complexity)
        whose = (
            f"for {_article(self.request.complexity)} request "
            f"of {printable(self.diagnosis.tenant.name)}"
        )
        if not self.snapshot.has_pricing:
            return f"Nothing can be decided {whose}: the snapshot holds no pricing cache."
        usable, total = len(ranking.order), len(ranking.blockers)
        if not total:
            return f"The pricing cache is empty, so no model is usable {whose}."
        verb = "is" if usable == 1 else "are"
        return f"{usable:,} of {count(total, 'model')} {verb} usable {whose}."

    def _cause(self) -> str:
        """Return what is wrong, for the request or, where that finds a model, the next that fails.

        Nothing where none fails.
        """
        failing = [d for d in self.diagnosis.requests if d.outcome == "no-models"]
        asked = [d for d in failing if d.request.complexity == self.request.complexity]
        told = next(iter(asked or failing), None)
        if told is None or asked:
            return told.explanation.told() if told else ""
        sentence = told.explanation.told()
        whose = f"{told.request.complexity.capitalize()} requests find none"
        return f"{whose}; {sentence[:1].lower()}{sentence[1:]}"

    def _cure(self) -> str:
        """Return what the fix does; nothing if there is none, or no error that it could cure."""
        fix = self.fix
        if fix is None or not self.snapshot.has_pricing:
            return ""
        if len(self.before(self.request.complexity).order):
            return ""
        giving = f"Giving {printable(fix.setting_key)} the value of {printable(fix.copy_from)}"
        if self.repaired is None:
            return f"{giving} could not be tried: there is no value to copy."
        cured, left = self.cured(), self.not_cured()
        if not cured:
            return f"{giving} cures no request."
        rest = f"; it does not cure {_requests(left)}" if left else ""
        return f"{giving} cures {_requests(cured)}{rest}."

    def to_json(self) -> dict[str, Any]:
        """Return the document `atomlab.findings/1`."""
        return findings_document(
            self.snapshot,
            self.diagnosis,
            self.verification,
            self.request,
            self.answer(),
            warnings=self.warnings(),
            trials=self.trials,
            options=self.options,
            fix=self.fix.model_dump() if self.fix else None,
            repaired=self._with_fix(),
        )

    def _with_fix(self) -> dict[str, Any] | None:
        if self.repaired is None:
            return None
        return {
            "cured": self.cured(),
            "not_cured": self.not_cured(),
            "diagnosis": self.repaired.diagnosis.to_json(),
            "verification": self.repaired.verification.to_json(),
        }

    def _pairs(self) -> list[tuple[str, int, int]]:
        after = (self.repaired or self).diagnosis.requests
        return [
            (one.request.complexity, len(one.ranking.order), len(other.ranking.order))
            for one, other in zip(self.diagnosis.requests, after, strict=True)
        ]


def investigate(
    snapshot: Snapshot,
    tenant: str,
    hypothesis: Hypothesis | None = None,
    complexity: str | None = None,
) -> Investigation:
    """Return the investigation of `tenant` on `snapshot`, the fix tried on a scratch copy.

    `complexity` replaces the hypothesis's. Without a hypothesis there is the decision, and a
    verification without claims. Raises TenantError for an unknown or ambiguous tenant.
    """
    asked = hypothesis.request if hypothesis else Request()
    if complexity is not None:
        asked = Request(**{**asked.to_json(), "complexity": complexity})
    requests = [Request(**{**asked.to_json(), "complexity": c}) for c in COMPLEXITIES]
    diagnosis = diagnose(snapshot, tenant, requests)
    if hypothesis is None:
        name = diagnosis.tenant.subdomain or diagnosis.tenant.id
        untested = Verification(NO_MODELS, name, snapshot.sha256, (asked,), ())
        return Investigation(snapshot, None, asked, diagnosis, untested)
    about = hypothesis.model_copy(update={"tenant": diagnosis.tenant.id})
    verification = verify(snapshot, about, asked, diagnosis.platform)
    fix = next((c for c in hypothesis.claims if isinstance(c, FixResolves)), None)
    if fix is None:
        return Investigation(snapshot, hypothesis, asked, diagnosis, verification)
    trials, repaired = _repair(diagnosis, about, fix, asked)
    return Investigation(
        snapshot, hypothesis, asked, diagnosis, verification, fix, trials, repaired
    )


def _repair(
    diagnosis: Diagnosis, hypothesis: Hypothesis, fix: FixResolves, asked: Request
) -> tuple[tuple[Trial, ...], Repaired | None]:
    """Return the fix and its placebos as tried, and the repaired copy if the fix could be made."""
    requests = [each.request for each in diagnosis.requests]
    tenant_id = diagnosis.tenant.id
    with Laboratory(diagnosis.evidence, diagnosis.platform) as lab:
        edit = Edit("copy-key", fix.setting_key, fix.copy_from)
        trials = tuple(try_fix(lab, tenant_id, [edit], fix.setting_key, asked))
        if not trials[0].applied:
            return trials, None
        lab.make(tenant_id, edit)
        return trials, Repaired(
            diagnosis=diagnose(lab.scratch, tenant_id, requests, diagnosis.platform),
            verification=verify(lab.scratch, hypothesis, asked, diagnosis.platform),
        )


def _ranking(diagnosis: Diagnosis, complexity: str) -> Ranking:
    return next(d.ranking for d in diagnosis.requests if d.request.complexity == complexity)


def _agreement(agreed: Sequence[bool]) -> str:
    confirmed, total = sum(agreed), len(agreed)
    if not total:
        return "No claim was given to test."
    if total == 1:
        return f"The claim is {'' if confirmed else 'not '}confirmed on this snapshot."
    if confirmed == total:
        return f"All {total} claims are confirmed on this snapshot."
    verb = "are" if confirmed > 1 else "is"
    return f"{confirmed or 'None'} of {total} claims {verb} confirmed on this snapshot."


def _article(word: str) -> str:
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


def _requests(complexities: list[str]) -> str:
    *most, last = complexities
    return f"{', '.join(most)} and {last} requests" if most else f"{last} requests"
