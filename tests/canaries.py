"""Canaries: secrets of many shapes, and a scanner that finds them in whatever form they got out."""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import io
import json
import math
import os
import re
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus

import numpy as np
import pypdf

_PIECE = 12  # characters: a leak of twice as many holds one of a secret's pieces whole


def made_up(name: str, length: int = 24) -> str:
    """Return random-looking letters and digits that belong to `name`."""
    digest = hashlib.shake_256(f"canary {name}".encode()).digest(length)
    return base64.b32encode(digest).decode().rstrip("=").swapcase()[:length]


def _hex(name: str) -> str:
    return hashlib.sha256(f"canary {name}".encode()).hexdigest()


_KIND = "RSA PRIVATE"  # so that no line here looks like a key that was left behind
SECRETS: dict[str, str] = {
    "hex": _hex("hex"),
    "pin": "907316",
    "json": json.dumps({"refresh": made_up("json"), "scope": [made_up("json list")], "n": 1}),
    "pem": "\n".join(
        [f"-----BEGIN {_KIND} KEY-----"]
        + [made_up(f"pem {line}", 64) for line in range(6)]
        + [f"-----END {_KIND} KEY-----", ""]
    ),
    "percent": f"100%{made_up('percent', 8)}%2F%41%%s{made_up('percents')}%",
    "nfc": unicodedata.normalize("NFC", f"schlüssel-ångström-{made_up('nfc')}-é-한글-ключ"),
    "nfd": unicodedata.normalize("NFD", f"clé-ñandú-{made_up('nfd')}-ü-한국-ключик"),
    "fernet": f"gAAAAABm{made_up('fernet', 80)}_-==",
    "quoted": f"qu\"o'te\\\\{made_up('quoted', 9)}\"'\\\n{made_up('line')}\r\n\t{made_up('tab')}",
    "padded": f"  {made_up('padded')} ",
    "markup": f"<b>{{{{7*7}}}}&amp;{made_up('markup')}</b>",
    "terminal": f"\x1b[31m{made_up('ansi')}\u202e{made_up('bidi')}\x1b]8;;",
    "megabyte": made_up("block", 48) * 22_000,
    "url": f"amqp://svc:{made_up('inner')}@{made_up('host', 12)}.internal/{made_up('path', 12)}",
    "password": f"p%s@:/?#&= {made_up('password')}\"'\\",
    "platform": f"atom_{made_up('platform', 40)}",
    "billing": f"cus_{made_up('billing')}@billing.example",
    "name": f"webhook-{made_up('name')}-sk-live",
}
# As vendors and people make them: a prefix and what was drawn, of some length.
_MADE = ("sk-", "sk-ant-api03-", "gsk_", "AIzaSy", "xai-", "hf_", "r8_", "ghp_", "Bearer ", "", "")
MANY = {
    f"one of many {n}": _MADE[n % len(_MADE)] + made_up(f"one of many {n}", 20 + n % 29)
    for n in range(140)
}


