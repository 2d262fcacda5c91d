"""The key lookup, on raw values and on tokens."""

from __future__ import annotations

import logging
import sqlite3

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from atomlab.byok.keys import BYOKManager
from atomlab.evidence.registry import default_registry, load_registry
from atomlab.evidence.rules import load_rules
from atomlab.evidence.source import open_source

KEY = "sk-" + "5" * 40
VALUES = [  # value, state when hosted, state in the open-source edition
    pytest.param(KEY, "present", "present", id="key"),
    pytest.param("short", "present", "placeholder", id="short"),
    pytest.param("   ", "blank", "placeholder", id="spaces-are-truthy"),
    pytest.param(" " * 12, "blank", "blank", id="many-spaces"),
    pytest.param("", "empty", "empty", id="empty"),
    pytest.param(None, "null", "null", id="null"),
    pytest.param("dummy-key-of-a-template", "present", "placeholder", id="dummy"),
    pytest.param("60a9596d" + "0" * 24, "present", "placeholder", id="known-placeholder"),
    pytest.param("gAAAAA" + "b" * 90, "ciphertext", "ciphertext", id="fernet"),
]
CLIENT = {"present", "ciphertext", "blank"}


@pytest.mark.parametrize("edition", [0, 1], ids=["hosted", "open-source"])
@pytest.mark.parametrize(("value", "hosted", "open_source"), VALUES)
def test_state_and_client_of_a_value(make_database, captured, edition, value, hosted, open_source):
    """A client is built from every truthy value that is no placeholder, raw and redacted alike."""
    name = ("hosted-2026-05", "open-source-2026-05")[edition]
    state = (hosted, open_source)[edition]
    rules, registry = load_rules(name), load_registry(default_registry(name))
    tenants = {"acme": {"GROQ_API_KEY": value}}
    with open_source_session(make_database(tenants)) as source:
        raw = BYOKManager(registry, rules).lookups("id-acme", source)
    copy = captured(tenants, rules=name).session
    redacted = BYOKManager(registry, rules, redacted=True).lookups("id-acme", copy)
    assert raw == redacted
    [groq] = [found for found in raw if found.provider == "groq"]
    assert (groq.setting_key, groq.state, groq.client) == ("GROQ_API_KEY", state, state in CLIENT)
    others = [found for found in raw if found.provider != "groq"]
    assert {(found.state, found.client) for found in others} == {("missing", False)}


def open_source_session(path):
    """Return a session on a raw database file."""
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    return Session(create_engine(f"sqlite:///{path}", poolclass=NullPool))


def test_lookup_returns_the_raw_value_of_a_raw_database(make_database):
    """On a live database the platform's own method returns the platform's own value."""
    registry = load_registry(default_registry("hosted-2026-05"))
    manager = BYOKManager(registry, load_rules("hosted-2026-05"))
    with open_source(str(make_database({"acme": {"GROQ_API_KEY": KEY}}))) as source:
        assert manager.get_tenant_api_key("id-acme", "groq", db=source.db) == KEY
        assert manager.get_tenant_api_key("id-acme", "openai", db=source.db) is None
        assert manager.get_tenant_api_key("id-nobody", "groq", db=source.db) is None


@pytest.mark.parametrize("value", ["", None], ids=["empty", "null"])
def test_lookup_of_a_falsy_value_is_none_and_logged(make_database, caplog, value):
    """A row without a value counts as no row, and the platform's warning is logged."""
    manager = BYOKManager((), load_rules("hosted-2026-05"))
    with open_source(str(make_database({"acme": {"GROQ_API_KEY": value}}))) as source:
        assert manager.get_tenant_api_key("id-acme", "groq", db=source.db) is None
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
    with open_source(str(path)) as source:
        assert manager.row_states("id-acme", source.db) == {"GROQ_API_KEY": "empty"}
        assert manager.get_tenant_api_key("id-acme", "groq", db=source.db) is None


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
