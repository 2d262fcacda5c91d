"""What changed for a tenant, on captured days: the words, what cannot be compared, who is where."""

from __future__ import annotations

import json
import sqlite3
from hashlib import sha256

import pytest

import atomlab
from atomlab.diagnosis.differences import merged, same_token
from atomlab.errors import TenantError
from atomlab.evidence.inputs.registry import Provider
from tests.conftest import ATOM_SCHEMA, PRICES
from tests.diagnosis.made import KEY, Made, capture_made, stored
from tests.diagnosis.test_changed_requests import between, day_of
from tests.small import TOKENS, small_platform

OTHER = "another-key-of-more-than-twelve-characters"


@pytest.fixture
def captured(tmp_path):
    """Return what captures a day: tenants by name, prices, and whether under the one key."""
    opened = []

    def capture(tenants, prices=None, key="one.key", **options):
        folder = tmp_path / str(len(opened))
        folder.mkdir()
        options["key_file"] = tmp_path / key
        opened.append(capture_made(folder, tenants, prices, **options))
        return opened[-1]

    yield capture
    for snapshot in opened:
        snapshot.close()


def test_a_row_that_went_is_what_did_it(before, after):
    """The incident, read backwards: the row of the fix is the only difference."""
    found = atomlab.compare(after, before, "brennan")
    assert found.verdict == "confirmed"
    assert [each.statuses for each in found.requests[:3]] == [("healthy", "affected")] * 3
    for each in found.requests[:3]:
        for some in (each.brings, each.cures):
            (only,) = some.sets
            assert [(d.kind, d.name, d.change) for d in only.differences] == [
                ("rows", "MINIMAX_API_KEY", "removed")
            ]
        assert each.brings.first.after.error
        assert each.cures.first.after.winner.provider == "minimax"
    assert "Advanced requests fail on both days." in found.answer()


def test_neither_file_is_changed(before, after):
    """Their bytes are the same after all of it."""
    hashes = [sha256(day.path.read_bytes()).hexdigest() for day in (before, after)]
    atomlab.compare(after, before, "brennan").to_json()
    atomlab.compare(after, before).to_json()
    assert [sha256(day.path.read_bytes()).hexdigest() for day in (before, after)] == hashes


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (("after", "after"), "finds a model on both days. Nothing differs."),
        (("before", "before"), "find no model on either day"),
        (("before", "after"), "this way round: "),
    ],
)
def test_nothing_to_explain_is_said_plainly(request, days, words):
    """Where nothing fails anew, no difference did it: refuted."""
    good, bad = map(request.getfixturevalue, days)
    found = atomlab.compare(good, bad, "brennan", "moderate")
    assert found.verdict == "refuted"
    assert found.answer().startswith("There is nothing to explain")
    assert words in found.answer()


def test_new_prices_are_one_group_and_other_differences_are_counted(captured):
    """Prices, a plan and a row differ; the windows of the only provider's models did it."""
    narrow = {m: {**e, "max_input_tokens": 10, "max_tokens": 10} for m, e in PRICES.items()}
    many = {f"other/{n}": {"litellm_provider": "other"} for n in range(150)}
    good = captured({"a": Made(rows={"MINIMAX_API_KEY": KEY})}, PRICES)
    bad = captured(
        {"a": Made("pro", rows={"MINIMAX_API_KEY": OTHER, "GROQ_API_KEY": KEY})}, {**narrow, **many}
    )
    found = atomlab.compare(good, bad, "a", "simple")
    (each,) = found.requests
    assert found.verdict == "confirmed"
    assert [d.name for d in each.brings.first.differences] == ["minimax/MiniMax-M2.5"]
    assert "max_input_tokens" in str(each.cures.first.differences[0])
    assert found.idle["prices"] >= 150
    assert found.idle["plan"] == 1
    assert found.idle["rows"] == 2
    table = atomlab.change_tables.differences(found).frame
    assert 150 in [*table["number"]]


def test_values_under_different_keys_cannot_be_compared(captured):
    """The state decides and is the same; whether the value is, nobody can tell, and it says so."""
    rows = {"a": Made(rows={"MINIMAX_API_KEY": KEY})}
    found = atomlab.compare(captured(rows), captured(rows, key="two.key"), "a", "simple")
    assert [d.change for d in found.differences] == ["may have changed"]
    assert "is inconclusive: the fingerprints were made under different keys" in found.answer()
    assert not atomlab.compare(captured(rows), captured(rows), "a", "simple").differences


