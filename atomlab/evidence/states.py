"""The states of a tenant's settings as one number: tenants with equal numbers decide alike.

The number stands beside each tenant in a snapshot, made at capture from the values, and made again
from the tokens whenever the snapshot is checked.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from itertools import groupby
from typing import Any

from atomlab.evidence.redaction import token_state

Named = tuple[str, str]  # the name of a setting, and its state
Numbered = tuple[int, str]  # the number of the states of a tenant, and its id
_FROM = 2**63  # where SQLite's integers end
_BATCH_ROWS = 1000


@lru_cache(maxsize=1 << 14)  # many tenants are like others
def states_number(rows: tuple[Named, ...]) -> int:
    """Return the number of a tenant's rows, 0 if there are none; of one name the first counts."""
    states = sorted(dict(reversed(rows)).items())
    content = "\0".join(part for named in states for part in named).encode()
    return int.from_bytes(blake2b(content, digest_size=8).digest()) % _FROM if rows else 0


class StatesByTenant:
    """Numbers the states of tenants whose rows come in batches, those of a tenant together."""

    def __init__(self) -> None:
        self._tenant, self._rows = "", list[Named]()

    def add(self, tenants: Sequence[str], named: Sequence[Named]) -> list[Numbered]:
        """Take in a row's tenant, name and state; return number and tenant of those that ended."""
        done, start = list[Numbered](), 0
        for tenant, those in groupby(tenants):
            rows = len([*those])
            if tenant != self._tenant:
                done += self.end()
                self._tenant = tenant
            self._rows += named[start : start + rows]
            start += rows
        return done

    def end(self) -> list[Numbered]:
        """Return number and tenant of the last one, if there is one."""
        if not self._rows:
            return []
        rows = tuple(self._rows)
        self._rows.clear()
        return [(states_number(rows), self._tenant)]


class StatesCheck:
    """Compares what stands beside the tenants with the tokens of their settings, as they are read.

    Both methods raise ValueError, with the tenant, where they differ.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection, self._found, self._tenants = connection, StatesByTenant(), 0

    def see(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Take in rows of `tenant_settings`, as they are stored."""
        named = [(name, token_state(value)) for _, _, name, value, _ in rows]
        self._compare(self._found.add([row[1] for row in rows], named))

    def end(self) -> None:
        """Compare what is left, and whether no tenant's settings are missing."""
        self._compare(self._found.end())
        execute = self._connection.execute
        [(tenants,)] = execute("SELECT count(*) FROM tenants WHERE states <> 0")
        if tenants != self._tenants:
            rest = "states <> 0 AND id NOT IN (SELECT tenant_id FROM tenant_settings)"
            raise ValueError(*execute(f"SELECT id FROM tenants WHERE {rest}").fetchone())  # noqa: S608

    def _compare(self, found: list[Numbered]) -> None:
        marks = ", ".join("?" * len(found))
        query = f"SELECT id, states FROM tenants WHERE id IN ({marks})"  # noqa: S608
        stored = dict(self._connection.execute(query, [tenant for _, tenant in found]))
        for number, tenant in found:
            if stored.get(tenant, number) != number:
                raise ValueError(tenant)
        self._tenants += len(stored)


def check_states(connection: sqlite3.Connection) -> None:
    """Raise ValueError, with the tenant, where a snapshot's states and settings differ."""
    check = StatesCheck(connection)
    rows = connection.execute("SELECT * FROM tenant_settings ORDER BY rowid")
    while batch := rows.fetchmany(_BATCH_ROWS):
        check.see(batch)
    check.end()
