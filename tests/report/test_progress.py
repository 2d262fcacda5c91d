"""Progress: on stderr, with tenant and cell, and nothing where nothing happened."""

from __future__ import annotations

from pathlib import Path

from atomlab.report.planning import Task
from atomlab.report.progress import watching
from tests.refusals import is_one_line


def task(subject):
    return Task(subject, subject, Path("x.ipynb"), {}, Path(subject[:20]))


def test_one_report_shows_its_bar(capsys):
    """The tenant and the cells, all of them when it has ended; stdout stays empty."""
    with watching() as watch:
        for place in range(3):
            watch.cell(task("brennan"), place, 3)
        watch.ended(task("brennan"), "confirmed")
    out, err = capsys.readouterr()
    assert out == ""
    assert "brennan" in err
    assert "3/3 cells" in err


def test_a_batch_shows_what_ended_and_how_many(capsys):
    """A line for each that ended, in the order of their ends, and the bar of all."""
    with watching(2) as watch:
        watch.cell(task("a"), 1, 9)
        watch.cell(task("b"), 2, 9)
        watch.ended(task("b"), "failed")
        watch.ended(task("a"), "confirmed")
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert out == ""
    assert lines[:2] == ["b: failed", "a: confirmed"]
    assert "2/2 made" in err
    assert "cells" not in err


def test_nothing_is_shown_where_nothing_happened(capsys):
    """An error before the first cell is the only line on stderr."""
    with watching():
        pass
    assert capsys.readouterr() == ("", "")


def test_a_hostile_name_stays_on_its_line(capsys):
    """Markup, control and bidi characters of a name are text, and a megabyte is cut."""
    name = "[red]a\x1b[31m\u202e\n" + "x" * 1_000_000
    with watching(1) as watch:
        watch.cell(task(name), 0, 3)
        watch.ended(task(name), "confirmed")
    first = capsys.readouterr().err.splitlines()[0]
    assert is_one_line(first)
    assert first.startswith(r"[red]a\x1b[31m\u202e\n")
    assert len(first) < 400
