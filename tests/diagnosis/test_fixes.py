"""`atomlab fix`: SQL where a key has only to be copied, plain words where it does not."""

from __future__ import annotations

import re
import sqlite3

import pytest

import atomlab
from atomlab import Request
from atomlab.diagnosis.fixes import plan_fix
from tests.diagnosis.made import KEY
from tests.small import chat

MODEL = {
    "max_input_tokens": 1e6,
    "input_cost_per_token": 1e-6,
    "output_cost_per_token": 1e-6,
    "litellm_provider": "x",
}


def planned(snapshot, tenant, dialect="postgresql"):
    return plan_fix(atomlab.diagnose(snapshot, tenant), dialect)


def test_the_incident_is_fixed_by_sql_and_says_what_it_leaves(before):
    """One row copied, by the tenant; advanced requests are named with what they need instead."""
    fix = planned(before, "brennan")
    assert fix.status == "sql"
    assert "INSERT INTO tenant_settings" in fix.sql
    assert "MINIMAX_2_7_API_KEY" in fix.sql
    assert fix.rollback
    assert fix.words[0] == (
        "to cure simple, moderate, complex requests, the tenant has to "
        "set MINIMAX_API_KEY to the value of MINIMAX_2_7_API_KEY"
    )
    assert fix.words[1].startswith(
        "advanced requests need another fix: the tenant has to add a new key for any of: "
    )
    assert "quality" not in " ".join(fix.words)  # no waiver is offered to a tenant


# What a change costs (DESIGN 4), by words that tell it from the others.
EFFORT = {
    "to the value of": 1,
    "a usable key": 1,
    "credential": 5,
    "new key": 5,
    "quality filter": 20,
}


def effort(told):
    """Return what the changes of a sentence cost, those of the platform's side 10 each."""
    return sum(
        next((cost for words, cost in EFFORT.items() if words in edit), 10)
        for edit in told.split(" and ")
    )


def test_what_is_told_first_is_the_least_work(before):
    """The first sentence holds nothing dearer than a credential alone, which would do for each.

    And whatever a sentence offers instead is less work than what it stands beside.
    """
    fixes = [planned(before, tenant) for (tenant,) in before.session.query(atomlab.Tenant.id)]
    failing = [fix for fix in fixes if fix.status != "nothing"]
    assert len(failing) > 25
    for fix in failing:
        for place, words in enumerate(fix.words):
            first, *instead = re.split(r" \(or instead: (.*)\)$", words.partition(" has to ")[2])[
                :2
            ]
            assert all(effort(other) < effort(first) for other in instead), words
            if place == 0:
                assert min(map(effort, (first, *instead))) <= EFFORT["credential"], words


def test_of_two_rows_under_an_alias_the_other_is_told_as_well(captured):
    """The first in the registry is copied; that the other would do stands in the same sentence."""
    rows = {"MINIMAX_2_7_API_KEY": "k", "MINIMAX_2_5_API_KEY": "j"}
    first, *_ = planned(captured({"acme": rows}), "acme").words
    told = "set MINIMAX_API_KEY to the value of MINIMAX_2_5_API_KEY"
    assert f"{told} (MINIMAX_2_7_API_KEY would do as well as MINIMAX_2_5_API_KEY)" in first


def test_of_equally_cheap_fixes_the_one_that_cures_most_is_named(before):
    """One credential that serves every request, rather than one for each."""
    fix = planned(before, "nettle")
    assert fix.words[0].startswith("to cure simple, moderate, complex, advanced requests, ")
    assert not any("another fix" in words for words in fix.words)


@pytest.mark.parametrize(
    ("owners", "told"),
    [
        (["openai"], "add OPENAI_API_KEY with a new credential"),
        (["openai", "groq"], "add a new key for any of: openai, groq"),
        (
            ["openai", "groq", "mistral"],
            "add a new key for any of: openai, groq, mistral",
        ),
    ],
    ids=["one", "two", "three"],
)
def test_whose_key_would_do_is_told_for_one_and_for_several(captured, write_json, owners, told):
    """All of them by name, as in the registry's order; the same by hand."""
    prices = write_json({f"{owner}/gpt-5": chat(owner) for owner in owners}, "models.json")
    fix = planned(captured({"acme": {}}, pricing=prices), "acme")
    assert fix.words == (
        f"to cure simple, moderate, complex, advanced requests, the tenant has to {told}",
    )
    keys = " or ".join(f"{owner.upper()}_API_KEY" for owner in owners)
    assert fix.by_hand == (
        f"the tenant gets a new key and enters it as {keys}: SQL cannot supply one",
    )


