"""Tenants whose settings are in the same states have the same number, and no others have it."""

from __future__ import annotations

import itertools
import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomlab.evidence.redaction import STATES
from atomlab.evidence.schema import SNAPSHOT_DDL
from atomlab.evidence.states import StatesByTenant, check_states, states_number

NAMES = st.text("AB_", min_size=1, max_size=2)
ROWS = st.lists(st.tuples(NAMES, st.sampled_from(STATES)), max_size=6).map(tuple)
TENANTS = st.lists(st.tuples(NAMES, ROWS), unique_by=lambda each: each[0], max_size=5)


def in_words(rows):
    """Return what the platform reads of rows: of several of one name the first."""
    return {name: next(s for n, s in rows if n == name) for name, _ in rows}


@given(ROWS, ROWS)
def test_numbers_are_equal_exactly_where_the_states_are(one, other):
    """The order of rows does not matter, nor a second row of a name; no settings are 0."""
    assert (states_number(one) == states_number(other)) == (in_words(one) == in_words(other))
    assert (states_number(one) == 0) == (not one)
    assert 0 <= states_number(one) < 2**63


@given(TENANTS, st.lists(st.integers(0, 12), max_size=4))
def test_tenants_are_numbered_however_their_rows_are_cut(tenants, cuts):
    """A tenant's rows may lie in several batches."""
    rows = [(tenant, *row) for tenant, those in tenants for row in those]
    places = sorted({0, len(rows), *(min(cut, len(rows)) for cut in cuts)})
    found = StatesByTenant()
    done = []
    for start, end in itertools.pairwise(places):
        done += found.add([row[0] for row in rows[start:end]], [row[1:] for row in rows[start:end]])
    expected = [(states_number(those), tenant) for tenant, those in tenants if those]
    assert done + found.end() == expected


@pytest.mark.parametrize(
    ("spoil", "tenant"),
    [
        ("UPDATE tenants SET states = 1 WHERE id = 'b'", "b"),
        ("UPDATE tenants SET states = 7 WHERE id = 'none'", "none"),
        ("UPDATE tenant_settings SET setting_key = 'C' WHERE tenant_id = 'b'", "b"),
        ("UPDATE tenant_settings SET setting_value = 'v1:null:-' WHERE tenant_id = 'b'", "b"),
        ("DELETE FROM tenant_settings WHERE tenant_id = 'a'", "a"),
        ("UPDATE tenant_settings SET tenant_id = 'none' WHERE tenant_id = 'b'", "none"),
    ],
)
def test_numbers_that_are_not_the_settings_are_found(spoil, tenant):
    """What stands beside a tenant is made again from its settings; a stranger's do not count."""
    numbers = {"a": states_number((("A", "empty"),)), "b": states_number((("A", "present"),))}
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript(SNAPSHOT_DDL)
        for name in ("a", "b", "none"):
            values = (name, name, numbers.get(name, 0))
            db.execute("INSERT INTO tenants VALUES (?, ?, NULL, NULL, NULL, 0, ?)", values)
        tokens = {"a": "v1:empty:-", "b": f"v1:present:{'0' * 64}", "stranger": "v1:null:-"}
        for name, token in tokens.items():
            db.execute("INSERT INTO tenant_settings VALUES (NULL, ?, 'A', ?, NULL)", (name, token))
        check_states(db)
        db.execute(spoil)
        with pytest.raises(ValueError, match=f"^{tenant}$"):
            check_states(db)
