"""A decided request, and the words of its explanation: causes and fix sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from atomlab.byok.filters import NAMES
from atomlab.byok.platform import Platform
from atomlab.byok.ranking import Ranking
from atomlab.diagnosis.answers import serves
from atomlab.diagnosis.defects import Defect
from atomlab.diagnosis.edits import WHO, Edit, Who
from atomlab.diagnosis.sandbox import Sandbox, Trial
from atomlab.shown import Shown
from atomlab.text import listed, printable
from atomlab.verdicts import Role, Verdict

# Codes of causes that are not called as their filter is.
CODES = {"context": "context-window"}
FILTER_OF = {CODES.get(name, name): name for name in NAMES if name != "client"}
# Causes for which the whole cache is repaired, whoever the provider.
_CACHE = {"pricing-cache-empty": "pricing", "pricing-entry-broken": "pricing-entry"}


@dataclass(frozen=True)
class DecidedRequest:
    """A tenant's request as it was decided, and what its explanation is drawn from.

    `withheld` counts the tenant's settings that the capture did not look at by name, `other_keys`
    are rows that hold keys of services without a chat model.
    """

    ranking: Ranking
    defects: Sequence[Defect]
    sandbox: Sandbox
    tenant_id: str
    withheld: int = 0
    other_keys: tuple[str, ...] = ()

    @property
    def platform(self) -> Platform:
        """The platform's side of the decision."""
        return self.ranking.view.platform

    def try_edits(self, name: str, edits: Sequence[Edit]) -> Trial:
        """Return what the edits do to the decision."""
        return self.sandbox.try_edits(name, edits, self.tenant_id, self.ranking.request)


@dataclass(frozen=True, repr=False)
class FixSet(Shown):
    """A minimal set of atoms, the edits that remove them, and what running them gave.

    `provider` is whose models it lets through, None for a change of the whole cache.
    """

    atoms: tuple[str, ...]
    edits: tuple[Edit, ...]
    after: Ranking
    provider: str | None = None

    @property
    def cost(self) -> int:
        """The sum of the edits' costs."""
        return sum(edit.cost for edit in self.edits)

    @property
    def who(self) -> Who:
        """Who has to act: of several the one who is hardest to get."""
        rules = self.after.view.platform.rules
        return max((edit.who(rules) for edit in self.edits), key=WHO.index)

    @cached_property
    def is_new_key(self) -> bool:
        """Whether it is one new key, and nothing else."""
        return [edit.kind for edit in self.edits] == ["new-credential"]

    @property
    def effort(self) -> tuple[int, int]:
        """Who has to act, then what it costs."""
        return WHO.index(self.who), self.cost

    @cached_property
    def ease(self) -> tuple[int, int, bool]:
        """What fix sets are compared by: effort, and those that cure before others."""
        return (*self.effort, not self.cures)

    @property
    def verified(self) -> bool:
        """Whether the decision, run again with the edits made, found a model."""
        return len(self.after.order) > 0

    @property
    def cures(self) -> bool:
        """Whether it found one that can serve: a winner that is not a chat model is no cure."""
        return serves(self.after)

    def to_json(self) -> dict[str, Any]:
        """Return the set as an element of `fix_sets` in `atomlab.diagnosis/1`."""
        winner = self.after.winner
        return {
            "atoms": list(self.atoms),
            "edits": [edit.to_json() for edit in self.edits],
            "cost": self.cost,
            "who": self.who,
            "verified": self.verified,
            "cures": self.cures,
            "winner_after": winner and winner.to_json(),
        }


@dataclass(frozen=True, repr=False)
class Cause(Shown):
    """A deviation that explains the error; `role` is None for one that no fix set repairs."""

    code: str
    provider: str | None
    setting_key: str | None
    role: Role | None
    sufficient_alone: bool
    in_every_fix_set: bool
    evidence: tuple[str, ...]
    verdict: Verdict = "inconclusive"

    @property
    def place(self) -> str:
        """Its role in words, where it has none as well."""
        return self.role or "in no fix set"

    @property
    def atom(self) -> str:
        """The atom of fix sets that stands for it."""
        return atom_of(self.code, self.provider)

    def __str__(self) -> str:
        return f"{self.code} {self.provider}" if self.provider else self.code

    def to_json(self) -> dict[str, Any]:
        """Return the cause as an element of `causes` in `atomlab.diagnosis/1`."""
        return {**self.__dict__, "evidence": list(self.evidence)}


def atom_of(code: str, provider: str | None) -> str:
    """Return the atom of fix sets that stands for a cause: a filter, the cache, or a client."""
    return FILTER_OF.get(code) or _CACHE.get(code) or f"client:{provider}"


@dataclass(frozen=True, repr=False)
class Explanation(Shown):
    """Why a request found no model: causes, best supported first, fix sets, easiest first.

    `dropped` counts fix sets that did not hold when run; `trials` are those of the root cause.
    """

    causes: tuple[Cause, ...] = ()
    fix_sets: tuple[FixSet, ...] = ()
    trials: tuple[Trial, ...] = ()
    dropped: int = 0

    @property
    def root(self) -> tuple[Cause, ...]:
        """The root cause; with those that have to be repaired as well where it is a joint one."""
        first, rest = self.causes[:1], self.causes[1:]
        return first + tuple(cause for cause in rest if cause.role == first[0].role == "joint")

    def sentence(self) -> str:
        """Return a sentence that names the root cause, how sure it is, and what was observed."""
        if not self.root:
            return "No root cause was found: no repair that was tried makes a model usable."
        first, *others = self.root
        surely = "root" if first.verdict == "confirmed" else "most likely"
        also = listed((f"{cause.code} ({cause.verdict})" for cause in others), 3)
        beside = f" together with {also}" if others else ""
        seen = [*first.evidence[:2], *(each for c in others[:2] for each in c.evidence[:1])]
        observed = "; ".join(printable(sentence, 200) for sentence in seen)
        return f"The {surely} cause is {first.code} ({first.verdict}){beside}: {observed}."
