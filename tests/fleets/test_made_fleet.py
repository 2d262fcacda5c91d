"""A made fleet: what the survey says of a tenant is what diagnosing it alone says."""

from __future__ import annotations

import random

import pytest

import atomlab
from atomlab.fleets.survey import survey
from atomlab.fleets.totals import found
from benchmarks.fleet import as_diagnosed, as_surveyed
from benchmarks.made_fleet import write_fleet
from tests.conftest import ROOT

PRICES = ROOT / "data" / "pricing" / "litellm-1.83.14-prices.json.gz"


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    """Return the survey of 4,000 made tenants in 2,000 classes, on real prices."""
    path = tmp_path_factory.mktemp("made") / "fleet.db"
    write_fleet(path, 4000, 2000)
    with atomlab.capture(str(path), path.with_suffix(".sqlite"), pricing=PRICES) as snapshot:
        yield survey(snapshot)


def test_random_tenants_meet_what_their_own_diagnosis_says(fleet):
    """Status, clients, failing kinds, cause, provider, verdict, the fix's edits and who acts."""
    everyone = [*fleet.population]
    some = random.Random(500).sample(everyone, 500)
    hit = 0
    for tenant, group in some:
        impact = fleet.impact_on[group]
        alone = atomlab.diagnose(fleet.snapshot, tenant.id, platform=fleet.platform)
        told = as_surveyed(impact, lambda f: found(f, fleet.platform.rules).who or None)
        assert told == as_diagnosed(alone), tenant.id
        hit += bool(impact.failures)
    assert 50 < hit < 450
