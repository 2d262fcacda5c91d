"""Lint: every finding recomputed another way, on worlds of a few rows and on the real map."""

from __future__ import annotations

import collections
import json
import re
import sqlite3
from contextlib import closing
from functools import partial

import pytest
import yaml

from atomlab.byok.keys import BYOKManager
from atomlab.byok.platform import load_platform
from atomlab.byok.scoring import scorer
from atomlab.diagnosis.lint import CODES, SEVERITIES, lint
from atomlab.evidence.inputs.rules import load_rules
from tests.conftest import ROOT

EDITIONS = ROOT / "atomlab" / "evidence" / "inputs" / "editions"
KEY = "a-key-of-some-length"
HOSTILE = 'x"; DROP--\x1b[31m\u202e[bold]</script>'


@pytest.fixture
def world(captured, write_json, tmp_path):
    """Return a function that lints a small world: (findings by code, the Lint itself).

    Its models are entries of a price map, or just their owner.
    """

    def make(registry, models, tenants, **changes):
        rules = tmp_path / "rules.yaml"
        base = changes.pop("based_on", "hosted-2026-05")
        rules.write_text(yaml.safe_dump({"name": "small", "based_on": base, **changes}))
        providers = [{"id": i, "api_key_env_var": v} for i, v in registry.items()]
        prices = {
            m: e if isinstance(e, dict) else {"litellm_provider": e, "max_tokens": 9}
            for m, e in models.items()
        }
        snapshot = captured(
            tenants,
            rules=str(rules),
            providers=write_json({"providers": providers}, "registry.json"),
            pricing=write_json({"pricing": prices}, "models.json"),
        )
        found = lint(snapshot)
        return by_code(found), found

    return make


def by_code(found):
    """Return the findings as {code: {subject: (tenants, why)}}, none lost."""
    codes = collections.defaultdict(dict)
    for finding in found.findings:
        assert finding.subject not in codes[finding.code]
        codes[finding.code][finding.subject] = (finding.tenants, finding.why)
    return dict(codes)


def touched(of_code):
    """Return the tenants touched by subject."""
    return {subject: tenants for subject, (tenants, _) in of_code.items()}


