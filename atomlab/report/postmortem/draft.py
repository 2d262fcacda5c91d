"""The draft: findings and events put together, in the order of the finished document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from atomlab.report.postmortem import people, proof
from atomlab.report.postmortem.cases import Case
from atomlab.report.postmortem.events import Events
from atomlab.report.postmortem.evidence import Evidence, Statement, sourced
from atomlab.report.postmortem.facts import Facts, Row
from atomlab.report.postmortem.markdown import render
from atomlab.text import count, listed, printable

_ROOT = "the findings show no failing request, and so no root cause"
_TRIGGER = "what set it off: the change or event, not the condition that it met"
_CONTRIBUTING = "what made it possible, longer or worse: a check, an alert, a process that lacked"
_RESOLUTION = "what was done to end it, by whom, and from where that is known"
_HOW = "what showed it, to whom, and from where that is known"
_BY = "user report, monitoring, alert, test or chance"
_NEXT = (
    "Apply the fix, after a review of the script above.",
    "Restart the worker or wait for its next job: keys are read at its start.",
    "Capture again and test the same claims: those about the fault must then be refuted.",
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
        self.facts = [Facts(case) for case in self.cases]
        self.failing = [each for each in self.facts if each.case.failing]

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
            "summary": [people.stated(s) for s in stated]
            + [each.summary(among=len(self.facts) > 1) for each in self.facts],
            "impact": self._affected() + people.impact(self.added),
        }

    def _affected(self) -> list[Row]:
        told: list[Row] = [("Tenants", each.failing()) for each in self.failing or self.facts]
        by_snapshot = {each.case.found.snapshot.sha256: each for each in reversed(self.failing)}
        others = [each.others() for each in reversed(by_snapshot.values())]
        return told + [("Other tenants", statement) for statement in others if statement]

    def _timeline(self) -> list[Row]:
        rows = people.timeline(self.added)
        for each in self.facts:
            at = each.case.found.diagnosis.snapshot.captured_at
            shown = f"{at[:16].replace('T', ' ')} UTC" if at.endswith("Z") else at
            what = f"The snapshot {printable(each.case.found.snapshot.name)} was captured."
            told = Statement(what, (self._snapshot(each),))
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
        roots += [root for each in self.failing if (root := each.root())]
        return {
            "trigger": people.stated(self.added.trigger, _TRIGGER),
            "roots": roots or [Statement(missing=_ROOT)],
            "contributing": [told for each in self.failing for told in each.contributing()]
            + people.listed_or(self.added.contributing, _CONTRIBUTING),
        }

    def _case(self, facts: Facts) -> dict[str, Any]:
        remedy = facts.case.found.remedy
        return {
            "heading": facts.heading if len(self.facts) > 1 else "",
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
            "sql": remedy.sql if remedy else "",
            "limits": proof.limits(facts),
        }

    def _resolution(self) -> list[Statement]:
        told = [seen for each in self.failing if (seen := self._served_later(each))]
        return [*told, people.stated(self.added.resolution, _RESOLUTION)]

    def _served_later(self, failed: Facts) -> Statement | None:
        """Return what a later capture shows of the tenant, if its request finds a model there."""
        before = failed.case.found.diagnosis.snapshot.captured_at
        for later in self.facts:
            found = later.case.found
            asked = found.diagnosis.diagnoses[later.case.asked]
            same = later.case.tenant.id == failed.case.tenant.id
            if same and found.diagnosis.snapshot.captured_at > before and asked.winner:
                where = f"On the later snapshot {printable(found.snapshot.name)}"
                what = f"{asked.request.complexity} requests of {later.who} are served again"
                text = f"{where} {what}: {printable(asked.winner.model)} is chosen."
                return Statement(text, (later.diagnosis(later.case.asked),))
        return None

    def _weighed(self) -> list[Mapping[str, Any]]:
        advice = {True: "Recommended", False: "Not recommended", None: "No recommendation"}
        return [
            {
                "name": option.name,
                "advice": advice[option.recommended],
                "why": sourced(option.why or "", option.source),
                "pros": option.pros,
                "cons": option.cons,
            }
            for option in self.added.options
        ]

    def _steps(self) -> list[Row]:
        """Return the steps; where people state theirs, these stand for those that are open."""
        rows = [row for each in self.facts for row in proof.steps(each)]
        if self.added.steps:
            rows = [row for row in rows if row[1] != "open"]
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
        proposed = [told for each in self.failing if (told := proof.proposed(each))]
        usual = [Statement(step) for step in _NEXT] if self.failing else []
        stated = [people.stated(step) for step in added.next_steps]
        return {
            "actions": people.actions(added, proposed),
            "next_steps": stated or usual,
            "related": people.related(added),
            "questions": [
                (q.question, q.answer or Statement(missing=" ")) for q in added.questions
            ],
            "messages": people.messages(added),
        }

    def _snapshot(self, facts: Facts) -> Evidence:
        tables = facts.case.found.snapshot.manifest.get("tables") or {}
        held = ", ".join(
            count(tables[name]["rows"], noun)
            for name, noun in (("tenants", "tenant"), ("pricing", "model"))
            if name in tables
        )
        name = printable(facts.case.found.snapshot.name)
        return facts.cite("/snapshot", f"snapshot {name}{f': {held}' if held else ''}")
