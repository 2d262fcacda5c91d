"""Defects: rows under another name are tried for the provider that they mean, and no others."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import atomlab
from atomlab import Request
from atomlab.byok.platform import load_platform
from atomlab.diagnosis import defects
from atomlab.diagnosis.defects import find_defects
from atomlab.diagnosis.fixes import plan_fix
from atomlab.evidence.inputs.registry import Provider, default_registry, load_registry
from atomlab.evidence.inputs.rules import load_rules
from tests.conftest import ATOM_SCHEMA, ROOT
from tests.small import small_platform

KEY = "sk-not-a-real-key-0123456789"
SIMPLE = [Request("simple")]
REGISTRY = load_registry(default_registry("hosted-2026-05"))
ALLOWED = [p.id for p in REGISTRY if p.id in load_rules("hosted-2026-05").llm_providers]
REAL = ROOT / "data" / "pricing" / "litellm-1.83.14-prices.json.gz"


def model(owner: str, **changes: Any) -> dict[str, Any]:
    """Return a price entry that passes every filter of a simple request."""
    entry = {"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6, "mode": "chat"}
    return {**entry, "max_input_tokens": 200_000, "litellm_provider": owner, **changes}


EVERYBODY = {f"{provider}/chat": model(provider) for provider in ALLOWED}


def captured_at(
    folder: Path, tenants: Mapping[str, Mapping[str, object]], prices: object, **options: Any
) -> Any:
    """Return the snapshot of a database with these settings, by tenant."""
    db = sqlite3.connect(folder / "source.db")
    db.executescript(ATOM_SCHEMA)
    for tenant, rows in tenants.items():
        values = (tenant, tenant, tenant)
        db.execute("INSERT INTO tenants VALUES (?, ?, ?, 'team', 'byok', NULL, NULL)", values)
        db.executemany(
            "INSERT INTO tenant_settings (id, tenant_id, setting_key, setting_value)"
            " VALUES (?, ?, ?, ?)",
            [(f"{tenant}{key}", tenant, key, value) for key, value in rows.items()],
        )
    db.commit()
    db.close()
    if not isinstance(prices, Path):
        (folder / "prices.json").write_text(json.dumps(prices), encoding="utf-8")
        prices = folder / "prices.json"
    out = folder / "snapshot.sqlite"
    return atomlab.capture(str(folder / "source.db"), out, pricing=prices, **options)


def lost(name: str) -> str:
    """Return a name without its third letter, or, if it is short, with two of them swapped."""
    return name[:2] + name[3:] if len(name) > 5 else name[0] + name[2] + name[1] + name[3:]


WAYS = {
    "plural": "{}_API_KEYS",
    "token": "{}_TOKEN",
    "api-token": "{}_API_TOKEN",
    "secret": "{}_SECRET",
    "secret-key": "{}_SECRET_KEY",
    "numbered": "{}_API_KEY_1",
    "number-glued": "{}_API_KEY2",
    "export": "export {}_API_KEY",
    "litellm": "os.environ/{}_API_KEY",
    "python": 'os.environ["{}_API_KEY"]',
    "next": "NEXT_PUBLIC_{}_API_KEY",
    "react": "REACT_APP_{}_API_KEY",
    "vite": "VITE_{}_API_KEY",
    "small-l": "{}_APl_KEY",
    "cyrillic": "{}_\u0410PI_KEY",
    "greek": "{}_API_\u039aEY",
    "base-url": "{}_BASE_URL",
    "api-base": "{}_API_BASE",
    "model": "{}_MODEL",
    "everything": "export NEXT_PUBLIC_{}_APl_TOKENS",
}


OTHER_NAMES = {
    (provider, way): written.format(provider.upper())
    for provider in ALLOWED
    for way, written in WAYS.items()
} | {(p, "misspelt"): f"{lost(p.upper())}_API_KEY" for p in ALLOWED if len(p) > 3}


def test_every_other_name_means_its_provider_and_no_other(tmp_path):
    """Where every provider has models, a name means one of them, whichever way it is written."""
    tenants = {"all": dict.fromkeys(OTHER_NAMES.values(), KEY)}
    with captured_at(tmp_path, tenants, EVERYBODY) as snapshot:
        snapshot.verify()
        platform, wrong = load_platform(snapshot.session), []
        assert {*atomlab.diagnose(snapshot, "all", SIMPLE).rows} == {*OTHER_NAMES.values()}
    for (provider, _), name in OTHER_NAMES.items():
        found = [(d.code, d.provider) for d in find_defects({name: "present"}, platform)]
        wrong += [(name, found)] * (found != [("key-misnamed", provider)])
    assert len(OTHER_NAMES) > 500
    assert wrong == []


@pytest.mark.parametrize("some", [ALLOWED[n::13] for n in range(13)], ids=",".join)
def test_a_key_under_another_name_is_tried_and_proven(tmp_path, some):
    """For each provider and way to write its name the copy is run, and the cause is confirmed."""
    names = {case: name for case, name in OTHER_NAMES.items() if case[0] in some}
    tenants = {" ".join(case): {name: KEY} for case, name in names.items()}
    prices = {f"{provider}/chat": model(provider) for provider in some}
    with captured_at(tmp_path, tenants, prices) as snapshot:
        platform, wrong = load_platform(snapshot.session), []
        for case, name in names.items():
            [found] = atomlab.diagnose(snapshot, " ".join(case), SIMPLE, platform).requests
            told = [(c.code, c.provider, c.verdict) for c in found.explanation.causes]
            edits = found.explanation.fix_sets[0].edits
            copied = [(e.kind, e.setting_key, e.copy_from) for e in edits]
            expected = [("copy-key", f"{case[0].upper()}_API_KEY", name)]
            if told != [("key-misnamed", case[0], "confirmed")] or copied != expected:
                wrong.append((name, told, copied))
    assert wrong == []


OTHER_SERVICES = (
    *("GITHUB_TOKEN", "STRIPE_SECRET_KEY", "SLACK_BOT_TOKEN", "TWILIO_AUTH_TOKEN", "NPM_TOKEN"),
    *("GOOGLE_CLIENT_SECRET", "GOOGLE_REFRESH_TOKEN", "AZURE_CLIENT_SECRET", "SENTRY_TOKEN"),
    *("JIRA_API_TOKEN", "BILLING_PROFILE", "OUTLOOK_OAUTH", "webhook secret", "TIMEZONE"),
    *("HUBSPOT_ACCESS_TOKEN", "AWS_SECRET_ACCESS_KEY", "NOTION_SECRET", "zendesk/api_token"),
    *("ONEDRIVE_TOKEN", "JWT_SECRET", "SESSION_KEY", "openai_organization", "DATABASE_URL"),
)


def test_other_services_stay_what_and_where_they_are(tmp_path):
    """Settings of other services mean no provider, and their names do not leave."""
    draw = random.Random(20260502)
    tenants = {str(n): dict.fromkeys(draw.sample(OTHER_SERVICES, 5), KEY) for n in range(30)}
    tenants["all"] = dict.fromkeys(OTHER_SERVICES, KEY)
    with captured_at(tmp_path, tenants, EVERYBODY) as snapshot:
        content = snapshot.path.read_bytes()
        assert [name for name in OTHER_SERVICES if name.encode() in content] == []
        platform = load_platform(snapshot.session)
        assert find_defects(dict.fromkeys(OTHER_SERVICES, "present"), platform) == []
        for tenant, rows in tenants.items():
            found = atomlab.diagnose(snapshot, tenant, SIMPLE, platform)
            assert found.to_json()["withheld"] == found.withheld == len(rows)
            [cause] = found.requests[0].explanation.causes
            assert (cause.code, cause.evidence[:2]) == (
                "no-keys",
                (
                    "the tenant has no usable key of an LLM provider, and no row resembles one",
                    f"{len(rows)} other settings were not looked at by name",
                ),
            )


def test_no_more_is_said_of_what_was_not_looked_at_than_there_is(captured):
    """One setting is told as one, and of none nothing is said."""
    snapshot = captured({"one": {"TIMEZONE": "UTC"}, "none": {}})
    told = {
        tenant: atomlab.diagnose(snapshot, tenant, SIMPLE).requests[0].explanation.causes[0]
        for tenant in ("one", "none")
    }
    assert told["one"].evidence[1] == "1 other setting was not looked at by name"
    assert not any("by name" in sentence for sentence in told["none"].evidence)


def test_an_address_or_a_model_is_no_key(tmp_path):
    """What holds no key where none is expected is counted, and means nothing."""
    rows = {"OPENAI_BASE_URL": "https://gateway.example/v1", "OPENAI_MODEL": "gpt-4o"}
    with captured_at(tmp_path, {"acme": rows}, EVERYBODY) as snapshot:
        found = atomlab.diagnose(snapshot, "acme", SIMPLE)
        assert (dict(found.rows), found.withheld) == ({}, 2)
        assert b"OPENAI_BASE_URL" not in snapshot.path.read_bytes()


# What the real price map, and a registry without a provider, make of a name.
TABLE = {
    # name: (code, provider, verdict), and the row that is copied
    "CHATGPT_API_KEY": ("key-misnamed", "openai", "confirmed", "CHATGPT_API_KEY"),
    "CLAUDE_API_KEY": ("key-misnamed", "anthropic", "confirmed", "CLAUDE_API_KEY"),
    "kimi-token": ("key-misnamed", "moonshot", "confirmed", "kimi-token"),
    "GOOGLE_GENERATIVE_AI_API_KEY": (
        *("key-misnamed", "gemini", "confirmed"),
        "GOOGLE_GENERATIVE_AI_API_KEY",
    ),
    "MISTRALAI_API_KEY": ("key-misnamed", "mistral", "confirmed", "MISTRALAI_API_KEY"),
    # Providers of the map that the registry has under another name, without models there.
    "ZAI_API_KEY": ("provider-unknown", "zai", "confirmed", None),
    "DASHSCOPE_API_KEY": ("provider-unknown", "dashscope", "confirmed", None),
    "FIREWORKS_AI_API_KEY": ("provider-unknown", "fireworks_ai", "confirmed", None),
    # Providers of the map that the registry has not.
    "PERPLEXITY_API_KEY": ("provider-unknown", "perplexity", "confirmed", None),
    "perplexity_api_key": ("provider-unknown", "perplexity", "confirmed", "perplexity_api_key"),
    "TOGETHER_API_KEY": ("provider-unknown", "together_ai", "confirmed", "TOGETHER_API_KEY"),
    "AZURE_OPENAI_API_KEY": ("provider-unknown", "azure", "confirmed", "AZURE_OPENAI_API_KEY"),
    # Nothing follows from these.
    "HF_TOKEN": ("key-misnamed", "huggingface", "inconclusive", None),
    "ZHIPUAI_API_KEY": ("key-misnamed", "glm", "inconclusive", None),
    # Neither provider nor chat model is called so: other keys, beside the point.
    "REPLICA_API_KEY": ("no-keys", None, "confirmed", None),
    "COHER_API_KEY": ("no-keys", None, "confirmed", None),
    "MYSTERY_API_KEY": ("no-keys", None, "confirmed", None),
}


@pytest.fixture(scope="module")
def on_the_real_map(tmp_path_factory):
    """Return a snapshot with a tenant for each name of TABLE, and its platform."""
    folder = tmp_path_factory.mktemp("real")
    with captured_at(folder, {n: {n: KEY} for n in TABLE}, REAL) as snapshot:
        yield snapshot, load_platform(snapshot.session)


@pytest.mark.parametrize("name", TABLE)
def test_who_is_meant_depends_on_the_price_map(on_the_real_map, name):
    """A provider of the map is not a slip; a vendor's other name is tried before it is added."""
    snapshot, platform = on_the_real_map
    [found] = atomlab.diagnose(snapshot, name, SIMPLE, platform).requests
    root, *others = found.explanation.causes
    code, provider, verdict, copied = TABLE[name]
    assert not others or verdict == "inconclusive"
    assert (root.code, root.provider, root.verdict) == (code, provider, verdict)
    fix = next((f for f in found.explanation.fix_sets if root.atom in f.atoms), None)
    assert next((e.copy_from for e in fix.edits if e.copy_from), None) == copied if fix else True
    assert (fix is None) == (verdict == "inconclusive" or code == "no-keys")
    assert code != "no-keys" or any(name in sentence for sentence in root.evidence)


