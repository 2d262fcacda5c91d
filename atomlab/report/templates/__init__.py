"""The templates of reports, with autoescape on for all of them, in the environment of the cards."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

from jinja2 import FileSystemLoader
from markupsafe import Markup

from atomlab.show.palette import css_variables
from atomlab.show.templates import environment

FOLDER = Path(__file__).parent
_LOADER = FileSystemLoader(FOLDER)


def render(template: str, styles: Sequence[str], **values: Any) -> str:
    """Return the page of a template: `values` escaped, `styles` allowed by their hash alone."""
    style = css_variables() + "".join(
        (FOLDER / "report" / name).read_text(encoding="utf-8") for name in styles
    )
    return (
        environment(_LOADER)
        .get_template(template)
        .render(
            style=Markup(style),  # noqa: S704 - files of ours
            style_hash=f"sha256-{b64encode(sha256(style.encode()).digest()).decode()}",
            tool=f"atomlab {version('atomlab')}",
            **values,
        )
    )
