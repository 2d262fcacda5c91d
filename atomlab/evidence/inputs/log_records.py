"""Records of a worker's log: what a line says, in whichever of the formats it is written.

Each line is recognized by itself, so a file may mix formats. Known are the platform's two plain
formats and `LEVEL:logger:message`, JSON lines, structlog's and OTLP's among them, and the wrapping
of Docker and of Kubernetes (CRI). Sources: docs/platform.md; OpenTelemetry's logs data model.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any

from atomlab.errors import InputError
from atomlab.evidence.inputs.log_shapes import LEVELS

_LONGEST = 8192  # characters of a message, or of an exception's last line, that are looked at
_WORDS = "DEBUG|INFO|WARNING|WARN|ERROR|CRITICAL|FATAL|TRACE"
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_TIME = (
    r"(?P<time>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?)"
    r"(?: ?(?P<zone>Z|UTC|[+-]\d\d:?\d\d))?"
)
_DASHED = re.compile(r"(\d{4}-\d\d-\d\d[T ][\d:]{8}(?:[.,]\d+)?) - \S+ - ([A-Za-z]+) - (.*)")
_PLAIN = re.compile(
    rf"\[?{_TIME}\]?(?: \[(?P<boxed>{_WORDS}) *\] (?:\[(?P<first>[^\]]{{0,100}})\] ?(?=\[))?"
    rf"(?:\[(?P<logger>(?-i:[a-z_])[\w.]*)\] )?"
    rf"|[ |,:-]*\[?(?P<level>{_WORDS})\]?[ |:-]+(?:\[?(?P<named>[a-z_][\w.]*\.[\w.]+)\]?:? )?"
    rf"| ?)(?P<message>.*)",
    re.IGNORECASE,
)
_BASIC = re.compile(rf"(?P<level>{_WORDS}):(?:[\w.]+:)? *(?P<message>.*)")
_CRI = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S*) std(?:out|err) [FP] (.*)", re.DOTALL)
_DOCKER = b'{"log":'
_BEGINS = re.compile(
    rb"(?:\x1b\[[\d;]*m)*(?:\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:|\{\"|(?:%s):)" % _WORDS.encode()
)
_LEVEL_NAMES = {
    **{level: level for level in LEVELS},
    "WARN": "WARNING",
    "FATAL": "CRITICAL",
    "TRACE": "DEBUG",
    "ERR": "ERROR",
}
_LEVEL_NUMBERS = (10, 20, 30, 40, 50)
# What JSON lines call what we look for; the first that is there counts.
_MESSAGE = ("message", "event", "msg", "body", "text")
_AT = ("timestamp", "@timestamp", "time", "ts", "asctime", "created")
_LEVEL = ("level", "levelname", "severity", "log.level", "level_name")
_TRACE = ("exc_info", "exception", "traceback", "stack_trace", "stack", "exc_text", "error")
_NESTED = ("extra", "fields", "context", "attributes", "extra_fields")
_OTLP_TRACE = ("exception.stacktrace", "exception.message")

Zone = tzinfo | None


@dataclass(slots=True)
class LogRecord:
    """What one record of a log says; `naive` is its time where no zone is known."""

    at: datetime | None
    level: str | None
    message: str
    last: str = ""
    named: dict[str, str] = field(default_factory=dict)
    naive: bool = False


def begins(text: bytes, at: int = 0) -> bool:
    """Return whether a line that begins there begins a record; others belong to the one before."""
    if not _BEGINS.match(text, at):
        return False
    if not _is_wrapped(text, at):
        return True
    end = text.find(b"\n", at)
    line = unwrapped(text[at : end if end >= 0 else None])[1]
    return _BEGINS.match(line) is not None


def _is_wrapped(text: bytes, at: int = 0) -> bool:
    return text.startswith(_DOCKER, at) or text.find(b" std", at + 19, at + 48) > 0


def unwrapped(line: bytes) -> tuple[str | None, bytes]:
    """Return the time that Docker or Kubernetes gave a line, None if none did, and what it held."""
    if line.startswith(_DOCKER):
        with suppress(ValueError, RecursionError):
            outer = json.loads(line)
            if isinstance(text := outer.get("log"), str):
                at = outer.get("time")
                inner = text.rstrip("\r\n").encode("utf-8", "replace")
                return (at if isinstance(at, str) else None), inner
    elif match := _CRI.match(line):
        return match[1].decode(), match[2]
    return None, line


def parse_zone(zone: str | tzinfo | None) -> Zone:
    """Return the zone of an IANA name or an offset, +02:00 say; raise InputError."""
    if zone is None or isinstance(zone, tzinfo):
        return zone
    if zone.upper() in ("Z", "UTC"):
        return UTC
    if match := re.fullmatch(r"(?:UTC)?([+-])(\d\d):?(\d\d)", zone):
        minutes = int(match[2]) * 60 + int(match[3])
        if minutes < 24 * 60:
            return timezone(timedelta(minutes=minutes if match[1] == "+" else -minutes))
    else:
        from zoneinfo import ZoneInfo

        with suppress(KeyError, ValueError, OSError):
            return ZoneInfo(zone)
    raise InputError(
        "is no time zone", where=zone, todo="give a name or an offset, Europe/Berlin or +02:00 say"
    )


class RecordReader:
    """Reads the records of one file, whose plain lines are in `zone`."""

    def __init__(self, zone: Zone, names: Mapping[str, str]) -> None:
        self._zone, self._names = zone, names
        self._offsets: dict[str, tuple[timedelta, timedelta]] = {}
        self._before: datetime | None = None

    def records(self, raw: bytes) -> list[LogRecord]:
        """Return what a record's bytes say: one record, or those of a line of OTLP."""
        wrapped, line = None, raw
        if _is_wrapped(raw):
            parts = [unwrapped(each) for each in raw.split(b"\n")]
            wrapped, line = parts[0][0], b"\n".join(part for _, part in parts)
        if line.startswith(b"{"):
            return [*self._of_json(line, wrapped)]
        return [self._of_text(line, wrapped)]

    def _of_text(self, line: bytes, wrapped: str | None) -> LogRecord:
        text = line.decode("utf-8", "replace")
        if "\x1b" in text:
            text = _ANSI.sub("", text)
        first, _, rest = text.partition("\n")
        last = _last_line(rest) if rest else ""
        if match := _DASHED.match(first):
            time, level, message = match.groups()
            at, naive = self._at(time, None, wrapped)
            return LogRecord(at, _level(level), message.rstrip("\r")[:_LONGEST], last, {}, naive)
        first = first.rstrip("\r")
        if match := _PLAIN.match(first):
            at, naive = self._at(match["time"], match["zone"], wrapped)
            named = {"request": match["first"]} if match["first"] and match["logger"] else {}
            level = _level(match["boxed"] or match["level"])
            return LogRecord(at, level, match["message"][:_LONGEST], last, named, naive)
        at, naive = self._at(None, None, wrapped)
        if match := _BASIC.match(first):
            return LogRecord(at, _level(match["level"]), match["message"][:_LONGEST], last)
        return LogRecord(at, None, first.strip()[:_LONGEST], last)

    def _at(
        self, text: str | None, zone: str | None, wrapped: str | None
    ) -> tuple[datetime | None, bool]:
        """Return a time in UTC, and whether it has no known zone; a wrapper's time has one."""
        if wrapped and not zone:
            return in_utc(wrapped), False
        if text is None:
            return None, False
        if zone:
            return in_utc(f"{text}{'Z' if zone == 'UTC' else zone}"), False
        try:
            at = datetime.fromisoformat(f"{text}+00:00")
        except ValueError:
            return None, False
        if self._zone is None:
            return None, True
        first, second = self._offset(text[:15], at)
        found = at - first
        if first != second and self._before and found < self._before - timedelta(minutes=15):
            found = at - second  # the hour that a clock shows twice, for the second time
        self._before = found
        return found, False

    def _offset(self, minutes: str, at: datetime) -> tuple[timedelta, timedelta]:
        """Return the zone's offsets at a local time, two where a clock shows it twice."""
        if minutes not in self._offsets:
            local = at.replace(tzinfo=self._zone)
            pair = (local.utcoffset(), local.replace(fold=1).utcoffset())
            self._offsets[minutes] = (pair[0] or timedelta(), pair[1] or timedelta())
        return self._offsets[minutes]

    def _of_json(self, line: bytes, wrapped: str | None) -> Iterator[LogRecord]:
        head, _, rest = line.partition(b"\n")
        try:
            said = json.loads(head)
        except (ValueError, RecursionError):
            try:  # one document over many lines
                said, rest = json.loads(line), b""
            except (ValueError, RecursionError):
                yield self._of_text(line, wrapped)
                return
        if not isinstance(said, dict):
            return
        if "resourceLogs" in said:
            yield from _of_otlp(said, self._names)
            return
        for name in _NESTED:
            if isinstance(inner := said.get(name), dict):
                said = {**inner, **said}
        message = next((said[n] for n in _MESSAGE if isinstance(said.get(n), str)), "")
        lasts = (_last_line(t) for n in _TRACE if isinstance(t := said.get(n), str))
        last = next(filter(None, lasts), "") or _last_line(rest.decode("utf-8", "replace"))
        level = next((said[n] for n in _LEVEL if n in said), None)
        at = next((t for n in _AT if n in said and (t := _json_time(said[n]))), None)
        message, _, more = _ANSI.sub("", message).partition("\n")
        named = _named(said.items(), self._names)
        at = at or (in_utc(wrapped) if wrapped else None)
        yield LogRecord(at, _level(level), message[:_LONGEST], last or _last_line(more), named)


