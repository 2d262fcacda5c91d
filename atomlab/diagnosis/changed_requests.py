"""What became of a tenant's requests between two days, and which differences did it.

Some of the differences are made on the good day, or undone on the bad one, and the whole decision
is run again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from atomlab.byok.ranking import Ranking
from atomlab.byok.request import Request
from atomlab.diagnosis.assumptions import missing_input
from atomlab.diagnosis.days_between import Day, DaysBetween
from atomlab.diagnosis.differences import Difference, Kind, in_words
from atomlab.diagnosis.minimal_sets import members, minimal_sets
from atomlab.shown import Several, Shown
from atomlab.text import count, joined
from atomlab.verdicts import Status, Verdict

# Which differences may be no more than what one of the captures lacks.
_INPUT_OF: Mapping[str, Kind] = {
    "registry": "registry",
    "catalogue": "catalogue",
    "health": "registry",
    "environment": "rows",
    "stored keys": "rows",
}
_LACKING = ("absent", "unknown")


@dataclass(frozen=True, eq=False, repr=False)
class ShownSet(Shown):
    """Some differences with an effect, and the decision that was run with them made, or undone."""

    differences: tuple[Difference, ...]
    after: Ranking | None
    holds: bool

    def to_json(self) -> dict[str, Any]:
        """Return the set as an element of `atomlab.compare/1`."""
        winner = self.after.winner if self.after else None
        return {
            "differences": [each.to_json() for each in self.differences],
            "run_again": self.holds,
            "decision": self.after.summary() if self.after else None,
            "winner": winner.to_json() if winner else None,
        }


@dataclass(frozen=True, eq=False, repr=False)
class SetsFound(Shown):
    """The smallest sets that bring the error, or cure it; the other fields as of `MinimalSets`."""

    sets: tuple[ShownSet, ...]
    least: bool
    minimal: bool
    more: bool

    @property
    def first(self) -> ShownSet:
        """The first of them, of the fewest differences."""
        return self.sets[0]

    def to_json(self) -> dict[str, Any]:
        """Return it as `brings` or `cures` in `atomlab.compare/1`."""
        flags = {"least": self.least, "minimal": self.minimal, "more": self.more}
        return {"sets": [each.to_json() for each in self.sets], **flags}


@dataclass(frozen=True, eq=False, repr=False)
class ChangedRequest(Shown):
    """What became of one kind of request, and which differences did it, where it failed anew.

    `doubt` says why that is inconclusive, empty if it is not.
    """

    request: Request
    good: Ranking
    bad: Ranking
    statuses: tuple[Status, Status]
    brings: SetsFound | None = None
    cures: SetsFound | None = None
    doubt: str = ""

    @property
    def verdict(self) -> Verdict | None:
        """Whether the differences are shown to have done it; None where nothing failed anew."""
        if "undecided" in self.statuses or self.doubt:
            return "inconclusive"
        if self.brings is None or self.cures is None:
            return None
        runs = (each.holds for found in (self.brings, self.cures) for each in found.sets)
        return "confirmed" if all(runs) else "refuted"

    def to_json(self) -> dict[str, Any]:
        """Return the request as an element of `atomlab.compare/1`."""
        return {
            "request": self.request.to_json(),
            "good": self.statuses[0],
            "bad": self.statuses[1],
            "verdict": self.verdict,
            "doubt": self.doubt,
            "brings": self.brings and self.brings.to_json(),
            "cures": self.cures and self.cures.to_json(),
        }

    @property
    def members(self) -> Iterable[Difference]:
        """The differences in any of the sets."""
        for found in filter(None, (self.brings, self.cures)):
            for each in found.sets:
                yield from each.differences

    def sentences(self) -> tuple[str, ...]:
        """Return what did it, in sentences that are the same for requests of the same answer."""
        brings, cures = self.brings, self.cures
        if brings is None or cures is None:
            return ()
        made, undone = (in_words(found.first.differences) for found in (brings, cures))
        fails, works = "the good day fails as well", "the bad day finds a model"
        if made == undone:
            found = [f"What did it: {made}. With that alone {fails}; without it {works}."]
        else:
            found = [f"What brings the error: {made}. With that alone {fails}."]
            found.append(f"What cures it: {undone}. Without that {works}.")
        if others := len(cures.sets) - 1:
            number = f"{'At least ' if cures.more else ''}{count(others, 'other set')}"
            found.append(f"{number} of differences, undone, would cure it, too.")
        if not (brings.minimal and cures.minimal):
            found.append("Whether a part of it would be enough was not shown.")
        if self.doubt:
            found.append(f"That is inconclusive: {self.doubt}.")
        if self.verdict == "refuted":
            found.append("The decision that was run again does not confirm it.")
        if (after := cures.first.after) and after.winner and after.winner.unable:
            found.append(f"The winner then {after.winner.unable}.")
        return tuple(found)


def explained(good: Day, bad: Day, between: DaysBetween, request: Request) -> ChangedRequest:
    """Return what became of a request, and which differences did it where it fails anew."""
    was, became = between.run(0, request), between.run(between.whole, request)
    if was is None or became is None:
        raise AssertionError("each day has its own rules on placeholders")
    statuses = _status(was, good), _status(became, bad)
    decided = request, was, became, statuses
    if statuses != ("healthy", "affected"):
        return ChangedRequest(*decided)
    between.guesses = False
    brings = _found(between, request, undone=False)
    cures = _found(between, request, undone=True)
    return ChangedRequest(*decided, brings, cures, _doubt(good, bad, between, brings, cures))


def _found(between: DaysBetween, request: Request, *, undone: bool) -> SetsFound:
    """Return the smallest sets that bring the error, or `undone` cure it, each run again."""
    turn = between.whole if undone else 0

    def effect(chosen: int) -> bool:
        return between.fails(chosen ^ turn, request) is (not undone)

    found = minimal_sets(effect, between.blocks, between.priced)
    sets = []
    for chosen in found.sets:
        after = between.run(chosen ^ turn, request)
        holds = after is not None and (len(after.order) > 0) is undone
        those = Several(between.differences[member] for member in members(chosen))
        sets.append(ShownSet(those, after, holds))
    return SetsFound(Several(sets), found.least, found.minimal, found.more)


def _status(ranking: Ranking, day: Day) -> Status:
    if len(ranking.order):
        return "healthy"
    return "undecided" if missing_input(day.snapshot, day.platform) else "affected"


def _doubt(good: Day, bad: Day, between: DaysBetween, *found: SetsFound) -> str:
    """Return why it is inconclusive what did it, empty if it is not."""
    lacking = [f"of the {name} day {what}" for name, what in _lacking(good, bad, found)]
    if lacking:
        return f"it depends on what a capture lacks: {joined(lacking)}"
    if between.guesses:
        return (
            "it depends on a value that nobody can judge by the other day's rules on placeholders"
        )
    return ""


def _lacking(good: Day, bad: Day, found: Iterable[SetsFound]) -> Iterable[tuple[str, str]]:
    """Yield day and input that only the other day has, where the answer rests on it."""
    kinds = {each.kind for some in found for each in some.first.differences}
    inputs = [day.snapshot.manifest["inputs"] for day in (good, bad)]
    for name, kind in _INPUT_OF.items():
        lacks = [states[name] in _LACKING for states in inputs]
        only_rows = kind == "rows" and "environment" not in (
            good.platform.rules.keys_from,
            bad.platform.rules.keys_from,
        )
        if kind in kinds and lacks[0] != lacks[1] and not only_rows:
            yield ("good" if lacks[0] else "bad"), name
