"""Fidelity of a capture: the decision on the redacted copy equals the one on the source."""

from __future__ import annotations

from functools import partial
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from atomlab.byok.keys import BYOKManager
from atomlab.byok.platform import Platform, load_platform
from atomlab.byok.ranking import rank
from atomlab.byok.request import Request
from atomlab.errors import SourceError
from atomlab.evidence.capture import Inputs, capture
from atomlab.evidence.pricing import Pricing, pricing_columns
from atomlab.evidence.rules import COMPLEXITIES
from atomlab.evidence.schema import Tenant

Outcome = tuple[tuple[str, str, int] | None, ...]


def prove(source: Session, copy: Session, inputs: Inputs) -> dict[str, Any]:
    """Decide for every captured tenant and complexity on both sides; return what was compared.

    On the source side keys are judged by their raw values, on the copy by their tokens. Raises
    SourceError naming the first tenant on which the two differ.
    """
    pricing = inputs.pricing or Pricing(pricing_columns([]), "none")
    original = Platform(inputs.rules, inputs.providers, pricing, inputs.catalog)
    redacted = load_platform(copy)
    raw = BYOKManager(inputs.providers, inputs.rules)
    tokens = BYOKManager(redacted.providers, redacted.rules, redacted=True)
    decided: dict[tuple[object, ...], Outcome] = {}
    tenants = copy.execute(select(Tenant.id, Tenant.plan_type)).all()
    for tenant_id, plan in tenants:
        on_source = tuple(k.provider for k in raw.lookups(tenant_id, source) if k.client)
        on_copy = tuple(k.provider for k in tokens.lookups(tenant_id, copy) if k.client)
        for platform, clients in ((original, on_source), (redacted, on_copy)):
            if (id(platform), clients, plan) not in decided:
                decided[id(platform), clients, plan] = _decide(platform, clients, plan)
        first = on_source, decided[id(original), on_source, plan]
        second = on_copy, decided[id(redacted), on_copy, plan]
        if first != second:
            raise SourceError(
                f"the redacted copy decides otherwise for tenant {tenant_id}",
                todo="report this as a fault of atomlab; nothing was written",
            )
    return {"agree": True, "tenants": len(tenants), "complexities": list(COMPLEXITIES)}


def _decide(platform: Platform, clients: tuple[str, ...], plan: str | None) -> Outcome:
    outcomes: list[tuple[str, str, int] | None] = []
    for complexity in COMPLEXITIES:
        ranking = rank(platform, clients, Request(complexity=complexity), plan)
        best = ranking.winner
        outcomes.append((best.provider, best.model, len(ranking.order)) if best else None)
    return tuple(outcomes)


# What everybody uses: a capture that proves its own fidelity before it is written.
proven_capture = partial(capture, prove=prove)
