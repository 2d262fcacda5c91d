"""The rules: shipped editions, a user's own, and files that are none."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from atomlab.errors import AtomlabError, InputError
from atomlab.evidence.inputs.rules import EDITIONS as EDITIONS_FOLDER
from atomlab.evidence.inputs.rules import load_rules, rules_from_mapping
from atomlab.evidence.redaction import key_state
from tests.evidence.inputs.test_pricing import JSON
from tests.examples import examples
from tests.refusals import is_one_line, loaded, refused

EDITIONS = ("hosted-2026-05", "open-source-2026-05")
FIELDS = sorted(load_rules("hosted-2026-05").to_mapping())


def test_editions_differ_in_matcher_keys_clients_and_fallback_only():
    """The two editions share every threshold and table; what is assumed or known beside differs."""
    hosted, open_source = (load_rules(name).to_mapping() for name in EDITIONS)
    differing = {name for name in hosted if hosted[name] != open_source[name]}
    assert differing == {
        *("name", "based_on", "matcher", "fallback"),
        *("keys_from", "key_places", "client_key_places", "client_order", "llm_providers"),
        *("assumptions", "other_faults"),
    }
    assert (hosted["matcher"], open_source["matcher"]) == ("prefix", "substring")


def test_the_public_edition_is_the_one_that_runs():
    """Its clients in order, where their keys are, and its models (source: PLATFORM C)."""
    rules = load_rules("open-source-2026-05")
    order = ("lux", "openai", "deepseek", "moonshot", "deepinfra", "minimax", "qwen", "gemini")
    assert rules.llm_providers == order
    assert rules.places_of("openai") == ("stored", "declared", "own")
    assert rules.places_of("gemini") == ("stored", "declared", "own", "variable GOOGLE_API_KEY")
    assert rules.places_of("lux")[:2] == ("stored anthropic", "declared anthropic")
    fallback = rules.fallback
    assert fallback is not None
    assert set(fallback.order["simple"]) == {*order, "anthropic"} - {"lux", "deepinfra"}
    assert len({frozenset(providers) for providers in fallback.order.values()}) == 1
    assert (fallback.order["complex"][0], fallback.models["gemini"]["complex"]) == (
        "gemini",
        "gemini-3-flash",
    )
    assert load_rules("hosted-2026-05").places_of("openai") == ("own",)
    assert load_rules("hosted-2026-05").fallback is None


@pytest.mark.parametrize(
    ("key", "is_placeholder"),
    [
        ("dummy-and-more-text", True),
        ("60a9596d-and-more-text", True),
        ("elevenchars", True),
        ("twelve-chars", False),
        ("a-dummy-in-the-middle", False),
        ("DUMMY-in-capitals", False),
    ],
)
def test_placeholders_are_for_rules_of_ones_own(tmp_path, key, is_placeholder):
    """No edition knows any; a later version counts what starts so, or is short, as no key."""
    path = tmp_path / "own.yaml"
    path.write_text(
        "based_on: open-source-2026-05\nname: own\n"
        "placeholder_prefixes: [dummy, 60a9596d]\nplaceholder_shorter_than: 12\n"
    )
    assert (key_state(key, load_rules(str(path))) == "placeholder") is is_placeholder
    assert {key_state(key, load_rules(name)) for name in EDITIONS} == {"present"}


def test_a_plan_is_looked_up_in_lower_case():
    """`PRO` is pro; a plan that nobody knows, and none, are free (source: PLATFORM B)."""
    rules = load_rules("hosted-2026-05")
    assert rules.allowed_names("PRO") == rules.plans["pro"] != rules.plans["free"]
    assert rules.allowed_names("Enterprise") is None
    assert rules.allowed_names("solo") == rules.allowed_names(None) == rules.plans["free"]


def test_rules_of_an_earlier_snapshot_read_keys_from_settings():
    """What a format 2 document does not say is what was so: its own row, no fallback."""
    later = ("keys_from", "key_places", "client_key_places", "client_order", "fallback")
    hosted = load_rules("hosted-2026-05")
    document = {k: v for k, v in hosted.to_mapping().items() if k not in later}
    assert rules_from_mapping(document, "here") == hosted
    del document["prompt_cache_min_tokens_containing"]
    assert rules_from_mapping(document, "here").prompt_cache_min_tokens_containing == {}


def test_allow_list_is_every_provider_that_platform_names_but_tavily():
    """The LLM allow-list holds the incident's two providers and no search provider."""
    allowed = load_rules("hosted-2026-05").llm_providers
    assert "tavily" not in allowed
    assert {"minimax", "minimax_2_7", "openai", "huggingface"} <= set(allowed)
    assert len(set(allowed)) == len(allowed) == 26


