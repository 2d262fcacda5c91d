"""Causes: which deviations, repaired, remove the error, and in what order they explain it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

from atomlab import limits
from atomlab.byok.platform import Platform
from atomlab.diagnosis.confirmation import confirm, verdict_of
from atomlab.diagnosis.defects import Defect
from atomlab.diagnosis.deviations import cause_of, find_causes, no_keys
from atomlab.diagnosis.edits import Edit
from atomlab.diagnosis.explanation import Cause, DecidedRequest, Explanation, FixSet
from atomlab.diagnosis.fix_sets import key_edits, run_fix_sets
from atomlab.diagnosis.sandbox import Trial
from atomlab.shown import Several
from atomlab.verdicts import Verdict

# Keys of providers that the platform does not know, or not as LLM providers.
_UNUSUAL = ("provider-unknown", "provider-not-llm")


def explain(case: DecidedRequest, *, root_only: bool = False) -> Explanation:
    """Return why no model was found; fixes are run in the sandbox.

    With `root_only` causes after the first are not tried, and may be left out.
    """
    if not case.platform.models.ids:
        return _empty_cache(case)
    if case.ranking.broken:
        return _broken_entry(case)
    case = _with_relevant(case)
    executed, not_run = run_fix_sets(case)
    fix_sets = sorted((f for f in executed if f.verified), key=lambda f: f.ease)
    causes = [*find_causes(case, fix_sets), *_breaking_later(executed)]
    confirmed, trials = confirm(causes, fix_sets, case, root_only=root_only)
    dropped = len(executed) - len(fix_sets) + not_run
    return Explanation(Several(confirmed), Several(fix_sets), Several(trials), dropped)


def _with_relevant(case: DecidedRequest) -> DecidedRequest:
    """Return the request with those defects only that may explain the error.

    A provider that the platform does not know, or not as an LLM provider, was meant only if the
    price map has a model of it that may be a chat model, or its name is as near to two vendors,
    and no client works: that would show which provider the tenant means.
    """
    platform, manager = case.platform, case.platform.manager()
    served = (c for c in case.ranking.clients if platform.has_models(c))
    working = {name for client in served for name in manager.key_names(client)}

    def may_explain(defect: Defect) -> bool:
        if defect.code in _UNUSUAL:
            named = platform.models.naming(defect.provider)
            was_meant = defect.neighbours or (named & (platform.models.chat != 0)).any()
            return bool(not working and was_meant)
        return defect.code != "key-under-alias" or defect.copy_from not in working

    most = limits.most_run(limits.DEFECTS, len(platform.models.ids))
    relevant = list(islice(filter(may_explain, case.defects), most))
    known = set(relevant)
    others = (d.setting_key for d in case.defects if d.code in _UNUSUAL and d not in known)
    return replace(case, defects=relevant, other_keys=tuple(others))


def _breaking_later(executed: Sequence[FixSet]) -> list[Cause]:
    broken = [f for f in executed if f.after.broken]
    if not broken or any(f.verified for f in executed):
        return []
    seen = f"once nothing else rejects a model, {broken[0].after.broken}"
    return [cause_of("pricing-entry-broken", broken[0].provider, None, (), (seen,))]


def _broken_entry(case: DecidedRequest) -> Explanation:
    """Return the explanation where entries make the ranking fail: decided again without them."""
    ranking, ids = case.ranking, case.platform.models.ids
    if len(ranking.breaks) == len(ids):  # no entry is left to decide with
        fix_sets = (FixSet(("pricing-entry",), (Edit("refresh-pricing"),), ranking),)
        return Explanation((_broken_cause(case, fix_sets),), fix_sets)
    edits = case.sandbox.repairs(tuple(ids[place] for place in ranking.breaks))
    repaired = case.try_edits("the fix", edits)
    if not len(repaired.after.order):
        return _broken_beside(case, repaired)
    broken = set(ranking.breaks.tolist())
    sound = next(name for place, name in enumerate(ids) if place not in broken)
    placebo = case.try_edits("another entry", [Edit("repair-entry", model=sound)])
    fix_sets = (FixSet(("pricing-entry",), edits, repaired.after),)
    cause = _broken_cause(case, fix_sets, "inconclusive" if placebo.cured else "confirmed")
    return Explanation((cause,), fix_sets, (repaired, placebo))


def _broken_beside(case: DecidedRequest, repaired: Trial) -> Explanation:
    """Return the explanation where something else is wrong as well: each cause needs the repair."""
    without = case.sandbox.on(case.sandbox.edited(repaired.edits))
    rest = explain(replace(case, ranking=repaired.after, sandbox=without))
    fix_sets = [
        replace(fix, atoms=("pricing-entry", *fix.atoms), edits=(*repaired.edits, *fix.edits))
        for fix in rest.fix_sets
        if fix.verified
    ]
    verdict = rest.causes[0].verdict if fix_sets and rest.causes else "inconclusive"
    first = _broken_cause(case, fix_sets, verdict)
    others = (
        replace(c, role="joint" if c.role else None, sufficient_alone=False) for c in rest.causes
    )
    return Explanation(Several((first, *others)), Several(fix_sets), rest.trials, rest.dropped)


def _broken_cause(
    case: DecidedRequest, fix_sets: Sequence[FixSet], verdict: Verdict = "inconclusive"
) -> Cause:
    """Return the cause that an entry breaks the ranking: for everybody, or for a client's users."""
    models, first = case.platform.models, int(case.ranking.breaks[0])
    provider = None if models.breaks[0][first] else str(models.provider[first])
    whose = "" if provider is None else f" with a client that serves it ({provider})"
    evidence = (
        str(case.ranking.broken),
        f"the platform catches the failure, and finds no model for any tenant{whose}",
    )
    cause = cause_of("pricing-entry-broken", provider, None, fix_sets, evidence)
    return replace(cause, verdict=verdict)


