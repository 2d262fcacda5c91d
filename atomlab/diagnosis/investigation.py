"""An investigation: the claims, the decision before and after the fix, and what each trial did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pandas as pd

from atomlab.byok.ranking import Ranking
from atomlab.byok.request import Request
from atomlab.diagnosis.answers import decided_as, instead, serves, unable
from atomlab.diagnosis.assumptions import assumptions, missing_input
from atomlab.diagnosis.diagnose import Diagnosis, RequestDiagnosis, diagnose
from atomlab.diagnosis.document import findings_document
from atomlab.diagnosis.edits import Edit
from atomlab.diagnosis.hypothesis import FixResolves, Hypothesis
from atomlab.diagnosis.options import Option, compare_options
from atomlab.diagnosis.sandbox import Sandbox, Trial, try_fix
from atomlab.diagnosis.verify import Verification, verify
from atomlab.errors import NO_MODELS
from atomlab.evidence.inputs.rules import COMPLEXITIES
from atomlab.evidence.snapshot import Snapshot
from atomlab.text import count, printable
from atomlab.verdicts import Status


@dataclass(frozen=True)
class Repaired:
    """The scratch copy after the fix: the same claims and the same requests, once more."""

    diagnosis: Diagnosis
    verification: Verification


@dataclass(frozen=True)
class Investigation:
    """One tenant's incident on one snapshot.

    `fix` is the one that the hypothesis proposes, `trials` are it and its placebos as tried on a
    scratch copy. `repaired` is None if no fix is proposed, or it could not be made. `managed` is
    what was asked for, by the caller or the hypothesis, None for what the tenant's `ai_mode` says.
    """

    snapshot: Snapshot
    hypothesis: Hypothesis | None
    request: Request
    diagnosis: Diagnosis
    verification: Verification
    fix: FixResolves | None = None
    trials: tuple[Trial, ...] = ()
    repaired: Repaired | None = None
    managed: bool | None = None

    @property
    def status(self) -> Status:
        """Whether the tenant is affected by any of the requests, healthy, or undecided."""
        return self.diagnosis.status

    @property
    def provider(self) -> str:
        """The provider in question: the fix's, the first of a claim, the first client, or none."""
        claims = self.hypothesis.claims if self.hypothesis else ()
        fixed = [self.fix.provider] if self.fix else []
        named = [claim.provider for claim in claims if hasattr(claim, "provider")]
        return next(iter((*fixed, *named, *self.diagnosis.clients, "")))

    @cached_property
    def options(self) -> tuple[Option, ...]:
        """The fixes of least effort and their alternatives, each run for every tenant."""
        if self.status == "undecided":
            return ()
        tenant = self.diagnosis.tenant.id
        return tuple(compare_options(self.snapshot, tenant, others=2, managed=self.managed))

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
        """Return the complexities that fail before the fix and get a chat model after it."""
        return [
            before.request.complexity
            for before, after in self._pairs()
            if not len(before.order) and serves(after)
        ]

    def not_cured(self) -> list[str]:
        """Return the complexities that get no chat model even after the fix."""
        return [after.request.complexity for _, after in self._pairs() if not serves(after)]

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
        how = decided_as(self.managed, self.diagnosis.tenant.ai_mode)
        told = (
            self._decision(),
            instead(each.ranking for each in self.diagnosis.failing if each is self._asked()),
            self._cause(),
            _agreement(agreed),
            self._cure(),
            f"Decided {how}." if how else "",
        )
        return " ".join(filter(None, told))

    def _decision(self) -> str:
        asked = self._asked()
        ranking = asked.ranking
        whose = (
            f"for {_article(self.request.complexity)} request "
            f"of {printable(self.diagnosis.tenant.name)}"
        )
        if asked.status == "undecided":
            missing = missing_input(self.snapshot, self.diagnosis.platform)
            return f"Nothing can be decided {whose}: {missing}."
        usable, total = len(ranking.order), len(ranking.blockers)
        if not total:
            return f"The pricing cache is empty, so no model is usable {whose}."
        verb, cannot = "is" if usable == 1 else "are", unable([ranking])
        but = f", but {cannot}" if cannot else ""
        return f"{usable:,} of {count(total, 'model')} {verb} usable {whose}{but}."

    def _asked(self) -> RequestDiagnosis:
        """Return the diagnosis of the request that the case is about."""
        kinds = {each.request.complexity: each for each in self.diagnosis.requests}
        return kinds[self.request.complexity]

    def _cause(self) -> str:
        """Return what is wrong, for the request or, where that finds a model, the next that fails.

        Nothing where none fails.
        """
        failing = self.diagnosis.failing
        asked = [d for d in failing if d.request.complexity == self.request.complexity]
        told = next(iter(asked or failing), None)
        if told is None or asked:
            return told.explanation.sentence() if told else ""
        sentence = told.explanation.sentence()
        whose = f"{told.request.complexity.capitalize()} requests find none"
        return f"{whose}; {sentence[:1].lower()}{sentence[1:]}"

    def _cure(self) -> str:
        """Return what the fix does; nothing if there is none, or no error that it could cure."""
        fix = self.fix
        if fix is None or self._asked().status != "affected":
            return ""
        giving = f"Giving {printable(fix.setting_key)} the value of {printable(fix.copy_from)}"
        if self.repaired is None:
            return f"{giving} could not be tried: there is no value to copy."
        cured, left = self.cured(), self.not_cured()
        why = unable(after for _, after in self._pairs())
        why = f" ({why})" if why else ""
        if not cured:
            return f"{giving} cures no request{why}."
        rest = f"; it does not cure {_requests(left)}{why}" if left else ""
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
            managed=self.managed,
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

    def _pairs(self) -> list[tuple[Ranking, Ranking]]:
        """Return each request's decision before and after the fix."""
        after = (self.repaired or self).diagnosis.requests
        pairs = zip(self.diagnosis.requests, after, strict=True)
        return [(one.ranking, other.ranking) for one, other in pairs]


