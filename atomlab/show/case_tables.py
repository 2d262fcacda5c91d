"""Tables and sentences on one tenant: its keys, models, causes, fixes, options and claims."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd

from atomlab.byok.clients import BYOKHandler
from atomlab.byok.request import Request
from atomlab.diagnosis.case import TenantCase
from atomlab.diagnosis.confirm import FixCheck
from atomlab.diagnosis.diagnose import Diagnosis
from atomlab.diagnosis.edits import Edit
from atomlab.diagnosis.explanation import Cause, FixSet
from atomlab.diagnosis.investigation import Investigation
from atomlab.diagnosis.options import Option
from atomlab.diagnosis.sandbox import Trial
from atomlab.diagnosis.triage import Triage
from atomlab.diagnosis.verify import Verification
from atomlab.errors import NoModelsAvailableError
from atomlab.evidence.inputs.worker_log import LogLine
from atomlab.show.tables import Table, table_of
from atomlab.show.templates import render
from atomlab.show.words import describe_answer
from atomlab.text import count, listed, printable

_UNREAD = "the platform reads this row for no provider"

# What the verdict on a claim says of a fault, and of anything else.
_FAULT = {"confirmed": "fault present", "refuted": "fault gone", "inconclusive": "not known"}
_SAID = {"confirmed": "true", "refuted": "not true", "inconclusive": "not known"}


@dataclass(frozen=True)
class Sentence:
    """A sentence of the argument whose numbers come from the data."""

    text: str

    def _repr_html_(self) -> str:
        return render("sentence.html", text=printable(self.text, 2000))

    def __repr__(self) -> str:
        return printable(self.text, 2000)


def warnings(case: TenantCase) -> Table:
    """Return the warnings of the replay, one row each."""
    caption = "Where the data is incomplete, the replay does what the platform does."
    return table_of([[warning] for warning in case.warnings()], ["warning"], caption)


def assumptions(about: Diagnosis | Verification) -> Table:
    """Return one row per input that the snapshot lacks, or has by default, and what is assumed."""
    rows = [(each.input, each.state, each.assumed) for each in about.assumptions]
    caption = "The decisions rest on these inputs as well, which were not captured."
    return table_of(rows, ["input", "state", "what is assumed"], caption)


def claims_again(case: Investigation) -> Table | Sentence:
    """Return one row per claim: whether the fault is there before the fix, and on the copy.

    A claim about something else than a fault, as that a key is there, is true or not.
    """
    if case.repaired is None or case.hypothesis is None:
        why = "The fix could not be made" if case.fix else "No fix is proposed"
        return Sentence(f"{why}, so there is no repaired copy.")
    before, after = case.verification.claims, case.repaired.verification.claims
    about = (_SAID if "present" in claim.kind else _FAULT for claim in case.hypothesis.claims)
    return table_of(
        [
            (now.id, now.statement, said[was.verdict], said[now.verdict], now.observed)
            for was, now, said in zip(before, after, about, strict=True)
        ],
        ["id", "claim", "before the fix", "after the fix", "observed after the fix"],
        "The same checks on the scratch copy with the fix made.",
    )


def clients(handler: BYOKHandler) -> Sentence:
    """Return which clients the platform builds for the tenant."""
    return Sentence(f"Clients of the tenant: {', '.join(handler.clients) or 'none'}.")


def error(handler: BYOKHandler, request: Request) -> Sentence:
    """Return what the platform does at the end: the error that it raises, or who answers."""
    try:
        handler.rank_models_by_pricing(**request.to_json())
    except NoModelsAvailableError as error:
        return Sentence(f"{type(error).__name__}: {error} ({error.__notes__[0]})")
    ranking = handler.explain(request)
    if (answer := ranking.fallback) is not None:
        found = describe_answer(answer.provider, answer.model, answer.by)
        return Sentence(f"No error: pricing finds no model; {found}.")
    return Sentence(f"No error: {ranking.winner.model if ranking.winner else 'nobody'} wins.")


def keys(diagnosis: Diagnosis) -> Table:
    """Return what the platform looks up for each provider of the registry, and what it finds.

    Providers that have nothing to do with the tenant's rows or causes are only counted. Rows that
    the platform reads for no provider come last.
    """
    frame = diagnosis.lookups.frame()
    declared = {p.id: p.api_key_env_var for p in diagnosis.platform.providers}
    frame.insert(2, "registry declares", frame["provider"].map(declared))
    held = frame["state"] != "missing"
    related = frame["registry declares"].isin(set(frame.loc[held, "registry declares"].dropna()))
    shown = frame[held | related | frame["provider"].isin(diagnosis.named)]
    hidden = count(len(frame) - len(shown), "provider")
    unread = [name for name in diagnosis.rows if name not in set(frame["setting_key"])]
    if unread:
        rows = [(None, name, None, diagnosis.rows[name], None, _UNREAD) for name in unread]
        shown = pd.concat([shown, pd.DataFrame(rows, columns=shown.columns)])
    return Table(
        shown.rename(columns={"setting_key": "platform looks for, or row"}),
        f"Key lookup for {printable(diagnosis.tenant.name, 60)}. Not shown: {hidden} without a row "
        "under its own name or a shared one, and not named by a cause.",
    )


def models(diagnosis: Diagnosis, provider: str, complexity: str) -> Table:
    """Return one row per model that `provider` serves, or would, with all that blocks it."""
    ranking = next(d.ranking for d in diagnosis.requests if d.request.complexity == complexity)
    frame = ranking.frame()
    frame = frame[diagnosis.platform.models_of(provider)].astype({"blockers": str})  # if empty, too
    number = frame["blockers"].str.count(",") + (frame["blockers"] != "")
    frame = frame.assign(
        blocked_by=number,
        blockers=frame["blockers"].replace("", "none"),
        cost=frame["cost"].mask(frame["price_unknown"]) * 1e6,
    ).sort_values(["blocked_by", "value_score"], ascending=[True, False], kind="stable")
    columns = ["model", "blockers", "quality", "quality_source", "cost", "value_score", "rank"]
    headers = {
        "quality_source": "quality from",
        "cost": "cost ($ per million tokens)",
        "value_score": "value score",
    }
    return Table(
        frame[columns].rename(columns=headers),
        f"The models of {provider or 'no provider'}, judged by every filter for {complexity} "
        "requests, those with the fewest blockers first.",
        {"value score": ",.0f", "cost ($ per million tokens)": ",.2f"},
    )


def causes(diagnosis: Diagnosis) -> Table:
    """Return one row per cause and role: the requests that fail for it, and its evidence."""
    requests: dict[Cause, list[str]] = {}
    for each in diagnosis.requests:
        for cause in each.explanation.causes:
            requests.setdefault(cause, []).append(each.request.complexity)
    rows = [
        (str(cause), cause.place, ", ".join(named), cause.verdict, "; ".join(cause.evidence))
        for cause, named in requests.items()
    ]
    return table_of(
        rows,
        ["cause", "role", "requests", "verdict", "evidence"],
        "The causes that the diagnosis finds without a hypothesis, best supported first. "
        "One-of-k: its repair alone suffices, and so would others; joint: only with another.",
    )


def other_explanations(diagnosis: Diagnosis, complexity: str | None = None) -> Table:
    """Return one row per other explanation, for the complexity or the first request that fails."""
    failing = diagnosis.failing
    asked = [each for each in failing if each.request.complexity == complexity]
    shown = next(iter(asked or failing), None)
    others = shown.rivals if shown else ()
    return table_of(
        [(each.code, "yes" if each.ruled_out else "no", each.why) for each in others],
        ["explanation", "ruled out", "why"],
        "Other explanations of the same error"
        + (f" for {shown.request.complexity} requests." if shown else "."),
    )


def fixes(diagnosis: Diagnosis, limit: int = 8) -> Table:
    """Return the easiest fix sets: who acts, the requests cured, and who then wins."""
    found: dict[tuple[Edit, ...], list[tuple[str, FixSet]]] = {}
    for each in diagnosis.requests:
        for fix in each.explanation.fix_sets:
            found.setdefault(fix.edits, []).append((each.request.complexity, fix))
    easiest = sorted(found.values(), key=lambda alike: alike[0][1].effort)
    rest = f"; {len(found) - limit:,} more are not shown" if len(found) > limit else ""
    return table_of(
        map(_fix_row, easiest[:limit]),
        ["fix", "who acts", "cost", "requests cured", "run", "winners after"],
        f"{count(len(found), 'minimal fix set')}, by who acts, then by cost, each run again{rest}.",
    )


def _fix_row(found: Sequence[tuple[str, FixSet]]) -> tuple[object, ...]:
    fixes = [fix for _, fix in found]
    winners = dict.fromkeys(
        f"{winner.model} (no chat model)" if winner.unable else winner.model
        for fix in fixes
        if (winner := fix.after.winner)
    )
    return (
        " and ".join(map(str, fixes[0].edits)),
        fixes[0].who,
        fixes[0].cost,
        ", ".join(complexity for complexity, fix in found if fix.cures) or "none",
        "verified" if all(fix.verified for fix in fixes) else "not run",
        listed(winners, 3) or None,
    )


def trials(tried: Sequence[Trial]) -> Table | Sentence:
    """Return one row per edit that was tried on the scratch copy."""
    if not tried:
        return Sentence("No fix is proposed, so none was tried.")
    rows = [(t.name, t.edit, "yes" if t.cured else "no", t.result) for t in tried]
    columns = ["trial", "what was changed", "error gone", "decision"]
    return table_of(rows, columns, "Each change was made alone on a scratch copy, and undone.")


def outcomes(case: Investigation | Triage) -> Table:
    """Return one row per complexity: usable models and the winner, before and after the fix."""
    before = [each.ranking for each in case.diagnosis.requests]
    when, after = (" after", case.decided_after) if case.decided_after else ("", before)
    columns: dict[str, list[object]] = {"complexity": [r.request.complexity for r in before]}
    if when:
        columns["usable before"] = [len(ranking.order) for ranking in before]
    columns |= {
        f"usable{when}": [len(ranking.order) for ranking in after],
        f"winner{when}": [r.winner.model if r.winner else None for r in after],
        f"decision{when}": [ranking.summary() for ranking in after],
    }
    what = "What the fix cures" if when else "The decision without a fix"
    return Table(pd.DataFrame(columns), f"{what}, by complexity of the request.")


def recoveries(case: FixCheck) -> Table:
    """Return one row per kind of request that failed: the verdict on it, and the jobs behind it."""
    rows = [
        (
            *(each.complexity, each.verdict, each.why, each.missing or None, each.expected),
            f"{each.failed_before:,} of {each.jobs_before:,}",
            each.needed,
            ", ".join(f"{n:,} {ending}" for ending, n in sorted(each.counted.items())) or "none",
            each.between,
        )
        for each in case.recoveries
    ]
    columns = [
        *("request", "verdict", "why", "missing", "expected model", "failed before"),
        *("needed after", "jobs after", "left out"),
    ]
    caption = "What the log shows of each kind of request. Each job counts once, with its retries."
    return table_of(rows, columns, caption)


def log_coverage(case: FixCheck) -> Table:
    """Return one row per file of the log: from when to when it goes, and down to which level."""

    def text(at: datetime | None) -> str | None:
        return f"{at:%Y-%m-%d %H:%M:%S}" if at else None

    rows = [
        (
            *(printable(Path(each.file).name), text(each.first), text(each.last), each.lines),
            *(each.lowest_level, len(each.restarts), "; ".join(each.cut) or None),
        )
        for each in case.coverage.files
    ]
    columns = ["file", "first (UTC)", "last (UTC)", "lines", "lowest level", "restarts", "cut off"]
    return table_of(rows, columns, "What the files of the log cover.")


def cited(case: FixCheck, limit: int = 3) -> Table:
    """Return one row per cited line: `limit` jobs of each kind that its verdict rests on."""
    rows = [
        (each.complexity, job.id, job.ending, line.event, _place(line), line.sha256)
        for each in case.recoveries
        for job in each.cited[:limit]
        for line in (*job.lines[:1], *job.lines[1:][-1:])
    ]
    columns = ["request", "job", "ending", "event", "line", "sha256 of the line"]
    caption = f"Up to {limit} jobs of each kind that its verdict rests on, with two lines each."
    return table_of(rows, columns, caption)


def _place(line: LogLine) -> str:
    return f"{printable(Path(line.file).name)}:{line.line}"


def options(compared: Sequence[Option]) -> Table:
    """Return one row per option: its cost, what it cures and leaves, how many others it touches.

    Who they are is not said here: a report on one tenant names no other.
    """
    rows = [
        (
            *(each.name, each.kind, each.cost),
            *(", ".join(requests) or "nothing" for requests in (each.cures, each.leaves)),
            len(each.touched),
        )
        for each in compared
    ]
    columns = ["option", "kind", "cost", "cures", "leaves", "other tenants touched"]
    caption = (
        f"{count(len(rows), 'option')}, each run for every tenant and eight kinds of request: "
        "four complexities, with and without tools."
    )
    return table_of(rows, columns, caption)


def touched(compared: Sequence[Option], limit: int = 3) -> Table:
    """Return one row per option and other tenant that it touches, `limit` tenants of each."""
    rows = [
        (option.name, who, what)
        for option in compared
        for who, what in list(option.touched.items())[:limit]
    ]
    rest = sum(len(option.touched) for option in compared) - len(rows)
    more = f" Up to {limit} tenants of each option are listed, {rest:,} are not." if rest else ""
    caption = f"The other tenants whose result an option changes, another winner included.{more}"
    return table_of(rows, ["option", "tenant", "what changes first"], caption)