@pytest.mark.parametrize("edition", EDITIONS)
def test_rules_survive_json(edition):
    """Rules come back from the form in which a snapshot keeps them."""
    rules = load_rules(edition)
    assert rules_from_mapping(json.loads(json.dumps(rules.to_mapping())), "here") == rules


def test_own_rules_change_an_edition(tmp_path):
    """A file names the edition it is based on and the fields it changes."""
    path = tmp_path / "own.yaml"
    path.write_text("based_on: hosted-2026-05\nname: own\nmatcher: substring\n")
    own, hosted = load_rules(str(path)).to_mapping(), load_rules("hosted-2026-05").to_mapping()
    assert own == {**hosted, "name": "own", "matcher": "substring"}


FALLBACK = (
    "{order: {simple: []}, models: {}, first: null, without_tools: {},"
    " last_model: a, no_client_error: b}"
)
ALL = "{simple: [a], moderate: [], complex: [], advanced: []}"


@pytest.mark.parametrize(
    ("change", "what"),
    [
        pytest.param("min_qualty: 5", "unknown field min_qualty; did you mean", id="misspelled"),
        pytest.param("1: 2", "unknown field 1", id="number-as-field"),
        pytest.param("matcher: regex", "wrong field: matcher must be 'prefix' or", id="matcher"),
        pytest.param("min_quality: {simple: 1}", "min_quality lacks moderate", id="complexity"),
        pytest.param("min_quality_by_tier: {}", "min_quality_by_tier lacks micro", id="tier"),
        pytest.param("plans: {pro: null}", "plans lacks free", id="plans"),
        pytest.param("plans: {free: [1]}", "plans.free[0] must be text", id="plan-of-numbers"),
        pytest.param("llm_providers: openai", "llm_providers must be a list", id="text-for-a-list"),
        pytest.param(
            "placeholder_prefixes: [1]", "prefixes[0] must be text", id="numbers-for-words"
        ),
        pytest.param("placeholder_shorter_than: .inf", "must be a finite number", id="infinity"),
        pytest.param("min_health_score: .nan", "must be a finite number", id="nan"),
        pytest.param("default_quality: high", "must be a valid number", id="word-for-a-number"),
        pytest.param("quality: {gpt: 5}", "quality must be a list", id="mapping-for-pairs"),
        pytest.param("quality_heuristics: [[mini, 80]]", "must be a list", id="word-for-words"),
        pytest.param("prompt_cache_min_tokens: 5", "must be a mapping", id="number-for-a-mapping"),
        pytest.param("keys_from: files", "keys_from must be 'settings' or", id="keys-from"),
        pytest.param(
            "client_order: random", "client_order must be 'registry' or", id="client-order"
        ),
        pytest.param("key_places: own", "key_places must be a list", id="text-for-places"),
        pytest.param(
            "key_places: [owned]",
            "key_places[0] has an unknown place of a key; use own",
            id="place",
        ),
        pytest.param("key_places: [variable]", "unknown place of a key", id="nameless-variable"),
        pytest.param("client_key_places: {a: [variable TOKEN]}", "unknown place", id="variable"),
        pytest.param("fallback: {}", "fallback.order is missing", id="fallback"),
        pytest.param("fallback: yes", "fallback must be a mapping", id="fallback-true"),
        pytest.param(f"fallback: {FALLBACK}", "fallback.order lacks moderate", id="fallback-order"),
        pytest.param(
            f"fallback: {FALLBACK.replace('{simple: []}', ALL)}",
            "lacks a model of a provider for simple",
            id="fallback-model",
        ),
        pytest.param("last_fetch: 2026-99-99", "unknown field", id="impossible-date"),
        pytest.param("a: [", "cannot be read", id="not-yaml"),
        pytest.param("a: !!python/object:os.system x", "cannot be read", id="python-object"),
    ],
)
def test_own_rules_with_a_mistake_are_refused(tmp_path, change, what):
    """A field that is unknown, missing or of the wrong form is named in one line."""
    path = tmp_path / "own.yaml"
    path.write_text(f"based_on: hosted-2026-05\nname: own\n{change}\n")
    with refused(InputError, what, path):
        load_rules(str(path))


