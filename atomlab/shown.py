"""What shows itself: a line of text anywhere, and in a notebook a card, found by name.

So no layer imports what draws it, and nothing of it is loaded before a notebook asks. However much
an object holds, what it shows is short: its facts, each cut, and of many things the first few.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from importlib import import_module
from reprlib import Repr
from typing import Any, TypeVar

from atomlab.text import printable

T = TypeVar("T")
_LINE, _PART = 450, 100  # characters
_FEW = 3


class Shown:
    """An object that shows its facts: in one short line, and in Jupyter as a card."""

    __slots__ = ()

    def _facts(self) -> Mapping[str, object]:
        """Return what the object shows of itself, by name: its public fields."""
        names = [field.name for field in fields(self)] if is_dataclass(self) else vars(self)
        return {name: getattr(self, name) for name in names if name[0] != "_"}

    def __repr__(self) -> str:
        parts = (f"{name}={brief(value)}" for name, value in self._facts().items())
        return printable(f"{type(self).__name__}({', '.join(parts)})", _LINE)

    def _repr_html_(self) -> str:
        card = import_module("atomlab.show.cards").card_of(self)
        return str(card.html())


class Several(tuple[T, ...], Shown):
    """A tuple that shows how many things are in it, and the first few."""

    __slots__ = ()

    def _facts(self) -> Mapping[str, object]:
        return {}

    def __repr__(self) -> str:
        return _first(self)


class Listed(list[T], Shown):
    """A list that shows how many things are in it, and the first few."""

    __slots__ = ()

    def _facts(self) -> Mapping[str, object]:
        return {}

    def __repr__(self) -> str:
        return _first(self)


class _Brief(Repr):
    """Python's own, for parts of a line."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel, self.maxstring, self.maxother = 2, _PART, _PART
        self.maxtuple = self.maxlist = self.maxdict = self.maxset = self.maxfrozenset = _FEW

    def repr_ndarray(self, values: Sequence[object], _: int) -> str:
        return f"<{len(values):,} values>"

    def repr_mappingproxy(self, values: Mapping[str, object], level: int) -> str:
        return str(self.repr_dict({**values}, level))


def brief(value: object) -> str:
    """Return `value` as one line of some hundred characters."""
    return printable(_Brief().repr(value), _PART + 20)


def _first(things: Sequence[object]) -> str:
    rest = len(things) - _FEW
    parts = ", ".join(map(brief, things[:_FEW]))
    return f"[{parts}{f' … and {rest:,} more' if rest > 0 else ''}]"


def explorer_of(case: Any) -> Any:
    """Return the explorer of a case, a widget for JupyterLab."""
    return import_module("atomlab.report.explorer").widget_of(case)
