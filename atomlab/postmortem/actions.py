"""Action items: whether one binds, who answers for it, and until when."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import get_args

from atomlab.postmortem.events import ActionType
from atomlab.postmortem.markdown import TO_WRITE
from atomlab.postmortem.unfinished import is_open, marked, nobody, nothing
from atomlab.text import printable


def _root(word: str) -> str:
    """Return a word without the ending of its form: reviews, reviewed, reviewing."""
    plain = word.rstrip(":").removeprefix("re-")
    return re.sub(
        r"(?<=\w{3})(?:ements?|ations?|ions?|is|ies|ied|ying|y|ing|ed|es|e|s)$", "", plain
    )


def _roots(words: str) -> tuple[str, ...]:
    return tuple(map(_root, words.split()))


# Verbs that bind nobody: nothing tells when they are done (source: SRE workbook, *Postmortem
# Culture*: an action item starts with a verb, is specific, and has an end).
_VERBS = frozenset(
    _roots(
        """analyse analysis analyze assess assesses reassess clarify communicate consider discuss
        discusses educate enhance ensure evaluate evaluation examine explore exploration improve
        investigate investigation learn optimise optimize remind rethink revisit strengthen think
        understand"""
    )
)
# These name things as well ("review gate added"): vague unless the item tells a result.
_THINGS = frozenset(_roots("follow-up monitor research review study train try watch"))
_SHOWS = frozenset("contains covers has lists names shows".split())  # noqa: SIM905
_PHRASES = tuple(
    _roots(phrase)
    for phrase in re.split(
        r";\s*",
        """careful; dig into; dig deeper into; dig further into; figure out; find out; follow up;
        get a better; have a look; keep an eye; keep in mind; look at; look into; make sure;
        pay attention; raise awareness; reach out; take a look; take care; work on""",
    )
)
# What leaves the end of an item open, wherever in it.
_OPEN = re.compile(
    r"\bbe (?:more )?(?:aware|careful|mindful|vigilant)\b|\bbe more\b|\bin (?:the )?future\b"
    r"|\b(?:as|if|when|where) (?:appropriate|necessary|needed|possible)\b|\bbetter$"
)
_ASK, _WHETHER = frozenset(_roots("check double-check see verify")), "how if what whether why"
_MEET = frozenset(_roots("arrange book have hold organise organize schedule set"))
_MEETING = frozenset("call chat discussion meeting sync talk".split())  # noqa: SIM905
# What may stand before: who does it, that it should be done, and how much of it.
_LEAD = frozenset(
    """a additional also an be begin can carry closer conduct continue could deeper detailed do
    further has have i keep let's more need needs ongoing our out perform please root-cause some
    somebody someone start team the then thorough to we""".split()  # noqa: SIM905
)
_DUTY = frozenset("can could must shall should will".split())  # noqa: SIM905
# Of these there is never enough; "more fields in lookup" says which.
_SCARCE = ("alert", "attention", "care", "check", "coverage", "doc", "monitor", "test", "train")
_READ, _READ_WORDS = 200, 7  # characters, words: an item says at its start what is to be done
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
    words = re.findall(r"[\w'’./-]*\w:?", re.sub(r"^[\W\d]*", "", item.lower()))
    done = bool(_RESULT.search(item))
    told = (_said(words, place, done) for place in range(len(words[:_READ_WORDS])))
    left = _OPEN.search(" ".join(words))
    return left[0] if left else next(filter(None, told), None)


def _said(words: list[str], place: int, done: bool) -> str | None:
    """Return what binds nobody at this place of an item, if anything does."""
    word, *after = words[place:]
    root, roots = _root(word), _roots(" ".join(words[place:]))
    before = _since_duty(words[:place])
    led = all(each in _LEAD or each.endswith("ly") for each in before)
    if word in ("better", "more"):
        scarce = not after or after[0].startswith(_SCARCE)
        return word if not done and after[:1] != ["than"] and place < 1 + scarce else None
    if phrase := next((each for each in _PHRASES if roots[: len(each)] == each), None):
        return " ".join(words[place : place + len(phrase)]) if led else None
    if led and root in _ASK and after and after[0] in _WHETHER.split():
        return f"{word} {after[0]}"
    meetings = [n for n, each in enumerate(after[:4]) if each in _MEETING]
    if led and root in _MEET and meetings:
        return " ".join([word, *after[: meetings[0] + 1]])
    does = place == 1 and word.endswith("s") and (root in _VERBS or after[:1] == ["the"])
    form = word.endswith(("is", "ion", "ions", "ment", "ments", "ed")) or root in _THINGS
    tried = root == "try" and len(before) < place  # "the lookup must try the alias"
    done = done or (len(after) > 1 and after[1] in _SHOWS)  # "monitoring page shows …"
    known = root in _VERBS | _THINGS and not (form and done) and not tried
    return word.rstrip(":") if known and (led or does) else None


def _since_duty(before: list[str]) -> list[str]:
    """Return the words after the last that lays a duty on somebody: "Ana should", "Alerts:"."""
    duty = (n for n, w in enumerate(before) if w in _DUTY or w[-1] == ":" or (w == "to" and n < 2))
    return before[max(duty, default=-1) + 1 :]


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
