"""Names of settings: whose key one could be meant as, and how it differs from that key's name.

Compared are letters and digits, in capitals. What may stand around a vendor's name, and by which
other names vendors go, is data: `editions/names.yaml`.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from operator import itemgetter
from typing import Any

from atomlab.evidence.inputs.registry import Provider
from atomlab.evidence.inputs.rules import EDITIONS
from atomlab.files import read_shipped_yaml

_LONGEST = 80  # characters of a name that is read
_KEY = r"(?:API|SECRET)?(?:KEY|TOKEN|SECRET|CREDENTIAL)S?"
_KEY_IN_WORDS = re.compile(r"(API|SECRET)?(KEY|TOKEN|SECRET|CREDENTIA[LI])(S?)")
# In a name in capitals 0 looks like O, 1 and a small L like I (source: Unicode TR39).
_ALIKE = str.maketrans("L10", "IIO")


@dataclass(frozen=True)
class Reading:
    """What a name says: whose key is meant, and how it differs from the name of that key.

    `ids` are those under which registries know the vendor, the likeliest first; there are none
    where a misspelt name is equally near to several `neighbours`. `slips` counts the letters that
    are wrong. Where it is not `certain`, only the value can show that a key was meant.
    """

    ids: tuple[str, ...]
    differs: tuple[str, ...]
    certain: bool = True
    slips: int = 0
    neighbours: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Vendor:
    """Whom a name stands for; without ids no vendor of models, with a source another name."""

    name: str
    ids: tuple[str, ...]
    source: str | None = None
    registered: bool = False
    cloud: bool = False

    def __str__(self) -> str:
        return f"{self.name} ({self.ids[0]}'s)" if self.source else self.name


@lru_cache(maxsize=4096)
def canonical_name(name: str) -> str:
    """Return a setting's name without its accidents: case, spaces, dots, width, other scripts."""
    text = unicodedata.normalize("NFKC", name)
    if not text.isascii():
        text = text.translate(_foreign_letters()).upper().translate(_foreign_letters())
    return re.sub(r"[\W_]+", "_", text.upper()).strip("_")


@lru_cache(maxsize=4096)
def key_stem(name: str) -> str:
    """Return what is left of a name without its end: `_API_KEY`, `_TOKEN`, `_KEY_2`, `APIKEY`."""
    ending = r"(?:_?API_?(?:KEY|TOKEN|SECRET)S?|_(?:KEY|TOKEN|SECRET)S?)(?:_?\d{1,2})?"
    word = canonical_name(name)
    # Only the end is looked at: from each of many places the pattern would try the whole rest.
    return word[:-_LONGEST] + re.sub(f"(?:{ending})+$", "", word[-_LONGEST:])


def letters(name: str) -> str:
    """Return the letters and digits of a name, in capitals: `open ai` is OPENAI."""
    return canonical_name(name).replace("_", "")


@lru_cache(maxsize=16)
def reader(providers: tuple[Provider, ...]) -> Callable[[str], Reading | None]:
    """Return a function that reads a setting's name; None is what names no vendor of models.

    Known are the ids and the declared variables of `providers`, and the vendors of `names.yaml`.
    """
    known = _vendors(providers)
    alike = {word.translate(_ALIKE): vendor for word, vendor in known.items()}
    exactly, by_looks, nearest = _pattern(known), _pattern(alike, looks=True), _nearest(alike)

    @lru_cache(maxsize=4096)
    def read(name: str) -> Reading | None:
        word = letters(name) if len(name) <= _LONGEST else ""
        looks = _looks(c for c in name if not c.isascii() and c.isalnum())
        if match := exactly.fullmatch(word):
            return _reading(match, known[match["stem"]], looks)
        if match := by_looks.fullmatch(_unnumbered(word).translate(_ALIKE)):
            return _reading(match, alike[match["stem"]], looks or _looks("l10"))
        return _misspelt(word, nearest, looks)

    return read


def _reading(match: re.Match[str], vendor: _Vendor, looks: list[str]) -> Reading | None:
    """Return what a name says that is a vendor's, with something before it or after it."""
    front, ending, place = match["front"], match["ending"] or "", match["place"]
    if not vendor.ids or (vendor.cloud and "APIKEY" not in ending):
        return None
    differs = [*_other_name(vendor), *looks, *_in_front(front)]
    differs += ["a base URL or model is expected there"] if place else _at_the_end(ending)
    if match["number"]:
        differs.append("numbered")
    bare = vendor.registered and not (front or place or match["number"])
    differs = differs or ["other capitals, spaces or separators"]
    return Reading(vendor.ids, tuple(differs), certain=bool(ending) or bare)


