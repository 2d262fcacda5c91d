"""Outcomes: what is decided for recorded requests, once for all that decide alike."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from atomlab.byok.platform import Platform
from atomlab.byok.ranking import Candidate
from atomlab.byok.request import Request
from atomlab.diagnosis.answers import same_model
from atomlab.diagnosis.population import Population, TenantGroup, Winners
from atomlab.evidence.snapshot import Evidence
from atomlab.text import storable

Flip = Literal["cured", "lost", "moved", "not cured"]
_NAMES = "SELECT id, name, subdomain FROM tenants"


@dataclass(frozen=True, eq=False)
class Holding:
    """The tenants of a group, and what they hold with the changes made: the same object if not."""

    before: TenantGroup
    after: TenantGroup


@dataclass(eq=False)
class Decided:
    """What a kind of request gets for the tenants of a case: how many of each tenant.

    `before` and `after` the changes; None is no model, and `decided` false where nobody can tell.
    Tenants are listed where something fails or flips.
    """

    case: Holding
    request: Request
    before: Candidate | None
    after: Candidate | None
    decided: bool = True
    requests: int = 0
    tenants: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unable = self.before is not None and bool(self.before.unable)
        self.is_listed = self.fails or unable or self.flip is not None

    @property
    def fails(self) -> bool:
        """Whether pricing finds no model."""
        return self.before is None and self.decided

    @property
    def flip(self) -> Flip | None:
        """What the changes do to it, None if they leave the model that answers."""
        if not self.decided or same_model(self.before, self.after):
            return None
        serves = [winner is not None and not winner.unable for winner in (self.before, self.after)]
        if serves[0]:
            return "moved" if serves[1] else "lost"
        return "cured" if serves[1] else "not cured"


@dataclass(frozen=True, eq=False)
class AskedKind:
    """A kind of request, and its outcome in each case that was met."""

    request: Request
    outcomes: dict[Holding, Decided] = field(default_factory=dict)


class Kinds:
    """The kinds of request that decide alike on a platform, by what a file says of them.

    A prompt's length counts only in so far as a provider caches its beginning, in later turns, and
    a capability that nothing knows is like any other such.
    """

    def __init__(self, platform: Platform, managed: bool | None) -> None:
        self._managed, rules = managed, platform.rules
        cached = {
            *rules.prompt_cache_min_tokens.values(),
            *rules.prompt_cache_min_tokens_containing.values(),
        }
        self.lengths = sorted(cached)
        listed = (entry.capabilities for entry in platform.catalog.values())
        self._capabilities = {*rules.capability_quality}.union(*listed)
        self._unknown: str | None = None
        self._kinds: dict[Request, AskedKind] = {}

    def asked(
        self, complexity: str, tools: bool, capability: str | None, turn: int
    ) -> tuple[AskedKind, ...]:
        """Return the kind for prompts shorter than all lengths from which any is cached, and so on.

        There is one only for the first turn.
        """
        if capability is not None and capability not in self._capabilities:
            self._unknown = self._unknown or capability
            capability = self._unknown
        lengths = self.lengths if turn else []
        return tuple(
            self._kind(
                Request(
                    complexity,
                    capability=capability,
                    tools=tools,
                    managed=self._managed,
                    turn=int(tokens is not None),
                    tokens=tokens or 0,
                )
            )
            for tokens in (None, *lengths)
        )

    def place(self, tokens: int) -> int:
        """Return which of the kinds for later turns is that of a prompt of this length."""
        return bisect_right(self.lengths, tokens)

    def _kind(self, request: Request) -> AskedKind:
        return self._kinds.setdefault(request, AskedKind(request))

    @property
    def outcomes(self) -> list[Decided]:
        """The outcomes that were met; beside each those of later turns, then of like clients."""
        family: dict[Request, int] = {}

        def likeness(outcome: Decided) -> tuple[int, tuple[str, ...], str, str]:
            first = replace(outcome.request, turn=0, tokens=0)
            group = outcome.case.before
            number = family.setdefault(first, len(family))
            return number, group.clients, group.plan or "", group.first

        found = [each for kind in self._kinds.values() for each in kind.outcomes.values()]
        return sorted(found, key=likeness)


class Decider:
    """Decides a kind of request for a case, before and after the changes."""

    def __init__(self, before: Winners, after: Winners, undecidable: bool) -> None:
        self._before, self._after, self._undecidable = before, after, undecidable

    def decide(self, kind: AskedKind, case: Holding) -> Decided:
        """Return the outcome, which `kind` keeps."""
        asked = kind.request
        before = after = self._before.of(case.before, asked)
        if case.after is not case.before or self._after is not self._before:
            after = self._after.of(case.after, asked)
        decided = before is not None or not self._undecidable
        outcome = kind.outcomes[case] = Decided(case, asked, before, after, decided)
        return outcome


class Tenants:
    """A snapshot's tenants with their cases, by id, subdomain or exact name."""

    def __init__(
        self,
        evidence: Evidence,
        population: Population,
        cases: Mapping[TenantGroup, Holding],
        changed: Mapping[str, TenantGroup],
    ) -> None:
        self._evidence = evidence
        self.by_id = {tenant.id: cases[group] for tenant, group in population}
        for tenant_id, after in changed.items():
            self.by_id[tenant_id] = Holding(self.by_id[tenant_id].before, after)
        self._by_name: dict[str, str | None] | None = None

    def id_of_named(self, text: str) -> str | None:
        """Return the id of the tenant with this subdomain or name, None if several have it.

        Raises KeyError if none has.
        """
        if self._by_name is None:
            self._by_name = self._named()
        return self._by_name[storable(text)]

    def _named(self) -> dict[str, str | None]:
        found: dict[str, str | None] = {}
        for tenant_id, *names in self._evidence.select(_NAMES):
            for name in filter(None, names):
                known = found.setdefault(name, tenant_id)
                if known != tenant_id:
                    found[name] = None
        return found

    def names(self, ids: Iterable[str]) -> dict[str, dict[str, str | None]]:
        """Return id, name and subdomain of these tenants, by id."""
        wanted = {*ids}
        rows = self._evidence.select(f"{_NAMES} ORDER BY id") if wanted else ()
        return {
            row[0]: dict(zip(("id", "name", "subdomain"), row, strict=True))
            for row in rows
            if row[0] in wanted
        }
