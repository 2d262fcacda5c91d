"""Takes the documentation's pictures, all of the real thing (`make pictures`; needs Chromium).

`report.png` a report's first screen, `terminal.png` a diagnosis as a terminal shows it,
`notebook.png` JupyterLab after Run All, `batch.png` the index page of several reports, and
`explore-1.png` to `explore-4.png` the explorer of the incident, from no key to the cure.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import nbformat
from PIL import Image
from rich.cells import cell_len
from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

from tests.labs import ATOMLAB, running_lab

ROOT = Path(__file__).parents[1]
OUT = ROOT / "docs"
SNAPSHOT = "data/snapshots/brennan-2026-05-02.sqlite"
CLAIMS = "data/hypotheses/brennan-minimax.yaml"
DIAGNOSE = f"diagnose {SNAPSHOT} --tenant brennan --complexity moderate"
TENANTS = ("brennan", "fjord", "bramble", "nettle", "northwind")
COLUMNS = 112
SCREEN = {"width": 1280, "height": 1000}
WINDOW = {"width": 1280, "height": 980}
EXPLORED = (
    "",
    "#on=MINIMAX_API_KEY",
    "#on=MINIMAX_API_KEY&kind=advanced",
    "#on=MINIMAX_API_KEY&on=OPENAI_API_KEY&kind=advanced",
)
FINISHED = """count => [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')]
    .filter(prompt => /^\\[\\d+\\]:$/.test(prompt.textContent)).length === count"""


def main() -> int:
    """Take all pictures, or those that are named; return 1 if there is no browser."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        print("pictures: no chromium found; install Debian's package chromium", file=sys.stderr)  # noqa: T201
        return 1
    takers: dict[str, Callable[[Any, Path], bytes]] = {
        "report": _report,
        "terminal": _terminal,
        "notebook": _notebook,
        "batch": _batch,
        **{f"explore-{n}": partial(_explorer, part) for n, part in enumerate(EXPLORED, 1)},
    }
    with _browser(chromium) as browser:
        for name in sys.argv[1:] or takers:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder, "picture.png")
                path.write_bytes(takers[name](browser, Path(folder)))
                size = _save(path, OUT / f"{name}.png")
            print(f"wrote docs/{name}.png, {size:,} bytes")  # noqa: T201
    return 0


def _report(browser: Any, folder: Path) -> bytes:
    """Return the first screen of the incident's report."""
    _atomlab(f"report {SNAPSHOT} --tenant brennan --hypothesis {CLAIMS} --out {folder}")
    return _screen(browser, folder / "report.html")


def _explorer(fragment: str, browser: Any, folder: Path) -> bytes:
    """Return the first screen of the explorer beside the incident's report, as a link opens it."""
    _atomlab(f"report {SNAPSHOT} --tenant brennan --hypothesis {CLAIMS} --out {folder}")
    with _page(browser, WINDOW) as page:
        page.goto((folder / "explore.html").as_uri() + fragment)
        return bytes(page.screenshot())


def _batch(browser: Any, folder: Path) -> bytes:
    """Return the index page of a few tenants' triages, whole."""
    wanted = " ".join(f"--tenant {tenant}" for tenant in TENANTS)
    _atomlab(f"report {SNAPSHOT} {wanted} --notebook tenant_triage --out {folder}")
    return _screen(browser, folder / "index.html", whole=True)


def _terminal(browser: Any, folder: Path) -> bytes:
    """Return a diagnosis, with its command line, drawn by rich in a terminal's frame."""
    shown = Text.assemble(("$ ", "bold green"), (f"atomlab {DIAGNOSE}\n", "bold"))
    shown.append_text(Text.from_ansi(_atomlab(DIAGNOSE, FORCE_COLOR="1", COLUMNS=str(COLUMNS))))
    console = Console(width=COLUMNS, record=True, file=StringIO())
    for line in shown.split():
        line.rstrip()
        for row in _rows(line):
            console.print(row, no_wrap=True, crop=False)
    svg = console.export_svg(title="atomlab diagnose", theme=DIMMED_MONOKAI)
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)  # they come from the network
    svg = svg.replace("Fira Code", "DejaVu Sans Mono")
    page = folder / "terminal.html"
    page.write_text(f"<!doctype html><body style='margin:0;width:1200px'>{svg}", encoding="utf-8")
    with _page(browser, {"width": 1200, "height": 800}) as view:
        view.goto(page.as_uri())
        return bytes(view.locator("svg").screenshot())


def _rows(line: Text) -> list[Text]:
    """Return a line as a terminal folds it: at its edge, in the middle of a word if need be."""
    width = cell_len(line.plain)
    return list(line.divide(range(COLUMNS, width, COLUMNS))) or [Text()]


def _notebook(browser: Any, folder: Path) -> bytes:
    """Return JupyterLab after Run All, scrolled to the verdicts on the claims."""
    name = "root_cause_verification.ipynb"
    with (
        running_lab(folder) as lab,
        _page(browser, {"width": 1440, "height": 900}) as page,
    ):
        page.set_default_timeout(60_000)
        page.goto(f"{lab.origin}/lab/tree/{name}?reset&token={lab.token}")
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
        page.locator("#jp-MainMenu").get_by_role("menuitem", name="Run", exact=True).click()
        page.locator(".lm-Menu").get_by_text("Run All Cells", exact=True).click()
        cells = nbformat.read(lab.folder / name, as_version=4).cells
        count = sum(cell.cell_type == "code" for cell in cells)
        page.wait_for_function(FINISHED, arg=count, timeout=120_000)
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
        heading = page.locator(".jp-Notebook h2", has_text="Argument").first
        heading.evaluate("e => e.scrollIntoView({block: 'start'})")
        page.wait_for_timeout(1500)  # cells above are drawn late, and move what is below
        heading.evaluate("e => e.scrollIntoView({block: 'start'})")
        page.locator(".jp-Notebook-toolbar, .jp-NotebookPanel-toolbar").first.hover()
        page.wait_for_timeout(500)
        return bytes(page.screenshot())


def _screen(browser: Any, path: Path, *, whole: bool = False) -> bytes:
    with _page(browser, SCREEN) as page:
        page.goto(path.as_uri())
        return bytes(page.screenshot(full_page=whole))


def _atomlab(command: str, **environment: str) -> str:
    """Return what a command prints on stdout; raise if it could not look."""
    done = subprocess.run(  # noqa: S603
        [*ATOMLAB, *command.split()],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
    )
    if done.returncode not in (0, 3):  # 3: affected
        raise RuntimeError(f"atomlab {command}: {done.stderr}")
    return done.stdout


@contextmanager
def _browser(chromium: str) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def _page(browser: Any, viewport: dict[str, int]) -> Iterator[Any]:
    context = browser.new_context(viewport=viewport, color_scheme="light")
    yield context.new_page()
    context.close()


def _save(path: Path, target: Path) -> int:
    """Write a picture with 256 colours at most, and return its size in bytes."""
    with Image.open(path) as picture:
        few = picture.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    few.save(target, optimize=True)
    return target.stat().st_size


if __name__ == "__main__":
    sys.exit(main())
