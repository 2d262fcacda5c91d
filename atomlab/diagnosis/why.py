"""Why a line of a worker's log says what it says: from the line to cause, proof and fix."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

from atomlab.diagnosis.diagnose import Diagnosis, diagnose
from atomlab.diagnosis.findings import Summary
from atomlab.diagnosis.summary import summarize
from atomlab.errors import NO_CLIENT, NO_MODELS, InputError
from atomlab.evidence.inputs.log_files import GIVEN
from atomlab.evidence.inputs.rules import COMPLEXITIES
from atomlab.evidence.inputs.worker_log import LogLine, WorkerLog
from atomlab.evidence.shelf import fitting_snapshot
from atomlab.evidence.snapshot import Snapshot, open_snapshot
from atomlab.evidence.tenants import tenant_id
from atomlab.text import count, joined, listed, printable
from atomlab.verdicts import Status

FAILURES = frozenset(
    {"auth-error", "backfill-failed", "error", "fallback", "generation-failed", "sync-failed"}
)
_WHO = ("tenant", "workspace", "id")  # which may name a tenant, the surest first
_OLDEST = datetime.min.replace(tzinfo=UTC)
_REMEMBERED = 100_000  # jobs and requests of which the tenant is known
_OTHER = {
    "auth-error": "a provider refuses the key, which is there and dead: its owner must replace it",
    "coroutine": "a fault of the public edition before 2026-07-16, which fails for every tenant",
    "": "not of a choice of models, and a snapshot cannot explain it",
}

_HEALTHY = (
    "this snapshot's tenant is healthy: the fault is not in it. Look at a snapshot of the line's"
    " time, and whether the worker has been started since"
)


@dataclass(frozen=True)
class Asked:
    """What has to be given since the line does not say it: options by name, and a sentence."""

    options: tuple[str, ...]
    sentence: str
    status: Status = "undecided"

    def to_json(self) -> dict[str, Any]:
        """Return the document of a question."""
        return {"schema": "atomlab.why/1", "status": self.status, "asked": list(self.options),
                "message": self.sentence}  # fmt: skip


@dataclass(frozen=True)
class FailingLines:
    """Failing lines of one tenant: the latest, their kinds of request, and how many there are."""

    line: LogLine
    kinds: frozenset[str | None]  # None of a line that does not name its own
    number: int = 1

    def __add__(self, later: FailingLines) -> FailingLines:
        line = max(later.line, self.line, key=lambda line: line.at or _OLDEST)
        return FailingLines(line, self.kinds | later.kinds, self.number + later.number)

    @property
    def complexities(self) -> tuple[str, ...]:
        """The kinds of request, all four where a line does not say its own."""
        return tuple(k for k in COMPLEXITIES if {k, None} & self.kinds)


@dataclass(frozen=True)
class Why:
    """The answer: the line, the tenant's diagnosis in words, and what to run for the report."""

    line: LogLine
    number: int
    kinds: tuple[str, ...]
    snapshot: str
    sha256: str
    captured_at: str
    status: Status
    summary: Summary
    assumed: str
    command: str

    def lines(self) -> Iterator[tuple[str, str]]:
        """Yield at most ten lines, each with its label."""
        said = self.summary
        yield "", said.title
        yield "line", self._cited()
        yield "snapshot", self._captured()
        yield "what", said.what
        if self.status == "healthy":
            yield "why", _HEALTHY
        elif self.status == "affected":
            yield "why", said.why
            yield "proof", said.proof
            yield "fix", f"{said.todo} {said.who}".rstrip()
            if said.left:
                yield "stays broken", said.left
        if self.assumed:
            yield "assumes", self.assumed
        yield "report", self.command

    def to_json(self) -> dict[str, Any]:
        """Return the document `atomlab.why/1`."""
        line = asdict(replace(self.line, fields=dict(self.line.fields)))
        line["at"] = self.line.at and self.line.at.isoformat()
        return {
            "schema": "atomlab.why/1",
            "status": self.status,
            "asked": [],
            "line": line,
            "failing_lines": self.number,
            "kinds": list(self.kinds),
            "snapshot": {
                "name": self.snapshot, "sha256": self.sha256, "captured_at": self.captured_at
            },
            "summary": self.summary.model_dump(),
            "lines": [f"{label}: {text}" if label else text for label, text in self.lines()],
            "command": self.command,
        }  # fmt: skip

    def _cited(self) -> str:
        line = self.line
        at = f", {line.at:%Y-%m-%d %H:%M:%S} UTC" if line.at else ", time not known"
        more = f"; the last of {self.number:,} like it" if self.number > 1 else ""
        return f"{_place(line)}{at}, {line.event}, sha256 {line.sha256[:16]}…{more}"

    def _captured(self) -> str:
        captured = datetime.fromisoformat(self.captured_at)
        apart = f", {_apart(captured - self.line.at)} the line" if self.line.at else ""
        return f"{printable(self.snapshot)}, captured {self.captured_at}{apart}"


