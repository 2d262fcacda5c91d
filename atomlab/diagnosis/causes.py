"""Causes: which deviations, repaired, remove the error, and in what order they explain it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from atomlab.byok.filters import FILTERS, NAMES, PHRASES
from atomlab.byok.platform import Platform
from atomlab.byok.ranking import Ranking, rank
from atomlab.diagnosis.blockers import BlockerSet, minimal_fix_sets
from atomlab.diagnosis.confirmation import confirm, own_fix_set, verdict_of
from atomlab.diagnosis.defects import Defect
from atomlab.diagnosis.explanation import CODES, Cause, Explanation, FixSet, Role
from atomlab.diagnosis.interventions import Edit, Laboratory
from atomlab.diagnosis.rows import TenantRows
from atomlab.text import count, listed

# Keys of providers that the platform does not know, or not as LLM providers.
_UNUSUAL = ("provider-unknown", "provider-not-llm")


def explain(
    ranking: Ranking,
    defects: Sequence[Defect],
    lab: Laboratory,
    tenant_id: str,
    withheld: int = 0,
) -> Explanation:
    """Return why `ranking` is empty for a tenant with these defects; fixes are run in `lab`.

    `withheld` counts the tenant's settings that the capture did not look at by name.
    """
    if not ranking.view.platform.models.ids:
        return _empty_cache(ranking, defects, lab, tenant_id, withheld)
    if ranking.broken:
        return _broken_entry(ranking, defects, lab, tenant_id, withheld)
    relevant = _relevant(defects, ranking)
    executed = _executed(ranking, relevant, lab, tenant_id)
    fix_sets = sorted((f for f in executed if f.verified), key=lambda f: (f.effort, not f.cures))
    dropped = len(executed) - len(fix_sets)
    causes = _deviations(ranking, relevant, fix_sets)
    causes = causes or _without_fix(ranking, relevant, fix_sets, withheld)
    if [cause.code for cause in causes] == ["no-keys"]:
        others, unread = _other_keys(defects, relevant), _not_read(lab.rows(tenant_id), tenant_id)
        first, *rest = causes[0].evidence
        told = _NO_CHAT_KEY if others else first
        causes = [replace(causes[0], evidence=(told, *rest, *others, *unread))]
    causes += _breaking_later(executed)
    confirmed, trials = confirm(causes, ranking, fix_sets, lab, tenant_id)
    return Explanation(tuple(confirmed), tuple(fix_sets), tuple(trials), dropped)


def _relevant(defects: Sequence[Defect], ranking: Ranking) -> list[Defect]:
    """Return the defects that may explain the error.

    A provider that the platform does not know, or not as an LLM provider, was meant only if the
    price map has a model of it that may be a chat model; a key of a speech, search or image
    service is beside the point. A name that is as near to two vendors stays, since one of them
    was meant. A working client shows which provider the tenant means: its key
    is where it belongs, and keys of other services are beside it.
    """
    platform = ranking.view.platform
    served = {c for c in ranking.clients if platform.has_models(c)}
    manager = platform.manager()
    working = {name for client in served for name in manager.key_names(client)}
    return [
        d
        for d in defects
        if (d.code not in _UNUSUAL or (not working and _was_meant(d, platform)))
        and not (d.code == "key-under-alias" and d.copy_from in working)
    ]


def _other_keys(defects: Sequence[Defect], relevant: Sequence[Defect]) -> list[str]:
    """Return the sentence on keys of services that serve no chat model, if there are any."""
    others = [d.setting_key for d in defects if d not in relevant and d.code in _UNUSUAL]
    told = f"other keys, of providers without a chat model in the price map: {listed(others)}"
    return [told] if others else []


def _not_read(rows: TenantRows, tenant_id: str) -> list[str]:
    """Return the sentence on settings that an edition with keys from the environment ignores."""
    if rows.rules.keys_from == "settings":
        return []
    names = sorted({name for whose, name, _ in rows.settings if whose == tenant_id})
    told = "in this edition keys come from the worker's environment; these settings are not read"
    return [f"{told}: {listed(names)}"] if names else []


def _was_meant(defect: Defect, platform: Platform) -> bool:
    """Return whether the price map has what may be a chat model of it, or two vendors are near."""
    named = platform.models_named(defect.provider)
    return bool(defect.neighbours or (named & (platform.models.chat != 0)).any())


def _executed(
    ranking: Ranking, defects: Sequence[Defect], lab: Laboratory, tenant_id: str
) -> list[FixSet]:
    """Return the minimal fix sets, each run, whether or not it then holds.

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
        defect = by_provider.get(blockers.client or "")
        for edits in _edits(blockers, defect, ranking):
            after = lab.try_edits("", edits, tenant_id, ranking.request).after
            fix_set = FixSet(blockers.atoms, edits, after, blockers.provider)
            if fix_set.verified:
                break
        executed.append(fix_set)
    return executed


