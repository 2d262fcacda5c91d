"""A diagnosis as a short argument in the terminal: what failed, why, why not else, the fix."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, TypeVar

from rich.console import Console
from rich.table import Table
from rich.text import Text

from atomlab.byok.filters import PHRASES
from atomlab.diagnosis.answers import mode_of
from atomlab.diagnosis.fixes import best_fix, in_words, kinds_of
from atomlab.show.palette import TERMINAL, terminal_colour
from atomlab.show.terminal import columns, print_line, print_warnings
from atomlab.show.words import describe_answer
from atomlab.text import count, listed, printable

if TYPE_CHECKING:
    from atomlab.byok.keys import KeyLookup
    from atomlab.byok.ranking import Candidate
    from atomlab.diagnosis.diagnose import Diagnosis, RequestDiagnosis
    from atomlab.diagnosis.explanation import FixSet

T = TypeVar("T")
_LABEL_WIDTH = 9


def print_diagnosis(diagnosis: Diagnosis, snapshot: str) -> None:
    """Print a diagnosis on one screen: status, rows, outcomes, cause and fix of what failed."""
    out = Console()
    print_line(out, _status(diagnosis))
    where = f"snapshot {printable(snapshot)}, captured {diagnosis.evidence.captured_at}"
    print_line(out, f"{where}, rules {printable(diagnosis.platform.rules.name)}", "dim")
    if diagnosis.rows:
        out.print(_rows(diagnosis))
    missing = sum(look.state == "missing" for look in diagnosis.lookups)
    rest = f"{missing} of {len(diagnosis.lookups)} providers have no {_place(diagnosis)}"
    if diagnosis.withheld:
        rest += f"; {count(diagnosis.withheld, 'other setting')} not captured by name"
    print_line(out, rest, "dim")
    for each in diagnosis.requests:
        _argue(out, each.request.complexity, _outcome(each))
    for error, these in _grouped(diagnosis.failing, lambda each: each.ranking.error or ""):
        _argue(out, "error", f"{error} ({kinds_of(these)})", TERMINAL["bad"])
    for _, group in groupby(diagnosis.failing, key=_causes):
        _print_group(out, list(group), diagnosis)
    for what, inputs in _grouped(diagnosis.assumptions, lambda a: f"{a.input} ({a.state})"):
        assumed = "; ".join(each.assumed for each in inputs)
        _argue(out, "assumes", printable(f"{what}: {assumed}", 800), "dim")
    print_warnings([*diagnosis.platform.pricing.warnings(), *diagnosis.warnings()])


def _status(diagnosis: Diagnosis) -> Text:
    """Return the first line: who, the status, and which winners cannot serve."""
    tenant = diagnosis.tenant
    name = f"{printable(tenant.name)} ({printable(tenant.subdomain or tenant.id)})"
    mode = mode_of(diagnosis.asked_managed, tenant.ai_mode)
    served = f", requests {mode}" if mode else ""
    line = Text(f"{name}, plan {printable(tenant.plan_type)}{served}: ", "bold")
    line.append(diagnosis.status, f"bold {terminal_colour(diagnosis.status)}")
    winners = ((each, each.ranking.winner) for each in diagnosis.requests)
    unable = [(each, winner.unable) for each, winner in winners if winner and winner.unable]
    for why, these in _grouped(unable, lambda pair: pair[1]):
        kinds = kinds_of([each for each, _ in these])
        line.append(f"; for {kinds} requests the winner {printable(why)}", TERMINAL["bad"])
    return line


def _print_group(out: Console, group: list[RequestDiagnosis], diagnosis: Diagnosis) -> None:
    """Print the argument for requests that fail for the same causes."""
    first, which = group[0], kinds_of(group)
    explanation = first.explanation
    if not explanation.causes:
        _argue(out, "cause", f"unexplained ({which}): no deviation found that a fix removes")
    for cause in explanation.causes:
        line = Text().append(f"{printable(cause)}, ", "bold")
        line.append(cause.verdict, f"bold {terminal_colour(cause.verdict)}")
        _argue(out, "cause", line.append(f" ({cause.place}; {which})"))
        for sentence in cause.evidence:
            _argue(out, "", f"- {printable(sentence, 200)}")
    fix = best_fix(group) or next(iter(explanation.fix_sets), None)
    if fix is not None:
        _argue(out, "fix", _fix(fix, group, diagnosis))
        curing = [f for each in group for f in each.explanation.fix_sets if f.cures]
        if fix.verified and not fix.cures and curing:
            instead = min(curing, key=lambda f: f.effort)
            _argue(out, "instead", _fix(instead, group, diagnosis))
    if len(explanation.trials) > 1:
        tried = "; ".join(f"{t.name}: {t.result}" for t in explanation.trials[1:])
        _argue(out, "placebos", printable(tried, 300), "dim")
    ruled_out = [other.code for other in first.rivals if other.ruled_out]
    _argue(out, "ruled out", ", ".join(ruled_out) or "nothing", "dim")
    causes = {cause.atom for cause in explanation.causes}
    left = [r for r in first.rivals if not r.ruled_out and r.code not in causes]
    if left:
        possible = "; ".join(f"{other.code} ({other.why})" for other in left)
        _argue(out, "possible", printable(possible, 400), "dim")


def _fix(fix: FixSet, group: Sequence[RequestDiagnosis], diagnosis: Diagnosis) -> str:
    """Return a fix in words, who makes it, its cost, and what running it gave.

    Where it is a new key, and several would do, one of those named in the words was run.
    """
    serving, run = diagnosis.keys_that_serve, fix
    if [edit.kind for edit in fix.edits] == ["new-credential"] and fix.provider not in serving:
        alike = [f for d in group for f in d.explanation.fix_sets if f.effort == fix.effort]
        named = (f for f in alike if f.provider in serving and len(f.edits) == 1)
        run = next(named, fix)
    key = "" if run is fix else f"with {run.edits[0].setting_key}, "
    edits = printable(in_words(fix.edits, diagnosis), 400)
    return f"{edits} ({fix.who}, cost {fix.cost}; {key}{_proof(run, group)})"


def _proof(fix: FixSet, group: Sequence[RequestDiagnosis]) -> str:
    """Return which models win once the fix is made, and for which of the requests none does."""
    winners = {
        each.request.complexity: alike.after.winner
        for each in group
        for alike in each.explanation.fix_sets
        if alike.edits == fix.edits and alike.after.winner
    }
    if not winners:
        return "could not be run here"
    found = [*dict.fromkeys(map(_wins, winners.values()))]
    found += [] if fix.cures else ["which is no cure"]
    left = [each for each in group if each.request.complexity not in winners]
    return f"verified: {', '.join(found)}" + (f"; not for {kinds_of(left)}" if left else "")


def _grouped(items: Iterable[T], word: Callable[[T], str]) -> Iterable[tuple[str, list[T]]]:
    """Return each word with the items that have it, both in their order."""
    found: dict[str, list[T]] = {}
    for item in items:
        found.setdefault(word(item), []).append(item)
    return [(word, alike) for word, alike in found.items() if word]


def _wins(winner: Candidate) -> str:
    unable = f", no chat model ({printable(winner.mode)})" if winner.unable else ""
    return f"{printable(winner.model)}{unable} wins"


def _causes(diagnosis: RequestDiagnosis) -> list[tuple[object, ...]]:
    return [(c.code, c.provider, c.role, c.verdict) for c in diagnosis.explanation.causes]


def _rows(diagnosis: Diagnosis) -> Table:
    """Return the tenant's key settings, read for a provider or not, and those a cause misses."""
    place = _place(diagnosis)
    table = columns("key setting" if place == "row" else place, "state", "read for", "client")
    missing = {x.setting_key: x.state for x in diagnosis.lookups if x.provider in diagnosis.named}
    for name, state in sorted({**missing, **diagnosis.rows}.items()):
        readers = [look for look in diagnosis.lookups if look.setting_key == name]
        readers = [look for look in readers if look.client] or readers
        table.add_row(
            Text(printable(name)),
            Text(state, TERMINAL["bad"] if state == "missing" else terminal_colour(state)),
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
    return "yes" if served else "yes, but no model in the cache"


def _outcome(diagnosis: RequestDiagnosis) -> Text:
    ranking = diagnosis.ranking
    if diagnosis.status == "undecided":
        return Text(f"undecided: {diagnosis.missing}", terminal_colour("undecided"))
    reasons = [f"{number:,} {PHRASES[name]}" for name, number in ranking.rejected().items()]
    if ranking.broken:
        reasons.append(str(ranking.broken))
    usable = f"{len(ranking.order):,} of {len(ranking.blockers):,} models usable"
    line = Text().append(usable, terminal_colour(diagnosis.outcome))
    line.append(f": {', '.join(reasons)}" if reasons else "")
    if ranking.winner:
        line.append(f"; {_wins(ranking.winner)}", "bold")
    elif (answer := ranking.fallback) is not None:
        found = describe_answer(answer.provider, answer.model, answer.by)
        line.append(f"; pricing finds no model; {found}", "bold")
    return line


def _argue(out: Console, label: str, line: str | Text, style: str = "") -> None:
    """Print a line; a terminal gets it folded beside its label, a pipe in one piece, for grep."""
    line = Text(line, style) if isinstance(line, str) else line
    if not out.is_terminal:
        print_line(out, Text.assemble((f"{label:<{_LABEL_WIDTH}} ", "bold"), line))
        return
    row = Table.grid(padding=(0, 1, 0, 0))
    row.add_column(width=_LABEL_WIDTH, style="bold")
    row.add_column(overflow="fold")
    row.add_row(label, line)
    out.print(row)
