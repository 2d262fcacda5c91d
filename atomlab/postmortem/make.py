"""Making a postmortem: a draft from findings or what people made of one, in any of the formats."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Literal

from jinja2 import FileSystemLoader
from markdown_it.token import Token

from atomlab.errors import InputError
from atomlab.files import read_bytes
from atomlab.postmortem.cases import load_cases
from atomlab.postmortem.check import head_rows, is_open
from atomlab.postmortem.draft import draft
from atomlab.postmortem.events import Events, load_events
from atomlab.postmortem.markdown import FOLDER
from atomlab.postmortem.reader import Block, blocks, parser, slug
from atomlab.postmortem.times import day_in
from atomlab.show.templates import environment
from atomlab.show.terminal import print_warnings
from atomlab.text import printable, visible

Format = Literal["md", "html", "docx", "pdf"]
_MARKDOWN = (".md", ".markdown")
_ENDINGS: dict[str, Format] = {
    **dict.fromkeys(_MARKDOWN, "md"),
    ".html": "html",
    ".htm": "html",
    ".docx": "docx",
    ".pdf": "pdf",
}
_MAX_BYTES = 8 * 1024 * 1024


def is_markdown(inputs: Sequence[str]) -> bool:
    """Return whether the input is a postmortem itself, to be checked or set in another format."""
    return any(Path(path).suffix.lower() in _MARKDOWN for path in inputs)


def to_markdown(inputs: Sequence[str], events: str | None = None) -> str:
    """Return the postmortem that findings documents and events make, or the one in a Markdown file.

    Raises InputError for a file that cannot be read, and for a Markdown file beside others.
    """
    if not is_markdown(inputs):
        return draft(load_cases(inputs), load_events(events) if events else Events())
    path = Path(next(path for path in inputs if is_markdown([path])))
    if len(inputs) > 1 or events:
        what = "is a postmortem already, and takes no findings or events"
        raise InputError(what, where=path, todo="give it alone")
    try:
        text = read_bytes(path, _MAX_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError("is not UTF-8 text", where=path, todo="save it as UTF-8") from None
    return visible(text)  # control and bidi characters as escapes: they reach no terminal or page


def to_bytes(markdown: str, format: Format) -> bytes:  # noqa: A002 - as the option is called
    """Return the postmortem in a format; letters that no font has are a warning on stderr.

    Raises ReportError where a package for the format is missing.
    """
    if format == "md":
        return markdown.encode()
    page = to_page(markdown)
    if format == "html":
        return page.encode()
    from atomlab.report.export import font_warnings, to_docx, to_pdf

    if format == "docx":
        return to_docx(page)
    pdf, missing = to_pdf(page)
    print_warnings(font_warnings(missing))
    return pdf


def format_of(out: Path | None, asked: Format | None = None) -> Format:
    """Return the format that is asked for, or that the name of the file ends in; Markdown without.

    Raises ValueError for a name that ends in another format than is asked for, or in none.
    """
    ending = _ENDINGS.get(out.suffix.lower()) if out else asked or "md"
    if ending is None and asked is None:
        known = ", ".join(_ENDINGS)
        raise ValueError(f"{printable(out, 300)} ends in no known format ({known}); give --format")
    if asked and ending and asked != ending:
        raise ValueError(f"{printable(out, 300)} is not the name of a file in the format {asked}")
    return asked or ending or "md"


def to_page(markdown: str) -> str:
    """Return the page: no script, no style but its own, nothing loaded."""
    read = list(blocks(markdown))
    headings = [block for block in read if block.level]
    tokens = parser().parse(markdown)
    _label_tables(tokens)
    html = parser().renderer.render(tokens, parser().options, {})
    html = html.replace("<table", '<div class="scroll" tabindex="0"><table')
    html = html.replace("</table>", "</table></div>")
    style = (FOLDER / "style.css").read_text(encoding="utf-8")
    template = environment(FileSystemLoader(FOLDER)).get_template("page.html.j2")
    return template.render(
        title=headings[0].text if headings else "Postmortem",
        about=list(_about(read)),
        contents=[(slug(each.text), each.text) for each in headings if each.level == 2],
        body=html,
        style=style,
        style_hash=f"sha256-{b64encode(sha256(style.encode()).digest()).decode()}",
    )


def _about(read: Sequence[Block]) -> Iterator[tuple[str, str]]:
    """Yield the author and the date of the document: what its head says, as far as it is written.

    The owner stands for the authors; a date that is no day is left out.
    """
    head = dict(reversed([(name, row.cells[-1]) for name, row in head_rows(read) if row.cells]))
    said = (head.get(name, "") for name in ("authors", "owner"))
    if author := next((who for who in said if not is_open(who)), ""):
        yield "author", printable(author, 200)
    timeline = (row.cells[0] for row in read if row.cells and row.within("timeline"))
    if day := next(filter(None, map(day_in, (head.get("date", ""), *timeline))), ""):
        yield "date", day


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
