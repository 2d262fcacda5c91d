"""The smallest sets of many differences: from those found nothing can be left out."""

from __future__ import annotations

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
