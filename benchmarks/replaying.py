"""What replaying a million requests of a made fleet costs, against a plain loop over the file."""

from __future__ import annotations

import csv
import json
import random
import tempfile
import time
from collections import Counter
from pathlib import Path

import atomlab
from atomlab.evidence.inputs.recorded import COLUMNS
from atomlab.evidence.inputs.rules import COMPLEXITIES
from atomlab.evidence.snapshot import Snapshot
from atomlab.fleets import replay
from benchmarks.made_fleet import write_fleet

ROOT = Path(__file__).parents[1]
PRICES = ROOT / "data" / "pricing" / "litellm-1.83.14-prices.json.gz"
TENANTS, REQUESTS = 200_000, 1_000_000
LEAST = 100_000  # requests a second, after the snapshot is loaded


def write_requests(path: Path, tenants: list[str], number: int = REQUESTS) -> None:
    """Write made requests: CSV, or JSON lines if the file's name says so."""
    draw = random.Random(16)
    with path.open("w", newline="") as out:
        table = csv.writer(out)
        if path.suffix == ".csv":
            table.writerow(COLUMNS)
        for n in range(number):
            row = (
                draw.choice(tenants),
                draw.choice(COMPLEXITIES),
                draw.random() < 0.3,
                "vision" if draw.random() < 0.05 else None,
                draw.choice((0, 0, 1, 2, 3)),
                int(draw.lognormvariate(7, 1)),
                f"2026-05-{n * 28 // number + 1:02d}T{n % 24:02d}:{n % 60:02d}:00Z",
            )
            if path.suffix == ".csv":
                table.writerow(row)
            else:
                out.write(json.dumps(dict(zip(COLUMNS, row, strict=True))) + "\n")


def plain_loop(path: Path) -> int:
    """Count requests by tenant and complexity, as one would by hand."""
    found: Counter[tuple[str, str]] = Counter()
    with path.open(newline="", encoding="utf-8") as lines:
        rows = csv.DictReader(lines) if path.suffix == ".csv" else map(json.loads, lines)
        for row in rows:
            found[row["tenant"], row["complexity"]] += 1
    return found.total()


def replayed(snapshot: Snapshot, path: Path) -> tuple[float, float]:
    """Return the seconds of a replay, and those of a core after the snapshot was loaded."""
    loaded = []

    class Decider(replay.Decider):
        """Tells when it is made: then everything is loaded."""

        def __init__(self, *parts: object) -> None:
            super().__init__(*parts)  # type: ignore[arg-type]
            loaded.append(time.process_time())

    kept, replay.Decider = replay.Decider, Decider  # type: ignore[misc]
    started = time.perf_counter()
    try:
        found = atomlab.replay(snapshot, path)
    finally:
        replay.Decider = kept  # type: ignore[misc]
    seconds, of_a_core = time.perf_counter() - started, time.process_time() - loaded[0]
    assert found.requests == REQUESTS
    return seconds, of_a_core


def replaying(kind: str) -> tuple[float, float, float]:
    """Return the seconds of a replay (causes included), of a plain loop, and their ratio.

    The ratio is infinite if fewer requests a second are decided than there should be.
    """
    with tempfile.TemporaryDirectory() as folder:
        source, path = Path(folder, "fleet.db"), Path(folder, f"requests.{kind}")
        write_fleet(source, TENANTS)
        with atomlab.capture(str(source), Path(folder, "f.sqlite"), pricing=PRICES) as snapshot:
            write_requests(path, [row[0] for row in snapshot.select("SELECT id FROM tenants")])
            whole, decided = replayed(snapshot, path)
        started = time.perf_counter()
        assert plain_loop(path) == REQUESTS
        loop = time.perf_counter() - started
    rate = REQUESTS / decided
    verdict = "within" if rate >= LEAST else "BELOW"
    print(f"  {rate:,.0f} requests a second of a core once loaded, {verdict} {LEAST:,}")
    return whole, loop, whole / loop if rate >= LEAST else float("inf")


if __name__ == "__main__":
    for form in ("csv", "jsonl"):
        print(form, *(f"{seconds:.2f}" for seconds in replaying(form)))
