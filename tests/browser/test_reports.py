"""Reports that `atomlab report` made, in a real browser: alone, legible, and inert."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from atomlab.report.page import to_html
from tests.browser.conftest import INCIDENT, PHONE, SCREEN, SHORT, made, photograph
from tests.pages import HOSTILE_HTML

pytestmark = pytest.mark.slow

WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
GROUND = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)"
ADDRESSES = """[...document.querySelectorAll('[href], [src], [srcset], [action], [data]')].flatMap(
    e => ['href', 'xlink:href', 'src', 'srcset', 'action', 'data'].map(a => e.getAttribute(a))
).filter(address => address !== null)"""


@pytest.fixture(scope="module", params=["incident", "hostile"])
def reports(
    request: Any,
    chromium: Any,
    hostile: Path,
    hostile_claims: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Path]:
    """Return the pages that one command has made, by name: on the incident, on hostile names."""
    arguments = {
        "incident": INCIDENT,
        "hostile": (
            *(hostile, "--tenant", "short", "--tenant", "megabyte"),
            *("--hypothesis", hostile_claims),
        ),
    }[request.param]
    pages = made(tmp_path_factory.mktemp("reports") / request.param, *arguments)
    return {f"{request.param}-{n}": path for n, path in enumerate(pages, 1)}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_report_is_alone_and_follows_the_reader_s_scheme(
    reports: dict[str, Path], show: Callable[..., Any], scheme: str
) -> None:
    """No console error, dialog or request; the ground is bright by day and dark by night."""
    for name, path in reports.items():
        page, watch = show(path, scheme)
        photograph(page, "report", name, scheme)
        assert watch.heard == []
        assert (sum(page.evaluate(GROUND)) > 3 * 128) == (scheme == "light")


def test_on_a_phone_nothing_reaches_beyond_the_edge(
    reports: dict[str, Path], show: Callable[..., Any]
) -> None:
    """At 375 pixels no page scrolls sideways, whatever names are in it."""
    for name, path in reports.items():
        page, watch = show(path, viewport=PHONE)
        photograph(page, "report", name, "phone")
        assert page.evaluate(WIDER) == 0
        assert watch.heard == []


def test_every_link_leads_where_it_says(reports: dict[str, Path], show: Callable[..., Any]) -> None:
    """Each `#…` has its one target, to which a click scrolls; the rest lead to files beside it."""
    for path in reports.values():
        page, _ = show(path)
        addresses = [link.get_attribute("href") for link in page.locator("a").all()]
        assert addresses
        for address in addresses:
            if not address.startswith("#"):
                assert (path.parent / unquote(address)).is_file()
                continue
            target = page.locator(f"[id='{address[1:]}']")
            assert target.count() == 1
            page.evaluate("scrollTo(0, 0)")
            page.locator(f"a[href='{address}']").first.dispatch_event("click")
            page.wait_for_function(
                "id => { const y = document.getElementById(id).getBoundingClientRect().y;"
                " return -1 <= y && y < innerHeight; }",
                arg=address[1:],
            )


def test_hostile_names_are_text_and_nothing_else(
    reports: dict[str, Path], show: Callable[..., Any]
) -> None:
    """A name reads as it stands in the database, and no address of it is loaded or linked."""
    for name, path in reports.items():
        page, watch = show(path)
        loaded = page.locator("[src], [srcset]").count()
        strange = [a for a in page.evaluate(ADDRESSES) if not a.startswith(("data:image/", "#"))]
        assert [a for a in strange if not (path.parent / unquote(a)).is_file()] == []
        assert page.locator("script, iframe, object, embed, form, [onerror]").count() == 0
        if name.startswith("hostile"):
            assert SHORT in page.inner_text("body")
        assert loaded == page.locator("img[src^='data:'], source[srcset^='data:']").count()
        assert watch.heard == []


def test_hostile_html_of_cells_is_inert_even_without_the_policy(
    show: Callable[..., Any], tmp_path: Path
) -> None:
    """What sanitizing leaves runs nothing and asks nobody, whatever a browser makes of it."""
    outputs = [new_output("display_data", {"text/html": evil}) for evil in HOSTILE_HTML.values()]
    outputs += [new_output("display_data", {"text/latex": e}) for e in HOSTILE_HTML.values()]
    cells = [new_code_cell("1", outputs=[output]) for output in outputs]
    cells += map(new_markdown_cell, HOSTILE_HTML.values())
    html = to_html(new_notebook(cells=cells), {"verdict": "confirmed", "answer": "a"})
    bare = re.sub(r"<meta http-equiv[^>]*>", "", html)
    assert len(bare) < len(html)
    path = tmp_path / "bare.html"
    path.write_text(bare, encoding="utf-8")
    page, watch = show(path)
    assert [a for a in page.evaluate(ADDRESSES) if not a.startswith(("data:image/", "#"))] == []
    for link in page.locator("main a").all():
        link.dispatch_event("click")
    page.wait_for_timeout(500)
    assert page.locator("main [style], main [name], main [onerror], main style").count() == 0
    assert watch.heard == []


def test_formulas_and_pictures_of_every_kind_are_drawn(
    show: Callable[..., Any], tmp_path: Path
) -> None:
    """A fraction stands higher than a letter, a picture is as wide as it is; on a phone, too."""
    cells = [new_markdown_cell("## a\n\n$x$ and $\\frac{a}{b}$ for $5\n\n$$" + "x + " * 99 + "x$$")]
    for kind in ("JPEG", "GIF", "WEBP", "PNG"):
        stream = BytesIO()
        Image.new("RGB", (60, 20), "red").save(stream, kind)
        held = b64encode(stream.getvalue()).decode()
        output = new_output("display_data", {f"image/{kind.lower()}": held})
        cells.append(new_code_cell("1", outputs=[output]))
    path = tmp_path / "drawn.html"
    path.write_text(to_html(new_notebook(cells=cells), {"verdict": "confirmed", "answer": "a"}))
    for viewport in (SCREEN, PHONE):
        page, watch = show(path, viewport=viewport)
        letter, fraction, _ = (m.bounding_box()["height"] for m in page.locator("math").all())
        assert fraction > letter > 0
        widths = page.evaluate("[...document.images].map(i => i.naturalWidth)")
        assert widths == [60] * 4
        assert page.evaluate(WIDER) <= 0
        assert watch.heard == []
