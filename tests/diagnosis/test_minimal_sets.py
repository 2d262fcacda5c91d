"""The smallest sets of many differences: from those found nothing can be left out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomlab.diagnosis.minimal_sets import mask_of, members, minimal_sets
from tests.examples import examples

NUMBER = 40
SETS = st.frozensets(st.integers(0, NUMBER - 1), min_size=1, max_size=15)


@given(
    st.lists(SETS, min_size=1, max_size=4),
    st.frozensets(st.integers(0, NUMBER - 1), max_size=2),
)
@examples(300)
def test_of_many_differences_none_can_be_left_out(needed, spoiling):
    """Some sets have the effect, unless a difference beside them spoils it."""
    needed = [one - spoiling for one in needed if one - spoiling]
    if not needed:
        return

    def effect(chosen):
        held = {*members(chosen)}
        if held == {*range(NUMBER)}:
            return True  # all of them have it
        return any(one <= held for one in needed) and not held & spoiling

    found = minimal_sets(effect, [(0, 10), (10, 5), (15, 25)])
    assert all(map(effect, found.sets))
    for chosen in found.sets:
        assert not any(effect(chosen & ~(1 << each)) for each in members(chosen))
    if min(map(len, needed)) == 1:
        assert found.least
        assert found.sets[0].bit_count() == 1
    if found.minimal:
        assert {*members(found.sets[0])} in [*needed, {*range(NUMBER)}]


def test_thousands_that_are_independent_are_halved():
    """Of ten thousand, the hundred that are needed are found, with few questions."""
    needed, asked = mask_of(range(5_000, 5_100)), []

    def effect(chosen):
        asked.append(chosen)
        return chosen & needed == needed

    found = minimal_sets(effect, [(0, 10_000)], (0, 10_000))
    assert found.sets == (needed,)
    assert found.minimal
    assert len(asked) < 12_000  # each alone, then blocks


def test_a_large_set_that_was_not_looked_into_is_not_called_minimal():
    """Of many differences that depend on each other, only each by itself was left out."""
    needed = mask_of(range(20))
    found = minimal_sets(lambda chosen: chosen & needed == needed, [(0, 30)])
    assert found.sets == (needed,)
    assert not found.minimal
    assert not found.least


def test_up_to_five_others_are_named():
    """Ten differences each have the effect: six are shown, and that there are more."""
    found = minimal_sets(lambda chosen: chosen != 0, [(0, 10)])
    assert found.sets == tuple(1 << n for n in range(6))
    assert found.more
    assert not minimal_sets(lambda chosen: chosen != 0, [(0, 3)]).more


@pytest.mark.parametrize("others", range(8))
def test_so_many_others_are_shown_and_whether_there_are_more(others):
    """Of few differences and of many, single ones: six at most, and exactly six are not more."""
    alone = 1 << others
    few = minimal_sets(lambda chosen: chosen & (2 * alone - 1) != 0, [(0, 9)])
    assert few.sets == tuple(1 << n for n in range(min(others + 1, 6)))
    assert few.least
    assert few.more == (others + 1 >= 6)  # at six it stops looking
    many = minimal_sets(lambda chosen: chosen & (2 * alone - 1) != 0, [(0, 30)], (0, 30))
    assert {*many.sets} == {1 << n for n in range(min(others + 1, 6))}
    assert (many.least, many.more) == (True, True)  # of many nobody looks at all sets


def test_of_few_differences_larger_sets_are_found_beside_the_smallest():
    """One alone, a pair and three together, in the order of their size."""
    needed = [0b1, 0b110, 0b111000]
    found = minimal_sets(lambda c: any(c & each == each for each in needed), [(0, 9)])
    assert (found.sets, found.least, found.minimal, found.more) == (
        tuple(needed),
        True,
        True,
        False,
    )
    whole = minimal_sets(lambda c: c == (1 << 12) - 1, [(0, 12)])
    assert whole.sets == ((1 << 12) - 1,)
    assert not whole.more


def test_after_many_looks_at_larger_sets_it_is_said_that_there_may_be_more():
    """The smallest is certain; a pair of eleven others is beyond the looks that are taken."""
    last = 0b11 << 10
    asked = []

    def effect(chosen):
        asked.append(chosen)
        return chosen & 1 == 1 or chosen & ~1 == 0b111111111110

    found = minimal_sets(effect, [(0, 12)])
    assert (found.sets, found.least, found.more) == ((1,), True, True)
    assert len(asked) == 12 + 500  # each alone, then so many larger ones
    few = minimal_sets(lambda c: c & 1 == 1 or c & last == last, [(0, 12)])
    assert (few.sets, few.more) == ((1, last), True)


def test_of_many_differences_each_is_tried_alone_where_that_is_cheap():
    """The independent ones, and of the others no more than 64."""
    for others, tried in ((64, True), (65, False)):
        asked = []

        def effect(chosen, asked=asked):
            asked.append(chosen)
            return chosen & 0b11 == 0b11

        minimal_sets(effect, [(0, others), (others, 20)], (others, 20))
        alone = {each for each in asked if each.bit_count() == 1}
        assert {1 << n for n in range(others, others + 20)} <= alone
        assert ({1 << n for n in range(others)} <= alone) is tried


@pytest.mark.parametrize("first", [0, 7])
def test_a_large_set_is_minimal_if_all_of_it_is_independent(first):
    """Twenty of the independent are; with one that depends on others beside them, it is not."""
    needed = mask_of(range(first, first + 20))
    blocks = [(0, first), (first, 30)] if first else [(0, 30)]
    found = minimal_sets(lambda c: c & needed == needed, blocks, (first, 30))
    assert (found.sets, found.minimal) == ((needed,), True)
    if first:
        more = needed | 1
        found = minimal_sets(lambda c: c & more == more, blocks, (first, 30))
        assert (found.sets, found.minimal) == ((more,), False)


def test_others_are_looked_for_without_a_member_of_the_first():
    """Two pairs among many: the second is found once a member of the first is left out."""
    pairs = [0b11, 0b11 << 20]
    found = minimal_sets(lambda c: any(c & pair == pair for pair in pairs), [(0, 30)])
    assert {*found.sets} == {*pairs}
    assert (found.least, found.minimal, found.more) == (False, True, True)


def test_large_blocks_are_left_out_first():
    """A new price map goes with one question, though it stands last."""
    asked = []

    def effect(chosen):
        asked.append(chosen.bit_count())
        return chosen & 0b11 == 0b11

    minimal_sets(effect, [(0, 80), (80, 1_000)])
    assert asked[:2] == [1_080, 80]  # all, then without the block of a thousand


@pytest.mark.parametrize("number", [12, 13])
def test_every_part_of_a_set_is_looked_at_up_to_twelve(number):
    """Twelve of many that depend on each other are shown to be minimal, thirteen are not."""
    needed = mask_of(range(5, 5 + number))
    found = minimal_sets(lambda chosen: chosen & needed == needed, [(0, 30)])
    assert (found.sets, found.least, found.minimal) == ((needed,), False, number == 12)


def test_nothing_more_is_asked_than_is_shown():
    """Of many: after six alone nothing; after five, one larger set is looked for, then no other."""
    asked, pairs = [], [0b11 << n for n in range(10, 30, 2)]

    def effect(chosen):
        asked.append(chosen)
        return bool(chosen & alone) or any(chosen & pair == pair for pair in pairs)

    alone = mask_of(range(7))
    assert minimal_sets(effect, [(0, 30)]).sets == tuple(1 << n for n in range(6))
    assert asked == [1 << n for n in range(6)]
    asked.clear()
    alone = mask_of(range(5))
    found = minimal_sets(effect, [(0, 30)])
    assert found.sets == (*(1 << n for n in range(5)), pairs[-1])
    assert asked[-1] == pairs[-1]


def test_a_block_that_is_gone_does_not_end_the_search():
    """The first alone has the effect; the pair far behind it is found without it."""
    pair, asked = 1 << 10 | 1 << 20, []

    def effect(chosen):
        asked.append(chosen)
        return chosen & 1 == 1 or chosen & pair == pair

    found = minimal_sets(effect, [(n, 1) for n in range(30)])
    assert (found.sets, found.least) == ((1, pair), True)
    assert asked.count(mask_of(range(1, 30))) == 1  # what is gone already is not left out again


def test_a_set_that_holds_another_is_not_shown():
    """Of fourteen none can be left out alone, though five of them have the effect."""
    large, small = mask_of(range(14)), mask_of(range(5, 10))

    def effect(chosen):
        part = chosen & small == small and not chosen & 1 and chosen.bit_count() != 13
        return part or chosen & large == large

    blocks = [(0, 1), (1, 4), *((n, 1) for n in range(5, 10)), (10, 4), (14, 16)]
    found = minimal_sets(effect, blocks)
    assert (found.sets, found.minimal) == ((small,), True)
