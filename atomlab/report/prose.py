"""Markdown as harmless HTML: formulas drawn, and what needs a script or a file named."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markupsafe import Markup
from mdit_py_plugins.amsmath import amsmath_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin

from atomlab.report.formulas import formula
from atomlab.report.harmless import NOWHERE, clean_and_say, left_out
from atomlab.report.pictures import picture
from atomlab.text import printable

_LONGEST = 300_000
# The first dollar that could end a formula decides, so that amounts are none.
_DOLLARS = re.compile(
    r"\$\$(?=\s*[^\s$])(?P<display>(?:[^$\\]|\\.)+)\$\$"
    r"|\$(?![\s$])(?P<inline>(?:[^$\\]|\\.)+)(?<!\s)\$(?!\d)",
    re.DOTALL,
)
_DATA = re.compile(r"data:([\w/+.-]+);base64,(.*)", re.DOTALL)


def prose(markdown: str, attachments: Mapping[str, Mapping[str, str]] | None = None) -> Markup:
    """Return Markdown, HTML in it included, as harmless HTML.

    Dollars enclose a formula by pandoc's rules: not with a space inside of either, nor with a digit
    after the last, so that `$5 and $10` is money. `attachments` are the cell's own pictures.
    """
    html = _with_formulas.render(markdown, {"attachments": attachments or {}})
    if len(html) > _LONGEST and "<math" in html:
        html = _plain.render(markdown, {"attachments": attachments or {}})
        html += left_out("formulas", f"drawn, they take more than {_LONGEST:,} characters")
    return clean_and_say(html)


def _fence(
    self: RendererHTML, tokens: Sequence[Token], at: int, options: Any, env: Mapping[str, Any]
) -> str:
    if tokens[at].info.strip().lower().startswith(("mermaid", "{mermaid}")):
        return f"<p>{left_out('a mermaid diagram')}</p>"
    return RendererHTML.fence(self, tokens, at, options, dict(env))


def _image(
    _self: RendererHTML, tokens: Sequence[Token], at: int, _options: Any, env: Mapping[str, Any]
) -> str:
    source, alt = str(tokens[at].attrs["src"]), tokens[at].content
    if inside := _DATA.fullmatch(source):
        bundle: Mapping[str, str] = {inside[1]: inside[2]}
    else:
        bundle = env["attachments"].get(source.removeprefix("attachment:"), {})
    return picture(bundle, alt) or left_out(f"a picture ({printable(source)})", *NOWHERE)


def _between_dollars(state: StateInline, silent: bool) -> bool:
    found = _DOLLARS.match(state.src, state.pos, state.posMax)
    if not found:
        return False
    if not silent:
        kind = "math_inline_double" if found["display"] else "math_inline"
        state.push(kind, "math", 0).content = found["display"] or found["inline"]
    state.pos = found.end()
    return True


def _rendered(latex: str, options: Mapping[str, Any]) -> str:
    return formula(latex, display=bool(options["display_mode"]))


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark").enable("table")
    parser.add_render_rule("fence", _fence)
    parser.add_render_rule("image", _image)
    return parser


_plain = _parser()
_with_formulas = _parser()
dollarmath_plugin(_with_formulas, allow_labels=False, allow_blank_lines=False, renderer=_rendered)
# The plugin's own rule looks for a digit before a formula at the end of its paragraph.
_with_formulas.inline.ruler.at("math_inline", _between_dollars)
amsmath_plugin(_with_formulas, renderer=lambda latex: formula(latex, display=True))
