"""Every format of a postmortem: whole, readable, and inert whatever names and texts hold."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zipfile
from io import BytesIO

import docx
import pypdf
import pytest
import yaml

from atomlab.postmortem.make import to_bytes, to_markdown, to_page
from atomlab.postmortem.reader import blocks
from tests.pages import Page
from tests.postmortem.conftest import HOSTILE, SAID

CONTROLS = re.compile("[\u202a-\u202e\u2066-\u2069\x00-\x08\x0b-\x1f\u2028\ud800-\udfff]")


def pages_of(pdf):
    """Return the text of a PDF, and its links: (to the web or mail, within the document)."""
    reader = pypdf.PdfReader(BytesIO(pdf))
    outside, inside = [], 0
    for page in reader.pages:
        for annotation in page.get("/Annots", ()):
            target = annotation.get_object()
            uri = target.get("/A", {}).get("/URI")
            outside += [uri] if uri else []
            inside += uri is None
    return " ".join(page.extract_text() for page in reader.pages), outside, inside


def parts_of(document):
    """Return the XML of a DOCX by the name of its part."""
    with zipfile.ZipFile(BytesIO(document)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist() if "xml" in name}


def squeezed(text):
    """Return the text without white space: where lines break is the format's own business."""
    return re.sub(r"\s+", "", text)


@pytest.fixture(scope="module", params=HOSTILE, ids=range(len(HOSTILE)))
def attacked(request, tmp_path_factory, incident):
    """Return hostile text and the Markdown of a postmortem that has it wherever text can stand."""
    text = request.param
    fixed = {"schema", "verdict", "outcome", "role", "state", "status", "sha256", "complexity"}
    fixed |= {"captured_at", "sql", "evidence", "result", "certainty"}

    def attack(value, name=""):
        if isinstance(value, dict):
            return {k: attack(v, k) for k, v in value.items()}
        if isinstance(value, list):
            return [attack(v, name) for v in value]
        return text if isinstance(value, str) and name not in fixed else value

    folder = tmp_path_factory.mktemp("attacked")
    findings, events = folder / "findings.json", folder / "events.yaml"
    findings.write_text(json.dumps(attack(incident)))
    said = attack({k: v for k, v in SAID.items() if k not in ("timeline", "actions", "detection")})
    said["actions"] = [{"item": text, "owner": text, "tracker": text}]
    said["timeline"] = [{"at": "2026-05-02T06:00:00Z", "what": text, "source": text, "who": text}]
    events.write_text(yaml.safe_dump(said))
    return text, to_markdown([str(findings)], str(events))


def test_hostile_text_adds_no_block_to_the_markdown(attacked, make, incident, said):
    """The document has the sections of any other, and cites only evidence that it lists."""
    _, markdown = attacked
    rows = {b.cells[0] for b in blocks(markdown) if b.section[-1] == "Evidence" and b.cells}
    titles = [b.section for b in blocks(markdown)]
    wanted = [b.section for b in blocks(make(incident, events=said))]

    assert {f"E{n}" for b in blocks(markdown) for n in b.cites} == rows
    assert {t[1:] for t in titles if len(t) == 2} <= {t[1:] for t in wanted if len(t) == 2}
    assert not CONTROLS.search(markdown)


def test_hostile_text_is_inert_in_html(attacked):
    """No script, no handler, nothing loaded, no address but of the page."""
    html = to_bytes(attacked[1], "html").decode()
    page = Page(html)
    addresses = [a[n] for _, a in page.tags for n in ("src", "href", "action", "style") if n in a]

    assert not {t for t, _ in page.tags} & {"script", "iframe", "object", "img", "form", "base"}
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]
    assert all(address.startswith("#") for address in addresses)
    assert not CONTROLS.search(html)
    assert squeezed(attacked[0].split()[0].split("\u202e")[0]) in squeezed(page.text)


def test_hostile_text_is_inert_in_docx(attacked):
    """The text is there as text; no field but page numbers, no relation to the outside."""
    document = to_bytes(attacked[1], "docx")
    parts = parts_of(document)
    told = "\n".join(p.text for p in docx.Document(BytesIO(document)).paragraphs)

    fields = re.findall("<w:instrText[^>]*>(.*?)<", "".join(parts.values()))
    assert fields == ["PAGE", "NUMPAGES"]
    assert not [xml for xml in parts.values() if 'TargetMode="External"' in xml]
    assert not CONTROLS.search(told)
    assert squeezed(attacked[0].split()[0].split("\u202e")[0]) in squeezed(told)


def test_hostile_text_is_inert_in_pdf(attacked):
    """The text is set as it stands: nothing of it is read as Typst, and no link leads out."""
    pdf = to_bytes(attacked[1], "pdf")
    told, outside, inside = pages_of(pdf)

    assert outside == []
    assert inside > 40
    assert not re.search(rb"/(JavaScript|Launch|EmbeddedFile|OpenAction)\b|/JS[\s(<]", pdf)
    assert "root:" not in told
    assert "49" not in re.sub(r"E49|49\)", "", "".join(re.findall(r"\S*7\*7\S*", told)))
    assert squeezed(attacked[0].split()[0].split("\u202e")[0])[:12] in squeezed(told)