def investigate(
    snapshot: Snapshot,
    tenant: str,
    hypothesis: Hypothesis | None = None,
    complexity: str | None = None,
    managed: bool | None = None,
) -> Investigation:
    """Return the investigation of `tenant` on `snapshot`, the fix tried on a scratch copy.

    `complexity` and `managed` replace what the hypothesis says of them; if neither says whether
    requests are managed, the tenant's `ai_mode` does. Without a hypothesis there is the decision,
    and a verification without claims. Raises TenantError for an unknown or ambiguous tenant,
    InputError if the hypothesis is about another one.
    """
    if hypothesis is not None:
        hypothesis.tested_on(snapshot, tenant)
    asked = hypothesis.request if hypothesis else Request()
    managed = asked.managed if managed is None else managed
    asked = replace(asked, complexity=complexity or asked.complexity, managed=managed)
    requests = [replace(asked, complexity=c) for c in COMPLEXITIES]
    diagnosis = diagnose(snapshot, tenant, requests)
    asked = asked.of_tenant(diagnosis.tenant.ai_mode)
    if hypothesis is None:
        name = diagnosis.tenant.subdomain or diagnosis.tenant.id
        assumed = assumptions(snapshot, diagnosis.platform)
        untested = Verification(NO_MODELS, name, snapshot.sha256, (asked,), (), assumed)
        return Investigation(snapshot, None, asked, diagnosis, untested, managed=managed)
    tested_on = diagnosis.tenant.id
    verification = verify(snapshot, hypothesis, asked, diagnosis.platform, tested_on)
    fix = next((c for c in hypothesis.claims if isinstance(c, FixResolves)), None)
    trials, repaired = _repair(diagnosis, hypothesis, fix, asked) if fix else ((), None)
    return Investigation(
        snapshot, hypothesis, asked, diagnosis, verification, fix, trials, repaired, managed
    )


def _repair(
    diagnosis: Diagnosis, hypothesis: Hypothesis, fix: FixResolves, asked: Request
) -> tuple[tuple[Trial, ...], Repaired | None]:
    """Return the fix and its placebos as tried, and the repaired copy if the fix could be made."""
    requests = [each.request for each in diagnosis.requests]
    tenant_id = diagnosis.tenant.id
    with Sandbox(diagnosis.evidence, diagnosis.platform) as lab:
        edit = Edit("copy-key", fix.setting_key, fix.copy_from)
        trials = tuple(try_fix(lab, tenant_id, [edit], fix.setting_key, asked))
        if not trials[0].applied:
            return trials, None
        lab.make(tenant_id, edit)
        return trials, Repaired(
            diagnosis=diagnose(lab.scratch, tenant_id, requests, diagnosis.platform),
            verification=verify(lab.scratch, hypothesis, asked, diagnosis.platform, tenant_id),
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
