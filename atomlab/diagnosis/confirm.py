"""Confirm a fix: the tenant's jobs in a worker's log, before and after it, against the replay."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from atomlab.byok.ranking import Candidate, Ranking
from atomlab.diagnosis.case import TenantCase
from atomlab.diagnosis.coverage import steps_after
from atomlab.diagnosis.diagnose import Diagnosis, diagnose
from atomlab.diagnosis.edits import Edit
from atomlab.diagnosis.explanation import FixSet
from atomlab.diagnosis.findings import ClaimResult, Summary, TenantFindings
from atomlab.diagnosis.fixes import best_fix, decided_after, in_words
from atomlab.diagnosis.jobs import CHOSEN_IN, FAILED, Job, JobFolder, parted
from atomlab.diagnosis.recovered import summarize_recovery
from atomlab.diagnosis.recovery import MARGIN, Expected, Recovery, RecoveryVerdict, Seen, judge
from atomlab.diagnosis.verify import Verification
from atomlab.errors import InputError
from atomlab.evidence.inputs.worker_log import LogCoverage, WorkerLog, read_log
from atomlab.evidence.redaction import USABLE
from atomlab.evidence.snapshot import Snapshot
from atomlab.shown import Several
from atomlab.text import count, listed, printable
from atomlab.verdicts import Verdict

_VERDICTS: dict[RecoveryVerdict, Verdict] = {
    "not over": "refuted",
    "inconclusive": "inconclusive",
    "over": "confirmed",
}
_HIDES_SUCCESS = ("WARNING", "ERROR", "CRITICAL")


@dataclass(frozen=True, kw_only=True, repr=False)
class FixCheck(TenantCase):
    """Whether it is over for each kind of request that failed, by what the log shows.

    `recoveries` have one verdict each; `fix` is the one whose effect is looked for; `jobs` are all
    of the tenant that the log shows.
    """

    fixed_at: datetime
    fix: FixSet
    coverage: LogCoverage
    recoveries: tuple[Recovery, ...]
    jobs: tuple[Job, ...] = ()

    @property
    def verdict(self) -> RecoveryVerdict:
        """The worst of the verdicts: not over, else inconclusive, else over."""
        return min((each.verdict for each in self.recoveries), key=[*_VERDICTS].index)

    @property
    def verification(self) -> Verification:
        """One claim for each kind of request: that it works again, by this fix."""
        requests = [each.request for each in self.diagnosis.failing]
        return self._verification(
            f"Is it over for {self.tenant_name}?",
            self.short_name,
            requests,
            *map(_claim, self.recoveries),
        )

    def answer(self) -> str:
        """Return whether it is over, in a sentence for each verdict."""
        fix = f"{in_words(self.fix.edits, self.diagnosis)}, at {self.fixed_at:%Y-%m-%d %H:%M} UTC"
        whole = f"For {self.tenant_name} it is {self.verdict}"
        if self.verdict == "inconclusive":
            whole = f"Whether it is over for {self.tenant_name} is inconclusive"
        found = "; ".join(f"{r.complexity} is {r.verdict}, since {r.why}" for r in self.recoveries)
        return f"{whole}, after the fix ({fix}): {found}."

    def summary(self) -> Summary:
        """Return in plain words what the log shows."""
        before = super().summary()
        return summarize_recovery(
            before, self.tenant_name, self.fixed_at, self.verdict, *self.recoveries
        )

    def findings(self) -> TenantFindings:
        """Return the findings, with what the log shows; there is no remedy: it was made."""
        recovery = self._recovery()
        return self._findings(
            self.shown.explanation.trials,
            recovery=recovery,
            remedy=None,
            steps=steps_after(recovery),
        )

    def _recovery(self) -> dict[str, Any]:
        return {
            "verdict": self.verdict,
            "fixed_at": _iso(self.fixed_at),
            "fix": in_words(self.fix.edits, self.diagnosis),
            "log": [
                {
                    "file": Path(f.file).name,  # whatever folder it was in
                    "first": f.first and _iso(f.first),
                    "last": f.last and _iso(f.last),
                }
                for f in self.coverage.files
            ],
            "kinds": [_kind(each) for each in self.recoveries],
        }


def confirm(
    snapshot: Snapshot,
    tenant: str,
    log: WorkerLog | str | Path | Sequence[str | Path],
    fixed_at: datetime | str,
    after: Snapshot | None = None,
    *,
    margin: timedelta = MARGIN,
    managed: bool | None = None,
) -> FixCheck:
    """Return whether it is over for `tenant`, whose requests fail in `snapshot`, since `fixed_at`.

    `log` is one that was read, its file or files; a time in text has its zone: `2026-05-03T12:00Z`.
    `after` is a snapshot that has to hold the fix, `margin` by how much clocks may differ. Raises
    TenantError for an unknown tenant, InputError if there is nothing to confirm, or no log of it.
    """
    fixed_at = moment_of(fixed_at) if isinstance(fixed_at, str) else fixed_at
    diagnosis = diagnose(snapshot, tenant, managed=managed)
    fix = best_fix(diagnosis)
    if fix is None:
        raise InputError(
            f"no request of {printable(diagnosis.tenant.name)} fails there and has a known fix",
            where=snapshot.name,
            todo="give the snapshot from before the fix",
        )
    rankings = decided_after(fix, diagnosis)
    expected = list(_expected(diagnosis, fix, rankings, after))
    folder = _folder(diagnosis)
    if not isinstance(log, WorkerLog):
        log = read_log([log] if isinstance(log, str | Path) else log)
    for line in log:
        folder.take(line)
    jobs, coverage = [*folder.jobs(), *folder.strays()], log.coverage
    _check(jobs, coverage, fixed_at, folder, printable(diagnosis.tenant.name))
    jobs = [*folder.jobs(), *parted(folder.strays(), fixed_at, margin)[1]]  # others may be retries
    return FixCheck(
        snapshot=snapshot,
        platform=diagnosis.platform,
        managed=managed,
        diagnosis=diagnosis,
        decided_after=rankings,
        fixed_at=fixed_at,
        fix=fix,
        coverage=coverage,
        recoveries=Several(
            judge(each, _seen(each, jobs, folder.unowned(), coverage, fixed_at, margin))
            for each in expected
        ),
        jobs=Several(jobs),
    )


def _folder(diagnosis: Diagnosis) -> JobFolder:
    """Return what folds the tenant's jobs."""
    known = diagnosis.tenant
    # A fallback's answer is a generation, too, and the line of the failure is below INFO.
    falls_back = any(each.outcome == "fallback" for each in diagnosis.requests)
    names = filter(None, (known.id, known.subdomain, known.name))
    return JobFolder(names, ("top-model",) if falls_back else CHOSEN_IN)


