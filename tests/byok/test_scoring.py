"""Quality and value, case by case."""

from __future__ import annotations

import numpy as np
import pytest

from atomlab.byok.scoring import scorer, value_scores
from atomlab.evidence.inputs.rules import load_rules

RULES = load_rules("hosted-2026-05")


@pytest.mark.parametrize(
    ("model", "capability", "expected"),
    [
        pytest.param("gpt-4o-mini", None, (85, "exact"), id="exact-before-table-order"),
        pytest.param("x/gpt-4o-mini", None, (90, "table:gpt-4o"), id="first-key-in-table-order"),
        pytest.param("x/o3-mini", None, (99, "table:o3"), id="o3-comes-before-o3-mini"),
        pytest.param("X/GPT-5.2-Pro", None, (100, "table:gpt-5.2"), id="id-is-lower-cased"),
        pytest.param("MiniMax-M2.7", None, (90, "exact"), id="key-with-capitals-exact"),
        pytest.param(
            *("minimax/MiniMax-M2.7", None, (90, "table:MiniMax-M2.7")), id="key-with-capitals-part"
        ),
        pytest.param(
            *("minimax/minimax-m2.7-highspeed", None, (90, "table:MiniMax-M2.7")),
            id="id-in-lower-case",
        ),
        pytest.param("minimax/minimax-m1", None, (80, "heuristic:mini"), id="mini-by-accident"),
        pytest.param("x/big-thinking", None, (95, "heuristic:thinking"), id="heuristic-95"),
        pytest.param("x/a-o1", None, (92, "table:o1"), id="table-before-heuristic"),
        pytest.param("x/claude-haiku-70b", None, (80, "heuristic:haiku"), id="heuristic-order"),
        pytest.param("x/llama-72b", None, (88, "heuristic:72b"), id="heuristic-88"),
        pytest.param("x/llama-8b", None, (75, "heuristic:8b"), id="heuristic-75"),
        pytest.param("x/command", None, (70, "default"), id="default"),
        pytest.param("gpt-4o", "vision", (75, "capability-exact"), id="capability-exact"),
        pytest.param(
            "X/GPT-4o-mini", "vision", (75, "capability-table:gpt-4o"), id="capability-part"
        ),
        pytest.param("x/o1", "vision", (92, "table:o1"), id="capability-falls-back-to-general"),
        pytest.param("gpt-4o", "singing", (90, "exact"), id="capability-without-a-table"),
    ],
)
def test_quality_and_where_it_came_from(model, capability, expected):
    """Exact id, then the first key that is part of the id, then heuristics, then the default."""
    assert scorer(RULES, capability)(model) == expected


# Without a cache of benchmarks: 70 and what a name is known for, else the score of its own.
CAPABLE = {
    "computer_use": {"lux-1.0": 75, "claude-3.5-sonnet": 73, "gpt-4o": 80},
    "vision": {"gpt-4o": 75, "claude-3.5-sonnet": 74, "gemini-2.0-flash": 73, "lux-1.0": 85},
    "tools": {"claude-3.5-sonnet": 74, "gpt-4o": 73, "gemini-2.0-flash": 85},
}


@pytest.mark.parametrize("edition", ["hosted-2026-05", "open-source-2026-05"])
@pytest.mark.parametrize("capability", CAPABLE)
def test_scores_of_a_capability_are_the_platforms(edition, capability):
    """Measured; a model that the capability's table lacks keeps its general score."""
    rules = load_rules(edition)
    names = ("lux-1.0", "claude-3.5-sonnet", "gpt-4o", "gemini-2.0-flash")
    general = {name: scorer(rules)(name)[0] for name in names}
    assert {name: scorer(rules, capability)(name)[0] for name in names} == {
        **general,
        **CAPABLE[capability],
    }
    assert set(dict(rules.capability_quality[capability])) == set(CAPABLE[capability])


def test_quality_table_is_the_platforms():
    """The table is docs/platform.md's, with its 32 keys in its order."""
    keys = [key for key, _ in RULES.quality]
    assert len(keys) == len(set(keys)) == 32
    assert keys[:3] == ["gemini-3-pro", "gpt-5.2", "gpt-5"]
    assert RULES.quality[-1] == ("qwen-3-7b", 82)


def test_value_score_has_a_floor_under_the_cost():
    """What costs less than a nano-dollar a token scores as if it cost that."""
    scores = value_scores(np.array([90.0, 90.0, 90.0]), np.array([0.0, 1e-9, 1e-6]))
    assert scores == pytest.approx([90**2 / 1e-3, 90**2 / 1e-3, 90**2])