@pytest.mark.parametrize(
    ("one", "other", "comparable", "same"),
    [
        ("present:a", "present:a", True, True),
        ("present:a", "present:b", True, False),
        ("present:a", "present:a", False, None),
        ("ciphertext:a", "ciphertext:b", True, None),
        ("ciphertext:a", "ciphertext:a", True, True),
        ("ciphertext:a", "present:b", True, None),
        ("present:a", "placeholder:a", True, True),
        ("null:-", "null:-", False, True),
        ("null:-", "empty:-", True, False),
        ("null:-", "present:a", False, False),
    ],
)
def test_when_two_tokens_are_of_one_value(one, other, comparable, same):
    """Under one key alone, and never between ciphertexts."""
    tokens = [
        f"v1:{t.replace(':a', ':' + 'a' * 64).replace(':b', ':' + 'b' * 64)}" for t in (one, other)
    ]
    assert same_token(*tokens, comparable=comparable) is same


def test_a_value_is_not_judged_by_the_other_days_rules():
    """With other placeholders: one value has its state on each day; another's is not known."""
    days = [
        day_of(small_platform(["openai/gpt-4o"], placeholder_prefixes=p)) for p in ((), ("dummy",))
    ]
    same = "v1:present:" + "a" * 64, "v1:placeholder:" + "a" * 64
    for tokens, verdict in (
        (same, "confirmed"),
        ((same[0], TOKENS["placeholder"]), "inconclusive"),
    ):
        held = [(None, "byok", {"OPENAI_API_KEY": token}) for token in tokens]
        space = between(*days, held)
        from atomlab.diagnosis.changed_requests import explained

        found = explained(*days, space, atomlab.Request("simple"))
        assert found.statuses == ("healthy", "affected")
        assert found.verdict == verdict
    assert "rules on placeholders" in found.doubt


def test_what_only_one_capture_has_proves_nothing():
    """The catalogue is absent on the good day, so that its entries may be no change at all."""
    from atomlab.diagnosis.changed_requests import explained
    from atomlab.evidence.inputs.catalog import CatalogEntry

    listed = {"openai/gpt-4o": CatalogEntry(frozenset(), excluded=True)}
    good, bad = (small_platform(["openai/gpt-4o"], catalog=each) for each in ({}, listed))
    held = [(None, "byok", {"OPENAI_API_KEY": TOKENS["present"]})] * 2
    for state, verdict in (("absent", "inconclusive"), ("captured", "confirmed")):
        days = day_of(good, catalogue=state), day_of(bad)
        found = explained(*days, between(*days, held), atomlab.Request("simple"))
        assert found.verdict == verdict


def test_without_prices_nothing_is_decided(captured):
    """What a day lacks is named: inconclusive."""
    rows = {"a": Made(rows={"MINIMAX_API_KEY": KEY})}
    found = atomlab.compare(captured(rows), captured(rows, pricing=None), "a")
    assert found.verdict == "inconclusive"
    assert "of the bad day the snapshot holds no pricing cache" in found.answer()


def test_keys_of_the_environment_are_rows(captured):
    """In the public edition a stored key that went is the difference; settings are none."""
    made = {"a": Made(rows={"OPENAI_API_KEY": KEY})}
    public = {"rules": "open-source-2026-05", "env": {"LANG": "C"}}
    good = captured(made, **public, keys=stored("minimax"))
    bad = captured({"a": Made()}, **public, keys={})
    found = atomlab.compare(good, bad, "a", "simple")
    assert [(d.kind, d.name) for d in found.differences] == [("rows", "byok_keys.json minimax")]
    assert found.verdict == "confirmed"


def test_a_tenant_has_to_be_in_both(captured):
    """The error says which day alone has it; an unknown one gets near names."""
    good, bad = captured({"aaa": Made()}), captured({"bbb": Made()})
    with pytest.raises(TenantError, match="'aaa' is in the snapshot of the good day alone"):
        atomlab.compare(good, bad, "aaa")
    with pytest.raises(TenantError, match="'bbb' is in the snapshot of the bad day alone"):
        atomlab.compare(good, bad, "bbb")
    with pytest.raises(TenantError, match="no tenant 'ccc'"):
        atomlab.compare(good, bad, "ccc")


def test_no_value_of_a_setting_is_in_the_document(captured):
    """Neither values nor their fingerprints."""
    good = captured({"a": Made(rows={"MINIMAX_API_KEY": KEY})})
    bad = captured({"a": Made(rows={"MINIMAX_API_KEY": ""})})
    found = atomlab.compare(good, bad, "a")
    text = json.dumps(found.to_json()) + found._repr_html_() + repr(found)
    assert "present → empty" in text
    assert KEY not in text
    assert "v1:" not in text