def site(folder: Path, registered: list[str], served: list[str]) -> dict[str, Any]:
    """Return options of a capture for a registry of these, and prices with models of those."""
    entries = [{"id": i, "api_key_env_var": f"{i.upper()}_API_KEY"} for i in registered]
    rules = {"name": "made", "based_on": "hosted-2026-05", "llm_providers": registered}
    (folder / "registry.json").write_text(json.dumps({"providers": entries}), encoding="utf-8")
    (folder / "rules.yaml").write_text(json.dumps(rules), encoding="utf-8")
    return {
        "prices": {f"{provider}/chat": model(provider) for provider in served},
        "providers": folder / "registry.json",
        "rules": str(folder / "rules.yaml"),
    }


def test_a_slip_with_two_neighbours_is_not_tried(tmp_path):
    """Nothing is claimed of a name that is as near to two providers; both are named."""
    options = site(tmp_path, ids := ["mistral", "mistrel", "openai"], ids)
    with captured_at(tmp_path, {"acme": {"MISTROL_API_KEY": KEY}}, **options) as snapshot:
        diagnosis = atomlab.diagnose(snapshot, "acme", SIMPLE)
        [cause] = diagnosis.requests[0].explanation.causes
        assert (cause.code, cause.verdict) == ("provider-unknown", "inconclusive")
        assert any("mistral and mistrel" in sentence for sentence in cause.evidence)
        [defect] = find_defects(diagnosis.rows, diagnosis.platform)
        assert (defect.neighbours, defect.copy_from) == (("mistral", "mistrel"), None)
        edits = [e for f in diagnosis.requests[0].explanation.fix_sets for e in f.edits]
        assert not [e for e in edits if e.copy_from]


