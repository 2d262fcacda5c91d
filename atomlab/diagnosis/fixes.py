"""The fix of a diagnosis: SQL where a key only has to be copied, plain words where it does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from atomlab.diagnosis import cards
from atomlab.diagnosis.defects import find_defects
from atomlab.diagnosis.diagnose import Diagnosis, RequestDiagnosis
from atomlab.diagnosis.explanation import FixSet
from atomlab.diagnosis.interventions import Edit
from atomlab.diagnosis.sql import CopyKey, Dialect, fix_script, rollback_script
from atomlab.errors import InputError
from atomlab.text import listed, printable

Status = Literal["sql", "words", "nothing", "inconclusive"]


@dataclass(frozen=True)
class Fix:
    """What to do: `sql` and its `rollback` if a key has only to be copied, and what to say.

    `status` is `sql`; `words` where somebody has to do what no SQL can, as `by_hand` tells;
    `nothing` where no request fails; `inconclusive` where no verified fix is known. `words` say
    what the fix cures and what it leaves, or why there is none.
    """

    status: Status
    words: tuple[str, ...]
    sql: str = ""
    rollback: str = ""
    by_hand: tuple[str, ...] = ()

    @property
    def told(self) -> tuple[str, ...]:
        """All that is to be said: the words, then what is done by hand."""
        return (*self.words, *self.by_hand)

    def _repr_html_(self) -> str:
        return cards.fix_card(self).html()

    def __repr__(self) -> str:
        return f"<Fix ({self.status}): {printable('; '.join(self.told), 400)}>"


def plan_fix(diagnosis: Diagnosis, dialect: Dialect) -> Fix:
    """Return the fix of the root cause of the requests that fail, best supported request first."""
    failing = [d for d in diagnosis.requests if d.outcome == "no-models"]
    if any(d.outcome == "inconclusive" for d in diagnosis.requests):
        return Fix("inconclusive", ("the snapshot holds no pricing cache: nothing is decided",))
    if not failing:
        return Fix("nothing", ("no request fails: there is nothing to fix",))
    best = best_fix(diagnosis)
    if best is None:
        return Fix("inconclusive", ("no fix is known that was run and helped",))
    cured = cured_by(best.edits, failing)
    told = f"{_with_others(best.edits, diagnosis)}{_or_instead(best.edits, cured)}"
    words = [f"cures {_named(cured)} requests: {told}"]
    left: dict[tuple[Edit, ...], list[RequestDiagnosis]] = {}
    for each in failing:
        if not _verified(each, best.edits):
            fix = root_fix(each, failing)
            left.setdefault(fix.edits if fix else (), []).append(each)
    for edits, these in left.items():
        words.append(f"does not cure {_named(these)} requests, {_needed(edits, best, these)}")
    copy = _copy(best.edits, diagnosis)
    if copy is None:
        return Fix("words", tuple(words), by_hand=tuple(map(_by_hand, best.edits)))
    try:
        return Fix("sql", tuple(words), fix_script(copy, dialect), rollback_script(copy, dialect))
    except InputError as error:  # a name with NUL: SQLite keeps what no script can hold
        by_hand = (f"by hand, no script can do it: a name {error.what}",)
        return Fix("words", tuple(words), by_hand=by_hand)


def best_fix(diagnosis: Diagnosis) -> FixSet | None:
    """Return the cheapest of the root causes' fixes, of these the one that cures most requests.

    None if no request fails, or no fix of a root cause is verified.
    """
    return best_fix_of([d for d in diagnosis.requests if d.outcome == "no-models"])


def best_fix_of(failing: Sequence[RequestDiagnosis]) -> FixSet | None:
    """Return the same of some requests that fail."""
    known = [fix for each in failing if (fix := root_fix(each, failing)) is not None]
    return _best(known, failing)


def root_fix(diagnosis: RequestDiagnosis, failing: Sequence[RequestDiagnosis]) -> FixSet | None:
    """Return the cheapest verified fix set of the request's root cause, else of the request.

    Of several equally cheap it is the one that cures most of the requests that fail. What makes a
    client that serves nothing is a cause without one of its own: no change of it lets a model
    through. None if no fix set is verified.
    """
    explanation = diagnosis.explanation
    if not explanation.causes:
        return None
    root = explanation.causes[0]
    verified = [f for f in explanation.fix_sets if f.verified]
    fitting = [f for f in verified if root.provider is None or root.atom in f.atoms]
    return _best(fitting or verified, failing)


def _best(fixes: Sequence[FixSet], failing: Sequence[RequestDiagnosis]) -> FixSet | None:
    """Return the cheapest of the fixes, of these the one that cures most, the first of those."""
    return min(fixes, key=lambda f: (f.cost, -len(cured_by(f.edits, failing))), default=None)


def cured_by(
    edits: tuple[Edit, ...], failing: Sequence[RequestDiagnosis]
) -> list[RequestDiagnosis]:
    """Return the requests that these edits were seen to cure."""
    return [each for each in failing if _verified(each, edits)]


def _named(requests: Sequence[RequestDiagnosis]) -> str:
    return ", ".join(each.request.complexity for each in requests)


def _with_others(edits: tuple[Edit, ...], diagnosis: Diagnosis) -> str:
    """Return the edits in words, each with the rows that could be copied in place of its own."""
    defects = find_defects(diagnosis.rows, diagnosis.platform)
    others = {(d.setting_key, d.copy_from): d.others for d in defects if d.others}
    return "; ".join(
        f"{edit} ({listed(others[key])} would do as well as {printable(edit.copy_from)})"
        if (key := (edit.setting_key or "", edit.copy_from)) in others
        else str(edit)
        for edit in edits
    )


def _or_instead(edits: tuple[Edit, ...], cured: Sequence[RequestDiagnosis]) -> str:
    """Return what cures these requests, too, for less than the fix of their root cause, if any."""
    cost, known = sum(edit.cost for edit in edits), cured[0].explanation.fix_sets
    alike = [f for f in known if f.cost < cost and len(cured_by(f.edits, cured)) == len(cured)]
    cheaper = _best(alike, cured)
    return f" (or instead: {'; '.join(map(str, cheaper.edits))})" if cheaper else ""


def _verified(diagnosis: RequestDiagnosis, edits: tuple[Edit, ...]) -> bool:
    """Return whether these edits were run for the request, and cured it."""
    return any(f.verified and f.edits == edits for f in diagnosis.explanation.fix_sets)


def _needed(edits: tuple[Edit, ...], best: FixSet, requests: Sequence[RequestDiagnosis]) -> str:
    """Return what requests need that `best` does not cure, as the end of a sentence."""
    if not edits:
        return "for which no verified fix is known"
    extra = [str(edit) for edit in edits if edit not in best.edits]
    how = "as well" if set(best.edits) <= set(edits) else "instead"
    return f"which need {how}: {'; '.join(extra)}{_or_instead(edits, requests)}"


def _copy(edits: tuple[Edit, ...], diagnosis: Diagnosis) -> CopyKey | None:
    """Return the edits as one copy from row to row, None if they are anything else."""
    if len(edits) != 1 or edits[0].setting_key is None or edits[0].copy_from is None:
        return None
    rules, edit = diagnosis.platform.rules, edits[0]
    return CopyKey(
        diagnosis.tenant.id,
        edits[0].setting_key,
        edits[0].copy_from,
        replaces=edit.kind == "repair-row",
        placeholder_prefixes=rules.placeholder_prefixes,
        placeholder_shorter_than=rules.placeholder_shorter_than,
    )


def _by_hand(edit: Edit) -> str:
    return _BY_HAND[edit.kind].format(
        key=edit.setting_key, held=edit.copy_from, provider=edit.provider, name=edit.filter
    )


_BY_HAND = {
    "copy-key": "give {key} the value of {held}, and make the other changes as well",
    "repair-row": "the tenant enters a valid key in {key}: nobody else has it, so no SQL can",
    "new-credential": "the tenant gets a credential and enters it as {key}: no SQL can invent one",
    "allow-provider": "platform configuration: put {provider} on the list of LLM providers",
    "register-provider": "platform configuration: add {provider} to the provider registry",
    "waive-filter": "platform change: the {name} filter rejects every model that the tenant can "
    "reach; correct its data or its threshold, or use another model",
    "refresh-pricing": "refresh the pricing cache",
}
