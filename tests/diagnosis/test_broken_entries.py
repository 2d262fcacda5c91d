"""Entries of the cache at which the platform's ranking fails inside (PLATFORM B, *Prices*)."""

from __future__ import annotations

import pytest

import atomlab

GOOD = {
    "litellm_provider": "openai",
    "mode": "chat",
    "max_input_tokens": 200_000,
    "max_tokens": 200_000,
    "input_cost_per_token": 1e-6,
    "output_cost_per_token": 1e-6,
}
CASES = {
    "null-provider": ({"litellm_provider": None}, {"openai", "groq", "no-client"}),
    "null-input-price": ({"input_cost_per_token": None}, {"openai"}),
    "null-output-price": ({"output_cost_per_token": None}, {"openai"}),
    "text-price": ({"output_cost_per_token": "1e-6"}, {"openai"}),
    "text-window": ({"max_input_tokens": "200000"}, {"openai"}),
    "text-second-window": ({"max_input_tokens": 0, "max_tokens": "many"}, {"openai"}),
    "second-window-not-read": ({"max_tokens": "many"}, set()),
    "no-window": ({"max_input_tokens": None, "max_tokens": None}, set()),
    "no-provider-field": ({"litellm_provider": ...}, set()),
    "no-price-field": ({"input_cost_per_token": ...}, set()),
}
TENANTS = {
    "openai": {"OPENAI_API_KEY": "k"},
    "groq": {"GROQ_API_KEY": "k"},
    "no-client": {},
}


def world(captured, write_json, change, **options):
    """Return a snapshot of three tenants, one entry of whose cache is changed."""
    odd = {name: value for name, value in (GOOD | change).items() if value is not ...}
    models = {
        "openai/gpt-5-good": GOOD,
        "openai/gpt-5-odd": odd,
        "groq/gpt-5": GOOD | {"litellm_provider": "groq"},
    }
    return captured(TENANTS, pricing=write_json({"pricing": models}), **options)


@pytest.mark.parametrize("rules", ["hosted-2026-05", "open-source-2026-05"])
@pytest.mark.parametrize("case", CASES)
def test_whom_an_entry_breaks_the_ranking_for(captured, write_json, rules, case):
    """A null provider breaks it for every tenant, a price or window for who has its client."""
    change, broken_for = CASES[case]
    with world(captured, write_json, change, rules=rules, env={}) as snapshot:
        platform = atomlab.load_platform(snapshot.session)
        clients = {"openai": ["openai"], "no-client": []}
        if "groq" in platform.rules.llm_providers:
            clients["groq"] = ["groq"]
        found = {
            name
            for name, ids in clients.items()
            if atomlab.rank(platform, ids, atomlab.Request("advanced")).broken
        }
    assert found == broken_for & clients.keys()


@pytest.mark.parametrize("case", [c for c, (_, broken) in CASES.items() if broken])
def test_the_entry_is_the_cause_by_name(captured, write_json, case):
    """The root cause names the entry; without it the error goes, without another it stays."""
    change, broken_for = CASES[case]
    snapshot = world(captured, write_json, change)
    for tenant in sorted(broken_for - {"no-client"}):
        [each] = atomlab.diagnose(snapshot, tenant, [atomlab.Request("simple")]).requests
        assert (each.outcome, len(each.ranking.order)) == ("no-models", 0)
        [cause] = each.explanation.causes
        assert (cause.code, cause.verdict, cause.role) == (
            *("pricing-entry-broken", "confirmed"),
            "sole",
        )
        assert cause.provider == (None if case == "null-provider" else "openai")
        assert "openai/gpt-5-odd" in cause.evidence[0]
        [fix] = each.explanation.fix_sets
        assert [e.model for e in fix.edits] == ["openai/gpt-5-odd"]
        assert (fix.who, fix.verified) == ("operator", True)
        assert [t.cured for t in each.explanation.trials] == [True, False]


def test_a_broken_entry_beside_a_missing_key_is_joint(captured, write_json):
    """Neither the repair of the entry nor the key alone gives a model; both together do."""
    snapshot = world(captured, write_json, {"litellm_provider": None})
    [each] = atomlab.diagnose(snapshot, "no-client", [atomlab.Request("simple")]).requests
    codes = {(c.code, c.role, c.sufficient_alone) for c in each.explanation.causes}
    assert codes == {
        ("pricing-entry-broken", "joint", False),
        ("no-keys", "joint", False),
    }
    assert {f.atoms for f in each.explanation.fix_sets} == {
        ("pricing-entry", "client:groq"),
        ("pricing-entry", "client:openai"),
    }
    assert all(f.verified for f in each.explanation.fix_sets)


def test_all_broken_entries_are_repaired_together(captured, write_json):
    """Two entries break it: the first is named, the other counted, the fix has both."""
    models = {
        "a": GOOD | {"litellm_provider": None},
        "openai/gpt-5": GOOD,
        "b": GOOD | {"litellm_provider": 7},
    }
    snapshot = captured({"acme": {"OPENAI_API_KEY": "k"}}, pricing=write_json({"pricing": models}))
    [each] = atomlab.diagnose(snapshot, "acme", [atomlab.Request("simple")]).requests
    assert str(each.ranking.broken).startswith("the entry a (and 1 more entry) breaks the ranking")
    [fix] = each.explanation.fix_sets
    assert {e.model for e in fix.edits} == {"a", "b"}
    assert fix.verified


def test_an_entry_that_would_break_it_next_is_named(captured, write_json):
    """Where every repair that is run meets the entry, it is told, and nothing is confirmed."""
    odd = GOOD | {"input_cost_per_token": None}
    snapshot = captured(TENANTS, pricing=write_json({"pricing": {"openai/tiny": odd}}))
    for tenant, complexity, first in (
        ("openai", "complex", None),
        ("no-client", "simple", "no-keys"),
    ):
        [each] = atomlab.diagnose(snapshot, tenant, [atomlab.Request(complexity)]).requests
        assert each.ranking.broken is None
        assert each.explanation.fix_sets == ()
        *others, last = each.explanation.causes
        assert [c.code for c in others] == [first] * bool(first)
        assert (last.code, last.role, last.verdict) == (
            *("pricing-entry-broken", None),
            "inconclusive",
        )
        assert "openai/tiny" in last.evidence[0]
        assert not any(" would do, each" in sentence for c in others for sentence in c.evidence)
