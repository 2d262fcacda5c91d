"""The shipped snapshots: whole, redacted, and made of the real prices."""

from __future__ import annotations

import hashlib
import hmac
import re

import pytest
from sqlalchemy import text

NAMES = ("before", "after", "local_dev")
TOKEN = re.compile(r"v1:(null|empty):-|v1:(present|ciphertext|blank|placeholder):[0-9a-f]{64}")
KNOWN_VALUES = (b"   ", b"dummy-key-for-testing", b"Europe/Berlin", b"")
BRENNAN = "31c06fc4-db22-4740-83ea-48ac14f25810"


@pytest.fixture(params=NAMES)
def snapshot(request):
    """Return each shipped snapshot in turn."""
    return request.getfixturevalue(request.param)


def test_shipped_snapshot_agrees_with_its_manifest(snapshot):
    """Every checksum can be computed again."""
    assert snapshot.verify() is None


def test_every_setting_is_a_token(snapshot):
    """No value of a setting is anything but a token of the grammar."""
    values = snapshot.session.scalars(text("SELECT setting_value FROM tenant_settings")).all()
    assert values
    assert all(TOKEN.fullmatch(value) for value in values)


def test_no_token_is_a_plain_digest_of_a_known_value(snapshot):
    """Known values cannot be found by hashing them: the fingerprints are keyed."""
    content = snapshot.path.read_bytes()
    for value in KNOWN_VALUES:
        for digest in ("sha256", "sha512", "sha1", "md5"):
            guesses = [hashlib.new(digest, value).hexdigest()]
            guesses += [hmac.new(key, value, digest).hexdigest() for key in (b"", bytes(32))]
            for guess in guesses:
                assert guess[:16].encode() not in content


def test_nothing_but_names_of_keys_left_the_database(snapshot):
    """Values that `data/build.py` makes, and names of other settings, are not in the file."""
    content = snapshot.path.read_bytes()
    for word in (b"dummy-key", b"Berlin", b"refresh_token", b"cus_", b"atom-", b"gAAAA"):
        assert word not in content.replace(b"\natomlab-seal", b"")
    for name in (b"OUTLOOK_OAUTH", b"SLACK_OAUTH", b"BILLING_PROFILE", b"TIMEZONE"):
        assert name not in content


def test_tokens_differ_unless_the_values_are_equal(before):
    """Every made key is drawn anew, so no two rows of the first snapshot share a fingerprint."""
    fingerprints = [
        value.split(":")[2]
        for value in before.session.scalars(text("SELECT setting_value FROM tenant_settings"))
        if not value.endswith(":-")
    ]
    assert len(set(fingerprints)) == len(fingerprints)


def test_the_fix_copied_the_value_of_the_other_key(after):
    """After the documented fix both rows hold one value, and the fingerprints show it."""
    rows = dict(
        after.session.execute(
            text("SELECT setting_key, setting_value FROM tenant_settings WHERE tenant_id = :id"),
            {"id": BRENNAN},
        ).all()
    )
    assert set(rows) == {"MINIMAX_API_KEY", "MINIMAX_2_7_API_KEY"}
    assert len(set(rows.values())) == 1


def test_brennans_other_settings_are_counted(before):
    """The document's tenant has three settings that are no API key."""
    count = text("SELECT unnamed_settings FROM tenants WHERE subdomain = 'brennan'")
    assert before.session.scalar(count) == 3


def test_production_snapshots_differ_by_the_fix_only(before, after):
    """Between the two days one row was added and nothing else changed but the fingerprint key."""
    for table in ("tenants", "providers", "pricing", "model_catalog", "rules"):
        assert before.manifest["tables"][table] == after.manifest["tables"][table]
    rows = [s.manifest["tables"]["tenant_settings"]["rows"] for s in (before, after)]
    assert rows[1] == rows[0] + 1


def test_shipped_snapshots_hold_the_real_prices(snapshot):
    """Each was captured with the price map of the incident's day."""
    assert snapshot.manifest["pricing"]["models"] == 2690
    assert snapshot.manifest["rules"] == "hosted-2026-05"
