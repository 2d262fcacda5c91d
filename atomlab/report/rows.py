"""The rows of a batch: what each report found in a few words, the most severe first, and sums."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from io import StringIO
from pathlib import Path

from atomlab.diagnosis.findings import Summary
from atomlab.evidence.inputs.rules import COMPLEXITIES
from atomlab.report.files import EXPLORER, FINDINGS, FIX, NOTEBOOK, PAGE, PAPER, PARTIAL
from atomlab.report.running import Outcome
from atomlab.text import count, inert_cell, printable
from atomlab.verdicts import EXIT_CODES, STATUSES, VERDICTS, Tone, tone

# What may lie beside a report's page, and what a page calls it.
BESIDE = {
    PAPER: "PDF",
    EXPLORER: "what if",
    FIX: "SQL",
    NOTEBOOK: "notebook",
    FINDINGS: "findings",
    PARTIAL: "partial notebook",
}
_SENTENCE = re.compile(r".+?[.!?](?=\s|$)", re.DOTALL)
_WORST_FIRST = [*EXIT_CODES]
_NOTHING = Summary(title="", status="undecided", what="")
_WORD = 20  # characters, of a word that findings may have from anywhere


@dataclass(frozen=True)
class Row:
    """What is listed of one report: each text in one line and inert, empty where there is none.

    `status` is the tenant's, or `failed` where no report could be made; `verdict` is that on
    claims or a fix. `note` stands where there is no cause to name: why the report failed or
    nothing can be decided, or the first sentence of an answer without a summary. `folder` is
    relative to the index. The fields are the columns of the CSV, in their order.
    """

    tenant: str
    short_name: str
    tenant_id: str
    status: str
    failing_requests: tuple[str, ...]
    no_chat_model: tuple[str, ...]
    cause: str
    fix: str
    who_acts: str
    certainty: str
    verdict: str
    not_cured: str
    unserved: tuple[str, ...]
    requests_are: str
    note: str
    folder: str
    report: str
    files: tuple[str, ...]
    seconds: float

    @property
    def in_full(self) -> bool:
        """Whether every kind of request fails."""
        return set(self.failing_requests) >= set(COMPLEXITIES)

    @property
    def word(self) -> str:
        """The status, or the verdict where nothing is said of a tenant."""
        return self.status or self.verdict

    @property
    def mute(self) -> bool:
        """Whether the tenant is healthy, but for requests that get a model which cannot chat."""
        return self.status == "healthy" and bool(self.no_chat_model)

    @property
    def reason(self) -> str:
        """What is to be said of it in a line: the cause, the note, or what cannot chat."""
        mute = f"no chat model: {', '.join(self.no_chat_model)}" if self.mute else ""
        return self.cause or self.note or mute

    @property
    def tone(self) -> Tone:
        """Whether what is found is good or bad, or leaves something open."""
        return "open" if self.mute else tone(self.word)


def rows_of(outcomes: Iterable[Outcome], out: Path) -> list[Row]:
    """Return a row for each outcome: failed, affected in full, in part, undecided, healthy.

    Healthy tenants that get a model which cannot chat come before the others; then the name
    decides. `out` is the folder of the index.
    """
    return sorted((_row(outcome, out) for outcome in outcomes), key=_severity)


def _severity(row: Row) -> tuple[object, ...]:
    place = _WORST_FIRST.index(row.word)
    return place, not row.in_full, not row.mute, row.tenant.lower(), row.folder


def _row(outcome: Outcome, out: Path) -> Row:
    task, report, result = outcome.task, outcome.report, outcome.result
    summary = report.summary if report else None
    said = summary or _NOTHING
    status = summary.status if summary else result
    folder = task.folder.relative_to(out)
    return Row(
        tenant=printable(task.name),
        short_name=printable(task.subject),
        tenant_id=printable((task.parameters or {}).get("tenant", "")),
        status=status if status not in VERDICTS else "",
        failing_requests=_words(said.failing),
        no_chat_model=_words(said.mute),
        cause=printable(said.cause, 300),
        fix=printable(said.fix, 300),
        who_acts=printable(said.actor or "", _WORD),
        certainty=said.certainty or (report.certainty if report else ""),
        verdict=result if result in VERDICTS else "",
        not_cured=printable(said.left, 1000),
        unserved=_words(said.unserved),
        requests_are=printable(report.mode) if report else "",
        note=_note(outcome, summary),
        folder=folder.as_posix(),
        report=(folder / PAGE).as_posix() if report else "",
        files=tuple(_files(outcome)),
        seconds=round(outcome.seconds, 1),
    )


def _words(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(printable(word, _WORD) for word in words)


def _note(outcome: Outcome, summary: Summary | None) -> str:
    if not outcome.report:
        return printable(outcome.error, 1000)
    if summary is None:
        return first_sentence(outcome.report.answer)
    return first_sentence(summary.what) if summary.status == "undecided" else ""


def _files(outcome: Outcome) -> list[str]:
    """Return what lies beside the page and is of this very report, or what a failed one left."""
    names = BESIDE.keys() - outcome.report.kept if outcome.report else {PARTIAL}
    return [n for n in BESIDE if n in names and (outcome.task.folder / n).exists()]


def first_sentence(answer: str) -> str:
    """Return an answer up to the end of its first sentence, in one line of some 300 letters."""
    start = answer.strip()
    found = _SENTENCE.match(start)
    return printable(found[0] if found else start, 300)


def sums(rows: Sequence[Row], tenants: int | None = None) -> list[str]:
    """Return how many are affected, of `tenants` or of those that are listed; and what else is."""
    found = Counter(row.status for row in rows)
    listed = sum(found[status] for status in STATUSES)
    parts = []
    if listed or not rows:
        of = f"{found['affected']:,} of {count(tenants or listed, 'tenant')}"
        state = f"{of} {'is' if found['affected'] == 1 else 'are'} affected"
        undecided = f", {found['undecided']:,} undecided" if found["undecided"] else ""
        parts.append(f"{state if rows else 'no tenant is affected'}{undecided}")
    return [*parts, *_verdicts_and_failures(rows)]


def counts(rows: Sequence[Row]) -> str:
    """Return how many reports there are of each status, and of each verdict."""
    found = Counter(row.status for row in rows)
    full = sum(row.in_full for row in rows)
    mute = sum(row.mute for row in rows)
    asides = {
        "affected": f" ({full:,} in full)" if full else "",
        "healthy": f" ({mute:,} with a model that cannot chat)" if mute else "",
    }
    statuses = [f"{found[status]:,} {status}{asides.get(status, '')}" for status in STATUSES]
    listed = any(found[status] for status in STATUSES)
    made = count(len(rows) - found["failed"], "report")
    first = f"{made}: {', '.join(statuses)}" if listed else made
    return "; ".join([first, *_verdicts_and_failures(rows)])


def _verdicts_and_failures(rows: Sequence[Row]) -> list[str]:
    found = Counter(row.verdict for row in rows)
    some = [f"{found[verdict]:,} {verdict}" for verdict in VERDICTS if found[verdict]]
    failed = sum(row.status == "failed" for row in rows)
    return [
        *([f"verdicts: {', '.join(some)}"] if some else []),
        *([f"{count(failed, 'report')} could not be made"] if failed else []),
    ]


def to_csv(rows: Iterable[Row]) -> str:
    """Return the rows as CSV under a line of names; no cell is a formula to a spreadsheet."""
    names = [field.name for field in fields(Row)]
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        values = (getattr(row, name) for name in names)
        cells = (", ".join(v) if isinstance(v, tuple) else str(v) for v in values)
        writer.writerow(map(inert_cell, cells))
    return text.getvalue()
