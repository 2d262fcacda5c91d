"""Verify: the exit code is the verdict."""

from __future__ import annotations

import json

import pytest

from tests.conftest import ROOT

BRENNAN = str(ROOT / "data" / "hypotheses" / "brennan-minimax.yaml")


@pytest.mark.parametrize(
    ("snapshot", "code", "verdict"),
    [
        ("brennan-2026-05-02", 0, "confirmed"),
        ("brennan-2026-05-03", 3, "refuted"),
        ("local-dev", 4, "inconclusive"),
    ],
)
def test_verify_exits_by_verdict(run, shipped, snapshot, code, verdict):
    """Confirmed is 0, refuted 3, inconclusive 4, in words and as JSON."""
    got, out, err = run("verify", shipped(snapshot), BRENNAN)
    assert (got, err) == (code, "")
    assert f"verdict: {verdict}" in out

    got, out, err = run("verify", shipped(snapshot), BRENNAN, "--json")
    assert (got, err) == (code, "")
    assert json.loads(out)["verdict"] == verdict


def test_verify_tests_a_template_on_whom_it_is_told(run, error, shipped, template):
    """Claims without a tenant are of any; claims about a tenant are of no other, which is said."""
    snapshot = shipped("brennan-2026-05-02")
    assert run("verify", snapshot, template, "--tenant", "brennan")[0] == 0
    code, out, _ = run("verify", snapshot, template, "--tenant", "northwind")
    assert code == 3
    assert "tenant northwind" in out
    assert "names no tenant" in error("verify", snapshot, template)
    told = error("verify", snapshot, BRENNAN, "--tenant", "northwind")
    assert "brennan" in told
    assert "northwind" in told
    assert run("verify", snapshot, BRENNAN, "--tenant", "Brennan Machinery")[0] == 0