def rows_of(path):
    """Return the usable rows of a snapshot's file as {setting name: {tenant id}}."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        rows = db.execute("SELECT setting_key, tenant_id, setting_value FROM tenant_settings")
        usable = re.compile(r"v1:(present|ciphertext|blank):")
        names = collections.defaultdict(set)
        for name, tenant, value in rows:
            if usable.match(value):
                names[name].add(tenant)
    return names


def registry_of(edition):
    """Return the shipped registry as {id: variable}, read from its file."""
    document = json.loads((EDITIONS / f"{edition}.providers.json").read_text(encoding="utf-8"))
    return {p["id"]: p["api_key_env_var"] for p in document["providers"]}


def owner_of(model, entry):
    """Return who serves a model under the prefix rule, by hand."""
    owner = model.split("/")[0] if "/" in model else entry.get("litellm_provider") or ""
    return owner.lower()


def test_an_id_whose_setting_is_not_the_declared_one(world):
    """It touches whoever holds a usable key for it, for its variable, or for a sharing id."""
    codes, _ = world(
        {"a": "A_API_KEY", "a_2": "A_API_KEY", "b": "B_MODEL_API_KEY", "c": "C_API_KEY", "d": None},
        {"a/m": "a"},
        {
            "old": {"A_API_KEY": KEY},
            "new": {"A_2_API_KEY": KEY},
            "both": {"A_API_KEY": KEY, "A_2_API_KEY": KEY},
            "declared": {"B_MODEL_API_KEY": KEY},
            "derived": {"B_API_KEY": " "},
            "empty": {"A_2_API_KEY": "", "B_API_KEY": None},
            "other": {"C_API_KEY": KEY, "D_API_KEY": KEY},
        },
    )
    assert touched(codes["setting-key-differs"]) == {"a_2": 3, "b": 2}
    assert codes["setting-key-differs"]["b"][1] == (
        "declares B_MODEL_API_KEY, is looked up as B_API_KEY"
    )


def test_a_shared_variable_names_its_ids_and_who_is_stuck(world):
    """The sentence counts the tenants whose key is for none of the ids that serve models."""
    codes, _ = world(
        {"a": "A_API_KEY", "a_2": "A_API_KEY", "e": "E_API_KEY", "e_2": "E_API_KEY"},
        {"a/m": "a"},
        {"old": {"A_API_KEY": KEY}, "new": {"A_2_API_KEY": KEY}, "none": {"A_2_API_KEY": ""}},
        llm_providers=["a", "a_2", "e", "e_2"],
    )
    assert codes["shared-variable"] == {
        "A_API_KEY": (
            2,
            "declared by a, a_2; only a can serve models, "
            "and 1 of 2 tenants with a key lack that one",
        ),
        "E_API_KEY": (0, "declared by e, e_2; none serves any of 1 model"),
    }


def test_the_registry_the_allow_list_and_the_cache_are_compared_with_each_other(world):
    """An id in only two of the three is a finding of its own kind."""
    codes, _ = world(
        {"a": None, "orphan": None, "search": None, "Cased": None},
        {"a/m": "a", "search/m": "search", "gone/m": "gone", "bare": "A", "cased/m": "cased"},
        {
            "t1": {"ORPHAN_API_KEY": KEY, "SEARCH_API_KEY": KEY},
            "t2": {"GONE_API_KEY": KEY, "ORPHAN_API_KEY": " "},
        },
        llm_providers=["a", "orphan", "gone", "Cased"],
    )
    assert touched(codes["orphan-client"]) == {"Cased": 0, "orphan": 2}
    assert touched(codes["allow-list-unregistered"]) == {"gone": 1}
    assert touched(codes["registry-not-allowed"]) == {"search": 1}
    assert [why for code in ("orphan-client", "allow-list-unregistered", "registry-not-allowed")
            for _, why in codes[code].values()] == [
        "CASED_API_KEY makes a client that serves none of 5 models",
        "ORPHAN_API_KEY makes a client that serves none of 5 models",
        "GONE_API_KEY is never read: not among 4 registered",
        "SEARCH_API_KEY makes no client: not among 4 allowed",
    ]  # fmt: skip
    assert codes["unreachable-models"] == {
        "3 models": (2, "of 5 in all, by owner: cased 1, gone 1, search 1")
    }


def test_a_score_earned_by_the_providers_name(world):
    """`mini` counts against minimax and gemini wherever they stand, and not for a mini model."""
    codes, _ = world(
        {"minimax": None, "gemini": None, "other": None, "minimax_2": None, "mini": None},
        {
            "minimax/speech": "",  # by its prefix
            "minimax/MiniMax-M9": "",  # by its prefix, and the provider's name in its own
            "minimax/real-mini": "",  # its own
            "other/lab/gemini-9": "",  # by a name in its own
            "other/sao10k/8b": "",  # a table's key (o1) in an owner's name
            "other/plain-flash": "",
            "other/own-mini": "",  # its own, though a provider is called so
            "bare-gemini": "other",
            "nobody/gemini-9": "",  # nobody can use it, whatever it scores
        },
        {
            "t1": {"OTHER_API_KEY": KEY},
            "t2": {"MINIMAX_API_KEY": KEY},
            "t3": {"GEMINI_API_KEY": KEY},
        },
        llm_providers=["minimax", "gemini", "other", "minimax_2"],
    )
    assert codes["quality-by-name"] == {
        "gemini": (
            1,
            "heuristic:mini scores 2 models (other/lab/gemini-9 and 1 more) 80, "
            "without the name 70",
        ),
        "minimax": (
            1,
            "heuristic:mini scores 2 models (minimax/speech and 1 more) 80, without the name 70",
        ),
        "sao10k": (1, "table:o1 scores 1 model (other/sao10k/8b) 92, without the name 75"),
    }


@pytest.mark.parametrize(("number", "rest"), [(8, ""), (9, " and 1 more")])
def test_many_names_are_cut_short_and_counted(world, number, rest):
    """Of who declares a variable eight are named, and of owners of models nobody serves six."""
    ids = [f"p{n}" for n in range(number)]
    codes, _ = world(
        dict.fromkeys(ids, "SHARED_API_KEY"),
        {f"{name}/m": "" for name in [*ids, *(f"o{n}" for n in range(number - 2))]},
        {},
        llm_providers=ids,
    )
    named = ", ".join(ids[:8]) + rest
    [(_, why)] = codes["shared-variable"].values()
    assert why.startswith(f"declared by {named}; only {named} can serve models, and 0 of 0")
    owners = ", ".join(f"o{n} 1" for n in range(6)) + rest
    [(_, why)] = codes["unreachable-models"].values()
    assert why == f"of {2 * number - 2} in all, by owner: {owners}"


def test_of_names_within_names_the_longest_is_the_one(world):
    """A provider whose id is a part of another's is not what the model is called after."""
    codes, _ = world(
        {"gemini": None, "best-gemini": None, "lab": None},
        {"lab/best-gemini-9": "", "gemini/plain": ""},
        {"t1": {"LAB_API_KEY": KEY}},
        llm_providers=["gemini", "lab"],
    )
    told = "heuristic:mini scores 1 model ({}) 80, without the name 70"
    assert codes["quality-by-name"] == {
        "best-gemini": (1, told.format("lab/best-gemini-9")),
        "gemini": (0, told.format("gemini/plain")),
    }


