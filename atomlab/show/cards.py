"""A card: what an object shows of itself in Jupyter, compact and escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from atomlab.show.badges import badge
from atomlab.show.tables import Table
from atomlab.show.templates import render
from atomlab.text import printable


@dataclass(frozen=True)
class Card:
    """A title with a word on it, facts by name, tables, remarks, and scripts by title."""

    title: str = ""
    word: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)
    tables: Sequence[Table] = ()
    remarks: Sequence[str] = ()
    scripts: Mapping[str, str] = field(default_factory=dict)

    def html(self) -> str:
        """Return the card as HTML, everything in it escaped."""
        return render(
            "card.html",
            title=printable(self.title, 200),
            badge=badge(printable(self.word)) if self.word else "",
            facts={printable(name): printable(value, 300) for name, value in self.facts.items()},
            tables=[table.html() for table in self.tables],
            remarks=[printable(remark, 600) for remark in self.remarks],
            scripts={printable(name): script for name, script in self.scripts.items()},
        )
