"""Verdicts on claims: confirmed, refuted, inconclusive, and never the wrong one."""

from __future__ import annotations

import json

import pytest
import yaml

import atomlab
from atomlab import AtomlabError
from tests.conftest import ROOT

BRENNAN = ROOT / "data" / "hypotheses" / "brennan-minimax.yaml"
FIX = {
    "kind": "fix_resolves",
    "setting_key": "MINIMAX_API_KEY",
    "copy_from": "MINIMAX_2_7_API_KEY",
    "provider": "minimax",
}


@pytest.fixture
def hypothesis(tmp_path):
    """Return a function that loads a hypothesis with the given claims."""

    def make(*claims, tenant="brennan", **fields):
        numbered = [{"id": f"C{n}", "statement": "…", **c} for n, c in enumerate(claims)]
        path = tmp_path / "hypothesis.yaml"
        document = {"title": "a title", "tenant": tenant, "claims": numbered, **fields}
        path.write_text(yaml.safe_dump(document))
        return atomlab.load_hypothesis(path)

    return make


def verdict(snapshot, hypothesis):
    return atomlab.verify(snapshot, hypothesis).claims[0].verdict


def test_every_claim_of_the_document_is_confirmed_on_the_incident(before):
    """On the snapshot of the incident all claims hold, the fix and its placebos included."""
    found = atomlab.verify(before, atomlab.load_hypothesis(BRENNAN))

    assert {claim.verdict for claim in found.claims} == {"confirmed"}
    assert found.verdict == "confirmed"
    fix = found.claims[-1]
    assert len(fix.evidence) == 4
    assert sum("the error stays" in line for line in fix.evidence) == 3


def test_after_the_fix_the_absent_key_is_refuted(after):
    """The day after, the key is there: the claims that rest on its absence are refuted."""
    found = atomlab.verify(after, atomlab.load_hypothesis(BRENNAN))

    verdicts = {claim.id: claim.verdict for claim in found.claims}
    assert verdicts == {
        "H1a": "confirmed",
        "H1b": "refuted",
        "H2a": "confirmed",
        "H2b": "refuted",
        "H3": "refuted",
        "H4": "refuted",
        "F1": "refuted",
    }
    assert found.verdict == "refuted"


def test_on_the_wrong_database_every_claim_is_inconclusive(local_dev):
    """Where the tenant does not exist nothing is proven, and each verdict says so."""
    found = atomlab.verify(local_dev, atomlab.load_hypothesis(BRENNAN))

    assert found.verdict == "inconclusive"
    assert all("no tenant 'brennan'" in claim.observed for claim in found.claims)


def test_the_document_is_as_designed(before):
    """`to_json` is plain JSON with exactly the fields of atomlab.verification/1."""
    document = json.loads(
        json.dumps(atomlab.verify(before, atomlab.load_hypothesis(BRENNAN)).to_json())
    )
    assert set(document) == {"schema", "title", "tenant", "snapshot", "verdict", "claims"}
    assert document["schema"] == "atomlab.verification/1"
    assert all(
        set(claim) == {"id", "statement", "verdict", "expected", "observed", "evidence"}
        for claim in document["claims"]
    )


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        ({"kind": "key_present", "setting_key": "MINIMAX_API_KEY"}, "refuted"),
        ({"kind": "key_present", "setting_key": "TIMEZONE"}, "inconclusive"),
        ({"kind": "key_absent", "setting_key": "TIMEZONE"}, "inconclusive"),
        ({"kind": "key_absent", "setting_key": "MINIMAX_2_7_API_KEY"}, "refuted"),
        ({"kind": "client_present", "provider": "minimax"}, "refuted"),
        ({"kind": "client_absent", "provider": "minimax_2_7"}, "refuted"),
        ({"kind": "client_absent", "provider": "minimx"}, "inconclusive"),
        ({"kind": "models_skipped", "provider": "minimax_2_7"}, "inconclusive"),
        ({"kind": "models_skipped", "provider": "openai"}, "confirmed"),
        ({"kind": "ranking_raises", "message": "another message"}, "refuted"),
        ({**FIX, "copy_from": "NOT_THERE_API_KEY"}, "refuted"),
        ({**FIX, "setting_key": "OPENAI_API_KEY"}, "refuted"),
        ({**FIX, "copy_from": "TIMEZONE"}, "inconclusive"),
        ({**FIX, "setting_key": "TIMEZONE"}, "inconclusive"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value['kind']}-{len(value)}",
)
def test_a_claim_that_does_not_hold_is_not_confirmed(before, hypothesis, claim, expected):
    """A false claim is refuted; one about what a snapshot cannot hold is inconclusive."""
    assert verdict(before, hypothesis(claim)) == expected