UNREGISTERED = {
    # What is near to a registered name, and is in the price map itself.
    "no-slip": (["mistral"], ["mistral", "mistrel"], {"MISTREL_API_KEY"}, "mistrel", None),
    "no-slip-token": (["openai"], ["openai", "openay"], {"OPENAY_TOKEN"}, "openay", "OPENAY_TOKEN"),
    # Of a vendor's ids the one that the price map has.
    "second-id": (["openai"], ["gemini"], {"GOOGLE_GEN_AI_TOKEN"}, "gemini", "GOOGLE_GEN_AI_TOKEN"),
    # The platform will read the exact row.
    "two-rows": (["openai"], ["cohere"], {"COHERE_API_KEY", "cohere_token"}, "cohere", None),
    "two-others": (["openai"], ["cohere"], {"CO_API_KEY", "cohere_token"}, "cohere", "CO_API_KEY"),
}


@pytest.mark.parametrize("case", UNREGISTERED)
def test_providers_of_the_price_map_are_to_be_registered(tmp_path, case):
    """A key of a provider that only the price map has is one; its row is copied if it has to be."""
    registered, served, rows, provider, copied = UNREGISTERED[case]
    options = site(tmp_path, registered, served)
    with captured_at(tmp_path, {"acme": dict.fromkeys(rows, KEY)}, **options) as snapshot:
        diagnosis = atomlab.diagnose(snapshot, "acme", SIMPLE)
        [defect] = find_defects(diagnosis.rows, diagnosis.platform)
        assert (defect.code, defect.provider) == ("provider-unknown", provider)
        assert (defect.setting_key, defect.copy_from) == (f"{provider.upper()}_API_KEY", copied)
        [cause] = diagnosis.requests[0].explanation.causes
        assert (cause.code, cause.provider, cause.verdict) == (
            *("provider-unknown", provider),
            "confirmed",
        )


