"""Speed, as ratios of medians of paired runs on this machine; run by `make bench`.

Each figure has the bound that it is to keep. A ratio above its bound is marked, and makes the
exit code 1; nothing here is a test.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

import atomlab
from atomlab import Request
from atomlab.byok.ranking import rank
from atomlab.evidence.rules import COMPLEXITIES
from benchmarks.plain_loop import cache_of, rank_plainly

ROOT = Path(__file__).parents[1]
SNAPSHOT = str(ROOT / "data" / "snapshots" / "brennan-2026-05-02.sqlite")
HYPOTHESIS = str(ROOT / "data" / "hypotheses" / "brennan-minimax.yaml")
TEN_CLIENTS = "tenfold"  # a made tenant with ten clients


def paired(
    subject: Callable[[], object], reference: Callable[[], object], runs: int
) -> tuple[float, float, float]:
    """Return the median seconds of both, run in turn, and the median of their ratios."""
    subject(), reference()
    times = [(_seconds(subject), _seconds(reference)) for _ in range(runs)]
    return (
        statistics.median(a for a, _ in times),
        statistics.median(b for _, b in times),
        statistics.median(a / b for a, b in times),
    )


def _seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _process(*command: str) -> Callable[[], object]:
    return lambda: subprocess.run(command, check=True, capture_output=True, cwd=ROOT)


def _python(code: str) -> Callable[[], object]:
    return _process(sys.executable, "-c", code)


def _atomlab(*arguments: str) -> Callable[[], object]:
    return _process(str(Path(sys.executable).with_name("atomlab")), *arguments)


def explaining() -> tuple[float, float, float]:
    """Return the cost of explaining all models for four complexities, against a plain loop."""
    with atomlab.open_snapshot(SNAPSHOT) as snapshot:
        tenant = snapshot.tenant(TEN_CLIENTS)
        started = time.perf_counter()
        platform = atomlab.load_platform(snapshot.session)
        _ = platform.models, platform.quality(None)
        built_s = time.perf_counter() - started
        handler = atomlab.BYOKHandler(tenant.id, snapshot.session, platform=platform)
        clients, requests = tuple(handler.clients), [Request(c) for c in COMPLEXITIES]
    cache = cache_of(platform.pricing.frame)
    health = {p.id: p.health_score for p in platform.providers}

    def explain() -> object:
        return [rank(platform, clients, request) for request in requests]

    def loop() -> object:
        return [
            rank_plainly(
                cache, clients, platform.rules, request, catalog=platform.catalog, health=health
            )
            for request in requests
        ]

    for ranking, plain in zip(explain(), loop(), strict=True):
        ranked = [(c.provider, c.model, c.value_score) for c in ranking.candidates()]
        assert ranked == plain
    print(f"  {len(platform.models.ids):,} models, {len(clients)} clients, four complexities;")
    print(f"  the price frame is built once, in {built_s * 1000:.1f} ms")
    return paired(explain, loop, 51)


def main() -> int:
    """Run all; return 1 if a ratio is above its bound."""
    with tempfile.TemporaryDirectory() as folder:
        notebook, executed = str(Path(folder, "empty.ipynb")), str(Path(folder, "executed.ipynb"))
        cell = new_code_cell("import pandas, sqlalchemy, matplotlib")
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(new_notebook(cells=[cell], metadata={"kernelspec": kernel}), notebook)
        papermill = str(Path(sys.executable).with_name("papermill"))
        report = ("report", SNAPSHOT, "--tenant", "brennan", "--hypothesis", HYPOTHESIS)
        cases: list[tuple[str, float, Callable[[], tuple[float, float, float]]]] = [
            ("explain all models / plain loop that ranks", 0.5, explaining),
            (
                "atomlab --help / import typer, rich.console",
                2.0,
                lambda: paired(_atomlab("--help"), _python("import typer, rich.console"), 15),
            ),
            (
                "atomlab diagnose / import pandas, sqlalchemy",
                1.3,
                lambda: paired(
                    _atomlab("diagnose", SNAPSHOT, "--tenant", "brennan"),
                    _python("import pandas, sqlalchemy"),
                    15,
                ),
            ),
            (
                "atomlab report / papermill on an empty notebook with the same imports",
                1.5,
                lambda: paired(
                    _atomlab(*report, "--out", str(Path(folder, "report"))),
                    _process(papermill, notebook, executed),
                    7,
                ),
            ),
        ]
        worst = 0
        for name, bound, measure in cases:
            print(name)
            subject_s, reference_s, ratio = measure()
            verdict = "within" if ratio <= bound else "ABOVE"
            worst |= ratio > bound
            print(
                f"  {subject_s * 1000:,.1f} ms / {reference_s * 1000:,.1f} ms:"
                f" ratio {ratio:.2f}, {verdict} {bound}"
            )
    return int(worst)


if __name__ == "__main__":
    sys.exit(main())