def _breaking_later(executed: Sequence[FixSet]) -> list[Cause]:
    """Return the cause that every repair which was run meets: an entry that breaks the ranking.

    None as long as some repair holds.
    """
    broken = [f for f in executed if f.after.broken]
    if not broken or any(f.verified for f in executed):
        return []
    after = broken[0].after
    told = f"once nothing else is in the way, {after.broken}"
    return [Cause("pricing-entry-broken", broken[0].provider, None, None, False, False, (told,))]


def _edits(blockers: BlockerSet, defect: Defect | None, ranking: Ranking) -> list[tuple[Edit, ...]]:
    """Return the edits that may remove the blockers, those to try first before the others.

    Where the cache does not know a context window, the cache is to be completed rather than the
    filter waived.
    """
    platform = ranking.view.platform
    key = () if blockers.client is None else _key_edits(blockers.client, defect, platform)
    waived = tuple(Edit("waive-filter", filter=name) for name in blockers.filters)
    tries = [(*key, *waived)]
    unknown = platform.models_of(blockers.provider) & platform.models.window_unknown
    if "context" in blockers.filters and unknown.any():
        completed = [e for e in waived if e.filter != "context"]
        tries.insert(0, (*key, Edit("complete-windows"), *completed))
    return tries


def _key_edits(provider: str, defect: Defect | None, platform: Platform) -> tuple[Edit, ...]:
    """Return the edits that make a client: a misnamed key of an unknown provider is copied, too."""
    edit = _key_edit(provider, defect, platform)
    if defect and defect.code == "provider-unknown" and defect.copy_from:
        return edit, Edit("copy-key", defect.setting_key, defect.copy_from)
    return (edit,)


def _key_edit(provider: str, defect: Defect | None, platform: Platform) -> Edit:
    if defect is None:
        return Edit("new-credential", platform.manager().key_name(provider))
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

    First those that suffice alone, then the cheaper, then in registry order; last what no fix set
    repairs. Where none suffices alone, the filters that stand in the way of each one's own
    smallest repair are causes beside it; else its evidence says so.
    """
    platform, found = ranking.view.platform, list[tuple[int, Cause]]()
    for defect in defects:
        atom = f"client:{defect.provider}"
        if any(atom in fix_set.atoms for fix_set in fix_sets):
            key = (defect.provider, defect.setting_key)
            cause = _cause(defect.code, *key, atom, fix_sets, defect.evidence)
            found.append((_key_edit(defect.provider, defect, platform).cost, cause))
    lacking = not any(cause.sufficient_alone for _, cause in found)
    meant = [own_fix_set(cause, fix_sets, ranking) for _, cause in found]
    if found:
        refresh = Edit("refresh-pricing").cost
        found += [(refresh, orphan) for orphan in _orphans(ranking, defects, fix_sets)]
    blocking = [f for f in fix_sets if not f.atoms[0].startswith("client:")]
    for name in dict.fromkeys(a for f in blocking for a in f.atoms if a in NAMES):
        best = next(f for f in blocking if name in f.atoms)
        for provider in _blocked_providers(name, ranking, best):
            found.append(_filter_cause(name, provider, ranking, fix_sets))
    if not blocking and lacking:
        own = [(name, f.provider or "") for f in meant if f for name in f.atoms if name in NAMES]
        found += [_filter_cause(*each, ranking, fix_sets) for each in dict.fromkeys(own)]
    place = platform.column

    def support(entry: tuple[int, Cause]) -> tuple[bool, bool, int, int]:
        cost, cause = entry
        last = place.get(cause.provider or "", len(place))
        return cause.role is None, not cause.sufficient_alone, cost, last

    causes = _only_one_sole([cause for _, cause in sorted(found, key=support)])
    return [_with_filters(cause, causes, ranking, fix_sets) for cause in causes]


def _filter_cause(
    name: str, provider: str, ranking: Ranking, fix_sets: Sequence[FixSet]
) -> tuple[int, Cause]:
    """Return what waiving the filter costs, and the cause that it blocks the provider's models."""
    evidence = _observed(name, ranking, provider)
    cause = _cause(CODES.get(name, name), provider, None, name, fix_sets, evidence)
    return Edit("waive-filter", filter=name).cost, cause


