"""The shipped data: built again it decides the same, and nothing secret is left of the build."""

from __future__ import annotations

import hashlib
import importlib.util
import sys

import pytest

import atomlab
from atomlab.evidence.inputs.rules import COMPLEXITIES
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def build():
    """Return data/build.py as a module."""
    spec = importlib.util.spec_from_file_location("data_build", ROOT / "data" / "build.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def decisions(path):
    """Return every tenant's lookups, clients, winners and counts, by tenant id."""
    with atomlab.open_snapshot(path) as snapshot:
        snapshot.verify()
        found = [
            atomlab.diagnose(snapshot, tenant)
            for (tenant,) in snapshot.session.query(atomlab.Tenant.id)
        ]
        return {
            d.tenant.id: (d.lookups, d.clients, [r.ranking.summary() for r in d.requests])
            for d in found
        }


@pytest.mark.slow
def test_building_again_gives_the_same_decisions(build, tmp_path):
    """Other keys, other fingerprints, the same decision for each tenant and complexity."""
    for made in build.build(tmp_path):
        shipped = ROOT / "data" / "snapshots" / made.name
        assert made.read_bytes() != shipped.read_bytes()
        assert decisions(made) == decisions(shipped)


def test_the_build_leaves_no_secret(build, monkeypatch, tmp_path):
    """No value that the build drew is in a file that it wrote, nor is its fingerprint key."""
    drawn = []

    def recorded(make):
        def draw():
            drawn.append(make())
            return drawn[-1]

        return draw

    monkeypatch.setattr(build, "MAKERS", {k: recorded(m) for k, m in build.MAKERS.items()})
    written = build.build(tmp_path)

    contents = b"".join(path.read_bytes() for path in written)
    secret = [value for value in drawn if len(value.strip()) > 8]
    assert len(secret) > 60
    assert not [
        v for v in secret if v.encode() in contents or v.encode().hex().encode() in contents
    ]
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(p.name for p in written)


def test_brennan_is_the_tenant_of_the_document(before, after, local_dev):
    """The documented id, name and rows; the other settings are counted, not named."""
    tenant = before.tenant("brennan")
    assert (tenant.id, tenant.name) == ("31c06fc4-db22-4740-83ea-48ac14f25810", "Brennan Machinery")
    rows = "SELECT setting_key, setting_value FROM tenant_settings WHERE tenant_id = ?"
    held = {s: dict(s._connection.execute(rows, (tenant.id,))) for s in (before, after)}
    assert list(held[before]) == ["MINIMAX_2_7_API_KEY"]
    assert sorted(held[after]) == ["MINIMAX_2_7_API_KEY", "MINIMAX_API_KEY"]
    assert len(set(held[after].values()) | set(held[before].values())) == 1
    with pytest.raises(atomlab.AtomlabError, match="no tenant"):
        local_dev.tenant(tenant.id)


def test_some_forty_tenants_of_many_kinds(before):
    """Healthy tenants and faulty ones, and every state of a key that a platform can hold."""
    tenants = [row[0] for row in before.session.query(atomlab.Tenant.id)]
    found = [atomlab.diagnose(before, tenant) for tenant in tenants]

    assert len(tenants) >= 41
    healthy = [d for d in found if all(r.outcome == "ranked" for r in d.requests)]
    failing = [d for d in found if all(r.outcome == "no-models" for r in d.requests)]
    assert len(healthy) >= 8
    assert len(failing) >= 15
    states = {look.state for d in found for look in d.lookups}
    assert states == {"present", "ciphertext", "missing", "empty", "blank"}
    assert {r.request.complexity for d in found for r in d.requests} == set(COMPLEXITIES)


def test_the_price_file_is_the_one_described(real_prices):
    """The file that data/README.md describes, byte for byte."""
    digest = hashlib.sha256(real_prices.read_bytes()).hexdigest()
    assert digest == "332a597812a535f8bece01d07aa322164186827df4d6683694d2e2e673f2f803"


def test_the_logs_are_built_as_they_are_shipped(build, tmp_path):
    """Line by line; and their winners are those of the snapshots."""
    for made in build.build_logs(tmp_path):
        assert made.read_bytes() == (ROOT / "data" / "logs" / made.name).read_bytes()
