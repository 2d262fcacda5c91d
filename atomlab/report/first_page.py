"""A report's first page: what was found, in plain words, and the words that need explaining."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from atomlab.diagnosis.findings import RemedyRecord, Summary, certainty_of, result_of
from atomlab.diagnosis.sql import with_rollback
from atomlab.text import printable
from atomlab.verdicts import STATUSES, tone

MEANINGS = {
    "failed": "the report could not be made",
    "refuted": "not every claim holds",
    "affected": "requests find no model",
    "inconclusive": "the evidence is not sufficient to judge the claims",
    "undecided": "the evidence is not sufficient to say whether requests find a model",
    "confirmed": "every claim holds",
    "healthy": "every request that was tried finds a model",
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
    given = findings.get("summary")
    if given is None:
        title = _status(findings) or findings.get("title") or question or "Report"
        results = list(_results(findings))
        return FirstPage(
            title=printable(title, 300),
            tone=results[0][0],
            status=results[0][1],
            certainty=_certainty(certainty_of(findings)),
            sentences=dict(
                [
                    ("What was found", printable(findings["answer"], _LONGEST)),
                    *(("The claims", words) for _, words in results[1:]),
                ]
            ),
        )
    summary = Summary.model_validate(given)
    warned = summary.status == "healthy" and bool(summary.mute or summary.warning)
    return FirstPage(
        title=printable(summary.title, 300),
        tone="open" if warned else tone(summary.status),
        status=summary.status.capitalize() + (", with a warning" if warned else ""),
        certainty=_certainty(summary.certainty),
        sentences=dict(_sentences(summary)),
    )


def _sentences(summary: Summary) -> Iterator[tuple[str, str]]:
    for field, label in _LABELS.items():
        if text := getattr(summary, field):
            yield label, printable(text, _LONGEST)


def _certainty(verdict: str | None) -> str:
    return f"Cause: {_CERTAINTIES[verdict]}" if verdict else ""


def _status(findings: Mapping[str, Any]) -> str:
    """Return the tenant and its status, empty where the findings are about something else."""
    status, tenant = _status_of(findings), findings.get("diagnosis", {}).get("tenant")
    return f"{printable(tenant['name'], 200)}: {status}" if status and tenant else ""


def _status_of(findings: Mapping[str, Any]) -> str:
    words = (findings.get("status"), result_of(findings))
    return next((str(word) for word in words if word in STATUSES), "")


def _results(findings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield tone and words of the status, if there is one, and of the verdict on claims.

    A verdict is in no colour of good and bad: that every claim holds may be bad news.
    """
    if status := _status_of(findings):
        yield tone(status), status.capitalize()
    verdict, claims = result_of(findings), findings.get("verification", {"claims": None})["claims"]
    if verdict in STATUSES:
        return
    means = "" if claims is None else f": {MEANINGS[verdict]}" if claims else ": no claim given"
    verdict = verdict if claims or claims is None else "inconclusive"
    yield "open" if verdict == "inconclusive" else "plain", f"{verdict.capitalize()}{means}"


def script_of(findings: Mapping[str, Any]) -> str:
    """Return the SQL that makes the fix, with its rollback, empty where there is no such script.

    Raises ValueError for a remedy of another form.
    """
    if findings.get("remedy") is None:
        return ""
    remedy = RemedyRecord.model_validate(findings["remedy"])
    return with_rollback(remedy.sql, remedy.rollback) if remedy.sql else ""
