"""Redaction: what of a setting may leave the database, and in which form.

A value never does. Its token does: `v1:<state>:<fingerprint>`, where the state is all that the
platform's decision needs and the fingerprint (HMAC-SHA256 under a 256-bit key that is kept
outside the snapshot) lets equal values be told from different ones, and nothing else.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import unicodedata
from collections.abc import Callable, Collection
from functools import lru_cache
from pathlib import Path
from typing import Literal, get_args

from atomlab.errors import InputError
from atomlab.evidence.registry import Provider
from atomlab.evidence.rules import Rules

State = Literal["present", "ciphertext", "null", "empty", "blank", "placeholder"]
STATES: tuple[State, ...] = get_args(State)
_BY_NAME: dict[str, State] = {state: state for state in STATES}
# The states of which the platform builds a client: every truthy value, bar placeholders.
USABLE: frozenset[str] = frozenset({"present", "ciphertext", "blank"})

_TOKEN = re.compile(r"v1:(?:(present|ciphertext|blank|placeholder):[0-9a-f]{64}|(null|empty):-)")
_DOMAIN = b"atomlab/setting-value/v1\0"
_KEY_BYTES = 32
_MAX_NAME = 255  # varchar(255) on the platform
_KEY_NAME = re.compile(r"[A-Z0-9_.-]*_API_KEY")


def key_state(value: object, rules: Rules) -> State:
    """Return the state of a setting's raw value under `rules` (source: PLATFORM A and B)."""
    if not value:
        return "null" if value is None else "empty"
    text = value if isinstance(value, str) else _as_text(value)  # no call: millions of them
    if rules.is_placeholder(text):
        return "placeholder"
    if text.startswith("gAAAA"):  # how every Fernet token begins
        return "ciphertext"
    return "blank" if text.isspace() else "present"


def fingerprinter(key: bytes) -> Callable[[bytes], str]:
    """Return what makes fingerprints: HMAC-SHA256 under a 256-bit `key`, of _DOMAIN and the bytes.

    Its two hashes (source: RFC 2104) are begun once; hmac's own objects take twice as long, which
    is felt at millions of settings.
    """
    block = key.ljust(hashlib.sha256().block_size, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block) + _DOMAIN)
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))

    def fingerprint(content: bytes) -> str:
        first, second = inner.copy(), outer.copy()
        first.update(content)
        second.update(first.digest())
        return second.hexdigest()

    return fingerprint


def token(value: object, rules: Rules, fingerprint: Callable[[bytes], str]) -> str:
    """Return the token that stands for `value` in a snapshot; `fingerprint` as made above."""
    state = key_state(value, rules)
    if state in ("null", "empty"):
        return f"v1:{state}:-"
    text = value if isinstance(value, str) else _as_text(value)
    return f"v1:{state}:{fingerprint(text.encode('utf-8', 'surrogatepass'))}"


def token_state(text: str) -> State:
    """Return the state that a token carries; raise ValueError if `text` is no token."""
    match = _TOKEN.fullmatch(text)
    if match is None:
        raise ValueError("no redaction token")
    return _BY_NAME[match[1] or match[2]]


def key_id(key: bytes) -> str:
    """Return a short public name of a fingerprint key: same name, comparable fingerprints."""
    return hashlib.sha256(b"atomlab/key-id/v1\0" + key).hexdigest()[:16]


def new_key() -> bytes:
    """Return a fresh fingerprint key."""
    return secrets.token_bytes(_KEY_BYTES)


def read_key(path: Path) -> bytes:
    """Return the fingerprint key in `path`.

    Raises InputError for a file that cannot be read, or is not 64 hex digits.
    """
    try:
        with path.open(encoding="ascii") as stream:  # a device has no end
            key = bytes.fromhex(stream.read(4 * _KEY_BYTES).strip())
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not hexadecimal"
        raise InputError(
            f"cannot read the key ({reason})", where=path, todo="give a key file made by capture"
        ) from None
    if len(key) != _KEY_BYTES:
        raise InputError("is no 256-bit key", where=path, todo="give a key file made by capture")
    return key


def key_text(key: bytes) -> bytes:
    """Return the content of a key file."""
    return f"{key.hex()}\n".encode()


def name_may_leave(name: str, providers: Collection[Provider]) -> bool:
    """Return whether a setting's name is kept; see `names_that_may_leave`."""
    return names_that_may_leave(providers)(name)


def names_that_may_leave(providers: Collection[Provider]) -> Callable[[object], bool]:
    """Return a function that says of a setting's name whether it is kept, or only counted.

    Kept is what the platform could look up, upper case and ending in `_API_KEY`, and what nearly
    names a key of a registered provider, by its id or declared variable: it may differ in case
    and in what separates its words (spaces, dots, hyphens, nothing), and end in a doubled, a
    shortened (`APIKEY`, `_KEY`) or no `_API_KEY` at all. Longer names than the platform's own
    column holds are not kept.
    """
    own = {p.setting_key for p in providers}
    letters = {_letters(p.id) for p in providers}
    letters |= {_letters(p.api_key_env_var) for p in providers if p.api_key_env_var}

    @lru_cache(maxsize=4096)
    def kept(name: object) -> bool:
        if not isinstance(name, str) or len(name) > _MAX_NAME:
            return False
        return name in own or bool(_KEY_NAME.fullmatch(name)) or _letters(name) in letters

    return kept


@lru_cache(maxsize=4096)
def canonical_name(name: str) -> str:
    """Return a setting's name without its accidents: case, spaces, dots, hyphens, width."""
    folded = unicodedata.normalize("NFKC", name).upper().strip()
    return re.sub(r"[\W_]+", "_", folded).strip("_")


@lru_cache(maxsize=4096)
def key_stem(name: str) -> str:
    """Return what is left of a name without any `_API_KEY` (or `APIKEY`, `_KEY`) at its end."""
    return re.sub(r"(_?API_?KEY|_KEY)+$", "", canonical_name(name))


def _letters(name: str) -> str:
    return key_stem(name).replace("_", "")


def _as_text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    return str(value)
