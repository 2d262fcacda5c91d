"""What python-docx has no words for: links, bookmarks, numberings, and the page's number."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from docx.text.paragraph import Paragraph
    from docx.text.run import Run


def make_link(paragraph: Paragraph, run: Run, href: str) -> None:
    """Make the run a link to an address, or with `#` to a bookmark of the document."""
    from docx.opc.constants import RELATIONSHIP_TYPE
    from docx.shared import RGBColor

    run.font.color.rgb = RGBColor(0x0B, 0x53, 0x94)
    link = element("w:hyperlink")
    if href.startswith("#"):
        link.set(_name("w:anchor"), _anchor(href[1:]))
    else:
        kind = RELATIONSHIP_TYPE.HYPERLINK
        link.set(_name("r:id"), paragraph.part.relate_to(href, kind, is_external=True))
    link.append(run._r)
    paragraph._p.append(link)


def add_bookmark(paragraph: Paragraph, name: str, number: int) -> None:
    """Add a bookmark that links can lead to; `number` is the document's own for it."""
    paragraph._p.append(element("w:bookmarkStart", id=str(number), name=_anchor(name)))
    paragraph._p.append(element("w:bookmarkEnd", id=str(number)))


def add_page_number(paragraph: Paragraph) -> None:
    """Add the field that Word replaces with the page's number."""
    field = element("w:instrText")
    field.text = "PAGE"
    for part in (
        element("w:fldChar", fldCharType="begin"),
        field,
        element("w:fldChar", fldCharType="end"),
    ):
        paragraph.add_run()._r.append(part)


def new_numbering(document: Any) -> int:
    """Return the id of a numbering that starts at 1: Word's own would count through all lists."""
    numberings = document.part.numbering_part.numbering_definitions._numbering
    style = document.styles["List Number"].element.pPr.numPr.numId.val
    abstract = numberings.num_having_numId(style).abstractNumId.val
    made = numberings.add_num(abstract)
    made.add_lvlOverride(ilvl=0).add_startOverride(1)
    return int(made.numId)


def element(tag: str, **attributes: str) -> Any:
    """Return an element of WordprocessingML with attributes of its namespace."""
    from docx.oxml import OxmlElement

    made = OxmlElement(tag)
    for name, value in attributes.items():
        made.set(_name(f"w:{name}"), value)
    return made


def _anchor(name: str) -> str:
    """Return a name that Word allows for a bookmark."""
    return re.sub(r"\W", "_", f"to_{name}")[:40]


def _name(name: str) -> str:
    from docx.oxml.ns import qn

    return str(qn(name))
