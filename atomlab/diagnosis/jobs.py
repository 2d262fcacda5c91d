"""Jobs of a worker's log: what happened to each, its lines and its retries folded into one."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, get_args

from atomlab.errors import NO_MODELS
from atomlab.evidence.inputs.worker_log import LogLine

# failed: with the error in question; refused: the provider did not accept the key; otherwise: with
# another error, or without a result; open: its end is not in the log.
Ending = Literal["succeeded", "failed", "refused", "otherwise", "open"]
ENDINGS: tuple[Ending, ...] = get_args(Ending)
# Of several endings in one job the first of these counts: a retry that works undoes no failure.
_WORST: tuple[Ending, ...] = ("failed", "refused", "otherwise", "succeeded")
_ENDS: dict[str, Ending] = {
    "error": "failed",
    "fallback": "failed",
    "auth-error": "refused",
    "no-entities": "otherwise",
    "backfill-failed": "otherwise",
    "sync-failed": "otherwise",
    "generation-failed": "otherwise",
    "ingested": "succeeded",
    "extraction": "succeeded",
    "backfill-completed": "succeeded",
    "job-completed": "succeeded",
    "chunk": "succeeded",
    "sync-completed": "succeeded",
}
_WRITTEN = ("entities", "nodes", "processed")  # how much a job wrote
KEPT = 100_000  # jobs of other tenants, or of unknown ones, and requests that are remembered
_CITED = 8  # lines of a job; the first and the last are among them


@dataclass(frozen=True)
class Job:
    """A tenant's job for one kind of request, from its first line to its last.

    `complexity` is None where no line names it; `models` are those that its lines say were chosen.
    """

    id: str
    complexity: str | None
    began_at: datetime
    ended_at: datetime
    ending: Ending
    models: tuple[str, ...]
    lines: tuple[LogLine, ...]


@dataclass
class _Open:
    """What is known of a job for one kind of request so far."""

    began_at: datetime
    ended_at: datetime
    endings: set[Ending] = field(default_factory=set)
    models: dict[str, None] = field(default_factory=dict)
    lines: list[LogLine] = field(default_factory=list)

    def take(self, line: LogLine, at: datetime) -> None:
        self.began_at, self.ended_at = min(self.began_at, at), max(self.ended_at, at)
        ending = _ending(line)
        if ending:
            self.endings.add(ending)
        if line.event in ("top-model", "generation") and "model" in line.fields:
            self.models[line.fields["model"]] = None
        if ending or line.event == "top-model":
            self.lines = [*self.lines[: _CITED - 1], line]


class JobFolder:
    """Folds a log's lines into the jobs of one tenant; what it keeps grows with those only.

    A line belongs to the job that it names, or that another line of its request names.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = {name.lower() for name in names}
        self._jobs: dict[str, dict[str | None, _Open]] = {}
        self._job_of: OrderedDict[str, str] = OrderedDict()  # by request
        self._ours: set[str] = set()  # jobs of the tenant
        self._others: OrderedDict[str, None] = OrderedDict()  # jobs of other tenants
        self._unknown: OrderedDict[str, None] = OrderedDict()  # jobs of which no line names one
        self._kind: dict[str, str] = {}  # the one that a job's lines named last
        self.nameless = 0  # lines of the tenant that name neither a job nor a request
        self.until: datetime | None = None

    def take(self, line: LogLine) -> None:
        """Take in a line; one without a time belongs nowhere."""
        if line.at is None:
            return
        self.until = max(self.until or line.at, line.at)
        tenant = line.fields.get("tenant") or line.fields.get("workspace")
        ours = None if tenant is None else tenant.lower() in self._names
        name = self._name(line)
        if name is None:
            self.nameless += bool(ours)
            return
        self._assign(name, ours)
        if name in self._others:
            return
        if kind := line.fields.get("complexity"):
            self._kind[name] = kind.lower()
        kinds, kind = self._jobs.setdefault(name, {}), self._kind.get(name)
        if kind is not None and None in kinds:  # what came before belongs to the first kind named
            kinds[kind] = kinds.pop(None)
        if kind not in kinds:
            kinds[kind] = _Open(line.at, line.at)
        kinds[kind].take(line, line.at)

    def jobs(self) -> list[Job]:
        """Return the tenant's jobs so far, in the order in which they ended."""
        found = [
            Job(
                name,
                kind,
                job.began_at,
                job.ended_at,
                next((ending for ending in _WORST if ending in job.endings), "open"),
                tuple(job.models),
                tuple(job.lines),
            )
            for name, kinds in self._jobs.items()
            if name in self._ours
            for kind, job in kinds.items()
        ]
        return sorted(found, key=lambda job: (job.ended_at, job.id))

    def _assign(self, name: str, ours: bool | None) -> None:
        """Take note of whose a job is, and forget the oldest of those that are not the tenant's."""
        if ours:
            self._ours.add(name)
            self._others.pop(name, None)
            self._unknown.pop(name, None)
        elif name in self._ours:
            return
        elif ours is None:
            if name not in self._others:
                self._unknown[name] = None
        else:
            self._others[name] = None
            self._unknown.pop(name, None)
            self._forget(name)
            if len(self._others) > KEPT:
                self._others.popitem(last=False)
        if len(self._unknown) > KEPT:
            self._forget(self._unknown.popitem(last=False)[0])

    def _forget(self, name: str) -> None:
        self._jobs.pop(name, None)
        self._kind.pop(name, None)

    def _name(self, line: LogLine) -> str | None:
        job, request = line.fields.get("job"), line.fields.get("request")
        if job and request:
            self._job_of[request] = job
            if len(self._job_of) > KEPT:
                self._job_of.popitem(last=False)
            if request in self._jobs and request != job:
                self._jobs.setdefault(job, {}).update(self._jobs.pop(request))
                self._unknown.pop(request, None)
                if request in self._ours:
                    self._assign(job, ours=True)
                if request in self._kind:
                    self._kind.setdefault(job, self._kind[request])
        return job or (self._job_of.get(request, request) if request else None)


def parted(
    jobs: Iterable[Job], fixed_at: datetime, margin: timedelta
) -> tuple[list[Job], list[Job], list[Job]]:
    """Return the jobs that ended before the fix, those begun after it, and those in between.

    Clocks differ, so `margin` lies between the fix and what counts as before or after.
    """
    before, after, between = list[Job](), list[Job](), list[Job]()
    for job in jobs:
        early, late = job.ended_at <= fixed_at - margin, job.began_at >= fixed_at + margin
        (before if early else after if late else between).append(job)
    return before, after, between


def _ending(line: LogLine) -> Ending | None:
    ending = _ENDS.get(line.event)
    if ending == "otherwise" and NO_MODELS in line.fields.get("error", ""):
        return "failed"
    written = (
        line.fields.get("entities") or line.fields.get("nodes") or line.fields.get("processed")
    )
    if ending == "succeeded" and written is not None and not int(written or 0):
        return "otherwise"
    return ending
