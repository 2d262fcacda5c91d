from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class LogLine:
    file: str
    line: int
    sha256: str
    at: datetime | None
    level: str | None
    event: str
    fields: Mapping[str, str]
