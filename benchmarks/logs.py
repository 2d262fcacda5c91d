"""What reading ten million lines of a worker's log costs, against a plain loop, and its memory.

The log is made: three lines in a hundred mean something, the others are noise.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
LINES, PART = 10_000_000, 100_000
MOST_MB = 150
# What reads the file in a process of its own: ours, and what one would write by hand.
OURS = """
import sys
from atomlab.evidence.inputs.worker_log import read_log
print(sum(1 for _ in read_log(sys.argv[1:], "UTC")))
"""
LOOPS = {
    "plain": r"""
import re, sys
line_of = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),\d{3} - (\S+) - (\w+) - (.*)")
with open(sys.argv[1], encoding="utf-8") as lines:
    for line in lines:
        line_of.match(line)
""",
    "json": """
import json, sys
with open(sys.argv[1], encoding="utf-8") as lines:
    for line in lines:
        json.loads(line)
""",
}
# A small process, since Linux counts to a child's peak what its parent held when it forked.
LAUNCHER = """
import os, sys
_, status, usage = os.wait4(os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ), 0)
print(usage.ru_maxrss, file=sys.stderr)
sys.exit(os.waitstatus_to_exitcode(status))
"""
MEANT = (
    "BPC Ranking Successful for simple: Top model minimax/MiniMax-M2.5 (Value: 7744.00)",
    "Structured generation failed: No models available from dynamic pricing",
    "Ingested {n} nodes, 3 edges for ws 31c06fc4-db22-4740-83ea-48ac14f25810",
    "No credential available for openai, skipping initialization",
    "[JOB_EVENT] backfill-{n}: Chunk 1 complete: {n} entities, 3 relationships extracted",
)
WORDS = (
    *("processing", "batch", "for", "connector", "outlook", "page", "token", "cursor", "message"),
    *("attachments", "embedded", "queue", "depth", "heartbeat", "latency", "cache", "refresh"),
)


def write_log(path: Path, kind: str) -> None:
    """Write a log of LINES lines, plain or JSON: a part of it again and again, at other times."""
    draw, part = random.Random(1), []
    for n in range(PART):
        means = draw.random() < 0.03
        text = (
            draw.choice(MEANT).format(n=n) if means else f"{' '.join(draw.choices(WORDS, k=9))} {n}"
        )
        level = "ERROR" if "failed" in text else "INFO"
        if kind == "plain":
            part.append(f"@TIME@,{n // 100:03d} - core.worker{n % 7} - {level} - {text}\n")
        else:
            said = {"timestamp": "@TIME@", "level": level, "message": text, "job_id": f"job-{n}"}
            part.append(json.dumps(said) + "\n")
    whole = "".join(part).encode()
    with path.open("wb") as out:
        for n in range(LINES // PART):
            at = f"2026-05-02 {n // 60:02d}:{n % 60:02d}:00"
            out.write(whole.replace(b"@TIME@", at.encode()))


def _seconds(code: str, path: Path) -> tuple[float, int]:
    """Return how long a program takes to read a file, and its peak in megabytes."""
    command = [sys.executable, "-c", LAUNCHER, sys.executable, "-c", code, str(path)]
    started = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return time.perf_counter() - started, int(done.stderr.split()[-1]) // 1024


def reading(kind: str) -> tuple[float, float, float]:
    """Return the seconds of reading a log of a kind, of a plain loop over it, and their ratio."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "worker.log")
        write_log(path, kind)
        print(f"  {LINES:,} lines, {path.stat().st_size >> 20:,} MB")
        (ours, peak), (loop, _) = _seconds(OURS, path), _seconds(LOOPS[kind], path)
    print(f"  peak {peak} MB, {'within' if peak < MOST_MB else 'ABOVE'} {MOST_MB} MB")
    return ours, loop, ours / loop if peak < MOST_MB else float("inf")
