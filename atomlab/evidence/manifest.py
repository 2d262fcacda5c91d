"""The manifest: what a snapshot says of where it came from, and the hashes of its tables.

The hashes prove that a snapshot is consistent with its manifest; they do not prove who made it.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from atomlab.evidence.inputs.pricing import Pricing
from atomlab.evidence.inputs.rules import COMPLEXITIES, Rules, editions
from atomlab.evidence.redaction import key_id
from atomlab.evidence.schema import FORMAT_VERSION, FORMATS

_SCHEMA = "atomlab.snapshot"
_SCHEME = "hmac-sha256/v1"
_BATCH_ROWS = 1000
# What a decision rests on beside the tenants and their settings. Each was captured (read from the
# database), given (a file), is the edition's default, or absent.
INPUTS = ("rules", "prices", "registry", "catalogue", "health", "environment", "stored keys")


def _is_time(text: str) -> str:
    if datetime.fromisoformat(text).strftime("%Y-%m-%dT%H:%M:%SZ") != text:
        raise ValueError("another form")
    return text


_Time = Annotated[str, AfterValidator(_is_time)]
_Hash = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
_Count = Annotated[int, Field(ge=0, lt=2**63)]
_Number = Annotated[float, Field(gt=-(2**63), lt=2**63, allow_inf_nan=False)]
_State = Literal["captured", "given", "default", "absent", "unknown"]


class _Part(BaseModel):
    """Part of a manifest, its types as they are; what a later atomlab may add is left out."""

    model_config = ConfigDict(strict=True)


class _Source(_Part):
    kind: Literal["postgresql", "sqlite"]
    name: str
    server_version: str
    isolation: str
    tables_locked: bool = False
    statement_timeout_s: _Number = 0
    clock_offset_s: _Number | None
    columns_read: dict[str, list[str]]
    remarks: list[str]


class _Withheld(_Part):
    settings: _Count
    variables: _Count
    stored_keys: _Count


class _Prices(_Part):
    format: Literal["atom-cache", "litellm-map", "openrouter-list"]
    source: str | None
    last_fetch: str | None
    age_hours: _Number | None
    models: _Count


class _Fingerprint(_Part):
    scheme: Literal["hmac-sha256/v1"]
    key_id: Annotated[str, Field(pattern="^[0-9a-f]{16}$")]


class _Fidelity(_Part):
    agree: bool
    tenants: _Count
    complexities: list[str]


class _Parent(_Part):
    sha256: _Hash
    captured_at: _Time
    comparable: bool


class _Shard(_Part):
    number: Annotated[int, Field(ge=1)]
    of: Annotated[int, Field(le=10_000)]
    capture: Annotated[str, Field(pattern="^[0-9a-f]{16}$")]

    @model_validator(mode="after")
    def _one_of_them(self) -> _Shard:
        if self.number > self.of:
            raise ValueError("a number beyond the last")
        return self


class _Digest(_Part):
    rows: _Count
    sha256: _Hash


class _Manifest(_Part):
    schema_: str = Field(alias="schema")
    tool: str
    source: _Source
    started_at: _Time
    captured_at: _Time
    duration_s: _Number = 0  # not in early ones, nor where the times are made up
    rules: str
    inputs: dict[str, _State]
    withheld: _Withheld
    pricing: _Prices | None
    fingerprint: _Fingerprint
    narrowed: bool
    fidelity: _Fidelity
    operator: str | None
    parent: _Parent | None
    note: str | None
    shard: _Shard | None = None  # which part of a capture this is, where it is not all of it
    tables: dict[str, _Digest]


def describe(
    *,
    source: Mapping[str, Any],
    started_at: datetime,
    captured_at: datetime,
    rules: Rules,
    prices: Pricing | None,
    key: bytes,
    **about: Any,
) -> dict[str, Any]:
    """Return a snapshot's manifest; `about` goes in as it is."""
    return {
        "schema": f"{_SCHEMA}/{FORMAT_VERSION}",
        "tool": f"atomlab {version('atomlab')}",
        "source": source,
        "started_at": _iso(started_at),
        "captured_at": _iso(captured_at),
        "rules": rules.name,
        "pricing": _about(prices, _iso(captured_at)),
        "fingerprint": {"scheme": _SCHEME, "key_id": key_id(key)},
        **about,
    }


