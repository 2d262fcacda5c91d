"""The YAML that our files need: scalars, lists and mappings of its core schema.

There are no tags, anchors, aliases, merge keys, times or numbers to the base 60 (source: YAML
1.2.2, chapter 10.3). A file given by mistake may hold secrets: no error quotes any of it.
"""

from __future__ import annotations

import re
from typing import Any

_DEEPEST = 100
_MOST_DIGITS = 400  # no float holds more
_CONSTANTS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_WHOLE = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_NUMBER = re.compile(
    r"[-+]?(?:(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|\.(?:inf|Inf|INF))"
    r"|\.(?:nan|NaN|NAN)"
)
_BASES = {"0o": 8, "0x": 16}


class UnreadableError(ValueError):
    """YAML that cannot be read: what is wrong, in which line and column; nothing is quoted."""


def parse(content: bytes) -> Any:
    """Return the value of the one document in `content`, None if it is empty.

    Raises UnreadableError.
    """
    import yaml  # only where a file is read: rules usually come from a snapshot

    try:
        text = content.decode("utf-8-sig")
        events: Any = yaml.SafeLoader(text)
        try:
            return _document(events)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark or events.get_mark()
            what = re.sub(r"['\"].*", "…", str(error.problem), flags=re.DOTALL)  # the file's own
        except (ValueError, LookupError, ArithmeticError):  # of an escape or a directive
            mark, what = events.get_mark(), "a number or an escape that stands for nothing"
        place = mark.line + 1, mark.column + 1
    except UnicodeDecodeError as error:
        what, place = "not UTF-8 text", _place(content[: error.start].decode())
    except yaml.reader.ReaderError as error:
        what, place = "a character that YAML does not allow", _place(text[: error.position])
    raise UnreadableError(f"{what}, line {place[0]}, column {place[1]}")


def _place(before: str) -> tuple[int, int]:
    """Return line and column of what comes after a text."""
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def _document(events: Any) -> Any:
    import yaml

    events.get_event()  # that the stream begins
    if events.check_event(yaml.StreamEndEvent):
        return None
    begins = events.get_event()
    if begins.tags:
        raise _refusal("a tag", begins)
    value = _value(events, events.get_event(), _DEEPEST)
    events.get_event()  # that the document ends
    if not events.check_event(yaml.StreamEndEvent):
        raise _refusal("a second document", events.peek_event())
    return value


def _value(events: Any, event: Any, deepest: int) -> Any:
    """Return the value that begins with an event."""
    import yaml

    if isinstance(event, yaml.AliasEvent):
        raise _refusal("an alias", event)
    if event.anchor is not None:
        raise _refusal("an anchor", event)
    if event.tag is not None:
        raise _refusal("a tag", event)
    if not deepest:
        raise _refusal("nested too deeply", event)
    if isinstance(event, yaml.ScalarEvent):
        event.value.encode()  # raises ValueError for half a character, which only an escape spells
        return event.value if event.style else _scalar(event)
    if isinstance(event, yaml.SequenceStartEvent):
        items: list[Any] = []
        while not isinstance(event := events.get_event(), yaml.SequenceEndEvent):
            items.append(_value(events, event, deepest - 1))
        return items
    pairs: dict[Any, Any] = {}
    while not isinstance(event := events.get_event(), yaml.MappingEndEvent):
        key = _value(events, event, deepest - 1)
        if not isinstance(event, yaml.ScalarEvent):
            raise _refusal("a key that is a list or a mapping", event)
        if key == "<<" and not event.style:
            raise _refusal("a merge key", event)
        if key in pairs or key != key:  # nothing equals .nan
            raise _refusal("a key stands twice", event)
        pairs[key] = _value(events, events.get_event(), deepest - 1)
    return pairs


def _scalar(event: Any) -> Any:
    """Return what a scalar without quotes says: null, a truth, a number, or its text."""
    text = event.value
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _WHOLE.fullmatch(text):
        if len(text) > _MOST_DIGITS:
            raise _refusal("a number of too many digits", event)
        return int(text[2:], _BASES[text[:2]]) if text[:2] in _BASES else int(text)
    if not _NUMBER.fullmatch(text):
        return text
    return float(text.replace(".", "") if text[-1] in "fFnN" else text)


def _refusal(problem: str, event: Any) -> Exception:
    import yaml

    return yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)
