"""Findings as one JSON document, `atomlab.findings/1`, whatever notebook they come from.

Reports, postmortems and scripts read it. Fields are only ever added to this version.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from atomlab.byok.request import Request
from atomlab.diagnosis.coverage import affected, limits, steps
from atomlab.diagnosis.diagnose import Diagnosis
from atomlab.diagnosis.fixes import plan_fix
from atomlab.diagnosis.interventions import Trial
from atomlab.diagnosis.options import Option
from atomlab.diagnosis.tradeoffs import cons, pros
from atomlab.diagnosis.verify import Verification
from atomlab.evidence.snapshot import Snapshot


def document_head(snapshot: Snapshot, verification: Verification, answer: str) -> dict[str, Any]:
    """Return the fields that every document has: what was asked and found, on which snapshot.

    `tested` are the requests that the claims are about.
    """
    return {
        "schema": "atomlab.findings/1",
        "tool": f"atomlab {version('atomlab')}",
        "title": verification.title,
        "verdict": verification.verdict,
        "answer": answer,
        "snapshot": {
            "name": snapshot.name,
            "sha256": snapshot.sha256,
            "manifest": dict(snapshot.manifest),
        },
        "verification": verification.to_json(),
        "tested": [request.to_json() for request in verification.requests],
    }


def findings_document(
    snapshot: Snapshot,
    diagnosis: Diagnosis,
    verification: Verification,
    request: Request,
    answer: str,
    *,
    warnings: Sequence[str],
    trials: Sequence[Trial] = (),
    options: Sequence[Option] = (),
    fix: Mapping[str, Any] | None = None,
    repaired: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the document on one tenant: asked, found, tried and compared, and what stays open.

    `request` is the one that the case is about, `requests` in the document all that were replayed;
    `fix` the claim of one, and `repaired` what was decided with it made.
    """
    return {
        **document_head(snapshot, verification, answer),
        "request": request.to_json(),
        "requests": [each.request.to_json() for each in diagnosis.requests],
        "diagnosis": diagnosis.to_json(),
        "rows": dict(diagnosis.rows),
        "warnings": list(warnings),
        "fix": fix,
        "trials": [
            {"name": t.name, "edit": t.edit, "cured": t.cured, "result": t.result} for t in trials
        ],
        "repaired": repaired,
        "affected": affected(snapshot, diagnosis),
        "options": [_option(option) for option in options],
        "remedy": _remedy(diagnosis),
        "steps": steps(snapshot, diagnosis, verification, trials, repaired),
        "limits": limits(snapshot, diagnosis, verification),
    }


def _remedy(diagnosis: Diagnosis) -> dict[str, Any]:
    """Return the fix of the root cause, all that is to be said of it as its `words`."""
    fix = plan_fix(diagnosis, "postgresql")
    return {
        "dialect": "postgresql",
        "status": fix.status,
        "words": list(fix.told),
        "sql": fix.sql,
        "rollback": fix.rollback,
    }


def _option(option: Option) -> dict[str, Any]:
    return {
        **asdict(option),
        "edits": list(option.edits),
        "cures": list(option.cures),
        "leaves": list(option.leaves),
        "pros": pros(option),
        "cons": cons(option),
    }
