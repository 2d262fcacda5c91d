"""The worlds of confirm_worlds.py written to files: `confirm` has to find in them the same.

Run as `python -m benchmarks.confirm_files [WORLDS]`: of each kind so many (200) are written as a
worker writes them, plain or as JSON, with a heartbeat, rotated, some files gzipped, and read by
`confirm`, at some moment after the fix and at the end. Prints how often it finds the same as the
verdict on the events themselves.
"""

from __future__ import annotations

import gzip
import json
import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from itertools import chain, pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

from atomlab.diagnosis.confirm import confirm
from atomlab.diagnosis.recovery import Recovery
from atomlab.evidence.inputs.worker_log import LogLine, read_log
from atomlab.evidence.snapshot import open_snapshot
from benchmarks.confirm_worlds import (
    ERROR,
    FIXED,
    FIXED_AT,
    KIND,
    NOT_BY_THIS,
    UNFIXED,
    Gap,
    Watched,
    World,
    gap_of,
    is_shown,
    lines_of,
)

ROOT = Path(__file__).parents[1]
SNAPSHOT = ROOT / "data" / "snapshots" / "brennan-2026-05-02.sqlite"
ZONE = "Europe/Berlin"  # of plain lines
LEFT = "advanced"  # the kind that the fix leaves
HEARTBEAT = timedelta(minutes=5)
JOBS_BEFORE = 150
MESSAGES = {
    "job-event": "[JOB_EVENT] {job}: Attempt 1 started",
    "start": "celery@worker-1 ready.",
    "error": f"Structured generation failed: {ERROR}",
    "top-model": "BPC Ranking Successful for {complexity}: Top model {model} (Value: 8.10)",
    "auth-error": "Structured generation failed: Error code: 401 - refused",
    "ingested": "Ingested 12 nodes, 7 edges for ws w-1",
    "heartbeat": "Queue depth 3",
}
Found = tuple[str, dict[str, int], int, int, int]


def differences(world: World, seed: int) -> list[str]:
    """Return at which of two moments files and events lead to different findings, and to which."""
    chance = random.Random(seed)
    lines = [_rounded(line) for line in lines_of(world, chance, JOBS_BEFORE)]
    gap = gap_of(world, chance)
    ends = [job.ended_at for job in Watched(world, lines, gap).after]
    found = []
    for now in {chance.choice(ends), max(ends)}:
        so_far = [line for line in lines if (line.at or now) <= now]
        expected = _compared(Watched(world, so_far, gap).judged(now))
        with tempfile.TemporaryDirectory() as folder:
            shown = [line for line in _with_heartbeat(lines, world, gap) if (line.at or now) <= now]
            paths = written(Path(folder), shown, world, gap, chance)
            got = _compared(_judged(paths, world))
        if got != expected:
            found.append(f"{world.name}, seed {seed}, {now}: {got} instead of {expected}")
    return found


def written(
    folder: Path, lines: Sequence[LogLine], world: World, gap: Gap, chance: random.Random
) -> list[Path]:
    """Write the lines to rotated files, in any order, and return them."""
    cuts = {0, len(lines), *(chance.randrange(len(lines)) for _ in range(3))}
    if gap:
        cuts.add(sum(line.at is not None and line.at < gap[0] for line in lines))
    bounds, paths = sorted(cuts), []
    for number, (start, end) in enumerate(pairwise(bounds)):
        age, packed = len(bounds) - 2 - number, chance.random() < 0.5
        name = f"worker.log{f'.{age}' if age else ''}{'.gz' if packed else ''}"
        plain = chance.random() < 0.5
        text = "".join(f"{_text(line, world, plain)}\n" for line in lines[start:end]).encode()
        paths.append(folder / name)
        paths[-1].write_bytes(gzip.compress(text) if packed else text)
    chance.shuffle(paths)
    return paths


def _judged(paths: Sequence[Path], world: World) -> Recovery:
    with open_snapshot(SNAPSHOT) as snapshot:
        case = confirm(snapshot, "brennan", read_log(paths, ZONE), FIXED_AT)
    kind = LEFT if world.trouble == "left" else KIND
    [found] = [each for each in case.recoveries if each.complexity == kind]
    return found


def _compared(found: Recovery) -> Found:
    counted = dict(found.counted)
    return found.verdict, counted, found.failed_before, found.jobs_before, found.between


def _rounded(line: LogLine) -> LogLine:
    """Return a line at a full millisecond, as logs have it."""
    at = line.at or FIXED_AT
    fields = dict(line.fields)
    rounded = at.replace(microsecond=at.microsecond // 1000 * 1000)
    return LogLine(line.file, line.line, line.sha256, rounded, line.level, line.event, fields)


def _with_heartbeat(lines: Sequence[LogLine], world: World, gap: Gap) -> Iterator[LogLine]:
    """Yield the lines that the log has, with one every few minutes whatever happens."""
    beats, at = list[LogLine](), lines[0].at or FIXED_AT
    while at < (lines[-1].at or FIXED_AT):
        beats.append(LogLine("", 1, "", at, "INFO", "heartbeat", {}))
        at += HEARTBEAT
    both = sorted([*lines, *beats], key=lambda line: line.at or FIXED_AT)
    return (line for line in both if is_shown(line, world, gap))


def _text(line: LogLine, world: World, plain: bool) -> str:
    at, named = line.at or FIXED_AT, dict(line.fields)
    if "complexity" in named and world.trouble == "left":
        named["complexity"] = LEFT
    message = MESSAGES[line.event].format(**named)
    about = {"tenant_id": named.get("tenant"), "job_id": named.get("job"),
             "complexity": named.get("complexity")}  # fmt: skip
    about = {name: value for name, value in about.items() if value}
    if not plain:
        said = {"timestamp": at.isoformat(), "level": line.level, "message": message}
        return json.dumps({**said, **about})
    local = _time(at.astimezone(ZoneInfo(ZONE)))
    words = " ".join(f"{name}={value}" for name, value in about.items())
    return f"{local} - core.worker - {line.level} - {message} {words}"


def _time(local: datetime) -> str:
    return f"{local:%Y-%m-%d %H:%M:%S},{local.microsecond // 1000:03d}"


def main(worlds: int) -> int:
    """Print for each kind of world how often both ways agree; return 1 if they ever do not."""
    bad = 0
    for world in (*UNFIXED, *NOT_BY_THIS, *FIXED):
        with ProcessPoolExecutor() as pool:
            each = pool.map(partial(differences, world), range(worlds), chunksize=5)
            found = list(chain.from_iterable(each))
        print(f"  {len(found):4d} of {worlds:,} worlds differ  {world.name}", flush=True)
        for difference in found[:3]:
            print(f"       {difference}", flush=True)
        bad += len(found)
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200))
