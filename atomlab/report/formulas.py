"""Formulas in LaTeX as MathML, which browsers draw without a script."""

from __future__ import annotations

import re
from html import unescape
from xml.etree.ElementTree import Element, tostring

from latex2mathml.commands import MATRICES
from latex2mathml.converter import Converter
from markupsafe import Markup

_LONGEST = 5_000
# What the converter knows under another name, or need not know, as nothing is numbered here.
_ALIASES = (
    (re.compile(r"\\(begin|end)\s*\{(?:aligned|split)\}"), r"\\\1{split}"),
    (re.compile(r"\\(begin|end)\s*\{(?:align|eqnarray|flalign)\*?\}"), r"\\\1{align*}"),
    (re.compile(r"\\(begin|end)\s*\{(?:gather|gathered|multline)\*?\}"), r"\\\1{matrix}"),
    (re.compile(r"\\operatorname\*"), r"\\mathrm"),
    (re.compile(r"\\(?:nonumber|notag|label\s*\{[^{}]*\})"), ""),
)
_ENVIRONMENT = re.compile(r"\\begin\s*\{([^{}]*)\}")
_ENVIRONMENTS = {name.lstrip("\\") for name in MATRICES} | {"equation", "equation*"}
_CHILDREN = {
    **dict.fromkeys(("mfrac", "mover", "mroot", "msub", "msup", "munder"), 2),
    **dict.fromkeys(("msubsup", "munderover"), 3),
}
_IN_TEXT = re.compile(
    r"\$\$(?P<dollars>.{1,5000}?)\$\$|(?<!\\)\$(?P<dollar>.{1,5000}?)(?<!\\)\$"
    r"|\\\[(?P<brackets>.{1,5000}?)\\\]|\\\((?P<parentheses>.{1,5000}?)\\\)"
    r"|(?P<environment>\\begin\s*\{(?P<name>[^{}]{1,20})\}.{0,5000}?\\end\s*\{(?P=name)\})",
    re.DOTALL,
)
_INLINE = ("dollar", "parentheses")


def formula(latex: str, display: bool) -> Markup:
    """Return the formula as MathML that is not cleaned yet, with its source as `alttext`.

    Where it cannot be converted its source is shown as code, with a word that says so.
    """
    tree = _converted(latex, display)
    if tree is None:
        shown = latex.strip() if len(latex) <= _LONGEST else f"{latex[:_LONGEST].strip()}…"
        return Markup("<code>{}</code> <em>(LaTeX that cannot be shown as a formula)</em>").format(
            shown
        )
    return Markup(tostring(tree, encoding="unicode"))  # noqa: S704 - it is yet to be cleaned


def text_with_formulas(latex: str) -> Markup:
    """Return a text in LaTeX as HTML that is not cleaned yet: what is no formula as it stands."""
    found, end = [], 0
    for match in _IN_TEXT.finditer(latex):
        kind = match.lastgroup if match.lastgroup != "name" else "environment"
        source = match["environment"] or match[kind or 0]
        found += [Markup.escape(latex[end : match.start()])]
        found += [formula(source, display=not match["dollar"] and not match["parentheses"])]
        end = match.end()
    return Markup("").join([*found, Markup.escape(latex[end:])])


def _converted(latex: str, display: bool) -> Element | None:
    """Return the formula's tree; None if it is too long, or any part of it is not understood.

    The converter passes on commands that it does not know, and forgets what it finds unfinished.
    """
    source = latex
    for known, alias in _ALIASES:
        source = known.sub(alias, source)
    if len(latex) > _LONGEST or set(_ENVIRONMENT.findall(source)) - _ENVIRONMENTS:
        return None
    try:
        tree = Converter(display="block" if display else "inline").convert_to_element(source)
        nodes = [*tree.iter()]
    except Exception:  # its own are many, and there are RecursionError, IndexError, KeyError
        return None
    if not all(map(_understood, nodes)):
        return None
    for node in nodes:
        node.text = unescape(node.text or "")
    tree.attrib = {"display": tree.attrib["display"], "alttext": latex.strip()}
    return tree


def _understood(node: Element) -> bool:
    text = node.text or ""
    if "linebreak" in node.attrib:  # browsers would not break there
        return False
    if node.tag in ("mo", "mtable") and not (text or len(node) or node.attrib):
        return False
    return "\\" not in text and text != "&" and len(node) == _CHILDREN.get(node.tag, len(node))
