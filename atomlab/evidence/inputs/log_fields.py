"""Fields of a log line: a value leaves the log only in the shape of what its field names.

Any place of a line may hold a key that somebody pasted or a library printed.
"""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import sha256

from atomlab.evidence.inputs.rules import COMPLEXITIES
from atomlab.evidence.shapes import NOT_PASTED, is_drawn, looks_secret

# What a field may look like; one that is not named here is a word.
_ID = re.compile(r"[A-Za-z0-9][\w.:@-]{0,99}", re.ASCII)
_WORD = re.compile(r"[A-Za-z][\w.-]{0,39}", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,12}(?:\.\d{1,6})?", re.ASCII)
_MODEL = re.compile(r"[A-Za-z0-9][\w./:@+-]{0,149}", re.ASCII)
_IDS = ("tenant", "workspace", "job", "request", "document", "worker", "id")
_NUMBERS = (
    *("value", "prices", "processed", "failed", "nodes", "edges", "entities", "relationships"),
    *("chunk", "status", "attempt"),
)
_CHOICES = {
    "complexity": frozenset(COMPLEXITIES),
    "mode": frozenset({"BYOK", "Managed", "byok", "managed", "hybrid"}),
    "credential": frozenset({"BYOK", "ENV", "OAUTH"}),
}
_NOT_PASTED = re.compile(NOT_PASTED, re.IGNORECASE)
REMEMBERED = 20_000  # answers, each about some value or message


@lru_cache(maxsize=REMEMBERED)
def harmless(name: str, value: str) -> str | None:
    """Return a field's value if it has the shape of what it names, else None.

    An id that was drawn at random without hyphens could be a key: it becomes a name made from its
    hash, so that jobs are still told apart.
    """
    value = value.strip()
    if name == "complexity":
        value = value.rpartition(".")[2].lower()  # QueryComplexity.ADVANCED
    if name in _CHOICES:
        return value if value in _CHOICES[name] else None
    if name in _NUMBERS:
        return value if _NUMBER.fullmatch(value) else None
    if looks_secret(value) or not _NOT_PASTED.match(value):
        return None
    if name in _IDS:
        if not _ID.fullmatch(value):
            return None
        return f"id-{sha256(value.encode()).hexdigest()[:12]}" if is_drawn(value) else value
    shape = _MODEL if name == "model" else _WORD
    return value if shape.fullmatch(value) and not is_drawn(value) else None
