"""Diagnosis of a tenant: lookups, clients, outcomes, and the document that tells them."""

from __future__ import annotations

import json
import sqlite3

import pytest
from sqlalchemy import event

import atomlab
from atomlab import AtomlabError, Request
from atomlab.diagnosis.fixes import plan_fix
from atomlab.evidence.inputs.rules import COMPLEXITIES
from tests.conftest import ROOT
from tests.diagnosis.made import KEY, Made, capture_made

BRENNAN = ROOT / "data" / "hypotheses" / "brennan-minimax.yaml"


def test_before_the_fix_no_complexity_finds_a_model(before):
    """All 2,690 models lack a client, for every complexity."""
    found = atomlab.diagnose(before, "brennan")

    assert [d.request.complexity for d in found.requests] == list(COMPLEXITIES)
    assert {d.outcome for d in found.requests} == {"no-models"}
    assert {d.ranking.summary() for d in found.requests} == {
        "2,690 models: 2,690 no client for provider"
    }


def test_the_documented_fix_does_not_cure_advanced_requests(after):
    """After the fix simple, moderate and complex requests are ranked, advanced ones are not."""
    found = atomlab.diagnose(after, "brennan")
    outcomes = {d.request.complexity: (d.outcome, len(d.ranking.order)) for d in found.requests}

    assert outcomes == {
        "simple": ("ranked", 5),
        "moderate": ("ranked", 5),
        "complex": ("ranked", 2),
        "advanced": ("no-models", 0),
    }


def test_the_document_is_as_designed(after):
    """`to_json` is plain JSON with the fields of atomlab.diagnosis/1."""
    document = json.loads(json.dumps(atomlab.diagnose(after, "brennan").to_json()))

    assert document["schema"] == "atomlab.diagnosis/1"
    assert document["snapshot"] == {
        "sha256": after.sha256,
        "captured_at": "2026-05-03T08:00:00Z",
        "rules": "hosted-2026-05",
    }
    assert document["tenant"] == {
        "id": "31c06fc4-db22-4740-83ea-48ac14f25810",
        "name": "Brennan Machinery",
        "subdomain": "brennan",
        "plan": "team",
    }
    assert document["withheld"] == 3
    assert document["clients"] == ["minimax", "minimax_2_7"]
    assert len(document["lookups"]) == 27
    lookup = document["lookups"][0]
    assert set(lookup) == {"provider", "setting_key", "state", "client", "reason"}
    simple, *_, advanced = document["diagnoses"]
    assert simple["winner"]["model"] == "minimax/MiniMax-M2.5"
    assert (simple["winner"]["mode"], simple["winner"]["chat"]) == ("chat", True)
    assert (simple["status"], simple["error"], simple["fallback"]) == ("healthy", None, None)
    assert simple["candidates"] == 5
    assert (document["status"], advanced["status"]) == ("affected", "affected")
    assert document["request_mode"] == "BYOK (ai_mode)"
    states = {(a["input"], a["state"]) for a in document["assumptions"]}
    assert states >= {("rules", "default"), ("health", "absent")}
    assert all(a["assumed"] for a in document["assumptions"])
    assert {f["who"] for f in advanced["fix_sets"]} == {"tenant", "engineering"}
    assert {f["cures"] for f in advanced["fix_sets"]} <= {True, False}
    assert advanced["error"] == "No models available from dynamic pricing"
    assert advanced["winner"] is None
    funnel = {row["filter"]: row for row in advanced["funnel"]}
    assert funnel["client"] == {
        "filter": "client",
        "entering": 2690,
        "rejected": 2681,
        "only_blocker": funnel["client"]["only_blocker"],
    }
    assert funnel["quality"]["only_blocker"] == 5
    for name in ("causes", "fix_sets", "rivals"):
        assert isinstance(simple[name], list)


def test_the_rows_of_a_tenant_are_read_once(before):
    """Whatever is tried, the snapshot's settings are read by one statement, of few in all."""
    statements = []
    event.listen(before.engine, "before_cursor_execute", lambda *a: statements.append(a[2]))
    atomlab.diagnose(before, "brennan")
    assert sum("FROM tenant_settings" in statement for statement in statements) == 1
    assert len(statements) <= 15


def test_every_shipped_tenant_is_diagnosed(before):
    """Whatever a tenant holds, or is called, its diagnosis is plain JSON."""
    tenants = before.session.query(atomlab.Tenant.id).all()
    assert len(tenants) > 40
    for (tenant_id,) in tenants:
        assert json.dumps(atomlab.diagnose(before, tenant_id).to_json(), allow_nan=False)


