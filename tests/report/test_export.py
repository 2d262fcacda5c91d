"""PDF and DOCX of a page: what it says, in the formats' own means, and nothing of it run."""

from __future__ import annotations

import base64
import re
import subprocess
import zipfile
from html import escape, unescape
from io import BytesIO

import docx
import pypdf
import pytest
from PIL import Image

from atomlab.errors import ReportError
from atomlab.report import export
from atomlab.report.export import font_warnings, to_docx, to_pdf
from atomlab.report.formulas import formula
from atomlab.report.harmless import clean
from tests.pages import Page
from tests.refusals import refused

PIXEL = (  # a PNG of one pixel
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
HASH = "f76ce180edccb7fb5c70d15a1a739443d2926f1709ffd908d792c58b683b01c7"
MARKUP = (
    '#let x = read("/etc/passwd")',
    '#import "@preview/cetz:0.3.4"',
    "#{panic()} #sys.version",
    "$x^2$ *bold* _em_ `code` = heading",
    "@label <label> \\ // comment /* comment */",
    r"\input{/etc/passwd} \u{0041} $$\alpha$$",
    "</script><img src=x onerror=alert(1)>",
    "{{7*7}} {% raw %} ${7*7}",
    "`#x`{=typst} ```{=openxml}",
    "[a](javascript:alert(1)) ![b](/etc/passwd) ::: {#id} --- +++",
    "=cmd|' /C calc'!A0 { PAGE } ]]> <w:p>",
)


def pages_of(page, footer=""):
    """Return the text of each page of the PDF, without the places where a word may break."""
    pdf, _ = to_pdf(page, footer)
    pages = pypdf.PdfReader(BytesIO(pdf)).pages
    return [each.extract_text().replace("\u200b", "") for each in pages]


def read(page):
    """Return the Word document read back, and the XML of its body."""
    data = to_docx(page)
    with zipfile.ZipFile(BytesIO(data)) as archive:
        return docx.Document(BytesIO(data)), archive.read("word/document.xml").decode()


def squeezed(text):
    return re.sub(r"[\s\u200b-]+", "", text)


@pytest.fixture(scope="module")
def paper(report):
    """Return the investigation's report as PDF, and its page."""
    page = (report.folder / "report.html").read_text(encoding="utf-8")
    return pypdf.PdfReader(BytesIO(to_pdf(page, "The footer")[0])), page


def test_a_report_becomes_a_pdf_that_says_the_same(paper):
    """Every word of the report is in the PDF, but for folded code and the contents."""
    reader, page = paper
    shown = re.sub(r"<(nav|style|title)\b.*?</\1>", "", page, flags=re.DOTALL)
    shown = re.sub(r'<details class="code">.*?</details>', "", shown, flags=re.DOTALL)
    words = set(re.findall(r"[A-Za-z]{4,}", Page(shown).text.replace("Skip to the evidence", "")))
    text = squeezed("".join(each.extract_text() for each in reader.pages))
    assert len(words) > 300
    assert [word for word in words if word not in text] == []
    assert "explanations.options" not in text
    assert "Skiptotheevidence" not in text


def test_every_page_has_its_number_the_footer_and_the_title(paper):
    """Pages say which of how many they are; all but the first say the title."""
    reader, _ = paper
    pages = [each.extract_text() for each in reader.pages]
    assert 4 < len(pages) < 14
    for number, text in enumerate(pages, 1):
        assert f"{number} / {len(pages)}" in text
        assert "The footer" in text
        assert text.startswith("Brennan Machinery: every request fails") is True
    assert [round(float(n)) for n in reader.pages[0].mediabox[2:]] == [595, 842]


def test_the_plain_page_is_the_first_of_the_pdf(paper):
    """All of it; the evidence begins on the next, and a status is in its colour."""
    reader, _ = paper
    first, second = (squeezed(each.extract_text()) for each in reader.pages[:2])
    assert "Wordsusedhere" in first
    assert "Forengineers" not in first
    assert "Forengineers:theevidence" in second
    assert b"0.60784" in reader.pages[0].get_contents().get_data()  # the red of #9b1c14


def test_a_pdf_names_its_title_and_language_and_can_be_archived(paper):
    """Metadata and outline for a reader's list, tags for a screen reader, PDF/A for an archive."""
    reader, _ = paper
    root = reader.trailer["/Root"]
    assert reader.metadata.title == "Brennan Machinery: every request fails"
    assert reader.metadata.creation_date is not None
    assert root["/Lang"] == "en"
    assert root["/MarkInfo"]["/Marked"]
    assert b"pdfaid:part>2<" in root["/Metadata"].get_object().get_data()
    assert len(reader.outline) > 0


def test_figures_have_their_alternative_text(paper):
    """The tags of the PDF carry the text of each picture, as the page does."""
    reader, page = paper
    wanted = [unescape(text) for text in re.findall(r'<img alt="(.*?)"', page) if text]
    found, pending = [], [reader.trailer["/Root"]["/StructTreeRoot"]]
    while pending:
        node = pending.pop()
        found += [str(node["/Alt"])] if node.get("/Alt") else []
        kids = node.get("/K", [])
        kids = [kid.get_object() for kid in (kids if isinstance(kids, list) else [kids])]
        pending += [kid for kid in kids if isinstance(kid, dict)]
    assert len(wanted) >= 3
    assert sorted(found) == sorted(wanted)


def test_headers_of_long_tables_stand_on_each_page():
    """A table over several pages repeats its header, in both formats."""
    rows = "".join(f"<tr><td>row {n}</td><td>text</td></tr>" for n in range(150))
    page = (
        f"<table><thead><tr><th>name</th><th>Column</th></tr></thead><tbody>{rows}</tbody></table>"
    )
    pages = pages_of(page)
    assert len(pages) > 2
    assert all("Column" in text for text in pages)
    assert read(page)[1].count("w:tblHeader") == 1


@pytest.fixture(scope="module")
def attacked():
    """Return a page that has hostile text in headings, prose, cells, code, lists and title."""
    shown = [escape(text) for text in MARKUP]
    blocks = "".join(
        f"<h2>{t}</h2><p>{t}</p><table><tr><td>{t}</td></tr></table><pre>{t}</pre>"
        f"<p><code>{t}</code></p><ul><li>{t}</li></ul><dl><dt>{t}</dt><dd>{t}</dd></dl>"
        for t in shown
    )
    return f"<title>{' '.join(shown)}</title><h1>x</h1>{blocks}"


def test_markup_in_the_text_is_text_in_a_pdf(attacked):
    """In prose, headings, cells and code, markup of Typst, TeX and templates stays as it is."""
    pdf, _ = to_pdf(attacked, footer="#panic()")
    text = squeezed("".join(page.extract_text() for page in pypdf.PdfReader(BytesIO(pdf)).pages))
    for markup in MARKUP:
        assert text.count(squeezed(markup)) >= 8, markup
    assert "#panic()" in text
    assert "root:" not in text
    assert not re.search(rb"/(JavaScript|JS|Launch|EmbeddedFile|OpenAction|URI)\b", pdf)


def test_markup_in_the_text_is_text_in_word(attacked):
    """No field but those of the page's number, nothing outside, and all of it there."""
    data = to_docx(attacked)
    with zipfile.ZipFile(BytesIO(data)) as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist() if "ml" in name}
    document = docx.Document(BytesIO(data))
    cells = [cell.text for table in document.tables for cell in table._cells]
    text = squeezed("".join([*(p.text for p in document.paragraphs), *cells]))
    for markup in MARKUP:
        assert text.count(squeezed(markup)) >= 8, markup
    fields = re.findall("<w:instrText[^>]*>(.*?)<", "".join(parts.values()))
    assert fields == ["PAGE", "NUMPAGES"]
    assert 'TargetMode="External"' not in "".join(parts.values())


