"""Tables of a diagnosis: each thing said once, with the requests that it is true of."""

from __future__ import annotations

import pytest

import atomlab
from atomlab import Request
from atomlab.show import cause_tables


@pytest.fixture(scope="module")
def diagnosis(before):
    return atomlab.diagnose(before, "brennan")


def test_a_cause_is_told_once_for_all_requests_that_share_it(diagnosis):
    """A row per cause and role: three requests share one, the advanced has two of its own."""
    frame = cause_tables.causes(diagnosis).frame
    assert list(frame[["cause", "role", "requests"]].itertuples(index=False, name=None)) == [
        ("key-under-alias minimax", "one-of-k", "simple, moderate, complex"),
        ("key-under-alias minimax", "joint", "advanced"),
        ("quality minimax", "joint", "advanced"),
    ]


def test_a_fix_is_told_once_with_the_requests_that_it_cures(diagnosis):
    """The least effort first: who acts, then cost; what it cures is what the fix sets say."""
    table = cause_tables.fixes(diagnosis, limit=3)
    found = [fix for each in diagnosis.requests for fix in each.explanation.fix_sets]
    assert len(table.frame) == 3
    assert f"{len({fix.edits for fix in found})} minimal fix sets" in table.caption
    who = ("tenant", "operator", "engineering")
    efforts = sorted((who.index(fix.who), fix.cost) for fix in {f.edits: f for f in found}.values())
    shown = zip(table.frame["who acts"], table.frame["cost"], strict=True)
    assert [(who.index(acts), cost) for acts, cost in shown] == efforts[:3]
    first = table.frame.iloc[0]
    assert first["fix"] == "set MINIMAX_API_KEY to the value of MINIMAX_2_7_API_KEY"
    assert first["requests cured"] == "simple, moderate, complex"
    assert first["winners after"] == "minimax/MiniMax-M2.5"


def test_rivals_are_those_of_the_request_asked_for(diagnosis):
    """The request in question if it fails, else the first that does."""
    advanced = cause_tables.rivals(diagnosis, "advanced")
    assert "the request is advanced" in advanced.caption
    assert (
        dict(zip(advanced.frame["rival"], advanced.frame["ruled out"], strict=True))["quality"]
        == "no"
    )
    assert "the request is simple" in cause_tables.rivals(diagnosis).caption


def test_where_nothing_fails_there_is_nothing_to_explain(before):
    """A tenant that is well has no causes, fixes or rivals; its picture says so."""
    well = atomlab.diagnose(before, "northwind", [Request("simple")])
    for table in (cause_tables.causes(well), cause_tables.fixes(well), cause_tables.rivals(well)):
        assert table.frame.empty
    assert "simple: healthy" in cause_tables.causes_by_request(well).alt


def test_options_name_what_they_leave_and_whom_they_touch(before, diagnosis):
    """The row and the code fallback side by side: same cure, other cost, other side effects."""
    compared = atomlab.compare_options(before, "brennan", others=0)
    frame = cause_tables.options(compared).frame
    assert list(frame["kind"][:2]) == ["data", "code"]
    assert list(frame["cost"][:2]) == [1, 20]
    assert frame["other tenants touched"][0] == 0


def test_a_fix_that_a_model_wins_which_cannot_chat_cures_nothing(captured, write_json):
    """It is verified, since the error is gone; no request is listed as cured, and that is said."""
    model = {"litellm_provider": "groq", "max_input_tokens": 10_000, "mode": "audio_speech"}
    prices = write_json({"groq/tts": model | {"input_cost_per_token": 1e-7}}, "speech.json")
    snapshot = captured({"acme": {"GROQ_KEY": "k"}}, pricing=prices)
    found = atomlab.diagnose(snapshot, "acme", [Request("simple")])
    row = cause_tables.fixes(found).frame.iloc[0]
    assert (row["run"], row["requests cured"]) == ("verified", "none")
    assert row["winners after"] == "groq/tts (no chat model)"
