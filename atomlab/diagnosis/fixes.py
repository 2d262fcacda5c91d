"""The fix of a diagnosis: SQL where a key only has to be copied, plain words where it does not."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from atomlab.byok.ranking import Candidate, Ranking
from atomlab.diagnosis.answers import unable
from atomlab.diagnosis.confirmation import own_fix_set
from atomlab.diagnosis.defects import find_defects
from atomlab.diagnosis.diagnose import Diagnosis, RequestDiagnosis
from atomlab.diagnosis.edits import KINDS, WHO, Edit, Who
from atomlab.diagnosis.explanation import FixSet
from atomlab.diagnosis.sandbox import Sandbox
from atomlab.diagnosis.sql import CopyKey, Dialect, fix_script, rollback_script
from atomlab.errors import InputError
from atomlab.evidence.inputs.rules import Rules
from atomlab.shown import Shown
from atomlab.text import count, listed, printable

_FEW = 6  # changes that are named, of many alike
FixStatus = Literal["sql", "words", "nothing", "inconclusive"]
_ACTORS: dict[Who, str] = {
    "tenant": "the tenant",
    "operator": "an operator",
    "engineering": "engineering",
}


@dataclass(frozen=True)
class Fix(Shown):
    """What to do: `sql` and its `rollback` if a key has only to be copied, and what to say.

    `words` say who acts, what the fix cures and what it leaves, or why there is none; `by_hand`
    what no SQL can do. `unable` are the kinds of request of which it removes the error without
    curing them, since no chat model wins.
    """

    status: FixStatus
    words: tuple[str, ...]
    sql: str = ""
    rollback: str = ""
    by_hand: tuple[str, ...] = ()
    unable: tuple[str, ...] = ()

    @property
    def sentences(self) -> tuple[str, ...]:
        """All that can be said: the words, then what is done by hand."""
        return (*self.words, *self.by_hand)

    def __repr__(self) -> str:
        return f"<Fix ({self.status}): {printable('; '.join(self.sentences), 400)}>"


def plan_fix(diagnosis: Diagnosis, dialect: Dialect) -> Fix:
    """Return the easiest fix of the requests that fail."""
    failing = diagnosis.failing
    if undecided := next((d.missing for d in diagnosis.undecided), None):
        return Fix("inconclusive", (f"{undecided}, so nothing can be decided",))
    if not failing:
        return _nothing([each.ranking for each in diagnosis.requests])
    best = best_fix(diagnosis)
    if best is None:
        return Fix("inconclusive", (f"no fix is known: {without_cause(diagnosis)}",))
    winners = _winners(decided_after(best, diagnosis), diagnosis)
    words = tuple(_words(best, winners, diagnosis))
    kinds = tuple(each.request.complexity for each, winner in winners.items() if winner.unable)
    copy = copy_of(best.edits, diagnosis.tenant.id, diagnosis.platform.rules)
    if copy is None:
        rest = len(best.edits) - _FEW
        few = [_by_hand(edit, diagnosis) for edit in best.edits[:_FEW]]
        more = (
            [f"{count(rest, 'more such change')}, which diagnose --json lists"] if rest > 0 else []
        )
        return Fix("words", words, by_hand=(*few, *more), unable=kinds)
    try:
        scripts = fix_script(copy, dialect), rollback_script(copy, dialect)
        return Fix("sql", words, *scripts, unable=kinds)
    except InputError as error:  # a name with NUL: SQLite keeps what no script can hold
        by_hand = (f"by hand, because no script can do it: a name {error.what}",)
        return Fix("words", words, by_hand=by_hand, unable=kinds)


def _nothing(served: Sequence[Ranking]) -> Fix:
    kinds = tuple(r.request.complexity for r in served if r.winner and r.winner.unable)
    why = f", but {unable(served)}" if kinds else ": there is nothing to fix"
    return Fix("nothing", (f"no request fails{why}",), unable=kinds)


def _words(
    best: FixSet, winners: Mapping[RequestDiagnosis, Candidate], diagnosis: Diagnosis
) -> Iterator[str]:
    """Yield what the fix cures, where it is no cure and what is, and what it leaves."""
    failing, does = diagnosis.failing, _has_to(best, diagnosis)
    won = {each: printable(winner.unable) for each, winner in winners.items() if winner.unable}
    if cured := [each for each in winners if each not in won]:
        yield f"to cure {kinds_of(cured)} requests, {does}"
        if repair := _of_root_cause(cured[0], best, diagnosis):
            yield f"to repair the root cause itself, {repair}"
    elif won:
        yield f"to remove the error of {kinds_of(list(won))} requests, without a cure, {does}"
    for each, why in won.items():
        then = for_a_chat_model(each, diagnosis)
        yield f"{each.request.complexity} requests are not cured, because {why}; {then}"
    for edits, these in _left(winners, failing).items():
        yield f"{kinds_of(these)} requests {needed(edits, best, diagnosis)}"


def for_a_chat_model(failing: RequestDiagnosis, diagnosis: Diagnosis) -> str:
    """Return who has to do what for a request to get a model that can chat, as half a sentence."""
    curing = [fix for fix in failing.explanation.fix_sets if fix.cures]
    better = _easiest(curing, diagnosis.failing)
    if better is None:
        return "no fix is known whose winner can chat"
    return f"for a winner that can chat, {_has_to(better, diagnosis)}"


def left_by(
    after: Sequence[Ranking], diagnosis: Diagnosis
) -> dict[tuple[Edit, ...], list[RequestDiagnosis]]:
    """Return the requests whose error a fix leaves, by the edits that their own fix needs.

    `after` is what is decided with it made.
    """
    return _left(_winners(after, diagnosis), diagnosis.failing)


def _left(
    cured: Container[RequestDiagnosis], failing: Sequence[RequestDiagnosis]
) -> dict[tuple[Edit, ...], list[RequestDiagnosis]]:
    left: dict[tuple[Edit, ...], list[RequestDiagnosis]] = {}
    for each in failing:
        if each not in cured:
            fix = root_fix(each, failing)
            left.setdefault(fix.edits if fix else (), []).append(each)
    return left


def _has_to(fix: FixSet, diagnosis: Diagnosis) -> str:
    return f"{_ACTORS[fix.who]} has to {in_words(fix.edits, diagnosis)}"


def _of_root_cause(cured: RequestDiagnosis, best: FixSet, diagnosis: Diagnosis) -> str:
    """Return who repairs the root cause, and how, where the easiest fix leaves it."""
    root = cured.explanation.causes[0]
    own = own_fix_set(root, cured.explanation.fix_sets, cured.ranking)
    if own is None or own.edits == best.edits or root.atom in best.atoms or root.provider is None:
        return ""
    return _has_to(own, diagnosis)


def best_fix(
    diagnosis: Diagnosis, failing: Sequence[RequestDiagnosis] | None = None
) -> FixSet | None:
    """Return the easiest fix of the requests that fail, or of some of them; None if none helps.

    Of several it is the one that cures most requests; of new keys, one that is named in words.
    """
    some = diagnosis.failing if failing is None else failing
    known = [fix for each in some if (fix := root_fix(each, some)) is not None]
    easiest = _easiest(known, some)
    return easiest and serving_all(easiest, some, lambda: diagnosis.keys_that_serve)


def without_cause(diagnosis: Diagnosis) -> str:
    """Return what was seen to help although no cause is known, or that nothing was."""
    tried = (f for each in diagnosis.failing for f in each.explanation.fix_sets if f.verified)
    if helps := next(tried, None):
        return f"what helps repairs no known cause, to {in_words(helps.edits, diagnosis)}"
    return "none that was tried helped"


def serving_all(
    fix: FixSet, failing: Sequence[RequestDiagnosis], keys: Callable[[], Sequence[str]]
) -> FixSet:
    """Return the fix or, where it is a new key, the first as easy that is of one of the `keys`.

    These are the providers of which a new key alone serves every kind of request, those too that
    do not fail.
    """
    serving = keys() if fix.is_new_key else ()
    found = (f for each in failing for f in each.explanation.fix_sets if f.is_new_key)
    named = (f for f in found if f.provider in serving and f.effort == fix.effort)
    return fix if fix.provider in serving else next(named, fix)


def root_fix(diagnosis: RequestDiagnosis, failing: Sequence[RequestDiagnosis]) -> FixSet | None:
    """Return the easiest verified fix set of the request, None if none, or if no cause is known."""
    if not diagnosis.explanation.causes:
        return None
    return _easiest([f for f in diagnosis.explanation.fix_sets if f.verified], failing)


def _easiest(fixes: Sequence[FixSet], failing: Sequence[RequestDiagnosis]) -> FixSet | None:
    least = min((fix.ease for fix in fixes), default=None)
    alike = [fix for fix in fixes if fix.ease == least]
    return min(alike, key=lambda fix: effort_of(fix, failing), default=None)


def decided_after(fix: FixSet | None, diagnosis: Diagnosis) -> tuple[Ranking, ...]:
    """Return each request's decision on a scratch copy with the fix made; nothing without one."""
    if fix is None:
        return ()
    lab = Sandbox(diagnosis.evidence, diagnosis.platform)
    return tuple(
        lab.try_edits("the fix", fix.edits, diagnosis.tenant.id, each.request).after
        for each in diagnosis.requests
    )


