"""What differs between two days of a platform, by kind and name, and days that lie between them.

A day in between is the good one with some of the differences made. Of a set of differences, a
number, bit n stands for the nth.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any, Literal, get_args

from atomlab.evidence.inputs.pricing import COLUMNS
from atomlab.evidence.inputs.rules import Rules
from atomlab.evidence.redaction import token_state
from atomlab.shown import Shown
from atomlab.text import count, grouped, listed, printable

Kind = Literal["rules", "registry", "prices", "catalogue", "plan", "mode", "rows"]
Change = Literal["added", "removed", "changed", "may have changed", "reordered"]
KINDS: tuple[Kind, ...] = get_args(Kind)
PLACEHOLDERS = "placeholders"
_PLACEHOLDER_FIELDS = ("placeholder_prefixes", "placeholder_shorter_than")
_EACH_NAMED = 100  # differences of a kind, above which those of a provider's models are a group
_WHAT = {  # one of a kind, in words; and several
    "rules": ("the rule", "rules"),
    "registry": ("the provider", "providers"),
    "prices": ("the price entry", "price entries"),
    "catalogue": ("the catalogue's entry", "entries of the catalogue"),
    "plan": ("the plan", "plans"),
    "mode": ("the mode", "modes"),
    "rows": ("the row", "rows"),
}


@dataclass(frozen=True, repr=False)
class Difference(Shown):
    """One difference; `good` and `bad` are what stands there on each day, None for nothing.

    Of rows these are tokens, whose values nobody can read.
    """

    kind: Kind
    name: str
    change: Change
    good: Any = None
    bad: Any = None

    @property
    def group(self) -> str:
        """What it is counted with: of models, those of a provider by the part before the slash."""
        if self.kind not in ("prices", "catalogue") or self.change == "reordered":
            return ""
        return self.name.split("/", 1)[0] if "/" in self.name else ""

    @property
    def detail(self) -> str:
        """What it was and has become, in words."""
        if self.change == "reordered":
            return "the order"
        if self.kind == "prices" and self.good and self.bad:
            pairs = zip(COLUMNS, self.good, self.bad, strict=True)
            return ", ".join(f"{name} {_text(a)} → {_text(b)}" for name, a, b in pairs if a != b)
        if self.kind in ("prices", "registry", "catalogue") and self.change != "changed":
            return ""
        return f"{self._shown(self.good)} → {self._shown(self.bad)}"

    def __str__(self) -> str:
        if self.change == "reordered":
            return f"the order of {_WHAT[self.kind][1]}"
        name = "" if self.kind in ("plan", "mode") else f" {printable(self.name)}"
        detail = f" ({self.detail})" if self.detail else ""
        return f"{_WHAT[self.kind][0]}{name} {self.change}{detail}"

    def __repr__(self) -> str:
        return f"<Difference: {self}>"  # without what stands there: of rows that is a token

    def to_json(self) -> dict[str, str]:
        """Return the difference as an element of `atomlab.compare/1`."""
        fields = {name: str(getattr(self, name)) for name in ("kind", "name", "change", "detail")}
        return {name: printable(text, 400) for name, text in fields.items()}

    def _shown(self, value: Any) -> str:
        if self.kind == "rows":
            return "missing" if value is None else token_state(value)
        return _text(value)


@dataclass(frozen=True, repr=False)
class DayPart(Shown):
    """Things of one kind that a decision uses, by name, in their order, on both days.

    `same` says of two of one name whether they are the same, None where nobody can tell; where the
    order of those that both days have differs, and is `ordered`, that is a difference, too.
    """

    kind: Kind
    good: Mapping[str, Any]
    bad: Mapping[str, Any]
    ordered: bool = False
    same: Callable[[Any, Any], bool | None] = lambda good, bad: bool(good == bad)

    @cached_property
    def differences(self) -> tuple[Difference, ...]:
        """The differences: those of the order first, then of each provider's models together."""
        found = sorted(self._each(), key=lambda each: each.group)
        both = self.good.keys() & self.bad.keys()
        orders = ([name for name in day if name in both] for day in (self.good, self.bad))
        if self.ordered and next(orders) != next(orders):
            found.insert(0, Difference(self.kind, "order", "reordered"))
        return tuple(found)

    def mixed(self, chosen: int) -> dict[str, Any]:
        """Return the things by name on the good day with the chosen differences made."""
        made = [each for n, each in enumerate(self.differences) if chosen >> n & 1]
        reordered = any(each.change == "reordered" for each in made)
        taken = {each.name for each in made if each.change != "reordered"}
        days = {True: self.bad, False: self.good}
        order = self._orders[1] if reordered else self._orders[0]
        return {name: days[name in taken][name] for name in order if name in days[name in taken]}

    def _each(self) -> Iterator[Difference]:
        for name in merged(self.good, self.bad):
            if name not in self.bad:
                yield Difference(self.kind, name, "removed", good=self.good[name])
            elif name not in self.good:
                yield Difference(self.kind, name, "added", bad=self.bad[name])
            elif not (same := self.same(self.good[name], self.bad[name])):
                change: Change = "may have changed" if same is None else "changed"
                yield Difference(self.kind, name, change, self.good[name], self.bad[name])

    @cached_property
    def _orders(self) -> tuple[list[str], list[str]]:
        return merged(self.good, self.bad), merged(self.bad, self.good)


