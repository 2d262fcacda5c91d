"""A worker's log: lines of every format are read, merged by time, cited, and rid of secrets."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from atomlab.errors import InputError
from atomlab.evidence.inputs.log_coverage import FileCoverage, LogCoverage
from atomlab.evidence.inputs.log_files import BLOCK, HEAD, LONGEST_LINE
from atomlab.evidence.inputs.worker_log import LogLine, read_log
from tests.canaries import MANY, SECRETS, Scanner
from tests.conftest import ROOT
from tests.refusals import is_one_line

NO_MODELS = "No models available from dynamic pricing"
TENANT = "31c06fc4-db22-4740-83ea-48ac14f25810"
RANKED = "BPC Ranking Successful for complex: Top model minimax/MiniMax-M2.5 (Value: 7.23)"
RANKED_FIELDS = {"complexity": "complex", "model": "minimax/MiniMax-M2.5", "value": "7.23"}
AT = "2026-05-02 08:00:01"
DASHED = f"{AT},123 - core.llm.byok_handler - INFO - "
EIGHT = datetime(2026, 5, 2, 8, 0, 1, tzinfo=UTC)


@pytest.fixture
def log(tmp_path):
    """Return a function that writes a log of these lines and returns its path."""

    def write(*lines: str | bytes, name: str = "worker.log") -> Path:
        path = tmp_path / name
        raw = [line if isinstance(line, bytes) else line.encode() for line in lines]
        path.write_bytes(b"".join(line + b"\n" for line in raw))
        return path

    return write


def read(*paths: Path, zone: str | None = "UTC", **options: Any) -> list[LogLine]:
    return list(read_log(paths, zone, **options))


def otlp(*bodies: str, level: str = "INFO", **attributes: str) -> dict[str, Any]:
    said = [{"key": k, "value": {"stringValue": v}} for k, v in attributes.items()]
    nano = str(int(EIGHT.timestamp()) * 10**9)
    records = [
        {
            "timeUnixNano": nano,
            "severityText": level,
            "body": {"stringValue": b},
            "attributes": said,
        }
        for b in bodies
    ]
    return {"resourceLogs": [{"resource": {}, "scopeLogs": [{"logRecords": records}]}]}


FORMATS = {
    "dashed": DASHED + RANKED,
    "boxed": f"[{AT}] [INFO] [req-1] [core.llm] {RANKED}",
    "boxed in colours": f"[{AT}] [\x1b[32mINFO\x1b[0m] [req-1] [core.llm] {RANKED}",
    "boxed in a file": f"[{AT}] [INFO] [core.llm] {RANKED}",
    "JSON": json.dumps({"level": "INFO", "message": RANKED, "timestamp": AT.replace(" ", "T")}),
    "JSON with an offset": json.dumps(
        {"timestamp": "2026-05-02T10:00:01+02:00", "levelname": "INFO", "message": RANKED}
    ),
    "structlog": json.dumps(
        {"event": RANKED, "level": "info", "timestamp": "2026-05-02T08:00:01Z"}
    ),
    "OTLP": json.dumps(otlp(RANKED)),
    "OTLP over many lines": json.dumps(otlp(RANKED), indent=2),
    "docker": json.dumps({"log": f"{DASHED}{RANKED}\n", "time": "2026-05-02T08:00:01.123456789Z"}),
    "CRI": f"2026-05-02T08:00:01.123456789Z stderr F {DASHED}{RANKED}",
    "ISO": f"2026-05-02T08:00:01.123Z INFO core.llm: {RANKED}",
    "Celery": f"[{AT},123: INFO/ForkPoolWorker-1] {RANKED}",
    "compose": f"worker-1  | {DASHED}{RANKED}",
    "kubectl": f"[pod/worker-6f/worker] {DASHED}{RANKED}",
    "with a byte order mark": f"\ufeff{DASHED}{RANKED}",
}


@pytest.mark.parametrize("line", FORMATS.values(), ids=FORMATS)
def test_a_line_says_the_same_in_every_format(log, line):
    """Time, level, event and fields are those of the line, whatever surrounds them."""
    (found,) = read(log(line))
    assert found.at is not None
    assert found.at.replace(microsecond=0) == EIGHT
    assert (found.level, found.event) == ("INFO", "top-model")
    fields = {k: v for k, v in found.fields.items() if k not in ("request", "worker")}
    assert fields == RANKED_FIELDS


def test_a_format_without_time_has_none(log):
    """`LEVEL:logger:message` is a line without a time, and needs no zone."""
    (found,) = read(log(f"ERROR:core.llm:Structured generation failed: {NO_MODELS}"), zone=None)
    assert (found.at, found.level, found.event) == (None, "ERROR", "generation-failed")
    assert found.fields == {"error": NO_MODELS}


# As docs/platform.md has the lines: what each is called, and what it names.
LINES = {
    "Initialized minimax client using BYOK credential": (
        "client-initialized",
        {"provider": "minimax", "credential": "BYOK"},
    ),
    "No credential available for openai, skipping initialization": (
        "no-credential",
        {"provider": "openai"},
    ),
    "Setting not found or NULL for minimax": ("key-missing", {"provider": "minimax"}),
    "No key found for minimax in ws-1": (
        "key-missing",
        {"provider": "minimax", "workspace": "ws-1"},
    ),
    f"BPC ranking failed, falling back to static mapping: {NO_MODELS}": (
        "fallback",
        {"error": NO_MODELS},
    ),
    "Structured generation (team, BYOK): minimax/MiniMax-M2.5": (
        "generation",
        {"plan": "team", "mode": "BYOK", "provider": "minimax", "model": "MiniMax-M2.5"},
    ),
    "Loaded 2690 model prices from cache": ("prices-loaded", {"prices": "2690"}),
    "Pricing cache populated with 2690 models": ("prices-loaded", {"prices": "2690"}),
    "Ingested 12 nodes, 3 edges for ws ws-1": (
        "ingested",
        {"nodes": "12", "edges": "3", "workspace": "ws-1"},
    ),
    "No entities extracted.": ("no-entities", {}),
    "Unified extraction found 3 entities and 2 relationships for doc mail-7": (
        "extraction",
        {"entities": "3", "relationships": "2", "document": "mail-7"},
    ),
    "Extracted 3 entities from mail-7 using minimax/MiniMax-M2.5": (
        "extraction",
        {"entities": "3", "document": "mail-7", "model": "minimax/MiniMax-M2.5"},
    ),
    "Backfill completed for outlook: 40 processed, 2 failed": (
        "backfill-completed",
        {"integration": "outlook", "processed": "40", "failed": "2"},
    ),
    f"Backfill failed for outlook: {NO_MODELS}": (
        "backfill-failed",
        {"integration": "outlook", "error": NO_MODELS},
    ),
    "[JOB_EVENT] job-1: Chunk 2 complete: 5 entities, 4 relationships extracted": (
        "chunk",
        {"job": "job-1", "chunk": "2", "entities": "5", "relationships": "4"},
    ),
    "[JOB_EVENT] job-1: queued": ("job-event", {"job": "job-1"}),
    "Job job-1 completed successfully": ("job-completed", {"job": "job-1"}),
    "Outlook Sync completed successfully": ("sync-completed", {}),
    f"Outlook Sync failed: {NO_MODELS}": ("sync-failed", {"error": NO_MODELS}),
    "celery@host-1 ready.": ("start", {"worker": "host-1"}),
    f"Task failed: ValueError('{NO_MODELS}')": ("error", {"error": NO_MODELS}),
    f"{NO_MODELS} for tenant brennan, job_id=bf-1 complexity=advanced": (
        "error",
        {"error": NO_MODELS, "tenant": "brennan", "job": "bf-1", "complexity": "advanced"},
    ),
    f"Task core.backfill[5d7c-1] raised unexpected: ValueError('{NO_MODELS}')": (
        "error",
        {"error": NO_MODELS, "job": "5d7c-1"},
    ),
    "Structured generation failed: Error code: 401 - {'error': 'key'}": (
        "auth-error",
        {"status": "401"},
    ),
    'HTTP Request: POST https://api.minimax.io/v1/chat "HTTP/1.1 403 Forbidden"': (
        "auth-error",
        {"provider": "minimax", "status": "403"},
    ),
}


@pytest.mark.parametrize("message", LINES)
def test_each_of_the_platform_s_lines_has_its_event_and_fields(log, message):
    """And no field more."""
    (found,) = read(log(f"{AT},123 - core - ERROR - {message}"))
    assert (found.event, dict(found.fields)) == LINES[message]


@pytest.mark.parametrize(
    "words",
    [
        *("complexity=advanced", "complexity: ADVANCED", "request_kind=QueryComplexity.ADVANCED"),
        *("no model for advanced requests", "advanced request of job_id=7"),
    ],
)
def test_the_kind_of_request_is_read_in_several_spellings(log, words):
    """An enumeration's name, in capitals, in words; of other words none is taken for a kind."""
    lines = [f"{AT},0 - w - ERROR - {NO_MODELS}: {each}" for each in (words, "advanced search")]
    found = read(log(*lines))
    assert [line.fields.get("complexity") for line in found] == ["advanced", None]


