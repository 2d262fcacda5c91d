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
        "managed": None,
        "turn": 0,
        "tokens": 0,
        "tier": None,
    }


@pytest.mark.parametrize(
    ("asked", "mode", "managed"),
    [
        (None, "managed", True),
        (None, "MANAGED", True),
        (None, "byok", False),
        (None, "hybrid", False),
        (None, "", False),
        (None, None, False),
        (True, "byok", True),
        (False, "managed", False),
    ],
)
def test_a_request_is_managed_as_its_tenant_is_unless_it_says_so_itself(asked, mode, managed):
    """An `ai_mode` of managed makes a tenant's requests managed, others do not."""
    request = Request("simple", tools=True, managed=asked)
    assert request.of_tenant(mode) == Request("simple", tools=True, managed=managed)
