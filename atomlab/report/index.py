"""The page that lists a batch: every report by its result, the worst first, with its answer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from atomlab.report.files import FINDINGS, NOTEBOOK, PAGE, PAPER, PARTIAL
from atomlab.report.first_page import MEANINGS
from atomlab.report.running import Outcome
from atomlab.report.templates import render
from atomlab.show.tables import badge
from atomlab.text import count, printable
from atomlab.verdicts import EXIT_CODES, tone


def index_page(
    outcomes: Sequence[Outcome], out: Path, snapshot: str, notebook: str, *, missing: int = 0
) -> str:
    """Return the page as HTML: one self-contained file without scripts, every name escaped.

    `missing` is how many reports an interrupt left unmade.
    """
    ordered = sorted(outcomes, key=lambda o: (o.task.name.lower(), o.task.subject))
    groups = [
        {
            "result": result,
            "tone": tone(result),
            "column": "what went wrong" if result == "failed" else "answer",
            "caption": f"{MEANINGS[result].capitalize()}. In the order of names.",
            "rows": [_row(outcome, out) for outcome in ordered if outcome.result == result],
        }
        for result in EXIT_CODES  # which names the worst first
    ]
    return render(
        "report/index.html",
        styles=["style.css", "index.css"],
        title=f"{count(len(outcomes), 'report')} on {printable(snapshot)}",
        notebook=notebook,
        groups=groups,
        missing=missing,
        asked=missing + len(outcomes),
    )


def _row(outcome: Outcome, out: Path) -> dict[str, Any]:
    task, report = outcome.task, outcome.report
    files = {"partial notebook": PARTIAL}
    if report:
        files = {"PDF": PAPER} if report.paper else {}
        files |= {"notebook": NOTEBOOK, "findings": FINDINGS}
    name = printable(task.name)
    return {
        "name": name,
        "subject": "" if task.subject == name else printable(task.subject),
        "report": _address(task.folder / PAGE, out) if report else None,
        "certainty": badge(report.certainty) if report and report.certainty else "",
        "text": printable(report.answer if report else outcome.error, 2000),
        "files": [
            (label, _address(task.folder / file, out))
            for label, file in files.items()
            if (task.folder / file).exists()
        ],
        "seconds": outcome.seconds,
    }


def _address(path: Path, out: Path) -> str:
    return quote(path.relative_to(out).as_posix())
