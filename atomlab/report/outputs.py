"""Outputs of cells as a report shows them: HTML, Markdown or text, and what a page can hold."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_output

from atomlab.text import listed, printable, visible

_TAGGED = 5  # how much longer Markdown can be as HTML
# Characters: of text, of HTML, which takes seconds to be cleaned, and bytes
# of all outputs together, so that a report stays below 2 MB.
_TEXT, _HTML, _PAGE = 100_000, 600_000, 1_600_000
_ELSEWHERE = "notebook.ipynb, beside this report, has it"


def with_outputs_shown(cells: Sequence[NotebookNode]) -> list[NotebookNode]:
    """Return the cells, each output as HTML, Markdown or text; what is left out is said."""
    left, shown = _PAGE, list[NotebookNode]()
    for cell in cells:
        outputs = []
        for output in cell.get("outputs", ()):
            kind, content = _shown(output)
            if _size(kind, content) > left:
                kind, content = _instead(len(content), "is more than this page holds")
            left -= _size(kind, content)
            outputs.append(new_output("display_data", {kind: content}))
        shown.append(NotebookNode({**cell, "outputs": outputs} if outputs else cell))
    return shown


def _size(kind: str, content: str) -> int:
    """Return the bytes that it takes in the page at most: text is escaped, Markdown gets tags."""
    written = escape(content) if kind == "text/plain" else content
    size = len(written.encode("utf-8", "backslashreplace"))
    return size * _TAGGED if kind == "text/markdown" else size


def _shown(output: Mapping[str, Any]) -> tuple[str, str]:
    """Return the kind of the output, of the three, and its content."""
    if output["output_type"] == "stream":
        return _as_text(output["text"])
    if output["output_type"] == "error":
        return _as_text(f"{output['ename']}: {output['evalue']}")
    data = output["data"]
    if "text/html" in data:
        html = visible(str(data["text/html"]))
        fits = len(html) <= _HTML
        return ("text/html", html) if fits else _instead(len(html), "is too large for this page")
    if picture := _picture(data):
        return "text/html", picture
    if "text/markdown" in data and len(str(data["text/markdown"])) <= _TEXT:
        return "text/markdown", visible(str(data["text/markdown"]))
    if "text/plain" in data:
        return _as_text(str(data["text/plain"]))
    kinds = printable(listed(data))
    return "text/plain", f"An output of the kind {kinds} is not shown; {_ELSEWHERE}."


def _as_text(text: str) -> tuple[str, str]:
    rest = len(text) - _TEXT
    more = f"\n… {rest:,} more characters; {_ELSEWHERE}." if rest > 0 else ""
    return "text/plain", visible(text[:_TEXT]) + more


def _instead(size: int, why: str) -> tuple[str, str]:
    return "text/plain", f"An output of {size:,} characters {why}; {_ELSEWHERE}."


def _picture(data: Mapping[str, Any]) -> str:
    """Return a picture as an `img` that holds it, empty if there is none; no SVG is ever inline."""
    if "image/svg+xml" in data:
        kind, content = "svg+xml", b64encode(str(data["image/svg+xml"]).encode()).decode()
    elif "image/png" in data:
        kind, content = "png", "".join(str(data["image/png"]).split())
    else:
        return ""
    alt = printable(str(data.get("text/plain", "A picture")), 200)
    return f'<img alt="{escape(alt)}" src="data:image/{kind};base64,{content}">'
