"""Shapes of a worker's log lines: which lines mean something, what, and what of them may leave.

They are data, in `log_shapes.yaml` and in a site's own file of the same form. Of a line only named
fields leave, each of a shape that no secret has: free text never does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from atomlab.errors import InputError
from atomlab.evidence.inputs.log_fields import REMEMBERED, harmless
from atomlab.evidence.inputs.rules import COMPLEXITIES
from atomlab.files import read_yaml
from atomlab.text import did_you_mean, field_name

_MAY_NAME = re.compile(r"[=:]|tenant|request|Task |-[0-9a-f]{4}-")
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
SHIPPED = Path(__file__).with_name("log_shapes.yaml")
_FIELDS = ("event", "line", "pattern", "keyword", "level", "fields", "means")
_SHORTEST = 4  # characters of a keyword: a shorter one is in too many lines
_HOLES = re.compile(r"(\{[a-z_]+\}|…)")


@dataclass(frozen=True)
class Shape:
    """One kind of line: what it is called, how it looks, and the lowest level at which it counts.

    `keyword` is a text that every such line holds.
    """

    event: str
    pattern: re.Pattern[str]
    keyword: str
    level: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)


class Shapes:
    """All shapes in the order in which they are tried, and the names of fields."""

    def __init__(self, shapes: Iterable[Shape], data: Mapping[str, Any]) -> None:
        self.all = tuple(shapes)
        self.errors: tuple[str, ...] = tuple(data["errors"])
        self.hosts: Mapping[str, str] = data["hosts"]
        self.names = {name: ours for ours, all_ in data["names"].items() for name in all_}
        self.keywords = tuple(dict.fromkeys(shape.keyword for shape in self.all))
        self._any = re.compile("|".join(map(re.escape, self.keywords)))
        words = "|".join(map(re.escape, sorted(self.names, key=len, reverse=True)))
        self._named = re.compile(
            rf"(?<![\w.])(?P<name>{words})[\"']?[=:] ?[\"']?(?P<value>[\w./:@-]+)"
            r"|\bfor tenant:? [\"']?(?P<tenant>[\w.:@-]+)"
            r"|^Task [\w.]+\[(?P<job>[\w-]+)\]"  # Celery's
            rf"|\b(?P<complexity>{'|'.join(COMPLEXITIES)}) requests?\b"
            r"|\b(?P<id>[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})\b"
        )
        self._last: tuple[dict[str, str], dict[str, str]] = ({}, {})
        self._known: dict[Any, tuple[str, dict[str, str]] | None] = {}

    def levels(self, event: str) -> set[str]:
        """Return the lowest levels at which lines of an event count; no level counts at any."""
        return {shape.level or "DEBUG" for shape in self.all if shape.event == event}

    def match(
        self, level: str | None, message: str, last: str
    ) -> tuple[str, dict[str, str]] | None:
        """Return the event and the fields of a record, None for one that means nothing here.

        `message` is its first line, `last` the last line of its traceback, which decides where
        the first says nothing. Of fields only those with a harmless shape are returned.
        """
        key = (level, message, last)
        if key in self._known:
            return self._known[key]
        found = self._match(level, message) or (last and self._match(level, last)) or None
        if found is not None:
            event, fields = found
            raw = {**self.named_in(f"{message} {last}"), **fields}
            if list(raw.values()).count(raw.get("id", "")) > 1:
                del raw["id"]  # the text does say so
            if last and self.known_error(last):
                raw["error"] = last
            found = event, self.harmless(raw)
            if event == "auth-error" and "host" in fields and "provider" not in found[1]:
                found = None
        if len(message) + len(last) < 500:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[key] = found
        return found

    def _match(self, level: str | None, text: str) -> tuple[str, dict[str, str]] | None:
        keywords = set(self._any.findall(text))
        if not keywords:
            return None
        for shape in self.all:
            if shape.keyword in keywords or shape.keyword in text:
                if level and shape.level and LEVELS.index(level) < LEVELS.index(shape.level):
                    continue
                if match := shape.pattern.match(text):
                    said = {k: v for k, v in match.groupdict().items() if v is not None}
                    return shape.event, {**said, **shape.fields}
        return None

    def named_in(self, text: str) -> dict[str, str]:
        """Return what a text says as NAME=value, of the names that we know, or in a few words.

        An `id` is a UUID of which the text does not say what it names.
        """
        found: dict[str, str] = {}
        if not _MAY_NAME.search(text):
            return found
        for match in self._named.finditer(text):
            group = match.lastgroup or ""
            name = self.names[match["name"]] if group == "value" else group
            found.setdefault(name, match[group].rstrip(".:"))
        return found

    def known_error(self, text: str) -> str | None:
        """Return the known error that a text names, None for any other."""
        return next((error for error in self.errors if error in text), None)

    def harmless(self, raw: Mapping[str, str]) -> dict[str, str]:
        """Return the fields whose values have the shape of what they name; no other leaves."""
        if raw == self._last[0]:  # lines of one job have the same
            return self._last[1]
        kept = {}
        for name, value in raw.items():
            if name == "error":
                clean = self.known_error(value)
            elif name == "host":
                name, clean = "provider", self.hosts.get(value.lower())
            else:
                clean = harmless(name, value)
            if clean is not None:
                kept[name] = clean
        self._last = dict(raw), kept
        return kept


@cache
def shipped_shapes() -> Shapes:
    """Return the shapes of the platform's own lines."""
    data = _shipped()
    return Shapes((_shape(entry, SHIPPED, n) for n, entry in enumerate(data["shapes"], 1)), data)


