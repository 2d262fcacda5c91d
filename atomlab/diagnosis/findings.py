"""The findings of a notebook: read from its outputs, and what they say in a word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from atomlab.errors import ReportError
from atomlab.verdicts import STATUSES, VERDICTS

MIME = "application/vnd.atomlab.findings+json"
RESULTS = (*VERDICTS, *STATUSES)


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
        todo="let its last cell, and no other, evaluate atomlab.Findings(case)",
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


def _are_findings(stated: object) -> bool:
    return (
        isinstance(stated, Mapping)
        and stated.get("verdict") in (None, *VERDICTS)
        and result_of(stated) in RESULTS
        and isinstance(stated.get("answer"), str)
    )
