"""Shapes of a worker's log lines: which lines mean something, what, and what of them may leave.

They are data, in `log_shapes.yaml` and in a site's own file of the same form. Of a line only named
fields leave, each of a shape that no secret has: free text never does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from atomlab.evidence.inputs.log_fields import REMEMBERED, harmless
from atomlab.evidence.inputs.rules import COMPLEXITIES
from atomlab.evidence.inputs.strict import Strict, load_model
from atomlab.files import read_shipped_yaml
from atomlab.shown import Several, Shown

# NAME=value, of which the value may be another name: `error: tenant=acme`.
_PAIR = re.compile(r"(?<![\w.-])-*+([\w.]++(?:-[\w.]++)*+)[\"']?[=:] ?[\"']?(?=([\w./:@-]+))")
_MAY_NAME = re.compile(r"for tenant| request|^Task |-[0-9a-f]{4}-")
_NAMED = re.compile(
    r"\bfor tenant:? [\"']?(?P<tenant>[\w.:@-]+)"
    r"|^Task [\w.]+\[(?P<job>[\w-]+)\]"  # Celery's
    rf"|\b(?P<complexity>{'|'.join(COMPLEXITIES)}) requests?\b"
    r"|\b(?P<id>[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})\b"
)
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
SHIPPED = Path(__file__).with_name("log_shapes.yaml")
_SHORTEST = 4  # characters of a keyword: a shorter one is in too many lines
_HOLES = re.compile(r"(\{[a-z_]+\}|…)")


class Shape(Strict):
    """One kind of line: what it is called, how it looks, and the lowest level at which it counts.

    It has a `line` with placeholders, or a `pattern`.
    """

    event: str = Field(pattern="^[a-z][a-z-]{0,39}$")
    line: str | None = None
    pattern: str | None = None
    keyword: str = ""
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] | None = None
    fields: dict[str, str] = Field(default_factory=dict)
    means: str = ""

    @model_validator(mode="after")
    def _can_be_matched(self) -> Self:
        if (self.line is None) == (self.pattern is None):
            raise ValueError("has no line, or a pattern as well", "give it one of the two")
        if len(self.sign) < _SHORTEST or not self.sign.isascii():
            todo = f"give a text of {_SHORTEST} or more plain characters"
            raise ValueError("has no keyword", todo)
        try:
            _ = self.expression
        except (re.error, OverflowError, RecursionError):
            raise ValueError("has a pattern that is none", "see Python's re") from None
        return self

    @cached_property
    def expression(self) -> re.Pattern[str]:
        """What such a line matches from its begin."""
        return re.compile(self.pattern or _expression(self.line or ""))

    @cached_property
    def sign(self) -> str:
        """A text that every such line holds: the keyword, or the longest piece of the line."""
        return self.keyword or _keyword(self.line or "")


class ShapeFile(Strict):
    """A file of shapes, with known errors, the hosts of providers, and names of fields."""

    shapes: tuple[Shape, ...]
    errors: tuple[str, ...] = ()
    hosts: dict[str, str] = Field(default_factory=dict)
    names: dict[str, tuple[str, ...]] = Field(default_factory=dict)


class Shapes(Shown):
    """All shapes in the order in which they are tried, and the names of fields."""

    def __init__(self, *files: ShapeFile) -> None:
        self.all = Several(shape for file in files for shape in file.shapes)
        self.errors = Several(error for file in files for error in file.errors)
        last = files[::-1]  # of two that say it otherwise the first file counts
        self.hosts = {host.lower(): whose for f in last for host, whose in f.hosts.items()}
        self.names = {n: ours for f in last for ours, every in f.names.items() for n in every}
        self.keywords = tuple(dict.fromkeys(shape.sign for shape in self.all))
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
        for shape in self.all:
            if shape.sign in text:
                if level and shape.level and LEVELS.index(level) < LEVELS.index(shape.level):
                    continue
                if match := shape.expression.match(text):
                    said = {k: v for k, v in match.groupdict().items() if v is not None}
                    return shape.event, {**said, **shape.fields}
        return None

    def named_in(self, text: str) -> dict[str, str]:
        """Return what a text says as NAME=value, of the names that we know, or in a few words.

        An `id` is a UUID of which the text does not say what it names.
        """
        found: dict[str, str] = {}
        if "=" in text or ":" in text:
            for name, value in _PAIR.findall(text):
                if name in self.names:
                    found.setdefault(self.names[name], value.rstrip(".:"))
        if _MAY_NAME.search(text):
            for match in _NAMED.finditer(text):
                group = match.lastgroup or ""
                if (value := match[group].rstrip(".:")) not in found.values():
                    found.setdefault(group, value)
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
def _shipped() -> ShapeFile:
    return ShapeFile.model_validate(read_shipped_yaml(SHIPPED))


def load_shapes(path: str | Path | None = None) -> Shapes:
    """Return the shapes of a site's file, tried first, and those of the platform; raise InputError.

    The file has `shapes`, and may have `errors`, `hosts` and `names` of its own.
    """
    own = [] if path is None else [load_model(path, ShapeFile, "a file of shapes")]
    return Shapes(*own, _shipped())


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
