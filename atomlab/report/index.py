"""The page that lists a batch: one table of its reports, the most severe first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import quote

from atomlab.report.files import PAGE
from atomlab.report.rows import BESIDE, counts, rows_of, sums
from atomlab.report.running import Outcome
from atomlab.report.templates import render
from atomlab.text import printable
from atomlab.verdicts import tone


def index_page(
    outcomes: Sequence[Outcome],
    out: Path,
    snapshot: str,
    notebook: str,
    *,
    tenants: int | None = None,
    missing: int = 0,
    earlier: Iterable[Path] = (),
) -> str:
    """Return the page as HTML: one self-contained file without scripts, every name escaped.

    `tenants` is how many were looked at, if more than have a report; `missing` how many reports an
    interrupt left unmade; `earlier` are folders of earlier reports, which the table does not list.
    """
    rows = rows_of(outcomes, out)
    title = sums(rows, tenants)[0]
    return render(
        "report/index.html",
        styles=["style.css", "index.css"],
        title=f"{title[:1].upper()}{title[1:]}",
        about=f"{notebook} on {printable(snapshot)}",
        counts=counts(rows) if rows else "",
        rows=rows,
        verdicts=any(row.verdict for row in rows),
        beside=BESIDE,
        address=quote,
        tone=tone,
        missing=missing,
        asked=missing + len(outcomes),
        earlier=[(printable(path.name), quote(f"{path.name}/{PAGE}")) for path in earlier],
    )
