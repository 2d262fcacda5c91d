"""An investigation: the claims, the decision before and after the fix, and what each trial did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from sqlalchemy import delete, insert, text
from sqlalchemy.orm import Session

from atomlab.byok.ranking import Ranking
from atomlab.byok.request import Request
from atomlab.byok.rows import TenantRows
from atomlab.diagnosis.answers import instead, serves, unable
from atomlab.diagnosis.assumptions import assumptions
from atomlab.diagnosis.case import TenantCase
from atomlab.diagnosis.diagnose import Diagnosis, RequestDiagnosis, diagnose
from atomlab.diagnosis.edits import Edit
from atomlab.diagnosis.findings import Summary, TenantFindings
from atomlab.diagnosis.hypothesis import FixResolves, Hypothesis
from atomlab.diagnosis.options import Option, compare_options
from atomlab.diagnosis.sandbox import Sandbox, Trial, try_fix
from atomlab.diagnosis.verify import Verification, verify
from atomlab.errors import NO_MODELS
from atomlab.evidence.inputs.rules import COMPLEXITIES
from atomlab.evidence.schema import TenantSetting
from atomlab.evidence.snapshot import Snapshot
from atomlab.shown import Shown
from atomlab.text import count, joined, printable
from atomlab.verdicts import Verdict

# What is said of one claim, and of several.
_HOLDS: Mapping[Verdict, tuple[str, str]] = {
    "confirmed": ("holds", "hold"),
    "refuted": ("does not hold", "do not hold"),
    "inconclusive": ("cannot be judged", "cannot be judged"),
}


@dataclass(frozen=True, repr=False)
class Repaired(Shown):
    """The scratch copy after the fix: the same claims and the same requests, once more."""

    diagnosis: Diagnosis
    verification: Verification


@dataclass(frozen=True, kw_only=True, repr=False)
class Investigation(TenantCase):
    """One tenant's incident on one snapshot, asked about requests of `complexity`.

    `fix` is the one that the hypothesis proposes, `trials` are it and its placebos as tried on a
    scratch copy. `repaired` is None if no fix is proposed, or it could not be made.
    """

    complexity: str
    tested: Verification
    hypothesis: Hypothesis | None = None
    fix: FixResolves | None = None
    trials: tuple[Trial, ...] = ()
    repaired: Repaired | None = None

    @property
    def verification(self) -> Verification:
        """The claims of the hypothesis as tested, none without a hypothesis."""
        return self.tested

    @property
    def shown(self) -> RequestDiagnosis:
        """The diagnosis of the request that the case is about."""
        kinds = {each.request.complexity: each for each in self.diagnosis.requests}
        return kinds[self.complexity]

    @property
    def request(self) -> Request:
        """The request that the case is about."""
        return self.shown.request

    @property
    def provider(self) -> str:
        """The provider in question: the fix's, the first of a claim, the first client, or none."""
        claims = self.hypothesis.claims if self.hypothesis else ()
        claimed = [getattr(claim, "provider", "") for claim in (self.fix, *claims)]
        return next(filter(None, (*claimed, *self.diagnosis.clients)), "")

    @cached_property
    def options(self) -> tuple[Option, ...]:
        """The easiest fixes and their alternatives, each run for every tenant."""
        if self.status == "undecided":
            return ()
        tenant = self.diagnosis.tenant.id
        return tuple(compare_options(self.snapshot, tenant, others=2, managed=self.managed))

    def before(self, complexity: str) -> Ranking:
        """Return the decision for the complexity as captured."""
        return next(r for r, _ in self._pairs() if r.request.complexity == complexity)

    def cured(self) -> list[str]:
        """Return the complexities that fail before the fix and get a chat model after it."""
        pairs = self._pairs()
        return [b.request.complexity for b, after in pairs if not len(b.order) and serves(after)]

    def not_cured(self) -> list[str]:
        """Return the complexities that get no chat model even after the fix."""
        return [after.request.complexity for _, after in self._pairs() if not serves(after)]

    def answer(self) -> str:
        """Return what was found, in a few plain sentences."""
        sentences = (
            self._decision(),
            instead([self.shown.ranking]) if self.shown.status == "affected" else "",
            self._cause(),
            _agreement([claim.verdict == "confirmed" for claim in self.tested.claims]),
            self._effect(),
            self._decided_as(),
        )
        return " ".join(filter(None, sentences))

    def summary(self) -> Summary:
        """Return the tenant's summary, and how many claims of the hypothesis hold."""
        claims = _claims([claim.verdict for claim in self.tested.claims])
        return super().summary().model_copy(update={"claims": claims})

    def findings(self) -> TenantFindings:
        """Return the findings, with the fix as claimed, and the repaired copy."""
        fix = self.fix.model_dump() if self.fix else None
        return self._findings(self.trials, self.options, fix=fix, repaired=self._repaired())

    def _decision(self) -> str:
        article = "an" if self.complexity[0] in "aeiou" else "a"
        whose = f"for {article} {self.complexity} request of {self.tenant_name}"
        if self.shown.status == "undecided":
            return f"Nothing can be decided {whose}: {self.missing}."
        ranking = self.shown.ranking
        usable, total = len(ranking.order), len(ranking.blockers)
        if not total:
            return f"The pricing cache is empty, so no model is usable {whose}."
        verb, cannot = "is" if usable == 1 else "are", unable([ranking])
        but = f", but {cannot}" if cannot else ""
        return f"{usable:,} of {count(total, 'model')} {verb} usable {whose}{but}."

    def _cause(self) -> str:
        """Return what is wrong, for the request or, if that finds a model, the next that fails."""
        failing = self.diagnosis.failing
        if not failing or self.shown in failing:
            return self.shown.explanation.sentence() if failing else ""
        sentence = failing[0].explanation.sentence()
        whose = f"{failing[0].request.complexity.capitalize()} requests find none"
        return f"{whose}; {sentence[:1].lower()}{sentence[1:]}"

    def _effect(self) -> str:
        """Return what the fix does; nothing if there is none, or no error that it could cure."""
        fix = self.fix
        if fix is None or self.shown.status != "affected":
            return ""
        copying = f"Copying {printable(fix.copy_from)} to {printable(fix.setting_key)}"
        if self.repaired is None:
            return f"{copying} could not be tried: there is no value to copy."
        cured, left = self.cured(), self.not_cured()
        why = unable(self.decided_after)
        why = f" ({why})" if why else ""
        if not cured:
            return f"{copying} cures no request{why}."
        rest = f"; it does not cure {joined(left)} requests{why}" if left else ""
        return f"{copying} cures {joined(cured)} requests{rest}."

    def _repaired(self) -> dict[str, Any] | None:
        if self.repaired is None:
            return None
        return {
            "cured": self.cured(),
            "not_cured": self.not_cured(),
            "diagnosis": self.repaired.diagnosis.to_json(),
            "verification": self.repaired.verification.to_json(),
        }

    def _pairs(self) -> list[tuple[Ranking, Ranking]]:
        before = [each.ranking for each in self.diagnosis.requests]
        return list(zip(before, self.decided_after or before, strict=True))


