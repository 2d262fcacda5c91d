"""Takes the README's pictures: a report as a browser shows it (`make pictures`; needs Chromium)."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
REPORT = ROOT / "reports" / "brennan-2026-05-02" / "report.html"
OUT = ROOT / "docs" / "report.png"


def main() -> int:
    """Photograph the report's first screen; return 1 if there is no browser or no report."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        return _fail("no chromium found; install Debian's package chromium")
    if not REPORT.is_file():
        return _fail(f"no {REPORT.relative_to(ROOT)}; run make report first")
    with tempfile.TemporaryDirectory() as profile:
        command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        command += ["--no-first-run", "--disable-background-networking", "--disable-sync"]
        command += [f"--user-data-dir={profile}", "--window-size=1100,2350"]
        command += [f"--screenshot={OUT}", REPORT.as_uri()]
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603
    print(f"wrote {OUT.relative_to(ROOT)}")  # noqa: T201
    return 0


def _fail(line: str) -> int:
    print(f"pictures: {line}", file=sys.stderr)  # noqa: T201
    return 1


if __name__ == "__main__":
    sys.exit(main())
