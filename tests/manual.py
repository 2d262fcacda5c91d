"""The documentation as the tests read it: headings, links, tables, code, and examples to run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.token import Token

_READ = MarkdownIt("commonmark").enable("table")
_GAP = "…"


@dataclass(frozen=True)
class Example:
    """A command line of the documentation, and what is printed there below it."""

    command: str
    shown: tuple[str, ...]

    def matches(self, output: str) -> bool:
        """Return whether this is the output, if `…` stands for lines or a part of one."""
        lines = [
            r"(?:.*\n)*?" if line.strip() == _GAP else f"{_part(line.rstrip())} *\n"
            for line in self.shown
        ]
        return re.fullmatch("".join(lines), output) is not None


@dataclass(frozen=True)
class Manual:
    """A page of documentation in Markdown."""

    path: Path

    @property
    def tokens(self) -> list[Token]:
        """Return its blocks, as markdown-it-py parses them."""
        return _READ.parse(self.path.read_text(encoding="utf-8"))

    def anchors(self) -> set[str]:
        """Return what `#…` can lead to, named as GitHub does."""
        return {_anchor(title) for title in self.sections()}

    def sections(self) -> dict[str, list[Token]]:
        """Return the blocks below each heading, by its text."""
        found: dict[str, list[Token]] = {}
        for before, token in zip([None, *self.tokens], self.tokens, strict=False):
            if before is not None and before.type == "heading_open":
                found[_text(token)] = []
            elif found:
                next(reversed(found.values())).append(token)
        return found

    def links(self) -> list[tuple[str, str]]:
        """Return (address, text) of each link and picture that leads to no other host."""
        spans = [span for token in self.tokens for span in token.children or ()]
        found = [(str(s.attrGet("href") or s.attrGet("src") or ""), s.content) for s in spans]
        return [(unquote(a), text) for a, text in found if a and not re.match(r"\w+:", a)]

    def pictures(self) -> list[tuple[str, str]]:
        """Return (address, alternative text) of each picture."""
        spans = [span for token in self.tokens for span in token.children or ()]
        return [(str(s.attrGet("src")), s.content) for s in spans if s.type == "image"]

    def code(self) -> list[str]:
        """Return all that is set as code: blocks, and spans in the text."""
        spans = [span for token in self.tokens for span in (token, *(token.children or ()))]
        return [s.content for s in spans if s.type in ("code_block", "fence", "code_inline")]

    def quotations(self) -> list[str]:
        """Return the texts of its block quotes."""
        tokens = self.tokens
        starts = [n for n, token in enumerate(tokens) if token.type == "blockquote_open"]
        return [_text(tokens[n + 2]) for n in starts]  # it opens a paragraph, and that its text

    def examples(self) -> list[Example]:
        """Return the command lines that begin with `$ `, each with its output."""
        blocks = [t.content for t in self.tokens if t.type in ("code_block", "fence")]
        parts = [part for block in blocks for part in re.split(r"^\$ ", block, flags=re.M)[1:]]
        return [Example(lines[0], tuple(lines[1:])) for lines in map(_lines, parts)]


def tables(tokens: list[Token]) -> Iterator[list[list[Token]]]:
    """Give the tables among the tokens, row by row, the head first; a cell is its inline token."""
    rows: list[list[Token]] = []
    for token in tokens:
        if token.type == "table_open":
            rows = []
        elif token.type == "tr_open":
            rows.append([])
        elif token.type == "inline" and rows:
            rows[-1].append(token)
        elif token.type == "table_close":
            yield rows
            rows = []


def spelled(cell: Token) -> list[str]:
    """Return the first word of each code span of a cell: an option without its value's name."""
    return [s.content.split()[0] for s in cell.children or () if s.type == "code_inline"]


def _lines(part: str) -> list[str]:
    return part.rstrip("\n").split("\n")


def _part(line: str) -> str:
    return ".*".join(map(re.escape, line.split(_GAP)))


def _text(inline: Token) -> str:
    return "".join(span.content for span in inline.children or ())


def _anchor(title: str) -> str:
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
