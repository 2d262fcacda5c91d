"""Which tenant is meant, and what to do if none or several are."""

from __future__ import annotations

import sqlite3

import pytest

from atomlab.errors import TenantError
from atomlab.evidence.tenants import find_tenant
from tests.conftest import live_session
from tests.refusals import refused

BRENNAN = "31c06fc4-db22-4740-83ea-48ac14f25810"


@pytest.mark.parametrize("text", [BRENNAN, "brennan", "Brennan Machinery"])
def test_tenant_goes_by_id_subdomain_or_exact_name(before, text):
    """The documented tenant is found under all its names."""
    assert before.tenant(text).id == BRENNAN


def test_tenant_0042_is_text(before):
    """A tenant named like a number is found as text and by no other number."""
    assert before.tenant("0042").name == "0042"
    with refused(TenantError, "no tenant '42'"):
        before.tenant("42")


def test_unknown_tenant_is_answered_with_near_matches(before):
    """A slip of the pen is answered with what may have been meant."""
    with refused(TenantError, "no tenant 'brenan' among the 45 in this database") as caught:
        before.tenant("brenan")
    assert "did you mean brennan" in caught.value.todo


@pytest.mark.parametrize(
    "text",
    ["", "BRENNAN MACHINERY ", "%", "' OR 1=1 --", "a\nb\x1b[31m", "\u202eabc", "x\udcff", "a\0b"],
)
def test_odd_names_find_nobody_and_are_shown_harmlessly(before, text):
    """Wildcards, SQL, controls and broken Unicode are names of nobody."""
    with refused(TenantError, "no tenant"):
        before.tenant(text)


def test_ambiguous_name_is_answered_with_the_list(make_database):
    """A name that two tenants go by is refused with both ids."""
    path = make_database({"acme": {}, "zeta": {}})
    db = sqlite3.connect(path)
    db.execute("UPDATE tenants SET name = 'acme' WHERE id = 'id-zeta'")
    db.commit()
    db.close()
    with live_session(path) as db, refused(TenantError, "names 2 tenants") as caught:
        find_tenant(db, "acme")
    assert caught.value.matches == ("id-acme", "id-zeta")
    assert "id-acme, id-zeta" in str(caught.value)


def test_an_id_is_its_own_tenants_whatever_others_are_called(make_database):
    """A tenant named like another's id does not make that id ambiguous."""
    path = make_database({"acme": {}, "zeta": {}})
    db = sqlite3.connect(path)
    db.execute("UPDATE tenants SET name = 'id-acme', subdomain = 'ID-ACME' WHERE id = 'id-zeta'")
    db.commit()
    db.close()
    with live_session(path) as db:
        assert find_tenant(db, "id-acme").id == "id-acme"
        assert find_tenant(db, "ID-ACME").id == "id-zeta"


def test_local_database_does_not_know_brennan(local_dev):
    """The incident's wrong database has no such tenant, only near matches."""
    with refused(TenantError, "no tenant 'brennan' among the 3") as caught:
        local_dev.tenant("brennan")
    assert "brenda" in caught.value.todo
