"""A diagnosis in the terminal: the evidence first, at the end the answer in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from atomlab.byok.filters import PHRASES
from atomlab.diagnosis.answers import mode_of
from atomlab.diagnosis.fixes import best_fix, in_words, kinds_of, serving_all
from atomlab.diagnosis.summary import summarize
from atomlab.show.palette import TERMINAL, terminal_colour
from atomlab.show.terminal import (
    Detail,
    columns,
    console,
    folds,
    print_line,
    print_price_warnings,
    print_table,
    print_text,
    print_warnings,
)
from atomlab.show.words import describe_answer
from atomlab.text import count, grouped, listed, printable

if TYPE_CHECKING:
    from atomlab.byok.keys import KeyLookup
    from atomlab.byok.ranking import Candidate
    from atomlab.diagnosis.diagnose import Diagnosis, RequestDiagnosis
    from atomlab.diagnosis.explanation import FixSet
    from atomlab.diagnosis.findings import Summary

_LABEL_WIDTH = 9
_ANSWER = {
    "What": "what",
    "Why": "why",
    "What to do": "todo",
    "Whose turn": "who",
    "Stays broken": "left",
}


def print_diagnosis(diagnosis: Diagnosis, snapshot: str, detail: Detail = "usual") -> None:
    """Print a diagnosis: status, rows, outcomes, causes and their tests, warnings, the answer.

    Warnings go to stderr. Usually it is as much as a screen holds for one kind of request; the
    answer alone, or every detail, if `detail` asks for it.
    """
    out, answer = console(), summarize(diagnosis)
    if detail != "quiet":
        _print_observed(out, diagnosis, snapshot, detail)
        known: set[str] = set()  # what was said already, which -v says again
        for _, group in groupby(diagnosis.failing, key=_causes):
            these = list(group)
            _print_causes(out, these, known)
            _print_fix(out, these, diagnosis, "" if detail == "verbose" else answer.fix)
            _print_tests(out, these[0], detail)
            known |= _evidence(these[0]) if detail != "verbose" else set()
        _print_assumptions(out, diagnosis, detail)
        print_price_warnings(diagnosis.platform.pricing.warnings(), detail)
        print_warnings(_warnings(diagnosis))
        out.print()
    print_answer(answer)


def print_answer(answer: Summary) -> None:
    """Print what happens, why, what to do, whose turn it is, and what stays broken even then."""
    width, tone = max(map(len, _ANSWER)), terminal_colour(answer.status)
    styles = {"what": TERMINAL["bad"] if answer.mute else tone}
    for label, name in _ANSWER.items():
        if said := getattr(answer, name):
            argue(console(), label, Text(printable(said, 2000), styles.get(name, "")), width)


def _print_observed(out: Console, diagnosis: Diagnosis, snapshot: str, detail: Detail) -> None:
    """Print who and what was looked at, the rows, and what became of each kind of request."""
    print_text(out, _status(diagnosis))
    where = f"snapshot {printable(snapshot)}, captured {diagnosis.evidence.captured_at}"
    print_line(out, f"{where}, rules {printable(diagnosis.platform.rules.name)}", "dim")
    if diagnosis.rows:
        print_table(out, _rows(diagnosis))
    if not diagnosis.rows or detail == "verbose":
        missing = sum(look.state == "missing" for look in diagnosis.lookups)
        rest = f"{missing} of {len(diagnosis.lookups)} providers have no {_place(diagnosis)}"
        if diagnosis.withheld:
            rest += f"; {count(diagnosis.withheld, 'other setting')} not captured by name"
        print_line(out, rest, "dim")
    outcomes = {each.request.complexity: _outcome(each) for each in diagnosis.requests}
    for alike in grouped((line.plain, (kind, line)) for kind, line in outcomes.items()).values():
        argue(out, ", ".join(kind for kind, _ in alike), alike[0][1])


def _print_assumptions(out: Console, diagnosis: Diagnosis, detail: Detail) -> None:
    found = grouped((f"{a.input} ({a.state})", a.assumed) for a in diagnosis.assumptions)
    if found and detail != "verbose":
        named = ", ".join(found)
        argue(out, "assumes", printable(f"{named}; -v says what", 400), style="dim")
        return
    for what, assumed in found.items():
        argue(out, "assumes", printable(f"{what}: {'; '.join(assumed)}", 800), style="dim")


def _warnings(diagnosis: Diagnosis) -> list[str]:
    """Return a diagnosis's warnings, those that several kinds of request share as one."""
    kinds = {each.request.complexity for each in diagnosis.requests}
    found: dict[str, list[str]] = {}
    for warning in diagnosis.warnings():
        kind, _, words = warning.partition(": ")
        if kind in kinds:
            found.setdefault(words, []).append(kind)
        else:
            found[warning] = []
    return [f"{', '.join(whose)}{': ' if whose else ''}{said}" for said, whose in found.items()]


