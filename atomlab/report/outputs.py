"""What cells put out, as safe HTML, as much as a page holds."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup

from atomlab.text import listed, printable, visible

# Characters of text and of HTML in one output, and bytes of all outputs of a page together, so
# that a report stays below 2 MB.
_TEXT, _HTML, _PAGE = 100_000, 600_000, 1_600_000
_ELSEWHERE = "notebook.ipynb, beside this report, has it"
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


def _inside(_tag: str, name: str, value: str) -> str | None:
    """Return the attribute's value, None for an address outside the page."""
    allowed = _ADDRESSES.get(name)
    return value if allowed is None or allowed.fullmatch(value) else None


_cleaner = nh3.Cleaner(
    tags=_TAGS,
    attributes=_ATTRIBUTES,
    attribute_filter=_inside,
    url_schemes={"data"},
    link_rel=None,
)
_markdown = MarkdownIt("commonmark").enable("table")


def clean(html: str) -> Markup:
    """Return the HTML cut down to tags and attributes that are harmless."""
    return Markup(_cleaner.clean(html))  # noqa: S704 - this is what makes it safe


def prose(markdown: str) -> Markup:
    """Return Markdown, HTML in it included, as harmless HTML."""
    return clean(_markdown.render(markdown))


def fragments(cells: Sequence[Mapping[str, Any]]) -> Iterator[list[Markup]]:
    """Yield each cell's outputs as HTML; a note stands for what the page cannot hold."""
    left = _PAGE
    for cell in cells:
        shown = []
        for output in cell.get("outputs", ()):
            fragment = _fragment(output)
            if _size(fragment) > left:
                fragment = _note(
                    f"An output of {len(fragment):,} characters is more than fits here"
                )
            left -= _size(fragment)
            shown.append(fragment)
        yield shown


def _size(fragment: Markup) -> int:
    return len(fragment.encode("utf-8", "backslashreplace"))


def _fragment(output: Mapping[str, Any]) -> Markup:
    if output["output_type"] == "stream":
        return _text(output["text"])
    if output["output_type"] == "error":
        return _text(f"{output['ename']}: {output['evalue']}")
    data = {kind: str(content) for kind, content in output["data"].items()}
    if html := data.get("text/html"):
        if len(html) > _HTML:
            return _note(f"An output of {len(html):,} characters is too large for this page")
        return clean(visible(html))
    if picture := _picture(data):
        return picture
    markdown = data.get("text/markdown", "")
    if markdown and len(markdown) <= _TEXT:
        return Markup('<div class="prose">{}</div>').format(prose(visible(markdown)))
    if "text/plain" in data:
        return _text(data["text/plain"])
    return _note(f"An output of the kind {printable(listed(data))} is not shown")


def _text(text: str) -> Markup:
    rest = len(text) - _TEXT
    more = f"\n… {rest:,} more characters; {_ELSEWHERE}." if rest > 0 else ""
    return Markup("<pre>{}</pre>").format(visible(text[:_TEXT]) + more)


def _note(what: str) -> Markup:
    return Markup("<pre>{}; {}.</pre>").format(what, _ELSEWHERE)


def _picture(data: Mapping[str, str]) -> Markup | None:
    """Return a picture as an `img` that holds it, if there is one; no SVG is ever inline."""
    if "image/svg+xml" in data:
        kind, content = "svg+xml", b64encode(data["image/svg+xml"].encode()).decode()
    elif "image/png" in data:
        kind, content = "png", "".join(data["image/png"].split())
    else:
        return None
    alt = printable(data.get("text/plain", "A picture"), 200)
    address = f"data:image/{kind};base64,{content}"
    return clean(Markup('<img alt="{}" src="{}">').format(alt, address))
