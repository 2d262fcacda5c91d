"""A diagnosis as a short argument in the terminal: what failed, why, why not else, the fix."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, TypeVar

from rich.console import Console
from rich.table import Table
from rich.text import Text

from atomlab.byok.filters import PHRASES
from atomlab.diagnosis.fixes import best_fix_of, in_words
from atomlab.show.terminal import colour
from atomlab.show.words import answer_told, mode_told
from atomlab.text import count, listed, printable

if TYPE_CHECKING:
    from atomlab.byok.keys import KeyLookup
    from atomlab.byok.ranking import Candidate
    from atomlab.diagnosis.diagnose import Diagnosis, RequestDiagnosis
    from atomlab.diagnosis.explanation import Cause, FixSet

T = TypeVar("T")
_LABEL_WIDTH = 9


def print_diagnosis(diagnosis: Diagnosis, snapshot: str) -> None:
    """Print a diagnosis on one screen: status, rows, outcomes, cause and fix of what failed."""
    out = Console()
    out.print(_status(diagnosis), soft_wrap=True)
    rules = printable(diagnosis.platform.rules.name)
    where = f"snapshot {printable(snapshot)}, captured {diagnosis.evidence.captured_at}"
    _line(out, "", f"{where}, rules {rules}", "dim")
    if diagnosis.rows:
        out.print(_rows(diagnosis))
    missing = sum(look.state == "missing" for look in diagnosis.lookups)
    told = f"{missing} of {len(diagnosis.lookups)} providers have no {_place(diagnosis)}"
    if diagnosis.withheld:
        told += f"; {count(diagnosis.withheld, 'other setting')} not looked at by name"
    _line(out, "", told, "dim")
    for each in diagnosis.requests:
        _labelled(out, Text(f"{each.request.complexity:<{_LABEL_WIDTH}}"), _outcome(each))
    for error, these in _alike(diagnosis.failing, lambda each: each.ranking.error or "").items():
        _line(out, "error", f"{error} ({_complexities(these)})", "red")
    for _, group in groupby(diagnosis.failing, key=_signature):
        _print_group(out, list(group), diagnosis)
    inputs = _alike(diagnosis.assumptions, lambda each: f"{each.input} ({each.state})")
    for what, assumed in inputs.items():
        told = "; ".join(each.assumed for each in assumed)
        _line(out, "assumes", printable(f"{what}: {told}", 800), "dim")
    err = Console(stderr=True)
    for warning in [*diagnosis.platform.pricing.warnings(), *diagnosis.warnings()]:
        err.print(Text(f"warning: {warning}", "yellow"), soft_wrap=True)


def _status(diagnosis: Diagnosis) -> Text:
    """Return the first line: who, the status, and whose requests win what cannot serve them."""
    tenant = diagnosis.tenant
    name = f"{printable(tenant.name)} ({printable(tenant.subdomain or tenant.id)})"
    mode = mode_told(diagnosis.request_mode, tenant.ai_mode)
    served = f", requests {mode}" if mode else ""
    told = Text(f"{name}, plan {printable(tenant.plan_type)}{served}: ", "bold")
    told.append(diagnosis.status, f"bold {colour(diagnosis.status)}")
    unable = _alike(diagnosis.requests, lambda each: _unable(each.ranking.winner))
    for why, these in unable.items():
        told.append(f"; for {_complexities(these)} requests the winner {printable(why)}", "red")
    return told


def _print_group(out: Console, group: list[RequestDiagnosis], diagnosis: Diagnosis) -> None:
    """Print the argument for requests that fail for the same causes."""
    first = group[0]
    which = _complexities(group)
    if not first.explanation.causes:
        _line(out, "cause", f"unexplained ({which}): no deviation found that a fix removes")
    for cause in first.explanation.causes:
        told = Text(f"{printable(cause)}, ", "bold")
        told.append(cause.verdict, colour(cause.verdict))
        told.append(f" ({cause.place}; {which})", "not bold")
        _line(out, "cause", told)
        for sentence in cause.evidence:
            _line(out, "", f"- {printable(sentence, 200)}")
    fix = best_fix_of(group) or next(iter(first.explanation.fix_sets), None)
    if fix is not None:
        _line(out, "fix", _fix(fix, group, diagnosis))
        curing = [f for each in group for f in each.explanation.fix_sets if f.cures]
        if fix.verified and not fix.cures and curing:
            instead = min(curing, key=lambda f: f.effort)
            _line(out, "instead", _fix(instead, group, diagnosis))
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


def _fix(fix: FixSet, group: Sequence[RequestDiagnosis], diagnosis: Diagnosis) -> str:
    """Return a fix in words, who makes it, its cost, and what running it gave."""
    edits = printable(in_words(fix.edits, diagnosis), 400)
    run = _of_those_named(fix, group, diagnosis)
    by = f"with {run.edits[0].setting_key}, {_proof(run, group)}" if run is not fix else ""
    return f"{edits} ({fix.who}, cost {fix.cost}; {by or _proof(fix, group)})"


def _of_those_named(fix: FixSet, group: Sequence[RequestDiagnosis], diagnosis: Diagnosis) -> FixSet:
    """Return the fix; where it is a new key in place of any of several, one of those named."""
    serving = diagnosis.keys_that_serve
    if [edit.kind for edit in fix.edits] != ["new-credential"] or fix.provider in serving:
        return fix
    known = [f for each in group for f in each.explanation.fix_sets if f.effort == fix.effort]
    return next((f for f in known if f.provider in serving and len(f.edits) == 1), fix)


def _proof(fix: FixSet, group: Sequence[RequestDiagnosis]) -> str:
    """Return which models win once the fix is made, and for which of the requests none does."""
    winners: dict[str, list[RequestDiagnosis]] = {}
    for each in group:
        alike = (f for f in each.explanation.fix_sets if f.edits == fix.edits)
        winner = next((f.after.winner for f in alike if f.verified), None)
        winners.setdefault(_wins(winner) if winner else "", []).append(each)
    left = winners.pop("", [])
    if not winners:
        return "could not be run here"
    told = [
        wins + (f" ({_complexities(won)})" if len(winners) > 1 else "")
        for wins, won in winners.items()
    ]
    told += ["which is no cure"] if fix.verified and not fix.cures else []
    unsolved = f"; not for {_complexities(left)}" if left else ""
    return f"verified: {', '.join(told)}{unsolved}"


def _alike(items: Iterable[T], word: Callable[[T], str]) -> dict[str, list[T]]:
    """Return the items that have a word by it, in their order."""
    found: dict[str, list[T]] = {}
    for item in items:
        found.setdefault(word(item), []).append(item)
    found.pop("", None)
    return found


def _unable(winner: Candidate | None) -> str:
    return winner.unable if winner else ""


def _wins(winner: Candidate) -> str:
    unable = f", no chat model ({printable(winner.mode)})" if winner.unable else ""
    return f"{printable(winner.model)}{unable} wins"


def _signature(diagnosis: RequestDiagnosis) -> list[tuple[object, ...]]:
    return [_identity(cause) for cause in diagnosis.explanation.causes]


def _identity(cause: Cause) -> tuple[object, ...]:
    return cause.code, cause.provider, cause.role, cause.verdict


def _complexities(diagnoses: Iterable[RequestDiagnosis]) -> str:
    return ", ".join(d.request.complexity for d in diagnoses)


def _rows(diagnosis: Diagnosis) -> Table:
    """Return the tenant's key settings, read for a provider or not, and those a cause misses."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    place = _place(diagnosis)
    for name in ("key setting" if place == "row" else place, "state", "read for", "client"):
        table.add_column(name, overflow="fold")
    missing = {x.setting_key: x.state for x in diagnosis.lookups if x.provider in diagnosis.named}
    for name, state in sorted({**missing, **diagnosis.rows}.items()):
        readers = [look for look in diagnosis.lookups if look.setting_key == name]
        readers = [look for look in readers if look.client] or readers
        table.add_row(
            Text(printable(name)),
            Text(state, "red" if state == "missing" else colour(state)),
            Text(listed(look.provider for look in readers) or "–"),
            Text(printable(_client(readers, diagnosis), 300)),
        )
    return table