def test_the_nearest_row_is_copied_and_the_others_are_named(captured):
    """Of several rows the one that differs least is copied; the row itself is not named again."""
    rows = {"OPENIA_API_KEY": "1", "CHATGPT_API_KEY": "2", "OPENAI_API_KEY_2": "3", "openai": "4"}
    diagnosis = atomlab.diagnose(captured({"acme": rows}), "acme", SIMPLE)
    [defect] = find_defects(diagnosis.rows, diagnosis.platform)
    assert (defect.copy_from, defect.others[-1]) == ("OPENAI_API_KEY_2", "OPENIA_API_KEY")
    assert {defect.copy_from, *defect.others} == {*rows}


def test_a_declared_variable_is_named_once(captured):
    """The variable's row is one row, though it is near to the wanted name as well."""
    rows = {"LUX_MODEL_API_KEY": KEY}
    diagnosis = atomlab.diagnose(captured({"acme": rows}), "acme", SIMPLE)
    [defect] = find_defects(diagnosis.rows, diagnosis.platform)
    assert (defect.code, defect.copy_from, defect.others) == (
        *("key-under-alias", "LUX_MODEL_API_KEY"),
        (),
    )


def test_the_fix_of_an_unknown_provider_copies_the_row_as_well(on_the_real_map):
    """Registering a provider alone does not make the platform read a row of another name."""
    snapshot, platform = on_the_real_map
    diagnosis = atomlab.diagnose(snapshot, "TOGETHER_API_KEY", SIMPLE, platform)
    words = " ".join([*(fix := plan_fix(diagnosis, "postgresql")).words, *fix.by_hand])
    assert "register together_ai" in words
    assert "set TOGETHER_AI_API_KEY to the value of TOGETHER_API_KEY" in words


