"""The page that lists a batch: every report by its result, the worst first, with its answer."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

from atomlab.report.batch import Outcome
from atomlab.report.files import INDEX, PARTIAL, ReportFolder, make_folder
from atomlab.report.templates import FOLDER, render
from atomlab.show.badges import badge
from atomlab.show.palette import css_variables
from atomlab.text import count, printable
from atomlab.verdicts import tone

_STYLES = ("report/style.css", "report/index.css")
# In the order of exit codes: 1 could not look, 3, 4 cannot tell, 0.
_MEANS = {
    "failed": "The report could not be made.",
    "refuted": "A claim does not hold.",
    "affected": "Requests of the tenant find no model; how sure the cause is stands apart.",
    "inconclusive": "The evidence cannot tell whether the claims hold.",
    "undecided": "The evidence cannot tell whether the tenant finds a model.",
    "confirmed": "Every claim was tested and holds.",
    "healthy": "Every request that was tried finds a model.",
}


def write_index(
    outcomes: Sequence[Outcome],
    into: ReportFolder,
    snapshot: str,
    notebook: str,
    *,
    missing: int = 0,
) -> Path:
    """Write the page that links the reports in the folders below `into`; return its path.

    `missing` is how many reports an interrupt left unmade. Raises OSError or ReportError if it
    cannot be written.
    """
    make_folder(into.path)
    page = index_page(outcomes, into.path, snapshot, notebook, missing=missing)
    into.write({INDEX: page})
    return into.path / INDEX


def index_page(
    outcomes: Sequence[Outcome], out: Path, snapshot: str, notebook: str, *, missing: int = 0
) -> str:
    """Return the page as HTML: one self-contained file without scripts, every name escaped."""
    groups = [
        {
            "result": result,
            "tone": tone(result),
            "told": "what went wrong" if result == "failed" else "answer",
            "caption": f"{means} In the order of names.",
            "rows": [_row(o, out) for o in sorted(outcomes, key=_name) if o.result == result],
        }
        for result, means in _MEANS.items()
    ]
    style = css_variables() + "".join((FOLDER / n).read_text(encoding="utf-8") for n in _STYLES)
    return render(
        "report/index.html",
        style=style,
        style_hash=f"sha256-{b64encode(sha256(style.encode()).digest()).decode()}",
        title=f"{count(len(outcomes), 'report')} on {printable(snapshot)}",
        notebook=notebook,
        groups=groups,
        missing=missing,
        wished=missing + len(outcomes),
        tool=f"atomlab {version('atomlab')}",
    )


def _name(outcome: Outcome) -> tuple[str, str]:
    return outcome.task.name.lower(), outcome.task.subject


def _row(outcome: Outcome, out: Path) -> dict[str, Any]:
    task, report = outcome.task, outcome.report
    files = [("partial notebook", task.folder / PARTIAL)]
    if report:
        paper = [("PDF", report.pdf)] if report.paper else []
        files = [*paper, ("notebook", report.notebook), ("findings", report.findings)]
    name = printable(task.name)
    return {
        "name": name,
        "subject": "" if task.subject == name else printable(task.subject),
        "report": _address(report.html, out) if report else None,
        "certainty": badge(report.certainty) if report and report.certainty else "",
        "told": printable(report.answer if report else outcome.error, 2000),
        "files": [(told, _address(path, out)) for told, path in files if path.exists()],
        "seconds": outcome.seconds,
    }


def _address(path: Path, out: Path) -> str:
    return quote(path.relative_to(out).as_posix())
