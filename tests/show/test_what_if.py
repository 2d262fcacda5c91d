"""A what-if as a card: what was changed, before and after, the sentence; hostile names are text."""

from __future__ import annotations

import pytest

import atomlab
from tests.changed import Base
from tests.diagnosis.made import KEY, Made
from tests.pages import STORABLE, STORABLE_NAMES, Page, inert


def cells(html):
    """Return the texts of all cells of a card's tables, row headers too, in their order."""
    page = Page(html)
    tagged = zip(page.tags, page.texts, strict=True)
    return [text for (tag, a), text in tagged if tag == "td" or a.get("scope") == "row"]


def test_a_tenant_s_card_shows_each_request_before_and_after(before):
    """With what flips, the changes, and the sentence below."""
    found = before.what_if("brennan").copy_key("MINIMAX_API_KEY", "MINIMAX_2_7_API_KEY")
    html = found._repr_html_()
    shown = cells(html)
    assert shown[:4] == ["simple", "no model", "minimax/MiniMax-M2.5", "affected → healthy"]
    assert shown[12:] == ["advanced", "no model", "no model", "nothing"]
    text = "".join(Page(html).texts)
    assert "set MINIMAX_API_KEY to the value of MINIMAX_2_7_API_KEY" in text
    assert found.answer() in text


def test_the_fleet_s_card_lists_no_more_than_twenty_tenants(before):
    """How many are affected before and after, and the first of those that flip."""
    found = atomlab.what_if(before).add_key("openai")
    html = found._repr_html_()
    shown = cells(html)
    statuses = [[side, *map(str, numbers.values())] for side, numbers in found.by_status.items()]
    assert shown[:8] == [*statuses[0], *statuses[1]]
    assert len(shown[8:]) == 20 * 5
    assert "the first 20" in html
    assert shown[8:13] == [
        found.flips()["name"][0],
        *("affected", "healthy", "simple, moderate, complex, advanced", "–"),
    ]
    assert "Tenants that flip" not in atomlab.what_if(before)._repr_html_()


def test_remarks_are_sentences_of_the_card(before):
    """Of a tenant and of all."""
    sentence = "A plan counts for managed requests only"
    assert sentence in before.what_if("brennan").plan("free")._repr_html_()
    assert sentence in atomlab.what_if(before).plan("free")._repr_html_()


@pytest.mark.parametrize("name", STORABLE, ids=STORABLE_NAMES)
def test_hostile_names_are_text(tmp_path, captured_name, name):
    """A tenant or a model that is called like that neither runs nor spoils anything."""
    with captured_name(tmp_path, name) as snapshot:
        for found in (
            snapshot.what_if("id-a").add_key("openai").remove_key("openai"),
            snapshot.what_if("id-a").without_models("openai/gpt-4o"),
            atomlab.what_if(snapshot).add_key("openai"),
        ):
            assert inert(found._repr_html_())
            assert all(line.isprintable() for line in repr(found).split("\n"))


@pytest.fixture
def captured_name():
    """Return a function that captures a tenant of some name, with a model of that name, too."""

    def make(folder, name):
        base = Base({"a": Made(rows={"MINIMAX_API_KEY": KEY})})
        base.prices[f"minimax/{name}"] = base.prices["minimax/MiniMax-M2.5"]
        import sqlite3

        base.capture(folder / "first").close()
        source = folder / "first" / "made.db"
        with sqlite3.connect(source) as db:
            db.execute("UPDATE tenants SET name = ?", (name,))
        db.close()
        prices = folder / "first" / "made-prices.json"
        return atomlab.capture(str(source), folder / "second.sqlite", pricing=prices)

    return make