@pytest.mark.parametrize("name", ["", "name: ''", "name: 5", *(f"name: {e}" for e in EDITIONS)])
def test_own_rules_need_a_name_of_their_own(tmp_path, name):
    """Changed rules never go by the name of the edition that they change."""
    path = tmp_path / "own.yaml"
    path.write_text(f"based_on: hosted-2026-05\n{name}\n")
    with refused(InputError, "no name of their own", path):
        load_rules(str(path))


def test_own_rules_are_spelled_as_the_editions_are(tmp_path):
    """What an edition's file says can be said in a user's file, `include` and comments aside."""
    shipped = yaml.safe_load((EDITIONS_FOLDER / "open-source-2026-05.yaml").read_text())
    del shipped["include"]
    path = tmp_path / "own.yaml"
    path.write_text(yaml.safe_dump({**shipped, "based_on": "hosted-2026-05", "name": "own"}))
    own = load_rules(str(path)).to_mapping()
    # What the edition that it is based on assumes is assumed here as well.
    assumed = load_rules("hosted-2026-05").assumptions
    names = {"name": "own", "based_on": "hosted-2026-05", "assumptions": assumed}
    assert own == {**load_rules("open-source-2026-05").to_mapping(), **names}


@pytest.mark.parametrize(
    "content",
    [
        'OPENAI_API_KEY="sk-secret',
        "a: b: sk-secret",
        "key: *sk-secret",
        "key: !sk-secret x",
        "key: !!int sk-secret",
        "\tsk-secret",
        "sk-secret\x00",
    ],
)
def test_a_file_given_by_mistake_is_not_quoted(tmp_path, content):
    """The error says what is wrong and in which line, and shows nothing of the file."""
    path = tmp_path / "own.yaml"
    path.write_text(f"name: own\n{content}\n")
    with refused(InputError, "cannot be read as YAML", path) as caught:
        load_rules(str(path))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        pytest.param("- a\n", "are no mapping", id="a-list"),
        pytest.param("", "are no mapping", id="empty"),
        pytest.param("name: x\n", "names no shipped edition", id="not-based-on-any"),
        pytest.param("based_on: [hosted-2026-05]\n", "names no shipped edition", id="list-as-base"),
        pytest.param("based_on: hosted\n", "names no shipped edition", id="unknown-base"),
        pytest.param("[" * 5000, "cannot be read", id="deeply-nested"),
    ],
)
def test_files_that_are_no_rules_are_refused(tmp_path, content, what):
    """A file that is not a mapping, or based on no edition, is refused."""
    path = tmp_path / "own.yaml"
    path.write_text(content)
    with refused(InputError, what, path):
        load_rules(str(path))


def test_rules_that_are_not_text_are_refused(tmp_path):
    """A binary file is refused."""
    path = tmp_path / "own.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with refused(InputError, "cannot be read", path):
        load_rules(str(path))


@pytest.mark.parametrize("name", ["hosted", "quality", "", "x" * 5000, "no/such\nfile"])
def test_unknown_rules_are_refused_with_the_known_names(name):
    """An unknown name is answered with the editions there are."""
    with refused(InputError, "no such rules") as caught:
        load_rules(name)
    assert "hosted-2026-05, open-source-2026-05" in str(caught.value)


@given(st.sampled_from(FIELDS) | st.text(max_size=6), JSON)
@examples(200)
def test_any_value_of_any_field_is_rules_or_a_clear_error(field, value):
    """Nothing but AtomlabError is raised for any value, and what is accepted survives JSON."""
    document = load_rules("hosted-2026-05").to_mapping() | {field: value}
    rules = loaded(rules_from_mapping, document, "here")
    if rules is not None:
        kept = json.loads(json.dumps(rules.to_mapping()))
        assert rules_from_mapping(kept, "here") == rules
        assert key_state("k", rules) in ("present", "placeholder")


@given(JSON)
@examples(50)
def test_any_yaml_is_rules_or_a_clear_error(document):
    """Nothing but AtomlabError is raised for any YAML document."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "own.yaml")
        path.write_text(yaml.safe_dump(document), encoding="utf-8", errors="backslashreplace")
        with pytest.raises(AtomlabError) as caught:
            load_rules(str(path))
        assert is_one_line(str(caught.value))