def merged(first: Iterable[str], second: Iterable[str]) -> list[str]:
    """Return the names of both, in the order of the first.

    What only the second has stands behind the one of both that it stands behind there.
    """
    first, second = [*first], [*second]
    both = {*first} & {*second}
    behind: dict[str | None, list[str]] = {}
    anchor = None
    for name in second:
        if name in both:
            anchor = name
        else:
            behind.setdefault(anchor, []).append(name)
    order, pending = [], behind.get(None, [])
    for name in first:
        if name in both:
            order += pending
            pending = behind.get(name, [])
        order.append(name)
    return order + pending


def flat_rules(rules: Rules) -> dict[str, Any]:
    """Return the fields of the rules by name; of a mapping each entry by itself: `plans.free`.

    What makes a value a placeholder is one thing: states of values were found under all of it.
    """
    found: dict[str, Any] = {}
    for field in dataclasses.fields(rules):
        value = getattr(rules, field.name)
        if isinstance(value, Mapping):
            found |= {f"{field.name}.{key}": (field.name, key, each) for key, each in value.items()}
        elif field.name not in _PLACEHOLDER_FIELDS:
            found[field.name] = (field.name, None, value)
    judged = tuple(getattr(rules, name) for name in _PLACEHOLDER_FIELDS)
    return {**found, PLACEHOLDERS: (PLACEHOLDERS, None, judged)}


def rules_of(flat: Mapping[str, Any], like: Rules) -> Rules:
    """Return the rules whose fields, by name, are these."""
    names = (field.name for field in dataclasses.fields(like))
    changed: dict[str, Any] = {n: {} for n in names if isinstance(getattr(like, n), Mapping)}
    for field, key, value in flat.values():
        if field == PLACEHOLDERS:
            changed |= dict(zip(_PLACEHOLDER_FIELDS, value, strict=True))
        elif key is None:
            changed[field] = value
        else:
            changed[field][key] = value
    return dataclasses.replace(like, **changed)


def same_token(good: str, bad: str, *, comparable: bool) -> bool | None:
    """Return whether two tokens are of the same value, None where nobody can tell.

    `comparable` fingerprints were made under one key. One value has many ciphertexts.
    """
    if comparable and good == bad:
        return True
    states = {token_state(good), token_state(bad)}
    if states == {"null"} or states == {"empty"}:
        return True
    if comparable and good.rpartition(":")[2] == bad.rpartition(":")[2] != "-":
        return True
    if states & {"null", "empty"}:
        return False
    return False if comparable and "ciphertext" not in states else None


def counted(differences: Iterable[Difference]) -> dict[str, int]:
    """Return the number of differences by kind, in the order of the kinds."""
    number = Counter(each.kind for each in differences)
    return {kind: number[kind] for kind in KINDS if number[kind]}


def in_groups(differences: Sequence[Difference]) -> list[list[Difference]]:
    """Return the differences, each by itself, or where they come in hundreds those alike together.

    Alike are those of a kind that have changed in the same way, and are of the same provider.
    """
    number = Counter(each.kind for each in differences)
    groups: dict[object, list[Difference]] = {}
    for each in sorted(differences, key=lambda each: KINDS.index(each.kind)):
        crowd = number[each.kind] > _EACH_NAMED
        key = (each.kind, each.change, each.group) if crowd else id(each)
        groups.setdefault(key, []).append(each)
    return [*groups.values()]


def in_words(differences: Sequence[Difference], most: int = 4) -> str:
    """Return the differences as part of a sentence: each, or if they are many how many of each."""
    if len(differences) <= most:
        return " and ".join(map(str, differences))
    alike = grouped(((each.kind, each.change), each) for each in differences)
    return " and ".join(
        f"{count(len(those), *_NOUNS[kind])} {change} ({listed(_short(those), 3)})"
        if len(those) > 1
        else str(those[0])
        for (kind, change), those in alike.items()
    )


def blocks_of(differences: Sequence[Difference]) -> list[tuple[int, int]]:
    """Return where differences of one kind and provider begin, and how many they are."""
    blocks, start = [], 0
    for _, those in groupby(differences, key=lambda each: (each.kind, each.group)):
        blocks.append((start, number := len([*those])))
        start += number
    return blocks


_NOUNS = {kind: (one.removeprefix("the "), several) for kind, (one, several) in _WHAT.items()}


def _short(differences: Sequence[Difference]) -> list[str]:
    return [each.name for each in differences]


def _text(value: Any) -> str:
    if isinstance(value, tuple) and len(value) == 3 and isinstance(value[0], str):
        value = value[2]  # a field of the rules
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        value = ", ".join(f"{n} {_text(v)}" for n, v in fields.items() if v is not None)
    if isinstance(value, frozenset | tuple | list):
        value = ", ".join(map(_text, sorted(value) if isinstance(value, frozenset) else value))
    if value is None:
        return "nothing"
    text = str(value).removesuffix(".0") if isinstance(value, float) else value
    return printable(text, 60)  # every digit: what differs in the last one has to look different