@pytest.mark.parametrize(
    ("rows", "copied", "others"),
    [
        (("SHARED_API_KEY", "PAX_API_KEY", "NOX_API_KEY"), "NOX_API_KEY", "PAX SHARED"),
        (("PAX_API_KEY", "NOX_API_KEY"), "NOX_API_KEY", "PAX"),
        (("SHARED_API_KEY", "PAX_API_KEY"), "PAX_API_KEY", "SHARED"),
        (("SHARED_API_KEY",), "SHARED_API_KEY", ""),
    ],
)
def test_of_rows_that_may_hold_a_key_other_ids_come_first_then_the_variable(rows, copied, others):
    """In the order of the registry; nothing else nearly is such a row."""
    sharing = [Provider(name, "SHARED_API_KEY") for name in ("lux", "nox", "pax")]
    platform = small_platform(["lux/a", "nox/b", "pax/c"], sharing)
    first = find_defects(dict.fromkeys(rows, "present"), platform)[0]
    assert (first.claim, first.copy_from) == (("key-under-alias", "lux", "LUX_API_KEY"), copied)
    assert first.others == tuple(f"{name}_API_KEY" for name in others.split())


@pytest.mark.parametrize("edition", ["hosted-2026-05", "open-source-2026-05"])
def test_only_providers_that_a_row_may_concern_are_looked_at(edition, monkeypatch):
    """Which makes no difference: all of them have the same defects."""
    registry = load_registry(default_registry(edition))
    site = small_platform(["openai/a", "minimax/b", "groq/c"], registry)
    site = replace(site, rules=load_rules(edition))
    keys = ("OPENAI", "MINIMAX", "GROQ", "GROQ_1", "MINIMAX_2_7", "LUX", "NOBODY", "DEEPSEEK")
    near = [f"{key}{end}" for key in keys for end in ("_API_KEY", "_TOKEN", "_API_KEYS")]
    names = [*near, "GROK_API_KEY", "OPENA1_API_KEY", "GOOGLE_API_KEY", "TIMEZONE"]
    names += [name for p in registry for name in site.manager().key_names(p.id)]
    everyone = {provider.id for provider in site.providers}
    draw, found = random.Random(edition), []
    for _ in range(200):
        states = ("present", "ciphertext", "blank", "placeholder", "empty")
        rows = {name: draw.choice(states) for name in draw.sample(names, draw.randrange(6))}
        some = find_defects(rows, site)
        with monkeypatch.context() as patched:
            patched.setattr(defects, "_concerned", lambda _: everyone)
            assert find_defects(rows, site) == some
        found += some
    assert len({defect.code for defect in found}) > 3
