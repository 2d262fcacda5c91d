"""Faults injected into healthy worlds: the diagnosis must name them, and nothing else."""

from __future__ import annotations

import dataclasses
import functools
import gzip
import json
import logging
import random
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import atomlab
from atomlab import Request
from atomlab.byok.platform import load_platform
from atomlab.byok.ranking import rank
from atomlab.evidence.inputs.registry import default_registry
from atomlab.evidence.inputs.rules import COMPLEXITIES, load_rules
from tests.conftest import ATOM_SCHEMA, ROOT

logger = logging.getLogger(__name__)

# Rules that faults are injected under: the incident's, and the same with the other matcher and
# with placeholders, which no shipped edition has.
HOSTED, STRICT = "hosted-2026-05", "strict"
VARIANTS: dict[str, dict[str, Any]] = {
    HOSTED: {},
    STRICT: {
        "matcher": "substring",
        "placeholder_prefixes": ["dummy", "60a9596d"],
        "placeholder_shorter_than": 12,
    },
}
# A plan that allows every model by a name, so that tools are asked for (PLATFORM B, *Tools*).
ANY_MODEL = {"free": [""]}
GOOD = "sk-a-good-key-of-some-length"
CIPHERTEXT = "gAAAA" + "b" * 60
SIMPLE = Request("simple")
FILTERS = ("context", "capability", "excluded", "health", "quality", "plan", "tools")
Pair = tuple[str, str | None]


def entry(owner: str, *, window: Any = 200_000, tools: bool = True) -> dict[str, Any]:
    """Return a price entry that passes every filter."""
    return {
        "input_cost_per_token": 1e-6,
        "output_cost_per_token": 2e-6,
        "max_input_tokens": window,
        "litellm_provider": owner,
        "supports_function_calling": tools,
    }


# Like the real map in what matters here: minimax is too weak for advanced requests, the suffixed
# ids and glm have no model, gemini's ids have one, google's have none.
SMALL = {
    "openai/gpt-5": entry("openai"),
    "groq/gpt-5-fast": entry("groq"),
    "gemini/gemini-3-pro": entry("gemini"),
    "mistral/o3-like": entry("mistral"),
    "deepinfra/gpt-5": entry("deepinfra"),
    "anthropic/claude-4-opus": entry("anthropic"),
    "minimax/MiniMax-M2.5": entry("minimax"),
    "tavily/search": {"litellm_provider": "tavily", "mode": "search"},
}


@functools.cache
def real_map() -> dict[str, Any]:
    """Return the real price map."""
    path = ROOT / "data" / "pricing" / "litellm-1.83.14-prices.json.gz"
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        document: dict[str, Any] = json.load(stream)
    return document


MAPS: dict[str, Callable[[], dict[str, Any]]] = {"small": lambda: SMALL, "real": real_map}


def owner_of(model: str, prices: Mapping[str, Any]) -> str:
    """Return who serves a model under the prefix rule."""
    declared = str(prices[model].get("litellm_provider") or "")
    return (model.split("/")[0] if "/" in model else declared).lower()


@dataclass(frozen=True, eq=False)
class Site:
    """The platform's side in its raw form: files and tables; `healthy` are the prices of old."""

    prices: dict[str, Any]
    healthy: dict[str, Any]
    registry: tuple[dict[str, Any], ...]
    rules: dict[str, Any] = field(default_factory=dict)
    catalog: tuple[tuple[str, str, int], ...] = ()
    edition: str = HOSTED

    def capture(self, folder: Path, tenants: Mapping[str, Mapping[str, object]]) -> Any:
        """Write a database, price map, registry and rules, and capture them."""
        folder.mkdir()
        db = sqlite3.connect(folder / "source.db")
        db.executescript(ATOM_SCHEMA)
        for name, rows in tenants.items():
            values = (f"id-{name}", name, name)
            db.execute("INSERT INTO tenants VALUES (?, ?, ?, 'free', 'byok', NULL, NULL)", values)
            db.executemany(
                "INSERT INTO tenant_settings (id, tenant_id, setting_key, setting_value)"
                " VALUES (?, ?, ?, ?)",
                [(f"{name}-{key}", f"id-{name}", key, value) for key, value in rows.items()],
            )
        db.executemany("INSERT INTO model_catalog VALUES (?, ?, ?)", self.catalog)
        db.commit()
        db.close()
        rules = {"name": "made", "based_on": HOSTED, **VARIANTS[self.edition], **self.rules}
        for name, document in {
            "prices.json": {"pricing": self.prices},
            "providers.json": {"providers": list(self.registry)},
            "rules.yaml": rules,
        }.items():
            (folder / name).write_text(json.dumps(document), encoding="utf-8")
        return atomlab.capture(
            str(folder / "source.db"),
            folder / "snapshot.sqlite",
            pricing=folder / "prices.json",
            providers=folder / "providers.json",
            rules=str(folder / "rules.yaml"),
        )


def site_on(prices: dict[str, Any], edition: str = HOSTED) -> Site:
    """Return a site without a fault."""
    registry = json.loads(default_registry(HOSTED).read_text(encoding="utf-8"))["providers"]
    return Site(prices, prices, tuple(registry), edition=edition)


Change = Callable[[Site], Site]


def _rules(**changes: Any) -> Change:
    return lambda site: dataclasses.replace(site, rules={**site.rules, **changes})


