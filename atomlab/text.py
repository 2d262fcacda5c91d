"""Text that is safe to show anywhere, and numbers as people write them."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")

# Cc controls (ANSI escapes among them), Cf format characters (bidi overrides, zero widths),
# Cs lone surrogates, Co private use, and the two Unicode line breaks.
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})

# How the keys of vendors look, and tokens.
VENDOR_KEY = (
    r"(?:(?:sk[-_]|gsk_|csk-|xai-|hf_|fw_|r8_|pplx-|nvapi-|tgp_v\d_|AIza)[\w-]{12,}"
    r"|eyJ[\w-]{10,}\.[\w-]+\.[\w-]*)"
)

_ADDRESS = re.compile(
    rf"(?<=:)/\S+|(?<=password=).+|(?<!\w){VENDOR_KEY}", re.DOTALL | re.IGNORECASE
)
_NO_PORT = r"(?!…)(?!\d{1,5}(?:[:Z+)'\",;]|\s|\.?(?:\s|$)|$))"
# What stands behind the colon of a model's id: `llama3:8b`, `x:free`, `nova-pro-v1:0:300k`.
_NO_TAG = (
    r"(?!(?:free|latest|beta|thinking|extended|online|nitro|floor|exacto|\d{1,3}[bk])"
    r"(?:[\s,;)'\"]|$))"
)
_HIDDEN = re.compile(
    rf"{_ADDRESS.pattern}|(?:(?<=passwd=)|(?<=secret=)|(?<=token=)|(?<=key=)).+"
    rf"|(?:(?<=[^\s:]:)|(?<=%3A)){_NO_PORT}{_NO_TAG}[^\s,;)'\"]+|(?<=\?)\S*=\S*",
    re.DOTALL | re.IGNORECASE,
)


def printable(value: object, limit: int = 120) -> str:
    """Return `value` as one line of at most `limit` visible characters, the rest escaped.

    Control, bidi and surrogate characters become backslash escapes, so that a name from a
    database can neither move the cursor nor reorder the text around it.
    """
    text = str(value)
    cut = text[:limit]
    if not (cut.isascii() and cut.isprintable()):
        cut = "".join(
            c.encode("unicode_escape").decode() if unicodedata.category(c) in _UNPRINTABLE else c
            for c in cut
        )
    return f"{cut}… ({len(text):,} characters)" if len(text) > limit else cut


def visible(text: str) -> str:
    """Return `text`, its line breaks kept, with control and bidi characters as escapes."""
    lines = text.expandtabs(4).replace("\r", "").split("\n")
    shown = "\n".join(printable(line, len(line)) for line in lines)
    return shown.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")  # no XML holds these


def without_password(text: str) -> str:
    """Return `text` without what may be the password of a URL in it, however the URL is mistyped.

    That is all from a colon to the last @, what follows a scheme, a colon (a port or a time
    aside), a word like `password=` or a URL's question mark; and whatever has a key's shape.
    """
    colon, at = re.search(r":(?=\S)|%3A", text, re.IGNORECASE), text.rfind("@")
    if colon and colon.end() <= at:
        text = f"{text[: colon.end()]}…{text[at:]}"
    return _HIDDEN.sub("…", text)


def inert_cell(text: str) -> str:
    """Return `text` for a cell of CSV that no spreadsheet takes for a formula.

    It gets an apostrophe in front where it starts like one, as OWASP advises, and so does what
    follows a semicolon, where some countries' spreadsheets begin a new cell.
    """
    return re.sub(r"(^|;)(?=[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20])", r"\1'", text)


def is_address(text: str) -> bool:
    """Return whether `text` may be a URL, or hold a password or a key."""
    colon, at = re.search(r":(?=\S)", text), text.rfind("@")
    return bool((colon and colon.end() <= at) or _ADDRESS.search(text))


def storable(text: str) -> str:
    """Return `text` with lone surrogates, which no database stores, as backslash escapes."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def field_name(name: object) -> str:
    """Return the name of a field that a file has, a number, or `…` for what may be a value."""
    text = str(name)
    return text if isinstance(name, int) or re.fullmatch(r"[a-z_]{1,40}", text) else "…"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """Return `number` with thousands separators and its noun: `1 model`, `2,690 models`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def short(number: int) -> str:
    """Return `number` in at most five characters: `9,999`, then three digits, `15.2k`, `1.32M`."""
    if number < 10_000:
        return f"{number:,}"
    scale, unit = (1e3, "k") if number < 999_500 else (1e6, "M")
    digits = number / scale
    return f"{digits:.{2 if digits < 9.995 else 1 if digits < 99.95 else 0}f}{unit}"


def listed(items: Iterable[str], limit: int = 5) -> str:
    """Return up to `limit` items joined by commas, then how many were left out."""
    all_items = [printable(item) for item in items]
    rest = len(all_items) - limit
    return ", ".join(all_items[:limit]) + (f" and {rest:,} more" if rest > 0 else "")


def joined(items: Iterable[str]) -> str:
    """Return the items as a sentence lists them: `a, b and c`."""
    *most, last = [*items] or [""]
    return f"{', '.join(most)} and {last}" if most else last


def grouped(pairs: Iterable[tuple[K, V]]) -> dict[K, list[V]]:
    """Return the values of each key, both in their order."""
    found: dict[K, list[V]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return found


def capital(text: str) -> str:
    """Return `text` with a capital letter at its start."""
    return f"{text[:1].upper()}{text[1:]}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `did you mean A, B?` for the known words nearest to `word`, or an empty string."""
    by_lower = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), by_lower, n=3, cutoff=0.6)
    return f"did you mean {listed(by_lower[n] for n in near)}?" if near else ""
