"""Progress: on stderr, with tenant and cell, and nothing where nothing happened."""

from __future__ import annotations

import pytest

from atomlab.report.progress import showing_batch, showing_cells
from tests.refusals import is_one_line


def test_one_report_shows_its_bar(capsys):
    """The tenant and the cells, all of them when it has ended; stdout stays empty."""
    with showing_cells("brennan") as show:
        for place in range(3):
            show(place, 3)
    out, err = capsys.readouterr()
    assert out == ""
    assert "brennan" in err
    assert "3/3 cells" in err


def test_a_report_that_fails_shows_how_far_it_came(capsys):
    """The bar is left at the cell that failed."""

    def fail():
        with showing_cells("brennan") as show:
            show(1, 3)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert "1/3 cells" in capsys.readouterr().err


def test_a_batch_shows_how_many_have_ended(capsys):
    """Where no bar can move a line for each tenth, and none of them names a tenant."""
    with showing_batch(50) as show:
        for _ in range(50):
            show()
    out, err = capsys.readouterr()
    assert out == ""
    told = [f"{ended} of 50 reports have ended" for ended in range(5, 50, 5)]
    assert err.splitlines()[:-1] == told
    assert "50/50 ended" in err.splitlines()[-1]


def test_nothing_is_shown_where_nothing_happened(capsys):
    """An error before the first cell is the only line on stderr."""
    with showing_cells("brennan"):
        pass
    assert capsys.readouterr() == ("", "")


def test_a_hostile_name_stays_on_its_line(capsys):
    """Markup, control and bidi characters of a name are text, and a megabyte is cut."""
    name = "[red]a\x1b[31m\u202e\n" + "x" * 1_000_000
    with showing_cells(name) as show:
        show(1, 1)
    first, *_ = capsys.readouterr().err.splitlines()
    assert is_one_line(first)
    assert first.startswith(r"[red]a\x1b[31m\u202e\n")
    assert len(first) < 400
