"""The sandbox: change one thing, run the whole decision again, undo it.

Rows are changed on a copy in memory, and looked up there; the platform's side is changed as an
object. Nothing reaches the snapshot.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cache, lru_cache, partial
from typing import Any

import numpy as np
from sqlalchemy import select

from atomlab.byok.platform import Platform, load_platform
from atomlab.byok.ranking import Ranking, rank
from atomlab.byok.request import Request
from atomlab.byok.rows import TenantRows
from atomlab.diagnosis.edits import Edit, by_target, repairs
from atomlab.evidence.inputs.pricing import FLAGS, NUMBERS, Pricing
from atomlab.evidence.inputs.registry import Provider
from atomlab.evidence.redaction import made_up_token
from atomlab.evidence.schema import Tenant
from atomlab.evidence.snapshot import Evidence
from atomlab.evidence.tenants import plan_and_mode
from atomlab.shown import Shown

# Tokens that a trial writes where no value can be copied.
_MADE_UP, _EMPTY = made_up_token("present"), made_up_token("empty")
_RANKINGS = 256  # that are remembered, at most
_HUGE_WINDOW = 1e7  # tokens: more than any edition requires
# A platform, clients and waived filters with edits made, and whether each edit could be made.
_Made = tuple[Platform, tuple[str, ...], frozenset[str], bool]


@dataclass(frozen=True, repr=False)
class Trial(Shown):
    """What some edits did to the decision for a tenant and request; replayable from its JSON.

    `applied` is false where an edit copies from a row that is not there.
    """

    name: str
    edits: tuple[Edit, ...]
    before: Ranking
    after: Ranking
    applied: bool

    @property
    def edit(self) -> str:
        """The edits in words."""
        return " and ".join(map(str, self.edits))

    @property
    def cured(self) -> bool:
        """Whether there was no model before the edits, and is one after them."""
        return not len(self.before.order) and len(self.after.order) > 0

    @property
    def result(self) -> str:
        """What the decision was after the edits, in words."""
        winner = self.after.winner
        if not self.applied:
            return "could not be made: there is no value to copy"
        if winner is None:
            return "pricing still finds no model" if self.after.fallback else "the error stays"
        return f"{winner.model} wins" + (", which is not a chat model" if winner.unable else "")

    def to_json(self) -> dict[str, Any]:
        """Return the trial as an element of `interventions` in `atomlab.diagnosis/1`."""
        return {
            "name": self.name,
            "edits": [edit.to_json() for edit in self.edits],
            "before": self.before.summary(),
            "after": self.after.summary(),
            "cured": self.cured,
            "result": self.result,
        }


@dataclass(frozen=True)
class Subject:
    """All that a decision uses of a tenant; `other` is some other tenant's id."""

    rows: TenantRows
    plan: str | None
    mode: str | None
    other: str


