"""Facts: what the findings of one case say, each statement with the evidence that it rests on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from atomlab.errors import NO_MODELS
from atomlab.postmortem.cases import Case
from atomlab.postmortem.evidence import HASH_SHOWN, Evidence, Statement
from atomlab.postmortem.schema import Cause, Diagnosed, Repaired
from atomlab.show.words import describe_answer
from atomlab.text import count, listed, printable
from atomlab.verdicts import CAUSES

# A row of a table: each cell a text, a statement, or several.
Row = tuple[Statement | str | list[Statement], ...]

_FILTERED = "the filter {code} rejects models of {provider} that the tenant could reach"
_ROLES = {
    "sole": "Its repair removes the error, and nothing else does.",
    "one-of-k": "Its repair alone removes the error; other repairs would, too.",
    "joint": "Its repair removes the error only together with that of another cause.",
    None: "No change that was run repairs it.",
}
NOT_RECORDED = "not recorded in this findings file"


@dataclass(frozen=True)
class Facts:
    """One case as a postmortem tells it."""

    case: Case
    among: bool = False  # whether the document tells other cases as well

    @property
    def who(self) -> str:
        """The tenant, by name and subdomain."""
        tenant = self.case.tenant
        return f"{printable(tenant.name)} ({printable(tenant.subdomain or tenant.id)})"

    @property
    def heading(self) -> str:
        """The tenant and the snapshot: what tells this case from the others."""
        return f"{self.who}, snapshot {printable(self.case.found.snapshot.name)}"

    @property
    def label(self) -> str:
        """The tenant, with the snapshot where there are other cases."""
        return self.heading if self.among else self.who

    @property
    def served(self) -> bool:
        """Whether the request that was asked about finds a model."""
        return self.case.found.diagnosis.diagnoses[self.case.asked].winner is not None

    @property
    def ending(self) -> str:
        """What the way through the platform ends in, for the request that is shown."""
        if self.shown.winner:
            return "the chosen model"
        return "the fallback's answer" if self.shown.fallback else "the error"

    def cite(self, pointer: str, says: str) -> Evidence:
        """Return the finding at a JSON Pointer as evidence."""
        sha256 = self.case.found.snapshot.sha256
        return Evidence(f"{self.case.file}#{pointer}", says, sha256[:HASH_SHOWN])

    def snapshot(self) -> Evidence:
        """Return the snapshot as evidence, with how much it holds."""
        found = self.case.found.snapshot
        tables = found.manifest.get("tables") or {}
        held = ", ".join(
            count(tables[name]["rows"], noun)
            for name, noun in (("tenants", "tenant"), ("pricing", "model"))
            if name in tables
        )
        says = f"snapshot {printable(found.name)}{f': {held}' if held else ''}"
        return self.cite("/snapshot", says)

    def diagnosis(self, place: int) -> Evidence:
        """Return the evidence of a diagnosed request's outcome."""
        diagnosed = self.case.found.diagnosis.diagnoses[place]
        total = diagnosed.funnel[0].entering if diagnosed.funnel else 0
        usable = f"{diagnosed.candidates:,} of {count(total, 'model')} usable"
        rejected = _rejected(diagnosed)
        # One filter alone rejects all that are not usable, which is said already.
        told = ", ".join([usable, *(rejected if len(rejected) > 1 else ())])
        says = f"{self.who}, {diagnosed.request.kind} request: {told}"
        return self.cite(f"/diagnosis/diagnoses/{place}", says)

    def summary(self) -> Statement:
        """Return the findings' own answer; among others it says which they are."""
        found = self.case.found
        cites = [self.diagnosis(self.case.asked), *self._named_in(found.answer)]
        if found.verification.claims:
            confirmed = sum(c.verdict == "confirmed" for c in found.verification.claims)
            says = f"{confirmed} of {count(len(found.verification.claims), 'claim')} confirmed"
            cites.append(self.cite("/verification/claims", says))
        if found.repaired:
            cites.append(self.repaired(found.repaired))
        else:  # what options cost and how many there are stands nowhere else in so few words
            cites.append(self.cite("/answer", found.answer))
        answer = f"{self.heading}: {found.answer}" if self.among else found.answer
        return Statement(answer, tuple(cites))

    def _named_in(self, answer: str) -> Iterator[Evidence]:
        """Yield the causes of the request that is explained, as far as the answer names them."""
        explained = self._explained()
        for place, cause in enumerate(explained.causes if explained else ()):
            if explained and f"{cause.code} ({cause.verdict})" in answer:
                yield self._cause(explained, place)

    def repaired(self, repaired: Repaired) -> Evidence:
        """Return the evidence of what the fix cures, and what it does not."""
        cured, left = listed(repaired.cured) or "nothing", listed(repaired.not_cured) or "nothing"
        return self.cite("/repaired", f"with the fix made: cured {cured}; not cured {left}")

    def failing(self) -> Statement:
        """Return which kinds of request fail for the tenant."""
        places = self._places(self.case.failing)
        kinds = ", ".join(d.request.kind for d in self.case.failing)
        total = len(self.case.found.diagnosis.diagnoses)
        told = f"{self.label}: {len(places)} of {count(total, 'kind')} of request"
        text = f"{told} find no model ({kinds})." if places else f"{told} find no model."
        if total == 1:
            (only,) = self.case.found.diagnosis.diagnoses
            text = (
                f"{self.label}: {only.request.kind} requests find {'no' if places else 'a'} model."
            )
        if any(d.outcome == "inconclusive" for d in self.case.found.diagnosis.diagnoses):
            text = f"{self.label}: nothing can be decided."
        return Statement(text, tuple(map(self.diagnosis, range(total))))

    def others(self) -> Statement | None:
        """Return how many tenants of the snapshot get the same error, whatever its cause."""
        found = self.case.found
        if not found.recorded("affected"):
            return Statement(f"How many get this error is {NOT_RECORDED}.")
        asked = found.diagnosis.diagnoses[self.case.asked].request.complexity
        for place, seen in enumerate(found.affected):
            if seen.complexity == asked:
                told = f"{seen.failing:,} of {count(seen.tenants, 'tenant')}"
                says = f"{told} find no model for {asked} requests; the findings name them"
                failing = any(d.request.complexity == asked for d in self.case.failing)
                whether = "included" if failing else "not among them"
                text = (
                    f"In the snapshot {printable(found.snapshot.name)}, {told} get this error for"
                    f" {asked} requests, {self.who} {whether}. Their causes were not compared here."
                )
                return Statement(text, (self.cite(f"/affected/{place}", says),))
        return None

    def roots(self) -> list[Statement]:
        """Return the root cause of each request that fails, once for each role that it plays.

        Beside it, where that is another's, what part the cause of the request that was asked
        about plays in it.
        """
        root = self._explained()
        asked = _identity(root.causes[0]) if root else None
        alike: dict[object, list[tuple[Diagnosed, int]]] = {}
        for diagnosed in self.case.failing:
            for place, cause in enumerate(diagnosed.causes):
                if place == 0 or _identity(cause) == asked:
                    alike.setdefault((*_identity(cause), cause.role, cause.verdict), []).append(
                        (diagnosed, place)
                    )
        told = []
        for found in alike.values():
            diagnosed, place = found[0]
            role, verdict = diagnosed.causes[place].role, diagnosed.causes[place].verdict
            kinds = ", ".join(d.request.kind for d, _ in found)
            text = f"{self.label}, {kinds} requests: {meaning(diagnosed.causes[place])}."
            cites = tuple(self._cause(*each) for each in found)
            told.append(Statement(f"{text} {_ROLES[role]} Verdict: {verdict}.", cites))
        return told

    def root_evidence(self) -> list[Statement]:
        """Return what was observed of the root cause."""
        diagnosed = self._explained()
        if diagnosed is None:
            return []
        cited = self._cause(diagnosed, 0)
        return [Statement(_sentence(seen), (cited,)) for seen in diagnosed.causes[0].evidence]

    def contributing(self) -> list[Statement]:
        """Return the other causes, each with the requests that it plays a part in."""
        roots = {_identity(d.causes[0]) for d in self.case.failing if d.causes}
        alike: dict[object, list[tuple[Diagnosed, int]]] = {}
        for diagnosed in self.case.failing:
            for place, cause in enumerate(diagnosed.causes):
                if _identity(cause) not in roots:
                    same = (*_identity(cause), cause.evidence)
                    alike.setdefault(same, []).append((diagnosed, place))
        told = []
        for found in alike.values():
            diagnosed, place = found[0]
            cause = diagnosed.causes[place]
            which = f"For {', '.join(d.request.kind for d, _ in found)} requests of {self.label}"
            text = f"{which}: {meaning(cause)} ({listed(cause.evidence)})."
            told.append(Statement(text, tuple(self._cause(*each) for each in found)))
        return told

    def rivals(self) -> list[Row]:
        """Return the rival explanations, and why each is ruled out or stays open."""
        diagnosed = self.shown
        where = f"/diagnosis/diagnoses/{self._places([diagnosed])[0]}/rivals"
        return [
            (
                rival.code,
                "ruled out" if rival.ruled_out else "not ruled out",
                Statement(rival.why, (self.cite(f"{where}/{n}", f"{rival.code}: {rival.why}"),)),
            )
            for n, rival in enumerate(diagnosed.rivals)
        ]

    @property
    def shown(self) -> Diagnosed:
        """The request whose way through the platform is told: the one that is explained."""
        return self._explained() or self.case.found.diagnosis.diagnoses[self.case.asked]

    def chain(self) -> list[tuple[str, Statement]]:
        """Return the chain from the database to the error: each link's name, and what it was."""
        found, diagnosed = self.case.found, self.shown
        rows = listed((f"{name} ({state})" for name, state in found.rows.items()), 8) or "none"
        held = [self.cite("/rows", f"rows with API keys of {self.who}: {rows}")]
        if not found.recorded("rows"):
            rows = f"the tenant's rows are {NOT_RECORDED}"
            held = [self.cite("/diagnosis/lookups", f"key lookups of {self.who}")]
        clients = listed(found.diagnosis.clients, 8) or "none"
        built = self.cite("/diagnosis/clients", f"clients of {self.who}: {clients}")
        seen = self.diagnosis(self._places([diagnosed])[0])
        if diagnosed.winner:
            ending = f"none, {printable(diagnosed.winner.model)} is chosen."
        elif diagnosed.outcome == "inconclusive":
            ending = "nothing can be decided."
        elif diagnosed.fallback:
            answer = diagnosed.fallback
            ending = f"none; {describe_answer(answer.provider, answer.model, answer.by)}."
        else:
            ending = f"{diagnosed.error or NO_MODELS}."
        missing = list(self._missing())
        state = rows + "".join(f"; no key for {p} in {key}" for p, key, _ in missing)
        without = "".join(f"; none for {p}" for p, *_ in missing)
        cites = (*held, *(cited for *_, cited in missing))
        return [
            ("Database state", Statement(f"{state}.", cites)),
            ("Client initialization", Statement(f"clients: {clients}{without}.", (built,))),
            ("Model ranking", Statement(f"{_ranking(diagnosed)}.", (seen,))),
            ("Error", Statement(ending, (seen,))),
        ]

    def _missing(self) -> Iterator[tuple[str, str, Evidence]]:
        """Yield provider, row and evidence of the lookup that the root cause is about."""
        diagnosed = self._explained()
        cause = diagnosed.causes[0] if diagnosed else None
        for place, look in enumerate(self.case.found.diagnosis.lookups):
            if cause and look.provider == cause.provider and not look.client:
                says = f"lookup for {look.provider}: {look.setting_key} is {look.state}"
                yield (
                    look.provider,
                    look.setting_key,
                    self.cite(f"/diagnosis/lookups/{place}", says),
                )

    def _explained(self) -> Diagnosed | None:
        """Return the request that was asked about, else the first that fails, with its causes."""
        asked = self.case.found.diagnosis.diagnoses[self.case.asked]
        candidates = [d for d in (asked, *self.case.failing) if d.causes]
        return next(iter(candidates), None)

    def _cause(self, diagnosed: Diagnosed, place: int) -> Evidence:
        cause = diagnosed.causes[place]
        says = f"{cause.code} {cause.provider or ''}: {listed(cause.evidence)}; {cause.verdict}"
        where = self._places([diagnosed])[0]
        return self.cite(f"/diagnosis/diagnoses/{where}/causes/{place}", says)

    def _places(self, diagnosed: list[Diagnosed]) -> list[int]:
        everything = self.case.found.diagnosis.diagnoses
        return [n for n, each in enumerate(everything) if any(each is d for d in diagnosed)]


def meaning(cause: Cause) -> str:
    """Return what the cause is, as part of a sentence."""
    text = CAUSES.get(cause.code, _FILTERED)
    key, provider = printable(cause.setting_key), printable(cause.provider)
    return text.format(code=cause.code, provider=provider, key=key)


def _identity(cause: Cause) -> tuple[str, str | None]:
    return cause.code, cause.provider


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _ranking(diagnosed: Diagnosed) -> str:
    total = diagnosed.funnel[0].entering if diagnosed.funnel else 0
    usable = f"{diagnosed.candidates:,} usable"
    return f"{count(total, 'model')}: {', '.join([*_rejected(diagnosed), usable])}"


def _rejected(diagnosed: Diagnosed) -> list[str]:
    """Return how many models each filter rejects, of those that reject any."""
    return [f"{f.rejected:,} rejected by {f.filter}" for f in diagnosed.funnel if f.rejected]
