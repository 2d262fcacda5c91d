"""Recorded requests: a file of what tenants asked for, CSV or JSON lines, streamed."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Generic, TypeVar

from atomlab.errors import InputError
from atomlab.evidence.inputs.log_files import LogFile
from atomlab.evidence.inputs.rules import COMPLEXITIES
from atomlab.text import count, listed

COLUMNS = ("tenant", "complexity", "tools", "capability", "turn", "tokens", "at")
NEEDED = COLUMNS[:2]
LONGEST_LINE = 1 << 20  # bytes
_REMEMBERED = 1 << 14  # different requests, and prompts by their length
_MOST_DIGITS = 12
_GIVE = "give a CSV file with a header, or one JSON object on each line"
_TRUE, _FALSE = ("true", "t", "yes", "1"), ("", "false", "f", "no", "0")
# What can be wrong with a line, and what to do about it.
BAD = {
    "too-long": f"is longer than {LONGEST_LINE:,} bytes",
    "not-utf8": "is not UTF-8",
    "not-csv": "is no line of CSV: its quotes do not end on it",
    "not-json": "is no JSON object",
    "columns": "has more or fewer fields than the header",
    "value": "has a list or an object where a word or a number belongs",
    "tenant": "names no tenant",
    "complexity": f"has no known complexity; use {', '.join(COMPLEXITIES)}",
    "tools": "does not say whether tools are required: true or false",
    "capability": "has a capability that is no text",
    "number": "has a turn or tokens that are no whole number of 0 or more",
    "time": "has an at that is no time in ISO 8601: 2026-05-02T14:05:00Z",
    "unknown-tenant": "names a tenant that the snapshot does not have",
    "ambiguous-tenant": "has a name that several tenants have; give an id",
}

_decode = json.JSONDecoder().raw_decode  # without what loads checks each time

K = TypeVar("K")
OnProgress = Callable[[int, int], None]  # bytes that were read, and of how many
Asked = Callable[[str, bool, str | None, int], K]
Line = tuple[int, str, K, int, datetime | None]


class _RequestsFile(LogFile):
    kind, give = "a file of requests", _GIVE
    in_folder = "give one file of requests from {}"


@dataclass
class BadLines:
    """How many lines had the same thing wrong with them, and which was the first."""

    first_line: int
    lines: int = 0


class _BadLineError(Exception):
    """What is wrong with a line: a key of BAD."""


class RecordedRequests(Generic[K]):
    """The requests in a file: line number, tenant's name, request, tokens and time of each.

    A request is what `asked` makes of complexity, tools, capability and turn, which is called once
    for many that are alike. `bad` counts the lines that were skipped, by what is wrong
    with them; without `skip_bad` the first raises InputError. Times without a zone are in UTC.
    Raises InputError, when it is made, for a file that is none of requests.
    """

    def __init__(
        self,
        path: str | Path,
        asked: Asked[K],
        *,
        skip_bad: bool = False,
        progress: OnProgress | None = None,
    ) -> None:
        self.file = _RequestsFile(path)
        self.bad: dict[str, BadLines] = {}
        self._asked, self._skip_bad, self._progress = asked, skip_bad, progress
        self._known: dict[tuple[object, ...], K] = {}
        self._number = lru_cache(maxsize=_REMEMBERED, typed=True)(_number)
        first = self.file.head.removeprefix(b"\xef\xbb\xbf").lstrip()
        self._check(first)
        self.is_json = first.startswith(b"{")
        self.columns = COLUMNS if self.is_json else self._header(first)

    @property
    def ignored(self) -> list[str]:
        """The columns of a CSV file that are not read."""
        return [name for name in self.columns if name not in COLUMNS]

    def __iter__(self) -> Iterator[Line[K]]:
        """Yield the requests; raise InputError for a bad line, unless such are skipped."""
        return self._json_lines() if self.is_json else self._csv_lines()

    def refuse(self, what: str, line: int) -> None:
        """Count a bad line; raise InputError unless such lines are skipped."""
        if not self._skip_bad:
            raise InputError(
                f"line {line:,} {BAD[what]}",
                where=self.file.name,
                todo="correct it, or skip such lines (--skip-bad)",
            )
        self.bad.setdefault(what, BadLines(line)).lines += 1

    def _check(self, first: bytes) -> None:
        if self.file.head.startswith(b"SQLite format 3\0"):  # a pipe of one
            raise self._wrong("is a snapshot or another database", _GIVE)
        if first.startswith(b"["):
            what = "is one JSON document, a list"
            raise self._wrong(what, "give an object on each line: jq -c '.[]'")
        if self.file.whole:
            raise self._wrong("is one JSON document", "give an object on each line: jq -c .")

    def _header(self, first: bytes) -> Sequence[str]:
        """Return the names in the first line of a CSV file."""
        line = first.split(b"\n", 1)[0].decode("utf-8", "replace").rstrip("\r")
        try:
            (names,) = csv.reader([line[:LONGEST_LINE]], strict=True)
        except (csv.Error, ValueError):
            names = []
        names = [name.strip() for name in names]
        if missing := [name for name in NEEDED if name not in names]:
            todo = f"name the columns in the first line: {','.join(COLUMNS)}"
            if any(mark in line and NEEDED[0] in line for mark in ";\t"):
                todo = "separate the columns by commas"
            raise self._wrong(f"has no header with {' and '.join(missing)}", todo)
        if twice := [name for name in COLUMNS if names.count(name) > 1]:
            raise self._wrong(f"has the column {listed(twice)} twice", "leave one of them out")
        return names

    def _wrong(self, what: str, todo: str) -> InputError:
        return InputError(what, where=self.file.name, todo=todo)

    def _csv_lines(self) -> Iterator[Line[K]]:
        """Yield the requests of a CSV file; a line is a record, whatever its quotes say."""
        width, known = len(self.columns), self._known
        # A column that the file does not have is read from an empty field behind the others.
        place = [self.columns.index(c) if c in self.columns else width for c in COLUMNS]
        tenant, complexity, tools, capability, turn, tokens, time = place
        for number, line in self._lines(header=True):
            try:
                fields = line.split(",") if '"' not in line else _unquoted(line)
                if len(fields) != width:
                    raise _BadLineError("columns")
                fields.append("")
                key = fields[complexity], fields[tools], fields[capability], fields[turn]
                asked = known.get(key) or self._request(key)
                length = self._number(fields[tokens])
                at = _time_of(fields[time])
                if not fields[tenant]:
                    raise _BadLineError("tenant")
            except _BadLineError as error:
                self.refuse(str(error), number)
                continue
            yield number, fields[tenant], asked, length, at

    def _json_lines(self) -> Iterator[Line[K]]:
        """Yield the requests of a file of JSON lines."""
        known = self._known
        for number, line in self._lines():
            try:
                try:
                    value, end = _decode(line)
                    get = (value if end == len(line) else json.loads(line)).get
                except (ValueError, RecursionError, AttributeError):
                    raise _BadLineError("not-json") from None
                tenant = get("tenant")
                if not isinstance(tenant, str) or not tenant:
                    raise _BadLineError("tenant")
                tools, turn = get("tools"), get("turn")
                key = get("complexity"), tools, get("capability"), turn
                # True, 1 and 1.0 are equal, and not the same request.
                typed = (*key, tools.__class__, turn.__class__)
                asked = known.get(typed) or self._request(key, typed)
                length = self._number(get("tokens"))
                at = _time_of(get("at"))
            except _BadLineError as error:
                self.refuse(str(error), number)
                continue
            except TypeError:  # a list or an object in the place of a word or a number
                self.refuse("value", number)
                continue
            yield number, tenant, asked, length, at

    def _request(self, key: tuple[Any, ...], known_by: tuple[Any, ...] = ()) -> K:
        complexity, tools, capability, turn = key
        kind = complexity.strip().rpartition(".")[2].lower() if _is_text(complexity) else None
        if kind not in COMPLEXITIES:
            raise _BadLineError("complexity")
        if capability is not None and not _is_text(capability):
            raise _BadLineError("capability")
        named = (capability or "").strip() or None
        asked = self._asked(kind, _flag(tools), named, _number(turn))
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[known_by or key] = asked
        return asked

    def _lines(self, *, header: bool = False) -> Iterator[tuple[int, str]]:
        """Yield each line that is not empty with its number, the header's aside."""
        number = 0
        for text in self._texts():
            for line in text:
                number += 1
                if not line or line.isspace():
                    continue
                if header:
                    header = False
                    continue
                yield number, line

    def _texts(self) -> Iterator[list[str]]:
        """Yield the file's lines, many at a time; a line that cannot be read is an empty one."""
        number, rest, too_long = 1, b"", False
        size = self.file.size
        for raw, part in self.file.parts():
            if self._progress and size:
                self._progress(min(raw.tell(), size), size)
            cut = part.rfind(b"\n") + 1
            if not cut:
                rest = b"" if too_long else rest + part
                too_long = too_long or len(rest) > LONGEST_LINE
                continue
            block = rest + part[: cut - 1]
            rest = part[cut:]
            if too_long:
                block, too_long = b" " * (LONGEST_LINE + 1) + block[block.find(b"\n") :], False
            yield self._decoded(block, number)
            number += block.count(b"\n") + 1
        if too_long:
            rest = b" " * (LONGEST_LINE + 1)
        if rest:
            yield self._decoded(rest, number)

    def _decoded(self, block: bytes, number: int) -> list[str]:
        """Return the lines of a block whose first has this number."""
        lines = block.split(b"\n")
        if number == 1:
            block = block.removeprefix(b"\xef\xbb\xbf")
        if len(block) <= LONGEST_LINE or max(map(len, lines)) <= LONGEST_LINE:
            try:
                text = block.decode()
            except UnicodeDecodeError:
                pass
            else:
                if "\r" in text:
                    text = text.replace("\r\n", "\n").removesuffix("\r")
                return text.split("\n")
        return [self._one(line, number + place) for place, line in enumerate(lines)]

    def _one(self, line: bytes, number: int) -> str:
        if len(line) > LONGEST_LINE:
            self.refuse("too-long", number)
            return ""
        try:
            return line.decode().removeprefix("\ufeff").rstrip("\r")
        except UnicodeDecodeError:
            self.refuse("not-utf8", number)
            return ""

    def nothing_read(self) -> InputError:
        """Return the error that the file holds no request that can be decided."""
        if not self.bad:
            return self._wrong("holds no request", _GIVE)
        kinds = ", ".join(f"{what} ({bad.lines:,})" for what, bad in self.bad.items())
        lines = count(sum(bad.lines for bad in self.bad.values()), "line")
        return self._wrong(f"has no line that can be read, of {lines}: {kinds}", _GIVE)


def _unquoted(line: str) -> list[str]:
    try:
        (fields,) = csv.reader([line], strict=True)
    except (csv.Error, ValueError):
        raise _BadLineError("not-csv") from None
    return fields


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _flag(value: object) -> bool:
    text = "" if value is None else str(value).strip().lower()
    if text in _TRUE:
        return True
    if text not in _FALSE or isinstance(value, float):
        raise _BadLineError("tools")
    return False


def _number(value: object) -> int:
    if value is None or value == "":
        return 0
    text = str(value).strip()
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise _BadLineError("number")
    return int(text)


def _time_of(value: object) -> datetime | None:
    if value is None or value == "":
        return None
    try:
        at = datetime.fromisoformat(value)  # type: ignore[arg-type]
        if at.tzinfo is UTC:
            return at
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        raise _BadLineError("time") from None
