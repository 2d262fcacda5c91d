"""Words that carry a verdict, a state or an outcome, shown as badges."""

from __future__ import annotations

from markupsafe import Markup

_TONES = {
    "confirmed": "good",
    "refuted": "bad",
    "inconclusive": "open",
    "present": "good",
    "ciphertext": "good",
    "missing": "plain",
    "blank": "open",
    "null": "bad",
    "empty": "bad",
    "placeholder": "bad",
    "ranked": "good",
    "no-models": "bad",
    "verified": "good",
    "not run": "open",
}


def badge(word: str) -> Markup:
    """Return `word`, escaped, as a badge: its tone says the same as the word, never more."""
    tone = _TONES.get(word, "plain")
    return Markup('<span class="badge {}">{}</span>').format(tone, word)