def investigate(
    snapshot: Snapshot,
    tenant: str,
    hypothesis: Hypothesis | None = None,
    complexity: str | None = None,
    managed: bool | None = None,
) -> Investigation:
    """Return the investigation of `tenant` on `snapshot`, the fix tried on a scratch copy.

    `complexity` and `managed` replace what the hypothesis says of them. Without a hypothesis
    nothing is claimed. Raises TenantError for an unknown or ambiguous tenant, InputError if the
    hypothesis is about another one.
    """
    if hypothesis is not None:
        hypothesis.tested_on(snapshot, tenant)
    asked = hypothesis.request if hypothesis else Request()
    managed = asked.managed if managed is None else managed
    asked = replace(asked, complexity=complexity or asked.complexity, managed=managed)
    diagnosis = diagnose(snapshot, tenant, [replace(asked, complexity=c) for c in COMPLEXITIES])
    asked = asked.of_tenant(diagnosis.tenant.ai_mode)
    claims = hypothesis.claims if hypothesis else ()
    fix = next((claim for claim in claims if isinstance(claim, FixResolves)), None)
    trials, repaired = _repair(diagnosis, hypothesis, fix, asked) if fix else ((), None)
    return Investigation(
        snapshot=snapshot,
        platform=diagnosis.platform,
        managed=managed,
        diagnosis=diagnosis,
        decided_after=tuple(d.ranking for d in repaired.diagnosis.requests) if repaired else (),
        complexity=asked.complexity,
        tested=_test(diagnosis, hypothesis, asked),
        hypothesis=hypothesis,
        fix=fix,
        trials=trials,
        repaired=repaired,
    )


