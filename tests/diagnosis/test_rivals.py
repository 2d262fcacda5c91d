"""Rivals: what else could raise the same error, and whether the evidence rules it out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from atomlab.byok.filters import NAMES
from atomlab.byok.ranking import rank
from atomlab.byok.request import Request
from atomlab.diagnosis.edits import Edit
from atomlab.diagnosis.explanation import Cause, Explanation, FixSet
from atomlab.diagnosis.rivals import find_rivals
from tests.examples import examples
from tests.small import small_platform
from tests.worlds import PLANS, clients_of, requests, worlds

CAPTURED = datetime(2026, 5, 2, 8, tzinfo=UTC)
SIMPLE = Request("simple")
SITE = small_platform(["openai/gpt-5"])
EMPTY = rank(SITE, [], SIMPLE)
CAUSE = Cause("key-empty", "openai", "OPENAI_API_KEY", "one-of-k", True, False, ("seen",))


@dataclass
class Evidence:
    """As much of a snapshot as rivals look at."""

    last_fetch: str | None = None
    has_pricing: bool = True
    captured_at: str = CAPTURED.isoformat()

    @property
    def manifest(self) -> Any:
        """Return the part that is read."""
        return {"pricing": {"last_fetch": self.last_fetch} if self.has_pricing else None}


def rivals(ranking, explanation=None, **evidence):
    """Return the rivals by code."""
    found = find_rivals(Evidence(**evidence), ranking, explanation or Explanation())
    assert len({rival.code for rival in found}) == len(found)
    return {rival.code: rival for rival in found}


@pytest.mark.parametrize(
    ("age", "fresh"),
    [
        (timedelta(0), True),
        (timedelta(hours=23, minutes=59, seconds=59), True),
        (timedelta(hours=24), True),
        (timedelta(hours=24, seconds=1), False),
        (timedelta(hours=36), False),
        (timedelta(hours=48), False),
    ],
    ids=str,
)
def test_a_cache_is_stale_after_24_hours(age, fresh):
    """The platform fetches prices that are older anew; these may be others than it had."""
    stale = rivals(EMPTY, last_fetch=(CAPTURED - age).isoformat())["pricing-cache-stale"]
    assert stale.ruled_out is fresh
    assert (CAPTURED - age).isoformat() in stale.why


@pytest.mark.parametrize(
    ("last_fetch", "since"),
    [
        (None, "fetched at an unknown time"),
        ((CAPTURED + timedelta(hours=1)).isoformat(), "fetched at 2026-05-02T09:00:00+00:00"),
        ("yesterday", "fetched at yesterday"),
    ],
    ids=["unknown", "after the capture", "no time"],
)
def test_a_cache_of_unknown_age_may_be_stale(last_fetch, since):
    """What nobody wrote down, or wrote in no known form, rules nothing out."""
    stale = rivals(EMPTY, last_fetch=last_fetch)["pricing-cache-stale"]
    captured = CAPTURED.isoformat()
    assert not stale.ruled_out
    assert stale.why == (
        f"the prices were {since}, captured at {captured}; they are valid for 24 h"
    )


@pytest.mark.parametrize(("client", "ruled_out"), [("openai", True), ("groq", False)])
def test_a_cache_with_which_a_fix_was_verified_is_not_stale(client, ruled_out):
    """However old it is: with the fix made it gives a winner. A fix that failed shows nothing."""
    edit = Edit("new-credential", f"{client.upper()}_API_KEY")
    fix = FixSet((f"client:{client}",), (edit,), rank(SITE, [client], SIMPLE))
    last_fetch = (CAPTURED - timedelta(days=9)).isoformat()
    found = rivals(EMPTY, Explanation((CAUSE,), (fix,)), last_fetch=last_fetch)
    assert found["pricing-cache-stale"].ruled_out is ruled_out


@pytest.mark.parametrize(
    ("models", "ruled_out", "why"),
    [
        ([], False, "the cache holds 0 models"),
        (["openai/gpt-5"], True, "the cache holds 1 model"),
        (["openai/a", "groq/b"], True, "the cache holds 2 models"),
    ],
)
def test_a_cache_is_empty_if_it_holds_no_model(models, ruled_out, why):
    """One model is enough: the cache was loaded."""
    empty = rivals(rank(small_platform(models), [], SIMPLE))["pricing-cache-empty"]
    assert (empty.ruled_out, empty.why) == (ruled_out, why)


def test_without_a_captured_cache_no_rival_is_ruled_out():
    """Only the want of the cache is told: nothing was decided on it."""
    (rival,) = rivals(EMPTY, has_pricing=False).values()
    assert (rival.code, rival.ruled_out) == ("pricing-cache-empty", False)
    assert rival.why == "the snapshot holds no pricing cache"


def test_every_rival_has_its_place():
    """Cache, age, each filter behind the first in the platform's order, and the wrong database."""
    order = [
        *("pricing-cache-empty", "pricing-cache-stale"),
        *(name for name in NAMES if name != "client"),
        "wrong-database",
    ]
    found = [code for code in rivals(EMPTY) if code != "pricing-entry-broken"]
    assert found == order


