"""What a what-if says of all tenants is what it says of each of them."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import atomlab
from atomlab.byok import decisions
from atomlab.byok.request import Request
from atomlab.diagnosis.what_if import WhatIf
from atomlab.errors import InputError, TenantError
from tests.changed import HOSTED, PUBLIC, Base, bases, steps
from tests.diagnosis.made import EVERY, KEY, Made, capture_made
from tests.examples import examples
from tests.refusals import refused


def one_by_one(snapshot, chain, managed=None):
    """Return by id of tenant the row that its own what-if gives, and whether a status flips."""
    found = {}
    for tenant in snapshot.session.query(atomlab.Tenant):
        alone = snapshot.what_if(tenant.id, managed=managed)
        for step in chain:
            alone = alone.step(*step)
        flips = [(each.kind, each.flip) for each in alone.requests]
        gained = [kind for kind, flip in flips if flip.endswith("→ healthy")]
        lost = [kind for kind, flip in flips if flip.startswith("healthy →")]
        moved = [kind for kind, flip in flips if flip == "another winner"]
        row = {
            "id": tenant.id,
            "name": tenant.name,
            "subdomain": tenant.subdomain,
            "plan": tenant.plan_type,
            "before": alone.before.status,
            "after": alone.status,
            "gained": ", ".join(gained),
            "lost": ", ".join(lost),
            "moved": ", ".join(moved),
        }
        found[tenant.id] = row, any("→" in flip for _, flip in flips)
    return found


@given(bases(), steps(), st.sampled_from((None, False, True)))
@examples(90)
def test_it_equals_the_what_if_of_each_tenant(base, chain, managed):
    """For random worlds and chains of the steps that every tenant can have."""
    with tempfile.TemporaryDirectory() as name, base.capture(Path(name, "before")) as snapshot:
        found, made = atomlab.what_if(snapshot, managed=managed), []
        for step in chain:
            try:
                found = found.step(*step)
            except InputError:
                assert step[0] == "without-models"
                continue
            made.append(step)
        alone = one_by_one(snapshot, made, managed)
        rows = found.flips(winners=True).to_dict("records")
        assert rows == [row for row, flips in alone.values() if flips or row["moved"]]
        flipped = [row for row, flips in alone.values() if flips]
        assert found.flips().to_dict("records") == flipped
        assert found.counts == {
            "tenants": len(alone),
            "flip": len(flipped),
            "gain": sum(bool(row["gained"]) for row, _ in alone.values()),
            "lose": sum(bool(row["lost"]) for row, _ in alone.values()),
            "move": len(rows) - len(flipped),
        }
        for side in ("before", "after"):
            statuses = [row[side] for row, _ in alone.values()]
            assert found.by_status[side] == {s: statuses.count(s) for s in found.by_status[side]}
        worst = next(s for s in ("affected", "undecided", "healthy") if found.by_status["after"][s])
        assert found.status == worst


def test_the_same_call_answers_for_one_tenant(before):
    """It is what the snapshot itself gives; without one, of a tenant that is not there."""
    alone = atomlab.what_if(before, "brennan").add_key("openai")
    assert isinstance(alone, WhatIf)
    assert alone.to_json() == before.what_if("brennan").add_key("openai").to_json()
    with refused(TenantError, "no tenant 'brenan'"):
        atomlab.what_if(before, "brenan")


@pytest.mark.parametrize("rules", [HOSTED, PUBLIC])
def test_those_in_the_same_state_are_decided_once(tmp_path, monkeypatch, rules):
    """Each client and kind of request is ranked at most once per platform, for 200 tenants."""
    tenants = {f"{name}-{n}": made for n in range(4) for name, made in EVERY.items()}
    calls, rank = [], decisions.rank

    def counted(platform, clients, request, plan, **how):
        calls.append((platform, clients, request, plan))
        return rank(platform, clients, request, plan, **how)

    monkeypatch.setattr(decisions, "rank", counted)
    options = {} if rules == HOSTED else {"env": {"OPENAI_API_KEY": KEY}, "keys": {}}
    with capture_made(tmp_path, tenants, rules=rules, **options) as snapshot:
        found = atomlab.what_if(snapshot).add_key("deepseek").without_models("openai/*")
        assert found.counts["tenants"] == len(tenants) > 200
        assert found.counts["flip"] or found.counts["move"]
        assert len(calls) == len(set(calls)) < len(tenants)


def test_rules_that_read_keys_elsewhere_regroup_the_tenants(tmp_path):
    """By settings they differ; by the worker's environment they are alike, but for a stored key."""
    tenants = {"a": Made(rows={"OPENAI_API_KEY": KEY}), "b": Made(rows={}), "c": Made(rows={})}
    base = Base(tenants, HOSTED, {"TIMEZONE": "UTC"}, {("deepseek", "id-c"): KEY})
    with base.capture(tmp_path / "a") as snapshot:
        found = atomlab.what_if(snapshot).rules(PUBLIC)
        rows = {row["subdomain"]: row for row in found.flips().to_dict("records")}
        assert sorted(rows) == ["a", "c"]
        assert rows["a"]["lost"] == "simple, moderate, complex"
        assert rows["c"]["gained"] == "simple, moderate"
        back = found.rules(HOSTED)
        assert back.flips().empty
        assert back.answer().startswith("With the changes, 0 of 3 tenants flip.")


