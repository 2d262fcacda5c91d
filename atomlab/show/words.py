"""What a terminal, a table and a page say alike: how requests are served, and who answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from atomlab.diagnosis.answers import USUAL_MODE, mode_of
from atomlab.errors import InputError
from atomlab.text import printable

_MANAGED: dict[str, bool | None] = {"": None, "managed": True, "byok": False}
WAYS = {
    "static-mapping": "the static mapping",
    "plain-ranking": "a ranking without capability and tier",
    "first-client": "the first client",
}


def managed_of(ai_mode: str) -> bool | None:
    """Return what a notebook's parameter `ai_mode` asks of requests, None for the tenant's own.

    Raises InputError for another word.
    """
    if ai_mode not in _MANAGED:
        what = f"parameter ai_mode cannot be {printable(ai_mode)!r}"
        raise InputError(what, todo="give managed, byok, or nothing for the tenant's own")
    return _MANAGED[ai_mode]


def ai_mode_of(managed: bool | None) -> str:
    """Return the parameter `ai_mode` for what the command line asks of requests."""
    return next(word for word, asked in _MANAGED.items() if asked is managed)


def mode_in(findings: Mapping[str, Any]) -> str:
    """Return how the requests were served, empty where that is as usual or not stated."""
    found = findings.get("diagnosis", {})
    mode = found.get("request_mode", "")  # of many tenants, the answer says it
    usual = mode == USUAL_MODE and not mode_of(None, found.get("ai_mode"))
    return "" if usual else str(mode)


def describe_answer(provider: str, model: str, by: str) -> str:
    """Return who answers where pricing finds no model, and what has chosen it."""
    return f"{WAYS.get(by, 'a fallback')} answers with {printable(f'{provider}/{model}')}"
