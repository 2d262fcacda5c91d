"""Whether a trigger only says the root cause again, in the same words or in others."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher

_SAME = 0.85  # share of words in common from which two sentences are the same


def _stem(word: str) -> str:
    """Return one form for those of a word: looks, looked, looking; name, names, named."""
    return word if "_" in word else re.sub(r"(?<=\w{3})(?:ing|ed|es|e|s)$", "", word)


def _table(words: str) -> frozenset[str]:
    return frozenset(map(_stem, words.split()))


# Words that say nothing, or in other words what a root cause says: that something is not there, or
# stands elsewhere than it should.
_FILLING = _table(
    """a absent actually alias aliases all also an and another any are as at be because been build
    built but by cannot could did different do does doesn due exist existed exists find for found
    from had has hasn have having held hold holds in instead is isn it its just kept lack lacked
    lacking lacks misnamed missing misspelled misspelt never no none not of on one only or other s
    saved set setting settings simply so some stand stands stood stored t that the their there these
    this to under up was wasn were what where which who with without wrong wrongly"""
)
# Whom every root cause is about, whether its sentence names them or not.
_WHOM = _table("platform tenant")
_REFERRING = _table(
    """above below cause causes cf equal equals equivalent identical like refer root same section
    see trigger"""
)
# What root causes are about, beside the settings that they name; a sentence about none of it, such
# as "a moderate request of the tenant", only shares words with one.
_ABOUT = _table(
    "alias api cache client filter key model name plan price provider quality registry row"
)
_REPAIR = ["its", "repair"]  # how a draft begins to say what part a cause plays
_FEW = 3  # words: a sentence with fewer says the root cause again only if the others do, too


def repeats(trigger: str, roots: Iterable[str]) -> bool:
    """Return whether the text of a trigger says what one of the root cause's texts says."""
    roots = list(roots)
    sentences = _sentences(trigger)
    again = [said for said in sentences if _again(said, roots)]
    telling = [said for said in again if len(_content(said)) >= _FEW]
    return bool(telling or (again and len(again) == len(sentences)))


def _again(said: list[str], roots: list[str]) -> bool:
    content = _content(said)
    if not content - _REFERRING:
        return bool(content & _REFERRING)
    if any(content & (_ABOUT | names) and content <= told for names, told in _vocabularies(roots)):
        return True
    sentences = (part for root in roots for part in _sentences(root))
    return len(said) > 2 and any(_alike(said, part) for part in sentences if len(part) > 2)


def _vocabularies(roots: list[str]) -> Iterator[tuple[set[str], set[str]]]:
    """Yield the settings and the words of each text, and of those together that name a setting."""
    naming = [root for root in roots if _settings(root)]
    for text in (*roots, " ".join(naming)):
        names = _settings(text)
        parts = {part for name in names for part in name.split("_")}
        # What its repair does is not what happened: a tenant may have removed its key.
        said = [word for each in _sentences(text) if each[:2] != _REPAIR for word in each]
        yield names, _content(said) | parts | _WHOM | _REFERRING


def _sentences(text: str) -> list[list[str]]:
    return list(filter(None, map(_words, re.split(r"[.:;!?]+(?:\s+|$)", text))))


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def _content(words: Iterable[str]) -> set[str]:
    return set(map(_stem, words)) - _FILLING


def _settings(text: str) -> set[str]:
    return {name.casefold() for name in re.findall(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b", text)}


def _alike(one: list[str], other: list[str]) -> bool:
    return SequenceMatcher(None, one, other, autojunk=False).ratio() >= _SAME
