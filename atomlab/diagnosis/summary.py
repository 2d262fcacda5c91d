"""A summary: what was found of a tenant, for people who know no code of ours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from atomlab.byok.keys import KeyLookup
from atomlab.byok.ranking import Ranking
from atomlab.diagnosis.answers import instead, serves
from atomlab.diagnosis.diagnose import Diagnosis, RequestDiagnosis
from atomlab.diagnosis.edits import Who
from atomlab.diagnosis.explanation import Cause, FixSet
from atomlab.diagnosis.findings import Summary
from atomlab.diagnosis.fixes import (
    best_fix,
    decided_after,
    for_a_chat_model,
    in_words,
    left_by,
    needed,
    without_cause,
)
from atomlab.errors import NO_MODELS
from atomlab.evidence.inputs.rules import COMPLEXITIES
from atomlab.text import capital, grouped, joined, printable
from atomlab.verdicts import CAUSES, Verdict, cause_in_words, worst_verdict

TURN: dict[Who, str] = {
    "tenant": "It is the tenant's turn: it is a change of their own key settings.",
    "operator": "It is the turn of the platform's operators.",
    "engineering": "It is the turn of the platform's engineers: it is a change of code.",
}
NOTHING_LEFT = "Nothing: with the fix made, every request that was tried works."
_PROOF: dict[Verdict, str] = {
    "confirmed": "The cause is proven: repaired on a copy of the data, the failure is gone, and"
    " changes that must not help do not.",
    "inconclusive": "The cause is likely, not proven: not every test of it could be run.",
    "refuted": "The cause that was named is not the cause.",
}


def summarize(diagnosis: Diagnosis, whole: Diagnosis | None = None) -> Summary:
    """Return the summary of a tenant's requests: each field is a sentence or two, or empty.

    What the fix does not cure is said of those of `whole`, where more were diagnosed.
    """
    failing = () if diagnosis.undecided else diagnosis.failing
    fix, asked = best_fix(diagnosis, failing), whole or diagnosis
    after = decided_after(fix, asked)
    certainty = _certainty(failing) if failing else None
    return Summary(
        title=f"{printable(diagnosis.tenant.called)}: {_state(diagnosis)}",
        status=diagnosis.status,
        failing=_complexities(failing),
        mute=_complexities(_mute(diagnosis)),
        what=_what(diagnosis),
        warning=" ".join(map(_will_fail, blank_keys(diagnosis))),
        why=" ".join(_whys(failing)),
        certainty=certainty,
        proof=_proof(failing, certainty) if certainty else "",
        todo=_todo(fix, diagnosis),
        who=TURN[fix.who] if fix else "",
        actor=fix.who if fix else None,
        unserved=tuple(each.request.complexity for each in after if not serves(each)),
        left=_left(fix, asked, after) if fix else "",
        cause=joined(dict.fromkeys(map(_short, failing))),
        fix=in_words(fix.edits, diagnosis) if fix else "",
    )


def blank_keys(diagnosis: Diagnosis) -> list[KeyLookup]:
    """Return the keys of spaces only whose providers' models win."""
    winners = (each.ranking.winner for each in diagnosis.requests)
    winning = {winner.provider for winner in winners if winner}
    return [k for k in diagnosis.lookups if k.provider in winning and k.state == "blank"]


def _that(requests: Sequence[RequestDiagnosis], of: Diagnosis, one: str, many: str) -> str:
    """Return `every request fails`, or `simple and moderate requests fail` if some others do not.

    Every request is all four kinds.
    """
    if len(requests) == len(of.requests) == len(COMPLEXITIES):
        return f"every request {one}"
    return f"{_kinds(requests)} {many}"


def _mute(diagnosis: Diagnosis) -> list[RequestDiagnosis]:
    """Return the requests whose winner is not a chat model."""
    return [d for d in diagnosis.requests if d.ranking.winner and d.ranking.winner.unable]


def _complexities(requests: Sequence[RequestDiagnosis]) -> tuple[str, ...]:
    return tuple(each.request.complexity for each in requests)


def _kinds(requests: Sequence[RequestDiagnosis]) -> str:
    return f"{joined(_complexities(requests))} requests"


def _state(diagnosis: Diagnosis) -> str:
    """Return the title's second half."""
    found = diagnosis.requests
    if diagnosis.undecided:
        return "it cannot be decided whether requests fail"
    if diagnosis.failing:
        return _that(diagnosis.failing, diagnosis, "fails", "fail")
    if mute := _mute(diagnosis):
        return _that(
            mute, diagnosis, "gets a model that cannot chat", "get a model that cannot chat"
        )
    return _that(found, diagnosis, "finds a model", "find a model")


