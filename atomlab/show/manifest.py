"""Custody on the terminal: a manifest, and whether it still holds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.text import Text

from atomlab.evidence.snapshot import Snapshot
from atomlab.show.palette import TERMINAL
from atomlab.show.terminal import console, print_line, print_text
from atomlab.text import count, printable

PROOF = (
    "The hashes prove that the file is consistent with its manifest. They do not prove who made it:"
    " for that, compare its sha256 with one that came another way."
)


def print_manifest(snapshot: Snapshot) -> None:
    """Print where a snapshot came from: source, times, versions, proof, tables."""
    out = console()
    for name, value in manifest_facts(snapshot):
        print_line(out, f"{name:16}{printable(value, 400)}")  # a table would cut hashes and paths
    _print_tables(out, snapshot)
    print_text(out, Text(PROOF, "dim"))


def print_verified(snapshot: Snapshot) -> None:
    """Print what was computed again and holds."""
    out = console()
    _print_tables(out, snapshot)
    print_text(out, Text(PROOF, "dim"))
    print_line(out, f"sha256 of the file: {snapshot.sha256}")
    print_line(out, "verified: every table is what the manifest recorded", TERMINAL["good"])


def manifest_facts(snapshot: Snapshot) -> list[tuple[str, object]]:
    """Return (name, value) of all that a manifest says beside its tables, for people."""
    manifest, source = snapshot.manifest, snapshot.manifest["source"]
    proof, prices, parent = manifest["fidelity"], manifest["pricing"], manifest["parent"]
    offset, fingerprint = source["clock_offset_s"], manifest["fingerprint"]
    columns = (f"{name} ({', '.join(read)})" for name, read in source["columns_read"].items())
    complexities = ", ".join(map(str, proof["complexities"]))
    requests = f"{count(proof['tenants'], 'tenant')} and {complexities} requests"
    return [
        ("snapshot", snapshot.path),
        ("sha256", snapshot.sha256),
        ("source", f"{source['kind']} {source['server_version']}: {source['name']}"),
        ("read", _how_read(source)),
        ("columns", "; ".join(columns)),
        ("started", manifest["started_at"]),
        ("captured", manifest["captured_at"] + _duration(manifest)),
        ("server's clock", "the same machine's" if offset is None else f"{offset:+.3f} s of ours"),
        ("tenants", _tenants(manifest)),
        ("operator", manifest["operator"] or "not given"),
        ("parent", _parent(parent) if parent else "none"),
        ("made by", f"{manifest['tool']}, {manifest['schema']}"),
        ("inputs", "; ".join(f"{name} {state}" for name, state in manifest["inputs"].items())),
        ("withheld", _withheld(manifest["withheld"])),
        ("rules", manifest["rules"]),
        ("prices", _prices(prices) if prices else "none captured"),
        ("fingerprints", f"{fingerprint['scheme']}, key {fingerprint['key_id']}"),
        ("fidelity", f"source and snapshot decide alike for {requests}"),
        *(("remark", remark) for remark in source["remarks"]),
        *([("note", manifest["note"])] if manifest["note"] else []),
    ]


def _tenants(manifest: Mapping[str, Any]) -> str:
    which = "some only (narrowed)" if manifest["narrowed"] else "all"
    if shard := manifest.get("shard"):
        which += f"; shard {shard['number']} of {shard['of']} of capture {shard['capture']}"
    return which


def _how_read(source: Mapping[str, Any]) -> str:
    locked, limit = source.get("tables_locked"), source.get("statement_timeout_s")
    tables = "" if locked is None else f", tables {'' if locked else 'not '}locked"
    return f"{source['isolation']}{tables}" + (f", at most {limit:g} s each" if limit else "")


def _duration(manifest: Mapping[str, Any]) -> str:
    """Return how long a capture took, and how far our clock was set meanwhile."""
    if "duration_s" not in manifest:
        return ""
    began, ended = (datetime.fromisoformat(manifest[f"{at}_at"]) for at in ("started", "captured"))
    set_by_s = (ended - began).total_seconds() - manifest["duration_s"]
    # The times are recorded to the second.
    clock = f"; our clock was set by {set_by_s:+,.0f} s meanwhile" if abs(set_by_s) > 2 else ""
    return f", after {manifest['duration_s']:,g} s{clock}"


def _prices(prices: Mapping[str, Any]) -> str:
    age = prices["age_hours"]
    when = "after" if (age or 0) < 0 else "before"
    old = f", {abs(age):,.1f} h {when} the capture" if age is not None else ""
    origin = prices["format"] + (f", from {prices['source']}" if prices["source"] else "")
    fetched = prices["last_fetch"] or "at an unknown time"
    return f"{count(prices['models'], 'model')} ({origin}), fetched {fetched}{old}"


def _withheld(number: Mapping[str, int]) -> str:
    kinds = {"settings": "setting", "variables": "variable", "stored_keys": "stored key"}
    counts = (count(number[name], kind) for name, kind in kinds.items())
    return f"{', '.join(counts)}: counted, not named"


def _parent(parent: Mapping[str, Any]) -> str:
    compare = "compare" if parent["comparable"] else "do not compare (another key file)"
    return f"{parent['sha256']}, captured {parent['captured_at']}; values {compare}"


def _print_tables(out: Console, snapshot: Snapshot) -> None:
    for name, digest in snapshot.manifest["tables"].items():
        print_line(
            out, f"{name:16}{digest['rows']:>11,} rows, sha256 {printable(digest['sha256'])}"
        )
