"""The population: who shares a state, and who is affected."""

from __future__ import annotations

from collections import defaultdict

import pytest

import atomlab
from atomlab.diagnosis import population
from atomlab.diagnosis.population import Population, Winners, affected_tenants
from atomlab.errors import InputError
from atomlab.evidence.inputs.rules import COMPLEXITIES
from tests.diagnosis.made import EVERY, KEY, Made, capture_made, stored
from tests.refusals import refused

PUBLIC = "open-source-2026-05"


@pytest.fixture(scope="module")
def everybody(tmp_path_factory):
    """Return a snapshot with a tenant of each plan, mode and kind of rows."""
    with capture_made(tmp_path_factory.mktemp("made"), EVERY) as snapshot:
        yield snapshot


def states_of(snapshot):
    """Return the ids of the tenants that share a state, sorted."""
    shared = defaultdict(list)
    for tenant, group in Population(snapshot, atomlab.load_platform(snapshot.session)):
        shared[group].append(tenant.id)
    for group, ids in shared.items():
        assert (group.first, group.tenants) == (ids[0], len(ids))
    return sorted(map(sorted, shared.values()))


def test_every_tenant_is_in_exactly_one_state(before):
    """The states are a partition of the tenants, and those in one have the same rows and plan."""
    platform = atomlab.load_platform(before.session)
    manager = atomlab.BYOKManager(platform.providers, platform.rules, redacted=True)
    seen = []
    population = Population(before, platform)
    for tenant, alike in population:
        handler = atomlab.BYOKHandler(tenant.id, before.session, platform=platform)
        assert manager.states(before.session, tenant.id).of(tenant.id) == alike.rows
        assert (tenant.plan_type, tuple(handler.clients)) == (alike.plan, alike.clients)
        assert (tenant.ai_mode, alike.clients) == (alike.mode, alike.lookups.clients)
        seen.append(tenant.id)
    assert len(population.groups) < len(seen) == sum(g.tenants for g in population.groups)
    assert sorted(seen) == sorted(tenant.id for tenant in before.session.query(atomlab.Tenant))


def test_another_plan_mode_or_state_is_another_case(tmp_path):
    """An empty value, spaces, another plan or mode, are not the same as a missing row."""
    tenants = {
        "a": Made(),
        "b": Made(rows={"OPENAI_API_KEY": ""}),
        "c": Made(rows={"OPENAI_API_KEY": "  "}),
        "d": Made(plan="pro"),
        "e": Made(mode="managed"),
        "f": Made(),
    }
    with capture_made(tmp_path, tenants) as snapshot:
        shared = [["id-a", "id-f"], ["id-b"], ["id-c"], ["id-d"], ["id-e"]]
        assert states_of(snapshot) == shared


def test_snapshots_of_earlier_formats_have_the_same_groups(tmp_path, monkeypatch):
    """Their states are numbered as they are read, however many rows there are at once."""
    tenants = {
        "a": Made(rows={"OPENAI_API_KEY": KEY, "GROQ_API_KEY": ""}),
        "b": Made(),
        "c": Made(rows={"GROQ_API_KEY": "", "OPENAI_API_KEY": KEY}),
        "d": Made(rows={"OPENAI_API_KEY": KEY}),
        "e": Made(),
    }
    with capture_made(tmp_path, tenants) as snapshot:
        expected = states_of(snapshot)
        assert expected == [["id-a", "id-c"], ["id-b", "id-e"], ["id-d"]]
        monkeypatch.setattr(type(snapshot), "has_states", False)
        for size in (1, 2, 3, 1000):
            monkeypatch.setattr(population, "_ROWS_AT_ONCE", size)
            assert states_of(snapshot) == expected


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


@pytest.mark.parametrize("asked", [None, True, False], ids=["ai_mode", "managed", "byok"])
@pytest.mark.parametrize("complexity", COMPLEXITIES)
def test_a_managed_tenant_is_held_to_its_plan(everybody, complexity, asked):
    """By hand for every plan, mode and kind of rows; unless it is asked otherwise, for all."""
    failing = sorted(f"id-{n}" for n, made in EVERY.items() if not made.usable(complexity, asked))
    assert [t.id for t in affected_tenants(everybody, complexity, asked)] == failing