def _status(diagnosis: Diagnosis) -> Text:
    """Return the first line: who, the status, and which winners cannot serve."""
    tenant = diagnosis.tenant
    name = f"{printable(tenant.called)} ({printable(tenant.subdomain or tenant.id)})"
    mode = mode_of(diagnosis.asked_managed, tenant.ai_mode)
    served = f", requests {mode}" if mode else ""
    line = Text(f"{name}, plan {printable(tenant.plan_type)}{served}: ", "bold")
    line.append(diagnosis.status, f"bold {terminal_colour(diagnosis.status)}")
    winners = ((each, each.ranking.winner) for each in diagnosis.requests)
    unable = grouped((winner.unable, each) for each, winner in winners if winner and winner.unable)
    for why, these in unable.items():
        words = f"; for {kinds_of(these)} requests the winner {printable(why)}"
        line.append(words, TERMINAL["bad"])
    return line


def _print_causes(out: Console, group: list[RequestDiagnosis], known: set[str]) -> None:
    """Print the causes of requests that fail alike, with what is not known yet of the evidence."""
    causes, which = group[0].explanation.causes, kinds_of(group)
    if not causes:
        argue(out, "cause", f"unexplained ({which}): no deviation found that a fix removes")
    for cause in causes:
        line = Text().append(f"{printable(cause)}, ", "bold")
        line.append(cause.verdict, f"bold {terminal_colour(cause.verdict)}")
        argue(out, "cause", line.append(f" ({cause.place}; {which})"))
        for sentence in cause.evidence:
            if sentence not in known:
                argue(out, "", f"- {printable(sentence, 200)}")


def _evidence(failing: RequestDiagnosis) -> set[str]:
    return {sentence for cause in failing.explanation.causes for sentence in cause.evidence}


def _print_fix(
    out: Console, group: list[RequestDiagnosis], diagnosis: Diagnosis, answered: str
) -> None:
    """Print the fix of requests that fail alike, in words unless the answer has the same."""
    fix_sets = group[0].explanation.fix_sets
    fix = best_fix(diagnosis, group) or next(iter(fix_sets), None)
    if fix is None:
        return
    same = in_words(fix.edits, diagnosis) == answered
    argue(out, "fix", _fix(fix, group, diagnosis, "as below" if same else ""))
    curing = [f for each in group for f in each.explanation.fix_sets if f.cures]
    if fix.verified and not fix.cures and curing:
        instead = min(curing, key=lambda f: f.effort)
        named = serving_all(instead, group, lambda: diagnosis.keys_that_serve)
        argue(out, "instead", _fix(named, group, diagnosis))


def _print_tests(out: Console, failing: RequestDiagnosis, detail: Detail) -> None:
    """Print what must not help, and did not, and which other explanations are ruled out."""
    explanation = failing.explanation
    placebos = explanation.trials[1:]
    ruled_out = [other.code for other in failing.rivals if other.ruled_out]
    held = not any(trial.cured or not trial.applied for trial in placebos)
    if held and detail != "verbose":
        others = f"{count(len(ruled_out), 'other explanation')} ruled out"
        leave = f"{count(len(placebos), 'placebo')} changed nothing; " if placebos else ""
        argue(out, "tested", f"{leave}{others}", style="dim")
    else:
        tried = "; ".join(f"{trial.name}: {trial.result}" for trial in placebos)
        if tried:
            argue(out, "placebos", printable(tried, 300), style="dim")
        argue(out, "ruled out", ", ".join(ruled_out) or "nothing", style="dim")
    causes = {cause.atom for cause in explanation.causes}
    left = [r for r in failing.rivals if not r.ruled_out and r.code not in causes]
    if left:
        possible = "; ".join(f"{other.code} ({other.why})" for other in left)
        argue(out, "possible", printable(possible, 400), style="dim")


def _fix(
    fix: FixSet, group: Sequence[RequestDiagnosis], diagnosis: Diagnosis, words: str = ""
) -> str:
    """Return a fix in words, or those given, who makes it, its cost, and what running it gave."""
    several = fix.is_new_key and len(diagnosis.keys_that_serve) > 1
    key = f"with {fix.edits[0].setting_key}, " if several else ""
    edits = words or printable(in_words(fix.edits, diagnosis), 400)
    return f"{edits} ({fix.who}, cost {fix.cost}; {key}{_proof(fix, group)})"


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


def argue(
    out: Console, label: str, line: str | Text, width: int = _LABEL_WIDTH, style: str = ""
) -> None:
    """Print a line beside its label; where a terminal has to fold it, it stays beside it.

    A label that is wider stands before its line, as in a sentence.
    """
    line = Text(line, style) if isinstance(line, str) else line
    if len(label) > width:
        print_text(out, Text.assemble((f"{label}: ", "bold"), line))
        return
    if not folds(out):
        print_text(out, Text.assemble((f"{label:<{width}} ", "bold"), line))
        return
    row = Table.grid(padding=(0, 1, 0, 0))
    row.add_column(width=width, style="bold")
    row.add_column(overflow="fold")
    row.add_row(label, line)
    print_table(out, row)
