"""Keywords: where any of many texts stands in a block of bytes, found in one look at it.

A keyword of some length holds, at whatever place it stands, one of four of its words of eight bytes
where the block has a word, too. So all words of a block, at every fourth byte, are looked up in
one table, however many keywords there are; only what the table knows is compared.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

_WORD, _STEP = 8, 4
_LONG = _WORD + _STEP - 1  # bytes of a keyword that is found so; shorter ones are searched for
_FACTOR, _SHIFT = np.uint64(0x9E3779B97F4A7C15), np.uint64(48)


class Seeker:
    """Finds keywords in blocks of bytes."""

    def __init__(self, keywords: Iterable[str]) -> None:
        self._words: dict[bytes, list[tuple[bytes, int]]] = {}
        self._short: list[bytes] = []
        for keyword in (text.encode() for text in keywords):
            if len(keyword) < _LONG:
                self._short.append(keyword)
                continue
            for before in range(_STEP):
                word = keyword[before : before + _WORD]
                self._words.setdefault(word, []).append((keyword, before))
        self._known = np.zeros(1 << 16, bool)
        if self._words:
            self._known[_hashed(np.frombuffer(b"".join(self._words), "<u8"))] = True

    def places(self, block: bytes) -> list[int]:
        """Return where a keyword begins in a block, in order."""
        found = set()
        for offset in (0, _STEP):
            number = (len(block) - offset) // _WORD
            if number < 1:
                continue
            words = np.frombuffer(block, "<u8", number, offset)
            known = self._known.take(_hashed(words), mode="clip")  # nothing is clipped: faster
            for place in np.flatnonzero(known).tolist():
                at = place * _WORD + offset
                for keyword, before in self._words.get(block[at : at + _WORD], ()):
                    if at >= before and block.startswith(keyword, at - before):
                        found.add(at - before)
        for keyword in self._short:
            at = block.find(keyword)
            while at >= 0:
                found.add(at)
                at = block.find(keyword, at + 1)
        return sorted(found)


def _hashed(
    words: np.ndarray[tuple[int, ...], np.dtype[np.uint64]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    hashed: np.ndarray[tuple[int, ...], np.dtype[np.int64]]
    hashed = ((words * _FACTOR) >> _SHIFT).view(np.int64)
    return hashed
