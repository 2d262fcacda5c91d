"""HTML as a Word document: the tree of a page, in Word's own styles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from typing import TYPE_CHECKING, Any

from atomlab.errors import ReportError
from atomlab.report import columns, ooxml
from atomlab.report.richtext import BLOCKS, Element, parse, visible
from atomlab.text import printable

if TYPE_CHECKING:
    from docx.shared import Length
    from docx.table import _Cell
    from docx.text.paragraph import Paragraph

_ROOM_CM = 16.8  # between the margins of A4
_MONO = "Consolas"
_LISTS = {"ul": "List Bullet", "ol": "List Number"}
_STYLES = {"blockquote": "Quote", "figcaption": "Caption"}


def to_docx(html: str, *, title: str) -> bytes:
    """Return the HTML page or fragment as a Word document, its headings and links live.

    Raises ReportError if python-docx is not installed. SVG images are told by their alternative
    text, which is all that every version of Word can show of them.
    """
    try:
        from docx import Document
    except ImportError:
        raise ReportError(
            "DOCX needs the package python-docx, which is not installed",
            todo="pip install 'atomlab[documents]', or choose another format",
        ) from None
    document = Document()
    _set_up(document, visible(printable(title, 240)))
    _Writer(document).write(parse(html), document)
    stream = BytesIO()
    document.save(stream)
    return stream.getvalue()


@dataclass(frozen=True)
class _Look:
    """How a run of text looks, and where it leads: to an address, or an id with `#`."""

    bold: bool = False
    italic: bool = False
    mono: bool = False
    mark: bool = False
    href: str = ""

    def within(self, element: Element) -> _Look:
        """Return the look of what is in the element."""
        return replace(
            self,
            bold=self.bold or element.tag in ("strong", "mark", "th", "summary"),
            italic=self.italic or element.tag == "em",
            mono=self.mono or element.tag == "code",
            mark=self.mark or element.tag == "mark",
            href=element.href or self.href,
        )


class _Writer:
    """Writes elements into a document or a cell; bookmarks are numbered through the document."""

    def __init__(self, document: Any) -> None:
        self._document = document
        self._bookmarks = 0

    def write(self, element: Element, into: Any, style: str | None = None) -> None:
        """Write what is in the element: blocks as blocks, the text between as paragraphs."""
        paragraph: Paragraph | None = None
        for child in element.children:
            if isinstance(child, Element) and child.tag in BLOCKS:
                paragraph = None
                self._block(child, into, style)
            else:
                paragraph = paragraph or into.add_paragraph(style=style)
                self._inline(child, paragraph, _Look().within(element))

    def _block(self, element: Element, into: Any, style: str | None) -> None:
        if element.tag in ("h1", "h2", "h3", "h4") and into is self._document:
            heading = into.add_heading(level=int(element.tag[1]))
            self._fill(heading, element)
        elif element.tag in _LISTS:
            self._list(element, into)
        elif element.tag == "table":
            self._table(element, into)
        elif element.tag == "pre":
            self._code(element, into)
        elif element.tag != "hr":
            self.write(element, into, _STYLES.get(element.tag, style))

    def _fill(self, paragraph: Paragraph, element: Element) -> None:
        self._bookmark(paragraph, element.id)
        for child in element.children:
            self._inline(child, paragraph, _Look())

    def _inline(self, node: Element | str, paragraph: Paragraph, look: _Look) -> None:
        from docx.enum.text import WD_COLOR_INDEX

        if isinstance(node, Element):
            if node.tag == "br":
                paragraph.add_run().add_break()
            elif node.tag == "img":
                self._picture(node, paragraph)
            for child in node.children:
                self._inline(child, paragraph, look.within(node))
            return
        run = paragraph.add_run(node)
        run.bold, run.italic = look.bold or None, look.italic or None
        if look.mono:
            run.font.name = _MONO
        if look.mark:
            run.font.highlight_color = WD_COLOR_INDEX.YELLOW
        if look.href:
            ooxml.make_link(paragraph, run, look.href)

    def _list(self, element: Element, into: Any) -> None:
        number = ooxml.new_numbering(self._document) if element.tag == "ol" else None
        for item in element.only("li"):
            before = len(into.paragraphs)
            self.write(item, into, _LISTS[element.tag])
            if number is not None and len(into.paragraphs) > before:
                properties = into.paragraphs[before]._p.get_or_add_pPr()
                properties.get_or_add_numPr().get_or_add_numId().val = number

    def _table(self, element: Element, into: Any) -> None:
        from docx.shared import Cm

        rows = columns.rows_of(element)
        if not rows:
            return
        shares = columns.widths(rows)
        widths = [Cm(_ROOM_CM * share / sum(shares)) for share in shares]
        table = into.add_table(len(rows), len(widths))
        table.style = "Table Grid"
        for column, width in zip(table.columns, widths, strict=True):
            column.width = width  # LibreOffice goes by these, Word by those of the cells
        for row, made in zip(rows, table.rows, strict=True):
            if columns.is_header(row):
                made._tr.get_or_add_trPr().append(ooxml.element("w:tblHeader"))
            self._row(row, list(made.cells), widths)
        into.add_paragraph()

    def _row(self, row: list[Element], cells: list[_Cell], widths: Sequence[Length]) -> None:
        for cell, width in zip(cells, widths, strict=True):
            cell.width = width
        place = 0
        for element in row:
            last = min(place + element.span, len(cells)) - 1
            target = cells[place].merge(cells[last]) if last > place else cells[place]
            self._cell(element, target)
            place += element.span

    def _cell(self, element: Element, cell: _Cell) -> None:
        from docx.shared import Pt

        self.write(element, cell)
        first = cell.paragraphs[0]
        if len(cell.paragraphs) > 1:  # the empty one that every cell is made with
            first._p.getparent().remove(first._p)
        self._bookmark(cell.paragraphs[0], element.id)
        for paragraph in cell.paragraphs:
            paragraph.paragraph_format.space_after = Pt(2)
            for run in paragraph.runs:
                run.font.size = Pt(9)

    def _code(self, element: Element, into: Any) -> None:
        from docx.shared import Pt

        paragraph = into.add_paragraph(style="No Spacing")
        for place, line in enumerate(element.text().strip("\n").split("\n")):
            run = paragraph.add_run()
            if place:
                run.add_break()
            run.add_text(line)
            run.font.name, run.font.size = _MONO, Pt(8)
        paragraph._p.get_or_add_pPr().append(ooxml.element("w:shd", val="clear", fill="F4F6F8"))
        into.add_paragraph()

    def _picture(self, element: Element, paragraph: Paragraph) -> None:
        from docx.shared import Cm

        if element.image and element.image[0] == "png":
            paragraph.add_run().add_picture(BytesIO(element.image[1]), width=Cm(15))
        else:
            paragraph.add_run(element.alt).italic = True

    def _bookmark(self, paragraph: Paragraph, name: str) -> None:
        if name:
            self._bookmarks += 1
            ooxml.add_bookmark(paragraph, name, self._bookmarks)


def _set_up(document: Any, title: str) -> None:
    """Set A4, margins, the title, and the page's number at its foot."""
    from docx.shared import Cm, Pt

    section = document.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin = section.right_margin = Cm(2.1)
    section.top_margin = section.bottom_margin = Cm(2.2)
    document.styles["Normal"].font.size = Pt(10.5)
    document.core_properties.title = title
    document.core_properties.author = document.core_properties.comments = ""
    foot = section.footer.paragraphs[0]
    foot.add_run(f"{title[:120]}\t\t")
    ooxml.add_page_number(foot)
