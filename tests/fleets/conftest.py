"""What the tests of fleets share: a snapshot's tenants, diagnosed one by one."""

from __future__ import annotations

import pytest

import atomlab
from benchmarks.fleet import as_diagnosed


@pytest.fixture(scope="session")
def alone(before):
    """Return for each tenant of the shipped snapshot what its own diagnosis says, by id."""
    platform = atomlab.load_platform(before.session)
    tenants = before.session.query(atomlab.Tenant)
    found = {t.id: atomlab.diagnose(before, t.id, platform=platform) for t in tenants}
    return {name: as_diagnosed(diagnosis) for name, diagnosis in found.items()}
