"""What if: a tenant's diagnosis with changes made in memory, beside the one as captured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from atomlab.byok.request import Request
from atomlab.diagnosis.altered import Altered, Made
from atomlab.diagnosis.answers import same_model, unable
from atomlab.diagnosis.diagnose import Diagnosis, RequestDiagnosis, diagnose, diagnose_in
from atomlab.diagnosis.sandbox import Sandbox, Subject
from atomlab.evidence.inputs.environment import read_environment
from atomlab.evidence.schema import Tenant
from atomlab.evidence.snapshot import Evidence
from atomlab.evidence.steps import StepKind, TenantSteps
from atomlab.shown import Several, Shown
from atomlab.text import capital, grouped, joined, printable
from atomlab.verdicts import Status

if TYPE_CHECKING:
    import pandas as pd

NOTHING, ANOTHER_WINNER = "nothing", "another winner"
_FAILS: Status = "affected"
# What requests do that flip.
_DOES = {
    "affected → healthy": "find a model",
    "healthy → affected": "find none any more",
    "affected → undecided": "cannot be decided any more",
    "healthy → undecided": "cannot be decided any more",
    "undecided → healthy": "find a model",
    "undecided → affected": "find none",
    ANOTHER_WINNER: "get another winner",
}
_COLUMNS = ("request", "before", "after", "flip", "winner_before", "winner_after")


def in_words(steps: int) -> str:
    """Return how a sentence begins on what so many changes do."""
    return "With the changes," if steps > 1 else "With the change," if steps else "Without a change"


def in_lines(found: Any, who: str, requests: Sequence[Flipped] = ()) -> str:
    """Return a what-if as text: whose, what was changed, the requests, the answer, the remarks."""
    return "\n".join(
        [
            f"What if, for {printable(who)}:",
            *(f"  change: {printable(made, 300)}" for made in found.altered.steps),
            *(f"  {each.kind}: {printable(each, 300)}" for each in requests),
            printable(found.answer(), 2000),
            *(f"Note: {printable(remark, 400)}." for remark in found.remarks()),
        ]
    )


def flip_of(before: Status, after: Status, same_winner: bool) -> str:
    """Return what flips of a request: `affected → healthy`, another winner, or nothing."""
    if before != after:
        return f"{before} → {after}"
    return NOTHING if same_winner else ANOTHER_WINNER


@dataclass(frozen=True, repr=False)
class Flipped(Shown):
    """One request as captured, and with the changes made."""

    before: RequestDiagnosis
    after: RequestDiagnosis

    @property
    def flip(self) -> str:
        """What flips, as `flip_of` says it."""
        winners = self.before.ranking.winner, self.after.ranking.winner
        return flip_of(self.before.status, self.after.status, same_model(*winners))

    @property
    def kind(self) -> str:
        """What kind of request it is, in words."""
        return self.before.request.kind

    @property
    def answers(self) -> tuple[str, str]:
        """Who answers, before and after, in a few words."""
        return _answer_to(self.before), _answer_to(self.after)

    def __str__(self) -> str:
        return " → ".join(self.answers)

    def to_json(self) -> dict[str, Any]:
        """Return it as an element of `flips` in `atomlab.what-if/1`."""
        sides = {"before": self.before, "after": self.after}
        return {
            "request": self.before.request.to_json(),
            "flip": self.flip,
            **{
                name: {
                    "status": each.status,
                    "winner": each.ranking.winner and each.ranking.winner.to_json(),
                }
                for name, each in sides.items()
            },
        }


@dataclass(frozen=True, eq=False, repr=False)
class WhatIf(TenantSteps, Shown):
    """A tenant's diagnosis as captured (`before`), and with the changes (`diagnosis`)."""

    before: Diagnosis
    altered: Altered
    asked: Sequence[Request] | None = None
    managed: bool | None = None

    def step(self, kind: StepKind, what: str, held: str = "") -> WhatIf:
        """Return the same with one more step; raise InputError, with near names, if it cannot be.

        A key that is copied has to be there by then.
        """
        changed = replace(self, altered=self.altered.step(kind, what, held))
        if kind == "copy-key":
            changed.altered.rows(changed._held.rows, self.before.tenant.id)
        return changed

    @cached_property
    def diagnosis(self) -> Diagnosis:
        """The diagnosis with the changes made, in full: causes and fixes are of that world."""
        tenant, held = self.before.tenant, self._held
        plan = self.altered.plan(tenant.plan_type)
        rows = self.altered.rows(held.rows, tenant.id)
        lab = Sandbox(self.before.evidence, self.altered.platform)
        lab = lab.holding(tenant.id, replace(held, rows=rows, plan=plan))
        moved = Tenant(
            id=tenant.id,
            name=tenant.name,
            subdomain=tenant.subdomain,
            plan_type=plan,
            ai_mode=tenant.ai_mode,
        )
        return diagnose_in(lab, moved, self.asked, self.managed)

    @cached_property
    def requests(self) -> tuple[Flipped, ...]:
        """Each request as captured and with the changes made, in the order of the diagnosis."""
        pairs = zip(self.before.requests, self.diagnosis.requests, strict=True)
        return Several(Flipped(before, after) for before, after in pairs)

    @property
    def status(self) -> Status:
        """Whether the tenant is affected, healthy or undecided with the changes made."""
        return self.diagnosis.status

    def flips(self) -> pd.DataFrame:
        """Return a frame with one row per request.

        Columns: `request`, its kind; `before` and `after`, the status; `flip`, `affected →
        healthy` and the like, `another winner` or `nothing`; `winner_before` and `winner_after`,
        the model's id, None for none.
        """
        import pandas as pd

        rows = []
        for each in self.requests:
            sides = each.before, each.after
            models = (w.model if (w := side.ranking.winner) else None for side in sides)
            rows.append((each.kind, *(side.status for side in sides), each.flip, *models))
        return pd.DataFrame(rows, columns=[*_COLUMNS], dtype=object)  # None stays None

    def remarks(self) -> list[str]:
        """Return what is easily overlooked of the changes, a sentence each."""
        return [*self._remarks()]

    def answer(self) -> str:
        """Return what the changes do, in a few plain sentences."""
        said = [f"{in_words(len(self.altered.steps))} {self._flips()}."]
        if still := [e.kind for e in self.requests if e.before.status == e.after.status == _FAILS]:
            said.append(f"{capital(joined(still))} requests still find no model.")
        if failing := self.diagnosis.failing:
            said.append(failing[0].explanation.sentence())
        if undecided := self.diagnosis.undecided:
            said.append(f"{capital(str(undecided[0].missing))}.")
        if cannot := unable(each.ranking for each in self.diagnosis.requests):
            said.append(f"{capital(cannot)}.")
        return " ".join(said)

    def __repr__(self) -> str:
        return in_lines(self, self.before.tenant.called, self.requests)

    def to_json(self) -> dict[str, Any]:
        """Return the document `atomlab.what-if/1` of one tenant, with both diagnoses."""
        before, after = self.before.to_json(), self.diagnosis.to_json()
        return {
            "schema": "atomlab.what-if/1",
            "snapshot": before["snapshot"],
            "tenant": before["tenant"],
            "changes": [made.to_json() for made in self.altered.steps],
            "for_every_tenant": self.altered.for_everyone,
            "status_before": self.before.status,
            "status": self.status,
            "answer": self.answer(),
            "remarks": self.remarks(),
            "flips": [each.to_json() for each in self.requests],
            "before": before,
            "diagnosis": after,
        }

    @cached_property
    def _held(self) -> Subject:
        """What the tenant holds as captured, the worker's environment too: rules may change."""
        evidence, tenant = self.before.evidence, self.before.tenant
        held = Sandbox(evidence, self.before.platform).tenant(tenant.id)
        environment = read_environment(evidence.session)
        return replace(held, rows=replace(held.rows, environment=environment))

    def _flips(self) -> str:
        """Return which requests flip, and which way, as a sentence has it."""
        found = grouped((_DOES.get(each.flip, NOTHING), each.kind) for each in self.requests)
        found.pop(NOTHING, None)
        parts = [f"{joined(kinds)} requests {does}" for does, kinds in found.items()]
        return joined(parts) or "nothing flips"

    def _remarks(self) -> Iterator[str]:
        if self.altered.for_everyone:
            yield "the keys are variables of the worker: they change for every tenant"
        managed = any(each.ranking.request.managed for each in self.diagnosis.requests)
        if not managed and any(made.kind == "plan" for made in self.altered.steps):
            yield "a plan counts for managed requests only, and these are BYOK"
        for number, made in enumerate(self.altered.steps):
            if made.kind == "remove-key" and not self._removes(number, made):
                yield f"there is no key of {printable(made.what)} to remove"

    def _removes(self, number: int, made: Made) -> bool:
        """Return whether there is a key to remove, after so many steps."""
        own = self.before.tenant.id
        rows = replace(self.altered, steps=self.altered.steps[:number]).rows(self._held.rows, own)
        held = replace(rows, rules=made.rules).of(own)
        return any(edit.setting_key in held for edit in made.edits)


def what_if_of(
    evidence: Evidence,
    tenant: str,
    requests: Sequence[Request] | None = None,
    *,
    managed: bool | None = None,
) -> WhatIf:
    """Return the tenant's diagnosis, to which changes can be made; raise TenantError."""
    before = diagnose(evidence, tenant, requests, managed=managed)
    return WhatIf(before, Altered(evidence, before.platform), requests, managed)


def _answer_to(each: RequestDiagnosis) -> str:
    """Return who answers a request, in a few words."""
    winner, fallback = each.ranking.winner, each.ranking.fallback
    if each.status == "undecided":
        return "undecided"
    if winner is not None:
        return f"{winner.model} (no chat model)" if winner.unable else winner.model
    if fallback is None:
        return "no model"
    return f"no model (the fallback {fallback.provider}/{fallback.model} answers)"
