"""What a caller asks of the ranking."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any

from atomlab.errors import InputError
from atomlab.evidence.inputs.rules import COMPLEXITIES, TIERS
from atomlab.shown import Shown
from atomlab.text import joined, printable


@dataclass(frozen=True, repr=False)
class Request(Shown):
    """A request for a model (source: docs/platform.md, ranking).

    `tools`: tools or structured output are required. `managed`: it is served with the platform's
    keys; None is what the tenant's `ai_mode` says. `turn` and `tokens`, the prompt's estimated
    length, matter for cached prices. A cognitive `tier` replaces the complexity's quality bound.
    Raises InputError for an unknown complexity or tier, or a negative number.
    """

    complexity: str = "moderate"
    task: str | None = None
    capability: str | None = None
    tools: bool = False
    managed: bool | None = None
    turn: int = 0
    tokens: int = 0
    tier: str | None = None

    def __post_init__(self) -> None:
        for name, known in (("complexity", COMPLEXITIES), ("tier", (None, *TIERS))):
            value = getattr(self, name)
            if value not in known:
                todo = f"use one of {', '.join(filter(None, known))}"
                raise InputError(f"unknown {name} {value!r}", todo=todo)
        if self.turn < 0 or self.tokens < 0:
            raise InputError("turn and tokens cannot be negative", todo="give 0 or more")

    def of_tenant(self, ai_mode: str | None) -> Request:
        """Return the request as a tenant of this `ai_mode` makes it, unless it says so itself."""
        if self.managed is not None:
            return self
        return replace(self, managed=(ai_mode or "").lower() == "managed")

    @property
    def kind(self) -> str:
        """What kind of request it is, in words."""
        return self.complexity + (" with tools" if self.tools else "")

    def to_json(self) -> dict[str, Any]:
        """Return the request as JSON-ready values."""
        return asdict(self)


@lru_cache(maxsize=1024)
def asked_by(request: Request, ai_mode: str | None) -> Request:
    """Return `request.of_tenant(ai_mode)`, the same object each time: millions are compared."""
    return request.of_tenant(ai_mode)


def in_words(requests: Iterable[Mapping[str, Any]]) -> str:
    """Return `name value, …` of what requests, as JSON, ask for, each value that there is once."""
    asked: dict[str, dict[str, None]] = {}
    for request in requests:
        for name, value in request.items():
            if value:
                asked.setdefault(printable(name), {})[printable(value)] = None
    return ", ".join(f"{name} {joined(values)}" for name, values in asked.items())
