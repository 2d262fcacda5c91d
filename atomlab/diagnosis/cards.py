"""What diagnoses, fix sets, fixes and verifications show of themselves in Jupyter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atomlab.display.cards import Card
from atomlab.text import listed

if TYPE_CHECKING:
    from atomlab.diagnosis.diagnose import Diagnosis, RequestDiagnosis
    from atomlab.diagnosis.explanation import FixSet
    from atomlab.diagnosis.fixes import Fix
    from atomlab.diagnosis.verify import Verification

_DECIDED = "What is decided for each request as captured, the fix of least effort, and who acts."
_TESTED = "Each claim with its verdict, and what was observed."
_LONGEST = 20_000  # characters; a script is some 3,000, and holds a tenant's id in full


def diagnosis_card(diagnosis: Diagnosis) -> Card:
    """Return the tenant, and for each request status, root cause, and the fix of least effort."""
    import pandas as pd

    from atomlab.display.tables import Table

    columns = ["request", "status", "usable", "winner", "root cause", "fix of least effort", "who"]
    rows = [_request_row(each, diagnosis) for each in diagnosis.requests]
    tenant = diagnosis.tenant
    return Card(
        title=f"Diagnosis of {tenant.name}",
        word=diagnosis.status,
        facts={
            "tenant": tenant.subdomain or tenant.id,
            "plan": tenant.plan_type,
            "requests are": diagnosis.request_mode,
            "key settings": listed(sorted(diagnosis.rows)) or "none",
            "clients": listed(diagnosis.clients) or "none",
            "models": f"{len(diagnosis.platform.models.ids):,}",
            "rules": diagnosis.platform.rules.name,
        },
        tables=[Table(pd.DataFrame(rows, columns=columns), _DECIDED)],
        remarks=diagnosis.warnings(),
    )


def fix_set_card(fix_set: FixSet) -> Card:
    """Return the edits, what they remove and cost, and what running them gave."""
    winner = fix_set.after.winner
    return Card(
        title=" and ".join(map(str, fix_set.edits)),
        word="verified" if fix_set.verified else "not run",
        facts={
            "removes": listed(fix_set.atoms),
            "who acts": fix_set.who,
            "cost": fix_set.cost,
            "winner after": winner.model if winner else "none",
        },
        remarks=[f"No cure: {winner.unable}."] if winner and winner.unable else [],
    )


def fix_card(fix: Fix) -> Card:
    """Return what to do in words, and the script with its rollback where there is one."""
    scripts = {"SQL to review and run": fix.sql, "SQL to undo it": fix.rollback}
    told = [f"{word[:1].upper()}{word[1:]}." for word in fix.told]
    if len(fix.sql) > _LONGEST:
        told.append("The script is too long to be shown: atomlab fix writes it to a file.")
    return Card(
        title="The fix",
        remarks=told,
        scripts={name: text for name, text in scripts.items() if 0 < len(text) <= _LONGEST},
    )


def verification_card(verification: Verification) -> Card:
    """Return the verdict, and each claim with its own."""
    from atomlab.display.tables import Table

    claims = verification.frame()[["id", "claim", "verdict", "observed"]]
    kinds = dict.fromkeys(r.complexity + " with tools" * r.tools for r in verification.requests)
    return Card(
        title=verification.title,
        word=verification.verdict,
        facts={
            "tenant": verification.tenant,
            "request" if len(kinds) == 1 else "requests": ", ".join(kinds),
        },
        tables=[Table(claims, _TESTED)] if len(claims) else [],
        remarks=[] if len(claims) else ["No claim was given to test."],
    )


def _request_row(each: RequestDiagnosis, diagnosis: Diagnosis) -> tuple[object, ...]:
    from atomlab.diagnosis.fixes import in_words, root_fix

    winner, fix = each.ranking.winner, root_fix(each, diagnosis.failing)
    return (
        each.request.complexity,
        each.status,
        len(each.ranking.order),
        winner.model if winner else None,
        " and ".join(map(str, each.explanation.root)) or None,
        in_words(fix.edits, diagnosis) if fix else None,
        fix.who if fix else None,
    )
