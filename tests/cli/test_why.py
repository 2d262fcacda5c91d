"""Why, on the command line: a line, a log or stdin; ten lines, one document, or one question."""

from __future__ import annotations

import io
import json
import sys
from types import SimpleNamespace

import pytest

from tests.canaries import MANY, Scanner
from tests.conftest import ROOT

SNAPSHOTS = ROOT / "data" / "snapshots"
BEFORE = SNAPSHOTS / "brennan-2026-05-02.sqlite"
ERROR = (
    "2026-05-02 10:15:00,123 - core.llm - ERROR - Structured generation failed: "
    "No models available from dynamic pricing tenant_id=brennan"
)


@pytest.fixture
def given(tmp_path, monkeypatch):
    """Return a function that gives a text in one way, and the argument for it."""

    def give(how: str, text: str) -> tuple[str, ...]:
        raw = text.encode()
        if how == "file":
            (tmp_path / "worker.log").write_bytes(raw)
            return (str(tmp_path / "worker.log"),)
        if how == "line":
            return (text,)
        pipe = SimpleNamespace(buffer=io.BytesIO(raw), isatty=lambda: False)
        monkeypatch.setattr(sys, "stdin", pipe)
        return ("-",) if how == "-" else ()

    return give


@pytest.mark.parametrize("how", ["line", "file", "-", "stdin"])
def test_a_line_is_explained_however_it_is_given(run, given, how):
    """At most ten lines, exit code 3, nothing on stderr."""
    code, out, err = run("why", *given(how, ERROR), "--snapshot", BEFORE)
    assert (code, err) == (3, "")
    lines = out.splitlines()
    assert len(lines) <= 10
    assert lines[0] == "Brennan Machinery: every request fails"
    assert lines[-1].endswith(f"atomlab report {BEFORE} --tenant brennan")


def test_the_folder_of_snapshots_is_in_the_environment(run, monkeypatch):
    """The time of the line decides between them: without its zone that is asked for."""
    monkeypatch.setenv("ATOMLAB_SNAPSHOTS", str(SNAPSHOTS))
    _, out, _ = run("why", ERROR, "--log-zone", "Europe/Berlin", "--json")
    assert json.loads(out)["snapshot"]["name"] == "brennan-2026-05-02"
    code, out, _ = run("why", ERROR, "--json")
    assert (code, json.loads(out)["asked"]) == (4, ["log_zone"])
    timeless = "ERROR:" + ERROR.partition(" - ERROR - ")[2]
    _, out, _ = run("why", timeless, "--json")  # of no time at all the newest is taken
    assert json.loads(out)["snapshot"]["name"] == "brennan-2026-05-03"


def test_json_is_one_document(run, monkeypatch):
    """Of an answer, and of a question."""
    monkeypatch.delenv("ATOMLAB_SNAPSHOTS", raising=False)
    code, out, err = run("why", ERROR, "--snapshot", BEFORE, "--log-zone", "+02:00", "--json")
    document = json.loads(out)
    assert (code, err, document["status"]) == (3, "", "affected")
    assert document["line"]["at"] == "2026-05-02T08:15:00.123000+00:00"
    assert document["line"]["fields"]["tenant"] == "brennan"
    assert len(document["lines"]) <= 10
    code, out, err = run("why", ERROR, "--json")
    assert (code, err, json.loads(out)["asked"]) == (4, "", ["snapshot"])


def test_a_question_is_one_line_on_stderr(run):
    """Exit code 4."""
    line = "ValueError: No models available from dynamic pricing"
    code, out, err = run("why", line, "--snapshot", BEFORE)
    assert (code, out) == (4, "")
    assert err == "atomlab: the line does not name the tenant: give --tenant\n"


def test_what_is_no_line_and_no_file_is_refused(error, tmp_path, monkeypatch):
    """A missing file is no line; a terminal is asked for nothing."""
    assert "no such file" in error("why", str(tmp_path / "worker.log"))
    assert "is a folder" in error("why", str(tmp_path))
    assert "no line says that a request failed" in error("why", "2026-05-02 10:15:00 it is raining")
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    for nothing in ((), ("",), (" ",)):
        assert "give the error line" in error("why", *nothing, code=2)


def test_a_secret_in_the_line_does_not_come_back(run, tmp_path):
    """In no place of it, by no format, neither on stdout nor on stderr."""
    scanner = Scanner(MANY)
    for secret in [*MANY.values()][:24]:
        lines = (
            f"{ERROR} key={secret} job_id={secret} complexity={secret} model={secret}",
            f"2026-05-02 10:15:00,1 - {secret} - ERROR - No models available from dynamic pricing"
            f" for tenant {secret} {secret}",
        )
        for line in lines:
            for flag in ("--json", "--log-zone=UTC"):
                _, out, err = run("why", line, "--snapshot", BEFORE, flag)
                assert scanner.found_in((out + err).encode()) == []
