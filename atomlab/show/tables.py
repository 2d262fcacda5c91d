"""A data frame as a table for people: pandas Styler's, under a template that escapes everything.

Styler computes the cells. Its own template escapes neither headers nor captions and puts out ids
and styles; the one used here puts out text, scopes and labels, and escapes all of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pandas as pd
from markupsafe import Markup, escape
from pandas.io.formats.style import Styler

from atomlab.show.templates import environment
from atomlab.shown import Shown
from atomlab.text import printable
from atomlab.verdicts import tone

_UNBROKEN = frozenset({"provider"})  # short ids are compared as they stand
_LONGEST_ID = 24  # characters
_LONGEST_WORD = 20  # characters; what is longer, and could not break, would widen its column
_BADGED = frozenset(
    {"verdict", "status", "state", "outcome", "before the fix", "after the fix", "run"}
)
_BREAK = "\u200b"  # where a name may break; no printable text holds one


class _Styler(Styler):
    """A Styler whose table is `table.html`, autoescaped."""

    env = environment(Styler.loader)
    template_html_table = env.get_template("table.html")


@dataclass(frozen=True)
class Table(Shown):
    """A data frame with a caption, for people. `formats` maps columns to format specifications."""

    frame: pd.DataFrame
    caption: str = ""
    formats: Mapping[str, str] = field(default_factory=dict)

    def html(self) -> Markup:
        """Return the table as HTML, every header, cell and caption escaped."""
        numbers = self.frame.select_dtypes("number").columns
        styler = _Styler(self.frame.reset_index(drop=True), uuid="table").hide(axis="index")
        styler.format({name: partial(self._cell, str(name)) for name in self.frame.columns})
        styler.format_index(printable, axis="columns")
        html = styler.to_html(
            caption=printable(self.caption, 300),
            exclude_styles=True,
            numbers=set(numbers),
        )
        return Markup(html)  # noqa: S704

    def __repr__(self) -> str:
        caption = printable(self.caption, 300)
        if self.frame.empty:
            return f"{caption}\n(no rows)"
        shown = self.frame.apply(lambda c: [self._text(str(c.name), value) for value in c])
        return f"{caption}\n{shown.to_string(index=False)}"

    def _cell(self, column: str, value: Any) -> Markup:
        text = self._text(column, value)
        if column in _BADGED:
            return badge(text)
        unbroken = column in _UNBROKEN and len(text) <= _LONGEST_ID
        return escape(text) if unbroken else _breakable(text)

    def _text(self, column: str, value: Any) -> str:
        if pd.isna(value):
            return "–"
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, int | float):
            return format(value, self.formats.get(column, ",.6g"))
        return printable(value, 300)


def table_of(rows: Iterable[Sequence[object]], columns: Sequence[str], caption: str) -> Table:
    """Return a table of the rows."""
    return Table(pd.DataFrame([*rows], columns=[*columns]), caption)


def _breakable(text: str) -> Markup:
    """Return `text`, escaped; names may break after underscores and slashes, if lone or long.

    Where that leaves a piece too long, it may break within.
    """
    words = text.split(" ")
    broken = " ".join(
        _broken(word) if len(words) == 1 or len(word) > _LONGEST_WORD else word for word in words
    )
    return escape(broken).replace(_BREAK, Markup("<wbr>"))


def _broken(name: str) -> str:
    """Return the name with breaks; in short parts what cannot break, even at its hyphens."""
    name = re.sub(r"(?<=[_/])(?=.)", _BREAK, name)
    too_long = rf"[^-{_BREAK}]{{{_LONGEST_WORD + 1},}}"
    return re.sub(too_long, lambda run: re.sub(".{10}(?=.)", rf"\g<0>{_BREAK}", run[0]), name)


def badge(word: str) -> Markup:
    """Return `word`, escaped, as a badge: its tone says the same as the word, never more.

    A verdict is in no colour of good and bad: that a claim or a cause holds may be bad news.
    """
    colour = "plain" if word in ("confirmed", "refuted") else tone(word)
    return Markup('<span class="badge {}">{}</span>').format(colour, word)
