"""Words that carry a status, a verdict, a state or an outcome: their tones, and badges."""

from __future__ import annotations

from markupsafe import Markup

from atomlab.verdicts import tone


def badge(word: str) -> Markup:
    """Return `word`, escaped, as a badge: its tone says the same as the word, never more."""
    return Markup('<span class="badge {}">{}</span>').format(tone(word), word)
