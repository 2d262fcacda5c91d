"""The PostgreSQL server that a test may kill, for captures that are stopped."""

from __future__ import annotations

from tests.evidence.conftest import own_server

__all__ = ["own_server"]
