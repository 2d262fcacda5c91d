"""A report's page: its header and footer around the notebook, and the order of its sections."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import PurePath
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from atomlab.byok.request import in_words
from atomlab.diagnosis.findings import MIME, certainty_of, result_of
from atomlab.errors import ReportError
from atomlab.report.outputs import fragments
from atomlab.report.templates import render
from atomlab.show.words import mode_in
from atomlab.text import printable
from atomlab.verdicts import STATUSES, tone

_HEADING = re.compile(r"(#{2,3}) (.+)")
_ABOUT = "What this report can and cannot show"
_USERS_OWN = "not one of atomlab's: it may import Python files of its own folder"
MEANINGS = {
    "failed": "the report could not be made",
    "refuted": "not every claim holds",
    "affected": "requests find no model",
    "inconclusive": "the evidence is not sufficient to judge the claims",
    "undecided": "the evidence is not sufficient to say whether requests find a model",
    "confirmed": "every claim holds",
    "healthy": "every request that was tried finds a model",
}


@dataclass(frozen=True)
class Page:
    """Header, contents and footer of a report, as plain text.

    `question` is the notebook's title; `results` are tone and words of what was found, the first
    of them the answer to the question; `contents` are level, anchor and heading of each section.
    """

    title: str
    question: str
    results: Sequence[tuple[str, str]]
    answer: str
    facts: Mapping[str, str]
    note: str
    contents: Sequence[tuple[int, str, str]]
    provenance: Mapping[str, str]


def to_html(notebook: NotebookNode, findings: Mapping[str, Any], users_own: bool = False) -> str:
    """Return the report as one file: result and answer first, the notebook's code folded away.

    It has no script and no address outside the file, and a Content-Security-Policy that allows
    neither, nor any style but the report's own. HTML that cells put out is cut down to a list of
    tags and attributes, in addition to having been escaped where it was made. Of a notebook of the
    user's own the page says so. Raises ReportError for findings of another form.
    """
    try:
        page = page_of(notebook, findings, users_own)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise ReportError(
            f"the findings are not in the form atomlab.findings/1 ({error!r})",
            todo="let the notebook's last cell evaluate atomlab.Findings(case)",
        ) from None
    cells = arranged(notebook.cells)
    return render(
        "report/report.html",
        styles=["style.css"],
        page=page,
        cells=zip(cells, fragments(cells), strict=True),
    )


def page_of(notebook: NotebookNode, findings: Mapping[str, Any], users_own: bool = False) -> Page:
    """Return the page for an executed notebook and its findings."""
    cells = notebook.cells
    first = cells[0].source.partition("\n")[0] if cells and _is_prose(cells[0]) else ""
    question = first.lstrip("# ")
    manifest = findings.get("snapshot", {}).get("manifest", {})
    provenance = dict(_provenance(notebook, findings))
    return Page(
        title=printable(_status(findings) or findings.get("title") or question or "Report", 300),
        question=printable(question, 300) if first.startswith("# ") else "",
        results=list(_results(findings)),
        answer=printable(findings["answer"], 4000),
        facts=dict(_facts(findings)),
        note=printable(manifest.get("note") or "", 300),
        contents=[
            (len(found[1]), cell.get("id", ""), printable(found[2].replace("`", "")))
            for cell in arranged(cells)
            if (found := _heading(cell))
        ],
        provenance=provenance | ({"Notebook": _USERS_OWN} if users_own else {}),
    )


def arranged(cells: Sequence[NotebookNode]) -> list[NotebookNode]:
    """Return the cells with those before the first section last, under a heading of their own.

    A reader of the notebook learns first what it can show, a reader of the report after the
    findings. Parameters are left out: the page names those of this run, and a default may name
    another tenant. So is the cell that states the findings, which are the header.
    """
    first = next((n for n, cell in enumerate(cells) if _heading(cell)), 0)
    before = [cell for cell in cells[:first] if not _is_parameters(cell)]
    texts = [cell for cell in before if _is_prose(cell)]
    code = [cell.source for cell in before if not _is_prose(cell)]
    # Each a cell of its own still: two may have pictures of the same name.
    about = [NotebookNode(c, source=re.sub(r"\A# .*\n?", "", c.source).strip()) for c in texts]
    if about:
        about[0] |= {"source": f"## {_ABOUT}\n\n{about[0].source}", "id": "about"}
    setup = [new_code_cell("\n\n".join(code), id="setup")] if code else []
    shown = [c for c in cells[first:] if not _is_parameters(c) and not _states_findings(c)]
    return [*shown, *about, *setup]


def _status(findings: Mapping[str, Any]) -> str:
    """Return the tenant and its status, empty where the findings are about something else."""
    result, tenant = result_of(findings), findings.get("diagnosis", {}).get("tenant")
    return f"{printable(tenant['name'], 200)}: {result}" if result in STATUSES and tenant else ""


def _results(findings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the status, and how sure the cause is; or the verdict on the claims."""
    result, certainty = result_of(findings), certainty_of(findings)
    claims = findings.get("verification", {"claims": None})["claims"]
    if result in STATUSES or claims:
        yield tone(result), f"{result.capitalize()}: {MEANINGS[result]}"
    elif claims is None:
        yield tone(result), result.capitalize()
    else:
        yield tone("inconclusive"), "Inconclusive: no claim given"
    if certainty:
        yield tone(certainty), f"Cause: {certainty}"


