"""The page that lists a batch: every report by its verdict, the worst first, with its answer."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

from atomlab.report.batch import Outcome
from atomlab.report.files import write_all
from atomlab.report.planning import INDEX
from atomlab.report.runner import PARTIAL
from atomlab.report.templates import FOLDER, render
from atomlab.text import count, printable

# As exit codes count them: 1 could not look, 3 refuted, 4 inconclusive, 0 confirmed.
ORDER = ("failed", "refuted", "inconclusive", "confirmed")
_STYLES = ("report/style.css", "index.css")
_CAPTIONS = {
    "failed": "Reports that could not be made, by tenant.",
    "refuted": "Reports with a claim that does not hold, by tenant.",
    "inconclusive": "Reports whose evidence cannot tell, by tenant.",
    "confirmed": "Reports whose every claim holds, by tenant.",
}
_BADGES = {"failed": "bad", "refuted": "bad", "inconclusive": "open", "confirmed": "good"}


def write_index(
    outcomes: Sequence[Outcome], out: Path, snapshot: str, notebook: str, *, missing: int = 0
) -> Path:
    """Write the page that links the reports in the folders below `out`; return its path.

    `missing` is how many reports an interrupt left unmade. Raises OSError if it cannot be written.
    """
    out.mkdir(parents=True, exist_ok=True)
    write_all(out, {INDEX: index_page(outcomes, out, snapshot, notebook, missing=missing)})
    return out / INDEX


def index_page(
    outcomes: Sequence[Outcome], out: Path, snapshot: str, notebook: str, *, missing: int = 0
) -> str:
    """Return the page as HTML: one self-contained file without scripts, every name escaped."""
    groups = [
        {
            "verdict": verdict,
            "badge": _BADGES[verdict],
            "told": "what went wrong" if verdict == "failed" else "answer",
            "caption": _CAPTIONS[verdict],
            "rows": [_row(o, out) for o in sorted(outcomes, key=_name) if o.verdict == verdict],
        }
        for verdict in ORDER
    ]
    style = "".join((FOLDER / name).read_text(encoding="utf-8") for name in _STYLES)
    return render(
        "index.html",
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
        paper = [("PDF", report.pdf)] if task.pdf else []
        files = [*paper, ("notebook", report.notebook), ("findings", report.findings)]
    name = printable(task.name)
    return {
        "name": name,
        "subject": "" if task.subject == name else printable(task.subject),
        "report": _address(report.html, out) if report else None,
        "told": printable(report.answer if report else outcome.error, 2000),
        "files": [(told, _address(path, out)) for told, path in files if path.exists()],
        "seconds": outcome.seconds,
    }


def _address(path: Path, out: Path) -> str:
    return quote(path.relative_to(out).as_posix())