def test_a_megabyte_in_every_field_makes_a_small_document(incident, said):
    """Long texts are cut, in all formats."""
    from atomlab.diagnosis.findings import TenantFindings
    from atomlab.postmortem.cases import Case
    from atomlab.postmortem.draft import draft
    from atomlab.postmortem.events import Events

    found = json.loads(json.dumps(incident))
    found["diagnosis"]["tenant"]["name"] = "N" * 1_000_000
    said["trigger"]["text"] = said["owner"] = "t" * 1_000_000
    markdown = draft([Case("f", "0" * 64, TenantFindings.model_validate(found))], Events(**said))

    assert len(markdown) < 60_000
    assert "(1,000,000 characters)" in markdown
    for name in ("html", "docx", "pdf"):
        assert len(to_bytes(markdown, name)) < 500_000


def test_the_page_is_one_file_that_leads_from_each_number_to_its_evidence(finished):
    """A strict policy, nothing loaded; every link within the page has its target; a title."""
    html = to_bytes(finished, "html").decode()
    page = Page(html)
    policy = next(a["content"] for _, a in page.tags if a.get("http-equiv"))
    ids = [a["id"] for _, a in page.tags if "id" in a]
    links = [a["href"] for t, a in page.tags if t == "a"]
    inside = {link[1:] for link in links if link.startswith("#")}

    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert not {t for t, _ in page.tags} & {"script", "link", "img", "iframe"}
    assert inside <= set(ids)
    assert len(ids) == len(set(ids))
    assert {f"e{n}" for n in range(1, 40)} <= inside
    assert [link for link in links if not link.startswith("#")] == [
        "https://tracker.example/INC-7?a=1&b=2",
        "https://dash.example/7",
    ]
    assert "<title>Postmortem: Brennan Machinery: every request fails</title>" in html
    assert len(html) < 200_000


def test_the_page_allows_no_style_but_its_own(finished):
    """The policy names the hash of the page's one block of styles; no element has a style."""
    page = to_page(finished)
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}';" in page
    assert "unsafe" not in page.partition("<style>")[0]
    assert " style=" not in page


def test_what_is_to_write_is_marked_in_every_format(make, incident):
    """`TO WRITE` stands out: marked in HTML, highlighted in DOCX, there in PDF."""
    markdown = make(incident)
    expected = markdown.count("**TO WRITE**")
    document = docx.Document(BytesIO(to_bytes(markdown, "docx")))
    cells = [c for t in document.tables for c in t._cells]
    paragraphs = [*document.paragraphs, *(p for cell in cells for p in cell.paragraphs)]
    runs = [run for p in paragraphs for run in p.runs if run.text == "TO WRITE"]

    assert to_bytes(markdown, "html").decode().count("<mark>TO WRITE</mark>") == expected
    assert len(runs) == expected
    assert all(run.font.highlight_color is not None for run in runs)
    assert squeezed(pages_of(to_bytes(markdown, "pdf"))[0]).count("TOWRITE") == expected


def test_every_format_says_the_same(finished):
    """Each word of the Markdown's prose is in the page, in the DOCX and in the PDF."""
    words = {word for b in blocks(finished) for word in re.findall(r"[A-Za-z]{4,}", b.text)}
    html = Page(to_bytes(finished, "html").decode()).text
    document = docx.Document(BytesIO(to_bytes(finished, "docx")))
    cells = [cell.text for table in document.tables for cell in table._cells]
    told = {
        "html": html,
        "docx": " ".join([*(p.text for p in document.paragraphs), *cells]),
        "pdf": squeezed(pages_of(to_bytes(finished, "pdf"))[0]).replace("-", ""),
    }
    assert len(words) > 250
    for name, text in told.items():
        assert [word for word in words if word not in squeezed(text)] == [], name


def test_docx_has_headings_numbered_lists_and_live_links(finished):
    """A title and headings; each numbered list is one of its own; citations lead to bookmarks."""
    data = to_bytes(finished, "docx")
    document = docx.Document(BytesIO(data))
    body = parts_of(data)["word/document.xml"]
    anchors = set(re.findall(r'w:anchor="(.*?)"', body))
    bookmarks = re.findall(r'w:bookmarkStart w:id="\d+" w:name="(.*?)"', body)
    styles = [p.style.name for p in document.paragraphs]

    assert document.core_properties.title.startswith(
        "Postmortem: Brennan Machinery: every request fails"
    )
    assert styles[0] == "Title"
    assert styles.count("Heading 2") == 17
    assert anchors <= set(bookmarks)
    assert len(bookmarks) == len(set(bookmarks))
    assert {f"e{n}" for n in range(1, 40)} <= anchors
    assert all(re.fullmatch(r"[A-Za-z][\w-]{0,39}", name) for name in bookmarks)
    assert "w:tblHeader" in body
    assert (
        "https://tracker.example/INC-7?a=1&amp;b=2"
        in parts_of(data)["word/_rels/document.xml.rels"]
    )


