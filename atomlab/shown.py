"""What shows itself in a notebook: objects find their card in `atomlab.show`, by name.

So no layer imports what draws it, and nothing of it is loaded before a notebook asks.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any


class Shown:
    """An object that Jupyter shows as the card which `atomlab.show.cards` has for it."""

    def _repr_html_(self) -> str:
        card = import_module("atomlab.show.cards").card_of(self)
        return str(card.html())


def explorer_of(case: Any) -> Any:
    """Return the explorer of a case, a widget for JupyterLab."""
    return import_module("atomlab.report.explorer").widget_of(case)
