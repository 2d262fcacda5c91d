"""Made tenants, and what the platform decides for them, read off tables that were made by hand.

Prices are PRICES of the shared fixtures: four models, of which everything that counts stands here.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import atomlab
from atomlab.evidence.snapshot import Snapshot
from tests.conftest import ATOM_SCHEMA, PRICES

KEY = "a-key-of-more-than-twelve-characters"
# Which models are good and wide enough for a request (PLATFORM B), whose they are, and which
# each plan allows to managed requests.
FIT = {
    "simple": ["minimax/MiniMax-M2.5", "openai/gpt-4o", "gpt-4o-mini", "deepseek/deepseek-chat"],
    "moderate": ["minimax/MiniMax-M2.5", "openai/gpt-4o", "gpt-4o-mini", "deepseek/deepseek-chat"],
    "complex": ["minimax/MiniMax-M2.5", "openai/gpt-4o"],
    "advanced": [],
}
OWNER = {
    "minimax/MiniMax-M2.5": "MINIMAX_API_KEY",
    "openai/gpt-4o": "OPENAI_API_KEY",
    "gpt-4o-mini": "OPENAI_API_KEY",
    "deepseek/deepseek-chat": "DEEPSEEK_API_KEY",
}
ALLOWED = {
    "free": ["gpt-4o-mini", "deepseek/deepseek-chat"],
    "pro": ["openai/gpt-4o", "gpt-4o-mini", "deepseek/deepseek-chat"],
    "enterprise": list(OWNER),
}
ROWS: dict[str, dict[str, str]] = {
    "none": {},
    "alias": {"MINIMAX_2_7_API_KEY": KEY},
    "minimax": {"MINIMAX_API_KEY": KEY},
    "openai": {"OPENAI_API_KEY": KEY},
    "blank": {"OPENAI_API_KEY": "   "},
    "empty": {"OPENAI_API_KEY": "", "DEEPSEEK_API_KEY": KEY},
}


@dataclass(frozen=True)
class Made:
    """A tenant: plan, `ai_mode`, and settings by name."""

    plan: str = "free"
    mode: str | None = "byok"
    rows: Mapping[str, str] = field(default_factory=dict)

    def managed(self, asked: bool | None = None) -> bool:
        """Return whether its requests are managed (PLATFORM B), if nothing else is `asked`."""
        return self.mode == "managed" if asked is None else asked

    def usable(self, complexity: str, asked: bool | None = None) -> list[str]:
        """Return the models that a request can get."""
        return [
            model
            for model in FIT[complexity]
            if self.rows.get(OWNER[model])
            and (not self.managed(asked) or model in ALLOWED[self.plan])
        ]


# Every plan, mode and kind of rows with each other.
EVERY = {
    f"{plan}-{mode}-{kind}".lower(): Made(plan, mode, rows)
    for plan, mode, (kind, rows) in product(ALLOWED, ("byok", "managed", "hybrid"), ROWS.items())
}


def stored(provider: str, key_name: str = "default", value: str = KEY) -> dict[str, Any]:
    """Return what a byok_keys.json holds of one key: its entry, by its id (PLATFORM C)."""
    entry = {"provider_id": provider, "key_name": key_name, "encrypted_key": value}
    return {f"{provider}_{key_name}_production": entry}


def capture_made(
    folder: Path, tenants: Mapping[str, Made], prices: object = None, **options: Any
) -> Snapshot:
    """Return a snapshot of the tenants, by subdomain; their ids are `id-SUBDOMAIN`."""
    source, listed = folder / "made.db", folder / "made-prices.json"
    with sqlite3.connect(source) as db:
        db.executescript(ATOM_SCHEMA)
        for name, made in tenants.items():
            tenant = (f"id-{name}", name.title(), name, made.plan, made.mode, "secret", None)
            db.execute("INSERT INTO tenants VALUES (?, ?, ?, ?, ?, ?, ?)", tenant)
            for key, value in made.rows.items():
                row = (f"{name}-{key}", f"id-{name}", key, value)
                columns = "(id, tenant_id, setting_key, setting_value)"
                db.execute(f"INSERT INTO tenant_settings {columns} VALUES (?, ?, ?, ?)", row)
    db.close()
    listed.write_text(json.dumps(prices or PRICES))
    options = {"pricing": listed, **options}
    return atomlab.capture(str(source), folder / "made.sqlite", **options)
