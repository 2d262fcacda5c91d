"""Facts: what the findings on a tenant say, each statement with the evidence that it rests on."""

from __future__ import annotations

from atomlab.diagnosis.findings import CauseRecord, OutcomeRecord
from atomlab.errors import NO_MODELS
from atomlab.postmortem.cases import Case, EvidenceItem, Statement
from atomlab.show.words import describe_answer
from atomlab.text import count, listed, printable
from atomlab.verdicts import cause_in_words

_ROLES = {
    "sole": "Only repairing it removes the error.",
    "one-of-k": "Repairing it removes the error; other fixes would, too.",
    "joint": "Repairing it removes the error only together with another cause.",
    None: "No fix that was tried repairs it.",
}


def sentence(text: str) -> str:
    """Return a text with a capital letter and a full stop."""
    return f"{text[:1].upper()}{text[1:]}."


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


def summary(case: Case) -> Statement:
    """Return the findings' own answer; among others it says whose it is."""
    found = case.found
    cites = [outcome(case, case.asked)]
    for number, named in enumerate(case.shown.causes):
        if f"{named.code} ({named.verdict})" in found.answer:
            cites.append(cause(case, case.place, number))
    if claims := found.verification.claims:
        confirmed = sum(claim.verdict == "confirmed" for claim in claims)
        says = f"{confirmed} of {count(len(claims), 'claim')} confirmed"
        cites.append(case.cite("/verification/claims", says))
    # What options cost, and how many there are, the answer alone says in so few words.
    cites.append(repaired(case) if found.repaired else case.cite("/answer", found.answer))
    text = f"{case.heading}: {found.answer}" if case.heading else found.answer
    return Statement(text, tuple(cites))


def failing(case: Case) -> Statement:
    """Return which kinds of request fail for the tenant."""
    kinds = [case.diagnoses[place].request.kind for place in case.failing]
    total = len(case.diagnoses)
    text = f"{len(kinds)} of {count(total, 'kind')} of request find no model"
    text += f" ({', '.join(kinds)})." if kinds else "."
    if total == 1:
        only = case.diagnoses[0].request.kind
        text = f"{only} requests find {'no' if kinds else 'a'} model."
    if any(each.outcome == "inconclusive" for each in case.diagnoses):
        text = "nothing can be decided."
    cites = tuple(outcome(case, place) for place in range(total))
    return Statement(f"{case.heading or case.who}: {text}", cites)


def others(case: Case) -> Statement | None:
    """Return how many tenants of the snapshot get the same error, whatever its cause."""
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


def roots(case: Case) -> list[Statement]:
    """Return the root cause of the requests that fail, once for each role that it plays in one."""
    text = "{whose}, {kinds} requests: {meaning}. {role} Verdict: {verdict}."
    return _grouped(case, text, roots=True)


def contributing(case: Case) -> list[Statement]:
    """Return the causes that are no request's root cause, with the requests they play a part in."""
    return _grouped(case, "For {kinds} requests of {whose}: {meaning} ({seen}).", roots=False)


def _grouped(case: Case, text: str, *, roots: bool) -> list[Statement]:
    """Return the text of each group of causes that are alike."""
    causes = {
        (place, number): each
        for place in case.failing
        for number, each in enumerate(case.diagnoses[place].causes)
    }
    first = {_identity(each) for (_, number), each in causes.items() if number == 0}
    groups: dict[object, list[tuple[int, int]]] = {}
    for place, each in causes.items():
        if (_identity(each) in first) is roots:
            alike = (each.role, each.verdict) if roots else each.evidence
            groups.setdefault((_identity(each), alike), []).append(place)
    return [
        Statement(
            text.format(
                whose=case.heading or case.who,
                kinds=", ".join(case.diagnoses[place].request.kind for place, _ in places),
                meaning=cause_in_words(
                    *_identity(causes[places[0]]), causes[places[0]].setting_key
                ),
                role=_ROLES[causes[places[0]].role],
                verdict=causes[places[0]].verdict,
                seen=listed(causes[places[0]].evidence),
            ),
            tuple(cause(case, *place) for place in places),
        )
        for places in groups.values()
    ]


def _meaning(cause: CauseRecord) -> str:
    return cause_in_words(cause.code, cause.provider, cause.setting_key)


def _identity(cause: CauseRecord) -> tuple[str, str | None]:
    return cause.code, cause.provider


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


def steps(case: Case) -> list[tuple[Statement, str]]:
    """Return the steps of verification with their state; open ones lead to no finding.

    Where the request finds a model already, trying its fix shows nothing, and is left out.
    """
    whose = f"{case.heading}: " if case.heading else ""
    tried = ("/trials", "/repaired") if case.served else ()
    return [
        (Statement(text, (case.cite(each.evidence, text),) if each.evidence else ()), each.state)
        for each in case.found.steps
        for text in [f"{whose}{each.step}"]
        if not each.evidence.startswith(tried)
    ]
