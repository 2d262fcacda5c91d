"""Lines of a worker's log that mean something, and what of the time the log covers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from atomlab.evidence.inputs.log_shapes import LEVELS
from atomlab.evidence.inputs.log_silences import SHORTEST_GAP, Span
from atomlab.shown import Several, Shown
from atomlab.text import grouped

# A silence is odd if it is so many times as long as the third longest at other hours. Where lines
# come at any moment alike, one of n silences is in at most 24 / (n + 1)(n + 2) of all logs.
_FAR_LONGER = 3
_DAY = timedelta(days=1)
# What rotation adds to the name of a file.
_ROTATED = re.compile(r"(?:[._-]?\d[\d_:T-]*|\.gz|\.old)+(?=\.log$|\.json$|$)")


@dataclass(frozen=True, slots=True, repr=False)
class LogLine(Shown):
    """One record of a worker's log that means something to us.

    `line` is the number of its first physical line in the text, from 1, and `lines` how many it
    has; `sha256` is of its bytes, without the end of its last line. `at` is in UTC, None where
    the format has no time. `event` is the shape's name, `fields` what it names, each of a harmless
    shape. A failure's `error` is one of the known errors; without it, the error is another one.
    """

    file: str
    line: int
    sha256: str
    at: datetime | None
    level: str | None
    event: str
    fields: Mapping[str, str]
    lines: int = 1


@dataclass(frozen=True, repr=False)
class FileCoverage(Shown):
    """What one file of a log covers: from its first to its last time, None where it has none.

    `lowest_level` is None where no line has a level. `lines` are physical ones; `restarts` those
    at which a worker started, `stops` those at which one stopped, `workers` when each that lines
    name first spoke. `cut` says why it looks incomplete. The silences near its begin and its end
    are the longest there; `silences` are the longest of all, each of more than a minute.
    """

    file: str
    first: datetime | None
    last: datetime | None
    lowest_level: str | None
    lines: int
    restarts: tuple[LogLine, ...]
    cut: tuple[str, ...]
    silence_at_begin: timedelta
    silence_at_end: timedelta
    stops: tuple[LogLine, ...] = ()
    workers: Mapping[str, datetime] = field(default_factory=dict)
    silences: tuple[Span, ...] = ()


@dataclass(frozen=True, repr=False)
class LogCoverage(Shown):
    """What the files of a log cover together, by their first times; those without times last."""

    files: tuple[FileCoverage, ...]

    @property
    def restarts(self) -> tuple[LogLine, ...]:
        """The lines at which a worker started, file by file."""
        return Several(line for file in self.files for line in file.restarts)

    @property
    def lowest_level(self) -> str | None:
        """The level down to which every file shows lines; None if one has no levels."""
        levels = [file.lowest_level for file in self.files]
        if not levels or None in levels:
            return None
        return max((level for level in levels if level), key=LEVELS.index)

    def gaps(self, start: datetime, end: datetime) -> list[Span]:
        """Return the intervals of a window of which lines are missing, in their order.

        That is what no file covers, what lies between two rotated files, what follows a line with
        which a worker stopped until it goes on without a start line, and the time before a worker
        is first named without one. Between a stop and a start nothing is missing. Edges meet where
        the time between them is no longer than the log is silent near them anyway, and always
        within a minute.
        """
        rotated = grouped((_ROTATED.sub("", file.file), file) for file in self.files if file.first)
        found = [*self._apart(self.files, start, end), *self._unannounced(start)]
        for files in rotated.values():
            found += self._apart(files, files[0].first or start, max(map(_last_of, files)))
        found += [s for file in self.files for s in file.silences if _near(s[0], file.stops)]
        return _within(start, end, (gap for gap in found if not self._is_pause(gap)))

    def silences(self, start: datetime, end: datetime) -> list[Span]:
        """Return the silences in a window that are far longer than the log's others, in order.

        One that comes at the same hours of another day, too, is none: a quiet night say. The others
        are the third longest, at hours at which neither of the two longest comes.
        """
        known = sorted((s for file in self.files for s in file.silences), key=_long, reverse=True)
        apart: list[Span] = []
        for silence in known:
            if all(_daily(silence, other)[1] <= timedelta() for other in apart):
                apart.append(silence)
            if len(apart) == 3:
                break
        usual = _long(apart[2]) if len(apart) == 3 else SHORTEST_GAP
        odd = [s for s in known if _long(s) > _FAR_LONGER * usual and not self._is_pause(s)]
        return _within(start, end, (s for s in odd if not _comes_daily(s, known)))

    def _apart(
        self, files: Sequence[FileCoverage], start: datetime, end: datetime
    ) -> Iterable[Span]:
        """Yield the intervals of a window that none of some files covers."""
        reach: datetime | None = None
        pace = SHORTEST_GAP
        for file in files:
            if file.first is None or file.last is None:
                continue
            since, meets = reach or start, max(pace, file.silence_at_begin)
            if reach and _near(reach, self._stops):
                meets = SHORTEST_GAP
            if file.first - since > meets or (reach is None and file.first >= end):
                yield since, file.first
            if reach is None or file.last > reach:
                reach, pace = file.last, max(SHORTEST_GAP, file.silence_at_end)
        if reach is None or reach <= start or end - reach > pace:
            yield reach or start, end

    def _unannounced(self, start: datetime) -> Iterable[Span]:
        """Yield the time up to when a worker is first named after `start` without a start line."""
        first: dict[str, datetime] = {}
        for file in self.files:
            for worker, at in file.workers.items():
                first[worker] = min(at, first.get(worker, at))
        starts = sorted(line.at for line in self.restarts if line.at)
        for at in sorted(first.values()):
            if starts and starts[0] <= at + SHORTEST_GAP:
                del starts[0]
            elif at > start:
                yield start, at

    @property
    def _stops(self) -> list[LogLine]:
        return [line for file in self.files for line in file.stops]

    def _is_pause(self, gap: Span) -> bool:
        """Return whether a worker stopped at its begin and started at its end."""
        return _near(gap[0], self._stops) and _near(gap[1], self.restarts)


def _near(at: datetime, lines: Iterable[LogLine]) -> bool:
    return any(line.at and abs(line.at - at) <= SHORTEST_GAP for line in lines)


def _last_of(file: FileCoverage) -> datetime:
    return file.last or datetime.min.replace(tzinfo=UTC)


def _long(span: Span) -> timedelta:
    return span[1] - span[0]


def _daily(one: Span, other: Span) -> tuple[int, timedelta]:
    """Return how many days later another interval comes, and how much of its hours is shared."""
    days = round((other[0] - one[0]) / _DAY)
    return days, min(other[1] - days * _DAY, one[1]) - max(other[0] - days * _DAY, one[0])


def _comes_daily(silence: Span, known: Iterable[Span]) -> bool:
    """Return whether most of a silence is one on another day, too."""
    shared = (_daily(silence, other) for other in known)
    return any(days and 2 * both > _long(silence) for days, both in shared)


def _within(start: datetime, end: datetime, spans: Iterable[Span]) -> list[Span]:
    """Return what of some intervals lies in a window, those that overlap as one."""
    found: list[Span] = []
    for since, until in sorted((max(a, start), min(b, end)) for a, b in spans):
        if since >= until:
            continue
        if found and since <= found[-1][1]:
            found[-1] = found[-1][0], max(until, found[-1][1])
        else:
            found.append((since, until))
    return found
