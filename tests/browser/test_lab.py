"""`atomlab lab` in a real browser: Run All works in every notebook, and no name runs anything."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.browser.conftest import SHORT, Watch, photograph
from tests.conftest import ROOT
from tests.labs import Lab, running_lab

pytestmark = pytest.mark.slow

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SHIPPED = {path: path.read_bytes() for path in NOTEBOOKS}
# Each code cell has its number, or one has failed: JupyterLab shows that as it does stderr.
FAILED = "[data-mime-type='application/vnd.jupyter.stderr']"
FINISHED = """([count, failed]) => document.querySelector(failed)
    || [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')]
        .filter(prompt => /^\\[\\d+\\]:$/.test(prompt.textContent)).length === count"""
HEIGHT = "document.querySelector('.jp-WindowedPanel-outer').scrollHeight"
DRAWN = """[...document.querySelectorAll('.jp-OutputArea-output img')]
    .map(image => image.complete && image.naturalWidth > 100 && image.naturalHeight > 50)"""
LEADS = """[...document.querySelectorAll('.jp-OutputArea-output :is([href], [src], [action])')]
    .flatMap(e => ['href', 'xlink:href', 'src', 'action'].map(name => e.getAttribute(name)))
    .filter(address => address !== null)"""


@dataclass(frozen=True)
class Ran:
    """A notebook after Run All: its page, what the page did besides, and the saved copy."""

    world: str
    page: Any
    watch: Watch
    copy: Any

    def outputs(self) -> list[Any]:
        """Return the outputs of the saved copy, in order."""
        return [o for cell in self.code() for o in cell.outputs]

    def code(self) -> list[Any]:
        """Return the code cells of the saved copy."""
        return [cell for cell in self.copy.cells if cell.cell_type == "code"]

    def html(self) -> str:
        """Return all HTML that the saved copy has put out."""
        return "".join(o.get("data", {}).get("text/html", "") for o in self.outputs())


@pytest.fixture(scope="package", params=["example", "hostile"])
def opened(
    request: Any,
    chromium: Any,
    hostile: Path,
    hostile_claims: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[str, Lab, Any]]:
    """Return a running lab and a browser to look at it: on the example, and on hostile names."""
    about = (hostile, "--tenant", "megabyte", "--hypothesis", hostile_claims)
    where = tmp_path_factory.mktemp(request.param)
    with running_lab(where, *(about if request.param == "hostile" else ())) as lab:
        context = chromium.new_context(viewport={"width": 1280, "height": 1000})
        yield request.param, lab, context
        context.close()


@pytest.fixture(scope="module", params=[path.name for path in NOTEBOOKS])
def ran(request: Any, opened: tuple[str, Lab, Any]) -> Iterator[Ran]:
    """Return each notebook, opened and run through the menus as a person would, and saved."""
    (world, lab, context), name = opened, request.param
    if (world, name) == ("hostile", "confirmation.ipynb"):
        pytest.skip("the shipped logs have no job of that tenant")
    watch = Watch((f"{lab.origin}/", f"{lab.origin}/".replace("http", "ws"), "data:", "blob:"))
    page = context.new_page()
    page.set_default_timeout(60_000)
    watch.over(page)
    page.goto(f"{lab.origin}/lab/tree/{name}?reset&token={lab.token}")
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
    choose(page, "Run", "Run All Cells")
    cells = nbformat.read(lab.folder / name, as_version=4).cells
    count = sum(cell.cell_type == "code" for cell in cells)
    page.wait_for_function(FINISHED, arg=[count, FAILED], timeout=120_000)
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
    with page.expect_response(lambda r: r.request.method == "PUT" and name in r.url):
        choose(page, "File", "Save Notebook")
    page.set_viewport_size({"width": 1280, "height": page.evaluate(HEIGHT) + 200})
    page.evaluate("document.querySelector('.jp-WindowedPanel-outer').scrollTo(0, 0)")
    photograph(page, "lab", world, Path(name).stem)
    yield Ran(world, page, watch, nbformat.read(lab.folder / name, as_version=4))
    page.close()


def test_the_printed_address_opens_the_start_notebook(opened: tuple[str, Lab, Any]) -> None:
    """It is the tab in front, whether or not Lab was open before; there is no launcher."""
    _, lab, context = opened
    for _ in range(2):
        page = context.new_page()
        page.goto(lab.address)
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
        current = page.locator(".jp-mod-current.lm-TabBar-tab")
        assert "start_here.ipynb" in current.all_inner_texts()
        assert page.get_by_role("heading", name="Start here").is_visible()
        assert not page.locator(".jp-Launcher").count()
        page.close()


def choose(page: Any, menu: str, entry: str) -> None:
    """Choose an entry of a menu with the mouse."""
    page.locator("#jp-MainMenu").get_by_role("menuitem", name=menu, exact=True).click()
    page.locator(".lm-Menu").get_by_text(entry, exact=True).click()


def test_run_all_runs_every_cell_without_an_error(ran: Ran) -> None:
    """Every code cell has run, in order; none has an error or anything on stderr."""
    assert ran.page.locator(FAILED).all_inner_texts() == []
    assert [o for o in ran.outputs() if o.output_type == "error" or o.get("name") == "stderr"] == []
    assert [cell.execution_count for cell in ran.code()] == list(range(1, len(ran.code()) + 1))


def test_the_figures_are_there(ran: Ran) -> None:
    """Every figure that was put out is drawn, at a size at which something can be seen."""
    drawn = ran.page.evaluate(DRAWN)
    assert drawn == [True] * len(re.findall("<img ", ran.html()))
    assert bool(drawn) == any("figures." in cell.source for cell in ran.code())


def test_nothing_runs_and_nothing_leaves(ran: Ran) -> None:
    """No dialog, no error in the console, no request to anywhere but the lab's own server."""
    assert ran.watch.heard == []


def test_no_output_leads_anywhere(ran: Ran) -> None:
    """All that an output links to or loads is in the notebook itself."""
    leads = [a for a in ran.page.evaluate(LEADS) if not a.startswith(("data:image/", "#"))]
    assert leads == []


def test_a_hostile_name_reads_as_it_stands(ran: Ran) -> None:
    """No part of a name is markup, formula or template; the browser shows what is in the data."""
    outputs = ran.page.locator(".jp-OutputArea-output")
    assert outputs.locator("mjx-container").count() == 0
    assert outputs.locator("script, iframe, object, embed, form, [onerror]").count() == 0
    if ran.world == "hostile":
        assert SHORT in "".join(outputs.all_inner_texts())


def test_the_shipped_notebooks_stay_as_they_are(ran: Ran) -> None:
    """What ran and was saved is the user's copy."""
    assert ran.outputs()
    assert {path: path.read_bytes() for path in NOTEBOOKS} == SHIPPED
