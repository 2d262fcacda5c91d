"""What nobody has said yet: marks in a text, cells that say nothing, and owners who are nobody."""

from __future__ import annotations

import re

from atomlab.postmortem.markdown import TO_WRITE

_MARK = re.compile(
    r"\b(?:TODO|TBDs?|TBA|TBC|FIXME)\b"
    r"|\bto be (?:announced|assigned|clarified|confirmed|decided|defined|determined|filled in)\b"
    r"|(?:(?P<before>[\w'’]+)\s+)?\b(?P<write>to write)\b(?P<ends>\s*(?:[^\w\s\"'`(]|$))?",
    re.IGNORECASE,
)
# "Still to write" is open; "the worker failed to write." tells what happened.
_STILL = frozenset("are is left nothing remains still was what yet".split())  # noqa: SIM905
_ABLE = frozenset(
    """able access allowed attempted attempts began begins continued fail failed failing fails
    forgot managed permission permitted refused refuses right starts started tried tries trying
    unable used wanted wants""".split()  # noqa: SIM905
)
_NOTHING = frozenset(
    """- – — … ? ?? ??? asap later n/a na nil none null open pending unassigned undecided unknown x
    xxx""".split()  # noqa: SIM905
) | {"", "no date", "none yet", "not assigned", "not decided", "not known", "not yet"}
_NOBODY = frozenset(
    """all anybody anyone backend dev developers devops devs engineering engineers everybody
    everyone management no nobody on-call oncall operations ops platform somebody someone sre sres
    support team us we whoever""".split()  # noqa: SIM905
) | {"on call", "no one", "no owner"}
_MANY = re.compile(
    r"(?:[\w&/-]+ ){0,3}(?:crew|department|group|guild|squad|teams?)|.*(?:\w or \w|\w ?/ ?\w).*"
)


def marked(text: str) -> str:
    """Return `text` with each mark of something open, whatever its form, as `TO WRITE`."""
    return _MARK.sub(_as_mark, text)


def is_open(text: str) -> bool:
    """Return whether something in the text is marked as open."""
    return TO_WRITE in marked(text)


def nothing(cell: str) -> bool:
    """Return whether a cell is empty, or holds a word that stands for nothing."""
    return is_open(cell) or _plain(cell) in _NOTHING


def nobody(cell: str) -> bool:
    """Return whether a cell names no one who answers for it: no person, or several to choose of."""
    name = re.sub(r"^the ", "", _plain(re.sub(r"\([^)]*\)", "", cell[:200])))
    return is_open(cell) or name in _NOTHING | _NOBODY or bool(_MANY.fullmatch(name))


def _plain(cell: str) -> str:
    return cell.strip(" .").casefold()


def _as_mark(found: re.Match[str]) -> str:
    written, before = found["write"], (found["before"] or "").lower()
    if not written:
        return TO_WRITE
    mark = (
        written[0] == "T"
        or not before
        or before in _STILL
        or (found["ends"] is not None and before not in _ABLE)
    )
    return found[0].replace(written, TO_WRITE) if mark else found[0]
