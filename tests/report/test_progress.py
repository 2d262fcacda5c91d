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


def test_a_batch_shows_what_ended_and_how_many(capsys):
    """A line for each that ended, in the order of their ends, and the bar of all."""
    with showing_batch(2) as show:
        show("b", "failed")
        show("a", "confirmed")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[:2] == ["b: failed", "a: confirmed"]
    assert "2/2 made" in err


def test_nothing_is_shown_where_nothing_happened(capsys):
    """An error before the first cell is the only line on stderr."""
    with showing_cells("brennan"):
        pass
    assert capsys.readouterr() == ("", "")


def test_a_hostile_name_stays_on_its_line(capsys):
    """Markup, control and bidi characters of a name are text, and a megabyte is cut."""
    name = "[red]a\x1b[31m\u202e\n" + "x" * 1_000_000
    with showing_batch(1) as show:
        show(name, "confirmed")
    first = capsys.readouterr().err.splitlines()[0]
    assert is_one_line(first)
    assert first.startswith(r"[red]a\x1b[31m\u202e\n")
    assert len(first) < 400
