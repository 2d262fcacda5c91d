"""Word documents: Word's own styles, and text as text."""

from __future__ import annotations

import re
import zipfile
from io import BytesIO

import docx
import pytest

from atomlab.report.word import to_docx
from tests.report.test_richtext import PIXEL


def read(html, title="t"):
    """Return the document that the HTML makes, read back, and its body's XML."""
    data = to_docx(html, title=title)
    with zipfile.ZipFile(BytesIO(data)) as archive:
        return docx.Document(BytesIO(data)), archive.read("word/document.xml").decode()


def styled(document):
    return [(p.style.name, p.text) for p in document.paragraphs if p.text]


def test_blocks_have_words_own_styles():
    """Headings, paragraphs, lists, quotations and captions are Word's."""
    document, _ = read(
        "<h1>A</h1><h2>B</h2><p>c</p><ul><li>d</li></ul><ol><li>e</li></ol>"
        "<blockquote><p>f</p></blockquote><figcaption>g</figcaption>"
    )
    assert styled(document) == [
        ("Heading 1", "A"),
        ("Heading 2", "B"),
        ("Normal", "c"),
        ("List Bullet", "d"),
        ("List Number", "e"),
        ("Quote", "f"),
        ("Caption", "g"),
    ]


def test_runs_look_as_they_do_in_the_page():
    """Strong, emphasized, marked and code text are so in Word."""
    document, _ = read("<p>a<strong>b</strong><em>c</em><mark>d</mark><code>e</code></p>")
    runs = {run.text: run for run in document.paragraphs[0].runs}
    assert [t for t, r in runs.items() if r.bold] == ["b", "d"]
    assert [t for t, r in runs.items() if r.italic] == ["c"]
    assert [t for t, r in runs.items() if r.font.highlight_color] == ["d"]
    assert [t for t, r in runs.items() if r.font.name] == ["e"]


def test_a_table_keeps_its_cells_and_repeats_its_header():
    """Rows, columns, merged cells; the header row is one to Word."""
    document, xml = read(
        "<table><tr><th>a</th><th>b</th></tr><tr><td>c</td><td>d</td></tr>"
        "<tr><td colspan=2>none</td></tr></table>"
    )
    (table,) = document.tables
    assert [[c.text for c in row.cells] for row in table.rows] == [
        ["a", "b"],
        ["c", "d"],
        ["none", "none"],
    ]
    assert xml.count("w:tblHeader") == 1


def test_each_numbered_list_starts_at_one():
    """Word would count on from one list to the next."""
    document, _ = read("<ol><li>a</li><li>b</li></ol><p>x</p><ol><li>c</li></ol>")
    numbers = [
        p._p.pPr.numPr.numId.val for p in document.paragraphs if p.style.name == "List Number"
    ]
    assert numbers[0] == numbers[1] != numbers[2]


def test_links_lead_to_bookmarks_and_to_the_web():
    """A link within the page leads to its bookmark, another to its address."""
    _, xml = read(
        "<p><a href='#e-1'>a</a> <a href='https://x.example'>b</a></p><h2 id='e-1'>c</h2>"
    )
    assert re.findall('w:anchor="(.*?)"', xml) == re.findall(
        'w:bookmarkStart .*?w:name="(.*?)"', xml
    )
    assert xml.count("w:hyperlink r:id") + xml.count("<w:hyperlink") >= 2


def test_code_keeps_its_lines():
    """Each line of a block of code is a line in Word."""
    document, _ = read("<pre>  a\n    b\n</pre>")
    assert document.paragraphs[0].text == "  a\n    b"


def test_pictures_are_shown_or_told():
    """A PNG is shown; of an SVG, which Word may not know, there is the alternative text."""
    document, _ = read(
        f"<p><img alt='a dot' src='data:image/png;base64,{PIXEL}'></p>"
        "<p><img alt='a line' src='data:image/svg+xml;base64,PHN2Zy8+'></p>"
    )
    assert len(document.inline_shapes) == 1
    assert styled(document) == [("Normal", "a line")]


@pytest.mark.parametrize("text", ["\x00\x0b\ud800\ufffe", "=1+1", "{ PAGE }", "]]>", "<w:p>"])
def test_any_text_can_be_written(text):
    """What XML does not allow is escaped, fields and formulas are text."""
    from html import escape

    document, xml = read(f"<p>{escape(text)}</p>", title=text)
    assert len(document.paragraphs) == 1
    assert "w:instrText" not in xml