def _listed(site: Site) -> list[str]:
    return list(site.rules.get("llm_providers", load_rules(site.edition).llm_providers))


def off_list(provider: str) -> Change:
    """Take a provider off the LLM allow-list."""
    return lambda s: _rules(llm_providers=[p for p in _listed(s) if p != provider])(s)


def off_registry(provider: str) -> Change:
    """Take a provider out of the registry."""
    return lambda s: dataclasses.replace(
        s, registry=tuple(p for p in s.registry if p["id"] != provider)
    )


def with_models(provider: str, change: Callable[[dict[str, Any]], dict[str, Any] | None]) -> Change:
    """Change, or with None remove, each price entry that the provider serves."""

    def changed(site: Site) -> Site:
        made = {
            m: change(e) if owner_of(m, site.prices) == provider else e
            for m, e in site.prices.items()
        }
        return dataclasses.replace(site, prices={m: e for m, e in made.items() if e is not None})

    return changed


def no_models(provider: str) -> Change:
    """Lose the provider's models from the cache."""
    return with_models(provider, lambda _: None)


def short(provider: str, window: Any = 2_000) -> Change:
    """Give each of the provider's models the same small window."""
    return with_models(provider, lambda e: {**e, "max_input_tokens": window, "max_tokens": window})


def toolless(provider: str) -> Change:
    """Give no model of the provider tools."""
    return with_models(
        provider, lambda e: {**e, "supports_function_calling": False, "supports_tools": False}
    )


def cataloged(provider: str, capabilities: str = "[]", excluded: int = 0) -> Change:
    """Put every model of the provider into the catalogue."""

    def changed(site: Site) -> Site:
        mine = (m for m in site.prices if owner_of(m, site.prices) == provider)
        rows = tuple((m, capabilities, excluded) for m in mine)
        return dataclasses.replace(site, catalog=(*site.catalog, *rows))

    return changed


def unhealthy(provider: str, score: float = 0.2) -> Change:
    """Give the provider a bad health score."""
    return lambda s: dataclasses.replace(
        s,
        registry=tuple(
            {**p, "health_score": score} if p["id"] == provider else p for p in s.registry
        ),
    )


def strict_quality(_: str = "") -> Change:
    """Ask for more quality than any model has."""
    return _rules(min_quality=dict.fromkeys(COMPLEXITIES, 101))


def no_prices(_: str = "") -> Change:
    """Empty the pricing cache."""
    return lambda site: dataclasses.replace(site, prices={})


def all_of(*changes: Change) -> Change:
    """Make one change after the other."""
    return lambda site: functools.reduce(lambda s, change: change(s), changes, site)


def unchanged(site: Site) -> Site:
    """Change nothing."""
    return site


def waived(name: str) -> Change:
    """Let every model pass a filter, the way an operator would."""
    if name == "context":
        return _rules(min_context_tokens=dict.fromkeys(COMPLEXITIES, 0))
    if name == "quality":
        return _rules(min_quality=dict.fromkeys(COMPLEXITIES, 0))
    if name == "plan":
        return _rules(plans={"free": None})
    if name == "tools":
        return lambda s: dataclasses.replace(
            s,
            prices={
                m: {**e, "supports_function_calling": True, "supports_tools": True}
                for m, e in s.prices.items()
            },
        )
    if name == "health":
        return lambda s: dataclasses.replace(
            s, registry=tuple({**p, "health_score": None} for p in s.registry)
        )
    return lambda s: dataclasses.replace(s, catalog=())  # capability, excluded


def repaired(
    site: Site, rows: Mapping[str, object], edits: Sequence[Any]
) -> tuple[Site, dict[str, object]]:
    """Return the site and the tenant's rows with a fix made by hand, in the raw data."""
    held = dict(rows)
    for edit in edits:
        if edit.kind in ("copy-key", "repair-row", "new-credential"):
            held[edit.setting_key] = held[edit.copy_from] if edit.copy_from else GOOD
        elif edit.kind == "waive-filter":
            site = waived(edit.filter)(site)
        elif edit.kind == "refresh-pricing":
            site = dataclasses.replace(site, prices=site.healthy)
        else:
            assert edit.kind in ("allow-provider", "register-provider")
            if edit.kind == "register-provider":
                added = (*site.registry, {"id": edit.provider})
                site = dataclasses.replace(site, registry=added)
            site = _rules(llm_providers=[*_listed(site), edit.provider])(site)
    return site, held


@dataclass(frozen=True)
class Case:
    """Rows and changes of the platform, and the causes that they must be explained by.

    The first of `causes` is the root cause; the others are compared as a set. `edits` are the
    kinds of the edits of its first fix set, empty where no fix set can be run.
    """

    rows: Mapping[str, object]
    causes: Sequence[Pair]
    role: str | None = "one-of-k"
    alone: bool = True
    everywhere: bool = False
    verdict: str = "confirmed"
    edits: Sequence[tuple[str, str | None]] = ()
    change: Change = unchanged
    request: Request = SIMPLE
    edition: str = HOSTED


def _copy(to: str, source: str) -> list[tuple[str, str | None]]:
    return [(f"copy-key {to}", source)]


def _misnamed(name: str, value: object = GOOD) -> Case:
    edits = _copy("OPENAI_API_KEY", name)
    return Case({name: value}, [("key-misnamed", "openai")], edits=edits)