def _facts(findings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if tenant := findings.get("diagnosis", {}).get("tenant"):
        name, short = printable(tenant["name"]), printable(tenant["subdomain"] or tenant["id"])
        yield "Tenant", f"{name} ({short})"
    if mode := mode_in(findings):
        yield "Requests", printable(mode)
    if snapshot := findings.get("snapshot", {}):
        yield "Evidence", f"snapshot {printable(snapshot['name'])}"
        yield "Captured", printable(snapshot["manifest"]["captured_at"])
        yield "Rules", printable(snapshot["manifest"]["rules"])


def _provenance(notebook: NotebookNode, findings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if snapshot := findings.get("snapshot"):
        manifest = snapshot["manifest"]
        yield "Snapshot", printable(snapshot["name"])
        yield "SHA-256 of the snapshot", printable(snapshot["sha256"])
        yield "Captured", f"{printable(manifest['captured_at'])} by {printable(manifest['tool'])}"
    yield "Report made by", f"atomlab {version('atomlab')}"
    replayed = findings.get("requests") or list(filter(None, [findings.get("request")]))
    tested = findings.get("tested") or replayed
    if tested != replayed:
        yield "Claims tested for", in_words(tested)
    if replayed:
        yield "Request" if len(replayed) == 1 else "Requests replayed", in_words(replayed)
    given = notebook.metadata.get("papermill", {}).get("parameters", {})
    paths = {n: PurePath(str(v)) for n, v in sorted(given.items()) if v}
    # Files by name, whatever folder they were in.
    shown = {n: path.name if path.is_absolute() else given[n] for n, path in paths.items()}
    values = [f"{printable(n)} {printable(value)}" for n, value in shown.items()]
    yield "Parameters", ", ".join(values) or "the notebook's own"


def _heading(cell: NotebookNode) -> re.Match[str] | None:
    return _HEADING.match(cell.source) if _is_prose(cell) else None


def _is_prose(cell: NotebookNode) -> bool:
    return bool(cell.cell_type == "markdown")


def _is_parameters(cell: NotebookNode) -> bool:
    return bool({"parameters", "injected-parameters"} & set(cell.metadata.get("tags", [])))


def _states_findings(cell: NotebookNode) -> bool:
    outputs = cell.get("outputs", [])
    return bool(outputs) and all(MIME in output.get("data", {}) for output in outputs)
