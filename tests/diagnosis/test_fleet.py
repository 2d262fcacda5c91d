"""The fleet: every tenant once, with what diagnosing it alone would say."""

from __future__ import annotations

import sqlite3
import time

import pytest

import atomlab
from atomlab.diagnosis.fixes import root_fix
from atomlab.diagnosis.fleet import UNEXPLAINED, survey
from atomlab.diagnosis.interventions import Laboratory
from atomlab.errors import InputError
from tests.refusals import refused

KEY = "a-key-of-more-than-twelve-characters"
WHY = ["cause", "provider", "verdict", "fix", "cost"]


@pytest.fixture(scope="module")
def fleet(before):
    """Return the survey of the shipped snapshot."""
    return survey(before)


def test_sharing_diagnoses_changes_none(before, fleet):
    """Each tenant's failures are what `diagnose` finds for it alone: causes, verdicts and fixes."""
    for impact in fleet.impacts:
        alone = atomlab.diagnose(before, impact.tenant.id, platform=fleet.platform)
        assert impact.clients == alone.clients
        failing = [d for d in alone.requests if d.outcome == "no-models"]
        assert [f.complexity for f in impact.failures] == [d.request.complexity for d in failing]
        for failure, diagnosis in zip(impact.failures, failing, strict=True):
            fix = root_fix(diagnosis, failing)
            assert failure.cause == diagnosis.explanation.causes[0]
            assert failure.edits == (fix.edits if fix else ())
            assert failure.cost == (fix.cost if fix else None)


def test_every_tenant_has_one_row(before, fleet):
    """The frame has a row for each tenant, affected or not, in the order of their ids."""
    frame = fleet.frame()
    assert list(frame.columns) == ["tenant", "subdomain", "name", "plan", "clients", "fails", *WHY]
    assert list(frame["tenant"]) == sorted(t.id for t in before.session.query(atomlab.Tenant))
    brennan = frame.set_index("subdomain").loc["brennan"]
    assert brennan["fails"] == "simple, moderate, complex, advanced"
    assert (brennan["cause"], brennan["provider"]) == ("key-under-alias", "minimax")
    assert (brennan["clients"], brennan["verdict"], brennan["cost"]) == (1, "confirmed", 1)
    healthy = frame[frame["fails"] == ""]
    assert healthy[WHY].isna().all(axis=None)
    assert not frame.loc[frame["fails"] != "", "cause"].isna().any()


def test_every_failing_request_has_one_row(fleet):
    """The other frame has a row for each affected tenant and kind of request that fails."""
    frame = fleet.failures_frame()
    assert list(frame.columns) == ["tenant", "subdomain", "complexity", *WHY]
    assert len(frame) == sum(len(impact.failures) for impact in fleet.impacts)
    assert not frame.duplicated(["tenant", "complexity"]).any()


def test_tenants_in_the_same_state_are_diagnosed_once(captured):
    """Fifty tenants in three states, on one plan: three are diagnosed, and all are counted."""
    kinds = [{"MINIMAX_2_7_API_KEY": KEY}, {"OPENAI_API_KEY": KEY}, {}]
    snapshot = captured({f"t{n:02}": kinds[n % 3] for n in range(50)})
    found = survey(snapshot, "moderate")
    assert found.states == 3
    assert len(found.impacts) == 50
    counts = {code: len(impacts) for code, impacts in found.by_cause().items()}
    assert counts == {"key-under-alias": 17, "no-keys": 16}
    assert found.affected[0].failures[0].held


def test_a_key_that_is_there_twice_counts_as_the_platform_reads_it(make_database, prices, tmp_path):
    """Of two rows of one name the platform reads the first, here an empty one."""
    source = make_database({"acme": {"OPENAI_API_KEY": ""}})
    with sqlite3.connect(source) as db:
        db.execute(
            "INSERT INTO tenant_settings (id, tenant_id, setting_key, setting_value)"
            " VALUES ('second', 'id-acme', 'OPENAI_API_KEY', 'a-key-of-more-than-twelve')"
        )
    db.close()
    with atomlab.capture(str(source), tmp_path / "x.sqlite", pricing=prices) as snapshot:
        (impact,) = survey(snapshot, "simple").impacts
        alone = atomlab.diagnose(snapshot, "acme", [atomlab.Request("simple")])
    assert impact.clients == alone.clients == ()
    assert impact.cause.code == alone.requests[0].explanation.causes[0].code == "key-empty"


def test_the_findings_count_what_the_frames_hold(fleet):
    """Verdict, claims and answer follow from the tenants' own."""
    found, frame = fleet.to_json(), fleet.frame()
    affected = frame[frame["fails"] != ""]
    assert found["schema"] == "atomlab.findings/1"
    assert found["verdict"] == "confirmed"
    assert found["answer"].startswith(f"{len(affected)} of {len(frame)} tenants find no model")
    causes = affected["cause"].value_counts()
    claims = {c["id"]: c for c in found["verification"]["claims"]}
    assert set(claims) == {"affected", *causes.index}
    for code, number in causes.items():
        assert f"{code} ({number})" in found["answer"]
        assert claims[code]["statement"].startswith(f"{number} tenant")
    assert [t["id"] for t in found["tenants"]] == list(affected["tenant"])
    assert found["diagnosis"]["tenant"] is None
    told = [request["complexity"] for request in found["requests"]]
    assert told == ["simple", "moderate", "complex", "advanced"]
    assert found["tested"] == found["requests"]


