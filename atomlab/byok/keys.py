"""Key lookup, as the platform does it (source: docs/platform.md, the incident)."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from sqlalchemy.orm import Session

from atomlab.byok.rows import Row, TenantRows, first_of, read_rows
from atomlab.errors import SnapshotError
from atomlab.evidence.inputs.environment import NONE, STORED, Environment, read_environment
from atomlab.evidence.inputs.registry import Provider, setting_key
from atomlab.evidence.inputs.rules import Rules
from atomlab.evidence.redaction import USABLE, State, key_state, token_state
from atomlab.shown import Several, Shown

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


@dataclass(frozen=True, repr=False)
class KeyLookup(Shown):
    """What the platform finds for one provider: the row it reads, its state, and what follows."""

    provider: str
    setting_key: str
    state: LookupState
    client: bool
    reason: str


class KeyLookups(Several[KeyLookup]):
    """A tenant's lookups: one per provider, in registry order."""

    __slots__ = ()

    @property
    def clients(self) -> tuple[str, ...]:
        """The providers of which the tenant gets a client, in client order."""
        return tuple(lookup.provider for lookup in self if lookup.client)

    def frame(self) -> pd.DataFrame:
        """Return one row per provider: provider, setting_key, state, client, reason."""
        import pandas as pd

        columns = ["provider", "setting_key", "state", "client", "reason"]
        return pd.DataFrame([asdict(lookup) for lookup in self], columns=columns)


def log_missing(provider_id: str) -> None:
    """Log what the platform logs when a tenant has no usable key for a provider."""
    logger.warning("Setting not found or NULL for %s", provider_id)


class BYOKManager(Shown):
    """Finds a tenant's key for a provider.

    With `redacted` the session's values are a snapshot's tokens, without, they are raw values.
    Where keys come from the environment, that is read from a snapshot, and is `environment` on
    any other database.
    """

    def __init__(
        self,
        providers: Iterable[Provider],
        rules: Rules,
        *,
        redacted: bool = False,
        environment: Environment | None = None,
    ) -> None:
        self.providers: dict[str, Provider] = {p.id: p for p in providers}
        self.rules = rules
        self.redacted = redacted
        self._environment = environment
        self._key_names: dict[str, tuple[str, ...]] = {}
        self._new_key_names: dict[str, str] = {}
        self._client_sets: dict[tuple[str, ...], tuple[str, ...]] = {}

    def get_tenant_api_key(self, tenant_id: str, provider_id: str, db: Session) -> str | None:
        """Return the value (a token, if redacted) of the tenant's key for the provider.

        None if there is no such row or its value is NULL, empty or a placeholder.
        """
        provider = self.providers.get(provider_id, Provider(provider_id))
        values = self.rows(db, tenant_id).of(tenant_id)
        for name in self._names(self.rules.key_places, provider):
            if name in values and self.state(values[name]) in USABLE:
                return str(values[name])
        log_missing(provider_id)
        return None

    def key_names(self, provider_id: str) -> tuple[str, ...]:
        """Return the names under which client initialization looks for a key, first to last."""
        if provider_id not in self._key_names:  # asked for each provider of each tenant
            provider = self.providers.get(provider_id, Provider(provider_id))
            names = self._names(self.rules.places_of(provider_id), provider)
            self._key_names[provider_id] = names
        return self._key_names[provider_id]

    def key_name(self, provider_id: str) -> str:
        """Return the name under which a new key of the provider is entered."""
        if provider_id not in self._new_key_names:
            names = [n for n in self.key_names(provider_id) if not n.startswith(STORED)]
            own = setting_key(provider_id)
            self._new_key_names[provider_id] = own if own in names or not names else names[0]
        return self._new_key_names[provider_id]

    def looked_up(self, provider_id: str, states: Mapping[str, State]) -> str:
        """Return the name of the row that is read for the provider, of one that may be there."""
        names = self.key_names(provider_id)
        found = next((name for name in names if states.get(name) in USABLE), None)
        return found or next((n for n in names if n in states), self.key_name(provider_id))

    def state(self, value: str | None) -> State:
        """Return the state of a row's value; raise SnapshotError if a token is none."""
        if not self.redacted:
            return key_state(value, self.rules)
        try:
            return token_state(value or "")
        except (TypeError, ValueError):
            raise SnapshotError(
                "a setting's value is not a redaction token",
                where="the snapshot",
                todo="delete the file: it may hold a secret",
            ) from None

    def rows(self, db: Session, *tenant_ids: str) -> TenantRows:
        """Return what these tenants hold, all if none is named."""
        return read_rows(db, self.rules, tenant_ids, self._held(db))

    def states(self, db: Session, *tenant_ids: str) -> TenantRows:
        """Return the same rows with the state of each value in its place."""
        return read_rows(db, self.rules, tenant_ids, self._held(db), self.state)

    def states_of(self, rows: Iterable[Row]) -> dict[str, State]:
        """Return the state by setting name of (name, value) rows of one tenant."""
        return {name: self.state(value) for name, value in first_of(rows).items()}

    def lookups(self, tenant_id: str, db: Session) -> KeyLookups:
        """Return what the platform finds for every provider, one element each, registry order."""
        return self.lookups_of(self.states(db, tenant_id).of(tenant_id))

    def lookups_of(self, states: Mapping[str, State]) -> KeyLookups:
        """Return the same for a tenant whose rows, by setting name, are in these states."""
        return KeyLookups(self._lookup(p, states) for p in self.providers.values())

    def clients_of(self, states: Mapping[str, State]) -> tuple[str, ...]:
        """Return the clients of such a tenant, as `lookups_of(states).clients`, sooner."""
        reading, (order, readers) = set[int](), self._readers
        for name, state in states.items():
            if name in readers and state in USABLE:
                reading.update(readers[name])
        clients = tuple([order[place] for place in sorted(reading)])
        return self._client_sets.setdefault(clients, clients)  # the same object: soon compared

    @cached_property
    def _readers(self) -> tuple[list[str], dict[str, list[int]]]:
        """The providers that may have a client, and by name of a row the places of its readers."""
        order = [p for p in self.providers if p in self.rules.llm_providers]
        readers: dict[str, list[int]] = {}
        for place, provider in enumerate(order):
            for name in self.key_names(provider):
                readers.setdefault(name, []).append(place)
        return order, readers

    def _held(self, db: Session) -> Environment:
        """Return the worker's environment: the one that was given, else the snapshot's."""
        if self._environment is None and self.redacted and self.rules.keys_from == "environment":
            return read_environment(db)
        return self._environment or NONE

    def _names(self, places: Iterable[str], provider: Provider) -> tuple[str, ...]:
        """Return the names that places of the rules stand for; what nobody declares is left out."""
        names: list[str | None] = []
        for place in places:
            kind, _, other = place.partition(" ")
            whose = self.providers.get(other, Provider(other)) if other else provider
            names.append(
                {
                    "own": whose.setting_key,
                    "declared": whose.api_key_env_var,
                    "stored": f"{STORED}{whose.id}",
                    "variable": other,
                }[kind]
            )
        return tuple(dict.fromkeys(name for name in names if name))

    def _lookup(self, provider: Provider, states: Mapping[str, State]) -> KeyLookup:
        name = self.looked_up(provider.id, states)
        state: LookupState = states.get(name, "missing")
        reason, usable = _WHY[state], state in USABLE
        if usable and provider.id not in self.rules.llm_providers:
            usable, reason = False, f"{reason}, but {provider.id} is not on the LLM allow-list"
        return KeyLookup(provider.id, name, state, usable, reason)
