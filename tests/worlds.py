"""Small random worlds: a price document, and beside it what every entry of it means."""

from __future__ import annotations

import dataclasses
import json
import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from atomlab.byok.platform import Platform
from atomlab.byok.request import Request
from atomlab.evidence.inputs.catalog import CatalogEntry
from atomlab.evidence.inputs.pricing import load_pricing
from atomlab.evidence.inputs.registry import Provider
from atomlab.evidence.inputs.rules import Rules, load_rules

PROVIDERS = ("openai", "anthropic", "groq", "gemini", "minimax", "minimax_2_7", "lux", "mini")
CAPABILITIES = ("vision", "tools", "computer_use", "singing")
PLANS = (None, "free", "trial", "pro", "PRO", "enterprise", "Enterprise", "solo", "no-such-plan")

# What a file may say where a number should be, and the number that it means, None for unknown.
ODD_NUMBERS: tuple[tuple[Any, float | None], ...] = (
    (None, None),
    ("", None),
    ("set to the maximum", None),
    ("-5", -5.0),
    ("NaN", None),
    ("1_000", None),
    ("1e999", None),
    ("0x10", None),
    (-1, -1.0),
    (-0.5, -0.5),
    (True, None),
    (False, None),
    (math.nan, None),
    (math.inf, None),
    (-math.inf, None),
    (10**400, None),
    ([5000], None),
    ({"tokens": 5000}, None),
    ("40000", 40000.0),
    (" 9000 ", 9000.0),
    ("0.0000025", 2.5e-6),
    ("3e-7", 3e-7),
    (0, 0.0),
    ("0", 0.0),
)
ODD_FLAGS: tuple[tuple[Any, bool | None], ...] = (
    (True, True),
    (False, False),
    (None, None),
    ("yes", None),
    (1, None),
    (math.nan, None),
)

RULES = load_rules("hosted-2026-05")

_NAMES = (
    *("gpt-4o", "gpt-4o-mini", "GPT-5.2", "o1-pro", "claude-3.5-sonnet", "claude-3-haiku"),
    *("MiniMax-M2.7", "MiniMax-M2.5", "minimax-m2.5", "deepseek-chat", "gemini-2.0-flash"),
    *("lux-1.0", "llama-70b", "tiny-8b", "big-reasoner", "x-thinking", "plain", "a/b", ""),
)


@dataclass(frozen=True)
class World:
    """A platform, and what its entries mean: `cache` has no field that is unknown."""

    document: dict[str, Any]
    cache: dict[str, dict[str, Any]]
    rules: Rules
    providers: tuple[Provider, ...]
    catalog: dict[str, CatalogEntry]

    @property
    def health(self) -> dict[str, float | None]:
        """The health score of each provider."""
        return {p.id: p.health_score for p in self.providers}

    @property
    def loaded(self) -> dict[str, dict[str, Any]]:
        """The cache as the platform has it: what it cannot reckon with stands as it is."""
        return {
            model: self.cache[model] | {n: raw for n, raw in entry.items() if _fails(n, entry)}
            for model, entry in self.document.items()
        }

    def platform(self) -> Platform:
        """Return the world as atomlab reads it, the prices from a file; a tenant has tokens."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "prices.json")
            path.write_text(json.dumps({"pricing": self.document}), encoding="utf-8")
            pricing = load_pricing(path)
        return Platform(self.rules, self.providers, pricing, self.catalog, redacted=True)


@st.composite
def worlds(draw: st.DrawFn, matchers: tuple[str, ...] = ("prefix", "substring")) -> World:
    """Draw a world with up to eight models and any of the providers."""
    prefixes = st.sampled_from([*(f"{p}/" for p in PROVIDERS), "OpenAI/", "other/", "", ""])
    ids = st.builds(str.__add__, prefixes, st.sampled_from(_NAMES))
    document, cache = {}, {}
    breaking = draw(st.sampled_from((False, False, True)))
    for model_id in draw(
        st.lists(ids, min_size=draw(st.sampled_from((0, 4))), max_size=8, unique=True)
    ):
        document[model_id], cache[model_id] = draw(_entries(breaking))
    catalog = draw(st.dictionaries(ids | _one_of(cache), _catalog_entries(), max_size=5))
    names = draw(_some(PROVIDERS))
    known = (None, None, 0.5, 0.9, 0.49, 0.0, 0.4996, 0.4995, 0.4994)
    scores = [draw(st.sampled_from(known)) for _ in names]
    return World(
        document=document,
        cache=cache,
        rules=dataclasses.replace(RULES, matcher=draw(st.sampled_from(matchers))),
        providers=tuple(
            Provider(name, health_score=score) for name, score in zip(names, scores, strict=True)
        ),
        catalog=catalog,
    )


def requests() -> st.SearchStrategy[Request]:
    """Draw a request with any of its fields."""
    return st.builds(
        Request,
        complexity=st.sampled_from(("simple", "moderate", "complex", "advanced")),
        capability=st.sampled_from((None, None, None, *CAPABILITIES)),
        tools=st.sampled_from((False, False, True)),
        managed=st.sampled_from((None, False, True)),
        turn=st.integers(0, 2),
        tokens=st.sampled_from((0, 1023, 1024, 2047, 2048, 100_000)),
        tier=st.none() | st.sampled_from(("micro", "standard", "versatile", "heavy", "complex")),
    )


@st.composite
def clients_of(draw: st.DrawFn, world: World) -> list[str]:
    """Draw some of the world's providers, in any order."""
    ids = [p.id for p in world.providers]
    return draw(_some(ids))


