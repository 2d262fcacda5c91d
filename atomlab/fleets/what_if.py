"""What if, for all tenants of a snapshot: decided once for all who are in the same state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, overload

from atomlab.byok.platform import load_platform
from atomlab.byok.ranking import Candidate
from atomlab.byok.request import Request
from atomlab.byok.rows import TenantRows
from atomlab.diagnosis.altered import Altered
from atomlab.diagnosis.answers import same_model
from atomlab.diagnosis.assumptions import missing_input
from atomlab.diagnosis.diagnose import asked_of
from atomlab.diagnosis.population import Population, TenantGroup, TenantRow, Winners
from atomlab.diagnosis.what_if import (
    ANOTHER_WINNER,
    NOTHING,
    WhatIf,
    flip_of,
    in_lines,
    in_words,
    what_if_of,
)
from atomlab.errors import InputError
from atomlab.evidence.inputs.environment import Environment
from atomlab.evidence.redaction import made_up_token
from atomlab.evidence.snapshot import Evidence
from atomlab.evidence.steps import StepKind, Steps
from atomlab.shown import Shown
from atomlab.text import count, joined
from atomlab.verdicts import STATUSES, Status, worst_status

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = ("id", "name", "subdomain", "plan", "before", "after", "gained", "lost", "moved")
_Case = tuple[TenantGroup, TenantGroup]
_COUNTED = ("flip", "gain", "lose", "move")


@dataclass(frozen=True, repr=False)
class Turned(Shown):
    """What the tenants of a case get for each request, before and after: statuses and flips.

    `gained` are the kinds of request that find a model only with the changes, `lost` those that
    found one and do no longer (or nobody can tell), `moved` those that get another winner.
    """

    before: Status
    after: Status
    gained: tuple[str, ...]
    lost: tuple[str, ...]
    moved: tuple[str, ...]
    flips: bool


@dataclass(frozen=True, eq=False, repr=False)
class FleetWhatIf(Steps, Shown):
    """All tenants of a snapshot as captured, and with the changes made to every one of them.

    A key that is added or removed is every tenant's, and so is a plan.
    """

    evidence: Evidence
    winners: Winners
    population: Population
    requests: tuple[Request, ...]
    altered: Altered

    def step(self, kind: StepKind, what: str, held: str = "") -> FleetWhatIf:
        """Return the same with one more step; raise InputError, with near names, if it cannot be.

        No key is copied: which one, depends on the tenant.
        """
        if kind == "copy-key":
            what = "a key is copied from row to row of one tenant"
            raise InputError(what, todo="say of which tenant")
        return replace(self, altered=self.altered.step(kind, what, held))

    @property
    def status(self) -> Status:
        """The worst status of a tenant with the changes made."""
        return worst_status([*(turned.after for turned in self._turned.values()), "healthy"])

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many tenants there are, flip, gain a model, lose one, or only move to another."""
        found = Counter[str](tenants=0, **dict.fromkeys(_COUNTED, 0))
        for case, tenants in self._numbers.items():
            turned = self._turned[case]
            found["tenants"] += tenants
            found["flip"] += tenants * turned.flips
            found["gain"] += tenants * bool(turned.gained)
            found["lose"] += tenants * bool(turned.lost)
            found["move"] += tenants * (bool(turned.moved) and not turned.flips)
        return dict(found)

    @cached_property
    def by_status(self) -> dict[str, dict[Status, int]]:
        """How many tenants are affected, undecided and healthy, `before` and `after`."""
        found = {side: dict.fromkeys(STATUSES, 0) for side in ("before", "after")}
        for case, tenants in self._numbers.items():
            found["before"][self._turned[case].before] += tenants
            found["after"][self._turned[case].after] += tenants
        return found

    def rows(self, winners: bool = False) -> Iterator[tuple[TenantRow, Turned]]:
        """Yield each tenant that flips, as they are stored; with `winners` those that only move."""
        turned = self._turned
        chosen = {case for case, t in turned.items() if t.flips or (winners and t.moved)}
        if self._grouped is self.population:
            whose = ((t, (g, g)) for t, g in self.population.members(g for g, _ in chosen))
        else:
            pairs = zip(self.population, self._grouped, strict=True)
            whose = ((tenant, (one, other)) for (tenant, one), (_, other) in pairs)
        yield from ((tenant, turned[case]) for tenant, case in whose if case in chosen)

    def flips(self, winners: bool = False) -> pd.DataFrame:
        """Return a frame with one row per tenant of which a request flips, as they are stored.

        With `winners`, also of those that only get another winner. Columns: `id`, `name`,
        `subdomain`, `plan` (as captured); `before` and `after`, the tenant's status; `gained`,
        the kinds of request that find a model only with the changes, `lost`, those that found one
        and do not, or cannot be decided, with them, and `moved`, those that get another winner
        (each joined by `, `, empty for none).
        """
        import pandas as pd

        rows = [_row(tenant, turned) for tenant, turned in self.rows(winners)]
        return pd.DataFrame(rows, columns=[*_COLUMNS])

    def answer(self) -> str:
        """Return what the changes do, in a few plain sentences."""
        numbers, by = self.counts, self.by_status
        flip, gain, lose, move = (numbers[name] for name in _COUNTED)
        parts = [f"{gain:,} {_do(gain, 'gain')} a model for some request"] if gain else []
        parts += [f"{lose:,} {_do(lose, 'lose')} the model of some request"] if lose else []
        whose = f"{flip:,} of {count(numbers['tenants'], 'tenant')} {_do(flip, 'flip')}"
        ways = f": {joined(parts)}" if parts else ""
        said = [f"{in_words(len(self.altered.steps))} {whose}{ways}."]
        if move:
            said.append(f"{count(move, 'more tenant')} only {_do(move, 'get')} another winner.")
        was, now = (by[side]["affected"] for side in ("before", "after"))
        said.append(f"Affected tenants: {was:,} before, {now:,} after.")
        if undecided := by["after"]["undecided"]:
            missing = missing_input(self.evidence, self.altered.platform)
            said.append(f"{count(undecided, 'tenant')} cannot be decided: {missing}.")
        return " ".join(said)

    def remarks(self) -> list[str]:
        """Return what is easily overlooked of the changes, a sentence each."""
        managed = all(request.managed for request in self.requests)
        if not managed and any(made.kind == "plan" for made in self.altered.steps):
            return ["a plan counts for managed requests only"]
        return []

    def __repr__(self) -> str:
        return in_lines(self, "all tenants")

    def to_json(self, limit: int | None = None) -> dict[str, Any]:
        """Return the document `atomlab.what-if/1` of all tenants, of which at most `limit` flip."""
        listed = [
            dict(zip(_COLUMNS, _row(*row), strict=True)) for row in islice(self.rows(), limit)
        ]
        return {
            "schema": "atomlab.what-if/1",
            "snapshot": {
                "sha256": self.evidence.sha256,
                "captured_at": self.evidence.captured_at,
                "rules": self.winners.platform.rules.name,
            },
            "tenant": None,
            "changes": [made.to_json() for made in self.altered.steps],
            "for_every_tenant": True,
            "status": self.status,
            "answer": self.answer(),
            "remarks": self.remarks(),
            "requests": [request.to_json() for request in self.requests],
            "counts": self.counts,
            "by_status": self.by_status,
            "tenants": listed,
            "left_out": self.counts["flip"] - len(listed),
        }

    @cached_property
    def _grouped(self) -> Population:
        """The tenants by where keys come from with the changes made."""
        if self.altered.platform.rules.keys_from == self.winners.platform.rules.keys_from:
            return self.population
        return Population(self.evidence, self.altered.platform)

    @cached_property
    def _numbers(self) -> Mapping[_Case, int]:
        """How many tenants are in each pair of groups: as captured, and with the changes made."""
        if self._grouped is self.population:
            return {(group, group): group.tenants for group in self.population.groups}
        pairs = zip(self.population, self._grouped, strict=True)
        return Counter((one, other) for (_, one), (_, other) in pairs)

    @cached_property
    def _turned(self) -> dict[_Case, Turned]:
        """What flips for each pair of groups, each decided once."""
        evidence, requests = self.evidence, self.requests
        platforms = self.winners.platform, self.altered.platform
        missing = [missing_input(evidence, platform) is not None for platform in platforms]
        changed, found = Winners(self.altered.platform), {}
        altered = {group: self._with_changes(group) for group in self._grouped.groups}
        for case in self._numbers:
            before = self.winners.all_of(case[0], requests)
            after = changed.all_of(altered[case[1]], requests)
            found[case] = _turned(requests, (before, after), missing)
        return found

    def _with_changes(self, group: TenantGroup) -> TenantGroup:
        rules, manager = self.altered.platform.rules, self.altered.platform.manager()
        tokens = {name: made_up_token(state) for name, state in group.rows.items()}
        held = TenantRows(rules, {group.first: tuple(tokens.items())})
        if rules.keys_from == "environment":
            held = TenantRows(rules, environment=Environment(tokens))
        rows = self.altered.rows(held, group.first).of(group.first)
        states, plan = manager.states_of(rows.items()), self.altered.plan(group.plan)
        return replace(group, rows=states, plan=plan, manager=manager)