def _aliased(donor: str, provider: str) -> Case:
    key, source = f"{provider.upper()}_API_KEY", f"{donor.upper()}_API_KEY"
    return Case({source: GOOD}, [("key-under-alias", provider)], edits=_copy(key, source))


def _blocked(code: str, change: Change, request: Request = SIMPLE) -> Case:
    name = "context" if code == "context-window" else code
    return Case(
        {"OPENAI_API_KEY": GOOD},
        [(code, "openai")],
        edits=[(f"waive-filter {name}", None)],
        change=change,
        request=request,
    )


MISNAMED = {
    "lower-case": "openai_api_key",
    "mixed-case": "OpenAI_Api_Key",
    "hyphens": "OPENAI-API-KEY",
    "spaces": "OPENAI API KEY",
    "space-before": " OPENAI_API_KEY",
    "space-after": "OPENAI_API_KEY ",
    "space-inside": "OPEN AI_API_KEY",
    "hyphen-inside": "OPEN-AI_API_KEY",
    "without-api-key": "OPENAI",
    "without-api-key-lower-case": "openai",
    "doubled-api-key": "OPENAI_API_KEY_API_KEY",
    "one-underscore-lost": "OPENAI_APIKEY",
}
REPAIR = [("repair-row OPENAI_API_KEY", None)]
SINGLE: dict[str, Case] = {
    **{f"key-misnamed-{form}": _misnamed(name) for form, name in MISNAMED.items()},
    "key-misnamed-ciphertext": _misnamed("openai_api_key", CIPHERTEXT),
    "key-under-alias-incident": _aliased("minimax_2_7", "minimax"),
    "key-under-alias-minimax-2-5": _aliased("minimax_2_5", "minimax"),
    "key-under-alias-openai": _aliased("openai_5_3", "openai"),
    "key-under-alias-anthropic": _aliased("anthropic_opus_4_6", "anthropic"),
    "key-under-alias-gemini-not-google": _aliased("google_flash", "gemini"),
    "key-under-alias-google-key": _aliased("google", "gemini"),
    "key-under-alias-ciphertext": Case(
        {"MINIMAX_2_7_API_KEY": CIPHERTEXT},
        [("key-under-alias", "minimax")],
        edits=_copy("MINIMAX_API_KEY", "MINIMAX_2_7_API_KEY"),
    ),
    "key-under-alias-that-is-off-the-list": dataclasses.replace(
        _aliased("minimax_2_7", "minimax"), change=off_list("minimax_2_7")
    ),
    "key-empty-null": Case({"OPENAI_API_KEY": None}, [("key-empty", "openai")], edits=REPAIR),
    "key-empty-text": Case({"OPENAI_API_KEY": ""}, [("key-empty", "openai")], edits=REPAIR),
    "key-empty-beside-alias": Case(
        {"MINIMAX_API_KEY": None, "MINIMAX_2_7_API_KEY": GOOD},
        [("key-empty", "minimax")],
        edits=[("repair-row MINIMAX_API_KEY", "MINIMAX_2_7_API_KEY")],
    ),
    **{
        f"key-placeholder-{form}": Case(
            {"OPENAI_API_KEY": value},
            [("key-placeholder", "openai")],
            edits=REPAIR,
            edition=STRICT,
        )
        for form, value in {
            "dummy": "dummy-key-of-some-length",
            "known": "60a9596d-0000-0000-0000",
            "short": "sk-short",
            "blank": "   ",
        }.items()
    },
    "provider-not-llm": Case(
        {"OPENAI_API_KEY": GOOD},
        [("provider-not-llm", "openai")],
        edits=[("allow-provider openai", None)],
        change=off_list("openai"),
    ),
    "provider-unknown": Case(
        {"MISTRAL_API_KEY": GOOD},
        [("provider-unknown", "mistral")],
        edits=[("register-provider mistral", None)],
        change=off_registry("mistral"),
    ),
    "provider-unknown-though-its-variable-is-declared": Case(
        {"OPENAI_API_KEY": GOOD},
        [("provider-unknown", "openai")],
        edits=[("register-provider openai", None)],
        change=off_registry("openai"),
    ),
    "provider-unknown-without-models": Case(
        {"MYSTERY_API_KEY": GOOD}, [("no-keys", None)], everywhere=True
    ),
    "provider-not-llm-without-models": Case(
        {"YODA_API_KEY": GOOD},
        [("no-keys", None)],
        everywhere=True,
        change=lambda s: dataclasses.replace(s, registry=(*s.registry, {"id": "yoda"})),
    ),
    "orphan-client": Case(
        {"GLM_API_KEY": GOOD}, [("orphan-client", "glm")], role=None, alone=False
    ),
    "orphan-client-suffixed": Case(
        {"GLM_5_API_KEY": GOOD}, [("orphan-client", "glm_5")], role=None, alone=False
    ),
    "orphan-client-models-lost": Case(
        {"MISTRAL_API_KEY": GOOD},
        [("orphan-client", "mistral")],
        role=None,
        alone=False,
        change=no_models("mistral"),
    ),
    "orphan-client-alias-without-models": Case(
        {"MINIMAX_2_7_API_KEY": GOOD},
        [("orphan-client", "minimax_2_7")],
        role=None,
        alone=False,
        change=no_models("minimax"),
    ),
    "context-window": _blocked("context-window", short("openai")),
    "capability": _blocked(
        "capability", cataloged("openai", '["singing"]'), Request("simple", capability="vision")
    ),
    "excluded": _blocked("excluded", cataloged("openai", excluded=1)),
    "health": _blocked("health", unhealthy("openai")),
    "tools": _blocked(
        "tools",
        all_of(toolless("openai"), _rules(plans=ANY_MODEL)),
        Request("simple", tools=True, managed=True),
    ),
    "quality": dataclasses.replace(
        _blocked("quality", strict_quality()), role="sole", everywhere=True
    ),
    "quality-minimax-advanced": Case(
        {"MINIMAX_API_KEY": GOOD},
        [("quality", "minimax")],
        edits=[("waive-filter quality", None)],
        request=Request("advanced"),
    ),
    "plan": dataclasses.replace(
        _blocked("plan", _rules(plans={"free": ["no-such-model"]}), Request(managed=True)),
        role="sole",
        everywhere=True,
    ),
    "no-keys": Case({}, [("no-keys", None)], everywhere=True),
    "no-keys-but-other-settings": Case(
        {"billing": "{}", "slack_token": "xoxb"}, [("no-keys", None)], everywhere=True
    ),
    "pricing-cache-empty": Case(
        {"OPENAI_API_KEY": GOOD},
        [("pricing-cache-empty", None)],
        role="sole",
        everywhere=True,
        change=no_prices(),
    ),
    "pricing-cache-empty-and-unhelpful-rows": Case(
        {"OPENAI_API_KEY": GOOD, "GROQ_API_KEY": "", "STRIPE_API_KEY": GOOD},
        [("pricing-cache-empty", None)],
        role="sole",
        everywhere=True,
        change=no_prices(),
    ),
    # Distractors: beside the fault, these must not appear.
    "distractor-near-miss-without-models": Case(
        {"OPENAI_API_KEY": "", "qwen_api_key": GOOD, "LUX": GOOD},
        [("key-empty", "openai")],
        edits=REPAIR,
    ),
    "distractor-foreign-services": Case(
        {"OPENAI_API_KEY": "", "STRIPE_API_KEY": GOOD, "SENDGRID_API_KEY": GOOD},
        [("key-empty", "openai")],
        edits=REPAIR,
    ),
    "distractor-search-key": Case(
        {"OPENAI_API_KEY": "", "TAVILY_API_KEY": GOOD}, [("key-empty", "openai")], edits=REPAIR
    ),
    "distractor-service-beside-blocked-client": Case(
        {"MINIMAX_API_KEY": GOOD, "STRIPE_API_KEY": GOOD, "TAVILY_API_KEY": GOOD},
        [("quality", "minimax")],
        edits=[("waive-filter quality", None)],
        request=Request("advanced"),
    ),
    "distractor-orphan-beside-blocked-client": Case(
        {"MINIMAX_API_KEY": GOOD, "MINIMAX_2_7_API_KEY": GOOD, "GLM_API_KEY": GOOD},
        [("quality", "minimax")],
        edits=[("waive-filter quality", None)],
        request=Request("advanced"),
    ),
    "distractor-empty-row-without-models": Case(
        {"MINIMAX_2_7_API_KEY": GOOD, "GLM_API_KEY": "", "QWEN_API_KEY": None},
        [("key-under-alias", "minimax")],
        edits=_copy("MINIMAX_API_KEY", "MINIMAX_2_7_API_KEY"),
    ),
}

