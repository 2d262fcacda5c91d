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
# Output of a cell that would run, load, spoil or lead elsewhere if it were left as is, by what it
# counts on. X asks or calls, whatever a browser makes of it.
_X = "alert(1)"
_ELSEWHERE = "http://198.51.100.7/x"
_DATA = "data:image/png;base64,AAAA"
HOSTILE_HTML = {
    "script": f"<script>{_X}</script>",
    "script in capitals": f"<ScRiPt>{_X}</sCrIpT>",
    "script unclosed": f"<script>{_X}",
    "script in pieces": f"<scr<script>ipt>{_X}</script>",
    "script with a slash": f"<script/x>{_X}</script>",
    "handler": f"<img src=x onerror={_X}>",
    "handler after a slash": f"<img/src=x/onerror={_X}>",
    "handler in capitals": f"<IMG SRC=x OnErRoR={_X}>",
    "handler of details": f"<details open ontoggle={_X}>a</details>",
    "handler with focus": f"<a href='#' autofocus tabindex=1 onfocus={_X}>a</a>",
    "handler of svg": f"<svg onload={_X}></svg>",
    "svg script": f"<svg><script>{_X}</script></svg>",
    "svg animate": f"<svg><a><animate attributeName=href values=javascript:{_X} /><text>a",
    "svg use": f"<svg><use href='data:image/svg+xml,<svg onload={_X}>#x'/></svg>",
    "svg foreign": f"<svg><foreignObject><img src=x onerror={_X}></foreignObject></svg>",
    "svg style": f"<svg></p><style><a id='</style><img src=1 onerror={_X}>'>",
    "svg title": f"<svg><title><style><img src='</style><img src=x onerror={_X}>'></title></svg>",
    "math": f"<math><mi//xlink:href='data:x,<script>{_X}</script>'>",
    "math style": "<form><math><mtext></form><form><mglyph><style></math>"
    f"<img src onerror={_X}></style></mglyph></form></mtext></math>",
    "math annotation": "<math><annotation-xml encoding='text/html'><style>"
    f"<img src=x onerror={_X}></style></annotation-xml></math>",
    "math table": f"<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img "
    f"src=1 onerror={_X}&gt;'>",
    "math link": f"<math href='javascript:{_X}'><mi xlink:href={_ELSEWHERE} href={_ELSEWHERE}>x",
    "math action": f"<math><maction actiontype='statusline#{_ELSEWHERE}'><mi>x</mi></maction>",
    "math picture": f"<math><mglyph src={_ELSEWHERE} /><mtext><img src=x onerror={_X}></mtext>",
    "math in math": f"<math><mtext><math><mi><p><style><img src=x onerror={_X}></style></p></mi>",
    "formula": f"$\\href{{javascript:{_X}}}{{x}} \\style{{position:fixed}}{{y}} \\class{{z}}{{w}}$",
    "formula of html": f"$\\text{{<img src=x onerror={_X}></mtext></math><script>{_X}</script>}}$",
    "noscript": f"<noscript><p title='</noscript><img src=x onerror={_X}>'>",
    "noembed": f"<noembed><img title='</noembed><img src=x onerror={_X}>'></noembed>",
    "xmp": f"<xmp><p title='</xmp><img src=x onerror={_X}>'></xmp>",
    "textarea": f"<textarea><p title='</textarea><img src=x onerror={_X}>'></textarea>",
    "title": f"<title><p title='</title><img src=x onerror={_X}>'></title>",
    "template": f"<template><img src=x onerror={_X}></template>",
    "plaintext": f"<plaintext><img src=x onerror={_X}>",
    "select": f"<select><style></select><img src=x onerror={_X}></style>",
    "comment": f"<!--><img src=x onerror={_X}>-->",
    "comment with a bang": f"<!-- --!><img src=x onerror={_X}>-->",
    "conditional": f"<!--[if true]><img src=x onerror={_X}><![endif]-->",
    "instruction": f"<?xml ><img src=x onerror={_X}> ?>",
    "cdata": f"<svg><![CDATA[><img src=x onerror={_X}>]]></svg>",
    "quotes": f"<p title='\"><img src=x onerror={_X}>'>a</p>",
    "back quotes": f"<img alt=`x` title=`onerror={_X}>`>",
    "entities": f"&lt;img src=x onerror={_X}&gt;",
    "nul": f"<scr\0ipt>{_X}</scr\0ipt><img\0src=x onerror={_X}>",
    "link": f"<a href=javascript:{_X}>a</a>",
    "link in entities": f"<a href='&#106;avascript:{_X}'>a</a>",
    "link with a tab": f"<a href='java\tscript:{_X}'>a</a>",
    "link with a control": f"<a href='\x01javascript:{_X}'>a</a>",
    "link of vbscript": "<a href='vbscript:msgbox(1)'>a</a>",
    "link to data": f"<a href='data:text/html,<script>{_X}</script>'>a</a>",
    "link elsewhere": f"<a href={_ELSEWHERE}>a</a>",
    "link without scheme": "<a href=//198.51.100.7/x>a</a>",
    "link with backslashes": "<a href='\\\\198.51.100.7\\x'>a</a>",
    "link to a file": "<a href='../report.html'>a</a><a href='file:///etc/passwd'>b</a>",
    "link of svg": f"<svg><a xlink:href={_ELSEWHERE}><text>a</text></a></svg>",
    "link with ping": f"<a href='#x' ping={_ELSEWHERE} target=_blank>a</a>",
    "image": f"<img src={_ELSEWHERE}>",
    "image of html": "<img src='data:text/html;base64,AAAA'>",
    "image with candidates": f"<img src='{_DATA}' srcset='{_ELSEWHERE} 2x'>",
    "image by lowsrc": f"<img lowsrc={_ELSEWHERE} dynsrc={_ELSEWHERE} longdesc={_ELSEWHERE}>",
    "source": f"<picture><source srcset='{_ELSEWHERE}'><img src='{_DATA}'></picture>",
    "source after data": f"<picture><source srcset='{_DATA}, {_ELSEWHERE} 2x'></picture>",
    "image in a map": f"<img usemap=#m src='{_DATA}'><map name=m><area href={_ELSEWHERE}></map>",
    "background": f"<table background={_ELSEWHERE}><tr><td background={_ELSEWHERE}>a</table>",
    "style": "<style>*{display:none!important}</style>",
    "style unclosed": "<style>*{display:none!important}",
    "style that imports": f"<style>@import '{_ELSEWHERE}';</style>",
    "style of an element": f"<p style='background:url({_ELSEWHERE});position:fixed'>a</p>",
    "style sheet": f"<link rel=stylesheet href={_ELSEWHERE}>",
    "frame": f"<iframe src=javascript:{_X}></iframe>",
    "frame with a page": f"<iframe srcdoc='<script>parent.{_X}</script>'></iframe>",
    "object": f"<object data=javascript:{_X}></object><embed src={_ELSEWHERE}>",
    "form": f"<form action={_ELSEWHERE}><input autofocus onfocus={_X}><button formaction=x>a",
    "refresh": f"<meta http-equiv=refresh content='0;url={_ELSEWHERE}'>",
    "base": f"<base href={_ELSEWHERE}>",
    "media": f"<video poster={_ELSEWHERE}><source src={_ELSEWHERE} onerror={_X}></video>",
    "marquee": f"<marquee onstart={_X}>a</marquee>",
    "custom element": f"<x-y is=z onclick={_X} contenteditable>a</x-y>",
    "names": "<a id=findings name=body href='#'>a</a><img name=getElementById>",
    "end of the page": f"</main></body></html><img src=x onerror={_X}>",
    "deep": "<div>" * 2000 + f"<img src=x onerror={_X}>",
}
_VOID = {"br", "hr", "img", "link", "meta", "source", "wbr"}
_ACTIVE = {"script", "iframe", "object", "embed", "form", "link", "base", "svg", "template"}


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
