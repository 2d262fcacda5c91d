"""Killed at any moment, no command loses a file: neither the user's, nor of an earlier run."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest

from tests.attacks import tries
from tests.conftest import ROOT

pytestmark = pytest.mark.slow

SNAPSHOT = ROOT / "data" / "snapshots" / "brennan-2026-05-02.sqlite"
FINDINGS = ROOT / "data" / "postmortem" / "findings.json"
TENANT = ("--tenant", "brennan")
PRICES = ROOT / "data" / "pricing" / "litellm-1.83.14-prices.json.gz"
# A command line in a folder with its inputs; and what it makes there, which belongs together.
COMMANDS = {
    "capture": (
        ("capture", "given.db", "--pricing", PRICES, "--out", "out/s", "--key-file", "out/key"),
        ("out/s", "out/key"),
    ),
    "report": (("report", "given.sqlite", *TENANT, "--out", "out"), None),
    "batch": (
        ("report", "given.sqlite", *TENANT, "--tenant", "northwind", "--jobs", "2", "--out", "out"),
        None,
    ),
    "fix": (
        ("fix", "given.sqlite", *TENANT, "--complexity", "simple", "--out", "out/fix.sql"),
        ("out/fix.sql", "out/fix.rollback.sql"),
    ),
    "postmortem": (("postmortem", "given.json", "--out", "out/p.html"), ("out/p.html",)),
}


def start(name, folder, *more):
    """Start a command in a folder, whose temporary folder is there too."""
    words = [str(word) for word in (*COMMANDS[name][0], *more)]
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "atomlab", *words],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(folder / "t")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


@pytest.fixture
def place(tmp_path, make_database):
    """Return a function that makes a folder with the inputs of every command."""
    database = make_database({"acme": {"OPENAI_API_KEY": "x" * 20}})

    def make(number):
        folder = tmp_path / str(number)
        for name in ("out/mine", "t"):
            (folder / name).mkdir(parents=True)
        for source, name in ((SNAPSHOT, "sqlite"), (FINDINGS, "json"), (database, "db")):
            shutil.copy(source, folder / f"given.{name}")
        (folder / "out" / "notes.txt").write_text("mine")
        return folder

    return make


def files(folder):
    """Return the hash of every file below a folder, but the temporary ones."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.parts[len(folder.parts)] != "t"
    }


def kept(before, after):
    """Return whether every file of before is there, as it was."""
    return before.items() <= after.items()


def whole(folder):
    """Return whether all files of the reports below a folder are as their record says."""
    check = ("sha256sum", "--check", "--strict", "--status", "SHA256SUMS")
    records = folder.rglob("SHA256SUMS")
    return all(subprocess.run(check, cwd=record.parent).returncode == 0 for record in records)


@pytest.mark.attack("8 kills (SIGKILL) of a command at any moment")
@pytest.mark.parametrize("name", COMMANDS)
def test_a_killed_command_loses_no_file(place, name):
    """Files of the user's stay; what belongs together is new, or as it was; the next run works."""
    model = place("model")
    began = time.monotonic()
    assert start(name, model).wait(120) in (0, 3)
    seconds = time.monotonic() - began
    together = COMMANDS[name][1]
    draw = random.Random(name)
    for number in tries(range(40), every=20):
        folder = place(number)
        if number % 2:  # over what an earlier run made
            shutil.copytree(model / "out", folder / "out", dirs_exist_ok=True)
        before = files(folder)
        more = ("--overwrite",) if number % 2 and together else ()
        command = start(name, folder, *more)
        time.sleep(draw.random() * seconds)
        os.killpg(command.pid, signal.SIGKILL)
        command.wait()
        after = files(folder)
        if together is None:
            replaced = {path for path in before if path.startswith("out/") and "mine" not in path}
            mine = {path: before[path] for path in before.keys() - replaced | {"out/notes.txt"}}
            assert kept(mine, after), number
            assert before.keys() <= after.keys(), number
            assert whole(folder / "out"), number
        else:
            mine = {path: before[path] for path in before if path not in together}
            assert kept(mine, after), number
            new = [after.get(path) != before.get(path) for path in together]
            assert len(set(new)) == 1 or name == "capture", (number, new)
        again = start(name, folder, *(("--overwrite",) if together else ()))
        assert again.wait(120) in (0, 3), number
        assert list((folder / "t").iterdir()) == [], number
