"""Causes: which deviations, repaired, remove the error, and in what order they explain it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from atomlab.byok.filters import FILTERS, NAMES, PHRASES
from atomlab.byok.platform import Platform
from atomlab.byok.ranking import Ranking, rank
from atomlab.diagnosis.blockers import BlockerSet, minimal_fix_sets
from atomlab.diagnosis.confirmation import confirm, verdict_of
from atomlab.diagnosis.defects import Defect
from atomlab.diagnosis.explanation import CODES, Cause, Explanation, FixSet, Role
from atomlab.diagnosis.interventions import Edit, Laboratory
from atomlab.evidence.registry import setting_key
from atomlab.text import count

# Keys for providers that the platform does not know, or not as LLM providers.
_UNUSUAL = ("provider-unknown", "provider-not-llm")


def explain(
    ranking: Ranking, defects: Sequence[Defect], lab: Laboratory, tenant_id: str
) -> Explanation:
    """Return why `ranking` is empty for a tenant with these defects; fixes are run in `lab`."""
    platform = ranking.view.platform
    if not platform.models.ids:
        return _empty_cache(ranking, defects, lab, tenant_id)
    working = {setting_key(c) for c in ranking.clients if platform.has_models(c)}
    if working:
        # A working client shows which provider the tenant means: its key is where it belongs,
        # and keys of other services are beside it.
        defects = [
            d
            for d in defects
            if d.code not in _UNUSUAL
            and not (d.code == "key-under-alias" and d.copy_from in working)
        ]
    likely = [d for d in defects if d.code != "provider-not-llm" or _has_windows(d, platform)]
    relevant = likely or defects
    fix_sets, dropped = _fix_sets(ranking, relevant, lab, tenant_id)
    causes = _deviations(ranking, relevant, fix_sets) or _without_fix(ranking, defects, fix_sets)
    confirmed, trials = confirm(causes, ranking, fix_sets, lab, tenant_id)
    return Explanation(tuple(confirmed), tuple(fix_sets), tuple(trials), dropped)


def _has_windows(defect: Defect, platform: Platform) -> bool:
    """Return whether the provider has a model for text: a search provider's has no window."""
    models = platform.models
    return bool(models.window[models.matches[:, platform.column[defect.provider]]].any())


def _fix_sets(
    ranking: Ranking, defects: Sequence[Defect], lab: Laboratory, tenant_id: str
) -> tuple[list[FixSet], int]:
    """Return the fix sets that hold when executed, cheapest first, and how many did not.

    Clients that could be added: allow-listed providers of the registry, and those that a key of
    the tenant was meant for, whether or not the platform knows them.
    """
    by_provider = {d.provider: d for d in defects}
    unknown = [
        Edit("register-provider", provider=d.provider)
        for d in defects
        if d.code == "provider-unknown"
    ]
    platform = lab.changed(tuple(unknown))
    wide = rank(platform, ranking.clients, ranking.request, ranking.view.plan)
    addable = [
        p.id
        for p in platform.providers
        if p.id not in ranking.clients
        and (p.id in ranking.view.platform.rules.llm_providers or p.id in by_provider)
    ]
    executed = []
    for blockers in minimal_fix_sets(wide, addable):
        edits = _edits(blockers, by_provider.get(blockers.client or ""))
        trial = lab.try_edits("", edits, tenant_id, ranking.request)
        executed.append(FixSet(blockers.atoms, edits, trial.after))
    kept = [fix_set for fix_set in executed if fix_set.verified]
    return sorted(kept, key=lambda f: f.cost), len(executed) - len(kept)


def _edits(blockers: BlockerSet, defect: Defect | None) -> tuple[Edit, ...]:
    """Return the cheapest edits that remove the blockers."""
    waived = tuple(Edit("waive-filter", filter=name) for name in blockers.filters)
    if blockers.client is None:
        return waived
    return (_key_edit(blockers.client, defect), *waived)