@pytest.mark.parametrize(
    ("row", "models", "by_hand"),
    [
        (
            "TAVILY_API_KEY",
            {"tavily/gpt-5": {}},
            "platform configuration: put tavily on the list of LLM providers",
        ),
        (
            "AI21_API_KEY",
            {"ai21/gpt-5": {}},
            "platform configuration: add ai21 to the provider registry",
        ),
        (
            "OPENAI_API_KEY",
            {"openai/gpt-5": {"max_input_tokens": 100}},
            "platform change: the context filter rejects every model that the tenant can reach; "
            "correct its data or its threshold, or use another model",
        ),
        (
            "OPENAI_API_KEY",
            {"openai/gpt-5": {"max_input_tokens": None}},
            "refresh the pricing cache, or complete it by hand: it has no context window for "
            "models that the tenant can reach",
        ),
        (
            "OPENAI_API_KEY",
            {"openai/gpt-5-bad": {"input_cost_per_token": "free"}, "openai/gpt-5": {}},
            "correct or remove the entry openai/gpt-5-bad of the pricing cache, and find out who "
            "wrote it",
        ),
    ],
    ids=["not allowed", "not registered", "too narrow", "unknown window", "broken entry"],
)
def test_who_does_it_by_hand_is_told_what_exactly(captured, write_json, row, models, by_hand):
    """The provider, the filter or the entry by its name, where no key is all that is missing."""
    entries = {name: chat(name.partition("/")[0], **fields) for name, fields in models.items()}
    snapshot = captured({"acme": {row: KEY}}, pricing=write_json(entries, "models.json"))
    fix = plan_fix(atomlab.diagnose(snapshot, "acme", [Request()]), "postgresql")
    assert (fix.status, fix.by_hand) == ("words", (by_hand,))


@pytest.mark.parametrize(
    ("tenant", "status", "said"),
    [
        ("glacier", "words", "the tenant enters a valid key in OPENAI_API_KEY"),
        ("nettle", "words", "the tenant gets a new key and enters it as"),
        ("larkspur", "words", "the tenant gets a new key and enters it as"),
        ("knoll", "words", "the tenant gets a new key and enters it as"),
        ("quarry", "words", "the tenant gets a new key and enters it as OPENAI_API_KEY"),
        ("northwind", "nothing", "no request fails, but for simple requests the winner omni"),
        ("delta", "words", "the tenant gets a new key and enters it as"),
    ],
)
def test_what_sql_cannot_do_is_said_in_words(before, tenant, status, said):
    """No SQL is invented for a credential that nobody has, or for the platform's own side."""
    fix = planned(before, tenant)
    assert fix.status == status
    assert (fix.sql, fix.rollback) == ("", "")
    assert any(said in words for words in fix.by_hand or fix.words)
    assert fix.sentences == fix.words + fix.by_hand


def test_a_tenant_whose_id_no_script_can_hold_is_fixed_by_hand(captured):
    """SQLite keeps a NUL in an id; there is no SQL for it, and the words say so."""
    fix = planned(captured({"a\x00b": {"MINIMAX_2_7_API_KEY": "k"}}), "id-a\x00b")
    assert fix.status == "words"
    assert fix.sentences[-1].startswith("by hand, because no script can do it: a name holds NUL")
    assert not fix.sql


def test_without_prices_nothing_is_proposed(captured):
    """A snapshot without a pricing cache decides nothing, so there is no fix to propose."""
    snapshot = captured({"acme": {"MINIMAX_2_7_API_KEY": "k"}}, pricing=None)
    assert planned(snapshot, "acme").status == "inconclusive"