def moment_of(text: str) -> datetime:
    """Return the time of a fix; raise InputError unless it is one, with its zone."""
    todo = "write it as 2026-05-03T12:00Z, or with +02:00"
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InputError("the time of the fix is not a time", todo=todo) from None
    raise InputError("the time of the fix has no zone", todo=todo)


def _expected(
    diagnosis: Diagnosis, fix: FixSet, rankings: Sequence[Ranking], after: Snapshot | None
) -> Iterator[Expected]:
    """Yield for each kind that failed which model wins with the fix made, or why none does.

    With a snapshot from after the fix it is what is decided on that. Where any of several new keys
    would do, and nothing shows which was added, the winner with each of them is expected.
    """
    left, others = "", list[Sequence[Ranking]]()
    new_keys = [replace(fix, edits=(edit,)) for edit in _new_keys(fix, diagnosis)]
    if after is not None:
        found = diagnose(after, diagnosis.tenant.id, managed=diagnosis.asked_managed)
        rankings = tuple(each.ranking for each in found.requests)
        made = [_is_in(each, found) for each in new_keys or [fix]]
        if not any(made):
            keys = [edit.setting_key for edit in fix.edits if edit.setting_key]
            left = f"the snapshot from after it has no usable {listed(keys)}"
    else:
        others = [decided_after(each, diagnosis) for each in new_keys]
    for place, each in enumerate(diagnosis.requests):
        if each.status == "affected":
            winner, why = rankings[place].winner, left
            if winner is None:
                why = why or "no model is found even then"
            elif winner.unable:
                why = why or f"the winner then {winner.unable}"
            also = tuple(_name(w) for other in others if (w := other[place].winner))
            model = None if why or winner is None else _name(winner)
            yield Expected(each.request.complexity, model, why, also)


def _new_keys(fix: FixSet, diagnosis: Diagnosis) -> list[Edit]:
    """Return the new keys of which any would do, none where the fix is something else."""
    key_name = diagnosis.platform.manager().key_name
    serving = diagnosis.keys_that_serve if fix.is_new_key else ()
    return [Edit("new-credential", key_name(provider)) for provider in serving]


