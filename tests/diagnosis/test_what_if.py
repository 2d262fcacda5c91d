"""A what-if of one tenant equals a diagnosis of the world in which it was really changed."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, target
from hypothesis import strategies as st

import atomlab
from atomlab.byok.request import Request
from atomlab.diagnosis.what_if import flip_of
from atomlab.errors import AtomlabError, InputError, TenantError
from tests.changed import COPIES, HOSTED, PUBLIC, Base, bases, steps
from tests.diagnosis.made import KEY, Made
from tests.examples import examples
from tests.refusals import refused

MINIMAX, HELD = "MINIMAX_API_KEY", "MINIMAX_2_7_API_KEY"


def of_the_world(diagnosis):
    """Return a diagnosis as JSON, without which file it is of."""
    document = diagnosis.to_json()
    return {**document, "snapshot": {**document["snapshot"], "sha256": None}}


@given(bases(), steps(COPIES), st.sampled_from((None, False, True)))
@examples(150)
def test_it_equals_the_diagnosis_of_a_world_that_was_really_changed(base, chain, managed):
    """For random worlds and chains; a step that could not be made is refused, and left out."""
    with tempfile.TemporaryDirectory() as name:
        folder, tenant = Path(name), min(base.tenants)
        with base.capture(folder / "before") as snapshot:
            found = snapshot.what_if(tenant, managed=managed)
            for number, step in enumerate(chain):
                after = base.changed(step, [tenant], number)
                if after is None:
                    with pytest.raises(InputError):
                        found.step(*step)
                    continue
                base, found = after, found.step(*step)
            target(len(found.altered.steps))
            with base.capture(folder / "after") as changed:
                real = atomlab.diagnose(changed, tenant, managed=managed)
                assert of_the_world(found.diagnosis) == of_the_world(real)
                assert found.status == real.status
            before = atomlab.diagnose(snapshot, tenant, managed=managed)
            assert of_the_world(found.before) == of_the_world(before)
            for each, was, now in zip(found.requests, before.requests, real.requests, strict=True):
                models = [r.ranking.winner and r.ranking.winner.model for r in (was, now)]
                says = f"{was.status} → {now.status}" if was.status != now.status else "nothing"
                if says == "nothing" and models[0] != models[1]:
                    says = "another winner"
                assert each.flip == says


@pytest.fixture
def brennan(before):
    """Return the what-if of the incident's tenant."""
    return before.what_if("brennan")


def test_the_incident_in_one_line_each(brennan):
    """The copy cures three kinds; a new OpenAI key cures all four, none without its models."""
    copied = brennan.copy_key(MINIMAX, HELD)
    kinds = ["simple", "moderate", "complex", "advanced"]
    assert [each.kind for each in copied.requests] == kinds
    assert [each.flip for each in copied.requests] == ["affected → healthy"] * 3 + ["nothing"]
    frame = copied.flips()
    assert list(frame["winner_after"])[:3] == ["minimax/MiniMax-M2.5"] * 3
    assert frame["winner_after"].iloc[3] is None
    assert copied.diagnosis.requests[3].explanation.causes[0].code == "quality"
    assert brennan.add_key("openai").status == "healthy"
    assert copied.without_models("minimax/*").status == "affected"
    assert {each.flip for each in copied.remove_key("minimax").requests} == {"nothing"}