def _turned(
    requests: Sequence[Request],
    winners: tuple[Sequence[Candidate | None], Sequence[Candidate | None]],
    missing: Sequence[bool],
) -> Turned:
    """Return what flips between the winners before and after; nobody can tell what is missing."""
    statuses = [
        [_status(winner, lacks) for winner in side]
        for side, lacks in zip(winners, missing, strict=True)
    ]
    kinds = [request.kind for request in requests]
    flips = [
        flip_of(before, after, same_model(one, other))
        for before, after, one, other in zip(*statuses, *winners, strict=True)
    ]

    def those(starts: str, ends: str) -> tuple[str, ...]:
        pairs = zip(kinds, flips, strict=True)
        return tuple(k for k, f in pairs if f.startswith(starts) and f.endswith(ends))

    return Turned(
        worst_status(statuses[0]),
        worst_status(statuses[1]),
        gained=those("", "→ healthy"),
        lost=those("healthy →", ""),
        moved=those(ANOTHER_WINNER, ""),
        flips=any(flip not in (NOTHING, ANOTHER_WINNER) for flip in flips),
    )


def _do(number: int, verb: str) -> str:
    return f"{verb}s" if number == 1 else verb


def _row(tenant: TenantRow, turned: Turned) -> tuple[str | None, ...]:
    kinds = (", ".join(each) for each in (turned.gained, turned.lost, turned.moved))
    return *tenant[:4], turned.before, turned.after, *kinds