JOINT: dict[str, Case] = {
    "two-empty-rows": Case(
        {"OPENAI_API_KEY": "", "MISTRAL_API_KEY": None},
        [("key-empty", "openai"), ("key-empty", "mistral")],
        edits=REPAIR,
    ),
    "empty-and-misnamed": Case(
        {"MISTRAL_API_KEY": "", "openai_api_key": GOOD},
        [("key-misnamed", "openai"), ("key-empty", "mistral")],
        edits=_copy("OPENAI_API_KEY", "openai_api_key"),
    ),
    "alias-and-misnamed": Case(
        {"MINIMAX_2_7_API_KEY": GOOD, "OPENAI-API-KEY": GOOD},
        [("key-misnamed", "openai"), ("key-under-alias", "minimax")],
        edits=_copy("OPENAI_API_KEY", "OPENAI-API-KEY"),
    ),
    "empty-and-placeholder": Case(
        {"OPENAI_API_KEY": "", "MISTRAL_API_KEY": "dummy-key-of-length"},
        [("key-empty", "openai"), ("key-placeholder", "mistral")],
        edits=REPAIR,
        edition=STRICT,
    ),
    "alias-and-quality-at-advanced": Case(
        {"MINIMAX_2_7_API_KEY": GOOD},
        [("key-under-alias", "minimax"), ("quality", "minimax")],
        role="joint",
        alone=False,
        edits=[
            *_copy("MINIMAX_API_KEY", "MINIMAX_2_7_API_KEY"),
            ("waive-filter quality", None),
        ],
        request=Request("advanced"),
    ),
    "not-llm-and-unknown": Case(
        {"OPENAI_API_KEY": GOOD, "MISTRAL_API_KEY": GOOD},
        [("provider-not-llm", "openai"), ("provider-unknown", "mistral")],
        edits=[("allow-provider openai", None)],
        change=all_of(off_list("openai"), off_registry("mistral")),
    ),
    "empty-and-not-llm": Case(
        {"GROQ_API_KEY": GOOD, "OPENAI_API_KEY": None},
        [("key-empty", "openai"), ("provider-not-llm", "groq")],
        edits=REPAIR,
        change=off_list("groq"),
    ),
    "context-and-quality-on-the-only-client": Case(
        {"OPENAI_API_KEY": GOOD},
        [("context-window", "openai"), ("quality", "openai")],
        role="joint",
        alone=False,
        edits=[("waive-filter context", None), ("waive-filter quality", None)],
        change=all_of(short("openai"), strict_quality()),
    ),
    "empty-and-unhealthy": Case(
        {"OPENAI_API_KEY": ""},
        [("key-empty", "openai"), ("health", "openai")],
        role="joint",
        alone=False,
        edits=[*REPAIR, ("waive-filter health", None)],
        change=unhealthy("openai"),
    ),
    "two-unhealthy-clients": Case(
        {"OPENAI_API_KEY": GOOD, "MISTRAL_API_KEY": GOOD},
        [("health", "openai"), ("health", "mistral")],
        edits=[("waive-filter health", None)],
        change=all_of(unhealthy("openai"), unhealthy("mistral")),
    ),
    "orphan-and-empty": Case(
        {"GLM_API_KEY": GOOD, "OPENAI_API_KEY": ""},
        [("key-empty", "openai"), ("orphan-client", "glm")],
        edits=REPAIR,
    ),
    "empty-cache-and-empty-row": Case(
        {"OPENAI_API_KEY": ""},
        [("pricing-cache-empty", None), ("key-empty", "openai")],
        role="joint",
        alone=False,
        everywhere=True,
        change=no_prices(),
    ),
    "empty-cache-and-no-keys": Case(
        {},
        [("pricing-cache-empty", None), ("no-keys", None)],
        role="joint",
        alone=False,
        everywhere=True,
        change=no_prices(),
    ),
}


