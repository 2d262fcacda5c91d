"""Reading a postmortem's Markdown: one parser, for the blocks that are checked and for HTML."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.tree import SyntaxTreeNode

from atomlab.postmortem.markdown import TO_WRITE

_NUMBER = re.compile(r"\W*\d[\d\W]*")
_CITE = re.compile(r"\[E(\d{1,6})\](?![(\[])")
# Characters that no reader sees, such as soft hyphens, and the escapes that show them.
_UNSEEN = re.compile(r"\\(?:xad|u06(?:0[0-5]|1c)|u200[b-f]|u202[a-e]|u206[0-9a-f]|ufeff)")


@dataclass(frozen=True)
class Block:
    """A paragraph, a list item or a row of a table: its line, text and citations.

    `section` are the headings above it; `text` leaves out citations and code that is more than a
    number, `whole` has the code. A row has `cells` (`plain`: without code), the `head` of its
    table in small letters, and its `number`, from 1.
    """

    line: int
    section: tuple[str, ...]
    text: str
    whole: str
    cites: tuple[int, ...]
    cells: tuple[str, ...] = ()
    plain: tuple[str, ...] = ()
    head: tuple[str, ...] = ()
    number: int = 0


@cache
def parser() -> MarkdownIt:
    """Return the parser: CommonMark with tables, HTML and images shown as text."""
    made = MarkdownIt("js-default").disable("image")
    made.inline.ruler.before("link", "cite", _cite)
    made.core.ruler.push("to_write", _mark_missing)
    made.core.ruler.push("anchors", _set_anchors)
    return made


def blocks(markdown: str) -> Iterator[Block]:
    """Yield the blocks in the order of the document; headings and fenced code are left out."""
    for section, node in _sections(markdown):
        for each in node.walk() if node.type != "heading" else ():
            if each.type == "paragraph":
                yield _block(each, section)
            elif each.type == "table":
                yield from _rows(each, section)


def titles(markdown: str) -> Iterator[Block]:
    """Yield the headings, whatever their level, each as the last of its own section."""
    for section, node in _sections(markdown):
        if node.type == "heading":
            yield _block(node, section)


def headings(markdown: str) -> list[str]:
    """Return the texts of the headings, whatever their level."""
    return [title.whole for title in titles(markdown)]


def _sections(markdown: str) -> Iterator[tuple[tuple[str, ...], SyntaxTreeNode]]:
    """Yield the parts of the document, each with the headings above it and its own."""
    section: list[str] = []
    for node in SyntaxTreeNode(parser().parse(markdown)).children:
        if node.type == "heading":
            depth = int(node.tag[1])
            section = [*(section + [""] * depth)[: depth - 1], _seen(node, code=True)]
        yield tuple(section), node


def _block(node: SyntaxTreeNode, section: tuple[str, ...]) -> Block:
    return Block(_line(node), section, _seen(node), _seen(node, code=True), _cited(node))


def _rows(table: SyntaxTreeNode, section: tuple[str, ...]) -> Iterator[Block]:
    head, *rows = [node for node in table.walk() if node.type == "tr"]
    names = tuple(_seen(cell).lower() for cell in head.children)
    for number, row in enumerate(rows, 1):
        cells = tuple(_seen(cell, code=True) for cell in row.children)
        plain = tuple(_seen(cell) for cell in row.children)
        texts = (" ".join(plain), " ".join(cells))
        yield Block(_line(row), section, *texts, _cited(row), cells, plain, names, number)


def _line(node: SyntaxTreeNode) -> int:
    return node.map[0] + 1 if node.map else 0


def _text(node: SyntaxTreeNode, code: bool = False) -> str:
    """Return the text of a node without citations; with code if asked for, else its numbers."""
    if node.type == "link" and node.attrs.get("class") == "cite":
        return ""
    if node.type == "code_inline":
        return node.content if code or _NUMBER.fullmatch(node.content) else " "
    if node.type in ("softbreak", "hardbreak"):
        return " "
    return node.content if node.type == "text" else "".join(_text(c, code) for c in node.children)


def _seen(node: SyntaxTreeNode, code: bool = False) -> str:
    """Return the text of a node as a reader sees it, without format characters."""
    shown = _UNSEEN.sub("", _text(node, code))
    return "".join(c for c in shown if unicodedata.category(c) != "Cf").strip()


def _cited(node: SyntaxTreeNode) -> tuple[int, ...]:
    links = [each for each in node.walk() if each.type == "link"]
    return tuple(int(str(a.attrs["href"])[2:]) for a in links if a.attrs.get("class") == "cite")


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
    """Set what is still to write as marked text rather than as strong text."""
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
            name = re.sub(r"[^a-z0-9]+", "-", inner.content.lower()).strip("-")[:60]
        elif token.type == "td_open" and re.fullmatch(r"E\d{1,6}", inner.content):
            name = inner.content.lower()
        if name and name not in seen:
            seen.add(name)
            token.attrSet("id", name)


def title_of(markdown: str) -> str:
    """Return the first heading, or what stands for it."""
    return next(iter(headings(markdown)), "Postmortem")


def contents(markdown: str) -> list[tuple[str, str]]:
    """Return the id and the text of each heading of the second level."""
    tree = SyntaxTreeNode(parser().parse(markdown))
    return [
        (str(node.attrs.get("id", "")), _text(node, code=True))
        for node in tree.children
        if node.type == "heading" and node.tag == "h2"
    ]