@pytest.mark.parametrize(
    "line",
    [
        f"{DASHED}Subject: {NO_MODELS}",  # a mail that the worker reads, at INFO
        f'{DASHED}HTTP Request: GET https://graph.microsoft.com/me "HTTP/1.1 401 Unauthorized"',
        f"{DASHED}Mail says: Job job-1 completed successfully",
        f'{DASHED}doing\n    raise ValueError("{NO_MODELS}")\nKeyError: 3',
    ],
)
def test_what_only_quotes_a_line_is_none(log, line):
    """A mail's subject, another service's 401, a line of source code in a traceback."""
    assert read(log(line)) == []


def test_of_a_traceback_its_last_line_counts(log):
    """The record is cited as a whole, from its first line."""
    lines = [
        f"{AT},000 - worker - INFO - ready",
        f"{AT},100 - worker - ERROR - Task failed",
        "Traceback (most recent call last):",
        '  File "x.py", line 3, in rank',
        f'    raise ValueError("{NO_MODELS}")',
        f"ValueError: {NO_MODELS}",
        f"{AT},200 - worker - INFO - next",
    ]
    (found,) = read(log(*lines))
    assert (found.event, found.line, found.lines) == ("error", 2, 5)
    assert found.sha256 == hashlib.sha256("\n".join(lines[1:6]).encode()).hexdigest()