@st.composite
def _entries(draw: st.DrawFn, breaking: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """Draw an entry and its meaning; with what the ranking fails at, if it may be `breaking`."""
    odd = st.sampled_from(ODD_NUMBERS)
    sizes = (200_000, 32_000, 31_999, 16_000, 8_000, 4_000, 3_999)
    windows = st.sampled_from([(n, float(n)) for n in sizes])
    costs = st.floats(0, 1e-3).map(lambda x: (x, x))
    owners = st.sampled_from([*((p, p) for p in (*PROVIDERS, "OpenAI", ""))])
    odd_owners = st.sampled_from([(None, None), (7, None)])
    raw: dict[str, Any] = {}
    plain: dict[str, Any] = {}
    for name, values in {
        "litellm_provider": odd_owners if breaking and draw(st.integers(0, 19)) == 0 else owners,
        "input_cost_per_token": costs | odd,
        "output_cost_per_token": costs | odd,
        "max_input_tokens": windows | windows | windows | odd,
        "max_tokens": windows | odd,
        "supports_tools": st.sampled_from(ODD_FLAGS),
    }.items():
        if draw(st.integers(0, 9)) == 9:
            continue  # one in ten is missing
        said, meant = draw(values)
        if breaking or not _fails(name, {name: said}):
            raw[name] = said
            if meant is not None:
                plain[name] = meant
    return raw, plain


def _fails(name: str, entry: dict[str, Any]) -> bool:
    """Return whether the platform fails at a field of an entry, once it reads it (PLATFORM B)."""
    said = entry[name]
    if name == "litellm_provider":
        return not isinstance(said, str)
    if name == "max_tokens" and entry.get("max_input_tokens"):
        return False  # it is not looked at
    if name in ("max_input_tokens", "max_tokens"):
        return bool(said) and not isinstance(said, int | float)
    return name.endswith("_cost_per_token") and not isinstance(said, int | float)


def _some(items: Sequence[str]) -> st.SearchStrategy[list[str]]:
    """Draw a part of the items in any order, mostly a large part."""
    shuffled = st.permutations(items)
    return st.tuples(shuffled, st.sampled_from((0, 0, 0, 1, 3, len(items)))).map(
        lambda drawn: drawn[0][drawn[1] :]
    )


def _catalog_entries() -> st.SearchStrategy[CatalogEntry]:
    return st.builds(
        CatalogEntry, st.frozensets(st.sampled_from(CAPABILITIES)), excluded=st.booleans()
    )


def _one_of(cache: dict[str, Any]) -> st.SearchStrategy[str]:
    return st.sampled_from(sorted(cache)) if cache else st.nothing()
