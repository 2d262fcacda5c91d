"""Verdicts on claims: confirmed, refuted, inconclusive, and never the wrong one."""

from __future__ import annotations

import json

import pytest
import yaml

import atomlab
from atomlab import AtomlabError
from atomlab.diagnosis.assumptions import assumptions
from atomlab.errors import InputError
from tests.conftest import ROOT
from tests.diagnosis.made import KEY, Made, capture_made, stored
from tests.refusals import refused
from tests.small import chat

_KEYS = ("key_present", "key_absent")
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
        document = {"title": "a title", "claims": numbered, **fields}
        document |= {} if tenant is None else {"tenant": tenant}
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
    assert found.assumptions == assumptions(before, atomlab.load_platform(before.session))
    assert found.assumptions
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
    fields = {"schema", "title", "tenant", "snapshot", "verdict", "claims", "assumptions"}
    assert set(document) == fields
    assert document["schema"] == "atomlab.verification/1"
    assert all(set(each) == {"input", "state", "assumed"} for each in document["assumptions"])
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
        ({"kind": "client_absent", "provider": "minimx"}, "confirmed"),
        ({"kind": "client_present", "provider": "minimx"}, "refuted"),
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


# Models under whose ids several providers can be meant, and the owner that each entry names.
SEVERAL = {
    "deepinfra/openai/gpt-oss-120b": "deepinfra",
    "openai/gpt-4o": "OpenAI",
    "gpt-4o-mini": "openai",
    "MiniMax/MiniMax-M2.5": "minimax",
    "openrouter/anthropic/claude-4-opus": "openrouter",
    "claude-4-opus": "anthropic",
    "other/plain": "Other",
}