def test_a_fleet_without_the_error_is_confirmed_to_be_so(captured):
    """Where every request that was tried finds a model, that is the claim."""
    found = survey(captured({"acme": {"OPENAI_API_KEY": KEY}}), "simple").to_json()
    assert found["verdict"] == "confirmed"
    assert found["verification"]["claims"][0]["statement"].startswith("No tenant")
    assert "None of 1 tenant is affected" in found["answer"]
    assert found["tenants"] == []


@pytest.mark.parametrize("complexity", ["", "advanced"])
def test_a_held_key_counts_whatever_else_the_fix_needs(captured, real_prices, complexity):
    """Who holds the key in another row is counted, be it that the quality filter is in the way."""
    rows = {"MINIMAX_2_7_API_KEY": KEY}, {"openai_api_key": KEY}, {}
    snapshot = captured(dict(zip("abc", rows, strict=True)), pricing=real_prices)
    found = survey(snapshot, complexity)
    assert len(found.affected) == 3
    assert found.answer().endswith("2 hold the missing key already, in another row.")


def test_what_the_first_fix_leaves_is_what_fails_with_it_made(before, fleet):
    """Each failure's edits, made for every kind of request that fails: what stays is named."""
    with Laboratory(before, fleet.platform) as lab:
        for impact in fleet.affected:
            for failure in impact.failures:
                stay = tuple(
                    each.complexity
                    for each in impact.failures
                    if failure.edits
                    and not len(
                        lab.try_edits(
                            "", failure.edits, impact.tenant.id, atomlab.Request(each.complexity)
                        ).after.order
                    )
                )
                assert failure.leaves == stay
    assert any(impact.failures[0].leaves for impact in fleet.affected)


def test_a_model_won_by_spaces_is_told(captured):
    """A tenant whose key is spaces only finds a model, and is told of beside the affected ones."""
    rows = {"OPENAI_API_KEY": "   "}, {"OPENAI_API_KEY": KEY}
    found = survey(captured(dict(zip("ab", rows, strict=True))), "simple")
    assert [impact.hollow for impact in found.impacts] == [("openai",), ()]
    assert found.answer().startswith("None of 2 tenants is affected")
    assert found.answer().endswith("1 gets a model by a key of spaces only: its calls will fail.")


def test_without_prices_nobody_can_tell(captured):
    """No pricing cache: the survey is inconclusive, and nobody is called affected."""
    snapshot = captured({"acme": {}}, pricing=None)
    found = survey(snapshot)
    assert found.to_json()["verdict"] == "inconclusive"
    assert found.affected == ()


def test_a_cause_that_is_not_confirmed_makes_the_claim_inconclusive(captured, write_json):
    """A window that the cache does not state cannot be proven too small."""
    model = {"input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6}
    prices = write_json({"openai/gpt-4o": model | {"litellm_provider": "openai"}}, "windows.json")
    found = survey(captured({"acme": {"OPENAI_API_KEY": KEY}}, pricing=prices), "simple")
    (impact,) = found.affected
    assert (impact.cause.code, impact.cause.verdict) == ("context-window", "inconclusive")
    assert found.to_json()["verdict"] == "inconclusive"


def test_an_unexplained_failure_has_a_name_of_its_own(fleet):
    """A failure without a cause is counted as such, and never as confirmed."""
    from dataclasses import replace

    lost = replace(fleet.affected[0].failures[0], cause=None, edits=())
    made = replace(fleet, impacts=(replace(fleet.affected[0], failures=(lost,)),))
    assert list(made.by_cause()) == [UNEXPLAINED]
    assert made.verification.verdict == "inconclusive"
    row = made.frame().iloc[0]
    assert (row["cause"], row["verdict"]) == (UNEXPLAINED, "inconclusive")
    assert row[["provider", "fix", "cost"]].isna().all()


def test_an_unknown_complexity_is_refused(before):
    """As everywhere, the known ones are named."""
    with refused(InputError, "unknown complexity 'hard'"):
        survey(before, "hard")


def test_many_tenants_cost_little_more_than_their_states(make_database, prices, tmp_path):
    """Twenty thousand tenants in two states take seconds, not a diagnosis each."""
    source = make_database({"a": {"MINIMAX_2_7_API_KEY": KEY}, "b": {}})
    with sqlite3.connect(source) as db:
        rows = [(f"n{i:05}", f"Name {i}", f"sub{i}") for i in range(20_000)]
        db.executemany("INSERT INTO tenants VALUES (?, ?, ?, 'team', 'byok', '', NULL)", rows)
        settings = [(f"s{i}", f"n{i:05}", "MINIMAX_2_7_API_KEY", KEY) for i in range(0, 20_000, 2)]
        insert = "INSERT INTO tenant_settings (id, tenant_id, setting_key, setting_value)"
        db.executemany(f"{insert} VALUES (?, ?, ?, ?)", settings)
    db.close()
    with atomlab.capture(str(source), tmp_path / "x.sqlite", pricing=prices) as snapshot:
        started = time.process_time()
        found = survey(snapshot, "moderate")
        seconds = time.process_time() - started
    assert (found.states, len(found.affected)) == (2, 20_002)
    assert seconds < 20  # one diagnosis each would be minutes
