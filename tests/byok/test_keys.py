"""The key lookup, on raw values and on tokens."""

from __future__ import annotations

import logging
import sqlite3
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from atomlab.byok.keys import BYOKManager
from atomlab.byok.platform import in_client_order
from atomlab.evidence.inputs.environment import Environment
from atomlab.evidence.inputs.registry import default_registry, load_registry
from atomlab.evidence.inputs.rules import load_rules
from atomlab.evidence.redaction import State
from tests.conftest import live_session
from tests.examples import examples

KEY = "sk-" + "5" * 40
PUBLIC = "open-source-2026-05"
VALUES = [
    pytest.param(KEY, "present", id="key"),
    pytest.param("short", "present", id="short"),
    pytest.param("   ", "blank", id="spaces-are-truthy"),
    pytest.param("", "empty", id="empty"),
    pytest.param(None, "null", id="null"),
    pytest.param("dummy-key-of-a-template", "present", id="dummy"),
    pytest.param("60a9596d" + "0" * 24, "present", id="a-later-version-s-placeholder"),
    pytest.param("gAAAAA" + "b" * 90, "ciphertext", id="fernet"),
]
CLIENT = {"present", "ciphertext", "blank"}


@pytest.mark.parametrize("edition", ["hosted-2026-05", PUBLIC], ids=["hosted", "open-source"])
@pytest.mark.parametrize(("value", "state"), VALUES)
def test_state_and_client_of_a_value(make_database, captured, edition, value, state):
    """A client is built from every truthy value, raw and redacted alike, wherever it is read."""
    rules, registry = load_rules(edition), load_registry(default_registry(edition))
    hosted = edition != PUBLIC
    tenants, env = {"acme": {"OPENAI_API_KEY": value if hosted else KEY}}, {}
    if not hosted:  # where no setting counts
        env = {"OPENAI_API_KEY": value}
    with live_session(make_database(tenants)) as source:
        manager = BYOKManager(registry, rules, environment=Environment(env))
        raw = manager.lookups("id-acme", source)
    copy = captured(tenants, rules=edition, env=env).session
    redacted = BYOKManager(registry, rules, redacted=True).lookups("id-acme", copy)
    assert raw == redacted
    [openai] = [found for found in raw if found.provider == "openai"]
    expected = ("OPENAI_API_KEY", state, state in CLIENT)
    assert (openai.setting_key, openai.state, openai.client) == expected
    shared = {"openai_5_3"} if not hosted else set()  # declares the same variable, is not allowed
    others = [found for found in raw if found.provider not in {"openai", *shared}]
    assert {(found.state, found.client) for found in others} == {("missing", False)}
    assert not any(found.client for found in raw if found.provider in shared)


def test_lookup_returns_the_raw_value_of_a_raw_database(make_database):
    """On a live database the platform's own method returns the platform's own value."""
    registry = load_registry(default_registry("hosted-2026-05"))
    manager = BYOKManager(registry, load_rules("hosted-2026-05"))
    with live_session(make_database({"acme": {"GROQ_API_KEY": KEY}})) as db:
        assert manager.get_tenant_api_key("id-acme", "groq", db=db) == KEY
        assert manager.get_tenant_api_key("id-acme", "openai", db=db) is None
        assert manager.get_tenant_api_key("id-nobody", "groq", db=db) is None


@pytest.mark.parametrize("value", ["", None], ids=["empty", "null"])
def test_lookup_of_a_falsy_value_is_none_and_logged(make_database, caplog, value):
    """A row without a value counts as no row, and the platform's warning is logged."""
    manager = BYOKManager((), load_rules("hosted-2026-05"))
    with live_session(make_database({"acme": {"GROQ_API_KEY": value}})) as db:
        assert manager.get_tenant_api_key("id-acme", "groq", db=db) is None
    assert caplog.messages == ["Setting not found or NULL for groq"]
    assert caplog.records[0].levelno == logging.WARNING


def test_setting_name_comes_from_the_id_and_not_from_the_registry(captured):
    """The lookup derives the name from the provider id: the incident's mechanism."""
    lookups = {
        found.provider: found
        for found in BYOKManager(
            load_registry(default_registry("hosted-2026-05")),
            load_rules("hosted-2026-05"),
            redacted=True,
        ).lookups("id-acme", captured({"acme": {"MINIMAX_2_7_API_KEY": KEY}}).session)
    }
    assert lookups["minimax_2_7"].client
    assert lookups["minimax"].setting_key == "MINIMAX_API_KEY"
    assert lookups["minimax"].state == "missing"