def load_shapes(path: str | Path | None = None) -> Shapes:
    """Return the shapes of a site's file, tried first, and those of the platform; raise InputError.

    The file has `shapes`, and may have `errors`, `hosts` and `names` of its own.
    """
    if path is None:
        return shipped_shapes()
    where, data = Path(path), _shipped()
    own = read_yaml(where)
    if not isinstance(own, dict) or not isinstance(own.get("shapes"), list):
        raise InputError("has no list of shapes", where=where, todo="see docs/worker-logs.md")
    if unknown := [name for name in own if name not in data]:
        what = f"has the unknown field {field_name(unknown[0])}"
        raise InputError(what, where=where, todo=did_you_mean(str(unknown[0]), data) or "remove it")
    errors = own.get("errors", [])
    hosts, names = own.get("hosts", {}), own.get("names", {})
    lists = isinstance(names, dict) and all(isinstance(v, list) for v in names.values())
    if not (isinstance(errors, list) and isinstance(hosts, dict) and lists):
        raise InputError(
            "errors must be a list, hosts a mapping, names a mapping of lists", where=where,
            todo="see docs/worker-logs.md",
        )  # fmt: skip
    shapes = [_shape(entry, where, n) for n, entry in enumerate(own["shapes"], 1)]
    merged = {
        "errors": [*map(str, errors), *data["errors"]],
        "hosts": {**data["hosts"], **{str(k).lower(): str(v) for k, v in hosts.items()}},
        "names": {
            ours: [*data["names"].get(ours, ()), *map(str, names.get(ours, ()))]
            for ours in {**data["names"], **names}
        },
    }
    return Shapes([*shapes, *shipped_shapes().all], merged)


@cache
def _shipped() -> dict[str, Any]:
    import yaml  # in C where there is one: no user's file

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    data: dict[str, Any] = yaml.load(SHIPPED.read_bytes(), loader)  # noqa: S506
    return data


def _shape(entry: Any, where: Path, number: int) -> Shape:
    """Return a shape as a file has it; raise InputError, which quotes nothing of it."""

    def wrong(what: str, todo: str) -> InputError:
        return InputError(f"shape {number} {what}", where=where, todo=todo)

    if not isinstance(entry, dict) or not all(isinstance(v, str | dict) for v in entry.values()):
        raise wrong("is not a mapping of texts", "write event: and line:")
    if unknown := [name for name in entry if name not in _FIELDS]:
        todo = did_you_mean(str(unknown[0]), _FIELDS) or f"use {', '.join(_FIELDS)}"
        raise wrong(f"has the unknown field {field_name(unknown[0])}", todo)
    event, line, pattern = map(entry.get, ("event", "line", "pattern"))
    if not isinstance(event, str) or not re.fullmatch(r"[a-z][a-z-]{0,39}", event):
        raise wrong("has no event", "name it in small letters and hyphens, job-completed say")
    if (line is None) == (pattern is None):
        raise wrong("has no line, or a pattern as well", "give it one of the two")
    level = entry.get("level")
    if level is not None and level not in LEVELS:
        raise wrong("has an unknown level", f"use one of {', '.join(LEVELS)}")
    keyword = entry.get("keyword") or (line and _keyword(line)) or ""
    if len(keyword) < _SHORTEST or not keyword.isascii():
        raise wrong("has no keyword", f"give a text of {_SHORTEST} or more plain characters")
    try:
        compiled = re.compile(_expression(line) if line is not None else str(pattern))
    except (re.error, OverflowError, RecursionError):
        raise wrong("has a pattern that is none", "see Python's re") from None
    return Shape(event, compiled, keyword, level, entry.get("fields") or {})


def _keyword(line: str) -> str:
    """Return the longest piece of a line that JSON does not write in another way."""
    pieces = (part for text in _HOLES.split(line)[::2] for part in re.split(r'[^ -~]|["\\/]', text))
    return max(pieces, key=len, default="")


def _expression(line: str) -> str:
    """Return a line with placeholders as a regular expression, to be matched from the begin."""
    parts: list[str] = []
    pieces: Sequence[str] = _HOLES.split(line)
    for place, piece in enumerate(pieces):
        if place % 2 == 0:
            parts.append(re.escape(piece))
        elif piece == "…":
            parts.append(".*?")
        else:
            name, ends = piece[1:-1], place == len(pieces) - 2 and not pieces[-1]
            what = "." if name in ("error", "integration") else r"\S"
            parts.append(f"(?P<{name}>{what}{'+' if ends else '+?'})")
    return "".join(parts)
