"""Options side by side: the tables show what the comparison holds."""

from __future__ import annotations

from dataclasses import replace

import pytest

import atomlab
from atomlab.show import case_tables

TABLES = (case_tables.options, case_tables.cured, case_tables.touched)


@pytest.fixture(scope="module")
def options(before):
    """Return the options of the incident's tenant."""
    return atomlab.compare_fixes(before, "brennan", others=4).options


def test_the_tables_have_a_row_per_option(options):
    """What is cured is counted and named, and whom an option touches is listed with the change."""
    frame, cured = case_tables.options(options).frame, case_tables.cured(options).frame
    assert list(frame["option"]) == [option.name for option in options]
    assert list(frame["requests cured"]) == [len(option.cures) for option in options]
    assert list(frame["other tenants touched"]) == [len(option.touched) for option in options]
    for column, kinds in (("cures", "cures"), ("leaves", "leaves")):
        expected = [", ".join(getattr(option, kinds)) or "none" for option in options]
        assert list(cured[column]) == expected


def test_whom_an_option_touches_is_named_with_the_change(options):
    """Up to three of each are named; the others are counted, and the caption says so."""
    touched = case_tables.touched(options)
    assert dict(zip(touched.frame["option"], touched.frame["others touched"], strict=True)) == {
        option.name: len(option.touched) for option in options if option.touched
    }
    for option, named in zip(touched.frame["option"], touched.frame.iloc[:, 2], strict=True):
        changes = next(o.touched for o in options if o.name == option)
        first = [f"{who}: {what}" for who, what in changes.items()][:3]
        rest = [f"and {len(changes) - 3} more"] if len(changes) > 3 else []
        assert named.split("; ") == first + rest
    more = any(len(option.touched) > 3 for option in options)
    assert ("Up to 3 of each are named, the others counted" in touched.caption) == more


def test_who_is_touched_is_counted_rather_than_cut(options):
    """As many are named as fit into a cell; the others are a number."""
    many = {f"tenant-{n}": "x" * 110 for n in range(30)}
    table = case_tables.touched([replace(options[0], touched=many)])
    assert table.frame.iloc[0, 2].startswith("tenant-0: xxx")
    assert table.frame.iloc[0, 2].endswith("; and 28 more")
    assert "Up to 3 of each are named, the others counted" in table.caption
    assert "characters)" not in table._repr_html_()


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
