"""Capture and custody on the terminal: its progress, a manifest, and whether it still holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from atomlab.evidence.snapshot import Snapshot
from atomlab.evidence.sources.source import Progress as Told
from atomlab.text import count, printable

PROOF = (
    "The hashes prove that the file is consistent with its manifest. They do not prove who made it:"
    " for that, compare its sha256 with one that came another way."
)


@contextmanager
def capture_progress() -> Iterator[Told]:
    """Give what draws a bar for each table on stderr, if that is a terminal."""
    console = Console(stderr=True)
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    tasks: dict[str, Any] = {}

    def tell(table: str, done: int, total: int) -> None:
        if table not in tasks:
            tasks[table] = bars.add_task(table, total=total)
        bars.update(tasks[table], completed=done)

    with bars:
        yield tell


def print_manifest(snapshot: Snapshot) -> None:
    """Print where a snapshot came from: source, times, versions, proof, tables."""
    out = Console()
    for name, value in manifest_facts(snapshot):
        line = Text(f"{name:16}", "dim").append(printable(value, 400), "not dim")
        out.print(line, soft_wrap=True)  # a table would cut hashes and paths
    _print_tables(out, snapshot)
    out.print(Text(PROOF, "dim"))


def print_verified(snapshot: Snapshot) -> None:
    """Print what was computed again and holds."""
    out = Console()
    _print_tables(out, snapshot)
    out.print(Text(f"sha256 of the file: {snapshot.sha256}"), soft_wrap=True)
    out.print(Text("verified: every table is what the manifest recorded", "green"))
    out.print(Text(PROOF, "dim"))


def manifest_facts(snapshot: Snapshot) -> list[tuple[str, object]]:
    """Return (name, value) of all that a manifest says beside its tables, for people."""
    said, source = snapshot.manifest, snapshot.manifest["source"]
    proof, prices, parent = said["fidelity"], said["pricing"], said["parent"]
    offset, limit = source["clock_offset_s"], source.get("statement_timeout_s")
    locked = {True: ", tables locked", False: ", tables not locked"}.get(
        source.get("tables_locked"), ""
    )
    read = (f"{name} ({', '.join(columns)})" for name, columns in source["columns_read"].items())
    alike = f"source and snapshot decide alike for {count(proof['tenants'], 'tenant')}"
    facts: list[tuple[str, object]] = [
        ("snapshot", snapshot.path),
        ("sha256", snapshot.sha256),
        ("source", f"{source['kind']} {source['server_version']}: {source['name']}"),
        ("read", source["isolation"] + locked + (f", at most {limit:g} s each" if limit else "")),
        ("columns", "; ".join(read)),
        ("started", said["started_at"]),
        ("captured", said["captured_at"] + _lasting(said)),
        ("server's clock", "the same machine's" if offset is None else f"{offset:+.3f} s of ours"),
        ("tenants", "some only (narrowed)" if said["narrowed"] else "all"),
        ("operator", said["operator"] or "not given"),
        ("parent", _parent(parent) if parent else "none"),
        ("made by", f"{said['tool']}, {said['schema']}"),
        ("inputs", "; ".join(f"{name} {state}" for name, state in said["inputs"].items())),
        ("withheld", _withheld(said["withheld"])),
        ("rules", said["rules"]),
        ("prices", _prices(prices) if prices else "none captured"),
        ("fingerprints", f"{said['fingerprint']['scheme']}, key {said['fingerprint']['key_id']}"),
        ("fidelity", f"{alike} and {', '.join(map(str, proof['complexities']))} requests"),
    ]
    facts += (("remark", remark) for remark in source["remarks"])
    return [*facts, ("note", said["note"])] if said["note"] else facts


def _lasting(said: Mapping[str, Any]) -> str:
    """Return how long a capture took, and how far our clock was set meanwhile, where it is told."""
    if "duration_s" not in said:
        return ""
    began, ended = (datetime.fromisoformat(said[name]) for name in ("started_at", "captured_at"))
    set_by_s = (ended - began).total_seconds() - said["duration_s"]
    # The times are told to the second.
    told = f"; our clock was set by {set_by_s:+,.0f} s meanwhile" if abs(set_by_s) > 2 else ""
    return f", after {said['duration_s']:,g} s{told}"


def _prices(prices: dict[str, Any]) -> str:
    fetched = prices["last_fetch"] or "at an unknown time"
    age = prices["age_hours"]
    when = "after" if (age or 0) < 0 else "before"
    old = f", {abs(age):,.1f} h {when} the capture" if age is not None else ""
    given = f"{prices['format']}, from {prices['source']}" if prices["source"] else prices["format"]
    return f"{count(prices['models'], 'model')} ({given}), fetched {fetched}{old}"


def _withheld(number: dict[str, int]) -> str:
    kinds = {"settings": "setting", "variables": "variable", "stored_keys": "stored key"}
    told = (count(number[name], kind) for name, kind in kinds.items())
    return f"{', '.join(told)}: counted, not named"


def _parent(parent: dict[str, Any]) -> str:
    compare = "compare" if parent["comparable"] else "do not compare (another key file)"
    return f"{parent['sha256']}, captured {parent['captured_at']}; values {compare}"


def _print_tables(out: Console, snapshot: Snapshot) -> None:
    for name, digest in snapshot.manifest["tables"].items():
        line = f"{name:16}{digest['rows']:>11,} rows, sha256 {printable(digest['sha256'])}"
        out.print(Text(line), soft_wrap=True)
