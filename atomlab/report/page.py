"""A report's page: what stands around the notebook, and in which order its sections come."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import PurePath
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from atomlab.byok.request import in_words
from atomlab.diagnosis.findings import MIME, certainty_of, result_of
from atomlab.show.words import mode_in
from atomlab.text import printable
from atomlab.verdicts import STATUSES, tone

_HEADING = re.compile(r"(#{2,3}) (.+)")
_ABOUT = "What this report can and cannot show"
_USERS_OWN = "not one of atomlab's: it may import Python files of its own folder"
_TOLD = {
    "confirmed": "Confirmed: every claim holds",
    "refuted": "Refuted: not every claim holds",
    "inconclusive": "Inconclusive: the evidence cannot tell",
    "affected": "Affected: requests find no model",
    "healthy": "Healthy: every request that was tried finds a model",
    "undecided": "Undecided: the evidence cannot tell",
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


def arranged(cells: Sequence[NotebookNode]) -> list[NotebookNode]:
    """Return the cells with those before the first section last, under a heading of their own.

    A reader of the notebook is told first what it can show, one of the report after the findings.
    Parameters are left out: the page names those of this run, and a default may name a tenant.
    """
    first = next((n for n, cell in enumerate(cells) if _heading(cell)), 0)
    prose = [_without_title(cell.source) for cell in cells[:first] if _is_prose(cell)]
    code = [cell.source for cell in cells[:first] if not _is_prose(cell) and not _parameters(cell)]
    about = [new_markdown_cell("\n\n".join([f"## {_ABOUT}", *prose]), id="about")] if prose else []
    setup = [new_code_cell("\n\n".join(code), id="setup")] if code else []
    shown = [c for c in cells[first:] if not _parameters(c) and not _states_findings(c)]
    return [*shown, *about, *setup]


def page_of(notebook: NotebookNode, findings: Mapping[str, Any], users_own: bool = False) -> Page:
    """Return the page for an executed notebook whose findings have a `verdict` and an `answer`.

    The rest of the findings is shown where it is there. Of a notebook that is the
    user's own, which atomlab cannot vouch for, it says so.
    """
    cells = notebook.cells
    question = cells[0].source.partition("\n")[0] if cells and _is_prose(cells[0]) else ""
    title = _status(findings) or findings.get("title") or question.lstrip("# ") or "Report"
    manifest = findings.get("snapshot", {}).get("manifest", {})
    return Page(
        title=printable(title, 300),
        question=printable(question.lstrip("# "), 300) if question.startswith("# ") else "",
        results=list(_results(findings)),
        answer=printable(findings["answer"], 4000),
        facts=dict(_facts(findings)),
        note=printable(manifest.get("note") or "", 300),
        contents=list(_contents(arranged(cells))),
        provenance=dict(_provenance(notebook, findings))
        | ({"Notebook": _USERS_OWN} if users_own else {}),
    )


def _status(findings: Mapping[str, Any]) -> str:
    """Return the tenant and its status, empty where that was not asked, or of no single tenant."""
    result, tenant = result_of(findings), findings.get("diagnosis", {}).get("tenant")
    asked = result in STATUSES and tenant
    return f"{printable(tenant['name'], 200)}: {result}" if asked else ""


def _results(findings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the status, and how sure the cause is; or the verdict on the claims."""
    result, certainty = result_of(findings), certainty_of(findings)
    claims = findings.get("verification", {"claims": None})["claims"]
    if result in STATUSES or claims:
        yield tone(result), _TOLD[result]
    elif claims is None:
        yield tone(result), result.capitalize()
    else:
        yield tone("inconclusive"), "Inconclusive: no claim given"
    if certainty:
        yield tone(certainty), f"Cause: {certainty}"


def _facts(findings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    tenant = findings.get("diagnosis", {}).get("tenant")
    snapshot = findings.get("snapshot", {})
    if tenant:
        name, short = printable(tenant["name"]), printable(tenant["subdomain"] or tenant["id"])
        yield "Tenant", f"{name} ({short})"
    if mode := mode_in(findings):
        yield "Requests", printable(mode)
    if snapshot:
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
    yield from _requests(findings)
    given = notebook.metadata.get("papermill", {}).get("parameters", {})
    yield "Parameters", _listed(dict(sorted(given.items()))) or "the notebook's own"


def _requests(findings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what requests were replayed; before them, if fewer, those that the claims are about."""
    replayed = findings.get("requests") or list(filter(None, [findings.get("request")]))
    tested = findings.get("tested") or replayed
    if tested != replayed:
        yield "Claims tested for", in_words(tested)
    if replayed:
        yield "Request" if len(replayed) == 1 else "Requests replayed", in_words(replayed)


def _listed(values: Mapping[str, Any]) -> str:
    """Return `name value, …` of what is given; files by name, whatever folder they were in."""
    texts = {name: str(value) for name, value in values.items() if value}
    names = {n: PurePath(t).name if PurePath(t).is_absolute() else t for n, t in texts.items()}
    return ", ".join(f"{printable(name)} {printable(text)}" for name, text in names.items())


def _contents(cells: Sequence[NotebookNode]) -> Iterator[tuple[int, str, str]]:
    for cell in cells:
        if found := _heading(cell):
            yield len(found[1]), cell.get("id", ""), printable(found[2].replace("`", ""))


def _heading(cell: NotebookNode) -> re.Match[str] | None:
    return _HEADING.match(cell.source) if _is_prose(cell) else None


def _is_prose(cell: NotebookNode) -> bool:
    return bool(cell.cell_type == "markdown")


def _without_title(source: str) -> str:
    return source.partition("\n")[2].strip() if source.startswith("# ") else source


def _parameters(cell: NotebookNode) -> bool:
    return bool({"parameters", "injected-parameters"} & set(cell.metadata.get("tags", [])))


def _states_findings(cell: NotebookNode) -> bool:
    """Return whether all that a cell shows stands in the header already."""
    outputs = cell.get("outputs", [])
    return bool(outputs) and all(MIME in output.get("data", {}) for output in outputs)
