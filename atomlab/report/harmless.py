"""HTML of others cut down to what is harmless on a page, and words for what is left out of it."""

from __future__ import annotations

import re

import nh3
from markupsafe import Markup

from atomlab.text import joined

_MATHML = set(
    """math menclose merror mfrac mi mmultiscripts mn mo mover mpadded mphantom mprescripts mroot
    mrow ms mspace msqrt mstyle msub msubsup msup mtable mtd mtext mtr munder munderover none
    semantics""".split()  # noqa: SIM905
)
_TAGS = _MATHML | set(
    """a b blockquote br caption code dd details div dl dt em figcaption figure h2 h3 h4 hr img li
    ol p picture pre source span strong summary table tbody td th thead tr ul wbr""".split()  # noqa: SIM905
)
_LENGTHS = set("depth height linethickness lspace maxsize minsize rspace voffset width".split())  # noqa: SIM905
_OF_MATHML = _LENGTHS | set(
    """accent accentunder alttext columnalign columnspan display displaystyle fence form largeop
    mathvariant movablelimits notation rowspan scriptlevel separator stretchy""".split()  # noqa: SIM905
)
_ATTRIBUTES = {
    "*": set("alt aria-label class colspan data-label media open role scope title".split()),  # noqa: SIM905
    "a": {"href"},
    "img": {"src"},
    "source": {"srcset"},
    **dict.fromkeys(_MATHML, _OF_MATHML),
}
PICTURES = {kind: f"image/{kind}" for kind in ("svg+xml", "png", "jpeg", "gif", "webp")}
_IMAGE = re.compile(r"data:image/(?:svg\+xml|png|jpeg|gif|webp);base64,[A-Za-z0-9+/]+=*")
# Nothing of a formula is drawn far from its place.
_LENGTH = re.compile(r"[+-]?\d{0,2}(?:\.\d{1,4})?(?:em|ex|px|pt|mu|%)?")
# Addresses lead within the page, and images are in it.
_VALUES = {
    "href": re.compile(r"#.*", re.DOTALL),
    "src": _IMAGE,
    "srcset": _IMAGE,
    **dict.fromkeys(_LENGTHS, _LENGTH),
}
# Elements that a page has no place for, with all that is in them.
_LEFT_OUT = {
    "script": "a script",
    "iframe": "a frame",
    "object": "an embedded object",
    "embed": "an embedded object",
    "svg": "a drawing within HTML",
    "canvas": "a canvas",
    "video": "a video",
    "audio": "a sound",
}
_OPENING = re.compile(rf"<({'|'.join(_LEFT_OUT)})[\s/>]", re.IGNORECASE)
_PICTURE = re.compile(r"<img\s[^<>]*?\bsrc\s*=[\s\"']*([^\s\"'>]{1,30})", re.IGNORECASE)
ELSEWHERE = "notebook.ipynb, beside this report, has it"
NOWHERE = ("it is not in the notebook; let a cell show it", "")
STATIC = "reports have no scripts and load nothing; show it as PNG or SVG"


def _kept(_tag: str, name: str, value: str) -> str | None:
    """Return the attribute's value, None for one that reaches outside the page, or its place."""
    allowed = _VALUES.get(name)
    return value if allowed is None or allowed.fullmatch(value) else None


_cleaner = nh3.Cleaner(
    tags=_TAGS,
    clean_content_tags={"style", "annotation", "annotation-xml", *_LEFT_OUT} - {"embed"},
    attributes=_ATTRIBUTES,
    attribute_filter=_kept,
    url_schemes={"data"},
    link_rel=None,
)


def clean(html: str) -> Markup:
    """Return the HTML cut down to tags and attributes that are harmless."""
    return Markup(_cleaner.clean(html))  # noqa: S704 - this is what makes it safe


def clean_and_say(html: str) -> Markup:
    """Return the HTML cut down in the same way, followed by words for what that took away."""
    found, elsewhere = losses(html)
    shown = clean(html) + (left_out(joined(found)) if found else Markup())
    return shown + (left_out("a picture", *NOWHERE) if elsewhere else Markup())


def losses(html: str) -> tuple[list[str], bool]:
    """Return what a page cannot show of the HTML, and whether there are pictures elsewhere."""
    found = dict.fromkeys(_LEFT_OUT[tag.lower()] for tag in _OPENING.findall(html))
    sources = [source.lower() for source in _PICTURE.findall(html)]
    return [*found], not all(source.startswith("data:image/") for source in sources)


def left_out(what: str, why: str = STATIC, where: str = f"; {ELSEWHERE}") -> Markup:
    """Return the words that stand where something is left out: why, and where it can be found."""
    return Markup('<em class="left-out">Left out: {}: {}{}.</em>').format(what, why, where)
