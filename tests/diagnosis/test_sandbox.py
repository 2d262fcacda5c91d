"""Interventions: recorded so that they can be run again, and undone when they were."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import atomlab
from atomlab import Request
from atomlab.byok.platform import Platform
from atomlab.diagnosis.edits import Edit
from atomlab.diagnosis.platform_edits import CHANGES, _with_made_up_model
from atomlab.diagnosis.sandbox import Sandbox
from atomlab.errors import InputError, TenantError
from atomlab.evidence.inputs.pricing import FLAGS, NUMBERS
from atomlab.evidence.inputs.rules import load_rules
from tests.refusals import refused


def replay(snapshot, diagnosis, recorded):
    """Run an intervention again from its JSON alone; return its result in words."""
    request = Request(**diagnosis["request"])
    edits = [Edit(**fields) for fields in recorded["edits"]]
    with Sandbox(snapshot) as lab:
        tenant = snapshot.tenant("brennan").id
        trial = lab.try_edits(recorded["name"], edits, tenant, request)
    return trial.to_json()


@pytest.mark.parametrize("day", ["before", "after"])
def test_every_recorded_intervention_can_be_replayed(request, day):
    """From the findings' JSON alone the same edits give the same decision, before and after."""
    snapshot = request.getfixturevalue(day)
    found = json.loads(json.dumps(atomlab.diagnose(snapshot, "brennan").to_json()))
    replayed = 0
    for diagnosis in found["diagnoses"]:
        for recorded in diagnosis["interventions"]:
            assert replay(snapshot, diagnosis, recorded) == recorded
            replayed += 1
    assert replayed == (16 if day == "before" else 5)


def test_the_fix_helps_and_no_placebo_does(before):
    """Fix alone, fix on another tenant, empty value, unknown provider: only the first cures."""
    diagnosis = atomlab.diagnose(before, "brennan", [Request("moderate")]).requests[0]
    cured = {trial.name: trial.cured for trial in diagnosis.explanation.trials}
    assert list(cured) == [
        "the fix",
        "same key, another tenant",
        "same row, empty value",
        "a key of an unknown provider",
    ]
    assert list(cured.values()) == [True, False, False, False]


def test_the_fault_put_back_brings_the_error_back(after):
    """For the repaired tenant, taking the key away again leaves no model."""
    diagnosis = atomlab.diagnose(after, "brennan", [Request("moderate")]).requests[0]
    (trial,) = diagnosis.explanation.trials
    assert trial.edits == (Edit("remove-row", "MINIMAX_API_KEY"),)
    assert len(trial.before.order) == 5
    assert trial.result == "the error stays"


def test_edits_are_undone_before_the_next(before):
    """However many edits were tried, the copy decides as the snapshot does."""
    tenant = before.tenant("brennan").id
    request = Request("moderate")
    with Sandbox(before) as lab:
        untouched = lab.decide(tenant, request).summary()
        for key in ("MINIMAX_API_KEY", "OPENAI_API_KEY"):
            assert lab.try_edits("", [Edit("new-credential", key)], tenant, request).cured
        lab.try_edits("", [Edit("remove-row", "MINIMAX_2_7_API_KEY")], tenant, request)
        assert lab.decide(tenant, request).summary() == untouched
        assert lab.try_edits("", [], tenant, request).result == "the error stays"


def test_a_copy_of_what_is_not_there_is_not_made(before):
    """Copying from a row that does not exist changes nothing, and says so."""
    tenant = before.tenant("brennan").id
    edit = Edit("copy-key", "MINIMAX_API_KEY", copy_from="NOT_THERE_API_KEY")
    with Sandbox(before) as lab:
        trial = lab.try_edits("", [edit], tenant, Request("moderate"))
    assert not trial.applied
    assert trial.result == "could not be made: there is no value to copy"


@pytest.mark.parametrize(
    ("edit", "cost"),
    [
        (Edit("copy-key", "A_API_KEY", "B_API_KEY"), 1),
        (Edit("repair-row", "A_API_KEY"), 1),
        (Edit("new-credential", "A_API_KEY"), 5),
        (Edit("allow-provider", provider="a"), 10),
        (Edit("waive-filter", filter="excluded"), 10),
        (Edit("waive-filter", filter="quality"), 20),
    ],
    ids=lambda value: getattr(value, "kind", value),
)
def test_fix_costs_are_the_documented_ones(edit, cost):
    """Copy 1, repair 1, new credential 5, platform configuration 10, code 20."""
    assert edit.cost == cost