def test_a_fix_of_less_effort_names_who_repairs_the_root_cause(before):
    """Where a new key is less effort than a change of the platform, both are told."""
    words = planned(before, "quarry").words
    assert words[0].endswith("the tenant has to add OPENAI_API_KEY with a new credential")
    assert words[1] == (
        "to repair the root cause itself, "
        "engineering has to let every model pass the quality filter"
    )


def test_requests_that_need_the_same_are_told_together(captured, write_json):
    """What three kinds of request need as well is one sentence, not three."""
    prices = {
        "pricing": {
            "openai/a": MODEL | {"max_input_tokens": 5000, "mode": "chat"},
            "groq/gpt-5": MODEL | {"mode": "chat"},
        }
    }
    fix = planned(captured({"acme": {"OPENAI_KEY": "k"}}, pricing=write_json(prices)), "acme")
    left = [words for words in fix.words if "need another fix" in words]
    assert left == [
        "moderate, complex, advanced requests need another fix: "
        "the tenant has to add GROQ_API_KEY with a new credential"
    ]


def serving_by_hand(snapshot, prices, providers):
    """Return the providers of which one client finds a chat model for every complexity."""
    platform = atomlab.load_platform(snapshot.session)
    found = []
    for provider in providers:
        kinds = ("simple", "moderate", "complex", "advanced")
        wins = [atomlab.rank(platform, [provider], atomlab.Request(c)).winner for c in kinds]
        if all(win and prices[win.model].get("mode") == "chat" for win in wins):
            found.append(provider)
    return found


@pytest.mark.parametrize("complexity", ["", "simple", "moderate", "complex", "advanced"])
def test_any_key_that_serves_every_request_would_do(captured, real_prices, real_map, complexity):
    """Without any key the sentence names all that would do, whatever complexity is asked."""
    snapshot = captured({"acme": {}}, pricing=real_prices)
    asked = [atomlab.Request(complexity)] if complexity else None
    fix = plan_fix(atomlab.diagnose(snapshot, "acme", asked), "postgresql")
    platform = atomlab.load_platform(snapshot.session)
    names = [p.id for p in platform.providers if p.id in platform.rules.llm_providers]
    serving = serving_by_hand(snapshot, real_map, names)
    assert len(serving) > 1
    sentence = f"the tenant has to add a new key for any of: {', '.join(serving)}"
    assert fix.words[0].endswith(sentence)
    assert fix.by_hand[0].count("_API_KEY") == len(serving)


@pytest.mark.parametrize(
    ("row", "winner"),
    [
        pytest.param("GROQ_KEY", "groq/playai-tts", id="speech"),
        pytest.param("OPENAI_KEY", "omni-moderation-2024-09-26", id="moderation"),
    ],
)
def test_a_winner_that_is_no_chat_model_is_no_cure(captured, real_prices, row, winner):
    """The copy removes the error; it is not called a cure, and the next that is one is named."""
    snapshot = captured({"acme": {row: "k"}}, pricing=real_prices)
    diagnosis = atomlab.diagnose(snapshot, "acme", [atomlab.Request("simple")])
    fix = plan_fix(diagnosis, "postgresql")
    assert fix.unable == ("simple",)
    assert fix.words[0].startswith(
        "to remove the error of simple requests, without a cure, the tenant has to "
    )
    assert f"{winner} is not a chat model" in fix.words[1]
    assert "for a winner that can chat, the tenant has to " in fix.words[1]
    [copy] = [f for f in diagnosis.requests[0].explanation.fix_sets if f.cost == 1]
    assert (copy.verified, copy.cures, copy.who) == (True, False, "tenant")
    told = copy.to_json()["winner_after"]
    assert (told["model"], told["chat"]) == (winner, False)


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


def test_of_many_changes_by_hand_a_few_are_named(captured, write_json):
    """A price list that is broken throughout is one fault, not a line for each of its entries."""
    broken = {**MODEL, "input_cost_per_token": None, "litellm_provider": "openai"}
    prices = {**{f"openai/bad-{n}": broken for n in range(40)}, "openai/gpt-4o": MODEL}
    snapshot = captured({"acme": {"OPENAI_API_KEY": KEY}}, pricing=write_json(prices))
    fix = planned(snapshot, "acme")
    assert len(fix.by_hand) == 7
    assert fix.by_hand[-1] == "34 more such changes, which diagnose --json lists"
