"""Reports in a real browser: silent, alone, and legible by day, by night, on a phone, on paper."""

from __future__ import annotations

import shutil

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

import atomlab
from atomlab.report.html import to_html
from tests.conftest import ROOT
from tests.pages import STORABLE

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on the path")

SCREEN, PHONE = {"width": 1280, "height": 900}, {"width": 375, "height": 812}
SCROLLS = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def show(browser):
    """Return a function that opens a file and gives its page; what it does is in `page.heard`."""
    contexts = []

    def open_page(path, scheme="light", viewport=SCREEN):
        contexts.append(browser.new_context(viewport=viewport, color_scheme=scheme))
        page = contexts[-1].new_page()
        page.heard = []
        page.on("console", lambda message: page.heard.append(message.text))
        page.on("pageerror", lambda error: page.heard.append(str(error)))
        page.on("dialog", lambda dialog: page.heard.append(dialog.message))
        page.on("request", lambda request: page.heard.append(request.url[:200]))
        page.goto(path.as_uri())
        page.heard = [told for told in page.heard if not told.startswith(("data:", path.as_uri()))]
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def hostile(captured, tmp_path):
    """Return a report in which a tenant, a setting and a claim have every hostile name there is."""
    name = " ".join(STORABLE)
    snapshot = captured({name: {"MINIMAX_2_7_API_KEY": "k", "<img src=x>_API_KEY": "k"}})
    claims = atomlab.load_hypothesis(ROOT / "data" / "hypotheses" / "brennan-minimax.yaml")
    claims = claims.model_copy(update={"title": name})
    case = atomlab.investigate(snapshot, f"id-{name}", claims)
    shown = [case.diagnosis, case.verification, case.before("simple"), case.diagnosis.lookups]
    outputs = [new_output("display_data", {"text/html": o._repr_html_()}) for o in shown]
    cells = [new_markdown_cell("## Impact"), new_code_cell("1", outputs=outputs)]
    path = tmp_path / "hostile.html"
    path.write_text(to_html(new_notebook(cells=cells), case.to_json()), encoding="utf-8")
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_report_is_silent_and_alone(show, report, hostile, scheme):
    """No console message, no dialog, no request: not even for a style that the policy refuses."""
    for path in (report.html, hostile):
        assert show(path, scheme).heard == []


@pytest.mark.parametrize("viewport", [PHONE, SCREEN], ids=["phone", "screen"])
def test_nothing_reaches_beyond_the_edge(show, report, hostile, viewport):
    """The page never scrolls sideways, whatever names are in it."""
    for path in (report.html, hostile):
        assert not show(path, viewport=viewport).evaluate(SCROLLS)


def test_tables_stack_on_a_phone(show, report):
    """Each cell stands below the one before, and is labelled as its column is."""
    page = show(report.html, viewport=PHONE)
    row = page.locator("table").first.locator("tbody tr").first
    boxes = [row.locator("th, td").nth(n).bounding_box() for n in range(3)]
    assert boxes[0]["y"] < boxes[1]["y"] < boxes[2]["y"]
    label = "getComputedStyle(document.querySelector('td'), '::before').content"
    assert page.evaluate(label) == '"outcome"'


def test_figures_and_page_follow_the_reader_s_scheme(show, report):
    """By night both are dark, by day both are light, and the figures are really drawn."""
    for scheme, ground in (("light", "rgb(255, 255, 255)"), ("dark", "rgb(20, 25, 31)")):
        page = show(report.html, scheme)
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == ground
        drawn = page.evaluate("[...document.images].map(i => i.naturalWidth > 300)")
        assert drawn == [True] * 5
        chosen = "document.images[0].currentSrc === document.images[0].src"
        assert page.evaluate(chosen) == (scheme == "light")


def test_the_contents_lead_where_they_say(show, report):
    """A click on any entry brings its section into view."""
    page = show(report.html)
    for link in page.locator("nav a").all():
        link.click()
        target = page.locator(f"[id='{link.get_attribute('href')[1:]}']")
        assert -1 <= target.bounding_box()["y"] < SCREEN["height"]


def test_the_keyboard_reaches_the_findings_at_once(show, report):
    """The first key press shows a link past the contents, with a visible focus."""
    page = show(report.html)
    page.keyboard.press("Tab")
    focused = page.locator(":focus")
    assert focused.inner_text() == "Skip to the findings"
    assert focused.bounding_box()["x"] >= 0
    assert page.evaluate("getComputedStyle(document.activeElement).outlineWidth") == "3px"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "findings"


def test_paper_gets_what_can_be_read_on_it(show, report):
    """Printed by night too: light, without contents and code, with the SQL of the fix."""
    page = show(report.html, "dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(28, 39, 51)"
    assert page.evaluate("document.images[0].currentSrc === document.images[0].src")
    assert not page.locator("nav").is_visible()
    assert not any(fold.is_visible() for fold in page.locator("details.code").all())
    assert page.locator("pre", has_text="INSERT INTO tenant_settings").is_visible()
    assert page.pdf().startswith(b"%PDF")
