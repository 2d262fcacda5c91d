"""Reports per minute: a batch at one and two jobs, against papermill run by hand in a loop."""

from __future__ import annotations

import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
SNAPSHOT = ROOT / "data" / "snapshots" / "brennan-2026-05-02.sqlite"
HYPOTHESIS = ROOT / "data" / "hypotheses" / "brennan-minimax.yaml"
NOTEBOOK = ROOT / "notebooks" / "root_cause_verification.ipynb"
TENANTS = ("brennan", "northwind", "fjord", "delta", "0042", "harbor", "glacier", "nettle")
ROUNDS = 3


def batching() -> tuple[float, float, float]:
    """Return the seconds of a batch at two jobs and of the loop, and their ratio; print both.

    Both run the verification for the same tenants, in turn, and the median round counts. What
    papermill leaves are executed notebooks, not reports.
    """
    with tempfile.TemporaryDirectory() as folder:
        claims = _template(Path(folder))
        ways = {
            "papermill in a loop": lambda: _loop(Path(folder), claims),
            "atomlab, 1 job": lambda: _batch(Path(folder), claims, 1),
            "atomlab, 2 jobs": lambda: _batch(Path(folder), claims, 2),
        }
        rounds = [{name: _seconds(way) for name, way in ways.items()} for _ in range(ROUNDS)]
    medians = {name: sorted(times[name] for times in rounds)[ROUNDS // 2] for name in ways}
    for name, seconds in medians.items():
        print(f"  {name}: {len(TENANTS) * 60 / seconds:.1f} reports per minute")
    loop, _, two = medians.values()
    return two, loop, two / loop


def _template(folder: Path) -> Path:
    """Return the incident's claims without their tenant, which fit any."""
    lines = HYPOTHESIS.read_text(encoding="utf-8").splitlines(keepends=True)
    path = folder / "template.yaml"
    path.write_text("".join(line for line in lines if not line.startswith("tenant:")))
    return path


def _loop(folder: Path, claims: Path) -> None:
    papermill = Path(sys.executable).with_name("papermill")
    given = ("-p", "snapshot", str(SNAPSHOT), "-p", "hypothesis", str(claims))
    for tenant in TENANTS:
        out = str(folder / f"{tenant}.ipynb")
        # -r: papermill would make 0042 a number
        _run([str(papermill), str(NOTEBOOK), out, *given, "-r", "tenant", tenant])


def _batch(folder: Path, claims: Path, jobs: int) -> None:
    tenants = [part for tenant in TENANTS for part in ("--tenant", tenant)]
    given = ["--hypothesis", str(claims), "--jobs", str(jobs), "--out", str(folder / "batch")]
    command = [sys.executable, "-c", "from atomlab.cli import main; main()", "report"]
    _run([*command, str(SNAPSHOT), *tenants, *given], code=3)  # the healthy tenants refute


def _run(command: list[str], code: int = 0) -> None:
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == code, f"{shlex.join(command)}\n{done.stderr}"


def _seconds(call: Callable[[], None]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started
