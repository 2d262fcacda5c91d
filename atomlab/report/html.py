"""An executed notebook as one self-contained HTML file."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import bleach
from nbconvert import HTMLExporter

from atomlab.report.templates import FOLDER
from atomlab.text import printable

_TAGS = frozenset(
    """a abbr b blockquote br code dd details div dl dt em figcaption figure h1 h2 h3 h4 hr i img li
    ol p pre span strong sub summary sup table tbody td th thead tr ul""".split()  # noqa: SIM905
)
_PLAIN_ATTRIBUTES = frozenset({"alt", "class", "id", "role", "scope", "tabindex", "title"})


def to_html(notebook: Any, findings: Mapping[str, Any]) -> str:
    """Return the report: verdict and answer first, then the notebook with its code folded away.

    No script, no address outside the file, and a Content-Security-Policy that allows neither.
    HTML that cells put out is cut down to a list of tags and attributes, on top of having been
    escaped where it was made.
    """
    exporter = HTMLExporter(
        template_name="report",
        extra_template_basedirs=[str(FOLDER)],
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        exclude_anchor_links=True,
        filters={"clean_html": _clean, "shown": printable},
    )
    resources = {"findings": findings, "tool": f"atomlab {version('atomlab')}"}
    body, _ = exporter.from_notebook_node(notebook, resources=resources)
    return str(body)


def _clean(html: str) -> str:
    return str(bleach.clean(html, _TAGS, _allowed, protocols={"data"}, strip=True))


def _allowed(tag: str, name: str, value: str) -> bool:
    if name == "src":
        return tag == "img" and value.startswith(("data:image/svg+xml;base64,", "data:image/png;"))
    if name == "href":
        return tag == "a" and value.startswith("#")
    return name in _PLAIN_ATTRIBUTES
