"""Facts: what findings say, in sentences whose every part stands where they cite it."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from atomlab.postmortem import facts
from atomlab.postmortem.cases import load_cases
from atomlab.postmortem.draft import draft
from atomlab.postmortem.events import Events
from atomlab.postmortem.reader import blocks

HASH = "0123456789ab" + "c" * 52
ALIAS = {
    "code": "key-under-alias",
    "provider": "minimax",
    "setting_key": "MINIMAX_API_KEY",
    "role": "one-of-k",
    "evidence": ["no row MINIMAX_API_KEY", "row MINIMAX_2_7_API_KEY holds a key"],
    "verdict": "confirmed",
}
QUALITY = {
    "code": "quality",
    "provider": "minimax",
    "setting_key": None,
    "role": "joint",
    "evidence": ["5 of 5 models rejected"],
    "verdict": "confirmed",
}


def diagnosed(complexity, *causes, usable=0, rejected=(("client", 9),), rivals=(), **fields):
    """Return a request's diagnosis: of nine models this many are usable."""
    funnel, entering = [], 9
    for name, number in rejected:
        funnel.append({"filter": name, "entering": entering, "rejected": number})
        entering -= number
    return {
        "request": {"complexity": complexity},
        "outcome": "ranked" if usable else "no-models",
        "error": None if usable else "No models available from dynamic pricing",
        "winner": {"provider": "minimax", "model": "minimax/m"} if usable else None,
        "candidates": usable,
        "funnel": funnel,
        "causes": list(causes),
        "rivals": list(rivals),
        **fields,
    }


def document(*diagnoses, asked="simple", **parts):
    """Return findings on the tenant Acme, with these diagnoses."""
    return {
        "schema": "atomlab.findings/1",
        "title": "t",
        "verdict": "confirmed",
        "answer": "the answer",
        "request": {"complexity": asked},
        "snapshot": {"name": "night", "sha256": HASH, "manifest": {}},
        "verification": {"verdict": "inconclusive", "claims": []},
        "diagnosis": {
            "snapshot": {"captured_at": "2026-05-02T08:00:00Z", "rules": "hosted-2026-05"},
            "tenant": {"id": "id-acme", "name": "Acme Ltd", "subdomain": "acme"},
            "lookups": [
                lookup("openai", "present", client=True),
                lookup("minimax", "missing"),
                lookup("groq", "missing"),
            ],
            "clients": ["openai"],
            "diagnoses": list(diagnoses) or [diagnosed("simple", ALIAS)],
        },
        **parts,
    }


def lookup(provider, state, *, client=False):
    """Return a provider's key lookup."""
    key = f"{provider.upper()}_API_KEY"
    return {
        "provider": provider,
        "setting_key": key,
        "state": state,
        "client": client,
        "reason": "",
    }


@pytest.fixture
def case(tmp_path):
    """Return a function that makes a case of a findings document."""

    def of(found, *, among=False):
        path = tmp_path / "findings.json"
        path.write_text(json.dumps(found), encoding="utf-8")
        return replace(load_cases([path])[0], among=among)

    return of


def pointers(statement):
    """Return the JSON Pointers that a statement cites, all into the findings file."""
    assert all(each.snapshot == HASH[:12] for each in statement.cites)
    assert all(each.place.startswith("findings.json#/") for each in statement.cites)
    return [each.place.partition("#")[2] for each in statement.cites]


def test_a_case_is_named_by_its_tenant_and_among_others_by_its_snapshot_too(case):
    """The subdomain stands in brackets, the id where there is none."""
    found = document()
    assert case(found).who == "Acme Ltd (acme)"
    assert case(found).heading == ""
    assert case(found, among=True).heading == "Acme Ltd (acme), snapshot night"
    del found["diagnosis"]["tenant"]["subdomain"]
    assert case(found).who == "Acme Ltd (id-acme)"


@pytest.mark.parametrize("asked", ["simple", "complex"])
def test_a_case_is_served_if_the_request_asked_about_finds_a_model(case, asked):
    """Another request's winner serves it no better."""
    found = document(diagnosed("simple", usable=2), diagnosed("complex", ALIAS), asked=asked)
    assert case(found).served is (asked == "simple")


