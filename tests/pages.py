"""HTML as the tests read it: its tags with their attributes in order, and its text."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from atomlab.text import printable

HOSTILE = (
    "</script><img src=x onerror=alert(1)>",
    "{{7*7}} {% raw %}",
    "=cmd|' /C calc'!A0",
    "[a link](javascript:alert(1))",
    "Acme \u202egnp.exe\x1b[31m\x00",
    "<style>*{display:none}</style>",
    '" onmouseover="alert(1)',
    "\ud800 lone",
    "</td></tr></table>",
    "M" * 1_000_000,
)
NAMES = [printable(name, 24) for name in HOSTILE]  # for pytest's ids
STORABLE = HOSTILE[:7] + HOSTILE[8:]  # no database stores a lone surrogate
STORABLE_NAMES = NAMES[:7] + NAMES[8:]
_VOID = {"br", "hr", "img", "link", "meta", "source", "wbr"}
_ACTIVE = {"script", "iframe", "object", "embed", "form", "link", "base", "svg", "math", "template"}


class Page(HTMLParser):
    """Collects tags with their attributes, in order, and the text of each element in `texts`."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.text, self.texts, self._open = [], "", [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.texts.append("")
        if tag not in _VOID:
            self._open.append((tag, len(self.texts) - 1))

    def handle_endtag(self, tag):
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        for _, place in self._open:
            self.texts[place] += data
        if not any(tag == "style" for tag, _ in self._open):
            self.text += data

    def all(self, wanted):
        """Return attributes and text of each element of a tag, in order."""
        pairs = zip(self.tags, self.texts, strict=True)
        return [(attrs, text.strip()) for (tag, attrs), text in pairs if tag == wanted]

    def headers(self, scope):
        """Return the texts of the headers with a scope, `col` or `row`, in order."""
        return [text for attrs, text in self.all("th") if attrs["scope"] == scope]


def inert(html):
    """Return whether nothing in the HTML could run, reach out of it, or reorder its text."""
    page = Page(html)
    handlers = [a for _, attrs in page.tags for a in attrs if a.startswith("on")]
    addresses = [a[n] for _, a in page.tags for n in ("src", "srcset", "href", "action") if n in a]
    return (
        not {tag for tag, _ in page.tags} & _ACTIVE
        and not handlers
        and all(address.startswith(("data:image/", "#")) for address in addresses)
        and not re.search("[\u202a-\u202e\u2066-\u2069\ud800-\udfff\x00-\x08\x0b-\x1f]", html)
    )
