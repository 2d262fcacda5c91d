"""Defects: what deviates from the norm in a tenant's rows, and so shows what was meant.

For a tenant without any key every provider's key removes the error: but-for alone cannot name
the cause. Rows that nearly name a key, or name one and hold none, are the evidence of intent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from atomlab.byok.platform import Platform
from atomlab.evidence.inputs.registry import Provider, setting_key
from atomlab.evidence.names import Reading, key_stem, letters, reader
from atomlab.evidence.redaction import USABLE, State
from atomlab.shown import Shown
from atomlab.text import listed


@dataclass(frozen=True, repr=False)
class Defect(Shown):
    """A deviation: the provider that was meant, the row that the platform reads for it.

    `copy_from` is the tenant's row that holds the key instead, None if none does, and `others`
    are rows that would do in its place. `neighbours` are the names of vendors to which a misspelt
    one is equally near.
    """

    code: str
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


@dataclass(frozen=True)
class _Stray:
    """A usable row that is not a provider's own: what its name says, and whose key it may be."""

    name: str
    reading: Reading | None
    meant: tuple[str, ...]


@dataclass(frozen=True)
class _Held:
    """A tenant's rows by name: states, tokens where they are known, usable ones, and strays."""

    platform: Platform
    states: Mapping[str, State]
    tokens: Mapping[str, str]
    usable: set[str]
    strays: Sequence[_Stray]


def find_defects(
    rows: Mapping[str, State], platform: Platform, tokens: Mapping[str, str] | None = None
) -> list[Defect]:
    """Return the defects in a tenant's rows (state by setting name), in registry order.

    With the rows' `tokens` the evidence says whether rows that would do hold the same value.
    """
    registry, manager = platform.providers, platform.manager()
    usable = {name for name, state in rows.items() if state in USABLE}
    strays = _strays(sorted(usable - _own_names(platform)), platform)
    held = _Held(platform, rows, tokens or {}, usable, strays)
    concerned = _concerned(held)
    looked_up = ((p, manager.looked_up(p.id, rows)) for p in registry if p.id in concerned)
    found = [defect for p, name in looked_up if (defect := _defect(p, name, held))]
    unknown = [_unknown(stray, platform) for stray in strays if _is_unknown(stray, platform)]
    # Of names that mean the same provider the platform would read the exact one.
    unknown.sort(key=lambda d: (d.provider, d.copy_from is not None))
    return found + [next(same) for _, same in groupby(unknown, key=lambda d: d.provider)]


def _strays(names: Sequence[str], platform: Platform) -> list[_Stray]:
    read = reader(platform.providers) if names else None  # reads a file, the first time
    return [_Stray(n, r := read(n), _meant(n, r, platform)) for n in names if read]


def _meant(name: str, reading: Reading | None, platform: Platform) -> tuple[str, ...]:
    """Return the registered ids for which a row holds the key under another name.

    They are the ones called so, of a vendor's several ids the first that has models; else also
    those that declare a variable called so. What the price map calls a provider is not a slip.
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


def _defect(provider: Provider, name: str, held: _Held) -> Defect | None:
    """Return what is wrong with the row that the platform reads for the provider, if anything."""
    rules, state = held.platform.rules, held.states.get(name)
    allowed = provider.id in rules.llm_providers
    if state in USABLE and not allowed:
        lacking = f"{provider.id} is in the registry, but not on the LLM allow-list of {rules.name}"
        held_here = (f"row {name} holds a usable key ({state})", lacking)
        return Defect("provider-not-llm", provider.id, name, None, held_here)
    if state in USABLE or not allowed:
        return None
    aliases, near = _aliases(provider, held), _near_misses(provider, held.strays)
    # Where a row is there, what nearly has its name is not taken for its key.
    sources = list(dict.fromkeys([*aliases, *near])) if state is None or aliases else []
    if state is None and not sources:
        return None
    source = sources[0] if sources else None
    others = tuple(other for other in sources[1:] if held.states[other] != "blank")
    if state is not None:
        code = "key-placeholder" if state == "placeholder" else "key-empty"
        seen = [f"row {name} exists, its value is {state}; a usable key is required"]
    else:
        code, found = "key-misnamed", f"holds a usable key ({held.states[sources[0]]})"
        seen = [f"the tenant has no row {name}, which the platform looks for"]
        if aliases:
            code, declared = "key-under-alias", provider.api_key_env_var
            seen.append(f"row {source} {found}")
            seen += [f"the registry declares {declared} for {provider.id} as well"] * bool(declared)
        else:
            seen.append(f"row {source!r} {found} under a similar name")
            seen.append(f"how it differs: {'; '.join(near[sources[0]])}")
    evidence = (*seen, *_beside(source, others, held))
    return Defect(code, provider.id, name, source, evidence, others)


def _concerned(held: _Held) -> set[str]:
    """Return the ids of all providers of which a row may hold the key, under whatever name."""
    by_name = _providers_of(held.platform)
    found = {provider for name in held.states for provider in by_name.get(name, ())}
    return found.union(*(stray.meant for stray in held.strays))


def _aliases(provider: Provider, held: _Held) -> list[str]:
    """Return the usable rows of other ids that declare the same variable, then the variable's."""
    return [key for key in _alias_names(held.platform)[provider.id] if key in held.usable]


