"""Redaction: what of a setting may leave the database, and in which form.

A value never does. Its token does: `v1:<state>:<fingerprint>`, where the state is all that the
platform's decision needs and the fingerprint (HMAC-SHA256 under a 256-bit key that is kept
outside the snapshot) lets equal values be told from different ones, and nothing else.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import stat
from collections.abc import Callable, Collection
from contextlib import suppress
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Literal, get_args

from atomlab.errors import InputError
from atomlab.evidence.inputs.registry import Provider
from atomlab.evidence.inputs.rules import Rules
from atomlab.evidence.names import reader
from atomlab.evidence.shapes import KEY_SHAPE, NOT_PASTED, WORD
from atomlab.files import read_bytes

State = Literal["present", "ciphertext", "null", "empty", "blank", "placeholder"]
STATES: tuple[State, ...] = get_args(State)
_BY_NAME: dict[str, State] = {state: state for state in STATES}
# The states of which the platform builds a client: every truthy value, bar placeholders.
USABLE: frozenset[str] = frozenset({"present", "ciphertext", "blank"})

TOKEN = re.compile(r"v1:(?:(present|ciphertext|blank|placeholder):[0-9a-f]{64}|(null|empty):-)")
_DOMAIN = b"atomlab/setting-value/v1\0"
_KEY_BYTES, _BLOCK_BYTES = 32, 64
_FEWEST_BYTES = 20  # that differ; of 32 by chance there are 30, fewer than 20 never
_MAX_NAME = 255  # varchar(255) on the platform
_KEY_NAME = re.compile(rf"{NOT_PASTED}(?:{WORD}(?:[_.-]{WORD}){{0,5}})?_API_KEY")
Reach = Literal["always", "as a key", "never"]


def key_state(value: object, rules: Rules) -> State:
    """Return the state of a setting's raw value under `rules` (source: docs/platform.md)."""
    if not value:
        return "null" if value is None else "empty"
    text = value if isinstance(value, str) else _as_text(value)  # no call: millions of them
    if len(text) < rules.placeholder_shorter_than or text.startswith(rules.placeholder_prefixes):
        return "placeholder"
    if text.startswith("gAAAA"):  # how every Fernet token begins
        return "ciphertext"
    return "blank" if text.isspace() else "present"


def fingerprinter(key: bytes) -> Callable[[bytes], str]:
    """Return a function that makes the fingerprint of bytes: HMAC-SHA256 under a 256-bit key."""
    # HMAC as RFC 2104 has it, its two hashes begun once: half the time of the module's own.
    block = key.ljust(_BLOCK_BYTES, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block) + _DOMAIN)
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))

    def fingerprint(content: bytes) -> str:
        within, around = inner.copy(), outer.copy()
        within.update(content)
        around.update(within.digest())
        return around.hexdigest()

    return fingerprint


def token(value: object, state: State, fingerprint: Callable[[bytes], str]) -> str:
    """Return the token for a value in this state in a snapshot; `fingerprint` as made above."""
    if not value:
        return f"v1:{state}:-"
    text = value if isinstance(value, str) else _as_text(value)
    return f"v1:{state}:{fingerprint(text.encode('utf-8', 'surrogatepass'))}"


def made_up_token(state: State) -> str:
    """Return a token of this state that stands for no value; no fingerprint has only zeros."""
    return f"v1:{state}:{'-' if state in ('null', 'empty') else '0' * 64}"


def token_state(text: str) -> State:
    """Return the state that a token carries; raise ValueError if `text` is not a token."""
    match = TOKEN.fullmatch(text)
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

    Raises InputError if it is not 64 hex digits, others may read or change it, or it is not
    random, so that values could be guessed from fingerprints.
    """
    key, content, status = b"", read_bytes(path, 4 * _KEY_BYTES), path.stat()
    with suppress(ValueError):
        key = bytes.fromhex(content.decode("ascii").strip())
    if len(key) != _KEY_BYTES:
        raise InputError("is not a 256-bit key", where=path, todo="give a key file made by capture")
    if stat.S_ISREG(status.st_mode) and status.st_mode & 0o077:
        raise InputError("is open to others", where=path, todo="chmod 600 it, or make another")
    if not _is_random(key):
        raise InputError(
            "is not a random key", where=path, todo="name a new file: capture makes a key in it"
        )
    return key


def _is_random(key: bytes) -> bool:
    """Return whether a key could be drawn by chance: no few bytes, no steps, and no text."""
    steps = {(after - before) % 256 for before, after in pairwise(key)}
    return min(len(set(key)), len(steps)) >= _FEWEST_BYTES and not all(32 <= b < 127 for b in key)


def key_text(key: bytes) -> bytes:
    """Return the content of a key file."""
    return f"{key.hex()}\n".encode()


def reach_of(providers: Collection[Provider]) -> Callable[[object], Reach]:
    """Return a function that says of a setting's name when a snapshot holds it.

    That is always if the platform looks it up, or if it looks as if the platform could: upper case
    and ending in `_API_KEY`, of words and no secret. A name that can be read as that of a key of a
    vendor of models is held always, or where its value is a key (see `names.reader`).
    """
    own = {p.setting_key for p in providers}
    read = reader(tuple(providers))

    @lru_cache(maxsize=4096)
    def reach(name: object) -> Reach:
        if not isinstance(name, str) or len(name) > _MAX_NAME:
            return "never"
        if name in own or _KEY_NAME.fullmatch(name):
            return "always"
        reading = read(name)
        return "never" if reading is None else "always" if reading.certain else "as a key"

    return reach


def in_key_shape(value: object) -> bool:
    """Return whether a value looks like an API key, and like no address or model.

    It does if it begins as those of a vendor do, or is a token (JWT), an id and a secret, or one
    long word of letters and digits. An encrypted value could be anything.
    """
    text = _as_text(value).strip(" \t\r\n'\"")
    return KEY_SHAPE.fullmatch(text) is not None and not text.startswith("gAAAA")


def _as_text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    return str(value)
