"""Defects: what deviates from the norm in a tenant's rows, and so shows what was meant.

For a tenant without any key every provider's key removes the error: but-for alone cannot name
the cause. Rows that nearly name a key, or name one and hold none, are the evidence of intent.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from atomlab.byok.platform import Platform
from atomlab.evidence.redaction import USABLE, State, canonical_name, key_stem
from atomlab.evidence.registry import Provider, setting_key
from atomlab.text import listed

Code = Literal[
    "key-under-alias",
    "key-misnamed",
    "key-empty",
    "key-placeholder",
    "provider-not-llm",
    "provider-unknown",
]


# The least likeness of names, as difflib has it, that one slip of a finger leaves.
_SLIP = 0.8


@dataclass(frozen=True)
class Defect:
    """A deviation: the provider that was meant, the row that the platform reads for it.

    `copy_from` is the tenant's row that holds the key instead, None if none does, and `others`
    are rows that would do in its place; `evidence` names rows, registry entries, and what was
    observed and required.
    """

    code: Code
    provider: str
    setting_key: str
    copy_from: str | None
    evidence: tuple[str, ...]
    others: tuple[str, ...] = ()


def find_defects(
    rows: Mapping[str, State], platform: Platform, tokens: Mapping[str, str] | None = None
) -> list[Defect]:
    """Return the defects in a tenant's rows (state by setting name), in registry order.

    With the rows' `tokens` the evidence says whether rows that would do hold the same value.
    """
    registry = platform.providers
    usable = {name for name, state in rows.items() if state in USABLE}
    found = [
        defect
        for provider in registry
        if (defect := _defect(provider, rows, usable, platform, tokens or {})) is not None
    ]
    misnamed = {d.copy_from for d in found if d.code == "key-misnamed"}
    own = {p.setting_key for p in registry}
    others = [n for n in usable - misnamed - own if n.endswith("_API_KEY") and key_stem(n)]
    # Of names that mean the same provider the platform would read the exact one.
    others.sort(key=lambda name: (name != canonical_name(name), name))
    unknown: dict[str, Defect] = {}
    for name in others:
        defect = _unknown(name, registry)
        if not _stem_known(name, registry) or _deregistered(name, defect.provider, platform):
            unknown.setdefault(defect.provider, defect)
    return found + [unknown[provider] for provider in sorted(unknown)]


def _defect(
    provider: Provider,
    rows: Mapping[str, State],
    usable: set[str],
    platform: Platform,
    tokens: Mapping[str, str],
) -> Defect | None:
    evidence: tuple[str, ...]
    state = rows.get(provider.setting_key)
    allowed = provider.id in platform.rules.llm_providers
    if state in USABLE:
        if allowed:
            return None
        evidence = (
            f"row {provider.setting_key} holds a usable key ({state})",
            f"the registry has {provider.id}, the LLM allow-list of {platform.rules.name} has not",
        )
        return Defect("provider-not-llm", provider.id, provider.setting_key, None, evidence)
    if not allowed:
        return None
    aliases = _aliases(provider, usable, platform)
    near = _near_misses(provider, usable, platform)
    # Where a row is there, what nearly has its name is not taken for its key.
    held = [*aliases, *near] if state is None or aliases else []
    source = next(iter(held), None)
    others = tuple(name for name in held[1:] if rows[name] != "blank")
    beside = _beside(source, others, rows, tokens) if source and others else ()
    if state is not None:
        code: Code = "key-placeholder" if state == "placeholder" else "key-empty"
        evidence = (
            f"row {provider.setting_key} exists, its value is {state}; a usable key is required",
            *beside,
        )
        return Defect(code, provider.id, provider.setting_key, source, evidence, others)
    if source is None:
        return None
    if aliases:
        evidence = (
            f"the tenant has no row {provider.setting_key}, which the platform looks for",
            f"row {source} holds a usable key ({rows[source]})",
            f"the registry declares {provider.api_key_env_var} for {provider.id} as well",
            *beside,
        )
        key = (provider.id, provider.setting_key)
        return Defect("key-under-alias", *key, source, evidence, others)
    evidence = (
        f"the tenant has no row {provider.setting_key}, which the platform looks for",
        f"row {source!r} holds a usable key ({rows[source]}) under nearly that name",
        *beside,
    )
    return Defect("key-misnamed", provider.id, provider.setting_key, source, evidence, others)


def _aliases(provider: Provider, usable: set[str], platform: Platform) -> list[str]:
    """Return the usable rows of other ids that declare the same variable, then the variable's."""
    variable = provider.api_key_env_var
    if not variable:
        return []
    sharing = [p.setting_key for p in platform.providers if p.api_key_env_var == variable]
    named = dict.fromkeys((*sharing, variable))
    return [key for key in named if key in usable and key != provider.setting_key]


def _near_misses(provider: Provider, usable: set[str], platform: Platform) -> list[str]:
    """Return the usable rows that differ from the wanted name only in accidents, nearest first.

    A row that is some provider's own is no near miss. The variable that the registry declares
    counts as a name of the provider's too, unless the row nearly names a provider with models.
    """
    own = {p.setting_key for p in platform.providers}
    near = sorted(usable - own)
    found = [n for stem in (key_stem, _letters) for n in near if stem(n) == stem(provider.id)]
    variable = provider.api_key_env_var
    named = {key_stem(p.id) for p in platform.providers if platform.has_models(p.id)}
    if variable and key_stem(variable) not in named:
        found += [name for name in near if key_stem(name) == key_stem(variable)]
    return list(dict.fromkeys(found))


def _beside(
    source: str, others: Sequence[str], rows: Mapping[str, State], tokens: Mapping[str, str]
) -> tuple[str, ...]:
    """Return the sentence that names the rows which would do in place of `source`."""

    def compared(name: str) -> str:
        if not {name, source} <= set(tokens):
            return ""
        if tokens[name] == tokens[source]:
            return " (the same value)"
        # Encrypted twice, the same key is two different values.
        encrypted = "ciphertext" in (rows[name], rows[source])
        return " (encrypted, not to be compared)" if encrypted else " (another value)"

    named = listed(f"{name!r}{compared(name)}" for name in others)
    return (f"{'row' if len(others) == 1 else 'rows'} {named} would do as well as {source!r}",)


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


def _unknown(name: str, registry: tuple[Provider, ...]) -> Defect:
    provider = canonical_name(name).removesuffix("_API_KEY").lower()
    evidence = (
        f"row {name} holds a usable key",
        f"the registry has no provider {provider}",
        *_slip(provider, registry),
    )
    return Defect("provider-unknown", provider, name, None, evidence)


def _slip(provider: str, registry: tuple[Provider, ...]) -> tuple[str, ...]:
    """Return the sentence that names the one setting that `provider` is nearly, if it is one."""
    by_lower = {p.id.lower(): p for p in registry}
    near = difflib.get_close_matches(provider, by_lower, n=2, cutoff=_SLIP)
    if len(near) != 1:
        return ()
    meant = by_lower[near[0]]
    return (f"nearly {meant.setting_key}, the setting of {meant.id}",)