def test_a_traceback_that_is_wrapped_line_by_line_is_one_record(log):
    """By Docker, Kubernetes or a prefix."""
    lines = [f"{AT},100 - worker - ERROR - Task failed", "Traceback:", "  File", f"X: {NO_MODELS}"]
    stamp = "2026-05-02T08:00:01.2Z"
    for n, wrap in enumerate(
        (
            lambda line: json.dumps({"log": f"{line}\n", "stream": "stderr", "time": stamp}),
            lambda line: f"{stamp} stderr F {line}",
            lambda line: f"worker-1  | {line}",
        )
    ):
        (found,) = read(log(*map(wrap, [*lines, lines[0]]), name=f"log-{n}"))
        assert (found.event, found.level, found.lines) == ("error", "ERROR", 4)


def test_an_exception_in_json_counts_by_its_last_line(log):
    """The field of the traceback, too, and OTLP's attribute."""
    trace = f"Traceback (most recent call last):\n  File\nValueError: {NO_MODELS}"
    line = {"message": "Task failed", "level": "ERROR", "timestamp": AT, "exc_info": trace}
    attributes = {"exception.stacktrace": trace, "job_id": "j-1"}
    both = read(log(json.dumps(line), json.dumps(otlp("Task failed", level="ERROR", **attributes))))
    assert [found.event for found in both] == ["error", "error"]
    assert both[1].fields["job"] == "j-1"


def test_extra_fields_of_json_are_named_as_ours(log):
    """tenant_id, workspace_id, job_id, request_kind; an id that may be a key becomes a name."""
    drawn = hashlib.md5(b"a job").hexdigest()
    extra = {"tenant_id": TENANT, "workspace_id": "ws-1", "job_id": drawn, "request_kind": "simple"}
    line = {"level": "INFO", "timestamp": AT, "message": "No entities extracted.", "extra": extra}
    (found,) = read(log(json.dumps(line)))
    named = f"id-{hashlib.sha256(drawn.encode()).hexdigest()[:12]}"
    told = {"tenant": TENANT, "workspace": "ws-1", "job": named, "complexity": "simple"}
    assert dict(found.fields) == told


