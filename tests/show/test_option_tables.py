"""Options side by side: the picture and the tables show what the comparison holds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from atomlab.diagnosis.comparison import compare
from atomlab.show import option_tables as shown


@pytest.fixture(scope="module")
def case(before):
    """Return the comparison for the incident's tenant."""
    return compare(before, "brennan", others=4)


def test_a_dot_is_a_cure_and_a_cross_is_none(case):
    """Each row has a mark per failing request, then the cost and the number of others touched."""
    (axis,) = shown.by_request(case).figure.axes
    columns = [label.get_text() for label in axis.get_xticklabels()]
    marks = {}
    for text in axis.texts:
        column, row = text.get_position()
        marks[int(row), columns[int(column)]] = text.get_text()
    for row, option in enumerate(case.options):
        for request in (*option.cures, *option.leaves):
            assert marks[row, request] == ("●" if request in option.cures else "×")
        assert marks[row, "cost"] == str(option.cost)
        assert marks[row, "others touched"] == str(len(option.touched))
    assert columns[:4] == ["simple", "moderate", "complex", "advanced"]


def test_the_tables_have_a_row_per_option(case):
    """What is cured is counted, and whom an option touches is listed with the change."""
    options, touched = shown.options(case), shown.touched(case)
    assert list(options.frame["option"]) == [option.name for option in case.options]
    assert list(options.frame["other tenants touched"]) == [len(o.touched) for o in case.options]
    assert list(options.frame["cures moderate"]) == [
        "yes" if "moderate" in option.cures else "no" for option in case.options
    ]
    assert dict(zip(touched.frame["option"], touched.frame["others touched"], strict=True)) == {
        option.name: len(option.touched) for option in case.options if option.touched
    }
    for option, told in zip(touched.frame["option"], touched.frame.iloc[:, 2], strict=True):
        changes = next(o.touched for o in case.options if o.name == option)
        named = [f"{who}: {what}" for who, what in changes.items()][:3]
        rest = [f"and {len(changes) - 3} more"] if len(changes) > 3 else []
        assert told.split("; ") == named + rest
    more = any(len(option.touched) > 3 for option in case.options)
    assert ("Up to 3 of each are named, the others counted" in touched.caption) == more


def test_who_is_touched_is_counted_rather_than_cut(case):
    """As many are named as fit whole into a cell; the others are a number."""
    many = {f"tenant-{n}": "x" * 110 for n in range(30)}
    made = replace(case, options=(replace(case.options[0], touched=many),))
    table = shown.touched(made)
    assert table.frame.iloc[0, 2].startswith("tenant-0: xxx")
    assert table.frame.iloc[0, 2].endswith("; and 28 more")
    assert "Up to 3 of each are named, the others counted" in table.caption
    assert "characters)" not in table._repr_html_()


def test_the_picture_says_in_words_what_it_shows(case):
    """Every option is in the alternative text with its cost, and the same data draws the same."""
    picture = shown.by_request(case)
    for option in case.options:
        assert f"costs {option.cost}, touches {len(option.touched)} other tenant" in picture.alt
    assert shown.by_request(case).svgs() == picture.svgs()


def test_no_option_at_all_can_be_shown(case):
    """A tenant without the error has no options, and still a picture and tables."""
    empty = replace(case, options=())
    assert "There is none" in shown.by_request(empty).alt
    for draw in (shown.by_request, shown.options, shown.touched):
        assert draw(empty)._repr_html_()


def test_hostile_names_are_text(case):
    """An option or tenant of any name is escaped."""
    evil = "</figure><script>alert(1)</script>\u202e\x1b[31m" + "x" * 100_000
    option = replace(case.options[0], name=evil, touched={evil: evil})
    made = replace(case, options=(option,))
    for draw in (shown.by_request, shown.options, shown.touched):
        html = draw(made)._repr_html_()
        assert "<script" not in html
        assert "\u202e" not in html
        assert "\x1b" not in html
        assert len(html) < 200_000
