"""Snapshots: open one read-only, check it, take a scratch copy to experiment on."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Engine, ExceptionContext, create_engine, event, text
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

from atomlab.errors import SnapshotError
from atomlab.evidence.inputs.environment import DEFAULT
from atomlab.evidence.inputs.registry import Provider
from atomlab.evidence.manifest import check_agreement, read_manifest, table_digest
from atomlab.evidence.redaction import TOKEN, reach_of
from atomlab.evidence.schema import Tenant
from atomlab.evidence.seal import check_seal
from atomlab.evidence.soundness import check_content
from atomlab.evidence.states import check_states
from atomlab.evidence.steps import TenantSteps
from atomlab.evidence.tenants import find_tenant, shard_of
from atomlab.shown import Shown
from atomlab.text import printable

_READING = {
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_RECURSIVE,
    sqlite3.SQLITE_TRANSACTION,
    sqlite3.SQLITE_SAVEPOINT,
}
_HARMLESS_PRAGMAS = {
    *("table_info", "table_xinfo", "index_list", "table_list"),
    *("integrity_check", "page_count", "page_size"),
}
_READABLE_PRAGMAS = {"read_uncommitted", "user_version"}
_UNSAFE_FUNCTIONS = {"load_extension", "fts3_tokenizer", "writefile", "edit"}


_DELETE = "delete the file: it may hold a secret"


class Evidence(Shown):
    """What a snapshot and a scratch copy of it have in common.

    Attributes: `session`, for BYOKManager and BYOKHandler; `sha256`, of the snapshot's whole
    file, as `sha256sum` prints it; `manifest`, where the evidence came from.
    """

    def __init__(
        self, connection: sqlite3.Connection, sha256: str, manifest: Mapping[str, Any]
    ) -> None:
        self._connection, self.sha256, self.manifest = connection, sha256, manifest
        self.engine = engine_on(connection)
        event.listen(self.engine, "handle_error", _refuse_other_content)
        self.session = Session(self.engine)

    def _facts(self) -> Mapping[str, object]:
        return {"captured_at": self.manifest.get("captured_at"), "sha256": self.sha256}

    @property
    def captured_at(self) -> str:
        """When the capture ended, ISO 8601 in UTC."""
        return str(self.manifest["captured_at"])

    @property
    def has_pricing(self) -> bool:
        """Whether a pricing cache was captured, be it empty; without one nothing is decided."""
        return self.manifest["pricing"] is not None

    def tenant(self, text: str) -> Tenant:
        """Return the tenant whose id, subdomain or exact name is `text`; raise TenantError."""
        return find_tenant(self.session, text)

    def withheld(self, tenant_id: str) -> int:
        """Return how many settings of a tenant the capture counted and did not look at by name."""
        query = text("SELECT unnamed_settings FROM tenants WHERE id = :id")
        return int(self.session.scalar(query, {"id": tenant_id}) or 0)

    def select(self, query: str, values: Sequence[object] = ()) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a query as tuples, for millions of which a session is slow."""
        try:
            yield from self._connection.execute(query, values)
        except sqlite3.OperationalError as error:  # text that is not UTF-8
            raise _not_a_snapshot(error) from None

    @property
    def has_states(self) -> bool:
        """Whether the states of each tenant's settings stand beside it, as since format 4."""
        return int(self.manifest["schema"].rpartition("/")[2]) >= 4

    def scratch(self) -> Scratch:
        """Return a writable copy in memory; nothing done to it reaches this one."""
        copy = sqlite3.connect(":memory:", check_same_thread=False)
        self._connection.backup(copy)
        return Scratch(copy, self.sha256, self.manifest)

    def close(self) -> None:
        """Close the database."""
        self.session.close()
        self.engine.dispose()
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Scratch(Evidence):
    """A writable copy of a snapshot in memory, where interventions run."""

    has_states = False  # a change of its rows leaves them as they were


