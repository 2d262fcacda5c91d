"""The provider registry: which providers the platform knows (`byok_config.json`)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from atomlab import limits
from atomlab.errors import InputError
from atomlab.evidence.inputs.rules import EDITIONS
from atomlab.evidence.shapes import is_variable, looks_secret
from atomlab.files import read_json
from atomlab.shown import Several, Shown
from atomlab.text import storable


@dataclass(frozen=True, repr=False)
class Provider(Shown):
    """A provider of the registry.

    `api_key_env_var` is what the registry declares; the platform's key lookup ignores it and
    derives `setting_key` from the id. What is not a variable's name is not kept: it may be the key.
    `health_score` is 0 to 1, or None where it is unknown.
    """

    id: str
    api_key_env_var: str | None = None
    is_active: bool | None = None
    health_score: float | None = None

    @property
    def setting_key(self) -> str:
        """The name under which the platform looks for this provider's key (docs/platform.md)."""
        return setting_key(self.id)


def setting_key(provider_id: str) -> str:
    """Return the settings row that the platform reads for a provider id (docs/platform.md)."""
    return f"{provider_id.upper()}_API_KEY"


def load_registry(path: Path) -> tuple[Provider, ...]:
    """Return the providers of a `byok_config.json`, in file order; raise InputError."""
    document = read_json(path)
    entries = document.get("providers") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise InputError(
            'is not a provider registry: it has no list "providers"',
            where=path,
            todo="give the platform's byok_config.json",
        )
    limits.check_size(entries, limits.PROVIDERS, "providers", path)
    providers = Several(_provider(entry, n, path) for n, entry in enumerate(entries, 1))
    ids = [provider.id for provider in providers]
    if twice := next((one for one in ids if ids.count(one) > 1), None):
        todo = "keep one of the two, whichever the platform uses"
        raise InputError(f"lists the provider id {twice!r} twice", where=path, todo=todo)
    return providers


def default_registry(edition: str) -> Path:
    """Return the shipped registry of a shipped edition (`Rules.based_on`)."""
    return EDITIONS / f"{edition}.providers.json"


def _provider(entry: Any, number: int, path: Path) -> Provider:
    if not isinstance(entry, dict) or not isinstance(entry.get("id"), str) or not entry["id"]:
        raise InputError(f"provider number {number} has no id", where=path, todo="give it one")
    if looks_secret(entry["id"]):
        raise InputError(
            f"provider number {number} has what looks like a key for its id",
            where=path,
            todo="correct the entry",
        )
    variable, health = entry.get("api_key_env_var"), entry.get("health_score")
    active = entry.get("is_active")
    return Provider(
        id=storable(entry["id"]),
        api_key_env_var=variable if isinstance(variable, str) and is_variable(variable) else None,
        is_active=active if isinstance(active, bool) else None,
        health_score=_health(health),
    )


def _health(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:  # an integer that no float holds
        return None