def test_provider_off_the_allow_list_gets_no_client_whatever_its_key(captured):
    """A usable key of a search provider builds no client, and the lookup says why."""
    snapshot = captured({"acme": {"TAVILY_API_KEY": KEY}})
    registry = load_registry(default_registry("hosted-2026-05"))
    manager = BYOKManager(registry, load_rules("hosted-2026-05"), redacted=True)
    [tavily] = [x for x in manager.lookups("id-acme", snapshot.session) if x.provider == "tavily"]
    assert (tavily.state, tavily.client) == ("present", False)
    assert "tavily is not on the LLM allow-list" in tavily.reason


def test_first_of_two_rows_counts(make_database):
    """Where a database lets a key stand twice, the first row decides, as on the platform."""
    path = make_database({"acme": {"GROQ_API_KEY": ""}})
    db = sqlite3.connect(path)
    db.execute(
        "INSERT INTO tenant_settings VALUES ('2', 'id-acme', 'GROQ_API_KEY', ?, NULL)", [KEY]
    )
    db.commit()
    db.close()
    manager = BYOKManager((), load_rules("hosted-2026-05"))
    with live_session(path) as db:
        assert manager.states(db, "id-acme").of("id-acme") == {"GROQ_API_KEY": "empty"}
        assert manager.get_tenant_api_key("id-acme", "groq", db=db) is None


@pytest.mark.parametrize("name", ["before", "after", "local_dev"])
def test_lookups_of_the_shipped_tenants_follow_their_rows(request, name):
    """On every shipped tenant the lookups are what the rows say, read by plain SQL."""
    snapshot = request.getfixturevalue(name)
    registry = load_registry(default_registry("hosted-2026-05"))
    manager = BYOKManager(registry, load_rules("hosted-2026-05"), redacted=True)
    rows = snapshot.session.execute(text("SELECT * FROM tenant_settings")).mappings().all()
    tenants = snapshot.session.execute(text("SELECT id FROM tenants")).scalars().all()
    for tenant in tenants:
        tokens = {r["setting_key"]: r["setting_value"] for r in rows if r["tenant_id"] == tenant}
        for found in manager.lookups(tenant, snapshot.session):
            held = tokens.get(f"{found.provider.upper()}_API_KEY", "v1:missing:").split(":")[1]
            assert found.state == held
            assert found.client == (held in CLIENT and found.provider != "tavily")


@pytest.mark.parametrize("edition", ["hosted-2026-05", "open-source-2026-05"])
def test_clients_are_those_of_which_a_lookup_makes_one(edition):
    """In client order, whichever rows there are; the same clients are the same object."""
    rules, states = load_rules(edition), st.sampled_from([*get_args(State)])
    registry = in_client_order(load_registry(default_registry(edition)), rules)
    manager = BYOKManager(registry, rules)
    names = sorted({name for provider in registry for name in manager.key_names(provider.id)})

    @given(st.dictionaries(st.sampled_from([*names, "TIMEZONE"]), states))
    @examples(100)
    def check(rows):
        looked_up = [lookup.provider for lookup in manager.lookups_of(rows) if lookup.client]
        assert manager.clients_of(rows) == (*looked_up,)
        assert manager.clients_of(rows) is manager.clients_of(dict(rows))

    check()


# The public edition: keys of the environment (docs/platform.md)


def manager(stored=(), **variables):
    """Return the public edition's manager with raw variables and stored keys."""
    registry = load_registry(default_registry(PUBLIC))
    rules, environment = load_rules(PUBLIC), Environment(variables, dict(stored))
    providers = in_client_order(registry, rules)
    return BYOKManager(providers, rules, environment=environment)


STORED = "byok_keys.json"


@pytest.mark.parametrize(
    ("provider", "names", "new"),
    [
        ("openai", (f"{STORED} openai", "OPENAI_API_KEY"), "OPENAI_API_KEY"),
        ("moonshot", (f"{STORED} moonshot", "MOONSHOT_API_KEY"), "MOONSHOT_API_KEY"),
        (
            "gemini",
            (f"{STORED} gemini", "GOOGLE_API_KEY", "GEMINI_API_KEY"),
            "GEMINI_API_KEY",
        ),
        (
            "lux",
            (f"{STORED} anthropic", "ANTHROPIC_API_KEY", f"{STORED} lux", "LUX_MODEL_API_KEY"),
            "ANTHROPIC_API_KEY",
        ),
        ("nobody", (f"{STORED} nobody", "NOBODY_API_KEY"), "NOBODY_API_KEY"),
    ],
)
def test_names_under_which_a_client_s_key_is_looked_for(provider, names, new):
    """The stored key, the declared variable, the provider's own; lux has no own."""
    assert manager().key_names(provider) == names
    assert manager().key_name(provider) == new
    hosted = BYOKManager((), load_rules("hosted-2026-05"))
    assert hosted.key_names(provider) == (f"{provider.upper()}_API_KEY",)
    assert hosted.key_name(provider) == f"{provider.upper()}_API_KEY"


