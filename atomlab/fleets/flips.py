"""Flips: which tenants' outcomes differ between two days, by the differences that did it.

Tenants that are in one state on the good day, and in one on the bad day, flip alike, so that each
pair of states is looked into once, for one of its tenants.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, overload

from atomlab.byok.request import Request
from atomlab.diagnosis.days_between import Day, PlatformsBetween, lacking, read_day
from atomlab.diagnosis.differences import Difference, counted, in_words
from atomlab.diagnosis.population import Population, TenantGroup, Winners
from atomlab.diagnosis.what_changed import WhatChanged, heads, what_changed
from atomlab.errors import TenantError
from atomlab.evidence.inputs.rules import COMPLEXITIES
from atomlab.evidence.snapshot import Snapshot
from atomlab.shown import Several, Shown
from atomlab.text import capital, count, joined, listed, printable
from atomlab.verdicts import Verdict, worst_verdict

_NAMED = 5  # tenants of each flip
_OF_ONE = "give two snapshots of one database"
_Pair = tuple[TenantGroup, TenantGroup]


@dataclass(eq=False, repr=False)
class TenantFlip(Shown):
    """How many tenants flip by the same differences, for the same kinds of request.

    `example` is one of them, looked into; of the way back, from error to model, with the days in
    turn. `named` are the first, by what they are called.
    """

    back: bool
    kinds: tuple[str, ...]
    why: str
    example: WhatChanged
    tenants: int = 0
    named: list[str] = field(default_factory=list)

    @property
    def verdict(self) -> Verdict:
        """Whether it is shown that these differences did it."""
        return self.example.verdict

    def to_json(self) -> dict[str, Any]:
        """Return the flip as an element of `flips` in `atomlab.compare/1`."""
        return {
            "flip": "works again" if self.back else "fails anew",
            "requests": list(self.kinds),
            "differences": self.why,
            "verdict": self.verdict,
            "tenants": self.tenants,
            "named": self.named,
            "example": self.example.to_json(),
        }


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Flips(Shown):
    """The tenants whose outcomes differ between two days.

    `tenants` are in both; `only` are those that the good and the bad day have alone; `missing`
    says what a day lacks that decides.
    """

    good: Day
    bad: Day
    sites: PlatformsBetween
    flips: tuple[TenantFlip, ...]
    tenants: int
    only: tuple[int, int]
    missing: str = ""

    @property
    def differences(self) -> tuple[Difference, ...]:
        """The differences of the platform; those of tenants are in the flips."""
        return self.sites.differences

    @property
    def verdict(self) -> Verdict:
        """Whether it is shown what made tenants fail anew; refuted where none does."""
        if self.missing:
            return "inconclusive"
        found = [flip.verdict for flip in self.flips if not flip.back]
        return worst_verdict(found) if found else "refuted"

    def __repr__(self) -> str:
        return f"<Flips: {self.verdict}. {self.answer()}>"

    def answer(self) -> str:
        """Return what was found, in a few plain sentences."""
        if self.missing:
            return f"Nothing can be decided: {self.missing}."
        anew, back = (
            sum(flip.tenants for flip in self.flips if flip.back is which)
            for which in (False, True)
        )
        total = f"{count(self.tenants, 'tenant')} that both days have"
        found = [f"Of {total}, {anew:,} {'fails' if anew == 1 else 'fail'} anew."]
        if not anew:
            found = [f"There is nothing to explain: none of the {total} fails anew."]
        found += [
            f"{capital(flip.why)}: {count(flip.tenants, 'tenant')} ({listed(flip.named, 3)})."
            for flip in self.flips[:3]
            if not flip.back
        ]
        found += [f"{count(back, 'tenant')} {'works' if back == 1 else 'work'} again."] * bool(back)
        alone = [
            f"{n:,} in the {day} day's"
            for n, day in zip(self.only, ("good", "bad"), strict=True)
            if n
        ]
        found += [f"Tenants in one snapshot alone are left out: {joined(alone)}."] * bool(alone)
        return " ".join(found)

    def to_json(self) -> dict[str, Any]:
        """Return the document `atomlab.compare/1`, that of all tenants."""
        return {
            "schema": "atomlab.compare/1",
            **heads(self.good, self.bad),
            "tenant": None,
            "verdict": self.verdict,
            "answer": self.answer(),
            "differences": counted(self.differences),
            "tenants": self.tenants,
            "only_in": dict(zip(("good", "bad"), self.only, strict=True)),
            "flips": [flip.to_json() for flip in self.flips],
        }


@overload
def compare(
    good: Snapshot,
    bad: Snapshot,
    tenant: str,
    complexity: str = ...,
    *,
    managed: bool | None = ...,
) -> WhatChanged: ...
@overload
def compare(
    good: Snapshot,
    bad: Snapshot,
    tenant: None = ...,
    complexity: str = ...,
    *,
    managed: bool | None = ...,
) -> Flips: ...
def compare(
    good: Snapshot,
    bad: Snapshot,
    tenant: str | None = None,
    complexity: str = "",
    *,
    managed: bool | None = None,
) -> WhatChanged | Flips:
    """Return which difference between a good day and a bad one did it, for a tenant, or for all.

    A request is of `complexity`, all four are looked at if that is empty. Raises InputError for an
    unknown complexity, TenantError for a tenant that one of the snapshots has not, or if no tenant
    is in both.
    """
    kinds = [complexity] if complexity else COMPLEXITIES
    requests = tuple(Request(complexity=kind, managed=managed) for kind in kinds)
    days = read_day(good), read_day(bad)
    return what_changed(*days, tenant, requests) if tenant is not None else flips(*days, requests)


def flips(good: Day, bad: Day, requests: Sequence[Request]) -> Flips:
    """Return the tenants whose outcomes differ, by the differences that did it.

    Raises TenantError if no tenant is in both.
    """
    sites = {False: PlatformsBetween(good, bad)}
    missing = lacking(good, bad)
    pairs, named, only = _pairs(good, bad)
    if not pairs:
        sides = zip((good, bad), only, strict=True)
        numbers = " and ".join(f"{day.snapshot.name} has {number:,}" for day, number in sides)
        raise TenantError(f"no tenant is in both snapshots, of which {numbers}", todo=_OF_ONE)
    found: dict[object, TenantFlip] = {}
    if not missing:
        winners = Winners(good.platform), Winners(bad.platform)
        for pair, tenants in pairs.items():
            for back, kinds in _ways(pair, winners, requests):
                if back not in sites:
                    sites[back] = PlatformsBetween(bad, good)
                days = (bad, good) if back else (good, bad)
                example = what_changed(*days, named[pair][0][0], kinds, sites[back])
                flip = _flip(example, back)
                flip = found.setdefault((back, flip.kinds, flip.why), flip)
                flip.tenants += tenants
                names = (printable(name) for _, name in named[pair])
                flip.named = [*flip.named, *names][:_NAMED]
    return Flips(
        good=good,
        bad=bad,
        sites=sites[False],
        flips=Several(sorted(found.values(), key=lambda flip: (flip.back, -flip.tenants))),
        tenants=sum(pairs.values()),
        only=only,
        missing=missing,
    )


def _pairs(
    good: Day, bad: Day
) -> tuple[Counter[_Pair], dict[_Pair, list[tuple[str, str]]], tuple[int, int]]:
    """Return how many tenants are in each pair of groups, some of them, and how many in none."""
    before = {t.id: group for t, group in Population(good.snapshot, good.platform)}
    pairs: Counter[_Pair] = Counter()
    named: dict[_Pair, list[tuple[str, str]]] = {}
    new = 0
    for tenant, group in Population(bad.snapshot, bad.platform):
        if tenant.id not in before:
            new += 1
            continue
        pair = before[tenant.id], group
        pairs[pair] += 1
        if len(some := named.setdefault(pair, [])) < _NAMED:
            some.append((tenant.id, tenant.called))
    return pairs, named, (len(before) - pairs.total(), new)


def _ways(
    pair: _Pair, winners: tuple[Winners, Winners], requests: Sequence[Request]
) -> list[tuple[bool, list[Request]]]:
    """Return the requests that fail anew, and those that work again, each where there are any."""
    found: dict[bool, list[Request]] = {False: [], True: []}
    asked = tuple(requests)
    before, after = (w.all_of(group, asked) for w, group in zip(winners, pair, strict=True))
    for request, was, became in zip(requests, before, after, strict=True):
        if (was is None) != (became is None):
            found[was is None].append(request)
    return [(back, those) for back, those in found.items() if those]


def _flip(example: WhatChanged, back: bool) -> TenantFlip:
    """Return a flip of no tenant yet, with what did it."""
    brings = [each.brings.first.differences for each in example.requests if each.brings]
    kinds = tuple(each.request.complexity for each in example.requests)
    return TenantFlip(back, kinds, "; ".join(dict.fromkeys(map(in_words, brings))), example)