def test_a_winner_with_an_unknown_price_is_called_out(captured, write_json):
    """A model without a price looks free and wins; the diagnosis says so."""
    prices = write_json(
        {
            "groq/free-mini": {"max_input_tokens": 50_000, "litellm_provider": "groq"},
            "groq/paid-mini": {
                "max_input_tokens": 50_000,
                "input_cost_per_token": 1e-6,
                "output_cost_per_token": 1e-6,
                "litellm_provider": "groq",
            },
        }
    )
    snapshot = captured({"acme": {"GROQ_API_KEY": "a-key"}}, pricing=prices)
    found = atomlab.diagnose(snapshot, "acme", [Request("simple")])

    assert found.requests[0].ranking.winner.model == "groq/free-mini"
    assert any("groq/free-mini has no known price" in line for line in found.warnings())


def test_without_a_pricing_cache_the_outcome_is_inconclusive(captured):
    """No prices captured is not the same as no models: the outcome is inconclusive."""
    found = atomlab.diagnose(captured({"acme": {"OPENAI_API_KEY": "k"}}, pricing=None), "acme")

    assert {d.outcome for d in found.requests} == {"inconclusive"}
    assert found.to_json()["diagnoses"][0]["error"] is None
    assert found.clients == ("openai",)


def test_an_empty_pricing_cache_is_a_finding(captured, write_json):
    """A cache that is empty leaves no model: that is the platform's error, not atomlab's."""
    snapshot = captured({"acme": {"OPENAI_API_KEY": "k"}}, pricing=write_json({"pricing": {}}))
    assert {d.outcome for d in atomlab.diagnose(snapshot, "acme").requests} == {"no-models"}


def test_a_key_of_spaces_makes_a_client_and_a_warning(captured):
    """Spaces are truthy, so the platform builds a client; the diagnosis warns of it."""
    found = atomlab.diagnose(captured({"acme": {"OPENAI_API_KEY": "   "}}), "acme")

    assert found.clients == ("openai",)
    assert any("spaces only" in line for line in found.warnings())


@pytest.mark.parametrize(
    ("ai_mode", "managed", "told"),
    [
        (None, None, None),
        ("byok", None, None),
        ("hybrid", None, None),
        ("managed", None, "managed (ai_mode) requests; the tenant's ai_mode is managed"),
        ("Managed", None, "managed (ai_mode) requests; the tenant's ai_mode is managed"),
        ("managed", False, "BYOK (as asked) requests; the tenant's ai_mode is managed"),
        ("byok", False, "BYOK (as asked) requests; the tenant's ai_mode is byok"),
        (None, True, "managed (as asked) requests; the tenant's ai_mode is byok"),
    ],
)
def test_as_whose_requests_they_were_decided_is_a_warning(tmp_path, ai_mode, managed, told):
    """Where the tenant is managed, or somebody asked for it or against it."""
    with capture_made(tmp_path, {"acme": Made("pro", ai_mode, {"OPENAI_API_KEY": KEY})}) as made:
        warnings = atomlab.diagnose(made, "acme", managed=managed).warnings()
    found = [warning for warning in warnings if "ai_mode" in warning]
    assert found == ([] if told is None else [f"decided as {told}"])


@pytest.mark.parametrize(
    ("wanted", "warned"), [(None, False), ("tools", False), ("vision", False), ("singing", True)]
)
def test_a_capability_that_no_catalogue_entry_lists_is_a_warning(captured, wanted, warned):
    """Only models that are not in the catalogue can pass then; one entry that has it is enough."""
    catalog = [("gpt-4o-mini", '["tools"]', False), ("openai/gpt-4o", '["vision"]', False)]
    snapshot = captured({"acme": {"OPENAI_API_KEY": KEY}}, catalog=catalog)
    warnings = atomlab.diagnose(snapshot, "acme", [Request(capability=wanted)]).warnings()
    told = f"no model of the catalogue lists {wanted}: only models outside it can pass"
    assert (told in warnings) == warned
    assert warned or not [warning for warning in warnings if "catalogue" in warning]


def test_an_unknown_tenant_gets_near_matches(before):
    """A typo is answered with what may be meant."""
    with pytest.raises(AtomlabError, match=r"no tenant .brenan. among the 45 .*brennan"):
        atomlab.diagnose(before, "brenan")


