"""A platform altered in memory: each step's words and edits, and near names for what is unknown."""

from __future__ import annotations

import dataclasses

import pytest

from atomlab.diagnosis.altered import rows_with
from atomlab.diagnosis.edits import Edit
from atomlab.errors import InputError
from tests.small import TENANT, TOKENS, evidence_of, small_platform

HOSTED, PUBLIC = "hosted-2026-05", "open-source-2026-05"
MINIMAX, HELD = "MINIMAX_API_KEY", "MINIMAX_2_7_API_KEY"


@pytest.fixture
def altered(before):
    """Return the incident's platform, without a step."""
    return before.what_if("brennan").altered


@pytest.mark.parametrize(
    ("step", "words", "edits"),
    [
        (
            ("add-key", "openai"),
            "add a key of openai (OPENAI_API_KEY)",
            [Edit("new-credential", "OPENAI_API_KEY")],
        ),
        (
            ("remove-key", "minimax"),
            "remove the key of minimax (MINIMAX_API_KEY)",
            [Edit("remove-row", MINIMAX)],
        ),
        (
            ("copy-key", MINIMAX, HELD),
            "set MINIMAX_API_KEY to the value of MINIMAX_2_7_API_KEY",
            [Edit("copy-key", MINIMAX, HELD)],
        ),
        (("plan", "Free"), "set the plan to Free", []),
        (("without-models", "MiniMax/*"), "take out 9 of 2,690 models (MiniMax/*)", []),
        (("rules", PUBLIC), "decide by the rules open-source-2026-05", []),
    ],
)
def test_a_step_in_words_and_the_rows_that_it_edits(altered, step, words, edits):
    """It is the last of the steps, made by the rules of before; the document has what was given."""
    made = altered.step("plan", "team").step(*step).steps[-1]
    assert (str(made), list(made.edits), made.rules.name) == (words, edits, HOSTED)
    names = ("step", "what", "held")[: len(step)]
    assert made.to_json() == {**dict(zip(names, step, strict=True)), "does": words}


def test_a_long_name_is_cut_in_words(altered):
    """At four hundred characters of the sentence."""
    words = altered.step("copy-key", MINIMAX, "X" * 500).steps[0].words
    full = f"set MINIMAX_API_KEY to the value of {'X' * 500}"
    assert words == f"{full[:400]}… ({len(full)} characters)"


@pytest.mark.parametrize(
    ("glob", "todo"),
    [
        ("minimx/*", "did you mean minimax/*, gemini/*, medium/*?"),
        ("groqq/*", "did you mean groq/*?"),
        ("gpt4o-mni", "did you mean gpt-4o-mini, gpt-5.4-mini, gpt-4.1-mini?"),
        ("zzzzz", "give a pattern of model ids, such as minimax/*"),
    ],
)
def test_near_patterns_are_providers_then_models(altered, glob, todo):
    """A pattern that fits no model gets what stands before the slash of one, or an id."""
    with pytest.raises(InputError) as caught:
        altered.step("without-models", glob)
    assert caught.value.todo == todo


def test_other_rules_judge_qualities_and_plans_anew(altered):
    """What was found by the rules of before is not taken for theirs."""
    platform = altered.platform
    asked = platform.quality("vision"), platform.allowed_by("free")
    found = altered.step("rules", PUBLIC).platform
    plain = dataclasses.replace(found, _by_capability={}, _by_plan={})
    assert found.quality("vision")[0].tolist() == plain.quality("vision")[0].tolist()
    assert found.allowed_by("free").tolist() == plain.allowed_by("free").tolist()
    assert platform.quality("vision") is asked[0]
    assert found.quality("vision") is not asked[0]
    assert found.allowed_by("free") is not asked[1]


def test_the_row_that_is_missing_is_named():
    """Of several edits the copy that cannot be made, with a near name of one that can."""
    platform = small_platform(["openai/gpt-4o"])
    with evidence_of([(HELD, TOKENS["present"])]) as evidence:
        held = platform.manager().rows(evidence.session, TENANT)
        copies = Edit("copy-key", MINIMAX, HELD), Edit("copy-key", "A", "MINIMAX_2_8_API_KEY")
        edits = Edit("new-credential", "GROQ_API_KEY"), *copies
        with pytest.raises(InputError, match="no row 'MINIMAX_2_8_API_KEY' to copy") as caught:
            rows_with(held, edits, TENANT, platform)
        assert caught.value.todo == f"did you mean {HELD}?"
        made = rows_with(held, edits[:2], TENANT, platform).of(TENANT)
    assert {*made} == {HELD, MINIMAX, "GROQ_API_KEY"}
    assert made[MINIMAX] == made[HELD] == TOKENS["present"]
