"""The explorer: from the turn of a switch to the next frame, in Chromium, on the real price map."""

from __future__ import annotations

import shutil
import statistics
import tempfile
from pathlib import Path

import atomlab
from atomlab.report.explorer import explorer_page
from atomlab.show.explorer import case_data

ROOT = Path(__file__).parents[1]
SNAPSHOT = ROOT / "data" / "snapshots" / "brennan-2026-05-02.sqlite"
BOUND_S = 0.05
TURNS = """async () => {
    const times = [];
    for (const box of document.querySelectorAll("[role=switch]")) {
        const started = performance.now();
        box.click();
        await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
        times.push(performance.now() - started);
    }
    return times;
}"""


def exploring() -> tuple[float, float, float]:
    """Return the median seconds of all switches, the bound, and their ratio; print the worst.

    A frame alone takes up to 0.017. Without Chromium all is 0.
    """
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        return 0, BOUND_S, 0
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as started:
        path = Path(folder, "explore.html")
        with atomlab.open_snapshot(SNAPSHOT) as snapshot:
            path.write_text(explorer_page(case_data(atomlab.triage(snapshot, "brennan"))), "utf-8")
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(path.as_uri())
        times = [ms for _ in range(3) for ms in page.evaluate(TURNS)]
        browser.close()
    print(f"  {len(times)} turns of a switch, the slowest {max(times):.0f} ms")
    middle = statistics.median(times) / 1000
    return middle, BOUND_S, middle / BOUND_S


if __name__ == "__main__":
    print("a switch to paint: {:.3f} s, bound {} s, ratio {:.2f}".format(*exploring()))
