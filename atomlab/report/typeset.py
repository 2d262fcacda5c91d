"""HTML as PDF, without a browser: the tree of a page, set by Typst from a fixed template."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from atomlab.errors import ReportError
from atomlab.report import columns
from atomlab.report.richtext import Element, parse
from atomlab.report.templates import FOLDER

_TEMPLATE = FOLDER / "typeset" / "document.typ"

_LONG_CELL = 700  # characters from which a cell may break across pages
_EMPTY: dict[str, Any] = {"span": 1, "id": "", "classes": [], "breaks": False, "kids": []}


def to_pdf(html: str, *, title: str, footer: str = "") -> bytes:
    """Return the HTML page or fragment as a tagged PDF on A4, the same bytes for the same page.

    `title` heads the pages and names the file to a reader, `footer` stands at each page's foot.
    What is folded away in the page (elements of class `code`) is left out. Raises ReportError if
    typst is not installed, or cannot set the page.
    """
    pdf: bytes = _set(html, title, footer, format="pdf")
    return pdf


def typst() -> Any:
    """Return the module that sets PDF; raise ReportError if it is not installed."""
    try:
        import typst
    except ImportError:
        raise ReportError(
            "PDF needs the package typst, which is not installed",
            todo="pip install 'atomlab[documents]', or choose another format",
        ) from None
    return typst


def _set(html: str, title: str, footer: str, **options: Any) -> Any:
    try:
        return typst().compile(_files(html, title, footer), font_paths=_font_paths(), **options)
    except RuntimeError as error:
        raise ReportError(
            f"typst cannot set the page: {error}", todo="choose another format, and report this"
        ) from None


def _files(html: str, title: str, footer: str) -> dict[str, bytes]:
    """Return the files of the Typst project: the template, and the page's tree beside it."""
    document = {"title": title, "footer": footer, "body": _kids(parse(html))}
    return {"main.typ": _TEMPLATE.read_bytes(), "document.json": json.dumps(document).encode()}


def _font_paths() -> list[Path]:
    """Return where matplotlib keeps DejaVu Sans, for characters that Typst's own fonts lack."""
    found = find_spec("matplotlib")
    return (
        [Path(found.origin).parent / "mpl-data" / "fonts" / "ttf"] if found and found.origin else []
    )


def _kids(element: Element) -> list[Any]:
    return [c if isinstance(c, str) else _node(c) for c in element.children]


def _node(element: Element) -> Any:
    classes = sorted(element.classes)
    node: dict[str, Any] = {"tag": element.tag, "id": element.id, "classes": classes}
    if element.tag in ("pre", "code"):
        return node | {"text": element.text().strip("\n")}
    if element.tag == "table":
        return node | _table(element)
    if element.tag == "img":
        return node | {"data": _data(*element.image), "alt": element.alt} if element.image else ""
    if element.tag == "figure" and element.find("img"):
        node["classes"] = ["picture", *classes]
    return node | {"href": element.href, "kids": _kids(element)}


def _data(kind: str, image: bytes) -> str | list[int]:
    """Return an image as JSON can hold it: an SVG's text, or the bytes as numbers."""
    return image.decode("utf-8", "replace") if kind == "svg" else list(image)


def _table(table: Element) -> dict[str, Any]:
    """Return header rows, other rows, and each column's share of the width, 0 for its own."""
    rows = columns.rows_of(table)
    width, wide = columns.count_of(rows), columns.widths(rows)
    own = columns.LINE if sum(wide) <= columns.LINE else columns.SHORT
    return {
        "columns": [0 if share <= own else round(share, 1) for share in wide],
        "head": [_row(row, width) for row in rows if columns.is_header(row)],
        "rows": [_row(row, width) for row in rows if not columns.is_header(row)],
    }


def _row(row: list[Element], width: int) -> list[dict[str, Any]]:
    cells: list[dict[str, Any]] = [
        {
            "span": cell.span,
            "id": cell.id,
            "classes": sorted(cell.classes),
            "breaks": len(cell.text()) > _LONG_CELL,
            "kids": _kids(cell),
        }
        for cell in row
    ]
    missing = width - sum(cell.span for cell in row)
    return cells + [_EMPTY] * missing
