"""What a log covers: silences, restarts without a start line, files that rotation has lost."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from atomlab.evidence.inputs.log_coverage import FileCoverage, LogCoverage, LogLine
from atomlab.evidence.inputs.log_silences import SHORTEST_GAP, Silences, Span
from atomlab.evidence.inputs.worker_log import read_log

EIGHT = datetime(2026, 5, 2, 8, tzinfo=UTC)
STOPPED, STARTED = "worker: Warm shutdown (MainProcess)", "celery@w-1 ready."


def at(minute: float) -> datetime:
    return EIGHT + timedelta(minutes=minute)


def dashed(minute: float, message: str = "Queue depth 1") -> str:
    return f"{at(minute):%Y-%m-%d %H:%M:%S},000 - core - INFO - {message}"


def spoken(minute: float, message: str = "Queue depth 1", **named: str) -> str:
    said = {"timestamp": at(minute).isoformat(), "level": "INFO", "message": message, **named}
    return json.dumps(said)


@pytest.fixture
def covered(tmp_path):
    """Return a function that writes a log's files and returns what they cover."""

    def read(zone="UTC", **files):
        paths = []
        for name, lines in files.items():
            paths.append(tmp_path / name.replace("_", "."))
            paths[-1].write_text("".join(f"{line}\n" for line in lines))
        return read_log(paths, zone).coverage

    return read


@pytest.mark.parametrize("form", [dashed, spoken], ids=["plain", "JSON"])
@pytest.mark.parametrize("seed", range(4))
def test_the_longest_silences_are_those_that_reading_each_line_finds(covered, seed, form):
    """Over many blocks, with tracebacks and lines without a time among the records."""
    chance = random.Random(seed)
    minutes = [0.0]
    while len(minutes) < 9_000:
        minutes.append(minutes[-1] + chance.choice([0.1] * 300 + [0.5, 1.5, 3, 70]))
    lines = []
    for minute in minutes:
        noise = ["Traceback:", "  File x", "ValueError: y"] * chance.choice([0, 0, 3])
        lines += [form(round(minute, 3), "x" * chance.randrange(200)), *noise]
    shown = [at(round(minute, 3)) for minute in minutes]
    if form is dashed:
        shown = [moment.replace(microsecond=0) for moment in shown]
    spans = [span for span in pairwise(shown) if span[1] - span[0] > SHORTEST_GAP]
    longest = sorted(sorted((b - a, (a, b)) for a, b in spans)[-200:])
    found = covered(worker_log=lines).files[0].silences
    assert [b - a for a, b in found] == [b - a for _, (a, b) in sorted(longest, key=lambda x: x[1])]
    assert len(found) > 30


def test_a_silence_between_two_blocks_is_found():
    """As one within a block; lines that belong to the next block are not looked at."""

    def times(text: bytes, at: int) -> Span | None:
        return (moment := EIGHT + timedelta(minutes=text[at] - 65), moment)

    silences = Silences(times)
    for text, end in ((b"A\nB\nH\n", 4), (b"H\nK\n", 4), (b"T\n", 2)):
        silences.see(text, end)
    assert silences.longest == ((at(1), at(7)), (at(7), at(10)), (at(10), at(19)))


def test_an_hour_that_a_clock_shows_twice_is_no_silence(covered):
    """When summer ends in Berlin; nor is one that it leaves out when summer begins."""
    for day in ("2026-10-25", "2026-03-29"):
        start = datetime.fromisoformat(f"{day}T00:00:00+00:00")
        lines = []
        for n in range(0, 240, 2):
            local = start + timedelta(minutes=n)
            offset = 2 if (local.hour < 1) == (day == "2026-10-25") else 1
            shown = local + timedelta(hours=offset)
            lines.append(f"{shown:%Y-%m-%d %H:%M:%S},000 - core - INFO - Queue depth 1")
        found = covered("Europe/Berlin", worker_log=lines).silences(start, start + timedelta(1))
        assert found == []


def every(step: float, *spans: tuple[float, float]) -> list[str]:
    """Return a line every so many minutes, from minute to minute."""
    return [
        dashed(start + n * step)
        for start, end in spans
        for n in range(round((end - start) / step) + 1)
    ]


DAY = 24 * 60
SILENCES = {
    "a heartbeat that stops for 40 minutes": (every(5, (0, 60), (100, 300)), [(60, 100)]),
    "two such holes": (every(5, (0, 60), (100, 200), (250, 400)), [(60, 100), (200, 250)]),
    "a little longer than usual": (every(5, (0, 60), (74, 300)), []),
    "a busy log that stops for two minutes": (every(0.1, (0, 60), (62, 90)), []),
    "a busy log that stops for ten minutes": (every(0.1, (0, 60), (70, 90)), [(60, 70)]),
    "one quiet night": (every(5, (0, 600), (DAY, DAY + 600)), [(600, DAY)]),
    "two quiet nights": (every(5, (0, 600), (DAY, DAY + 500), (2 * DAY + 60, 2 * DAY + 99)), []),
    "a hole by day beside quiet nights": (
        every(5, (0, 600), (DAY, DAY + 300), (DAY + 550, DAY + 600), (2 * DAY, 2 * DAY + 9)),
        [(DAY + 300, DAY + 550)],
    ),
    "a worker that stopped and started": (
        [*every(5, (0, 60)), dashed(60.5, STOPPED), dashed(100, STARTED), *every(5, (101, 300))],
        [],
    ),
    "a start alone": ([*every(5, (0, 60)), dashed(100, STARTED), *every(5, (101, 300))],
                      [(60, 100)]),
}  # fmt: skip


