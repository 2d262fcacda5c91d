"""Snapshot files with a good seal around whatever a test wants."""

from __future__ import annotations

import hashlib


def sealed(content: bytes) -> bytes:
    """Return `content` with a seal that fits it."""
    return content + f"\natomlab-seal-v1 sha256={hashlib.sha256(content).hexdigest()}\n".encode()