@pytest.mark.parametrize(
    ("tables", "says"),
    [
        (None, "snapshot night"),
        ({"rules": {"rows": 1}}, "snapshot night"),
        ({"tenants": {"rows": 1}, "rules": {"rows": 3}}, "snapshot night: 1 tenant"),
        (
            {"tenants": {"rows": 45}, "pricing": {"rows": 2690}},
            "snapshot night: 45 tenants, 2,690 models",
        ),
    ],
)
def test_the_snapshot_is_cited_with_what_it_holds(case, tables, says):
    """As many tenants and models as its manifest counts, if it does."""
    found = document(snapshot={"name": "night", "sha256": HASH, "manifest": {"tables": tables}})
    evidence = facts.snapshot(case(found))
    assert (evidence.says, evidence.place) == (says, "findings.json#/snapshot")
    assert evidence.snapshot == HASH[:12]


@pytest.mark.parametrize(
    ("usable", "rejected", "says"),
    [
        (0, [("client", 9), ("context", 0)], "0 of 9 models usable"),
        (
            3,
            [("client", 4), ("context", 0), ("quality", 2)],
            "3 of 9 models usable, 4 rejected by client, 2 rejected by quality",
        ),
        (0, [], "0 of 0 models usable"),
    ],
    ids=["one-filter", "two-filters", "no-model"],
)
def test_an_outcome_is_cited_with_what_each_filter_rejects(case, usable, rejected, says):
    """Where one filter alone rejects all that is not usable, that is said already."""
    found = document(
        diagnosed("moderate"), diagnosed("simple", usable=usable, rejected=rejected), asked="simple"
    )
    evidence = facts.outcome(case(found), 1)
    assert evidence.says == f"Acme Ltd (acme), simple request: {says}"
    assert evidence.place.endswith("#/diagnosis/diagnoses/1")


CLAIMS = [
    {"id": n, "statement": "s", "verdict": v, "expected": "e", "observed": "o"}
    for n, v in (("a", "confirmed"), ("b", "refuted"), ("c", "confirmed"))
]
REPAIRED = {
    "cured": ["simple", "moderate"],
    "not_cured": [],
    "verification": {"verdict": "confirmed", "claims": []},
}


SUMMARY = {
    "title": "Acme Ltd: simple requests fail",
    "status": "affected",
    "what": "Simple requests fail.",
    "why": "The key stands elsewhere.",
    "proof": "It is proven.",
    "todo": "Move it.",
    "who": "It is the tenant's turn.",
    "left": "Nothing: all works.",
}


def test_the_summary_is_the_findings_own_in_parts(case):
    """What, why, proof, what to do and what is left, each with what it rests on."""
    claims = {"verification": {"verdict": "refuted", "claims": CLAIMS}, "repaired": REPAIRED}
    for parts, proof, fix in (
        ({}, "/trials", "/summary"),
        (claims, "/verification/claims", "/repaired"),
    ):
        told = facts.summary(case(document(summary=SUMMARY, **parts)))
        assert {label: (said.text, pointers(said)) for label, said in told} == {
            "What happened": (SUMMARY["what"], ["/diagnosis/diagnoses/0"]),
            "Why": (SUMMARY["why"], ["/diagnosis/diagnoses/0/causes/0"]),
            "How sure": (SUMMARY["proof"], [proof]),
            "What to do": ("Move it. It is the tenant's turn.", [fix]),
            "What it does not cure": (SUMMARY["left"], [fix]),
        }


def test_findings_without_a_summary_give_their_answer(case):
    """Older findings have none: their answer stands in its place."""
    [(label, said)] = facts.summary(case(document()))
    assert (label, said.text) == ("What happened", "the answer")
    assert pointers(said) == ["/diagnosis/diagnoses/0", "/answer"]


@pytest.mark.parametrize(
    ("diagnoses", "text"),
    [
        (
            [diagnosed("simple", usable=1), diagnosed("complex"), diagnosed("advanced")],
            "Acme Ltd (acme): 2 of 3 kinds of request find no model (complex, advanced).",
        ),
        (
            [diagnosed("simple", usable=1), diagnosed("complex", usable=1)],
            "Acme Ltd (acme): 0 of 2 kinds of request find no model.",
        ),
        ([diagnosed("simple")], "Acme Ltd (acme): simple requests find no model."),
        ([diagnosed("simple", usable=1)], "Acme Ltd (acme): simple requests find a model."),
        (
            [diagnosed("simple", outcome="inconclusive"), diagnosed("complex")],
            "Acme Ltd (acme): nothing can be decided.",
        ),
    ],
    ids=["some", "none", "the-only-one", "the-only-one-does", "undecided"],
)
def test_which_requests_fail_is_counted_over_all_that_were_diagnosed(case, diagnoses, text):
    """Every outcome is cited, also of those that find a model."""
    told = facts.failing([case(document(*diagnoses))])
    assert told.text == text
    assert pointers(told) == [f"/diagnosis/diagnoses/{n}" for n in range(len(diagnoses))]


