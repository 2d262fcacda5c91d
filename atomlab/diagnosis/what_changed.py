"""What changed for a tenant between a good day and a bad one, and which of it did it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from atomlab.byok.request import Request
from atomlab.diagnosis.change_case import ChangeCase
from atomlab.diagnosis.changed_requests import ChangedRequest, explained
from atomlab.diagnosis.days_between import (
    Day,
    DaysBetween,
    PlatformsBetween,
    held_by,
    lacking,
)
from atomlab.diagnosis.diagnose import diagnose
from atomlab.diagnosis.differences import Difference, counted
from atomlab.errors import TenantError
from atomlab.evidence.schema import Tenant
from atomlab.evidence.tenants import tenant_id
from atomlab.shown import Several, Shown
from atomlab.text import capital, count, grouped, joined, listed, printable
from atomlab.verdicts import Verdict, worst_verdict


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class WhatChanged(Shown):
    """What differs for one tenant between two days, and which of it did it, request by request."""

    good: Day
    bad: Day
    tenant: Tenant
    differences: tuple[Difference, ...]
    requests: tuple[ChangedRequest, ...]
    managed: bool | None = None

    @property
    def verdict(self) -> Verdict:
        """Whether it is shown what did it: refuted where nothing failed anew."""
        found = [each.verdict for each in self.requests if each.verdict]
        return worst_verdict(found) if found else "refuted"

    @cached_property
    def idle(self) -> dict[str, int]:
        """The differences that are in no set that is shown, counted by kind."""
        matter = {id(each) for one in self.requests for each in one.members}
        return counted(each for each in self.differences if id(each) not in matter)

    def __repr__(self) -> str:
        return f"<WhatChanged: {self.verdict}. {self.answer()}>"

    def answer(self) -> str:
        """Return what was found, in a few plain sentences."""
        who = printable(self.tenant.called)
        if undecided := self._undecided():
            return f"Nothing can be decided for {who}: {undecided}."
        sentences = [*self._causes(who)] or [self._nothing(who)]
        return " ".join([*sentences, *self.remarks()])

    def remarks(self) -> list[str]:
        """Return whose values could not be compared, and what does and does not depend on that."""
        unsure = [each.name for each in self.differences if each.change == "may have changed"]
        if not unsure:
            return []
        why = "one value has many ciphertexts"
        if self.good.key_id != self.bad.key_id:
            why = "the fingerprints were made under different keys"
        whose = f"Whether {listed(unsure, 3)} holds the same value on both days is inconclusive"
        rests = (
            "a model is found, or not, by the state of a value, which is the same on both; whether "
            "the provider accepts it depends on the value"
        )
        return [f"{whose}: {why}. What depends on it is, too: {rests}."]

    def case(self) -> ChangeCase:
        """Return the case of the bad day, whose findings say what did it."""
        requests = [each.request for each in self.requests]
        diagnosis = diagnose(self.bad.snapshot, self.tenant.id, requests, self.bad.platform)
        return ChangeCase(
            snapshot=self.bad.snapshot,
            platform=self.bad.platform,
            managed=self.managed,
            diagnosis=diagnosis,
            changed=self.requests,
            said=self.answer(),
            compared=self.to_json(),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the document `atomlab.compare/1`."""
        return {
            "schema": "atomlab.compare/1",
            **heads(self.good, self.bad),
            "tenant": {
                "id": self.tenant.id,
                "name": self.tenant.name,
                "subdomain": self.tenant.subdomain,
            },
            "verdict": self.verdict,
            "answer": self.answer(),
            "differences": counted(self.differences),
            "idle": self.idle,
            "remarks": self.remarks(),
            "requests": [each.to_json() for each in self.requests],
        }

    def _undecided(self) -> str:
        """Return why nothing is decided, with the day; empty if something is."""
        if all("undecided" not in each.statuses for each in self.requests):
            return ""
        return lacking(self.good, self.bad)

    def _causes(self, who: str) -> Iterable[str]:
        """Yield a sentence for each answer, with the kinds of request that it is the same for."""
        anew = [each for each in self.requests if each.brings]
        alike = grouped((each.sentences(), each.request.complexity) for each in anew)
        for sentences, kinds in alike.items():
            whose = f"{capital(joined(kinds))} requests of {who}"
            yield f"{whose} work on the good day and fail on the bad one."
            yield from sentences
        both = [r.request.complexity for r in self.requests if {*r.statuses} == {"affected"}]
        if alike and both:
            yield f"{capital(joined(both))} requests fail on both days."

    def _nothing(self, who: str) -> str:
        """Return that no difference explains anything, and why."""
        nothing = "There is nothing to explain"
        ways = {each.statuses for each in self.requests}
        if ways == {("healthy", "healthy")}:
            how = f"every request of {who} that was tried finds a model on both days"
        elif ways == {("affected", "affected")}:
            how = f"requests of {who} find no model on either day; atomlab diagnose says why"
        elif ("affected", "healthy") in ways:
            how = f"requests of {who} that fail on the good day find a model on the bad one"
            return f"{nothing} this way round: {how}. Swap the snapshots to see what did that."
        else:
            how = f"no request of {who} that works on the good day fails on the bad one"
        number = len(self.differences)
        differ = (
            f"The days differ in {count(number, 'thing')}, but none of it makes a request fail."
        )
        return f"{nothing}: {how}. {differ if number else 'Nothing differs.'}"


