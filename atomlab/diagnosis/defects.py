"""Defects: what deviates from the norm in a tenant's rows, and so shows what was meant.

For a tenant without any key every provider's key removes the error: but-for alone cannot name
the cause. Rows that nearly name a key, or name one and hold none, are the evidence of intent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from atomlab.byok.keys import KeyLookup
from atomlab.byok.platform import Platform
from atomlab.evidence.inputs.registry import Provider, setting_key
from atomlab.evidence.names import Reading, key_stem, letters, reader
from atomlab.evidence.redaction import USABLE, State
from atomlab.text import listed

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

    `copy_from` is the tenant's row that holds the key instead, None if none does, and `others`
    are rows that would do in its place; `evidence` names rows, registry entries, and what was
    observed and required. `neighbours` are the names of vendors to which a misspelt one is equally
    near: which of them was meant is not known.
    """

    code: Code
    provider: str
    setting_key: str
    copy_from: str | None
    evidence: tuple[str, ...]
    others: tuple[str, ...] = ()
    neighbours: tuple[str, ...] = ()

    @property
    def claim(self) -> tuple[str, str, str]:
        """The code of the cause that it is, its provider, and the row."""
        return self.code, self.provider, self.setting_key


def find_defects(
    rows: Mapping[str, State], platform: Platform, tokens: Mapping[str, str] | None = None
) -> list[Defect]:
    """Return the defects in a tenant's rows (state by setting name), in registry order.

    With the rows' `tokens` the evidence says whether rows that would do hold the same value.
    """
    registry = platform.providers
    manager = platform.manager()
    own = {name for p in registry for name in (p.setting_key, *manager.key_names(p.id))}
    usable = {name for name, state in rows.items() if state in USABLE}
    strays = _strays(sorted(usable - own), platform)
    looked_up = zip(registry, manager.lookups_of(rows), strict=True)
    found = [
        defect
        for provider, look in looked_up
        if (defect := _defect(provider, look, rows, usable, platform, tokens or {}, strays))
    ]
    unknown: dict[str, Defect] = {}
    for defect in (_unknown(stray, platform) for stray in strays if _is_unknown(stray, platform)):
        # Of names that mean the same provider the platform would read the exact one.
        if defect.provider not in unknown or defect.copy_from is None:
            unknown[defect.provider] = defect
    return found + [unknown[provider] for provider in sorted(unknown)]


@dataclass(frozen=True)
class _Stray:
    """A usable row that is no provider's own: what its name says, and for which ids it is a key."""

    name: str
    reading: Reading | None
    meant: tuple[str, ...]

    @property
    def stem(self) -> str:
        return key_stem(self.name).lower()


def _strays(names: Sequence[str], platform: Platform) -> list[_Stray]:
    read = reader(platform.providers) if names else None  # reads a file, the first time
    return [_Stray(n, r := read(n), _meant(n, r, platform)) for n in names if read]


def _meant(name: str, reading: Reading | None, platform: Platform) -> tuple[str, ...]:
    """Return the registered ids for which a row holds the key under another name.

    They are the ones called so, of a vendor's several ids the first that has models; else also
    those that declare a variable called so. What the price map calls a provider is no slip.
    """
    if reading is None or (reading.slips and _in_price_map(key_stem(name).lower(), platform)):
        return ()
    every: list[str] = []
    for vendor in map(letters, reading.ids):
        called = [p.id for p in platform.providers if letters(p.id) == vendor]
        if any(map(platform.has_models, called)):
            return tuple(called)
        declared = ((p.id, p.api_key_env_var) for p in platform.providers)
        every += called + [i for i, name in declared if name and letters(key_stem(name)) == vendor]
    return tuple(dict.fromkeys(every))


def _in_price_map(provider: str, platform: Platform) -> bool:
    """Return whether the price map has models of a provider, be it registered or not."""
    return platform.knows(provider)


