"""What differs between two days: how each difference reads, and how many are told together."""

from __future__ import annotations

import dataclasses

import pytest

from atomlab.diagnosis.differences import (
    DayPart,
    Difference,
    blocks_of,
    flat_rules,
    in_groups,
    in_words,
    rules_of,
    same_token,
)
from atomlab.evidence.inputs.catalog import CatalogEntry
from atomlab.evidence.inputs.pricing import COLUMNS
from atomlab.evidence.inputs.registry import Provider
from tests.small import TOKENS
from tests.worlds import RULES

HELD, NULL = TOKENS["present"], TOKENS["null"]
ENTRY = ("m/x", "m", "chat", *[None] * (len(COLUMNS) - 3))
DEARER = (*ENTRY[:3], 2.0, *ENTRY[4:])
NAMES = frozenset(f"a{n}" for n in range(10))


def number(value):
    """Return a field of the rules as a day has it."""
    return ("min_health_score", None, value)


@pytest.mark.parametrize(
    ("difference", "words"),
    [
        (("plan", "plan", "changed", "free", None), "the plan changed (free → nothing)"),
        (("mode", "ai_mode", "changed", None, "byok"), "the mode changed (nothing → byok)"),
        (("rows", "A", "added", None, HELD), "the row A added (missing → present)"),
        (("rows", "A", "removed", NULL), "the row A removed (null → missing)"),
        (
            ("rows", "A", "may have changed", HELD, HELD),
            "the row A may have changed (present → present)",
        ),
        (("prices", "m/x", "added", None, ENTRY), "the price entry m/x added"),
        (("prices", "m/x", "removed", ENTRY), "the price entry m/x removed"),
        (
            ("prices", "m/x", "changed", ENTRY, DEARER),
            f"the price entry m/x changed ({COLUMNS[3]} nothing → 2)",
        ),
        (("prices", "order", "reordered"), "the order of price entries"),
        (("registry", "order", "reordered"), "the order of providers"),
        (("registry", "p", "added", None, Provider("p")), "the provider p added"),
        (
            ("registry", "p", "changed", Provider("p"), Provider("p", health_score=0.5)),
            "the provider p changed (id p → id p, health_score 0.5)",
        ),
        (
            ("catalogue", "m/x", "removed", CatalogEntry(frozenset())),
            "the catalogue's entry m/x removed",
        ),
        (("rules", "r", "changed", number(0.5), number(2.0)), "the rule r changed (0.5 → 2)"),
        (
            ("rules", "r", "changed", number("v1.0"), number(None)),
            "the rule r changed (v1.0 → nothing)",
        ),
        (("rules", "r", "changed", number(("b", "a")), number(())), "the rule r changed (b, a → )"),
        (
            ("rules", "r", "removed", number(NAMES)),
            "the rule r removed (a0, a1, a2, a3, a4, a5, a6, a7, a8, a9 → nothing)",
        ),
        (("rules", "a\x1b", "added", None, number("x")), "the rule a\\x1b added (nothing → x)"),
    ],
)
def test_a_difference_in_words(difference, words):
    """What it was and has become; of rows the state alone, of a plan no name."""
    found = Difference(*difference)
    assert str(found) == words
    assert repr(found) == f"<Difference: {words}>"
    assert found.to_json()["detail"] in words
    assert list(found.to_json()) == ["kind", "name", "change", "detail"]


def test_a_long_name_is_cut_in_the_document():
    """At four hundred characters, and it says how many there are."""
    shown = [Difference("rows", "x" * n, "removed", HELD).to_json()["name"] for n in (400, 402)]
    assert shown == ["x" * 400, "x" * 400 + "… (402 characters)"]


def test_tokens_that_no_key_compares():
    """Under different keys the states say what they can; under one a value is what it is."""
    states = [*TOKENS]
    certain = {state: state in ("null", "empty") for state in states}
    for one in states:
        for other in states:
            if one == other:
                expected = True if certain[one] else None
            else:
                expected = False if certain[one] or certain[other] else None
            assert same_token(TOKENS[one], TOKENS[other], comparable=False) is expected