def _test(diagnosis: Diagnosis, hypothesis: Hypothesis | None, asked: Request) -> Verification:
    """Return the claims as tested on what the diagnosis is of, none without a hypothesis."""
    evidence, platform, tenant = diagnosis.evidence, diagnosis.platform, diagnosis.tenant
    if hypothesis is not None:
        return verify(evidence, hypothesis, asked, platform, tenant.id)
    assumed = assumptions(evidence, platform)
    name = tenant.subdomain or tenant.id
    return Verification(NO_MODELS, name, evidence.sha256, (asked,), (), assumed)


def _repair(
    diagnosis: Diagnosis, hypothesis: Hypothesis | None, fix: FixResolves, asked: Request
) -> tuple[tuple[Trial, ...], Repaired | None]:
    """Return the fix and its placebos as tried, and the repaired copy if the fix could be made."""
    requests = [each.request for each in diagnosis.requests]
    tenant_id = diagnosis.tenant.id
    lab = Sandbox(diagnosis.evidence, diagnosis.platform)
    edit = Edit("copy-key", fix.setting_key, fix.copy_from)
    trials = tuple(try_fix(lab, tenant_id, [edit], fix.setting_key, asked))
    if not trials[0].applied:
        return trials, None
    with diagnosis.evidence.scratch() as scratch:
        _write(lab.edited_rows([edit], tenant_id)[0], tenant_id, scratch.session)
        repaired = diagnose(scratch, tenant_id, requests, diagnosis.platform)
        return trials, Repaired(repaired, _test(repaired, hypothesis, asked))


def _write(held: TenantRows, tenant_id: str, db: Session) -> None:
    """Replace what the tenant holds in a scratch copy."""
    if held.rules.keys_from == "environment":
        db.execute(text("DELETE FROM environment"))
        for name, token in held.environment.variables.items():
            db.execute(
                text("INSERT INTO environment VALUES (:name, :value)"),
                {"name": name, "value": token},
            )
        return
    db.execute(delete(TenantSetting).where(TenantSetting.tenant_id == tenant_id))
    for name, token in held.settings.get(tenant_id, ()):
        row = {"tenant_id": tenant_id, "setting_key": name, "setting_value": token}
        db.execute(insert(TenantSetting).values(**row))


def _claims(verdicts: Sequence[Verdict]) -> str:
    found, total = Counter(verdicts), len(verdicts)
    if total <= 1:
        return "".join(f"The claim of the hypothesis {_HOLDS[each][0]}." for each in verdicts)
    if found["refuted"] == total:
        return f"None of {total} claims of the hypothesis holds."
    if len(found) == 1:
        return f"All {total} claims of the hypothesis {_HOLDS[verdicts[0]][1]}."
    each = (f"{found[v]} {_HOLDS[v][found[v] > 1]}" for v in _HOLDS if found[v])
    return f"Of {total} claims of the hypothesis {joined(each)}."


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
