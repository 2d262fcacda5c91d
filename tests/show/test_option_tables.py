"""Options side by side: the tables show what the comparison holds."""

from __future__ import annotations

from dataclasses import replace

import pytest

import atomlab
from atomlab.show import case_tables

TABLES = (case_tables.options, case_tables.touched)


@pytest.fixture(scope="module")
def options(before):
    """Return the options of the incident's tenant."""
    return atomlab.compare_fixes(before, "brennan", others=4).options


def test_the_table_has_a_row_per_option(options):
    """What it cures and leaves is named, and how many others it touches is counted."""
    frame = case_tables.options(options).frame
    assert list(frame["option"]) == [option.name for option in options]
    assert list(frame["other tenants touched"]) == [len(option.touched) for option in options]
    for name in ("cures", "leaves"):
        expected = [", ".join(getattr(option, name)) or "nothing" for option in options]
        assert list(frame[name]) == expected


def test_whom_an_option_touches_is_named_with_the_change(options):
    """Up to some tenants of each option are listed; the caption counts the others."""
    many = {f"tenant-{number}": "changed" for number in range(9)}
    options = (*options, replace(options[0], name="another", touched=many))
    table = case_tables.touched(options, limit=2)
    assert list(table.frame.itertuples(index=False, name=None)) == [
        (option.name, *change) for option in options for change in [*option.touched.items()][:2]
    ]
    rest = sum(max(len(option.touched) - 2, 0) for option in options)
    assert f"Up to 2 tenants of each option are listed, {rest:,} are not" in table.caption
    assert "are not" not in case_tables.touched(options, limit=1_000).caption


def test_no_option_at_all_can_be_shown():
    """A tenant without the error has no options, and still tables."""
    for draw in TABLES:
        assert "none" in draw([])._repr_html_()


def test_hostile_names_are_text(options):
    """An option or tenant of any name is escaped."""
    evil = "</figure><script>alert(1)</script>\u202e\x1b[31m" + "x" * 100_000
    option = replace(options[0], name=evil, touched={evil: evil})
    for draw in TABLES:
        html = draw([option])._repr_html_()
        assert "<script" not in html
        assert "\u202e" not in html
        assert "\x1b" not in html
        assert len(html) < 200_000
