"""Columns: their widths from what the cells hold."""

from __future__ import annotations

from atomlab.report import columns
from atomlab.report.richtext import parse


def widths(*rows, head=None):
    """Return the widths of a table of texts."""
    lines = [f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows]
    if head:
        lines.insert(0, f"<tr>{''.join(f'<th>{cell}</th>' for cell in head)}</tr>")
    (table,) = parse(f"<table>{''.join(lines)}</table>").find("table")
    return columns.widths(columns.rows_of(table))


def test_what_fits_on_a_line_has_the_width_of_its_text():
    """Each column is as wide as its longest cell; a header counts by its words."""
    assert widths(("abc", "x"), ("ab", "xyz w"), head=("a long header here", "y")) == [6, 5]


def test_what_does_not_fit_shares_the_line():
    """Short columns keep their width, long texts share the rest, no word has too little room."""
    found = widths(("short", "word " * 60, "word " * 200))
    assert found[0] == 5
    assert 5 < found[1] < found[2]
    assert abs(sum(found) - columns.LINE) < 0.1


def test_very_long_words_do_not_take_everything():
    """A column of hashes leaves room for the others, since long words may break."""
    found = widths(("a" * 64, "some words of text " * 5, "b" * 200))
    assert max(found) < 60


def test_empty_rows_and_empty_headers_are_no_rows():
    """A header without text is not shown; a table without cells has none."""
    (table,) = parse("<table><tr><th></th></tr><tr><td></td></tr><tr></tr></table>").find("table")
    assert [len(row) for row in columns.rows_of(table)] == [1]
    assert columns.widths([]) == [1]