def test_the_tenants_of_the_public_edition_share_the_environment(captured):
    """Its keys are variables of the worker, and stored keys: a tenant's own, else the default."""
    snapshot = captured(
        {name: {"OPENAI_API_KEY": KEY} for name in "abcd"},
        rules=PUBLIC,
        env={"GOOGLE_API_KEY": KEY, "TIMEZONE": "UTC"},
        keys={
            **stored("minimax", "id-c"),
            **stored("deepseek"),
            **stored("deepseek", "id-b", value=""),
        },
    )
    platform = atomlab.load_platform(snapshot.session)
    found = {tenant.id: alike for tenant, alike in Population(snapshot, platform)}
    # In the edition's own order, whatever settings the tenants have.
    clients = {tenant: alike.lookups.clients for tenant, alike in found.items()}
    assert clients == {
        "id-a": ("deepseek", "gemini"),
        "id-b": ("gemini",),
        "id-c": ("deepseek", "minimax", "gemini"),
        "id-d": ("deepseek", "gemini"),
    }
    assert found["id-a"] is found["id-d"]
    manager = platform.manager()
    for tenant, alike in found.items():
        assert manager.states(snapshot.session, tenant).of(tenant) == alike.rows
    assert [t.id for t in affected_tenants(snapshot, "simple")] == ["id-b"]


def test_without_what_decides_nobody_can_tell(captured):
    """No pricing cache, or none of the keys' environment: asking who is affected is an error."""
    bare = captured({"acme": {}}, pricing=None)
    with refused(InputError, "holds no pricing cache, so nobody can tell", "the snapshot") as it:
        affected_tenants(bare)
    assert it.value.todo == "capture it with --pricing"
    assert it.value.what == "holds no pricing cache, so nobody can tell who is affected"
    keyless = captured({"acme": {}}, rules=PUBLIC)
    with refused(InputError, "holds no environment of the worker") as it:
        affected_tenants(keyless)
    assert it.value.todo == "capture it with --env"
    empty = captured({"acme": {}}, rules=PUBLIC, env={})
    assert [tenant.id for tenant in affected_tenants(empty)] == ["id-acme"]


def test_an_unknown_complexity_is_refused(captured):
    """As everywhere, the known ones are named."""
    with refused(InputError, "unknown complexity 'hard'"):
        affected_tenants(captured({"acme": {}}), "hard")


def test_winners_with_a_filter_waived_are_those_of_the_ranking(everybody):
    """By hand for each group; without it there are others."""
    platform = atomlab.load_platform(everybody.session)
    waived, asked = Winners(platform, frozenset({"quality"})), atomlab.Request("advanced")
    differ = 0
    for group in Population(everybody, platform).groups:
        request = asked.of_tenant(group.mode)
        plain, other = (
            atomlab.rank(platform, group.clients, request, group.plan, waived=names).winner
            for names in (frozenset(), frozenset({"quality"}))
        )
        assert waived.of(group, asked) == other
        assert waived.all_of(group, (asked,)) == (other,)
        assert Winners(platform).all_of(group, (asked,)) == (plain,)
        differ += plain != other
    assert differ


@pytest.mark.parametrize("most", [0, 1, 10_000])
def test_members_are_the_tenants_of_their_groups_alone(everybody, monkeypatch, most):
    """However many groups there are, and whether the file is asked for them or read through."""
    platform = atomlab.load_platform(everybody.session)
    found = Population(everybody, platform)
    monkeypatch.setattr(population, "_NUMBERS_PER_QUERY", most)
    monkeypatch.setattr(population, "_IDS_PER_QUERY", 2)
    assert [g.rows for g in Population(everybody, platform).groups] == [
        g.rows for g in found.groups
    ]
    queries = []
    select = type(everybody).select
    monkeypatch.setattr(
        type(everybody), "select", lambda s, q, *v: (queries.append(q), select(s, q, *v))[1]
    )
    for chosen in (found.groups[:1], found.groups[1:4], []):
        members = [tenant for tenant, _ in found.members(chosen)]
        assert members == [tenant for tenant, group in found if group in chosen]
        assert ("WHERE states IN" in queries[0]) == (
            len({str(case[2]) for case, g in found._groups.items() if g in chosen}) <= most
        )
        queries.clear()


def test_what_a_population_shows_of_itself(captured):
    """How many tenants and groups, of a tenant its row, of winners the platform."""
    snapshot = captured({"a": {"OPENAI_API_KEY": "one"}, "b": {"OPENAI_API_KEY": "another"}})
    platform = atomlab.load_platform(snapshot.session)
    found = Population(snapshot, platform)
    assert repr(found) == "Population(tenants=2, groups=1)"
    (tenant, _), _ = found
    assert repr(tenant).startswith("TenantRow('id-a', ")
    assert repr(Winners(platform)) == f"Winners(platform={platform!r})"