def diagnosed(site: Site, folder: Path, rows: Mapping[str, object], request: Request) -> Any:
    """Return the diagnosis of one request of a tenant, among others with keys of their own."""
    others = {"other": {"OPENAI_API_KEY": GOOD, "MINIMAX_API_KEY": GOOD, "mistral-api-key": GOOD}}
    with site.capture(folder, {"acme": rows, **others}) as snapshot:
        return atomlab.diagnose(snapshot, "acme", [request]).requests[0]


def names(causes: Any) -> list[Pair]:
    """Return the codes and providers of causes."""
    return [(cause.code, cause.provider) for cause in causes]


def told(edits: Any) -> list[tuple[str, str | None]]:
    """Return edits as the cases write them."""
    return [(f"{e.kind} {e.filter or e.setting_key or e.provider}", e.copy_from) for e in edits]


def fix_of(cause: Any, fix_sets: Any) -> Any:
    """Return the cheapest fix set that repairs the cause, None if there is none."""
    if cause.provider is None:
        return next(iter(fix_sets), None)
    name = cause.code.removesuffix("-window")
    atom = name if name in FILTERS else f"client:{cause.provider}"
    return next((f for f in fix_sets if atom in f.atoms), None)


# How a name is misspelt does not depend on the prices: one form is enough on the real map.
CASES = [
    (name, prices)
    for name in (*SINGLE, *JOINT)
    for prices in MAPS
    if prices == "small" or not name.startswith(("key-misnamed-", "key-placeholder-s"))
]


@pytest.mark.parametrize(("name", "prices"), [*CASES, ("key-misnamed-hyphens", "real")])
def test_injected_fault_is_named_ranked_and_repaired(tmp_path, name, prices):
    """A fault's code, provider, role and fix are found, whatever lies beside it."""
    case = {**SINGLE, **JOINT}[name]
    site = case.change(site_on(MAPS[prices](), case.edition))
    found = diagnosed(site, tmp_path / "world", case.rows, case.request)

    assert found.outcome == "no-models"
    causes, fix_sets = found.explanation.causes, found.explanation.fix_sets
    assert set(names(causes)) == set(case.causes)
    assert len(causes) == len(case.causes)
    root = causes[0]
    assert (root.code, root.provider) == case.causes[0]
    shown = (root.role, root.sufficient_alone, root.in_every_fix_set, root.verdict)
    assert shown == (case.role, case.alone, case.everywhere, case.verdict)
    if case.edits:
        fix = fix_of(root, fix_sets)
        assert fix.verified
        assert told(fix.edits) == list(case.edits)
        mended, rows = repaired(site, case.rows, fix.edits)
        after = diagnosed(mended, tmp_path / "mended", rows, case.request)
        assert after.outcome == "ranked"
        assert after.explanation.causes == ()
        before = found.explanation.trials[0].after.winner
        assert after.ranking.winner.model == before.model


def test_every_cause_code_of_the_design_has_a_case():
    """No code of the design goes untested."""
    codes = {case.causes[0][0] for case in SINGLE.values()}
    assert codes == {
        *("pricing-cache-empty", "key-under-alias", "key-misnamed", "key-empty"),
        *("key-placeholder", "provider-not-llm", "provider-unknown", "orphan-client"),
        *("context-window", "capability", "excluded", "health", "quality", "plan", "tools"),
        "no-keys",
    }


