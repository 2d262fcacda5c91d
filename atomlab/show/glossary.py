"""What our words mean, for people who meet them first: one text for each, in `glossary.yaml`.

Where a page first mentions one it links to what it means, further down on the page.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

from markupsafe import Markup

from atomlab.files import read_yaml

_TAG = re.compile(r'(<[^<>"]*(?:"[^"]*"[^<>"]*)*>)')
_UNTOUCHED = re.compile(r"<(?P<end>/?)(?:a|code|pre|h[2-4]|math)\b")


@cache
def glossary() -> Mapping[str, str]:
    """Return each term, or several of a kind separated by commas, with what it means."""
    found: dict[str, str] = read_yaml(Path(__file__).with_suffix(".yaml"))
    return found


def explained(text: str) -> dict[str, str]:
    """Return the terms of which one stands in `text`, in the glossary's order."""
    return {term: means for term, means in glossary().items() if _names(term).search(text)}


def anchor(term: str) -> str:
    """Return the anchor of a term's explanation."""
    return f"word-{[*glossary()].index(term)}"


def linker() -> Callable[[Markup], Markup]:
    """Return a function that makes the first mention of each term in a page's HTML a link.

    It is given the page's texts in their order, each harmless HTML. Headings, code, formulas and
    links stay as they are.
    """
    waiting = [*glossary()]
    return lambda text: Markup("").join(_linked(text, waiting))


def _linked(text: Markup, waiting: list[str]) -> Iterator[Markup]:
    inside = 0
    for part in map(Markup, _TAG.split(text)):  # what was HTML before
        if tag := _UNTOUCHED.match(part):
            inside += -1 if tag["end"] else 1
        yield part if inside or part.startswith("<") else _with_links(part, waiting)


def _with_links(text: Markup, waiting: list[str]) -> Markup:
    """Return a text without tags with the terms linked that wait for it, and wait no more."""
    mentions = [(found, term) for term in waiting if (found := _names(term).search(text))]
    end, parts = 0, list[Markup]()
    for found, term in sorted(mentions, key=lambda mention: mention[0].start()):
        if found.start() >= end:
            link = Markup('<a class="term" href="#{}">').format(anchor(term))
            named = text[found.start() : found.end()]
            parts += [text[end : found.start()], link, named, Markup("</a>")]
            waiting.remove(term)
            end = found.end()
    return Markup("").join([*parts, text[end:]])


def _names(term: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, term.split(', ')))})e?s?\b", re.IGNORECASE)
