"""Totals: how many tenants meet what. Those of several shards of one capture add up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import add
from typing import Any, NamedTuple

from atomlab.diagnosis.answers import mode_of
from atomlab.diagnosis.edits import WHO
from atomlab.evidence.inputs.rules import Rules
from atomlab.fleets.impacts import Failure, Impact, cause_fields
from atomlab.shown import Shown
from atomlab.verdicts import STATUSES, Status, Verdict

# What a fix asks, and of whom; the easiest first.
EFFORTS = {
    "held": "copy a key that the tenant holds",
    "repair-row": "the tenant enters a valid key in the row",
    "new-credential": "the tenant gets a new credential",
    "operator": "an operator changes the configuration",
    "engineering": "engineering changes the code",
    "": "none of the fixes that were run helped",
}


class Found(NamedTuple):
    """A kind of request that fails: its root cause, and the easiest fix that was run and helped.

    `who` acts on it, and `effort` is what it asks, a name in EFFORTS; both are empty where no fix
    helped. `leaves` are the kinds of request that it does not cure.
    """

    complexity: str
    cause: str
    provider: str | None
    verdict: Verdict
    fix: str | None
    cost: int | None
    who: str
    effort: str
    leaves: tuple[str, ...]


class Met(NamedTuple):
    """What a tenant meets, and every other with the same: what fails, and what will.

    `unable` are the kinds of request whose winner is not a chat model, `blank` says whether one
    wins with a key of spaces only, `mode` how requests are served, if that is to be said.
    """

    status: Status
    failures: tuple[Found, ...]
    unable: tuple[str, ...]
    blank: bool
    mode: str


@dataclass(frozen=True, repr=False)
class Totals(Shown):
    """How many tenants meet what, for the `kinds` of request that were tried.

    `missing` is what the platform certainly has and the snapshot lacks. The totals of two parts of
    a fleet, added, are those of both.
    """

    kinds: tuple[str, ...]
    met: Counter[Met]
    missing: str | None = None

    def _facts(self) -> Mapping[str, object]:
        return {"kinds": self.kinds, "tenants": self.by_status, "missing": self.missing}

    def __add__(self, other: Totals) -> Totals:
        return Totals(self.kinds, self.met + other.met, self.missing or other.missing)

    @property
    def tenants(self) -> int:
        """How many tenants there are."""
        return self.met.total()

    @cached_property
    def by_status(self) -> dict[Status, int]:
        """The number of tenants that are affected, healthy and undecided."""
        found = _counted((met.status, number) for met, number in self.met.items())
        return {status: found[status] for status in sorted(STATUSES)}

    @property
    def status(self) -> Status:
        """Whether some tenant is affected, all are healthy, or that is undecided."""
        if self.by_status["affected"]:
            return "affected"
        undecided = self.by_status["undecided"] or (self.missing and not self.met)
        return "undecided" if undecided else "healthy"

    @cached_property
    def affected(self) -> dict[Met, int]:
        """The number of affected tenants by what they meet."""
        return {met: number for met, number in self.met.items() if met.failures}

    @property
    def outages(self) -> int:
        """How many tenants find no model for any of the kinds that were tried."""
        return sum(n for met, n in self.affected.items() if len(met.failures) == len(self.kinds))

    @property
    def modes(self) -> dict[str, int]:
        """How the requests of how many tenants are served, if that is to be said."""
        found = _counted((met.mode, number) for met, number in self.met.items())
        return {mode: found[mode] for mode in sorted(found) if mode}

    def by(self, name: str) -> dict[Any, int]:
        """Return the number of affected tenants by a field of their first failure, most first."""
        found = _counted((getattr(met.failures[0], name), n) for met, n in self.affected.items())
        return dict(sorted(found.items(), key=lambda item: (-item[1], item[0] or "")))

    @property
    def confirmed_by_cause(self) -> Counter[str]:
        """For how many affected tenants each cause, of their first failure, is confirmed."""
        firsts = ((met.failures[0], number) for met, number in self.affected.items())
        return _counted((f.cause, number) for f, number in firsts if f.verdict == "confirmed")

    def by_request(self, cause: str | None = None) -> dict[str, int]:
        """Return for each kind of request how many tenants find no model, all or of a cause.

        The cause is that of their first request that fails.
        """
        found = _counted(
            (failure.complexity, number)
            for met, number in self.affected.items()
            for failure in met.failures
            if cause in (None, met.failures[0].cause)
        )
        return {kind: found[kind] for kind in self.kinds}

    def groups(self) -> list[dict[str, Any]]:
        """Return one row per cause, provider, complexity and who acts, that of most tenants first.

        A tenant is counted in `tenants` once for each kind of request that fails, and in
        `confirmed` where that request's cause is.
        """
        tenants, confirmed = Counter[tuple[Any, ...]](), Counter[tuple[Any, ...]]()
        for met, number in self.affected.items():
            for each in met.failures:
                key = each.cause, each.provider, each.complexity, each.who or None
                tenants[key] += number
                confirmed[key] += number * (each.verdict == "confirmed")
        place = self.kinds.index
        ordered = sorted(tenants, key=lambda k: (-tenants[k], k[0], k[1] or "", place(k[2]), k[3]))
        names = ("cause", "provider", "complexity", "who")
        return [
            {**dict(zip(names, key, strict=True)), "tenants": tenants[key], "confirmed": known}
            for key, known in ((key, confirmed[key]) for key in ordered)
        ]


def added(parts: Iterable[Totals]) -> Totals:
    """Return the totals of all parts of a fleet, one or more."""
    return reduce(add, parts)


def totals_of(
    impacts: Iterable[Impact],
    kinds: Sequence[str],
    managed: bool | None,
    rules: Rules,
    missing: str | None,
) -> Totals:
    """Return the totals of these impacts; requests were `managed`, or as each `ai_mode` says."""
    counted, known = Counter[Met](), dict[int, tuple[Found, ...]]()
    for impact in impacts:
        failures = impact.failures  # shared by all that fail alike
        if id(failures) not in known:
            known[id(failures)] = tuple(found(failure, rules) for failure in failures)
        unable, mode = tuple(impact.unable), mode_of(managed, impact.group.mode)
        met = Met(impact.status, known[id(failures)], unable, bool(impact.blank_keys), mode)
        counted[met] += impact.tenants
    return Totals(tuple(kinds), counted, missing)


def found(failure: Failure, rules: Rules) -> Found:
    """Return a failure as it is counted and listed."""
    who = _actor(failure, rules)
    return Found(
        failure.complexity,
        *cause_fields(failure.cause),
        failure.fix,
        failure.cost,
        who,
        _effort(failure, who),
        failure.leaves,
    )


def _actor(failure: Failure, rules: Rules) -> str:
    """Return who has to make the fix: of several the one who is hardest to get."""
    return max((edit.who(rules) for edit in failure.edits), key=WHO.index, default="")


def _effort(failure: Failure, who: str) -> str:
    """Return what the fix asks: of who has most to do, of a tenant, of what."""
    if failure.held:
        return "held"
    if who == "tenant":
        new = any(edit.kind == "new-credential" for edit in failure.edits)
        return "new-credential" if new else "repair-row"
    return who


def _counted(pairs: Iterable[tuple[Any, int]]) -> Counter[Any]:
    counted = Counter[Any]()
    for key, number in pairs:
        counted[key] += number
    return counted
