"""The fleet: every tenant once, with what diagnosing it alone would say."""

from __future__ import annotations

import gc
import sqlite3
import time
from collections import Counter
from dataclasses import replace

import pytest

import atomlab
from atomlab.diagnosis.causes import explain
from atomlab.diagnosis.fixes import root_fix, serving_all
from atomlab.diagnosis.sandbox import Sandbox
from atomlab.errors import InputError
from atomlab.evidence.inputs.rules import COMPLEXITIES
from atomlab.fleets import impacts
from atomlab.fleets.impacts import UNEXPLAINED, tenants_in
from atomlab.fleets.survey import survey
from tests.diagnosis.made import EVERY, KEY, Made, capture_made, stored
from tests.refusals import refused

COPY = "set MINIMAX_API_KEY to the value of MINIMAX_2_7_API_KEY"
WHY = ("cause", "provider", "verdict", "fix", "cost")


def served(ranking):
    """Return whether the best model is there and not known to be none for chat."""
    return len(ranking.order) > 0 and next(ranking.candidates()).chat is not False


def one_by_one(fleet):
    """Return each tenant with its impact, by id."""
    found = ((tenant, fleet.impact_on[group]) for tenant, group in fleet.population)
    return sorted(found, key=lambda each: each[0].id)


@pytest.fixture(scope="module")
def fleet(before):
    """Return the survey of the shipped snapshot."""
    return survey(before)


def test_sharing_diagnoses_changes_none(before, fleet):
    """Each tenant's failures are what `diagnose` finds for it alone: causes, verdicts and fixes.

    How many of its settings were not looked at by name is told of a tenant alone.
    """
    for tenant, impact in one_by_one(fleet):
        alone = atomlab.diagnose(before, tenant.id, platform=fleet.platform)
        assert impact.clients == alone.clients
        assert impact.status == alone.status
        failing = alone.failing
        assert [f.complexity for f in impact.failures] == [d.request.complexity for d in failing]
        for failure, diagnosis in zip(impact.failures, failing, strict=True):
            fix = root_fix(diagnosis, failing)
            fix = fix and serving_all(fix, failing, lambda alone=alone: alone.keys_that_serve)
            cause = diagnosis.explanation.causes[0]
            shared = tuple(s for s in cause.evidence if "not looked at by name" not in s)
            assert failure.cause == replace(cause, evidence=shared)
            assert failure.edits == (fix.edits if fix else ())
            assert failure.cost == (fix.cost if fix else None)


def test_every_tenant_has_one_impact(before, fleet):
    """Affected or not, in the order of their ids; the affected have causes, the others none."""
    ids = [tenant.id for tenant, _ in one_by_one(fleet)]
    assert ids == sorted(t.id for t in before.session.query(atomlab.Tenant))
    tenants = {tenant["subdomain"]: tenant for tenant in fleet.to_json()["tenants"]}
    brennan = tenants["brennan"]
    assert [each["complexity"] for each in brennan["failures"]] == list(COMPLEXITIES)
    why = ("key-under-alias", "minimax", "confirmed", COPY, 1)
    assert tuple(brennan["failures"][0][name] for name in WHY) == why
    assert len(brennan["clients"]) == 1
    healthy = {t.subdomain for t, i in one_by_one(fleet) if i.status == "healthy"}
    assert healthy == {t.subdomain for t, _ in one_by_one(fleet)} - set(tenants)
    assert all(tenant["failures"][0]["cause"] for tenant in tenants.values())


def test_tenants_in_the_same_state_are_diagnosed_once(captured, monkeypatch):
    """Fifty tenants in three states, on one plan: three are diagnosed, and all are counted."""
    kinds = [{"MINIMAX_2_7_API_KEY": KEY}, {"OPENAI_API_KEY": KEY}, {}]
    snapshot = captured({f"t{n:02}": kinds[n % 3] for n in range(50)})
    calls = []

    def counted(case, **how):
        calls.append(case)
        return explain(case, **how)

    monkeypatch.setattr(impacts, "explain", counted)
    found = survey(snapshot, "moderate")
    assert len(calls) == 2  # the third is healthy
    assert len(one_by_one(found)) == 50
    counts = {code: tenants_in(hit) for code, hit in found.by_cause().items()}
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