def _misspelt(
    word: str, nearest: Callable[[str], tuple[int, list[_Vendor]]], looks: list[str]
) -> Reading | None:
    """Return what a name says that ends like a key's, and is nearly a vendor's."""
    ended, started = (pattern.search(word) for pattern in _around())
    if ended is None:
        return None
    stem, front = word[: ended.start()], started[0] if started else ""
    # MYSTRAL is not a STRAL of mine, MINMAX_2_5 has its number, OPENA_1 has not.
    fronts = {stem: "", stem.removeprefix(front): front}
    tries = {form(rest): before for form in (str, _unnumbered) for rest, before in fronts.items()}
    tried = [(*nearest(rest.translate(_ALIKE)), before) for rest, before in tries.items()]
    slips, near, front = min((t for t in tried if t[1]), default=(0, [], ""), key=itemgetter(0))
    vendors = {vendor.ids[:1] or vendor.name: vendor for vendor in near}
    if len(vendors) > 1:
        unclear = f"nearly {' and '.join(map(str, vendors.values()))}: which was meant is not known"
        names = tuple(vendor.name for vendor in vendors.values())
        return Reading((), (unclear,), slips=slips, neighbours=names)
    for vendor in vendors.values():
        if vendor.ids and (not vendor.cloud or "APIKEY" in ended[0]):
            off = f"{'one letter' if slips == 1 else f'{slips} letters'} off {vendor.name}"
            differs = [off, *_other_name(vendor), *looks, *_in_front(front)]
            return Reading(vendor.ids, (*differs, *_at_the_end(ended[0])), slips=slips)
    return None


def _looks(found: Iterable[str]) -> list[str]:
    shown = [c if c.isascii() else f"U+{ord(c):04X}" for c in dict.fromkeys(found)]
    return [f"look-alike letters ({', '.join(shown)})"] if shown else []


def _other_name(vendor: _Vendor) -> list[str]:
    if vendor.source is None:
        return []
    owner = " or ".join(vendor.ids)
    return [f"a vendor's other name: {vendor.name} is {owner}'s ({vendor.source})"]


def _in_front(front: str) -> list[str]:
    names = {k.translate(fold): name for fold in ({}, _ALIKE) for k, name in _fronts().items()}
    return [f"{names[word]} before it" for word in re.findall(_any_of(names), front)]


def _at_the_end(ending: str) -> list[str]:
    if not ending:
        return ["no _API_KEY at its end"]
    words = "_".join(
        "_".join(filter(None, (kind, word))) + plural
        for kind, word, plural in _KEY_IN_WORDS.findall(ending)
    )
    differs = {"API_KEY": [], "API_KEYS": ["plural"]}.get(words, [f"_{words} for _API_KEY"])
    if re.search(r"\d", ending):
        differs.append("numbered")
    if stage := re.sub(r"\d", "", _KEY_IN_WORDS.sub("", ending)):
        differs.append(f"{stage} after it")
    return differs


def _vendors(providers: Iterable[Provider]) -> dict[str, _Vendor]:
    """Return by letters whom each known name stands for; what the registry says comes first."""
    data = _data()
    known = {
        letters(name): _Vendor(name, ()) for group in data["others"] for name in group["names"]
    }
    for group in data["vendors"]:
        ids, source = tuple(group["ids"]), group["source"]
        for name in group["names"]:
            known[letters(name)] = _Vendor(name, ids, source, cloud=name in data["clouds"])
        for name in ids:
            known[letters(name)] = _Vendor(name, (name,), cloud=name in data["clouds"])
    for provider in providers:
        if provider.api_key_env_var and (name := key_stem(provider.api_key_env_var).lower()):
            also = known[letters(name)].ids if letters(name) in known else ()
            ids = tuple(dict.fromkeys((name, *also)))
            known[letters(name)] = _Vendor(name, ids, registered=True)
    own = {letters(p.id): _Vendor(p.id, (p.id,), registered=True) for p in providers}
    return {word: vendor for word, vendor in (known | own).items() if word}


