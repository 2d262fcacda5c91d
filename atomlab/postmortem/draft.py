"""The draft: findings and events put together, in the order of the finished document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from atomlab.postmortem import people, proof
from atomlab.postmortem.cases import Case
from atomlab.postmortem.events import Events
from atomlab.postmortem.evidence import Statement, sourced
from atomlab.postmortem.facts import Facts, Row
from atomlab.postmortem.markdown import render
from atomlab.text import listed, printable

_ROOT = "the findings show no failing request, and so no root cause"
_UNEXPLAINED = "requests fail or cannot be decided, and the findings name no cause"
_TRIGGER = "what set it off: the change or event, not the condition that it met"
_CONTRIBUTING = "what made it possible, longer or worse: a check, an alert, a process that lacked"
_RESOLUTION = "what was done to end it, by whom, and from where that is known"
_HOW = "what showed it, to whom, and from where that is known"
_BY = "user report, monitoring, alert, test or chance"
_SCRIPT = (
    "Review the script under Resolution, and run it.",
    "Restart the worker or wait for its next job: keys are read at its start.",
)
_WORDS = ("Make the change that stands under Resolution, or another of the fix options.",)
_NEXT = (
    "When a fix is made, capture again and make the report again: it shows what is still failing.",
    "Write what happened into this document, and close it.",
)


def draft(cases: Sequence[Case], added: Events) -> str:
    """Return the postmortem as Markdown; what nobody has said yet stands there as `TO WRITE`."""
    return _Draft(cases, added).markdown()


@dataclass
class _Draft:
    """Collects the sections of the document."""

    cases: Sequence[Case]
    added: Events

    def __post_init__(self) -> None:
        self.facts = [Facts(case, among=len(self.cases) > 1) for case in self.cases]
        self.failing = [each for each in self.facts if each.case.failing]
        latest = {each.case.tenant.id: each for each in self.facts}
        self.current = list(latest.values())
        self.open = [each for each in self.current if each.case.failing]

    def markdown(self) -> str:
        """Return the whole document."""
        sections = {
            **self._head(),
            "timeline": self._timeline(),
            "spans": people.spans(self.added),
            "detection": self._detection(),
            **self._causes(),
            "cases": [self._case(each) for each in self.facts],
            "code_flow": [people.stated(s) for s in self.added.code_flow],
            "resolution": self._resolution(),
            "weighed": self._weighed(),
            "steps": self._steps(),
            **self._lessons(),
            **self._aftermath(),
            "snapshots": list({c.found.snapshot.sha256: c.found for c in self.cases}.values()),
            "files": self.cases,
        }
        return render("postmortem.md.j2", **sections)

    def _head(self) -> dict[str, Any]:
        manifests = [case.found.snapshot.manifest for case in self.cases]
        notes = dict.fromkeys([self.added.note, *(m.get("note") for m in manifests)])
        stated = [self.added.summary] if self.added.summary else []
        titles = dict.fromkeys(case.found.title for case in self.cases)
        return {
            "title": self.added.title or listed(titles),
            "notes": [str(note) for note in notes if note],
            "about": people.about(self.added),
            "summary": [people.stated(s) for s in stated] + [each.summary() for each in self.facts],
            "impact": self._affected() + people.impact(self.added),
        }

    def _affected(self) -> list[Row]:
        told: list[Row] = [("Tenants", each.failing()) for each in self.failing or self.facts]
        by_snapshot = {each.case.found.snapshot.sha256: each for each in reversed(self.failing)}
        others = [each.others() for each in reversed(by_snapshot.values())]
        return told + [("Other tenants", statement) for statement in others if statement]

    def _timeline(self) -> list[Row]:
        rows = people.timeline(self.added)
        for each in {f.case.found.snapshot.sha256: f for f in reversed(self.facts)}.values():
            at = each.case.found.diagnosis.snapshot.captured_at
            shown = f"{at[:16].replace('T', ' ')} UTC" if at.endswith("Z") else at
            what = f"The snapshot {printable(each.case.found.snapshot.name)} was captured."
            told = Statement(what, (each.snapshot(),))
            rows.append((at, (Statement(shown), "", told, "")))
        return [row for _, row in sorted(rows, key=lambda pair: pair[0])]

    def _detection(self) -> list[Row]:
        found = self.added.detection
        how = sourced(found.text, found.source, _HOW)
        by = Statement(found.by) if found.by else Statement(missing=_BY)
        return [("Detected by", by), ("How", how)]

    def _causes(self) -> dict[str, Any]:
        stated = [self.added.root_cause] if self.added.root_cause else []
        roots = [people.stated(each) for each in stated]
        outcomes = {d.outcome for c in self.cases for d in c.found.diagnosis.diagnoses}
        healthy = outcomes == {"ranked"}
        roots += [root for each in self.failing for root in each.roots()]
        return {
            "trigger": people.stated(self.added.trigger, _TRIGGER),
            "roots": roots or [Statement(missing=_ROOT if healthy else _UNEXPLAINED)],
            "contributing": [told for each in self.failing for told in each.contributing()]
            + people.listed_or(self.added.contributing, _CONTRIBUTING),
        }

    def _case(self, facts: Facts) -> dict[str, Any]:
        found = facts.case.found
        return {
            "heading": Statement(facts.heading, (facts.snapshot(),)) if facts.among else "",
            "ending": facts.ending,
            "request": facts.shown.request.kind,
            "served": facts.served and bool(found.trials),
            "root_evidence": facts.root_evidence(),
            "chain": facts.chain(),
            "rivals": facts.rivals(),
            "hypothesis": proof.hypothesis(facts),
            "verification": proof.verification(facts),
            "trials": proof.trials(facts),
            "repaired": proof.repaired(facts),
            "flow": proof.flow(facts),
            "options": proof.options(facts),
            "remedy": proof.remedy(facts),
            "remedy_missing": not found.recorded("remedy"),
            "options_missing": not found.recorded("options"),
            "sql": found.remedy.sql if found.remedy else "",
            "limits": proof.limits(facts),
        }

    def _resolution(self) -> list[Statement]:
        told = [seen for each in self.failing if (seen := self._served_later(each))]
        return [*told, people.stated(self.added.resolution, _RESOLUTION)]

    def _served_later(self, failed: Facts) -> Statement | None:
        """Return which of the requests that failed find a model on a later snapshot."""
        before = failed.case.found.diagnosis.snapshot.captured_at
        kinds = {each.request.kind for each in failed.case.failing}
        for later in self.facts:
            found = later.case.found.diagnosis
            served = {
                place: f"{each.request.kind} ({printable(each.winner.model)})"
                for place, each in enumerate(found.diagnoses)
                if each.winner and each.request.kind in kinds
            }
            same = later.case.tenant.id == failed.case.tenant.id
            if same and found.snapshot.captured_at > before and served:
                where = f"On the later snapshot {printable(later.case.found.snapshot.name)}"
                what = f"requests of {later.who} that failed find a model"
                text = f"{where} these {what}: {', '.join(served.values())}."
                return Statement(text, tuple(map(later.diagnosis, served)))
        return None

    def _weighed(self) -> list[Mapping[str, Any]]:
        advice = {True: "Recommended", False: "Not recommended", None: "No recommendation"}
        return [
            {
                "name": sourced(option.name, option.source),
                "advice": advice[option.recommended],
                "why": sourced(option.why or "", option.source),
                "pros": option.pros,
                "cons": option.cons,
            }
            for option in self.added.options
        ]

    def _steps(self) -> list[Row]:
        """Return the steps; where people state theirs, these stand for those that are open."""
        rows = [
            row
            for each in self.facts
            for row in proof.steps(each)
            if row[1] != "open" or (each in self.current and not self.added.steps)
        ]
        rows += [(sourced(each.step, each.source), each.state) for each in self.added.steps]
        seen = [told for each in self.failing if (told := self._served_later(each))]
        return rows + [(told, "done") for told in seen]

    def _lessons(self) -> dict[str, Any]:
        added = self.added
        return {
            "went_well": people.listed_or(added.went_well, "what worked"),
            "went_wrong": people.listed_or(added.went_wrong, "what did not"),
            "lucky": people.listed_or(added.lucky, "what only chance prevented"),
        }

    def _aftermath(self) -> dict[str, Any]:
        added = self.added
        proposed = [told for each in self.open if (told := proof.proposed(each))]
        remedies = {each.case.found.remedy.status for each in self.open if each.case.found.remedy}
        usual = [
            *(_SCRIPT if "sql" in remedies else ()),
            *(_WORDS if "words" in remedies else ()),
            *(_NEXT if self.open else ()),
        ]
        stated = [people.stated(step) for step in added.next_steps]
        return {
            "actions": people.actions(added, proposed),
            "next_steps": stated or [Statement(step) for step in usual],
            "related": people.related(added),
            "questions": [
                (q.question, q.answer or Statement(missing=" ")) for q in added.questions
            ],
            "messages": people.messages(added),
        }
