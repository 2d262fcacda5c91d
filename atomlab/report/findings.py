"""Findings: what a notebook proved, shown as a card and carried as data in its outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from atomlab.errors import ReportError
from atomlab.report.templates import render
from atomlab.text import printable

MIME = "application/vnd.atomlab.findings+json"
VERDICTS = ("refuted", "inconclusive", "confirmed")  # worst first, as exit codes count them


class Case(Protocol):
    """What can be found: an investigation, a triage, a fleet, a comparison."""

    def to_json(self) -> dict[str, Any]:
        """Return the findings, `verdict` and `answer` among them."""


@dataclass(frozen=True)
class Findings:
    """The findings of a case. Evaluated in a notebook's last cell, they reach the report.

    A notebook that ran is not one that proved something: a report's verdict comes from here.
    """

    case: Case

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        findings = self.case.to_json()
        line = _line(findings)
        return {
            MIME: findings,
            "text/html": render("sentence.html", text=line),
            "text/plain": line,
        }

    def __repr__(self) -> str:
        return _line(self.case.to_json())


def findings_in(notebook: Mapping[str, Any]) -> dict[str, Any]:
    """Return the findings that an executed notebook holds; raise ReportError unless it has one."""
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", ())]
    stated = [o["data"][MIME] for o in outputs if MIME in o.get("data", {})]
    found = [dict(each) for each in stated if _are_findings(each)]
    if len(found) == len(stated) == 1:
        return found[0]
    said = f"{len(stated)} findings, of which one counts" if len(stated) > 1 else "no findings"
    raise ReportError(
        f"the notebook ran, but states {said}",
        todo="let its last cell, and no other, evaluate findings.Findings(case)",
    )


def _are_findings(stated: object) -> bool:
    return (
        isinstance(stated, Mapping)
        and stated.get("verdict") in VERDICTS
        and isinstance(stated.get("answer"), str)
    )


def _line(findings: Mapping[str, Any]) -> str:
    return printable(f"Verdict: {findings['verdict']}. {findings['answer']}", 2000)