def in_utc(text: str) -> datetime | None:
    """Return an ISO 8601 time in UTC, in which one without a zone is; None if it is no time."""
    with suppress(ValueError, OverflowError):
        at = datetime.fromisoformat(text.strip())
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return None


def _json_time(value: Any) -> datetime | None:
    """Return the time in a JSON line, which the platform writes in UTC; a number is Unix time."""
    if isinstance(value, str):
        return in_utc(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        with suppress(ValueError, OverflowError, OSError):
            return datetime.fromtimestamp(value / 1000 if value > 1e11 else value, UTC)
    return None


def _level(value: object) -> str | None:
    if isinstance(value, str):
        return _LEVEL_NAMES.get(value) or _LEVEL_NAMES.get(value.upper())
    if isinstance(value, dict):  # Loguru's
        return _level(value.get("name"))
    return LEVELS[value // 10 - 1] if isinstance(value, int) and value in _LEVEL_NUMBERS else None


def _last_line(text: str) -> str:
    """Return the last line of a traceback, the exception's own: it is not indented."""
    lines = text.rstrip().rsplit("\n", 400)
    ends = (line.strip() for line in reversed(lines) if line.strip() and not line[0].isspace())
    return next(ends, "")[:_LONGEST]


def _named(pairs: Any, names: Mapping[str, str]) -> dict[str, str]:
    """Return the fields that we know, by our names."""
    return {
        names[name]: str(value)
        for name, value in pairs
        if name in names and isinstance(value, str | int) and not isinstance(value, bool)
    }


def _of_otlp(document: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[LogRecord]:
    """Yield the log records of a document of OTLP/JSON, resource by resource."""
    for resource in _dicts(document.get("resourceLogs")):
        of = resource.get("resource")
        common = _attributes(of.get("attributes") if isinstance(of, dict) else None)
        for scope in _dicts(resource.get("scopeLogs")):
            for entry in _dicts(scope.get("logRecords")):
                said = {**common, **_attributes(entry.get("attributes"))}
                nanoseconds = entry.get("timeUnixNano") or entry.get("observedTimeUnixNano")
                number = entry.get("severityNumber")
                level = _level(entry.get("severityText"))
                if level is None and isinstance(number, int) and 1 <= number <= 24:
                    level = LEVELS[max((number - 1) // 4 - 1, 0)]
                body = _value(entry.get("body"))
                message, _, more = _ANSI.sub("", body).partition("\n")
                lasts = (_last_line(said.get(name, "")) for name in _OTLP_TRACE)
                last = next(filter(None, lasts), "") or _last_line(more)
                at = _unix_nano(nanoseconds)
                yield LogRecord(at, level, message[:_LONGEST], last, _named(said.items(), names))


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _attributes(value: Any) -> dict[str, str]:
    return {str(each.get("key")): _value(each.get("value")) for each in _dicts(value)}


def _value(value: Any) -> str:
    """Return a text or a number of OTLP's, an empty text for any other value."""
    if isinstance(value, dict):
        value = value.get("stringValue", value.get("intValue", ""))
    return str(value) if isinstance(value, str | int) else ""


def _unix_nano(value: Any) -> datetime | None:
    with suppress(TypeError, ValueError, OverflowError, OSError):
        seconds, rest = divmod(int(value), 10**9)
        return datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=rest // 1000)
    return None
