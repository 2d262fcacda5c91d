"""Facts: what the findings on a tenant say, each statement with the evidence that it rests on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from atomlab.diagnosis.findings import CauseRecord, OutcomeRecord, StepRecord
from atomlab.errors import NO_MODELS
from atomlab.postmortem.cases import Case, EvidenceItem, Statement
from atomlab.show.words import describe_answer
from atomlab.text import capital, count, grouped, joined, listed, printable
from atomlab.verdicts import cause_in_words

_ROLES = {
    "sole": "Only repairing it removes the error.",
    "one-of-k": "Repairing it removes the error; other fixes would, too.",
    "joint": "Repairing it removes the error only together with another cause.",
    None: "No fix that was tried repairs it.",
}


def sentence(text: str) -> str:
    """Return a text with a capital letter and a full stop."""
    return f"{capital(text)}."


def snapshot(case: Case) -> EvidenceItem:
    """Return the snapshot as evidence, with how much it holds."""
    found = case.found.snapshot
    tables = found.manifest.get("tables") or {}
    nouns = (("tenants", "tenant"), ("pricing", "model"))
    held = ", ".join(count(tables[name]["rows"], noun) for name, noun in nouns if name in tables)
    says = f"snapshot {printable(found.name)}{f': {held}' if held else ''}"
    return case.cite("/snapshot", says)


def outcome(case: Case, place: int) -> EvidenceItem:
    """Return the outcome of a diagnosed request as evidence."""
    diagnosed = case.diagnoses[place]
    rejected = _rejected(diagnosed)
    # One filter alone rejects all that are not usable: that is clear already.
    parts = [f"{diagnosed.candidates:,} of {_models(diagnosed)} usable"]
    parts += rejected if len(rejected) > 1 else []
    says = f"{case.who}, {diagnosed.request.kind} request: {', '.join(parts)}"
    return case.cite(f"/diagnosis/diagnoses/{place}", says)


def cause(case: Case, place: int, number: int) -> EvidenceItem:
    """Return a cause of a diagnosed request as evidence."""
    seen = case.diagnoses[place].causes[number]
    says = f"{seen.code} {seen.provider or ''}: {listed(seen.evidence)}; {seen.verdict}"
    return case.cite(f"/diagnosis/diagnoses/{place}/causes/{number}", says)


def _models(diagnosed: OutcomeRecord) -> str:
    return count(diagnosed.funnel[0].entering if diagnosed.funnel else 0, "model")


def _rejected(diagnosed: OutcomeRecord) -> list[str]:
    """Return how many models each filter rejects, of those that reject any."""
    return [f"{f.rejected:,} rejected by {f.filter}" for f in diagnosed.funnel if f.rejected]


def summary(case: Case) -> list[tuple[str, Statement]]:
    """Return the findings' summary in parts, each with its label; the answer of older findings."""
    said, found = case.found.summary, case.found
    if said is None or said.status == "undecided":
        text = said.what if said else found.answer
        cites = (outcome(case, case.asked), case.cite("/answer", found.answer))
        return [("What happened", Statement(text, cites))]
    named = [cause(case, place, 0) for place in case.failing if case.diagnoses[place].causes]
    tested = [case.cite("/trials", "the fix and placebos, as they were tried")]
    if claims := found.verification.claims:
        confirmed = sum(claim.verdict == "confirmed" for claim in claims)
        says = f"{confirmed} of {count(len(claims), 'claim')} confirmed"
        tested = [case.cite("/verification/claims", says)]
    asked = [outcome(case, place) for place in case.failing or range(len(case.diagnoses))]
    if found.recovery:
        asked.append(case.cite("/recovery/kinds", said.what))
        tested = [case.cite("/recovery/kinds", said.what), case.cite("/summary/proof", said.proof)]
    tried = [repaired(case) if found.repaired else case.cite("/summary", said.title)]
    parts = (
        ("What happened", said.what, asked),
        ("Why", said.why, named),
        ("How sure", said.proof, tested),
        ("What to do", " ".join(filter(None, (said.todo, said.who))), tried),
        ("What it does not cure", said.left, tried),
    )
    return [(label, Statement(text, tuple(cites))) for label, text, cites in parts if text]


def failing(cases: Sequence[Case]) -> Statement:
    """Return which kinds of request fail for a tenant, each once whatever findings show it."""
    asked = [(case, place) for case in cases for place in range(len(case.diagnoses))]
    kinds = dict.fromkeys(case.diagnoses[place].request.kind for case, place in asked)
    fail = dict.fromkeys(case.diagnoses[at].request.kind for case in cases for at in case.failing)
    text = f"{len(fail)} of {count(len(kinds), 'kind')} of request find no model"
    text += f" ({', '.join(fail)})." if fail else "."
    if len(kinds) == 1:
        text = f"{next(iter(kinds))} requests find {'no' if fail else 'a'} model."
    if any(each.outcome == "inconclusive" for case in cases for each in case.diagnoses):
        text = "nothing can be decided."
    return Statement(f"{cases[0].who}: {text}", tuple(outcome(*each) for each in asked))


