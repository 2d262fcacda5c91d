"""The templates of cards and tables, with autoescape on for all of them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import BaseLoader, ChoiceLoader, Environment, FileSystemLoader, StrictUndefined

from atomlab.show.palette import LIGHT

FOLDER = Path(__file__).parent


@cache
def environment(*others: BaseLoader) -> Environment:
    """Return the environment of this folder's templates, then of those that `others` find."""
    loader = ChoiceLoader([FileSystemLoader(FOLDER), *others])
    made = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["colours"] = LIGHT
    return made


def render(template: str, **values: Any) -> str:
    """Return the template filled with `values`, each escaped."""
    return environment().get_template(template).render(values)
