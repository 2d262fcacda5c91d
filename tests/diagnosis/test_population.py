"""The population: who shares a state, and who is affected."""

from __future__ import annotations

import sqlite3

import atomlab
from atomlab.diagnosis.population import affected_tenants, distinct_states
from atomlab.errors import InputError
from tests.refusals import refused


def states_of(snapshot):
    """Return the ids of the tenants that share a state, sorted."""
    platform = atomlab.load_platform(snapshot.session)
    shared = [[t.id for t in alike.tenants] for alike in distinct_states(snapshot, platform)]
    return sorted(sorted(ids) for ids in shared)


def test_every_tenant_is_in_exactly_one_state(before):
    """The states are a partition of the tenants, and those in one have the same rows and plan."""
    platform = atomlab.load_platform(before.session)
    manager = atomlab.BYOKManager(platform.providers, platform.rules, redacted=True)
    seen = []
    for alike in distinct_states(before, platform):
        for tenant in alike.tenants:
            handler = atomlab.BYOKHandler(tenant.id, before.session, platform=platform)
            assert manager.row_states(tenant.id, before.session) == alike.rows
            assert (tenant.plan_type, tuple(handler.clients)) == (alike.plan, alike.clients)
            seen.append(tenant.id)
    assert sorted(seen) == sorted(tenant.id for tenant in before.session.query(atomlab.Tenant))


def test_another_plan_or_state_is_another_case(make_database, prices, tmp_path):
    """An empty value, spaces, or another plan, are not the same as a missing row."""
    source = make_database({"a": {}, "b": {"OPENAI_API_KEY": ""}, "c": {"OPENAI_API_KEY": "  "}})
    with sqlite3.connect(source) as db:
        db.execute("INSERT INTO tenants VALUES ('id-d', 'D', 'd', 'free', 'byok', '', NULL)")
    db.close()
    with atomlab.capture(str(source), tmp_path / "x.sqlite", pricing=prices) as snapshot:
        assert states_of(snapshot) == [["id-a"], ["id-b"], ["id-c"], ["id-d"]]


def test_values_do_not_tell_tenants_apart(captured):
    """Tenants with different keys in the same row share a state."""
    snapshot = captured({"a": {"OPENAI_API_KEY": "one"}, "b": {"OPENAI_API_KEY": "another"}})
    assert states_of(snapshot) == [["id-a", "id-b"]]


def test_the_affected_are_those_that_the_platform_would_fail(before):
    """`affected_tenants` decides as the handler does, for one kind of request and for all."""
    platform = atomlab.load_platform(before.session)
    for complexity in ("", "simple", "advanced"):
        wanted = [complexity] if complexity else ["simple", "moderate", "complex", "advanced"]
        failing = []
        for tenant in before.session.query(atomlab.Tenant).order_by(atomlab.Tenant.id):
            handler = atomlab.BYOKHandler(tenant.id, before.session, platform=platform)
            if any(not len(handler.explain(atomlab.Request(c)).order) for c in wanted):
                failing.append(tenant.id)
        assert [tenant.id for tenant in affected_tenants(before, complexity)] == failing


def test_without_prices_nobody_can_tell(captured):
    """Where there is no pricing cache, asking who is affected is an error; so is no such kind."""
    with refused(InputError, "nobody can tell who is affected", "the snapshot"):
        affected_tenants(captured({"acme": {}}, pricing=None))
    with refused(InputError, "unknown complexity 'hard'"):
        affected_tenants(captured({"acme": {}}), "hard")