@pytest.mark.parametrize(
    ("provider", "variables", "stored", "found"),
    [
        pytest.param("openai", {"OPENAI_API_KEY": "v"}, {}, "v", id="declared"),
        pytest.param(
            "openai", {"OPENAI_API_KEY": "v"}, {("openai", "default"): "s"}, "s", id="stored-first"
        ),
        pytest.param(
            "openai",
            {},
            {("openai", "default"): "s", ("openai", "id-acme"): "t"},
            "t",
            id="the-tenants-own-first",
        ),
        pytest.param("openai", {}, {("openai", "id-zeta"): "z"}, None, id="anothers"),
        pytest.param("gemini", {"GOOGLE_API_KEY": "v"}, {}, "v", id="gemini-declares-google"),
        pytest.param("gemini", {"GEMINI_API_KEY": "v"}, {}, None, id="its-own-is-the-handlers"),
        pytest.param("minimax_2_5", {"MINIMAX_API_KEY": "v"}, {}, "v", id="declared-by-another-id"),
        pytest.param("lux", {"ANTHROPIC_API_KEY": "v"}, {}, None, id="lux-as-any-other"),
        pytest.param("moonshot", {"MOONSHOT_API_KEY": "v"}, {}, None, id="nobody-declares-it"),
        pytest.param("openai", {"OPENAI_API_KEY": ""}, {}, None, id="empty"),
    ],
)
def test_the_manager_finds_stored_and_declared_keys(
    make_database, provider, variables, stored, found
):
    """What the handler does beyond that, for gemini, lux and its own names, it does by itself."""
    with live_session(make_database({"acme": {"OPENAI_API_KEY": KEY}})) as db:
        one = manager(stored, **variables)
        assert one.get_tenant_api_key("id-acme", provider, db=db) == found


@pytest.mark.parametrize(
    ("variables", "stored", "name", "state"),
    [
        pytest.param({}, {}, "GEMINI_API_KEY", "missing", id="none"),
        pytest.param({"GOOGLE_API_KEY": "v"}, {}, "GOOGLE_API_KEY", "present", id="declared"),
        pytest.param({"GEMINI_API_KEY": " "}, {}, "GEMINI_API_KEY", "blank", id="own"),
        pytest.param(
            {"GOOGLE_API_KEY": "", "GEMINI_API_KEY": "v"},
            {},
            "GEMINI_API_KEY",
            "present",
            id="the-first-that-is-usable",
        ),
        pytest.param({"GEMINI_API_KEY": ""}, {}, "GEMINI_API_KEY", "empty", id="there-but-empty"),
        pytest.param(
            {"GOOGLE_API_KEY": "v"},
            {("gemini", "default"): "gAAAAx"},
            f"{STORED} gemini",
            "ciphertext",
            id="stored",
        ),
    ],
)
def test_a_lookup_names_where_the_key_was_found(make_database, variables, stored, name, state):
    """Or, where none is usable, what there is in its place, or where one would be entered."""
    with live_session(make_database({"acme": {}})) as db:
        lookups = manager(stored, **variables).lookups("id-acme", db)
    [gemini] = [found for found in lookups if found.provider == "gemini"]
    assert (gemini.setting_key, gemini.state) == (name, state)
    assert gemini.client == (state in CLIENT)


def test_a_snapshot_s_environment_is_read_and_none_is_given(captured):
    """On a live database there is none, unless it is given."""
    rules = load_rules(PUBLIC)
    providers = in_client_order(load_registry(default_registry(PUBLIC)), rules)
    session = captured({"acme": {}}, rules=PUBLIC, env={"OPENAI_API_KEY": KEY}).session
    redacted = BYOKManager(providers, rules, redacted=True)
    raw = BYOKManager(providers, rules)
    assert redacted.get_tenant_api_key("id-acme", "openai", db=session).startswith("v1:present:")
    assert raw.get_tenant_api_key("id-acme", "openai", db=session) is None
    assert redacted.states(session, "id-acme").of("id-acme") == {"OPENAI_API_KEY": "present"}
