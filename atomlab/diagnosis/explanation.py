"""What a diagnosis says: fix sets, causes, and the explanation made of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from atomlab.byok.filters import NAMES
from atomlab.byok.ranking import Ranking
from atomlab.diagnosis.interventions import WHO, Edit, Trial, Who
from atomlab.shown import Shown
from atomlab.text import listed, printable
from atomlab.verdicts import Role, Verdict

# Codes of causes that are not called as their filter is.
CODES = {"context": "context-window"}
_MOST_NAMED = 3  # causes in a sentence
# Causes that the whole cache is repaired for, whoever the provider.
_CACHE = {"pricing-cache-empty": "pricing", "pricing-entry-broken": "pricing-entry"}
FILTER_OF = {CODES.get(name, name): name for name in NAMES if name != "client"}


@dataclass(frozen=True)
class FixSet(Shown):
    """A minimal set of atoms, the edits that remove them, and what re-executing them gave.

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
        """Who has to act: of several the one whose act takes most."""
        rules = self.after.view.platform.rules
        return max((edit.who(rules) for edit in self.edits), key=WHO.index)

    @property
    def effort(self) -> tuple[int, int]:
        """What fix sets are compared by: who has to act, then what it costs."""
        return WHO.index(self.who), self.cost

    @property
    def verified(self) -> bool:
        """Whether the decision, run again with the edits made, found a model."""
        return len(self.after.order) > 0

    @property
    def cures(self) -> bool:
        """Whether it found one that can serve: a winner that is no chat model is no cure."""
        winner = self.after.winner
        return winner is not None and winner.chat is not False

    def __repr__(self) -> str:
        run = "verified" if self.verified else "not run"
        return f"<FixSet {listed(map(str, self.edits))}; cost {self.cost}, {run}>"

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


@dataclass(frozen=True)
class Cause:
    """A deviation that explains the error (codes: DESIGN 4), and how it relates to the fixes.

    `role` is None for a cause that no fix set repairs.
    """

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
        """The atom of fix sets that stands for the cause: a filter, the cache, or a client."""
        return FILTER_OF.get(self.code) or _CACHE.get(self.code) or f"client:{self.provider}"

    def __str__(self) -> str:
        return f"{self.code} {self.provider}" if self.provider else self.code

    def to_json(self) -> dict[str, Any]:
        """Return the cause as an element of `causes` in `atomlab.diagnosis/1`."""
        return {**self.__dict__, "evidence": list(self.evidence)}


@dataclass(frozen=True)
class Explanation:
    """Why a request found no model: causes, best supported first, fix sets, least effort first.

    `dropped` counts closed-form fix sets that did not hold when they were executed; `trials` are
    the interventions on the root cause.
    """

    causes: tuple[Cause, ...] = ()
    fix_sets: tuple[FixSet, ...] = ()
    trials: tuple[Trial, ...] = ()
    dropped: int = 0

    @property
    def root(self) -> tuple[Cause, ...]:
        """The root cause; with those that have to be repaired as well where it is a joint one."""
        first = self.causes[:1]
        return first + tuple(
            cause for cause in self.causes[1:] if cause.role == first[0].role == "joint"
        )

    def told(self) -> str:
        """Return a sentence that names the root cause, how sure it is, and what was observed."""
        if not self.root:
            return "No deviation was found whose repair lets a model through."
        first, *others = self.root[:_MOST_NAMED]
        subject = (
            "The root cause is" if first.verdict == "confirmed" else "What explains it best is"
        )
        also = [f"{cause.code} ({cause.verdict})" for cause in others]
        if (rest := len(self.root) - _MOST_NAMED) > 0:
            also.append(f"{rest} more")
        beside = f" together with {' and '.join(also)}" if also else ""
        seen = [
            *first.evidence[:2],
            *(sentence for each in others for sentence in each.evidence[:1]),
        ]
        observed = "; ".join(printable(sentence, 200) for sentence in seen)
        return f"{subject} {first.code} ({first.verdict}){beside}: {observed}."