def test_orders_are_merged_as_each_day_has_them():
    """What only one day has stands behind what it stands behind there."""
    assert merged("abcd", "xbyd") == [*"axbcyd"]
    assert merged("", "ab") == [*"ab"]
    assert [n for n in merged("abcd", "xbyd") if n in "xbyd"] == [*"xbyd"]


def test_the_order_of_the_registry_is_a_difference():
    """With the substring matcher the first client takes a model over, here an unhealthy one."""
    from atomlab.diagnosis.changed_requests import explained

    sick, well = Provider("groq", health_score=0.1), Provider("openai", health_score=0.9)
    fixed = {"matcher": "substring", "llm_providers": ("openai", "groq")}
    days = [
        day_of(small_platform(["openai/groq-gpt-4o"], order, **fixed))
        for order in ((well, sick), (sick, well))
    ]
    rows = dict.fromkeys(("OPENAI_API_KEY", "GROQ_API_KEY"), TOKENS["present"])
    space = between(*days, [(None, "byok", rows)] * 2)
    assert [str(each) for each in space.differences] == ["the order of providers"]
    assert explained(*days, space, atomlab.Request("simple")).verdict == "confirmed"


def test_hostile_names_are_inert(captured):
    """A setting's or a model's name is escaped in the card, and cannot move the cursor."""
    model = "minimax/<img src=x>\x1b[31m\u202e"
    rows = {"MINIMAX_API_KEY": KEY}
    entry = PRICES["minimax/MiniMax-M2.5"]
    made = {"a": Made(rows=rows)}
    found = atomlab.compare(captured(made, {model: entry}), captured(made, {"x": entry}), "a")
    assert found.verdict == "confirmed"
    shown = found._repr_html_() + found.answer() + repr(found)
    assert "<img" not in found._repr_html_()
    assert not {*shown} & {"\x1b", "\u202e"}


def test_one_broken_entry_among_new_prices_did_it(captured):
    """An entry that breaks the whole ranking is found among others that came with it."""
    broken = {"openai/odd": {**PRICES["openai/gpt-4o"], "litellm_provider": None}}
    more = {f"openai/{n}": PRICES["openai/gpt-4o"] for n in range(30)}
    made = {"a": Made(rows={"OPENAI_API_KEY": KEY})}
    found = atomlab.compare(captured(made), captured(made, PRICES | more | broken), "a", "simple")
    (each,) = found.requests
    assert each.verdict == "confirmed"
    for some in (each.brings, each.cures):
        assert [[d.name for d in one.differences] for one in some.sets] == [["openai/odd"]]
        assert some.least
    assert found.idle == {"prices": 30}