def _is_in(fix: FixSet, found: Diagnosis) -> bool:
    """Return whether a tenant holds a usable value in each setting that the fix makes."""
    keys = [edit.setting_key for edit in fix.edits if edit.setting_key]
    return all(found.rows.get(key) in USABLE for key in keys)


def _name(winner: Candidate) -> str:
    return winner.model if "/" in winner.model else f"{winner.provider}/{winner.model}"


def _check(
    jobs: Sequence[Job],
    coverage: LogCoverage,
    fixed_at: datetime,
    folder: JobFolder,
    whose: str,
) -> None:
    """Raise InputError unless the log has jobs of the tenant, and reaches from before the fix."""
    firsts = [file.first for file in coverage.files if file.first]
    lasts = [file.last for file in coverage.files if file.last]
    if not firsts or not lasts:
        raise InputError("no line of the log has a time", todo="give a log with times")
    if fixed_at >= max(lasts):
        what = f"the log ends at {_iso(max(lasts))}, before the fix"
        raise InputError(what, todo="give a later log, or correct --fixed-at")
    if fixed_at <= min(firsts):
        what = f"the log begins at {_iso(min(firsts))}, after the fix"
        raise InputError(what, todo="give the log from before it as well, or correct --fixed-at")
    if not jobs:
        named = count(folder.nameless, "line")
        why = f"{named} name the tenant, but no job" if folder.nameless else "no line names it"
        what = f"the log has no job of {whose}: {why}"
        raise InputError(what, todo="give a log whose lines name tenant and job")


def _seen(
    expected: Expected,
    jobs: Sequence[Job],
    unowned: Sequence[Job],
    coverage: LogCoverage,
    fixed_at: datetime,
    margin: timedelta,
) -> Seen:
    """Return what the log shows of one kind of request."""
    before, after, between = parted(
        [job for job in jobs if job.complexity == expected.complexity], fixed_at, margin
    )
    _, nameless, _ = parted([job for job in jobs if job.complexity is None], fixed_at, margin)
    may_be = [job for job in unowned if job.complexity in (None, expected.complexity)]
    until = max(file.last for file in coverage.files if file.last)
    return Seen(
        before,
        after,
        between=len(between),
        gaps=coverage.gaps(fixed_at, until),
        silences=coverage.silences(fixed_at, until),
        silent=_silent(coverage, fixed_at),
        nameless=sum(job.ending in FAILED for job in nameless),
        unowned=parted(may_be, fixed_at, margin)[1],
        until=until,
        restarts=[line.at for line in coverage.restarts if line.at],
    )


def _silent(coverage: LogCoverage, fixed_at: datetime) -> tuple[str, str] | None:
    """Return why the log could not show what happened after the fix, and what is missing."""
    for file in coverage.files:
        name = printable(Path(file.file).name)
        if file.last is None or file.last <= fixed_at:
            continue
        if file.lowest_level in _HIDES_SUCCESS:
            return f"{name} has no line below {file.lowest_level}", "a log at level INFO"
        if file.cut:
            return f"{name} looks incomplete: {file.cut[0]}", f"all of {name}"
    return None


def _claim(found: Recovery) -> ClaimResult:
    return ClaimResult(
        found.complexity,
        f"{found.complexity.capitalize()} requests work again, by this fix.",
        _VERDICTS[found.verdict],
        f"jobs that succeed with {found.expected}" if found.expected else "nothing: it is left",
        found.why + (f"; missing: {found.missing}" if found.missing else ""),
        tuple(_cite(job) for job in found.cited[:5]),
    )


def _cite(job: Job) -> str:
    """Return a job with the lines that its ending rests on: file, number and hash."""
    lines = (
        f"{printable(Path(x.file).name)}:{x.line} (sha256 {x.sha256[:12]})" for x in job.lines[:3]
    )
    return f"job {printable(job.id)} {job.ending} at {_iso(job.ended_at)}: {', '.join(lines)}"


def _kind(found: Recovery) -> dict[str, Any]:
    fields = vars(found) | {
        "counted": dict(found.counted),
        "curve": [[_iso(at), round(value, 6)] for at, value in found.curve],
        "cited": [
            {
                "job": job.id,
                "ending": job.ending,
                "ended_at": _iso(job.ended_at),
                "lines": [
                    {"file": Path(x.file).name, "line": x.line, "sha256": x.sha256}
                    for x in job.lines
                ],
            }
            for job in found.cited[:20]
        ],
    }
    return {name: fields[name] for name in vars(found)}


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
