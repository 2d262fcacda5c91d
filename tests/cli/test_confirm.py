"""Confirm, on the command line: the shipped logs, bad ones, the findings, and no secret."""

from __future__ import annotations

import gzip
import json
import re
from datetime import timedelta

import pytest

from atomlab.evidence.inputs.rules import COMPLEXITIES
from tests.canaries import MANY, Scanner
from tests.conftest import ROOT
from tests.diagnosis.test_confirm import NOON, job, record

SNAPSHOTS = ROOT / "data" / "snapshots"
BEFORE, AFTER = (SNAPSHOTS / f"brennan-2026-05-0{day}.sqlite" for day in (2, 3))
LOGS = [ROOT / "data" / "logs" / f"brennan-{when}-fix.log" for when in ("before", "after")]
FIXED_AT = "2026-05-02T16:40Z"
ERROR = "Structured generation failed: No models available from dynamic pricing"


def asked(*logs, at=FIXED_AT, tenant="brennan"):
    named = [part for log in logs for part in ("--log", log)]
    return ("confirm", BEFORE, "--tenant", tenant, "--fixed-at", at, *named)


def test_the_shipped_logs_show_what_the_fix_cured_and_what_it_left(run):
    """Three kinds are over, advanced is not; in any order of the files, with the snapshot after."""
    code, out, err = run(*asked(*LOGS))
    assert (code, err) == (3, "")
    verdicts = dict(re.findall(r"^(\w+): (over|not over|inconclusive),", out, re.MULTILINE))
    assert verdicts == {
        **dict.fromkeys(("simple", "moderate", "complex"), "over"),
        "advanced": "not over",
    }
    assert out.splitlines()[-1] == "Brennan Machinery: not over"
    assert "before the fix 8 of 8 jobs failed; after it: 12 succeeded" in out
    code, again, _ = run(*asked(*LOGS[::-1]), "--after", AFTER)
    assert (code, again) == (3, out)


@pytest.mark.parametrize(("jobs", "code"), [(3, 0), (1, 4), (0, 4)])
def test_the_exit_code_is_that_of_the_worst_verdict(run, tmp_path, jobs, code):
    """Where the fix cures every kind: 0 after enough jobs, 4 before that, with what is missing."""
    small, large = "claude-3-haiku-20240307", "claude-4-opus-20250514"
    winners = dict(zip(COMPLEXITIES, (small, small, large, large), strict=True))
    lines = [record(NOON - timedelta(hours=9), "celery@w ready")]
    for kind, model in winners.items():
        for n in range(20):
            lines += job(f"{kind}-{n}", NOON - timedelta(minutes=10 * n + 9), kind, None, "sable")
        for n in range(20, 20 + jobs):
            lines += job(f"{kind}-{n}", NOON + timedelta(minutes=n), kind, model, "sable")
    lines.append(record(NOON + timedelta(hours=1), "celery@w ready"))
    log = tmp_path / "worker.log"
    log.write_text(
        "".join(f"{x}\n" for x in sorted(lines, key=lambda x: json.loads(x)["timestamp"]))
    )
    got, out, _ = run(*asked(log, at=f"{NOON:%Y-%m-%dT%H:%MZ}", tenant="sable"))
    assert got == code
    missing = {3: None, 1: "  missing: 1 more simple job", 0: "  missing: simple jobs"}[jobs]
    assert missing is None or missing in out


def test_findings_are_written_once_and_a_postmortem_reads_them(run, error, tmp_path):
    """The same document as --json prints; a file that is there is kept, one that is read, too."""
    path = tmp_path / "findings.json"
    code, printed, err = run(*asked(*LOGS), "--findings", path, "--json")
    assert (code, err) == (3, "")
    found = json.loads(path.read_text())
    assert found == json.loads(printed)
    assert found["recovery"]["verdict"] == "not over"
    assert [kind["verdict"] for kind in found["recovery"]["kinds"]] == [*["over"] * 3, "not over"]
    assert "exists already" in error(*asked(*LOGS), "--findings", path)
    kept = error(*asked(*LOGS), "--findings", LOGS[0], "--overwrite")
    assert "is one of the files to read" in kept
    code, out, _ = run("postmortem", path)
    assert code == 0
    assert "findings.json" in out


