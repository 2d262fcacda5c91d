"""A postmortem's Markdown as one self-contained page."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256

import bleach

from atomlab.report.postmortem.reader import contents, parser, title_of
from atomlab.report.templates import FOLDER, render

_TAGS = frozenset(
    """a blockquote br code div em h1 h2 h3 h4 h5 h6 hr li mark ol p pre s strong table tbody td th
    thead tr ul""".split()  # noqa: SIM905
)
_ATTRIBUTES = {
    "*": ["id"],
    "a": ["class", "href"],
    "code": ["class"],
    "div": ["class", "tabindex"],
    "ol": ["start"],
}


def to_page(markdown: str) -> str:
    """Return the page: no script, no style but its own, nothing loaded.

    Its Content-Security-Policy says so. The parser shows HTML as text, and a list of tags and
    attributes holds on top of that. Addresses lead within the page, to the web, or to mail.
    """
    html = parser().render(markdown)
    html = html.replace("<table>", '<div class="scroll" tabindex="0"><table>')
    html = html.replace("</table>", "</table></div>")
    body = bleach.clean(html, _TAGS, _ATTRIBUTES, protocols={"http", "https", "mailto"}, strip=True)
    style = (FOLDER / "postmortem" / "style.css").read_text(encoding="utf-8")
    return render(
        "postmortem/page.html.j2",
        title=title_of(markdown),
        contents=contents(markdown),
        body=body,
        style=style,
        style_hash=f"sha256-{b64encode(sha256(style.encode()).digest()).decode()}",
    )