def test_an_object_is_never_changed(brennan):
    """Each step returns another one, and no field of any can be set."""
    copied = brennan.copy_key(MINIMAX, HELD)
    assert (len(brennan.altered.steps), len(copied.altered.steps)) == (0, 1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        copied.before = None
    assert brennan.status == "affected"
    assert copied.before is brennan.before


def test_nothing_reaches_the_snapshot(captured):
    """Neither the file nor what is diagnosed of it afterwards differs."""
    snapshot = captured({"acme": {"OPENAI_API_KEY": KEY}}, rules=HOSTED)
    hashed = hashlib.sha256(snapshot.path.read_bytes()).hexdigest()
    first = of_the_world(atomlab.diagnose(snapshot, "acme"))
    changed = snapshot.what_if("acme").remove_key("openai").plan("free").without_models("*")
    assert changed.rules(PUBLIC).status == "undecided"
    assert hashlib.sha256(snapshot.path.read_bytes()).hexdigest() == hashed
    assert snapshot.sha256 == hashed
    assert of_the_world(atomlab.diagnose(snapshot, "acme")) == first


@pytest.mark.parametrize(
    ("step", "what", "todo"),
    [
        (("add-key", "opnai"), "no provider 'opnai'", "did you mean openai"),
        (("remove-key", "zzz"), "no provider 'zzz'", "give one of the registry"),
        (("plan", "entreprise"), "no plan 'entreprise'", "did you mean enterprise?"),
        (("plan", "7"), "no plan '7'", "give one of free, solo, team, enterprise"),
        (("copy-key", "MINIMAX_APIKEY", HELD), "key is read from 'MINIMAX_APIKEY'", MINIMAX),
        (("copy-key", MINIMAX, "MINIMAX_2_8_API_KEY"), "has no row 'MINIMAX_2_8_API_KEY'", HELD),
        (("without-models", "minimx/*"), "no model of the price cache fits", "minimax/*"),
        (("without-models", "\x1b[31m"), "fits '\\x1b[31m'", "such as minimax/*"),
        (("rules", "open-source-2026-06"), "no such rules", "did you mean open-source-2026-05"),
    ],
)
def test_what_is_not_known_is_refused_with_near_names(brennan, step, what, todo):
    """In one printable line."""
    with refused(InputError, what) as caught:
        brennan.step(*step)
    assert todo in caught.value.todo
    assert str(caught.value).isprintable()


def test_an_unknown_tenant_is_refused_with_near_names(before):
    """As of a diagnosis."""
    with refused(TenantError, "no tenant 'brenan'") as caught:
        before.what_if("brenan")
    assert "brennan" in caught.value.todo


def test_rules_that_read_values_in_another_way_are_refused(brennan, tmp_path):
    """A snapshot holds no value to look at again, so nothing could be said of placeholders."""
    own = tmp_path / "own.yaml"
    own.write_text(f"name: own\nbased_on: {HOSTED}\nplaceholder_prefixes: [dummy]\n")
    with refused(InputError, "take other values for placeholders", own) as caught:
        brennan.rules(str(own))
    assert "--rules" in caught.value.todo


def test_rules_of_a_file_are_an_input_that_was_given(brennan, tmp_path):
    """What is assumed of an edition's default rules is not assumed of one's own."""
    own = tmp_path / "own.yaml"
    own.write_text(f"name: own\nbased_on: {HOSTED}\n")
    found = brennan.rules(str(own)).diagnosis
    rules = [each.state for each in found.assumptions if each.input == "rules"]
    assert "default" not in rules
    assert found.platform.rules.name == "own"


def test_a_variable_of_the_worker_is_said_to_be_every_tenants(captured):
    """Where keys come from the environment, and nowhere else."""
    hosted = captured({"a": {}}, rules=HOSTED).what_if("a").add_key("openai")
    assert (hosted.altered.for_everyone, hosted.remarks()) == (False, [])
    public = captured({"a": {}}, rules=PUBLIC, env={"TIMEZONE": "UTC"}, keys={}).what_if("a")
    assert public.remarks() == []
    added = public.add_key("openai")
    assert added.altered.for_everyone
    assert "change for every tenant" in added.remarks()[0]
    assert added.to_json()["for_every_tenant"]


def test_what_does_nothing_is_said(captured):
    """A key that is not there to be removed, and a plan where no request is managed."""
    found = captured({"a": {"OPENAI_API_KEY": KEY}}, rules=HOSTED).what_if("a").plan("free")
    assert found.remarks() == ["a plan counts for managed requests only, and these are BYOK"]
    once = found.remove_key("openai")
    assert len(once.remarks()) == 1
    assert once.remove_key("openai").remarks()[1] == "there is no key of openai to remove"


def test_other_rules_read_the_worker_s_environment_and_change_it(tmp_path):
    """Steps before them change settings, those after them variables, and each counts in its own."""
    base = Base({"a": Made()}, HOSTED, {"DEEPSEEK_API_KEY": KEY})
    with base.capture(tmp_path / "a") as snapshot:
        hosted = snapshot.what_if("a").add_key("openai")
        public = hosted.rules(PUBLIC)
        assert public.diagnosis.clients == ("deepseek",)
        changed = public.remove_key("deepseek").add_key("minimax")
        assert changed.diagnosis.clients == ("minimax",)
        assert changed.rules(HOSTED).diagnosis.clients == ("openai",)
        assert public.remove_key("openai").remarks()[1:] == ["there is no key of openai to remove"]
        with refused(InputError, "key is read from 'byok_keys.json openai'"):
            public.copy_key("byok_keys.json openai", "DEEPSEEK_API_KEY")


def test_a_registry_that_was_given_stays_with_other_rules(captured, tmp_path):
    """In its own order and with no provider that only the edition between names."""
    own = tmp_path / "own.json"
    own.write_text(json.dumps({"providers": [{"id": "minimax"}, {"id": "openai"}]}))
    found = captured({"a": {}}, rules=HOSTED, providers=own).what_if("a")
    there = found.rules(PUBLIC)
    back = there.rules(HOSTED).diagnosis
    assert "lux" in there.diagnosis.platform.column
    assert [each.provider for each in back.lookups] == ["minimax", "openai"]


def test_requests_and_managed_are_those_of_a_diagnosis(tmp_path):
    """What is asked is decided before and after."""
    base = Base({"a": Made("free", "byok", {"MINIMAX_API_KEY": KEY})})
    with base.capture(tmp_path / "a") as snapshot:
        found = snapshot.what_if("a", [Request("simple", tools=True)], managed=True)
        (before,) = found.before.requests
        assert (before.request.managed, before.status) == (True, "affected")
        (after,) = found.plan("enterprise").diagnosis.requests
        assert (after.request.tools, after.request.managed) == (True, True)
        assert found.plan("enterprise").remarks() == []
        mixed = snapshot.what_if("a", [Request("simple", managed=True), Request("simple")])
        decided = mixed.add_key("minimax").diagnosis.requests
        assert [each.request.managed for each in decided] == [True, False]


def test_it_says_in_plain_sentences_what_flips(brennan):
    """In the sentence, and in the text of a terminal's Python."""
    copied = brennan.copy_key(MINIMAX, HELD)
    assert copied.answer().startswith(
        "With the change, simple, moderate and complex requests find a model. "
        "Advanced requests still find no model. The root cause is quality (confirmed): "
    )
    lines = repr(copied).splitlines()
    assert lines[:3] == [
        "What if, for Brennan Machinery:",
        "  change: set MINIMAX_API_KEY to the value of MINIMAX_2_7_API_KEY",
        "  simple: no model → minimax/MiniMax-M2.5",
    ]
    lost = copied.without_models("minimax/*").answer()
    assert lost.startswith("With the changes, nothing flips. Simple, moderate, complex and ")
    assert brennan.answer().startswith("Without a change nothing flips.")
    unable = brennan.add_key("openai").answer()
    assert "omni-moderation-2024-09-26 is not a chat model" in unable


def test_a_request_that_is_lost_or_cannot_be_decided_is_said(captured):
    """The other way round, too."""
    found = captured({"a": {"OPENAI_API_KEY": KEY}}, rules=HOSTED).what_if("a")
    lost = found.remove_key("openai").answer()
    assert "simple, moderate and complex requests find none any more. Advanced requests" in lost
    unknown = found.rules(PUBLIC).answer()
    assert "requests cannot be decided any more" in unknown
    assert "The snapshot holds no environment of the worker" in unknown
    moved = found.add_key("minimax").answer()
    assert "requests get another winner" in moved


def test_a_fallback_is_named_where_it_answers(captured):
    """In the edition that has one."""
    public = captured({"a": {}}, rules=PUBLIC, env={"OPENAI_API_KEY": KEY}, keys={}).what_if("a")
    shown = [str(each) for each in public.without_models("*gpt*").requests]
    assert shown[0].endswith("→ no model (the fallback openai/o4-mini answers)")


def test_what_flips_has_a_name():
    """Statuses first; of equal ones, whether the same model wins."""
    assert flip_of("affected", "healthy", False) == "affected → healthy"
    assert flip_of("healthy", "healthy", False) == "another winner"
    assert flip_of("healthy", "healthy", True) == "nothing"


@pytest.mark.parametrize("kind", ["add-key", "plan", "copy-key", "without-models"])
def test_a_hostile_name_is_inert(captured, kind):
    """A model, a setting or a plan that tries to be more than a name is text in every answer."""
    found = captured({"a": {"OPENAI_API_KEY": KEY}}, rules=HOSTED).what_if("a")
    for name in ("</script><img src=x>", "\u202eevil", "=cmd|' /C calc'!A0", "[", "x" * 5000):
        with pytest.raises(AtomlabError) as caught:
            found.step(kind, name, "OPENAI_API_KEY")
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 1000


def test_its_json_has_both_diagnoses(brennan):
    """And the steps, by which it can be made again."""
    copied = brennan.copy_key(MINIMAX, HELD)
    document = copied.to_json()
    assert document["schema"] == "atomlab.what-if/1"
    assert document["before"] == brennan.before.to_json()
    assert document["diagnosis"] == copied.diagnosis.to_json()
    (step,) = document["changes"]
    again = brennan.step(step["step"], step["what"], step["held"])
    assert again.to_json() == document
    assert (document["status_before"], document["status"]) == ("affected", "affected")
    first = document["flips"][0]
    assert first["after"]["winner"]["model"] == "minimax/MiniMax-M2.5"
    assert first["before"] == {"status": "affected", "winner": None}
