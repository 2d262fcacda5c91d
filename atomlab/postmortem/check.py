"""What keeps a postmortem from being finished, each with its place, and advice beside it.

The check reads the Markdown itself, so that it holds for a draft and for what people made of it. It
asks for what is certain; whether a sentence is a good one is for people to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from textwrap import shorten

from atomlab.files import read_yaml
from atomlab.postmortem.reader import Block, blocks
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
_MARK = re.compile(r"\b(?:TO WRITE|TODO|TBD|FIXME)\b(?:: )?")
_EMPTY = ("", "n/a", "none", "unassigned", "unknown")
_CLOCK = re.compile(r"(?<![\d:.])(?:[01]\d|2[0-4]):[0-5]\d(?::[0-5]\d)?(?!\d|:\d)")
_ZONE = re.compile(rf"\b(?:UTC|GMT)\b|{_CLOCK.pattern} ?\(?(?:Z\b|[A-Z]{{3,5}}\b|[+−-]\d\d)")
_ALL_IN_ONE_ZONE = re.compile(r"\btimes (?:are )?(?:given )?(?:in )?(?:UTC|GMT)\b", re.IGNORECASE)
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
    read = list(blocks(markdown))
    rows = [b for b in _rows(read, "evidence") if re.fullmatch(r"E\d{1,6}", b.cells[0])]
    known = {int(row.cells[0][1:]): row for row in rows if not _is_empty(row.named.get("where"))}
    zoned = bool(_ALL_IN_ONE_ZONE.search(markdown))
    found = [*_sections(read), *_head(read), *_timeline(read), *_actions(read)]
    for block in read:
        found += [*_unwritten(block), *_uncited(block, known), *_advice(block)]
        clock = _CLOCK.search(block.text)
        if clock and not zoned and not _ZONE.search(block.text):
            found.append(_at(block, f"a time without its zone: {clock[0]}"))
    return sorted(dict.fromkeys(found))


def _at(block: Block, what: str, *, advice: bool = False) -> Problem:
    section = " / ".join(printable(name, 60) for name in block.section[1:] if name)
    row = f", row {block.number}" if block.number else ""
    return Problem(block.line, f"{section or 'Head'}{row}", what, advice)


def _is_empty(cell: str | None) -> bool:
    return (cell or "").strip(" .–—-?").lower() in _EMPTY


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
    head = {b.cells[0].lower(): b for b in read if b.cells and len(b.section) < 2}
    for name in _HEAD:
        if name not in head:
            yield Problem(0, "Head", f"no row {name}")
    for block in read:
        if len(block.cells) == 2 and not any(block.head):
            name, value = block.cells[0].lower(), block.cells[1]
            required = name in _HEAD and len(block.section) < 2
            if _is_empty(value) if required else not value.strip(" .–—-?"):
                yield _at(block, f"no {printable(name, 40) or 'name'}")


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
    if len(rows) < len(cites) or not measured or block.within("action items", "fix options"):
        return
    shown = "; ".join(row.named.get("what it shows", "") for row in rows)
    # Several findings may be counted themselves, as in 4 of 4 kinds of request.
    counts = map(str, range(len(rows) + 1)) if len(rows) > 1 else ()
    right = {*_figures(shown), *counts}
    wrong = [figure for figure in _figures(block.text) if figure not in right]
    if wrong and _figures(shown):
        cited = ", ".join(f"[E{number}]" for number in cites[:3])
        yield _at(block, f"{wrong[0]} is not what {cited} says: {printable(shown, 60)}")


def _figures(text: str) -> list[str]:
    return [each.rstrip(",") for each in _FIGURE.findall(text)]


def _timeline(read: Iterable[Block]) -> Iterator[Problem]:
    """Yield rows without a time, moments that are missing, and those in the wrong order."""
    rows = _rows(read, "timeline")
    for row in rows:
        when = row.cells[0]
        if not _MARK.search(when) and not (_moment(row) and _CLOCK.search(when)):
            yield _at(row, f"no date and time: {printable(when, 40) or 'empty'}")
    by_kind = {cell.lower(): row for row in reversed(rows) for cell in row.cells[1:]}
    for kind in _MOMENTS if rows else ():
        if kind not in by_kind:
            yield Problem(rows[0].line, "Timeline", f"no row {kind}")
    for first, then in _ORDER:
        early, late = _moment(by_kind.get(first)), _moment(by_kind.get(then))
        # Of a day and a time only the days compare.
        if early and late and late[: len(early)] < early[: len(late)]:
            yield _at(by_kind[then], f"{then} is before {first}")


def _moment(row: Block | None) -> str:
    """Return the day that a row of the timeline begins with, and the time if that is in UTC."""
    when = row.cells[0] if row else ""
    found = re.search(r"(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d(?::\d\d)?))?", when)
    in_utc = found and found[2] and re.search(r"UTC|GMT|\dZ", when)
    return f"{found[1]} {found[2]}" if found and in_utc else found[1] if found else ""


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
    is_text = not block.level and re.search(r"\w$|\w\W*[^:]$", block.text)
    if is_text and block.within(*_CLAIMS) and not block.cites and not _MARK.search(block.text):
        what.append("no evidence is cited")
    yield from (_at(block, f"advice: {each}", advice=True) for each in what)


@cache
def _words() -> Mapping[str, Sequence[str]]:
    words: Mapping[str, Sequence[str]] = read_yaml(Path(__file__).with_name("advice.yaml"))
    return words
