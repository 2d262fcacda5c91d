"""Jobs of a worker's log: what happened to each, its lines and its retries folded into one."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, get_args

from atomlab.errors import NO_CLIENT, NO_MODELS
from atomlab.evidence.inputs.worker_log import LogLine
from atomlab.shown import Several, Shown

# failed: with the error in question; refused: the provider did not accept the key; otherwise: with
# another error, or without a result; open: its end is not in the log.
Ending = Literal["succeeded", "failed", "refused", "otherwise", "open"]
ENDINGS: tuple[Ending, ...] = get_args(Ending)
FAILED: tuple[Ending, ...] = ("failed", "refused")
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
CHOSEN_IN = ("top-model", "generation")  # lines that name the model of a job
KEPT = 100_000  # jobs of other tenants, or of unknown ones, and requests that are remembered
_CITED = 8  # lines of a job; the first and the last are among them


@dataclass(frozen=True, repr=False)
class Job(Shown):
    """A tenant's job for one kind of request, from its first line to its last.

    `complexity` is None where no line names it; `models` are those that its lines say were chosen,
    the one that was chosen last at the end.
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
        if ending or line.event == "top-model":
            self.lines = [*self.lines[: _CITED - 1], line]


class JobFolder:
    """Folds a log's lines into the jobs of one tenant; what it keeps grows with those only.

    A line belongs to the job that it names, or that another line of its request names. Where lines
    of two tenants name the same job, those that name no tenant belong to neither. `chosen_in` are
    the lines that say which model was chosen.
    """

    def __init__(self, names: Iterable[str], chosen_in: Container[str] = CHOSEN_IN) -> None:
        self._chosen_in = chosen_in
        self._names = {name.lower() for name in names}
        self._jobs: dict[str, dict[str | None, _Open]] = {}
        self._job_of: OrderedDict[str, str] = OrderedDict()  # by request
        self._ours: set[str] = set()  # jobs of the tenant
        self._others: OrderedDict[str, None] = OrderedDict()  # jobs of other tenants
        self._shared: set[str] = set()  # jobs of ours of which another tenant has the id, too
        # Jobs of which no line names the tenant, and whether one names a workspace.
        self._unknown: OrderedDict[str, bool] = OrderedDict()
        # The last failure that names no job, by whether it is ours and the kind it names.
        self._stray: dict[tuple[bool, str | None], Job] = {}
        self._kind: dict[str, str] = {}  # the one that a job's lines named last
        self.nameless = 0  # lines of the tenant that name neither a job nor a request

    def take(self, line: LogLine) -> None:
        """Take in a line; one without a time belongs nowhere."""
        if line.at is None:
            return
        tenant, workspace = (line.fields.get(who, "").lower() for who in ("tenant", "workspace"))
        ours = (tenant or workspace) in self._names or (False if tenant else None)
        name = self._name(line)
        if name is None:
            self.nameless += bool(ours)
        else:
            self._assign(name, ours, workspace)
        if name is None or (name in self._shared and not ours):
            kind, ending = line.fields.get("complexity"), _ending(line)
            if ours is not False and ending in FAILED:
                job = Job("without a name", kind, line.at, line.at, ending, (), (line,))
                self._stray[bool(ours), kind] = job
            return
        if name in self._others:
            return
        if kind := line.fields.get("complexity"):
            self._kind[name] = kind
        kinds, kind = self._jobs.setdefault(name, {}), self._kind.get(name)
        if kind is not None and None in kinds:  # what came before belongs to the first kind named
            kinds[kind] = kinds.pop(None)
        if kind not in kinds:
            kinds[kind] = _Open(line.at, line.at)
        kinds[kind].take(line, line.at)
        if line.event in self._chosen_in and (model := line.fields.get("model")):
            kinds[kind].models.pop(model, None)
            kinds[kind].models[model] = None

    def jobs(self) -> list[Job]:
        """Return the tenant's jobs so far, in the order in which they ended."""
        return self._named(self._ours)

    def strays(self) -> list[Job]:
        """Return the tenant's last failure of each kind that names no job, as a job each."""
        return [job for (ours, _), job in self._stray.items() if ours]

    def unowned(self) -> list[Job]:
        """Return the failures that may be the tenant's: no line says whose they are."""
        unnamed = (name for name, placed in self._unknown.items() if not placed)
        strays = (job for (ours, _), job in self._stray.items() if not ours)
        return [job for job in (*self._named(unnamed), *strays) if job.ending == "failed"]

    def _named(self, names: Iterable[str]) -> list[Job]:
        found = [
            Job(
                name,
                kind,
                job.began_at,
                job.ended_at,
                next((ending for ending in _WORST if ending in job.endings), "open"),
                Several(job.models),
                Several(job.lines),
            )
            for name in names
            for kind, job in self._jobs.get(name, {}).items()
        ]
        return sorted(found, key=lambda job: (job.ended_at, job.id))

    def _assign(self, name: str, ours: bool | None, workspace: str) -> None:
        """Take note of whose a job is, and forget the oldest of those that are not the tenant's."""
        if ours:
            if name in self._others:
                self._shared.add(name)
            self._ours.add(name)
            self._others.pop(name, None)
            self._unknown.pop(name, None)
        elif name in self._ours:
            if ours is False:
                self._shared.add(name)
        elif ours is None:
            if name not in self._others:
                self._unknown[name] = bool(workspace) or self._unknown.get(name, False)
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
                    self._assign(job, True, "")
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
    ending, error = _ENDS.get(line.event), line.fields.get("error", "")
    if ending == "otherwise" and (NO_MODELS in error or NO_CLIENT in error):
        return "failed"
    written = next((line.fields[name] for name in _WRITTEN if name in line.fields), "1")
    if ending == "succeeded" and float(written) <= 0:
        return "otherwise"
    return ending
