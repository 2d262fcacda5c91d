"""What users of the library see of its types: checked by mypy as in a project of theirs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.slow

RIGHT = """
from typing import Any, Literal, assert_type

import atomlab

snapshot = atomlab.open_snapshot("a.sqlite")
assert_type(snapshot, atomlab.Snapshot)
assert_type(atomlab.capture("a.db", "a.sqlite", overwrite=True), atomlab.Snapshot)
assert_type(atomlab.capture("a.db", "fleet", shards=2, tenants=["a"]), list[atomlab.Snapshot])
handler = atomlab.BYOKHandler("id", db=snapshot.session)
platform = atomlab.load_platform(snapshot.session)
assert_type(platform, atomlab.Platform)
key = platform.manager().get_tenant_api_key("id", "openai", db=snapshot.session)
assert_type(key, str | None)
ranking = atomlab.rank(platform, ["openai"], atomlab.Request("simple"), "team")
assert_type(ranking, atomlab.Ranking)
found = atomlab.diagnose(snapshot, "brennan")
assert_type(found.status, Literal["affected", "undecided", "healthy"])
claims = atomlab.load_hypothesis("claims.yaml")
tested = atomlab.verify(snapshot, claims)
assert_type(tested.verdict, Literal["refuted", "inconclusive", "confirmed"])
assert_type(tested.to_json(), dict[str, Any])
what_if = atomlab.what_if(snapshot, "brennan").add_key("openai").copy_key("A", "B")
assert_type(what_if.status, Literal["affected", "undecided", "healthy"])
assert_type(atomlab.what_if(snapshot).rules("mine.yaml").counts, dict[str, int])
assert_type(snapshot.what_if("brennan").plan("free").to_json(), dict[str, Any])
verdict = atomlab.compare(snapshot, snapshot, "brennan").verdict
assert_type(verdict, Literal["refuted", "inconclusive", "confirmed"])
"""
WRONG = """
import atomlab

atomlab.open_snapshot(1)
atomlab.diagnose(atomlab.open_snapshot("a.sqlite"))
atomlab.Request(complexity=3)
atomlab.nothing_of_the_kind
atomlab.what_if(atomlab.open_snapshot("a.sqlite")).copy_key("A", "B")
"""


def complaints(folder: Path, code: str) -> list[str]:
    """Return the kinds of error that mypy finds in `code`, in a project that has atomlab installed.

    It knows atomlab's types only because the package has a py.typed.
    """
    (folder / "use.py").write_text(code)
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "use.py"]
    cache = f"--cache-dir={ROOT / '.mypy_cache' / 'users'}"
    run = subprocess.run([*command, cache], cwd=folder, capture_output=True, text=True, check=False)
    return re.findall(r"use\.py:\d+: error: .*\[([\w-]+)\]", run.stdout)


def test_what_is_public_has_types(tmp_path):
    """Calls as the documentation has them are right, and give what their docstrings say."""
    assert complaints(tmp_path, RIGHT) == []


def test_wrong_calls_are_found_before_they_run(tmp_path):
    """A wrong type, an argument too few and names that are not there are an error each."""
    assert complaints(tmp_path, WRONG) == [
        *("arg-type", "call-arg", "arg-type", "attr-defined", "attr-defined")
    ]
