"""A fleet as data frames: one row per tenant, and one per cause, provider and kind of request."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from concurrent.futures import Executor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from atomlab.evidence.shards import open_shards
from atomlab.evidence.snapshot import Snapshot
from atomlab.fleets.listing import OWN, Shared, shared_by
from atomlab.fleets.parts import parts_in
from atomlab.fleets.survey import survey
from atomlab.fleets.totals import Totals, added

_TEXTS = ("clients", "failing")  # joined by commas
_LEFT_OUT = ("cost", "leaves")
_FLEET = ("cause", "provider", "complexity", "who")


def tenants(snapshot: Snapshot, complexity: str = "", managed: bool | None = None) -> pd.DataFrame:
    """Return a frame with one row per tenant of a snapshot, in the order of their ids.

    Requests are of `complexity`, all four if it is empty, and `managed`, or not, or, where that is
    None, as each tenant's `ai_mode` says. A million tenants take some seconds: what those in the
    same state have in common is worked out once, and these columns are categories.

    Columns: `id`, `name`, `subdomain` (texts, as stored); `plan`, `ai_mode`; `managed`, whether
    requests are (bool); `status` (affected, healthy or undecided); `clients`, the providers that
    have one, and `failing`, the kinds of request that find no model (both joined by `, `, empty
    for none). Of the first request that fails, and missing where none does: `cause`, the root
    cause's code, `unexplained` if none is known; `provider`, that it concerns; `verdict` on the
    cause; `fix`, the easiest that was run and helped, in words, and `who` acts on it, both missing
    if none helped. Raises InputError for an unknown complexity.
    """
    fleet = survey(snapshot, complexity, managed)
    shared = [shared_by(fleet, impact) for impact in fleet.impacts]
    place = {group: number for number, group in enumerate(fleet.impact_on)}
    own: list[list[Any]] = [[] for _ in OWN]
    places = array("l")
    for tenant, group in fleet.population:
        for values, value in zip(own, tenant, strict=False):
            values.append(value)
        places.append(place[group])
    frame = pd.DataFrame(
        {name: pd.Series(v, dtype="str") for name, v in zip(OWN, own, strict=True)}
    )
    at = np.asarray(places)
    for name in Shared._fields:
        if name not in _LEFT_OUT:
            frame[name] = _column(name, [getattr(each, name) for each in shared], at)
    return frame


def _column(name: str, values: Sequence[Any], at: np.ndarray) -> Any:
    """Return a column whose rows have the values at these places."""
    if name == "managed":
        return np.array(values, dtype=bool)[at]
    texts = [", ".join(each) for each in values] if name in _TEXTS else values
    codes, known = pd.factorize(np.array(texts, dtype=object), sort=True)
    return pd.Categorical.from_codes(codes[at], pd.Index(known, dtype="str"))


def fleet(
    snapshot: Snapshot | str | Path,
    complexity: str = "",
    managed: bool | None = None,
    executor: Executor | None = None,
) -> pd.DataFrame:
    """Return a frame with one row per cause, provider, kind of request and who acts.

    `snapshot` may also be the path of one, or of the folder of a capture in shards; with an
    `executor` (of processes, or a Dask client's) its workers decide them. Requests are as in
    `tenants`. Columns: `cause`, a code, `unexplained` if none is known; `provider`, that it
    concerns, missing for none; `complexity` of the request; `who` acts on the easiest fix that was
    run and helped (tenant, operator or engineering), missing if none helped; `tenants`, how many
    there are whose request of this kind finds no model for this cause; `confirmed`, for how many
    of them the cause is. A tenant is in as many rows as kinds of its requests fail. That of most
    tenants comes first; nobody affected makes an empty frame. Raises InputError for an unknown
    complexity, SnapshotError for files that are not all of one capture.
    """
    if isinstance(snapshot, Snapshot):
        totals = survey(snapshot, complexity, managed).totals
    else:
        totals = added(_totals(snapshot, complexity, managed, executor))
    return pd.DataFrame(totals.groups(), columns=[*_FLEET, "tenants", "confirmed"]).astype(
        dict.fromkeys(_FLEET, "str") | {"tenants": "int64", "confirmed": "int64"}
    )


def _totals(
    path: str | Path, complexity: str, managed: bool | None, executor: Executor | None
) -> list[Totals]:
    """Return the totals of each shard, or of the one snapshot."""
    with ExitStack() as stack:
        shards = [stack.enter_context(each) for each in open_shards(path)]
        return [part.totals for part in parts_in(shards, complexity, managed, executor, most=0)]
