"""Replay: recorded requests decided against a snapshot, and what changes to it would flip."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from atomlab.byok.platform import load_platform
from atomlab.byok.ranking import Candidate
from atomlab.diagnosis.assumptions import missing_input
from atomlab.diagnosis.explanation import Cause
from atomlab.diagnosis.population import Population, Winners
from atomlab.evidence.inputs.recorded import BadLines, OnProgress, RecordedRequests
from atomlab.evidence.inputs.rules import COMPLEXITIES
from atomlab.evidence.snapshot import Snapshot
from atomlab.fleets.changes import Change, load_changes, make_changes, read_change
from atomlab.fleets.impacts import Explained, cause_fields
from atomlab.fleets.outcomes import AskedKind, Decided, Decider, Flip, Kinds, Tenants
from atomlab.shown import Shown
from atomlab.text import count, listed, printable
from atomlab.verdicts import Status

if TYPE_CHECKING:
    import pandas as pd

FLIPS: tuple[Flip, ...] = get_args(Flip)
_FAILING = ("id", "name", "subdomain", "complexity", "cause", "provider", "verdict", "requests")
_UNABLE = ("id", "name", "subdomain", "provider", "model", "mode", "requests")
_FLIPPED = ("id", "name", "subdomain", "flip", "requests")
_PAIRS = ("flip", "from", "to", "requests", "tenants")
_CAUSES = ("cause", "provider", "verdict", "requests", "tenants")
Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Replay(Shown):
    """What recorded requests get, and would get with the `changes` made.

    `outcomes` are the kinds of request by case, each decided once; `cause_of` has the root cause
    of those that fail. `bad` are the lines of the file that were skipped, `ignored` its columns
    that were not read; `missing` is what the snapshot lacks to decide, None if nothing.
    """

    snapshot: Snapshot
    file: str
    managed: bool | None
    requests: int
    first_at: datetime | None
    last_at: datetime | None
    bad: Mapping[str, BadLines]
    ignored: Sequence[str]
    outcomes: Sequence[Decided]
    cause_of: Mapping[Decided, Cause | None]
    names: Mapping[str, Mapping[str, str | None]]
    changes: Sequence[Change] = ()
    missing: str | None = None

    @property
    def status(self) -> Status:
        """Whether some request fails (affected), all find a model, or that is undecided."""
        if self.failing_requests:
            return "affected"
        return "undecided" if self.undecided_requests else "healthy"

    @cached_property
    def failing_requests(self) -> int:
        """How many requests find no model."""
        return sum(each.requests for each in self.outcomes if each.fails)

    @cached_property
    def undecided_requests(self) -> int:
        """Of how many requests the snapshot cannot say whether they find one."""
        return sum(each.requests for each in self.outcomes if not each.decided)

    @cached_property
    def unable_requests(self) -> int:
        """How many requests get a model that is no chat model, and will fail."""
        return sum(each.requests for each in self.outcomes if _unable(each))

    @cached_property
    def failing_tenants(self) -> int:
        """How many tenants have a request that finds no model."""
        return len({tenant for each in self.outcomes if each.fails for tenant in each.tenants})

    def by_complexity(self) -> list[Row]:
        """Return one row per complexity that was asked for: requests, failing, undecided."""
        rows = []
        for kind in COMPLEXITIES:
            these = [each for each in self.outcomes if each.request.complexity == kind]
            if these:
                numbers = {
                    "requests": sum(each.requests for each in these),
                    "failing": sum(each.requests for each in these if each.fails),
                    "unable": sum(each.requests for each in these if _unable(each)),
                    "undecided": sum(each.requests for each in these if not each.decided),
                }
                rows.append({"complexity": kind, **numbers})
        return rows

    @cached_property
    def failing(self) -> list[Row]:
        """One row per tenant, complexity and root cause of requests that fail, by id."""
        found: Counter[tuple[Any, ...]] = Counter()
        for each in self.outcomes:
            if each.fails:
                why = cause_fields(self.cause_of[each])
                for tenant, number in each.tenants.items():
                    found[tenant, each.request.complexity, *why] += number
        order = {kind: place for place, kind in enumerate(COMPLEXITIES)}
        rows = sorted(found.items(), key=lambda row: (row[0][0], order[row[0][1]], str(row[0][2:])))
        return self._named(rows, _FAILING)

    @cached_property
    def causes(self) -> list[Row]:
        """One row per root cause of requests that fail, that of the most requests first."""
        requests: Counter[tuple[str, str | None, str]] = Counter()
        tenants: dict[tuple[str, str | None, str], set[str]] = {}
        for each in self.outcomes:
            if each.fails:
                why = cause_fields(self.cause_of[each])
                requests[why] += each.requests
                tenants.setdefault(why, set()).update(each.tenants)
        rows = sorted(requests.items(), key=lambda row: (-row[1], str(row[0])))
        return [_row(_CAUSES, *why, number, len(tenants[why])) for why, number in rows]

    @cached_property
    def unable(self) -> list[Row]:
        """One row per tenant and winner that is no chat model, by id."""
        found: Counter[tuple[Any, ...]] = Counter()
        for each in self.outcomes:
            if _unable(each) and each.before:
                winner = (each.before.provider, each.before.model, each.before.mode)
                for tenant, number in each.tenants.items():
                    found[tenant, *winner] += number
        return self._named(sorted(found.items(), key=lambda row: str(row[0])), _UNABLE)

    @property
    def flips(self) -> dict[Flip, int]:
        """How many requests the changes cure, lose, move to another model, or fail otherwise."""
        numbers = Counter[Flip | None]()
        for each in self.outcomes:
            numbers[each.flip] += each.requests
        return {flip: numbers[flip] for flip in FLIPS}

    @cached_property
    def flipped(self) -> list[Row]:
        """One row per tenant and flip, by id: how many of its requests the changes flip."""
        found: Counter[tuple[Any, ...]] = Counter()
        for each in self.outcomes:
            if flip := each.flip:
                for tenant, number in each.tenants.items():
                    found[tenant, flip] += number
        rows = sorted(found.items(), key=lambda row: (row[0][0], FLIPS.index(row[0][1])))
        return self._named(rows, _FLIPPED)

    @cached_property
    def pairs(self) -> list[Row]:
        """One row per flip and pair of models, null for none, that of the most requests first."""
        requests: Counter[tuple[Flip, str | None, str | None]] = Counter()
        tenants: dict[tuple[Flip, str | None, str | None], set[str]] = {}
        for each in self.outcomes:
            if flip := each.flip:
                pair = flip, _model(each.before), _model(each.after)
                requests[pair] += each.requests
                tenants.setdefault(pair, set()).update(each.tenants)
        rows = sorted(requests.items(), key=lambda row: (-row[1], str(row[0])))
        return [_row(_PAIRS, *pair, number, len(tenants[pair])) for pair, number in rows]

    def failing_frame(self) -> pd.DataFrame:
        """Return `failing` as a frame."""
        return _frame(self.failing, _FAILING)

    def causes_frame(self) -> pd.DataFrame:
        """Return `causes` as a frame."""
        return _frame(self.causes, _CAUSES)

    def flipped_frame(self) -> pd.DataFrame:
        """Return `flipped` as a frame."""
        return _frame(self.flipped, _FLIPPED)

    def pairs_frame(self) -> pd.DataFrame:
        """Return `pairs` as a frame."""
        return _frame(self.pairs, _PAIRS)

    def answer(self) -> str:
        """Return what was found, in a few plain sentences."""
        asked, failing = count(self.requests, "recorded request"), self.failing_requests
        whose = count(self.failing_tenants, "tenant")
        said = [f"{failing:,} of {asked} find no model, of {whose}."]
        if not failing:
            said = [f"Each of {asked} finds a model."]
        if self.undecided_requests:
            decided = self.requests - self.undecided_requests
            said = [f"Of {asked} only {decided:,} can be decided: {self.missing}."]
        if self.causes:
            named = (f"{_cause(row)} ({row['requests']:,})" for row in self.causes)
            said.append(f"By cause: {listed(named, 12)}.")
        if self.unable_requests:
            said.append(f"For {self.unable_requests:,} the winner is not a chat model: they fail.")
        if self.changes:
            said.append(self._flips())
        if self.bad:
            said.append(f"{count(sum(bad.lines for bad in self.bad.values()), 'line')} skipped.")
        return " ".join(said)

    def _flips(self) -> str:
        cured, lost, moved, not_cured = self.flips.values()
        also = f"; {not_cured:,} fail in another way" if not_cured else ""
        return (
            f"The changes cure {cured:,}, take the model from {lost:,}"
            f" and give {moved:,} another one{also}."
        )

    def __repr__(self) -> str:
        return f"<Replay of {printable(self.file)}: {printable(self.answer(), 300)}>"

    def to_json(self) -> Row:
        """Return the document `atomlab.replay/1`."""
        changes = {
            "made": [change.to_json() for change in self.changes],
            "flips": {flip.replace(" ", "_"): number for flip, number in self.flips.items()},
            "tenants": self.flipped,
            "pairs": self.pairs,
        }
        return {
            "schema": "atomlab.replay/1",
            "snapshot": {
                "name": self.snapshot.name,
                "sha256": self.snapshot.sha256,
                "captured_at": self.snapshot.captured_at,
            },
            "status": self.status,
            "answer": self.answer(),
            "missing": self.missing if self.undecided_requests else None,
            "managed": self.managed,
            "file": self.file,
            "first_at": self.first_at and self.first_at.isoformat(),
            "last_at": self.last_at and self.last_at.isoformat(),
            "requests": self.requests,
            "failing": self.failing_requests,
            "failing_tenants": self.failing_tenants,
            "unable": self.unable_requests,
            "undecided": self.undecided_requests,
            "skipped": [{"what": what, **vars(bad)} for what, bad in self.bad.items()],
            "ignored_columns": list(self.ignored),
            "complexities": self.by_complexity(),
            "causes": self.causes,
            "tenants": self.failing,
            "unable_winners": self.unable,
            "changes": changes if self.changes else None,
        }

    def _named(
        self, rows: Iterable[tuple[tuple[Any, ...], int]], columns: Sequence[str]
    ) -> list[Row]:
        return [
            _row(columns, *self.names[tenant].values(), *rest, number)
            for (tenant, *rest), number in rows
        ]


def replay(
    snapshot: Snapshot,
    requests: str | Path,
    with_fix: Sequence[str | Change] = (),
    changes: str | Path | None = None,
    *,
    managed: bool | None = None,
    skip_bad: bool = False,
    progress: OnProgress | None = None,
) -> Replay:
    """Return what the recorded requests of a file get, and would get with changes made.

    `requests` is CSV with a header or JSON lines, gzipped or not: tenant (id, subdomain or exact
    name), complexity, and if need be tools, capability, turn, tokens and at. Each request is
    decided as the tenant's `ai_mode` says, unless `managed` does. `with_fix` are changes as
    `--with-fix` spells them, `changes` is a YAML file of them. A bad line is an error unless
    `skip_bad`: then it is counted. `progress` is given the bytes that were read, and of how many.
    Raises InputError and TenantError.
    """
    platform = load_platform(snapshot.session)
    made = [
        each if isinstance(each, Change) else read_change(each, snapshot, platform, managed)
        for each in with_fix
    ]
    made += load_changes(changes, snapshot, platform, managed) if changes is not None else []
    kinds = Kinds(platform, managed)
    recorded = RecordedRequests(requests, kinds.asked, skip_bad=skip_bad, progress=progress)
    population, winners = Population(snapshot, platform), Winners(platform)
    changed = make_changes(made, snapshot, population, winners)
    tenants = Tenants(snapshot, population, changed.case_of, changed.tenants)
    missing = missing_input(snapshot, platform)
    decider = Decider(winners, changed.winners, missing is not None)
    first_at, last_at = _decide_all(recorded, kinds, tenants, decider)
    return Replay(
        snapshot=snapshot,
        file=recorded.file.name,
        managed=managed,
        first_at=first_at,
        last_at=last_at,
        bad=recorded.bad,
        ignored=recorded.ignored,
        **_found(kinds.outcomes, tenants, Explained(snapshot, platform)),
        changes=made,
        missing=missing,
    )


def _found(outcomes: Sequence[Decided], tenants: Tenants, explained: Explained) -> dict[str, Any]:
    """Return the outcomes, how many requests they are of, why they fail, and for whom."""
    failing = (each for each in outcomes if each.fails)
    return {
        "requests": sum(each.requests for each in outcomes),
        "outcomes": outcomes,
        "cause_of": {each: explained.cause(each.case.before, each.request) for each in failing},
        "names": tenants.names(tenant for each in outcomes for tenant in each.tenants),
    }


def _decide_all(
    recorded: RecordedRequests[tuple[AskedKind, ...]],
    kinds: Kinds,
    tenants: Tenants,
    decider: Decider,
) -> tuple[datetime | None, datetime | None]:
    """Count each request where its kind and case are decided; return the first and last time."""
    cases, place_of, decide = tenants.by_id, kinds.place, decider.decide
    first = last = None
    empty = True
    for line, tenant, asked, tokens, at in recorded:
        case = cases.get(tenant)
        if case is None:
            try:
                known = tenants.id_of_named(tenant)
            except KeyError:
                recorded.refuse("unknown-tenant", line)
                continue
            if known is None:
                recorded.refuse("ambiguous-tenant", line)
                continue
            tenant, case = known, cases[known]
        kind = asked[0] if len(asked) == 1 else asked[place_of(tokens)]
        outcome = kind.outcomes.get(case) or decide(kind, case)
        outcome.requests += 1
        if outcome.is_listed:
            outcome.tenants[tenant] = outcome.tenants.get(tenant, 0) + 1
        if at is not None:
            if first is None or last is None:
                first = last = at
            elif at < first:
                first = at
            elif at > last:
                last = at
        empty = False
    if empty:
        raise recorded.nothing_read()
    return first, last


def _unable(outcome: Decided) -> bool:
    return outcome.before is not None and bool(outcome.before.unable)


def _cause(row: Row) -> str:
    return f"{row['cause']} {row['provider']}" if row["provider"] else str(row["cause"])


def _model(winner: Candidate | None) -> str | None:
    return None if winner is None else winner.model


def _row(columns: Sequence[str], *values: object) -> Row:
    return dict(zip(columns, values, strict=True))


def _frame(rows: Sequence[Row], columns: Sequence[str]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(rows, columns=[*columns])