def test_every_cited_line_is_where_it_is_said_to_be(log):
    """Across blocks, among noise and tracebacks, in gzip, numbers and hashes are right."""
    rng, lines, truth = random.Random(5), [], []
    for n in range(9000):
        at = f"2026-05-02 {8 + n // 3600:02d}:{n // 60 % 60:02d}:{n % 60:02d},000"
        if rng.random() < 0.01:
            truth.append(len(lines) + 1)
            lines.append(f"{at} - w - ERROR - Backfill failed for outlook: {n}")
        else:
            lines.append(f"{at} - w - INFO - {'noise ' * rng.randint(1, 12)}")
        lines += ["  more of it"] * (rng.random() < 0.05)
    content = "\n".join(lines).encode() + b"\n"
    assert len(content) > 2 * BLOCK
    path = log()
    path.write_bytes(gzip.compress(content))
    found = read(path)
    assert [line.line for line in found] == truth
    for line in found:
        record = "\n".join(lines[line.line - 1 : line.line - 1 + line.lines])
        assert line.sha256 == hashlib.sha256(record.encode()).hexdigest()


def at(n: float) -> datetime:
    return EIGHT + timedelta(minutes=n)


def minute(n: int, text: str = RANKED, level: str = "INFO") -> str:
    return f"{at(n):%Y-%m-%d %H:%M:%S},000 - w - {level} - {text}"


def test_files_are_merged_by_time_whatever_their_order(log):
    """Rotated, interleaved, gzipped: the lines come in the order of their times."""
    files = [
        log(*(minute(n) for n in range(start, 60, 3)), name=f"worker.log.{start}")
        for start in (2, 0, 1)
    ]
    packed = log(*(minute(n) for n in range(60, 80)), name="last.gz")
    packed.write_bytes(gzip.compress(packed.read_bytes()))
    found = read(packed, *files)
    assert [line.at for line in found] == [at(n) for n in range(80)]


def test_coverage_has_times_levels_restarts_and_cuts(log):
    """Per file; a window's gaps are what no file covers."""
    first = log("  inside", minute(0), minute(1, "x", "DEBUG"), minute(2, "Worker started"))
    second = log(*(minute(n) for n in (50, 51, 52)), name="worker.log.1")
    second.write_bytes(second.read_bytes()[:-1])
    coverage = read_log([second, first], "UTC").coverage
    early, late = coverage.files
    assert (early.first, early.last) == (EIGHT, EIGHT + timedelta(minutes=2))
    assert (early.lowest_level, late.lowest_level) == ("DEBUG", "INFO")
    assert coverage.lowest_level == "INFO"
    assert [line.line for line in coverage.restarts] == [4]
    assert (early.cut, late.cut) == (("it begins inside a record",), ("its last line has no end",))
    assert (early.lines, late.lines) == (4, 3)

    assert coverage.gaps(at(0), at(52)) == [(at(2), at(50))]
    assert coverage.gaps(at(50), at(52)) == []
    assert coverage.gaps(at(50), at(69)) == [(at(52), at(69))]
    assert coverage.gaps(at(10), at(20)) == [(at(10), at(20))]
    assert coverage.gaps(at(60), at(69)) == [(at(60), at(69))]
    before = EIGHT - timedelta(hours=1)
    assert coverage.gaps(before, at(1)) == [(before, at(0))]
    assert coverage.gaps(before, before + timedelta(minutes=9)) == [
        (before, before + timedelta(minutes=9))
    ]


def test_edges_that_are_as_far_apart_as_lines_are_meet(log):
    """A log that speaks every five minutes has no gap of five minutes."""
    first = log(*(minute(n) for n in range(0, 50, 5)))
    second = log(*(minute(n) for n in range(50, 90, 5)), name="b")
    coverage = read_log([first, second], "UTC").coverage
    assert coverage.gaps(EIGHT, EIGHT + timedelta(minutes=85)) == []


