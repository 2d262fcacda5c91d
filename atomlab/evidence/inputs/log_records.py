"""Records of a worker's log: what a line says, in whichever of the formats it is written.

Each line is recognized by itself, so a file may mix formats. Known are the platform's two plain
formats and `LEVEL:logger:message`, JSON lines, structlog's and OTLP's among them, and the wrapping
of Docker and of Kubernetes (CRI). Sources: docs/platform.md; OpenTelemetry's logs data model.
"""

from __future__ import annotations

import json
import re
from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from atomlab.evidence.inputs.log_shapes import LEVELS
from atomlab.evidence.inputs.log_times import Clock, Zone, in_utc, json_time, unix_nano

_LONGEST = 8192  # characters of a message, or of an exception's last line, that are looked at
_WORDS = "DEBUG|INFO|WARNING|WARN|ERROR|CRITICAL|FATAL|TRACE"
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_TIME = (
    r"(?P<time>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?)"
    r"(?: ?(?P<zone>Z|UTC|[+-]\d\d:?\d\d))?"
)
_DASHED = re.compile(r"(\d{4}-\d\d-\d\d[T ][\d:]{8}(?:[.,]\d+)?) - \S+ - ([A-Za-z]+) - (.*)")
_PLAIN = re.compile(
    rf"\[?{_TIME}\]?(?:: (?P<celery>{_WORDS})/[^\]]*\] "
    rf"| \[(?P<boxed>{_WORDS}) *\] (?:\[(?P<first>[^\]]{{0,100}})\] ?(?=\[))?"
    rf"(?:\[(?P<logger>(?-i:[a-z_])[\w.]*)\] )?"
    rf"|[ |,:-]*\[?(?P<level>{_WORDS})\]?[ |:-]+(?:\[?(?-i:[a-z_])[\w.]*(?:\]|:|\]:) )?"
    rf"| ?)(?P<message>.*)",
    re.IGNORECASE,
)
_BASIC = re.compile(rf"(?P<level>{_WORDS}):(?:[\w.]+:)? *(?P<message>.*)")
_CRI = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S*) std(?:out|err) [FP] (.*)", re.DOTALL)
_DOCKER = b'{"log":'
# What kubectl logs --prefix and docker compose logs put before each line.
_PREFIX = re.compile(rb"^(?:\[pod/([\w.-]{1,253})[^\]\n]*\] |([\w.-]{1,60}) +\| )", re.MULTILINE)
_BEGINS = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:\x1b\[[\d;]*m)*(?:\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:|\{\"|(?:%s):)"
    % _WORDS.encode()
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
_TRACES = frozenset(_TRACE)
_NESTED = {"extra", "fields", "context", "attributes", "extra_fields"}
_DECODE = json.JSONDecoder().decode
_OTLP_TRACE = ("exception.stacktrace", "exception.message")


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
        prefix = _PREFIX.match(text, at)
        return prefix is not None and begins(text, prefix.end())
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


class RecordReader:
    """Reads the records of one file, whose plain lines are in `zone`."""

    def __init__(self, zone: Zone, names: Mapping[str, str], in_order: bool = True) -> None:
        self._clock, self._names = Clock(zone, in_order), names

    def records(self, raw: bytes) -> list[LogRecord]:
        """Return what a record's bytes say: one record, or those of a line of OTLP."""
        raw = raw.removeprefix(BOM_UTF8)
        if prefix := _PREFIX.match(raw):
            worker = (prefix[1] or prefix[2]).decode()
            found = self.records(_PREFIX.sub(b"", raw))
            return [replace(each, named={"worker": worker, **each.named}) for each in found]
        wrapped, line = None, raw
        if _is_wrapped(raw):
            parts = [unwrapped(each) for each in raw.split(b"\n")]
            wrapped, line = parts[0][0], b"\n".join(part for _, part in parts)
        if line.startswith(b"{"):
            return self._of_json(line, wrapped)
        return [self._of_text(line, wrapped)]

    def _of_text(self, line: bytes, wrapped: str | None) -> LogRecord:
        text = line.decode("utf-8", "replace")
        if "\x1b" in text:
            text = _ANSI.sub("", text)
        first, _, rest = text.partition("\n")
        last = _last_line(rest) if rest else ""
        if match := _DASHED.match(first):
            time, level, message = match.groups()
            at, naive = self._clock.at(time, None, wrapped)
            return LogRecord(at, _level(level), message.rstrip("\r")[:_LONGEST], last, {}, naive)
        first = first.rstrip("\r")
        if match := _PLAIN.match(first):
            at, naive = self._clock.at(match["time"], match["zone"], wrapped)
            named = {"request": match["first"]} if match["first"] and match["logger"] else {}
            level = _level(match["boxed"] or match["celery"] or match["level"])
            return LogRecord(at, level, match["message"][:_LONGEST], last, named, naive)
        at, naive = self._clock.at(None, None, wrapped)
        if match := _BASIC.match(first):
            return LogRecord(at, _level(match["level"]), match["message"][:_LONGEST], last)
        return LogRecord(at, None, first.strip()[:_LONGEST], last)

    def _of_json(self, line: bytes, wrapped: str | None) -> list[LogRecord]:
        head, _, rest = line.partition(b"\n")
        said = _parsed(head)
        if said is None:  # one document over many lines
            said, rest = _parsed(line), b""
        if said is None:
            return [self._of_text(line, wrapped)]
        if "resourceLogs" in said:
            return [*_of_otlp(said, self._names)]
        for name in _NESTED & said.keys():
            if isinstance(inner := said[name], dict):
                said = {**inner, **said}
        message = _first_text(said, _MESSAGE)
        if "\x1b" in message:
            message = _ANSI.sub("", message)
        message, _, more = message.partition("\n")
        trace = _first_text(said, _TRACE) if not _TRACES.isdisjoint(said) else ""
        last = _last_line(trace or rest.decode("utf-8", "replace") or more)
        level = _level(_first(said, _LEVEL))
        at = json_time(_first(said, _AT)) or (in_utc(wrapped) if wrapped else None)
        return [LogRecord(at, level, message[:_LONGEST], last, _named(said, self._names))]


def _parsed(line: bytes) -> dict[str, Any] | None:
    with suppress(ValueError, RecursionError):
        said = _DECODE(line.decode("utf-8", "replace"))
        return said if isinstance(said, dict) else None
    return None


def _first(said: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    for name in names:
        if name in said:
            return said[name]
    return None


def _first_text(said: Mapping[str, Any], names: tuple[str, ...]) -> str:
    for name in names:
        if isinstance(text := said.get(name), str) and text:
            return text
    return ""


def _level(value: object) -> str | None:
    if isinstance(value, str):
        return _LEVEL_NAMES.get(value) or _LEVEL_NAMES.get(value.upper())
    if isinstance(value, dict):  # Loguru's
        return _level(value.get("name"))
    return LEVELS[value // 10 - 1] if isinstance(value, int) and value in _LEVEL_NUMBERS else None


def _last_line(text: str) -> str:
    """Return the last line of a traceback, the exception's own: it is not indented."""
    if not text:
        return ""
    lines = text.rstrip().rsplit("\n", 400)
    ends = (line.strip() for line in reversed(lines) if line.strip() and not line[0].isspace())
    return next(ends, "")[:_LONGEST]


def _named(said: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, str]:
    return {
        names[name]: str(said[name])
        for name in said
        if name in names and type(said[name]) in (str, int)
    }


def _of_otlp(document: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[LogRecord]:
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
                at = unix_nano(nanoseconds)
                yield LogRecord(at, level, message[:_LONGEST], last, _named(said, names))


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _attributes(value: Any) -> dict[str, str]:
    return {str(each.get("key")): _value(each.get("value")) for each in _dicts(value)}


def _value(value: Any) -> str:
    """Return a text or a number of OTLP's, an empty text for any other value."""
    if isinstance(value, dict):
        value = value.get("stringValue", value.get("intValue", ""))
    return str(value) if isinstance(value, str | int) else ""
