"""What keeps a postmortem from being finished: all of it, each with its place.

The check reads the Markdown itself, so that it holds for a draft and for what people made of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from difflib import SequenceMatcher
from textwrap import shorten
from typing import get_args

from atomlab.report.postmortem.events import ActionType
from atomlab.report.postmortem.markdown import TO_WRITE
from atomlab.report.postmortem.quantities import quantities
from atomlab.report.postmortem.reader import Block, blocks, headings, titles
from atomlab.text import printable

SECTIONS = (
    *("Summary", "Impact", "Timeline", "Detection", "Trigger", "Root cause"),
    *("Contributing causes", "Resolution", "What went well", "What went wrong"),
    *("Where we got lucky", "Action items", "Evidence"),
)
_CAUSES = ("trigger", "root cause", "contributing causes")
# Verbs that bind nobody: nothing tells when they are done (source: SRE workbook, *Postmortem
# Culture*: an action item starts with a verb, is specific, and has an end).
_VAGUE = (
    *("analyse", "analyze", "assess", "be careful", "be more", "better", "careful", "consider"),
    *("discuss", "ensure", "enhance", "evaluate", "examine", "explore", "improve"),
    *("investigate", "look at", "look into", "make sure", "more", "optimise", "optimize"),
    *("pay attention", "revisit", "strengthen", "think", "understand"),
)
# Nouns as well ("add a monitor"): verbs only where the sentence begins, whatever its adverbs.
_VAGUE_VERBS = ("monitor", "research", "review", "study", "try", "watch")
_LEAD = r"(?:please |we |the team |someone |to |should |must |will |need to |needs to |have to )*"
_VAGUE_START = re.compile(
    rf"\W*{_LEAD}(?:(?:\w+ly\W+){{0,2}}?(?P<verb>{'|'.join(_VAGUE_VERBS)})"
    rf"|(?:[\w'-]+\W+){{0,2}}?(?P<word>{'|'.join(_VAGUE)}))\b",
    re.IGNORECASE,
)
_NOBODY = frozenset(
    """- – — ? all anybody everybody everyone n/a nobody none somebody someone tba tbd team us we
    unknown""".split()  # noqa: SIM905
) | {"", "the team"}
_TIME = re.compile(
    r"(?<![\w:.+-])(?:(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d)?(?:\.\d+)?(?:\s?[ap]\.?m\b\.?)?"
    r"|\d{1,2}\s?[ap]\.?m\b\.?)(?P<zone>\s?(?:UTC|Z)\b(?![+−-]0*[1-9])|\+00:00)?",
    re.IGNORECASE,
)
_HASH = re.compile(r"\b[0-9a-f]{64}\b")
_SAME = 0.85  # share of words in common from which two causes are the same in other words


@dataclass(frozen=True, order=True)
class Problem:
    """Something to finish: the line of the Markdown, the place in words, and what is wrong."""

    line: int
    place: str
    what: str


def problems(markdown: str) -> list[Problem]:
    """Return what is open or wrong in a postmortem, in the order of its lines."""
    read = list(blocks(markdown))
    there = {heading.strip().lower() for heading in headings(markdown)}
    missing = [name for name in SECTIONS if name.lower() not in there]
    found = [Problem(0, name, "the section is missing") for name in missing]
    known = {int(row.cells[0][1:]) for row in _rows_of_evidence(read)}
    for block in read:
        told = [*_unwritten(block), *_unproven(block, known), *_times(block)]
        found += [Problem(block.line, _place(block), what) for what in told]
    for title in titles(markdown):
        found += [Problem(title.line, _place(title), what) for what in _uncited(title)]
    found += [*_actions(read), *_evidence(read), *_trigger(read)]
    return sorted(dict.fromkeys(found))


def _place(block: Block) -> str:
    section = " / ".join(printable(name, 60) for name in block.section[1:] if name)
    row = f", row {block.number}" if block.number else ""
    return f"{section or 'Head'}{row}"


def _within(block: Block, *names: str) -> bool:
    return bool({heading.strip().lower() for heading in block.section} & set(names))


def _unwritten(block: Block) -> Iterator[str]:
    if TO_WRITE not in block.text or _within(block, "action items"):
        return
    told = ", ".join(filter(None, block.cells)) or block.text
    about = re.sub(rf",? ?{TO_WRITE}(: )?", ": ", told).strip(": ")
    yield f"still to write: {shorten(about, 100, placeholder=' …')}"


def _unproven(block: Block, known: set[int]) -> Iterator[str]:
    for number in block.cites:
        if number not in known:
            yield f"[E{number}] is not in the evidence"
    uncited = list(_uncited(block))
    yield from uncited
    cause = _within(block, *_CAUSES) and not (TO_WRITE in block.text or block.text.endswith(":"))
    if cause and not (uncited or block.cites):
        yield "a cause without evidence"


def _uncited(block: Block) -> Iterator[str]:
    """Yield the first number without evidence; those of actions are aims, not claims."""
    if len(block.section) < 2 or block.cites or _within(block, "evidence", "action items"):
        return
    if seen := quantities(block.text):
        yield f"a number without evidence: {printable(seen[0], 40)}"


def _times(block: Block) -> Iterator[str]:
    text = re.sub(r"(?<=\d{4}-\d\d-\d\d)T(?=\d\d:)", " ", block.text)
    wrong = [match[0] for match in _TIME.finditer(text) if not match["zone"]]
    if wrong:
        yield f"a time without UTC: {wrong[0].strip()}"
    elif _within(block, "timeline") and block.cells:
        when = block.cells[0]
        if TO_WRITE not in when and not _TIME.search(when):
            yield f"no time (UTC): {printable(when, 40) or 'empty'}"


def _actions(read: Iterable[Block]) -> Iterator[Problem]:
    rows = [b for b in read if b.cells and _within(b, "action items")]
    if not rows:
        yield Problem(0, "Action items", "no action item stands in a table")
    for head, row in {row.head: row for row in reversed(rows)}.items():
        for name in ("item", "type", "owner", "due"):
            if name not in head:
                yield Problem(row.line, "Action items", f"the table has no column {name}")
    for row in rows:
        cells = dict(zip(row.head, row.cells, strict=False))
        for what in _action(cells):
            yield Problem(row.line, _place(row), what)


def _action(cells: dict[str, str]) -> Iterator[str]:
    item = cells.get("item", "")
    if TO_WRITE in item or not item:
        yield ": ".join(filter(None, ["no item", item.partition(TO_WRITE)[2].strip(": ")]))
    elif vague := _VAGUE_START.match(item):
        said = vague[vague.lastgroup or 0].lower()
        yield f"binds nobody: {said!r}; say what is there when it is done"
    for name in ("owner", "priority", "tracker"):
        if name in cells and _nothing(cells[name]):
            yield f"no {name}"
    types = get_args(ActionType)
    if cells.get("type", "").lower() not in types:
        yield f"no type, one of {', '.join(types)}"
    due = cells.get("due", "")
    if _nothing(due):
        yield "no due date"
    elif not _is_date(due):
        yield f"due {printable(due, 40)} is no date, such as 2026-05-31"


def _nothing(cell: str) -> bool:
    return TO_WRITE in cell or cell.strip(" .").lower() in _NOBODY


def _is_date(text: str) -> bool:
    try:
        return bool(date.fromisoformat(text))
    except ValueError:
        return False


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
        if _nothing(where):
            yield Problem(row.line, _place(row), f"{row.cells[0]} leads nowhere")
        elif snapshot and not any(h.startswith(snapshot) for h in hashes):
            what = f"{row.cells[0]} leads to a snapshot whose SHA-256 is not given"
            yield Problem(row.line, _place(row), what)


def _trigger(read: Iterable[Block]) -> Iterator[Problem]:
    """Yield triggers that are the root cause again; both are compared sentence by sentence."""
    roots = [words for b in read if _within(b, "root cause") for words in _sentences(b.whole)]
    for block in read:
        if _within(block, "trigger") and TO_WRITE not in block.text:
            said = _sentences(block.whole)
            if any(_alike(one, other) for one in said for other in roots):
                yield Problem(block.line, _place(block), "the trigger equals the root cause")


def _sentences(text: str) -> list[list[str]]:
    parts = [re.findall(r"\w+", part.casefold()) for part in re.split(r"[.:;!?]\s+", text)]
    return [words for words in parts if len(words) > 2]


def _alike(one: list[str], other: list[str]) -> bool:
    return SequenceMatcher(None, one, other, autojunk=False).ratio() >= _SAME