class Scanner:
    """Finds secrets, whole or in part, raw or encoded, in bytes, folders and open files."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._forms = {form: name for name, text in secrets.items() for form in _forms(text)}
        self._short = [form for form in self._forms if len(form) < 8]
        self._by_head: dict[bytes, list[bytes]] = {}
        for form in self._forms.keys() - self._short:
            self._by_head.setdefault(form[:8], []).append(form)
        heads = np.frombuffer(b"".join(self._by_head), "<u2").reshape(-1, 4)
        self._pairs = np.zeros((4, 1 << 16), bool)  # which two bytes stand where in any head
        self._pairs[np.arange(4), heads] = True
        self._clean: set[bytes] = set()

    def found_in(self, content: bytes, where: str = "it") -> list[str]:
        """Return what leaked into `content`, the members of archives and broken lines included."""
        digest = hashlib.sha256(content).digest()
        if digest in self._clean:
            return []
        found = {
            f"{where}: {name}"
            for part in _members(content)
            for text in (part, part.replace(b"\\n", b"").translate(None, b" \t\r\n"))
            for name in self._names_in(text)
        }
        if not found:
            self._clean.add(digest)
        return sorted(found)

    def found_in_folder(self, folder: Path) -> list[str]:
        """Return what leaked into any file below `folder`, or into the name of one."""
        found = []
        for path in sorted(folder.rglob("*")):
            name = str(path.relative_to(folder))
            found += self.found_in(os.fsencode(name), f"the name {name!r}")
            if path.is_file() and not path.is_symlink():
                found += self.found_in(path.read_bytes(), name)
        return found

    def found_in_open_files(self, process: int | str, but: Iterable[Path] = ()) -> list[str]:
        """Return what leaked into files that a process holds open, those without a name too."""
        found, given = [], {str(path.resolve()) for path in but}
        for link in Path(f"/proc/{process}/fd").iterdir():
            try:
                name = str(link.readlink())
                if link.is_file() and name not in given:
                    found += self.found_in(link.read_bytes(), name)
            except OSError:  # closed in the meantime
                continue
        return found

    def _names_in(self, content: bytes) -> set[str]:
        found = {self._forms[form] for form in self._short if _is_in(form, content)}
        read = np.frombuffer(content, np.uint8).astype(np.uint16)
        pairs, places = read[:-1] | read[1:] << 8, max(len(content) - 7, 0)
        hits = np.ones(places, bool)
        for n, there in enumerate(self._pairs):
            hits &= there[pairs[2 * n : 2 * n + places]]
        for place in map(int, np.flatnonzero(hits)):
            for form in self._by_head.get(content[place : place + 8], ()):
                if self._forms[form] not in found and content.startswith(form, place):
                    found.add(self._forms[form])
        return found


def _is_in(form: bytes, content: bytes) -> bool:
    """Return whether a short form stands there; digits on their own, not in a hash or fraction."""
    if not form.isdigit():
        return form in content
    return re.search(rb"(?<![0-9A-Fa-f.])%b(?![0-9A-Fa-f])" % form, content) is not None


def _forms(secret: str) -> set[bytes]:
    """Return every form in which a piece of a secret, or a hash of it, may stand somewhere."""
    forms = {form for piece in _pieces(secret) for form in _encoded(piece)}
    if re.fullmatch(r"(?:[0-9a-f]{2})+", secret) and len(secret) > 2 * _PIECE:
        forms.add(bytes.fromhex(secret)[:_PIECE])
    for kind in ("md5", "sha1", "sha256", "sha512"):  # without a key, a PIN is soon guessed
        digest = hashlib.new(kind, secret.encode()).digest()
        forms |= {digest, digest.hex().encode(), base64.b64encode(digest)[:-2]}
    return forms


def _pieces(secret: str) -> set[str]:
    """Return parts of a secret that together cover it."""
    starts = [*range(0, max(len(secret) - _PIECE, 0), _PIECE), max(len(secret) - _PIECE, 0)]
    return {secret[start : start + _PIECE] for start in starts}


def _encoded(piece: str) -> Iterator[bytes]:
    for text in {piece, *(unicodedata.normalize(form, piece) for form in ("NFC", "NFD"))}:
        for written in _written(text):
            yield written.encode()
        raw = text.encode()
        yield from (text.encode("utf-16-le"), text.encode("utf-16-be"), text.encode("utf-32-le"))
        yield from (raw.hex().encode(), raw.hex().upper().encode())
        yield from _base64(raw)


def _written(text: str) -> Iterator[str]:
    """Yield a text as the formats write it that could hold it."""
    ascii_json, unicode_json = json.dumps(text), json.dumps(text, ensure_ascii=False)
    yield from (text, html.escape(text), html.escape(text, quote=False), text.replace("'", "''"))
    yield from (repr(text)[1:-1], ascii(text)[1:-1], text.encode("unicode_escape").decode())
    yield from (ascii_json[1:-1], unicode_json[1:-1], html.escape(unicode_json)[6:-6])
    yield from (json.dumps(ascii_json)[3:-3], json.dumps(unicode_json, ensure_ascii=False)[3:-3])
    for escaped in (quote(text), quote(text, safe=""), quote_plus(text)):
        yield escaped
        yield re.sub("%..", lambda match: match[0].lower(), escaped)


def _base64(raw: bytes) -> Iterator[bytes]:
    """Yield what stands in base64 of a text for a part of it, whatever is around the part."""
    for before in range(3):
        first, last = math.ceil(8 * before / 6), 8 * (before + len(raw)) // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(b"\0" * before + raw)[first:last]


def _members(content: bytes) -> Iterator[bytes]:
    yield content
    if content.startswith(b"\x1f\x8b"):
        yield from _members(gzip.decompress(content))
    if content.startswith(b"%PDF"):
        for page in pypdf.PdfReader(io.BytesIO(content)).pages:
            yield page.extract_text().encode()
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                yield name.encode()
                yield from _members(archive.read(name))