@given(st.data(), worlds(), requests(), st.sampled_from(PLANS))
@examples(60)
def test_a_filter_is_ruled_out_unless_it_alone_keeps_a_model_out(data, world, asked, plan):
    """Whether it does, the blockers say that are named for each model."""
    ranking = rank(world.platform(), data.draw(clients_of(world)), asked, plan)
    assume(not len(ranking.order))
    found, blockers = rivals(ranking), list(ranking.frame()["blockers"])
    for name in NAMES[1:]:
        assert found[name].ruled_out == (name not in blockers)


@pytest.mark.parametrize(
    ("change", "request_", "ruled_out", "why"),
    [
        ({}, SIMPLE, True, "it rejects no model"),
        ({"max_input_tokens": 9}, SIMPLE, False, "it is the only blocker of 1 model"),
        (
            {"litellm_provider": "x", "max_input_tokens": 9},
            SIMPLE,
            True,
            "it is nowhere the only blocker: waiving it leaves the error",
        ),
    ],
    ids=["rejects-none", "alone", "never-alone"],
)
def test_a_filter_s_rival_says_what_was_seen_of_it(change, request_, ruled_out, why):
    """It rejects nothing, it alone keeps models out, or something else does as well."""
    site = small_platform({"gpt-5": {"litellm_provider": "openai", **change}})
    found = rivals(rank(site, ["openai"], request_))["context"]
    assert (found.ruled_out, found.why) == (ruled_out, why)


def test_a_filter_that_is_a_cause_is_not_ruled_out_by_itself():
    """What explains the error is named as such, whatever else keeps the same models out."""
    site = small_platform({"openai/gpt-5": {"max_input_tokens": 9}})
    cause = replace(CAUSE, code="context-window", setting_key=None)
    found = rivals(rank(site, [], SIMPLE), Explanation((cause,)))
    assert not found["context"].ruled_out
    assert found["context"].why == "it is a cause: context window too small"
    assert found["quality"].ruled_out


@pytest.mark.parametrize(
    ("keys", "ruled_out"),
    [([], False), ([None], False), (["OPENAI_API_KEY"], True), ([None, "OPENAI_API_KEY"], True)],
    ids=["no-cause", "no-row", "a-row", "a-row-of-the-second"],
)
def test_rows_that_show_a_cause_show_that_it_is_the_right_database(keys, ruled_out):
    """A tenant that is in the database without such a row may be another than the one meant."""
    causes = tuple(replace(CAUSE, setting_key=key) for key in keys)
    found = rivals(EMPTY, Explanation(causes))["wrong-database"]
    assert found.ruled_out is ruled_out
    assert ("key-empty" in found.why) is ruled_out
