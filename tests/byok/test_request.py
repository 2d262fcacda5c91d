"""Requests refuse what no rule knows."""

from __future__ import annotations

import pytest

from atomlab.byok.request import Request
from atomlab.errors import InputError
from tests.refusals import refused


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        pytest.param({"complexity": "hard"}, "unknown complexity 'hard'", id="complexity"),
        pytest.param({"complexity": "a\nb\x1b[31m"}, "unknown complexity", id="control-characters"),
        pytest.param({"tier": "mega"}, "unknown tier 'mega'", id="tier"),
        pytest.param({"turn": -1}, "cannot be negative", id="turn"),
        pytest.param({"tokens": -1}, "cannot be negative", id="tokens"),
    ],
)
def test_request_refuses_unknown_values(fields, what):
    """An unknown complexity or tier and negative numbers are errors of one line."""
    with refused(InputError, what):
        Request(**fields)


def test_request_is_json_ready():
    """A request lists all its fields for the record."""
    assert Request("simple", task="extract").to_json() == {
        "complexity": "simple",
        "task": "extract",
        "capability": None,
        "tools": False,
        "managed": False,
        "turn": 0,
        "tokens": 0,
        "tier": None,
    }
