"""A postmortem's Markdown as one self-contained page."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256

from jinja2 import FileSystemLoader
from markdown_it.token import Token

from atomlab.postmortem.reader import blocks, parser, slug
from atomlab.postmortem.templates import FOLDER
from atomlab.show.templates import environment


def to_page(markdown: str) -> str:
    """Return the page: no script, no style but its own, nothing loaded.

    Its Content-Security-Policy says so. The parser shows HTML as text; addresses lead within the
    page, to the web, or to mail.
    """
    headings = [block for block in blocks(markdown) if block.level]
    tokens = parser().parse(markdown)
    _label_tables(tokens)
    html = parser().renderer.render(tokens, parser().options, {})
    html = html.replace("<table", '<div class="scroll" tabindex="0"><table')
    html = html.replace("</table>", "</table></div>")
    style = (FOLDER / "style.css").read_text(encoding="utf-8")
    template = environment(FileSystemLoader(FOLDER)).get_template("page.html.j2")
    return template.render(
        title=headings[0].text if headings else "Postmortem",
        contents=[(slug(each.text), each.text) for each in headings if each.level == 2],
        body=html,
        style=style,
        style_hash=f"sha256-{b64encode(sha256(style.encode()).digest()).decode()}",
    )


def _label_tables(tokens: list[Token]) -> None:
    """Name each table after the heading above it, and each cell after its column.

    The first cell of a row is the row's header where its column has no name.
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
        elif token.type == "td_open":
            if names[column]:
                token.attrSet("data-label", names[column])
            elif column == 0:
                token.tag = tokens[place + 2].tag = "th"  # what opens, its content, what closes
            column += 1


def _words(inline: Token) -> str:
    return "".join(part.content for part in inline.children or ()).strip()
