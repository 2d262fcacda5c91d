"""Findings: what a notebook proved, shown as a card and carried as data in its outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from atomlab.errors import ReportError
from atomlab.report.templates import render
from atomlab.report.words import mode_told
from atomlab.text import printable

MIME = "application/vnd.atomlab.findings+json"
VERDICTS = ("refuted", "inconclusive", "confirmed")
STATUSES = ("affected", "undecided", "healthy")
RESULTS = (*VERDICTS, *STATUSES)


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


def result_of(findings: Mapping[str, Any]) -> str:
    """Return the word that answers what was asked: the verdict on claims, or a tenant's status.

    It is the status in a triage, and wherever nothing is claimed.
    """
    told = (findings.get("result"), findings.get("verdict"), findings.get("status"))
    return next((str(word) for word in told if word is not None), "")


def certainty_of(findings: Mapping[str, Any]) -> str:
    """Return how sure the cause is of a tenant that is affected, empty where none is named."""
    affected = result_of(findings) == "affected"
    return str(findings.get("verdict") or "") if affected else ""


def mode_of(findings: Mapping[str, Any]) -> str:
    """Return how the requests were served, empty where that is as usual or not stated."""
    found = findings.get("diagnosis", {})
    if not found.get("request_mode"):  # of many tenants, the answer says it
        return ""
    return mode_told(found["request_mode"], found["ai_mode"])


def _are_findings(stated: object) -> bool:
    return (
        isinstance(stated, Mapping)
        and stated.get("verdict") in (None, *VERDICTS)
        and result_of(stated) in RESULTS
        and isinstance(stated.get("answer"), str)
    )


def _line(findings: Mapping[str, Any]) -> str:
    result, certainty = result_of(findings), certainty_of(findings)
    said = f"{'Status' if result in STATUSES else 'Verdict'}: {result}"
    cause = f" Cause: {certainty}." if certainty else ""
    return printable(f"{said}.{cause} {findings['answer']}", 2000)
