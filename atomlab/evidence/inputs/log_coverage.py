"""Lines of a worker's log that mean something, and what of the time the log covers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from atomlab.evidence.inputs.log_shapes import LEVELS

SHORTEST_GAP = timedelta(seconds=60)  # a silence that is no gap, whatever the log's pace


@dataclass(frozen=True, slots=True)
class LogLine:
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


@dataclass(frozen=True)
class FileCoverage:
    """What one file of a log covers: from its first to its last time, None where it has none.

    `lowest_level` is None where no line has a level. `lines` are physical ones; `restarts` those
    at which a worker started. `cut` says why it looks incomplete. The silences are the longest
    between two records near its begin and near its end.
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


@dataclass(frozen=True)
class LogCoverage:
    """What the files of a log cover together, by their first times; those without times last."""

    files: tuple[FileCoverage, ...]

    @property
    def restarts(self) -> tuple[LogLine, ...]:
        """The lines at which a worker started, file by file."""
        return tuple(line for file in self.files for line in file.restarts)

    @property
    def lowest_level(self) -> str | None:
        """The level down to which every file shows lines; None if one has no levels."""
        levels = [file.lowest_level for file in self.files]
        if not levels or None in levels:
            return None
        return max((level for level in levels if level), key=LEVELS.index)

    def gaps(self, start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
        """Return the intervals of a window that no file covers, in their order.

        Edges meet where the time between them is no longer than the log is silent near them
        anyway, and always within a minute.
        """
        found: list[tuple[datetime, datetime]] = []
        reach: datetime | None = None
        pace = SHORTEST_GAP
        for file in self.files:
            if file.first is None or file.last is None:
                continue
            since, meets = reach or start, max(pace, file.silence_at_begin)
            outside = reach is None and file.first >= end
            if file.first - since > meets or outside:
                found.append((max(since, start), min(file.first, end)))
            if reach is None or file.last > reach:
                reach, pace = file.last, max(SHORTEST_GAP, file.silence_at_end)
        if reach is None or reach <= start or end - reach > pace:
            found.append((max(reach or start, start), end))
        return [(begin, until) for begin, until in found if begin < until]