def test_words_styles_are_used():
    """Title, headings, lists, quotations and code have Word's styles; page numbers at the foot."""
    document, xml = read(
        "<h1>A</h1><h2>B</h2><p>c</p><ol><li>d</li></ol><p>e</p><ol><li>f</li></ol>"
        "<blockquote><p>g</p></blockquote><pre>  h\n    i</pre>"
    )
    styles = {p.text: p.style.name for p in document.paragraphs if p.text}
    numbers = re.findall(r'<w:numId w:val="(\d+)"', xml)
    assert styles["A"] == "Title"
    assert styles["B"] == "Heading 2"
    assert styles["g"] == "Block Text"
    assert styles["  h\n    i"] == "Source Code"
    assert len(set(numbers)) == 2  # each list starts at one
    assert "NUMPAGES" in document.sections[0].footer._element.xml
    assert round(document.sections[0].page_width.cm) == 21
    assert document.core_properties.title == "A"
    assert document.core_properties.author == ""


def test_links_lead_to_cells_headings_and_the_web():
    """A link has its target in both formats; one to nowhere is text."""
    page = (
        "<p><a href='#e1'>one</a> <a href='#h'>two</a> <a href='#gone'>three</a> "
        "<a href='https://x.example/?a=1&amp;b=2'>four</a></p><h2 id='h'>five</h2>"
        "<table><tr><td id='e1'>E1</td></tr></table><p id='h'>again</p>"
    )
    _, xml = read(page)
    bookmarks = re.findall(r'<w:bookmarkStart [^>]*w:name="(.*?)"', xml)
    assert sorted(bookmarks) == ["e1", "h"]
    (sheet,) = pypdf.PdfReader(BytesIO(to_pdf(page)[0])).pages
    links = [note.get_object() for note in sheet["/Annots"]]
    outside = [link["/A"]["/URI"] for link in links if "/URI" in link.get("/A", {})]
    assert outside == ["https://x.example/?a=1&b=2"]
    assert len(links) == 3


