"""The longest silences of a log's file, found without reading the time of each line.

Times hardly go back, so a silence lies only where two lines far from each other in time are near
each other in the file: between two lines that are close in time none is looked for.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import datetime, timedelta

SHORTEST_GAP = timedelta(seconds=60)  # a silence that is no gap, whatever the log's pace
_KEPT = 200  # silences of a file, the longest

Span = tuple[datetime, datetime]  # from the first to the last time of a record, or of a silence
Timed = Callable[[bytes, int], Span | None]  # the times of the record that begins at a place


class Silences:
    """Finds the longest silences of a file from its blocks, in their order.

    `timed` returns the times of the record that begins at a place in a text, if one does.
    """

    def __init__(self, timed: Timed) -> None:
        self._timed = timed
        self._last: datetime | None = None
        self._longest: list[tuple[timedelta, Span]] = []

    @property
    def longest(self) -> tuple[Span, ...]:
        """From when to when they last, in the order of time."""
        return tuple(sorted(span for _, span in self._longest))

    def see(self, text: bytes, end: int) -> None:
        """Take note of the silences before the records that begin in a text, up to a place."""
        first, last = self._found(text, 0, end), self._found_last(text, end)
        if first is None or last is None:
            return
        if self._last is not None:
            self._keep(self._last, first[1][0])
        between = [(*first, *last)]
        while between:
            here, began, there, ended = between.pop()
            if ended[0] - began[1] <= self._shortest:
                continue
            middle = (here + there) // 2
            found = self._found(text, middle, there) or self._found(text, here + 1, middle)
            if found is None:
                self._keep(began[1], ended[0])
            else:
                between += [(*found, there, ended), (here, began, *found)]
        self._last = max(self._last or last[1][1], last[1][1])

    @property
    def _shortest(self) -> timedelta:
        """How long a silence must be at least to be of use."""
        return self._longest[0][0] if len(self._longest) == _KEPT else SHORTEST_GAP

    def _keep(self, since: datetime, until: datetime) -> None:
        if until - since > self._shortest:
            heapq.heappush(self._longest, (until - since, (since, until)))
            if len(self._longest) > _KEPT:
                heapq.heappop(self._longest)

    def _found(self, text: bytes, start: int, end: int) -> tuple[int, Span] | None:
        """Return the first record with a time that begins between two places, and its times."""
        at = text.find(b"\n", start - 1, end) + 1 if start else 0
        while at < end and (at or not start):
            if (times := self._timed(text, at)) is not None:
                return at, times
            at = text.find(b"\n", at, end) + 1 or end
        return None

    def _found_last(self, text: bytes, end: int) -> tuple[int, Span] | None:
        """Return the last such record that begins before a place."""
        at = end
        while at > 0:
            at = text.rfind(b"\n", 0, at - 1) + 1
            if (times := self._timed(text, at)) is not None:
                return at, times
        return None
