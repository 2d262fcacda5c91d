"""What several answers say alike: how requests were decided, who cannot serve, who answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from atomlab.byok.ranking import Ranking
from atomlab.byok.request import Request
from atomlab.text import printable


def decided_as(managed: bool | None, ai_mode: str | None) -> str:
    """Return as what requests were decided, where that is worth saying, else an empty string.

    `managed` is what was asked for, None for what the tenant's `ai_mode` says, which is told of
    managed tenants only: `as managed requests (ai_mode)`, `as BYOK requests, as asked`.
    """
    if managed is not None:
        return f"as {'managed' if managed else 'BYOK'} requests, as asked"
    return "as managed requests (ai_mode)" if Request().of_tenant(ai_mode).managed else ""


def serves(ranking: Ranking) -> bool:
    """Return whether a model was found, and may be a chat model: one that is none cannot serve."""
    winner = ranking.winner
    return winner is not None and not winner.unable


def unable(decided: Iterable[Ranking]) -> str:
    """Return who wins though it is no chat model, and for which requests; empty if nobody does.

    In words: `for simple, moderate requests the winner X is no chat model (moderation): they will
    fail`.
    """
    told = {r: r.winner.unable for r in decided if r.winner and r.winner.unable}
    named = (f"for {kinds} requests the winner {who}" for who, kinds in _kinds(told))
    return f"{found}: they will fail" if (found := ", ".join(named)) else ""


def instead(decided: Iterable[Ranking]) -> str:
    """Return a sentence on who answers where pricing finds no model; empty if nobody does."""
    answers = {r: answer for r in decided if (answer := r.fallback)}
    told = {r: f"{answer.provider}/{answer.model}" for r, answer in answers.items()}
    named = ", ".join(f"{who} for {kinds} requests" for who, kinds in _kinds(told))
    return f"Instead the fallback answers: {named}." if named else ""


def _kinds(told: Mapping[Ranking, str]) -> Iterator[tuple[str, str]]:
    """Yield each thing that is told, printable, with the complexities of which it is."""
    kinds: dict[str, list[str]] = {}
    for ranking, what in told.items():
        kinds.setdefault(what, []).append(ranking.request.complexity)
    for what, complexities in kinds.items():
        yield printable(what, 200), ", ".join(complexities)
