"""The fleet as data frames: each tenant as its own diagnosis has it, and counted."""

from __future__ import annotations

from collections import Counter

import pandas as pd
import pytest

import atomlab
from atomlab.errors import InputError
from tests.diagnosis.made import EVERY, KEY, capture_made


def or_none(frame):
    """Return a frame's rows with None for what is missing."""
    return frame.astype(object).where(frame.notna(), None)


def test_a_tenant_s_row_is_its_diagnosis(before, alone):
    """Every tenant once, in the order of their ids, with what was found for it alone."""
    frame = atomlab.tenants(before)
    assert list(frame["id"]) == sorted(alone)
    for row in or_none(frame).itertuples(index=False):
        met, tenant = alone[row.id], before.tenant(row.id)
        assert (row.name, row.subdomain) == (tenant.name, tenant.subdomain)
        assert (row.plan, row.ai_mode) == (tenant.plan_type, tenant.ai_mode)
        assert row.status == met.status
        assert row.clients == ", ".join(met.clients)
        assert row.failing == ", ".join(failure[0] for failure in met.failing)
        first = met.failing[0] if met.failing else (None,) * 6
        fix = " and ".join(map(str, first[4] or ())) or None
        assert (row.cause, row.provider, row.verdict) == first[1:4]
        assert (row.fix, row.who) == (fix, first[5])


def test_columns_are_as_documented(before):
    """Each stands in the docstring; what a group shares is a category, so that it takes no room."""
    for make in (atomlab.tenants, atomlab.fleet):
        frame = make(before)
        assert all(f"`{name}`" in make.__doc__ for name in frame.columns)
    frame = atomlab.tenants(before)
    shared = frame.columns.difference(["id", "name", "subdomain", "managed"])
    assert all(isinstance(frame[name].dtype, pd.CategoricalDtype) for name in shared)
    assert frame["managed"].dtype == bool


def test_the_fleet_counts_every_failure(before, alone):
    """One row per cause, provider, kind of request and who acts."""
    every = [failure for met in alone.values() for failure in met.failing]
    counted = Counter((f[1], f[2], f[0], f[5]) for f in every)
    rows = [tuple(row) for row in or_none(atomlab.fleet(before)).itertuples(index=False)]
    assert {row[:4]: row[4] for row in rows} == counted
    assert sum(row[5] for row in rows) == sum(f[3] == "confirmed" for f in every)


@pytest.mark.parametrize("asked", [None, True, False])
def test_requests_are_managed_as_asked(tmp_path, asked):
    """Or as each tenant's mode says; which it was stands in the row, and so does what fails."""
    with capture_made(tmp_path, EVERY) as snapshot:
        frame = atomlab.tenants(snapshot, "complex", managed=asked)
    for row in frame.itertuples(index=False):
        made = EVERY[row.subdomain]
        assert row.managed == made.managed(asked)
        assert row.failing == ("" if made.usable("complex", asked) else "complex")


def test_where_nobody_is_affected_the_frame_is_empty(captured):
    """With the same columns of the same kinds."""
    snapshot = captured({"acme": {"OPENAI_API_KEY": KEY}})
    found = atomlab.fleet(snapshot, "simple")
    assert (len(found), found["tenants"].sum()) == (0, 0)
    assert list(found.dtypes) == list(atomlab.fleet(snapshot).dtypes)
    frame = atomlab.tenants(snapshot, "simple")
    assert list(frame["status"]) == ["healthy"]
    assert frame[["cause", "fix", "who"]].isna().all(axis=None)


def test_an_unknown_kind_of_request_is_refused(before):
    """As for a survey."""
    for make in (atomlab.tenants, atomlab.fleet):
        with pytest.raises(InputError):
            make(before, "hard")
