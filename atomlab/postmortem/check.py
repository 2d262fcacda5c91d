"""What keeps a postmortem from being finished, each with its place, and advice beside it.

The check reads the Markdown itself, so that it holds for a draft and for what people made of it. It
asks for what is certain; whether a sentence is a good one is for people to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from textwrap import shorten
from typing import Any

from atomlab.files import read_yaml
from atomlab.postmortem.reader import Block, blocks
from atomlab.postmortem.times import day_in
from atomlab.text import printable

SECTIONS = (
    *("Summary", "Impact", "Timeline", "Detection", "Trigger", "Root cause"),
    *("Contributing causes", "Resolution", "What went well", "What went wrong"),
    *("Where we got lucky", "Action items", "Evidence"),
)
_HEAD = ("status", "severity", "owner", "authors")  # rows that the head must have
_ACTION = ("item", "type", "owner", "due")  # columns that action items must have, each filled in
_MOMENTS = ("started", "detected", "mitigated", "resolved")
# Of two moments the one that comes first; an incident may be over before anybody detects it.
_ORDER = (
    *(("started", "detected"), ("started", "mitigated")),
    *(("started", "resolved"), ("mitigated", "resolved")),
)
# Where advice asks for evidence.
_CLAIMS = ("timeline", "trigger", "root cause", "contributing causes", "resolution")
_WEIGHED = ("action items", "fix options", "tried for every tenant of the snapshot")
_UNCITED = "advice: no evidence is cited"
_MARK = re.compile(r"\b(?:TO WRITE|TODO|TBD|FIXME)\b(?:: )?")
_EMPTY = ("", "n/a", "none", "unassigned", "unknown")
_HALF = r"(?: ?[AaPp]\.?[Mm]\b\.?)"
_CLOCK = re.compile(
    r"(?<![\d:.])(?:(?:[01]\d|2[0-4]):[0-5]\d(?::[0-5]\d)?(?!\d|:\d)"
    rf"|(?:1[0-2]|0?[1-9]):[0-5]\d(?={_HALF}))(?! ?(?:hours?|hrs?|h|minutes|mins?)\b)"
)
_ZONE_NAME = (
    r"(?:UTC|GMT|[A-Z]{3,5}\b|[ECMP]T\b|[A-Z][a-z]+/[A-Z]\w+"
    r"|(?:Pacific|Mountain|Central|Eastern|local)(?: (?i:standard|daylight))?(?: (?i:time))?\b)"
)
_ZONE = re.compile(
    rf"\b(?:UTC|GMT)\b|(?:{_CLOCK.pattern}){_HALF}?(?:Z\b| ?\(?(?:[+−-]\d\d|{_ZONE_NAME}))"
)
_IN_HEAD = re.compile(r"\b(?:utc|gmt|[ecmp][sd]?t|jst|kst|cest|cet|aest)\b")
_ALL_IN_ONE_ZONE = re.compile(
    r"\b(?i:time(?:s|stamps)(?: (?:below|here|listed|shown|referenced|in this \w+))?"
    r"(?: (?:are|is))?(?: all)?(?: (?:given|shown|listed))?(?: in)?|time ?zone(?: is)?:?)"
    rf" \(?{_ZONE_NAME}"
)
# A number that stands alone: no part of a name, a date, a time, a version, a range or a share, and
# no tenant's name, as in 42 (0042).
_FIGURE = re.compile(r"(?<![\w.,:#/+-])(?!0\d)\d[\d,]*+(?:\.\d+)?+(?![\w:/%–-]| \()")


@dataclass(frozen=True, order=True)
class Problem:
    """Something to finish, or advice: the line of the Markdown, the place, and what it is."""

    line: int
    place: str
    what: str
    advice: bool = False


def problems(markdown: str) -> list[Problem]:
    """Return what is open or wrong in a postmortem, and advice, in the order of its lines."""
    read = [_canonical(block) for block in blocks(markdown)]
    rows = [b for b in _rows(read, "evidence") if re.fullmatch(r"E\d{1,6}", b.cells[0])]
    known = {int(row.cells[0][1:]): row for row in rows if not _is_empty(row.named.get("where"))}
    zoned = bool(_ALL_IN_ONE_ZONE.search(markdown))
    found = [*_sections(read), *_head(read), *_timeline(read), *_actions(read)]
    for block in read:
        found += [*_unwritten(block), *_uncited(block, known), *_advice(block)]
        clock = _CLOCK.search(block.text)
        in_head = any(map(_IN_HEAD.search, block.head))
        if clock and not zoned and not in_head and not _ZONE.search(block.text):
            found.append(_at(block, f"a time without its zone: {clock[0]}"))
    if not any(block.cites for block in read) and _UNCITED in (each.what for each in found):
        found = [each for each in found if each.what != _UNCITED]
        found.append(Problem(0, "Evidence", f"{_UNCITED}, as in [E1]", advice=True))
    return sorted(dict.fromkeys(found))


def _canonical(block: Block) -> Block:
    """Return the block with our names for its sections and columns, where others are as usual."""
    aliases = [name for heading in block.section for name in _named("sections", heading)]
    head = (name if _IN_HEAD.search(name) else _named("columns", name)[0] for name in block.head)
    return replace(block, aliases=tuple(aliases), head=tuple(head))


@cache
def _named(kind: str, name: str) -> tuple[str, ...]:
    """Return our names for what a postmortem calls so, in small letters, else its own."""
    plain = re.sub(r"\s*\(.*?\)|[*:]|^[\d.]+ ", "", name).strip().lower()
    known = tuple(ours for ours, theirs in _names()[kind].items() if plain in theirs)
    return known or (plain,)


def _at(block: Block, what: str, *, advice: bool = False) -> Problem:
    section = " / ".join(printable(name, 60) for name in block.section[1:] if name)
    row = f", row {block.number}" if block.number else ""
    return Problem(block.line, f"{section or 'Head'}{row}", what, advice)


def _is_empty(cell: str | None) -> bool:
    return (cell or "").strip(" .–—-?").lower() in _EMPTY


def is_open(text: str) -> bool:
    """Return whether a text says nothing yet: it is empty, or marked as to be written."""
    return _is_empty(text) or bool(_MARK.search(text))


def _rows(read: Iterable[Block], section: str) -> list[Block]:
    return [block for block in read if block.cells and block.within(section)]


def _sections(read: Sequence[Block]) -> Iterator[Problem]:
    """Yield the sections that are missing, or that have nothing but their heading."""
    for name in SECTIONS:
        inside = [b for b in read if b.within(name.lower())]
        if not inside:
            yield Problem(0, name, "the section is missing")
        elif not any(re.search(r"\w", b.text) for b in inside if not b.level):
            yield _at(inside[0], "nothing stands under the heading")


def _head(read: Sequence[Block]) -> Iterator[Problem]:
    """Yield the rows that the head lacks, and those of name and value that have no value."""
    head = dict(head_rows(read))
    for name in _HEAD:
        if name not in head:
            yield Problem(0, "Head", f"no row {name}")
    for block in read:
        if len(block.cells) == 2 and not any(block.head):
            name, value = block.cells[0].lower(), block.cells[1]
            ours = _named("head", name)[0]
            required = ours in _HEAD and head.get(ours) is block
            if _is_empty(value) if required else not value.strip(" .–—-?"):
                yield _at(block, f"no {printable(name, 40) or 'name'}")


def head_rows(read: Iterable[Block]) -> Iterator[tuple[str, Block]]:
    """Yield what the head says, by name: rows of a table, or lines such as `Status: complete`."""
    for block in read:
        if block.level or not (len(block.section) < 2 or block.within("incident")):
            continue
        if block.cells:
            yield _named("head", block.cells[0])[0], block
        for name in re.findall(r"(?:^|\s)([A-Z][\w ]{2,20}?)\s*:\s*\w", block.text):
            yield _named("head", name)[0], block


def _unwritten(block: Block) -> Iterator[Problem]:
    """Yield what is marked as open: the columns of a table's row, or the text itself."""
    if not _MARK.search(block.text):
        return
    what = ", ".join(name for name, cell in block.named.items() if name and _MARK.search(cell))
    text = _MARK.sub("", ": ".join(filter(None, block.cells)) or block.text)
    yield _at(block, f"still to write: {what or shorten(text, 100, placeholder=' …') or 'this'}")


