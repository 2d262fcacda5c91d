"""How a report reads in a real browser: on a phone, by night, by keyboard, on paper."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any
from unicodedata import normalize

import pytest
from pypdf import PdfReader

from tests.browser.conftest import INCIDENT, PHONE, made

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def incident(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the page of the incident's report."""
    return made(tmp_path_factory.mktemp("incident") / "report", *INCIDENT)[0]


def test_tables_stack_on_a_phone(incident: Path, show: Callable[..., Any]) -> None:
    """Each cell stands below the one before, and is labelled as its column is."""
    page, _ = show(incident, viewport=PHONE)
    row = page.locator("table").first.locator("tbody tr").first
    boxes = [row.locator("th, td").nth(n).bounding_box() for n in range(3)]
    assert boxes[0]["y"] < boxes[1]["y"] < boxes[2]["y"]
    label = "getComputedStyle(document.querySelector('td'), '::before').content"
    assert page.evaluate(label) == '"status"'


def test_figures_and_page_follow_the_reader_s_scheme(
    incident: Path, show: Callable[..., Any]
) -> None:
    """By night both are dark, by day both are light, and the figures are really drawn."""
    for scheme, ground in (("light", "rgb(255, 255, 255)"), ("dark", "rgb(20, 25, 31)")):
        page, _ = show(incident, scheme)
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == ground
        drawn = page.evaluate("[...document.images].map(i => i.naturalWidth > 300)")
        assert drawn == [True] * 5
        chosen = "document.images[0].currentSrc === document.images[0].src"
        assert page.evaluate(chosen) == (scheme == "light")


def test_the_keyboard_reaches_the_findings_at_once(
    incident: Path, show: Callable[..., Any]
) -> None:
    """The first key press shows a link past the contents, with a visible focus."""
    page, _ = show(incident)
    page.keyboard.press("Tab")
    focused = page.locator(":focus")
    assert focused.inner_text() == "Skip to the evidence"
    assert focused.bounding_box()["x"] >= 0
    assert page.evaluate("getComputedStyle(document.activeElement).outlineWidth") == "3px"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "findings"


def test_paper_gets_what_can_be_read_on_it(incident: Path, show: Callable[..., Any]) -> None:
    """Printed by night too: light, without contents and code, with the folded SQL of the fix."""
    page, _ = show(incident, "dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(28, 39, 51)"
    assert page.evaluate("document.images[0].currentSrc === document.images[0].src")
    assert not page.locator("nav").is_visible()
    assert not any(fold.is_visible() for fold in page.locator("details.code").all())
    assert page.locator("pre", has_text="INSERT INTO tenant_settings").is_visible()
    assert page.pdf().startswith(b"%PDF")


def test_on_paper_the_plain_page_is_the_first(incident: Path, show: Callable[..., Any]) -> None:
    """All of it, and nothing else; the evidence begins on the second."""
    page, _ = show(incident)
    first, second, *_ = _printed(page)
    assert first.startswith("BrennanMachinery:everyrequestfails")
    assert "Wordsusedhere" in first
    assert "winner:themodel" in first  # the last of them
    assert "Forengineers" not in first
    assert second.startswith("Forengineers:theevidence")


def test_no_table_is_parted_from_its_heading_on_paper(
    incident: Path, show: Callable[..., Any]
) -> None:
    """A table's caption, its first row, and the heading right above it are on one page."""
    page, _ = show(incident)
    pages = _printed(page)
    tables = page.evaluate(
        """() => [...document.querySelectorAll('main table')].map(table => {
            const above = table.closest('.step').previousElementSibling;
            const first = above.nextElementSibling.querySelector('table') === table;
            const heading = first && above.matches('.prose') && above.querySelector('h2, h3');
            const parts = [heading, table.caption, table.querySelector('tbody th, tbody td')];
            return parts.filter(Boolean).map(part => part.textContent.replace(/\\s+/g, ''));
        })"""
    )
    assert len(tables) > 10
    assert max(map(len, tables)) == 3
    parted = [t for t in tables if not any(all(part in text for part in t) for text in pages)]
    assert parted == []


def _printed(page: Any) -> list[str]:
    """Return the text of each page on A4, without spaces, ligatures and the number of the page."""
    pages = PdfReader(BytesIO(page.pdf(format="A4", prefer_css_page_size=True))).pages
    texts = [normalize("NFKC", "".join(each.extract_text().split())) for each in pages]
    return [text.removeprefix(f"{n}/{len(texts)}") for n, text in enumerate(texts, 1)]