AFFECTED = [
    {"complexity": "moderate", "failing": 1, "tenants": 45, "examples": []},
    {"complexity": "simple", "failing": 1_022, "tenants": 2_000, "examples": []},
]


@pytest.mark.parametrize(
    ("usable", "asked", "expected"),
    [
        (0, "simple", "1,022 of 2,000 tenants get this error for simple requests, {} included"),
        (1, "simple", "1,022 of 2,000 tenants get this error for simple requests, {} not among"),
        (1, "moderate", "1 of 45 tenants get this error for moderate requests, {} included"),
    ],
)
def test_how_many_others_get_the_error_is_that_of_the_request_asked_about(
    case, usable, asked, expected
):
    """The snapshot's own count, and whether the tenant is one of them."""
    found = document(
        diagnosed("simple", usable=usable), diagnosed("moderate"), asked=asked, affected=AFFECTED
    )
    told = facts.others(case(found))
    assert expected.format("Acme Ltd (acme)") in told.text
    assert told.text.endswith("Their causes were not compared here.")
    place = [each["complexity"] for each in AFFECTED].index(asked)
    assert pointers(told) == [f"/affected/{place}"]


def test_how_many_others_get_the_error_is_not_made_up(case):
    """Findings that did not count it, or counted for other requests, say nothing."""
    assert facts.others(case(document())) is None
    assert facts.others(case(document(affected=AFFECTED[:1]))) is None


def test_roots_are_told_once_for_each_part_that_they_play(case):
    """The same cause that suffices for two requests, and for the third does not."""
    joint = {**ALIAS, "role": "joint"}
    found = document(
        diagnosed("simple", ALIAS),
        diagnosed("moderate", ALIAS),
        diagnosed("complex", usable=1),
        diagnosed("advanced", joint, QUALITY),
    )
    alone, together = facts.roots([case(found)])
    assert alone.text.startswith("Acme Ltd (acme), simple and moderate requests: ")
    assert "Repairing it removes the error; other fixes would, too." in alone.text
    assert alone.text.endswith("Verdict: confirmed.")
    assert pointers(alone) == [f"/diagnosis/diagnoses/{n}/causes/0" for n in (0, 1)]
    assert together.text.startswith("Acme Ltd (acme), advanced requests: ")
    assert "only together with another cause" in together.text
    assert pointers(together) == ["/diagnosis/diagnoses/3/causes/0"]


def test_what_part_the_cause_asked_about_plays_elsewhere_is_told(case):
    """Where another cause is the root, the one that was asked about stands beside it."""
    sole = {**QUALITY, "role": "sole"}
    found = document(diagnosed("simple", ALIAS), diagnosed("advanced", sole, ALIAS))
    told = facts.roots([case(found)])
    assert [pointers(each) for each in told] == [
        ["/diagnosis/diagnoses/0/causes/0", "/diagnosis/diagnoses/1/causes/1"],
        ["/diagnosis/diagnoses/1/causes/0"],
    ]
    assert "Only repairing it removes the error." in told[1].text
    doubted = document(
        diagnosed("simple", ALIAS), diagnosed("complex", {**ALIAS, "verdict": "inconclusive"})
    )
    verdicts = [
        re.search(r"Verdict: (\w+)\.$", each.text)[1] for each in facts.roots([case(doubted)])
    ]
    assert verdicts == ["confirmed", "inconclusive"]


@pytest.mark.parametrize(
    ("asked", "seen"),
    [
        ("simple", ["No row MINIMAX_API_KEY.", "Row MINIMAX_2_7_API_KEY holds a key."]),
        ("advanced", ["5 of 5 models rejected."]),
    ],
)
def test_what_was_seen_of_the_root_cause_is_of_the_request_that_is_explained(case, asked, seen):
    """The one asked about, or where that finds a model the first that fails."""
    found = document(
        diagnosed("simple", usable=1),
        diagnosed("complex", ALIAS),
        diagnosed("advanced", QUALITY),
        asked=asked,
    )
    markdown = draft([case(found)], Events())
    root = [b for b in blocks(markdown) if b.section[-1] == "Root cause"]
    assert [b.text for b in root if b.text in seen] == seen
    place = {"simple": 1, "advanced": 2}[asked]
    where = {b.cells[0]: b.cells[2] for b in blocks(markdown) if b.within("evidence") and b.cells}
    cited = {where[f"E{n}"] for b in root if b.text in seen for n in b.cites}
    assert cited == {f"findings.json#/diagnosis/diagnoses/{place}/causes/0"}


