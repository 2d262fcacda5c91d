"""A fleet's summary: how many tenants fail, why, and whose turn it is, in plain words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from atomlab.diagnosis.findings import Summary
from atomlab.evidence.inputs.rules import COMPLEXITIES
from atomlab.fleets.impacts import UNEXPLAINED
from atomlab.fleets.totals import EFFORTS, Totals
from atomlab.text import count, joined
from atomlab.verdicts import ACTORS, CAUSES, Verdict

_SHORT = {UNEXPLAINED: "not known"} | {code: words.short for code, words in CAUSES.items()}


def summarize_totals(totals: Totals) -> Summary:
    """Return the summary of a fleet's totals."""
    hit, kinds = totals.affected, totals.kinds
    failing = {failure.complexity for met in hit for failure in met.failures}
    mute = {kind for met in totals.met for kind in met.unable}
    known: dict[Verdict, int] = totals.by("verdict")
    proven = f"{known.get('confirmed', 0):,} of {_affected(totals)}"
    title, what = _said(totals)
    return Summary(
        title=title,
        status=totals.status,
        failing=tuple(kind for kind in kinds if kind in failing),
        mute=tuple(kind for kind in kinds if kind in mute),
        what=what,
        warning=" ".join(_warnings(totals)),
        why=_tally("The causes", totals.by("cause"), _SHORT),
        certainty=next(iter(known)) if len(known) == 1 else None,
        proof=f"The cause is proven for {proven}: repaired on a copy of the data, the failure is "
        "gone, and changes that must not help do not."
        if hit
        else "",
        todo=_tally("The easiest fixes", totals.by("effort"), EFFORTS),
        who=_tally("It is the turn of", totals.by("who"), ACTORS, colon=""),
        left=_left(totals) if hit else "",
    )


def _affected(totals: Totals) -> str:
    return count(totals.by_status["affected"], "affected tenant")


def _said(totals: Totals) -> tuple[str, str]:
    tenants, kinds = count(totals.tenants, "tenant"), len(totals.kinds)
    if totals.status == "undecided":
        undecided = totals.by_status["undecided"]
        title = f"{tenants}: it cannot be decided whether requests fail"
        return title, f"For {undecided:,} of {tenants} nothing can be decided: {totals.missing}."
    if affected := totals.by_status["affected"]:
        whole = totals.outages
        what = f"Requests of {affected:,} of {tenants} find no model"
        rest = f", of {whole:,} of them whatever the request" if kinds > 1 else ""
        every = whole == affected and kinds == len(COMPLEXITIES)
        fail = "every request fails" if every else "some requests fail"
        return f"{affected:,} of {tenants}: {fail}", f"{what}{rest}."
    found = f"Every request of {tenants} that was tried finds a model."
    if mute := sum(number for met, number in totals.met.items() if met.unable):
        return f"{mute:,} of {tenants}: some requests get a model that cannot chat", found
    return f"{tenants}: every request finds a model", found


def _warnings(totals: Totals) -> list[str]:
    found = {
        "some requests get a model that cannot chat, and will fail": "unable",
        "the key whose models are used is only spaces, and its calls will fail": "blank",
    }
    numbers = {
        what: sum(number for met, number in totals.met.items() if getattr(met, of))
        for what, of in found.items()
    }
    return [f"For {count(number, 'tenant')} {what}." for what, number in numbers.items() if number]


def _tally(
    label: str, numbers: Mapping[str, int], words: Mapping[str, str], colon: str = ":"
) -> str:
    """Return a sentence of the words, each with its number of tenants, the most frequent first."""
    found = Counter[str]()
    for name, tenants in numbers.items():
        if name in words:  # nobody acts where no fix helped
            found[words[name]] += tenants
    named = joined(f"{word} ({count(n, 'tenant')})" for word, n in found.most_common())
    return f"{label}{colon} {named}." if found else ""


def _left(totals: Totals) -> str:
    left = sum(number for met, number in totals.affected.items() if met.failures[0].leaves)
    if left:
        return f"For {count(left, 'tenant')} some requests stay broken; they need another fix."
    return "Nothing: with its easiest fix made, every request of each tenant works."
