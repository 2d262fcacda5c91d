"""An executed notebook as one self-contained HTML file."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import nh3
from jupyter_core.paths import ENV_JUPYTER_PATH
from nbconvert import HTMLExporter, TemplateExporter
from nbformat import NotebookNode

from atomlab.errors import ReportError
from atomlab.report.outputs import with_outputs_shown
from atomlab.report.page import Page, arranged, page_of
from atomlab.report.templates import FOLDER
from atomlab.show.palette import css_variables

_TAGS = set(
    """a b blockquote br caption code dd details div dl dt em figcaption figure h2 h3 h4 hr img li
    ol p picture pre source span strong summary table tbody td th thead tr ul wbr""".split()  # noqa: SIM905
)
_ATTRIBUTES = {
    "*": set("alt aria-label class colspan data-label media open role scope title".split()),  # noqa: SIM905
    "a": {"href"},
    "img": {"src"},
    "source": {"srcset"},
}
_IMAGE = re.compile(r"data:image/(?:svg\+xml|png);base64,[A-Za-z0-9+/]+=*")
# Addresses lead within the page, and images are in it.
_ADDRESSES = {"href": re.compile(r"#.*", re.DOTALL), "src": _IMAGE, "srcset": _IMAGE}


class _Exporter(HTMLExporter):  # type: ignore[misc]
    """An exporter that leaves its template's page as it is, instead of parsing it once more.

    Templates that came with nbconvert go before those of the user.
    """

    from_notebook_node = TemplateExporter.from_notebook_node

    def get_prefix_root_dirs(self) -> list[str]:
        return [*ENV_JUPYTER_PATH, *super().get_prefix_root_dirs()]


def to_html(notebook: NotebookNode, findings: Mapping[str, Any], users_own: bool = False) -> str:
    """Return the report: verdict and answer first, then the notebook with its code folded away.

    No script, no address outside the file, and a Content-Security-Policy that allows neither, nor
    any style but the report's own. HTML that cells put out is cut down to a list of tags and
    attributes, on top of having been escaped where it was made. Of a notebook of the user's own the
    page says what it may have run. Raises ReportError for findings of
    another form.
    """
    exporter = _Exporter(
        template_name="report",
        extra_template_basedirs=[str(FOLDER)],
        extra_template_paths=[],
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        exclude_anchor_links=True,
        filters={"clean_html": _clean},
    )
    style = css_variables() + (FOLDER / "report" / "style.css").read_text(encoding="utf-8")
    resources = {
        "page": _page(notebook, findings, users_own),
        "style": style,
        "style_hash": f"sha256-{b64encode(sha256(style.encode()).digest()).decode()}",
    }
    shown = NotebookNode({**notebook, "cells": with_outputs_shown(arranged(notebook.cells))})
    body, _ = exporter.from_notebook_node(shown, resources=resources)
    return str(body)


def _page(notebook: NotebookNode, findings: Mapping[str, Any], users_own: bool) -> Page:
    try:
        return page_of(notebook, findings, users_own)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise ReportError(
            f"the findings are not in the form atomlab.findings/1 ({error!r})",
            todo="let the notebook's last cell evaluate atomlab.Findings(case)",
        ) from None


def _inside(_tag: str, name: str, value: str) -> str | None:
    """Return the attribute's value, None for an address outside the page."""
    allowed = _ADDRESSES.get(name)
    return value if allowed is None or allowed.fullmatch(value) else None


_clean = nh3.Cleaner(
    tags=_TAGS,
    attributes=_ATTRIBUTES,
    attribute_filter=_inside,
    url_schemes={"data"},
    link_rel=None,
).clean
