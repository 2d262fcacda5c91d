"""The page around a notebook: what stands first, what last, and where everything comes from."""

from __future__ import annotations

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from atomlab.diagnosis.findings import MIME
from atomlab.report.page import arranged, page_of
from tests.pages import HOSTILE, NAMES
from tests.refusals import is_one_line

FOUND = {"verdict": "confirmed", "answer": "Because of a key."}


@pytest.fixture
def notebook():
    """Return a notebook as the shipped ones are: title, setup, sections, findings."""
    stated = new_output("execute_result", {MIME: {}, "text/html": "<p>Verdict</p>"})
    return new_notebook(
        cells=[
            new_markdown_cell("# Is it so?\n\n**What it cannot show:** much.", id="title"),
            new_code_cell("tenant: str = 'x'  # who", metadata={"tags": ["parameters"]}),
            new_code_cell("tenant = 'y'", metadata={"tags": ["injected-parameters"]}),
            new_code_cell("import atomlab", id="load"),
            new_markdown_cell("## Impact: `all` of it\n\nWho is hit.", id="impact"),
            new_code_cell("1", id="one"),
            new_markdown_cell("### A step\n", id="step"),
            new_code_cell("2", id="two"),
            new_code_cell("Findings(case)", id="findings", outputs=[stated]),
        ],
        metadata={
            "papermill": {
                "parameters": {"snapshot": "/home/someone/s.sqlite", "tenant": "0042", "x": ""}
            }
        },
    )


def test_the_sections_come_first_and_what_the_notebook_begins_with_last(notebook):
    """Its scope and its setup follow the findings; the title is the header's question."""
    cells = arranged(notebook.cells)
    assert [cell.id for cell in cells] == ["impact", "one", "step", "two", "about", "setup"]
    about, setup = cells[-2:]
    assert about.source.startswith("## What this report can and cannot show\n")
    assert "much." in about.source
    assert "Is it so" not in about.source
    assert setup.source == "import atomlab"  # a parameter's default may name another tenant
    assert page_of(notebook, FOUND | {"title": "So it is"}).question == "Is it so?"
    assert page_of(notebook, FOUND).question == ""  # it is the page's title


def test_what_papermill_injects_is_told_in_the_footer_only(notebook):
    """The parameters that were given, without the folders of whoever made the report."""
    shown = page_of(notebook, FOUND).provenance["Parameters"]
    assert shown == "snapshot s.sqlite, tenant 0042"
    assert not any("tenant = 'y'" in cell.source for cell in arranged(notebook.cells))


def test_the_contents_name_each_section(notebook):
    """Level, anchor and heading, in the order of the page."""
    contents = page_of(notebook, FOUND).contents
    about = (2, "about", "What this report can and cannot show")
    assert contents == [(2, "impact", "Impact: all of it"), (3, "step", "A step"), about]


def test_the_notebook_itself_is_left_as_it_is(notebook):
    """Arranging makes a new order, not another notebook."""
    before = [cell.source for cell in notebook.cells]
    arranged(notebook.cells)
    assert [cell.source for cell in notebook.cells] == before


def test_a_notebook_without_sections_is_shown_in_its_order():
    """A notebook of a user's own need not have a title, sections or parameters."""
    cells = [new_code_cell("1", id="a"), new_markdown_cell("words", id="b")]
    page = page_of(new_notebook(cells=cells), FOUND)
    assert [cell.id for cell in arranged(cells)] == ["a", "b"]
    assert (page.first.title, page.question, page.contents) == ("Report", "", [])
    assert page.provenance["Parameters"] == "the notebook's own"


TENANT = {"name": "Acme", "subdomain": "acme", "id": "1"}


@pytest.mark.parametrize(
    ("ai_mode", "request_mode", "told"),
    [
        ("byok", "BYOK (ai_mode)", None),
        (None, "BYOK (ai_mode)", None),
        ("hybrid", "BYOK (ai_mode)", "BYOK (ai_mode)"),
        ("byok", "managed (as asked)", "managed (as asked)"),
        ("byok", "BYOK (as asked)", "BYOK (as asked)"),
        ("managed", "managed (ai_mode)", "managed (ai_mode)"),
        ("managed", "BYOK (as asked)", "BYOK (as asked)"),
    ],
)
def test_how_requests_are_served_is_a_fact_unless_it_is_as_usual(
    notebook, ai_mode, request_mode, told
):
    """Only of a BYOK tenant whose requests are BYOK, and not because that was asked, it is not."""
    about = {"tenant": TENANT, "ai_mode": ai_mode, "request_mode": request_mode}
    assert page_of(notebook, {**FOUND, "diagnosis": about}).facts.get("Requests") == told


@pytest.mark.parametrize(
    ("tested", "replayed", "told"),
    [
        (["simple"], ["simple"], {"Request": "complexity simple"}),
        (
            ["simple", "complex"],
            ["simple", "complex"],
            {"Requests replayed": "complexity simple and complex"},
        ),
        (
            ["simple"],
            ["simple", "moderate", "complex"],
            {
                "Claims tested for": "complexity simple",
                "Requests replayed": "complexity simple, moderate and complex",
            },
        ),
    ],
    ids=["one", "several", "claims on one"],
)
def test_the_footer_names_every_request_that_was_replayed(notebook, tested, replayed, told):
    """All of them, and those that the claims are about where they are fewer."""
    asked, all_of_them = (
        [{"complexity": c, "turn": 0} for c in each] for each in (tested, replayed)
    )
    found = {**FOUND, "request": asked[0], "requests": all_of_them, "tested": asked}
    provenance = page_of(notebook, found).provenance
    shown = {n: t for n, t in provenance.items() if "equest" in n or "Claims" in n}
    assert shown == told
    earlier = page_of(notebook, {**FOUND, "request": asked[0]}).provenance
    assert earlier["Request"] == f"complexity {tested[0]}"


def test_findings_about_no_single_tenant_have_a_page(notebook):
    """A fleet has a snapshot and no tenant: what is there is shown."""
    manifest = {"captured_at": "2026-05-02T08:00:00Z", "rules": "hosted", "tool": "atomlab 0"}
    snapshot = {"name": "s", "sha256": "ab" * 32, "manifest": manifest}
    page = page_of(notebook, {**FOUND, "snapshot": snapshot, "diagnosis": {"tenant": None}})
    assert list(page.facts) == ["Evidence", "Captured", "Rules"]
    assert page.provenance["SHA-256 of the snapshot"] == "ab" * 32
    assert page.provenance["Report made by"].startswith("atomlab ")


@pytest.mark.parametrize("name", HOSTILE, ids=NAMES)
def test_every_text_of_the_page_is_one_printable_line(notebook, name):
    """Names from a database, a snapshot or a parameter cannot reorder or flood the page."""
    notebook.metadata["papermill"]["parameters"] = {"tenant": name, name: name}
    notebook.cells[0].source = f"# {name}"
    manifest = {"captured_at": name, "rules": name, "tool": name, "note": name}
    page = page_of(
        notebook,
        {
            "verdict": "refuted",
            "answer": name,
            "title": name,
            "request": {"task": name},
            "snapshot": {"name": name, "sha256": name, "manifest": manifest},
            "diagnosis": {"tenant": {"name": name, "subdomain": None, "id": name}},
        },
    )
    first = page.first
    texts = [first.title, first.status, *first.sentences.values(), page.question, page.note]
    texts += [*page.facts.values(), *page.provenance.values()]
    assert all(is_one_line(text) for text in texts if text)
    assert sum(map(len, texts)) < 10_000
