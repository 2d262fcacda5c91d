"""The explorer's data: all that decides for one tenant, so that a page can decide it again.

Python says what each provider, key and model is; `templates/explore.js` turns keys on and off and
applies the filters. Names are printable here already, and never a setting's value.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from atomlab.byok.filters import PHRASES, View
from atomlab.byok.models import Bools
from atomlab.byok.platform import Platform, load_platform
from atomlab.byok.ranking import Ranking, input_shares, static_mapping
from atomlab.byok.request import Request
from atomlab.byok.scoring import CHEAPEST
from atomlab.diagnosis.assumptions import missing_input
from atomlab.diagnosis.case import TenantCase
from atomlab.diagnosis.defects import find_defects
from atomlab.diagnosis.edits import KINDS, Edit
from atomlab.diagnosis.fixes import copy_of
from atomlab.diagnosis.sql import fix_script, rollback_script, with_rollback
from atomlab.errors import NO_MODELS, InputError, TenantError
from atomlab.evidence.inputs.pricing import chat_of
from atomlab.evidence.inputs.rules import COMPLEXITIES, Rules
from atomlab.evidence.redaction import USABLE, State
from atomlab.evidence.schema import Tenant
from atomlab.evidence.snapshot import Snapshot
from atomlab.show.words import WAYS
from atomlab.text import capital, printable

_CAPABILITIES = 24  # that can be chosen
_SCRIPTS = 4  # of 6,000 characters each
_WHOLE = 2**53  # of what a float and JavaScript hold exactly


@dataclass(frozen=True)
class Explored:
    """What the explorer starts from: the rows that a tenant holds, its plan, and a request.

    `missing` is what the platform has and the snapshot lacks, in words; `priced` whether a cache
    was captured; `request` says whether it is managed.
    """

    platform: Platform
    rows: Mapping[str, State]
    plan: str | None
    request: Request
    missing: str | None = None
    priced: bool = True


def sentence(ranking: Ranking, missing: str | None = None, *, priced: bool = True) -> str:
    """Return the decision in words: who answers, or what is raised, and what the filters left."""
    winner, answer = ranking.winner, ranking.fallback
    if missing and (winner is None or not priced):
        return f"Nothing can be decided: {printable(missing, 300)}."
    if winner:
        found = f"the winner is {printable(winner.model)}, through {printable(winner.provider)}"
        if winner.unable:
            found += f": not a chat model ({winner.mode}), so the request fails"
        elif winner.price_unknown:
            found += " (its price is unknown, so it looks cheaper than it is)"
    elif answer:
        who = f"{printable(answer.provider)}/{printable(answer.model)}"
        found = f"pricing finds no model; {WAYS[answer.by]} answers with {who}"
    else:
        found = f'the platform raises "{printable(ranking.error)}"'
    return f"{capital(found)}. {capital(ranking.summary())}."


def case_data(case: TenantCase) -> dict[str, Any]:
    """Return the explorer's data for the tenant and the request that a case is about."""
    return tenant_data(case.snapshot, case.diagnosis.tenant, case.shown.request, case.platform)


def tenant_data(
    evidence: Snapshot, tenant: Tenant, request: Request, platform: Platform | None = None
) -> dict[str, Any]:
    """Return the explorer's data for a tenant's request, JSON-ready, with what it is about."""
    platform = platform or load_platform(evidence.session)
    rules, manager = platform.rules, platform.manager()
    rows = manager.states(evidence.session, tenant.id).of(tenant.id)
    asked, missing = request.of_tenant(tenant.ai_mode), missing_input(evidence, platform)
    of = Explored(platform, rows, tenant.plan_type, asked, missing, evidence.has_pricing)
    data = data_of(of)
    _add_changes(data["keys"], of, tenant.id)
    served = {place for places in data["models"]["served"] for place in places}
    data["keys"].sort(key=lambda key: _order(key, served))
    return data | {
        "tenant": printable(tenant.called),
        "called": _name_of(tenant, evidence),
        "settings": rules.keys_from == "settings",
        "about": {
            "snapshot": printable(evidence.name),
            "captured": printable(evidence.captured_at),
            "rules": printable(rules.name),
        },
    }


