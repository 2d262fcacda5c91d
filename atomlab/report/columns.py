"""Columns: how wide each column of a table has to be, from what its cells hold."""

from __future__ import annotations

from collections.abc import Sequence

from atomlab.report.richtext import Element

LINE = 98  # characters of a table's row that fit on a line of A4
SHORT = 13  # a column of cells no longer than this is never broken
_LONG = 26  # longer words may break

Rows = Sequence[Sequence[Element]]


def rows_of(table: Element) -> list[list[Element]]:
    """Return the cells of each row, without rows that have none and headers that are empty."""
    rows = [row.only("td", "th") for row in table.find("tr")]
    return [row for row in rows if any(cell.tag == "td" or cell.text() for cell in row)]


def is_header(row: Sequence[Element]) -> bool:
    """Return whether all cells of the row are headers."""
    return all(cell.tag == "th" for cell in row)


def count_of(rows: Rows) -> int:
    """Return the number of columns that the widest row takes."""
    return max((sum(cell.span for cell in row) for row in rows), default=1)


def widths(rows: Rows) -> list[float]:
    """Return each column's width in characters: its text's where all fit on a line, else a share.

    A share is room for the longest word, and more of what is left the longer the text is.
    """
    words, texts = _longest(rows)
    if sum(texts) <= LINE:
        return [float(text) for text in texts]
    words = [text if text <= SHORT else word for word, text in zip(words, texts, strict=True)]
    spare = max(LINE - sum(words), 0)
    pulls = [float(text - word) ** 0.6 for word, text in zip(words, texts, strict=True)]
    total = sum(pulls) or 1
    return [word + spare * pull / total for word, pull in zip(words, pulls, strict=True)]


def _longest(rows: Rows) -> tuple[list[int], list[int]]:
    """Return the length of each column's longest word and text; headers may wrap."""
    words, texts = [1] * count_of(rows), [1] * count_of(rows)
    for row in rows:
        place = 0
        for cell in row:
            text = cell.text() if cell.span == 1 else ""
            longest = max(map(len, text.split()), default=1)
            words[place] = max(words[place], min(longest, _LONG))
            if cell.tag == "td":
                texts[place] = max(texts[place], len(text))
            place += cell.span
    return words, [max(pair) for pair in zip(words, texts, strict=True)]
