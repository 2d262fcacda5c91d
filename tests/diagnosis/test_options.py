"""Options side by side: measured on every tenant, not argued."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

import atomlab
from atomlab import Request
from atomlab.diagnosis.options import compare_options
from atomlab.evidence.rules import COMPLEXITIES
from tests.conftest import ROOT

SIX = [f"{c}{tools}" for tools in ("", " with tools") for c in ("simple", "moderate", "complex")]


@pytest.fixture(scope="module")
def options(before):
    """Return the options for Brennan."""
    return compare_options(before, "brennan")


def test_the_documents_two_options_come_first(options):
    """Option 1 copies the row, option 2 lets the lookup fall back; both cure the same requests."""
    data, code = options[:2]
    assert (data.kind, data.cost) == ("data", 1)
    assert data.name == "set MINIMAX_API_KEY to the value of MINIMAX_2_7_API_KEY"
    assert (code.kind, code.cost) == ("code", 20)
    assert list(data.cures) == list(code.cures) == SIX
    assert list(data.leaves) == ["advanced", "advanced with tools"]


def test_a_row_touches_no_other_tenant_a_fallback_does(options):
    """The fallback changes the outcome of another tenant that holds the same lone key."""
    data, code = options[:2]
    assert data.touched == {}
    assert list(code.touched) == ["braces"]
    assert code.touched["braces"].startswith("simple: the error → minimax/")


def test_option_1_is_what_the_day_after_shows(options, before, after):
    """Diagnosing the snapshot after the fix gives the cures that option 1 promises."""
    requests = [Request(c, tools=tools) for tools in (False, True) for c in COMPLEXITIES]
    real = atomlab.diagnose(after, "brennan", requests)
    cured = [
        d.request.complexity + (" with tools" if d.request.tools else "")
        for d in real.requests
        if d.outcome == "ranked"
    ]
    assert list(options[0].cures) == cured


def test_a_platform_change_is_measured_on_everyone(options, before):
    """Waiving the quality filter changes winners of tenants that had no error at all."""
    waived = next(o for o in options if "quality filter" in o.name)
    assert waived.kind == "platform"
    assert "northwind" in waived.touched
    assert atomlab.diagnose(before, "northwind").requests[1].outcome == "ranked"


def test_nothing_to_compare_for_a_healthy_tenant(captured, write_json):
    """A tenant whose every request finds a model has no options."""
    model = {"max_input_tokens": 1e6, "litellm_provider": "openai", "supports_tools": True}
    prices = write_json({"openai/gpt-5": model})
    assert (
        compare_options(captured({"acme": {"OPENAI_API_KEY": "k"}}, pricing=prices), "acme") == []
    )


def test_comparing_leaves_the_snapshot_as_it_was(before, options):
    """All of it runs on copies."""
    rows = "SELECT count(*) FROM tenant_settings"
    with closing(sqlite3.connect(ROOT / "data" / "snapshots" / "brennan-2026-05-02.sqlite")) as raw:
        assert raw.execute(rows).fetchone() == before._connection.execute(rows).fetchone()
    assert len(options) > 2