def heads(good: Day, bad: Day) -> dict[str, Any]:
    """Return which snapshots were compared, as every document says it."""
    days = {"good": good, "bad": bad}
    return {
        name: {
            "name": printable(day.snapshot.name),
            "sha256": day.snapshot.sha256,
            "captured_at": day.snapshot.captured_at,
            "rules": day.platform.rules.name,
        }
        for name, day in days.items()
    } | {"comparable_values": good.key_id == bad.key_id}


def find_in_both(good: Day, bad: Day, name: str) -> Tenant:
    """Return the tenant that goes by the name on the bad day, or else on the good one.

    It is the same on both by its id, whatever it is called. Raises TenantError, also where only
    one day has it.
    """
    try:
        tenant = bad.snapshot.tenant(name)
    except TenantError as error:
        own = _id_of(good, name)
        if error.matches or own is None:
            raise
        if _id_of(bad, own) != own:
            raise _only_one(name, "good", good) from None
        return bad.snapshot.tenant(own)  # it has been renamed
    if _id_of(good, tenant.id) != tenant.id:
        other = _id_of(good, name)
        raise _only_one(name, "bad", bad) if other is None else _two(name, other, tenant.id)
    return tenant


def what_changed(
    good: Day,
    bad: Day,
    name: str,
    requests: Sequence[Request],
    sites: PlatformsBetween | None = None,
) -> WhatChanged:
    """Return which differences between the days did it for the tenant, for each request.

    Raises TenantError for a tenant that one of the days has not, or not alone.
    """
    tenant = find_in_both(good, bad, name)
    between = DaysBetween(
        sites or PlatformsBetween(good, bad),
        held_by(good, tenant.id),
        held_by(bad, tenant.id),
        comparable=good.key_id == bad.key_id,
    )
    return WhatChanged(
        good=good,
        bad=bad,
        tenant=tenant,
        differences=between.differences,
        requests=Several(explained(good, bad, between, request) for request in requests),
        managed=requests[0].managed,
    )


def _id_of(day: Day, name: str) -> str | None:
    return tenant_id(day.snapshot.session, name)


def _only_one(name: str, which: str, day: Day) -> TenantError:
    what = f"the tenant {name!r} is in the snapshot of the {which} day alone"
    return TenantError(f"{what} ({day.snapshot.name})", todo="give two snapshots that hold it")


def _two(name: str, good: str, bad: str) -> TenantError:
    what = f"{name!r} is one tenant on the good day ({good}) and another on the bad one ({bad})"
    return TenantError(what, todo="give the id of one that both days have")
