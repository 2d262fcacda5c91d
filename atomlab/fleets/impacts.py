"""Impacts: what each tenant meets, diagnosed once for all who are in the same state."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from typing import Any

from atomlab.byok.decisions import decisions_on
from atomlab.byok.platform import Platform
from atomlab.byok.ranking import Candidate, Ranking
from atomlab.byok.request import Request, asked_by
from atomlab.byok.rows import TenantRows
from atomlab.diagnosis.answers import keys_that_serve, same_model, serves
from atomlab.diagnosis.assumptions import missing_input
from atomlab.diagnosis.causes import explain
from atomlab.diagnosis.defects import find_defects
from atomlab.diagnosis.diagnose import RequestDiagnosis
from atomlab.diagnosis.edits import Edit
from atomlab.diagnosis.explanation import Cause, DecidedRequest
from atomlab.diagnosis.fixes import root_fix, serving_all
from atomlab.diagnosis.population import Population, TenantGroup, Winners
from atomlab.diagnosis.sandbox import Sandbox, Subject
from atomlab.evidence.redaction import USABLE, made_up_token
from atomlab.evidence.snapshot import Evidence
from atomlab.shown import Shown
from atomlab.verdicts import Outcome, Status, Verdict

UNEXPLAINED = "unexplained"
_GROUPS = 1024  # of which something is remembered
_OTHER = "placebo-tenant"  # who holds a key that must not help
_MOMENTS = 1000  # at which progress is told
Progress = Callable[[int, int], None]  # is told how many are done, and how many there are


@dataclass(frozen=True, repr=False)
class Failure(Shown):
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


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class Impact(Shown):
    """What the tenants of a group meet: their clients, and the requests that fail, as asked.

    `blank_keys` are the providers whose models win although the key is spaces only, and `unable`
    the winners that are not chat models, by complexity.
    """

    group: TenantGroup
    failures: tuple[Failure, ...]
    blank_keys: tuple[str, ...] = ()
    unable: Mapping[str, Candidate] = field(default_factory=dict)
    decided: bool = True

    @property
    def tenants(self) -> int:
        """How many tenants meet it."""
        return self.group.tenants

    @property
    def clients(self) -> tuple[str, ...]:
        """Their clients, in client order."""
        return self.group.clients

    @property
    def status(self) -> Status:
        """Whether they are affected, healthy or undecided."""
        if not self.decided:
            return "undecided"
        return "affected" if self.failures else "healthy"

    @property
    def cause(self) -> Cause | None:
        """The root cause of the first request that fails, None if none does or none is known."""
        return self.failures[0].cause if self.failures else None

    @property
    def code(self) -> str:
        """The code of that cause, `unexplained` where none is known."""
        return cause_fields(self.cause)[0]

    @property
    def held(self) -> bool:
        """Whether a fix of some failure copies a key that the tenant holds in another row."""
        return any(failure.copies for failure in self.failures)


def cause_fields(cause: Cause | None) -> tuple[str, str | None, Verdict]:
    """Return a cause's code, provider and verdict; `unexplained` where none is known."""
    if cause is None:
        return UNEXPLAINED, None, "inconclusive"
    return cause.code, cause.provider, cause.verdict


def tenants_in(impacts: Iterable[Impact]) -> int:
    """Return how many tenants meet one of these."""
    return sum(impact.tenants for impact in impacts)


def impacts_on(
    evidence: Evidence,
    platform: Platform,
    population: Population,
    requests: Sequence[Request],
    progress: Progress | None = None,
) -> dict[TenantGroup, Impact]:
    """Return the impact on each group.

    What fails for the same clients, and rows that matter, is explained once.
    """
    winners, explained = Winners(platform), Explained(evidence, platform)
    undecidable, asked = missing_input(evidence, platform) is not None, tuple(requests)
    found = {}
    # Those with the same clients after each other: what is ranked for one serves the next.
    ordered = sorted(population.groups, key=lambda group: (group.clients, group.plan or ""))
    for group in _watched(ordered, progress):
        decided = winners.all_of(group, asked)
        failing = [r for r, winner in zip(requests, decided, strict=True) if winner is None]
        failures = explained.failures(group, failing) if failing and not undecidable else ()
        pairs = zip(requests, decided, strict=True)
        unable = {request.complexity: w for request, w in pairs if w and w.unable}
        found[group] = Impact(
            group,
            failures,
            _blank_keys(group, decided),
            unable,
            decided=not (undecidable and failing),
        )
    return {group: found[group] for group in population.groups}


def _watched(groups: Sequence[TenantGroup], progress: Progress | None) -> Iterator[TenantGroup]:
    """Yield each group, and tell progress now and then for how many tenants that was done."""
    total, done, told = sum(group.tenants for group in groups), 0, 0
    for group in groups:
        yield group
        done += group.tenants
        if progress and (done - told) * _MOMENTS >= total:
            progress(done, total)
            told = done


def _blank_keys(group: TenantGroup, winners: Sequence[Candidate | None]) -> tuple[str, ...]:
    """Return the providers that win with a key of spaces only."""
    if "blank" not in group.rows.values():
        return ()
    read, rows = group.manager.looked_up, group.rows
    blank = {client for client in group.clients if rows[read(client, rows)] == "blank"}
    return tuple(dict.fromkeys(w.provider for w in winners if w and w.provider in blank))


# A platform, clients, a plan, and filters that are waived.
_Tried = tuple[Platform, tuple[str, ...], str | None, frozenset[str]]


