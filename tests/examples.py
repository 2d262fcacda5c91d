"""How many random examples a test draws: a third in `make test`, all in `make test-all`."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import settings

ALL = os.environ.get("EXAMPLES") == "all"


def examples(number: int, **more: Any) -> settings:
    """Return settings for so many examples, each of which may take its time."""
    return settings(max_examples=number if ALL else max(number // 3, 20), deadline=None, **more)