def _with_filters(
    cause: Cause, causes: Sequence[Cause], ranking: Ranking, fix_sets: Sequence[FixSet]
) -> Cause:
    """Return a joint cause with what its own repair needs waived, where no cause says so."""
    own = own_fix_set(cause, fix_sets, ranking) if cause.role == "joint" else None
    told = {(each.atom, each.provider) for each in causes}
    provider = cause.provider
    names = [a for a in own.atoms if a in NAMES and (a, provider) not in told] if own else []
    if not names or provider is None:
        return cause
    seen = (sentence for name in names for sentence in _observed(name, ranking, provider))
    return replace(cause, evidence=(*cause.evidence, *seen))


def _only_one_sole(causes: Sequence[Cause]) -> list[Cause]:
    """Return the causes; where several suffice alone, each is one of k."""
    several = sum(cause.sufficient_alone for cause in causes) > 1
    return [replace(c, role="one-of-k") if several and c.role == "sole" else c for c in causes]


def _cause(
    code: str,
    provider: str | None,
    key: str | None,
    atom: str,
    fix_sets: Sequence[FixSet],
    evidence: tuple[str, ...],
) -> Cause:
    through = [fix_set for fix_set in fix_sets if atom in fix_set.atoms]
    alone = any(fix_set.atoms == (atom,) for fix_set in through)
    everywhere = len(through) == len(fix_sets) > 0
    return Cause(code, provider, key, _role(through, fix_sets), alone, everywhere, evidence)


def _role(through: Sequence[FixSet], fix_sets: Sequence[FixSet]) -> Role | None:
    """Return the role of a cause that these of all fix sets repair, None if none does."""
    if not through:
        return None
    if all(len(fix_set.atoms) > 1 for fix_set in through):
        return "joint"
    return "sole" if len(fix_sets) == 1 else "one-of-k"


def _blocked_providers(name: str, ranking: Ranking, fix_set: FixSet) -> list[str]:
    """Return whose models the filter blocks: those of the fix, or of each unhealthy client."""
    best = fix_set.provider or ""
    if name != "health" or fix_set.atoms[0].startswith("client:"):
        return [best]
    platform = ranking.view.platform
    least = platform.rules.min_health_score
    return [c for c in ranking.clients if platform.health[platform.column[c]] < least] or [best]


def _observed(name: str, ranking: Ranking, provider: str) -> tuple[str, ...]:
    """Return what the filter saw of the provider's models, and what it required."""
    models = ranking.view.platform.models
    mine = ranking.view.platform.models_of(provider)
    judgement = FILTERS[NAMES.index(name)](ranking.view)
    places = np.flatnonzero(mine & judgement.rejected)
    told = f"{len(places):,} of {count(int(mine.sum()), 'model')} of {provider} rejected"
    if name not in _NUMERIC:
        return (f"{told}: {PHRASES[name]}, required {judgement.required}",)
    known = places[~models.window_unknown[places]] if name == "context" else places
    required = f"required {judgement.required:g}"
    seen = []
    if len(known):
        best = max(judgement.observed[int(place)] for place in known)
        seen.append(f"{PHRASES[name]}, the best of them {best:g}, {required}")
    if unknown := len(places) - len(known):
        of_these = "" if not len(known) else f" of {unknown:,} of these"
        seen.append(f"no context window known{of_these}: the platform reads 0, {required}")
    return (f"{told}: {'; '.join(seen)}",)


