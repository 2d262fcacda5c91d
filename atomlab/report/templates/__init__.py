"""The templates of reports, with autoescape on for all of them, in the environment of the cards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import FileSystemLoader

from atomlab.show.templates import environment

FOLDER = Path(__file__).parent
_LOADER = FileSystemLoader(FOLDER)


def render(template: str, **values: Any) -> str:
    """Return the template filled with `values`, each escaped."""
    return environment(_LOADER).get_template(template).render(values)
