"""Rolling up: what findings on several tenants say together, each tenant counted once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from atomlab.errors import NO_MODELS, InputError
from atomlab.evidence.inputs.rules import COMPLEXITIES
from atomlab.postmortem import facts
from atomlab.postmortem.cases import Case, EvidenceItem, Statement
from atomlab.postmortem.events import Incident
from atomlab.text import capital, count, grouped, joined, listed, printable
from atomlab.verdicts import ACTORS, CAUSES

_MANY = 100  # tenants named in one place


@dataclass(frozen=True)
class TenantCases:
    """A tenant, and all findings on it, in the order in which they were captured."""

    cases: tuple[Case, ...]

    @property
    def who(self) -> str:
        """The tenant, by name and subdomain."""
        return self.cases[0].who

    @property
    def failing(self) -> list[Case]:
        """The findings in which a request fails."""
        return [case for case in self.cases if case.failing]

    @property
    def checked(self) -> Case | None:
        """The last findings in which a worker's log shows what became of a fix, if any do."""
        return next((case for case in self.cases[::-1] if case.found.recovery), None)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of request that fail in any of the findings, each once."""
        kinds = (case.diagnoses[at].request.kind for case in self.cases for at in case.failing)
        return tuple(dict.fromkeys(kinds))

    @property
    def still(self) -> list[Case]:
        """The findings in which a request fails that no later ones decide again."""
        last = {
            (each.request.kind, each.request.managed): (
                case,
                each.fails and not case.is_over(each.request.kind),
            )
            for case in self.cases
            for each in case.diagnoses
            if each.outcome != "inconclusive"
        }
        return [case for case in self.cases if any(c is case and f for c, f in last.values())]

    @property
    def cause(self) -> str:
        """The root causes in a few words."""
        causes = [each.causes[:1] for each in self.failing[0].diagnoses if each.fails]
        codes = dict.fromkeys(each[0].code for each in causes if each)
        words = [CAUSES[code].short if code in CAUSES else printable(code, 40) for code in codes]
        proven = all(each and each[0].verdict == "confirmed" for each in causes)
        return f"{joined(words) or 'not known'}{'' if proven else ' (not proven)'}"

    @property
    def fix(self) -> tuple[str, str]:
        """The easiest fix of the first failure and who makes it; empty where that is not known."""
        return fix_of(self.failing[0])


def fix_of(case: Case) -> tuple[str, str]:
    """Return the easiest fix in a few words and who makes it, empty where none is known."""
    if said := case.found.summary:
        return said.fix, said.actor or ""
    options = case.found.options[:1]
    return (options[0].name if options else ""), ""


def subjects_of(cases: Iterable[Case]) -> list[TenantCases]:
    """Return the tenants that the findings are on, each once."""
    by_tenant = grouped((case.diagnosis.tenant.id, case) for case in cases)
    return [TenantCases(tuple(those)) for those in by_tenant.values()]


def within(
    subjects: Sequence[TenantCases], incident: Incident | None
) -> tuple[list[TenantCases], list[TenantCases]]:
    """Return the tenants that belong to the incident, and those that do not.

    Raises InputError for a name in it that is no tenant's of the findings, or is several tenants'.
    """
    inside = set[int]()
    for number, name in enumerate(incident.tenants if incident else ()):
        tenants = [subject.cases[0].diagnosis.tenant for subject in subjects]
        here = [n for n, of in enumerate(tenants) if name in (of.name, of.subdomain, of.id)]
        if len(here) != 1:
            is_what = "is several tenants" if here else "is no tenant of the findings"
            known = [subjects[n].who for n in here] or [subject.who for subject in subjects]
            what = f"incident.tenants[{number}] of the events file {is_what}"
            raise InputError(what, todo=f"name by subdomain or id any of: {listed(known, 10)}")
        inside.update(here)
    mine = [s for n, s in enumerate(subjects) if n in inside or incident is None]
    return mine, [subject for subject in subjects if subject not in mine]


def which(kinds: Sequence[str]) -> str:
    """Return `every request`, or which kinds of request."""
    return "every request" if {*COMPLEXITIES} <= {*kinds} else f"{joined(kinds)} requests"


def title_of(subjects: Sequence[TenantCases]) -> str:
    """Return what happens to whom, in plain words."""
    hit = [subject for subject in subjects if subject.failing]
    if len(hit) == 1:
        verb = "fails" if which(hit[0].kinds) == "every request" else "fail"
        name = printable(hit[0].cases[0].diagnosis.tenant.name)
        return f"{name}: {which(hit[0].kinds)} {verb}"
    if hit:
        raised = any(each.error for one in hit for c in one.failing for each in c.diagnoses)
        how = f'requests fail with "{NO_MODELS}"' if raised else "requests find no model"
        return f"{count(len(hit), 'tenant')}: {how}"
    said = [subject.cases[-1].found.summary for subject in subjects]
    if len(subjects) == 1 and said[0]:
        return said[0].title
    whose = subjects[0].who if len(subjects) == 1 else count(len(subjects), "tenant")
    return f"{whose}: no request is known to fail"


@dataclass(frozen=True)
class Group:
    """The tenants whose requests fail by one cause."""

    cause: str
    subjects: tuple[TenantCases, ...]

    @property
    def tenants(self) -> list[Statement]:
        """The tenants, each with its first failure."""
        first = [(subject.who, subject.failing[0]) for subject in self.subjects]
        return [Statement(who, (facts.outcome(case, case.failing[0]),)) for who, case in first]

    @property
    def requests(self) -> str:
        """Which requests fail, with how many tenants each is of."""
        return _counted(Counter(which(subject.kinds) for subject in self.subjects))

    @property
    def fixes(self) -> str:
        """The easiest fixes, with how many tenants each is of."""
        return _counted(Counter(subject.fix[0] or "not known" for subject in self.subjects), 3)

    @property
    def actors(self) -> str:
        """Who makes the fixes, with how many tenants each is of."""
        return _counted(Counter(subject.fix[1] or "not known" for subject in self.subjects))

    @property
    def example(self) -> Statement:
        """What the cause means for the first of the tenants."""
        first = self.subjects[0].failing[0]
        said, roots = first.found.summary, facts.roots([replace(first, among=False)])
        text = said.why if said else " ".join(root.text for root in roots)
        places = [place for place in first.failing if first.diagnoses[place].causes]
        whose = "" if len(self.subjects) == 1 else ", for example"
        cites = tuple(facts.cause(first, place, 0) for place in places)
        return Statement(f"{self.subjects[0].who}{whose}: {text}", cites)


def groups_of(hit: Iterable[TenantCases]) -> list[Group]:
    """Return the tenants by their cause, the most frequent first."""
    by_cause = grouped([(capital(subject.cause), subject) for subject in hit])
    found = [Group(cause, tuple(those)) for cause, those in by_cause.items()]
    return sorted(found, key=lambda group: -len(group.subjects))


def summary(hit: Sequence[TenantCases], since: str) -> list[tuple[str, str]]:
    """Return the incident in parts, each with its label; the table of causes has the evidence."""
    whose = count(len(hit), "tenant")
    kinds = Counter(which(subject.kinds) for subject in hit).most_common()
    causes = [(f"{g.cause[:1].lower()}{g.cause[1:]}", len(g.subjects)) for g in groups_of(hit)]
    acts = Counter(ACTORS[subject.fix[1]] for subject in hit if subject.fix[1]).most_common()
    served = [subject for subject in hit if not subject.still]
    parts = [
        ("What happened", f"Requests of {whose} fail: {_how_many(kinds)}. {since}"),
        ("Why", f"{capital(_how_many(causes))}."),
        ("Who acts", f"{capital(_how_many(acts))}; what to do stands under Action items."),
    ]
    if served:
        names = listed((subject.who for subject in served), _MANY)
        again = f"{len(served):,} of {whose} find a model on later snapshots: {names}."
        parts.append(("Since then", again))
    return parts if acts else [part for part in parts if part[0] != "Who acts"]


def _how_many(counted: Sequence[tuple[str, int]]) -> str:
    """Return each text with how many tenants it is of."""
    units = [count(each, "tenant") for _, each in counted[:1]] + [f"{n:,}" for _, n in counted[1:]]
    return joined(f"{text} ({n})" for (text, _), n in zip(counted, units, strict=True))


def to_do(subjects: Iterable[TenantCases]) -> Iterator[tuple[Statement, str]]:
    """Yield what is to be done and who acts, once for all tenants that need the same."""
    still = [case for subject in subjects for case in subject.still]
    made = [case for case in still if not case.found.recovery]
    for (fix, actor), those in grouped([(fix_of(case), case) for case in made]).items():
        whose = joined(dict.fromkeys(case.who for case in those))
        text = f"{capital(fix)}, for {whose}" if fix else f"Find a fix for {whose}"
        yield Statement(text, tuple(map(_summarized, those))), actor
    summed = [(case.found.summary, case) for case in still]
    left = [(said.left, case) for said, case in summed if said and said.unserved]
    for rest, those in grouped(left).items():
        whose = joined(dict.fromkeys(case.who for case in those))
        text = f"Decide on what the fix leaves for {whose}: {rest}"
        yield Statement(text, tuple(map(_summarized, those))), ""


def _summarized(case: Case) -> EvidenceItem:
    if said := case.found.summary:
        return case.cite("/summary", said.title)
    return facts.outcome(case, case.failing[0])


def _counted(found: Counter[str], most: int = 10) -> str:
    """Return the texts, each with how many tenants it is of, unless it is of all."""
    shown = [f"{text} ({each:,})" for text, each in found.most_common(most)]
    rest = len(found) - most
    more = f"; and {rest:,} more, under Action items" if rest > 0 else ""
    return next(iter(found)) if len(found) == 1 else f"{'; '.join(shown)}{more}"