HEALTHY = {
    "one-key": {"OPENAI_API_KEY": GOOD},
    "ciphertext": {"OPENAI_API_KEY": CIPHERTEXT},
    "blank": {"OPENAI_API_KEY": "   "},
    "beside-empty-rows": {"OPENAI_API_KEY": GOOD, "MISTRAL_API_KEY": "", "GROQ_API_KEY": None},
    "beside-near-misses": {"OPENAI_API_KEY": GOOD, "groq_api_key": GOOD, "openai": GOOD},
    "beside-other-services": {
        "OPENAI_API_KEY": GOOD,
        "STRIPE_API_KEY": GOOD,
        "TAVILY_API_KEY": "x",
    },
    "beside-orphans": {"OPENAI_API_KEY": GOOD, "GLM_API_KEY": GOOD, "MINIMAX_2_7_API_KEY": GOOD},
}


@pytest.mark.parametrize("prices", MAPS)
def test_healthy_tenants_have_no_causes(tmp_path, prices):
    """Where models are ranked nothing is explained, whatever rows lie beside the working key."""
    with site_on(MAPS[prices]()).capture(tmp_path / "world", HEALTHY) as snapshot:
        for name in HEALTHY:
            for found in atomlab.diagnose(snapshot, name).requests:
                assert found.outcome == "ranked"
                assert found.explanation.causes == ()
                assert found.explanation.fix_sets == ()


def test_without_captured_prices_nothing_is_explained(captured):
    """No cache in the evidence: every request is inconclusive, no cause is named."""
    snapshot = captured({"acme": {"MINIMAX_2_7_API_KEY": GOOD}}, pricing=None)
    for found in atomlab.diagnose(snapshot, "acme").requests:
        assert (found.outcome, found.explanation.causes) == ("inconclusive", ())
        assert [(r.code, r.ruled_out) for r in found.rivals] == [("pricing-cache-empty", False)]


def test_tenant_that_was_narrowed_away_is_no_finding(captured):
    """A tenant that the capture left out cannot be diagnosed, let alone explained."""
    snapshot = captured({"acme": {"OPENAI_API_KEY": ""}, "other": {}}, tenants=["other"])
    with pytest.raises(atomlab.AtomlabError, match="acme"):
        atomlab.diagnose(snapshot, "acme")


def test_unknown_windows_are_never_confirmed_as_too_small(tmp_path):
    """A cache that does not state the windows cannot prove that they are too small."""
    site = short("openai", None)(site_on(SMALL))
    found = diagnosed(site, tmp_path / "world", {"OPENAI_API_KEY": GOOD}, Request("simple"))
    [cause] = found.explanation.causes
    assert (cause.code, cause.provider) == ("context-window", "openai")
    assert cause.verdict == "inconclusive"


def test_empty_cache_of_a_suffixed_client_is_not_confirmed(tmp_path):
    """Only prices could tell whether `minimax_2_7` has models: a refresh alone is not proven."""
    site, rows = no_prices()(site_on(real_map())), {"MINIMAX_2_7_API_KEY": GOOD}
    found = diagnosed(site, tmp_path / "world", rows, Request("simple"))
    assert names(found.explanation.causes) == [("pricing-cache-empty", None)]
    assert found.explanation.causes[0].verdict == "inconclusive"
    refreshed = dataclasses.replace(site, prices=site.healthy)
    after = diagnosed(refreshed, tmp_path / "after", rows, Request("simple"))
    assert names(after.explanation.causes) == [("key-under-alias", "minimax")]


def test_ciphertext_is_taken_as_a_key_and_explains_nothing(tmp_path):
    """Whether an encrypted value is a placeholder cannot be seen: it is never called one."""
    site, rows = site_on(SMALL, STRICT), {"OPENAI_API_KEY": CIPHERTEXT}
    healthy = diagnosed(site, tmp_path / "healthy", rows, Request("simple"))
    assert (healthy.outcome, healthy.explanation.causes) == ("ranked", ())
    blocked = diagnosed(unhealthy("openai")(site), tmp_path / "blocked", rows, Request("simple"))
    assert names(blocked.explanation.causes) == [("health", "openai")]


# The random injector: faults of a healthy tenant of one or two providers, at any complexity.
ALIASES = {
    "minimax": ("minimax_2_5", "minimax_2_7"),
    "openai": ("openai_5_3",),
    "anthropic": ("anthropic_opus_4_6",),
    "gemini": ("google", "google_flash", "gemini_flash"),
}
SITE_FAULTS: dict[str, Callable[[str], Change]] = {
    "provider-not-llm": off_list,
    "provider-unknown": off_registry,
    "orphan-client": no_models,
    "context-window": short,
    "capability": lambda p: cataloged(p, '["singing"]'),
    "excluded": lambda p: cataloged(p, excluded=1),
    "health": unhealthy,
    "quality": strict_quality,
    "plan": lambda _: _rules(plans={"free": ["no-such-model"]}),
    "tools": lambda p: all_of(toolless(p), _rules(plans=ANY_MODEL)),
    "pricing-cache-empty": no_prices,
}
# Filter faults that stop one provider only, and so can be joined with a fault of its key.
BLOCKING = ("context-window", "excluded", "health")
MISSPELT: tuple[Callable[[str], str], ...] = (
    lambda p: f"{p}_api_key",
    lambda p: f"{p.upper()}-API-KEY",
    lambda p: f"{p.upper()} API KEY",
    lambda p: p.upper(),
    lambda p: f"{p.upper()}_API_KEY_API_KEY",
    lambda p: f" {p.title()}_Api_Key ",
)
BESIDE = ("STRIPE_API_KEY", "TAVILY_API_KEY", "qwen_api_key", "slack_token", "QWEN_API_KEY")


