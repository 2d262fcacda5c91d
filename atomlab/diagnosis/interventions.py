"""Interventions: change one thing, run the whole decision again, undo it.

Rows are changed on a scratch copy in memory, and looked up there; the platform's side (registry,
allow-list, filters, cache) is changed as an object. Nothing reaches the snapshot.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Self, get_args

import numpy as np
from sqlalchemy import delete, insert, select, text

from atomlab.byok.platform import Platform, load_platform
from atomlab.byok.ranking import Ranking, rank
from atomlab.byok.request import Request
from atomlab.byok.rows import TenantRows
from atomlab.errors import InputError
from atomlab.evidence.inputs.pricing import FLAGS, NUMBERS, Pricing
from atomlab.evidence.inputs.registry import Provider
from atomlab.evidence.inputs.rules import Rules
from atomlab.evidence.schema import Tenant, TenantSetting
from atomlab.evidence.snapshot import Evidence, Scratch
from atomlab.evidence.tenants import plan_and_mode
from atomlab.text import did_you_mean, printable

Kind = Literal[
    "copy-key",
    "repair-row",
    "new-credential",
    "empty-row",
    "remove-row",
    "allow-provider",
    "register-provider",
    "waive-filter",
    "add-model",
    "refresh-pricing",
    "complete-windows",
    "repair-entry",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
Who = Literal["tenant", "operator", "engineering"]
# Who has to act, the least first (source: DESIGN 4, *Who acts*).
WHO: tuple[Who, ...] = get_args(Who)
# What each change costs (source: DESIGN 4, *Fix costs*): copy of a key the tenant already holds
# 1, repair of a row 1, new credential 5, platform configuration or refresh 10, code change 20.
# The quality table and its thresholds are code; the other filters read data or configuration.
COSTS: dict[str, int] = {
    "copy-key": 1,
    "repair-row": 1,
    "new-credential": 5,
    "allow-provider": 10,
    "register-provider": 10,
    "waive-filter": 10,
    "refresh-pricing": 10,
    "complete-windows": 10,
    "repair-entry": 10,
}
CODE_CHANGE = 20
_KEYS = ("copy-key", "repair-row", "new-credential")
# Filters whose thresholds and tables are code; the others judge by data that an operator keeps.
_CODE = ("quality", "context")

# Tokens that a trial writes where no value can be copied; no fingerprint has only zeros.
_MADE = f"v1:present:{'0' * 64}"
_EMPTY = "v1:empty:-"


@dataclass(frozen=True)
class Edit:
    """One change. Which fields count depends on the kind; `tenant_id` None is the tenant's own.

    A row `setting_key` gets the value of `copy_from`, a made-up one, an empty one, or is removed;
    `provider` is allowed or registered, or gets a made-up model; `filter` lets every model pass;
    the cache's entry `model` is repaired. Raises InputError for a kind that there is not.
    """

    kind: Kind
    setting_key: str | None = None
    copy_from: str | None = None
    provider: str | None = None
    filter: str | None = None
    tenant_id: str | None = None
    model: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            near = did_you_mean(str(self.kind), KINDS)
            todo = near or f"use one of {', '.join(KINDS)}"
            raise InputError(f"unknown kind of edit {printable(self.kind)!r}", todo=todo)

    @property
    def cost(self) -> int:
        """What the change costs, 0 for one that only a trial makes."""
        return CODE_CHANGE if self.filter in _CODE else COSTS.get(self.kind, 0)

    def who(self, rules: Rules) -> Who:
        """Return who has to make the change (source: DESIGN 4, *Who acts*).

        Keys are the tenant's, unless they come from the worker's environment; lists of providers
        are an operator's, unless the edition has them in its code.
        """
        if self.kind in _KEYS:
            return "tenant" if rules.keys_from == "settings" else "operator"
        in_code = self.kind in ("allow-provider", "register-provider") and (
            rules.client_order == "llm_providers"
        )
        return "engineering" if in_code or self.filter in _CODE else "operator"

    def to_json(self) -> dict[str, Any]:
        """Return the fields that are set; `interventions.Edit(**fields)` is the edit again."""
        return {k: v for k, v in dataclasses.asdict(self).items() if v is not None}

    def __str__(self) -> str:
        if self.kind == "refresh-pricing" and self.provider is None:
            return "refresh the pricing cache"
        whose = " of another tenant" if self.tenant_id is not None else ""
        return _TOLD[self.kind].format(
            key=self.setting_key,
            source=self.copy_from,
            provider=self.provider,
            filter=self.filter,
            model=printable(self.model),
        ) + (whose if self.setting_key else "")


_TOLD: dict[str, str] = {
    "copy-key": "set {key} to the value of {source}",
    "repair-row": "give the row {key} a usable key",
    "new-credential": "add {key} with a new credential",
    "empty-row": "set {key} to an empty value",
    "remove-row": "remove the row {key}",
    "allow-provider": "put {provider} on the LLM allow-list",
    "register-provider": "register {provider} as an LLM provider",
    "waive-filter": "let every model pass the {filter} filter",
    "add-model": "put a made-up model of {provider} into the pricing cache",
    "refresh-pricing": "refresh the pricing cache until it has models of {provider}",
    "complete-windows": "complete the pricing cache with the context windows that it lacks",
    "repair-entry": "repair or remove the entry {model} of the pricing cache",
}


@dataclass(frozen=True)
class Trial:
    """What some edits did to the decision for a tenant and request; replayable from its JSON."""

    name: str
    edits: tuple[Edit, ...]
    before: Ranking
    after: Ranking
    applied: bool

    @property
    def edit(self) -> str:
        """The edits in words."""
        return " and ".join(str(edit) for edit in self.edits)

    @property
    def cured(self) -> bool:
        """Whether there was no model before the edits, and is one after them."""
        return not len(self.before.order) and len(self.after.order) > 0

    @property
    def result(self) -> str:
        """What the decision was after the edits, in words."""
        if not self.applied:
            return "could not be made: there is no value to copy"
        winner, answer = self.after.winner, self.after.fallback
        if winner is None:
            return "the error stays" if answer is None else "pricing still finds no model"
        return f"{winner.model} wins" + (", which is no chat model" if winner.unable else "")

    def to_json(self) -> dict[str, Any]:
        """Return the trial as JSON-ready values."""
        return {
            "name": self.name,
            "edits": [edit.to_json() for edit in self.edits],
            "before": self.before.summary(),
            "after": self.after.summary(),
            "cured": self.cured,
            "result": self.result,
        }


class Laboratory:
    """A scratch copy on which edits are tried, each set on the rows as they were.

    The rows of a tenant are read once; what is tried changes a copy of them in memory, and the
    whole decision is run again on that: rows, lookups, clients, ranking. Raises TenantError for
    an id that no tenant has.
    """

    def __init__(self, evidence: Evidence, platform: Platform | None = None) -> None:
        self.evidence = evidence
        self.platform = platform or load_platform(evidence.session)
        self._rows: dict[str, TenantRows] = {}
        self._plans: dict[str, tuple[str | None, str | None]] = {}
        self._others: dict[str, str] = {}
        self._clients: dict[tuple[object, ...], tuple[tuple[str, ...], bool]] = {}
        self._decided: dict[tuple[str, Request], Ranking] = {}
        self._platforms: dict[tuple[Edit, ...], Platform] = {(): self.platform}
        self._repairs: dict[tuple[str, ...], tuple[Edit, ...]] = {}

    @cached_property
    def scratch(self) -> Scratch:
        """A writable copy of the whole snapshot, for changes that others are to read."""
        return self.evidence.scratch()

    def on(self, platform: Platform) -> Laboratory:
        """Return another laboratory for the same tenants' rows, with this platform."""
        other = Laboratory(self.evidence, platform)
        other._rows, other._plans, other._others = self._rows, self._plans, self._others
        return other

    def rows(self, tenant_id: str) -> TenantRows:
        """Return what the tenant holds, read once."""
        if tenant_id not in self._rows:
            manager = self.platform.manager()
            self._rows[tenant_id] = manager.rows(self.evidence.session, tenant_id)
        return self._rows[tenant_id]

    def plan_and_mode(self, tenant_id: str) -> tuple[str | None, str | None]:
        """Return the tenant's plan and ai_mode, read once."""
        if tenant_id not in self._plans:
            self._plans[tenant_id] = plan_and_mode(self.evidence.session, tenant_id)
        return self._plans[tenant_id]

    def decide(self, tenant_id: str, request: Request) -> Ranking:
        """Return the decision on the copy as it stands."""
        if (tenant_id, request) not in self._decided:
            self._decided[tenant_id, request] = self._decide((), tenant_id, request)[0]
        return self._decided[tenant_id, request]

    def try_edits(
        self, name: str, edits: Sequence[Edit], tenant_id: str, request: Request
    ) -> Trial:
        """Return what `edits` do to the decision for `tenant_id`, and undo them."""
        before = self.decide(tenant_id, request)
        after, applied = self._decide(tuple(edits), tenant_id, request)
        return Trial(name, tuple(edits), before, after, applied)

    def make(self, tenant_id: str, *edits: Edit) -> None:
        """Change rows on `scratch` for good, for all who read it."""
        changed, _ = self._changed(edits, tenant_id, self.platform)
        db = self.scratch.session
        in_database = {"synchronize_session": False}
        db.execute(
            delete(TenantSetting).where(TenantSetting.tenant_id == tenant_id),
            execution_options=in_database,
        )
        for name, token in changed.settings.get(tenant_id, ()):
            row = {"tenant_id": tenant_id, "setting_key": name, "setting_value": token}
            db.execute(insert(TenantSetting).values(**row))
        if self.platform.rules.keys_from == "environment":
            db.execute(text("DELETE FROM environment"))
            for name, token in changed.environment.variables.items():
                values = {"name": name, "value": token}
                db.execute(text("INSERT INTO environment VALUES (:name, :value)"), values)
        db.commit()

    def another_tenant(self, tenant_id: str) -> str:
        """Return the id of some other tenant, looked up once; a made-up one if there is none."""
        if tenant_id not in self._others:
            others = select(Tenant.id).where(Tenant.id != tenant_id).order_by(Tenant.id).limit(1)
            other = self.evidence.session.scalar(others)
            self._others[tenant_id] = "placebo-tenant" if other is None else other
        return self._others[tenant_id]

    def close(self) -> None:
        """Forget the copy."""
        if "scratch" in self.__dict__:
            self.scratch.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _decide(
        self, edits: tuple[Edit, ...], tenant_id: str, request: Request
    ) -> tuple[Ranking, bool]:
        """Run rows → lookups → clients → ranking with the edits made; return it, and if they were.

        Clients do not depend on the request, so those of the same changed rows are kept.
        """
        plan, mode = self.plan_and_mode(tenant_id)
        rows = tuple(edit for edit in edits if edit.setting_key is not None)
        changes = tuple(edit for edit in edits if edit.setting_key is None and edit.filter is None)
        platform = self.changed(changes)
        key = (tenant_id, rows, changes)
        if key not in self._clients:
            held, applied = self._changed(rows, tenant_id, platform)
            manager = platform.manager()
            found = manager.lookups_of(manager.states_of(held.of(tenant_id).items()))
            self._clients[key] = tuple(look.provider for look in found if look.client), applied
        clients, applied = self._clients[key]
        waived = {edit.filter for edit in edits if edit.filter is not None}
        asked = request.of_tenant(mode)
        return rank(platform, clients, asked, plan, waived=waived), applied

    def repairs(self, models: tuple[str, ...]) -> tuple[Edit, ...]:
        """Return the repair of each entry, the same objects each time: many are soon compared."""
        if models not in self._repairs:
            self._repairs[models] = tuple(Edit("repair-entry", model=name) for name in models)
        return self._repairs[models]

    def changed(self, changes: tuple[Edit, ...]) -> Platform:
        """Return the platform with these edits of its own made; computed once for each."""
        if changes not in self._platforms:
            gone = {str(edit.model) for edit in changes if edit.kind == "repair-entry"}
            changed = _without_entries(self.platform, gone) if gone else self.platform
            for edit in changes:
                if edit.kind == "repair-entry":
                    continue  # done, all at once: there may be as many as prices
                what = edit.provider if edit.model is None else edit.model  # an id may be empty
                changed = _CHANGES[edit.kind](changed, str(what))
            self._platforms[changes] = changed
        return self._platforms[changes]

    def _changed(
        self, edits: Sequence[Edit], own_id: str, platform: Platform
    ) -> tuple[TenantRows, bool]:
        """Return the tenant's rows with the edits made, and whether each could be."""
        held, applied = self.rows(own_id), True
        for edit in edits:
            own, key = held.of(own_id), str(edit.setting_key)
            # A tenant's id may be empty.
            tenant_id = own_id if edit.tenant_id is None else edit.tenant_id
            if edit.kind == "remove-row":
                held = held.without(tenant_id, key)
            elif edit.copy_from is not None and edit.copy_from not in own:
                applied = False
            else:
                token = _EMPTY if edit.kind == "empty-row" else _MADE
                token = token if edit.copy_from is None else own[edit.copy_from]
                if tenant_id == own_id or held.rules.keys_from == "settings":
                    held = held.holding(tenant_id, key, token)
                else:
                    held = held.storing(_reader_of(key, platform), tenant_id, token)
        return held, applied