def data_of(of: Explored) -> dict[str, Any]:
    """Return all that decides, JSON-ready: providers, keys, plans, thresholds, models, fallback."""
    platform, request = of.platform, of.request
    rules, models = platform.rules, platform.models
    plans, listed = _plans(of), rules.allowed_names
    tier = rules.min_quality_by_tier[request.tier] if request.tier else None
    capabilities = _capabilities(platform, request)
    return {
        "providers": [printable(name) for name in models.providers],
        "raw": {n: p for n, p in enumerate(models.providers) if printable(p) != p},
        "llm": [int(name in rules.llm_providers) for name in models.providers],
        "sick": (platform.health < rules.min_health_score).astype(int).tolist(),
        "shares": input_shares(platform, request),
        "keys": _keys(of),
        "filters": list(PHRASES.items()),
        "kinds": {k: [rules.min_context_tokens[k], rules.min_quality[k]] for k in COMPLEXITIES},
        "tier": tier,
        "special": bool(request.tier or request.turn or request.tokens),
        "plans": [[printable(p or "none"), int(listed(p) is not None)] for p in plans],
        "capabilities": capabilities,
        "cheapest": CHEAPEST,
        "models": _models(platform, plans, capabilities),
        "fallback": _fallback(of, plans),
        "error": rules.fallback.no_client_error if rules.fallback else NO_MODELS,
        "missing": of.missing and printable(of.missing, 300),
        "priced": of.priced,
        "request": {"task": request.task, "turn": request.turn, "tokens": request.tokens}
        | {"tier": request.tier},
        "start": {
            "kind": request.complexity,
            "managed": bool(request.managed),
            "tools": request.tools,
            "plan": 0,
            "capability": request.capability or "",
        },
    }


def _keys(of: Explored) -> list[dict[str, Any]]:
    """Return each name that a key is read from, those that the tenant holds first."""
    platform, rows = of.platform, of.rows
    manager, readers = platform.manager(), dict[str, list[int]]()
    for place, provider in enumerate(platform.providers):
        for name in manager.key_names(provider.id):
            readers.setdefault(name, []).append(place)
    names = [*rows, *(name for name in readers if name not in rows)]
    held = sorted(names, key=lambda name: (name not in rows, name not in readers))
    return [
        {
            "name": printable(name),
            **({"raw": name} if printable(name) != name else {}),
            "state": rows.get(name),
            "on": int(rows.get(name) in USABLE),
            "reads": readers.get(name, []),
        }
        for name in held
    ]


def _add_changes(keys: list[dict[str, Any]], of: Explored, tenant_id: str) -> None:
    """Add to each key what is done to have it, in words, and where it is a copy, as SQL."""
    rows, rules = of.rows, of.platform.rules
    copied = {d.setting_key: d.copy_from for d in find_defects(rows, of.platform) if d.copy_from}
    scripts = 0
    for key in keys:
        name = key.get("raw", key["name"])
        source = copied.get(name)
        kind = "new-credential" if rows.get(name) is None else "repair-row"
        words = KINDS["copy-key" if source and rules.keys_from != "settings" else kind]
        means = words.by_hand if rules.keys_from == "settings" else words.in_environment
        key["todo"] = means.format(key=key["name"], held=printable(source))
        if source and not key["on"]:
            key["copy"] = source
            script = _script(
                Edit("copy-key" if name not in rows else kind, name, source), tenant_id, rules
            )
            if script and scripts < _SCRIPTS:
                key["sql"], scripts = script, scripts + 1


def _order(key: Mapping[str, Any], served: set[int]) -> tuple[bool, ...]:
    """Return what keys are sorted by: held, to be copied, then those of providers with models."""
    return key["state"] is None, "copy" not in key, served.isdisjoint(key["reads"])


def _script(edit: Edit, tenant_id: str, rules: Rules) -> str:
    copy = copy_of((edit,), tenant_id, rules)
    try:
        if copy is None:
            return ""
        return with_rollback(fix_script(copy, "postgresql"), rollback_script(copy, "postgresql"))
    except InputError:  # a name that no script can hold
        return ""


def _name_of(tenant: Tenant, evidence: Snapshot) -> str:
    """Return the name by which a hypothesis finds the tenant: the subdomain if it is its alone."""
    for name in filter(None, (tenant.subdomain, tenant.id)):
        try:
            if evidence.tenant(name).id == tenant.id:
                return name
        except TenantError:  # several go by that name
            continue
    return ""


def _plans(of: Explored) -> list[str | None]:
    """Return the tenant's plan, then the others of the edition."""
    own = of.plan
    return [own, *(plan for plan in of.platform.rules.plans if plan != (own or "").lower())]


def _capabilities(platform: Platform, request: Request) -> list[str]:
    known = {c for entry in platform.catalog.values() for c in entry.capabilities}
    others = sorted(known - {request.capability})[:_CAPABILITIES]
    return [*filter(None, [request.capability]), *others]


