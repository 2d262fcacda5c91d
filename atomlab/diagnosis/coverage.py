"""What a case covered: whom it concerns, what was run, what is open, what it cannot tell.

Each step names the finding that shows it, by its JSON Pointer in `atomlab.findings/1`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from atomlab.byok.request import in_words
from atomlab.diagnosis.answers import serves
from atomlab.diagnosis.assumptions import missing_input
from atomlab.diagnosis.diagnose import Diagnosis
from atomlab.diagnosis.population import distinct_states
from atomlab.diagnosis.sandbox import Trial
from atomlab.diagnosis.verify import Verification
from atomlab.evidence.snapshot import Snapshot
from atomlab.text import count, printable

_EXAMPLES = 10
_OPEN_STEPS = (
    "Apply the fix to the database",
    "Run the job that failed again",
    "Confirm in its log that it finds a model and ends well",
    "Capture again and test the same claims: those about the fault must then be refuted",
)


def affected(
    snapshot: Snapshot, diagnosis: Diagnosis, managed: bool | None = None
) -> list[dict[str, Any]]:
    """Return for each request for how many tenants pricing finds no model, whatever the cause.

    Each tenant's are managed or not as its own `ai_mode` says, unless that was asked for. Empty
    where nothing can be decided. `examples` are up to ten tenants, by subdomain or id.
    """
    if missing_input(snapshot, diagnosis.platform):
        return []
    states = list(distinct_states(snapshot, diagnosis.platform))
    told = []
    for request in (replace(each.request, managed=managed) for each in diagnosis.requests):
        failing = sorted(
            tenant.subdomain or tenant.id
            for alike in states
            if not len(alike.decide(diagnosis.platform, request).order)
            for tenant in alike.tenants
        )
        told.append(
            {
                "complexity": request.complexity,
                "failing": len(failing),
                "tenants": sum(len(alike.tenants) for alike in states),
                "examples": failing[:_EXAMPLES],
            }
        )
    return told


def steps(
    snapshot: Snapshot,
    diagnosis: Diagnosis,
    verification: Verification,
    trials: Sequence[Trial],
    repaired: Mapping[str, Any] | None,
) -> list[dict[str, Any]]:
    """Return the steps of verification: what was done, its state (done, failed, open), its proof.

    The last, which only people can do, are open as long as a request fails.
    """
    # Without an error there is none to cure.
    tried = _tried(trials, repaired) if diagnosis.failing else ()
    done = (*_checked(snapshot, verification), *tried)
    return [
        {"step": step, "state": state, "evidence": evidence}
        for step, state, evidence in (*done, *_open(diagnosis))
    ]


def _checked(snapshot: Snapshot, verification: Verification) -> Iterator[tuple[str, str, str]]:
    fidelity = snapshot.manifest.get("fidelity") or {}
    if fidelity:
        whose = f"for {count(fidelity['tenants'], 'tenant')}"
        told = f"Check the snapshot: it is whole, and it decides as its source does, {whose}"
        state = "done" if fidelity["agree"] else "failed"
        yield told, state, "/snapshot/manifest/fidelity"
    claims = verification.claims
    if claims:
        confirmed = sum(claim.verdict == "confirmed" for claim in claims)
        told = f"{confirmed} of {count(len(claims), 'claim')} confirmed"
        yield f"Test every claim on the snapshot: {told}", "done", "/verification/claims"


def _tried(
    trials: Sequence[Trial], repaired: Mapping[str, Any] | None
) -> Iterator[tuple[str, str, str]]:
    if not trials:
        return
    fix, *placebos = trials
    yield (
        f"Try the fix on a scratch copy: {fix.result}",
        "done" if fix.cured and serves(fix.after) else "failed",
        "/trials/0",
    )
    left = sum(not placebo.cured for placebo in placebos)
    yield (
        f"Try placebos, which must not help: {left} of {len(placebos)} leave the error",
        "done" if left == len(placebos) else "failed",
        "/trials",
    )
    if repaired:
        again = repaired["verification"]["claims"]
        refuted = sum(claim["verdict"] == "refuted" for claim in again)
        yield (
            f"Test the claims again on the repaired copy: {refuted} of {len(again)} no longer hold",
            "done",
            "/repaired/verification/claims",
        )


def _open(diagnosis: Diagnosis) -> Iterator[tuple[str, str, str]]:
    if diagnosis.failing:
        for step in _OPEN_STEPS:
            yield step, "open", ""


def limits(snapshot: Snapshot, diagnosis: Diagnosis, verification: Verification) -> list[str]:
    """Return what was not checked, or cannot be told, each a whole sentence."""
    manifest = snapshot.manifest
    replayed = "those" if len(diagnosis.requests) > 1 else "the one"
    asked = in_words(each.request.to_json() for each in diagnosis.requests)
    rules = printable(diagnosis.platform.rules.name)
    told = [
        f"Whether the database still holds what it held at {snapshot.captured_at}.",
        "Whether a key is valid at its provider: a snapshot knows that it is set, not what it is.",
        f"Whether the job failed for another request than {replayed} replayed: {asked}.",
        f"Whether the platform runs other rules than those of the edition {rules}.",
    ]
    if snapshot.has_pricing and not (manifest["pricing"] or {}).get("last_fetch"):
        told.append("How old the prices were: when they were fetched is not in the evidence.")
    if manifest.get("narrowed"):
        told.append("What happens to tenants that were left out of the capture.")
    unclear = [c for c in verification.claims if c.verdict == "inconclusive"]
    told += [f"Claim {printable(c.id)}: {printable(c.observed, 300)}." for c in unclear]
    return told
