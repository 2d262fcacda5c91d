"""Changes to try on a fleet: a tenant's easiest fix, or edits that somebody spells out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from atomlab import limits
from atomlab.byok.filters import NAMES
from atomlab.byok.platform import Platform
from atomlab.diagnosis.altered import key_edits, rows_with
from atomlab.diagnosis.diagnose import diagnose
from atomlab.diagnosis.edits import Edit, by_target
from atomlab.diagnosis.fixes import best_fix
from atomlab.diagnosis.population import Population, TenantGroup, Winners
from atomlab.diagnosis.sandbox import Sandbox
from atomlab.errors import InputError, TenantError
from atomlab.evidence.inputs.strict import Strict, load_model
from atomlab.evidence.snapshot import Evidence
from atomlab.fleets.outcomes import Holding
from atomlab.shown import Shown
from atomlab.text import printable

_SPELLED = re.compile(r"(.+?)=(copy-key|add-key|remove-key):(.+)", re.DOTALL)
_EDITS = "TENANT=copy-key:TO=FROM, TENANT=add-key:PROVIDER or TENANT=remove-key:PROVIDER"
_SPELLINGS = f"TENANT, {_EDITS}"
# The kinds of edits that a file may have, and the fields that each needs.
_FIELDS: Mapping[str, tuple[str, ...]] = {
    "copy-key": ("setting_key", "copy_from"),
    **dict.fromkeys(("repair-row", "new-credential", "empty-row", "remove-row"), ("setting_key",)),
    **dict.fromkeys(("allow-provider", "register-provider", "add-model"), ("provider",)),
    "waive-filter": ("filter",),
    "complete-windows": (),
    "repair-entry": ("model",),
}
_Text = Annotated[str, Field(min_length=1, max_length=limits.SETTING_NAME)]


@dataclass(frozen=True, repr=False)
class Change(Shown):
    """Edits to make together; `tenant_id` is whose rows they change, None if no tenant is named."""

    tenant_id: str | None
    edits: tuple[Edit, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the change as an element of `changes.made` in `atomlab.replay/1`."""
        return {"tenant": self.tenant_id, "edits": [edit.to_json() for edit in self.edits]}


class _Strict(Strict):
    model_config = ConfigDict(strict=True)


class _EditFields(_Strict):
    kind: str
    setting_key: _Text | None = None
    copy_from: _Text | None = None
    provider: _Text | None = None
    filter: Literal[NAMES[1:]] | None = None  # type: ignore[valid-type] # not the client's
    model: str | None = None

    @model_validator(mode="after")
    def _fits_its_kind(self) -> _EditFields:
        if self.kind not in _FIELDS:
            raise ValueError("has no known kind", f"known kinds: {', '.join(_FIELDS)}")
        needed = _FIELDS[self.kind]
        given = [n for n in type(self).model_fields if n != "kind" and getattr(self, n) is not None]
        if self.kind == "repair-row":
            given = [name for name in given if name != "copy_from"]
        if sorted(given) != sorted(needed):
            fields = " and ".join(needed) or "no other field"
            raise ValueError(f"a {self.kind} has {fields}", "correct its fields")
        return self


class _ChangeFields(_Strict):
    tenant: str | None = Field(default=None, min_length=1)
    edits: tuple[_EditFields, ...] = Field(default=(), max_length=limits.CLAIMS, strict=False)

    @model_validator(mode="after")
    def _says_whose(self) -> _ChangeFields:
        if self.tenant is None and any(edit.setting_key for edit in self.edits):
            raise ValueError("an edit of a row needs the tenant whose it is", "add a tenant")
        if self.tenant is None and not self.edits:
            raise ValueError("names neither a tenant nor edits", "add one of them")
        return self


class _ChangesFile(_Strict):
    changes: tuple[_ChangeFields, ...] = Field(min_length=1, max_length=limits.CLAIMS, strict=False)


def load_changes(
    path: str | Path, evidence: Evidence, platform: Platform, managed: bool | None = None
) -> list[Change]:
    """Return the changes in a YAML file; a tenant without edits gets its easiest fix.

    Raises InputError, naming the place, if the file is wrong, and TenantError.
    """
    found = []
    for change in load_model(path, _ChangesFile, "a file of changes").changes:
        if not change.edits:
            found.append(easiest_fix(str(change.tenant), evidence, platform, managed))
            continue
        whose = None if change.tenant is None else evidence.tenant(change.tenant).id
        edits = tuple(Edit(**each.model_dump()) for each in change.edits)
        found.append(Change(whose, edits))
    return found