class Sandbox:
    """Where edits are tried, each set of them on the rows as they were.

    A tenant's rows are read once. Raises TenantError for an id that no tenant has.
    """

    def __init__(self, evidence: Evidence, platform: Platform | None = None) -> None:
        self.evidence = evidence
        self.platform = platform or load_platform(evidence.session)
        self.tenant: Callable[[str], Subject] = cache(
            partial(_read_tenant, evidence, self.platform)
        )
        self.edited = cache(partial(edited, self.platform))
        self.repairs = cache(repairs)  # the same objects each time: many are soon compared
        self.rank: Callable[..., Ranking] = lru_cache(maxsize=_RANKINGS)(rank)
        self.run: dict[object, Any] = {}  # what was run already, by what it depends on
        self._made: dict[tuple[str, tuple[Edit, ...]], _Made] = {}
        self._decided: dict[tuple[str, Request], Ranking] = {}

    def on(self, platform: Platform) -> Sandbox:
        """Return another sandbox for the same tenants' rows, with this platform."""
        other = Sandbox(self.evidence, platform)
        other.tenant = self.tenant
        return other

    def holding(self, tenant_id: str, subject: Subject) -> Sandbox:
        """Return another sandbox, of one tenant that holds this; what it ranks is shared."""
        if len(self.run) > _RANKINGS:
            self.run.clear()
        other = copy(self)
        other._made, other._decided = {}, {}
        other.tenant = {tenant_id: subject}.__getitem__
        return other

    def watched(self, see: Callable[..., object]) -> Sandbox:
        """Return another sandbox that shares all but what was decided and run.

        `see` gets each of its rankings, and what was ranked.
        """
        other = copy(self)
        other.run, other._decided = {}, {}

        def ranked(*whom: Any, **how: Any) -> Ranking:
            ranking = self.rank(*whom, **how)
            see(ranking, *whom, **how)
            return ranking

        other.rank = ranked
        return other

    def decide(self, tenant_id: str, request: Request) -> Ranking:
        """Return the decision as things stand."""
        found = self._decided.get((tenant_id, request))
        if found is None:
            found = self._decided[tenant_id, request] = self._decide((), tenant_id, request)[0]
        return found

    def try_edits(
        self, name: str, edits: Sequence[Edit], tenant_id: str, request: Request
    ) -> Trial:
        """Return what `edits` do to the decision for `tenant_id`, and undo them."""
        before = self.decide(tenant_id, request)
        after, applied = self._decide(tuple(edits), tenant_id, request)
        return Trial(name, tuple(edits), before, after, applied)

    def edited_rows(self, edits: Sequence[Edit], tenant_id: str) -> tuple[TenantRows, bool]:
        """Return what the tenant holds with the edits made, and whether each could be."""
        return edit_rows(self.tenant(tenant_id).rows, edits, tenant_id, self.platform)

    def _decide(
        self, edits: tuple[Edit, ...], tenant_id: str, request: Request
    ) -> tuple[Ranking, bool]:
        """Run rows → lookups → clients → ranking with the edits made; return it, and if they were.

        Clients do not depend on the request, so those of the same edits are kept.
        """
        made = self._made.get((tenant_id, edits))
        if made is None:
            made = self._made[tenant_id, edits] = self._make(edits, tenant_id)
        platform, clients, waived, applied = made
        subject = self.tenant(tenant_id)
        asked = request.of_tenant(subject.mode)
        plan = subject.plan if asked.managed else None  # else it does not count
        return self.rank(platform, clients, asked, plan, waived=waived), applied

    def _make(self, edits: tuple[Edit, ...], tenant_id: str) -> _Made:
        on_rows, on_platform, waived = by_target(edits)
        platform = self.edited(on_platform)
        held, applied = self.edited_rows(on_rows, tenant_id)
        manager = platform.manager()
        clients = manager.clients_of(manager.states_of(held.of(tenant_id).items()))
        return platform, clients, waived, applied


def edit_rows(
    held: TenantRows, edits: Sequence[Edit], tenant_id: str, platform: Platform
) -> tuple[TenantRows, bool]:
    """Return what the tenant holds with these edits of rows made, and whether each could be."""
    applied = True
    for edit in edits:
        own, key = held.of(tenant_id), str(edit.setting_key)
        whose = tenant_id if edit.tenant_id is None else edit.tenant_id  # an id may be empty
        if edit.kind == "remove-row":
            held = held.without(whose, key)
        elif edit.copy_from is not None and edit.copy_from not in own:
            applied = False
        else:
            made = _EMPTY if edit.kind == "empty-row" else _MADE_UP
            token = made if edit.copy_from is None else own[edit.copy_from]
            if whose == tenant_id or held.rules.keys_from == "settings":
                held = held.holding(whose, key, token)
            else:
                names = platform.manager().key_names
                reads = (p.id for p in platform.providers if key in names(p.id))
                held = held.storing(next(reads, ""), whose, token)
    return held, applied


def _read_tenant(evidence: Evidence, platform: Platform, tenant_id: str) -> Subject:
    plan, mode = plan_and_mode(evidence.session, tenant_id)
    others = select(Tenant.id).where(Tenant.id != tenant_id).order_by(Tenant.id).limit(1)
    other = evidence.session.scalar(others)
    other = "placebo-tenant" if other is None else other  # an id may be empty
    return Subject(platform.manager().rows(evidence.session, tenant_id), plan, mode, other)


