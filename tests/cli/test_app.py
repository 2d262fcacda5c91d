"""The command line as a whole: usage, help, errors in one line."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.labs import ATOMLAB


def test_interrupt_while_it_loads_is_one_line():
    """The command says that it was interrupted, however early that was."""
    early = (
        "import signal, sys\n"
        "class Early:\n"
        "    def find_spec(self, name, *_):\n"
        "        name == 'typer' and signal.raise_signal(signal.SIGINT)\n"
        "sys.meta_path.insert(0, Early())\n"
        "from atomlab.__main__ import run\n"
        "run()\n"
    )
    done = subprocess.run([sys.executable, "-c", early], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (130, "atomlab: interrupted\n")


def test_bad_input_is_one_clear_line(error, shipped, make_database, tmp_path):
    """What, where, what to do, on one line of stderr; nothing on stdout; exit 1."""
    good = shipped("brennan-2026-05-02")
    (tmp_path / "text").write_text("not a snapshot")
    (tmp_path / "cut").write_bytes(good.read_bytes()[:50_000])
    flipped = bytearray(good.read_bytes())
    flipped[123_456] ^= 1
    (tmp_path / "flipped").write_bytes(flipped)
    source = make_database({"acme": {}})
    (tmp_path / "prices.json").write_text("{not json")

    brennan = ("--tenant", "brennan")
    assert "no such snapshot" in error("diagnose", tmp_path / "none", *brennan)
    assert "not an SQLite file" in error("diagnose", tmp_path / "text", *brennan)
    assert "is damaged" in error("diagnose", tmp_path / "cut", *brennan)
    assert "is damaged" in error("diagnose", tmp_path / "flipped", *brennan)
    assert "not a snapshot; make one" in error("diagnose", source, *brennan)
    assert "did you mean brennan" in error("diagnose", good, "--tenant", "brenan")
    out = tmp_path / "out.sqlite"
    assert "is not JSON" in error(
        "capture", source, "--out", out, "--pricing", tmp_path / "prices.json"
    )
    assert "exists already" in error("capture", source, "--out", good)
    assert not out.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["diagnose"],
        ["nonsense"],
        ["verify", "x"],
        ["diagnose", "x", "--tools=no"],
        ["diagnose", "x", "--tenant", "y", "--complexity", "hard"],
        ["diagnose", "x", "--tenant", "y", "--turn", "-1"],
        *(
            ["report", "x", "--tenant", "y", "--timeout", given]
            for given in ("soon", "inf", "nan", "1e400")
        ),
        *(["capture", "x", "--out", "y", "--statement-timeout", g] for g in ("inf", "nan", "1e9")),
    ],
)
def test_wrong_usage_exits_2(error, arguments):
    """Usage errors are one line too, and exit with 2."""
    assert "ee --help" in error(*arguments, code=2)


@pytest.mark.attack("4 secrets beside the settings, mistyped sources")
@pytest.mark.parametrize("words", ["svc:correct horse battery@h/db", "svc: horse", "a b c horse d"])
def test_words_of_a_password_with_spaces_are_not_repeated(error, words):
    """Without quotes around it they are arguments that no command takes."""
    line = error("capture", *f"postgresql://{words}".split(), "--out", "x", code=2)
    assert "unexpected extra argument" in line
    assert "horse" not in line


def test_help_names_the_exit_codes(run):
    """The contract of the exit codes stands in the help."""
    code, out, _ = run("--help")
    assert code == 0
    told = "0 done.*1 could not look.*2 usage.*3 refuted, affected.*4 inconclusive or undecided"
    assert re.search(told, " ".join(out.split()))


def test_the_version_is_printed(run):
    """`--version` names the tool and its version."""
    assert re.fullmatch(r"atomlab \d+\.\d+\.\d+\n", run("--version")[1])


def test_a_current_folder_that_is_gone_is_one_clear_line(tmp_path):
    """What a command would say of its files there would be of no help."""
    gone = tmp_path / "gone"
    gone.mkdir()
    given = " ".join(map(shlex.quote, [*ATOMLAB, "--version"]))
    command = f"cd {shlex.quote(str(gone))} && rmdir {shlex.quote(str(gone))} && {given}"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["sh", "-c", command], env=env, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "atomlab: the current folder is gone; cd to one that is there\n"


@pytest.mark.parametrize(
    "given",
    [
        ("w0rd@host",),
        ("pw9Zk3",),
        ("u%3Apw9Zk3",),
        ("--pw9Zk3",),
        ("--tokens", "pw9Zk3"),
        ("--tokens=pw9Zk3",),
        ("--complexity", "pw9Zk3"),
        ("--byok=pw9Zk3",),
    ],
)
def test_words_of_a_command_line_that_may_be_a_password_are_not_repeated(error, shipped, given):
    """A space in a password leaves half of it for an argument of its own: it is not quoted."""
    told = error("diagnose", shipped("local-dev"), "--tenant", "x", *given, code=2)
    assert "pw9Zk3" not in told
    assert "w0rd" not in told