@pytest.fixture
def several(captured, write_json):
    """Return a function that captures a tenant of the public edition, its models SEVERAL."""

    def make(*variables, **options):
        entry = {"input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6, "max_tokens": 9_000}
        prices = write_json({m: entry | {"litellm_provider": o} for m, o in SEVERAL.items()})
        env = dict.fromkeys(variables, "a-usable-key")
        options = {"rules": "open-source-2026-05", "env": env, "pricing": prices, **options}
        return captured({"acme": {}}, **options)

    return make


@pytest.mark.parametrize("client", ["deepinfra", "openai", "minimax"])
@pytest.mark.parametrize(
    "provider", ["openai", "deepinfra", "minimax", "anthropic", "mini", "other", "gemini"]
)
def test_models_skipped_are_those_that_the_edition_gives_the_provider(
    several, hypothesis, provider, client
):
    """Whoever is meant, known or not, by the matcher: a model that another serves is not skipped.

    By hand (PLATFORM C): the id is contained in the model's, or equals its owner's, in lower case.
    """
    mine = [m for m, o in SEVERAL.items() if provider in m.lower() or provider == o.lower()]
    served = [m for m in mine if client in m.lower() or client == SEVERAL[m].lower()]
    snapshot = several(f"{client.upper()}_API_KEY")
    claim = {"kind": "models_skipped", "provider": provider}
    (found,) = atomlab.verify(snapshot, hypothesis(claim, tenant="acme")).claims

    if not mine:
        assert found.verdict == "inconclusive"
        assert found.observed == f"the pricing cache has no model of {provider}"
        return
    assert list(found.evidence) == mine
    assert found.observed.startswith(f"{len(mine) - len(served)} of {len(mine)} model")
    assert found.verdict == ("refuted" if served else "confirmed")
    assert (f"{client} serves the others" in found.observed) == bool(served)


def test_under_the_prefix_rule_an_unknown_provider_has_what_names_it(several, hypothesis):
    """Its prefix, or its name as the owner of a model without one; nothing that only contains it.

    `openrouter` is registered, `mini` and `anthropi` are not.
    """
    snapshot = several(rules="hosted-2026-05")
    cases = {"openrouter": 1, "anthropic": 1, "other": 1, "openai": 2, "mini": 0, "anthropi": 0}
    for provider, number in cases.items():
        claim = hypothesis({"kind": "models_skipped", "provider": provider}, tenant="acme")
        (found,) = atomlab.verify(snapshot, claim).claims
        assert len(found.evidence) == number
        assert found.verdict == ("confirmed" if number else "inconclusive")


@pytest.mark.parametrize(
    ("rules", "provider", "told"),
    [
        ("hosted-2026-05", "minimx", "the registry has no such provider; did you mean minimax"),
        ("hosted-2026-05", "MiniMax", "the registry has no such provider; did you mean minimax"),
        ("hosted-2026-05", "zzz", "the registry has no such provider"),
        ("open-source-2026-05", "zzz", "the edition has no such provider"),
        ("open-source-2026-05", "antropic", "the edition has no such provider; did you mean anth"),
    ],
)
def test_a_provider_that_nobody_knows_can_have_no_client(
    several, hypothesis, rules, provider, told
):
    """That there is none is confirmed, that there is one refuted; near names are given."""
    snapshot = several(rules=rules)
    claims = [{"kind": kind, "provider": provider} for kind in ("client_present", "client_absent")]
    present, absent = atomlab.verify(snapshot, hypothesis(*claims, tenant="acme")).claims

    assert (present.verdict, absent.verdict) == ("refuted", "confirmed")
    assert present.observed == absent.observed
    assert present.observed.startswith(f"no client {provider} can be built: {told}")
    assert present.observed.endswith(("provider", "?"))
    assert (present.expected, absent.expected) == (f"a client {provider}", f"no client {provider}")


def test_clients_and_their_models_are_told_in_plural_and_singular(several, hypothesis):
    """None, one and two clients; one model and several; who serves the others."""
    claims = hypothesis(
        {"kind": "client_present", "provider": "openai"},
        {"kind": "models_skipped", "provider": "openai"},
        tenant="acme",
    )
    expected = {
        (): ("no client at all", "3 of 3 models skipped"),
        ("MINIMAX_API_KEY",): ("clients: minimax", "3 of 3 models skipped"),
        ("OPENAI_API_KEY",): ("clients: openai", "0 of 3 models skipped, openai serves the others"),
        ("DEEPINFRA_API_KEY",): (
            "clients: deepinfra",
            "2 of 3 models skipped, deepinfra serves the others",
        ),
        ("OPENAI_API_KEY", "DEEPINFRA_API_KEY"): (
            "clients: openai, deepinfra",
            "0 of 3 models skipped, openai serves the others",
        ),
    }
    for variables, told in expected.items():
        found = atomlab.verify(several(*variables), claims).claims
        assert tuple(claim.observed for claim in found) == told


def test_two_providers_that_serve_the_others_are_both_named(captured, write_json, hypothesis):
    """Each of two clients serves one model whose id names a third provider."""
    entry = {"input_cost_per_token": 1e-6, "output_cost_per_token": 1e-6, "max_tokens": 9_000}
    models = ("minimax/qwen-1", "deepseek/qwen-2", "qwen-3")
    prices = write_json({m: entry | {"litellm_provider": "other"} for m in models}, "both.json")
    keys = dict.fromkeys(("MINIMAX_API_KEY", "DEEPSEEK_API_KEY"), KEY)
    snapshot = captured({"acme": {}}, rules="open-source-2026-05", env=keys, pricing=prices)
    claim = hypothesis({"kind": "models_skipped", "provider": "qwen"}, tenant="acme")
    (found,) = atomlab.verify(snapshot, claim).claims
    assert found.observed == "1 of 3 models skipped, minimax, deepseek serve the others"
    assert found.verdict == "refuted"


def test_each_claim_says_what_was_expected_and_observed(before, hypothesis):
    """In their order; of each what came of it."""
    keys = ("MINIMAX_API_KEY", "MINIMAX_2_7_API_KEY")
    claims = [{"kind": kind, "setting_key": k} for k in keys for kind in _KEYS]
    found = atomlab.verify(before, hypothesis(*claims)).claims
    there, usable = "the row exists, it is present", "a row {} with a usable key"
    assert [(c.id, c.verdict, c.expected, c.observed) for c in found] == [
        ("C0", "refuted", usable.format(keys[0]), "no such row"),
        ("C1", "confirmed", f"no row {keys[0]}", "no such row"),
        ("C2", "confirmed", usable.format(keys[1]), there),
        ("C3", "refuted", f"no row {keys[1]}", there),
    ]


def test_keys_of_the_public_edition_are_variables_of_the_worker(several, hypothesis):
    """What the tenant's settings hold is not a key there; a stored key has a name of its own."""
    snapshot = several("OPENAI_API_KEY", keys=stored("qwen", "id-acme"))
    expected = {
        ("key_present", "OPENAI_API_KEY"): "confirmed",
        ("key_absent", "OPENAI_API_KEY"): "refuted",
        ("key_present", "QWEN_API_KEY"): "refuted",
        ("key_absent", "QWEN_API_KEY"): "confirmed",
        ("key_present", "byok_keys.json qwen"): "confirmed",
        ("key_absent", "byok_keys.json openai"): "confirmed",
        ("key_absent", "byok_keys.json nobody"): "inconclusive",
        ("key_absent", "TIMEZONE"): "inconclusive",
    }
    claims = [{"kind": kind, "setting_key": key} for kind, key in expected]
    found = atomlab.verify(snapshot, hypothesis(*claims, tenant="acme")).claims
    assert [claim.verdict for claim in found] == list(expected.values())
    assert found[0].expected == "a variable OPENAI_API_KEY with a usable key"
    assert found[3].observed == "no such variable"


def test_without_the_workers_environment_only_what_no_variable_could_turn_is_decided(
    several, hypothesis
):
    """Each claim that more keys could turn is inconclusive, and names what is missing."""
    decided = {
        ("client_present", "minimax"): "confirmed",
        ("client_absent", "minimax"): "refuted",
        ("client_present", "openai"): "inconclusive",
        ("client_absent", "openai"): "inconclusive",
        ("client_present", "anthropic"): "refuted",  # no variable gives it a client
        ("client_absent", "nobody"): "confirmed",
        ("models_skipped", "minimax"): "refuted",
        ("models_skipped", "openai"): "inconclusive",
    }
    keys = {
        ("key_present", "byok_keys.json minimax"): "confirmed",
        ("key_absent", "byok_keys.json openai"): "confirmed",
        ("key_present", "OPENAI_API_KEY"): "inconclusive",
        ("key_absent", "OPENAI_API_KEY"): "inconclusive",
    }
    rest = [{"kind": "ranking_raises"}, FIX]
    claims = [
        *({"kind": kind, "provider": name} for kind, name in decided),
        *({"kind": kind, "setting_key": name} for kind, name in keys),
        *rest,
    ]
    # A stored key finds simple requests a model, none finds an advanced one.
    for complexity, verdict in (("simple", "refuted"), ("advanced", "inconclusive")):
        asked = hypothesis(*claims, tenant="acme", request={"complexity": complexity})
        found = atomlab.verify(several(env=None, keys=stored("minimax")), asked).claims
        told = [*decided.values(), *keys.values(), verdict]
        assert [claim.verdict for claim in found] == [*told, "inconclusive"]
        missing = [claim for claim in found if claim.verdict == "inconclusive"]
        assert all("holds no environment of the worker" in claim.observed for claim in missing)
    keyless = several(env=None)
    claim = {"kind": "key_absent", "setting_key": "byok_keys.json openai"}
    (found,) = atomlab.verify(keyless, hypothesis(claim, tenant="acme")).claims
    assert (found.verdict, found.observed) == (
        "inconclusive",
        "the snapshot holds no stored keys (byok_keys.json)",
    )
    assert {"environment", "stored keys"} <= {
        assumption.input
        for assumption in atomlab.verify(keyless, hypothesis(claim, tenant="acme")).assumptions
    }


@pytest.mark.parametrize(
    ("variables", "message", "verdict", "observed"),
    [
        (
            ["MINIMAX_API_KEY"],
            "No models available from dynamic pricing",
            "refuted",
            "no error: pricing finds no model, and the fallback answers with"
            " minimax/MiniMax-M2.7 (static-mapping)",
        ),
        (
            [],
            "No models available from dynamic pricing",
            "refuted",
            "the error 'No LLM providers available. Please configure BYOK keys.'",
        ),
        (
            [],
            "No LLM providers available. Please configure BYOK keys.",
            "confirmed",
            "the error 'No LLM providers available. Please configure BYOK keys.'",
        ),
    ],
)
def test_where_a_fallback_answers_the_ranking_raises_nothing(
    several, hypothesis, variables, message, verdict, observed
):
    """Who answers is told; only without any client there is an error, and that is another one."""
    claim = {"kind": "ranking_raises", "message": message}
    asked = hypothesis(claim, tenant="acme", request={"complexity": "advanced"})
    (found,) = atomlab.verify(several(*variables), asked).claims
    assert (found.verdict, found.observed) == (verdict, observed)


@pytest.mark.parametrize(
    ("mode", "verdict", "told"),
    [
        ("chat", "confirmed", "after the fix minimax/cheap wins; 3 placebos leave the error"),
        (None, "confirmed", "after the fix minimax/cheap wins; 3 placebos leave the error"),
        (
            "moderation",
            "refuted",
            "the fix removes the error, but minimax/cheap wins, which is not a chat model "
            "(moderation): no cure",
        ),
    ],
)
def test_a_fix_after_which_no_chat_model_wins_is_no_cure(
    captured, write_json, hypothesis, mode, verdict, told
):
    """It removes the error and no more. Where the mode is unknown, that is said."""
    prices = write_json(
        {
            "minimax/cheap": {"mode": mode, "max_tokens": 9_000, "litellm_provider": "minimax"},
            "minimax/dear": {"mode": "chat", "max_tokens": 9_000, "output_cost_per_token": 1e-3},
        },
        "modes.json",
    )
    snapshot = captured({"acme": {"MINIMAX_2_7_API_KEY": "a-usable-key"}}, pricing=prices)
    asked = hypothesis(FIX, tenant="acme", request={"complexity": "simple"})
    (found,) = atomlab.verify(snapshot, asked).claims
    assert (found.verdict, found.observed) == (verdict, told)
    unsaid = "whether minimax/cheap is a chat model is not in the pricing cache"
    *trials, last = found.evidence if mode is None else (*found.evidence, unsaid)
    assert last == unsaid
    names = [told.partition(": ")[0] for told in trials]
    assert names[:2] == ["the fix", "same key, another tenant"]
    assert len(names) == 4
    assert unsaid not in trials


@pytest.mark.parametrize(
    ("managed", "in_file", "verdict"),
    [
        (None, None, "refuted"),
        (None, False, "confirmed"),
        (False, None, "confirmed"),
        (False, True, "confirmed"),
        (True, False, "refuted"),
    ],
)
def test_a_managed_tenant_is_not_cured_by_a_key_that_its_plan_leaves_out(
    tmp_path, hypothesis, managed, in_file, verdict
):
    """As its `ai_mode` says, unless the file does, or the caller, whose word counts most."""
    acme = Made("free", "managed", {"MINIMAX_2_7_API_KEY": KEY})
    request = {} if in_file is None else {"request": {"managed": in_file}}
    with capture_made(tmp_path, {"acme": acme}) as snapshot:
        found = atomlab.verify(snapshot, hypothesis(FIX, tenant="acme", **request), managed=managed)
    assert found.claims[0].verdict == verdict
    assert found.requests[0].managed == (verdict == "refuted")


@pytest.mark.parametrize(
    ("about", "tenant", "on"),
    [
        ("brennan", None, "brennan"),
        (None, "brennan", "brennan"),
        (None, "31c06fc4-db22-4740-83ea-48ac14f25810", "brennan"),
        ("brennan", "31c06fc4-db22-4740-83ea-48ac14f25810", "brennan"),
        ("Brennan Machinery", "brennan", "brennan"),
        ("nobody", "nobody", "nobody"),
        ("nobody", None, "nobody"),
    ],
)
def test_a_hypothesis_is_tested_on_the_tenant_that_is_named(before, hypothesis, about, tenant, on):
    """By itself or by the caller; names of one tenant may differ. Without a name it is a template.

    A tenant that is in no snapshot is none that could be mistaken for another.
    """
    claim = hypothesis({"kind": "key_absent", "setting_key": "MINIMAX_API_KEY"}, tenant=about)
    found = atomlab.verify(before, claim, tenant=tenant)
    assert found.tenant == on
    assert found.verdict == ("inconclusive" if on == "nobody" else "confirmed")


@pytest.mark.parametrize(
    ("about", "tenant"), [("brennan", "northwind"), ("nobody", "brennan"), ("brennan", "nobody")]
)
def test_a_hypothesis_about_another_tenant_is_refused(before, hypothesis, about, tenant):
    """Both are named, and what to do; so it is on a snapshot that one of them is not in."""
    claim = hypothesis({"kind": "ranking_raises"}, tenant=about)
    with refused(InputError, f"the hypothesis is about tenant '{about}', not '{tenant}'"):
        atomlab.verify(before, claim, tenant=tenant)


def test_a_template_needs_a_tenant(before, hypothesis):
    """Where neither the file nor the caller names one, the line says how to."""
    claim = hypothesis({"kind": "ranking_raises"}, tenant=None)
    with refused(InputError, "the hypothesis names no tenant") as caught:
        atomlab.verify(before, claim)
    assert "--tenant" in caught.value.todo


def test_an_id_says_which_of_two_namesakes_is_meant(captured, hypothesis):
    """A name that fits two tenants is no other tenant than the one whose id is given."""
    snapshot = captured({"acme": {}, "Acme": {}})
    claim = hypothesis({"kind": "ranking_raises"}, tenant="Acme")
    assert atomlab.verify(snapshot, claim, tenant="id-acme").tenant == "acme"
    assert atomlab.verify(snapshot, claim, tenant="id-Acme").tenant == "Acme"


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


def test_a_fix_beside_which_a_placebo_helps_is_not_confirmed(captured, hypothesis, write_json):
    """Where the placebo's made-up provider is a real one, what cured cannot be told.

    The registry has `no_such_provider`, and the price map a model of it.
    """
    ids = ("minimax", "minimax_2_7", "no_such_provider")
    names = {"name": "made", "based_on": "hosted-2026-05", "llm_providers": ids}
    for served, expected in (("other", "confirmed"), ("no_such_provider", "inconclusive")):
        snapshot = captured(
            {"acme": {"MINIMAX_2_7_API_KEY": "a-key"}},
            pricing=write_json({f"{p}/gpt-5": chat(p) for p in ("minimax", served)}, "two.json"),
            providers=write_json({"providers": [{"id": p} for p in ids]}, "registry.json"),
            rules=str(write_json(names, "rules.yaml")),
        )
        found = atomlab.verify(snapshot, hypothesis(FIX, tenant="acme")).claims[0]
        assert found.verdict == expected
        helped = found.observed == "a placebo helps too: a key of an unknown provider"
        assert helped is (served == "no_such_provider")


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
        (
            "just text",
            "is not a hypothesis file; give a mapping of: title, tenant, claims",
        ),
        ("title: t\ntenant: x\nclaims: []\n", "claims: must not be empty"),
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
            "claims.0.: unknown field setting_kex; did you mean setting_key",
        ),
        (
            "title: t\ntenat: x\nclaims: [{id: a, statement: s, kind: ranking_raises}]",
            "unknown field tenat; did you mean tenant",
        ),
        (
            'title: t\ntenant: ""\nclaims: [{id: a, statement: s, kind: ranking_raises}]',
            "tenant: ",
        ),
        (
            "title: t\nrequest: {managed: perhaps}\n"
            "claims: [{id: a, statement: s, kind: ranking_raises}]",
            "request.managed: must be true or false",
        ),
        (
            "title: t\ntenant: x\nrequest: {complexity: hard}\n"
            "claims: [{id: a, statement: s, kind: ranking_raises}]",
            "request: unknown complexity; use one of simple",
        ),
        (
            "title: t\ntenant: x\nrequest: {complexty: simple}\n"
            "claims: [{id: a, statement: s, kind: ranking_raises}]",
            "request: unknown field complexty; did you mean complexity",
        ),
        (
            "title: t\ntenant: 42\nclaims: [{id: a, statement: s, kind: ranking_raises}]",
            "tenant: must be text; put it in quotes",
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


def test_a_template_for_a_tenant_that_nobody_is_is_refused(several, hypothesis):
    """Whoever is asked for by name has to be there; the error has near matches."""
    template = hypothesis({"kind": "ranking_raises"}, tenant=None)
    with pytest.raises(AtomlabError, match=r"no tenant 'acmee'.*did you mean Acme"):
        atomlab.verify(several(), template, tenant="acmee")