def read_manifest(connection: sqlite3.Connection) -> dict[str, Any]:
    """Return the manifest of an opened snapshot, whatever its format in the form of the latest.

    Raises ValueError if it lacks something or says it in another form, RecursionError if it is
    nested too deeply, sqlite3.Error if it cannot be read.
    """
    rows = connection.execute("SELECT name, value FROM manifest")
    manifest = {name: json.loads(value) for name, value in rows}
    [(version,)] = connection.execute("PRAGMA user_version")
    if version == 2:
        _complete(manifest, connection)
    try:
        found = _Manifest.model_validate(manifest)
    except ValidationError as error:
        place = ".".join(map(str, error.errors(include_input=False)[0]["loc"]))
        problem = f"{place} is missing or not what it should be"
    else:
        names = set(found.tables) == set(FORMATS[version][1]) and set(found.inputs) == set(INPUTS)
        if names and found.schema_ == f"{_SCHEMA}/{version}":
            return found.model_dump(by_alias=True, exclude_unset=True)
        problem = "its schema, tables or inputs are not those of its format"
    raise ValueError(problem)


def _complete(manifest: dict[str, Any], connection: sqlite3.Connection) -> None:
    """Let a manifest of format 2 say what later ones do, `unknown` where nothing says it."""
    [(withheld,)] = connection.execute("SELECT coalesce(sum(unnamed_settings), 0) FROM tenants")
    [(scores,)] = connection.execute("SELECT count(health_score) FROM providers")
    known = {
        "rules": "default" if manifest.get("rules") in list(editions()) else "given",
        "prices": "given" if manifest.get("pricing") else "absent",
        "health": "given" if scores else "absent",
        "environment": "absent",
        "stored keys": "absent",
    }
    manifest["inputs"] = {name: known.get(name, "unknown") for name in INPUTS}
    manifest["withheld"] = {"settings": withheld, "variables": 0, "stored_keys": 0}
    if isinstance(source := manifest.get("source"), dict):
        source["remarks"] = []


def check_agreement(manifest: Mapping[str, Any], connection: sqlite3.Connection) -> None:
    """Raise ValueError if a manifest disagrees with the snapshot that holds it, hashes aside."""
    rows = {table: digest["rows"] for table, digest in manifest["tables"].items()}
    prices, proof, name = manifest["pricing"], manifest["fidelity"], manifest["rules"]
    captured_at = manifest["captured_at"]
    rules = connection.execute("SELECT name, json_extract(document, '$.name') FROM rules")
    [(withheld,)] = connection.execute("SELECT total(unnamed_settings) FROM tenants")
    for holds, problem in (
        (proof["agree"], "source and snapshot did not decide alike"),
        (proof["tenants"] == rows["tenants"], "the proof was about another number of tenants"),
        (
            rows["pricing"] == (prices["models"] if prices else 0),
            "the prices are another number of models",
        ),
        (proof["complexities"] == list(COMPLEXITIES), "the proof was about other requests"),
        (
            not prices or prices["age_hours"] == _age_hours(prices["last_fetch"], captured_at),
            "the prices are of another age",
        ),
        (rules.fetchall() == [(name, name)], "the rules go by another name"),
        (withheld == manifest["withheld"]["settings"], "another number of settings was withheld"),
    ):
        if not holds:
            raise ValueError(problem)


def table_digest(
    connection: sqlite3.Connection,
    table: str,
    see: Callable[[list[tuple[Any, ...]]], object] | None = None,
) -> dict[str, Any]:
    """Return `{"rows": int, "sha256": str}` of a snapshot's table; `see` gets all its rows.

    Hashed is the table as `json.dumps` writes a list of its rows, in the order in which they are
    stored: tenants by id, settings by tenant and name, providers and prices as the platform has
    them, the catalogue by model.
    """
    content = RowsHash()
    cursor = connection.execute(f"SELECT * FROM {table} ORDER BY rowid")  # noqa: S608
    while batch := cursor.fetchmany(_BATCH_ROWS):
        content.add(batch)
        if see:
            see(batch)
    return content.end()


class RowsHash:
    """The hash of rows as `json.dumps` writes a list of them, however they come in batches."""

    def __init__(self) -> None:
        self._hash, self.rows = hashlib.sha256(b"["), 0

    def add(self, rows: Sequence[Sequence[Any]]) -> None:
        """Take in the next rows."""
        if rows:
            text = json.dumps(rows)[1:-1]
            self._hash.update((f", {text}" if self.rows else text).encode())
            self.rows += len(rows)

    def end(self) -> dict[str, Any]:
        """Return how many rows there were, and the hash of all of them."""
        self._hash.update(b"]")
        return {"rows": self.rows, "sha256": self._hash.hexdigest()}


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
