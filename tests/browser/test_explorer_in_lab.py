"""In JupyterLab the explorer decides in a cell without the kernel, and cards say what flips."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from tests.browser.conftest import Watch, photograph
from tests.conftest import ROOT
from tests.labs import running_lab

pytestmark = pytest.mark.slow

GOOD, BAD = (str(ROOT / "data" / "snapshots" / f"brennan-2026-05-0{day}.sqlite") for day in (3, 2))
OPENED = f"import atomlab\ngood, bad = map(atomlab.open_snapshot, ({GOOD!r}, {BAD!r}))\n"


@contextmanager
def run_in_lab(chromium: Any, tmp_path: Any, code: str) -> Iterator[tuple[Any, Watch]]:
    """Give JupyterLab's page with a notebook of one cell that runs, and what it asks for."""
    with running_lab(tmp_path) as lab:
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook = new_notebook(cells=[new_code_cell(code)], metadata={"kernelspec": kernel})
        nbformat.write(notebook, lab.folder / "tried.ipynb")
        page = chromium.new_page(viewport={"width": 1280, "height": 1000})
        watch = Watch((f"{lab.origin}/", f"{lab.origin}/".replace("http", "ws"), "data:", "blob:"))
        page.set_default_timeout(60_000)
        page.goto(f"{lab.origin}/lab/tree/tried.ipynb?reset&token={lab.token}")
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
        watch.over(page)
        page.locator("#jp-MainMenu").get_by_role("menuitem", name="Run", exact=True).click()
        page.locator(".lm-Menu").get_by_text("Run All Cells", exact=True).click()
        yield page, watch
        assert [heard for heard in watch.heard if not heard.startswith("warning: ")] == []
        page.close()


def test_a_key_is_turned_on_in_a_cell(chromium: Any, tmp_path: Any) -> None:
    """The widget is drawn, decides, and asks nobody but the lab."""
    code = f"{OPENED}case = atomlab.triage(bad, 'brennan')\ncase.explore()"
    with run_in_lab(chromium, tmp_path, code) as (page, _):
        said = page.locator(".explorer .said")
        said.wait_for()
        assert str(said.text_content()).startswith("The platform raises")
        address = page.url
        page.locator(".explorer").get_by_role("switch", name="MINIMAX_API_KEY").check()
        assert str(said.text_content()).startswith("The winner is minimax/MiniMax-M2.5")
        assert page.url == address  # the question is in the address of explore.html alone
        photograph(page, "explorer", "lab")


def test_cards_say_what_flips_and_what_changed(chromium: Any, tmp_path: Any) -> None:
    """Each with its title and answer, in cells that need no script."""
    shown = "bad.what_if('brennan').add_key('openai'), atomlab.compare(good, bad, 'brennan')"
    with run_in_lab(chromium, tmp_path, f"{OPENED}display({shown})") as (page, _):
        page.get_by_text("What changed for Brennan Machinery").wait_for()
        text = str(page.locator(".jp-OutputArea").first.text_content())
        photograph(page, "cards", "lab")
        assert "What if, for Brennan Machinery" in text
        assert (
            "With the change, simple, moderate, complex and advanced requests find a model" in text
        )
        assert "What did it: the row MINIMAX_API_KEY removed (present → missing)." in text
