"""What keeps a postmortem from being finished: all of it, each with its place.

The check reads the Markdown itself, so that it holds for a draft and for what people made of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from textwrap import shorten

from atomlab.postmortem.actions import open_in
from atomlab.postmortem.facts import NOT_RECORDED
from atomlab.postmortem.markdown import TO_WRITE
from atomlab.postmortem.moments import moments
from atomlab.postmortem.quantities import quantities
from atomlab.postmortem.reader import Block, blocks, titles
from atomlab.postmortem.trigger import repeats
from atomlab.postmortem.unfinished import is_open, marked, nobody, nothing
from atomlab.text import printable

SECTIONS = (
    *("Summary", "Impact", "Timeline", "Detection", "Trigger", "Root cause"),
    *("Contributing causes", "Resolution", "What went well", "What went wrong"),
    *("Where we got lucky", "Action items", "Evidence"),
)
_HEAD = ("status", "severity", "owner", "authors")  # rows that the head must have
# What may be "none": the draft says so where it asks.
_OR_NONE = ("incident number", "review meeting", "recording", "war room", "drill")
_NONE = ("n/a", "nil", "no", "none")
_UNKNOWN = ("no idea", "nobody knows", "not clear", "not known yet", "nothing", "unclear")
_MOMENTS = ("started", "detected", "mitigated", "resolved")
# What none of them comes before; an incident may be over before anybody detects it.
_EARLIER = {
    "detected": ("started",),
    "mitigated": ("started",),
    "resolved": ("started", "mitigated"),
}
# What is claimed there rests on evidence, whether it has a number or not.
_CLAIMS = {
    "trigger": "a cause",
    "root cause": "a cause",
    "contributing causes": "a cause",
    "resolution": "a resolution",
}
# The table of the options that were run: it tells more of each than its row of evidence does.
_OPTIONS = ("option", "kind, cost", "for", "against")
# Where a text has to say something.
_SAID = ("summary", "trigger", "root cause", "resolution")
# How a draft's own sentences under the resolution begin.
_DRAFTED = ("On the later snapshot ", "The fix of least effort", "The script that does it;")
_HASH = re.compile(r"\b[0-9a-f]{64}\b")
_SMALL = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen
    fifteen sixteen seventeen eighteen nineteen twenty"""
_FIGURES = {word: number for number, word in enumerate(_SMALL.split())}
# Shares, durations and the like are worked out from what was measured.
_PLAIN = re.compile(r"[^\w%]*\d[\d,]*|\w+ .*")


@dataclass(frozen=True, order=True)
class Problem:
    """Something to finish: the line of the Markdown, the place in words, and what is wrong."""

    line: int
    place: str
    what: str


def problems(markdown: str) -> list[Problem]:
    """Return what is open or wrong in a postmortem, in the order of its lines."""
    read = list(blocks(markdown))
    rows = _rows_of_evidence(read)
    known = {int(row.cells[0][1:]): row for row in rows}
    found = [*_sections(read, list(titles(markdown))), *_head(read)]
    for block in read:
        told = [
            *_unwritten(block),
            *_empty(block),
            *_unsaid(block),
            *_unproven(block, known),
            *_times(block),
        ]
        found += [Problem(block.line, _place(block), what) for what in told]
    for title in titles(markdown):
        told = [*_unwritten(title), *_uncited(title)]
        found += [Problem(title.line, _place(title), what) for what in told]
    found += [*_timeline(read), *_actions(read), *_evidence(read), *_trigger(read)]
    found += _resolution(read, known)
    return sorted(dict.fromkeys(found))


def _sections(read: Sequence[Block], headings: Sequence[Block]) -> Iterator[Problem]:
    """Yield the sections that are missing, or that have nothing but their heading.

    Of the action items, `_actions` tells as much.
    """
    for name in SECTIONS:
        title = next((each for each in headings if each.whole.lower() == name.lower()), None)
        said = [b for b in read if _within(b, name.lower()) and re.search(r"\w", b.whole)]
        if title is None:
            yield Problem(0, name, "the section is missing")
        elif not said and name != "Action items":
            yield Problem(title.line, _place(title), "nothing stands under the heading")


def _head(read: Sequence[Block]) -> Iterator[Problem]:
    """Yield the rows that the head lacks."""
    rows = [block for block in read if len(block.section) < 2 and block.cells]
    names = {row.cells[0].lower() for row in rows}
    for name in _HEAD:
        if name not in names:
            yield Problem(rows[0].line if rows else 0, "Head", f"no row {name}")


def _place(block: Block) -> str:
    section = " / ".join(printable(name, 60) for name in block.section[1:] if name)
    row = f", row {block.number}" if block.number else ""
    return f"{section or 'Head'}{row}"


def _within(block: Block, *names: str) -> bool:
    return bool({heading.strip().lower() for heading in block.section} & set(names))