def test_columns_are_as_wide_as_their_text_needs():
    """Short columns stay short, and long ones share the rest: both formats have these widths."""
    row = f"<td>short</td><td>{'word ' * 20}</td><td>{'word ' * 60}</td>"
    document, _ = read(f"<table><tr><th>a</th><th>b</th><th>c</th></tr><tr>{row}</tr></table>")
    widths = [column.width for column in document.tables[0].columns]
    assert widths[0] < widths[1] < widths[2]
    assert widths[0] * 3 < widths[2]


def test_tables_keep_merged_cells_and_lose_empty_headers():
    """A cell over two columns is one; a header without words is not a row."""
    document, _ = read(
        "<table><thead><tr><th></th><th></th></tr></thead>"
        "<tr><th>a</th><td class='number'>b</td></tr></table>"
        "<table><tr><td>c</td><td>d</td></tr><tr><td colspan=2>none</td></tr></table>"
    )
    table, merged = document.tables
    assert [[c.text for c in row.cells] for row in table.rows] == [["a", "b"]]
    assert [c.text for c in merged.rows[1].cells] == ["none", "none"]
    (name,), (number,) = (cell.paragraphs for cell in table.rows[0].cells)
    assert name.runs[0].bold
    assert number.alignment == docx.enum.text.WD_ALIGN_PARAGRAPH.RIGHT


def test_long_words_stay_on_the_page():
    """A hash longer than its column breaks instead of running out of it."""
    word = HASH * 3
    page = f"<p>{word}</p><table><tr><td>{word}</td><td>{'text ' * 60}</td></tr></table>"
    (sheet,) = pypdf.PdfReader(BytesIO(to_pdf(page)[0])).pages
    right = []
    sheet.extract_text(
        visitor_text=lambda text, _cm, tm, _font, size: (
            right.append(tm[4]) if text.strip() else None
        )
    )
    assert squeezed(sheet.extract_text()).count(word) == 2
    assert max(right) < 595 - 50


def test_control_and_bidi_characters_are_shown_as_escapes():
    """They can neither reorder a line nor make a file that Word refuses."""
    page = "<p>a\u202eb\x1b[31m\ud800\ufffe</p>"
    wanted = r"a\u202eb\x1b[31m\ud800\ufffe"
    assert read(page)[0].paragraphs[0].text == wanted
    assert wanted in pages_of(page)[0]


@pytest.mark.parametrize(
    "page",
    [
        "",
        "<table></table>",
        "<table><tr><td>a</td></tr><tr><td>b</td><td>c</td></tr></table>",
        "<table><tr><td colspan=9>a</td></tr><tr><td>b</td><td>c</td></tr></table>",
        "<table><tr><td id=a></td><td id=a><p>p</p><ul><li>x</li></ul></td></tr></table>",
        "<ul></ul><ol><li></li></ol><dl><dt>a</dt></dl>",
        "<h3>deep first</h3><h1>then high</h1>",
        f'<figure><img alt="a" src="{PIXEL}"><figcaption>c</figcaption></figure>',
        "<div>" * 400 + "x" + "</div>" * 400,
        "<ul><li>" * 20 + "x" + "</li></ul>" * 20,
    ],
)
def test_odd_pages_are_converted(page):
    """Empty, ragged or nested: there is a document of it."""
    assert to_pdf(page)[0].startswith(b"%PDF-")
    assert zipfile.is_zipfile(BytesIO(to_docx(page)))