GOOD = {"input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6, "max_tokens": 9000}


def test_an_entry_that_breaks_the_ranking(world):
    """By its provider it touches everybody, by a number who has a client for it, or it is nothing.

    One that only a provider without a client would serve is not a finding.
    """
    codes, _ = world(
        {"a": None, "search": None},
        {
            "a/good": GOOD,
            "a/null": {**GOOD, "output_cost_per_token": None},
            "a/both": {"litellm_provider": None, "max_tokens": "many"},
            "search/null": {**GOOD, "input_cost_per_token": None},
            "nobody/prose": {**GOOD, "max_input_tokens": "many"},
            "nobody/named": {**GOOD, "litellm_provider": None},
        },
        {"t1": {"A_API_KEY": KEY}, "t2": {"A_API_KEY": ""}, "t3": {"SEARCH_API_KEY": KEY}},
        llm_providers=["a"],
    )
    rest = ": not the text or number that the platform expects"
    assert codes["pricing-entry-breaks"] == {
        "a/both": (3, f"litellm_provider, max_tokens{rest}"),
        "a/null": (1, f"output_cost_per_token{rest}"),
        "nobody/named": (3, f"litellm_provider{rest}"),
    }


def test_prices_in_another_unit_by_provider(world):
    """Whoever serves a model above a cent per token: an embedding may cost what it does."""
    dear = {**GOOD, "output_cost_per_token": 10.0}
    codes, _ = world(
        {"a": None, "b": None, "search": None},
        {
            "a/one": dear,
            "a/two": {**GOOD, "input_cost_per_token": 0.011},
            "a/dear": {**GOOD, "input_cost_per_token": 0.01},
            "b/embedding": {**dear, "mode": "embedding"},
            "search/one": dear,
        },
        {"t1": {"A_API_KEY": KEY, "B_API_KEY": KEY}, "t2": {"B_API_KEY": KEY}},
        llm_providers=["a", "b"],
    )
    assert codes["price-unit"] == {
        "a": (1, "2 models (a/one and 1 more) above 0.01 US dollars per token")
    }


def test_a_winner_that_cannot_chat(world):
    """By provider and complexity, for a tenant who has that client alone; unknown is none."""
    free = dict.fromkeys(("input_cost_per_token", "output_cost_per_token"), 0)
    codes, _ = world(
        {"a": None, "b": None, "c": None, "search": None},
        {
            "a/speech": {**GOOD, **free, "mode": "audio_speech"},
            "a/chat-flash": {**GOOD, "mode": "chat"},
            "b/none": {**GOOD, **free},
            "b/image": {**GOOD, "mode": "image_generation"},
            "c/responses": {**GOOD, **free, "mode": "responses"},
            "c/rerank": {**GOOD, "mode": "rerank"},
            "search/search": {**GOOD, "mode": "search"},
        },
        {
            "t1": {"A_API_KEY": KEY},
            "t2": {"A_API_KEY": KEY, "B_API_KEY": KEY, "SEARCH_API_KEY": KEY},
        },
        llm_providers=["a", "b", "c"],
    )
    assert codes["winner-no-chat"] == {
        "a, simple": (2, "with this key alone a/speech wins, whose mode is audio_speech")
    }


def test_winners_on_the_real_map_are_those_of_a_ranking_by_hand(before, real_map):
    """Simple and moderate requests, ranked in a plain loop over the map's own file."""
    rules, held = load_rules("hosted-2026-05"), rows_of(before.path)
    with closing(sqlite3.connect(f"file:{before.path}?mode=ro", uri=True)) as db:
        query = "SELECT model_id FROM model_catalog WHERE exclude_from_general_routing"
        routed = real_map.keys() - {model for (model,) in db.execute(query)}
    needed = {"simple": (4000, 0), "moderate": (8000, 80)}
    expected = {}
    for provider in registry_of("hosted-2026-05"):
        for complexity, (window, quality) in needed.items():
            best, won = -1.0, None
            for model, entry in real_map.items():
                size = entry.get("max_input_tokens") or entry.get("max_tokens") or 0
                score = scorer(rules)(model)[0]
                serves = model in routed and owner_of(model, entry) == provider
                if not serves or size < window or score < quality:
                    continue
                prices = (entry.get(f"{way}_cost_per_token", 0) for way in ("input", "output"))
                value = score**2 / max(sum(prices) / 2, 1e-9)
                if value > best:
                    best, won = value, (model, entry.get("mode"))
            if won and won[1] not in ("chat", "responses", None):
                expected[f"{provider}, {complexity}"] = (
                    len(held[f"{provider.upper()}_API_KEY"]),
                    *won,
                )
    found = by_code(lint(before))["winner-no-chat"]
    assert expected.keys() == {s for s in found if s.partition(", ")[2] in needed}
    assert expected.keys() >= {"openai, simple", "gemini, moderate"}
    for subject, (holders, model, mode) in expected.items():
        told = f"with this key alone {model} wins, whose mode is {mode}"
        assert found[subject] == (holders, told)


def test_ambiguity_exists_only_under_the_substring_rule(world):
    """Who holds clients for both providers is touched; the first in client order is named."""
    registry = {"bee": None, "a": None, "search": None}
    models = {"a/bee-1": "", "search-bee": "a", "bee": "", "q": "a"}
    tenants = {
        "both": {"A_API_KEY": KEY, "BEE_API_KEY": KEY},
        "one": {"A_API_KEY": KEY, "SEARCH_API_KEY": KEY},
        "placeholder": {"A_API_KEY": KEY, "BEE_API_KEY": "short"},
    }
    allowed = ["a", "bee"]
    substring = {"matcher": "substring", "llm_providers": allowed, "placeholder_shorter_than": 12}
    codes, _ = world(registry, models, tenants, **substring)
    assert codes["ambiguous-match"] == {
        "bee, a": (1, "match 2 models (a/bee-1 and 1 more); bee comes first in client order")
    }
    assert "unreachable-models" not in codes
    codes, _ = world(registry, models, tenants, llm_providers=allowed)
    assert "ambiguous-match" not in codes


def test_the_open_source_edition_on_the_real_map(captured, real_prices, real_map):
    """Ambiguous, orphaned and unreachable, recomputed with the substring rule in a plain loop."""
    variables = {"QWEN_API_KEY": KEY, "DEEPINFRA_API_KEY": KEY}
    snapshot = captured({"t": {"OPENAI_API_KEY": KEY}}, env=variables,
                        rules="open-source-2026-05", pricing=real_prices)  # fmt: skip
    codes, allowed = by_code(lint(snapshot)), load_rules("open-source-2026-05").llm_providers
    ids = list(allowed)  # clients there are by this list, registered or not
    serving = {
        model: [i for i in ids if i in model.lower() or i == entry.get("litellm_provider")]
        for model, entry in real_map.items()
    }
    sets = collections.Counter(", ".join(s) for s in serving.values() if len(s) > 1)
    assert {s: int(re.search(r"([\d,]+) model", why)[1]) for s, (_, why) in
            codes["ambiguous-match"].items()} == sets  # fmt: skip
    assert touched(codes["ambiguous-match"]) == {
        s: int({"qwen", "deepinfra"} <= set(s.split(", "))) for s in sets
    }
    served = set().union(*serving.values())
    assert set(codes.get("orphan-client", ())) == set(ids) - served
    assert "allow-list-unregistered" not in codes
    assert "setting-key-differs" not in codes  # the declared variable is what is read
    unreached = sum(not s for s in serving.values())
    assert list(codes["unreachable-models"]) == [f"{unreached:,} models"]


def test_the_shipped_snapshot_by_hand(before, real_map):
    """Registry, allow-list and map of the incident, compared from their files."""
    codes, held = by_code(lint(before)), rows_of(before.path)
    registry = registry_of("hosted-2026-05")
    allowed = yaml.safe_load((EDITIONS / "llm_providers.yaml").read_text())["llm_providers"]
    derived = {i: f"{i.upper()}_API_KEY" for i in registry}

    def holding(*names):
        return len(set().union(*(held[name] for name in names)))

    family = {v: [i for i in registry if registry[i] == v] for v in registry.values()}
    expected = {v: holding(v, *(derived[i] for i in ids)) for v, ids in family.items()}
    assert touched(codes["setting-key-differs"]) == {
        i: expected[registry[i]] for i in registry if derived[i] != registry[i]
    }
    assert touched(codes["shared-variable"]) == {
        v: expected[v] for v, ids in family.items() if len(ids) > 1
    }
    owners = collections.Counter(owner_of(m, e) for m, e in real_map.items())
    assert touched(codes["orphan-client"]) == {
        i: holding(derived[i]) for i in registry if i in allowed and i not in owners
    }
    lost = {o: n for o, n in owners.items() if o not in registry or o not in allowed}
    assert touched(codes["unreachable-models"]) == {
        f"{sum(lost.values()):,} models": holding(*(f"{o.upper()}_API_KEY" for o in lost))
    }
    assert touched(codes["registry-not-allowed"]) == {"tavily": holding("TAVILY_API_KEY")}
    sound = {"allow-list-unregistered", "ambiguous-match", "pricing-entry-breaks", "price-unit"}
    assert sound.isdisjoint(codes)


def test_scores_by_name_on_the_real_map(before, real_map):
    """Every minimax model without a table's score, and what gemini's own name adds."""
    codes, rules = by_code(lint(before)), load_rules("hosted-2026-05")
    registry = set(registry_of("hosted-2026-05")) & set(rules.llm_providers)
    counts = collections.Counter()
    for model, entry in real_map.items():
        if owner_of(model, entry) not in registry:
            continue
        score, source = scorer(rules)(model)
        own = re.sub("gemini|minimax", "·", model.lower().rsplit("/", 1)[-1])
        if source == "heuristic:mini" and scorer(rules)(own)[0] != score:
            counts["minimax" if "minimax" in model.lower() else "gemini"] += 1
    found = {s: int(re.search(r"([\d,]+) model", why)[1]) for s, (_, why) in
             codes["quality-by-name"].items() if "heuristic" in why}  # fmt: skip
    assert found == counts
    assert found["minimax"] > 0


def test_the_incident_is_found_without_being_told(before, after):
    """Three of four tenants with a MiniMax key are stuck; after the fix one fewer is."""
    stuck = "3 of 4 tenants with a key lack that one"
    assert stuck in by_code(lint(before))["shared-variable"]["MINIMAX_API_KEY"][1]
    fixed = stuck.replace("3", "2")
    assert fixed in by_code(lint(after))["shared-variable"]["MINIMAX_API_KEY"][1]


def test_holders_are_those_for_whom_the_platform_builds_a_client(before):
    """An orphan touches exactly the tenants that get that client."""
    platform = load_platform(before.session)
    manager = BYOKManager(platform.providers, platform.rules, redacted=True)
    with closing(sqlite3.connect(f"file:{before.path}?mode=ro", uri=True)) as db:
        tenants = [row[0] for row in db.execute("SELECT id FROM tenants")]
    clients = collections.Counter(
        look.provider for t in tenants for look in manager.lookups(t, before.session) if look.client
    )
    orphans = touched(by_code(lint(before))["orphan-client"])
    assert orphans == {provider: clients[provider] for provider in orphans}


def test_without_models_one_finding_says_so(world, captured):
    """An empty cache is an error, one that was not captured a note; neither makes orphans."""
    codes, _ = world({"a": None}, {}, {"t1": {}, "t2": {}}, llm_providers=["a"])
    assert touched(codes["pricing-cache-empty"]) == {"pricing cache": 2}
    assert {"orphan-client", "unreachable-models", "pricing-not-captured"}.isdisjoint(codes)

    codes = by_code(lint(captured({"t1": {}}, pricing=None)))
    assert touched(codes["pricing-not-captured"]) == {"pricing cache": 1}
    assert {"orphan-client", "unreachable-models", "pricing-cache-empty"}.isdisjoint(codes)
    assert "models" not in codes["shared-variable"]["MINIMAX_API_KEY"][1]


def test_nothing_wrong_is_no_finding(world):
    """A registry that agrees with itself, the list and the cache."""
    codes, _ = world(
        {"a": "A_API_KEY"}, {"a/m": ""}, {"t": {}}, llm_providers=["a"], quality=[["m", 80]]
    )
    assert codes == {}
    codes, _ = world({}, {"a/m": ""}, {"t": {"A_API_KEY": KEY}}, llm_providers=[], quality=[])
    assert touched(codes.pop("unreachable-models")) == {"1 model": 1}
    assert codes == {}


def test_the_first_row_of_a_name_counts(before):
    """A key that stands twice is the one the platform reads: the first."""
    with before.scratch() as copy:
        rows = {"braces": "null present", "nettle": "empty present", "osprey": "present null"}
        for tenant, states in rows.items():
            owner = copy.tenant(tenant).id
            for state in states.split():
                token = f"v1:{state}:{'0' * 64 if state == 'present' else '-'}"
                copy._connection.execute(
                    "INSERT INTO tenant_settings VALUES (?, ?, 'QWEN_API_KEY', ?, NULL)",
                    (f"{tenant}-{state}", owner, token),
                )
        was, now = (touched(by_code(lint(e))["orphan-client"])["qwen"] for e in (before, copy))
    assert now == was + 1


def test_the_order_is_by_severity_code_and_subject(before):
    """The same evidence gives the same document; every code is described."""
    first, second = lint(before), lint(before)
    assert first == second
    keys = [(SEVERITIES.index(f.severity), f.code, f.subject) for f in first.findings]
    assert keys == sorted(keys)
    assert all(CODES[f.code][0] == f.severity for f in first.findings)


@pytest.fixture
def run(run, monkeypatch):
    """Return a function that runs `atomlab lint` on a screen of 100 columns: (code, out, err)."""
    monkeypatch.setenv("COLUMNS", "100")
    return partial(run, "lint")


def test_the_command_prints_one_document_or_one_screen(run, before):
    """Exit 0 whatever it finds; 1 where it could not look."""
    code, out, err = run(before.path, "--json")
    assert (code, err) == (0, "")
    document = json.loads(out)
    assert document == lint(before).to_json()
    assert list(document) == ["schema", "snapshot", "findings"]
    assert document["snapshot"] == {
        "sha256": before.sha256,
        "captured_at": before.captured_at,
        "rules": "hosted-2026-05",
    }
    code, out, err = run(before.path)
    assert (code, err) == (0, "")
    assert len(out.splitlines()) <= 40
    assert all(finding["code"] in out for finding in document["findings"])
    assert run(before.path.with_name("none.sqlite"))[0] == 1


def test_hostile_names_are_inert(run, world, tmp_path):
    """Ids, variables, models and keys of any spelling are escaped for people, exact in JSON."""
    models = {f"{HOSTILE}/gemini-{HOSTILE}": "", "{{7*7}}/m": "", "": "", "/": "", "mini/x": "mini"}
    registry = {HOSTILE: "SHARED_KEY", "b": "SHARED_KEY", "=cmd|'": None, "mini": None}
    for base in ("hosted-2026-05", "open-source-2026-05"):
        codes, found = world(
            registry,
            models,
            {"t": {f"{HOSTILE.upper()}_API_KEY": KEY, "MINI_API_KEY": KEY}},
            based_on=base,
            llm_providers=[HOSTILE.lower(), HOSTILE, "mini", "gone\n\x1b[2J"],
            quality=[["A\x1b[2J", 90]],
        )
        assert (HOSTILE in codes.get("setting-key-differs", ())) == (base == "hosted-2026-05")
        assert "\x1b" not in "".join(finding.why for finding in found.findings)
        path = sorted(tmp_path.glob("made-*.sqlite"))[-1]
        code, out, _ = run(path)
        assert code == 0
        assert not set("\x1b\u202e") & set(out)
        _, out, _ = run(path, "--json")
        assert out.isascii()
        assert json.loads(out) == found.to_json()