@dataclass(frozen=True)
class Injection:
    """A tenant's rows on a site (by its key), and the causes that explain its error."""

    site: tuple[str, ...]
    rows: dict[str, object]
    request: Request
    causes: frozenset[Pair]


SEED = 20260502
KINDS = ("rows", "rows", "row-filter", "filters", "alias-quality", "row-site")


class Injector:
    """Draws faults on the real map from a seed; sites are made once."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.random, self.sites = random.Random(seed), {}
        for edition in (HOSTED, STRICT):
            self.sites[edition,] = site_on(real_map(), edition)
        self.offers: dict[tuple[str, str], list[str]] = defaultdict(list)
        for edition in (HOSTED, STRICT):
            with self.sites[edition,].capture(folder / edition, {"a": {}}) as snapshot:
                platform = load_platform(snapshot.session)
            for p in platform.providers:
                for c in COMPLEXITIES:
                    if p.id in platform.rules.llm_providers and len(
                        rank(platform, [p.id], Request(c)).order
                    ):
                        self.offers[edition, c].append(p.id)

    def site(self, edition: str, **changes: Change) -> tuple[str, ...]:
        """Return the key of the site with the changes made, each known by its name."""
        key = (edition, *sorted(changes))
        if key not in self.sites:
            self.sites[key] = all_of(*changes.values())(self.sites[edition,])
        return key

    def defect(self, provider: str, code: str) -> dict[str, object]:
        """Return the row that has the fault, instead of the provider's own."""
        key = f"{provider.upper()}_API_KEY"
        if code == "key-empty":
            return {key: self.random.choice([None, ""])}
        if code == "key-placeholder":
            return {key: self.random.choice(["dummy-but-long-enough", "60a9596d-as-well", "short"])}
        if code == "key-misnamed":
            return {self.random.choice(MISSPELT)(provider): self.random.choice([GOOD, CIPHERTEXT])}
        return {f"{self.random.choice(ALIASES[provider]).upper()}_API_KEY": GOOD}

    def row_fault(self, edition: str, provider: str) -> str:
        """Return a fault that a row for the provider can have under the edition."""
        codes = ["key-empty", "key-misnamed"]
        codes += ["key-placeholder"] * (edition == STRICT)
        codes += ["key-under-alias"] * (edition == HOSTED and provider in ALIASES)
        return self.random.choice(codes)

    def beside(self) -> dict[str, object]:
        """Return rows that have nothing to do with the fault."""
        chosen = self.random.sample(BESIDE, self.random.choice([0, 0, 1, 2]))
        return {name: "" if name == "QWEN_API_KEY" else GOOD for name in chosen}

    def single(self) -> Injection:
        """Return one fault."""
        if self.random.random() < 0.05:
            request = Request(self.random.choice(COMPLEXITIES))
            return Injection((HOSTED,), {}, request, frozenset({("no-keys", None)}))
        if self.random.random() < 0.6:
            edition = self.random.choice([HOSTED, HOSTED, STRICT])
            complexity = self.random.choice(COMPLEXITIES)
            provider = self.random.choice(self.offers[edition, complexity])
            code = self.row_fault(edition, provider)
            rows = {**self.defect(provider, code), **self.hosted_beside(edition)}
            causes = frozenset({(code, provider)})
            return Injection((edition,), rows, Request(complexity), causes)
        code = self.random.choice(list(SITE_FAULTS))
        complexity = self.random.choice(COMPLEXITIES)
        offered = {"openai", "moonshot"} & set(self.offers[HOSTED, complexity])
        provider = self.random.choice(sorted(offered))
        site = self.site(HOSTED, **{f"{code}:{provider}": SITE_FAULTS[code](provider)})
        request = Request(
            complexity,
            capability="vision" if code == "capability" else None,
            tools=code == "tools",
            managed=code in ("plan", "tools"),
        )
        rows = {f"{provider.upper()}_API_KEY": GOOD}
        named = None if code == "pricing-cache-empty" else provider
        return Injection(site, rows, request, frozenset({(code, named)}))

    def hosted_beside(self, edition: str) -> dict[str, object]:
        """Return distractors; under the substring rule glm and qwen do have models."""
        return self.beside() if edition == HOSTED else {"STRIPE_API_KEY": GOOD}

    def joint(self) -> Injection:
        """Return two faults, of two providers or of one."""
        kind = self.random.choice(KINDS)
        complexity = self.random.choice(COMPLEXITIES)
        if kind == "alias-quality":
            rows = {**self.defect("minimax", "key-under-alias"), **self.beside()}
            causes = frozenset({("key-under-alias", "minimax"), ("quality", "minimax")})
            return Injection((HOSTED,), rows, Request("advanced"), causes)
        if kind == "rows":
            edition = self.random.choice([HOSTED, HOSTED, STRICT])
            rows, causes = {}, set()
            for provider in self.random.sample(self.offers[edition, complexity], 2):
                code = self.row_fault(edition, provider)
                rows |= self.defect(provider, code)
                causes.add((code, provider))
            rows |= self.hosted_beside(edition)
            return Injection((edition,), rows, Request(complexity), frozenset(causes))
        offered = {"openai", "moonshot"} & set(self.offers[HOSTED, complexity])
        provider = self.random.choice(sorted(offered))
        if kind == "filters":
            codes = self.random.sample([*BLOCKING, "quality"], 2)
            site = self.site(HOSTED, **{f"{c}:{provider}": SITE_FAULTS[c](provider) for c in codes})
            rows = {f"{provider.upper()}_API_KEY": GOOD}
            causes = {(c, provider) for c in codes}
            return Injection(site, rows, Request(complexity), frozenset(causes))
        if kind == "row-filter":
            code, blocked = self.row_fault(HOSTED, provider), self.random.choice(BLOCKING)
            site = self.site(HOSTED, **{f"{blocked}:{provider}": SITE_FAULTS[blocked](provider)})
            rows = {**self.defect(provider, code), **self.beside()}
            causes = {(code, provider), (blocked, provider)}
            return Injection(site, rows, Request(complexity), frozenset(causes))
        unusual = self.random.choice(["provider-not-llm", "provider-unknown"])
        site = self.site(HOSTED, **{f"{unusual}:{provider}": SITE_FAULTS[unusual](provider)})
        others = [p for p in self.offers[HOSTED, complexity] if p != provider and p not in ALIASES]
        other = self.random.choice(others)
        code = self.row_fault(HOSTED, other)
        rows = {f"{provider.upper()}_API_KEY": GOOD, **self.defect(other, code)}
        causes = {(unusual, provider), (code, other)}
        return Injection(site, rows, Request(complexity), frozenset(causes))


