"""Worlds of a few models and one tenant, small enough to be decided in the head."""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

from atomlab.byok.keys import BYOKManager
from atomlab.byok.platform import Platform
from atomlab.byok.ranking import Ranking
from atomlab.byok.request import Request
from atomlab.diagnosis.causes import explain
from atomlab.diagnosis.defects import find_defects
from atomlab.diagnosis.explanation import DecidedRequest, Explanation
from atomlab.diagnosis.sandbox import Sandbox
from atomlab.evidence.inputs.catalog import CatalogEntry
from atomlab.evidence.inputs.registry import Provider
from atomlab.evidence.schema import SNAPSHOT_DDL
from atomlab.evidence.snapshot import Evidence
from tests.worlds import RULES, World

TENANT = "tenant-1"
# A token of each state that a setting can have.
TOKENS = {
    "present": f"v1:present:{'a' * 64}",
    "blank": f"v1:blank:{'b' * 64}",
    "ciphertext": f"v1:ciphertext:{'c' * 64}",
    "placeholder": f"v1:placeholder:{'d' * 64}",
    "null": "v1:null:-",
    "empty": "v1:empty:-",
}

PROVIDERS = ("openai", "groq", "mistral", "minimax", "minimax_2_7")


def chat(owner: str, **fields: Any) -> dict[str, Any]:
    """Return the price entry of a chat model that every filter lets pass, but for `fields`."""
    return {
        "litellm_provider": owner,
        "mode": "chat",
        "input_cost_per_token": 1e-6,
        "output_cost_per_token": 1e-6,
        "max_input_tokens": 200_000,
        "supports_function_calling": True,
        **fields,
    }


def small_platform(
    models: Mapping[str, Mapping[str, Any]] | Iterable[str],
    providers: Iterable[Provider | str] = PROVIDERS,
    catalog: Mapping[str, CatalogEntry] | None = None,
    **rules: Any,
) -> Platform:
    """Return a platform with these models, the changes to their entries by id, if there are any.

    An id's part before the slash owns it. Every provider is on the allow-list, unless `rules`,
    the fields in which they differ from the hosted edition's, have another list.
    """
    changes = models if isinstance(models, Mapping) else {model: {} for model in models}
    registry = tuple(Provider(p) if isinstance(p, str) else p for p in providers)
    rules = {"llm_providers": tuple(p.id for p in registry), **rules}
    return World(
        document={m: chat(m.split("/")[0], **fields) for m, fields in changes.items()},
        cache={},
        rules=dataclasses.replace(RULES, **rules),
        providers=registry,
        catalog=dict(catalog or {}),
    ).platform()


def evidence_of(rows: Iterable[tuple[str, str]], plan: str | None = None) -> Evidence:
    """Return evidence with one tenant, whose rows are these names and tokens, in this order."""
    connection = sqlite3.connect(":memory:")
    connection.executescript(SNAPSHOT_DDL)
    connection.execute(
        "INSERT INTO tenants (id, name, plan_type) VALUES (?, 'A', ?)", (TENANT, plan)
    )
    connection.executemany(
        "INSERT INTO tenant_settings (tenant_id, setting_key, setting_value) VALUES (?, ?, ?)",
        [(TENANT, name, token) for name, token in rows],
    )
    connection.commit()
    return Evidence(connection, "0" * 64, {"pricing": {"last_fetch": None}})


def explained(
    site: Platform,
    rows: Iterable[tuple[str, str]],
    asked: Request,
    plan: str | None,
    **how: bool,
) -> tuple[Ranking, Explanation | None]:
    """Return the ranking of a tenant with the rows, and its explanation (None if it is ranked).

    `how` says how it is explained, as to `explain`.
    """
    with evidence_of(rows, plan) as evidence:
        lab = Sandbox(evidence, site)
        manager = BYOKManager(site.providers, site.rules, redacted=True)
        states = manager.states(evidence.session, TENANT).of(TENANT)
        ranking = lab.decide(TENANT, asked)
        if len(ranking.order):
            return ranking, None
        case = DecidedRequest(ranking, find_defects(states, site), lab, TENANT)
        return ranking, explain(case, **how)
