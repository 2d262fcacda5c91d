"""Interventions: change one thing, run the whole decision again, undo it.

Rows are changed on a scratch copy in memory, and looked up there; the platform's side (registry,
allow-list, filters, cache) is changed as an object. Nothing reaches the snapshot.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from sqlalchemy import delete, insert, select

from atomlab.byok.keys import BYOKManager
from atomlab.byok.platform import Platform, load_platform
from atomlab.byok.ranking import Ranking, rank
from atomlab.byok.request import Request
from atomlab.evidence.pricing import FLAGS, NUMBERS, Pricing
from atomlab.evidence.registry import Provider
from atomlab.evidence.schema import Tenant, TenantSetting
from atomlab.evidence.snapshot import Evidence

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
]
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
}
CODE_CHANGE = 20

# Tokens that a trial writes where no value can be copied; no fingerprint has only zeros.
_MADE = f"v1:present:{'0' * 64}"
_EMPTY = "v1:empty:-"


@dataclass(frozen=True)
class Edit:
    """One change. Which fields count depends on the kind; `tenant_id` None is the tenant's own.

    A row `setting_key` gets the value of `copy_from`, a made-up one, an empty one, or is removed;
    `provider` is allowed or registered, or gets a made-up model; `filter` lets every model pass.
    """

    kind: Kind
    setting_key: str | None = None
    copy_from: str | None = None
    provider: str | None = None
    filter: str | None = None
    tenant_id: str | None = None

    @property
    def cost(self) -> int:
        """What the change costs, 0 for one that only a trial makes."""
        return CODE_CHANGE if self.filter == "quality" else COSTS.get(self.kind, 0)

    def to_json(self) -> dict[str, Any]:
        """Return the fields that are set; `interventions.Edit(**fields)` is the edit again."""
        return {k: v for k, v in dataclasses.asdict(self).items() if v is not None}

    def __str__(self) -> str:
        whose = " of another tenant" if self.tenant_id is not None else ""
        return _TOLD[self.kind].format(
            key=self.setting_key, source=self.copy_from, provider=self.provider, filter=self.filter
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
        winner = self.after.winner
        return f"{winner.model} wins" if winner else "the error stays"

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
    """A scratch copy on which edits are tried, each set undone before the next."""

    def __init__(self, evidence: Evidence, platform: Platform | None = None) -> None:
        self.scratch = evidence.scratch()
        self.platform = platform or load_platform(evidence.session)
        self._plans: dict[str, str | None] = {}
        self._clients: dict[tuple[object, ...], tuple[tuple[str, ...], bool]] = {}
        self._decided: dict[tuple[str, Request], Ranking] = {}
        self._platforms: dict[tuple[Edit, ...], Platform] = {(): self.platform}

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
        """Change rows for good, for all that follows on this copy."""
        for edit in edits:
            self._apply(edit, tenant_id)
        self.scratch.session.commit()
        self._clients.clear()
        self._decided.clear()

    def another_tenant(self, tenant_id: str) -> str:
        """Return the id of some other tenant; one is made up on the copy if there is none."""
        db = self.scratch.session
        other = db.scalar(select(Tenant.id).where(Tenant.id != tenant_id).order_by(Tenant.id))
        if other is None:
            other = "placebo-tenant"
            db.execute(insert(Tenant).values(id=other, name="made up for the placebo"))
            db.commit()
        return other

    def close(self) -> None:
        """Forget the copy."""
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
        rows = tuple(edit for edit in edits if edit.setting_key is not None)
        changes = tuple(edit for edit in edits if edit.setting_key is None and edit.filter is None)
        platform = self.changed(changes)
        key = (tenant_id, rows, changes)
        if key not in self._clients:
            db = self.scratch.session
            try:
                made = [self._apply(edit, tenant_id) for edit in rows]  # every one of them
                applied = all(made)
                manager = BYOKManager(platform.providers, platform.rules, redacted=True)
                found = manager.lookups(tenant_id, db)
            finally:
                db.rollback()
            self._clients[key] = tuple(look.provider for look in found if look.client), applied
        clients, applied = self._clients[key]
        if tenant_id not in self._plans:
            plan = select(Tenant.plan_type).where(Tenant.id == tenant_id)
            self._plans[tenant_id] = self.scratch.session.scalar(plan)
        waived = {edit.filter for edit in edits if edit.filter is not None}
        return rank(platform, clients, request, self._plans[tenant_id], waived=waived), applied

    def changed(self, changes: tuple[Edit, ...]) -> Platform:
        """Return the platform with these edits of its own made; computed once for each."""
        if changes not in self._platforms:
            changed = self.platform
            for edit in changes:
                changed = _CHANGES[edit.kind](changed, str(edit.provider))
            self._platforms[changes] = changed
        return self._platforms[changes]

    def _apply(self, edit: Edit, own_id: str) -> bool:
        """Leave one row of that name, holding what the edit says; False if there is no value."""
        db = self.scratch.session
        tenant_id = own_id if edit.tenant_id is None else edit.tenant_id  # an id may be empty
        value: str | None = _EMPTY if edit.kind == "empty-row" else _MADE
        if edit.copy_from is not None:
            value = db.scalar(
                select(TenantSetting.setting_value).where(
                    TenantSetting.tenant_id == own_id,
                    TenantSetting.setting_key == edit.copy_from,
                )
            )
            if value is None:
                return False
        db.execute(
            delete(TenantSetting).where(
                TenantSetting.tenant_id == tenant_id, TenantSetting.setting_key == edit.setting_key
            ),
            execution_options={"synchronize_session": False},
        )
        if edit.kind != "remove-row":
            row = {"setting_key": edit.setting_key, "setting_value": value}
            db.execute(insert(TenantSetting).values(tenant_id=tenant_id, **row))
        return True


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
    changed.__dict__["models"] = platform.models  # they do not depend on the list
    return changed


def _registered(platform: Platform, provider: str) -> Platform:
    registry = (*platform.providers, Provider(provider))
    return _allowed(_rebuilt(platform, providers=registry), provider)


def _with_made_up_model(platform: Platform, provider: str) -> Platform:
    """Add a model that passes every filter of the shipped editions, if `provider` is healthy."""
    columns = {name: list(values) for name, values in platform.pricing.columns.items()}
    made: dict[str, Any] = dict.fromkeys(columns)
    made |= {"model_id": f"{provider}/gpt-5 gpt-4o-mini", "litellm_provider": provider}
    made |= dict.fromkeys(NUMBERS, 1e-6) | dict.fromkeys(FLAGS, 1.0)
    made |= {"max_input_tokens": 1e7, "max_tokens": 1e7}
    numeric = {*NUMBERS, *FLAGS}
    extended = {
        name: np.array([*values, made[name]], float) if name in numeric else [*values, made[name]]
        for name, values in columns.items()
    }
    return _rebuilt(platform, pricing=Pricing(extended, "trial"))


def _rebuilt(platform: Platform, **changes: Any) -> Platform:
    """Return a platform with other registry or prices, without what was computed from the old."""
    return dataclasses.replace(platform, **changes, _by_capability={}, _by_plan={})


_CHANGES = {
    "allow-provider": _allowed,
    "register-provider": _registered,
    "add-model": _with_made_up_model,
}
