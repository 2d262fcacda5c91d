"""How a report reads in a real browser: on a phone, by night, by keyboard, on paper."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

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
    assert focused.inner_text() == "Skip to the findings"
    assert focused.bounding_box()["x"] >= 0
    assert page.evaluate("getComputedStyle(document.activeElement).outlineWidth") == "3px"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "findings"


def test_paper_gets_what_can_be_read_on_it(incident: Path, show: Callable[..., Any]) -> None:
    """Printed by night too: light, without contents and code, with the SQL of the fix."""
    page, _ = show(incident, "dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(28, 39, 51)"
    assert page.evaluate("document.images[0].currentSrc === document.images[0].src")
    assert not page.locator("nav").is_visible()
    assert not any(fold.is_visible() for fold in page.locator("details.code").all())
    assert page.locator("pre", has_text="INSERT INTO tenant_settings").is_visible()
    assert page.pdf().startswith(b"%PDF")