def test_a_tenant_that_nobody_is_has_no_trial(before):
    """An id that no tenant has is refused, with near ones, rather than answered."""
    with Sandbox(before) as lab, refused(TenantError, "no tenant 'nobody'"):
        lab.try_edits("x", [Edit("new-credential", "GROQ_API_KEY")], "nobody", Request())


def test_a_name_that_no_provider_reads_is_no_key_of_another_tenant(captured):
    """In the public edition another tenant's key is a stored one: of such a name it is nobody's."""
    snapshot = captured({"a": {}, "b": {}}, rules="open-source-2026-05", env={})
    with Sandbox(snapshot) as lab:
        edit = Edit("new-credential", "NO_SUCH_NAME", tenant_id="id-b")
        trial = lab.try_edits("", [edit], "id-a", Request())
    assert (trial.applied, trial.cured) == (True, False)


@pytest.mark.parametrize("kind", ["copy-keys", "", "drop table", None])
def test_an_unknown_kind_of_edit_is_refused_with_the_known_ones(kind):
    """The line names the kind and what there is."""
    with refused(InputError, "unknown kind of edit"):
        Edit(kind, "GROQ_API_KEY")


@pytest.mark.parametrize(
    ("edit", "hosted", "public"),
    [
        (Edit("copy-key", "A", "B"), "tenant", "operator"),
        (Edit("repair-row", "A"), "tenant", "operator"),
        (Edit("new-credential", "A"), "tenant", "operator"),
        (Edit("allow-provider", provider="p"), "operator", "engineering"),
        (Edit("register-provider", provider="p"), "operator", "engineering"),
        (Edit("refresh-pricing"), "operator", "operator"),
        (Edit("repair-entry", model="m"), "operator", "operator"),
        (Edit("complete-windows"), "operator", "operator"),
        (Edit("waive-filter", filter="plan"), "operator", "operator"),
        (Edit("waive-filter", filter="health"), "operator", "operator"),
        (Edit("waive-filter", filter="excluded"), "operator", "operator"),
        (Edit("waive-filter", filter="quality"), "engineering", "engineering"),
        (Edit("waive-filter", filter="context"), "engineering", "engineering"),
    ],
    ids=str,
)
def test_who_has_to_act(edit, hosted, public):
    """Keys are the tenant's, lists and prices an operator's, thresholds engineering's."""
    rules = [load_rules(name) for name in ("hosted-2026-05", "open-source-2026-05")]
    assert [edit.who(each) for each in rules] == [hosted, public]


def test_a_made_up_model_is_one_that_no_filter_rejects(before):
    """One entry more, of that provider: its price and window are known, and it can do all."""
    platform = atomlab.load_platform(before.session)
    made = _with_made_up_model(platform, "groq").pricing.columns
    for name, values in platform.pricing.columns.items():
        assert len(made[name]) == len(values) + 1
        if name in (*NUMBERS, *FLAGS):
            assert made[name].dtype == float
            assert np.array_equal(made[name][:-1], values, equal_nan=True)
        else:
            assert [*made[name]][:-1] == [*values]
    last = {name: values[-1] for name, values in made.items()}
    assert (last["model_id"].split("/")[0], last["litellm_provider"]) == ("groq", "groq")
    assert all(last[name] == 1 for name in FLAGS)
    assert all(0 < last[name] <= 1e-6 for name in NUMBERS if "cost" in name)
    assert last["max_input_tokens"] == last["max_tokens"] >= 1_000_000
    texts = {*made} - {*NUMBERS, *FLAGS, "model_id", "litellm_provider"}
    assert {last[name] for name in texts} == {None}


@pytest.mark.parametrize("edition", ["hosted-2026-05", "open-source-2026-05"])
@pytest.mark.parametrize("kind", ["register-provider", "allow-provider"])
@pytest.mark.parametrize("provider", ["perplexity", "openai", "groq"])
def test_a_provider_that_is_added_is_matched_as_if_it_had_been_there(
    before, edition, kind, provider
):
    """Whichever the edition's order of clients is, nothing is left of how it was before."""
    rules, platform = load_rules(edition), atomlab.load_platform(before.session)
    platform = replace(platform, rules=rules)
    assert len(platform.models.ids) > 2000  # matched once
    changed = CHANGES[kind](platform, provider)
    anew = Platform(changed.rules, changed.providers, changed.pricing, changed.catalog)
    assert [p.id for p in changed.providers] == [p.id for p in anew.providers]
    assert np.array_equal(changed.models.matches, anew.models.matches)
    assert np.array_equal(changed.models.served_by, anew.models.served_by)