def _unwritten(block: Block) -> Iterator[str]:
    if not is_open(block.text) or (block.cells and _within(block, "action items")):
        return
    told = marked(", ".join(filter(None, block.cells)) or block.text)
    about = re.sub(rf",? ?{TO_WRITE}(: )?", ": ", told).strip(": ") or block.text
    yield f"still to write: {shorten(about, 100, placeholder=' …')}"


def _empty(block: Block) -> Iterator[str]:
    """Yield the section whose text is a word that stands for nothing, such as unknown."""
    said = re.sub(r"^(?:(?:it|that|this) )?(?:is|was) ", "", block.whole.strip(" .").lower())
    name = next((name for name in _SAID if _within(block, name)), None)
    none = not block.cells and (nothing(said) or said in _NONE + _UNKNOWN)
    if name and none and not is_open(block.text):
        yield f"no {name}"


def _unsaid(block: Block) -> Iterator[str]:
    """Yield the row of a table without a head, a name and what is said of it, that says nothing."""
    if any(block.head) or len(block.cells) != 2 or is_open(block.text):
        return
    name, said = block.cells
    head = len(block.section) < 2
    none = said.strip(" .").lower() in _NONE and (not head or name.lower() in _OR_NONE)
    if name.lower() == "owner" and nobody(said):
        yield "no owner"
    elif not none and (nothing(said) or (head and said.strip(" .").lower() in _NONE)):
        yield f"no {printable(name.lower(), 40) or 'name'}"


def _unproven(block: Block, known: Mapping[int, Block]) -> Iterator[str]:
    for number in block.cites:
        if number not in known:
            yield f"[E{number}] is not in the evidence"
    uncited = list(_uncited(block))
    yield from uncited
    if not (uncited or block.cites) and (claim := _claim(block)):
        yield f"{claim} without evidence"
    yield from _contradicted(block, known)


def _claim(block: Block) -> str | None:
    """Return what kind of claim a block is that needs evidence, if it is one."""
    if is_open(block.text) or block.text.endswith((":", f"{NOT_RECORDED}.")):
        return None
    if any(_empty(block)):
        return None
    if block.cells and _within(block, "timeline"):
        return "an entry"
    return next((kind for name, kind in _CLAIMS.items() if _within(block, name)), None)


def _contradicted(block: Block, known: Mapping[int, Block]) -> Iterator[str]:
    """Yield the first number that is none of those that the line's measured evidence shows."""
    cited = list(dict.fromkeys(block.cites))
    aside = _within(block, "evidence", "action items") or block.head == _OPTIONS
    if aside or not set(cited) <= known.keys():
        return
    shown = _measured([known[number] for number in cited])
    figures = _figures(each for text in shown for each in quantities(text))
    # Several findings may be counted themselves, as in 4 of 4 requests.
    right = figures | (_counts(block.text, len(cited)) if len(cited) > 1 else set())
    plain = (said for said in quantities(block.text) if _PLAIN.fullmatch(said))
    wrong = next((said for said in plain if _figures([said]) - right), None)
    if figures and wrong:
        where = ", ".join(f"[E{n}]" for n in cited[:3]) + (", …" if len(cited) > 3 else "")
        verb = "shows" if len(cited) == 1 else "show"
        told = printable("; ".join(shown), 60)
        yield f"{printable(wrong, 40)} is not what {where} {verb}: {told}"


def _measured(rows: Sequence[Block]) -> list[str]:
    """Return what rows of evidence show, or nothing if people stated one of them."""
    cells = [dict(zip(row.head, row.plain, strict=False)) for row in rows]
    if any(nothing(each.get("snapshot", "")) for each in cells):
        return []
    return [each.get("what it shows", "") for each in cells]


def _counts(text: str, total: int) -> set[int]:
    """Return the numbers in `text` that count the findings of which `total` are cited."""
    some = {int(each) for each in re.findall(rf"\b(\d{{1,4}}) of {total}\b", text)}
    return {total, *(each for each in some if each <= total)}


def _figures(said: Iterable[str]) -> set[int]:
    """Return the numbers of quantities in figures or small words."""
    found = [each for text in said for each in re.findall(r"\d[\d,]*|[a-z]+", text.lower())]
    return {
        int(each.replace(",", "")) if each[0].isdecimal() else _FIGURES[each]
        for each in found
        if each[0].isdecimal() or each in _FIGURES
    }


def _uncited(block: Block) -> Iterator[str]:
    """Yield the first number without evidence; those of actions are aims, not claims."""
    if len(block.section) < 2 or block.cites or _within(block, "evidence", "action items"):
        return
    if seen := quantities(block.text):
        yield f"a number without evidence: {printable(seen[0], 40)}"


def _times(block: Block) -> Iterator[str]:
    wrong = [each.clock for each in moments(block.text) if not each.utc]
    if wrong:
        yield f"a time without UTC: {wrong[0]}"
    elif _within(block, "timeline") and block.cells:
        when = block.cells[0]
        if not is_open(when) and not moments(when):
            yield f"no time (UTC): {printable(when, 40) or 'empty'}"