def test_a_fix_that_cannot_be_made_is_not_told_as_made(before, hypothesis):
    """Where there is no value to copy, the claim is refuted and says that nothing was changed."""
    found = atomlab.verify(before, hypothesis({**FIX, "copy_from": "OPENAI_API_KEY"})).claims[0]
    assert (found.verdict, found.observed) == (
        "refuted",
        "the fix could not be made: there is no value to copy",
    )


def test_under_the_substring_matcher_a_model_can_be_several_providers(captured, hypothesis):
    """A provider's models are all that it would serve, and one that another serves is not skipped.

    `minimax/MiniMax-M2.5` is minimax's and, in a registry with a provider `max`, that one's too.
    """
    registry = {"providers": [{"id": "openai"}, {"id": "minimax"}, {"id": "max"}]}
    folder = captured({"zeta": {}}).path.parent
    (folder / "registry.json").write_text(json.dumps(registry))
    snapshot = captured(
        {"acme": {"MINIMAX_API_KEY": "a-usable-key"}, "beta": {"OPENAI_API_KEY": "a-usable-key"}},
        providers=folder / "registry.json",
        rules="open-source-2026-05",
    )
    claim = {"kind": "models_skipped", "provider": "max"}
    served, skipped = (
        atomlab.verify(snapshot, hypothesis(claim, tenant=tenant)).claims[0]
        for tenant in ("acme", "beta")
    )
    assert (served.verdict, served.observed) == ("refuted", "0 of 1 model skipped")
    assert (skipped.verdict, skipped.observed) == ("confirmed", "1 of 1 model skipped")
    assert skipped.evidence == ("minimax/MiniMax-M2.5",)


def test_a_hypothesis_can_say_all_that_a_request_can(hypothesis):
    """Every field of a request may stand in a hypothesis file."""
    full = atomlab.Request("complex", "extract", "vision", True, True, 2, 9, "heavy")
    assert hypothesis({"kind": "ranking_raises"}, request=full.to_json()).request == full


def test_a_fix_that_changes_nothing_is_refuted(before, hypothesis):
    """Advanced requests stay without a model after the documented fix: the claim is refuted."""
    claim = hypothesis(FIX, request={"complexity": "advanced"})
    found = atomlab.verify(before, claim).claims[0]

    assert found.verdict == "refuted"
    assert "the error stays" in found.observed


def test_a_fix_that_works_through_another_provider_is_refuted(captured, hypothesis):
    """The cure has to come from the provider that is claimed."""
    snapshot = captured({"acme": {"MINIMAX_2_7_API_KEY": "a-key"}})
    claim = {**FIX, "setting_key": "OPENAI_API_KEY"}

    found = atomlab.verify(snapshot, hypothesis(claim, tenant="acme")).claims[0]
    assert found.verdict == "refuted"
    assert "through openai" in found.observed


def test_a_fix_is_tried_even_for_the_only_tenant(captured, hypothesis):
    """Where no other tenant exists, the placebo's is made up on the scratch copy."""
    snapshot = captured({"acme": {"MINIMAX_2_7_API_KEY": "a-key"}})
    found = atomlab.verify(snapshot, hypothesis(FIX, tenant="acme"))

    assert found.verdict == "confirmed"
    assert len(snapshot.session.query(atomlab.Tenant).all()) == 1


def test_a_row_that_is_there_but_empty_is_neither_present_nor_absent(captured, hypothesis):
    """An empty row refutes both that a usable key is there and that no row is."""
    snapshot = captured({"acme": {"OPENAI_API_KEY": ""}})
    present = {"kind": "key_present", "setting_key": "OPENAI_API_KEY"}
    absent = {"kind": "key_absent", "setting_key": "OPENAI_API_KEY"}

    found = atomlab.verify(snapshot, hypothesis(present, absent, tenant="acme"))
    assert [claim.verdict for claim in found.claims] == ["refuted", "refuted"]
    assert all("empty" in claim.observed for claim in found.claims)