@pytest.mark.parametrize(
    ("given", "words", "code"),
    [
        ({"at": "noon"}, "the time of the fix is not a time; write it as", 2),
        ({"at": "0001-01-01T00:00+05:00"}, "the time of the fix is not a time", 2),
        ({"at": "2026-05-02T16:40"}, "the time of the fix has no zone", 2),
        ({"at": "2999-01-01T00:00Z"}, "before the fix; give a later log", 1),
        ({"at": "9999-12-31T23:59:59Z"}, "before the fix; give a later log", 1),
        ({"at": "0001-01-01T00:00:00Z"}, "after the fix; give the log from before it", 1),
        ({"at": "2020-01-01T00:00Z"}, "after the fix; give the log from before it", 1),
        ({"tenant": "nobody"}, "nobody", 1),
        ({"tenant": "knoll"}, "has no job of Knoll Research", 1),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_log_is_one_line(error, given, words, code):
    """A time that is none or lies outside the log, and a tenant without a job."""
    assert words in error(*asked(*LOGS, **given), code=code)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"all is well\nand so it is\n", "is no worker's log"),
        (bytes(range(256)) * 40, "is binary"),
        (
            gzip.compress(b'{"timestamp": "2026-05-02T08:40:02"}\n' * 9_000, mtime=0)[:200],
            "gzip ends early",
        ),
        (f"2026-05-02 18:40:01,123 - core - ERROR - {ERROR}\n".encode(), "a time without a zone"),
        (b'{"timestamp": "2026-05-02T08:40:02", "x": "' + b"a" * 9_000_000, "is longer than"),
        (LOGS[1].read_bytes() + LOGS[0].read_bytes(), "the times go back by"),
        (b"ERROR:core:" + ERROR.encode() + b"\n", "no line of the log has a time"),
    ],
)
def test_a_file_that_cannot_be_read_as_a_log_is_one_line(error, tmp_path, content, words):
    """Whatever is wrong with it."""
    log = tmp_path / "bad.log"
    log.write_bytes(content)
    assert words in error(*asked(log))


def test_formats_may_be_mixed(run, tmp_path):
    """Plain lines among JSON lines, in the zone that is given."""
    plain = []
    for line in LOGS[1].read_text().splitlines():
        said = json.loads(line)
        time = said.pop("timestamp").replace("T", " ").replace(".", ",")
        level, message = said.pop("level"), said.pop("message")
        named = " ".join(f"{name}={value}" for name, value in said.items())
        plain.append(f"{time} - core.llm - {level} - {message} {named}")
    log = tmp_path / "mixed.log"
    log.write_text(LOGS[0].read_text() + "\n".join(plain) + "\n")
    code, out, _ = run(*asked(log), "--log-zone", "UTC")
    assert code == 3
    assert "moderate: over, 12 jobs succeeded" in out


def test_a_secret_in_a_line_reaches_no_output_and_no_findings(run, tmp_path):
    """In a message, a job's or request's id, a model, an error, a field or a traceback."""
    scanner, secrets = Scanner(MANY), [*MANY.values()]
    lines = []
    for number, line in enumerate((LOGS[0].read_text() + LOGS[1].read_text()).splitlines()):
        said, secret = json.loads(line), secrets[number % len(secrets)]
        if "job_id" in said and said["complexity"] != "simple":
            said["job_id"] = secret if said["complexity"] == "complex" else said["job_id"]
            said["request_id"] = said["api_key"] = secret
            said["message"] = re.sub(r"(?<=Top model )\S+", secret, said["message"])
            said["message"] = re.sub(r"(?<=failed: ).*", f"{secret} {ERROR}", said["message"])
            said["exc_info"] = f"Traceback:\n  File x\nValueError: {secret} {ERROR}"
        lines.append(json.dumps(said))
    log, findings = tmp_path / "worker.log", tmp_path / "findings.json"
    log.write_text("\n".join(lines) + "\n")
    _, out, err = run(*asked(log), "--findings", findings)
    assert "simple: over" in out
    _, printed, more = run(*asked(log), "--json")
    for text in (out, err, printed, more, findings.read_text()):
        assert scanner.found_in(text.encode()) == []
