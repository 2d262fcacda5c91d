"""What tenants hold, in memory: each change is of one tenant, and of a copy."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from atomlab import load_platform
from atomlab.byok.rows import TenantRows
from atomlab.diagnosis.edits import Edit
from atomlab.diagnosis.sandbox import Sandbox
from atomlab.evidence.inputs.environment import Environment
from atomlab.evidence.inputs.rules import load_rules
from tests.diagnosis.made import KEY, stored

HOSTED, PUBLIC = load_rules("hosted-2026-05"), load_rules("open-source-2026-05")
ROWS = TenantRows(HOSTED, {"a": (("X", "1"), ("X", "2")), "b": (("X", "3"),)})
WORKER = TenantRows(
    PUBLIC,
    {"a": (("SETTING", "0"),)},
    Environment({"V": "1"}, {("openai", "default"): "2", ("openai", "a"): "3"}),
)


def test_of_several_rows_of_one_name_the_first_counts():
    """And the name is told as repeated, for the tenant that has it twice."""
    assert (ROWS.of("a"), ROWS.of("b"), ROWS.of("c")) == ({"X": "1"}, {"X": "3"}, {})
    assert (ROWS.repeated("a"), ROWS.repeated("b")) == (["X"], [])


def test_a_row_is_given_to_one_tenant_and_taken_from_one():
    """All rows of the name go; the other tenant's stays, and the first copy is as it was."""
    assert ROWS.holding("a", "X", "9").of("a") == {"X": "9"}
    assert ROWS.holding("a", "X", "9").repeated("a") == []
    assert ROWS.holding("a", "Y", "9").of("a") == {"X": "1", "Y": "9"}
    assert ROWS.holding("a", "Y", "9").of("b") == {"X": "3"}
    assert ROWS.without("a", "X").of("a") == {}
    assert ROWS.without("a", "X").of("b") == {"X": "3"}
    assert ROWS.of("a") == {"X": "1"}


def test_the_worker_s_variables_are_everybody_s_and_stored_keys_a_tenant_s():
    """Where keys come from the environment the settings play no part."""
    name = "byok_keys.json openai"
    assert WORKER.of("a") == {"V": "1", name: "3"}
    assert WORKER.of("b") == {"V": "1", name: "2"}
    assert WORKER.holding("a", "W", "9").of("b") == {"V": "1", "W": "9", name: "2"}
    assert WORKER.storing("openai", "b", "9").of("b") == {"V": "1", name: "9"}
    assert WORKER.storing("openai", "b", "9").of("a") == {"V": "1", name: "3"}
    assert WORKER.without("a", "V").of("a") == {name: "3"}
    assert WORKER.without("a", name).of("a") == {"V": "1"}


def test_the_rows_of_a_snapshot_are_read_for_the_tenants_asked(before):
    """Of one tenant or of all at once, as plain SQL reads them."""
    platform, tenant = load_platform(before.session), before.tenant("brennan").id
    manager = platform.manager()
    plain = before.session.execute(
        text("SELECT setting_key, setting_value FROM tenant_settings WHERE tenant_id = :id"),
        {"id": tenant},
    )
    tokens = dict(map(tuple, plain))
    states = {name: token.split(":")[1] for name, token in tokens.items()}
    assert manager.rows(before.session, tenant).of(tenant) == tokens
    assert manager.rows(before.session).of(tenant) == tokens
    assert manager.states(before.session, tenant).of(tenant) == states
    assert manager.states(before.session).of(tenant) == manager.states_of(tokens.items()) == states


@pytest.mark.parametrize(("whose", "clients"), [(None, ("openai", "qwen")), ("id-b", ("qwen",))])
def test_a_key_for_another_tenant_is_stored_under_that_one_s_id(captured, whose, clients):
    """In the public edition: the tenant's own trial makes a client, the placebo none here."""
    made = {"a": {}, "b": {}}
    options = {"env": {"QWEN_API_KEY": KEY}, "keys": stored("groq", "default")}
    snapshot = captured(made, rules="open-source-2026-05", **options)
    lab = Sandbox(snapshot)
    edit = Edit("new-credential", "OPENAI_API_KEY", tenant_id=whose)
    held, applied = lab.edited_rows([edit], "id-a")
    manager = lab.platform.manager()

    def clients_of(tenant):
        looks = manager.lookups_of(manager.states_of(held.of(tenant).items()))
        return tuple(look.provider for look in looks if look.client)

    assert applied
    assert clients_of("id-a") == clients
    assert clients_of("id-b") == ("openai", "qwen")