@pytest.mark.parametrize("source", ["/etc/passwd", "https://a.example/x.png", "document.typ"])
def test_nothing_is_loaded_for_an_image(source):
    """An image outside the page is not an image in Word, and one line instead of a PDF."""
    page = f'<p>before <img alt="gone" src="{source}"></p>'
    document, _ = read(page)
    assert len(document.inline_shapes) == 0
    with refused(ReportError, "typst cannot set the page"):
        to_pdf(page)


BROKEN = {
    "svg+xml": [b"<p/>", b"<svg", b"\xff", b'<svg xmlns="http://www.w3.org/2000/svg" width="0"/>'],
    "png": [b"none"],
    "jpeg": [b"\xff\xd8\xff\xe0none"],
}


@pytest.mark.parametrize(("kind", "content"), [(k, c) for k, all_ in BROKEN.items() for c in all_])
def test_an_image_that_is_none_is_words(kind, content):
    """Typst's refusal of one picture costs nothing but that picture."""
    address = f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
    (page,) = pages_of(f'<p>before <img alt="a" src="{address}"><img src="{PIXEL}"> after</p>')
    assert {"before", "after"} <= {*page.split()}
    assert page.count("cannot be printed; report.html has it") == 1


@pytest.mark.parametrize("kind", ["JPEG", "GIF", "WEBP", "PNG"])
def test_every_kind_of_picture_is_in_the_pdf(kind):
    """Each is drawn as wide as it is."""
    stream = BytesIO()
    Image.new("RGB", (60, 20), "red").save(stream, kind)
    address = f"data:image/{kind.lower()};base64,{base64.b64encode(stream.getvalue()).decode()}"
    pdf, _ = to_pdf(f'<p><img alt="a" src="{address}"></p>')
    (found,) = pypdf.PdfReader(BytesIO(pdf)).pages[0].images
    assert found.image.size == (60, 20)


@pytest.mark.parametrize(
    ("latex", "drawn"),
    [(r"\frac{a}{b}", True), (r"\sect", False), ("x" + "^{a" * 40 + "}" * 40, False)],
    ids=["a fraction", "a sign that typst does not know", "nested too deeply for pandoc"],
)
def test_a_formula_is_drawn_or_is_its_source(latex, drawn):
    """What pandoc or typst cannot do stands as LaTeX; neither fails, or takes a minute."""
    (page,) = pages_of(f"<p>before {clean(formula(latex, display=True))} after</p>")
    assert (latex in squeezed(page)) is not drawn
    assert "after" in page
    if drawn:
        assert "\N{MATHEMATICAL ITALIC SMALL A}" in page


def test_letters_that_no_font_has_are_named_once():
    """The PDF is there, with boxes; the warning names each letter and what to install."""
    letter = "\U0001e6ff"  # in a script of which no font is known
    pdf, missing = to_pdf(f"<h2>{letter}</h2><table><tr><td>name {letter}</td></tr></table>")
    assert pdf.startswith(b"%PDF-")
    assert missing == letter
    (line,) = font_warnings(missing)
    assert letter in line
    assert "Noto Sans CJK" in line
    assert font_warnings(to_pdf("<p>Grüße, naïve → ≤ ✓ Ж Ω</p>")[1]) == []
    assert len(font_warnings("漢" * 5000)[0]) < 300


def test_a_conversion_that_takes_too_long_is_ended(monkeypatch):
    """Pandoc is stopped after a while, and one line says so."""
    monkeypatch.setattr(export, "_TIMEOUT_S", 0.01)
    with refused(ReportError, "not done after 0.01 seconds"):
        to_docx("<p>x</p>")


def test_pandoc_itself_is_told_to_read_nothing(monkeypatch):
    """It runs in its sandbox, reading the page from its input."""
    ran = []
    real = subprocess.run
    monkeypatch.setattr(
        export.subprocess, "run", lambda *a, **options: (ran.append(a[0]), real(*a, **options))[1]
    )
    to_docx("<p>x</p>")
    assert "--sandbox" in ran[0]