def test_investigation_names_what_the_fix_does_and_does_not_cure(before):
    """The answer and the findings agree with the diagnosis of the repaired snapshot."""
    hypothesis = atomlab.load_hypothesis(BRENNAN)
    case = atomlab.investigate(before, "brennan", hypothesis)

    assert case.cured() == ["simple", "moderate", "complex"]
    assert case.not_cured() == ["advanced"]
    assert "does not cure advanced requests" in case.answer()
    findings = json.loads(json.dumps(case.to_json()))
    assert findings["verdict"] == "confirmed"
    assert findings["repaired"]["verification"]["verdict"] == "refuted"


def test_the_repaired_copy_decides_as_the_day_after(before, after):
    """The fix on a scratch copy leads to the very decisions of the snapshot taken after it."""
    hypothesis = atomlab.load_hypothesis(BRENNAN)
    repaired = atomlab.investigate(before, "brennan", hypothesis).repaired.diagnosis
    real = atomlab.diagnose(after, "brennan")

    assert repaired.lookups == real.lookups
    for one, other in zip(repaired.requests, real.requests, strict=True):
        assert list(one.ranking.candidates()) == list(other.ranking.candidates())


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ({"OPENAI_KEY": "k", "openai_api_key": "k"}, "row 'openai_api_key' (the same value)"),
        ({"OPENAI_KEY": "k", "openai_api_key": "j"}, "row 'openai_api_key' (another value)"),
        (
            {"OPENAI_KEY": "gAAAAx", "openai_api_key": "k"},
            "row 'openai_api_key' (encrypted, cannot be compared)",
        ),
        (
            {"OPENAI_KEY": "k", "openai_api_key": "j", "open ai": "k"},
            "rows 'openai_api_key' (another value), 'open ai' (the same value)",
        ),
    ],
)
def test_rows_that_would_do_instead_are_named(captured, rows, told):
    """Of several rows that nearly have the name one is copied; the others are evidence as well."""
    diagnosis = atomlab.diagnose(captured({"acme": rows}), "acme")
    cause = diagnosis.requests[0].explanation.causes[0]
    assert cause.code == "key-misnamed"
    assert cause.evidence[-1] == f"{told} would do as well as 'OPENAI_KEY'"
    words = plan_fix(diagnosis, "postgresql").words[0]
    assert "to the value of OPENAI_KEY (openai_api_key" in words


def test_rows_for_an_empty_one_are_named_too(captured):
    """An empty row gets the key of one row; evidence and fix name it, and the one beside it."""
    rows = {"MINIMAX_API_KEY": "", "MINIMAX_2_5_API_KEY": "k", "MINIMAX_2_7_API_KEY": "j"}
    diagnosis = atomlab.diagnose(captured({"acme": rows}), "acme")
    cause = diagnosis.requests[0].explanation.causes[0]
    assert (cause.code, cause.provider) == ("key-empty", "minimax")
    copied = diagnosis.requests[0].explanation.fix_sets[0].edits[0].copy_from
    (other,) = set(rows) - {"MINIMAX_API_KEY", copied}
    told = f"row {other!r} (another value) would do as well as {copied!r}"
    assert cause.evidence[-1] == told
    words = plan_fix(diagnosis, "postgresql").words[0]
    assert f"({other} would do as well as {copied})" in words


@pytest.mark.parametrize("rows", [{"OPENAI_KEY": "k"}, {"OPENAI_KEY": "k", "openai_api_key": " "}])
def test_one_row_alone_has_no_rival(captured, rows):
    """Where there is nothing to choose, nothing is said of a choice; spaces are no key to copy."""
    diagnosis = atomlab.diagnose(captured({"acme": rows}), "acme")
    assert "would do" not in repr(diagnosis.to_json())
    assert "would do" not in repr(plan_fix(diagnosis, "postgresql"))


def test_a_second_row_of_one_name_is_mentioned(make_database, prices, tmp_path):
    """The platform reads the first; that there is another is a warning, with its name."""
    source = make_database({"acme": {"OPENAI_API_KEY": "first-key"}})
    with sqlite3.connect(source) as db:
        db.execute(
            "INSERT INTO tenant_settings (id, tenant_id, setting_key, setting_value)"
            " VALUES ('again', 'id-acme', 'OPENAI_API_KEY', 'second-key')"
        )
    db.close()
    with atomlab.capture(str(source), tmp_path / "x.sqlite", pricing=prices) as snapshot:
        found = atomlab.diagnose(snapshot, "acme", [Request("simple")])
    assert found.repeated == ("OPENAI_API_KEY",)
    [told] = [line for line in found.warnings() if "second row" in line]
    assert "OPENAI_API_KEY" in told
    assert "second-key" not in told
