"""Words that carry a status, a verdict, a state or an outcome: their tones, and badges."""

from __future__ import annotations

from markupsafe import Markup

_TONES = {
    "healthy": "good",
    "affected": "bad",
    "undecided": "open",
    "failed": "bad",
    "confirmed": "good",
    "refuted": "bad",
    "inconclusive": "open",
    "present": "good",
    "ciphertext": "good",
    "missing": "plain",
    "absent": "open",
    "blank": "open",
    "null": "bad",
    "empty": "bad",
    "placeholder": "bad",
    "ranked": "good",
    "fallback": "bad",
    "no-models": "bad",
    "verified": "good",
    "not run": "open",
}


def tone(word: str) -> str:
    """Return whether `word` says something good or bad, leaves it open, or is plain."""
    return _TONES.get(word, "plain")


def badge(word: str) -> Markup:
    """Return `word`, escaped, as a badge: its tone says the same as the word, never more."""
    return Markup('<span class="badge {}">{}</span>').format(tone(word), word)
