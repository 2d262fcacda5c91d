"""Findings as one JSON document, `atomlab.findings/1`, whatever notebook they come from.

Reports, postmortems and scripts read it. Fields are only ever added to this version.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from atomlab.byok.request import Request
from atomlab.diagnosis.answers import serves
from atomlab.diagnosis.coverage import affected, limits, steps
from atomlab.diagnosis.diagnose import Diagnosis
from atomlab.diagnosis.fixes import plan_fix
from atomlab.diagnosis.options import Option
from atomlab.diagnosis.sandbox import Trial
from atomlab.diagnosis.tradeoffs import cons, pros
from atomlab.diagnosis.verify import Verification
from atomlab.evidence.snapshot import Snapshot
from atomlab.verdicts import Status


def document_head(
    snapshot: Snapshot, verification: Verification, answer: str, status: Status
) -> dict[str, Any]:
    """Return the fields that every document has: what was asked and found, on which snapshot.

    `status` is the tenant's; `verdict` is about claims, and None where there is none: nothing was
    claimed. `result` is the one of them that answers the question: the verdict where claims are
    tested, else the status. `tested` are the requests that the claims are about.
    """
    verdict = verification.verdict if verification.claims else None
    return {
        "schema": "atomlab.findings/1",
        "tool": f"atomlab {version('atomlab')}",
        "title": verification.title,
        "status": status,
        "verdict": verdict,
        "result": verdict or status,
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
    managed: bool | None = None,
    trials: Sequence[Trial] = (),
    options: Sequence[Option] = (),
    fix: Mapping[str, Any] | None = None,
    repaired: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the document on one tenant: asked, found, tried and compared, and what stays open.

    `request` is the one that the case is about, `requests` in the document all that were replayed;
    `managed` what was asked for, None for what each tenant's `ai_mode` says; `fix` the claim of
    one, and `repaired` what was decided with it made.
    """
    return {
        **document_head(snapshot, verification, answer, diagnosis.status),
        "request": request.to_json(),
        "requests": [each.request.to_json() for each in diagnosis.requests],
        "diagnosis": diagnosis.to_json(),
        "rows": dict(diagnosis.rows),
        "warnings": list(warnings),
        "fix": fix,
        "trials": [
            {
                "name": trial.name,
                "edit": trial.edit,
                "cured": trial.cured and serves(trial.after),
                "result": trial.result,
            }
            for trial in trials
        ],
        "repaired": repaired,
        "affected": affected(snapshot, diagnosis, managed),
        "options": [_option(option) for option in options],
        "remedy": _remedy(diagnosis),
        "steps": steps(snapshot, diagnosis, verification, trials, repaired),
        "limits": limits(snapshot, diagnosis, verification),
    }


def _remedy(diagnosis: Diagnosis) -> dict[str, Any]:
    """Return the fix of least effort, all that is to be said of it as its `words`."""
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
        "unable": dict(option.unable),
        "pros": pros(option),
        "cons": cons(option),
    }
