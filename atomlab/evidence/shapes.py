"""Shapes: what of a source's free text may stand in a snapshot, beside the values of settings.

A key or an address with a password is pasted into the oddest fields. Where a field has a shape, a
time or a name say, only that is kept; where it is free, what looks like a secret is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress

from atomlab.text import VENDOR_KEY

WITHHELD = "withheld"
# Words of a name, not of a secret: letters, a short number, or one that a short number is part of.
WORD = r"(?:[A-Z]{1,16}|\d{1,4}|[A-Z]{1,10}\d{1,3}[A-Z]{0,2}|\d{1,3}[A-Z]{1,10})"
NOT_PASTED = r"(?!(?:[SPR]K|GH[OPSU]|XOX[A-Z])[_.-])"  # how the keys of vendors begin
# What chance draws: no name of a model has so much without a hyphen, pplx-70b-online say.
_DRAWN = r"(?:[A-Za-z0-9]{24}|(?=[A-Za-z]*\d)(?=\d*[A-Za-z])[A-Za-z0-9]{16})"
KEY_SHAPE = re.compile(
    rf"(?:Bearer\s+)?(?:{VENDOR_KEY}|[0-9a-f]{{32}}\.\w{{16}}"
    rf"|(?=.*{_DRAWN})[\w-]{{32,}})",
    re.ASCII,
)
_VARIABLE = re.compile(rf"{NOT_PASTED}_?{WORD}(?:_{WORD}){{0,7}}")
_TIME = re.compile(
    r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?: ?(?:Z|[+-]\d\d(?::?\d\d)?))?)?",
    re.ASCII,
)
_WORDS = re.compile(
    rf"(?!\s*$){NOT_PASTED}{WORD}?(?:[ _.+-]{{1,3}}{WORD}){{0,7}}[ _.+-]{{0,3}}", re.IGNORECASE
)
_MODES = re.compile(r"one of: [a-z_]{1,24}(?:, [a-z_]{1,24}){1,30}")
_URL = re.compile(
    r"(?P<scheme>[a-z]+://)(?:[^/?#]*@)?(?P<host>[a-z0-9.-]+(?::\d{1,5})?)"
    r"(?P<path>(?:/[\w.,~+-]*)*)?(?:[?#].*)?",
    re.ASCII | re.DOTALL,
)
# Of those who serve no models: encrypted (Fernet), GitHub's, GitLab's, Slack's, Google's, AWS's.
_OTHERS = r"gAAAA|gh[opsu]_|github_pat_|glpat-|xox[abeprs]-|ya29\.|AKIA"
_KEY_IN_PATH = re.compile(rf"^{KEY_SHAPE.pattern}$|[A-Za-z0-9]{{20}}", re.ASCII)
_LONGEST_URL = 2000
_SECRET = re.compile(
    rf"(?<![A-Za-z0-9])(?:(?=[\w-]*{_DRAWN}){VENDOR_KEY}|(?:{_OTHERS})[\w.=-]{{12,}})"
    r"|://[^/?#\s]*@|:[^/\s:@]+@[\w.-]+"
    r"|(?:key|token|secret|passw(?:or)?d|sig|signature)=[^\s&]{4,}|-----BEGIN ",
    re.ASCII | re.IGNORECASE,
)

_LONG, _BEGINNING = re.compile("[a-z0-9]{16}"), re.compile(_OTHERS.lower())


def looks_secret(text: str) -> bool:
    """Return whether a text holds what looks like a vendor's key, a token or a URL's password."""
    return _may_be_secret(text) and _SECRET.search(text) is not None


def _may_be_secret(text: str) -> bool:
    """Return whether a text holds what every secret does and few names do: a quick look."""
    lowered = text.lower()  # quicker than to ignore the case
    signs = any(sign in text for sign in ("@", "=", "-----"))
    return signs or any(pattern.search(lowered) for pattern in (_LONG, _BEGINNING))


def is_drawn(text: str) -> bool:
    """Return whether a text holds what only chance draws, as keys are, and ids without hyphens."""
    return re.search(_DRAWN, text) is not None


def is_variable(name: str) -> bool:
    """Return whether a text is the name of an environment variable, of words and no secret."""
    return _VARIABLE.fullmatch(name) is not None


def only_time(text: str | None) -> str | None:
    """Return a text that is a time or a day as databases and ISO 8601 spell it, None for others."""
    return text if text is not None and _TIME.fullmatch(text) else None


def only_digits(texts: Iterable[object]) -> bool:
    """Return whether all are hexadecimal, as UUIDs and numbers are, and no vendor's key is.

    That is one quick look at many; None counts as empty.
    """
    digits = "".join(map(str, filter(None, texts))).replace("-", "")
    with suppress(ValueError):
        bytes.fromhex(digits.zfill(len(digits) + len(digits) % 2))
        return True
    return False


def only_words(text: str | None) -> str | None:
    """Return a text of a few plain words, or blanks; `withheld` for any other."""
    if text is None or not text.strip() or (len(text) <= 80 and _WORDS.fullmatch(text)):
        return text
    return WITHHELD


def only_modes(text: str) -> str | None:
    """Return a mode, or LiteLLM's list of them in its `sample_spec`; `withheld` for any other."""
    return text if _MODES.fullmatch(text) else only_words(text)


def only_public(text: str | None) -> str | None:
    """Return a name that people chose, `withheld` where it looks like a secret."""
    return WITHHELD if text is not None and looks_secret(text) else text


def all_public(texts: Sequence[str | None]) -> Sequence[str | None]:
    """Return names that people chose, `withheld` where one looks like a secret: many at once."""
    if _may_be_secret("\n".join(filter(None, texts))):
        return [*map(only_public, texts)]
    return texts


def only_choice(text: str | None) -> str | None:
    """Return what is one of a few, a plan say; `withheld` where it could be any key."""
    return WITHHELD if text is not None and KEY_SHAPE.fullmatch(text) else only_public(text)


def account(text: str | None) -> str | None:
    """Return where somebody says that something came from: words, or a URL without its secrets.

    Of a URL scheme, host and path are kept, of the path what is not a key; of all else nothing.
    """
    if text is None or "://" not in text:
        return only_words(text)
    url = _URL.fullmatch(text) if len(text) <= _LONGEST_URL else None
    kept = f"{url['scheme']}{url['host']}{url['path'] or ''}" if url else ""
    secret = looks_secret(kept) or any(map(_KEY_IN_PATH.search, kept.split("/")))
    return kept if kept and not secret else WITHHELD
