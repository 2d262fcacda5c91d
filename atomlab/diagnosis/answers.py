"""What several answers say alike: how requests were decided, and who serves them, or would."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from atomlab.byok.decisions import decisions_on
from atomlab.byok.platform import Platform
from atomlab.byok.ranking import Candidate, Ranking
from atomlab.byok.request import Request
from atomlab.evidence.inputs.rules import COMPLEXITIES
from atomlab.evidence.redaction import State
from atomlab.text import printable

USUAL_MODE = "BYOK (ai_mode)"


def mode_of(managed: bool | None, ai_mode: str | None) -> str:
    """Return how requests are served unless they are BYOK of a tenant in the mode `byok`.

    `managed` is what was asked for, None for what the tenant's `ai_mode` says: `BYOK (as asked)`.
    """
    if managed is not None:
        return f"{'managed' if managed else 'BYOK'} (as asked)"
    mode = (ai_mode or "byok").lower()
    return "" if mode == "byok" else f"{'managed' if mode == 'managed' else 'BYOK'} (ai_mode)"


def serves(ranking: Ranking) -> bool:
    """Return whether a model was found, and may be a chat model: one that is none cannot serve."""
    winner = ranking.winner
    return winner is not None and not winner.unable


def same_model(one: Candidate | None, other: Candidate | None) -> bool:
    """Return whether the same provider's same model has won, or none both times."""
    if one is None or other is None:
        return one is other
    return (one.provider, one.model) == (other.provider, other.model)


def unable(decided: Iterable[Ranking]) -> str:
    """Return which winners are not chat models, and for which requests; empty if none is."""
    found = _by_answer({r: r.winner.unable for r in decided if r.winner and r.winner.unable})
    named = (f"for {kinds} requests the winner {who}" for who, kinds in found.items())
    return f"{', '.join(named)}: they will fail" if found else ""


def instead(decided: Iterable[Ranking]) -> str:
    """Return a sentence on who answers where pricing finds no model; empty if nobody does."""
    answers = {r: answer for r in decided if (answer := r.fallback)}
    found = _by_answer({r: f"{a.provider}/{a.model}" for r, a in answers.items()})
    named = ", ".join(f"{who} for {kinds} requests" for who, kinds in found.items())
    return f"Instead the fallback answers: {named}." if found else ""


def _by_answer(answers: Mapping[Ranking, str]) -> dict[str, str]:
    """Return for each answer, printable, the complexities of the requests that get it."""
    kinds: dict[str, list[str]] = {}
    for ranking, what in answers.items():
        kinds.setdefault(printable(what, 200), []).append(ranking.request.complexity)
    return {what: ", ".join(complexities) for what, complexities in kinds.items()}


@lru_cache(maxsize=1024)  # the same objects each time: they are compared for each tenant
def _every_kind(request: Request) -> tuple[Request, ...]:
    return tuple(replace(request, complexity=complexity) for complexity in COMPLEXITIES)


def keys_that_serve(
    platform: Platform,
    rows: Mapping[str, State],
    clients: Sequence[str],
    plan: str | None,
    request: Request,
) -> tuple[str, ...]:
    """Return the providers of which a new key alone would serve the request, of any complexity."""
    manager, allowed = platform.manager(), platform.rules.llm_providers
    kinds, decisions = _every_kind(request), decisions_on(platform)

    def would_serve(provider: str) -> bool:
        states: dict[str, State] = {**rows, manager.key_name(provider): "present"}
        after = manager.clients_of(states)
        winners = decisions.winners(after, kinds, plan)
        return all(found is not None and not found.unable for found in winners)

    new = (p.id for p in platform.providers if p.id in allowed and p.id not in clients)
    return tuple(filter(would_serve, new))
