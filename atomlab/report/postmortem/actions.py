"""Action items: whether one binds, who answers for it, and until when."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import get_args

from atomlab.report.postmortem.events import ActionType
from atomlab.report.postmortem.markdown import TO_WRITE
from atomlab.report.postmortem.unfinished import is_open, marked, nobody, nothing
from atomlab.text import printable

# Verbs that bind nobody: nothing tells when they are done (source: SRE workbook, *Postmortem
# Culture*: an action item starts with a verb, is specific, and has an end).
_STEMS = """analy[sz] assess clarif[iy] consider discuss enhanc ensur evaluat examin explor improv
    investigat optimi[sz] rethink revisit strengthen think understand"""
_MEET = "(?:arrange|book|have|hold|organi[sz]e|schedule|set up)"
_PHRASES = (
    *("be careful", "be more", "careful", "(?:double-)?check(?:ing)? (?:how|if|what|whether|why)"),
    *("dig(?:ging)?(?: deeper| further)? into", "figur(?:e|ing) out", "find(?:ing)? out"),
    *("follow(?:ing)? up", "hav(?:e|ing) a look", "keep(?:ing)? an eye", "keep(?:ing)? in mind"),
    *("learn(?:ing)?", "look(?:ing)? (?:at|into)", "mak(?:e|ing) sure", "pay(?:ing)? attention"),
    *("rais(?:e|ing) awareness", "reach(?:ing)? out", "remind(?:ing)?"),
    *(
        "get a better",
        "verify (?:if|whether)",
        "see (?:how|if|what|whether|why)",
        "tak(?:e|ing) (?:a look|care)",
        "work(?:ing)? on",
    ),
    f"{_MEET} (?:an? |the )?(?:[\\w-]+ )?(?:call|chat|discussion|meeting|sync|talk)",
)
# These name things as well ("review gate added"): vague unless the item tells a result.
_THINGS = (
    "follow-up", "monitor(?:ing)?", "research(?:ing)?", "review(?:ing)?", "study(?:ing)?",
    "try(?:ing)?", "watch(?:ing)?",
)  # fmt: skip
_ANY_STEM = f"(?:re-?)?(?:{'|'.join(_STEMS.split())})"
_END = r"(?![\w/-]|\.\w)"  # of a word, which is not the start of a file's or a thing's name
_ADVERB = r"(?!(?:apply|rely|reply|supply)\b)\w+ly\W+"
_ADVERBS = f"(?:{_ADVERB})*"
_LEAD = (
    r"^[\W\d]*(?:(?:please|we|i|the team|someone|somebody|to|should|must|will|can|could|let's|also"
    r"|then|need to|needs to|have to|has to|keep(?: on)?(?! (?:an eye|in mind))|continue(?: to)?"
    rf"|start(?: to)?|begin(?: to)?|do|conduct|perform|carry out)\W+|{_ADVERB})*?"
)
_OF = (
    r"(?:(?:additional|an?|closer|continuous|deeper|detailed|full|further|in-depth|more"
    r"|ongoing|our|root[- ]cause|some|the|thorough)\W+)*"
)
_FIRM = "|".join([f"{_ANY_STEM}(?:e|ing)?", *_PHRASES])
_NOUNS = f"{_ANY_STEM}(?:e?ment|ation|ion|is)s?|monitoring"
_SUBJECT = r"^[\W\d]*(?:[\w'’-]+\s+){1,4}?"
_MODAL = r"(?:should|must|will|shall|needs? to|ha(?:s|ve) to|can|could|(?:is|are) to)"
_PASSIVE = f"(?:{_ANY_STEM}|monitor|research|review|studi|watch)ed"
# Of these there is never enough; "more fields in lookup" says which.
_MORE = r"(?:alert|attention|care|check|coverage|doc|log(?:s|ging)|monitor|review|test|train)\w*"
_LOOK = r"look(?:ing)? (?:at|into)"
_WATCH = f"dig into|find out|follow up|keep an eye|{_LOOK}"
_DUTY = f"{_ANY_STEM}e?|{_WATCH}|monitor|review"
_DOES = (
    rf"(?!analys|consider|ensur){_ANY_STEM}e?s|digs into|finds out|follows up|keeps an eye"
    r"|looks (?:at|into)|tries to"
)
_DOES_IT = "analyses|considers|monitors|researches|reviews|studies|watches"
_VAGUE = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"{_LEAD}(?P<word>{_FIRM}){_END}",
        rf"^[^:]{{1,40}}:\s*(?P<word>{_ANY_STEM}(?:e|ing)|{_WATCH}){_END}",
        rf"{_SUBJECT}{_MODAL}\s+{_ADVERBS}(?P<word>{_DUTY}){_END}",
        rf"{_SUBJECT}{_MODAL}\s+be\s+{_ADVERBS}(?P<word>{_PASSIVE}){_END}",
        rf"^[\W\d]*(?!try\b)[\w'’-]+\s+to\s+{_ADVERBS}(?P<word>{_FIRM}|monitor|review|watch){_END}",
        rf"{_SUBJECT}(?P<word>{_DOES}){_END}",
        rf"{_SUBJECT}(?P<word>{_DOES_IT})\s+(?:all|each|every|our|the|this)\b",
        r"(?P<word>\bbe (?:more )?(?:aware|careful|mindful|vigilant))\b",
    )
]
_VAGUE_WITHOUT_RESULT = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"{_LEAD}(?P<word>{'|'.join(_THINGS)}){_END}",
        rf"{_LEAD}{_OF}(?P<word>{_NOUNS}){_END}",
        rf"{_LEAD}(?P<word>better|more)\b(?! than)",
        rf"^[\W\d]*[\w'-]+\s+(?P<word>better|more)\s+(?:{_MORE}|[\w'-]+\W*$)",
    )
]
_READ = 200  # characters of an item: it says at its start what is to be done
_RESULT = re.compile(
    r"\w\s+(?:is |are |gets? )?(?:added|automated|built|changed|closed|created|deleted|deployed"
    r"|documented|enabled|enforced|fixed|installed|live|logged|made|merged|moved|published|released"
    r"|removed|renamed|replaced|required|sent|set|shipped|tested|written)"
    r"(?=\W*$|\s*[,;:.]|\s+(?:and|as|at|before|by|for|from|in|into|on|per|to|with)\b)",
    re.IGNORECASE,
)


def vague(item: str) -> str | None:
    """Return the words of an item that bind nobody; None where it says what will be there."""
    item = item[:_READ]
    patterns = _VAGUE + ([] if _RESULT.search(item) else _VAGUE_WITHOUT_RESULT)
    found = next(filter(None, (pattern.search(item) for pattern in patterns)), None)
    return found["word"].lower() if found else None


def open_in(cells: Mapping[str, str], incident: str) -> Iterator[str]:
    """Yield what an action item lacks; `incident` is the day of the incident, if that is known."""
    item = cells.get("item", "")
    if is_open(item) or nothing(item):
        what = marked(item).partition(TO_WRITE)[2].strip(": ")
        yield ": ".join(filter(None, ["no item", what]))
    elif said := vague(item):
        yield f"binds nobody: {said!r}; say what is there when it is done"
    if "owner" in cells and nobody(cells["owner"]):
        owner = "" if nothing(cells["owner"]) else f": {printable(cells['owner'], 40)!r}"
        yield f"no owner{owner}"
    for name in ("priority", "tracker"):
        if name in cells and nothing(cells[name]):
            yield f"no {name}"
    types = get_args(ActionType)
    if cells.get("type", "").lower() not in types:
        yield f"no type, one of {', '.join(types)}"
    yield from _due(cells.get("due", ""), incident)


def _due(due: str, incident: str) -> Iterator[str]:
    if nothing(due):
        yield "no due date"
    elif (day := _date(due)) is None:
        yield f"due {printable(due, 40)} is no date, such as 2026-05-31"
    elif (happened := _date(incident)) and day < happened:
        yield f"due {day} is before the incident, {happened}"


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
