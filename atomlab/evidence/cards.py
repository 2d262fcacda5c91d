"""What a snapshot shows of itself in Jupyter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atomlab.display.cards import Card
from atomlab.text import count

if TYPE_CHECKING:
    from atomlab.evidence.snapshot import Snapshot


def snapshot_card(snapshot: Snapshot) -> Card:
    """Return where the evidence came from: one fact each."""
    manifest = snapshot.manifest
    prices, fidelity, tables = manifest["pricing"], manifest["fidelity"], manifest["tables"]
    models = f"{count(prices['models'], 'model')}, {prices['format']}" if prices else "not captured"
    agree = f"yes, for {count(fidelity['tenants'], 'tenant')}" if fidelity["agree"] else "no"
    return Card(
        title=f"Snapshot {snapshot.name}",
        facts={
            "captured at (UTC)": snapshot.captured_at,
            "from": f"{manifest['source']['kind']} database {manifest['source']['name']}",
            "by": manifest["tool"],
            "rules": manifest["rules"],
            "tenants": f"{tables['tenants']['rows']:,}",
            "prices": models,
            "prices fetched at": (prices or {}).get("last_fetch") or "unknown",
            "same decisions as the source": agree,
            "sha256 of the file": snapshot.sha256,
        },
        remarks=[manifest["note"]] if manifest.get("note") else [],
    )
