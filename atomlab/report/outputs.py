"""What cells say and put out, as safe HTML, as much as a page holds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from atomlab.diagnosis.findings import MIME
from atomlab.report.formulas import text_with_formulas
from atomlab.report.harmless import ELSEWHERE, clean, clean_and_say, left_out, losses
from atomlab.report.pictures import picture
from atomlab.report.prose import prose
from atomlab.text import joined, listed, visible

# Characters of text and of HTML in one output, and bytes of all outputs of a page together, so
# that a report stays below 2 MB.
_TEXT, _LATEX, _HTML, _PAGE = 100_000, 20_000, 600_000, 1_600_000
# Kinds, by a part of their names, of which only a script makes something that can be seen.
_LIVE = {
    "vega": "a Vega chart",
    "plotly": "a plotly chart",
    "bokeh": "a Bokeh chart",
    "holoviews": "a HoloViews chart",
    "widget": "a widget",
    "javascript": "JavaScript",
}


def fragments(cells: Sequence[Mapping[str, Any]]) -> Iterator[list[Markup]]:
    """Yield each cell's text or outputs as HTML; a note stands for what the page cannot hold."""
    left = _PAGE
    for cell in cells:
        shown = []
        for fragment in _parts(cell):
            if _size(fragment) > left:
                what = "A text" if cell["cell_type"] == "markdown" else "An output"
                fragment = _too_large(
                    f"{what} of {len(fragment):,} characters is more than fits here"
                )
            left -= _size(fragment)
            shown.append(fragment)
        yield shown


def _parts(cell: Mapping[str, Any]) -> Iterator[Markup]:
    if cell["cell_type"] == "markdown":
        yield prose(cell["source"], cell.get("attachments"))
    yield from map(_fragment, cell.get("outputs", ()))


def _size(fragment: Markup) -> int:
    return len(fragment.encode("utf-8", "backslashreplace"))


def _fragment(output: Mapping[str, Any]) -> Markup:
    if output["output_type"] == "stream":
        return _text(output["text"])
    if output["output_type"] == "error":
        return _text(f"{output['ename']}: {output['evalue']}")
    data = {kind: content for kind, content in output["data"].items() if kind != MIME}
    live = [_named(kind) for kind in data if any(part in kind.lower() for part in _LIVE)]
    html = str(data.get("text/html") or "")
    if shown := (live or not html or any(losses(html))) and picture(data):
        return shown
    shown = _best(data, html)
    if not live and shown is not None:
        return shown
    if not live and {*data} <= {"text/plain"}:
        return _text(str(data.get("text/plain", "")))
    if live:
        return (shown or Markup()) + left_out(joined(live))
    kinds = listed(kind for kind in data if kind != "text/plain")
    return left_out(f"an output of the kind {kinds}", "a report cannot show it")


def _best(data: Mapping[str, Any], html: str) -> Markup | None:
    """Return what shows the most of the output, but for its pictures and its plain text."""
    latex, markdown = (str(data.get(kind) or "") for kind in ("text/latex", "text/markdown"))
    for text, limit in ((html, _HTML), (latex, _LATEX), (markdown, _TEXT)):
        if len(text) > limit:
            return _too_large(f"An output of {len(text):,} characters is too large for this page")
    if html:
        return clean_and_say(visible(html))
    if latex:
        return clean(f'<div class="formula">{text_with_formulas(visible(latex))}</div>')
    if markdown:
        return Markup('<div class="prose">{}</div>').format(prose(visible(markdown)))
    if "application/json" in data:
        return _text(json.dumps(data["application/json"], indent=1, ensure_ascii=False))
    return None


def _named(kind: str) -> str:
    """Return the words for a kind that needs a script, and its name."""
    words = next(words for part, words in _LIVE.items() if part in kind.lower())
    return f"{words} ({listed([kind])})"


def _text(text: str) -> Markup:
    rest = len(text) - _TEXT
    more = f"\n… {rest:,} more characters; {ELSEWHERE}." if rest > 0 else ""
    return Markup("<pre>{}</pre>").format(visible(text[:_TEXT]) + more)


def _too_large(what: str) -> Markup:
    return Markup("<pre>{}; {}.</pre>").format(what, ELSEWHERE)