def _empty_cache(case: DecidedRequest) -> Explanation:
    """Return the explanation where the cache holds no model at all: nothing else can matter yet.

    A refresh cannot be run here; that a made-up model of a client removes the error can.
    """
    ranking, clients, refresh = case.ranking, case.ranking.clients, Edit("refresh-pricing")
    keys = {} if clients else _missing_keys(case)
    fix_sets = tuple(
        FixSet(("pricing", f"client:{p}"), (refresh, *edits), ranking) for p, edits in keys.items()
    )
    trials = []
    if clients:
        fix_sets = (FixSet(("pricing",), (refresh,), ranking),)
    if any(_reads_declared_variable(client, case.platform) for client in clients) or keys:
        served = next(iter(clients or keys))
        models = {"a model of a client": served, "of an unknown provider": "no-such"}
        for name, provider in models.items():
            edits = (Edit("add-model", provider=provider), *keys.get(served, ()))
            trials.append(case.try_edits(name, edits))
    evidence = ("the pricing cache holds no model at all",)
    first = cause_of("pricing-cache-empty", None, None, fix_sets, evidence)
    first = replace(first, verdict=verdict_of(first, trials))
    also = [] if clients else [cause_of(*d.claim, fix_sets, d.evidence) for d in case.defects]
    if not clients and not also:
        also = [no_keys(case, fix_sets)]
    return Explanation((first, *also), fix_sets, Several(trials))


def _missing_keys(case: DecidedRequest) -> dict[str, tuple[Edit, ...]]:
    """Return for each provider that was meant, else that may be a client, what makes its client."""
    platform, meant = case.platform, {defect.provider: defect for defect in case.defects}
    allowed = [p for p in platform.rules.llm_providers if p in platform.column]
    return {p: key_edits(p, meant.get(p), platform) for p in meant or allowed}


def _reads_declared_variable(client: str, platform: Platform) -> bool:
    """Return whether the client's row is what the registry declares, unlike `minimax_2_7`'s."""
    declared = platform.providers[platform.column[client]].api_key_env_var
    return declared is None or declared in platform.manager().key_names(client)
