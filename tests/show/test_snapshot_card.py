"""A snapshot shows itself: where it came from, in a card and in a line."""

from __future__ import annotations

import hashlib

import pytest

from atomlab.evidence.schema import Tenant
from tests.pages import STORABLE, STORABLE_NAMES, Page, inert
from tests.refusals import is_one_line


def facts(html):
    """Return the facts of a card by name."""
    page = Page(html)
    names = [text for _, text in page.all("dt")]
    return dict(zip(names, (text for _, text in page.all("dd")), strict=True))


def test_evaluating_a_snapshot_shows_its_provenance(before):
    """The card names the file's hash, the time, the source, and how much is in it."""
    shown = facts(before._repr_html_())
    assert shown["sha256 of the file"] == hashlib.sha256(before.path.read_bytes()).hexdigest()
    assert shown["captured at (UTC)"] == "2026-05-02T08:00:00Z"
    assert shown["tenants"] == f"{before.session.query(Tenant).count():,}"
    assert shown["prices"].startswith("2,690 models")
    assert "made-up" in Page(before._repr_html_()).text


def test_a_snapshot_without_prices_says_so(captured):
    """What was not captured is named, not left out."""
    shown = facts(captured({"acme": {}}, pricing=None)._repr_html_())
    assert shown["prices"] == "not captured"
    assert shown["prices fetched at"] == "unknown"


def test_a_snapshot_is_one_line_in_a_terminal(before):
    """Name, time and the start of the hash."""
    assert is_one_line(repr(before))
    assert before.sha256[:12] in repr(before)


@pytest.mark.parametrize("name", STORABLE, ids=STORABLE_NAMES)
def test_a_hostile_note_is_text(captured, monkeypatch, name):
    """Whatever a manifest holds is shown, never run."""
    snapshot = captured({"acme": {}})
    manifest = {**snapshot.manifest, "note": name, "rules": name, "tool": name}
    monkeypatch.setattr(snapshot, "manifest", manifest | {"captured_at": name})
    assert inert(snapshot._repr_html_())
    assert is_one_line(repr(snapshot))
    assert len(snapshot._repr_html_()) < 10_000
