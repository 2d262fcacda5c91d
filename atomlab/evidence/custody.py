"""Custody: what a snapshot's manifest says of where it came from, and the hashes in it.

The hashes prove that a snapshot is consistent with its manifest; they do not prove who made it.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import sqlite3
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Any

from atomlab.evidence.inputs.pricing import Pricing
from atomlab.evidence.inputs.rules import COMPLEXITIES, Rules, editions
from atomlab.evidence.redaction import key_id
from atomlab.evidence.schema import FORMAT_VERSION, FORMATS

_SCHEMA = "atomlab.snapshot"
_SCHEME = "hmac-sha256/v1"
_BATCH_ROWS = 1000
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_HASH, _SHORT_HASH = re.compile(r"[0-9a-f]{64}"), re.compile(r"[0-9a-f]{16}")
_TEXT, _NUMBER, _TRUTH, _NOTHING = (str,), (int, float), (bool,), (type(None),)
_SCALAR = (*_TEXT, *_NUMBER, *_TRUTH, *_NOTHING)
_DIGEST = {"rows": (int,), "sha256": _HASH}
# What a decision rests on beside the tenants and their settings. Each was captured (read from the
# database), given (a file), is the edition's default, or absent.
INPUTS = ("rules", "prices", "registry", "catalogue", "health", "environment", "stored keys")
_TABLE_OF = {
    "prices": "pricing",
    "catalogue": "model_catalog",
    "environment": "environment",
    "stored keys": "stored_keys",
}
_STATES = "captured|given|default|absent"
# What every manifest says, in which types or how it is spelled; `...` stands for all other names,
# of which nothing is known but that they hold no more than a scalar.
_FORM: dict[Any, Any] = {
    "schema": _TEXT,
    "tool": _TEXT,
    "source": {
        "kind": re.compile("postgresql|sqlite"),
        "name": _TEXT,
        "server_version": _TEXT,
        "isolation": _TEXT,
        "clock_offset_s": _NUMBER + _NOTHING,
        "columns_read": {...: [_TEXT]},
        "remarks": [_TEXT],
    },
    "started_at": _TIME,
    "captured_at": _TIME,
    "rules": _TEXT,
    "inputs": dict.fromkeys(INPUTS, re.compile(_STATES)),
    "withheld": {"settings": (int,), "variables": (int,), "stored_keys": (int,)},
    "pricing": {
        "format": re.compile("atom-cache|litellm-map|openrouter-list"),
        "source": _TEXT + _NOTHING,
        "last_fetch": _TEXT + _NOTHING,
        "age_hours": _NUMBER + _NOTHING,
        "models": (int,),
    },
    "fingerprint": {"scheme": re.compile(_SCHEME), "key_id": _SHORT_HASH},
    "narrowed": _TRUTH,
    "fidelity": {"agree": _TRUTH, "tenants": (int,), "complexities": [_TEXT]},
    "operator": _TEXT + _NOTHING,
    "parent": {"sha256": _HASH, "captured_at": _TIME, "comparable": _TRUTH},
    "note": _TEXT + _NOTHING,
    "tables": {...: ()},
}
_MAY_BE_ABSENT = ("pricing", "parent")  # None


def describe(
    work: sqlite3.Connection,
    *,
    source: Mapping[str, Any],
    started_at: datetime,
    captured_at: datetime,
    rules: Rules,
    prices: Pricing | None,
    key: bytes,
    **about: Any,
) -> dict[str, Any]:
    """Return the manifest of the snapshot that `work` holds; `about` goes in as it is."""
    return {
        "schema": f"{_SCHEMA}/{FORMAT_VERSION}",
        "tool": f"atomlab {version('atomlab')}",
        "source": source,
        "started_at": _iso(started_at),
        "captured_at": _iso(captured_at),
        "rules": rules.name,
        "pricing": _about(prices, _iso(captured_at)),
        "fingerprint": {"scheme": _SCHEME, "key_id": key_id(key)},
        "tables": {table: table_digest(work, table) for table in FORMATS[FORMAT_VERSION][1]},
        **about,
    }


def read_manifest(connection: sqlite3.Connection) -> dict[str, Any]:
    """Return the manifest of an opened snapshot, whatever its format in the form of the latest.

    Raises ValueError if it lacks something or says it in another form, RecursionError if it is
    nested too deeply, sqlite3.Error if it cannot be read.
    """
    rows = connection.execute("SELECT name, value FROM manifest")
    manifest = {
        name: json.loads(value, parse_int=_whole, parse_float=_finite, parse_constant=_finite)
        for name, value in rows
    }
    [(version,)] = connection.execute("PRAGMA user_version")
    if manifest.get("schema") != f"{_SCHEMA}/{version}":
        raise ValueError(f"schema {manifest.get('schema')!r}")
    tables: dict[Any, Any] = dict.fromkeys(FORMATS[version][1], _DIGEST)
    form = _FORM | {"tables": {**tables, ...: ()}}
    form |= {name: _NOTHING for name in _MAY_BE_ABSENT if manifest.get(name, "") is None}
    if "duration_s" in manifest:  # not in early ones, nor where the times are made up
        form["duration_s"] = _NUMBER
    if version == 2:
        _complete(manifest, connection)
        form["inputs"] = dict.fromkeys(INPUTS, re.compile(f"{_STATES}|unknown"))
    _check_form(manifest, form, "it")
    return manifest


def _complete(manifest: dict[str, Any], connection: sqlite3.Connection) -> None:
    """Let a manifest of format 2 say what later ones do, `unknown` where that cannot be told."""
    [(withheld,)] = connection.execute("SELECT coalesce(sum(unnamed_settings), 0) FROM tenants")
    [(scores,)] = connection.execute("SELECT count(health_score) FROM providers")
    told = {
        "rules": "default" if manifest.get("rules") in list(editions()) else "given",
        "prices": "given" if manifest.get("pricing") else "absent",
        "health": "given" if scores else "absent",
        "environment": "absent",
        "stored keys": "absent",
    }
    manifest["inputs"] = {name: told.get(name, "unknown") for name in INPUTS}
    manifest["withheld"] = {"settings": withheld, "variables": 0, "stored_keys": 0}
    if isinstance(source := manifest.get("source"), dict):
        source["remarks"] = []


def _check_form(value: Any, form: Any, name: str) -> None:
    """Raise ValueError naming the part of a value that is not of a form like those in _FORM."""
    if isinstance(form, dict) and isinstance(value, dict):
        if missing := [part for part in form if part not in value and part is not ...]:
            raise ValueError(f"{missing[0]} is missing")
        for part, inner in value.items():
            _check_form(inner, form.get(part, form.get(..., _SCALAR)), part)
    elif isinstance(form, list) and isinstance(value, list):
        for inner in value:
            _check_form(inner, form[0], name)
    elif not _fits(value, form):
        raise ValueError(f"{name} is not what it should be")


def _fits(value: Any, form: Any) -> bool:
    if isinstance(form, tuple):
        return type(value) in form  # isinstance would take a bool for an int
    if not isinstance(form, re.Pattern) or not isinstance(value, str):
        return False
    return bool(form.fullmatch(value) and (form is not _TIME or datetime.fromisoformat(value)))


def _whole(text: str) -> int:
    if not -(2**63) <= (number := int(text)) < 2**63:
        raise ValueError("a number is too large")
    return number


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError(f"{text} is no number")
    return number


def check_agreement(manifest: Mapping[str, Any], connection: sqlite3.Connection) -> None:
    """Raise ValueError if a manifest disagrees with itself or with the snapshot that holds it.

    Its hashes are not looked at, what it says beside them is. Raises sqlite3.Error if the
    snapshot cannot be read, RecursionError if its rules are nested too deeply.
    """
    rows = {table: digest["rows"] for table, digest in manifest["tables"].items()}
    prices, proof = manifest["pricing"], manifest["fidelity"]
    duration_s = manifest.get("duration_s")
    if duration_s is None and manifest["started_at"] > manifest["captured_at"]:
        raise ValueError("it ended before it began")
    if (duration_s or 0) < 0:  # where it is told, the clock may have been set back meanwhile
        raise ValueError("it took less than no time")
    if not proof["agree"]:
        raise ValueError("source and snapshot did not decide alike")
    if rows["tenants"] != proof["tenants"]:
        raise ValueError("the proof was about another number of tenants")
    if proof["complexities"] != list(COMPLEXITIES):
        raise ValueError("the proof was about other requests")
    if rows["pricing"] != (prices["models"] if prices else 0):
        raise ValueError("the prices are another number of models")
    if prices and prices["age_hours"] != _age_hours(prices["last_fetch"], manifest["captured_at"]):
        raise ValueError("the prices are of another age")
    if list(_names_of_rules(connection)) != [manifest["rules"]] * 2:
        raise ValueError("the rules go by another name")
    [(withheld,)] = connection.execute("SELECT total(unnamed_settings) FROM tenants")
    if withheld != manifest["withheld"]["settings"]:
        raise ValueError("another number of settings was withheld")
    for name, table in _TABLE_OF.items():
        if manifest["inputs"][name] == "absent" and rows.get(table):
            raise ValueError(f"there is a table of the {name} that it calls absent")


def _names_of_rules(connection: sqlite3.Connection) -> Iterator[object]:
    for name, document in connection.execute("SELECT name, document FROM rules"):
        rules = json.loads(document)
        yield from (name, rules.get("name") if isinstance(rules, dict) else None)


def table_digest(connection: sqlite3.Connection, table: str) -> dict[str, Any]:
    """Return `{"rows": int, "sha256": str}` of a snapshot's table.

    Hashed is the table as `json.dumps` writes a list of its rows, in the order in which they are
    stored: tenants by id, settings by tenant and name, providers and prices as the platform has
    them, the catalogue by model.
    """
    digest, rows = hashlib.sha256(b"["), 0
    cursor = connection.execute(f"SELECT * FROM {table} ORDER BY rowid")  # noqa: S608
    while batch := cursor.fetchmany(_BATCH_ROWS):
        text = json.dumps(batch)[1:-1]
        digest.update((f", {text}" if rows else text).encode())
        rows += len(batch)
    digest.update(b"]")
    return {"rows": rows, "sha256": digest.hexdigest()}


def _about(prices: Pricing | None, captured_at: str) -> dict[str, Any] | None:
    if prices is None:
        return None
    return {
        "format": prices.format,
        "source": prices.source,
        "last_fetch": prices.last_fetch,
        "age_hours": _age_hours(prices.last_fetch, captured_at),
        "models": len(prices),
    }


def cache_age(last_fetch: str | None, captured_at: str) -> timedelta | None:
    """Return the age of a price cache, None if unknown; a time without a zone is in UTC."""
    try:
        fetched_at = datetime.fromisoformat(last_fetch or "")
    except ValueError:
        return None
    fetched_at = fetched_at if fetched_at.tzinfo else fetched_at.replace(tzinfo=UTC)
    return datetime.fromisoformat(captured_at) - fetched_at


def _age_hours(last_fetch: str | None, captured_at: str) -> float | None:
    age = cache_age(last_fetch, captured_at)
    return None if age is None else round(age.total_seconds() / 3600, 1)


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