def try_fix(
    sandbox: Sandbox,
    tenant_id: str,
    fix: Sequence[Edit],
    setting_key: str | None,
    request: Request,
) -> list[Trial]:
    """Return the trial of a fix, then those of three placebos that must not help.

    Spaces would be no placebo: the platform builds a client from them. A fix that changes no row
    (`setting_key` None) has only the last.
    """
    source = next((edit.copy_from for edit in fix if edit.copy_from), None)
    given = "copy-key" if source else "new-credential"
    trials: dict[str, Sequence[Edit]] = {"the fix": fix}
    if setting_key is not None:
        other = sandbox.tenant(tenant_id).other
        trials["same key, another tenant"] = [Edit(given, setting_key, source, tenant_id=other)]
        trials["same row, empty value"] = [Edit("empty-row", setting_key)]
    trials["a key of an unknown provider"] = [Edit(given, "NO_SUCH_PROVIDER_API_KEY", source)]
    return [sandbox.try_edits(name, edits, tenant_id, request) for name, edits in trials.items()]


def edited(platform: Platform, edits: Collection[Edit]) -> Platform:
    """Return the platform with these edits made."""
    # All entries at once: there may be as many as prices.
    if broken := {edit.model for edit in edits if edit.kind == "repair-entry"}:
        platform = without_entries(platform, broken)
    for edit in edits:
        if edit.kind != "repair-entry":
            platform = CHANGES[edit.kind](platform, str(edit.provider))
    return platform


def _allowed(platform: Platform, provider: str) -> Platform:
    allowed = (*platform.rules.llm_providers, provider)
    changed = replace(platform, rules=replace(platform.rules, llm_providers=allowed))
    if platform.rules.client_order == "registry" and "models" in platform.__dict__:
        changed.__dict__["models"] = platform.models  # they do not depend on the list
    return changed


def _registered(platform: Platform, provider: str) -> Platform:
    registry = (*platform.providers, Provider(provider))
    changed = _allowed(replace(platform, providers=registry), provider)
    if platform.rules.client_order == "registry" and provider not in platform.column:
        served = platform.models_of(provider)  # all else is as it was
        changed.__dict__["models"] = platform.models.with_client(provider, served)
    return changed


def _with_made_up_model(platform: Platform, provider: str) -> Platform:
    """Add a model that passes every filter of the shipped editions, if `provider` is healthy."""
    made: dict[str, Any] = {
        "model_id": f"{provider}/gpt-5 gpt-4o-mini",
        "litellm_provider": provider,
        **dict.fromkeys(NUMBERS, 1e-6),
        **dict.fromkeys(FLAGS, 1.0),
        **dict.fromkeys(("max_input_tokens", "max_tokens"), _HUGE_WINDOW),
    }
    columns = {
        name: np.append(values, made[name]) if name in _NUMERIC else [*values, made.get(name)]
        for name, values in platform.pricing.columns.items()
    }
    return _repriced(platform, Pricing(columns, "trial"))


def _with_windows(platform: Platform, _: str) -> Platform:
    """Give every model whose context window is unknown one that passes every edition's filter."""
    columns, unknown = dict(platform.pricing.columns), platform.pricing.window_unknown
    columns["max_input_tokens"] = np.where(unknown, _HUGE_WINDOW, columns["max_input_tokens"])
    return _repriced(platform, replace(platform.pricing, columns=columns))


def without_entries(platform: Platform, models: Collection[str | None]) -> Platform:
    """Return the platform without these entries of its price cache."""
    columns = platform.pricing.columns
    kept = [place for place, name in enumerate(columns["model_id"]) if name not in models]
    left = {
        name: values[kept] if name in _NUMERIC else [values[place] for place in kept]
        for name, values in columns.items()
    }
    return _repriced(platform, replace(platform.pricing, columns=left))


def _repriced(platform: Platform, pricing: Pricing) -> Platform:
    """Return a platform with other prices, without what was computed from the old ones."""
    return replace(platform, pricing=pricing, _by_capability={}, _by_plan={})


_NUMERIC = frozenset({*NUMBERS, *FLAGS})
CHANGES: Mapping[str, Callable[[Platform, str], Platform]] = {
    "allow-provider": _allowed,
    "register-provider": _registered,
    "add-model": _with_made_up_model,
    "complete-windows": _with_windows,
}