def _reader_of(name: str, platform: Platform) -> str:
    """Return the provider whose client looks for a key under this name, empty if none does."""
    manager = platform.manager()
    return next((p.id for p in platform.providers if name in manager.key_names(p.id)), "")


def try_fix(
    lab: Laboratory,
    tenant_id: str,
    fix: Sequence[Edit],
    setting_key: str | None,
    request: Request,
) -> list[Trial]:
    """Return the trial of a fix, then those of three placebos that must not help.

    The placebos: the key that the fix gives, on another tenant; the same row with an empty value
    (spaces would be truthy, and the platform would build a client from them); and a key for a
    provider that the registry does not know. A fix that changes no row (`setting_key` None) has
    only the last.
    """
    source = next((edit.copy_from for edit in fix if edit.copy_from), None)
    given: Kind = "copy-key" if source else "new-credential"
    trials: dict[str, Sequence[Edit]] = {"the fix": fix}
    if setting_key is not None:
        other = lab.another_tenant(tenant_id)
        elsewhere = Edit(given, setting_key, source, tenant_id=other)
        trials["same key, another tenant"] = [elsewhere]
        trials["same row, empty value"] = [Edit("empty-row", setting_key)]
    trials["a key of an unknown provider"] = [Edit(given, "NO_SUCH_PROVIDER_API_KEY", source)]
    return [lab.try_edits(name, edits, tenant_id, request) for name, edits in trials.items()]


