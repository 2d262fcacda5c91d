"""A postmortem's Markdown as one self-contained page."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256

import nh3
from jinja2 import FileSystemLoader
from markdown_it.token import Token

from atomlab.postmortem.reader import contents, parser, title_of
from atomlab.postmortem.templates import FOLDER
from atomlab.show.templates import environment

_clean = nh3.Cleaner(
    tags=set(
        """a blockquote br code div em h1 h2 h3 h4 h5 h6 hr li mark ol p pre s strong table tbody
        td th thead tr ul""".split()  # noqa: SIM905
    ),
    attributes={
        "*": {"id"},
        "a": {"class", "href"},
        "code": {"class"},
        "div": {"class", "tabindex"},
        "ol": {"start"},
        "table": {"aria-label"},
        "td": {"class", "data-label"},
        "th": {"scope"},
    },
    url_schemes={"http", "https", "mailto"},
    link_rel=None,
).clean
# Columns of dates and ids, which are not broken while they are short.
_UNBROKEN = ("due", "priority", "time", "tracker", "type")
_SHORT = 24  # characters: a moment with its seconds and UTC has 23


def to_page(markdown: str) -> str:
    """Return the page: no script, no style but its own, nothing loaded.

    Its Content-Security-Policy says so. The parser shows HTML as text, and a list of tags and
    attributes holds on top of that. Addresses lead within the page, to the web, or to mail.
    """
    tokens = parser().parse(markdown)
    _explain_tables(tokens)
    html = parser().renderer.render(tokens, parser().options, {})
    html = html.replace("<table", '<div class="scroll" tabindex="0"><table')
    html = html.replace("</table>", "</table></div>")
    style = (FOLDER / "style.css").read_text(encoding="utf-8")
    return (
        environment(FileSystemLoader(FOLDER))
        .get_template("page.html.j2")
        .render(
            title=title_of(markdown),
            contents=contents(markdown),
            body=_clean(html),
            style=style,
            style_hash=f"sha256-{b64encode(sha256(style.encode()).digest()).decode()}",
        )
    )


def _explain_tables(tokens: list[Token]) -> None:
    """Name each table after the heading above it, and each cell after its column.

    The first cell of a row heads the row where its column has no name.
    """
    heading, names, column = "", list[str](), 0
    for place, token in enumerate(tokens):
        if token.type == "heading_open":
            heading = _words(tokens[place + 1])
        elif token.type == "table_open":
            token.attrSet("aria-label", heading)
            names = []
        elif token.type == "tr_open":
            column = 0
        elif token.type == "th_open":
            names.append(_words(tokens[place + 1]))
            token.attrSet("scope", "col")
        elif token.type == "td_open":
            if names[column]:
                token.attrSet("data-label", names[column])
                if _unbroken(names[column], _words(tokens[place + 1])):
                    token.attrSet("class", "short")
            elif column == 0:
                token.tag = tokens[place + 2].tag = "th"  # what opens, its content, what closes
                token.attrSet("scope", "row")
            column += 1


def _unbroken(column: str, text: str) -> bool:
    """Return whether a cell is a date or an id that fits on a line."""
    return column.lower() in _UNBROKEN and len(text) <= _SHORT


def _words(inline: Token) -> str:
    return "".join(part.content for part in inline.children or ()).strip()