class Snapshot(Evidence):
    """A redacted copy of the platform's tables at one moment, read-only: the evidence."""

    def __init__(self, path: Path, sha256: str, connection: sqlite3.Connection) -> None:
        super().__init__(connection, sha256, read_manifest(connection))
        self.path = path

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return self.path.stem

    def what_if(
        self, tenant: str, requests: Sequence[Any] | None = None, *, managed: bool | None = None
    ) -> TenantSteps:
        """Return the tenant's diagnosis, to which changes can be made: `.add_key("openai")`.

        It is `atomlab.what_if` of the tenant: requests and `managed` are those of a diagnosis, and
        nothing reaches the snapshot. Raises TenantError.
        """
        what_if = import_module("atomlab.diagnosis.what_if").what_if_of
        steps: TenantSteps = what_if(self, tenant, requests, managed=managed)
        return steps

    def verify(self) -> None:
        """Re-compute what the manifest says of the tables; raise SnapshotError if it differs.

        Opening has already checked the file as a whole; this checks what the tables say, row by
        row, that every value is a token, and its name one that capture keeps.
        """
        try:
            check_agreement(self.manifest, self._connection)
        except (ValueError, sqlite3.Error) as error:
            raise self._refusal(f"its manifest contradicts itself: {error}") from None
        for table, recorded in self.manifest["tables"].items():
            try:
                intact = table_digest(self._connection, table) == recorded
            except sqlite3.Error:  # text that is not UTF-8
                intact = False
            if not intact:
                raise self._refusal(f"table {table} is not what the manifest recorded")
        for what, value, may_leave in self._redacted():
            if not may_leave:
                raise self._refusal(f"a {what}'s name is none that capture keeps", _DELETE)
            if not TOKEN.fullmatch(value):
                raise self._refusal(f"a {what}'s value is not a redaction token", _DELETE)
        if self.has_states:
            try:
                check_states(self._connection)
            except ValueError as error:
                what = f"the states recorded for tenant {printable(error)} are not its settings'"
                raise self._refusal(what) from None
        if shard := self.manifest.get("shard"):
            for (tenant,) in self._connection.execute("SELECT id FROM tenants"):
                if shard_of(tenant, shard["of"]) != shard["number"]:
                    raise self._refusal(f"tenant {printable(tenant)} belongs in another shard")

    def _refusal(self, what: str, todo: str = "capture it again") -> SnapshotError:
        return SnapshotError(what, where=self.path, todo=todo)

    def _redacted(self) -> Iterator[tuple[str, str, bool]]:
        """Yield what each row is whose value is redacted, the value, and if its name may leave."""
        select = self._connection.execute
        rows = select("SELECT id, api_key_env_var FROM providers")
        reach = reach_of([Provider(*row) for row in rows])
        for name, value in select("SELECT setting_key, setting_value FROM tenant_settings"):
            yield "setting", value, reach(name) != "never"
        if "environment" not in self.manifest["tables"]:
            return  # a snapshot in an earlier format
        for name, value in select("SELECT name, value FROM environment"):
            yield "variable", value, reach(name) != "never"
        named = "EXISTS (SELECT 1 FROM tenants WHERE id = key_name)"
        query = f"SELECT value, key_name = ? OR {named} FROM stored_keys"  # noqa: S608
        for value, may_leave in select(query, [DEFAULT]):
            yield "stored key", value, bool(may_leave)

    def __repr__(self) -> str:
        name, captured_at = printable(self.name), printable(self.captured_at)
        return f"<Snapshot {name} captured {captured_at}, sha256 {self.sha256[:12]}…>"


def open_snapshot(path: str | Path) -> Snapshot:
    """Return the snapshot in `path`, its seal checked, opened so that nothing can be written.

    Raises SnapshotError, also if it holds anything that capture does not write.
    """
    return _opened(Path(path), check_content)


def open_written(path: Path) -> Snapshot:
    """Return the snapshot that a capture has just written and checked."""
    return _opened(path, lambda *_: None)


def _opened(file: Path, check: Callable[[sqlite3.Connection, int], None]) -> Snapshot:
    sha256 = check_seal(file)
    # immutable: what is read is exactly what was sealed, whatever lies beside the file.
    uri = file.resolve().as_uri() + "?mode=ro&immutable=1"
    connection = sqlite3.connect(uri, uri=True, check_same_thread=False)
    connection.set_authorizer(_authorize)
    what = "does not hold what a snapshot does"
    try:
        check(connection, file.stat().st_size)
        what = "has no readable manifest"
        return Snapshot(file, sha256, connection)
    except (OSError, sqlite3.Error, ValueError, RecursionError) as error:
        connection.close()
        raise SnapshotError(f"{what} ({error})", where=file, todo="capture it again") from None


def _authorize(
    action: int, first: str | None, second: str | None, _database: str | None, _cause: str | None
) -> int:
    """Allow reading; refuse everything else (ATTACH, VACUUM INTO, writes, unsafe functions)."""
    allowed = (
        action in _READING
        or (action == sqlite3.SQLITE_FUNCTION and second not in _UNSAFE_FUNCTIONS)
        or (action == sqlite3.SQLITE_PRAGMA and first in _HARMLESS_PRAGMAS)
        or (action == sqlite3.SQLITE_PRAGMA and first in _READABLE_PRAGMAS and second is None)
    )
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY


def _refuse_other_content(context: ExceptionContext) -> None:
    """Turn the error about text that is not UTF-8 into one about the snapshot."""
    if str(context.original_exception).startswith("Could not decode"):
        raise _not_a_snapshot(context.original_exception)


def _not_a_snapshot(error: BaseException | None) -> SnapshotError:
    what = f"does not hold what a snapshot does ({error})"
    return SnapshotError(what, where="the snapshot", todo="capture it again")


def engine_on(connection: sqlite3.Connection) -> Engine:
    """Return an engine whose every session uses this one connection."""
    return create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
