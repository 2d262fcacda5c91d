"""The fleet: which tenants of a snapshot are affected, by which cause, and what would cure them.

Each state that tenants are in is diagnosed once, however many of them share it.
"""

from __future__ import annotations

import gc
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

from atomlab.byok.platform import load_platform
from atomlab.byok.request import Request
from atomlab.diagnosis.case import SnapshotCase
from atomlab.diagnosis.findings import ClaimResult
from atomlab.diagnosis.population import Population, TenantGroup, TenantRow
from atomlab.diagnosis.verify import Verification
from atomlab.evidence.inputs.rules import COMPLEXITIES
from atomlab.evidence.snapshot import Snapshot
from atomlab.fleets.findings import FleetFindings
from atomlab.fleets.impacts import (
    Failure,
    Impact,
    Progress,
    cause_fields,
    impacts_on,
    tenants_in,
)
from atomlab.fleets.summary import summarize_totals
from atomlab.fleets.totals import Totals, totals_of
from atomlab.shown import Listed, Several
from atomlab.text import count, listed, printable
from atomlab.verdicts import Status

_WHY = ("cause", "provider", "verdict", "fix", "cost")
MOST_LISTED = 1000  # tenants in the findings; a report has to hold them
_MOST_NAMED = 100  # as evidence of a cause


@dataclass(frozen=True, kw_only=True, repr=False)
class Fleet(SnapshotCase):
    """The impact on every group of a snapshot's tenants."""

    requests: tuple[Request, ...]
    population: Population
    impact_on: Mapping[TenantGroup, Impact]

    def _facts(self) -> Mapping[str, object]:
        return {
            **super()._facts(),
            "requests": [r.complexity for r in self.requests],
            "tenants": self.by_status(),
        }

    @cached_property
    def impacts(self) -> tuple[Impact, ...]:
        """The impacts, one for each group of tenants that decide alike."""
        return Several(self.impact_on.values())

    @cached_property
    def affected(self) -> tuple[Impact, ...]:
        """Those with a request that finds no model; none where nothing can be decided."""
        return Several(impact for impact in self.impacts if impact.failures)

    @cached_property
    def affected_tenants(self) -> list[tuple[TenantRow, Impact]]:
        """The affected tenants, each with its impact, by id."""
        return Listed(sorted(self.members(_fails), key=lambda each: each[0].id))

    def members(self, which: Callable[[Impact], bool]) -> Iterator[tuple[TenantRow, Impact]]:
        """Yield the tenants that meet one of these impacts, each with it, as they are stored."""
        chosen = {group: impact for group, impact in self.impact_on.items() if which(impact)}
        if chosen:
            for tenant, group in self.population.members(chosen):
                yield tenant, chosen[group]

    def first_affected(self) -> Iterator[tuple[TenantRow, Impact]]:
        """Yield the affected tenants as they are stored, those of whom all fails before others."""
        every = len(self.requests)
        yield from self.members(lambda impact: _fails(impact) and len(impact.failures) == every)
        yield from self.members(lambda impact: 0 < len(impact.failures) < every)

    @cached_property
    def totals(self) -> Totals:
        """How many tenants meet what; those of several shards add up."""
        kinds = [request.complexity for request in self.requests]
        rules = self.platform.rules
        return totals_of(self.impacts, kinds, self.managed, rules, self.missing)

    @property
    def status(self) -> Status:
        """Whether some tenant is affected, all are healthy, or that is undecided."""
        return self.totals.status

    def by_status(self) -> dict[Status, int]:
        """Return the number of tenants that are affected, healthy and undecided."""
        return self.totals.by_status

    def by_cause(self) -> dict[str, list[Impact]]:
        """Return the impacts by the code of their cause, that of most tenants first."""
        found: dict[str, list[Impact]] = defaultdict(list)
        for impact in self.affected:
            found[impact.code].append(impact)
        return dict(sorted(found.items(), key=lambda item: (-tenants_in(item[1]), item[0])))

    @property
    def verification(self) -> Verification:
        """What is claimed, with its verdicts: that tenants are affected, and each cause."""
        return self._verification(
            "Which tenants are affected, and by which cause?",
            "all tenants",
            self.requests,
            self._fails(
                "affected",
                "Tenants of this snapshot find no model.",
                "no model",
                f"{tenants_in(self.affected):,} of {count(tenants_in(self.impacts), 'tenant')}",
            ),
            *(self._claim(code, impacts) for code, impacts in self.by_cause().items()),
        )

    def answer(self) -> str:
        """Return what was found, in a few plain sentences."""
        total = tenants_in(self.impacts)
        tenants = count(total, "tenant")
        if self.status == "undecided":
            undecided = self.by_status()["undecided"]
            whom = tenants if undecided == total else f"{undecided:,} of {tenants}"
            return f"Nothing can be decided for {whom}: {self.missing}."
        return " ".join([self._causes(tenants), *self._blank_keys(), *self._decided_as(tenants)])

    def findings(self) -> FleetFindings:
        """Return the findings on all tenants."""
        where = {
            "sha256": self.snapshot.sha256,
            "captured_at": self.snapshot.captured_at,
            "rules": self.platform.rules.name,
        }
        unable = tenants_in(filter(_gets_unable, self.impacts))
        return FleetFindings.model_validate(
            {
                **self._head(),
                "result": self.status,
                "statuses": self.by_status(),
                "request": {"complexity": ", ".join(r.complexity for r in self.requests)},
                "requests": [request.to_json() for request in self.requests],
                "diagnosis": {"tenant": None, "snapshot": where},
                "summary": summarize_totals(self.totals),
                "warnings": self.platform.pricing.warnings(),
                "tenants": [
                    _affected(tenant, impact, self.requests[0])
                    for tenant, impact in islice(self.first_affected(), MOST_LISTED)
                ],
                "left_out": max(tenants_in(self.affected) - MOST_LISTED, 0),
                "unable": [
                    _winners(tenant, impact)
                    for tenant, impact in islice(self.members(_gets_unable), MOST_LISTED)
                ],
                "unable_left_out": max(unable - MOST_LISTED, 0),
            }
        )

    def _claim(self, code: str, impacts: Sequence[Impact]) -> ClaimResult:
        tenants = tenants_in(impacts)
        confirmed = tenants_in(i for i in impacts if i.cause and i.cause.verdict == "confirmed")
        return ClaimResult(
            code,
            f"{count(tenants, 'tenant')} affected because of {code}.",
            "confirmed" if confirmed == tenants else "inconclusive",
            "the repair removes the error, placebos leave it",
            f"so for {confirmed:,} of {count(tenants, 'tenant')}",
            tuple(map(printable, self.named(code, _MOST_NAMED))),
        )

    def named(self, code: str, most: int) -> list[str]:
        """Return what the first tenants with a cause, by its code, are called."""
        some = islice(self.members(lambda impact: _fails(impact) and impact.code == code), most)
        return [tenant.subdomain or tenant.id for tenant, _ in some]

    def _causes(self, tenants: str) -> str:
        number = f"{tenants_in(self.affected):,} of {tenants}"
        if not self.affected:
            found = f"None of {tenants} is affected: every request that was tried finds a model"
            return f"{found}{self._unable()}."
        causes = (f"{code} ({tenants_in(hit):,})" for code, hit in self.by_cause().items())
        for_all = tenants_in(i for i in self.affected if len(i.failures) == len(self.requests))
        held = tenants_in(impact for impact in self.affected if impact.held)
        return (
            f"No model is found for {number}, for {for_all:,} of them whatever the request"
            f"{self._unable()}. By cause: {listed(causes, 12)}. For {held:,} the missing key is in "
            "another row."
        )

    def _unable(self) -> str:
        """Return the end of a sentence on the tenants that get a model which cannot serve."""
        number = tenants_in(filter(_gets_unable, self.impacts))
        return f"; for {number:,} the winner is not a chat model and will fail" if number else ""

    def _blank_keys(self) -> list[str]:
        """Return a sentence on the tenants that get a model whose calls will fail, if any do."""
        number = tenants_in(impact for impact in self.impacts if impact.blank_keys)
        what = "the winner's key is only spaces: its calls will fail"
        return [f"For {number:,} {what}."] if number else []

    def _decided_as(self, tenants: str) -> list[str]:
        """Return a sentence on whose requests were taken for managed ones, if that matters."""
        modes = self.totals.modes
        return [f"Requests are {how} for {n:,} of {tenants}." for how, n in modes.items()]