def test_the_findings_count_the_impacts(fleet):
    """Verdict, claims and answer follow from the tenants' own."""
    found = fleet.to_json()
    everyone = one_by_one(fleet)
    affected = [(tenant, impact) for tenant, impact in everyone if impact.failures]
    assert found["schema"] == "atomlab.findings/1"
    assert found["verdict"] == "confirmed"
    assert found["status"] == "affected"
    counted = Counter(impact.status for _, impact in everyone)
    assert found["statuses"] == {s: counted[s] for s in ("affected", "healthy", "undecided")}
    told = f"No model is found for {len(affected)} of {len(everyone)} tenants"
    assert found["answer"].startswith(told)
    causes = Counter(impact.failures[0].cause.code for _, impact in affected)
    claims = {c["id"]: c for c in found["verification"]["claims"]}
    assert set(claims) == {"affected", *causes}
    for code, number in causes.items():
        assert f"{code} ({number})" in found["answer"]
        assert claims[code]["statement"].startswith(f"{number} tenant")
    ordered = sorted(affected, key=lambda each: (len(each[1].failures) < 4, each[0].id))
    assert [t["id"] for t in found["tenants"]] == [tenant.id for tenant, _ in ordered]
    assert (found["left_out"], found["unable_left_out"]) == (0, 0)
    assert found["diagnosis"]["tenant"] is None
    told = [request["complexity"] for request in found["requests"]]
    assert told == ["simple", "moderate", "complex", "advanced"]
    assert found["tested"] == found["requests"]
    assert {t["status"] for t in found["tenants"]} == {"affected"}


def test_a_large_fleet_s_findings_list_some_and_count_the_rest(captured, monkeypatch):
    """A report has to hold them: the first, of whom all fails, and how many are left out."""
    monkeypatch.setattr("atomlab.fleets.survey.MOST_LISTED", 3)
    monkeypatch.setattr("atomlab.fleets.survey._MOST_NAMED", 2)
    kinds = [{}, {"OPENAI_API_KEY": KEY}]
    fleet = survey(captured({f"t{n:02}": kinds[n % 2] for n in range(10)}))
    found = fleet.to_json()
    assert [t["subdomain"] for t in found["tenants"]] == ["t00", "t02", "t04"]
    assert found["left_out"] == 7  # every advanced request fails
    claims = {c["id"]: c for c in found["verification"]["claims"]}
    assert claims["no-keys"]["statement"].startswith("5 tenants")
    assert claims["no-keys"]["evidence"] == ["t00", "t02"]
    assert [tenant.subdomain for tenant, _ in fleet.first_affected()][-1] == "t09"


@pytest.mark.parametrize(
    ("kinds", "told"),
    [
        (
            "ab",
            "No model is found for 1 of 2 tenants, for 1 of them whatever the request. By cause: "
            "key-under-alias (1). For 1 the missing key is in another row.",
        ),
        (
            "aabn",
            "No model is found for 3 of 4 tenants, for 3 of them whatever the request. By cause: "
            "key-under-alias (2), no-keys (1). For 2 the missing key is in another row.",
        ),
        (
            "nb",
            "No model is found for 1 of 2 tenants, for 1 of them whatever the request. By cause: "
            "no-keys (1). For 0 the missing key is in another row.",
        ),
        (
            "bss",
            "None of 3 tenants is affected: every request that was tried finds a model. "
            "For 2 the winner's key is only spaces: its calls will fail.",
        ),
    ],
)
def test_the_answer_counts_tenants(captured, kinds, told):
    """All that are affected, by cause, the most frequent first; and whose winner cannot serve."""
    rows = {"a": {"MINIMAX_2_7_API_KEY": KEY}, "b": {"OPENAI_API_KEY": KEY}, "n": {}}
    rows["s"] = {"OPENAI_API_KEY": "  "}
    found = survey(captured({f"t{n}": rows[kind] for n, kind in enumerate(kinds)}), "complex")
    assert found.answer() == told
    assert list(found.by_cause()) == [c for c in ("key-under-alias", "no-keys") if c in told]


def test_what_fails_for_some_kinds_is_told_apart_from_what_fails_for_all(captured):
    """By hand: with these prices every advanced request fails, and of one tenant all."""
    found = survey(captured({"a": {"OPENAI_API_KEY": KEY}, "b": {}}))
    told = {t.subdomain: [f.complexity for f in i.failures] for t, i in one_by_one(found)}
    assert told == {"a": ["advanced"], "b": list(COMPLEXITIES)}
    assert found.answer().startswith(
        "No model is found for 2 of 2 tenants, for 1 of them whatever the request. By cause: "
    )


def test_of_a_healthy_fleet_nothing_is_claimed(captured):
    """Where every request that was tried finds a model, there is no fault that could be claimed."""
    found = survey(captured({"acme": {"OPENAI_API_KEY": KEY}}), "simple").to_json()
    assert (found["status"], found["verdict"]) == ("healthy", None)
    assert found["verification"]["claims"] == []
    assert found["answer"] == (
        "None of 1 tenant is affected: every request that was tried finds a model."
    )
    assert found["tenants"] == found["unable"] == []