@pytest.mark.parametrize(("lines", "spans"), SILENCES.values(), ids=SILENCES)
def test_a_silence_far_longer_than_the_others_is_named(covered, lines, spans):
    """Unless it comes at the same hours of another day, or the worker had stopped."""
    found = covered(worker_log=lines)
    assert found.silences(at(0), at(9999)) == [tuple(map(at, span)) for span in spans]
    assert found.gaps(at(0), at(1)) == []


def test_silences_without_a_rhythm_are_hardly_ever_far_longer_than_the_others():
    """In logs whose lines come by chance at any moment, as the bound on their share says."""
    chance, odd, logs = random.Random(5), 0, 2_000
    for _ in range(logs):
        times = [EIGHT]
        for _ in range(40):
            times.append(times[-1] + timedelta(minutes=2 + chance.expovariate(1 / 30)))
        spans = tuple(pairwise(times))
        made = FileCoverage("f", times[0], times[-1], None, 0, (), (), spans[0][1] - spans[0][0],
                            timedelta(), silences=spans)  # fmt: skip
        odd += bool(LogCoverage((made,)).silences(times[0], times[-1]))
    assert odd <= 24 / (41 * 42) * logs


RESTARTS = {
    "it stops, and goes on without a start line": (
        [*every(5, (0, 60)), dashed(60.5, STOPPED), *every(5, (63, 300))],
        [(60.5, 63)],
    ),
    "with one": (
        [*every(5, (0, 60)), dashed(60.5, STOPPED), dashed(62.9, STARTED), *every(5, (63, 300))],
        [],
    ),
    "another worker goes on at once": (
        [*every(5, (0, 60)), dashed(60.5, STOPPED), *every(0.5, (61, 300))],
        [],
    ),
}


@pytest.mark.parametrize(("lines", "spans"), RESTARTS.values(), ids=RESTARTS)
@pytest.mark.parametrize("parts", [1, 2])
def test_a_restart_without_a_start_line_is_a_gap(covered, lines, spans, parts):
    """However short: within one file, and where another file goes on."""
    cut = next(n for n, line in enumerate(lines) if STOPPED in line) + 1
    files = {"a": lines} if parts == 1 else {"a": lines[:cut], "b": lines[cut:]}
    found = covered(**files)
    assert found.gaps(at(1), at(300)) == [tuple(map(at, span)) for span in spans]
    assert found.silences(at(0), at(300)) == []


@pytest.mark.parametrize("named", ["hostname", "boot_id", "k8s.pod.name", "prefix"])
def test_a_worker_that_first_speaks_without_a_start_line_has_a_gap_before(covered, named):
    """In lines that mean something; one that was there before the window has none."""

    def job(minute, worker, message="Job j completed successfully"):
        if named == "prefix":
            return f"[pod/{worker}/worker] {dashed(minute, message)}"
        return spoken(minute, message, **{named: worker})

    old = [job(n, "w-1") for n in range(0, 90, 5)]
    assert covered(a=old).gaps(at(10), at(85)) == []
    new = [*old[:8], job(38, "w-2"), *old[8:]]
    assert covered(a=new).gaps(at(10), at(85)) == [(at(10), at(38))]
    assert covered(a=new).gaps(at(39), at(85)) == []
    started = [*old[:7], job(34, "w-2", STARTED), *old[7:8], job(38, "w-2"), *old[8:]]
    assert covered(a=started).gaps(at(10), at(85)) == []


def line_of(file: str, first: float, last: float, silent: float = 1) -> FileCoverage:
    silence = timedelta(minutes=silent)
    return FileCoverage(file, at(first), at(last), None, 0, (), (), silence, silence)


@pytest.mark.parametrize(
    ("names", "gap"),
    [
        (("w.log.2.gz", "w.log.1", "other.log"), True),
        (("w.log.1", "w.log", "other.log"), True),
        (("w-20260502.log", "w-20260503.log", "other.log"), True),
        (("before.log", "after.log", "other.log"), False),
    ],
)
def test_a_rotated_file_is_missed_whatever_another_worker_says_meanwhile(names, gap):
    """By their names; files that are called otherwise may be of other workers."""
    first, second, other = names
    files = (line_of(first, 0, 50), line_of(other, 0, 200), line_of(second, 90, 200))
    assert LogCoverage(files).gaps(at(1), at(199)) == ([(at(50), at(90))] if gap else [])


def test_gaps_that_overlap_are_one():
    """In the order of time."""
    lines = {m: LogLine("f", 1, "0", at(m), None, "stop", {}) for m in (50, 70)}
    made = FileCoverage("f", at(0), at(200), None, 0, (), (), timedelta(), timedelta(),
                        stops=tuple(lines.values()),
                        silences=((at(50), at(72)), (at(70), at(90))))  # fmt: skip
    assert LogCoverage((made,)).gaps(at(1), at(199)) == [(at(50), at(90))]
