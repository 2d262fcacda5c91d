"""A report's page: what stands around the notebook, and the order of its sections."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import PurePath
from typing import Any

from markupsafe import Markup
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from atomlab.byok.request import in_words
from atomlab.diagnosis.findings import MIME
from atomlab.errors import ReportError
from atomlab.report.files import EXPLORER, FIX
from atomlab.report.first_page import FirstPage, first_page, script_of
from atomlab.report.outputs import fragments
from atomlab.report.templates import render
from atomlab.show.glossary import anchor, explained, linker
from atomlab.show.words import mode_in
from atomlab.text import printable

_HEADING = re.compile(r"(#{2,3}) (.+)")
_ABOUT = "What this report can and cannot show"
_USERS_OWN = "not one of atomlab's: it may import Python files of its own folder"


@dataclass(frozen=True)
class Page:
    """First page, contents and footer of a report, as plain text.

    `question` is the notebook's title, where it is not the page's; `script` says whether there is
    SQL beside the page, `explored` whether there is an explorer; `contents` are level, anchor and
    heading of each section.
    """

    first: FirstPage
    question: str
    script: bool
    explored: bool
    facts: Mapping[str, str]
    note: str
    contents: Sequence[tuple[int, str, str]]
    provenance: Mapping[str, str]


def to_html(
    notebook: NotebookNode,
    findings: Mapping[str, Any],
    users_own: bool = False,
    *,
    explored: bool = False,
) -> str:
    """Return the report as one file: first a page in plain words, then the notebook, code folded.

    It has no script and no address outside the file, and a Content-Security-Policy that allows
    neither, nor any style but the report's own. HTML that cells put out is cut down to a list of
    tags and attributes, in addition to having been escaped where it was made. Of a notebook of the
    user's own the page says so; `explored` says that the explorer stands beside it. Raises
    ReportError for findings of another form.
    """
    try:
        page = page_of(notebook, findings, users_own, explored=explored)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise ReportError(
            f"the findings are not in the form atomlab.findings/1 ({error!r})",
            todo="let the notebook's last cell evaluate atomlab.Findings(case)",
        ) from None
    cells = arranged(notebook.cells)
    link = linker()
    sentences = {name: link(Markup.escape(x)) for name, x in page.first.sentences.items()}
    pairs = zip(cells, fragments(cells), strict=True)
    shown = [(cell, [link(x) for x in said] if _is_prose(cell) else said) for cell, said in pairs]
    return render(
        "report/report.html",
        styles=["style.css"],
        page=page,
        sentences=sentences,
        anchor=anchor,
        words=explained(" ".join(_texts(page, shown))),
        fix=FIX,
        explorer=EXPLORER,
        cells=shown,
    )


def page_of(
    notebook: NotebookNode,
    findings: Mapping[str, Any],
    users_own: bool = False,
    *,
    explored: bool = False,
) -> Page:
    """Return the page for an executed notebook and its findings."""
    cells = notebook.cells
    first = cells[0].source.partition("\n")[0] if cells and _is_prose(cells[0]) else ""
    question = first.lstrip("# ")
    manifest = findings.get("snapshot", {}).get("manifest", {})
    provenance = dict(_provenance(notebook, findings))
    plain = first_page(findings, question)
    asked = first.startswith("# ") and question != plain.title
    return Page(
        first=plain,
        question=printable(question, 300) if asked else "",
        script=bool(script_of(findings)),
        explored=explored,
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
    another tenant. So is the cell that states the findings, which are the header, and text tagged
    `notebook-only`, which is for those who can run it.
    """
    cells = [cell for cell in cells if not _is_for_the_notebook(cell)]
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


def _texts(page: Page, cells: Sequence[tuple[NotebookNode, Sequence[Markup]]]) -> Iterator[str]:
    """Yield the texts that a reader of the page meets, code aside."""
    yield from (page.first.status, *page.first.sentences.values(), *page.facts.values())
    for cell, outputs in cells:
        yield cell.source if _is_prose(cell) else ""
        yield from (re.sub(r"<[^>]*>", " ", output) for output in outputs)


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


def _is_for_the_notebook(cell: NotebookNode) -> bool:
    return _is_prose(cell) and "notebook-only" in cell.metadata.get("tags", [])


def _is_parameters(cell: NotebookNode) -> bool:
    return bool({"parameters", "injected-parameters"} & set(cell.metadata.get("tags", [])))


def _states_findings(cell: NotebookNode) -> bool:
    outputs = cell.get("outputs", [])
    return bool(outputs) and all(MIME in output.get("data", {}) for output in outputs)
