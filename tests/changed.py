"""Worlds that are really changed: steps of a what-if, made to what is captured, in plain dicts."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from atomlab.evidence.snapshot import Snapshot
from tests.conftest import PRICES
from tests.diagnosis.made import KEY, Made, capture_made, stored

HOSTED, PUBLIC = "hosted-2026-05", "open-source-2026-05"
PROVIDERS = ("openai", "minimax", "deepseek", "anthropic")
NAMES = (*(f"{name.upper()}_API_KEY" for name in PROVIDERS), "MINIMAX_2_7_API_KEY")
# Globs, and what of PRICES each fits, by hand.
GLOBS = {
    "minimax/*": {"minimax/MiniMax-M2.5"},
    "MINIMAX/*": {"minimax/MiniMax-M2.5"},
    "*gpt-4o*": {"openai/gpt-4o", "gpt-4o-mini"},
    "gpt-?o-mini": {"gpt-4o-mini"},
    "deepseek/deepseek-chat": {"deepseek/deepseek-chat"},
    "*": {*PRICES},
}
Step = tuple[str, ...]


@dataclass(frozen=True)
class Base:
    """What a capture is made of."""

    tenants: dict[str, Made]
    rules: str = HOSTED
    variables: dict[str, str] = field(default_factory=dict)
    stored: dict[tuple[str, str], str] = field(default_factory=dict)
    prices: dict[str, Any] = field(default_factory=lambda: deepcopy(PRICES))

    def capture(self, folder: Path) -> Snapshot:
        """Return a snapshot of it, of a time that is always the same."""
        folder.mkdir()
        keys = {k: v for p, name in self.stored for k, v in stored(p, name).items()}
        return capture_made(
            folder,
            self.tenants,
            {"pricing": self.prices},
            rules=self.rules,
            env=self.variables,
            keys=keys,
            captured_at=datetime(2026, 5, 2, 8, tzinfo=UTC),
        )

    def changed(self, step: Step, whose: Sequence[str], number: int) -> Base | None:
        """Return it with a step really made, for these tenants; None if that cannot be."""
        kind, what, *held = step
        if kind == "rules":
            return replace(self, rules=what)
        if kind == "without-models":
            gone = GLOBS[what] & {*self.prices}
            left = {name: entry for name, entry in self.prices.items() if name not in gone}
            return replace(self, prices=left) if gone else None
        if kind == "plan":
            moved = {name: replace(self.tenants[name], plan=what) for name in whose}
            return replace(self, tenants={**self.tenants, **moved})
        name, new = f"{what.upper()}_API_KEY", f"{KEY}-{number}"
        if self.rules == PUBLIC:
            variables, kept = dict(self.variables), dict(self.stored)
            if kind == "remove-key":
                variables.pop(name, None)
                kept = {key: value for key, value in kept.items() if key[0] != what}
            elif kind == "copy-key":
                if held[0] not in variables:
                    return None
                variables[what] = variables[held[0]]
            else:
                variables[name] = new
            return replace(self, variables=variables, stored=kept)
        tenants = dict(self.tenants)
        for each in whose:
            rows = dict(tenants[each].rows)
            if kind == "copy-key":
                if held[0] not in rows:
                    return None
                rows[what] = rows[held[0]]
            elif kind == "add-key":
                rows[name] = new
            else:
                rows.pop(name, None)
            tenants[each] = replace(tenants[each], rows=rows)
        return replace(self, tenants=tenants)


def bases() -> st.SearchStrategy[Base]:
    """Draw up to four tenants of any plan, mode and rows, and a worker with variables."""
    values = st.sampled_from((KEY, KEY, KEY + "-other", "", "   "))
    rows = st.dictionaries(st.sampled_from(NAMES), values, max_size=3)
    plans = st.sampled_from(("free", "pro", "enterprise"))
    made = st.builds(Made, plans, st.sampled_from(("byok", "managed")), rows)
    tenants = st.dictionaries(st.sampled_from("abcd"), made, min_size=1, max_size=4)
    kept = st.tuples(st.sampled_from(PROVIDERS), st.sampled_from(("default", "id-a")))
    return st.builds(
        Base,
        tenants,
        st.sampled_from((HOSTED, PUBLIC)),
        st.dictionaries(st.sampled_from(NAMES), st.sampled_from((KEY, "")), max_size=2),
        st.dictionaries(kept, st.just(KEY), max_size=2),
    )


def steps(*more: st.SearchStrategy[Step]) -> st.SearchStrategy[list[Step]]:
    """Draw a chain of up to four steps, of which some are of another kind."""
    provider = st.sampled_from(PROVIDERS)
    return st.lists(
        st.one_of(
            st.tuples(st.sampled_from(("add-key", "remove-key")), provider),
            st.tuples(st.just("plan"), st.sampled_from(("free", "pro", "enterprise"))),
            st.tuples(st.just("without-models"), st.sampled_from(list(GLOBS))),
            st.tuples(st.just("rules"), st.sampled_from((HOSTED, PUBLIC))),
            *more,
        ),
        max_size=4,
    )


COPIES: st.SearchStrategy[Step] = st.tuples(
    st.just("copy-key"), st.sampled_from(NAMES[:3]), st.sampled_from(NAMES)
)
