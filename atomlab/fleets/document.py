"""A fleet as one JSON document, `atomlab.fleet/1`: totals, and some of the affected tenants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from atomlab.fleets.listing import Row, to_json
from atomlab.fleets.parts import Part
from atomlab.fleets.summary import summarize_totals
from atomlab.fleets.totals import Totals


def fleet_document(parts: Sequence[Part], totals: Totals, rows: Sequence[Row]) -> dict[str, Any]:
    """Return the document on the parts of a fleet: their totals, and the tenants of these rows."""
    affected = totals.by_status["affected"]
    return {
        "schema": "atomlab.fleet/1",
        "snapshots": [part.snapshot for part in parts],
        "requests": [request.to_json() for request in parts[0].requests],
        "status": totals.status,
        "missing": totals.missing if totals.status == "undecided" else None,
        "statuses": totals.by_status,
        "outages": totals.outages,
        "causes": [
            {**each, "requests": totals.by_request(each["cause"])}
            for each in _numbers("cause", totals.by("cause"), totals.confirmed_by_cause)
        ],
        "providers": _numbers("provider", totals.by("provider")),
        "kinds": _numbers("complexity", totals.by_request()),
        "who": _numbers("who", totals.by("who")),
        "groups": totals.groups(),
        "summary": summarize_totals(totals).model_dump(mode="json"),
        "tenants": [to_json(row) for row in rows],
        "left_out": affected - len(rows),
    }


def _numbers(
    name: str, tenants: Mapping[Any, int], confirmed: Mapping[Any, int] | None = None
) -> list[dict[str, Any]]:
    """Return an object for each value of what `name` is, with its number of tenants."""
    return [
        {name: value or None, "tenants": number}
        | ({"confirmed": confirmed.get(value, 0)} if confirmed is not None else {})
        for value, number in tenants.items()
    ]