def test_contributing_are_the_causes_that_are_no_root_of_any_request(case):
    """Each once for what was seen of it, with the requests that it plays a part in."""
    other = {**QUALITY, "evidence": ["4 of 5 models rejected"]}
    found = document(
        diagnosed("simple", ALIAS),
        diagnosed("complex", ALIAS, QUALITY),
        diagnosed("advanced", ALIAS, QUALITY),
        diagnosed("moderate", ALIAS, other),
    )
    first, second = facts.contributing([case(found)])
    assert first.text == (
        "For complex and advanced requests of Acme Ltd (acme): the models of minimax that the keys"
        " give access to are rated below the quality that these requests need (5 of 5 models"
        " rejected)."
    )
    assert pointers(first) == [f"/diagnosis/diagnoses/{n}/causes/1" for n in (1, 2)]
    assert second.text.startswith("For moderate requests")
    assert pointers(second) == ["/diagnosis/diagnoses/3/causes/1"]
    found["diagnosis"]["diagnoses"].append(diagnosed("simple", QUALITY))
    assert facts.contributing([case(found)]) == []


def test_rivals_are_those_of_the_request_that_is_explained(case):
    """Each with its reason, cited where it stands."""
    rivals = [
        {"code": "pricing-cache-empty", "ruled_out": True, "why": "it holds 9 models"},
        {"code": "quality", "ruled_out": False, "why": "it is a cause"},
    ]
    found = document(diagnosed("simple", usable=1), diagnosed("complex", ALIAS, rivals=rivals))
    markdown = draft([case(found)], Events())
    rows = [b for b in blocks(markdown) if b.within("other explanations") and b.cells]
    assert [row.cells for row in rows] == [
        ("pricing-cache-empty", "ruled out", "it holds 9 models"),
        ("quality", "not ruled out", "it is a cause"),
    ]
    evidence = {b.cells[0]: b.cells for b in blocks(markdown) if b.within("evidence") and b.cells}
    cited = [evidence[f"E{row.cites[0]}"] for row in rows]
    assert [each[2] for each in cited] == [
        f"findings.json#/diagnosis/diagnoses/1/rivals/{n}" for n in (0, 1)
    ]
    assert cited[0][1] == "pricing-cache-empty: it holds 9 models"


def test_the_chain_leads_from_the_rows_to_the_error(case):
    """Rows, clients, models, error: each link as it was, and what is missing in the first two."""
    rows = {"MINIMAX_2_7_API_KEY": "present", "GROQ_API_KEY": "null"}
    rejected = [("client", 7), ("quality", 2)]
    found = document(diagnosed("simple", ALIAS, rejected=rejected), rows=rows)
    links = facts.chain(case(found))
    assert {name: told.text for name, told in links} == {
        "Database state": "MINIMAX_2_7_API_KEY (present), GROQ_API_KEY (null);"
        " no key for minimax in MINIMAX_API_KEY.",
        "Client initialization": "clients: openai; none for minimax.",
        "Model ranking": "9 models: 7 rejected by client, 2 rejected by quality, 0 usable.",
        "Error": "No models available from dynamic pricing.",
    }
    assert [pointers(told) for _, told in links] == [
        ["/rows", "/diagnosis/lookups/1"],
        ["/diagnosis/clients"],
        ["/diagnosis/diagnoses/0"],
        ["/diagnosis/diagnoses/0"],
    ]


@pytest.mark.parametrize(
    ("found", "database", "clients", "ending"),
    [
        (
            document(diagnosed("simple", usable=2), rows={}),
            "none.",
            "clients: openai.",
            "none, minimax/m is chosen.",
        ),
        (
            document(diagnosed("simple", outcome="inconclusive")),
            "none.",
            "clients: openai.",
            "nothing can be decided.",
        ),
        (
            document(diagnosed("simple", {**QUALITY, "provider": "openai"}), rows={}),
            "none.",
            "clients: openai.",
            "No models available from dynamic pricing.",
        ),
        (
            document(diagnosed("simple", ALIAS, error="another error"), rows={}),
            "none; no key for minimax in MINIMAX_API_KEY.",
            "clients: openai; none for minimax.",
            "another error.",
        ),
    ],
    ids=["healthy", "undecided", "with-its-client", "another-error"],
)
def test_the_chain_says_only_what_the_findings_hold(case, found, database, clients, ending):
    """A healthy tenant lacks nothing; a client that is there is not missed."""
    texts = [told.text for _, told in facts.chain(case(found))]
    assert [texts[0], texts[1], texts[3]] == [database, clients, ending]
