"""Tables: readable, escaped, and silent about what did not happen."""

from __future__ import annotations

import pytest

import atomlab
from atomlab import Request, Tenant
from atomlab.report import figures, tables
from atomlab.report.planning import folder_names


def test_without_a_fix_no_table_pretends_that_one_was_made(before):
    """No second set of verdicts, no column of what a fix did."""
    case = atomlab.investigate(before, "brennan")
    assert "No fix is proposed" in repr(tables.claims_again(case))
    assert "none was tried" in repr(tables.trials(case.trials))
    assert list(tables.outcomes(case).frame) == ["complexity", "usable", "winner", "decision"]


def test_models_come_in_the_order_of_how_little_blocks_them(before):
    """Fewest blockers first, among them the best value; an unknown price is not shown as none."""
    diagnosis = atomlab.diagnose(before, "brennan")
    frame = tables.models(diagnosis, "minimax", "moderate").frame
    blocked = [len(blockers.split(", ")) for blockers in frame["blockers"]]
    assert blocked == sorted(blocked) == [1] * 5 + [2] * 4
    values = list(frame["value score"])
    assert values[:5] == sorted(values[:5], reverse=True)
    assert frame["cost ($ per million tokens)"].isna().tolist() == [False] * 5 + [True] * 4


def test_a_row_that_is_read_for_no_provider_is_shown_with_its_name(before):
    """The evidence of a misspelt name is that very row, beside what the platform looks for."""
    frame = tables.keys(atomlab.diagnose(before, "bramble")).frame
    last = frame.iloc[-1]
    assert last["platform looks for, or row"] == "openai_api_key"
    assert last["state"] == "present"
    assert last["reason"] == "the platform reads this row for no provider"


@pytest.mark.parametrize(
    ("row", "provider"),
    [("DEEPSEEK_APIKEY", "deepseek"), ("MINIMAX_2_7_API_KEY", "minimax"), ("groq_key", "groq")],
)
def test_the_row_that_a_cause_misses_is_shown(captured, real_prices, row, provider):
    """What the case is about is listed as missing, not counted among those without a row."""
    table = tables.keys(
        atomlab.diagnose(captured({"acme": {row: "k"}}, pricing=real_prices), "acme")
    )
    shown = table.frame.set_index("platform looks for, or row")["state"]
    assert shown[f"{provider.upper()}_API_KEY"] == "missing"
    assert shown[row] == "present"
    read = table.frame["provider"].notna().sum()
    assert f"Not shown: {27 - read} providers without a row" in table.caption


def test_a_providers_models_are_all_that_it_would_serve(captured, write_json):
    """Under the substring matcher a model is in the row of each provider that could serve it."""
    registry = write_json({"providers": [{"id": "minimax"}, {"id": "max"}]}, "registry.json")
    snapshot = captured({"acme": {}}, providers=registry, rules="open-source-2026-05")
    diagnosis = atomlab.diagnose(snapshot, "acme", [Request("simple")])

    shown = tables.models(diagnosis, "max", "simple").frame["model"]
    assert list(shown) == ["minimax/MiniMax-M2.5"]
    (axis,) = figures.blockers(diagnosis.requests[0].ranking).figure.axes
    labels = [label.get_text() for label in axis.get_yticklabels()]
    assert labels == ["minimax (1)", "max (1)", "not in the registry (3)"]


@pytest.mark.parametrize(
    "name",
    [
        *("../../escape", "/etc/passwd", "..", ".", ".hidden", "a/b", "a\\b", "", "\x1b[31mred"),
        *("a\nb", "\u202eabc", "x" * 500, "-p", "two words"),
    ],
)
def test_a_reports_folder_has_a_plain_name_whatever_a_tenant_is_called(name):
    """Folders stay where they belong, and two tenants never share one."""
    tenants = [Tenant(id=name), Tenant(id="x", subdomain=name or None), Tenant(id=name + "?")]
    names = folder_names(tenants)
    assert len({folder.lower() for folder in names}) == 3
    for folder in names:
        assert folder.isascii()
        assert folder.replace("-", "").replace("_", "").replace(".", "").isalnum()
        assert not folder.startswith((".", "-"))
        assert len(folder) < 80


def test_plain_names_stay_and_equal_ones_are_told_apart():
    """A subdomain is kept as it is, unless another tenant's differs in case only."""
    one, two, three = (Tenant(id=str(n), subdomain=s) for n, s in enumerate(("acme", "ACME", "b")))
    assert folder_names([one, three]) == ["acme", "b"]
    first, second, third = folder_names([one, two, three])
    assert first.startswith("acme-")
    assert second.startswith("ACME-")
    assert third == "b"


def test_a_long_tenant_s_name_leaves_room_for_what_is_not_shown(captured):
    """The count of what is left out is readable, whatever the tenant is called."""
    table = tables.keys(atomlab.diagnose(captured({"acme" * 100: {}}), "acme" * 100))
    assert "Not shown: 27 providers" in table.html()
