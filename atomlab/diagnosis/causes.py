"""Causes: which deviations, repaired, remove the error, and in what order they explain it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

from atomlab import limits
from atomlab.byok.platform import Platform
from atomlab.byok.ranking import Ranking, rank
from atomlab.byok.rows import TenantRows
from atomlab.diagnosis.blockers import BlockerSet, minimal_fix_sets
from atomlab.diagnosis.confirmation import confirm, verdict_of
from atomlab.diagnosis.defects import Defect
from atomlab.diagnosis.deviations import (
    NO_CHAT_KEY,
    cause_of,
    deviations,
    key_edit,
    no_keys,
    without_fix,
)
from atomlab.diagnosis.explanation import Cause, Explanation, FixSet
from atomlab.diagnosis.interventions import Edit, Laboratory
from atomlab.text import listed

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
    executed, beyond = _executed(ranking, relevant, lab, tenant_id)
    fix_sets = sorted((f for f in executed if f.verified), key=lambda f: (f.effort, not f.cures))
    dropped = len(executed) - len(fix_sets) + beyond
    causes = deviations(ranking, relevant, fix_sets)
    causes = causes or without_fix(ranking, relevant, fix_sets, withheld)
    if [cause.code for cause in causes] == ["no-keys"]:
        others, unread = _other_keys(defects, relevant), _not_read(lab.rows(tenant_id), tenant_id)
        first, *rest = causes[0].evidence
        told = NO_CHAT_KEY if others else first
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
    most = limits.most_run(limits.DEFECTS, len(platform.models.ids))
    relevant = (
        d
        for d in defects
        if (d.code not in _UNUSUAL or (not working and _was_meant(d, platform)))
        and not (d.code == "key-under-alias" and d.copy_from in working)
    )
    return list(islice(relevant, most))


def _other_keys(defects: Sequence[Defect], relevant: Sequence[Defect]) -> list[str]:
    """Return the sentence on keys of services that serve no chat model, if there are any."""
    told = set(relevant)
    others = [d.setting_key for d in defects if d not in told and d.code in _UNUSUAL]
    what = f"other keys, of providers without a chat model in the price map: {listed(others)}"
    return [what] if others else []


def _not_read(rows: TenantRows, tenant_id: str) -> list[str]:
    """Return the sentence on settings that an edition with keys from the environment ignores."""
    if rows.rules.keys_from == "settings":
        return []
    names = rows.names(tenant_id)
    told = "in this edition keys come from the worker's environment; these settings are not read"
    return [f"{told}: {listed(names)}"] if names else []


def _was_meant(defect: Defect, platform: Platform) -> bool:
    """Return whether the price map has what may be a chat model of it, or two vendors are near."""
    named = platform.models.naming(defect.provider)
    return bool(defect.neighbours or (named & (platform.models.chat != 0)).any())


def _executed(
    ranking: Ranking, defects: Sequence[Defect], lab: Laboratory, tenant_id: str
) -> tuple[list[FixSet], int]:
    """Return the minimal fix sets, each run, whether or not it then holds; how many were not run.

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
    minimal = minimal_fix_sets(wide, addable)
    most = limits.most_run(limits.FIX_SETS, len(platform.models.ids))
    for blockers in minimal[:most]:
        defect = by_provider.get(blockers.client or "")
        for edits in _edits(blockers, defect, ranking):
            after = lab.try_edits("", edits, tenant_id, ranking.request).after
            fix_set = FixSet(blockers.atoms, edits, after, blockers.provider)
            if fix_set.verified:
                break
        executed.append(fix_set)
    return executed, len(minimal[most:])


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
    edit = key_edit(provider, defect, platform)
    if defect and defect.code == "provider-unknown" and defect.copy_from:
        return edit, Edit("copy-key", defect.setting_key, defect.copy_from)
    return (edit,)


def _broken_entry(
    ranking: Ranking, defects: Sequence[Defect], lab: Laboratory, tenant_id: str, withheld: int
) -> Explanation:
    """Return the explanation where an entry of the cache makes the ranking fail inside.

    Without the entries that do, the request is decided again: either that is all that was wrong,
    or what explains the rest is joined by them.
    """
    models = ranking.view.platform.models
    edits = lab.repairs(tuple(models.ids[place] for place in ranking.breaks))
    first = int(ranking.breaks[0])
    provider = None if models.breaks[0][first] else str(models.provider[first])
    atom, evidence = "pricing-entry", (str(ranking.broken), _whom(provider))
    if len(edits) == len(models.ids):  # no entry is left to decide with
        fix_sets = (FixSet((atom,), (Edit("refresh-pricing"),), ranking),)
        found = cause_of("pricing-entry-broken", provider, None, atom, fix_sets, evidence)
        return Explanation((found,), fix_sets)
    repaired = lab.try_edits("the fix", edits, tenant_id, ranking.request)
    if len(repaired.after.order):
        fix_sets = (FixSet((atom,), edits, repaired.after),)
        found = cause_of("pricing-entry-broken", provider, None, atom, fix_sets, evidence)
        broken = set(ranking.breaks.tolist())
        sound = next(n for p, n in enumerate(models.ids) if p not in broken)
        other = [Edit("repair-entry", model=sound)]
        placebo = lab.try_edits("another entry", other, tenant_id, ranking.request)
        cured = repaired.cured and not placebo.cured
        found = replace(found, verdict="confirmed" if cured else "inconclusive")
        return Explanation((found,), fix_sets, (repaired, placebo))
    without = lab.on(lab.changed(edits))
    rest = explain(repaired.after, defects, without, tenant_id, withheld)
    joined = [
        FixSet(
            (atom, *fix.atoms),
            (*edits, *fix.edits),
            without.try_edits("", fix.edits, tenant_id, ranking.request).after,
            fix.provider,
        )
        for fix in rest.fix_sets
    ]
    kept = [fix for fix in joined if fix.verified]
    found = cause_of("pricing-entry-broken", provider, None, atom, kept, evidence)
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
        keys = {p: key_edit(p, meant.get(p), platform) for p in missing}
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
    first = cause_of("pricing-cache-empty", None, None, "pricing", fix_sets, evidence)
    first = replace(first, verdict=verdict_of(first, trials))
    also = [] if ranking.clients else _joined(defects, fix_sets, withheld)
    return Explanation((first, *also), tuple(fix_sets), tuple(trials))


def _joined(defects: Sequence[Defect], fix_sets: Sequence[FixSet], withheld: int) -> list[Cause]:
    """Return the causes beside an empty cache for a tenant without a client."""
    if not defects:
        return [no_keys(fix_sets, withheld)]
    return [
        cause_of(d.code, d.provider, d.setting_key, f"client:{d.provider}", fix_sets, d.evidence)
        for d in defects
    ]


def _reads_declared_variable(client: str, ranking: Ranking) -> bool:
    """Return whether the client's row is the one that the registry declares.

    Where it is not, as with `minimax_2_7`, only a cache could tell whether it has models.
    """
    platform = ranking.view.platform
    declared = platform.providers[platform.column[client]].api_key_env_var
    return declared is None or declared in platform.manager().key_names(client)