def _allowed(platform: Platform, provider: str) -> Platform:
    listed = (*platform.rules.llm_providers, provider)
    rules = dataclasses.replace(platform.rules, llm_providers=listed)
    changed = dataclasses.replace(platform, rules=rules)
    if rules.client_order == "registry" and "models" in platform.__dict__:
        changed.__dict__["models"] = platform.models  # they do not depend on the list
    return changed


def _registered(platform: Platform, provider: str) -> Platform:
    registry = (*platform.providers, Provider(provider))
    changed = _allowed(dataclasses.replace(platform, providers=registry), provider)
    if platform.rules.client_order == "registry" and provider not in platform.column:
        served = platform.models_of(provider)  # all else is as it was
        changed.__dict__["models"] = platform.models.with_client(provider, served)
    return changed


def _with_made_up_model(platform: Platform, provider: str) -> Platform:
    """Add a model that passes every filter of the shipped editions, if `provider` is healthy."""
    columns = {name: list(values) for name, values in platform.pricing.columns.items()}
    made: dict[str, Any] = dict.fromkeys(columns, None)
    made |= {"model_id": f"{provider}/gpt-5 gpt-4o-mini", "litellm_provider": provider}
    made |= dict.fromkeys(NUMBERS, 1e-6) | dict.fromkeys(FLAGS, 1.0)
    made |= {"max_input_tokens": 1e7, "max_tokens": 1e7}
    numeric = {*NUMBERS, *FLAGS}
    extended = {
        name: np.array([*values, made[name]], float) if name in numeric else [*values, made[name]]
        for name, values in columns.items()
    }
    return _rebuilt(platform, pricing=Pricing(extended, "trial"))