def _without_fix(
    ranking: Ranking, defects: Sequence[Defect], fix_sets: Sequence[FixSet], withheld: int
) -> list[Cause]:
    """Return the causes where no deviation leads to a model: orphans, hopeless rows, or no key."""
    if orphans := _orphans(ranking, defects, fix_sets):
        return orphans
    if defects:
        return [
            Cause(
                *(d.code, d.provider, d.setting_key, None, False, False),
                (*d.evidence, f"repairing it alone gives no model of {d.provider}"),
            )
            for d in defects
        ]
    if ranking.clients:
        return []
    return [_no_keys(fix_sets, withheld)]


_NO_CHAT_KEY = (
    "the tenant has no usable key of an LLM provider, and no row of one with a chat model here"
)


def _no_keys(fix_sets: Sequence[FixSet], withheld: int) -> Cause:
    others = count(withheld, "other setting was", "other settings were")
    alone = any(len(fix_set.atoms) == 1 for fix_set in fix_sets)
    evidence = (
        "the tenant has no usable key of an LLM provider, and no row looked at that nearly is one",
        *([f"{others} not looked at by name"] if withheld else []),
        *(
            [f"{count(len(fix_sets), 'fix set')} would do, each with another provider's key"]
            if fix_sets
            else ["no key of any provider alone would do"]
        ),
    )
    role = _role(fix_sets, fix_sets)
    return Cause("no-keys", None, None, role, alone, bool(fix_sets), evidence)


def _orphans(
    ranking: Ranking, defects: Sequence[Defect], fix_sets: Sequence[FixSet]
) -> list[Cause]:
    """Return a cause for each client without models, where no client of the tenant has any.

    Not for a row that the repair of an alias which helps could copy, chosen or not: that it makes
    a client is beside the point. No change of an orphan alone is in a fix set, so it has no role.
    """
    platform, manager = ranking.view.platform, ranking.view.platform.manager()
    if any(platform.has_models(client) for client in ranking.clients):
        return []
    repaired = {atom for fix_set in fix_sets for atom in fix_set.atoms}
    helping = [d for d in defects if d.copy_from and f"client:{d.provider}" in repaired]
    copied = {name for d in helping for name in (d.copy_from, *d.others)}
    total = count(len(platform.models.ids), "model")
    return [
        Cause(
            *("orphan-client", orphan, manager.key_name(orphan), None, False, False),
            (
                f"row {manager.key_name(orphan)} makes the client {orphan}",
                f"none of the {total} in the pricing cache is served by {orphan}",
            ),
        )
        for orphan in ranking.clients
        if manager.key_name(orphan) not in copied
    ]


def _broken_entry(
    ranking: Ranking, defects: Sequence[Defect], lab: Laboratory, tenant_id: str, withheld: int
) -> Explanation:
    """Return the explanation where an entry of the cache makes the ranking fail inside.

    Without the entries that do, the request is decided again: either that is all that was wrong,
    or what explains the rest is joined by them.
    """
    models = ranking.view.platform.models
    edits = tuple(Edit("repair-entry", model=models.ids[place]) for place in ranking.breaks)
    first = int(ranking.breaks[0])
    provider = None if models.breaks_all[first] else str(models.provider[first])
    atom, evidence = "pricing-entry", (str(ranking.broken), _whom(provider))
    if len(edits) == len(models.ids):  # no entry is left to decide with
        fix_sets = (FixSet((atom,), (Edit("refresh-pricing"),), ranking),)
        found = _cause("pricing-entry-broken", provider, None, atom, fix_sets, evidence)
        return Explanation((found,), fix_sets)
    repaired = lab.try_edits("the fix", edits, tenant_id, ranking.request)
    if len(repaired.after.order):
        fix_sets = (FixSet((atom,), edits, repaired.after),)
        found = _cause("pricing-entry-broken", provider, None, atom, fix_sets, evidence)
        sound = next(n for p, n in enumerate(models.ids) if p not in set(ranking.breaks.tolist()))
        other = [Edit("repair-entry", model=sound)]
        placebo = lab.try_edits("another entry", other, tenant_id, ranking.request)
        cured = repaired.cured and not placebo.cured
        found = replace(found, verdict="confirmed" if cured else "inconclusive")
        return Explanation((found,), fix_sets, (repaired, placebo))
    rest = explain(repaired.after, defects, lab.on(lab.changed(edits)), tenant_id, withheld)
    joined = [
        FixSet(
            (atom, *fix.atoms),
            (*edits, *fix.edits),
            lab.try_edits("", (*edits, *fix.edits), tenant_id, ranking.request).after,
            fix.provider,
        )
        for fix in rest.fix_sets
    ]
    kept = [fix for fix in joined if fix.verified]
    found = _cause("pricing-entry-broken", provider, None, atom, kept, evidence)
    beside = [c.verdict for c in rest.causes[:1]]
    found = replace(found, verdict=beside[0] if kept and beside else "inconclusive")
    others = [
        replace(c, role="joint" if c.role else None, sufficient_alone=False) for c in rest.causes
    ]
    return Explanation((found, *others), tuple(kept), rest.trials, rest.dropped)


