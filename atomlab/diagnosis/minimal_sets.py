"""The smallest sets of differences that have an effect: whatever the effect is, and asked seldom.

A set is a number with a bit for each difference. No rule is assumed to be monotone: one more
difference may take the effect away again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from atomlab.shown import Shown

Effect = Callable[[int], bool]
Block = tuple[int, int]  # the first of some differences that stand together, and how many they are

_EXACT = 12  # differences up to which every set of them is looked at
_MOST = 6  # sets: the first, and five others
_FURTHER = 500  # sets that are looked at for others, once the smallest are found
_TRIED_ALONE = 64  # differences that each cost a ranking


@dataclass(frozen=True, repr=False)
class MinimalSets(Shown):
    """Sets with the effect, none of which holds another, the smallest first.

    `least` says that no smaller set has the effect, `minimal` that it was shown of the first that
    no part of it has, `more` that there are, or may be, other such sets.
    """

    sets: tuple[int, ...] = ()
    least: bool = True
    minimal: bool = True
    more: bool = False


def minimal_sets(
    effect: Effect, blocks: Sequence[Block], independent: Block = (0, 0)
) -> MinimalSets:
    """Return the smallest sets with the effect, which all differences together have.

    `blocks` are all differences, those that are likely to go together in one. Of those that are
    `independent` a set from which none can be left out is minimal, and each is quickly tried.
    """
    whole = [each for start, number in blocks for each in range(start, start + number)]
    if len(whole) <= _EXACT:
        return _exact(effect, whole)
    alone = [*range(independent[0], sum(independent))]
    others = [each for each in whole if each not in range(independent[0], sum(independent))]
    singles = [*_singles(effect, [*alone, *(others if len(others) <= _TRIED_ALONE else ())])]
    if len(singles) >= _MOST:
        return MinimalSets(tuple(singles[:_MOST]), more=True)
    found = [MinimalSets((single,)) for single in singles]
    left = mask_of(whole) & ~sum(singles)
    for without in _starts(effect, left, found):
        found += _shrunk(effect, without, blocks, independent)
    found = sorted(_different(found), key=lambda each: each.sets[0].bit_count())
    sets = tuple(each.sets[0] for each in found[:_MOST])
    return MinimalSets(sets, least=bool(singles), minimal=found[0].minimal, more=True)


def mask_of(differences: Iterable[int]) -> int:
    """Return the set of these differences."""
    return sum(1 << each for each in differences)


def members(chosen: int) -> Iterator[int]:
    """Yield the differences in a set, in their order."""
    while chosen:
        lowest = chosen & -chosen
        yield lowest.bit_length() - 1
        chosen ^= lowest


def _exact(effect: Effect, whole: Sequence[int]) -> MinimalSets:
    """Return the sets with the effect of which no part has it, by looking at every set."""
    found: list[int] = []
    asked = 0
    for chosen in (mask_of(c) for n in range(1, len(whole) + 1) for c in combinations(whole, n)):
        if any(known & chosen == known for known in found):
            continue  # a part of it has the effect
        further = found and chosen.bit_count() > found[0].bit_count()
        asked += bool(further)
        if len(found) >= _MOST or asked > _FURTHER:
            return MinimalSets(tuple(found[:_MOST]), more=True)
        if effect(chosen):
            found.append(chosen)
    return MinimalSets(tuple(found))


def _singles(effect: Effect, differences: Iterable[int]) -> Iterator[int]:
    """Yield the differences that have the effect alone, but no more of them than are shown."""
    number = 0
    for each in differences:
        if number < _MOST and effect(1 << each):
            number += 1
            yield 1 << each


def _starts(effect: Effect, whole: int, found: list[MinimalSets]) -> Iterator[int]:
    """Yield sets with the effect to look in: all, then each without a member of one found there."""
    if not effect(whole):
        return
    yield whole
    first = found[-1].sets[0]
    for member in members(first):
        if len(found) < _MOST and effect(whole & ~(1 << member)):
            yield whole & ~(1 << member)


def _shrunk(
    effect: Effect, chosen: int, blocks: Sequence[Block], independent: Block
) -> list[MinimalSets]:
    """Return sets within one that has the effect, from which nothing more can be left out."""
    largest_first = sorted(blocks, key=lambda block: -block[1])
    while (left := _divided(effect, chosen, largest_first)) != chosen:
        chosen = left
    if chosen.bit_count() <= _EXACT:
        found = _exact(effect, [*members(chosen)])
        return [MinimalSets((each,)) for each in found.sets]
    within = mask_of(range(independent[0], sum(independent)))
    return [MinimalSets((chosen,), minimal=chosen & ~within == 0)]


def _divided(effect: Effect, chosen: int, blocks: Iterable[Block]) -> int:
    """Return what is left of a set without all that it can do without, block by block.

    It is QuickXplain's way to divide and conquer; what is held always has the effect, so that
    the rule need not be monotone.
    """
    for start, number in blocks:
        block = ((1 << number) - 1) << start
        if not chosen & block:
            continue
        if effect(chosen & ~block):
            chosen &= ~block
        elif number > 1:
            half = number // 2
            chosen = _divided(effect, chosen, [(start, half), (start + half, number - half)])
    return chosen


def _different(found: Iterable[MinimalSets]) -> list[MinimalSets]:
    """Return each of the sets once, and none that holds another."""
    by_set = {each.sets[0]: each for each in found}
    return [
        each
        for chosen, each in by_set.items()
        if not any(other != chosen and other & chosen == other for other in by_set)
    ]
