"""Tables: escaped, with scopes and labels, and without styles or ids of their own."""

from __future__ import annotations

import math
import re
from html import unescape

import pandas as pd
import pytest

from atomlab.show.tables import Table
from atomlab.text import printable
from tests.pages import HOSTILE, NAMES, Page, inert

FRAME = pd.DataFrame(
    {
        "provider": ["minimax", "openai"],
        "state": ["present", "missing"],
        "models": [2690, 3],
        "client": [True, False],
        "cost": [0.25, math.nan],
    },
    index=[7, 7],
)


@pytest.mark.parametrize("name", HOSTILE, ids=NAMES)
def test_headers_cells_and_captions_are_text(name):
    """Whatever stands in a frame is shown as it would be printed, and nothing of it is markup."""
    html = Table(pd.DataFrame({name: [name, 1], "state": [name, name]}), name)._repr_html_()
    page, shown = Page(html), printable(name, 300)

    assert inert(html)
    assert [text for _, text in page.all("caption")] == [shown.strip()]
    assert page.headers("col")[0] == printable(name)
    assert page.headers("row")[0] == shown.strip()
    assert page.all("td")[0][1] == shown.strip()


def test_every_cell_has_the_header_that_it_belongs_to():
    """The first cell heads its row; every other names its column, for screens too narrow."""
    page = Page(Table(FRAME, "keys").html())
    assert page.headers("col") == list(FRAME.columns)
    assert page.headers("row") == ["minimax", "openai"]
    assert [attrs["data-label"] for attrs, _ in page.all("td")] == list(FRAME.columns[1:]) * 2


def test_values_are_written_for_people():
    """Thousands get separators, truth is yes or no, what is not known a dash, in HTML and text."""
    table = Table(FRAME, "keys", {"cost": ".2f"})
    cells = [text for _, text in Page(table.html()).all("td")]

    assert cells == ["present", "2,690", "yes", "0.25", "missing", "3", "no", "–"]
    assert repr(table).splitlines()[-2].split() == ["minimax", *cells[:4]]
    assert repr(table).splitlines()[-1].split() == ["openai", *cells[4:]]


def test_numbers_are_aligned_as_numbers_and_states_are_badges():
    """Numeric columns carry a class, header and cells; a state's badge has the state's tone."""
    page = Page(Table(FRAME, "keys").html())
    numeric = {text for attrs, text in page.all("th") if attrs.get("class") == "number"}
    badges = [(attrs["class"], text) for attrs, text in page.all("span")]

    assert numeric == {"models", "cost"}
    assert {a["data-label"] for a, _ in page.all("td") if a.get("class")} == numeric
    assert badges == [("badge good", "present"), ("badge plain", "missing")]


def test_a_status_has_the_tone_of_what_it_means_for_the_tenant():
    """Affected is never green; healthy is, and undecided is neither."""
    told = {"affected": "bad", "undecided": "open", "healthy": "good"}
    page = Page(Table(pd.DataFrame({"tenant": range(3), "status": [*told]})).html())
    assert {text: attrs["class"] for attrs, text in page.all("span")} == {
        word: f"badge {tone}" for word, tone in told.items()
    }


def test_a_table_brings_neither_styles_nor_ids():
    """A page's policy may refuse all inline styles, and two tables never share an id."""
    page = Page(Table(FRAME, "keys").html())
    assert not [tag for tag, attrs in page.tags if {"style", "id"} & set(attrs) or tag == "style"]


def test_a_long_name_may_break_only_where_it_loses_nothing():
    """Names get places to break after underscores and slashes; what is copied is the name."""
    html = Table(pd.DataFrame({"a": ["MINIMAX_2_7_API_KEY"], "b": ["minimax/M2"]}), "").html()
    assert "MINIMAX_<wbr>2_<wbr>7_<wbr>API_<wbr>KEY" in html
    assert Page(html).all("td")[0][1] == "minimax/M2"


def test_a_name_in_a_sentence_breaks_only_where_it_would_widen_its_column():
    """Of usual length it stays whole; a longer one may break, so that no table is cut off."""
    told = "copy ANTHROPIC_OPUS_4_6_API_KEY to MINIMAX_2_7_API_KEY"
    html = Table(pd.DataFrame({"a": [told], "b": [1]}), "").html()
    assert "ANTHROPIC_<wbr>OPUS_<wbr>4_<wbr>6_<wbr>API_<wbr>KEY to MINIMAX_2_7_API_KEY" in html
    assert Page(html).headers("row") == [told]


def test_a_provider_s_id_is_never_broken():
    """Ids are compared as they stand; one too long for that may break, as any name."""
    ids = ["minimax_2_7", "anthropic_opus_4_6", "x_" * 40]
    html = Table(pd.DataFrame({"provider": ids, "b": [1, 2, 3]}), "").html()
    assert ">minimax_2_7<" in html
    assert ">anthropic_opus_4_6<" in html
    assert html.count("<wbr>") == 39


@pytest.mark.parametrize(
    "frame", [pd.DataFrame(), pd.DataFrame({"a": [], "b": []}), pd.DataFrame({"a": []}, dtype=str)]
)
def test_a_table_without_rows_says_so(frame):
    """Nothing to list is shown as nothing, in HTML and in text."""
    table = Table(frame, "the caption")
    assert repr(table) == "the caption\n(no rows)"
    assert [text for _, text in Page(table._repr_html_()).all("td")] == ["none"]


def test_a_lone_column_has_no_row_headers():
    """A header for nothing but itself would hide the only cell there is."""
    page = Page(Table(pd.DataFrame({"taken on trust": ["one", "two"]}), "").html())
    assert [text for _, text in page.all("td")] == ["one", "two"]


def test_the_same_frame_gives_the_same_bytes():
    """Reports can be compared: nothing in a table is random."""
    assert Table(FRAME, "keys")._repr_html_() == Table(FRAME.copy(), "keys")._repr_html_()


@pytest.mark.parametrize("name", ["x" * 300, f"two {'y' * 100}", "<" * 61, "a_" + "b" * 50])
def test_a_long_name_widens_no_column(name):
    """Nothing of a cell is longer in one piece than twenty characters; no text is lost."""
    html = Table(pd.DataFrame({"tenant": [name], "fix": ["none"]})).html()
    cell = re.search(r'scope="row">(.*?)</th>', html, re.DOTALL)[1]
    assert unescape(cell.replace("<wbr>", "")) == name
    assert max(len(unescape(piece)) for piece in re.split("<wbr>| ", cell)) <= 20


def test_a_name_that_breaks_at_hyphens_is_not_cut_elsewhere():
    """Words between hyphens stay whole, as long as they are not too long themselves."""
    html = Table(pd.DataFrame({"a": ["llama-v3p1-405b-instruct"], "b": [1]})).html()
    assert "llama-v3p1-405b-instruct" in html
