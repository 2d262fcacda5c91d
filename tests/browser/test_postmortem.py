"""A postmortem in a real browser: alone, legible, and whatever names are in it, inert."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import INCIDENT, PHONE, SHORT, made, photograph
from tests.conftest import ROOT
from tests.labs import ATOMLAB

pytestmark = pytest.mark.slow

WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
WIDE_BOXES = (
    "[...document.querySelectorAll('.scroll, pre')]"
    ".filter(box => box.scrollWidth > box.clientWidth).length"
)
# Cells out of which something sticks, such as the name of a column over that of the next.
SPILLING = (
    "[...document.querySelectorAll('td')].filter(cell => cell.scrollHeight > cell.clientHeight)"
    ".length"
)


@pytest.fixture(scope="module", params=["incident", "hostile"])
def postmortem(
    request: Any, hostile: Path, hostile_claims: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path]:
    """Return which world it is, and the page made of what a report has found there."""
    folder = tmp_path_factory.mktemp(request.param)
    about = (hostile, "--tenant", "megabyte", "--hypothesis", hostile_claims)
    made(folder, *(about if request.param == "hostile" else INCIDENT))
    events = ROOT / "data" / "postmortem" / "events.yaml"
    with_events = ("--events", str(events)) if request.param == "incident" else ()
    page = folder / "postmortem.html"
    subprocess.run(
        [*ATOMLAB, "postmortem", str(folder / "findings.json"), *with_events, "--out", str(page)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
    )
    return request.param, page


@pytest.mark.parametrize("viewport", [PHONE, None], ids=["phone", "screen"])
def test_a_postmortem_is_alone_and_its_names_are_text(
    postmortem: tuple[str, Path], show: Callable[..., Any], viewport: dict[str, int] | None
) -> None:
    """No dialog, console error or request; nothing active, no sideways scroll, names as text."""
    world, path = postmortem
    page, watch = show(path, viewport=viewport) if viewport else show(path)
    photograph(page, "postmortem", world, "phone" if viewport else "screen")
    assert watch.heard == []
    assert page.evaluate(WIDER) == 0
    if viewport:
        assert page.evaluate(WIDE_BOXES) == 0
        assert page.evaluate(SPILLING) == 0
    tables = page.locator("table")
    assert tables.count() == page.locator("table[aria-label]:not([aria-label=''])").count()
    assert page.locator("script, iframe, object, embed, form, [onerror]").count() == 0
    assert page.locator("a[href^='javascript']").count() == 0
    if world == "hostile":
        assert SHORT in page.inner_text("body")


def test_every_citation_leads_to_its_evidence(
    postmortem: tuple[str, Path], show: Callable[..., Any]
) -> None:
    """Each link within the page has its one target."""
    page, _ = show(postmortem[1])
    targets = [a.get_attribute("href") for a in page.locator("a[href^='#']").all()]
    assert len(targets) > 10
    for target in set(targets):
        assert page.locator(f"[id='{target[1:]}']").count() == 1