def effort_of(fix: FixSet, failing: Sequence[RequestDiagnosis]) -> tuple[int, ...]:
    """Return what fixes are compared by: who acts, the cost, then how many requests are cured."""
    sets = (each.explanation.fix_sets for each in failing)
    cured = sum(any(f.edits == fix.edits and f.cures for f in some) for some in sets)
    return (*fix.ease, -cured)


def _winners(after: Sequence[Ranking], diagnosis: Diagnosis) -> dict[RequestDiagnosis, Candidate]:
    """Return the winner of each failing request that finds one after a fix."""
    decided = zip(diagnosis.requests, after, strict=True)
    return {each: r.winner for each, r in decided if each in diagnosis.failing and r.winner}


def in_words(edits: Sequence[Edit], diagnosis: Diagnosis) -> str:
    """Return the edits in words: of a new key all that would do, of a copy the other rows too."""
    if [edit.kind for edit in edits] == ["new-credential"]:
        serving = diagnosis.keys_that_serve
        if len(serving) > 1:
            return f"add a new key for any of: {listed(serving, 8)}"
        if serving:
            return f"add {diagnosis.platform.manager().key_name(serving[0])} with a new credential"
    defects = find_defects(diagnosis.rows, diagnosis.platform)
    others = {(d.setting_key, d.copy_from): listed(d.others) for d in defects if d.others}
    words, rest = [], len(edits) - _FEW
    for edit in edits[:_FEW]:
        beside_it = others.get((edit.setting_key or "", edit.copy_from))
        also = f" ({beside_it} would do as well as {printable(edit.copy_from)})"
        words.append(f"{edit}{also if beside_it else ''}")
    return " and ".join(words) + (f", and {count(rest, 'more such change')}" if rest > 0 else "")


