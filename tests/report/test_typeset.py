"""PDF without a browser: what the page says, on A4, and nothing of it read as Typst."""

from __future__ import annotations

import re
from io import BytesIO

import pypdf
import pytest

from atomlab.errors import ReportError
from atomlab.report import typeset
from atomlab.report.typeset import to_pdf
from tests.refusals import refused
from tests.report.test_richtext import PIXEL


def read(pdf):
    """Return the text of a PDF, page by page, without the places where a word may break."""
    pages = pypdf.PdfReader(BytesIO(pdf)).pages
    return [page.extract_text().replace("\u200b", "") for page in pages]


def squeezed(text):
    return re.sub(r"[\s\u200b-]+", "", text)


@pytest.fixture(scope="module")
def pdf(report):
    """Return the investigation's report as PDF."""
    return to_pdf(report.html.read_text(encoding="utf-8"), title="A report", footer="The footer")


def test_a_report_becomes_a_pdf_that_says_the_same(pdf, report):
    """Every word of the report's text, but for folded code, is in the PDF."""
    from atomlab.report.richtext import parse

    tree = parse(report.html.read_text(encoding="utf-8"))
    words = set(re.findall(r"[A-Za-z]{4,}", " ".join(e.text() for e in tree.find("p", "td", "h2"))))
    told = squeezed(" ".join(read(pdf)))
    assert len(words) > 300
    assert [word for word in words if word not in told] == []
    assert "get_ipython" not in told
    assert "explanations.options" not in told


def test_a_caption_stands_before_its_table():
    """A table's caption is read first, as that of a figure."""
    html = "<table><caption>What it shows</caption><tr><th>head</th></tr></table>"
    (page,) = read(to_pdf(html, title="T"))
    assert page.index("What it shows") < page.index("head")


def test_every_page_has_a_number_and_the_footer(pdf):
    """Pages say which of how many they are; all but the first say the title."""
    pages = read(pdf)
    assert 4 < len(pages) < 12
    for number, page in enumerate(pages, 1):
        assert f"{number} / {len(pages)}" in page
        assert "The footer" in page
        assert ("A report" in page) is (number > 1)


def test_figures_have_their_alternative_text(pdf, report):
    """The tags of the PDF carry the text of each picture, as the page does."""
    alternatives = re.findall(r'<img alt="(.*?)"', report.html.read_text(encoding="utf-8"))
    told, pending = [], [pypdf.PdfReader(BytesIO(pdf)).trailer["/Root"]["/StructTreeRoot"]]
    while pending:
        node = pending.pop()
        told += [str(node["/Alt"])] if "/Alt" in node else []
        kids = node.get("/K", [])
        kids = [kid.get_object() for kid in (kids if isinstance(kids, list) else [kids])]
        pending += [kid for kid in kids if isinstance(kid, dict)]
    assert len(alternatives) >= 3
    assert sorted(told) == sorted(alternatives)


def test_headers_of_long_tables_stand_on_each_page():
    """A table over several pages repeats its header."""
    rows = "".join(f"<tr><td>row {n}</td><td>text</td></tr>" for n in range(150))
    table = (
        f"<table><thead><tr><th>name</th><th>Column</th></tr></thead><tbody>{rows}</tbody></table>"
    )
    pages = read(to_pdf(table, title="t"))
    assert len(pages) > 2
    assert all("Column" in page for page in pages)


@pytest.mark.parametrize(
    "text",
    [
        '#let x = read("/etc/passwd")',
        "#sys.version",
        "$x^2$ *bold* _em_ `code` = heading",
        "@label <label> \\ // comment /* comment */",
        '#include "main.typ"',
        "#{panic()}",
        "\\u{0041}",
    ],
)
def test_typst_in_the_text_is_text(text):
    """In prose, headings, cells and code, markup of Typst shows as it stands."""
    from html import escape

    shown = escape(text)
    page = (
        f"<h1>{shown}</h1><p>{shown}</p><table><tr><td>{shown}</td></tr></table>"
        f"<pre>{shown}</pre><p><code>{shown}</code></p><ul><li>{shown}</li></ul>"
    )
    told = squeezed("".join(read(to_pdf(page, title=text))))
    assert told.count(squeezed(text)) >= 6


def test_long_words_stay_on_the_page():
    """A hash or a path longer than its column breaks instead of running out of it."""
    word = "f76ce180edccb7fb5c70d15a1a739443d2926f1709ffd908d792c58b683b01c7" * 3
    page = f"<p>{word}</p><table><tr><td>{word}</td><td>{'text ' * 60}</td></tr></table>"
    reader = pypdf.PdfReader(BytesIO(to_pdf(page, title="t")))
    right = []
    reader.pages[0].extract_text(
        visitor_text=lambda text, _cm, tm, _font, size: (
            right.append(tm[4]) if text.strip() else None
        )
    )
    assert squeezed(reader.pages[0].extract_text()).count(word) == 2
    assert max(right) < 595 - 50


@pytest.mark.parametrize(
    "page",
    [
        "",
        "<table></table>",
        "<table><tr><td>a</td></tr><tr><td>b</td><td>c</td></tr></table>",
        "<table><tr><td colspan=9>a</td></tr><tr><td>b</td><td>c</td></tr></table>",
        "<ul></ul><ol><li></li></ol><dl><dt>a</dt></dl>",
        "<h3>deep first</h3><h1>then high</h1>",
        "<details><summary>s</summary><p>t</p></details><p><a href='#x'>x</a></p><h2 id=x>y</h2>",
        f"<figure><img alt='a' src='data:image/png;base64,{PIXEL}'><p>c</p></figure>",
        "<img alt='gone' src='https://a.example/x.png'>",
        "<div>" * 400 + "x",
        "<table><tr><td><ul><li>" * 30 + "x",
        "漢字 العربية 🎉 ✓ → ≤",
    ],
)
def test_odd_pages_are_set(page):
    """Empty, ragged, nested or foreign: there is a PDF of it."""
    assert to_pdf(page, title="").startswith(b"%PDF-")


def test_an_image_that_is_none_is_one_line():
    """Typst's refusal is told in one line, with what to do."""
    page = "<img alt='a' src='data:image/svg+xml;base64,PHA+'>"
    with refused(ReportError, "typst cannot set the page"):
        to_pdf(page, title="t")


def test_nothing_of_the_page_reaches_the_template():
    """The template is the same whatever the page: the page's text is JSON beside it."""
    first = typeset._files("<p>#a</p>", "t", "f")
    second = typeset._files("<h1>$b$</h1>", "u", "g")
    assert first["main.typ"] == second["main.typ"]
    assert first["document.json"] != second["document.json"]