def _status(winner: Candidate | None, missing: bool) -> Status:
    if winner is not None:
        return "healthy"
    return "undecided" if missing else "affected"


@overload
def what_if(
    snapshot: Evidence,
    tenant: str,
    requests: Sequence[Request] | None = None,
    *,
    managed: bool | None = None,
) -> WhatIf: ...
@overload
def what_if(
    snapshot: Evidence,
    tenant: None = None,
    requests: Sequence[Request] | None = None,
    *,
    managed: bool | None = None,
) -> FleetWhatIf: ...
@overload
def what_if(
    snapshot: Evidence,
    tenant: str | None,
    requests: Sequence[Request] | None = None,
    *,
    managed: bool | None = None,
) -> WhatIf | FleetWhatIf: ...
def what_if(
    snapshot: Evidence,
    tenant: str | None = None,
    requests: Sequence[Request] | None = None,
    *,
    managed: bool | None = None,
) -> WhatIf | FleetWhatIf:
    """Return what is decided for a tenant, or for all, to which changes can be made in memory.

    Chain them in any order: `.add_key("openai")`, `.remove_key("openai")`, `.plan("enterprise")`,
    `.without_models("minimax/*")`, `.rules("open-source-2026-05")` and, of one tenant,
    `.copy_key("MINIMAX_API_KEY", "MINIMAX_2_7_API_KEY")`, the first from the second. Each returns
    another object; nothing reaches the snapshot. `.flips()` says what flips, `.to_json()` all of
    it; of one tenant `.diagnosis` is the diagnosis with the changes, `.before` that without.
    Requests and `managed` are those of a diagnosis. Raises TenantError, and InputError for a
    change that cannot be made.
    """
    if tenant is not None:
        return what_if_of(snapshot, tenant, requests, managed=managed)
    platform = load_platform(snapshot.session)
    asked = tuple(asked_of(requests, managed))
    population = Population(snapshot, platform)
    altered = Altered(snapshot, platform)
    return FleetWhatIf(snapshot, Winners(platform), population, asked, altered)
