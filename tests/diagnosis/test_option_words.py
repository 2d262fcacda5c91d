"""For and against an option: what running it for every tenant shows."""

from __future__ import annotations

import pytest

import atomlab
from atomlab.diagnosis.options import Option, cons, pros


@pytest.fixture(scope="module")
def compared(before):
    """Return the options for Brennan by kind and cost."""
    return {(o.kind, o.cost): o for o in atomlab.compare_options(before, "brennan", others=2)}


def test_the_documents_two_options_weigh_as_it_says(compared):
    """A row: no code change, but somebody must act. A fallback: automatic, but touches others."""
    row, fallback = compared["data", 1], compared["code", 20]
    assert "needs no change of code or configuration" in pros(row)
    assert "somebody has to change the tenant's settings" in cons(row)
    assert "nobody has to change the tenant's settings" in pros(fallback)
    assert "changes decisions for 1 other tenant" in cons(fallback)  # not whose: many read it


def test_what_an_option_does_not_cure_speaks_against_it(compared):
    """Every option that leaves a request says which, and how many it cures."""
    for option in compared.values():
        told = [c for c in cons(option) if c.startswith("does not cure")]
        assert bool(told) is bool(option.leaves)
        assert all(name in told[0] for name in option.leaves)
        total = len(option.cures) + len(option.leaves)
        assert f"cures {len(option.cures)} of {total} failing kinds of request" in pros(option)


def test_a_credential_that_only_the_tenant_has_speaks_against_an_option(compared):
    """Copying a key needs none, a key of another provider does."""
    assert "needs no new key: the tenant already has it" in pros(compared["data", 1])
    assert "needs a new credential, which only the tenant can get" in cons(compared["data", 5])


def test_a_repair_is_no_copy_though_it_costs_the_same(before):
    """Jasper's rows are empty: nobody but the tenant holds the key, whatever the repair costs."""
    options = atomlab.compare_options(before, "jasper", others=1)
    assert options[0].name.startswith("give the row")
    assert options[0].cost == 1
    assert not [told for told in pros(options[0]) if "already has it" in told]


def test_a_winner_that_cannot_serve_speaks_against_an_option():
    """The kinds of request that get it are named, and it."""
    unable = dict.fromkeys(("simple", "moderate"), "a/b is not a chat model (moderation)")
    unable["advanced"] = "c/d is not a chat model (audio_speech)"
    option = Option("o", "data", 5, ("complex",), tuple(unable), {}, unable=unable)
    told = "get a model that cannot serve: a/b is not a chat model (moderation)"
    assert f"simple, moderate requests {told}" in cons(option)
    told = "get a model that cannot serve: c/d is not a chat model (audio_speech)"
    assert f"advanced requests {told}" in cons(option)
    assert "cures 1 of 4 failing kinds of request" in pros(option)


@pytest.mark.parametrize(
    ("option", "good", "bad"),
    [
        (
            Option("o", "data", 1, ("simple",), (), {}, ("copy-key",)),
            [
                "cures 1 of 1 failing kind of request",
                "changes nothing for other tenants",
                "needs no change of code or configuration",
                "needs no new key: the tenant already has it",
            ],
            ["somebody has to change the tenant's settings"],
        ),
        (
            Option("o", "data", 1, (), ("simple", "complex"), {"b": "x"}, ("repair-row",)),
            ["needs no change of code or configuration"],
            [
                "does not cure simple, complex requests",
                "changes decisions for 1 other tenant",
                "somebody has to change the tenant's settings",
                "needs a new credential, which only the tenant can get",
            ],
        ),
        (
            Option("o", "code", 20, ("simple",), ("complex",), {"b": "x", "c": "y"}),
            [
                "cures 1 of 2 failing kinds of request",
                "nobody has to change the tenant's settings",
            ],
            [
                "does not cure complex requests",
                "changes decisions for 2 other tenants",
                "needs a release, and leaves the settings as they are",
            ],
        ),
        (
            Option("o", "platform", 15, ("a",), (), {}, ("new-credential", "waive-filter")),
            ["cures 1 of 1 failing kind of request", "changes nothing for other tenants"],
            [
                "needs a new credential, which only the tenant can get",
                "changes the platform's rules or data, for every tenant",
            ],
        ),
        (
            Option("o", "platform", 11, ("a",), (), {}, ("copy-key", "waive-filter")),
            ["cures 1 of 1 failing kind of request", "changes nothing for other tenants"],
            ["changes the platform's rules or data, for every tenant"],
        ),
        (
            Option("o", "platform", 10, (), ("a",), {"b": ""}, unable={"a": "x" * 150}),
            [],
            [
                "does not cure a requests",
                f"a requests get a model that cannot serve: {'x' * 150}",
                "changes decisions for 1 other tenant",
                "changes the platform's rules or data, for every tenant",
            ],
        ),
    ],
    ids=["copy", "repair", "code", "new key and waiver", "copy and waiver", "no cure"],
)
def test_both_sides_of_each_kind_are_told_in_full(option, good, bad):
    """Nothing else is said for or against: by hand, of one option of each kind."""
    assert (pros(option), cons(option)) == (good, bad)


def test_the_findings_carry_both_sides(before):
    """In findings.json each option has its fields and both lists."""
    found = atomlab.investigate(before, "brennan").to_json()
    for option in found["options"]:
        assert set(option) == {
            *("name", "kind", "cost", "cures", "leaves", "unable", "breaks", "touched", "edits"),
            *("pros", "cons"),
        }
        assert option["pros"]
        assert option["cons"]