def test_a_key_is_copied_for_one_tenant_only(before):
    """Which row, depends on the tenant."""
    with refused(InputError, "copied from row to row of one tenant"):
        atomlab.what_if(before).step("copy-key", "OPENAI_API_KEY", "MINIMAX_API_KEY")
    assert not hasattr(atomlab.what_if(before), "copy_key")


def test_unknown_names_are_refused_as_for_one_tenant(before):
    """With near names."""
    everyone = atomlab.what_if(before)
    for step, what, near in (
        (("add-key", "opnai"), "no provider", "openai"),
        (("plan", "entreprise"), "no plan", "enterprise"),
        (("without-models", "minimx/*"), "no model of the price cache fits", "minimax/*"),
        (("rules", "hosted-2026"), "no such rules", HOSTED),
    ):
        with refused(InputError, what) as caught:
            everyone.step(*step)
        assert near in caught.value.todo


def test_it_says_in_plain_sentences_who_flips(before):
    """How many gain and lose a model, how many only another winner, how many are affected."""
    found = atomlab.what_if(before).remove_key("openai").plan("enterprise")
    rows = found.flips()
    gained, lost = (rows["gained"] != "").sum(), (rows["lost"] != "").sum()
    assert found.answer().startswith(f"With the changes, {len(rows)} of 45 tenants flip: ")
    assert f"{gained} gain a model for some request" in found.answer()
    assert f"{lost} lose the model of some request" in found.answer()
    only = len(found.flips(winners=True)) - len(rows)
    assert f"{only} more tenants only get another winner." in found.answer()
    assert repr(found).splitlines()[1] == "  change: remove the key of openai (OPENAI_API_KEY)"
    assert found.remarks() == ["a plan counts for managed requests only"]
    managed = atomlab.what_if(before, managed=True).plan("enterprise")
    assert managed.remarks() == []


def test_what_cannot_be_decided_is_said(captured):
    """Of rules that read keys which the snapshot does not hold."""
    found = atomlab.what_if(captured({"a": {}, "b": {}}, rules=HOSTED)).rules(PUBLIC)
    assert found.status == "undecided"
    assert "2 tenants cannot be decided: the snapshot holds no environment" in found.answer()
    assert list(found.flips()["after"]) == ["undecided"] * 2


def test_the_requests_are_those_that_are_given(before):
    """One kind, with tools."""
    asked = [Request("complex", tools=True)]
    found = atomlab.what_if(before, requests=asked).add_key("openai")
    assert set(found.flips()["gained"]) == {"complex with tools"}
    assert found.to_json()["requests"][0]["tools"]


def test_its_json_lists_no_more_than_is_asked(before):
    """What is left out is counted."""
    found = atomlab.what_if(before).add_key("openai")
    document = found.to_json()
    assert document["schema"] == "atomlab.what-if/1"
    assert document["tenant"] is None
    assert document["tenants"] == found.flips().to_dict("records")
    assert document["left_out"] == 0
    short = found.to_json(limit=3)
    assert short["tenants"] == document["tenants"][:3]
    assert short["left_out"] == len(document["tenants"]) - 3