@pytest.mark.parametrize("asked", [None, True, False], ids=["ai_mode", "managed", "byok"])
def test_managed_tenants_are_held_to_their_plan(tmp_path, asked):
    """Of each plan, mode and kind of rows, what fails is as it was read off by hand."""
    with capture_made(tmp_path, EVERY) as snapshot:
        found = survey(snapshot, managed=asked)
        told, everyone = found.to_json(), one_by_one(found)
    for tenant, impact in everyone:
        made = EVERY[tenant.subdomain]
        failing = [c for c in COMPLEXITIES if not made.usable(c, asked)]
        assert [f.complexity for f in impact.failures] == failing
    managed = {t["subdomain"]: t["managed"] for t in told["tenants"]}
    assert managed == {n: EVERY[n].managed(asked) for n in managed}
    # Who loses by the mode: an alias copied on the free plan cures a BYOK tenant alone.
    cures = {
        mode: [f.complexity for f in impact.failures if f.fix == COPY]
        for tenant, impact in everyone
        for mode in ("byok", "managed")
        if tenant.subdomain == f"free-{mode}-alias"
    }
    for mode, cured in cures.items():
        copied = Made("free", mode, {"MINIMAX_API_KEY": KEY})
        assert cured == [c for c in COMPLEXITIES if copied.usable(c, asked)]
    number = sum(made.mode == "managed" for made in EVERY.values())
    how = {
        None: f" Requests are managed (ai_mode) for {number} of {len(EVERY)} tenants.",
        True: f" Requests are managed (as asked) for {len(EVERY)} of {len(EVERY)} tenants.",
        False: f" Requests are BYOK (as asked) for {len(EVERY)} of {len(EVERY)} tenants.",
    }
    assert how[asked] in told["answer"]


# The cheapest model of OpenAI is not a chat model, and good enough for simple requests only.
MODES = {
    "openai/omni-moderation": {"mode": "moderation", "max_tokens": 4_000},
    "openai/gpt-5": {"mode": "chat", "max_tokens": 40_000, "output_cost_per_token": 1e-5},
    "minimax/gpt-5": {"mode": "chat", "max_tokens": 40_000, "output_cost_per_token": 1e-5},
}


def test_who_gets_a_model_that_cannot_serve_is_told_of_at_once(tmp_path):
    """In the first sentence by number, and each with its winner in the findings."""
    good, bad = Made(rows={"MINIMAX_API_KEY": KEY}), Made(rows={"OPENAI_API_KEY": KEY})
    winner = {
        "complexity": "simple",
        "provider": "openai",
        "model": "openai/omni-moderation",
        "mode": "moderation",
    }
    with capture_made(tmp_path, {"a": good, "b": bad}, MODES) as snapshot:
        found = survey(snapshot).to_json()
    assert found["answer"] == (
        "None of 2 tenants is affected: every request that was tried finds a model; "
        "for 1 the winner is not a chat model and will fail."
    )
    (told,) = found["unable"]
    assert (told["id"], told["status"], told["winners"]) == ("id-b", "healthy", [winner])


def test_a_fix_after_which_no_chat_model_wins_leaves_the_request(tmp_path):
    """The error of simple requests goes, and they are not cured: they are among what it leaves."""
    rows = {"OPENAI_API_KEY": ""}
    prices = {n: m for n, m in MODES.items() if n.startswith("openai/")}
    with capture_made(tmp_path, {"a": Made(rows=rows)}, prices) as snapshot:
        (impact,) = survey(snapshot).impacts
    assert {f.complexity: f.fix for f in impact.failures}.keys() == set(COMPLEXITIES)
    repair = "give the row OPENAI_API_KEY a usable key"
    leaves = {f.leaves for f in impact.failures if f.fix == repair}
    assert leaves == {("simple",)}


def test_tenants_of_the_public_edition_share_the_workers_keys(captured):
    """One variable serves them all, one of spaces only serves them in vain; settings do not."""
    made = {"a": {"OPENAI_API_KEY": KEY}, "b": {}}
    options = {"rules": "open-source-2026-05", "keys": stored("minimax", "id-b")}
    found = survey(captured(made, env={"DEEPSEEK_API_KEY": "  "}, **options), "simple")
    assert [impact.status for _, impact in one_by_one(found)] == ["healthy", "healthy"]
    assert [impact.blank_keys for _, impact in one_by_one(found)] == [("deepseek",), ("deepseek",)]
    bare = survey(captured(made, **options))
    assert [impact.status for _, impact in one_by_one(bare)] == ["undecided", "undecided"]
    some = survey(captured(made, **options), "simple")
    assert [impact.status for _, impact in one_by_one(some)] == ["undecided", "healthy"]
    assert some.status == "undecided"
    assert some.to_json()["verdict"] == "inconclusive"
    assert some.answer().startswith("Nothing can be decided for 1 of 2 tenants: the snapshot holds")
    assert "no environment of the worker" in some.answer()