def _whom(provider: str | None) -> str:
    whose = "" if provider is None else f" with a client that serves it ({provider})"
    return f"the platform catches the failure, and finds no model for every tenant{whose}"


def _empty_cache(
    ranking: Ranking, defects: Sequence[Defect], lab: Laboratory, tenant_id: str, withheld: int
) -> Explanation:
    """Return the explanation where the cache holds no model at all: nothing else can matter yet.

    A refresh cannot be run here; that a model is all that is missing can: with one made-up model
    of a client's provider the error goes, with one of an unknown provider it stays.
    """
    refresh, platform = Edit("refresh-pricing"), ranking.view.platform
    evidence = ("the pricing cache holds no model at all",)
    key: tuple[Edit, ...] = ()
    if ranking.clients:
        fix_sets = [FixSet(("pricing",), (refresh,), ranking)]
        provider = ranking.clients[0]
        told = any(_reads_declared_variable(c, ranking) for c in ranking.clients)
    else:
        meant = {d.provider: d for d in defects}
        missing = list(meant) or [p for p in platform.rules.llm_providers if p in platform.column]
        keys = {p: _key_edit(p, meant.get(p), platform) for p in missing}
        fix_sets = [
            FixSet(("pricing", f"client:{p}"), (refresh, edit), ranking) for p, edit in keys.items()
        ]
        provider = next(iter(missing), "")
        key = tuple(keys.values())[:1]
        told = bool(missing)
    trials = [
        lab.try_edits(name, [Edit("add-model", provider=p), *key], tenant_id, ranking.request)
        for name, p in (("a model of a client", provider), ("of an unknown provider", "no-such"))
        if told
    ]
    first = _cause("pricing-cache-empty", None, None, "pricing", fix_sets, evidence)
    first = replace(first, verdict=verdict_of(first, trials))
    also = [] if ranking.clients else _joined(defects, fix_sets, withheld)
    return Explanation((first, *also), tuple(fix_sets), tuple(trials))


def _joined(defects: Sequence[Defect], fix_sets: Sequence[FixSet], withheld: int) -> list[Cause]:
    """Return the causes beside an empty cache for a tenant without a client."""
    if not defects:
        return [_no_keys(fix_sets, withheld)]
    return [
        _cause(d.code, d.provider, d.setting_key, f"client:{d.provider}", fix_sets, d.evidence)
        for d in defects
    ]


def _reads_declared_variable(client: str, ranking: Ranking) -> bool:
    """Return whether the client's row is the one that the registry declares.

    Where it is not, as with `minimax_2_7`, only a cache could tell whether it has models.
    """
    platform = ranking.view.platform
    declared = platform.providers[platform.column[client]].api_key_env_var
    return declared is None or declared in platform.manager().key_names(client)


# Filters whose observed value is a number that has to be high enough.
_NUMERIC = ("context", "health", "quality")