DEEP = {
    **{name: line for name, line in FORMATS.items() if "many lines" not in name},
    "basic": f"INFO:core.llm:{RANKED}",
    "docker of JSON": json.dumps(
        {"log": json.dumps({"level": "info", "message": "x"}), "time": AT}
    ),
}


@pytest.mark.parametrize("line", DEEP.values(), ids=DEEP)
def test_a_level_is_seen_wherever_it_first_comes(log, line):
    """Far into a file, in every format; a message that speaks of one has it not."""
    shallow = line
    for word in ("INFO", '"info', r"\"info"):
        shallow = shallow.replace(word, word[:-4] + ("ERROR" if word == "INFO" else "error"))
    noise = [shallow.replace("BPC", 'no DEBUG [DEBUG] "debug" INFO: DEBUG: INFO')] * 2000
    assert len("\n".join(noise)) > 2 * HEAD
    for last, level in ((shallow, "ERROR"), (line, "INFO")):
        coverage = read_log([log(*noise, last, *noise)], "UTC").coverage
        assert coverage.lowest_level == level


def covered(first: float, last: float, begin: float = 0, end: float = 0) -> FileCoverage:
    """Return the coverage of a file from minute to minute, with silences near its ends."""
    silences = (timedelta(minutes=begin), timedelta(minutes=end))
    return FileCoverage("f", at(first), at(last), None, 0, (), (), *silences)


@pytest.mark.parametrize(
    ("files", "window", "gap"),
    [
        ([covered(0, 5), covered(5.8, 9)], (1, 8), None),  # within a minute edges meet
        ([covered(0, 5), covered(6.2, 9)], (1, 8), (5, 6.2)),
        ([covered(0, 5, end=2), covered(6.2, 9)], (1, 8), None),  # the one speaks rarely
        ([covered(0, 5), covered(6.2, 9, begin=2)], (1, 8), None),  # or the other does
        ([covered(0, 5, begin=2), covered(6.2, 9, end=2)], (1, 8), (5, 6.2)),  # not there
        ([covered(0, 5)], (5, 5.5), (5, 5.5)),  # after the log
        ([covered(6, 9)], (5, 5.5), (5, 5.5)),  # before it
        ([covered(0, 5, end=9), covered(40, 50)], (20, 30), (20, 30)),  # in the middle of a gap
        ([covered(0, 50), covered(3, 4, end=9)], (1, 55), (50, 55)),  # one within another
        ([covered(0, 5)], (-0.5, 3), None),  # a log has to begin somewhere
        ([], (1, 8), (1, 8)),
    ],
)
def test_where_edges_meet_there_is_no_gap(files, window, gap):
    """Edges are as near as the log is silent there; what no file has seen is a gap."""
    found = LogCoverage(tuple(files)).gaps(*map(at, window))
    assert found == ([tuple(map(at, gap))] if gap else [])


MINUTES = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 20)), min_size=1, max_size=5)


@given(MINUTES, st.integers(0, 70), st.integers(1, 30))
def test_gaps_are_the_minutes_that_no_file_covers(spans, start, length):
    """As counted minute by minute, for files without silences whose edges never nearly meet."""
    spans = [(3 * first, 3 * (first + long)) for first, long in spans]
    files = [covered(first, last) for first, last in sorted(spans)]
    end = start + length
    gaps = LogCoverage(tuple(files)).gaps(at(start), at(end))
    outside = {n for n in range(start, end) if not any(first <= n < last for first, last in spans)}
    uncovered = {n for n in range(start, end) if any(a <= at(n) < b for a, b in gaps)}
    # A minute is no gap: one that lies between the window's edge and a file's may be left out.
    assert uncovered <= outside
    assert all(n in (start, end - 1) for n in outside - uncovered)


@pytest.mark.parametrize(
    ("zone", "hour"),
    [("Europe/Berlin", 6), ("+02:00", 6), ("-0330", 11), ("UTC", 8), ("America/New_York", 12)],
)
def test_a_zone_is_a_name_or_an_offset(log, zone, hour):
    """Plain times are in it; in summer Berlin is two hours ahead."""
    (found,) = read(log(DASHED + RANKED), zone=zone)
    assert found.at is not None
    assert found.at.hour == hour