def read_change(
    text: str, evidence: Evidence, platform: Platform, managed: bool | None = None
) -> Change:
    """Return the change that `--with-fix` spells; a tenant alone gets its easiest fix.

    Raises InputError if it cannot be made out or there is no such fix, and TenantError.
    """
    spelled = _SPELLED.fullmatch(text)
    if spelled is None:
        try:
            return easiest_fix(text, evidence, platform, managed)
        except TenantError as error:
            if "=" not in text or error.matches:
                raise
        raise InputError(f"the change {text!r} cannot be made out", todo=f"spell it {_SPELLINGS}")
    whose, kind, what = spelled.groups()
    tenant, held = evidence.tenant(whose).id, ""
    if kind == "copy-key":
        what, _, held = what.partition("=")
        if not what or not held:
            raise InputError(f"the change {text!r} names no two rows", todo=f"spell it {_EDITS}")
    return Change(tenant, key_edits(platform, kind, what, held))


def easiest_fix(
    tenant: str, evidence: Evidence, platform: Platform, managed: bool | None = None
) -> Change:
    """Return the fix that `atomlab fix` gives; raise InputError if there is none to try."""
    diagnosis = diagnose(evidence, tenant, platform=platform, managed=managed)
    name = printable(diagnosis.tenant.called)
    best = best_fix(diagnosis) if diagnosis.failing else None
    if best is None:
        why = "no fix of it is known" if diagnosis.failing else "no request of it fails"
        if diagnosis.undecided:
            why = str(diagnosis.undecided[0].missing)
        what = f"there is no easiest fix for {name}: {why}"
        raise InputError(what, todo=f"spell the change: {_EDITS}")
    return Change(diagnosis.tenant.id, best.edits)


@dataclass(frozen=True)
class Changed:
    """The fleet with changes made in memory: who wins then, and what each group or tenant holds."""

    winners: Winners
    case_of: Mapping[TenantGroup, Holding]
    tenants: Mapping[str, TenantGroup]


def make_changes(
    changes: Sequence[Change], evidence: Evidence, population: Population, before: Winners
) -> Changed:
    """Return the fleet with the changes made; raise InputError if one cannot be.

    What is changed of the platform, or of a worker's environment, is changed for every tenant.
    """
    platform, groups = before.platform, population.groups
    lab = Sandbox(evidence, platform)
    _, on_platform, waived = by_target(edit for change in changes for edit in change.edits)
    _check(on_platform, platform)
    on_rows: dict[str, list[Edit]] = {}
    for change in changes:
        if rows := by_target(change.edits)[0]:
            on_rows.setdefault(str(change.tenant_id), []).extend(rows)
    site = lab.edited(tuple(dict.fromkeys(on_platform)))
    winners = before if site is platform and not waived else Winners(site, waived)
    manager = site.manager()

    def holding(group: TenantGroup, rows: Iterable[tuple[str, Any]]) -> TenantGroup:
        return replace(group, rows=manager.states_of(rows), manager=manager)

    if platform.rules.keys_from == "environment":
        environment = _environment(on_rows, lab)
        if environment is None:
            return Changed(winners, _cases(groups, site, platform), {})
        after = {g: holding(g, environment(g.first).items()) for g in groups}
        return Changed(winners, {g: Holding(g, after[g]) for g in groups}, {})
    found = {}
    for tenant_id, edits in on_rows.items():
        subject = lab.tenant(tenant_id)
        held = rows_with(subject.rows, edits, tenant_id, platform).of(tenant_id)
        group = TenantGroup(tenant_id, 1, subject.plan, subject.mode, {}, manager)
        found[tenant_id] = holding(group, held.items())
    return Changed(winners, _cases(groups, site, platform), found)


def _check(edits: Iterable[Edit], platform: Platform) -> None:
    for edit in edits:
        if edit.kind == "repair-entry" and edit.model not in platform.models.ids:
            raise InputError(f"the cache has no entry {edit.model!r}", todo="correct its name")


def _cases(
    groups: Sequence[TenantGroup], site: Platform, platform: Platform
) -> dict[TenantGroup, Holding]:
    if site is platform:
        return {group: Holding(group, group) for group in groups}
    manager = site.manager()
    return {group: Holding(group, replace(group, manager=manager)) for group in groups}


def _environment(
    on_rows: Mapping[str, Sequence[Edit]], lab: Sandbox
) -> Callable[[str], Mapping[str, Any]] | None:
    """Return what tenants hold with the worker's variables edited, None if none is."""
    held = None
    for tenant_id, edits in on_rows.items():
        rows = lab.tenant(tenant_id).rows
        if held is not None:
            rows = replace(rows, environment=held.environment)
        held = rows_with(rows, edits, tenant_id, lab.platform)
    return None if held is None else held.of
