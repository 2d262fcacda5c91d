"""What shows itself in a notebook: objects find their card in `atomlab.show`, by name.

So no layer imports what draws it, and nothing of it is loaded before a notebook asks.
"""

from __future__ import annotations

from importlib import import_module


class Shown:
    """An object that Jupyter shows as the card which `atomlab.show.cards` has for it."""

    def _repr_html_(self) -> str:
        card = import_module("atomlab.show.cards").card_of(self)
        return str(card.html())
