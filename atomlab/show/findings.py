"""Findings in a notebook's last cell: a line to read, and the data that its report is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from atomlab.diagnosis.findings import MIME, certainty_of, result_of
from atomlab.show.templates import render
from atomlab.text import printable
from atomlab.verdicts import STATUSES

if TYPE_CHECKING:
    from atomlab.diagnosis.case import SnapshotCase


@dataclass(frozen=True)
class Findings:
    """The findings of a case. Evaluated in a notebook's last cell, they reach the report.

    A notebook that ran is not one that proved something: a report's verdict comes from here.
    """

    case: SnapshotCase

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


def _line(findings: Mapping[str, Any]) -> str:
    result, certainty = result_of(findings), certainty_of(findings)
    found = f"{'Status' if result in STATUSES else 'Verdict'}: {result}"
    cause = f" Cause: {certainty}." if certainty else ""
    return printable(f"{found}.{cause} {findings['answer']}", 2000)
