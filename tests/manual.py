"""The documentation as the tests read it: headings, links, tables, code, and examples to run."""

from __future__ import annotations

import functools
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import typer
from markdown_it import MarkdownIt
from markdown_it.token import Token

from atomlab.cli import app

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

    def renewed(self, output: str) -> Example:
        """Return the example with what is printed now, as much of it left out as before."""
        return Example(self.command, tuple(_renewed(self.shown, output.rstrip("\n").split("\n"))))

    @property
    def text(self) -> str:
        """Return it as a page has it, in an indented block."""
        return textwrap.indent("\n".join([f"$ {self.command}", *self.shown]), "    ")


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


def commands(group: Any = None, path: str = "atomlab") -> Iterator[tuple[str, Any]]:
    """Give each command of the command line with its full name, groups left out."""
    for name, command in (group or typer.main.get_command(app)).commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


CALLS = dict(commands())


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


def _renewed(shown: tuple[str, ...], output: list[str]) -> list[str]:
    """Return the output with gaps, by the cheapest way to lay it beside what was shown."""

    @functools.cache
    def best(at: int, line: int) -> tuple[float, tuple[str, ...]]:
        ways = []
        if at == len(shown) and line == len(output):
            return 0, ()
        if line < len(output):
            hidden = 0 if at < len(shown) and shown[at].strip() == _GAP else 0.7
            cost, rest = best(at, line + 1)
            ways.append((cost + hidden, (_GAP, *rest)))
        if at < len(shown):
            is_gap = shown[at].strip() == _GAP
            cost, rest = best(at + 1, line)
            ways.append((cost + (0 if is_gap else 1), (_GAP, *rest) if is_gap else rest))
        if at < len(shown) and line < len(output) and not is_gap:
            own, text = _laid_beside(shown[at], output[line].rstrip())
            cost, rest = best(at + 1, line + 1)
            ways.append((cost + own, (text, *rest)))
        return min(ways)

    lines = best(0, 0)[1]
    return [
        a for a, before in zip(lines, (None, *lines), strict=False) if (a, before) != (_GAP,) * 2
    ]


def _laid_beside(shown: str, line: str) -> tuple[float, str]:
    """Return how much a line differs from the one that was shown, and what to show of it."""
    if re.fullmatch(_part(shown.rstrip()), line):
        return 0, shown
    cut = f"{line[: shown.index(_GAP)].rpartition(' ')[0]} {_GAP}" if _GAP in shown else line
    return 2 - 2 * SequenceMatcher(None, shown, line).ratio(), cut


def _part(line: str) -> str:
    return ".*".join(map(re.escape, line.split(_GAP)))


def _text(inline: Token) -> str:
    return "".join(span.content for span in inline.children or ())


def _anchor(title: str) -> str:
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
