"""Flips: which tenants' outcomes differ, as one by one, and by which difference."""

from __future__ import annotations

import pytest

import atomlab
from atomlab.errors import TenantError
from tests.conftest import PRICES
from tests.diagnosis.made import EVERY, KEY, Made, capture_made


@pytest.fixture
def days(tmp_path):
    """Return a good and a bad day: prices of openai have gone, some rows went, one came."""
    good = dict(EVERY) | {"gone": Made(), "back": Made(rows={})}
    bad = {name: made for name, made in EVERY.items() if "minimax" not in name}
    bad |= {name: Made(made.plan, made.mode) for name, made in EVERY.items() if "minimax" in name}
    bad |= {"back": Made(rows={"DEEPSEEK_API_KEY": KEY}), "new": Made()}
    left = {name: entry for name, entry in PRICES.items() if "gpt" not in name}
    snapshots = []
    for name, tenants, prices in (("good", good, PRICES), ("bad", bad, left)):
        (tmp_path / name).mkdir()
        key = tmp_path / "one.key"
        snapshots.append(capture_made(tmp_path / name, tenants, prices, key_file=key))
    yield snapshots
    for snapshot in snapshots:
        snapshot.close()


def statuses(snapshot):
    """Return what each tenant gets for each kind of request, tenant by tenant."""
    return {
        tenant.id: {
            each.request.complexity: each.status
            for each in atomlab.diagnose(snapshot, tenant.id).requests
        }
        for tenant in snapshot.session.query(atomlab.Tenant)
    }


def test_flips_are_those_of_all_tenants_one_by_one(days):
    """As many fail anew, and as many work again, as when each is diagnosed on both days."""
    before, after = map(statuses, days)
    both = before.keys() & after.keys()
    wanted = {False: set(), True: set()}
    for tenant in both:
        for kind, was in before[tenant].items():
            if was != after[tenant][kind]:
                wanted[was == "affected"].add(tenant)
    found = atomlab.compare(*days)
    assert all(wanted.values())
    for back, tenants in wanted.items():
        assert sum(flip.tenants for flip in found.flips if flip.back is back) == len(tenants)
    assert found.tenants == len(both)
    assert found.only == (1, 1)
    assert found.verdict == "confirmed"
    assert "1 in the good day's and 1 in the bad day's" in found.answer()
    for flip in found.flips:
        assert flip.verdict == "confirmed"
        assert flip.why


def test_each_flip_names_what_did_it(days):
    """A tenant whose row went, and those whose models have gone from the prices."""
    found = atomlab.compare(*days, complexity="simple")
    whys = {flip.why: flip for flip in found.flips}
    assert any("MINIMAX_API_KEY removed" in why for why in whys)
    assert any("gpt-4o" in why for why in whys)
    (back,) = [flip for flip in found.flips if flip.back]
    assert back.named == ["Back"]
    document = found.to_json()
    assert document["tenant"] is None
    assert document["flips"][0]["example"]["schema"] == "atomlab.compare/1"


def test_without_a_flip_there_is_nothing_to_explain(days):
    """The same day twice: refuted, with the sentence."""
    found = atomlab.compare(days[0], days[0])
    assert found.verdict == "refuted"
    assert found.answer().startswith("There is nothing to explain: none of the ")
    assert not found.flips


def test_snapshots_without_a_tenant_in_common_are_refused(captured):
    """Those are of two databases; it is said how many tenants each has."""
    one, other = (captured({name: {"OPENAI_API_KEY": KEY}}) for name in ("acme", "other"))
    with pytest.raises(TenantError, match=r"in both snapshots, of which .* has 1 and .* has 1;"):
        atomlab.compare(one, other)