def test_pdf_has_a_title_a_language_bookmarks_and_page_numbers(finished):
    """A tagged PDF that a screen reader can read."""
    pdf = to_bytes(finished, "pdf")
    reader = pypdf.PdfReader(BytesIO(pdf))
    last = len(reader.pages)

    assert reader.metadata.title.startswith("Postmortem: Brennan Machinery: every request fails")
    assert reader.trailer["/Root"]["/Lang"] == "en"
    assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"]
    chapters = [entry.title for entry in reader.outline[1] if not isinstance(entry, list)]
    assert chapters[:2] == ["Summary", "Incident"]
    assert f"{last} / {last}" in reader.pages[-1].extract_text()
    assert [round(float(n)) for n in reader.pages[0].mediabox[2:]] == [595, 842]


def test_letters_without_a_font_are_one_warning(make, incident, capsys):
    """The PDF has boxes for them; the warning names the letters, and what to install."""
    letter = "\U0001e6ff"  # in a script of which no font is known
    document = json.loads(json.dumps(incident).replace("Brennan Machinery", f"Brennan {letter}"))
    pdf = to_bytes(make(document), "pdf")
    said = capsys.readouterr().err
    assert pdf.startswith(b"%PDF-")
    assert said.count("warning: ") == 1
    assert "install" in said


def properties_of(markdown):
    """Return title, author and day of each format's own properties, and its language."""
    html = to_bytes(markdown, "html").decode()
    meta = dict(re.findall(r'<meta name="(author|date)" content="(.*?)">', html))
    word = docx.Document(BytesIO(to_bytes(markdown, "docx"))).core_properties
    pdf = pypdf.PdfReader(BytesIO(to_bytes(markdown, "pdf")))
    day = pdf.metadata.creation_date
    return {
        "html": (re.findall("<title>(.*?)</title>", html)[0], meta.get("author"), meta.get("date")),
        "docx": (word.title, word.author or None, f"{word.created:%Y-%m-%d}"),
        "pdf": (pdf.metadata.title, pdf.metadata.author, f"{day:%Y-%m-%d}"),
    }, (re.findall('<html lang="(.*?)"', html)[0], word.language, pdf.trailer["/Root"]["/Lang"])


def test_the_properties_are_those_of_the_incident(make, incident, said):
    """The authors, else the owner, else nobody; the day it began; no word of the tool's making."""
    said |= {"title": "A & B <fail>", "authors": ["Ana Orlov", "Bo Lind"]}
    found, languages = properties_of(make(incident, events=said))
    assert found.pop("html")[1:] == ("Ana Orlov, Bo Lind", "2026-05-02")
    title = "Postmortem: A & B <fail>"
    assert {*found.values()} == {(title, "Ana Orlov, Bo Lind", "2026-05-02")}
    assert languages == ("en", "en", "en")
    document = docx.Document(BytesIO(to_bytes(make(incident, events=said), "docx")))
    assert not {"Author", "Date"} & {p.style.name for p in document.paragraphs}

    said |= {"authors": [], "owner": ["ann", "bob"]}
    said["timeline"][0]["at"] = "2026-05-01 23:30 UTC"
    found, _ = properties_of(make(incident, events=said))
    assert {told[1:] for told in found.values()} == {("ann, bob", "2026-05-01")}


def test_where_nobody_is_named_nobody_is_the_author(make, incident):
    """A mark that something is to be written is no name, and the capture gives the day."""
    found, _ = properties_of(make(incident))
    assert {told[1:] for told in found.values()} == {(None, "2026-05-02")}


def test_an_edited_document_has_the_properties_that_it_says():
    """They are read from the Markdown; a day that there is not is none."""
    head = '| | |\n| --- | --- |\n| Author | Zoë "Z" |\n| Date | {} |\n'
    found, _ = properties_of(f"# It failed\n\n{head.format('July 4, 2025')}")
    assert found["docx"] == found["pdf"] == ("It failed", 'Zoë "Z"', "2025-07-04")
    assert "date" not in to_page(f"# It failed\n\n{head.format('2025-02-31')}").split("<style")[0]


def test_a_name_in_chinese_is_one_warning_that_names_its_letters(make, incident, capsys):
    """Where a font has them there is no warning, and the letters are in the PDF."""
    document = json.loads(json.dumps(incident).replace("Brennan Machinery", "東京商事"))
    pdf = to_bytes(make(document), "pdf")
    said = capsys.readouterr().err
    shown = "東京商事" in squeezed(pages_of(pdf)[0])
    assert said.count("warning: ") == (0 if shown and not said else 1)
    assert not said or "東京商事" in said