def _with_windows(platform: Platform, _: str) -> Platform:
    """Give every model whose context window is unknown one that passes every edition's filter."""
    unknown, columns = platform.models.window_unknown, dict(platform.pricing.columns)
    columns["max_input_tokens"] = np.where(unknown, 1e7, columns["max_input_tokens"])
    return _rebuilt(platform, pricing=dataclasses.replace(platform.pricing, columns=columns))


def _without_entries(platform: Platform, models: Collection[str]) -> Platform:
    """Take entries out of the cache: the order of the others stays."""
    columns = platform.pricing.columns
    kept = [place for place, name in enumerate(columns["model_id"]) if name not in models]
    left = {
        name: values[kept] if isinstance(values, np.ndarray) else [values[place] for place in kept]
        for name, values in columns.items()
    }
    return _rebuilt(platform, pricing=dataclasses.replace(platform.pricing, columns=left))


def _rebuilt(platform: Platform, **changes: Any) -> Platform:
    """Return a platform with other registry or prices, without what was computed from the old."""
    return dataclasses.replace(platform, **changes, _by_capability={}, _by_plan={})


_CHANGES = {
    "allow-provider": _allowed,
    "register-provider": _registered,
    "add-model": _with_made_up_model,
    "complete-windows": _with_windows,
}