def kinds_of(requests: Sequence[RequestDiagnosis]) -> str:
    """Return the complexities of the requests, comma-separated."""
    return ", ".join(each.request.complexity for each in requests)


def needed(edits: tuple[Edit, ...], best: FixSet, diagnosis: Diagnosis) -> str:
    """Return what requests need that `best` does not cure, as the end of a sentence."""
    if not edits:
        return "have no known fix"
    made = set(best.edits)
    extra, more = [edit for edit in edits if edit not in made], made <= set(edits)
    rules = diagnosis.platform.rules
    who = max((edit.who(rules) for edit in extra), key=WHO.index, default=best.who)
    which, has_to = ("more than that", "also has to") if more else ("another fix", "has to")
    return f"need {which}: {_ACTORS[who]} {has_to} {in_words(extra, diagnosis)}"


def copy_of(edits: tuple[Edit, ...], tenant_id: str, rules: Rules) -> CopyKey | None:
    """Return the edits as one copy from row to row, None if they are anything else."""
    edit = edits[0]
    in_database = rules.keys_from == "settings"
    if len(edits) != 1 or edit.setting_key is None or edit.copy_from is None or not in_database:
        return None
    return CopyKey(
        tenant_id,
        edit.setting_key,
        edit.copy_from,
        replaces=edit.kind == "repair-row",
        placeholder_prefixes=rules.placeholder_prefixes,
        placeholder_shorter_than=rules.placeholder_shorter_than,
    )


def _by_hand(edit: Edit, diagnosis: Diagnosis) -> str:
    kind, key, serving = KINDS[edit.kind], edit.setting_key, diagnosis.keys_that_serve
    in_environment = diagnosis.platform.rules.keys_from == "environment"
    if edit.kind == "new-credential" and serving:
        key = " or ".join(map(diagnosis.platform.manager().key_name, serving))
    fields = {**edit.__dict__, "key": key, "held": edit.copy_from, "model": printable(edit.model)}
    return ((in_environment and kind.in_environment) or kind.by_hand).format(**fields)
