"""What a case covered: whom it concerns, what was run, what is open, what it cannot tell.

Each step names the finding that shows it, by its JSON Pointer in `atomlab.findings/1`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from heapq import nsmallest
from typing import Any

from atomlab.byok.request import in_words
from atomlab.diagnosis.answers import serves
from atomlab.diagnosis.assumptions import missing_input
from atomlab.diagnosis.diagnose import Diagnosis
from atomlab.diagnosis.population import Population, Winners
from atomlab.diagnosis.sandbox import Trial
from atomlab.diagnosis.verify import Verification
from atomlab.evidence.snapshot import Snapshot
from atomlab.text import count, joined, printable

_EXAMPLES = 10
_OPEN_STEPS = (
    "Apply the fix to the database",
    "Run the failed job again",
    "Confirm in its log that it finds a model and succeeds",
    "Capture again and test the same claims: those about the fault must then be refuted",
)

# What was done, its state, and the finding that shows it.
Step = tuple[str, str, str]


def affected(
    snapshot: Snapshot, diagnosis: Diagnosis, managed: bool | None = None
) -> list[dict[str, Any]]:
    """Return for each request for how many tenants pricing finds no model, whatever the cause.

    Empty where nothing can be decided. `examples` are up to ten tenants, by subdomain or id.
    """
    if missing_input(snapshot, diagnosis.platform):
        return []
    population, winners = Population(snapshot, diagnosis.platform), Winners(diagnosis.platform)
    found = []
    for request in (replace(each.request, managed=managed) for each in diagnosis.requests):
        failing = {group for group in population.groups if not winners.of(group, request)}
        names = (t.subdomain or t.id for t, _ in population.members(failing))
        found.append(
            {
                "complexity": request.complexity,
                "failing": sum(group.tenants for group in failing),
                "tenants": sum(group.tenants for group in population.groups),
                "examples": nsmallest(_EXAMPLES, names),
            }
        )
    return found


def steps(
    snapshot: Snapshot,
    diagnosis: Diagnosis,
    verification: Verification,
    trials: Sequence[Trial],
    repaired: Mapping[str, Any] | None,
) -> list[dict[str, Any]]:
    """Return the steps of verification, each with its state and proof; people's own are open."""
    taken = list(_checked(snapshot, verification))
    if diagnosis.failing:  # without an error there is none to cure
        taken += _tried(trials, repaired) if trials else ()
        taken += ((step, "open", "") for step in _OPEN_STEPS)
    return [{"step": step, "state": state, "evidence": proof} for step, state, proof in taken]


def _checked(snapshot: Snapshot, verification: Verification) -> Iterator[Step]:
    if fidelity := snapshot.manifest.get("fidelity"):
        compared = f"{count(fidelity['tenants'], 'tenant')} compared"
        step = f"Check that the snapshot is intact and decides as its source: {compared}"
        yield step, "done" if fidelity["agree"] else "failed", "/snapshot/manifest/fidelity"
    if claims := verification.claims:
        confirmed = sum(claim.verdict == "confirmed" for claim in claims)
        found = f"{confirmed} of {count(len(claims), 'claim')} confirmed"
        yield f"Test every claim on the snapshot: {found}", "done", "/verification/claims"


def _tried(trials: Sequence[Trial], repaired: Mapping[str, Any] | None) -> Iterator[Step]:
    fix, *placebos = trials
    state = "done" if fix.cured and serves(fix.after) else "failed"
    yield f"Try the fix on a scratch copy: {fix.result}", state, "/trials/0"
    left = sum(not placebo.cured for placebo in placebos)
    step = f"Try placebos, which must not help: {left} of {len(placebos)} leave the error"
    yield step, "done" if left == len(placebos) else "failed", "/trials"
    if repaired:
        again = [claim["verdict"] for claim in repaired["verification"]["claims"]]
        found = f"{again.count('refuted')} of {len(again)} no longer hold"
        step = f"Test the claims again on the repaired copy: {found}"
        yield step, "done", "/repaired/verification/claims"


def steps_after(recovery: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the steps that people take after a fix, each with its state by the worker's log.

    What succeeds with the expected model shows that the fix was made; what it leaves stays open.
    """
    apply, again, confirmed, capture = _OPEN_STEPS
    kinds, proof = recovery["kinds"], "/recovery/kinds"
    made = "done" if any(each["curve"] for each in kinds) else "open"
    ran = "done" if any(each["counted"] for each in kinds) else "open"
    by = {
        state: joined(each["complexity"] for each in kinds if _state(each) == state)
        for state in ("done", "failed", "open")
    }
    found = [
        ("fix", f"{apply}: {recovery['fix']}", made),
        ("rerun", again, ran),
        *(("success", f"{confirmed}: {of}", state) for state, of in by.items() if of),
    ]
    steps = [
        {"step": step, "state": state, "evidence": proof, "name": name}
        for name, step, state in found
    ]
    return [*steps, {"step": capture, "state": "open", "evidence": ""}]


def _state(kind: Mapping[str, Any]) -> str:
    if kind["verdict"] == "over":
        return "done"
    return "failed" if kind["verdict"] == "not over" and kind["expected"] else "open"


def limits(snapshot: Snapshot, diagnosis: Diagnosis, verification: Verification) -> list[str]:
    """Return what was not checked, or cannot be known, each a full sentence."""
    manifest = snapshot.manifest
    replayed = "those" if len(diagnosis.requests) > 1 else "the one"
    asked = in_words(each.request.to_json() for each in diagnosis.requests)
    rules = printable(diagnosis.platform.rules.name)
    found = [
        f"Whether the database still holds what it held at {snapshot.captured_at}.",
        "Whether a key is valid at its provider: a snapshot knows that it is set, not what it is.",
        f"Whether the job failed for another request than {replayed} replayed: {asked}.",
        f"Whether the platform runs other rules than those of the edition {rules}.",
    ]
    if snapshot.has_pricing and not (manifest["pricing"] or {}).get("last_fetch"):
        found.append("How old the prices were: the snapshot does not say when they were fetched.")
    if manifest.get("narrowed") or manifest.get("shard"):
        found.append("What happens to tenants that were left out of the capture.")
    unclear = [c for c in verification.claims if c.verdict == "inconclusive"]
    found += [f"Claim {printable(c.id)}: {printable(c.observed, 300)}." for c in unclear]
    return found