def _uncited(block: Block, known: Mapping[int, Block]) -> Iterator[Problem]:
    """Yield the citations that lead nowhere, and the first number that its evidence contradicts."""
    cites = list(dict.fromkeys(block.cites))
    for number in (each for each in cites if each not in known):
        yield _at(block, f"[E{number}] is not in the evidence, or names no source there")
    rows = [known[number] for number in cites if number in known]
    # What people state is not measured, and the table of options says more than its evidence.
    measured = all(not _is_empty(row.named.get("snapshot")) for row in rows)
    if len(rows) < len(cites) or not measured or block.within(*_WEIGHED):
        return
    shown = "; ".join(row.named.get("what it shows", "") for row in rows)
    # Several findings may be counted themselves, as in 4 of 4 kinds of request.
    counts = map(str, range(len(rows) + 1)) if len(rows) > 1 else ()
    names = re.findall(r"(?<![\w.,])\d+(?= \()", shown)  # of tenants, as in Area 51 (area)
    right = {*_figures(shown), *counts, *names}
    wrong = [figure for figure in _figures(block.text) if figure not in right]
    if wrong and _figures(shown):
        cited = ", ".join(f"[E{number}]" for number in cites[:3])
        yield _at(block, f"{wrong[0]} is not what {cited} says: {printable(shown, 60)}")