def _key_edit(provider: str, defect: Defect | None) -> Edit:
    if defect is None:
        return Edit("new-credential", setting_key(provider))
    if defect.code == "provider-unknown":
        return Edit("register-provider", provider=provider)
    if defect.code == "provider-not-llm":
        return Edit("allow-provider", provider=provider)
    if defect.code in ("key-empty", "key-placeholder"):
        return Edit("repair-row", defect.setting_key, defect.copy_from)
    return Edit("copy-key", defect.setting_key, defect.copy_from)


def _deviations(
    ranking: Ranking, defects: Sequence[Defect], fix_sets: Sequence[FixSet]
) -> list[Cause]:
    """Return the causes that some fix set repairs, best supported first.

    First those that suffice alone, then the cheaper, then in registry order. Where none suffices
    alone, the filters that stand in the way of the cheapest joint repair are causes beside it.
    """
    found: list[tuple[int, Cause]] = []
    for defect in defects:
        atom = f"client:{defect.provider}"
        if any(atom in fix_set.atoms for fix_set in fix_sets):
            key = (defect.provider, defect.setting_key)
            cause = _cause(defect.code, *key, atom, fix_sets, defect.evidence)
            found.append((_key_edit(defect.provider, defect).cost, cause))
    lacking = not any(cause.sufficient_alone for _, cause in found)
    if found:
        aliased = {d.copy_from for d in defects if any(c.provider == d.provider for _, c in found)}
        refresh = Edit("refresh-pricing").cost
        found += [(refresh, o) for o in _orphans(ranking) if o.setting_key not in aliased]
    served = [f for f in fix_sets if not f.atoms[0].startswith("client:")]
    if not served and lacking:
        meant = {f"client:{cause.provider}" for _, cause in found}
        served = [f for f in fix_sets if meant & set(f.atoms)][:1]
    for name in dict.fromkeys(a for f in served for a in f.atoms if a in NAMES):
        best = next(f for f in served if name in f.atoms)
        for provider in _blocked_providers(name, ranking, best):
            evidence = _observed(name, ranking, provider)
            cause = _cause(CODES.get(name, name), provider, None, name, fix_sets, evidence)
            found.append((Edit("waive-filter", filter=name).cost, cause))
    place = ranking.view.platform.column

    def support(entry: tuple[int, Cause]) -> tuple[bool, int, int]:
        cost, cause = entry
        return not cause.sufficient_alone, cost, place.get(cause.provider or "", len(place))

    return [cause for _, cause in sorted(found, key=support)]


def _cause(
    code: str,
    provider: str | None,
    key: str | None,
    atom: str,
    fix_sets: Sequence[FixSet],
    evidence: tuple[str, ...],
) -> Cause:
    alone = any(fix_set.atoms == (atom,) for fix_set in fix_sets)
    role: Role = "joint" if not alone else "sole" if len(fix_sets) == 1 else "one-of-k"
    everywhere = all(atom in fix_set.atoms for fix_set in fix_sets)
    return Cause(code, provider, key, role, alone, everywhere, evidence)


def _blocked_providers(name: str, ranking: Ranking, fix_set: FixSet) -> list[str]:
    """Return whose models the filter blocks: of the fix's winner, or each unhealthy client."""
    winner = fix_set.after.winner
    best = winner.provider if winner else ""
    if name != "health" or fix_set.atoms[0].startswith("client:"):
        return [best]
    platform = ranking.view.platform
    least = platform.rules.min_health_score
    return [c for c in ranking.clients if platform.health[platform.column[c]] < least] or [best]


