"""Cards: compact, and escaped in every part."""

from __future__ import annotations

import pandas as pd
import pytest

from atomlab.show.cards import Card
from atomlab.show.tables import Table
from tests.pages import HOSTILE, NAMES, Page, inert


@pytest.mark.parametrize("name", HOSTILE, ids=NAMES)
def test_every_part_of_a_card_is_text(name):
    """Title, word, facts, tables, remarks and the titles of scripts are never markup."""
    table = Table(pd.DataFrame({name: [name]}), name)
    card = Card(name, name[:50], {name: name}, [table], [name], {name: "SELECT 1 < 2;\n"})
    html = card.html()

    assert inert(html)
    assert len(html) < 20_000
    assert [text for _, text in Page(html).all("code")] == ["SELECT 1 < 2;"]


@pytest.mark.parametrize("name", HOSTILE, ids=NAMES)
def test_a_title_is_a_label_too(name):
    """The card's label for those who cannot see it cannot break out of its attribute."""
    [(attrs, _)] = [found for found in Page(Card(name).html()).all("div") if "role" in found[0]]
    assert set(attrs) == {"class", "role", "aria-label"}


def test_scripts_are_folded():
    """Each is a page long."""
    page = Page(Card("fix", scripts={"do": "BEGIN;", "undo": "ROLLBACK;"}).html())
    assert [("open" in attrs, text) for attrs, text in page.all("details")] == [
        (False, "doBEGIN;"),
        (False, "undoROLLBACK;"),
    ]


def test_a_card_of_nothing_has_no_empty_parts():
    """No title, no facts, no tables: no element for them."""
    tags = {tag for tag, _ in Page(Card().html()).tags}
    assert tags == {"div", "style"}
