"""What a fleet costs, against a bare cursor over the same rows, and whether it is as diagnosed.

Run by `make bench`; `python -m benchmarks.fleet [--tenants N] [--classes N] [--snapshot FILE]`
measures one fleet alone: a made one, which takes some minutes to make and capture for a million
tenants, or the one of a snapshot.
"""

from __future__ import annotations

import argparse
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import atomlab
from atomlab.diagnosis.diagnose import Diagnosis
from atomlab.diagnosis.fixes import root_fix, serving_all
from atomlab.fleets.impacts import Failure, Impact
from atomlab.fleets.totals import found
from benchmarks.capturing import LAUNCHER, Measured
from benchmarks.made_fleet import write_fleet

ROOT = Path(__file__).parents[1]
PRICES = ROOT / "data" / "pricing" / "litellm-1.83.14-prices.json.gz"
SIZES = (10_000, 100_000)  # beside the fleet that is measured
RUNS, COMPARED = 5, 5000
# All tenants decided and explained, counted, and the affected ones listed; opening aside.
SURVEY = """
import sys, time, atomlab
from atomlab.fleets.listing import AffectedRows
with atomlab.open_snapshot(sys.argv[1]) as snapshot:
    started = time.perf_counter()
    fleet = atomlab.survey(snapshot)
    fleet.totals.groups()
    listed = sum(1 for _ in AffectedRows(fleet))
    print(time.perf_counter() - started, len(fleet.impacts), listed)
"""
# Every row of both tables, as Python gets it; the file is read once before.
CURSOR = """
import sqlite3, sys, time
tables = ("tenants", "tenant_settings")
db = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro&immutable=1", uri=True)
for table in tables:
    db.execute(f"SELECT count(*), max(length(id)) FROM {table}").fetchall()
started = time.perf_counter()
rows = sum(1 for table in tables for _ in db.execute(f"SELECT * FROM {table}"))
print(time.perf_counter() - started, rows)
"""


class Meets(NamedTuple):
    """What a tenant meets: status, clients, and of each request that fails why and its fix."""

    status: str
    clients: tuple[str, ...]
    failing: tuple[tuple[Any, ...], ...]


def as_diagnosed(diagnosis: Diagnosis) -> Meets:
    """Return what a tenant meets by its own diagnosis."""
    failing = diagnosis.failing
    found = []
    for each in failing:
        cause = next(iter(each.explanation.causes), None)
        fix = root_fix(each, failing)
        fix = fix and serving_all(fix, failing, lambda: diagnosis.keys_that_serve)
        why = (cause.code, cause.provider, cause.verdict) if cause else (None, None, None)
        found.append((each.request.complexity, *why, fix.edits if fix else (), fix and fix.who))
    return Meets(diagnosis.status, tuple(diagnosis.clients), tuple(found))


def as_surveyed(impact: Impact, who: Any) -> Meets:
    """Return what a tenant meets by the survey of all; `who` says who makes a failure's fix."""

    def one(failure: Failure) -> tuple[Any, ...]:
        cause = failure.cause
        why = (cause.code, cause.provider, cause.verdict) if cause else (None, None, None)
        return (failure.complexity, *why, failure.edits, who(failure))

    return Meets(impact.status, impact.clients, tuple(map(one, impact.failures)))


def surveying(
    most_mb: int, tenants: int = 1_000_000, classes: int | None = None, runs: int = RUNS
) -> Measured:
    """Return the cost of a made fleet, against the cursor; print memory, growth and agreement.

    The ratio is infinite where memory is above its bound, or a tenant differs from its diagnosis.
    """
    for size in SIZES if classes is None else ():
        with _captured(size) as path:
            seconds, _, _ = _run(SURVEY, path)
            print(f"  {size:>9,} tenants: {seconds / size * 1e6:.2f} µs per tenant")
    with _captured(tenants, classes) as path:
        return against_the_cursor(path, most_mb, runs)


def against_the_cursor(path: str, most_mb: int, runs: int = RUNS) -> Measured:
    """Return the cost of the fleet of a snapshot, as `surveying` does."""
    times, peaks = [], []
    for _ in range(runs):
        seconds, peak, [_, classes, listed] = _run(SURVEY, path)
        reference, _, [_, rows] = _run(CURSOR, path)
        times.append((seconds, reference))
        peaks.append(peak)
    with atomlab.open_snapshot(path) as snapshot:
        tenants = snapshot.manifest["tables"]["tenants"]["rows"]
        differ = differing(snapshot)
    subject, cursor = (statistics.median(column) for column in zip(*times, strict=True))
    print(
        f"  {tenants:>9,} tenants: {subject / tenants * 1e6:.2f} µs per tenant, {rows:,.0f} rows,"
        f" {classes:,.0f} classes, {listed:,.0f} affected; {max(peaks):.0f} MB at the most,"
        f" bound {most_mb}; of {COMPARED:,} random tenants {differ} differ from their diagnosis"
    )
    ratio = statistics.median(a / b for a, b in times)
    return subject, cursor, float("inf") if max(peaks) > most_mb or differ else ratio


def differing(snapshot: atomlab.Snapshot) -> int:
    """Return how many of some random tenants meet something else than `diagnose` says."""
    fleet = atomlab.survey(snapshot)
    everyone = [*fleet.population]
    some = random.Random(COMPARED).sample(everyone, min(COMPARED, len(everyone)))
    rules, differ = fleet.platform.rules, 0
    for tenant, group in some:
        alone = atomlab.diagnose(snapshot, tenant.id, platform=fleet.platform)
        told = as_surveyed(fleet.impact_on[group], lambda f: found(f, rules).who or None)
        differ += told != as_diagnosed(alone)
    return differ


@contextmanager
def _captured(tenants: int, classes: int | None = None) -> Iterator[str]:
    """Give the path of the snapshot of a made fleet."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "fleet.db")
        write_fleet(path, tenants, classes)
        out = path.with_suffix(".sqlite")
        atomlab.capture(str(path), out, pricing=PRICES).close()
        path.unlink()
        print(f"  {tenants:>9,} tenants made and captured in {time.perf_counter() - started:.0f} s")
        yield str(out)


def _run(code: str, path: str) -> tuple[float, float, list[float]]:
    """Return the seconds that code in a process of its own says, its peak in MB, all it says."""
    command = (sys.executable, "-S", "-c", LAUNCHER, sys.executable, "-c", code, path)
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    said = [float(word) for word in done.stdout.split()]
    return said[0], float(done.stderr.split()[-1]) / 1024, said


def main() -> int:
    """Measure the fleet that the arguments name; return 1 if the ratio is infinite."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fleet")
    parser.add_argument("--tenants", type=int, default=1_000_000, metavar="N")
    parser.add_argument("--classes", type=int, metavar="N")
    parser.add_argument("--snapshot", metavar="FILE")
    parser.add_argument("--most-mb", type=int, default=300, metavar="MB")
    parser.add_argument("--runs", type=int, default=RUNS, metavar="N")
    wanted = parser.parse_args()
    if wanted.snapshot:
        measured = against_the_cursor(wanted.snapshot, wanted.most_mb, wanted.runs)
    else:
        measured = surveying(wanted.most_mb, wanted.tenants, wanted.classes, wanted.runs)
    print(f"  {measured[0]:.2f} s / {measured[1]:.2f} s: ratio {measured[2]:.2f}")
    return int(measured[2] == float("inf"))


if __name__ == "__main__":
    sys.exit(main())
