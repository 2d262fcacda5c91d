"""HTML as a tree of the few elements that a document has; what else it holds is left out.

From here HTML becomes PDF or DOCX. Text is data in both: nothing of it is ever read as markup.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

from atomlab.text import printable

INLINE = frozenset("a br code em img mark span strong sub sup".split())  # noqa: SIM905
BLOCKS = frozenset(
    """blockquote caption dd details div dl dt figcaption figure footer h1 h2 h3 h4 header hr li ol
    p pre summary table tbody td th thead tr ul""".split()  # noqa: SIM905
)
# These hold blocks only: white space between them is that of the file.
_FRAMES = frozenset("div dl figure footer header ol table tbody thead tr ul".split())  # noqa: SIM905
_LEFT_OUT = frozenset("head iframe math noscript object script style svg template title".split())  # noqa: SIM905
_VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())  # noqa: SIM905
_ALIASES = {"b": "strong", "i": "em", "h5": "h4", "h6": "h4", "main": "div", "section": "div"}
_MAX_DEPTH = 20  # typst stops at some eighty nested calls, and each element takes a few
_IMAGES = {"data:image/svg+xml;base64,": "svg", "data:image/png;base64,": "png"}
_ADDRESS = re.compile(r"#[\w.-]+|(?:https?://|mailto:)\S+", re.IGNORECASE)


@dataclass
class Element:
    """An element: its tag, its children in order, and what counts of its attributes.

    `image` is the kind, svg or png, and the bytes of an `img`; `span` the columns of a cell.
    """

    tag: str
    id: str = ""
    classes: frozenset[str] = frozenset()
    href: str = ""
    alt: str = ""
    span: int = 1
    image: tuple[str, bytes] | None = None
    children: list[Element | str] = field(default_factory=list)

    def text(self) -> str:
        """Return the text of the element and of all below it."""
        return "".join(c if isinstance(c, str) else c.text() for c in self.children)

    def elements(self) -> Iterator[Element]:
        """Yield the element and all below it, in document order."""
        yield self
        for child in self.children:
            if isinstance(child, Element):
                yield from child.elements()

    def find(self, *tags: str) -> list[Element]:
        """Return the elements with one of these tags, itself included, in document order."""
        return [element for element in self.elements() if element.tag in tags]

    def only(self, *tags: str) -> list[Element]:
        """Return the children with one of these tags."""
        return [c for c in self.children if isinstance(c, Element) and c.tag in tags]


def parse(html: str, omit: Collection[str] = ("code", "contents")) -> Element:
    """Return the content of an HTML page or fragment, in an element `div`.

    Left out are scripts and styles, elements with a class in `omit` (folded code and tables of
    contents), images that are not in the page itself, and addresses that are neither of the page
    nor http or mail. Tags that no document needs give way to their content.
    """
    reader = _Reader(frozenset(omit))
    reader.feed(html)
    reader.close()
    _fold_white_space(reader.root)
    _set_captions(reader.root)
    _keep_live_links(reader.root)
    return reader.root


def visible(text: str) -> str:
    """Return `text`, its line breaks kept, with control and bidi characters as escapes."""
    lines = text.expandtabs(4).replace("\r", "").split("\n")
    shown = "\n".join(printable(line, len(line)) for line in lines)
    return shown.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")  # no XML holds these


class _Reader(HTMLParser):
    """Builds the tree; an end tag that closes nothing is ignored."""

    def __init__(self, omit: frozenset[str]) -> None:
        super().__init__()
        self.root = Element("div")
        self._omit = omit
        # Each open tag, and the element that takes what is in it: None takes nothing.
        self._open: list[tuple[str, Element | None]] = [("", self.root)]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        taker = self._open[-1][1]
        if taker is not None:
            made = _element(_ALIASES.get(tag, tag), {k: v or "" for k, v in attrs})
            if tag in _LEFT_OUT or made.classes & self._omit:
                taker = None
            elif made.tag in INLINE | BLOCKS and len(self._open) < _MAX_DEPTH:
                taker.children.append(made)
                taker = made
        if tag not in _VOID:
            self._open.append((tag, taker))

    def handle_endtag(self, tag: str) -> None:
        for place in range(len(self._open) - 1, 0, -1):
            if self._open[place][0] == tag:
                del self._open[place:]
                return

    def handle_data(self, data: str) -> None:
        if (taker := self._open[-1][1]) is not None:
            taker.children.append(visible(data))


def _element(tag: str, attributes: dict[str, str]) -> Element:
    address = attributes.get("href", "").strip()
    span = attributes.get("colspan", "1")
    return Element(
        tag,
        id=attributes.get("id", ""),
        classes=frozenset(attributes.get("class", "").split()),
        href=address if tag == "a" and _ADDRESS.fullmatch(address) else "",
        alt=visible(attributes.get("alt", "")),
        span=min(int(span), 50) if span.isdecimal() and int(span[:3]) else 1,
        image=_image(attributes.get("src", "")) if tag == "img" else None,
    )


def _image(source: str) -> tuple[str, bytes] | None:
    for start, kind in _IMAGES.items():
        if source.startswith(start):
            try:
                return kind, base64.b64decode(source[len(start) :], validate=True)
            except binascii.Error:
                return None
    return None


def _fold_white_space(element: Element) -> None:
    """Fold white space as a browser does, and drop what is left of it between blocks."""
    if element.tag == "pre":
        return
    folded: list[Element | str] = []
    for child in element.children:
        if isinstance(child, Element):
            _fold_white_space(child)
            folded.append(child)
            continue
        text = re.sub(r"[ \n]+", " ", child)
        after_block = not folded or (isinstance(last := folded[-1], Element) and _block(last))
        if not (text == " " and (after_block or element.tag in _FRAMES)):
            folded.append(text.lstrip(" ") if after_block and _block(element) else text)
    if folded and isinstance(end := folded[-1], str) and _block(element):
        folded[-1] = end.rstrip(" ")
    element.children = [child for child in folded if child != ""]


def _set_captions(element: Element) -> None:
    """Let the caption of a table stand before it, as that of a figure."""
    placed: list[Element | str] = []
    for child in element.children:
        if isinstance(child, Element):
            _set_captions(child)
            if child.tag == "table":
                for caption in child.only("caption"):
                    child.children.remove(caption)
                    caption.tag = "figcaption"
                    placed.append(caption)
        placed.append(child)
    element.children = placed


def _block(element: Element) -> bool:
    return element.tag in BLOCKS


def _keep_live_links(root: Element) -> None:
    """Keep each id once, and only links within the document that lead somewhere."""
    seen: set[str] = set()
    for element in root.elements():
        element.id = "" if element.id in seen else element.id
        seen.add(element.id)
    for element in root.find("a"):
        if element.href.startswith("#") and element.href[1:] not in seen:
            element.href = ""
