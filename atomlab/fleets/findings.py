"""The findings on all tenants, as reports and scripts read them."""

from __future__ import annotations

from atomlab.diagnosis.findings import CaseRecord, Json, RequestRecord, Summary
from atomlab.verdicts import Status


class FleetFindings(CaseRecord):
    """The findings on all tenants: `statuses` counts them.

    `tenants` are the affected ones, those first of whom all fails, and `unable` those that get a
    model which is none for chat; of a large fleet so many more are left out.
    """

    statuses: dict[Status, int]
    request: dict[str, str]
    requests: tuple[RequestRecord, ...]
    summary: Summary | None = None
    diagnosis: Json
    warnings: tuple[str, ...]
    tenants: tuple[Json, ...]
    left_out: int = 0
    unable: tuple[Json, ...]
    unable_left_out: int = 0
