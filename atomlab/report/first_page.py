"""A report's first page: what was found, in plain words, and the words that need explaining."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from atomlab.diagnosis.findings import RemedyRecord, Summary, certainty_of, result_of
from atomlab.diagnosis.sql import with_rollback
from atomlab.text import printable
from atomlab.verdicts import STATUSES, tone

_MEANINGS = {
    "confirmed": "every claim holds",
    "inconclusive": "the evidence is not sufficient to judge the claims",
    "refuted": "not every claim holds",
}
_CERTAINTIES: Mapping[str, str] = {
    "confirmed": "proven",
    "inconclusive": "not proven",
    "refuted": "refuted",
}
_LABELS = {
    "what": "What happens",
    "warning": "But",
    "why": "Why",
    "proof": "How sure",
    "claims": "The claims",
    "todo": "What to do",
    "who": "Whose turn",
    "left": "What it does not cure",
}
_LONGEST = 4000  # characters of a sentence; a summary's own are far shorter


@dataclass(frozen=True)
class FirstPage:
    """Title, status and sentences of a report, as plain text.

    `status` is its word, in the tone `tone`, and no certainty of a cause ever stands in for it;
    `certainty` says that apart; `sentences` are by their label.
    """

    title: str
    tone: str
    status: str
    certainty: str
    sentences: Mapping[str, str]


def first_page(findings: Mapping[str, Any], question: str) -> FirstPage:
    """Return the first page for findings, with or without a summary, of whatever notebook."""
    if (given := findings.get("summary")) is None:
        return _without_summary(findings, question)
    summary = Summary.model_validate(given)
    warned = summary.status == "healthy" and bool(summary.mute or summary.warning)
    changed = findings["answer"] if findings.get("compared") else ""
    plain = {label: getattr(summary, field) for field, label in _LABELS.items()}
    said = {"What changed": changed, **plain}
    return FirstPage(
        title=printable(summary.title, 300),
        tone="open" if warned else tone(summary.status),
        status=summary.status.capitalize() + (", with a warning" if warned else ""),
        certainty=_certainty(summary.certainty),
        sentences={label: printable(text, _LONGEST) for label, text in said.items() if text},
    )


def _without_summary(findings: Mapping[str, Any], question: str) -> FirstPage:
    """Return the status, if there is one, and the verdict on claims, else the verdict alone.

    A verdict is in no colour of good and bad: that every claim holds may be bad news.
    """
    result, tenant = result_of(findings), findings.get("diagnosis", {}).get("tenant")
    status = next((str(s) for s in (findings.get("status"), result) if s in STATUSES), "")
    named = f"{printable(tenant['name'], 200)}: {status}" if status and tenant else ""
    sentences = {"What was found": printable(findings["answer"], _LONGEST)}
    shown, colour = status.capitalize(), tone(status)
    if result not in STATUSES:
        claims = findings.get("verification", {"claims": None})["claims"]
        means = f": {_MEANINGS[result]}" if claims else "" if claims is None else ": no claim given"
        verdict = "inconclusive" if claims is not None and not claims else result
        if status:
            sentences["The claims"] = f"{verdict.capitalize()}{means}"
        else:
            shown = f"{verdict.capitalize()}{means}"
            colour = "open" if verdict == "inconclusive" else "plain"
    return FirstPage(
        title=printable(named or findings.get("title") or question or "Report", 300),
        tone=colour,
        status=shown,
        certainty=_certainty(certainty_of(findings)),
        sentences=sentences,
    )


def _certainty(verdict: str | None) -> str:
    return f"Cause: {_CERTAINTIES[verdict]}" if verdict else ""


def script_of(findings: Mapping[str, Any]) -> str:
    """Return the SQL that makes the fix, with its rollback, empty where there is no such script.

    Raises ValueError for a remedy of another form.
    """
    if findings.get("remedy") is None:
        return ""
    remedy = RemedyRecord.model_validate(findings["remedy"])
    return with_rollback(remedy.sql, remedy.rollback) if remedy.sql else ""
