"""What an investigation covered: whom it concerns, what was run, what it cannot tell."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

import atomlab
from atomlab.diagnosis.coverage import affected, limits, steps
from atomlab.evidence.inputs.rules import COMPLEXITIES
from tests.conftest import ROOT
from tests.diagnosis.made import EVERY, Made, capture_made


@pytest.fixture(scope="module")
def claims():
    """Return the incident's hypothesis."""
    return atomlab.load_hypothesis(ROOT / "data" / "hypotheses" / "brennan-minimax.yaml")


@pytest.fixture(scope="module")
def found(before, claims):
    """Return the findings of the incident."""
    return atomlab.investigate(before, "brennan", claims).to_json()


def resolve(document, pointer):
    for part in pointer.split("/")[1:]:
        document = document[int(part)] if isinstance(document, list) else document[part]
    return document


def test_affected_counts_who_gets_the_error(found, before):
    """For each complexity the count is that of the tenants that diagnosing one by one finds."""
    tenants = [row[0] for row in before.session.query(atomlab.Tenant.id)]
    diagnosed = [atomlab.diagnose(before, tenant) for tenant in tenants]
    for place, complexity in enumerate(COMPLEXITIES):
        failing = [d.tenant for d in diagnosed if d.requests[place].status == "affected"]
        told = found["affected"][place]
        assert (told["complexity"], told["failing"]) == (complexity, len(failing))
        assert told["tenants"] == len(tenants)
        assert set(told["examples"]) <= {t.subdomain for t in failing}
        assert len(told["examples"]) == min(10, len(failing))


@pytest.mark.parametrize("asked", [None, True, False], ids=["ai_mode", "managed", "byok"])
def test_affected_counts_each_tenant_as_its_mode_says(tmp_path, asked):
    """Not as the mode of the tenant that the case is about, unless it is asked for: by hand."""
    with capture_made(tmp_path, EVERY) as snapshot:
        diagnosis = atomlab.diagnose(snapshot, "free-managed-openai")
        told = affected(snapshot, diagnosis, asked)
    assert [each["complexity"] for each in told] == list(COMPLEXITIES)
    for each in told:
        failing = [n for n, made in EVERY.items() if not made.usable(each["complexity"], asked)]
        assert (each["failing"], each["tenants"]) == (len(failing), len(EVERY))
        assert set(each["examples"]) <= set(failing)


def test_every_step_that_was_done_names_its_proof(found):
    """Done and failed steps lead to a finding, open ones to none; the last are for people."""
    states = [step["state"] for step in found["steps"]]
    assert states == ["done"] * 5 + ["open"] * 4
    for step in found["steps"]:
        assert bool(step["evidence"]) is (step["state"] == "done")
        if step["evidence"]:
            assert resolve(found, step["evidence"])
    assert {step["evidence"] for step in found["steps"] if step["state"] == "open"} == {""}


def test_a_fix_that_does_not_help_is_a_failed_step(before, claims):
    """The step says that it failed, not that it was done."""
    fix = claims.claims[-1].model_copy(update={"setting_key": "OPENAI_API_KEY_2"})
    wrong = claims.model_copy(update={"claims": (*claims.claims[:-1], fix)})
    steps = atomlab.investigate(before, "brennan", wrong).to_json()["steps"]
    tried = next(s for s in steps if s["step"].startswith("Try the fix"))
    assert tried["state"] == "failed"


def test_a_fix_after_which_no_chat_model_wins_is_a_failed_step(tmp_path, claims):
    """It removes the error and cures nothing: neither the step nor the trial says otherwise."""
    acme = Made(rows={"MINIMAX_2_7_API_KEY": "a-key"})
    model = {"mode": "moderation", "max_tokens": 40_000, "litellm_provider": "minimax"}
    with capture_made(tmp_path, {"brennan": acme}, {"minimax/gpt-5": model}) as snapshot:
        found = atomlab.investigate(snapshot, "brennan", claims).to_json()
    tried = next(s for s in found["steps"] if s["step"].startswith("Try the fix"))
    assert tried["state"] == "failed"
    assert found["trials"][0]["cured"] is False
    assert (found["repaired"]["cured"], found["repaired"]["not_cured"]) == ([], list(COMPLEXITIES))


def test_where_nothing_fails_nothing_is_open(before):
    """A healthy tenant needs no fix, so no step waits for anybody."""
    found = atomlab.investigate(before, "northwind").to_json()
    assert {step["state"] for step in found["steps"]} == {"done"}
    assert found["remedy"]["status"] == "nothing"
    assert found["options"] == []


def told_of(*trials, failing=True, agree=True, claims=("confirmed",), again=None):
    """Return the steps but for the open ones, of stand-ins that say only what steps read."""
    tried = [
        SimpleNamespace(cured=cured, result="what it gave", after=SimpleNamespace(winner=winner))
        for cured, winner in trials
    ]
    stand_ins = (
        SimpleNamespace(manifest={"fidelity": {"tenants": 2, "agree": agree}}),
        SimpleNamespace(failing=["a request"] * failing),
        SimpleNamespace(claims=[SimpleNamespace(verdict=verdict) for verdict in claims]),
        tried,
        again and {"verification": {"claims": [{"verdict": verdict} for verdict in again]}},
    )
    return [tuple(each.values()) for each in steps(*stand_ins) if each["state"] != "open"]


