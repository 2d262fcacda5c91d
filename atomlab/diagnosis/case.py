"""A case that tests no hypothesis but what it claims itself, as `atomlab.findings/1`."""

from __future__ import annotations

from typing import Any

from atomlab.diagnosis.verify import Verification
from atomlab.evidence.snapshot import Snapshot


def case_document(
    snapshot: Snapshot,
    verification: Verification,
    answer: str,
    complexities: str,
    diagnosis: dict[str, Any],
    **more: Any,
) -> dict[str, Any]:
    """Return the findings as JSON-ready values, in the form that every report starts from.

    `verification` holds what the case claims, `complexities` names the requests it is about, and
    `diagnosis` is the tenant's, or has None for its tenant where the case is about no single one.
    """
    return {
        "schema": "atomlab.findings/1",
        "title": verification.title,
        "verdict": verification.verdict,
        "answer": answer,
        "request": {"complexity": complexities},
        "snapshot": {
            "name": snapshot.name,
            "sha256": snapshot.sha256,
            "manifest": dict(snapshot.manifest),
        },
        "verification": verification.to_json(),
        "diagnosis": diagnosis,
        "fix": None,
        "trials": [],
        "repaired": None,
        **more,
    }
