"""Confirmation: each cause's repair is run, beside placebos, before it is called confirmed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from atomlab.byok.ranking import Ranking
from atomlab.diagnosis.explanation import FILTER_OF, Cause, FixSet, Verdict
from atomlab.diagnosis.interventions import Edit, Laboratory, Trial, try_fix
from atomlab.evidence.registry import setting_key


def confirm(
    causes: Sequence[Cause],
    ranking: Ranking,
    fix_sets: Sequence[FixSet],
    lab: Laboratory,
    tenant_id: str,
) -> tuple[list[Cause], list[Trial]]:
    """Return the causes with their verdicts, and the trials of the first.

    Confirmed is a cause whose repair, run, removes the error through its provider while placebos
    leave it. One that cannot be repaired here stays inconclusive, never more.
    """
    verdicts: list[Cause] = []
    first: list[Trial] = []
    for cause in causes:
        trials = _trials(cause, ranking, fix_sets, lab, tenant_id)
        first = first or trials
        verdicts.append(replace(cause, verdict=verdict_of(cause, trials)))
    return verdicts, first


def _trials(
    cause: Cause,
    ranking: Ranking,
    fix_sets: Sequence[FixSet],
    lab: Laboratory,
    tenant_id: str,
) -> list[Trial]:
    request = ranking.request
    if cause.code == "orphan-client":
        models = {"the fix": cause.provider, "a model of an unknown provider": "no-such-provider"}
        return [
            lab.try_edits(name, [Edit("add-model", provider=provider)], tenant_id, request)
            for name, provider in models.items()
        ]
    atoms = {cause.atom}
    if cause.code in FILTER_OF and cause.provider not in ranking.clients:
        atoms.add(f"client:{cause.provider}")
    fits = [f for f in fix_sets if cause.provider is None or atoms <= set(f.atoms)]
    if not fits:
        return []
    key = next((e.setting_key for e in fits[0].edits if e.setting_key), None)
    return try_fix(lab, tenant_id, fits[0].edits, key, request)


def verdict_of(cause: Cause, trials: Sequence[Trial]) -> Verdict:
    """Return what the trials, the fix's first, say of the cause."""
    if not trials:
        return "inconclusive"
    fix, *placebos = trials
    through = {candidate.provider for candidate in fix.after.candidates()}
    winner = fix.after.winner
    if cause.role != "joint" and winner is not None:
        through = {winner.provider}
    if cause.code == "context-window" and not _window_known(fix.after):
        return "inconclusive"  # whether the windows are too small is not in the evidence
    uses_it = cause.provider is None or cause.provider in through
    proven = fix.cured and uses_it and not any(placebo.cured for placebo in placebos)
    return "confirmed" if proven else "inconclusive"


def _window_known(ranking: Ranking) -> bool:
    """Return whether the cache states the window of some candidate."""
    return not bool(ranking.view.platform.models.window_unknown[ranking.order].all())


def put_fault_back(ranking: Ranking, lab: Laboratory, tenant_id: str) -> tuple[Trial, ...]:
    """Return the trial of taking away the key that the winner of a healthy ranking needs."""
    winner = ranking.winner
    if winner is None:
        return ()
    edit = Edit("remove-row", setting_key(winner.provider))
    return (lab.try_edits("the fault put back", [edit], tenant_id, ranking.request),)
