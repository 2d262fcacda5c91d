"""Rankings show themselves: cards in Jupyter, a line in the terminal."""

from __future__ import annotations

import pytest

import atomlab
from atomlab import Request
from tests.pages import Page, inert
from tests.refusals import is_one_line

# Names of settings that a capture keeps: they look like API keys.
ROWS = {
    "<img src=x onerror=alert(1)>_API_KEY": "k",
    "\x1b[31mopenai_api_key": "k",
    "\u202eGROQ_API_KEY": "",
    "{{7*7}}_API_KEY": "k",
}


@pytest.fixture(scope="module")
def handler(before):
    return atomlab.BYOKHandler(before.tenant("brennan").id, db=before.session)


def lookups_of(snapshot, tenant):
    handler = atomlab.BYOKHandler(snapshot.tenant(tenant).id, db=snapshot.session)
    return handler.byok_manager.lookups(handler.tenant_id, snapshot.session)


def test_lookups_have_a_frame(before):
    """One row per provider, in registry order, with the fields of a lookup."""
    found = lookups_of(before, "brennan")
    frame = found.frame()
    assert list(frame.itertuples(index=False, name=None)) == [
        (x.provider, x.setting_key, x.state, x.client, x.reason) for x in found
    ]


def test_a_ranking_shows_what_rejects_and_who_is_left(handler, after):
    """The outcome, the filters that reject a model, and the best candidates in their order."""
    failing = Page(handler.explain(Request("moderate"))._repr_html_())
    ranking = atomlab.BYOKHandler(handler.tenant_id, db=after.session).explain(Request("moderate"))
    cured = Page(ranking._repr_html_())

    assert ("badge bad", "no-models") in [(a["class"], t) for a, t in failing.all("span")]
    assert "0 of 2,690 models" in failing.text
    assert len(failing.all("table")) == 1
    assert cured.headers("row")[-5:] == [c.model for c in ranking.candidates()][:5]
    assert "2,681" in cured.text


def test_a_ranking_is_one_line_in_a_terminal(handler):
    """The request and the folded counts; no array is printed."""
    line = repr(handler.explain(Request("moderate")))
    assert line == "<Ranking, moderate request: 2,690 models: 2,690 no client for provider>"


def test_a_platform_is_one_line_in_a_terminal(handler):
    """Rules and sizes, not thousands of prices."""
    line = repr(handler.platform)
    assert line == "<Platform hosted-2026-05: 27 providers, 2,690 models>"


def test_an_empty_cache_can_be_shown(captured, write_json):
    """A ranking of no models at all is a card like any other."""
    snapshot = captured({"acme": {}}, pricing=write_json({"pricing": {}}))
    ranking = atomlab.BYOKHandler("id-acme", db=snapshot.session).explain(Request())
    assert "0 of 0 models" in Page(ranking._repr_html_()).text


def test_hostile_names_are_text(captured, write_json):
    """Providers and models are called what a file says: it is shown, never run."""
    evil = "</script><img src=x onerror=alert(1)>"
    models = {f"{evil}/\u202em\x1b": {"max_tokens": 9999, "litellm_provider": evil}}
    providers = write_json({"providers": [{"id": evil}]}, "registry.json")
    snapshot = captured({"acme": ROWS}, providers=providers, pricing=write_json(models))
    handler = atomlab.BYOKHandler("id-acme", db=snapshot.session)
    lookups = handler.byok_manager.lookups("id-acme", snapshot.session)

    ranking = handler.explain(Request("simple"))
    assert inert(ranking._repr_html_())
    assert is_one_line(repr(ranking))
    assert inert(lookups.frame()._repr_html_())
