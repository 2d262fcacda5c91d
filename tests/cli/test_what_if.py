"""What-if on the command line: what was changed, each request before and after, the sentence."""

from __future__ import annotations

import json

import pytest

import atomlab
from tests.diagnosis.made import KEY
from tests.screen import COLUMNS, ROWS, on_screen

COPY = "MINIMAX_API_KEY=MINIMAX_2_7_API_KEY"
PUBLIC = "open-source-2026-05"


def test_a_tenant_s_change_is_shown_request_by_request(run, before):
    """Before → after, in the order of the kinds; the sentence is the last line."""
    code, out, err = run("what-if", before.path, "--tenant", "brennan", "--copy-key", COPY)
    lines = out.splitlines()
    assert (code, err) == (3, "")
    assert lines[0] == "Brennan Machinery (brennan), plan team: affected → affected"
    assert lines[2] == "change    set MINIMAX_API_KEY to the value of MINIMAX_2_7_API_KEY"
    assert lines[3] == "simple    no model → minimax/MiniMax-M2.5"
    assert lines[6:8] == ["advanced  no model → no model", ""]
    answer = before.what_if("brennan").copy_key(*COPY.split("=")).answer()
    assert lines[8:] == [answer]
    _, quiet, _ = run("what-if", before.path, "--tenant", "brennan", "--copy-key", COPY, "-q")
    assert quiet == f"{answer}\n"


def test_it_reads_well_at_80_columns(before):
    """For one kind of request it fits a screen, for all tenants with a short list, too."""
    given = ("what-if", before.path, "--add-key", "openai", "--plan", "enterprise")
    for more in (("--tenant", "brennan"), ("--limit", "5")):
        _, lines = on_screen(*given, *more)
        assert len(lines) < ROWS
        assert max(map(len, lines)) <= COLUMNS


def test_the_changes_are_made_in_the_documented_order(run, before):
    """Rules, models, plan, then keys: copied, removed, added; whatever the order they stand in."""
    given = (
        *("--add-key", "openai", "--remove-key", "groq", "--remove-key", "minimax_2_7"),
        *("--copy-key", COPY, "--plan", "team", "--without-models", "openai/*"),
        *("--rules", "hosted-2026-05", "--add-key", "groq"),
    )
    code, out, err = run("what-if", before.path, "--tenant", "brennan", *given, "--json")
    assert (code, err) == (0, "")
    document = json.loads(out)
    made = [(each["step"], each["what"]) for each in document["changes"]]
    assert made == [
        ("rules", "hosted-2026-05"),
        ("without-models", "openai/*"),
        ("plan", "team"),
        ("copy-key", "MINIMAX_API_KEY"),
        ("remove-key", "groq"),
        ("remove-key", "minimax_2_7"),
        ("add-key", "openai"),
        ("add-key", "groq"),
    ]


def test_without_a_tenant_all_are_decided(run, before):
    """A count, and as many of those that flip as asked."""
    code, out, _ = run("what-if", before.path, "--add-key", "openai", "--limit", "2")
    found = atomlab.what_if(before).add_key("openai")
    rows = found.flips()
    lines = out.splitlines()
    assert code == 3
    assert lines[0] == f"45 tenants: {len(rows)} would flip"
    assert lines[3:6][0].split() == ["affected", "undecided", "healthy"]
    assert lines[4].split()[0] == "before"
    assert [int(n) for n in lines[5].split()[1:]] == [*found.by_status["after"].values()]
    assert rows["subdomain"][0] in lines[8]
    assert f"and {len(rows) - 2} more tenants; --limit {len(rows)} lists all" in out
    assert lines[-1] == found.answer()
    _, out, _ = run("what-if", before.path, "--add-key", "openai", "--limit", "2", "--json")
    assert json.loads(out) == found.to_json(limit=2)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--tenant", "acme", "--add-key", "openai", "--complexity", "simple"), 0),
        (("--tenant", "acme", "--add-key", "openai"), 3),
        (("--tenant", "acme", "--rules", PUBLIC), 4),
        (("--add-key", "openai", "--complexity", "simple"), 0),
        (("--remove-key", "openai", "--complexity", "simple"), 3),
        (("--rules", PUBLIC), 4),
        (("--tenant", "nobody", "--add-key", "openai"), 1),
        (("--tenant", "acme", "--add-key", "opnai"), 1),
        (("--tenant", "acme", "--copy-key", "OPENAI_API_KEY=NOT_THERE"), 1),
        ((), 2),
        (("--tenant", "acme"), 2),
        (("--copy-key", "A=B"), 2),
        (("--tenant", "acme", "--copy-key", "A"), 2),
        (("--tenant", "acme", "--copy-key", "=B"), 2),
        (("--tenant", "acme", "--plan", ""), 2),
        (("--tenant", "acme", "--add-key", "https://u:p@host"), 2),
    ],
)
def test_the_exit_code_is_that_of_the_changed_world(run, captured, arguments, code):
    """Healthy 0, affected 3, undecided 4; 1 for what is not known, 2 for wrong use."""
    snapshot = captured({"acme": {}}, rules="hosted-2026-05")
    got, out, err = run("what-if", snapshot.path, *arguments)
    assert got == code
    assert (out == "") == (code in (1, 2))
    assert len(err.splitlines()) <= 1


def test_requests_are_managed_or_not_as_asked(run, captured):
    """A plan matters for managed requests alone, and a remark says so where none is."""
    snapshot = captured({"acme": {"MINIMAX_API_KEY": KEY}}, rules="hosted-2026-05")
    given = ("what-if", snapshot.path, "--tenant", "acme", "--complexity", "simple", "--plan")
    code, out, err = run(*given, "free", "--managed")
    assert (code, err) == (3, "")
    assert "requests managed (as asked): affected → affected" in out
    assert run(*given, "enterprise", "--managed")[0] == 0
    code, _, err = run(*given, "free", "--byok")
    assert (code, err.strip()) == (
        0,
        "note: a plan counts for managed requests only, and these are BYOK",
    )