def _defect(
    provider: Provider,
    look: KeyLookup,
    rows: Mapping[str, State],
    usable: set[str],
    platform: Platform,
    tokens: Mapping[str, str],
    strays: Sequence[_Stray],
) -> Defect | None:
    evidence: tuple[str, ...]
    name = look.setting_key
    state = rows.get(name)
    allowed = provider.id in platform.rules.llm_providers
    if state in USABLE:
        if allowed:
            return None
        evidence = (
            f"row {name} holds a usable key ({state})",
            f"the registry has {provider.id}, the LLM allow-list of {platform.rules.name} has not",
        )
        return Defect("provider-not-llm", provider.id, name, None, evidence)
    if not allowed:
        return None
    aliases = _aliases(provider, usable, platform)
    near = _near_misses(provider, strays)
    # Where a row is there, what nearly has its name is not taken for its key.
    held = list(dict.fromkeys([*aliases, *near])) if state is None or aliases else []
    source = next(iter(held), None)
    others = tuple(name for name in held[1:] if rows[name] != "blank")
    beside = _beside(source, others, rows, tokens) if source and others else ()
    if state is not None:
        code: Code = "key-placeholder" if state == "placeholder" else "key-empty"
        evidence = (
            f"row {name} exists, its value is {state}; a usable key is required",
            *beside,
        )
        return Defect(code, provider.id, name, source, evidence, others)
    if source is None:
        return None
    declared = provider.api_key_env_var
    if aliases:
        evidence = (
            f"the tenant has no row {name}, which the platform looks for",
            f"row {source} holds a usable key ({rows[source]})",
            *([f"the registry declares {declared} for {provider.id} as well"] if declared else []),
            *beside,
        )
        key = (provider.id, name)
        return Defect("key-under-alias", *key, source, evidence, others)
    evidence = (
        f"the tenant has no row {name}, which the platform looks for",
        f"row {source!r} holds a usable key ({rows[source]}) under nearly that name",
        f"how it differs: {'; '.join(near[source])}",
        *beside,
    )
    return Defect("key-misnamed", provider.id, name, source, evidence, others)


def _aliases(provider: Provider, usable: set[str], platform: Platform) -> list[str]:
    """Return the usable rows of other ids that declare the same variable, then the variable's."""
    variable = provider.api_key_env_var or platform.manager().key_name(provider.id)
    sharing = [p.setting_key for p in platform.providers if p.api_key_env_var == variable]
    named = dict.fromkeys((*sharing, variable))
    return [key for key in named if key in usable and key != provider.setting_key]


def _near_misses(provider: Provider, strays: Sequence[_Stray]) -> dict[str, tuple[str, ...]]:
    """Return the rows that hold the provider's key under another name, and how that differs.

    The nearest is first: the one that is least misspelt, then that differs in the fewest ways.
    """
    near = [
        (s.reading.slips, key_stem(s.name) != key_stem(provider.id), len(s.reading.differs), s)
        for s in strays
        if s.reading is not None and provider.id in s.meant
    ]
    near.sort(key=lambda each: (*each[:3], each[3].name))
    return {stray.name: stray.reading.differs for *_, stray in near if stray.reading}


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


def _is_unknown(stray: _Stray, platform: Platform) -> bool:
    """Return whether a row is the key of a provider that the registry lacks.

    It is not if a provider with models may have it, or if the registry knows what it is called;
    but what the price map alone calls a provider is one.
    """
    if any(map(platform.has_models, stray.meant)):
        return False
    if _in_price_map(stray.stem, platform):
        return True
    named = stray.reading is not None or stray.name.endswith("_API_KEY")
    return not stray.meant and named and bool(stray.stem)


def _unknown(stray: _Stray, platform: Platform) -> Defect:
    """Return the defect of an unknown provider's row; what is misspelt is taken as it stands."""
    reading, provider = stray.reading, stray.stem
    if reading and not reading.slips and not _in_price_map(provider, platform):
        known = (i for i in reading.ids if _in_price_map(i, platform))
        provider = next(known, reading.ids[0])
    key = setting_key(provider)
    exact = stray.name == key
    told = reading.differs if reading and (reading.slips or not exact) else ()
    evidence = (
        f"row {stray.name if exact else repr(stray.name)} holds a usable key",
        f"the registry has no provider {provider}",
        *([f"how it differs: {'; '.join(told)}"] if told else []),
    )
    return Defect(
        *("provider-unknown", provider, key, None if exact else stray.name, evidence),
        neighbours=reading.neighbours if reading else (),
    )