@pytest.fixture
def called(tmp_path):
    """Return what captures tenants without settings: subdomains by id."""
    opened = []

    def capture(**tenants):
        source = tmp_path / f"{len(opened)}.db"
        with sqlite3.connect(source) as db:
            db.executescript(ATOM_SCHEMA)
            rows = [
                (key, name.title(), name, "free", "byok", "", None) for key, name in tenants.items()
            ]
            db.executemany("INSERT INTO tenants VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        db.close()
        opened.append(atomlab.capture(str(source), source.with_suffix(".sqlite")))
        return opened[-1]

    yield capture
    for snapshot in opened:
        snapshot.close()


def test_a_tenant_is_the_same_by_its_id(called):
    """Of one that was renamed either name finds it, on whichever day it has it."""
    good, bad = called(one="acme", two="other"), called(one="acme-new", two="other")
    for name in ("acme", "acme-new", "Acme", "one"):
        assert atomlab.compare(good, bad, name).tenant.id == "one"
        assert atomlab.compare(bad, good, name).tenant.id == "one"


@pytest.mark.parametrize(
    ("good", "bad", "name", "words"),
    [
        ({"one": "acme"}, {"two": "acme"}, "acme", r"\(one\) and another on the bad one \(two\)"),
        ({"one": "two"}, {"one": "a", "two": "b"}, "b", "'b' is in the snapshot of the bad day"),
        ({"one": "a", "two": "b"}, {"one": "two"}, "b", "'b' is in the snapshot of the good day"),
    ],
)
def test_no_other_tenant_is_taken_for_it(called, good, bad, name, words):
    """Neither one that has its name on the other day, nor one that is called by its id."""
    with pytest.raises(TenantError, match=words):
        atomlab.compare(called(**good), called(**bad), name)


def test_sentences_agree_with_how_many_differences_there_are(captured):
    """Two price entries that went bring the error; either of them, undone, cures it."""
    made = {"a": Made(rows={"OPENAI_API_KEY": KEY})}
    left = {name: entry for name, entry in PRICES.items() if "gpt" not in name}
    found = atomlab.compare(captured(made), captured(made, left), "a", "simple")
    one = "the price entry gpt-4o-mini removed"
    assert f"brings the error: {one} and the price entry openai/gpt-4o removed." in found.answer()
    assert f"cures it: {one}. " in found.answer()
    assert "1 other set of differences, undone, would cure it, too." in found.answer()


def test_numbers_that_differ_look_different(captured):
    """A price to its last digit, and a window without an exponent."""
    price, window = "input_cost_per_token", "max_input_tokens"
    days = [
        captured({"a": Made()}, {"m/x": {**PRICES["openai/gpt-4o"], price: cost, window: tokens}})
        for cost, tokens in ((1.2345678e-6, 1_048_576), (1.2345679e-6, 1_048_577))
    ]
    (entry,) = atomlab.compare(*days, "a").differences
    assert entry.detail == f"{price} 1.2345678e-06 → 1.2345679e-06, {window} 1048576 → 1048577"


@pytest.mark.parametrize(
    ("good", "bad", "words"),
    [
        (
            {"MINIMAX_API_KEY": KEY},
            {"MINIMAX_API_KEY": KEY},
            "There is nothing to explain: every request of A that was tried finds a model on both "
            "days. Nothing differs.",
        ),
        (
            {},
            {"OTHER_API_KEY": KEY, "FURTHER_API_KEY": KEY},
            "There is nothing to explain: requests of A find no model on either day; atomlab "
            "diagnose says why. The days differ in 2 things, but none of it makes a request fail.",
        ),
        (
            {},
            {"MINIMAX_API_KEY": KEY},
            "There is nothing to explain this way round: requests of A that fail on the good day "
            "find a model on the bad one. Swap the snapshots to see what did that.",
        ),
    ],
)
def test_why_there_is_nothing_to_explain(captured, good, bad, words):
    """In full, with how many things differ all the same."""
    days = [captured({"a": Made(rows=rows)}) for rows in (good, bad)]
    found = atomlab.compare(*days, "a", "simple")
    assert found.answer() == words
    assert repr(found) == f"<WhatChanged: refuted. {words}>"


def test_requests_of_either_kind_that_did_not_change(captured):
    """Simple ones work and advanced ones fail on both days; one thing differs."""
    days = [captured({"a": Made(plan, rows={"MINIMAX_API_KEY": KEY})}) for plan in ("free", "pro")]
    found = atomlab.compare(*days, "a")
    assert found.answer() == (
        "There is nothing to explain: no request of A that works on the good day fails on the bad "
        "one. The days differ in 1 thing, but none of it makes a request fail."
    )


@pytest.mark.parametrize(
    ("number", "whose"),
    [
        (3, "A1_API_KEY, A2_API_KEY, A3_API_KEY"),
        (4, "A1_API_KEY, A2_API_KEY, A3_API_KEY and 1 more"),
    ],
)
@pytest.mark.parametrize("key", ["one.key", "two.key"])
def test_why_values_cannot_be_compared(captured, number, whose, key):
    """Other keys made the fingerprints, or each day's ciphertext differs; three names are given."""
    rows = [
        {f"A{n}_API_KEY": f"gAAAA-{day}-{n}-of-some-length" for n in range(1, number + 1)}
        for day in ("good", "bad")
    ]
    good, bad = captured({"a": Made(rows=rows[0])}), captured({"a": Made(rows=rows[1])}, key=key)
    why = {
        "one.key": "one value has many ciphertexts",
        "two.key": "the fingerprints were made under different keys",
    }[key]
    (remark,) = atomlab.compare(good, bad, "a", "simple").remarks()
    assert remark == (
        f"Whether {whose} holds the same value on both days is inconclusive: {why}. What depends "
        "on it is, too: a model is found, or not, by the state of a value, which is the same on "
        "both; whether the provider accepts it depends on the value."
    )


@pytest.mark.parametrize("managed", [None, True, False])
def test_the_case_is_of_the_bad_day_and_the_same_requests(captured, managed):
    """Its platform, its requests as they were asked, and the whole comparison in its findings."""
    good = captured({"a": Made("enterprise", "managed", {"MINIMAX_API_KEY": KEY})})
    bad = captured({"a": Made("free", "managed", {"MINIMAX_API_KEY": KEY})})
    found = atomlab.compare(good, bad, "a", "simple", managed=managed)
    assert found.managed is managed
    case = found.case()
    assert (case.managed, case.snapshot) == (managed, bad)
    assert case.platform is found.bad.platform
    assert case.diagnosis.platform is found.bad.platform
    assert [each.request.complexity for each in case.diagnosis.requests] == ["simple"]
    assert [each.request.managed for each in case.diagnosis.requests] == [managed is not False]
    assert case.findings().to_json()["compared"] == found.to_json()
