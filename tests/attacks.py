"""Attacks: what is tried on atomlab, counted by kind (by hand: `make attacks`).

A test that is marked `attack(kind)` is one try, or as many as it takes from `tries`. The suite
takes some of them; with ATTACKS=all in the environment, as this plugin is meant to be run, all.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

T = TypeVar("T")
_tried: Counter[str] = Counter()
_held: Counter[str] = Counter()
_now = ""


def tries(attacks: Iterable[T], every: int = 1) -> Iterator[T]:
    """Yield attacks, all or every so manieth; one held if the next is asked for."""
    for attack in [*attacks][:: 1 if os.environ.get("ATTACKS") == "all" else every]:
        _tried[_now] += 1
        yield attack
        _held[_now] += 1


def pytest_runtest_setup(item: Any) -> None:
    """Note what kind of attack comes next."""
    global _now
    marker = item.get_closest_marker("attack")
    _now = marker.args[0] if marker else ""
    item.stash["tried"] = _tried[_now]


def pytest_runtest_makereport(item: Any, call: Any) -> None:
    """Count a test that took no tries of its own as one."""
    if call.when == "call" and _now and item.stash["tried"] == _tried[_now]:
        _tried[_now] += 1
        _held[_now] += call.excinfo is None


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the table: kinds, tries, and how many held."""
    rows = [*((kind, _tried[kind], _held[kind]) for kind in sorted(_tried)), ("in all", 0, 0)]
    rows[-1] = ("in all", _tried.total(), _held.total())
    terminalreporter.write_line("")
    for kind, tried, held in rows:
        terminalreporter.write_line(f"{kind:50} {tried:7,} tries {held:7,} held")
