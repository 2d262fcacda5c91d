"""What our words mean, for people who meet them first: one text for each, in `glossary.yaml`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from atomlab.files import read_yaml


@cache
def glossary() -> Mapping[str, str]:
    """Return each term, or several of a kind separated by commas, with what it means."""
    found: dict[str, str] = read_yaml(Path(__file__).with_suffix(".yaml"))
    return found


def explained(text: str) -> dict[str, str]:
    """Return the terms of which one stands in `text`, in the glossary's order."""
    return {term: means for term, means in glossary().items() if _names(term).search(text)}


def _names(term: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, term.split(', ')))})e?s?\b", re.IGNORECASE)