def found_by_site(
    sites: Mapping[Any, Site], asked: Sequence[tuple[Any, Mapping[str, object], Request]], at: Path
) -> list[Any]:
    """Return the diagnosis of each (site, rows, request), each site captured once."""
    at.mkdir()
    places: dict[Any, list[int]] = defaultdict(list)
    for place, (key, _, _) in enumerate(asked):
        places[key].append(place)
    found: list[Any] = [None] * len(asked)
    for number, (key, members) in enumerate(places.items()):
        tenants = {f"t{place}": asked[place][1] for place in members}
        with sites[key].capture(at / str(number), tenants) as snapshot:
            platform = load_platform(snapshot.session)
            for place in members:
                requests = [asked[place][2]]
                [found[place]] = atomlab.diagnose(
                    snapshot, f"t{place}", requests, platform
                ).requests
    return found


def false_confirmations(
    sites: Mapping[Any, Site], injected: Sequence[Injection], found: Sequence[Any], at: Path
) -> list[Any]:
    """Return the confirmed causes whose fix, made by hand and captured anew, leaves the error."""
    mended: dict[Any, Site] = {}
    asked, confirmed = [], []
    for injection, diagnosis in zip(injected, found, strict=True):
        for cause in diagnosis.explanation.causes:
            if cause.verdict != "confirmed":
                continue
            site, rows, key = sites[injection.site], injection.rows, (*injection.site, "old prices")
            if cause.code == "orphan-client":
                site = dataclasses.replace(site, prices=site.healthy)
            else:
                fix = fix_of(cause, diagnosis.explanation.fix_sets)
                site, rows = repaired(site, rows, fix.edits)
                changes = [str(e) for e in fix.edits if e.setting_key is None]
                key = (*injection.site, *changes)
            mended.setdefault(key, site)
            asked.append((key, rows, injection.request))
            confirmed.append((injection, cause))
    after = found_by_site(mended, asked, at)
    return [c for c, d in zip(confirmed, after, strict=True) if d.outcome != "ranked"]


@pytest.mark.slow
def test_accuracy_on_random_faults_of_the_real_map(tmp_path):
    """Root causes are right in 99 of 100 single faults, sets in 95 of 100 joint ones.

    And no cause is confirmed whose fix, made by hand and captured anew, leaves the error.
    """
    injector = Injector(SEED, tmp_path)
    singles = [injector.single() for _ in range(300)]
    injected = [*singles, *(injector.joint() for _ in range(150))]
    asked = [(i.site, i.rows, i.request) for i in injected]
    found = found_by_site(injector.sites, asked, tmp_path / "faults")

    assert {d.outcome for d in found} == {"no-models"}
    told = [(i, names(d.explanation.causes)) for i, d in zip(injected, found, strict=True)]
    wrong_root = [(i, n) for i, n in told[:300] if n[:1] != list(i.causes)]
    inexact = [(i, n) for i, n in told[300:] if set(n) != i.causes]
    false = false_confirmations(injector.sites, injected, found, tmp_path / "mended")
    verdicts = Counter(d.explanation.causes[0].verdict for d in found if d.explanation.causes)
    logger.info("root causes of single faults: %d of 300 right", 300 - len(wrong_root))
    logger.info("sets of joint causes: %d of 150 exact", 150 - len(inexact))
    logger.info("sets of single faults: %d exact", sum(set(n) == i.causes for i, n in told[:300]))
    logger.info("verdicts of root causes: %s", dict(verdicts))
    assert len(wrong_root) <= 3, wrong_root
    assert len(inexact) <= 7, inexact
    assert not false
    assert verdicts["confirmed"] >= 430
