"""A platform altered step by step, in memory: other keys, plan, prices or rules, in their order.

Every name in a step is checked against the platform as it is by then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

from atomlab.byok.platform import Platform, read_registry
from atomlab.byok.rows import TenantRows
from atomlab.diagnosis.edits import Edit
from atomlab.diagnosis.sandbox import edit_rows, without_entries
from atomlab.errors import InputError
from atomlab.evidence.inputs.environment import STORED
from atomlab.evidence.inputs.registry import default_registry, load_registry
from atomlab.evidence.inputs.rules import Rules, load_rules
from atomlab.evidence.snapshot import Evidence
from atomlab.evidence.steps import StepKind
from atomlab.shown import Shown
from atomlab.text import did_you_mean, printable

_PLANS = ("free", "solo", "team", "enterprise")  # source: docs/platform.md, tables


@dataclass(frozen=True, repr=False)
class Made(Shown):
    """A step that was made, in words; `edits` are those of rows, made by these rules."""

    kind: StepKind
    what: str
    held: str
    words: str
    rules: Rules
    edits: tuple[Edit, ...] = ()

    def __str__(self) -> str:
        return self.words

    def to_json(self) -> dict[str, Any]:
        """Return the step as an element of `changes` in `atomlab.what-if/1`."""
        held = {"held": self.held} if self.held else {}
        return {"step": self.kind, "what": self.what, **held, "does": self.words}


@dataclass(frozen=True, eq=False, repr=False)
class Altered(Shown):
    """The platform with steps made, and what they make of a tenant's rows and plan."""

    evidence: Evidence
    platform: Platform
    steps: tuple[Made, ...] = ()

    def step(self, kind: StepKind, what: str, held: str = "") -> Altered:
        """Return it with one more step; raise InputError, with near names, for an unknown name."""
        platform, words, edits = _STEPS[kind](self, what, held)
        made = Made(kind, what, held, words, self.platform.rules, edits)
        return Altered(self.evidence, platform, (*self.steps, made))

    def plan(self, plan: str | None) -> str | None:
        """Return which plan a tenant on `plan` is on now."""
        return next((s.what for s in reversed(self.steps) if s.kind == "plan"), plan)

    def rows(self, held: TenantRows, tenant_id: str) -> TenantRows:
        """Return what the tenant holds with the steps made; raise InputError if one cannot be.

        A step changes what keys came from by the rules of then: settings, or the environment.
        """
        for step in self.steps:
            if step.edits:
                held = replace(held, rules=step.rules)
                held = rows_with(held, step.edits, tenant_id, self.platform)
        return replace(held, rules=self.platform.rules)

    @property
    def for_everyone(self) -> bool:
        """Whether a step changes variables of the worker, which are every tenant's."""
        return any(step.edits and step.rules.keys_from == "environment" for step in self.steps)


def key_edits(platform: Platform, kind: str, what: str, held: str = "") -> tuple[Edit, ...]:
    """Return the edits of rows that give a tenant a provider's key, or the value of another one.

    `kind` is add-key or remove-key (`what` is the provider) or copy-key (`what` is the setting
    that gets the value of `held`). Raises InputError, with near names, for an unknown provider.
    """
    if kind == "copy-key":
        return (Edit("copy-key", what, held),)
    if what not in platform.column:
        near = did_you_mean(what, platform.column)
        raise InputError(f"no provider {what!r}", todo=near or "give one of the registry")
    manager = platform.manager()
    if kind == "add-key":
        return (Edit("new-credential", manager.key_name(what)),)
    return tuple(Edit("remove-row", name) for name in manager.key_names(what))


def rows_with(
    held: TenantRows, edits: Sequence[Edit], tenant_id: str, platform: Platform
) -> TenantRows:
    """Return what the tenant holds with the edits made; raise InputError if a copy cannot be."""
    changed, applied = edit_rows(held, edits, tenant_id, platform)
    if not applied:
        known = held.of(tenant_id)
        name = next(e.copy_from for e in edits if e.copy_from and e.copy_from not in known)
        near = did_you_mean(str(name), known)
        what = f"of tenant {tenant_id!r} the snapshot has no row {name!r} to copy"
        raise InputError(what, todo=near or "copy one that it has: atomlab diagnose lists them")
    return changed


# A platform after a step, the step in words, and the rows that it edits.
_Done = tuple[Platform, str, tuple[Edit, ...]]


def _key(kind: str, words: str, altered: Altered, provider: str, _: str) -> _Done:
    platform = altered.platform
    edits = key_edits(platform, kind, provider)
    name = platform.manager().key_name(provider)
    return platform, words.format(printable(provider), printable(name)), edits


def _copied(altered: Altered, to: str, held: str) -> _Done:
    """Copy to a name that some provider's lookup reads: under any other a key does nothing."""
    platform = altered.platform
    names = platform.manager().key_names
    read = {name for p in platform.providers for name in names(p.id) if not name.startswith(STORED)}
    if to not in read:
        near = did_you_mean(to, read)
        raise InputError(f"no provider's key is read from {to!r}", todo=near or "correct the name")
    edits = key_edits(platform, "copy-key", to, held)
    return platform, printable(edits[0], 400), edits


def _on_plan(altered: Altered, plan: str, _: str) -> _Done:
    known = dict.fromkeys((*_PLANS, *altered.platform.rules.plans))
    if plan.lower() not in known:
        todo = did_you_mean(plan, known) or f"give one of {', '.join(known)}"
        raise InputError(f"no plan {plan!r}", todo=todo)
    return altered.platform, f"set the plan to {printable(plan)}", ()


def _without_models(altered: Altered, glob: str, _: str) -> _Done:
    ids: list[str] = altered.platform.pricing.columns["model_id"]
    gone = {name for name in ids if fnmatchcase(name.lower(), glob.lower())}
    if not gone:
        near = did_you_mean(glob, [*(f"{name.split('/')[0]}/*" for name in ids if "/" in name)])
        todo = near or did_you_mean(glob, ids) or "give a pattern of model ids, such as minimax/*"
        raise InputError(f"no model of the price cache fits {glob!r}", todo=todo)
    words = f"take out {len(gone):,} of {len(ids):,} models ({printable(glob)})"
    return without_entries(altered.platform, gone), words, ()


def _by_rules(altered: Altered, name_or_file: str, _: str) -> _Done:
    """Decide by other rules, with their edition's registry where the capture was given none."""
    evidence, rules = altered.evidence, load_rules(name_or_file)
    if _placeholders(rules) != _placeholders(altered.platform.rules):
        what = "these rules take other values for placeholders, and the snapshot holds no value"
        raise InputError(what, where=name_or_file, todo="capture again, with --rules")
    registry = read_registry(evidence.session)
    if evidence.manifest["inputs"]["registry"] == "default":
        registry = load_registry(default_registry(rules.based_on))
    platform = replace(
        altered.platform, rules=rules, providers=tuple(registry), _by_capability={}, _by_plan={}
    )
    return platform, f"decide by the rules {printable(rules.name)}", ()


def _placeholders(rules: Rules) -> tuple[object, ...]:
    return rules.placeholder_prefixes, rules.placeholder_shorter_than


_STEPS: Mapping[str, Callable[[Altered, str, str], _Done]] = {
    "add-key": partial(_key, "add-key", "add a key of {} ({})"),
    "remove-key": partial(_key, "remove-key", "remove the key of {} ({})"),
    "copy-key": _copied,
    "plan": _on_plan,
    "without-models": _without_models,
    "rules": _by_rules,
}
