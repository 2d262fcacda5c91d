"""Markdown that says what it is given: text is escaped, whatever it holds, unless it is Markdown.

Every expression of the template is escaped unless it is Markdown already, as HTML templates escape
theirs.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from atomlab.postmortem.cases import EvidenceItem, Statement
from atomlab.text import printable

TO_WRITE = "TO WRITE"
FOLDER = Path(__file__).with_name("templates")
_LIMIT = 2000  # characters of one text; a name or a note never needs more
# ATOM's setting keys and environment variables, shown as code; nothing in them needs escaping.
_SETTING = re.compile(r"(?<![\w`-])[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+(?![\w`-])")
# What CommonMark, its tables, formulas and the template languages of wikis read as more than a
# character. `_` is one only outside of words; `://` and `www.` make links in many places.
_ACTIVE = re.compile(
    r"[\\`*\[\]<|~{}$]|&(?=#?\w+;)|(?<![^\W_])_|_(?![^\W_])|:(?=//)|(?<=www)\.", re.IGNORECASE
)
# What starts a list, a quotation, a heading, or makes one of the line above.
_AT_START = re.compile(r"^(?=[-+=#>])|^(\d{1,9})(?=[.)](?:\s|$))")


class Markdown(str):
    """Text that is Markdown already."""

    __slots__ = ()


def escaped(text: str, limit: int = _LIMIT) -> Markdown:
    """Return `text` as one line of Markdown that shows it; setting names are set as code."""
    line = printable(" ".join(text.split()), limit)
    pieces, place = [], 0
    for name in _SETTING.finditer(line):
        pieces += [_plain(line[place : name.start()]), f"`{name[0]}`"]
        place = name.end()
    whole = "".join([*pieces, _plain(line[place:])])
    return Markdown(_AT_START.sub(r"\1\\", whole))


def _plain(text: str) -> str:
    return _ACTIVE.sub(lambda match: f"\\{match[0]}", text)


def code(text: str) -> Markdown:
    """Return `text` as code, or escaped where a code span could not hold it."""
    line = printable(text, 200)
    return Markdown(f"`{line}`") if re.fullmatch(r"[\w ./:@+=,#%()'-]+", line) else escaped(line)


def link(address: str) -> Markdown:
    """Return a web address as a link, anything else as text."""
    plain = re.fullmatch(r"https?://[\w./:@+=,#%()?&;~-]{1,500}", address, re.ASCII)
    return Markdown(f"<{address}>") if plain else escaped(address)


def fence(text: str, language: str) -> Markdown:
    """Return the lines of `text` as a block of code."""
    lines = [printable(line, 400) for line in text.expandtabs(4).splitlines()]
    runs = re.findall(r"`{3,}", text)
    tick = "`" * (max(map(len, runs), default=2) + 1)
    return Markdown("\n".join([f"{tick}{language}", *lines, tick]))


class _Writer:
    """Writes values as Markdown, and numbers the evidence in the order in which it is cited."""

    def __init__(self) -> None:
        self.numbers: dict[EvidenceItem, int] = {}

    def shown(self, value: Any) -> str:
        """Return a value of the template: evidence as its number, any text escaped."""
        if isinstance(value, Markdown):
            return value
        if isinstance(value, EvidenceItem):
            return f"[E{self.numbers.setdefault(value, len(self.numbers) + 1)}]"
        if isinstance(value, Statement):
            parts = [escaped(value.text), *map(self.shown, dict.fromkeys(value.cites))]
            if value.missing:
                what = escaped(value.missing.strip())
                parts.append(f"**{TO_WRITE}**{': ' if what else ''}{what}")
            return " ".join(filter(None, parts))
        return "" if value is None else escaped(str(value))

    def evidence(self) -> list[tuple[str, EvidenceItem]]:
        """Return all that was cited so far, by number."""
        return [(f"E{number}", cited) for cited, number in self.numbers.items()]


def render(template: str, **values: Any) -> str:
    """Return the template of this folder filled with `values`, each as Markdown."""
    writer = _Writer()
    environment = Environment(  # noqa: S701 - HTML's escaping is not Markdown's
        loader=FileSystemLoader(FOLDER),
        finalize=writer.shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["sentence"] = lambda parts: Markdown(", ".join(map(writer.shown, parts)))
    functions = {"code": code, "evidence": writer.evidence, "fence": fence, "link": link}
    text = environment.get_template(template).render(functions | values)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"
