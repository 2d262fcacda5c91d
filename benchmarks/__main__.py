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
import numpy as np
from nbformat.v4 import new_code_cell, new_notebook

import atomlab
from atomlab import Request
from atomlab.byok.ranking import rank
from atomlab.evidence.inputs.pricing import Pricing
from atomlab.evidence.inputs.rules import COMPLEXITIES
from benchmarks.batch import batching
from benchmarks.capturing import capturing, capturing_fleet, fleet_in_file, fleet_on_server
from benchmarks.comparing import comparing
from benchmarks.exploring import exploring
from benchmarks.fleet import surveying
from benchmarks.logs import reading
from benchmarks.plain_loop import cache_of, rank_plainly
from benchmarks.replaying import replaying

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


def _process(*command: str, code: int = 0) -> Callable[[], object]:
    def run() -> None:
        done = subprocess.run(command, capture_output=True, cwd=ROOT)
        if done.returncode != code:
            raise RuntimeError(done.stderr.decode())

    return run


def _python(code: str) -> Callable[[], object]:
    return _process(sys.executable, "-c", code)


def _atomlab(*arguments: str, code: int = 0) -> Callable[[], object]:
    return _process(str(Path(sys.executable).with_name("atomlab")), *arguments, code=code)


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


def diagnosing() -> tuple[float, float, float]:
    """Return the cost of one full diagnosis, against one plain ranking of the same map.

    The diagnosis is of the incident: four complexities, every fix set run again, rivals, placebos;
    loading the price map included. The plain loop ranks for a tenant with ten clients. Also
    prints how the diagnosis grows with the map, whose models are repeated under other names.
    """
    with atomlab.open_snapshot(SNAPSHOT) as snapshot:
        platform = atomlab.load_platform(snapshot.session)
        tenant = snapshot.tenant(TEN_CLIENTS).id
        clients = tuple(atomlab.BYOKHandler(tenant, snapshot.session, platform=platform).clients)
        cache = cache_of(platform.pricing.frame)
        health = {p.id: p.health_score for p in platform.providers}

        def loop() -> object:
            request = Request("moderate")
            return rank_plainly(
                cache, clients, platform.rules, request, catalog=platform.catalog, health=health
            )

        found = paired(lambda: atomlab.diagnose(snapshot, "brennan"), loop, 15)
        print("  growth, from a loaded map to the full diagnosis:")
        for size in (2690, 10_000, 40_000):
            times = []
            for _ in range(3):
                larger = _repeated(platform, size)
                times.append(
                    _seconds(lambda p=larger: atomlab.diagnose(snapshot, "brennan", None, p))
                )
            seconds = statistics.median(times)
            per_model = seconds / size * 1e6
            print(f"  {size:>7,} models: {seconds * 1000:7.1f} ms, {per_model:5.1f} µs per model")
    return found


def _repeated(platform: atomlab.Platform, size: int) -> atomlab.Platform:
    """Return the platform with `size` models: the map's own, again and again, ids numbered."""
    columns = platform.pricing.columns
    times = -(-size // len(platform.pricing))
    larger = {
        name: np.tile(values, times)[:size]
        if isinstance(values, np.ndarray)
        else (list(values) * times)[:size]
        for name, values in columns.items()
    }
    ids = larger["model_id"]
    larger["model_id"] = [f"{model}-{n}" for n, model in enumerate(ids)]
    return atomlab.Platform(
        platform.rules, platform.providers, Pricing(larger, "repeated"), platform.catalog
    )


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
            ("explorer, a switch to paint / 50 ms", 1.0, exploring),
            ("a full diagnosis / one plain ranking", 50, diagnosing),
            (
                "atomlab --help / import typer, rich.console",
                2.0,
                lambda: paired(_atomlab("--help"), _python("import typer, rich.console"), 15),
            ),
            (
                "atomlab diagnose / import pandas, sqlalchemy",
                1.3,
                lambda: paired(
                    _atomlab("diagnose", SNAPSHOT, "--tenant", "brennan", code=3),  # affected
                    _python("import pandas, sqlalchemy"),
                    15,
                ),
            ),
            (
                "atomlab report / papermill on an empty notebook with the same imports",
                1.3,
                lambda: paired(
                    _atomlab(*report, "--out", str(Path(folder, "report"))),
                    _process(papermill, notebook, executed),
                    7,
                ),
            ),
            ("atomlab capture of 1,000,000 settings / a bare psycopg loop", 2.5, capturing),
            (
                "atomlab capture of 200,000 tenants from SQLite / a bare loop",
                2.5,
                lambda: capturing_fleet(fleet_in_file),
            ),
            (
                "atomlab capture of 200,000 tenants from PostgreSQL / a bare psycopg loop",
                2.5,
                lambda: capturing_fleet(fleet_on_server),
            ),
            (
                "fleet of 1,000,000 tenants, survey and list / a bare cursor over all rows",
                1.5,
                lambda: surveying(300),
            ),
            (
                "the same in 300,000 classes / a bare cursor over all rows",
                15,
                lambda: surveying(1000, classes=300_000, runs=3),
            ),
            ("10,000,000 plain log lines / a regex per line", 2.0, lambda: reading("plain")),
            ("10,000,000 JSON log lines / json.loads per line", 2.0, lambda: reading("json")),
            ("replay of 1,000,000 requests, CSV / a plain csv loop", 8.0, lambda: replaying("csv")),
            ("the same, JSON lines / a plain json loop", 8.0, lambda: replaying("jsonl")),
            ("what changed among 10,000 new prices / ranking both days", 25, comparing),
            ("a batch at two jobs / papermill by hand in a loop", 0.5, batching),
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
