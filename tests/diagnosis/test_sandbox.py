"""The sandbox: what is tried is recorded so that it can be run again, and undone."""

from __future__ import annotations

import json

import pytest

import atomlab
from atomlab import Request
from atomlab.diagnosis.edits import Edit
from atomlab.diagnosis.sandbox import Sandbox
from atomlab.errors import TenantError
from tests.diagnosis.made import KEY, Made, capture_made
from tests.refusals import refused


def replay(snapshot, diagnosis, recorded):
    """Run an intervention again from its JSON alone; return its result in words."""
    request = Request(**diagnosis["request"])
    edits = [Edit(**fields) for fields in recorded["edits"]]
    lab = Sandbox(snapshot)
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
    lab = Sandbox(before)
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
    lab = Sandbox(before)
    trial = lab.try_edits("", [edit], tenant, Request("moderate"))
    assert not trial.applied
    assert trial.result == "could not be made: there is no value to copy"


def test_a_tenant_that_nobody_is_has_no_trial(before):
    """An id that no tenant has is refused, with near ones, rather than answered."""
    lab = Sandbox(before)
    with refused(TenantError, "no tenant 'nobody'"):
        lab.try_edits("x", [Edit("new-credential", "GROQ_API_KEY")], "nobody", Request())


def test_a_name_that_no_provider_reads_is_no_key_of_another_tenant(captured):
    """In the public edition another tenant's key is a stored one: of such a name it is nobody's."""
    snapshot = captured({"a": {}, "b": {}}, rules="open-source-2026-05", env={})
    lab = Sandbox(snapshot)
    edit = Edit("new-credential", "NO_SUCH_NAME", tenant_id="id-b")
    trial = lab.try_edits("", [edit], "id-a", Request())
    assert (trial.applied, trial.cured) == (True, False)


def test_a_watched_sandbox_shows_each_ranking_and_what_was_ranked(before):
    """And decides as the one that it watches, by the same rankings."""
    lab, seen, request = Sandbox(before), [], Request("moderate")
    tenant = before.tenant("brennan").id
    watched = lab.watched(lambda ranking, *whom, **how: seen.append((ranking, whom, how)))
    fix = [Edit("copy-key", "MINIMAX_API_KEY", "MINIMAX_2_7_API_KEY")]
    trial = watched.try_edits("the fix", fix, tenant, request)
    assert trial.cured
    assert [ranking for ranking, _, _ in seen] == [trial.before, trial.after]
    for ranking, (platform, clients, asked, plan), how in seen:
        assert (platform, clients, asked, plan) == (
            lab.platform,
            ranking.clients,
            ranking.request,
            None,
        )
        assert lab.rank(platform, clients, asked, plan, **how) is ranking
    assert lab.edited is watched.edited
    assert lab.repairs is watched.repairs


def test_changes_of_the_lists_keep_what_does_not_depend_on_them(before):
    """The models of a platform are prepared once, where only the list of LLM providers grows."""
    lab = Sandbox(before)
    known = lab.platform.models
    allowed = lab.edited((Edit("allow-provider", provider="cohere"),))
    assert allowed.models is known
    more = lab.edited((Edit("register-provider", provider="brand-new"),))
    assert more.models.matches[:, :-1].tolist() == known.matches.tolist()
    assert more.models.pricing is known.pricing


def test_a_tenants_mode_and_plan_count_in_the_sandbox(tmp_path):
    """A managed tenant's request is managed and held to its plan; no other one's plan counts."""
    tenants = {
        "a": Made("free", "managed", {"OPENAI_API_KEY": KEY}),
        "b": Made("free", "byok", {"OPENAI_API_KEY": KEY}),
    }
    with capture_made(tmp_path, tenants) as snapshot:
        lab = Sandbox(snapshot)
        seen = []
        watched = lab.watched(lambda ranking, *whom, **how: seen.append(whom[3]))
        for tenant, managed in (("id-a", True), ("id-b", False)):
            for asked in (None, not managed):
                ranking = watched.decide(tenant, Request("simple", managed=asked))
                expected = managed if asked is None else asked
                assert ranking.request.managed is expected
                assert seen.pop() == ("free" if expected else None)
