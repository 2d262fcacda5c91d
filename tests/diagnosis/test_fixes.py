"""`atomlab fix`: SQL where a key has only to be copied, plain words where it does not."""

from __future__ import annotations

import sqlite3

import pytest

import atomlab
from atomlab.diagnosis.fixes import plan_fix

MODEL = {
    "max_input_tokens": 1e6,
    "input_cost_per_token": 1e-6,
    "output_cost_per_token": 1e-6,
    "litellm_provider": "x",
}


def planned(snapshot, tenant, dialect="postgresql"):
    return plan_fix(atomlab.diagnose(snapshot, tenant), dialect)


def test_the_incident_is_fixed_by_sql_and_says_what_it_leaves(before):
    """One row copied; advanced requests are named as not cured, with what they need as well."""
    fix = planned(before, "brennan")
    assert fix.status == "sql"
    assert "INSERT INTO tenant_settings" in fix.sql
    assert "MINIMAX_2_7_API_KEY" in fix.sql
    assert fix.rollback
    assert fix.words[0].startswith("cures simple, moderate, complex requests")
    assert "does not cure advanced requests" in fix.words[1]
    assert "quality" in fix.words[1]


def test_of_equally_cheap_fixes_the_one_that_cures_most_is_named(before):
    """One credential that serves every request, rather than one for each."""
    fix = planned(before, "nettle")
    assert fix.words[0].startswith("cures simple, moderate, complex, advanced requests: add ")
    assert not any("does not cure" in words for words in fix.words)


@pytest.mark.parametrize(
    ("tenant", "status", "said"),
    [
        ("glacier", "words", "the tenant enters a valid key in OPENAI_API_KEY"),
        ("nettle", "words", "the tenant gets a credential and enters it as"),
        ("larkspur", "words", "add cohere to the provider registry"),
        ("knoll", "words", "put tavily on the list of LLM providers"),
        ("quarry", "words", "quality filter rejects every model"),
        ("northwind", "nothing", "nothing to fix"),
        ("delta", "words", "the tenant gets a credential and enters it as"),
    ],
)
def test_what_sql_cannot_do_is_said_in_words(before, tenant, status, said):
    """No SQL is invented for a credential that nobody has, or for the platform's own side."""
    fix = planned(before, tenant)
    assert fix.status == status
    assert (fix.sql, fix.rollback) == ("", "")
    assert any(said in words for words in fix.by_hand or fix.words)
    assert fix.told == fix.words + fix.by_hand


def test_a_tenant_whose_id_no_script_can_hold_is_fixed_by_hand(captured):
    """SQLite keeps a NUL in an id; there is no SQL for it, and the words say so."""
    fix = planned(captured({"a\x00b": {"MINIMAX_2_7_API_KEY": "k"}}), "id-a\x00b")
    assert fix.status == "words"
    assert fix.told[-1].startswith("by hand, no script can do it: a name holds NUL")
    assert not fix.sql


def test_without_prices_nothing_is_proposed(captured):
    """A snapshot without a pricing cache decides nothing, so there is no fix to propose."""
    snapshot = captured({"acme": {"MINIMAX_2_7_API_KEY": "k"}}, pricing=None)
    assert planned(snapshot, "acme").status == "inconclusive"


def test_requests_that_need_the_same_are_told_together(before):
    """What three kinds of request need as well is one sentence, not three."""
    fix = planned(before, "knoll")
    left = [words for words in fix.words if words.startswith("does not cure")]
    assert left == [
        "does not cure moderate, complex, advanced requests, which need as well: "
        "let every model pass the quality filter "
        "(or instead: add OPENAI_API_KEY with a new credential)"
    ]


def test_of_equally_cheap_fixes_the_one_that_cures_most_is_told(
    make_database, real_prices, tmp_path
):
    """Without any key each of many keys would do; the one that serves every request is named."""
    source = make_database({"acme": {}})
    out = tmp_path / "out.sqlite"
    with atomlab.capture(str(source), out, pricing=real_prices) as snapshot:
        diagnosis = atomlab.diagnose(snapshot, "acme")
        fix = planned(snapshot, "acme")
        [best, *_] = atomlab.compare_options(snapshot, "acme", others=0)
    cured = {
        edits: {d.request.complexity for d in diagnosis.requests if edits in solved(d)}
        for edits in solved(diagnosis.requests[0])
    }
    most = max(map(len, cured.values()))
    assert len(cured[("add OPENAI_API_KEY with a new credential",)]) == most == 4
    assert fix.words[0].startswith("cures simple, moderate, complex, advanced requests: ")
    assert best.name in fix.words[0]


def solved(diagnosis):
    """Return the edits of the request's verified fix sets, each as its sentences."""
    sets = diagnosis.explanation.fix_sets
    return [tuple(map(str, each.edits)) for each in sets if each.verified]


def test_the_sql_run_on_the_source_cures_it(make_database, prices, tmp_path):
    """Capture, fix, run the SQL on the database, capture again: the requests are cured."""
    source = make_database({"acme": {"minimax_api_key": "a-real-key"}})
    with atomlab.capture(str(source), tmp_path / "before.sqlite", pricing=prices) as snapshot:
        fix = planned(snapshot, "acme", "sqlite")
    with sqlite3.connect(source) as db:
        db.executescript(fix.sql)
    db.close()
    with atomlab.capture(str(source), tmp_path / "after.sqlite", pricing=prices) as snapshot:
        outcomes = [d.outcome for d in atomlab.diagnose(snapshot, "acme").requests]
    assert outcomes[:2] == ["ranked", "ranked"]
    assert "a-real-key" not in fix.sql + fix.rollback


def test_an_empty_row_with_the_key_elsewhere_is_updated(make_database, prices, tmp_path):
    """Where the row exists and is empty, the SQL replaces its value by the alias's."""
    rows = {"MINIMAX_API_KEY": "", "MINIMAX_2_7_API_KEY": "a-real-key"}
    source = make_database({"acme": rows})
    with atomlab.capture(str(source), tmp_path / "before.sqlite", pricing=prices) as snapshot:
        fix = planned(snapshot, "acme", "sqlite")
    assert fix.status == "sql"
    with sqlite3.connect(source) as db:
        db.executescript(fix.sql)
        held = dict(db.execute("SELECT setting_key, setting_value FROM tenant_settings"))
    db.close()
    assert held == dict.fromkeys(rows, "a-real-key")