FETCHED = "How old the prices were: the snapshot does not say when they were fetched."
LEFT_OUT = "What happens to tenants that were left out of the capture."
CHATS = SimpleNamespace(unable="")
MUTE = SimpleNamespace(unable="x is not a chat model")
INTACT = "Check that the snapshot is intact and decides as its source: 2 tenants compared"
TRIED = "Try the fix on a scratch copy: what it gave"


@pytest.mark.parametrize(
    ("trials", "expected"),
    [
        ([(True, CHATS)], [(TRIED, "done"), ("0 of 0", "done")]),
        ([(True, MUTE)], [(TRIED, "failed"), ("0 of 0", "done")]),
        ([(False, None)], [(TRIED, "failed"), ("0 of 0", "done")]),
        ([(True, CHATS), (False, None)], [(TRIED, "done"), ("1 of 1", "done")]),
        ([(True, CHATS), (True, CHATS), (False, None)], [(TRIED, "done"), ("1 of 2", "failed")]),
        ([], []),
    ],
)
def test_what_was_tried_is_done_only_if_it_did_what_it_had_to(trials, expected):
    """The fix has to cure, and every placebo to leave the error."""
    left = "Try placebos, which must not help: {} leave the error".format
    wanted = [
        (step, state, "/trials/0") if step == TRIED else (left(step), state, "/trials")
        for step, state in expected
    ]
    assert told_of(*trials)[2:] == wanted
    assert told_of(*trials, failing=False)[2:] == []


def test_what_was_checked_says_how_much_and_for_whom():
    """A snapshot that decides otherwise is a failed step; claims are counted by their verdicts."""
    claims = ("confirmed", "refuted", "confirmed", "inconclusive")
    tested = ("Test every claim on the snapshot: 2 of 4 claims confirmed", "done")
    assert told_of(claims=claims) == [
        (INTACT, "done", "/snapshot/manifest/fidelity"),
        (*tested, "/verification/claims"),
    ]
    assert told_of(agree=False, claims=()) == [(INTACT, "failed", "/snapshot/manifest/fidelity")]
    again = ("refuted", "confirmed", "refuted")
    assert told_of((True, CHATS), again=again)[-1] == (
        "Test the claims again on the repaired copy: 2 of 3 no longer hold",
        "done",
        "/repaired/verification/claims",
    )


def test_limits_name_what_the_evidence_cannot_tell(found, before, claims, captured):
    """When it was captured, what a key is worth, which request and rules; and what is missing."""
    told = " ".join(found["limits"])
    for words in (
        "2026-05-02T08:00:00Z",
        "valid at its provider",
        "complexity simple, moderate, complex and advanced",
        "hosted",
    ):
        assert words in told
    assert "does not say when they were fetched" in told

    bare = captured({"acme": {"MINIMAX_2_7_API_KEY": "a-key"}}, pricing=None)
    template = claims.model_copy(update={"tenant": None})
    told = atomlab.investigate(bare, "acme", template).to_json()["limits"]
    assert "Claim H3: the snapshot holds no pricing cache." in told
    assert not [limit for limit in told if "fetched" in limit]


@pytest.mark.parametrize(
    ("requests", "manifest", "told"),
    [
        (1, {"pricing": None}, ["the one", FETCHED]),
        (1, {"pricing": {"last_fetch": None}}, ["the one", FETCHED]),
        (2, {"pricing": {"last_fetch": "2026-05-01"}}, ["those"]),
        (3, {"pricing": {"last_fetch": "2026-05-01"}, "narrowed": True}, ["those", LEFT_OUT]),
    ],
)
def test_limits_follow_from_what_the_capture_holds(requests, manifest, told):
    """Of each limit the sentence as it is: of one request or several, of prices and tenants."""
    asked = [SimpleNamespace(request=atomlab.Request(c)) for c in COMPLEXITIES[:requests]]
    found = limits(
        SimpleNamespace(manifest=manifest, captured_at="then", has_pricing=True),
        SimpleNamespace(
            requests=asked, platform=SimpleNamespace(rules=SimpleNamespace(name="own rules"))
        ),
        SimpleNamespace(
            claims=[
                SimpleNamespace(id="C1", verdict="inconclusive", observed="y" * 250),
                SimpleNamespace(id="C2", verdict="refuted", observed="no"),
            ]
        ),
    )
    replayed, *more = told
    assert found[0] == "Whether the database still holds what it held at then."
    assert found[2].startswith(f"Whether the job failed for another request than {replayed} rep")
    assert found[3] == "Whether the platform runs other rules than those of the edition own rules."
    assert found[4:] == [*more, f"Claim C1: {'y' * 250}."]


def test_without_prices_nobody_is_said_to_be_affected(captured):
    """Nothing can be counted where nothing can be decided."""
    bare = captured({"acme": {"OPENAI_API_KEY": "a-key"}}, pricing=None)
    found = atomlab.investigate(bare, "acme").to_json()
    assert (found["affected"], found["options"]) == ([], [])
    assert found["remedy"]["status"] == "inconclusive"