def several(kind, number, change="added", provider="p"):
    """Return so many differences of a kind."""
    return [Difference(kind, f"{provider}/{n}", change) for n in range(number)]


@pytest.mark.parametrize(
    ("found", "sizes"),
    [
        ([], []),
        (several("prices", 100), [1] * 100),
        (several("prices", 101), [101]),
        ([*several("prices", 60), *several("prices", 60, provider="q")], [60, 60]),
        ([*several("prices", 60), *several("prices", 60, "removed")], [60, 60]),
        ([*several("prices", 101), *several("registry", 3)], [1, 1, 1, 101]),
        ([*several("rows", 2), *several("rules", 101)], [101, 1, 1]),
        ([*several("rows", 1), *several("rows", 1)], [1, 1]),
    ],
)
def test_hundreds_of_a_kind_are_told_together(found, sizes):
    """Those of one provider that changed alike; a hundred are still told one by one."""
    groups = in_groups(found)
    assert [len(those) for those in groups] == sizes
    assert sorted(str(each) for those in groups for each in those) == sorted(map(str, found))
    for those in groups:
        assert len({(each.kind, each.change, each.group) for each in those}) == 1


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (several("rows", 1), "the row p/0 added (missing → missing)"),
        (
            several("prices", 4),
            "the price entry p/0 added and the price entry p/1 added and the price entry p/2 added "
            "and the price entry p/3 added",
        ),
        (several("prices", 5), "5 price entries added (p/0, p/1, p/2 and 2 more)"),
        (
            [*several("catalogue", 2), *several("prices", 3), *several("registry", 1)],
            "2 entries of the catalogue added (p/0, p/1) and 3 price entries added (p/0, p/1, p/2) "
            "and the provider p/0 added",
        ),
        (
            [*several("prices", 3), *several("prices", 2, "removed")],
            "3 price entries added (p/0, p/1, p/2) and 2 price entries removed (p/0, p/1)",
        ),
    ],
)
def test_many_differences_in_words(found, words):
    """Each up to four; of more how many of each kind and change, with three names."""
    assert in_words(found) == words


def test_blocks_are_of_one_kind_and_provider():
    """Of models by what stands before the slash; an order is one by itself."""
    found = [
        *several("rules", 2),
        *several("registry", 1),
        Difference("prices", "order", "reordered"),
        Difference("prices", "no-slash", "added"),
        *several("prices", 3),
        *several("prices", 2, "removed", provider="q"),
        *several("rows", 2),
    ]
    assert blocks_of(found) == [(0, 2), (2, 1), (3, 2), (5, 3), (8, 2), (10, 2)]
    assert blocks_of([]) == []


def test_rules_are_the_same_flat_and_whole():
    """Each entry of a mapping by itself, what makes a placeholder in one; and all of it back."""
    flat = flat_rules(RULES)
    assert rules_of(flat, dataclasses.replace(RULES, plans={}, matcher="substring")) == RULES
    assert flat["plans.free"] == ("plans", "free", RULES.plans["free"])
    assert flat["placeholders"][2] == (RULES.placeholder_prefixes, RULES.placeholder_shorter_than)
    assert not {"plans", "placeholder_prefixes", "placeholder_shorter_than"} & {*flat}


def test_a_day_in_between_has_the_things_of_each_day():
    """Their order by the good day, or the bad one where its order is a difference that is made."""
    part = DayPart("registry", {"a": 1, "b": 2, "c": 3}, {"d": 9, "c": 3, "a": 7}, ordered=True)
    assert [(each.name, each.change) for each in part.differences] == [
        ("order", "reordered"),
        ("d", "added"),
        ("a", "changed"),
        ("b", "removed"),
    ]
    assert [*part.mixed(0).items()] == [("a", 1), ("b", 2), ("c", 3)]
    assert [*part.mixed(0b0001).items()] == [("c", 3), ("a", 1), ("b", 2)]
    assert [*part.mixed(0b0110).items()] == [("d", 9), ("a", 7), ("b", 2), ("c", 3)]
    assert [*part.mixed(0b1111).items()] == [("d", 9), ("c", 3), ("a", 7)]