def _figures(text: str) -> list[str]:
    words = "|".join(_names()["numbered"])
    unnumbered = re.sub(rf"\b(?:{words})s? #?\d[\d.]*(?:, \d{{4}})?", "", text, flags=re.IGNORECASE)
    return [each.rstrip(",") for each in _FIGURE.findall(unnumbered)]


def _timeline(read: Sequence[Block]) -> Iterator[Problem]:
    """Yield rows without a time, moments that are missing, and those in the wrong order."""
    entries, day, moments = [], "", dict[str, tuple[Block, str]]()
    for block in (b for b in read if b.within("timeline")):
        first = block.cells[0] if block.cells else re.split(r" [—–|-]+ |: ", block.text)[0]
        timed = bool(_CLOCK.search(first))
        day = day_in(first if block.cells else block.text) or day
        if block.cells or (timed and not block.level and _CLOCK.search(block.text[:40])):
            entries.append(block)
            if not _MARK.search(first) and not (day and timed):
                yield _at(block, f"no date and time: {printable(first, 40) or 'empty'}")
            for kind in _kinds(block):
                moments.setdefault(kind, (block, _moment(block, first, day)))
    goes_on = any(
        name in ("status", "duration") and re.search(r"\bongoing\b", row.text, re.IGNORECASE)
        for name, row in head_rows(read)
    )
    for kind in _MOMENTS if entries else ():
        if kind not in moments:
            still_open = goes_on and kind in ("mitigated", "resolved")
            what = "open: the incident is ongoing, " if still_open else ""
            yield Problem(entries[0].line, "Timeline", f"{what}no row {kind}", still_open)
    for first, then in _ORDER:
        early, late = (moments[kind][1] if kind in moments else "" for kind in (first, then))
        # Of a day and a time only the days compare.
        if early and late and late[: len(early)] < early[: len(late)]:
            yield _at(moments[then][0], f"{then} is before {first}")


def _kinds(block: Block) -> list[str]:
    """Return which moments a row of the timeline says it is."""
    said = [each.lower() for each in block.cells[1:]] or [
        re.sub(r"^(?:[\d:,./()\[\]–—-]|utc|gmt|[ap]m\b|[a-z]{2,4}t\b|\s)+", "", block.text.lower())
    ]
    return [
        kind
        for kind, names in _names()["moments"].items()
        for name in (kind, *names)
        if any(re.match(rf"{name}\W*(?:$|[.:—–-])", text) for text in said)
        or (" " in name and any(name in text for text in said))
    ]


def _moment(block: Block, when: str, day: str) -> str:
    """Return the day of a row of the timeline, and its time if that is in UTC.

    A day in another zone may be another one in UTC: then it is empty.
    """
    clock = _CLOCK.search(when)
    in_utc = clock and re.match(r"[\d: –-]*\(?(?:UTC|GMT|Z)", when[clock.end() :])
    if in_utc or (clock and any("utc" in name for name in block.head)):
        return f"{day} {clock[0]}" if clock else day
    return "" if clock else day


def _actions(read: Sequence[Block]) -> Iterator[Problem]:
    """Yield the columns that a table of action items lacks, and the cells that are empty."""
    for row in _rows(read, "action items"):
        for name in _ACTION:
            if name not in row.head and row.number == 1:
                yield _at(row, f"the table has no column {name}")
            elif name in row.head and _is_empty(row.named.get(name)):
                yield _at(row, f"no {name}")


def _advice(block: Block) -> Iterator[Problem]:
    """Yield what would make a line better, and is no reason to call it unfinished."""
    what: list[str] = []
    if block.cells and block.within("action items"):
        words, owner = block.named.get("item", "").lower().split(), block.named.get("owner", "")
        vague = [each for each in _words()["vague"] if words[: len(each.split())] == each.split()]
        what += [f"{each!r} has no end; say what will be there when it is done" for each in vague]
        if owner.lower() in _words()["nobody"]:
            what.append(f"{owner!r} is nobody; name a person or a team")
    is_text = not block.level and bool(re.search(r"\w$|\w\W*[^:]$", block.text))
    is_claim = is_text and block.text != "The incident is ongoing."
    if is_claim and block.within(*_CLAIMS) and not block.cites and not _MARK.search(block.text):
        what.append(_UNCITED.removeprefix("advice: "))
    yield from (_at(block, f"advice: {each}", advice=True) for each in what)


@cache
def _words() -> Mapping[str, Sequence[str]]:
    words: Mapping[str, Sequence[str]] = read_yaml(Path(__file__).with_name("advice.yaml"))
    return words


@cache
def _names() -> Mapping[str, Any]:
    names: Mapping[str, Any] = read_yaml(Path(__file__).with_name("names.yaml"))
    return names