def _timeline(read: Iterable[Block]) -> Iterator[Problem]:
    """Yield the moments that the timeline lacks, and those that come before an earlier one."""
    rows = [b for b in read if b.cells and _within(b, "timeline")]
    if not rows:
        return
    by_kind = {cell.lower(): row for row in reversed(rows) for cell in row.cells[1:]}
    for kind in _MOMENTS:
        if kind not in by_kind:
            yield Problem(rows[0].line, "Timeline", f"no row {kind}")
    at = {kind: _moment(by_kind.get(kind)) for kind in _MOMENTS}
    for kind, earlier in _EARLIER.items():
        if late := next((name for name in earlier if _precedes(at[kind], at[name])), None):
            row, told = by_kind[kind], "it started" if late == "started" else f"it was {late}"
            yield Problem(row.line, _place(row), f"{kind} before {told}")


def _precedes(then: str, other: str) -> bool:
    """Return whether a moment is before another; of a day and a time only the days compare."""
    return bool(then and other) and then[: len(other)] < other[: len(then)]


def _moment(row: Block | None) -> str:
    """Return the day and, if given, the time that a row of the timeline begins with."""
    found = re.search(r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d)?)?", row.cells[0] if row else "")
    return found[0].replace("T", " ") if found else ""


def _incident_day(read: Iterable[Block]) -> str:
    """Return the day on which the incident started, else the first of the timeline."""
    rows = [b for b in read if b.cells and _within(b, "timeline")]
    started = [row for row in rows if "started" in map(str.lower, row.cells[1:])]
    days = [_moment(row)[:10] for row in started] + sorted(_moment(row)[:10] for row in rows)
    return next(filter(None, days), "")


def _actions(read: Sequence[Block]) -> Iterator[Problem]:
    rows = [b for b in read if b.cells and _within(b, "action items")]
    if not rows:
        yield Problem(0, "Action items", "no action item stands in a table")
    for head, row in {row.head: row for row in reversed(rows)}.items():
        for name in ("item", "type", "owner", "due"):
            if name not in head:
                yield Problem(row.line, "Action items", f"the table has no column {name}")
    incident = _incident_day(read)
    for row in rows:
        cells = dict(zip(row.head, row.cells, strict=False))
        for what in open_in(cells, incident):
            yield Problem(row.line, _place(row), what)


def _rows_of_evidence(read: Iterable[Block]) -> list[Block]:
    rows = [b for b in read if b.cells and _within(b, "evidence")]
    return [row for row in rows if re.fullmatch(r"E\d{1,6}", row.cells[0])]


def _evidence(read: list[Block]) -> Iterator[Problem]:
    """Yield what of the evidence leads nowhere: to no snapshot's hash, and to no source."""
    hashes = {h for b in read if _within(b, "evidence") for h in _HASH.findall(b.whole)}
    seen: set[str] = set()
    for row in _rows_of_evidence(read):
        cells = dict(zip(row.head, row.cells, strict=False))
        where, snapshot = cells.get("where", ""), cells.get("snapshot", "").strip("–- ")
        if row.cells[0] in seen:
            yield Problem(row.line, _place(row), f"{row.cells[0]} stands here twice")
        seen.add(row.cells[0])
        if nothing(where):
            yield Problem(row.line, _place(row), f"{row.cells[0]} leads nowhere")
        elif snapshot and not any(h.startswith(snapshot) for h in hashes):
            what = f"{row.cells[0]} leads to a snapshot whose SHA-256 is not given"
            yield Problem(row.line, _place(row), what)


def _trigger(read: Sequence[Block]) -> Iterator[Problem]:
    """Yield triggers that are the root cause again."""
    roots = [block.whole for block in read if _within(block, "root cause")]
    for block in read:
        if _within(block, "trigger") and not is_open(block.text) and repeats(block.whole, roots):
            yield Problem(block.line, _place(block), "the trigger equals the root cause")


def _resolution(read: Sequence[Block], known: Mapping[int, Block]) -> Iterator[Problem]:
    """Yield the resolution of which only what a draft says is left: what would do, not what did."""
    said = [b for b in read if _within(b, "resolution") and re.search(r"\w", b.whole)]
    if said and all(b.whole.startswith(_DRAFTED) or _shown(b, known) for b in said):
        yield Problem(said[0].line, _place(said[0]), "what was done is missing")


def _shown(block: Block, known: Mapping[int, Block]) -> bool:
    """Return whether a block says what its evidence shows, in the same words."""
    rows = [known[n] for n in block.cites if n in known]
    shown = [dict(zip(row.head, row.cells, strict=False)).get("what it shows") for row in rows]
    return block.whole.strip(" .").lower() in [(each or "").strip(" .").lower() for each in shown]
