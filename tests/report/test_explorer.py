"""The explorer beside a report, and in JupyterLab: one file, one script allowed by its hash."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from hashlib import sha256

import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

import atomlab
from atomlab.errors import ReportError
from atomlab.report.explorer import explorer_of, explorer_page
from atomlab.report.files import RECORD
from atomlab.report.page import to_html
from atomlab.report.templates import FOLDER
from atomlab.show.explorer import case_data
from tests.conftest import ROOT
from tests.pages import Page
from tests.refusals import refused
from tests.report.conftest import run_report
from tests.report.test_running import STATES

BRENNAN = ROOT / "data" / "snapshots" / "brennan-2026-05-02.sqlite"
KILOBYTES = 200


@pytest.fixture(scope="session")
def html(report):
    """Return the explorer beside the report of the incident."""
    return (report.folder / "explore.html").read_text(encoding="utf-8")


@pytest.fixture
def case():
    with atomlab.open_snapshot(BRENNAN) as snapshot:
        yield atomlab.investigate(snapshot, "brennan")


def held(html):
    """Return the data in a page."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)
    return json.loads(found[1])


def test_the_explorer_lies_beside_the_report_which_stays_without_scripts(report, html):
    """It is recorded with the other files, and the report leads to it."""
    page = (report.folder / "report.html").read_text(encoding="utf-8")
    assert 'href="explore.html"' in page
    assert "<script" not in page
    assert f"{sha256(html.encode()).hexdigest()}  explore.html" in (
        report.folder / RECORD
    ).read_text(encoding="utf-8")


def test_it_is_small_and_allows_its_own_script_alone(html):
    """With the 2,690 models of the real price map; no address, handler or style in a tag."""
    assert len(held(html)["models"]["rest"]) == 2690
    assert len(html.encode()) < KILOBYTES * 1000
    (script,) = re.findall(r'<script type="module">(.*?)</script>', html, re.DOTALL)
    (style,) = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    hashes = [b64encode(sha256(text.encode()).digest()).decode() for text in (script, style)]
    policies = [a["content"] for a, _ in Page(html).all("meta") if "http-equiv" in a]
    assert policies == [
        f"default-src 'none'; script-src 'sha256-{hashes[0]}'; style-src 'sha256-{hashes[1]}';"
        " img-src data:; base-uri 'none'; form-action 'none'"
    ]
    assert html.count("<script") == 2
    assert "://" not in html
    assert "innerHTML" not in script
    for _, attributes in Page(html).tags:
        assert not any(name.startswith("on") or name in ("src", "style") for name in attributes)


def test_no_name_ends_the_script(case):
    """Every `<` of the data is escaped; what comes back is what went in."""
    data = case_data(case) | {"tenant": '</script><img src=x onerror=alert(1)> {{7*7}} & "'}
    html = explorer_page(data)
    assert held(html) == json.loads(json.dumps(data))
    assert "<img" not in html
    assert html.count("</script>") == 2


def test_the_script_is_short_and_asks_for_nothing():
    """Below 500 lines, without an import, a framework or a network."""
    script = (FOLDER / "report" / "explore.js").read_text(encoding="utf-8")
    assert len(script.splitlines()) < 500
    assert not re.search(
        r"^import\b|\bimport\(|fetch\(|XMLHttp|WebSocket|eval\(|Function\(", script, re.M
    )
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", script)


@pytest.mark.parametrize("change", [{"request": None}, {"diagnosis": {}}])
def test_findings_about_no_single_request_have_none(case, change):
    """A fleet's page has nothing to turn on and off."""
    assert explorer_of(case.to_json() | change, str(BRENNAN)) is None


def test_findings_on_another_snapshot_have_none(case):
    """What is shown is what the report was made on, or nothing."""
    assert explorer_of(case.to_json(), "") is None
    assert explorer_of(case.to_json(), str(BRENNAN.with_stem("brennan-2026-05-03"))) is None
    assert explorer_of(case.to_json(), str(BRENNAN)) == explorer_page(case_data(case))


@pytest.mark.parametrize("change", [{"request": {"no": 1}}, {"snapshot": {}}])
def test_findings_of_another_form_are_an_error(case, change):
    """In one line, as for the page itself."""
    with refused(ReportError, "not in the form atomlab.findings/1", None):
        explorer_of(case.to_json() | change, str(BRENNAN))


def test_a_report_without_an_explorer_removes_an_earlier_one(notebook, tmp_path):
    """One that a report wrote; another's would show what this report is not about."""
    values = {"snapshot": str(BRENNAN), "tenant": "delta"}
    declared = 'snapshot: str = ""  # a file\ntenant: str = ""  # whose\n'
    states = "import atomlab\ncase = atomlab.triage(atomlab.open_snapshot(snapshot), tenant)"
    run_report(notebook(f"{states}\natomlab.Findings(case)", declared), values, tmp_path / "out")
    assert (tmp_path / "out" / "explore.html").exists()
    run_report(notebook(STATES), {}, tmp_path / "out")
    assert not (tmp_path / "out" / "explore.html").exists()
    assert "explore.html" not in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_the_widget_is_the_same_module_with_the_same_data(case):
    """Made where it is asked for: a case knows nothing of what draws it."""
    widget = case.explore()
    assert widget.data == case_data(case)
    assert str(widget._esm) == (FOLDER / "report" / "explore.js").read_text(encoding="utf-8")
    assert '[data-jp-theme-light="false"] .explorer' in str(widget._css)
    assert ":root" not in str(widget._css)


def test_a_widget_in_a_report_is_named_as_left_out(case):
    """Its page has no scripts; what stands in its place says what was there."""
    data = case.explore()._repr_mimebundle_()
    data = data[0] if isinstance(data, tuple) else data
    cell = new_code_cell("case.explore()", outputs=[new_output("display_data", data=data)])
    html = to_html(new_notebook(cells=[cell]), {"verdict": "confirmed", "answer": "a"})
    assert "a widget (application/vnd.jupyter.widget-view+json)" in Page(html).text
    assert "Left out: a widget" in Page(html).text
    assert "<script" not in html