@pytest.mark.parametrize("complexity", ["", "advanced"])
def test_a_held_key_counts_whatever_else_the_fix_needs(captured, real_prices, complexity):
    """Who holds the key in another row is counted, be it that the quality filter is in the way."""
    rows = {"MINIMAX_2_7_API_KEY": KEY}, {"openai_api_key": KEY}, {}
    snapshot = captured(dict(zip("abc", rows, strict=True)), pricing=real_prices)
    found = survey(snapshot, complexity)
    assert len(found.affected) == 3
    assert found.answer().endswith("For 2 the missing key is in another row.")


def test_what_the_first_fix_leaves_is_what_fails_with_it_made(before, fleet):
    """Each failure's edits, made for every kind of request that fails: what stays is named."""
    lab = Sandbox(before, fleet.platform)
    for tenant, impact in fleet.affected_tenants:
        for failure in impact.failures:
            stay = tuple(
                each.complexity
                for each in impact.failures
                if failure.edits
                and not served(
                    lab.try_edits(
                        "", failure.edits, tenant.id, atomlab.Request(each.complexity)
                    ).after
                )
            )
            assert failure.leaves == stay
    assert any(impact.failures[0].leaves for impact in fleet.affected)


def test_a_model_won_by_spaces_is_told(captured):
    """A tenant whose key is spaces only finds a model, and is told of beside the affected ones."""
    rows = {"OPENAI_API_KEY": "   "}, {"OPENAI_API_KEY": KEY}
    found = survey(captured(dict(zip("ab", rows, strict=True))), "simple")
    assert [impact.blank_keys for _, impact in one_by_one(found)] == [("openai",), ()]
    assert found.answer().startswith("None of 2 tenants is affected")
    told = "For 1 the winner's key is only spaces: its calls will fail."
    assert found.answer().endswith(told)


def test_without_prices_nobody_can_tell(captured):
    """No pricing cache: the survey is inconclusive, and nobody is called affected."""
    snapshot = captured({"acme": {}}, pricing=None)
    found = survey(snapshot)
    assert found.to_json()["verdict"] == "inconclusive"
    assert found.status == found.to_json()["status"] == "undecided"
    assert found.by_status() == {"affected": 0, "healthy": 0, "undecided": 1}
    assert found.affected == ()
    assert found.answer() == (
        "Nothing can be decided for 1 tenant: the snapshot holds no pricing cache."
    )


def test_of_no_tenants_nothing_can_be_told_without_prices(captured):
    """Even where there is nobody to decide for: without prices nobody is said to be healthy."""
    assert survey(captured({}, pricing=None)).status == "undecided"
    assert survey(captured({})).status == "healthy"


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
    first = replace(fleet.affected[0], failures=(lost,))
    made = replace(fleet, impact_on={first.group: first})
    assert list(made.by_cause()) == [UNEXPLAINED]
    assert made.verification.verdict == "inconclusive"
    (failure,) = made.to_json()["tenants"][0]["failures"]
    why = (UNEXPLAINED, None, "inconclusive", None, None)
    assert tuple(failure[name] for name in WHY) == why


def test_an_unknown_complexity_is_refused(before):
    """As everywhere, the known ones are named."""
    with refused(InputError, "unknown complexity 'hard'"):
        survey(before, "hard")


@pytest.mark.parametrize("is_on", [True, False])
def test_garbage_is_looked_for_afterwards_as_before(before, is_on):
    """Not meanwhile, which would take a tenth of the time; whatever happens."""
    was_on, seen = gc.isenabled(), []
    (gc.enable if is_on else gc.disable)()
    try:
        survey(before, progress=lambda *_: seen.append(gc.isenabled()))
        assert (gc.isenabled(), set(seen)) == (is_on, {False})
        with refused(InputError, "complexity"):
            survey(before, "hard")
        assert gc.isenabled() == is_on
    finally:
        (gc.enable if was_on else gc.disable)()


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
    assert tenants_in(found.affected) == 20_002
    assert seconds < 20  # one diagnosis each would be minutes