@dataclass(frozen=True)
class _Seen:
    """A root cause, and who won in each trial on the way to it."""

    cause: Cause | None
    winners: tuple[tuple[_Tried, Candidate | None], ...]


class Explained:
    """Why requests fail, once for each set of clients and rows that matter."""

    def __init__(self, evidence: Evidence, platform: Platform) -> None:
        self._platform, self._lab = platform, Sandbox(evidence, platform)
        self._known: dict[object, tuple[Failure, ...]] = {}
        self._causes: dict[object, list[_Seen]] = {}
        self._plain = _plain_names(platform)
        self._defects = lru_cache(_GROUPS)(lambda group: find_defects(group.rows, platform))
        self._of_group = lru_cache(_GROUPS)(self._sandbox)

    def failures(self, group: TenantGroup, failing: Sequence[Request]) -> tuple[Failure, ...]:
        """Return the failures of a group's requests that find no model."""
        asked = tuple(asked_by(request, group.mode) for request in failing)
        key = self._key(group, asked)
        if key not in self._known:
            self._known[key] = self._explain(group, asked)
        return self._known[key]

    def cause(self, group: TenantGroup, request: Request) -> Cause | None:
        """Return the root cause of one request that finds no model.

        Of another turn it is the same if all that was tried gives the same winners there: prices
        say who wins, never who fails.
        """
        asked = asked_by(request, group.mode)
        if len(self._causes) > _GROUPS:  # those of other groups, or of other kinds of request
            self._causes.clear()
        known = self._causes.setdefault(self._key(group, (replace(asked, turn=0, tokens=0),)), [])
        for seen in known:
            if all(
                same_model(self._winner(tried, asked), winner) for tried, winner in seen.winners
            ):
                return seen.cause
        tried: dict[_Tried, Candidate | None] = {}

        def see(ranking: Ranking, *whom: Any, waived: frozenset[str] = frozenset()) -> None:
            platform, clients, _, plan = whom
            tried[platform, clients, plan, waived] = ranking.winner

        lab = self._of_group(group).watched(see)
        ranking = lab.decide(group.first, asked)
        case = DecidedRequest(ranking, self._defects(group), lab, group.first)
        cause = next(iter(explain(case, root_only=True).causes), None)
        if not ranking.broken:  # else it is not known all that was tried
            known.append(_Seen(cause, tuple(tried.items())))
        return cause

    def _winner(self, tried: _Tried, asked: Request) -> Candidate | None:
        platform, clients, plan, waived = tried
        if platform is self._platform and not waived:
            return decisions_on(platform).winner(clients, asked, plan)
        return self._lab.rank(platform, clients, asked, plan, waived=waived).winner

    def _key(self, group: TenantGroup, asked: tuple[Request, ...]) -> object:
        """Return what the causes of a group's requests depend on."""
        matter = frozenset(
            (name, state)
            for name, state in group.rows.items()
            if name not in self._plain or state not in USABLE
        )
        return group.clients, matter, group.plan if asked[0].managed else None, asked

    def _explain(self, group: TenantGroup, asked: Sequence[Request]) -> tuple[Failure, ...]:
        lab, defects = self._sandbox(group), self._defects(group)
        explained = []
        for request in asked:
            ranking = lab.decide(group.first, request)
            case = DecidedRequest(ranking, defects, lab, group.first)
            explanation = explain(case, root_only=True)
            outcome: Outcome = "fallback" if ranking.fallback else "no-models"
            explained.append(RequestDiagnosis(request, ranking, outcome, explanation, ()))

        @cache
        def keys() -> tuple[str, ...]:
            """Return the providers of which a new key alone serves every kind of request."""
            held = (group.rows, group.clients, group.plan)
            return keys_that_serve(self._platform, *held, asked[0])

        return tuple(_failure(each, explained, group.first, lab, keys) for each in explained)

    def _sandbox(self, group: TenantGroup) -> Sandbox:
        """Return a sandbox of a tenant that holds what the group's do."""
        rules = self._platform.rules
        if rules.keys_from == "environment":
            return self._lab.holding(group.first, self._lab.tenant(group.first))
        tokens = tuple((name, made_up_token(state)) for name, state in group.rows.items())
        rows = TenantRows(rules, {group.first: tokens})
        return self._lab.holding(group.first, Subject(rows, group.plan, group.mode, _OTHER))


def _plain_names(platform: Platform) -> frozenset[str]:
    """Return the names of rows that, while they hold a key, only make their provider's client.

    They are those of providers on the allow-list whose key no other provider reads or declares.
    """
    manager = platform.manager()
    reads = {p.id: {*manager.key_names(p.id)} for p in platform.providers}
    declares = {p.id: p.api_key_env_var or manager.key_name(p.id) for p in platform.providers}

    def own(provider: str) -> set[str]:
        others = [other for other in reads if other != provider]
        shared = {name for other in others for name in (*reads[other], declares[other])}
        return reads[provider] - shared if declares[provider] not in shared else set()

    allowed = platform.rules.llm_providers
    return frozenset(name for provider in reads if provider in allowed for name in own(provider))


def _failure(
    one: RequestDiagnosis,
    failing: Sequence[RequestDiagnosis],
    tenant_id: str,
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
        return next(run, None) or lab.try_edits("", fix.edits, tenant_id, each.request).after

    leaves = tuple(each.request.complexity for each in failing if not serves(made(each)))
    verified = (f for f in one.explanation.fix_sets if f.verified)
    copies = any(edit.copy_from is not None for f in verified for edit in f.edits)
    return Failure(one.request.complexity, cause, fix.edits, leaves, copies)
