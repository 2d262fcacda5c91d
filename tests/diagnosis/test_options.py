"""Options side by side: measured on every tenant, not argued."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

import atomlab
from atomlab import Request
from atomlab.diagnosis.options import Decision, Everyone, compare_options
from atomlab.evidence.inputs.rules import COMPLEXITIES
from tests.conftest import ROOT
from tests.diagnosis.made import EVERY, KEY, ROWS, Made, capture_made, stored

PUBLIC = "open-source-2026-05"
MINIMAX = ("minimax", "minimax/MiniMax-M2.5")

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


@pytest.mark.parametrize("asked", [None, True, False], ids=["ai_mode", "managed", "byok"])
def test_every_tenant_is_decided_as_its_mode_says(tmp_path, asked):
    """What counts as cured, left and touched is read off by hand, for each tenant by its mode.

    The fallback of the lookup, for every tenant, touches whoever has the alias and may use it.
    """
    with capture_made(tmp_path, EVERY) as snapshot:
        options = compare_options(snapshot, "free-byok-alias", managed=asked)
    fixed = {**ROWS["alias"], "MINIMAX_API_KEY": KEY}
    own = EVERY["free-byok-alias"]
    for option in options:
        if option.edits == ("copy-key",):
            cured = [c for c in COMPLEXITIES if Made("free", "byok", fixed).usable(c, asked)]
            tools = [f"{c} with tools" for c in cured if not own.managed(asked)]
            assert list(option.cures) == [*cured, *tools]
            assert option.touched == {}
        if option.kind == "code":
            helped = {
                name
                for name, made in EVERY.items()
                if made.rows == ROWS["alias"] and name != "free-byok-alias"
                if any(Made(made.plan, made.mode, fixed).usable(c, asked) for c in COMPLEXITIES)
            }
            assert set(option.touched) == helped
    kinds = [option.kind for option in options]
    assert kinds[:2] == ["data", "code"] if not own.managed(asked) else "code" not in kinds


@pytest.mark.parametrize(
    "options",
    [
        {},
        {
            "rules": PUBLIC,
            "env": {"MINIMAX_API_KEY": KEY},
            "keys": stored("openai", "id-free-byok-none"),
        },
    ],
    ids=["hosted", "public"],
)
def test_who_wins_is_what_the_handler_says(tmp_path, options):
    """Each tenant's decisions are those of its handler, who answers in the fallback included."""
    requests = [Request(c, tools=tools) for tools in (False, True) for c in COMPLEXITIES]
    with capture_made(tmp_path, EVERY, **options) as snapshot:
        platform = atomlab.load_platform(snapshot.session)
        found = Everyone(snapshot, platform, requests).before
        assert len(found) == len(EVERY)
        assert len(set(found.values())) > 1
        for tenant, decisions in found.items():
            handler = atomlab.BYOKHandler(tenant, snapshot.session, platform=platform)
            for request, decision in zip(requests, decisions, strict=True):
                ranking = handler.explain(request)
                winner, answer = ranking.winner, ranking.fallback
                seen = (winner.provider, winner.model) if winner else None
                instead = (answer.provider, answer.model) if answer else None
                assert (decision.winner, decision.fallback) == (seen, instead)


def test_a_lookup_that_falls_back_reads_the_other_name(captured):
    """In either edition: a name without a usable key is read under the other one, if that has it.

    It is not read there where it holds a key itself; nor is the other name lost.
    """
    fallback = ("MINIMAX_API_KEY", "OPENAI_API_KEY")
    hosted = {"a": {"OPENAI_API_KEY": KEY}, "b": {"MINIMAX_API_KEY": "", "OPENAI_API_KEY": KEY}}
    cases = [
        (captured({**hosted, "c": {"OPENAI_API_KEY": ""}, "d": {}}), {"id-a", "id-b"}),
        (captured({"a": {}}, rules=PUBLIC, env={"OPENAI_API_KEY": KEY}), {"id-a"}),
        (captured({"a": {}}, rules=PUBLIC, env={"OPENAI_API_KEY": ""}), set()),
    ]
    for snapshot, helped in cases:
        platform = atomlab.load_platform(snapshot.session)
        everyone = Everyone(snapshot, platform, [Request("complex")])
        # Of the two models that are good enough that of MiniMax is the cheaper one.
        found = everyone.decide(everyone.falling_back(*fallback), platform)
        wins = {t for t, (decision,) in found.items() if decision.winner == MINIMAX}
        assert wins == helped
        plain = everyone.before
        wins = {t for t, (decision,) in plain.items() if decision.winner}
        assert wins == helped
        assert MINIMAX not in [decision.winner for (decision,) in plain.values()]


def test_a_key_whose_winner_is_no_chat_model_cures_nothing(tmp_path):
    """The request is left, and the option says which model wins in vain."""
    prices = {
        "openai/omni-moderation": {"mode": "moderation", "max_tokens": 40_000},
        "openai/gpt-5": {"mode": "chat", "max_tokens": 40_000, "output_cost_per_token": 1e-5},
    }
    with capture_made(tmp_path, {"a": Made(rows={"OPENAI_API_KEY": ""})}, prices) as snapshot:
        options = compare_options(snapshot, "a")
    option = next(o for o in options if o.edits == ("repair-row",))
    told = "openai/omni-moderation is not a chat model (moderation)"
    assert option.unable == {"simple": told, "simple with tools": told}
    assert option.cures[:3] == ("moderate", "complex", "advanced")
    assert set(option.unable) <= set(option.leaves)


def test_a_variable_of_the_worker_is_no_data_of_the_tenant(captured):
    """In the public edition a new key is every tenant's, and a change of the platform."""
    env = {"OPENAI_API_KEY": "", "DEEPSEEK_API_KEY": KEY}
    snapshot = captured({"a": {}, "b": {}}, rules=PUBLIC, env=env)
    options = compare_options(snapshot, "a")
    assert options
    assert {option.kind for option in options} <= {"platform", "code"}


def test_a_decision_is_told_by_who_answers():
    """The winner's model, the fallback's, or the error."""
    assert [str(Decision(None)), str(Decision(None, ("qwen", "qwen-plus")))] == [
        "the error",
        "the fallback qwen-plus",
    ]
    assert str(Decision(("a", "a/b"))) == "a/b"