def others(case: Case, all_kinds: bool = False) -> Statement | None:
    """Return how many tenants of the snapshot get the same error, whatever its cause.

    That is for the request asked about, or for all kinds where several tenants are the subject.
    """
    if all_kinds and case.found.affected:
        counts = [(each.complexity, each.failing, each.tenants) for each in case.found.affected]
        says = joined(f"{failing:,} for {kind}" for kind, failing, _ in counts)
        text = f"of {count(counts[0][2], 'tenant')} this many find no model: {says} requests"
        cited = case.cite("/affected", text)
        whole = f"In the snapshot {printable(case.found.snapshot.name)}, {text}."
        return Statement(whole, (cited,))
    asked = case.diagnoses[case.asked].request.complexity
    affected = {seen.complexity: place for place, seen in enumerate(case.found.affected)}
    if asked not in affected:
        return None
    seen = case.found.affected[affected[asked]]
    number = f"{seen.failing:,} of {count(seen.tenants, 'tenant')}"
    fails = any(case.diagnoses[place].request.complexity == asked for place in case.failing)
    whether = "included" if fails else "not among them"
    text = (
        f"In the snapshot {printable(case.found.snapshot.name)}, {number} get this error for"
        f" {asked} requests, {case.who} {whether}. Their causes were not compared here."
    )
    says = f"{number} find no model for {asked} requests; the findings name them"
    return Statement(text, (case.cite(f"/affected/{affected[asked]}", says),))


def roots(cases: Sequence[Case]) -> list[Statement]:
    """Return the root cause of the requests that fail, once for each role that it plays in one."""
    text = "{whose}, {kinds} requests: {meaning}. {role} Verdict: {verdict}."
    return _said_once(cases, text, roots=True)


def contributing(cases: Sequence[Case]) -> list[Statement]:
    """Return the causes that are no request's root cause, with the requests they play a part in."""
    return _said_once(cases, "For {kinds} requests of {whose}: {meaning} ({seen}).", roots=False)


def _said_once(cases: Sequence[Case], text: str, *, roots: bool) -> list[Statement]:
    """Return the text of each group of causes that are alike, once for all tenants that have it."""
    said = grouped(
        (tuple(parts.items()), ((roots and case.heading) or case.who, cites))
        for case in cases
        for parts, cites in _alike(case, roots=roots)
    )
    return [
        Statement(
            text.format(whose=joined(dict.fromkeys(who for who, _ in by)), **dict(parts)),
            tuple(cite for _, cites in by for cite in cites),
        )
        for parts, by in said.items()
    ]


def _alike(case: Case, *, roots: bool) -> Iterator[tuple[dict[str, str], list[EvidenceItem]]]:
    """Yield the words for each group of a tenant's causes, and what they rest on."""
    causes = {
        (place, number): each
        for place in case.failing
        for number, each in enumerate(case.diagnoses[place].causes)
    }
    first = {_identity(each) for (_, number), each in causes.items() if number == 0}
    groups = grouped(
        ((_identity(each), (each.role, each.verdict) if roots else each.evidence), place)
        for place, each in causes.items()
        if (_identity(each) in first) is roots
    )
    for places in groups.values():
        one = causes[places[0]]
        words = {
            "kinds": joined(case.diagnoses[place].request.kind for place, _ in places),
            "meaning": cause_in_words(*_identity(one), one.setting_key),
            "role": _ROLES[one.role],
            "verdict": one.verdict,
            "seen": listed(one.evidence),
        }
        yield words, [cause(case, *place) for place in places]


def _identity(cause: CauseRecord) -> tuple[str, str | None]:
    return cause.code, cause.provider


def rivals(case: Case) -> Statement:
    """Return which other explanations are ruled out, and which are not."""
    by = grouped((rival.ruled_out, rival.code) for rival in case.shown.rivals)
    names = {True: "Ruled out", False: "Not ruled out"}
    text = " ".join(f"{names[out]}: {joined(by[out])}." for out in names if out in by)
    return Statement(text, (case.cite(f"/diagnosis/diagnoses/{case.place}/rivals", text),))


def chain(case: Case) -> list[tuple[str, Statement]]:
    """Return the chain from the database to the error: each link's name, and what it was."""
    found, shown = case.found, case.shown
    rows = listed((f"{name} ({state})" for name, state in found.rows.items()), 8) or "none"
    held = [case.cite("/rows", f"rows with API keys of {case.who}: {rows}")]
    clients = listed(found.diagnosis.clients, 8) or "none"
    built = f"clients: {clients}"
    for place, look in enumerate(found.diagnosis.lookups):
        if shown.causes and look.provider == shown.causes[0].provider and not look.client:
            rows += f"; no key for {look.provider} in {look.setting_key}"
            built += f"; none for {look.provider}"
            says = f"lookup for {look.provider}: {look.setting_key} is {look.state}"
            held.append(case.cite(f"/diagnosis/lookups/{place}", says))
    ranked = (outcome(case, case.place),)
    rejected = ", ".join([*_rejected(shown), f"{shown.candidates:,} usable"])
    had = (case.cite("/diagnosis/clients", f"clients of {case.who}: {clients}"),)
    return [
        ("Database state", Statement(f"{rows}.", tuple(held))),
        ("Client initialization", Statement(f"{built}.", had)),
        ("Model ranking", Statement(f"{_models(shown)}: {rejected}.", ranked)),
        ("Error", Statement(_ending(shown), ranked)),
    ]


def _ending(shown: OutcomeRecord) -> str:
    if shown.winner:
        return f"none, {printable(shown.winner.model)} is chosen."
    if shown.outcome == "inconclusive":
        return "nothing can be decided."
    if shown.fallback:
        return f"none; {describe_answer(**shown.fallback.model_dump())}."
    return f"{shown.error or NO_MODELS}."


def repaired(case: Case) -> EvidenceItem:
    """Return what the fix cures on a scratch copy as evidence."""
    found = case.found.repaired
    cured = listed(found.cured if found else ()) or "nothing"
    left = listed(found.not_cured if found else ()) or "nothing"
    return case.cite("/repaired", f"with the fix made: cured {cured}; not cured {left}")


def steps(case: Case) -> list[StepRecord]:
    """Return the steps of verification.

    Where the request finds a model already, trying its fix shows nothing, and is left out.
    """
    tried = ("/trials", "/repaired") if case.served else ()
    return [each for each in case.found.steps if not each.evidence.startswith(tried)]
