"""What the tests of commands share."""

from __future__ import annotations

import contextlib
import sqlite3

import pytest

import atomlab
from tests.postmortem.conftest import incident, said  # noqa: F401 - fixtures


@pytest.fixture
def managed_world(make_database, prices, tmp_path):
    """Return a function that captures a tenant of a mode, on the free plan, with a minimax key."""

    def make(mode):
        source = make_database({"acme": {"MINIMAX_API_KEY": "a-key-of-more-than-12"}}, plan="free")
        with contextlib.closing(sqlite3.connect(source)) as db:
            db.execute("UPDATE tenants SET ai_mode = ?", (mode,))
            db.commit()
        atomlab.capture(str(source), tmp_path / "made.sqlite", pricing=prices).close()
        return tmp_path / "made.sqlite"

    return make
