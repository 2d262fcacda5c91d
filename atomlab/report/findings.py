"""Findings: what a notebook proved, shown as a card and carried as data in its outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from atomlab.diagnosis.investigation import Investigation
from atomlab.errors import ReportError
from atomlab.report.templates import render
from atomlab.text import printable

MIME = "application/vnd.atomlab.findings+json"


@dataclass(frozen=True)
class Findings:
    """The findings of an investigation. Evaluated in a notebook's last cell, they reach the report.

    A notebook that ran is not one that proved something: a report's verdict comes from here.
    """

    case: Investigation

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        findings = self.case.to_json()
        return {
            MIME: findings,
            "text/html": render("sentence.html", text=self._line()),
            "text/plain": repr(self),
        }

    def __repr__(self) -> str:
        return self._line()

    def _line(self) -> str:
        verification = self.case.verification
        return printable(f"Verdict: {verification.verdict}. {self.case.answer()}", 2000)


def findings_in(notebook: Mapping[str, Any]) -> dict[str, Any]:
    """Return the findings that an executed notebook holds; raise ReportError if it has none."""
    for cell in reversed(notebook["cells"]):
        for output in cell.get("outputs", ()):
            if MIME in output.get("data", {}):
                return dict(output["data"][MIME])
    raise ReportError(
        "the notebook ran, but states no findings",
        todo="let its last cell evaluate findings.Findings(case)",
    )
