"""Proof: the claims, the trials, the options and the steps of one case, as rows with evidence."""

from __future__ import annotations

from atomlab.postmortem.evidence import Evidence, Statement
from atomlab.postmortem.facts import NOT_RECORDED, Facts, Row
from atomlab.text import listed

_AGAIN = "Claims about the fault must fail where it is repaired: "
# What the platform does at each step of the chain (source: PLATFORM A), for every edition.
_FLOW = (
    (
        "BYOKManager.get_tenant_api_key",
        "reads the row named after the provider's id, in capitals, and API_KEY; none is no key",
    ),
    (
        "BYOKHandler._initialize_clients",
        "builds a client for each LLM provider whose key was found, and skips the others",
    ),
    (
        "BYOKHandler.rank_models_by_pricing",
        "skips each model whose provider is not among the clients, then applies the other filters",
    ),
    ("BYOKHandler.rank_models_by_pricing", "raises the error if no model is left"),
)


def hypothesis(facts: Facts) -> list[Statement]:
    """Return the claims as they were stated, each citing its test."""
    return [
        Statement(f"{claim.id}: {claim.statement}", (_claim(facts, place),))
        for place, claim in enumerate(facts.case.found.verification.claims)
    ]


def verification(facts: Facts) -> list[Row]:
    """Return each claim's test: expected, observed, verdict."""
    return [
        (c.id, c.expected, Statement(c.observed, (_claim(facts, place),)), c.verdict)
        for place, c in enumerate(facts.case.found.verification.claims)
    ]


def _claim(facts: Facts, place: int) -> Evidence:
    claim = facts.case.found.verification.claims[place]
    says = f"claim {claim.id}: {claim.observed}; {claim.verdict}"
    return facts.cite(f"/verification/claims/{place}", says)


def trials(facts: Facts) -> list[Row]:
    """Return the fix and its placebos as tried on a scratch copy, if there was an error to cure."""
    if facts.served:
        return []
    return [
        (
            t.name,
            t.edit,
            Statement(t.result, (facts.cite(f"/trials/{n}", f"{t.name}: {t.result}"),)),
        )
        for n, t in enumerate(facts.case.found.trials)
    ]


def repaired(facts: Facts) -> list[Statement]:
    """Return what the fix does on the scratch copy, and what the claims say there."""
    found = facts.case.found.repaired
    if found is None or facts.served:
        return []
    cured, left = listed(found.cured), listed(found.not_cured)
    finding = f"{cured} requests find" if cured else "no other request finds"
    text = f"With the fix made, {finding} a model"
    rest = f"; {left} requests still do not." if left else "; no request is left without."
    refuted = sum(claim.verdict == "refuted" for claim in found.verification.claims)
    again = f"{refuted} of {len(found.verification.claims)} claims no longer hold on that copy."
    cited = facts.cite("/repaired/verification", again)
    return [Statement(text + rest, (facts.repaired(found),)), Statement(_AGAIN + again, (cited,))]


def flow(facts: Facts) -> list[tuple[str, str, str, Statement]]:
    """Return the platform's steps: name, function, what it does, and what it came to here."""
    *most, (last, raises) = _FLOW
    ends = "leaves the answer to the edition's fallback" if facts.shown.fallback else raises
    told = zip((*most, (last, ends)), facts.chain(), strict=True)
    return [(name, function, does, seen) for (function, does), (name, seen) in told]


def options(facts: Facts) -> list[Row]:
    """Return the options that were run: kind and cost, what speaks for and against each."""
    rows: list[Row] = []
    for place, option in enumerate(facts.case.found.options):
        leaves = listed(option.leaves, 8) or "nothing"
        says = f"{option.name}: cures {len(option.cures)}, leaves {leaves}, cost {option.cost}"
        cited = facts.cite(f"/options/{place}", says)
        rows.append(
            (
                Statement(option.name, (cited,)),
                f"{option.kind}, {option.cost}",
                NOT_RECORDED if option.pros is None else [Statement(p) for p in option.pros],
                NOT_RECORDED if option.cons is None else [Statement(c) for c in option.cons],
            )
        )
    return rows


def steps(facts: Facts) -> list[Row]:
    """Return the steps of verification with their state; open ones lead to no finding.

    Where the request finds a model already, trying its fix shows nothing, and is left out.
    """
    whose = f"{facts.heading}: " if facts.among else ""
    named = (facts.snapshot(),) if facts.among else ()
    told = [(s, whose + s.step) for s in facts.case.found.steps]
    rows: list[Row] = [
        (Statement(step, (facts.cite(s.evidence, step),) if s.evidence else named), s.state)
        for s, step in told
        if not (facts.served and s.evidence.startswith(("/trials", "/repaired")))
    ]
    if not facts.case.found.recorded("steps"):
        rows.append((Statement(f"{whose}The steps are {NOT_RECORDED}", named), ""))
    return rows


def remedy(facts: Facts) -> list[Statement]:
    """Return what the fix of least effort does and does not cure, in the findings' words."""
    found = facts.case.found.remedy
    words = found.words if found else ()
    return [
        Statement(f"{told[:1].upper()}{told[1:]}.", (facts.cite(f"/remedy/words/{n}", told),))
        for n, told in enumerate(words)
    ]


def proposed(facts: Facts) -> Statement | None:
    """Return the fix of least effort as an action item."""
    for place, option in enumerate(facts.case.found.options[:1]):
        cited = facts.cite(f"/options/{place}", option.name)
        sure = option.kind == "data"
        what = "Apply the fix" if sure else "Choose a fix option, and make it,"
        which = option.name if sure else f"that of least effort is to {option.name}"
        return Statement(f"{what} for {facts.who}: {which}", (cited,))
    return None


def limits(facts: Facts) -> list[Statement]:
    """Return what was not checked, and what the replay had to take on trust."""
    found = facts.case.found
    told = [
        Statement(limit, (facts.cite(f"/limits/{n}", limit),))
        for n, limit in enumerate(found.limits)
    ]
    if not found.recorded("limits"):
        told.append(Statement(f"What was not checked is {NOT_RECORDED}."))
    return told + [
        Statement(
            f"Taken on trust: {warning}.",
            (facts.cite(f"/warnings/{n}", "what the replay took on trust"),),
        )
        for n, warning in enumerate(found.warnings)
    ]