def explain_log(
    log: WorkerLog,
    snapshot: str | None = None,
    folder: str | None = None,
    tenant: str | None = None,
    complexity: str | None = None,
) -> Why | Asked:
    """Return why the latest failing line of a log fails, or what has to be given to say so.

    `tenant` and `complexity` go before what lines say. The snapshot is the one given, else the
    one in `folder` that fits the line. Raises InputError if no line is of a failure, or none of
    the tenant's, TenantError if the snapshot has no such tenant, and SnapshotError.
    """
    found, other = failures_in(log)
    if not found:
        return _other_failure(other)
    named = [name for name in found if name is not None]
    if tenant is None and not named:
        return Asked(("tenant",), "the line does not name the tenant: give --tenant")
    latest = max((f.line.at for f in found.values() if f.line.at), default=None)
    if snapshot is None and (folder is None or (latest is None and log.lacks_zone)):
        return _which_snapshot(folder)
    names = [tenant] if tenant is not None else named
    with (
        open_snapshot(snapshot)
        if snapshot is not None
        else fitting_snapshot(Path(folder or ""), names, latest)
    ) as evidence:
        ids = {name: tenant_id(evidence.session, name) for name in named}
        if tenant is not None:
            who = evidence.tenant(tenant).id
        elif len({ids[name] or name for name in named}) > 1:
            what = f"the log has failures of {count(len(named), 'tenant')} ({listed(named)})"
            return Asked(("tenant",), f"{what}: give --tenant")
        elif ids[named[0]] is None and "tenant" not in found[named[0]].line.fields:
            what = f"{named[0]} in the line is no tenant of the snapshot: give --tenant"
            return Asked(("tenant",), what)
        else:
            who = evidence.tenant(named[0]).id
        own = [found[name] for name in named if ids[name] == who]
        failing = own or [found[None]] if None in found else own
        if not failing:
            raise InputError(
                f"no line is of a failure of {names[0]}",
                todo=f"those that fail are {listed(named)}",
            )
        return _answer(evidence, who, reduce(add, failing), complexity)


def _which_snapshot(folder: str | None) -> Asked:
    if folder is None:
        what = "no snapshot was given: give --snapshot, or set ATOMLAB_SNAPSHOTS"
        return Asked(("snapshot",), what)
    what = "which snapshot fits depends on the line's time, which names no zone"
    return Asked(("log_zone",), f"{what}: give --log-zone, or --snapshot")


def failures_in(log: Iterable[LogLine]) -> tuple[dict[str | None, FailingLines], LogLine | None]:
    """Return the failures for want of a model by the tenant that lines name, and the last other.

    A line without a tenant has the one that lines of the same job or request have named before.
    """
    found: dict[str | None, FailingLines] = {}
    whose: dict[tuple[str, str], str] = {}
    other: LogLine | None = None
    for line in log:
        tenant = next((line.fields[name] for name in _WHO if name in line.fields), None)
        ids = [(name, line.fields[name]) for name in ("job", "request") if name in line.fields]
        if tenant and len(whose) < _REMEMBERED:
            whose.update(dict.fromkeys(ids, tenant))
        if line.event not in FAILURES:
            continue
        tenant = tenant or next((whose[i] for i in ids if i in whose), None)
        if line.fields.get("error", "").startswith((NO_MODELS, NO_CLIENT)):
            this = FailingLines(line, frozenset([line.fields.get("complexity")]))
            found[tenant] = found[tenant] + this if tenant in found else this
        else:
            other = line
    return found, other


def _other_failure(line: LogLine | None) -> Asked:
    if line is None:
        raise InputError(
            "no line says that a request failed", todo="give the error line, or the log around it"
        )
    kind = "coroutine" if "coroutine" in line.fields.get("error", "") else line.event
    what = _OTHER.get(kind, _OTHER[""])
    return Asked((), f"{_place(line)} ({line.event}) is of another failure: {what}")


def _place(line: LogLine) -> str:
    return line.file if line.file == GIVEN else f"{printable(line.file)} line {line.line:,}"


def _answer(evidence: Snapshot, tenant: str, failure: FailingLines, complexity: str | None) -> Why:
    kinds = (complexity,) if complexity else failure.complexities
    whole = diagnose(evidence, tenant)
    these = tuple(each for each in whole.requests if each.request.complexity in kinds)
    asked = replace(whole, requests=these)
    who = whole.tenant.subdomain or whole.tenant.id
    target = f"{shlex.quote(str(evidence.path))} --tenant {shlex.quote(who)}"
    return Why(
        line=failure.line,
        number=failure.number,
        kinds=kinds,
        snapshot=evidence.name,
        sha256=evidence.sha256,
        captured_at=evidence.captured_at,
        status=asked.status,
        summary=summarize(asked, whole),
        assumed=_assumed(asked),
        command=printable(f"atomlab report {target}", 4096),
    )


def _assumed(diagnosis: Diagnosis) -> str:
    """Return which inputs were not captured, so that something is assumed of them."""
    inputs = dict.fromkeys(f"{a.input} ({a.state})" for a in diagnosis.assumptions)
    if not inputs:
        return ""
    return f"{joined(inputs)} not captured: atomlab diagnose says what is assumed instead"


def _apart(apart: timedelta) -> str:
    """Return how long after or before something: `14 min before`."""
    minutes = round(abs(apart).total_seconds() / 60)
    if minutes < 120:
        long = f"{minutes} min"
    else:
        long = f"{minutes // 60} h" if minutes < 2880 else count(minutes // 1440, "day")
    return f"{long} {'after' if apart > timedelta() else 'before'}"