def test_an_hour_that_a_clock_shows_twice_goes_on(log):
    """When summer ends in Berlin, 02:50 is followed by 02:10 an hour later."""
    lines = [f"2026-10-25 {t}:00,000 - w - INFO - {RANKED}" for t in ("02:50", "02:10", "03:05")]
    found = [line.at for line in read(log(*lines), zone="Europe/Berlin")]
    assert [f"{at:%H:%M}" for at in found if at] == ["00:50", "01:10", "02:05"]


def test_times_without_a_zone_are_refused_unless_none_is_needed(log):
    """One line, which names the option; with `timeless` they are no times."""
    path = log(DASHED + RANKED)
    with pytest.raises(InputError, match=r"line 1 has a time without a zone; .*--log-zone"):
        read_log([path])
    assert [line.at for line in read(path, zone=None, timeless=True)] == [None]
    assert read(log(FORMATS["JSON"], name="j"), zone=None)[0].at == EIGHT


@pytest.mark.parametrize(
    "time", ["0001-01-01 00:00:00", "1969-12-31 23:59:59", "9999-12-31 23:59:59"]
)
@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "UTC"])
def test_a_time_that_stands_for_none_is_none(log, time, zone):
    """The line keeps its place; what the log covers does not grow to the end of the calendar."""
    seconds = datetime.fromisoformat(f"{time}+00:00").timestamp()
    odd = (
        f"{time},000 - core - INFO - {RANKED}",
        json.dumps({"timestamp": time, "level": "INFO", "message": RANKED}),
        json.dumps({"timestamp": seconds * 1000, "level": "INFO", "message": RANKED}),
        json.dumps(otlp(RANKED)).replace(str(int(EIGHT.timestamp())), str(int(seconds))),
    )
    path = log(DASHED + RANKED, *odd)
    assert [line.at is None for line in read(path, zone=zone)] == [False, *[True] * 4]
    [covered] = read_log([path], zone).coverage.files
    assert covered.first == covered.last


def test_zeros_in_place_of_lines_are_lost_lines(log):
    """As after a crash of the host: the file is read, and said to be incomplete."""
    lines = [minute(n / 10) for n in range(2000)]
    path = log(*lines, b"\0" * 5000 + minute(201).encode(), minute(202))
    [covered] = read_log([path], "UTC").coverage.files
    assert covered.cut == ("it holds bytes of zeros in place of lines",)
    assert log(*lines).stat().st_size > HEAD
    assert read_log([log(*lines)], "UTC").coverage.files[0].cut == ()


LONG = b"x" * (LONGEST_LINE + 2)
BAD = {
    "empty": (b"", "is empty; leave it out"),
    "binary": (bytes(range(256)) * 9, "is binary, not a log"),
    "prose": (b"Dear all,\nplease find attached\n" * 9, "is no worker's log"),
    "truncated": (
        gzip.compress(f"{DASHED}{random.Random(1).randbytes(90000).hex()}\n".encode())[:-9],
        "its gzip ends early after line",
    ),
    "a long line": (f"{DASHED}x\n".encode() + LONG, "line 2 is longer than"),
    "UTF-16": ("a log".encode("utf-16"), "is UTF-16; save it as UTF-8"),
    "zstd": (b"\x28\xb5\x2f\xfdabc", "is packed with zstd; unpack it first"),
    "back": (
        "\n".join([minute(9), minute(3), ""]).encode(),
        "the times go back by 0:06:00 at line 2",
    ),
}


@pytest.mark.parametrize(("content", "said"), BAD.values(), ids=BAD)
def test_what_is_no_log_is_refused_in_one_line(tmp_path, content, said):
    """It says what, where, and what to do."""
    path = tmp_path / "bad.log"
    path.write_bytes(content)
    with pytest.raises(InputError) as refused:
        read(path)
    assert said in str(refused.value)
    assert str(refused.value).startswith(f"{path}: ")
    assert refused.value.todo


