"""Which new credential would serve a tenant, whatever kind of request it makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from atomlab.byok.platform import Platform
from atomlab.byok.ranking import rank
from atomlab.byok.request import Request
from atomlab.evidence.inputs.rules import COMPLEXITIES
from atomlab.evidence.redaction import State


def keys_that_serve(
    platform: Platform,
    rows: Mapping[str, State],
    clients: Sequence[str],
    plan: str | None,
    request: Request,
) -> tuple[str, ...]:
    """Return the providers of which a new key alone would serve every kind of request.

    `rows` and `clients` are what the tenant holds now. With the key a model wins that may be a
    chat model, for each complexity, the rest of the request as it is: so the answer does not
    depend on the complexity that was asked. Empty if there is no such provider.
    """
    manager, serving = platform.manager(), []
    kinds = [replace(request, complexity=complexity) for complexity in COMPLEXITIES]
    for provider in platform.providers:
        if provider.id in clients or provider.id not in platform.rules.llm_providers:
            continue
        states: dict[str, State] = {**rows, manager.key_name(provider.id): "present"}
        after = tuple(look.provider for look in manager.lookups_of(states) if look.client)
        winners = (rank(platform, after, kind, plan).winner for kind in kinds)
        if all(winner is not None and winner.chat is not False for winner in winners):
            serving.append(provider.id)
    return tuple(serving)