def _place(diagnosis: Diagnosis) -> str:
    """Return where keys come from: rows of the tenant's settings, or the worker's variables."""
    return "row" if diagnosis.platform.rules.keys_from == "settings" else "variable or stored key"


def _client(readers: Sequence[KeyLookup], diagnosis: Diagnosis) -> str:
    """Return whether a key makes a client of those that read it, and of use, or why not."""
    if not readers:
        return "no provider reads it"
    if not readers[0].client:
        return f"no: {readers[0].reason}"
    served = any(diagnosis.platform.has_models(look.provider) for look in readers)
    return "yes" if served else "yes, but the cache has no model for it"


def _outcome(diagnosis: RequestDiagnosis) -> Text:
    ranking, winner = diagnosis.ranking, diagnosis.ranking.winner
    if diagnosis.status == "undecided":
        return Text(f"undecided: {diagnosis.missing}", colour("undecided"))
    reasons = [f"{number:,} {PHRASES[name]}" for name, number in ranking.rejected().items()]
    if ranking.broken:
        reasons.append(str(ranking.broken))
    usable = f"{len(ranking.order):,} of {len(ranking.blockers):,} models usable"
    line = Text().append(usable, colour(diagnosis.outcome))
    line.append(f": {', '.join(reasons)}" if reasons else "")
    if winner:
        line.append(f"; {_wins(winner)}", "bold")
    elif ranking.fallback:
        line.append(f"; pricing finds no model; {answer_told(ranking.fallback)}", "bold")
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