def _observed(name: str, ranking: Ranking, provider: str) -> tuple[str, ...]:
    """Return what the filter saw of the provider's models, and what it required."""
    models = ranking.view.platform.models
    place = ranking.view.platform.column.get(provider)
    mine = models.provider == provider if place is None else models.matches[:, place]
    judgement = FILTERS[NAMES.index(name)](ranking.view)
    rejected = int(judgement.rejected[mine].sum())
    seen = [judgement.observed[int(place)] for place in np.flatnonzero(mine & judgement.rejected)]
    numeric = name in _NUMERIC
    best = f", the best of them {max(seen):g}" if numeric and seen else ""
    required = f"{judgement.required:g}" if numeric else judgement.required
    told = f"{rejected:,} of {count(int(mine.sum()), 'model')} of {provider} rejected"
    return (f"{told}: {PHRASES[name]}{best}, required {required}",)


def _without_fix(
    ranking: Ranking, defects: Sequence[Defect], fix_sets: Sequence[FixSet]
) -> list[Cause]:
    """Return the causes where no deviation leads to a model: orphans, hopeless rows, or no key."""
    if orphans := _orphans(ranking):
        return orphans
    if defects:
        return [
            Cause(
                *(d.code, d.provider, d.setting_key, "joint", False, False),
                (*d.evidence, f"repairing it alone gives no model of {d.provider}"),
            )
            for d in defects
        ]
    if ranking.clients:
        return []
    alone = any(len(fix_set.atoms) == 1 for fix_set in fix_sets)
    role: Role = "joint" if not alone else "sole" if len(fix_sets) == 1 else "one-of-k"
    evidence = (
        "the tenant has no usable key of an LLM provider, and no row that nearly is one",
        f"{count(len(fix_sets), 'fix set')} would do, each with another provider's key",
    )
    return [Cause("no-keys", None, None, role, alone, True, evidence)]


def _orphans(ranking: Ranking) -> list[Cause]:
    """Return a cause for each client without models, where no client of the tenant has any."""
    platform = ranking.view.platform
    if any(platform.has_models(client) for client in ranking.clients):
        return []
    total = count(len(platform.models.ids), "model")
    return [
        Cause(
            *("orphan-client", orphan, setting_key(orphan), "one-of-k", True, False),
            (
                f"row {setting_key(orphan)} makes the client {orphan}",
                f"none of the {total} in the pricing cache is served by {orphan}",
            ),
        )
        for orphan in ranking.clients
    ]


def _empty_cache(
    ranking: Ranking, defects: Sequence[Defect], lab: Laboratory, tenant_id: str
) -> Explanation:
    """Return the explanation where the cache holds no model at all: nothing else can matter yet.

    A refresh cannot be run here; that a model is all that is missing can: with one made-up model
    of a client's provider the error goes, with one of an unknown provider it stays.
    """
    refresh = FixSet(("pricing",), (Edit("refresh-pricing"),), ranking)
    evidence = ("the pricing cache holds no model at all",)
    alone = bool(ranking.clients)
    first = Cause(
        "pricing-cache-empty", None, None, "sole" if alone else "joint", alone, True, evidence
    )
    also = [
        Cause(d.code, d.provider, d.setting_key, "joint", False, False, d.evidence)
        for d in defects
        if not ranking.clients
    ]
    if not alone and not also:
        also = _without_fix(ranking, (), ())
    trials = []
    if alone and any(_reads_declared_variable(c, ranking) for c in ranking.clients):
        models = {"a model of a client": ranking.clients[0], "of an unknown provider": "no-such"}
        trials = [
            lab.try_edits(name, [Edit("add-model", provider=p)], tenant_id, ranking.request)
            for name, p in models.items()
        ]
    first = replace(first, verdict=verdict_of(first, trials))
    return Explanation((first, *also), (refresh,), tuple(trials))


def _reads_declared_variable(client: str, ranking: Ranking) -> bool:
    """Return whether the client's row is the one that the registry declares.

    Where it is not, as with `minimax_2_7`, only a cache could tell whether it has models.
    """
    platform = ranking.view.platform
    declared = platform.providers[platform.column[client]].api_key_env_var
    return declared in (None, setting_key(client))


# Filters whose observed value is a number that has to be high enough.
_NUMERIC = ("context", "health", "quality")
