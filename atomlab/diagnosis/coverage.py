"""What an investigation covered: whom it concerns, what was run, what is open, what it cannot tell.

Each step names the finding that shows it, by its JSON Pointer in `atomlab.findings/1`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from atomlab.diagnosis.options import winners_by_tenant
from atomlab.evidence.schema import Tenant
from atomlab.text import count, printable

if TYPE_CHECKING:  # an investigation tells its own coverage
    from atomlab.diagnosis.investigation import Investigation

_EXAMPLES = 10
_OPEN_STEPS = (
    "Apply the fix to the database",
    "Run the job that failed again",
    "Confirm in its log that it finds a model and ends well",
    "Capture again and test the same claims: those about the fault must then be refuted",
)


def affected(case: Investigation) -> list[dict[str, Any]]:
    """Return for each request how many tenants of the snapshot get the error, whatever its cause.

    Empty without a pricing cache. `examples` are up to ten of them, by subdomain or id.
    """
    if not case.snapshot.has_pricing:
        return []
    requests = [each.request for each in case.diagnosis.requests]
    session = case.snapshot.session
    winners = winners_by_tenant(session, case.diagnosis.platform, requests, {})
    names = {row.id: row.subdomain or row.id for row in session.execute(_NAMES)}
    told = []
    for place, request in enumerate(requests):
        failing = sorted(names[tenant] for tenant, found in winners.items() if not found[place])
        told.append(
            {
                "complexity": request.complexity,
                "failing": len(failing),
                "tenants": len(winners),
                "examples": failing[:_EXAMPLES],
            }
        )
    return told


def steps(case: Investigation) -> list[dict[str, Any]]:
    """Return the steps of verification: what was done, its state (done, failed, open), its proof.

    The last, which only people can do, are open as long as a request fails.
    """
    return [
        {"step": step, "state": state, "evidence": evidence}
        for step, state, evidence in (*_done(case), *_open(case))
    ]


def _done(case: Investigation) -> Iterator[tuple[str, str, str]]:
    fidelity = case.snapshot.manifest.get("fidelity") or {}
    if fidelity:
        whose = f"for {count(fidelity['tenants'], 'tenant')}"
        told = f"Check the snapshot: it is whole, and it decides as its source does, {whose}"
        state = "done" if fidelity["agree"] else "failed"
        yield told, state, "/snapshot/manifest/fidelity"
    claims = case.verification.claims
    if claims:
        confirmed = sum(claim.verdict == "confirmed" for claim in claims)
        told = f"{confirmed} of {count(len(claims), 'claim')} confirmed"
        yield f"Test every claim on the snapshot: {told}", "done", "/verification/claims"
    if not case.trials:
        return
    fix, *placebos = case.trials
    yield (
        f"Try the fix on a scratch copy: {fix.result}",
        "done" if fix.cured else "failed",
        "/trials/0",
    )
    left = sum(not placebo.cured for placebo in placebos)
    yield (
        f"Try placebos, which must not help: {left} of {len(placebos)} leave the error",
        "done" if left == len(placebos) else "failed",
        "/trials",
    )
    if case.repaired:
        again = case.repaired.verification.claims
        refuted = sum(claim.verdict == "refuted" for claim in again)
        yield (
            f"Test the claims again on the repaired copy: {refuted} of {len(again)} no longer hold",
            "done",
            "/repaired/verification/claims",
        )


def _open(case: Investigation) -> Iterator[tuple[str, str, str]]:
    if any(each.outcome == "no-models" for each in case.diagnosis.requests):
        for step in _OPEN_STEPS:
            yield step, "open", ""


def limits(case: Investigation) -> list[str]:
    """Return what the investigation did not check, or cannot tell, each a whole sentence."""
    manifest, request = case.snapshot.manifest, case.request.to_json()
    asked = [f"{name} {printable(value)}" for name, value in request.items() if value]
    rules = printable(case.diagnosis.platform.rules.name)
    told = [
        f"Whether the database still holds what it held at {case.snapshot.captured_at}.",
        "Whether a key is valid at its provider: a snapshot knows that it is set, not what it is.",
        f"Whether the job failed for another request than the one replayed: {', '.join(asked)}.",
        f"Whether the platform runs other rules than those of the edition {rules}.",
    ]
    if case.snapshot.has_pricing and not (manifest["pricing"] or {}).get("last_fetch"):
        told.append("How old the prices were: when they were fetched is not in the evidence.")
    if manifest.get("narrowed"):
        told.append("What happens to tenants that were left out of the capture.")
    unclear = [c for c in case.verification.claims if c.verdict == "inconclusive"]
    told += [f"Claim {printable(c.id)}: {printable(c.observed, 300)}." for c in unclear]
    return told


_NAMES = select(Tenant.id, Tenant.subdomain)
