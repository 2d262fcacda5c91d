"""Key lookup, as the platform does it (source: PLATFORM A, *Key lookup*)."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from atomlab.byok import cards
from atomlab.errors import SnapshotError
from atomlab.evidence.redaction import USABLE, State, key_state, token_state
from atomlab.evidence.registry import Provider, setting_key
from atomlab.evidence.rules import Rules
from atomlab.evidence.schema import TenantSetting
from atomlab.text import listed

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger("atomlab.byok")

LookupState = State | Literal["missing"]
_WHY: dict[str, str] = {
    "present": "the row holds a key",
    "ciphertext": "the row holds an encrypted key, which cannot be compared",
    "blank": "the row holds spaces only: a client is built, its calls will fail",
    "missing": "the tenant has no such row",
    "null": "the row exists, its value is NULL",
    "empty": "the row exists, its value is empty",
    "placeholder": "the row holds what these rules take for no key",
}


@dataclass(frozen=True)
class KeyLookup:
    """What the platform finds for one provider: the row it reads, its state, and what follows."""

    provider: str
    setting_key: str
    state: LookupState
    client: bool
    reason: str


class KeyLookups(tuple[KeyLookup, ...]):
    """A tenant's lookups: one per provider, in registry order."""

    __slots__ = ()

    def frame(self) -> pd.DataFrame:
        """Return one row per provider: provider, setting_key, state, client, reason."""
        import pandas as pd

        columns = ["provider", "setting_key", "state", "client", "reason"]
        return pd.DataFrame([asdict(lookup) for lookup in self], columns=columns)

    def _repr_html_(self) -> str:
        return cards.lookups_card(self).html()

    def __repr__(self) -> str:
        found = listed(f"{x.setting_key} {x.state}" for x in self if x.state != "missing")
        return f"<KeyLookups of {len(self)} providers: {found or 'no row at all'}>"


def log_missing(provider_id: str) -> None:
    """Log what the platform logs when a tenant has no usable key for a provider."""
    logger.warning("Setting not found or NULL for %s", provider_id)


class BYOKManager:
    """Finds a tenant's key for a provider.

    `providers` is the registry by id, in its own order. With `redacted` the session's values are
    a snapshot's tokens and are judged by the state they carry; without, they are raw values.
    """

    def __init__(
        self, providers: Iterable[Provider], rules: Rules, *, redacted: bool = False
    ) -> None:
        self.providers: dict[str, Provider] = {p.id: p for p in providers}
        self.rules = rules
        self.redacted = redacted

    def get_tenant_api_key(self, tenant_id: str, provider_id: str, db: Session) -> str | None:
        """Return the value (a token, if redacted) of the tenant's row for the provider, or None.

        The row is the first named `{PROVIDER_ID}_API_KEY`; the registry's `api_key_env_var` plays
        no part. None if there is no such row or its value is NULL, empty or a placeholder.
        """
        row = db.execute(
            select(TenantSetting.setting_value).where(
                TenantSetting.tenant_id == tenant_id,
                TenantSetting.setting_key == setting_key(provider_id),
            )
        ).first()
        if row is not None and self.state(row[0]) in USABLE:
            return str(row[0])
        log_missing(provider_id)
        return None

    def state(self, value: str | None) -> State:
        """Return the state of a row's value; raise SnapshotError if a token is none."""
        if not self.redacted:
            return key_state(value, self.rules)
        try:
            return token_state(value or "")
        except (TypeError, ValueError):
            raise SnapshotError(
                "a setting's value is no redaction token",
                where="the snapshot",
                todo="delete the file: it may hold a secret",
            ) from None

    def lookups(self, tenant_id: str, db: Session) -> KeyLookups:
        """Return what the platform finds for every provider, one element each, registry order."""
        return self.lookups_of(self.row_states(tenant_id, db))

    def lookups_of(self, states: Mapping[str, State]) -> KeyLookups:
        """Return the same for a tenant whose rows, by setting name, are in these states."""
        return KeyLookups(
            self._lookup(p, states.get(p.setting_key, "missing")) for p in self.providers.values()
        )

    def row_states(self, tenant_id: str, db: Session) -> dict[str, State]:
        """Return the state of each of the tenant's rows, by setting name."""
        rows = db.execute(
            select(TenantSetting.setting_key, TenantSetting.setting_value).where(
                TenantSetting.tenant_id == tenant_id
            )
        )
        return self.states_of(rows)

    def states_of(self, rows: Iterable[Sequence[Any]]) -> dict[str, State]:
        """Return the state by setting name of (name, value) rows; the platform reads the first."""
        states: dict[str, State] = {}
        for name, value in rows:
            if name not in states:
                states[name] = self.state(value)
        return states

    def _lookup(self, provider: Provider, state: LookupState) -> KeyLookup:
        reason, usable = _WHY[state], state in USABLE
        if usable and provider.id not in self.rules.llm_providers:
            usable, reason = False, f"{reason}, but {provider.id} is not on the LLM allow-list"
        return KeyLookup(provider.id, provider.setting_key, state, usable, reason)
