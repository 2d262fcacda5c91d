"""A fleet's summary: how many tenants fail, why, and whose turn it is, in plain words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from atomlab.byok.request import Request
from atomlab.diagnosis.edits import WHO
from atomlab.diagnosis.findings import Summary
from atomlab.evidence.inputs.rules import COMPLEXITIES, Rules
from atomlab.fleets.impacts import Failure, Impact, tenants_in
from atomlab.text import count, joined
from atomlab.verdicts import ACTORS, CAUSES, Status, Verdict

# What a fix asks, and of whom; the easiest first.
EFFORTS = {
    "held": "copy a key that the tenant holds",
    "repair-row": "the tenant enters a valid key in the row",
    "new-credential": "the tenant gets a new credential",
    "operator": "an operator changes the configuration",
    "engineering": "engineering changes the code",
    "": "none of the fixes that were run helped",
}


def effort_of_fix(failure: Failure, rules: Rules) -> str:
    """Return what the fix asks: the name in EFFORTS of who has most to do, of a tenant, of what."""
    if failure.held:
        return "held"
    who, kinds = _actor(failure, rules), {edit.kind for edit in failure.edits}
    if who == "tenant":
        return "new-credential" if "new-credential" in kinds else "repair-row"
    return who


def summarize_impacts(
    impacts: Sequence[Impact],
    requests: Sequence[Request],
    status: Status,
    missing: str | None,
    rules: Rules,
) -> Summary:
    """Return the summary of all tenants' impacts; `missing` is what an undecided one lacks."""
    hit = [impact for impact in impacts if impact.failures]
    kinds, affected = [request.complexity for request in requests], tenants_in(hit)
    failing = {failure.complexity for impact in hit for failure in impact.failures}
    mute = {kind for impact in impacts for kind in impact.unable}
    known = Counter[Verdict]()
    for impact in hit:
        known[impact.cause.verdict if impact.cause else "inconclusive"] += impact.tenants
    proven = f"{known['confirmed']:,} of {count(affected, 'affected tenant')}"
    title, what = _said(impacts, hit, len(kinds), missing if status == "undecided" else None)
    return Summary(
        title=title,
        status=status,
        failing=tuple(kind for kind in kinds if kind in failing),
        mute=tuple(kind for kind in kinds if kind in mute),
        what=what,
        warning=" ".join(_warnings(impacts)),
        why=_tally(
            "The causes",
            ((CAUSES[i.cause.code].short if i.cause else "not known", i.tenants) for i in hit),
        ),
        certainty=next(iter(known)) if len(known) == 1 else None,
        proof=f"The cause is proven for {proven}: repaired on a copy of the data, the failure is "
        "gone, and changes that must not help do not."
        if hit
        else "",
        todo=_tally(
            "The easiest fixes",
            ((EFFORTS[effort_of_fix(i.failures[0], rules)], i.tenants) for i in hit),
        ),
        who=_tally(
            "It is the turn of",
            ((ACTORS[who], i.tenants) for i in hit if (who := _actor(i.failures[0], rules))),
            "",
        ),
        left=_left(hit) if hit else "",
    )


def _said(
    impacts: Sequence[Impact], hit: Sequence[Impact], kinds: int, missing: str | None
) -> tuple[str, str]:
    tenants, affected = count(tenants_in(impacts), "tenant"), tenants_in(hit)
    if missing:
        undecided = tenants_in(impact for impact in impacts if not impact.decided)
        title = f"{tenants}: it cannot be decided whether requests fail"
        return title, f"For {undecided:,} of {tenants} nothing can be decided: {missing}."
    if hit:
        whole = tenants_in(impact for impact in hit if len(impact.failures) == kinds)
        what = f"Requests of {affected:,} of {tenants} find no model"
        rest = f", of {whole:,} of them whatever the request" if kinds > 1 else ""
        every = whole == affected and kinds == len(COMPLEXITIES)
        fail = "every request fails" if every else "some requests fail"
        return f"{affected:,} of {tenants}: {fail}", f"{what}{rest}."
    if mute := tenants_in(impact for impact in impacts if impact.unable):
        title = f"{mute:,} of {tenants}: some requests get a model that cannot chat"
        return title, f"Every request of {tenants} that was tried finds a model."
    title = f"{tenants}: every request finds a model"
    return title, f"Every request of {tenants} that was tried finds a model."


def _warnings(impacts: Sequence[Impact]) -> list[str]:
    found = {
        "some requests get a model that cannot chat, and will fail": "unable",
        "the key whose models are used is only spaces, and its calls will fail": "blank_keys",
    }
    numbers = {what: tenants_in(i for i in impacts if getattr(i, of)) for what, of in found.items()}
    return [f"For {count(n, 'tenant')} {what}." for what, n in numbers.items() if n]


def _tally(label: str, words: Iterable[tuple[str, int]], colon: str = ":") -> str:
    """Return a sentence of the words, each with its number of tenants, the most frequent first."""
    found = Counter[str]()
    for word, tenants in words:
        found[word] += tenants
    named = joined(f"{word} ({count(n, 'tenant')})" for word, n in found.most_common())
    return f"{label}{colon} {named}." if found else ""


def _left(hit: Sequence[Impact]) -> str:
    left = tenants_in(impact for impact in hit if impact.failures[0].leaves)
    if left:
        return f"For {count(left, 'tenant')} some requests stay broken; they need another fix."
    return "Nothing: with its easiest fix made, every request of each tenant works."


def _actor(failure: Failure, rules: Rules) -> str:
    return max((edit.who(rules) for edit in failure.edits), key=WHO.index, default="")
