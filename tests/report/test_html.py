"""The report as one file: self-contained, inert, and telling the verdict first."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

import atomlab
from atomlab.report.html import to_html
from tests.conftest import ROOT

HOSTILE = (
    "</script><img src=x onerror=alert(1)>",
    "{{7*7}} {% raw %}",
    "=cmd|' /C calc'!A0",
    "[a link](javascript:alert(1))",
    "Acme \u202egnp.exe\x1b[31m\x00",
    "<style>*{display:none}</style>",
)


class Page(HTMLParser):
    """Collects tags with their attributes, in order, and the text outside of style."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.text, self._open = [], "", []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._open.append(tag)

    def handle_endtag(self, tag):
        self._open = self._open[: -1 - self._open[::-1].index(tag)] if tag in self._open else []

    def handle_data(self, data):
        if "style" not in self._open:
            self.text += data


@pytest.fixture(scope="session")
def page(report):
    return Page(report.html.read_text(encoding="utf-8"))


def inert(page):
    """Return whether nothing in the page could run, or reach out of it."""
    names = {tag for tag, _ in page.tags}
    handlers = [a for _, attrs in page.tags for a in attrs if a.startswith("on")]
    addresses = [a[n] for _, a in page.tags for n in ("src", "href", "action") if n in a]
    return (
        not names & {"script", "iframe", "object", "embed", "form", "link", "base", "svg"}
        and not handlers
        and all(address.startswith(("data:image/", "#")) for address in addresses)
    )


def test_the_verdict_and_the_answer_come_first(page):
    """Title, verdict and answer stand before anything else."""
    head = page.text[: page.text.index("What it can show")]
    assert "Confirmed: every claim holds" in head
    assert "0 of 2,690 models are usable for a moderate request of Brennan Machinery" in head
    assert "it does not cure advanced requests" in head


def test_the_report_is_one_inert_file(report, page):
    """No script, no address outside the file, a policy that allows neither, below 2 MB."""
    html = report.html.read_text(encoding="utf-8")
    policy = next(a["content"] for _, a in page.tags if a.get("http-equiv"))

    assert inert(page)
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert not re.search(r"(?:https?:)?//[a-z]", re.sub(r"base64,[A-Za-z0-9+/=]+", "", html))
    assert len(html) < 2_000_000


def test_code_is_folded_and_pictures_have_text(page):
    """All code stands in a closed details element; the figures say in words what they show."""
    folded = [attrs for tag, attrs in page.tags if tag == "details"]
    images = [attrs for tag, attrs in page.tags if tag == "img"]

    assert len(folded) > 10
    assert not any("open" in attrs for attrs in folded)
    assert len(images) == 3
    assert "5 usable" in images[0]["alt"]
    assert "Providers with usable models" in images[1]["alt"]


def test_the_evidence_is_named_in_the_footer(page, before):
    """The footer leads back to the snapshot by its hash."""
    assert before.sha256 in page.text[page.text.rindex("Evidence: snapshot") :]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_tenant_name_is_inert(captured, name, tmp_path):
    """Whatever a tenant is called, its name is text in tables, sentences, header and figures."""
    from atomlab.report import figures, tables
    from atomlab.report.findings import Findings

    snapshot = captured({name: {"MINIMAX_2_7_API_KEY": "k"}})
    claims = atomlab.load_hypothesis(ROOT / "data" / "hypotheses" / "brennan-minimax.yaml")
    case = atomlab.investigate(snapshot, f"id-{name}", claims)
    shown = [tables.keys(case.diagnosis), tables.say(case.answer()), tables.claims_again(case)]
    shown += [figures.blockers(case.before("simple")), tables.provenance(snapshot)]
    outputs = [new_output("display_data", {"text/html": o._repr_html_()}) for o in shown]
    cells = [new_code_cell("1", outputs=outputs)]

    html = to_html(new_notebook(cells=cells), case.to_json())
    page = Page(html)
    assert inert(page)
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x08\x0b-\x1f]", html)
    assert not re.search("[\u202a-\u202e\x1b]", repr(shown[0]) + repr(shown[1]))
    assert Findings(case)._repr_mimebundle_()["text/html"]


def test_html_that_a_cell_puts_out_is_cut_down():
    """Output that was not escaped where it was made is still harmless."""
    evil = (
        "<img src='https://example.org/x.png'><script>alert(1)</script><b onclick=x>bold</b>"
        "<a href='javascript:alert(1)'>a</a><iframe src=data:text/html,x></iframe>"
        "<img src='data:text/html;base64,AAAA'>"
    )
    output = new_output("display_data", {"text/html": evil})
    notebook = new_notebook(cells=[new_code_cell("1", outputs=[output]), new_markdown_cell(evil)])
    findings = {
        "verdict": "confirmed",
        "title": evil,
        "answer": evil,
        "request": {"complexity": evil},
        "verification": {"claims": [{"statement": evil}]},
        "snapshot": {"name": evil, "sha256": "", "manifest": {"tool": evil}},
        "diagnosis": {
            "tenant": {"name": evil, "subdomain": None, "id": evil},
            "snapshot": {"captured_at": evil, "rules": evil},
        },
    }
    page = Page(to_html(nbformat.from_dict(notebook), findings))
    assert inert(page)
    assert "bold" in page.text
