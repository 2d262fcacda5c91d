"""Impacts: what each tenant meets, diagnosed once for all who are in the same state."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import islice

from atomlab.byok.platform import Platform
from atomlab.byok.ranking import Candidate, Ranking
from atomlab.byok.request import Request
from atomlab.diagnosis.answers import keys_that_serve, serves
from atomlab.diagnosis.assumptions import missing_input
from atomlab.diagnosis.causes import explain
from atomlab.diagnosis.defects import find_defects
from atomlab.diagnosis.diagnose import RequestDiagnosis
from atomlab.diagnosis.edits import Edit
from atomlab.diagnosis.explanation import Cause, DecidedRequest
from atomlab.diagnosis.fixes import root_fix, serving_all
from atomlab.diagnosis.population import TenantGroup, distinct_states
from atomlab.diagnosis.sandbox import Sandbox
from atomlab.evidence.schema import Tenant
from atomlab.evidence.snapshot import Evidence
from atomlab.verdicts import Outcome, Status

# A sandbox remembers what it decided; a new one now and then forgets it.
_STATES_PER_SANDBOX = 200


@dataclass(frozen=True)
class Failure:
    """A kind of request that finds no model, and its root cause, None if no deviation explains it.

    `edits` are the easiest fix that was run and helped, empty if none did, and `leaves` the kinds
    of request that they do not cure; `copies` says whether any fix that helped copies a key.
    """

    complexity: str
    cause: Cause | None
    edits: tuple[Edit, ...]
    leaves: tuple[str, ...] = ()
    copies: bool = False

    @property
    def fix(self) -> str | None:
        """The edits in words, None if there are none."""
        return " and ".join(map(str, self.edits)) or None

    @property
    def cost(self) -> int | None:
        """What the edits cost together, None if there are none."""
        return sum(edit.cost for edit in self.edits) or None

    @property
    def held(self) -> bool:
        """Whether the tenant holds the missing key already, in another row."""
        return [edit.copy_from is not None for edit in self.edits] == [True]


@dataclass(frozen=True)
class Impact:
    """What a tenant meets: its clients, and the requests that fail, in the order asked.

    `blank_keys` are the providers whose models win although the key is spaces only, and `unable`
    the winners that are not chat models, by complexity.
    """

    tenant: Tenant
    clients: tuple[str, ...]
    failures: tuple[Failure, ...]
    blank_keys: tuple[str, ...] = ()
    unable: Mapping[str, Candidate] = field(default_factory=dict)
    decided: bool = True

    @property
    def status(self) -> Status:
        """Whether the tenant is affected, healthy or undecided."""
        if not self.decided:
            return "undecided"
        return "affected" if self.failures else "healthy"

    @property
    def cause(self) -> Cause | None:
        """The root cause of the first request that fails, None if none does or none is known."""
        return self.failures[0].cause if self.failures else None

    @property
    def held(self) -> bool:
        """Whether a fix of some failure copies a key that the tenant holds in another row."""
        return any(failure.copies for failure in self.failures)


def impacts_on(
    evidence: Evidence, platform: Platform, requests: Sequence[Request]
) -> Iterator[Impact]:
    """Yield the impact on each tenant; each state is diagnosed once."""
    waiting, missing = distinct_states(evidence, platform), missing_input(evidence, platform)
    while some := list(islice(waiting, _STATES_PER_SANDBOX)):
        lab = Sandbox(evidence, platform)
        for group in some:
            decided = [group.decide(platform, request) for request in requests]
            yield from _impacts(group, decided, lab, undecidable=missing is not None)


def _impacts(
    group: TenantGroup, decided: Sequence[Ranking], lab: Sandbox, *, undecidable: bool
) -> Iterator[Impact]:
    """Yield the impact on each tenant; `undecidable` is a request that finds no model."""
    failing = [ranking for ranking in decided if not len(ranking.order)]
    explained = [] if undecidable else [_explained(group, each, lab) for each in failing]

    @cache
    def keys() -> tuple[str, ...]:
        """Return the providers of which a new key alone serves every kind of request."""
        held = (group.rows, group.lookups.clients, group.plan)
        return keys_that_serve(lab.platform, *held, failing[0].request)

    failures = tuple(_failure(each, explained, group, lab, keys) for each in explained)
    winners = {r.request.complexity: r.winner for r in decided if r.winner}
    unable = {kind: winner for kind, winner in winners.items() if winner.unable}
    blank = {look.provider for look in group.lookups if look.client and look.state == "blank"}
    blank_keys = dict.fromkeys(w.provider for w in winners.values() if w.provider in blank)
    clients, known = group.lookups.clients, not (undecidable and failing)
    for tenant in group.tenants:
        yield Impact(tenant, clients, failures, tuple(blank_keys), unable, known)


def _explained(group: TenantGroup, ranking: Ranking, lab: Sandbox) -> RequestDiagnosis:
    defects = find_defects(group.rows, lab.platform)
    explanation = explain(DecidedRequest(ranking, defects, lab, group.tenants[0].id))
    outcome: Outcome = "fallback" if ranking.fallback else "no-models"
    return RequestDiagnosis(ranking.request, ranking, outcome, explanation, ())


def _failure(
    one: RequestDiagnosis,
    failing: Sequence[RequestDiagnosis],
    group: TenantGroup,
    lab: Sandbox,
    keys: Callable[[], Sequence[str]],
) -> Failure:
    fix = root_fix(one, failing)
    if fix is not None:
        fix = serving_all(fix, failing, keys)
    cause = next(iter(one.explanation.causes), None)
    if fix is None:
        return Failure(one.request.complexity, cause, ())

    def made(each: RequestDiagnosis) -> Ranking:
        """Return the decision with these edits, even if the request needs fewer."""
        run = (f.after for f in each.explanation.fix_sets if f.edits == fix.edits)
        tenant = group.tenants[0].id
        return next(run, None) or lab.try_edits("", fix.edits, tenant, each.request).after

    leaves = tuple(each.request.complexity for each in failing if not serves(made(each)))
    verified = (f for f in one.explanation.fix_sets if f.verified)
    copies = any(edit.copy_from is not None for f in verified for edit in f.edits)
    return Failure(one.request.complexity, cause, fix.edits, leaves, copies)