def _pattern(words: Iterable[str], *, looks: bool = False) -> re.Pattern[str]:
    """Return the pattern of a vendor's name with what may stand before it and after it.

    With `looks` it is the pattern of a name whose letters are folded, so that it has no numbers.
    """
    places = _any_of(map(letters, _data()["places"]))
    front, stages = _any_of(_fronts()), _any_of(map(letters, _data()["stages"]))
    digits, number = (r"(?:\d{1,2})?", r"(?:V?\d{1,2}){0,2}")
    ending = f"{_KEY}(?:{stages})?"
    if looks:
        front, places, ending = (part.translate(_ALIKE) for part in (front, places, ending))
        digits = number = ""
    return re.compile(
        rf"(?P<front>(?:{front})*?)(?P<stem>{_any_of(words)})(?P<number>{number})"
        rf"(?:(?P<ending>(?:{ending}{digits}){{1,3}})|(?P<place>{places})|)"
    )


@cache
def _around() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return the patterns of the end of a key's name, and of what may stand before a name."""
    stages = _any_of(map(letters, _data()["stages"]))
    ending = re.compile(rf"(?:{_KEY}(?:{stages})?(?:\d{{1,2}})?){{1,3}}$")
    return ending, re.compile(f"^(?:{_any_of(_fronts())})+")


def _unnumbered(word: str) -> str:
    return re.sub(r"\d{1,2}$", "", word)


def _any_of(words: Iterable[str]) -> str:
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))


# Misspelt names. A slip is a letter too many, too few, another one, or two that are swapped.


def _nearest(known: Mapping[str, _Vendor]) -> Callable[[str], tuple[int, list[_Vendor]]]:
    """Return a function that finds the vendors whose names a word is nearest to, by how many slips.

    Where one of several is registered, those that are not are not rivals of it. Words that are one
    slip apart are the same with at most a letter left out of each, which is looked up: a million
    names take no million comparisons with every vendor's.
    """
    names = {name: vendor for name, vendor in known.items() if vendor.ids}
    registered = {i for vendor in names.values() if vendor.registered for i in vendor.ids}

    by_form = defaultdict(set)
    for name in names:
        for form in _shortened(name):
            by_form[form].add(name)

    def nearest(word: str) -> tuple[int, list[_Vendor]]:
        near = {name for form in _shortened(word) for name in by_form.get(form, ())}
        near |= {name for name in names if _may_be_two_slips(word, name)}
        slips = {name: n for name in sorted(near) if (n := _slips(word, name))}
        least = min(slips.values(), default=0)
        found = [names[name] for name, n in slips.items() if n == least]
        return least, [v for v in found if registered & {*v.ids}] or found

    return nearest


def _may_be_two_slips(word: str, name: str) -> bool:
    """Return whether a long name may have two slips, neither of them in its first letter."""
    return len(name) >= 9 and word[:1] == name[0] and abs(len(word) - len(name)) <= 2


def _slips(word: str, name: str) -> int:
    """Return by how many slips a word misspells a name, 0 if it does not.

    A short name is soon another one, or a word: of four letters none may be missing.
    """
    slips = _distance(word, name)
    if len(name) < 4 or (len(name) == 4 and Counter(name) - Counter(word)):
        return 0
    return slips if slips == 1 or (slips == 2 and _may_be_two_slips(word, name)) else 0


def _distance(one: str, other: str) -> int:
    """Return the optimal string alignment distance (Damerau-Levenshtein, each part edited once)."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        last, before, row = before, row, [i]
        for j, wanted in enumerate(other, 1):
            least = min(before[j] + 1, row[-1] + 1, before[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                least = min(least, last[j - 2] + 1)
            row.append(least)
    return row[-1]


def _shortened(word: str) -> set[str]:
    return {word, *(word[:n] + word[n + 1 :] for n in range(len(word)))}


# The data, read once where a name is one that nobody looks up as it is.


@cache
def _data() -> dict[str, Any]:
    data: dict[str, Any] = read_shipped_yaml(EDITIONS / "names.yaml")
    return data


@cache
def _fronts() -> dict[str, str]:
    data = _data()
    written = [*data["stages"], *(name for group in data["in_front"] for name in group["names"])]
    return {letters(name): name for name in written}


@cache
def _foreign_letters() -> dict[int, str]:
    looks: dict[str, str] = _data()["look_alikes"]
    return str.maketrans({look: letter for letter, alike in looks.items() for look in alike})
