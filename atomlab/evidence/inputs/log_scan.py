"""The reading of one file of a worker's log: its lines that mean something, and what it covers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import pairwise

from atomlab.errors import InputError
from atomlab.evidence.inputs.keywords import Seeker
from atomlab.evidence.inputs.log_coverage import FileCoverage, LogLine
from atomlab.evidence.inputs.log_files import LogFile
from atomlab.evidence.inputs.log_records import LogRecord, RecordReader, begins
from atomlab.evidence.inputs.log_shapes import LEVELS, Shapes
from atomlab.evidence.inputs.log_silences import Silences, Span
from atomlab.evidence.inputs.log_times import Zone, latest_of

# Several processes write to one file: their times may go back by this much.
MOST_BACK = timedelta(seconds=60)
_EDGE = 50  # records at either end of a file that tell its pace there
_TAIL = 1 << 15  # bytes in which the last of them are
_LOST = "it holds bytes of zeros in place of lines"
MOST_WORKERS = 10_000  # whose first lines are remembered
OLDEST = datetime.min.replace(tzinfo=UTC)
_LEVEL_NAMES = r"(?:level|levelname|level_name|log\.level|severity|severity_?[tT]ext)"
# Where a format has a level, not where a message speaks of one.
_LEVEL_AT = {
    level: re.compile(
        rf"\d\d:\d\d:\d\d[.,\d]*(?:Z|[+-]\d\d:?\d\d)?"
        rf"(?: - \S+ - {level} - |: {level}/|\]? +\[?(?:\x1b\[[\d;]*m)*{level}\b)"
        rf"|^{level}:|{_LEVEL_NAMES}\\?\" ?: ?\\?\"(?i:{level})\\?\"".encode(),
        re.MULTILINE,
    )
    for level in LEVELS
}


class LogScan:
    """The reading of one file."""

    def __init__(
        self, file: LogFile, zone: Zone, shapes: Shapes, seeker: Seeker, timeless: bool
    ) -> None:
        self.file, self.read, self.naive = file, 0, False
        self._shapes, self._seeker, self._timeless = shapes, seeker, timeless
        self._reader, reader = RecordReader(zone, shapes.names), RecordReader(zone, shapes.names)
        self._zone, self._probe = zone, RecordReader(zone, {}, in_order=False)
        self._silences = Silences(self._times)
        self._lines, self._tail = 0, b""
        self._restarts: list[LogLine] = []
        self._stops: list[LogLine] = []
        self._workers: dict[str, datetime] = {}
        self._cut = ["its begin was cut off while it was written"] if file.cut else []
        whole = file.head if file.whole else file.head.rpartition(b"\n")[0] or file.head
        records = [*self._sampled(whole, reader)]
        if not records and not seeker.places(file.head):
            raise InputError(
                "is no worker's log: no line begins with a time, a level or {",
                where=file.name,
                todo="give what the worker writes",
            )
        for number, record in records:
            self._check_zone(record, number)
        self._levels = {record.level for _, record in records if record.level}
        times = [record.at for _, record in records if record.at]
        self.first = min(times, default=None)
        self._latest, self._silence = self.first, _silence(times[:_EDGE])
        if not file.whole and not begins(file.head.split(b"\n", 1)[0]):
            self._cut.append("it begins inside a record")
        file.forget()

    def _sampled(self, text: bytes, reader: RecordReader) -> Iterator[tuple[int, LogRecord]]:
        """Yield the records that begin in a text, each from its first line, with its number."""
        if self.file.whole:
            yield from ((1, record) for record in reader.records(text) if record.at)
            return
        for number, line in enumerate(text.split(b"\n"), 1):
            if begins(line):
                for record in reader.records(line):
                    yield number, record

    def _check_zone(self, record: LogRecord, number: int) -> None:
        self.naive |= bool(record.naive)
        if record.naive and not self._timeless:
            raise InputError(
                f"line {number:,} has a time without a zone",
                where=self.file.name,
                todo="give that of the worker's host: --log-zone Europe/Berlin, or +02:00",
            )

    def lines(self, report: Callable[[int], None]) -> Iterator[tuple[datetime, LogLine]]:
        """Yield the file's lines that mean something, each with the time that is its place."""

        def read(done: int) -> None:
            self.read = done
            report(done)

        text = b""
        for number, text, end in self.file.blocks(read):
            self._see_levels(text)
            self._silences.see(text, end)
            if b"\0" in text and _LOST not in self._cut:
                self._cut.append(_LOST)
            yield from self._lines_of(text, number, end)
            self._lines = number - 1
            self._tail = (self._tail + text[max(0, end - _TAIL) : end])[-_TAIL:]
        self._lines += text.count(b"\n")
        if text and not text.endswith(b"\n"):
            self._lines += 1
            self._cut.append("its last line has no end")

    def _lines_of(self, text: bytes, number: int, end: int) -> Iterator[tuple[datetime, LogLine]]:
        """Yield those of a block's records, of which the last ends there."""
        done = counted = 0
        for place in self._seeker.places(text):
            if place < done:
                continue
            if place >= end:
                return
            start, done = (0, len(text)) if self.file.whole else _bounds(text, place, done)
            number += text.count(b"\n", counted, start)
            counted, raw = start, text[start:done].rstrip(b"\n")
            digest = ""
            for record in self._reader.records(raw):
                if (found := self._shapes.match(record.level, record.message, record.last)) is None:
                    continue
                digest = digest or sha256(raw).hexdigest()
                self._check_zone(record, number)
                self._see(record, number)
                event, fields = found
                if record.named:
                    fields = {**self._shapes.harmless(record.named), **fields}
                line = LogLine(
                    self.file.name, number, digest, record.at, record.level, event, fields,
                    raw.count(b"\n") + 1,
                )  # fmt: skip
                self._see_worker(line)
                yield record.at or self._latest or OLDEST, line

    def _see(self, record: LogRecord, number: int) -> None:
        """Take note of a record's level and time; raise InputError if times go back."""
        if record.level:
            self._levels.add(record.level)
        if record.at is None:
            return
        if self._latest is None or record.at > self._latest:
            self._latest = record.at
        elif self._latest - record.at > MOST_BACK:
            back = timedelta(seconds=round((self._latest - record.at).total_seconds()))
            raise InputError(
                f"the times go back by {back} at line {number:,}",
                where=self.file.name,
                todo="give the rotated files one by one rather than joined, or sort it by time",
            )

    def _see_worker(self, line: LogLine) -> None:
        """Take note of which worker a line is of, and of its starts and stops."""
        if line.event in ("start", "stop"):
            (self._restarts if line.event == "start" else self._stops).append(line)
        if line.at and (worker := line.fields.get("worker")) and len(self._workers) < MOST_WORKERS:
            self._workers.setdefault(worker, line.at)

    def _times(self, text: bytes, at: int) -> Span | None:
        """Return the first and the last time of the record that begins at a place, if one does."""
        if not begins(text, at):
            return None
        end = text.find(b"\n", at)
        records = self._probe.records(text[at : end if end >= 0 else None])
        times = [record.at for record in records if record.at]
        return (min(times), latest_of(max(times), self._zone)) if times else None

    def _see_levels(self, text: bytes) -> None:
        """Take note of the levels below the lowest so far that lines of a block have."""
        for level in LEVELS:
            if level in self._levels:
                return
            in_json = b"{" in text[:4] and b'"%s' % level.lower().encode() in text
            if (level.encode() in text or in_json) and _LEVEL_AT[level].search(text):
                self._levels.add(level)

    def coverage(self) -> FileCoverage:
        """Return what the file covers, once it was read."""
        tail = self._tail if self.file.whole else self._tail.partition(b"\n")[2] or self._tail
        times = [record.at for _, record in self._sampled(tail, self._reader) if record.at]
        last = max([*times, *filter(None, [self._latest])], default=None)
        return FileCoverage(
            file=self.file.name,
            first=self.first,
            last=last,
            lowest_level=min(self._levels, key=LEVELS.index, default=None),
            lines=self._lines,
            restarts=tuple(self._restarts),
            stops=tuple(self._stops),
            workers=self._workers,
            silences=self._silences.longest,
            cut=tuple(self._cut),
            silence_at_begin=self._silence,
            silence_at_end=_silence(times[-_EDGE:]),
        )


def _bounds(text: bytes, place: int, known: int) -> tuple[int, int]:
    """Return where the record around a place begins and ends, the end of its last line included.

    Where `known` is, a record is known to begin.
    """
    start = text.rfind(b"\n", 0, place) + 1
    end = text.find(b"\n", place) + 1 or len(text)
    while start > known and not begins(text, start):
        start = text.rfind(b"\n", 0, start - 1) + 1
    while end < len(text) and not begins(text, end):
        end = text.find(b"\n", end) + 1 or len(text)
    return start, end


def _silence(times: Sequence[datetime]) -> timedelta:
    return max((b - a for a, b in pairwise(times)), default=timedelta())
