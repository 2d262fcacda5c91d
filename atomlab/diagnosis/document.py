"""The findings of an investigation as one JSON document, `atomlab.findings/1`.

Reports, postmortems and scripts read it. Fields are only ever added to this version.
"""

from __future__ import annotations

from dataclasses import asdict
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from atomlab.diagnosis.coverage import affected, limits, steps
from atomlab.diagnosis.fixes import Fix, plan_fix
from atomlab.diagnosis.options import Option
from atomlab.diagnosis.tradeoffs import cons, pros
from atomlab.errors import InputError

if TYPE_CHECKING:  # an investigation gives its own document
    from atomlab.diagnosis.investigation import Investigation


def findings_document(case: Investigation) -> dict[str, Any]:
    """Return the document: what was asked, found, tried and compared, and what stays open."""
    return {
        "schema": "atomlab.findings/1",
        "tool": f"atomlab {version('atomlab')}",
        "title": case.verification.title,
        "verdict": case.verification.verdict,
        "answer": case.answer(),
        "request": case.request.to_json(),
        "snapshot": {
            "name": case.snapshot.name,
            "sha256": case.snapshot.sha256,
            "manifest": dict(case.snapshot.manifest),
        },
        "verification": case.verification.to_json(),
        "diagnosis": case.diagnosis.to_json(),
        "rows": dict(case.diagnosis.rows),
        "warnings": case.warnings(),
        "fix": case.fix and case.fix.model_dump(),
        "trials": [
            {"name": t.name, "edit": t.edit, "cured": t.cured, "result": t.result}
            for t in case.trials
        ],
        "repaired": _repaired(case),
        "affected": affected(case),
        "options": [_option(option) for option in case.options],
        "remedy": _remedy(case),
        "steps": steps(case),
        "limits": limits(case),
    }


def _repaired(case: Investigation) -> dict[str, Any] | None:
    if case.repaired is None:
        return None
    return {
        "cured": case.cured(),
        "not_cured": case.not_cured(),
        "diagnosis": case.repaired.diagnosis.to_json(),
        "verification": case.repaired.verification.to_json(),
    }


def _remedy(case: Investigation) -> dict[str, Any]:
    """Return the fix of the root cause; in words where no script can name tenant or settings."""
    try:
        fix = plan_fix(case.diagnosis, "postgresql")
    except InputError as error:
        fix = Fix("words", (f"no script can do it: {error.what}",))
    return {"dialect": "postgresql", **asdict(fix)}


def _option(option: Option) -> dict[str, Any]:
    return {
        **asdict(option),
        "cures": list(option.cures),
        "leaves": list(option.leaves),
        "pros": pros(option),
        "cons": cons(option),
    }
