"""A comparison: which of a tenant's fixes should be made, for a request that has to work."""

from __future__ import annotations

from dataclasses import dataclass

from atomlab.byok.request import Request
from atomlab.diagnosis.answers import unable
from atomlab.diagnosis.case import TenantCase
from atomlab.diagnosis.diagnose import diagnose
from atomlab.diagnosis.edits import CODE_CHANGE, Who
from atomlab.diagnosis.findings import ClaimResult, Summary, TenantFindings
from atomlab.diagnosis.options import Option, compare_options
from atomlab.diagnosis.summary import NOTHING_LEFT, TURN
from atomlab.diagnosis.verify import Verification
from atomlab.errors import InputError
from atomlab.evidence.snapshot import Snapshot
from atomlab.text import count, joined, printable


@dataclass(frozen=True, kw_only=True, repr=False)
class Comparison(TenantCase):
    """A tenant's options side by side, and the diagnosis of the request that has to work."""

    options: tuple[Option, ...]

    @property
    def request(self) -> str:
        """The request that has to work, named as the options name requests."""
        return self.shown.request.kind

    @property
    def curing(self) -> tuple[Option, ...]:
        """The options that cure the request."""
        return tuple(option for option in self.options if self.request in option.cures)

    @property
    def best(self) -> Option | None:
        """The cheapest option that cures the request and touches no other tenant, if any.

        Of equally cheap ones it is the one that cures most.
        """
        harmless = (option for option in self.curing if not option.touched)
        return min(
            harmless,
            key=lambda option: (option.cost, bool(option.breaks), -len(option.cures)),
            default=None,
        )

    @property
    def verification(self) -> Verification:
        """What is claimed, with its verdicts: that the request fails, and that the fix is best."""
        title = f"Which fix should be made for {self.tenant_name}?"
        statement = f"{self.request.capitalize()} requests of the tenant find no model."
        seen = self.shown.ranking.summary()
        error = self._fails("error", statement, "the error", seen)
        return self._verification(title, self.short_name, [self.shown.request], error, self._fix())

    def answer(self) -> str:
        """Return what was found, in a few plain sentences."""
        who = f"{self.request} requests of {self.tenant_name}"
        if self.status == "undecided":
            return f"Nothing can be decided for {who}: {self.missing}."
        found = self._served(who) if self.status == "healthy" else self._compared(who)
        return f"{found} {self._decided_as()}".rstrip()

    def summary(self) -> Summary:
        """Return the summary, with the best option for the fix."""
        found, best = super().summary(), self.best
        if self.status != "affected":
            return found
        number = f"Of {count(len(self.options), 'option')} that were run"
        if best is None:
            none = f"{number}, none helps {self.request} requests without touching other tenants."
            return found.model_copy(
                update={"todo": none, "who": "", "actor": None, "left": "", "unserved": ()}
            )
        name = printable(best.name, 200)
        left = []
        if best.leaves:
            left.append(f"{joined(best.leaves).capitalize()} requests stay broken; they need more.")
        if best.breaks:
            left.append(f"{joined(best.breaks).capitalize()} requests, which work now, then fail.")
        who = _who(best)
        update = {
            "who": TURN[who],
            "actor": who,
            "todo": f"{name[:1].upper()}{name[1:]}. {number}, it is the one of least effort that "
            f"makes {self.request} requests work and changes nothing for other tenants.",
            "left": " ".join(left) or NOTHING_LEFT,
            "unserved": (*best.leaves, *best.breaks),
            "fix": name,
        }
        return found.model_copy(update=update)

    def findings(self) -> TenantFindings:
        """Return the findings, with one element of `options` each."""
        return self._findings(self.shown.explanation.trials, self.options)

    def _served(self, who: str) -> str:
        if cannot := unable([self.shown.ranking]):
            return f"{who[:1].upper()}{who[1:]} find a model, but {cannot}."
        return f"Nothing has to be fixed: {who} find a model."

    def _compared(self, who: str) -> str:
        best, number = self.best, count(len(self.options), "option")
        if best is None:
            return f"None of {number} cures {who} without touching other tenants."
        rest = f", but leaves {', '.join(best.leaves)} requests failing" if best.leaves else ""
        touching = sum(bool(option.touched) for option in self.options)
        return (
            f"The best fix: {_with_cost(best)}. It cures {who} and touches no other tenant{rest}. "
            f"Of {number}, {len(self.curing)} would cure the request, and {touching} would touch "
            "other tenants."
        )

    def _fix(self) -> ClaimResult:
        claim = ("fix", "A fix cures it and touches no other tenant.")
        if self.best:
            return ClaimResult(*claim, "confirmed", "one that was run", _with_cost(self.best))
        if self.status == "undecided":
            return ClaimResult(*claim, "inconclusive", "one that was run", self.missing or "")
        none = f"none of {count(len(self.options), 'option')} does"
        return ClaimResult(*claim, "refuted", "one that was run", none)


def compare(
    snapshot: Snapshot,
    tenant: str,
    complexity: str = "moderate",
    *,
    tools: bool = False,
    others: int | None = None,
    managed: bool | None = None,
) -> Comparison:
    """Return the comparison of `tenant`'s options for the request that has to work.

    Beside each request's easiest fix and the code fallback it holds `others`, all if not given.
    Raises TenantError, or InputError for an unknown complexity or fewer than no others.
    """
    if others is not None and others < 0:
        raise InputError(f"{others} other options cannot be tried", todo="give 0 or more")
    request = Request(complexity=complexity, tools=tools, managed=managed)
    diagnosis = diagnose(snapshot, tenant, [request])
    return Comparison(
        snapshot=snapshot,
        platform=diagnosis.platform,
        managed=managed,
        diagnosis=diagnosis,
        options=tuple(compare_options(snapshot, diagnosis.tenant.id, others, managed)),
    )


def _who(option: Option) -> Who:
    """Return who has to make the option: a row is the tenant's, code that of engineering."""
    if option.kind == "data":
        return "tenant"
    return "engineering" if option.cost >= CODE_CHANGE else "operator"


def _with_cost(option: Option) -> str:
    return f"{printable(option.name, 200)} (cost {option.cost})"
