"""A made fleet: an SQLite database in ATOM's schema with as many tenants as are asked for.

Run as `python -m benchmarks.made_fleet TENANTS FILE.db [--classes N]`. Nothing in it is real: names
are numbered, values drawn at random; the same arguments make the same rows. A class is a plan, a
mode and a set of keys in their states; about 15 % of the tenants are of one in which some kind of
request finds no model (on the shipped prices, by the rules hosted-2026-05).
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import sys
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

# ATOM's tables; PostgreSQL takes them, too.
SCHEMA = """
CREATE TABLE tenants (id VARCHAR PRIMARY KEY, name VARCHAR NOT NULL, subdomain VARCHAR UNIQUE,
    plan_type VARCHAR DEFAULT 'free', ai_mode VARCHAR DEFAULT 'byok', api_key VARCHAR);
CREATE TABLE tenant_settings (id VARCHAR NOT NULL PRIMARY KEY,
    tenant_id VARCHAR NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    setting_key VARCHAR(255) NOT NULL, setting_value TEXT NOT NULL,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, updated_at TIMESTAMP,
    UNIQUE (tenant_id, setting_key));
"""
CLASSES = 3000
SEED = 16
AFFECTED = 0.15
_BATCH_TENANTS = 5000

# The states in which a key may be; under these rules a placeholder counts as a key.
_VALUES: dict[str, Callable[[random.Random], str]] = {
    "key": lambda draw: f"sk-{draw.randbytes(24).hex()}",
    "ciphertext": lambda draw: f"gAAAAA{urlsafe_b64encode(draw.randbytes(90)).decode()}",
    "placeholder": lambda _: "dummy-key",
    "blank": lambda _: "   ",
    "empty": lambda _: "",
    "other": lambda draw: f"made-{draw.randbytes(6).hex()}",
}
_HELD = ("key", "key", "key", "ciphertext")
# Providers of which a key serves every kind of request, all but the hardest, and none.
_SERVING = ("OPENAI", "ANTHROPIC", "GEMINI", "DEEPINFRA", "MOONSHOT", "OPENROUTER")
_PARTLY = ("DEEPSEEK", "GROQ", "MISTRAL", "MINIMAX", "OLLAMA", "XAI", "CEREBRAS")
_IN_VAIN = (
    *("GOOGLE", "GOOGLE_FLASH", "GEMINI_FLASH", "LUX", "GLM", "GLM_5", "QWEN", "FIREWORKS"),
    *("MINIMAX_2_7", "MINIMAX_2_5", "OPENAI_5_3", "ANTHROPIC_OPUS_4_6", "HUGGINGFACE", "TAVILY"),
    *("COHERE", "OPENAI_PROD", "GROQ_1"),
)
_NEAR = (
    "{}_KEY",
    "{}_API_KEYS",
    "{}_TOKEN",
    "{}_API_TOKEN",
    "{}-API-KEY",
    "{}_APIKEY",
    "MY_{}_KEY",
)
_OTHERS = (
    *("TIMEZONE", "LOCALE", "BILLING_PROFILE", "OUTLOOK_OAUTH", "SLACK_OAUTH", "BRAND_COLOR"),
    *("NOTIFY_EMAIL", "EXPORT_FORMAT", "RETENTION_DAYS", "WEEK_START"),
)
_PLANS = ("free", "free", "solo", "team", "team", "enterprise", None)

Class = tuple[str | None, str | None, tuple[tuple[str, str], ...]]  # plan, mode, keys in states
Row = tuple[str | None, ...]


def fleet(tenants: int, classes: int | None = None) -> Iterator[tuple[list[Row], list[Row]]]:
    """Yield batches of tenants (id, name, subdomain, plan, mode) and of their settings.

    These are 4 to 5 for each, about half of them keys: (id, tenant, name, value, made at).
    """
    draw, of_values = random.Random(SEED), random.Random(SEED + 1)
    fine, faulty = _classes(min(classes or CLASSES, tenants), draw)
    whole = [*fine, *faulty]
    for start in range(0, tenants, _BATCH_TENANTS):
        rows: list[Row] = []
        settings: list[Row] = []
        for number in range(start, min(start + _BATCH_TENANTS, tenants)):
            if number < len(whole):  # each class has a tenant
                plan, mode, keys = whole[number]
            else:  # and the first ones the most
                some = faulty if faulty and draw.random() < AFFECTED else fine
                plan, mode, keys = some[int(len(some) * draw.random() ** 3)]
            tenant = _uuid(of_values)
            rows.append((tenant, f"Made tenant {number}", f"made{number}", plan, mode))
            others = draw.sample(_OTHERS, draw.choice((4, 5)) - len(keys))
            for name, state in (*keys, *((name, "other") for name in others)):
                value = _VALUES[state](of_values)
                settings.append((_uuid(of_values), tenant, name, value, "2026-04-20 14:05:00"))
        yield rows, settings


def _classes(number: int, draw: random.Random) -> tuple[list[Class], list[Class]]:
    """Return distinct classes: those in which every kind of request finds a model, and others."""
    fine: dict[object, Class] = {}
    faulty: dict[object, Class] = {}
    while len(fine) + len(faulty) < number:
        wanted, draw_one = (
            (faulty, _faulty) if len(faulty) < number * AFFECTED - 1 else (fine, _fine)
        )
        plan, mode, keys = draw_one(draw)
        alike = {(name, "key" if state == "placeholder" else state) for name, state in keys}
        wanted[plan, mode, frozenset(alike)] = (plan, mode, keys)
    return list(fine.values()), list(faulty.values())


def _fine(draw: random.Random) -> Class:
    """Return a class with a key that serves every kind of request."""
    keys = {**dict(_in_vain(draw, draw.choice((0, 1, 1, 2)))), **dict(_partly(draw))}
    keys[f"{draw.choice(_SERVING)}_API_KEY"] = draw.choice((*_HELD, "placeholder", "blank"))
    mode = draw.choice(("byok", "byok", "byok", "hybrid", None, "managed"))
    plan = "enterprise" if mode == "managed" else draw.choice(_PLANS)
    return plan, mode, tuple(keys.items())


def _faulty(draw: random.Random) -> Class:
    """Return a class in which some kind of request finds no model."""
    plan, mode = draw.choice(_PLANS), draw.choice(("byok", "byok", "byok", "hybrid", None))
    if draw.random() < 0.1:  # a plan that allows no model good enough for the hardest requests
        _, _, keys = _fine(draw)
        return draw.choice(("free", "solo", "team")), "managed", keys
    keys = (*_in_vain(draw, draw.choice((0, 1, 2, 2, 3))), *_partly(draw))
    return plan, mode, tuple(dict(keys).items())


def _in_vain(draw: random.Random, number: int) -> Iterator[tuple[str, str]]:
    """Yield settings of which no client comes that serves: by another name, or empty."""
    for _ in range(number):
        kind, provider = draw.randrange(3), draw.choice((*_SERVING, *_PARTLY))
        if kind == 0:
            yield f"{draw.choice(_IN_VAIN)}_API_KEY", draw.choice((*_HELD, "placeholder"))
        elif kind == 1:
            yield draw.choice(_NEAR).format(provider), draw.choice(_HELD)
        else:
            yield f"{provider}_API_KEY", "empty"


def _partly(draw: random.Random) -> Iterator[tuple[str, str]]:
    """Yield the key, if any, of a provider without a model for the hardest requests."""
    if draw.random() < 0.3:
        yield f"{draw.choice(_PARTLY)}_API_KEY", draw.choice(_HELD)


def _uuid(draw: random.Random) -> str:
    text = draw.randbytes(16).hex()
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"


def write_fleet(path: Path, tenants: int, classes: int | None = None) -> None:
    """Write a made fleet to a new file."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        # A file that is not finished is of no use; the indexes grow in memory.
        db.executescript(f"PRAGMA journal_mode = OFF; PRAGMA cache_size = -1000000; {SCHEMA}")
        db.execute("BEGIN")
        for rows, settings in fleet(tenants, classes):
            db.executemany("INSERT INTO tenants VALUES (?, ?, ?, ?, ?, NULL)", rows)
            db.executemany("INSERT INTO tenant_settings VALUES (?, ?, ?, ?, ?, NULL)", settings)
        db.execute("COMMIT")


def main() -> int:
    """Write the fleet that the arguments ask for; return 1 if the file is there already."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.made_fleet")
    parser.add_argument("tenants", type=int, metavar="TENANTS")
    parser.add_argument("file", type=Path, metavar="FILE.db")
    parser.add_argument("--classes", type=int, metavar="N", help=f"{CLASSES:,} if not given")
    wanted = parser.parse_args()
    if wanted.file.exists():
        print(f"{wanted.file}: exists already and is kept; name another file", file=sys.stderr)
        return 1
    started = time.perf_counter()
    try:
        write_fleet(wanted.file, wanted.tenants, wanted.classes)
    except BaseException:
        wanted.file.unlink(missing_ok=True)
        raise
    size = wanted.file.stat().st_size >> 20
    seconds = time.perf_counter() - started
    print(f"{wanted.file}: {wanted.tenants:,} made tenants, {size:,} MB, {seconds:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
