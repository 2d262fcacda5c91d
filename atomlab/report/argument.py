"""A diagnosis as a short argument in the terminal: what failed, why, why not else, the fix."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from atomlab.byok.filters import PHRASES
from atomlab.diagnosis.fixes import best_fix_of
from atomlab.errors import NO_MODELS
from atomlab.text import printable

if TYPE_CHECKING:
    from atomlab.diagnosis.diagnose import Diagnosis, RequestDiagnosis
    from atomlab.diagnosis.explanation import Cause, FixSet

_STYLES = {
    "confirmed": "bold green",
    "inconclusive": "bold yellow",
    "ranked": "green",
    "no-models": "bold red",
    "present": "green",
    "ciphertext": "green",
    "blank": "yellow",
}
_LABEL_WIDTH = 9


def print_diagnosis(diagnosis: Diagnosis, snapshot: str) -> None:
    """Print a diagnosis on one screen: rows, outcomes, then cause and fix of what failed."""
    out, tenant = Console(), diagnosis.tenant
    name = f"{printable(tenant.name)} ({printable(tenant.subdomain or tenant.id)})"
    _line(out, "", f"{name}, plan {printable(tenant.plan_type)}", "bold")
    rules = printable(diagnosis.platform.rules.name)
    where = f"snapshot {printable(snapshot)}, captured {diagnosis.evidence.captured_at}"
    _line(out, "", f"{where}, rules {rules}", "dim")
    if diagnosis.rows:
        out.print(_rows(diagnosis))
    missing = sum(look.state == "missing" for look in diagnosis.lookups)
    _line(out, "", f"{missing} of {len(diagnosis.lookups)} providers have no row", "dim")
    for each in diagnosis.requests:
        _labelled(out, Text(f"{each.request.complexity:<{_LABEL_WIDTH}}"), _outcome(each))
    failed = [d for d in diagnosis.requests if d.outcome == "no-models"]
    if failed:
        told = f"{NO_MODELS} ({_complexities(failed)})"
        _line(out, "error", told, "red")
    for _, group in groupby(failed, key=_signature):
        _print_group(out, list(group))
    err = Console(stderr=True)
    for warning in [*diagnosis.platform.pricing.warnings(), *diagnosis.warnings()]:
        err.print(Text(f"warning: {warning}", "yellow"), soft_wrap=True)


def _print_group(out: Console, group: list[RequestDiagnosis]) -> None:
    """Print the argument for requests that fail for the same causes."""
    first = group[0]
    which = _complexities(group)
    if not first.explanation.causes:
        _line(out, "cause", f"unexplained ({which}): no deviation found that a fix removes")
    for cause in first.explanation.causes:
        told = Text(f"{printable(cause)}, ", "bold")
        told.append(cause.verdict, _STYLES[cause.verdict])
        told.append(f" ({cause.role}; {which})", "not bold")
        _line(out, "cause", told)
        for sentence in cause.evidence:
            _line(out, "", f"- {printable(sentence, 200)}")
    fix = best_fix_of(group) or next(iter(first.explanation.fix_sets), None)
    if fix is not None:
        edits = " and ".join(printable(edit, 160) for edit in fix.edits)
        _line(out, "fix", f"{edits} (cost {fix.cost}; {_proof(fix, group)})")
    if len(first.explanation.trials) > 1:
        tried = "; ".join(f"{t.name}: {t.result}" for t in first.explanation.trials[1:])
        _line(out, "placebos", printable(tried, 300), "dim")
    ruled_out = [r.code for r in first.rivals if r.ruled_out]
    causes = {cause.atom for cause in first.explanation.causes}
    open_ = [
        f"{r.code} ({r.why})" for r in first.rivals if not r.ruled_out and r.code not in causes
    ]
    _line(out, "why not", f"ruled out: {', '.join(ruled_out) or 'nothing'}", "dim")
    if open_:
        _line(out, "but", printable(f"not ruled out: {'; '.join(open_)}", 400), "dim")


def _proof(fix: FixSet, group: Sequence[RequestDiagnosis]) -> str:
    """Return which models win once the fix is made, and for which of the requests none does."""
    winners: dict[str, list[RequestDiagnosis]] = {}
    for each in group:
        alike = (f for f in each.explanation.fix_sets if f.edits == fix.edits)
        winner = next((f.after.winner for f in alike if f.verified), None)
        winners.setdefault(winner.model if winner else "", []).append(each)
    left = winners.pop("", [])
    if not winners:
        return "could not be run here"
    told = [
        f"{printable(model)} wins" + (f" {_complexities(won)}" if len(winners) > 1 else "")
        for model, won in winners.items()
    ]
    unsolved = f"; not for {_complexities(left)}" if left else ""
    return f"verified: {', '.join(told)}{unsolved}"


def _signature(diagnosis: RequestDiagnosis) -> list[tuple[object, ...]]:
    return [_identity(cause) for cause in diagnosis.explanation.causes]


def _identity(cause: Cause) -> tuple[object, ...]:
    return cause.code, cause.provider, cause.role, cause.verdict


def _complexities(diagnoses: Iterable[RequestDiagnosis]) -> str:
    return ", ".join(d.request.complexity for d in diagnoses)


def _rows(diagnosis: Diagnosis) -> Table:
    """Return the tenant's key settings, read for a provider or not, and those a cause misses."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("key setting", "state", "read for", "client"):
        table.add_column(name, overflow="fold")
    by_key = {look.setting_key: look for look in diagnosis.lookups}
    missing = {x.setting_key: x.state for x in diagnosis.lookups if x.provider in diagnosis.named}
    for name, state in sorted({**missing, **diagnosis.rows}.items()):
        look = by_key.get(name)
        client = "no provider reads it" if look is None else "no"
        if look is not None and look.client:
            served = diagnosis.platform.has_models(look.provider)
            client = "yes" if served else "yes, but the cache has no model for it"
        elif look is not None:
            client = f"no: {look.reason}"
        table.add_row(
            Text(printable(name)),
            Text(state, _STYLES.get(state, "red")),
            Text(printable(look.provider) if look else "–"),
            Text(printable(client, 300)),
        )
    return table


def _outcome(diagnosis: RequestDiagnosis) -> Text:
    ranking, winner = diagnosis.ranking, diagnosis.ranking.winner
    if diagnosis.outcome == "inconclusive":
        return Text("inconclusive: the snapshot holds no pricing cache", "yellow")
    rejected = ranking.rejected().items()
    reasons = ", ".join(f"{number:,} {PHRASES[name]}" for name, number in rejected)
    usable = f"{len(ranking.order):,} of {len(ranking.blockers):,} models usable"
    line = Text().append(usable, _STYLES[diagnosis.outcome])
    line.append(f": {reasons}" if reasons else "")
    if winner:
        line.append(f"; {printable(winner.model)} wins", "bold")
    return line


def _line(out: Console, label: str, told: str | Text, style: str = "") -> None:
    text = Text(told, style) if isinstance(told, str) else told
    if label or isinstance(told, Text) or told.startswith("-"):
        _labelled(out, Text(f"{label:<{_LABEL_WIDTH}}", "bold"), text)
    else:
        out.print(text, soft_wrap=True)


def _labelled(out: Console, label: Text, told: Text) -> None:
    """Print a line; a terminal gets it folded beside its label, a pipe whole, for grep."""
    if not out.is_terminal:
        out.print(Text.assemble(label, " ", told), soft_wrap=True)
        return
    row = Table.grid(padding=(0, 1, 0, 0))
    row.add_column(width=_LABEL_WIDTH)
    row.add_column(overflow="fold")
    row.add_row(label, told)
    out.print(row)