def _what(diagnosis: Diagnosis) -> str:
    """Return what happens to the requests."""
    failing, whose = diagnosis.failing, printable(diagnosis.tenant.called)
    if undecided := diagnosis.undecided:
        return (
            f"Whether requests of {whose} find a model cannot be decided: {undecided[0].missing}."
        )
    found = [each for each in diagnosis.requests if each not in failing]
    cannot = _cannot(each.ranking for each in found)
    but = f", but {cannot}" if cannot else ""
    if not failing:
        served = _that(found, diagnosis, f"of {whose} finds a model", f"of {whose} find a model")
        fine = "" if blank_keys(diagnosis) else ": nothing is wrong"
        return f"{capital(served)}{but or fine}."
    served = f"{_kinds(found)} find a model{but}." if found else ""
    answer = instead(each.ranking for each in failing)
    error = failing[0].ranking.error or NO_MODELS
    raised = "" if answer else f', and the worker stops with "{error}"'
    fails = _that(failing, diagnosis, f"of {whose} fails", f"of {whose} fail")
    sentence = f"{capital(fails)}: the platform finds no model to use{raised}."
    return " ".join(filter(None, (sentence, answer, capital(served))))


def _whys(failing: Sequence[RequestDiagnosis]) -> Iterator[str]:
    """Yield why requests fail, once for each cause; first what they have in common."""
    causes = grouped((why, each) for each in failing for why in _why(each))
    shared = [why for why, these in causes.items() if len(these) == len(failing)]
    yield from (f"{capital(why)}." for why in shared)
    for why, these in causes.items():
        if why not in shared:
            also = f"in addition, {_kinds(these)}" if shared else _kinds(these)
            yield f"{capital(also)} fail because {why}."


def _why(failing: RequestDiagnosis) -> list[str]:
    """Return each part of a request's root cause, as part of a sentence."""
    root = failing.explanation.root
    if not root:
        tried = "no repair that was tried makes a model usable"
        if failing.explanation.fix_sets:
            tried = "what makes a model usable repairs nothing that was found to be wrong"
        return [f"the reason is not known: {tried}"]
    return [_one_cause(cause, failing) for cause in root]


def _one_cause(cause: Cause, failing: RequestDiagnosis) -> str:
    edits = (edit for fix in failing.explanation.fix_sets for edit in fix.edits)
    held = (e.copy_from for e in edits if e.copy_from and e.setting_key == cause.setting_key)
    named = (cause.code, cause.provider, cause.setting_key)
    return cause_in_words(*named, next(held, None) if cause.setting_key else None)


def _short(failing: RequestDiagnosis) -> str:
    """Return the root cause of a request in a few words, with its provider."""
    root = failing.explanation.root[:1]
    if not root:
        return "not known"
    [cause] = root
    whose = f" ({printable(cause.provider)})" if cause.provider else ""
    return f"{CAUSES[cause.code].short}{whose}"


def _certainty(failing: Sequence[RequestDiagnosis]) -> Verdict:
    """Return how sure the root causes are: the least sure of them."""
    return worst_verdict(
        each.explanation.causes[0].verdict if each.explanation.causes else "inconclusive"
        for each in failing
    )


def _will_fail(blank: KeyLookup) -> str:
    provider = printable(blank.provider)
    return f"The key for {provider} is only spaces, so the calls to {provider} will fail."


def _cannot(decided: Iterable[Ranking]) -> str:
    """Return which kinds of request get a model that cannot chat, and which; empty if none do."""
    found = grouped(
        (f"{printable(winner.model)} ({printable(winner.mode).replace('_', ' ')})", kind)
        for ranking in decided
        if (kind := ranking.request.complexity) and (winner := ranking.winner) and winner.unable
    )
    named = [f"{joined(kinds)} requests get {model}" for model, kinds in found.items()]
    what = "models that cannot chat" if len(found) > 1 else "a model that cannot chat"
    return f"{joined(named)}, {what}: they will fail" if found else ""


def _proof(failing: Sequence[RequestDiagnosis], certainty: Verdict) -> str:
    known = any(each.explanation.causes for each in failing)
    return _PROOF[certainty] if known else "The cause is not known."


def _todo(fix: FixSet | None, diagnosis: Diagnosis) -> str:
    if diagnosis.undecided:
        return "Capture the data again, with what is missing."
    if not diagnosis.failing:
        return ""
    if fix is None:
        return f"No fix is known: {without_cause(diagnosis)}."
    return f"{capital(in_words(fix.edits, diagnosis))}."


def _left(fix: FixSet, diagnosis: Diagnosis, after: Sequence[Ranking]) -> str:
    """Return what the fix does not cure: what finds no model even then, or one that cannot chat."""
    sentences = [
        f"{capital(_kinds(these))} stay broken; they {needed(edits, fix, diagnosis)}."
        for edits, these in left_by(after, diagnosis).items()
    ]
    pairs = list(zip(diagnosis.requests, after, strict=True))
    for each, then in pairs:
        if each.ranking.winner and not then.winner:
            kind, why = each.request.complexity, f": {then.broken}" if then.broken else ""
            sentences.append(f"With the fix made, {kind} requests, which work now, fail{why}.")
    if mute := _cannot(after):
        unserved = (d for d, then in pairs if then.winner and then.winner.unable)
        failing = [each for each in unserved if each in diagnosis.failing]
        ways = dict.fromkeys(for_a_chat_model(each, diagnosis) for each in failing)
        sentences.append(f"With the fix made, {'; '.join((mute, *ways))}.")
    return " ".join(sentences) or NOTHING_LEFT
