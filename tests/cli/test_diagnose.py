"""Diagnose: one document, on whichever request is asked for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import atomlab
from tests.conftest import ROOT

BRENNAN = str(ROOT / "data" / "hypotheses" / "brennan-minimax.yaml")


@pytest.mark.parametrize(
    ("mode", "asked", "told", "code"),
    [
        ("byok", (), "", 0),
        ("managed", (), "managed (ai_mode)", 3),
        ("hybrid", (), "BYOK (ai_mode)", 0),
        ("byok", ("--managed",), "managed (as asked)", 3),
        ("managed", ("--byok",), "BYOK (as asked)", 0),
    ],
)
def test_requests_are_as_the_tenant_s_mode_says_or_as_asked(
    run, managed_world, mode, asked, told, code
):
    """A plan counts for managed requests alone; the answer says which was used unless it is plain.

    The tenant's one key is of a provider whose models its plan does not allow.
    """
    snapshot = managed_world(mode)
    got, out, _ = run("diagnose", snapshot, "--tenant", "acme", "--complexity", "simple", *asked)
    assert got == code
    first = out.splitlines()[0]
    assert first == f"Acme (acme), plan free{f', requests {told}' if told else ''}: " + (
        "affected" if code else "healthy"
    )
    got, out, err = run("fix", snapshot, "--tenant", "acme", "--complexity", "simple", *asked)
    assert (got == 0) == (code == 0)
    assert (f"fix: for requests that are {told}" in err) == bool(told)


def test_diagnose_prints_one_json_document_and_nothing_else(run, shipped):
    """`--json` gives the diagnosis of all four complexities."""
    code, out, err = run("diagnose", shipped("brennan-2026-05-02"), "--tenant", "brennan", "--json")
    assert (code, err) == (3, "")
    document = json.loads(out)
    assert document["schema"] == "atomlab.diagnosis/1"
    assert len(document["diagnoses"]) == 4


def test_diagnose_fits_a_screen_and_folds_the_counts(run, shipped):
    """In the terminal a diagnosis is short, and says in one line why no model is usable."""
    code, out, _ = run("diagnose", shipped("brennan-2026-05-02"), "--tenant", "brennan")
    assert code == 3
    assert out.splitlines()[0] == "Brennan Machinery (brennan), plan team: affected"
    assert "0 of 2,690 models usable: 2,690 no client for provider" in out
    assert len(out.splitlines()) <= 40


def test_diagnose_takes_every_field_of_a_request(run, shipped):
    """All options of the contract reach the request."""
    options = ["--complexity", "complex", "--task", "extract", "--capability", "vision"]
    options += ["--tools", "--managed", "--turn", "2", "--tokens", "5000", "--json"]
    code, out, _ = run("diagnose", shipped("brennan-2026-05-03"), "--tenant", "brennan", *options)
    assert code == 3
    (diagnosis,) = json.loads(out)["diagnoses"]
    assert diagnosis["request"] == {
        "complexity": "complex",
        "task": "extract",
        "capability": "vision",
        "tools": True,
        "managed": True,
        "turn": 2,
        "tokens": 5000,
        "tier": None,
    }


def test_a_hostile_name_does_not_reach_the_terminal(run, before):
    """Control and bidi characters of a tenant's name are shown escaped."""
    tenant = before.tenant("bidi")
    assert "\x1b" in tenant.name
    for arguments in (("diagnose", before.path, "--tenant", "bidi"),):
        _, out, _ = run(*arguments)
        assert "\x1b[31m" not in out
        assert "\u202e" not in out
        assert r"\x1b[31m" in out


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_output_that_cannot_be_written_is_one_clear_line(shipped, as_json):
    """A full disk under stdout is exit 1 and one line, no traceback."""
    command = [sys.executable, "-c", "from atomlab.cli import main; main()", "diagnose"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*command, shipped("local-dev"), "--tenant", "demo", *as_json],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last == "atomlab: cannot write the output (No space left on device); send it elsewhere"


def test_a_terminal_that_knows_ascii_only_gets_escapes(shipped):
    """What an encoding cannot say is escaped, never an exception."""
    done = subprocess.run(
        [
            *(sys.executable, "-c", "from atomlab.cli import main; main()", "verify"),
            *(shipped("brennan-2026-05-02"), BRENNAN),
        ],
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 0
    assert done.stdout.isascii()


def test_json_has_no_control_characters(run, before):
    """JSON output is ASCII, whatever a tenant is called, and loses nothing."""
    _, out, _ = run("diagnose", before.path, "--tenant", "bidi", "--json")
    assert out.isascii()
    assert json.loads(out)["tenant"]["name"] == before.tenant("bidi").name
    assert atomlab.AtomlabError("a\nb\x1b").args[0] == r"a\nb\x1b"