def test_a_folder_a_missing_file_and_a_log_twice_are_refused(log, tmp_path):
    """So is no file at all."""
    path = log(*(minute(n) for n in range(9)))
    longer = log(*(minute(n) for n in range(12)), name="longer.log")
    for paths, said in {
        (tmp_path,): "is a folder; give its files",
        (tmp_path / "none",): "no such file",
        (path, longer): "the same log twice",
        (): "no log was given",
        ("-", "-"): "stdin was given twice",
    }.items():
        with pytest.raises(InputError, match=said):
            read_log(paths, "UTC")
    with pytest.raises(InputError, match="is no time zone"):
        read_log([path], "Mars/Olympus")


def test_logs_without_times_may_begin_alike(log):
    """As those of a worker that says the same whenever it starts."""
    starts = [f"INFO:core:Loaded {n} model prices from cache" for n in range(5)]
    first, second = log(*starts, "INFO:core:No entities extracted."), log(*starts, name="next")
    assert len(read(first, second, zone=None)) == 11


PLACES = (
    "{0} - core - ERROR - Structured generation failed: Error code: 401 - {{'key': '{1}'}}",
    "{0} - core - ERROR - Backfill failed for {1}: {1}",
    "{0} - core - INFO - Initialized {1} client using {1} credential",
    "{0} - core - WARNING - Setting not found or NULL for {1}",
    "{0} - core - DEBUG - No key found for {1} in {1}",
    "{0} - core - INFO - BPC Ranking Successful for {1}: Top model {1} (Value: {1})",
    "{0} - core - INFO - Structured generation ({1}, {1}): {1}/{1}",
    "{0} - core - INFO - Ingested {1} nodes, {1} edges for ws {1}",
    "{0} - core - INFO - [JOB_EVENT] {1}: Chunk 1 complete: 2 entities, 3 relationships extracted",
    "{0} - core - INFO - Job {1} completed successfully",
    "{0} - core - ERROR - No models available from dynamic pricing tenant_id={1} job={1} model={1}",
    '{0} - httpx - INFO - HTTP Request: POST https://api.minimax.io/?key={1} "HTTP/1.1 401 {1}',
    "{0} - {1} - ERROR - No models available from dynamic pricing\n{1}\nValueError: {1}",
    "[{0}] [ERROR] [{1}] [core] No models available from dynamic pricing",
)


def test_no_secret_leaves_a_line(log):
    """A key in every place of a line, plain and in JSON: no field holds it, nor part of it."""
    secrets = {n: s for n, s in {**SECRETS, **MANY}.items() if len(s) < 400 and n not in ("pin",)}
    lines = []
    for secret in secrets.values():
        lines += [place.format(f"{AT},000", secret) for place in PLACES]
        names = ("tenant_id", "job_id", "workspace_id", "request_id", "provider", "model", "plan")
        extra = dict.fromkeys((*names, "complexity", "status_code", secret), secret)
        lines.append(json.dumps({"message": NO_MODELS, "level": "ERROR", "timestamp": AT, **extra}))
        lines.append(json.dumps(otlp(NO_MODELS, level="ERROR", **extra)))
    found = read(log(*lines))
    assert len(found) > 10 * len(secrets)
    said = "\n".join(f"{line.level} {line.event} {dict(line.fields)}" for line in found)
    assert Scanner(secrets).found_in(said.encode()) == []


@pytest.mark.parametrize(
    "name", ["tenant_id", "job_id", "workspace_id", "provider", "plan", "model"]
)
@pytest.mark.parametrize("secret", ["sk-live-1234", "ghp_x1", "xoxb-12-ab", "svc:pass@host"])
def test_what_begins_like_a_key_is_none_however_short(log, name, secret):
    """In an id, a word or a model's place."""
    (found,) = read(log(f"{AT},0 - w - ERROR - {NO_MODELS} {name}={secret}"))
    assert secret not in str(dict(found.fields))


_NAMES = [
    "message",
    "level",
    "timestamp",
    "extra",
    "exc_info",
    "log",
    "time",
    "tenant_id",
    "body",
    "resourceLogs",
    "scopeLogs",
    "logRecords",
    "attributes",
    "resource",
    "timeUnixNano",
    "severityNumber",
]
ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from([NO_MODELS, AT, "x"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(_NAMES), inner, max_size=4)
    ),
    max_leaves=9,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(ODD.map(json.dumps) | st.text(max_size=40) | st.sampled_from([*LINES]), max_size=6))
