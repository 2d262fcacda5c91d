"""A worker's log as evidence: the lines that mean something, merged by time, and what it covers.

Files are streamed: of each only a block is in memory, and of files that do not overlap one. Most
lines mean nothing here, so that whole blocks are first searched for the keywords of all shapes.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, tzinfo
from pathlib import Path

from atomlab.errors import InputError
from atomlab.evidence.inputs.keywords import Seeker
from atomlab.evidence.inputs.log_coverage import FileCoverage as FileCoverage
from atomlab.evidence.inputs.log_coverage import LogCoverage as LogCoverage
from atomlab.evidence.inputs.log_coverage import LogLine as LogLine
from atomlab.evidence.inputs.log_files import STDIN, LogFile, check_once
from atomlab.evidence.inputs.log_scan import OLDEST, LogScan
from atomlab.evidence.inputs.log_shapes import Shapes, load_shapes
from atomlab.evidence.inputs.log_times import parse_zone
from atomlab.shown import Several, Shown

OnProgress = Callable[[int, int], None]  # bytes that were read, and of how many


class WorkerLog(Shown, Iterator[LogLine]):
    """The lines of a worker's log that mean something, by time, and the log's coverage.

    Raises InputError, one line, when it is made if a file is no log, and while it is read if one
    is damaged, or its times go back by more than a minute.
    """

    def __init__(
        self,
        paths: Sequence[str | Path | bytes],
        zone: str | tzinfo | None = None,
        shapes: Shapes | str | Path | None = None,
        progress: OnProgress | None = None,
        *,
        timeless: bool = False,
    ) -> None:
        if not paths:
            raise InputError("no log was given", todo="name its files")
        self.shapes = shapes if isinstance(shapes, Shapes) else load_shapes(shapes)
        self._seeker = Seeker(self.shapes.keywords)
        if [str(path) for path in paths].count(STDIN) > 1:
            raise InputError("stdin was given twice", todo="give it once")
        parsed = parse_zone(zone)
        self._files = [
            LogScan(LogFile(path), parsed, self.shapes, self._seeker, timeless) for path in paths
        ]
        check_once([scan.file for scan in self._files if scan.first])  # starts look alike
        self._files.sort(key=lambda scan: scan.first or OLDEST)
        self._progress = progress
        self._lines = self._merged()

    def _facts(self) -> Mapping[str, object]:
        return {"files": Several(scan.file.name for scan in self._files)}

    def __next__(self) -> LogLine:
        """Return the next line by time; one without a time keeps its place in its file."""
        return next(self._lines)

    def lines(self) -> Iterator[LogLine]:
        """Return the lines that were not read yet."""
        return self

    @property
    def coverage(self) -> LogCoverage:
        """What the log covers; lines that were not read yet are read for it, and lost."""
        for _ in self:
            pass
        known = sorted(self._files, key=lambda scan: (scan.first is None, scan.first or OLDEST))
        return LogCoverage(Several(scan.coverage() for scan in known))

    @property
    def lacks_zone(self) -> bool:
        """Whether a time that was read names no zone, and none was given."""
        return any(scan.naive for scan in self._files)

    def _merged(self) -> Iterator[LogLine]:
        """Yield the lines of all files by time; a file is opened when its first time has come."""
        total, waiting = sum(scan.file.size for scan in self._files), self._files[::-1]
        active: list[tuple[datetime, int, LogLine, Iterator[tuple[datetime, LogLine]]]] = []

        def report(_: int) -> None:
            if self._progress:
                self._progress(sum(scan.read for scan in self._files), total)

        while active or waiting:
            if waiting and (not active or (waiting[-1].first or OLDEST) <= active[0][0]):
                scan = waiting.pop()
                lines, place = scan.lines(report), -len(waiting)
            else:
                _, place, line, lines = heapq.heappop(active)
                yield line
                if not active and not waiting:
                    for _, line in lines:
                        yield line
                    return
            if (following := next(lines, None)) is not None:
                heapq.heappush(active, (following[0], place, following[1], lines))


def read_log(
    paths: Sequence[str | Path | bytes],
    zone: str | tzinfo | None = None,
    shapes: Shapes | str | Path | None = None,
    progress: OnProgress | None = None,
    *,
    timeless: bool = False,
) -> WorkerLog:
    """Return the lines of a log that mean something, by time: an iterator with a `coverage`.

    `paths` are its files, plain or gzipped, in any order, `-` for stdin, bytes for text itself.
    `zone` is that of plain times, an IANA name or an offset: without it InputError is raised where
    one is needed, or with `timeless` such lines have no time. `shapes` is a site's own file of
    shapes. `progress` is given the bytes that were read, and of how many. Raises InputError.
    """
    return WorkerLog(paths, zone, shapes, progress, timeless=timeless)