def test_without_a_pricing_cache_the_ranking_is_inconclusive(captured, hypothesis):
    """What needs prices is inconclusive without them; what does not is still decided."""
    snapshot = captured({"acme": {"MINIMAX_2_7_API_KEY": "a-key"}}, pricing=None)
    claims = (
        {"kind": "client_absent", "provider": "minimax"},
        {"kind": "models_skipped", "provider": "minimax"},
        {"kind": "ranking_raises"},
        FIX,
    )
    found = atomlab.verify(snapshot, hypothesis(*claims, tenant="acme"))

    verdicts = [claim.verdict for claim in found.claims]
    assert verdicts == ["confirmed", "inconclusive", "inconclusive", "inconclusive"]
    assert found.verdict == "inconclusive"
    assert all("no pricing cache" in claim.observed for claim in found.claims[1:])


def test_verification_leaves_the_snapshot_as_it_was(before):
    """Interventions run on a copy: neither the file nor what is read from it changes."""
    content = before.path.read_bytes()
    lookups = atomlab.diagnose(before, "brennan").lookups
    atomlab.verify(before, atomlab.load_hypothesis(BRENNAN))

    assert before.path.read_bytes() == content
    assert atomlab.diagnose(before, "brennan").lookups == lookups


def test_an_ambiguous_tenant_is_an_error(captured, hypothesis):
    """A name that fits two tenants cannot be looked at, and the message lists both."""
    snapshot = captured({"acme": {}, "Acme": {}})
    claim = hypothesis({"kind": "ranking_raises"}, tenant="Acme")

    with pytest.raises(AtomlabError, match=r"names 2 tenants .*id-Acme, id-acme"):
        atomlab.verify(snapshot, claim)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title: [", "cannot be read as YAML"),
        ("just text", "is no hypothesis|valid dictionary"),
        ("title: t\ntenant: x\nclaims: []\n", "claims is empty; give at least one"),
        ("title: t\ntenant: x\nclaims: [{id: a, statement: s, kind: key_presnt}]", "known kinds"),
        ("title: t\ntenant: x\nclaims: [{id: a, statement: s}]", "known kinds"),
        (
            "title: t\ntenant: x\nclaims: [{id: a, statement: s, kind: key_absent,"
            " setting_kex: M}]",
            "setting_key is missing|unknown field",
        ),
        (
            "title: t\ntenant: x\nclaims: [{id: a, statement: s, kind: key_absent,"
            " setting_key: M, setting_kex: M}]",
            "unknown field claims.0.setting_kex; did you mean setting_key",
        ),
        ("title: t\ntenat: x\nclaims: [{id: a, statement: s, kind: ranking_raises}]", "tena"),
        (
            "title: t\ntenant: x\nrequest: {complexity: hard}\n"
            "claims: [{id: a, statement: s, kind: ranking_raises}]",
            "unknown complexity 'hard'; use one of simple",
        ),
        (
            "title: t\ntenant: x\nrequest: {complexty: simple}\n"
            "claims: [{id: a, statement: s, kind: ranking_raises}]",
            "unknown field request.complexty; did you mean complexity",
        ),
        (
            "title: t\ntenant: 42\nclaims: [{id: a, statement: s, kind: ranking_raises}]",
            "tenant: .*string; put it in quotes",
        ),
        (
            "title: t\ntenant: x\nclaims: [{id: a, statement: s, kind: ranking_raises},"
            " {id: a, statement: s, kind: ranking_raises}]",
            "same id",
        ),
    ],
)
def test_a_bad_hypothesis_is_one_clear_line(tmp_path, text, message):
    """Whatever is wrong with a hypothesis file, the error names the place and what is known."""
    path = tmp_path / "bad.yaml"
    path.write_text(text)

    with pytest.raises(AtomlabError, match=message) as caught:
        atomlab.load_hypothesis(path)
    assert "\n" not in str(caught.value)
    assert "bad.yaml" in str(caught.value)


def test_a_missing_hypothesis_file_is_one_clear_line(tmp_path):
    """A path that leads nowhere is named."""
    with pytest.raises(AtomlabError, match=r"nowhere\.yaml: no such file"):
        atomlab.load_hypothesis(tmp_path / "nowhere.yaml")


def test_a_tenant_that_looks_like_a_number_stays_text(before, hypothesis):
    """Tenant "0042" is found under that name, and not as 42."""
    claim = {"kind": "client_present", "provider": "openai"}
    assert verdict(before, hypothesis(claim, tenant="0042")) == "confirmed"
    assert verdict(before, hypothesis(claim, tenant="42")) == "inconclusive"
