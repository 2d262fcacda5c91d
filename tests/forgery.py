"""Snapshots and databases that were tampered with, and good seals around them."""

from __future__ import annotations

import hashlib
import random
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from tests.conftest import ATOM_SCHEMA

PAGE = 4096
# SQL that never ends, that makes a value of 800 MB, and that writes the schema itself.
ENDLESS = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT"
FLOOD = "hex(zeroblob(400000000))"
SCHEMA = "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET"
_SEAL = b"\natomlab-seal-v1 sha256="


def sealed(content: bytes) -> bytes:
    """Return `content` with a seal that fits it."""
    return content + _SEAL + hashlib.sha256(content).hexdigest().encode() + b"\n"


def unsealed(path: Path) -> bytes:
    """Return the content of a snapshot without its seal."""
    content = path.read_bytes()
    return content[: content.rindex(_SEAL)]


def changed(content: bytes, script: str, values: Sequence[object] = ()) -> bytes:
    """Return a database's bytes after a script, or after one statement with values."""
    with closing(sqlite3.connect(":memory:")) as db:
        db.deserialize(content)
        if values:
            db.execute(script, values)
        else:
            db.executescript(script)
        db.commit()
        return db.serialize()


def write_platform(path: Path) -> None:
    """Write a platform database of two tenants, one of them with the incident."""
    with closing(sqlite3.connect(path)) as db:
        db.executescript(ATOM_SCHEMA)
        db.execute("INSERT INTO tenants (id, name) VALUES ('id-other', 'Other')")
        db.execute("INSERT INTO tenants (id, name) VALUES ('id-brennan', 'brennan')")
        db.executemany(
            "INSERT INTO tenant_settings (id, tenant_id, setting_key, setting_value)"
            " VALUES (:key, 'id-brennan', :key, 'sk-' || :key)",
            [
                {"key": key}
                for key in ("MINIMAX_2_7_API_KEY", "openai-api-key", "TIMEZONE", "GROQ_API_KEY")
            ],
        )
        db.execute("INSERT INTO model_catalog VALUES ('openai/gpt-4o', '[\"vision\"]', 0)")
        db.commit()


def mutated(content: bytes, seed: int) -> bytes:
    """Return other bytes: flipped, zeroed, shuffled, repeated, swapped, cut, or odd headers."""
    draw, new = random.Random(seed), bytearray(content)
    start = draw.randrange(len(new))
    end = min(len(new), start + draw.choice([1, 2, 4, 16, 100, 512, PAGE]))
    one, other = (draw.randrange(len(new) // PAGE) * PAGE for _ in range(2))
    match seed % 9:
        case 0:
            for place in (start, *draw.sample(range(len(new)), draw.choice([0, 1, 9]))):
                new[place] ^= 1 << draw.randrange(8)
        case 1:
            new[start:end] = bytes(end - start)
        case 2:
            new[start:end] = b"\xff" * (end - start)
        case 3:
            new[start:end] = draw.sample(new[start:end], end - start)
        case 4:  # a page twice
            new[one : one + PAGE] = new[other : other + PAGE]
        case 5:  # two pages in each other's place
            pages = new[one : one + PAGE], new[other : other + PAGE]
            new[other : other + PAGE], new[one : one + PAGE] = pages
        case 6:
            del new[draw.choice([start, one or PAGE]) :]
        case 7:  # SQLite's own header, but for what says that it is a snapshot
            for place in draw.sample(range(16, 60), draw.choice([1, 2, 5])):
                new[place] = draw.choice([0, 1, 2, 255, draw.randrange(256)])
        case 8:  # a page's header: kind, number of cells, where they are
            new[one + (100 if one == 0 else 0) + draw.randrange(12)] = draw.randrange(256)
    return bytes(new)
