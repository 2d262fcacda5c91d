"""Confirmation: each cause's repair is run, beside placebos, before it is called confirmed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from atomlab.byok.filters import NAMES
from atomlab.byok.keys import KeyLookups
from atomlab.byok.ranking import Ranking
from atomlab.diagnosis.edits import Edit
from atomlab.diagnosis.explanation import Cause, DecidedRequest, FixSet
from atomlab.diagnosis.sandbox import Trial, try_fix
from atomlab.verdicts import Verdict


def confirm(
    causes: Sequence[Cause],
    fix_sets: Sequence[FixSet],
    case: DecidedRequest,
    *,
    root_only: bool = False,
) -> tuple[list[Cause], list[Trial]]:
    """Return the causes with their verdicts, or the first alone, and the trials of the first.

    Confirmed is a cause whose repair, run, removes the error through its provider while placebos
    leave it, and every other member of that repair is a cause as well. One that cannot be
    repaired here stays inconclusive, never more.
    """
    # That a filter rejects a provider's models is seen in the ranking; that a key was meant is not.
    claimed = {*NAMES, *(cause.atom for cause in causes)}
    verdicts: list[Cause] = []
    first: list[Trial] = []
    for cause in causes[:1] if root_only else causes:
        fix = own_fix_set(cause, fix_sets, case.ranking)
        trials = _trials(cause, fix, case)
        if not verdicts:
            first = trials
        verdict = verdict_of(cause, trials)
        if fix and cause.code != "no-keys" and not set(fix.atoms) <= claimed:
            verdict = "inconclusive"  # it needs what nothing shows to be wrong
        verdicts.append(replace(cause, verdict=verdict))
    return verdicts, first


def own_fix_set(cause: Cause, fix_sets: Sequence[FixSet], ranking: Ranking) -> FixSet | None:
    """Return the smallest, then easiest fix set that repairs the cause through its provider."""
    fitting, atom, provider = list(fix_sets), cause.atom, cause.provider
    if provider is not None:
        fitting = [f for f in fix_sets if f.provider == provider and atom in f.atoms]
        if not fitting and provider in ranking.clients:  # one filter blocks several clients
            fitting = [f for f in fix_sets if f.atoms == (atom,)]
    return min(fitting, key=lambda f: (len(f.atoms), f.ease), default=None)


def _trials(cause: Cause, fix: FixSet | None, case: DecidedRequest) -> list[Trial]:
    if cause.code == "orphan-client":
        models = {"the fix": cause.provider, "a model of an unknown provider": "no-such-provider"}
        return [
            case.try_edits(name, [Edit("add-model", provider=provider)])
            for name, provider in models.items()
        ]
    if fix is None:
        return []
    key = next((edit.setting_key for edit in fix.edits if edit.setting_key), None)
    return try_fix(case.sandbox, case.tenant_id, fix.edits, key, case.ranking.request)


def verdict_of(cause: Cause, trials: Sequence[Trial]) -> Verdict:
    """Return what the trials, the fix's first, say of the cause."""
    if not trials or not _windows_known(trials[0], cause):
        return "inconclusive"  # or whether windows are too small is not in the evidence
    fix, *placebos = trials
    winner = fix.after.winner
    uses_it = cause.provider is None or (winner is not None and winner.provider == cause.provider)
    proven = fix.cured and uses_it and not any(placebo.cured for placebo in placebos)
    return "confirmed" if proven else "inconclusive"


def _windows_known(fix: Trial, cause: Cause) -> bool:
    """Return whether what the fix does to context windows rests on ones that the cache states."""
    if any(edit.kind == "complete-windows" for edit in fix.edits):
        return False
    waived = cause.code == "context-window" or any(e.filter == "context" for e in fix.edits)
    unknown = fix.after.view.platform.pricing.window_unknown[fix.after.order]
    return not waived or not bool(unknown.all())


def put_fault_back(case: DecidedRequest, lookups: KeyLookups) -> tuple[Trial, ...]:
    """Return the trial of taking away the key that the winner needs."""
    winner = case.ranking.winner
    row = next(look.setting_key for look in lookups if winner and look.provider == winner.provider)
    return (case.try_edits("the fault put back", [Edit("remove-row", row)]),)
