"""Capture: a snapshot that can be diagnosed, and nothing half-made."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest


def test_capture_makes_a_snapshot_that_can_be_diagnosed(run, make_database, prices, tmp_path):
    """From a database to a decision in two commands; without prices it is inconclusive."""
    source = make_database({"acme": {"OPENAI_API_KEY": "a-secret-key"}})
    out = tmp_path / "made.sqlite"
    code, text, _ = run("capture", source, "--out", out, "--pricing", prices)
    assert code == 0
    assert "1 tenant, 1 key setting redacted, 4 models" in " ".join(text.split())
    assert run("diagnose", out, "--tenant", "acme", "--complexity", "simple")[0] == 0
    assert run("diagnose", out, "--tenant", "acme")[0] == 3  # no model is good enough for advanced

    bare = tmp_path / "bare.sqlite"
    code, _, err = run("capture", source, "--out", bare)
    assert code == 0
    assert "no --pricing given" in err
    assert run("diagnose", bare, "--tenant", "acme")[0] == 4


HALF = """
import os, signal, sys
number = int(sys.argv.pop())
from atomlab.capturing import capture
from atomlab.__main__ import run
def half_way(work, content, manifest, stream):
    stream.write(b"half")
    stream.flush()
    signal.raise_signal(number)
capture.write_sealed = half_way
run()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_capture_leaves_no_temporary_file(make_database, tmp_path, number):
    """What is half-made goes with the process."""
    source, folder = make_database({"acme": {}}), tmp_path / "folder"
    folder.mkdir()
    done = subprocess.run(
        [
            *(sys.executable, "-c", HALF),
            "capture",
            source,
            "--out",
            folder / "x",
            f"{number:d}",
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (130, "atomlab: interrupted\n")
    assert list(folder.iterdir()) == []


def test_a_snapshot_is_no_source(error, shipped, tmp_path):
    """Capturing from a snapshot would take its tokens for values: it is refused."""
    line = error("capture", shipped("brennan-2026-05-02"), "--out", tmp_path / "x.sqlite")
    assert "is a snapshot already" in line
