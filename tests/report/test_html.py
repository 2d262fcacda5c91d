"""The report as one file: self-contained, inert, in its order, and for every reader."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import tomllib
from itertools import pairwise

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from sqlalchemy import select

import atomlab
from atomlab import Tenant
from atomlab.report.page import to_html
from atomlab.show import case_tables
from atomlab.verdicts import CAUSES
from tests.conftest import ROOT
from tests.pages import HOSTILE_HTML, STORABLE, STORABLE_NAMES, Page, inert

SECTIONS = [
    "Impact",
    "Evidence",
    "Argument",
    "Fix",
    "What the fix does not cure",
    "What was not checked",
    "What this report can and cannot show",
    "Provenance",
]


def alone(html):
    """Return whether the page is inert, and what lies beside it is all that it leads to."""
    return inert(re.sub(r'href="(fix\.sql|explore\.html)"', 'href="#beside"', html))


@pytest.fixture(scope="session")
def html(report):
    return (report.folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def page(html):
    return Page(html)


def test_the_first_page_comes_first_in_plain_words(page):
    """Title, status and sentences without a code stand before any section."""
    head = page.text[: page.text.index("For engineers")]
    assert page.all("h1")[0][1] == "Brennan Machinery: every request fails"
    assert ("badge bad", "Affected") in [(a.get("class"), t) for a, t in page.all("span")]
    assert "Cause: proven" in head
    assert "All 7 claims of the hypothesis hold." in head
    assert "Advanced requests stay broken" in head
    plain = head[: head.index("Words used here")]
    assert not re.search(
        "|".join([*(c for c in CAUSES if "-" in c), "one-of-k", "confirmed", "no-models"]), plain
    )
    assert 'Is this the root cause of "No models available from dynamic pricing"?' not in head


def test_each_word_is_explained_that_is_used(html, page):
    """Those that stand somewhere in the page, once each, and no others."""
    listed = html[html.index("Words used here") : html.index('class="divider"')]
    terms = [text for _, text in Page(listed).all("dt")]
    assert {"affected", "confirmed", "placebo", "fix set", "edition", "client"} <= set(terms)
    assert {"simple", "moderate", "complex", "advanced", "BYOK, managed"} <= set(terms)
    rest = page.text[: page.text.index("Words used")] + page.text[page.text.index("For engin") :]
    assert all(any(t in rest.lower() for t in term.lower().split(", ")) for term in terms)
    assert "undecided" not in terms


def test_no_badge_of_a_failure_is_green(page):
    """Green is what is there, a fault that is gone, and what was run: no verdict, no status."""
    green = {t for a, t in page.all("span") if a.get("class") == "badge good"}
    assert green == {"present", "fault gone", "verified"}


def test_the_sections_are_in_the_order_that_a_reader_needs(page):
    """Impact, evidence, argument, fix, what it leaves, what was not checked; then provenance."""
    headings = [text for _, text in page.all("h2")]
    assert headings[:3] == ["Words used here", "For engineers: the evidence", "Contents"]
    assert [h.split(":")[0] for h in headings[3:]] == SECTIONS


def test_headings_form_one_tree(page):
    """One title; no level is skipped on the way down."""
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_the_contents_lead_to_every_section(page):
    """Each link has its one target, and each section its link."""
    targets = [attrs["id"] for _, attrs in page.tags if attrs.get("id")]
    terms = [
        attrs["href"].removeprefix("#")
        for attrs, _ in page.all("a")
        if attrs.get("class") == "term"
    ]
    links = [attrs["href"].removeprefix("#") for attrs, _ in page.all("a")]
    links.remove("fix.sql")
    links.remove("explore.html")
    assert len(set(targets)) == len(targets)
    assert set(links) <= set(targets)
    assert terms
    assert len(set(terms)) == len(terms)
    assert len(links) - len(terms) == 1 + len(page.all("h2")) - 3 + len(page.all("h3"))


def test_readers_who_do_not_see_the_page_find_their_way(page):
    """Language, landmarks, a link past the contents, and a text for each figure."""
    attributes = dict(page.tags)
    assert attributes["html"]["lang"] == "en"
    for landmark in ("header", "nav", "main", "footer"):
        assert [tag for tag, _ in page.tags].count(landmark) == 1
    assert page.all("a")[0] == (
        {"class": "skip contents", "href": "#findings"},
        "Skip to the evidence",
    )
    assert all("alt" in attrs for attrs, _ in page.all("img"))
    described = [attrs["alt"] for attrs, _ in page.all("img") if attrs["alt"]]
    assert len(described) == len(page.all("figure")) == len(page.all("figcaption")) == 3
    assert "5 usable" in described[0]
    assert "Providers with usable models" in described[1]
    assert all(attrs.get("scope") in ("col", "row") for attrs, _ in page.all("th"))


def test_the_report_is_one_inert_file(html, page):
    """No script, no address outside the file, a policy that allows neither, below 2 MB."""
    policy = next(a["content"] for _, a in page.tags if a.get("http-equiv"))

    assert alone(html)
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "unsafe" not in policy
    assert not re.search(r"(?:https?:)?//[a-z]", re.sub(r"base64,[A-Za-z0-9+/=]+", "", html))
    assert len(html) < 2_000_000


def test_the_policy_allows_the_report_s_own_style_and_no_other(html, page):
    """The one style element is named by its hash; nothing has a style attribute."""
    policy = next(a["content"] for _, a in page.tags if a.get("http-equiv"))
    [style] = re.findall("<style>(.*?)</style>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}';" in policy
    assert not [attrs for _, attrs in page.tags if "style" in attrs]


def test_code_is_folded_and_so_is_the_sql(page):
    """All code of the notebook is closed, and so are the script and its rollback."""
    folds = [(attrs.get("class"), "open" in attrs, text) for attrs, text in page.all("details")]
    assert [is_open for kind, is_open, _ in folds if kind == "code"].count(False) > 15
    assert not [kind for kind, is_open, _ in folds if kind == "code" and is_open]
    [(is_open, sql), (undo_is_open, undo)] = [(o, text) for kind, o, text in folds if not kind]
    assert (is_open, undo_is_open) == (False, False)
    assert "INSERT INTO tenant_settings" in sql
    assert "DELETE FROM tenant_settings" in undo


def test_the_footer_leads_back_to_the_evidence(page, before):
    """Hash, time of capture, version of the tool, and the parameters of the run."""
    foot = page.text[page.text.rindex("Provenance") :]
    assert before.sha256 in foot
    assert before.captured_at in foot
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f"Report made byatomlab {project['version']}" in foot
    assert "snapshot brennan-2026-05-02.sqlite" in foot
    assert "hypothesis brennan-minimax.yaml" in foot
    assert str(ROOT) not in page.text


def test_the_same_run_gives_the_same_page(report):
    """Nothing in the page is random or of the hour: reports can be compared."""
    notebook = nbformat.read(report.folder / "notebook.ipynb", as_version=4)
    findings = json.loads((report.folder / "findings.json").read_text(encoding="utf-8"))
    assert to_html(notebook, findings) == to_html(notebook, findings)
    assert to_html(notebook, findings, explored=True) == (report.folder / "report.html").read_text(
        encoding="utf-8"
    )


@pytest.mark.parametrize("name", STORABLE, ids=STORABLE_NAMES)
def test_a_hostile_tenant_name_is_inert(captured, template, name):
    """Whatever a tenant is called, its name is text in tables, sentences, header and figures."""
    from atomlab.diagnosis.fixes import plan_fix
    from atomlab.show import figures
    from atomlab.show.cards import Findings

    snapshot = captured({name: {"MINIMAX_2_7_API_KEY": "k"}})
    case = atomlab.investigate(snapshot, f"id-{name}", atomlab.load_hypothesis(template))
    shown = [case.diagnosis, snapshot, case.verification, case_tables.keys(case.diagnosis)]
    shown += [
        case_tables.Sentence(case.answer()),
        case_tables.claims_again(case),
        case_tables.trials(case.trials),
    ]
    shown += [case.before("simple"), plan_fix(case.diagnosis, "postgresql")]
    shown += [figures.blockers(case.before("simple")), case_tables.causes(case.diagnosis)]
    outputs = [new_output("display_data", {"text/html": o._repr_html_()}) for o in shown]
    outputs.append(new_output("display_data", Findings(case)._repr_mimebundle_()))

    html = to_html(new_notebook(cells=[new_code_cell("1", outputs=outputs)]), case.to_json())
    assert alone(html)
    assert len(html) < 2_000_000
    assert not re.search("[\u202a-\u202e\x1b]", "".join(map(repr, shown)))


def test_html_that_a_cell_puts_out_is_cut_down():
    """Output that was not escaped where it was made is still harmless."""
    evil = (
        "<img src='https://example.org/x.png'><script>alert(1)</script><b onclick=x>bold</b>"
        "<a href='javascript:alert(1)'>a</a><iframe src=data:text/html,x></iframe>"
        "<img src='data:text/html;base64,AAAA'><style>*{color:red}</style><p style='color:red'>"
        "<picture><source srcset='data:image/png;base64,AAAA, https://example.org/y.png'></picture>"
        "<style>unclosed<h2 id=findings>two</h2>"
    )
    output = new_output("display_data", {"text/html": evil})
    notebook = new_notebook(cells=[new_code_cell("1", outputs=[output]), new_markdown_cell(evil)])
    manifest = {"tool": evil, "captured_at": evil, "rules": evil, "note": evil}
    findings = {
        "verdict": "confirmed",
        "title": evil,
        "answer": evil,
        "request": {"complexity": evil},
        "verification": {"claims": [{"statement": evil}]},
        "snapshot": {"name": evil, "sha256": "", "manifest": manifest},
        "diagnosis": {"tenant": {"name": evil, "subdomain": None, "id": evil}},
    }
    html = to_html(nbformat.from_dict(notebook), findings)
    page = Page(html)
    assert inert(html)
    assert "bold" in page.text
    assert len(page.all("style")) == 1
    assert [attrs.get("id") for _, attrs in page.tags].count("findings") == 1


def test_no_html_of_a_cell_runs_loads_or_leads_elsewhere():
    """Each of many ways to get past a sanitizer ends as harmless HTML; the text before it stays."""
    for name, evil in HOSTILE_HTML.items():
        output = new_output("display_data", {"text/html": f"<p>before</p>{evil}"})
        cells = [new_code_cell("1", outputs=[output]), new_markdown_cell(evil)]
        html = to_html(new_notebook(cells=cells), {"verdict": "confirmed", "answer": "a"})
        page = Page(html)
        assert inert(html), name
        assert "before" in page.text, name
        assert len(page.all("style")) == 1, name
        odd = {"style", "srcdoc", "ping", "background", "poster", "name", "target", "is"}
        head = html.index("<main")
        assert not [a for _, a in Page(html[head:]).tags if odd & a.keys()], name


def test_what_a_table_needs_is_kept():
    """Classes, spans, scopes, labels and images that are in the page survive as they are."""
    image = "data:image/svg+xml;base64,PHN2Zy8+"
    html = (
        '<table class="dataframe wide"><caption>c</caption><thead><tr>'
        '<th scope="col" colspan="2" title="t">a &lt; b &amp; c</th></tr></thead>'
        '<tbody><tr><td data-label="x" aria-label="y">1<wbr>2</td></tr></tbody></table>'
        f'<figure role="img"><picture><source media="print" srcset="{image}">'
        f'<img src="{image}" alt="z"></picture></figure><a href="#x y">go</a>'
    )
    output = new_output("display_data", {"text/html": html})
    notebook = new_notebook(cells=[new_code_cell("1", outputs=[output])])
    assert html in to_html(notebook, {"verdict": "confirmed", "answer": "a"})


@pytest.mark.parametrize(
    ("link", "kept"),
    [
        ("<a href='#findings'>", True),
        ("<a href='#'>", True),
        ("<a href='other.html'>", False),
        ("<a href='other.html#findings'>", False),
        ("<a href='/etc/passwd'>", False),
        ("<a href='//example.org/x'>", False),
        ("<a href='?x#findings'>", False),
        ("<a href=''>", False),
        ("<a href=' #findings'>", False),
        ("<a href='https://example.org'>", False),
        ("<a href='data:text/html,x'>", False),
        ("<a href='data:image/png;base64,AAAA'>", False),
        ("<div href='#findings'>", False),
        ("<img href='#findings'>", False),
    ],
)
def test_links_of_outputs_lead_within_the_page(link, kept):
    """What a cell puts out can link to a place in the report, and to nothing outside of it."""
    found = {}
    for shown in ("the text", f"{link}the text"):
        output = new_output("display_data", {"text/html": shown})
        notebook = new_notebook(cells=[new_code_cell("1", outputs=[output])])
        page = Page(to_html(notebook, {"verdict": "confirmed", "answer": "a"}))
        assert "the text" in page.text
        found[shown] = [(tag, attrs["href"]) for tag, attrs in page.tags if "href" in attrs]
    own, both = found.values()
    assert len(both) - len(own) == kept


def test_a_report_on_one_tenant_names_no_other(report, arguments):
    """It may be read by the tenant: whoever else has the error, or is touched by a fix, is not."""
    text = Page((report.folder / "report.html").read_text(encoding="utf-8")).text
    with atomlab.open_snapshot(arguments["snapshot"]) as snapshot:
        others = [t for t in snapshot.session.scalars(select(Tenant)) if t.subdomain != "brennan"]
    assert len(others) > 40
    assert [t.name for t in others if len(t.name) > 4 and t.name in text] == []
    assert [t.subdomain for t in others if re.search(rf"\b{t.subdomain}\b", text)] == []
