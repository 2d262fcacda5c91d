"""Reading a postmortem's Markdown: one parser, for the check and for the page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.tree import SyntaxTreeNode

from atomlab.postmortem.markdown import TO_WRITE

_ADDRESS = re.compile(r"#|https?:|mailto:", re.IGNORECASE)
_CITE = re.compile(r"\[E(\d{1,6})\](?![(\[])")


@dataclass(frozen=True)
class Block:
    """A heading, a paragraph, a list item or a row of a table: its line, text and citations.

    `section` are the headings above it, and a heading's own; `text` leaves out citations. A row
    has `cells`, the `head` of its table in small letters, and its `number`, from 1.
    """

    line: int
    section: tuple[str, ...]
    text: str
    cites: tuple[int, ...]
    cells: tuple[str, ...] = ()
    head: tuple[str, ...] = ()
    number: int = 0
    level: int = 0  # of a heading
    aliases: tuple[str, ...] = ()  # other names of the headings above it, in small letters

    @property
    def named(self) -> dict[str, str]:
        """The cells of a row by the names of their columns."""
        return dict(zip(self.head, self.cells, strict=False))

    def within(self, *names: str) -> bool:
        """Return whether one of the headings above has one of these names, in small letters."""
        return any(heading.lower() in names for heading in (*self.section, *self.aliases))


@cache
def parser() -> MarkdownIt:
    """Return the parser: CommonMark with tables, HTML and images shown as text."""
    made = MarkdownIt("js-default").disable("image")
    made.validateLink = lambda url: bool(_ADDRESS.match(url))  # type: ignore[method-assign]
    made.inline.ruler.before("link", "cite", _cite)
    made.core.ruler.push("to_write", _mark_missing)
    made.core.ruler.push("anchors", _set_anchors)
    return made


def blocks(markdown: str) -> Iterator[Block]:
    """Yield the blocks in the order of the document; fenced code is left out."""
    section: list[str] = []
    for node in SyntaxTreeNode(parser().parse(markdown)).children:
        if node.type == "heading":
            level = int(node.tag[1])
            section = [*(section + [""] * level)[: level - 1], _text(node).strip()]
            yield Block(_line(node), tuple(section), section[-1], _cited(node), level=level)
            continue
        for each in node.walk():
            if each.type == "paragraph":
                yield Block(_line(each), tuple(section), _text(each).strip(), _cited(each))
            elif each.type == "table":
                yield from _rows(each, tuple(section))


def _rows(table: SyntaxTreeNode, section: tuple[str, ...]) -> Iterator[Block]:
    head, *rows = [node for node in table.walk() if node.type == "tr"]
    names = tuple(_text(cell).strip().lower() for cell in head.children)
    for number, row in enumerate(rows, 1):
        cells = tuple(_text(cell).strip() for cell in row.children)
        yield Block(_line(row), section, " ".join(cells), _cited(row), cells, names, number)


def _line(node: SyntaxTreeNode) -> int:
    return node.map[0] + 1 if node.map else 0


def _text(node: SyntaxTreeNode) -> str:
    """Return the text of a node, code included, without citations."""
    if node.attrs.get("class") == "cite":
        return ""
    if node.type in ("softbreak", "hardbreak"):
        return " "
    if node.type in ("text", "code_inline"):
        return node.content
    return "".join(map(_text, node.children))


def _cited(node: SyntaxTreeNode) -> tuple[int, ...]:
    cites = [each for each in node.walk() if each.attrs.get("class") == "cite"]
    return tuple(int(str(each.attrs["href"])[2:]) for each in cites)


def _cite(state: StateInline, silent: bool) -> bool:
    """Read `[E12]` as a link to the row of that evidence."""
    found = _CITE.match(state.src, state.pos)
    if found is None:
        return False
    if not silent:
        opened = state.push("link_open", "a", 1)
        opened.attrs = {"href": f"#e{found[1]}", "class": "cite"}
        state.push("text", "", 0).content = f"[E{found[1]}]"
        state.push("link_close", "a", -1)
    state.pos = found.end()
    return True


def _mark_missing(state: StateCore) -> None:
    """Make `**TO WRITE**` marked text rather than strong text."""
    for token in state.tokens:
        children = token.children or []
        for before, text, after in zip(children, children[1:], children[2:], strict=False):
            if text.content == TO_WRITE and before.type == "strong_open":
                before.tag = after.tag = "mark"


def _set_anchors(state: StateCore) -> None:
    """Give headings an id made from their text, and rows of evidence that of their number."""
    seen: set[str] = set()
    for token, inner in pairwise(state.tokens):
        name = ""
        if token.type == "heading_open":
            name = slug(inner.content)
        elif token.type == "td_open" and re.fullmatch(r"E\d{1,6}", inner.content):
            name = inner.content.lower()
        if name and name not in seen:
            seen.add(name)
            token.attrSet("id", name)


def slug(text: str) -> str:
    """Return the id of a heading."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60]
