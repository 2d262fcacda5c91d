"""Defects: what deviates from the norm in a tenant's rows, and so shows what was meant.

For a tenant without any key every provider's key removes the error: but-for alone cannot name
the cause. Rows that nearly name a key, or name one and hold none, are the evidence of intent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from atomlab.byok.platform import Platform
from atomlab.evidence.redaction import USABLE, State, canonical_name, key_stem
from atomlab.evidence.registry import Provider, setting_key

Code = Literal[
    "key-under-alias",
    "key-misnamed",
    "key-empty",
    "key-placeholder",
    "provider-not-llm",
    "provider-unknown",
]


@dataclass(frozen=True)
class Defect:
    """A deviation: the provider that was meant, the row that the platform reads for it.

    `copy_from` is the tenant's row that holds the key instead, None if none does; `evidence`
    names rows, registry entries, and what was observed and required.
    """

    code: Code
    provider: str
    setting_key: str
    copy_from: str | None
    evidence: tuple[str, ...]


def find_defects(rows: Mapping[str, State], platform: Platform) -> list[Defect]:
    """Return the defects in a tenant's rows (state by setting name), in registry order."""
    registry = platform.providers
    usable = {name for name, state in rows.items() if state in USABLE}
    found = [
        defect
        for provider in registry
        if (defect := _defect(provider, rows, usable, platform)) is not None
    ]
    misnamed = {d.copy_from for d in found if d.code == "key-misnamed"}
    own = {p.setting_key for p in registry}
    others = [n for n in usable - misnamed - own if n.endswith("_API_KEY") and key_stem(n)]
    # Of names that mean the same provider the platform would read the exact one.
    others.sort(key=lambda name: (name != canonical_name(name), name))
    unknown: dict[str, Defect] = {}
    for name in others:
        defect = _unknown(name)
        if not _stem_known(name, registry) or _deregistered(name, defect.provider, platform):
            unknown.setdefault(defect.provider, defect)
    return found + [unknown[provider] for provider in sorted(unknown)]


def _defect(
    provider: Provider, rows: Mapping[str, State], usable: set[str], platform: Platform
) -> Defect | None:
    evidence: tuple[str, ...]
    state = rows.get(provider.setting_key)
    listed = provider.id in platform.rules.llm_providers
    if state in USABLE:
        if listed:
            return None
        evidence = (
            f"row {provider.setting_key} holds a usable key ({state})",
            f"the registry has {provider.id}, the LLM allow-list of {platform.rules.name} has not",
        )
        return Defect("provider-not-llm", provider.id, provider.setting_key, None, evidence)
    if not listed:
        return None
    alias = _alias(provider, usable, platform)
    if state is not None:
        code: Code = "key-placeholder" if state == "placeholder" else "key-empty"
        evidence = (
            f"row {provider.setting_key} exists, its value is {state}; a usable key is required",
        )
        return Defect(code, provider.id, provider.setting_key, alias, evidence)
    if alias is not None:
        evidence = (
            f"the tenant has no row {provider.setting_key}, which the platform looks for",
            f"row {alias} holds a usable key ({rows[alias]})",
            f"the registry declares {provider.api_key_env_var} for {provider.id} as well",
        )
        return Defect("key-under-alias", provider.id, provider.setting_key, alias, evidence)
    near = _near_miss(provider, usable, platform)
    if near is not None:
        evidence = (
            f"the tenant has no row {provider.setting_key}, which the platform looks for",
            f"row {near!r} holds a usable key ({rows[near]}) under nearly that name",
        )
        return Defect("key-misnamed", provider.id, provider.setting_key, near, evidence)
    return None


def _alias(provider: Provider, usable: set[str], platform: Platform) -> str | None:
    """Return the usable row of another id that declares the same variable, or of the variable."""
    variable = provider.api_key_env_var
    if not variable:
        return None
    sharing = [p.setting_key for p in platform.providers if p.api_key_env_var == variable]
    return next(
        (key for key in (*sharing, variable) if key in usable and key != provider.setting_key),
        None,
    )


def _near_miss(provider: Provider, usable: set[str], platform: Platform) -> str | None:
    """Return the usable row that differs from the wanted name only in accidents.

    A row that is some provider's own is no near miss. The variable that the registry declares
    counts as a name of the provider's too, unless the row nearly names a provider with models.
    """
    own = {p.setting_key for p in platform.providers}
    near = sorted(usable - own)
    for stem in (key_stem, _letters):
        if by_id := [name for name in near if stem(name) == stem(provider.id)]:
            return by_id[0]
    variable = provider.api_key_env_var
    named = {key_stem(p.id) for p in platform.providers if platform.has_models(p.id)}
    if not variable or key_stem(variable) in named:
        return None
    return next((name for name in near if key_stem(name) == key_stem(variable)), None)


def _letters(name: str) -> str:
    """Return the stem without what may separate its words: `OPEN AI_API_KEY` is openai's."""
    return key_stem(name).replace("_", "")


def _deregistered(name: str, provider: str, platform: Platform) -> bool:
    """Return whether a declared variable's row names a provider that only the registry lacks."""
    if provider in platform.column or name != setting_key(provider):
        return False
    return bool((platform.models.provider == provider).any())


def _stem_known(name: str, registry: tuple[Provider, ...]) -> bool:
    stems = {key_stem(p.id) for p in registry}
    stems |= {key_stem(p.api_key_env_var) for p in registry if p.api_key_env_var}
    return key_stem(name) in stems


def _unknown(name: str) -> Defect:
    provider = canonical_name(name).removesuffix("_API_KEY").lower()
    evidence = (
        f"row {name} holds a usable key",
        f"the registry has no provider {provider}",
    )
    return Defect("provider-unknown", provider, name, None, evidence)