@contextmanager
def _no_collection() -> Iterator[None]:
    """Let Python not look for garbage: there is little, among millions of objects that stay."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@_no_collection()
def survey(
    evidence: Snapshot,
    complexity: str = "",
    managed: bool | None = None,
    progress: Progress | None = None,
) -> Fleet:
    """Return the impact on every tenant, for requests of `complexity`, all four if it is empty.

    They are `managed`, or not, or, where that is None, as each tenant's `ai_mode` says. `progress`
    is told of how many tenants, of how many in all, it is known. Raises InputError for an unknown
    complexity.
    """
    complexities = [complexity] if complexity else COMPLEXITIES
    requests = tuple(Request(complexity=c, managed=managed) for c in complexities)
    platform = load_platform(evidence.session)
    population = Population(evidence, platform)
    return Fleet(
        snapshot=evidence,
        platform=platform,
        managed=managed,
        requests=requests,
        population=population,
        impact_on=impacts_on(evidence, platform, population, requests, progress),
    )


def _fails(impact: Impact) -> bool:
    return bool(impact.failures)


def _gets_unable(impact: Impact) -> bool:
    return bool(impact.unable)


def _why(failure: Failure) -> dict[str, Any]:
    values = (*cause_fields(failure.cause), failure.fix, failure.cost)
    return dict(zip(_WHY, values, strict=True))


def _affected(tenant: TenantRow, impact: Impact, request: Request) -> dict[str, Any]:
    return {
        **_named(tenant),
        "plan": tenant.plan_type,
        "managed": request.of_tenant(tenant.ai_mode).managed,
        "status": impact.status,
        "clients": list(impact.clients),
        "failures": [{"complexity": each.complexity, **_why(each)} for each in impact.failures],
    }


def _winners(tenant: TenantRow, impact: Impact) -> dict[str, Any]:
    winners = [
        {"complexity": kind, "provider": w.provider, "model": w.model, "mode": w.mode}
        for kind, w in impact.unable.items()
    ]
    return {**_named(tenant), "status": impact.status, "winners": winners}


def _named(tenant: TenantRow) -> dict[str, Any]:
    return {"id": tenant.id, "name": tenant.name, "subdomain": tenant.subdomain}
