"""Confirmation: a cause is confirmed by what was run, and by nothing less."""

from __future__ import annotations

from dataclasses import replace

import pytest

from atomlab.byok.ranking import rank
from atomlab.byok.request import Request
from atomlab.diagnosis.confirmation import put_fault_back, verdict_of
from atomlab.diagnosis.edits import Edit
from atomlab.diagnosis.explanation import Cause, DecidedRequest
from atomlab.diagnosis.sandbox import Sandbox, Trial
from tests.small import TENANT, TOKENS, evidence_of, explained, small_platform

# openai's model is the dearer: with both clients groq's wins.
MODELS = {"openai/gpt-5": {"input_cost_per_token": 1e-3}, "groq/gpt-5": {}}
SITE = small_platform(MODELS)
CAUSE = Cause("key-empty", "openai", "OPENAI_API_KEY", "one-of-k", True, False, ("seen",))


def trial(*clients, before=(), site=SITE):
    """Return a trial after which the tenant has these clients."""
    request = Request("simple")
    return Trial("", (), rank(site, before, request), rank(site, clients, request), True)


def lookups_of(tokens):
    """Return what the platform finds for each provider in rows with these tokens."""
    manager = SITE.manager()
    return manager.lookups_of(manager.states_of(tokens.items()))


HELPS, IDLE = trial("openai"), trial()


@pytest.mark.parametrize(
    ("trials", "verdict"),
    [
        pytest.param([], "inconclusive", id="nothing-was-run"),
        pytest.param([HELPS, IDLE, IDLE, IDLE], "confirmed", id="the-fix-alone-helps"),
        pytest.param([HELPS, HELPS, IDLE, IDLE], "inconclusive", id="first-placebo-helps"),
        pytest.param([HELPS, IDLE, HELPS, IDLE], "inconclusive", id="second-placebo-helps"),
        pytest.param([HELPS, IDLE, IDLE, HELPS], "inconclusive", id="third-placebo-helps"),
        pytest.param([IDLE, IDLE, IDLE, IDLE], "inconclusive", id="the-fix-does-not-help"),
        pytest.param([trial("groq"), IDLE], "inconclusive", id="through-another-provider"),
        pytest.param([trial("openai", "groq"), IDLE], "inconclusive", id="another-provider-wins"),
        pytest.param(
            [trial("openai", before=["openai"]), IDLE], "inconclusive", id="there-was-no-error"
        ),
    ],
)
def test_only_a_fix_that_helps_alone_and_through_its_provider_confirms(trials, verdict):
    """The error was there, the fix removes it through the cause's provider, no placebo does."""
    assert verdict_of(CAUSE, trials) == verdict


@pytest.mark.parametrize(
    ("provider", "verdict"),
    [("openai", "confirmed"), ("mistral", "inconclusive"), (None, "confirmed")],
)
def test_a_joint_cause_is_confirmed_by_a_fix_through_its_provider(provider, verdict):
    """What helps only together with another repair is judged by the same fix; no provider, any."""
    cause = replace(CAUSE, role="joint", sufficient_alone=False, provider=provider)
    assert verdict_of(cause, [HELPS, IDLE]) == verdict


@pytest.mark.parametrize(
    ("windows", "verdict"),
    [
        pytest.param([2_000, 2_000], "confirmed", id="known"),
        pytest.param([2_000, None], "confirmed", id="one-is-known"),
        pytest.param([None, None], "inconclusive", id="none-is-known"),
    ],
)
def test_windows_that_are_not_known_prove_nothing_of_their_size(windows, verdict):
    """A model whose window the cache does not state passes when the filter is waived, as any."""
    models = {f"openai/gpt-5{n}": {"max_input_tokens": w} for n, w in enumerate(windows)}
    site, request = small_platform(models), Request("simple")
    before = rank(site, ["openai"], request)
    after = rank(site, ["openai"], request, waived=["context"])
    assert (len(before.order), len(after.order)) == (0, 2)
    cause = replace(CAUSE, code="context-window", setting_key=None)
    assert verdict_of(cause, [Trial("", (), before, after, True)]) == verdict


def test_a_placebo_that_helps_leaves_the_cause_inconclusive():
    """Where a key of the placebo's provider serves models, the trials cannot tell why it helped.

    The placebo is a key of `no_such_provider`, which this registry has, and the cache serves.
    """
    rows = {"openai_api_key": TOKENS["present"]}
    for extra, verdict in (((), "confirmed"), (("no_such_provider",), "inconclusive")):
        models = ["openai/gpt-5", *(f"{name}/gpt-5" for name in extra)]
        site = small_platform(models, ["openai", *extra])
        _, explanation = explained(site, rows.items(), Request("simple"), None)
        [cause] = explanation.causes
        assert (cause.code, cause.provider, cause.verdict) == ("key-misnamed", "openai", verdict)
        assert [t.cured for t in explanation.trials] == [True, False, False, bool(extra)]


def test_the_fault_put_back_takes_the_key_of_the_winner_away():
    """The next best client's model wins then; without another client the error is back."""
    rows = {f"{p}_API_KEY": TOKENS["present"] for p in ("OPENAI", "GROQ")}
    for held, winner in ((rows, "openai"), ({"GROQ_API_KEY": TOKENS["blank"]}, None)):
        with evidence_of(held.items()) as evidence:
            lab = Sandbox(evidence, SITE)
            ranking = lab.decide(TENANT, Request("simple"))
            (found,) = put_fault_back(DecidedRequest(ranking, [], lab, TENANT), lookups_of(held))
        assert found.edits == (Edit("remove-row", "GROQ_API_KEY"),)
        assert found.before.winner.provider == "groq"
        after = found.after.winner
        assert (after and after.provider) == winner