@lru_cache(maxsize=4)
def _own_names(platform: Platform) -> frozenset[str]:
    """Return the names of rows that are some provider's own."""
    names = platform.manager().key_names
    return frozenset(n for p in platform.providers for n in (p.setting_key, *names(p.id)))


@lru_cache(maxsize=4)
def _alias_names(platform: Platform) -> dict[str, list[str]]:
    """Return by provider the names of rows that may hold its key beside its own."""
    found = {}
    for provider in platform.providers:
        variable = provider.api_key_env_var or platform.manager().key_name(provider.id)
        sharing = [p.setting_key for p in platform.providers if p.api_key_env_var == variable]
        named = dict.fromkeys((*sharing, variable))
        found[provider.id] = [key for key in named if key != provider.setting_key]
    return found


@lru_cache(maxsize=4)
def _providers_of(platform: Platform) -> dict[str, list[str]]:
    """Return by the name of a row the providers that read it, or may have their key there."""
    found: dict[str, list[str]] = {}
    aliases, names = _alias_names(platform), platform.manager().key_names
    for p in platform.providers:
        for name in (p.setting_key, *names(p.id), *aliases[p.id]):
            found.setdefault(name, []).append(p.id)
    return found


def _near_misses(provider: Provider, strays: Sequence[_Stray]) -> dict[str, tuple[str, ...]]:
    """Return the rows that hold the provider's key under another name, the nearest name first."""
    near = [(s.name, s.reading) for s in strays if s.reading and provider.id in s.meant]
    stem = key_stem(provider.id)
    near.sort(key=lambda n: (n[1].slips, key_stem(n[0]) != stem, len(n[1].differs), n[0]))
    return {name: reading.differs for name, reading in near}


def _beside(source: str | None, others: Sequence[str], held: _Held) -> tuple[str, ...]:
    """Return the sentence that names the rows which would do in place of `source`."""
    if source is None or not others:
        return ()

    def compared(name: str) -> str:
        if not {name, source} <= set(held.tokens):
            return ""
        if held.tokens[name] == held.tokens[source]:
            return " (the same value)"
        # Encrypted twice, the same key is two different values.
        encrypted = "ciphertext" in (held.states[name], held.states[source])
        return " (encrypted, cannot be compared)" if encrypted else " (another value)"

    named = listed(f"{name!r}{compared(name)}" for name in others)
    return (f"{'row' if len(others) == 1 else 'rows'} {named} would do as well as {source!r}",)


def _in_price_map(provider: str, platform: Platform) -> bool:
    """Return whether the price map has models of a provider, be it registered or not."""
    return bool(platform.models_of(provider).any())


def _is_unknown(stray: _Stray, platform: Platform) -> bool:
    """Return whether a row is the key of a provider that the registry lacks."""
    if any(map(platform.has_models, stray.meant)):
        return False
    stem = key_stem(stray.name).lower()
    if _in_price_map(stem, platform):
        return True
    named = stray.reading is not None or stray.name.endswith("_API_KEY")
    return not stray.meant and named and bool(stem)


def _unknown(stray: _Stray, platform: Platform) -> Defect:
    """Return the defect of an unknown provider's row; what is misspelt is taken as it stands."""
    name, reading, provider = stray.name, stray.reading, key_stem(stray.name).lower()
    if reading and not reading.slips and not _in_price_map(provider, platform):
        provider = next((i for i in reading.ids if _in_price_map(i, platform)), reading.ids[0])
    key = setting_key(provider)
    evidence = [
        f"row {name if name == key else repr(name)} holds a usable key",
        f"the registry has no provider {provider}",
    ]
    if reading and reading.differs and (reading.slips or name != key):
        evidence.append(f"how it differs: {'; '.join(reading.differs)}")
    return Defect(
        *("provider-unknown", provider, key, None if name == key else name, tuple(evidence)),
        neighbours=reading.neighbours if reading else (),
    )