def _models(
    platform: Platform, plans: Sequence[str | None], capabilities: Sequence[str]
) -> dict[str, Any]:
    """Return the models: their ids, each as what it shares with the one before, and the rest.

    `kinds` are rows of what many models have alike: places in `served`, `quality`, `allowed`,
    `catalog` and `modes`, the window, and flags: supports tools, price unknown, then the three of
    `Models.breaks`. `kind` and `price` are each model's places.
    """
    models, pricing = platform.models, platform.pricing
    served = _Table(tuple(np.flatnonzero(row).tolist()) for row in models.matches)
    scores = [platform.quality(c)[0].tolist() for c in (None, *capabilities)]
    quality = _Table(tuple(map(_short, row)) for row in zip(*scores, strict=True))
    may = np.column_stack([platform.allowed_by(plan) for plan in plans])
    allowed = _Table(tuple(np.flatnonzero(row).tolist()) for row in may)
    catalog = _Table(_entry(platform, model, capabilities) for model in models.ids)
    modes = _Table((mode, chat_of(mode)) for mode in pricing.columns["mode"])
    bits = (models.supports_tools, pricing.price_unknown, *models.breaks)
    flags = [
        sum(bit << place for place, bit in enumerate(row))
        for row in zip(*map(_ints, bits), strict=True)
    ]
    tables = (served, quality, allowed, catalog, modes)
    windows = map(_short, pricing.window.tolist())
    kinds = _Table(zip(*(table.places for table in tables), windows, flags, strict=True))
    prices = _Table(zip(*(map(_short, costs.tolist()) for costs in models.costs), strict=True))
    names = [printable(model) for model in models.ids]
    shared = [_shared(*pair) for pair in zip(["", *names], names, strict=False)]
    return {
        "shared": shared,
        "rest": [name[n:] for name, n in zip(names, shared, strict=True)],
        "kind": kinds.places,
        "price": prices.places,
        "kinds": kinds.values,
        "prices": prices.values,
        "served": served.values,
        "quality": quality.values,
        "allowed": allowed.values,
        "catalog": catalog.values,
        "modes": modes.values,
    }


def _entry(
    platform: Platform, model: str, capabilities: Sequence[str]
) -> tuple[tuple[int, ...], int] | None:
    """Return the places of what the catalogue lists of a model, and whether it is excluded."""
    entry = platform.catalog.get(model)
    if entry is None:
        return None
    able = tuple(n for n, c in enumerate(capabilities) if c in entry.capabilities)
    return able, int(entry.excluded)


def _fallback(of: Explored, plans: Sequence[str | None]) -> dict[str, Any] | None:
    """Return who answers, first asked first, by complexity: as (provider, model) by place.

    `byok` has the pairs without and with tools, `managed` those of each plan.
    """
    platform, last = of.platform, of.platform.rules.fallback
    if last is None:
        return None

    def pairs(request: Request, plan: str | None) -> list[list[Any]]:
        nothing = np.array([])
        view = View(platform, request, nothing.astype(np.intp), plan, nothing)
        found = static_mapping(view, [*platform.column])
        return [[platform.column[provider], printable(model)] for provider, model in found]

    kinds = {kind: replace(of.request, complexity=kind) for kind in COMPLEXITIES}
    return {
        "byok": {
            kind: [pairs(replace(r, managed=False, tools=tools), None) for tools in (False, True)]
            for kind, r in kinds.items()
        },
        "managed": {
            kind: [pairs(replace(r, managed=True), plan) for plan in plans]
            for kind, r in kinds.items()
        },
        "last": printable(last.last_model),
        "ways": WAYS,
    }


class _Table:
    """The different rows of many, in the order in which they are met, and each one's place."""

    def __init__(self, rows: Iterable[Hashable]) -> None:
        found: dict[Hashable, int] = {}
        self.places = [found.setdefault(row, len(found)) for row in rows]
        self.values = list(found)


def _shared(before: str, name: str) -> int:
    """Return how many characters both begin with: all plain ones, which JavaScript counts alike."""
    pairs = enumerate(zip(before, name, strict=False))
    same = min(len(before), len(name))
    return next((n for n, (a, b) in pairs if a != b or not a.isascii()), same)


def _ints(column: Bools) -> list[int]:
    return column.astype(int).tolist()  # type: ignore[no-any-return]


def _short(number: float) -> float | int:
    """Return the same number, a whole one without its `.0`."""
    return int(number) if number.is_integer() and abs(number) < _WHOLE else number
