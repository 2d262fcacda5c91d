"""Edits: what each costs, who makes it, and which target it has."""

from __future__ import annotations

import pytest

from atomlab.diagnosis.edits import Edit, by_target
from atomlab.evidence.inputs.rules import load_rules


@pytest.mark.parametrize(
    ("edit", "cost"),
    [
        (Edit("copy-key", "A_API_KEY", "B_API_KEY"), 1),
        (Edit("repair-row", "A_API_KEY"), 1),
        (Edit("new-credential", "A_API_KEY"), 5),
        (Edit("allow-provider", provider="a"), 10),
        (Edit("waive-filter", filter="excluded"), 10),
        (Edit("waive-filter", filter="quality"), 20),
    ],
    ids=lambda value: getattr(value, "kind", value),
)
def test_fix_costs_are_the_documented_ones(edit, cost):
    """Copy 1, repair 1, new credential 5, platform configuration 10, code 20."""
    assert edit.cost == cost


@pytest.mark.parametrize(
    ("edit", "hosted", "public"),
    [
        (Edit("copy-key", "A", "B"), "tenant", "operator"),
        (Edit("repair-row", "A"), "tenant", "operator"),
        (Edit("new-credential", "A"), "tenant", "operator"),
        (Edit("allow-provider", provider="p"), "operator", "engineering"),
        (Edit("register-provider", provider="p"), "operator", "engineering"),
        (Edit("refresh-pricing"), "operator", "operator"),
        (Edit("repair-entry", model="m"), "operator", "operator"),
        (Edit("complete-windows"), "operator", "operator"),
        (Edit("waive-filter", filter="plan"), "operator", "operator"),
        (Edit("waive-filter", filter="health"), "operator", "operator"),
        (Edit("waive-filter", filter="excluded"), "operator", "operator"),
        (Edit("waive-filter", filter="quality"), "engineering", "engineering"),
        (Edit("waive-filter", filter="context"), "engineering", "engineering"),
    ],
    ids=str,
)
def test_who_has_to_act(edit, hosted, public):
    """Keys are the tenant's, lists and prices an operator's, thresholds engineering's."""
    rules = [load_rules(name) for name in ("hosted-2026-05", "open-source-2026-05")]
    assert [edit.who(each) for each in rules] == [hosted, public]


def test_edits_are_parted_by_what_they_change():
    """Rows, the platform, and filters to waive; the order within each stays."""
    row, other = Edit("copy-key", "A", "B"), Edit("remove-row", "C")
    allowed, windows = Edit("allow-provider", provider="p"), Edit("complete-windows")
    waived = [Edit("waive-filter", filter=name) for name in ("plan", "quality")]
    mixed = [allowed, row, waived[0], windows, other, waived[1]]
    assert by_target(mixed) == ((row, other), (allowed, windows), {"plan", "quality"})
    assert by_target([]) == ((), (), frozenset())


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (Edit("copy-key", "A", "B"), "set A to the value of B"),
        (Edit("copy-key", "A", "B", tenant_id=""), "set A to the value of B of another tenant"),
        (
            Edit("repair-entry", model="a\x1b"),
            r"repair or remove the entry a\x1b of the pricing cache",
        ),
        (Edit("refresh-pricing"), "refresh the pricing cache"),
    ],
)
def test_an_edit_in_words_names_what_it_changes(edit, words):
    """Another tenant's row is said to be one; an id of a model is printable."""
    assert str(edit) == words
