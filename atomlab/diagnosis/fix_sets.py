"""Fix sets: the smallest changes that remove an error, each run before it is believed."""

from __future__ import annotations

from collections.abc import Sequence

from atomlab import limits
from atomlab.byok.platform import Platform
from atomlab.byok.ranking import rank
from atomlab.diagnosis.blockers import BlockerSet, minimal_fix_sets
from atomlab.diagnosis.defects import Defect
from atomlab.diagnosis.edits import Edit
from atomlab.diagnosis.explanation import DecidedRequest, FixSet


def run_fix_sets(case: DecidedRequest) -> tuple[list[FixSet], int]:
    """Return the minimal fix sets, each run, whether or not it then holds; how many were not run.

    Clients that could be added: allow-listed providers of the registry, and those that a key of
    the tenant was meant for, whether or not the platform knows them.
    """
    ranking, allowed = case.ranking, case.platform.rules.llm_providers
    meant = {defect.provider: defect for defect in case.defects}
    unknown = (d.provider for d in case.defects if d.code == "provider-unknown")
    platform = case.sandbox.edited(tuple(Edit("register-provider", provider=p) for p in unknown))
    wide = rank(platform, ranking.clients, ranking.request, ranking.view.plan)
    addable = [
        p.id
        for p in platform.providers
        if p.id not in ranking.clients and (p.id in allowed or p.id in meant)
    ]
    minimal = minimal_fix_sets(wide, addable)
    most = limits.most_run(limits.FIX_SETS, len(platform.models.ids))
    run = [_run(each, meant.get(each.client or ""), case) for each in minimal[:most]]
    return run, len(minimal[most:])


def key_edits(provider: str, defect: Defect | None, platform: Platform) -> tuple[Edit, ...]:
    """Return what makes the provider's client: its defect repaired, or a new credential."""
    if defect is None:
        return (Edit("new-credential", platform.manager().key_name(provider)),)
    if defect.code == "provider-not-llm":
        return (Edit("allow-provider", provider=provider),)
    kind = "repair-row" if defect.code in ("key-empty", "key-placeholder") else "copy-key"
    row = Edit(kind, defect.setting_key, defect.copy_from)
    if defect.code != "provider-unknown":
        return (row,)
    registered = Edit("register-provider", provider=provider)
    return (registered, row) if defect.copy_from else (registered,)


def _run(blockers: BlockerSet, defect: Defect | None, case: DecidedRequest) -> FixSet:
    """Return the first of the fixes that removes these blockers when it is run, else the last."""
    for edits in _fixes(blockers, defect, case.platform):
        after = case.try_edits("", edits).after
        fix_set = FixSet(blockers.atoms, edits, after, blockers.provider)
        if fix_set.verified:
            break
    return fix_set


def _fixes(
    blockers: BlockerSet, defect: Defect | None, platform: Platform
) -> Sequence[tuple[Edit, ...]]:
    """Return the edits that may remove the blockers, those to try first before the others.

    Where the cache does not know a context window, the cache is to be completed rather than the
    filter waived.
    """
    key = key_edits(blockers.client, defect, platform) if blockers.client is not None else ()
    waived = [Edit("waive-filter", filter=name) for name in blockers.filters]
    unknown = platform.models_of(blockers.provider) & platform.models.window_unknown
    if "context" not in blockers.filters or not unknown.any():
        return [(*key, *waived)]
    others = (edit for edit in waived if edit.filter != "context")
    return [(*key, Edit("complete-windows"), *others), (*key, *waived)]
