"""The diagnosis in the terminal: one screen, what failed, why, why not else, the fix."""

from __future__ import annotations

import re

import pytest

import atomlab
from atomlab.diagnosis.fixes import best_fix
from atomlab.report.argument import print_diagnosis


@pytest.fixture
def screen(capsys, monkeypatch):
    """Return a function that prints a tenant's diagnosis and gives the lines of stdout."""

    def show(snapshot, tenant):
        monkeypatch.setenv("COLUMNS", "100")
        print_diagnosis(atomlab.diagnose(snapshot, tenant), "a-snapshot")
        return capsys.readouterr().out.splitlines()

    return show


def test_the_incident_fits_one_screen_and_names_the_cause(screen, before):
    """Rows, outcome, cause with evidence, fix with proof, placebos, rivals: within 40 lines."""
    lines = screen(before, "brennan")
    text = "\n".join(lines)
    assert len(lines) <= 40
    assert "0 of 2,690 models usable: 2,690 no client for provider" in text
    assert "key-under-alias minimax, confirmed (one-of-k; simple, moderate, complex)" in text
    assert "the tenant has no row MINIMAX_API_KEY, which the platform looks for" in text
    assert "set MINIMAX_API_KEY to the value of MINIMAX_2_7_API_KEY (cost 1; verified" in text
    assert "quality minimax, confirmed (joint; advanced)" in text
    assert "ruled out: pricing-cache-empty" in text


def test_rows_that_no_provider_reads_are_shown(screen, captured):
    """A key under a wrong name is what one looks for: it is listed, not hidden."""
    lines = screen(captured({"acme": {"openai-api-key": "k", "STRIPE_API_KEY": "k"}}), "acme")
    shown = [line for line in lines if "no provider reads it" in line]
    assert [line.split()[0] for line in shown] == ["STRIPE_API_KEY", "openai-api-key"]


def test_the_row_that_a_cause_misses_is_shown(screen, captured):
    """The name that the platform looks for stands beside the one that the tenant has."""
    lines = screen(captured({"acme": {"openai-api-key": "k"}}), "acme")
    (row,) = [line.split() for line in lines if line.startswith("OPENAI_API_KEY")]
    assert row[1:4] == ["missing", "openai", "no:"]
    assert not [line for line in lines if line.startswith("MISTRAL_API_KEY")]


def test_a_client_without_models_is_marked(screen, before):
    """A key that makes a client of which the cache has no model says so in its row."""
    row = next(line for line in screen(before, "delta") if line.startswith("QWEN_API_KEY"))
    assert "yes, but" in row


def test_the_fix_is_the_one_that_the_fix_command_tells(screen, before):
    """Of several requests that fail alike, the fix is one that cures all, each with its winner."""
    for tenant in ("nettle", "quarry", "brennan"):
        lines = screen(before, tenant)
        diagnosis = atomlab.diagnose(before, tenant)
        best = best_fix(diagnosis)
        fixes = [line for line in lines if line.startswith("fix ")]
        assert fixes[0].startswith(f"fix       {' and '.join(map(str, best.edits))} (cost")
        for request in diagnosis.requests:
            for fix_set in request.explanation.fix_sets:
                if fix_set.edits == best.edits and fix_set.verified:
                    assert fix_set.after.winner.model in "".join(fixes)


def test_every_shipped_tenant_fits_a_screen(screen, before):
    """Whatever is wrong, the argument stays short."""
    for (tenant,) in before.session.query(atomlab.Tenant.id):
        assert len(screen(before, tenant)) <= 48


def test_hostile_names_are_escaped(screen, captured):
    """Setting names with control characters and markup are shown as text."""
    lines = screen(
        captured({"acme": {"\x1bopenai\x1b_api_key": "k", "[groq]_api_key": "k"}}), "acme"
    )
    text = "\n".join(lines)
    assert "\x1b" not in text
    assert "[groq]_api_key" in text


def test_a_terminal_gets_lines_folded_between_words(screen, before, monkeypatch):
    """No word is cut at the edge, what goes on stands under its beginning; a pipe gets it whole."""
    whole = screen(before, "brennan")
    monkeypatch.setenv("FORCE_COLOR", "1")  # for rich, that is a terminal
    folded = [re.sub(r"\x1b\[[0-9;]*m", "", line).rstrip() for line in screen(before, "brennan")]
    assert max(map(len, folded)) <= 100 < max(map(len, whole))
    assert " ".join(folded).split() == " ".join(whole).split()
    follows = folded[next(i for i, line in enumerate(folded) if line.startswith("placebos")) + 1]
    assert re.match(r" {10}\S", follows)
