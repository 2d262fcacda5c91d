"""`case.explore()` in JupyterLab: the same page in a cell, which decides without the kernel."""

from __future__ import annotations

from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from tests.browser.conftest import Watch, photograph
from tests.conftest import ROOT
from tests.labs import running_lab

pytestmark = pytest.mark.slow

SNAPSHOT = ROOT / "data" / "snapshots" / "brennan-2026-05-02.sqlite"
CODE = f"""import atomlab
case = atomlab.triage(atomlab.open_snapshot({str(SNAPSHOT)!r}), "brennan")
case.explore()"""


def test_a_key_is_turned_on_in_a_cell(chromium: Any, tmp_path: Any) -> None:
    """The widget is drawn, decides, and asks nobody but the lab."""
    with running_lab(tmp_path) as lab:
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook = new_notebook(cells=[new_code_cell(CODE)], metadata={"kernelspec": kernel})
        nbformat.write(notebook, lab.folder / "explore.ipynb")
        page = chromium.new_page(viewport={"width": 1280, "height": 1000})
        watch = Watch((f"{lab.origin}/", f"{lab.origin}/".replace("http", "ws"), "data:", "blob:"))
        page.set_default_timeout(60_000)
        page.goto(f"{lab.origin}/lab/tree/explore.ipynb?reset&token={lab.token}")
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
        watch.over(page)
        page.locator("#jp-MainMenu").get_by_role("menuitem", name="Run", exact=True).click()
        page.locator(".lm-Menu").get_by_text("Run All Cells", exact=True).click()
        said = page.locator(".explorer .said")
        said.wait_for()
        assert str(said.text_content()).startswith("The platform raises")
        address = page.url
        page.locator(".explorer").get_by_role("switch", name="MINIMAX_API_KEY").check()
        assert str(said.text_content()).startswith("The winner is minimax/MiniMax-M2.5")
        assert page.url == address  # the question is in the address of explore.html alone
        photograph(page, "explorer", "lab")
        assert [heard for heard in watch.heard if not heard.startswith("warning: ")] == []
        page.close()