def test_whatever_a_file_holds_it_is_read_or_refused_in_one_line(lines):
    """JSON of any form, text of any kind: no other error than ours."""
    text = "\n".join(f"{DASHED}{line}" if n % 2 else line for n, line in enumerate(lines))
    try:
        log = read_log([text.encode("utf-8", "surrogatepass")], "UTC")
        for line in log:
            assert 1 <= line.line <= text.count("\n") + 1
        assert log.coverage.files[0].lines <= text.count("\n") + 1
    except InputError as error:
        refusal = str(error)
    else:
        refusal = "none"
    assert is_one_line(refusal)


def test_a_site_adds_its_own_shapes(log, tmp_path):
    """They are tried first, in the same notation, with names of its own."""
    own = tmp_path / "shapes.yaml"
    own.write_text(
        "shapes:\n"
        "- {event: job-completed, line: 'Finished {job} after {seconds} s', level: INFO}\n"
        "- {event: start, pattern: 'boot (?P<worker>\\S+)', keyword: 'boot '}\n"
        "errors: [quota is spent]\n"
        "names: {tenant: [customer, customer-id]}\n"
    )
    lines = (
        "Finished j-1 after 3 s customer=acme",
        "boot w-1",
        "Backfill failed for x: quota is spent",
        "boot w-2: error: --customer-id='acme' job-id=3",
    )
    found = read(log(*(f"{AT},0 - w - ERROR - {line}" for line in lines)), shapes=own)
    assert [(line.event, dict(line.fields)) for line in found] == [
        ("job-completed", {"job": "j-1", "tenant": "acme"}),
        ("start", {"worker": "w-1"}),
        ("backfill-failed", {"integration": "x", "error": "quota is spent"}),
        ("start", {"worker": "w-2:", "tenant": "acme"}),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "is not a file of shapes"),
        ("shapes: 5", "shapes: must be a list"),
        ("shapes: []\nshape: []", "unknown field shape; did you mean shapes?"),
        ("shapes: []\nnames: {job: id}", "names.job: must be a list"),
        (
            "shapes: [{event: x, lines: abcdef}]",
            "shapes[0]: unknown field lines; did you mean",
        ),
        ("shapes: [{event: X y, line: abcdef}]", "shapes[0].event: must be of the form"),
        ("shapes: [{event: x}]", "shapes[0]: has no line"),
        ("shapes: [{event: x, line: '{a} b {c}'}]", "shapes[0]: has no keyword"),
        (
            "shapes: [{event: x, pattern: '(', keyword: abcdef}]",
            "shapes[0]: has a pattern that is none",
        ),
        ("shapes: [{event: x, line: abcdef, level: LOUD}]", "shapes[0].level: must be 'DEBUG'"),
    ],
)
def test_shapes_that_are_none_are_refused(log, tmp_path, text, said):
    """One line says which, and what to do."""
    own = tmp_path / "shapes.yaml"
    own.write_text(text)
    with pytest.raises(InputError, match=re.escape(said)):
        read(log(DASHED + RANKED), shapes=own)


def test_memory_is_flat_and_progress_is_told(tmp_path):
    """Forty-eight megabytes of lines that belong to one record are read in a few."""
    path = tmp_path / "big.log"
    lines = [minute(n, "noise " * 12) for n in range(1000)]
    text = "\n".join([*lines, f"  {'more ' * 15}\n" * 600_000 + minute(1000)])
    path.write_text(text + "\n")
    code = (
        "import re, sys\n"
        "from pathlib import Path\n"
        "from atomlab.evidence.inputs.worker_log import read_log\n"
        "def most():\n"
        "    status = Path('/proc/self/status').read_text()\n"
        "    return int(re.search(r'VmHWM:\\s+(\\d+)', status)[1])\n"
        "told, before = [], most()\n"
        "found = list(read_log([sys.argv[1]], 'UTC', progress=lambda *done: told.append(done)))\n"
        "assert [line.line for line in found] == [601001], found\n"
        "assert told[-1][0] == told[-1][1] > 0, told[-1]\n"
        "assert most() < min(150_000, before + 30_000), (before, most())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
