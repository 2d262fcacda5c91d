"""The worker's environment and stored keys: where the public edition's keys come from.

Both hold secrets: they are read, redacted at once as settings are, and never quoted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import inspect, text
from sqlalchemy.orm import Session

from atomlab import limits
from atomlab.errors import InputError
from atomlab.files import read_bytes, read_json
from atomlab.shown import Shown
from atomlab.text import storable

# How the name of a stored key begins where it stands beside variables and settings.
STORED = "byok_keys.json "
DEFAULT = "default"  # the key name that any tenant's lookup ends with
# How a line begins that is not more of the value before it, as lines of JSON or of a script are.
_BEGINS = re.compile(r"""[^="'(){}\[\]<>]+=""")
_WHAT = "give what env prints in the worker, or its /proc/PID/environ"


@dataclass(frozen=True, repr=False)
class Environment(Shown):
    """The variables of the worker, by name, and the stored keys, by provider and key name.

    Values are raw, or tokens where they come from a snapshot.
    """

    variables: Mapping[str, Any] = field(default_factory=dict)
    stored: Mapping[tuple[str, str], Any] = field(default_factory=dict)

    def _facts(self) -> Mapping[str, object]:
        """Return how many there are: their values may be keys."""
        return {"variables": len(self.variables), "stored keys": len(self.stored)}

    def of(self, tenant_id: str) -> dict[str, Any]:
        """Return all values that may be a key of the tenant's, by name.

        A stored key goes by `byok_keys.json PROVIDER`; it is the tenant's own, else the default.
        """
        own = {**self._by_key_name.get(DEFAULT, {}), **self._by_key_name.get(tenant_id, {})}
        return {**self.variables, **{f"{STORED}{p}": value for p, value in own.items()}}

    def whose(self, tenant_id: str) -> str:
        """Return whose stored keys the tenant uses: its own, or the default ones."""
        return tenant_id if tenant_id in self._by_key_name else DEFAULT

    @cached_property
    def _by_key_name(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for (provider, key_name), value in self.stored.items():
            found.setdefault(key_name, {})[provider] = value
        return found


NONE = Environment()


def load_variables(source: str | Path | Mapping[str, str | None]) -> dict[str, str | None]:
    """Return the variables in a file of `NAME=value` lines, or of a mapping, by name.

    The lines are as `env` prints them: names and values are taken as they stand, quotes included;
    a line that no name begins goes on with the value before it. Entries parted by NUL, as in
    /proc/PID/environ, are read too. Raises InputError, which quotes nothing.
    """
    if isinstance(source, Mapping):
        where: object = "the environment"
        entries: Sequence[tuple[str, Any, Any]] = [
            (f"entry {n}", *item) for n, item in enumerate(source.items(), 1)
        ]
    else:
        where = Path(source)
        entries = _entries(Path(source))
    variables: dict[str, str | None] = {}
    for place, name, value in entries:
        if not isinstance(name, str) or not isinstance(value, str | None):
            raise InputError(f"{place} is not text", where=where, todo="give names and values")
        if storable(name) in variables:
            raise InputError(
                f"{place} gives a variable a second time", where=where, todo="keep the worker's"
            )
        variables[storable(name)] = value
    return variables


def _entries(path: Path) -> list[tuple[str, str, str]]:
    """Return where each entry stands, its name and its value."""
    content = read_bytes(path).decode("utf-8", "surrogateescape")
    if content.count("\n") + content.count("\0") > limits.LINES:
        raise InputError(f"has more than {limits.LINES:,} lines", where=path, todo=_WHAT)
    parts: list[tuple[str, list[str]]] = []
    if "\0" in content:
        parts = [(f"entry {n}", [part]) for n, part in enumerate(content.split("\0"), 1) if part]
    else:
        for number, line in enumerate(content.replace("\r\n", "\n").split("\n"), 1):
            if line.startswith("#") or not line.strip():
                continue
            if _BEGINS.match(line):
                parts.append((f"line {number}", [line]))
            elif parts:
                parts[-1][1].append(line)
            else:
                raise InputError(f"line {number} is not NAME=value", where=path, todo=_WHAT)
    entries = [(where, *"\n".join(lines).partition("=")) for where, lines in parts]
    for where, name, equals, _ in entries:
        if not name or not equals:
            raise InputError(f"{where} is not NAME=value", where=path, todo=_WHAT)
    return [(where, name, value) for where, name, _, value in entries]


def load_stored_keys(source: str | Path | Mapping[str, Any]) -> dict[tuple[str, str], str | None]:
    """Return the keys of a `byok_keys.json` that the platform may use, by provider and key name.

    It finds an entry by its id, PROVIDER_NAME_production, and uses it while it is active. Raises
    InputError, which quotes nothing.
    """
    where = "the stored keys" if isinstance(source, Mapping) else Path(source)
    document = source if isinstance(source, Mapping) else read_json(Path(source))
    if not isinstance(document, Mapping) or not all(
        isinstance(entry, Mapping) for entry in document.values()
    ):
        raise InputError(
            "is not a file of stored keys", where=where, todo="give the platform's byok_keys.json"
        )
    found: dict[tuple[str, str], str | None] = {}
    for number, (key, entry) in enumerate(document.items(), 1):
        provider, key_name = entry.get("provider_id"), entry.get("key_name", DEFAULT)
        value = entry.get("encrypted_key")
        if not isinstance(provider, str) or not isinstance(key_name, str):
            raise InputError(
                f"entry {number} has no provider_id or key_name", where=where, todo="give it one"
            )
        if not isinstance(value, str | None):
            raise InputError(
                f"entry {number} has no text for encrypted_key", where=where, todo="correct it"
            )
        if key == f"{provider}_{key_name}_production" and entry.get("is_active", True):
            found[provider, key_name] = value
    return found


def read_environment(db: Session) -> Environment:
    """Return the environment that a snapshot or scratch copy holds, its values as tokens."""
    if not inspect(db.connection()).has_table("environment"):
        return NONE  # a snapshot from before environments were captured
    variables = db.execute(text("SELECT name, value FROM environment"))
    stored = db.execute(text("SELECT provider, key_name, value FROM stored_keys"))
    return Environment(
        {row.name: row.value for row in variables},
        {(provider, key_name): value for provider, key_name, value in stored},
    )
