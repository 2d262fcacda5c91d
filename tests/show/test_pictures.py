"""Pictures: one figure in two dresses, legible in both, the same bytes for the same data."""

from __future__ import annotations

import base64
import re

import pytest

import atomlab
from atomlab import Request
from atomlab.show import figures
from atomlab.show.palette import DARK, LIGHT
from atomlab.show.pictures import Cell, darkened
from tests.pages import HOSTILE, NAMES, Page, inert
from tests.report.contrast import contrast


@pytest.fixture(scope="module")
def pictures(before, after):
    """Return the three pictures of the incident."""
    rankings = [
        atomlab.diagnose(s, "brennan", [Request("moderate")]).requests[0].ranking
        for s in (before, after)
    ]
    causes = figures.causes_by_request(atomlab.diagnose(before, "brennan"))
    return [figures.funnel(*rankings), figures.blockers(*rankings), causes]


def colours(svg):
    return set(re.findall("#[0-9a-f]{6}", svg))


def test_a_figure_uses_no_colour_without_one_for_a_dark_page(pictures):
    """Every colour that is drawn is in the palette, so nothing is left behind in the dark."""
    for picture in pictures:
        for svg in picture.svgs():
            assert colours(svg) <= set(DARK)
            assert not re.search(r"(?:fill|stroke): ?(?:black|white|rgb)", svg)


def test_the_dark_dress_is_the_same_drawing(pictures):
    """Only colours differ, and each by its own counterpart."""
    svg = pictures[1].svgs()[0]
    dark = darkened(svg)
    assert dark != svg
    assert re.sub("#[0-9a-f]{6}", "", dark) == re.sub("#[0-9a-f]{6}", "", svg)
    assert colours(dark) == {DARK[colour] for colour in colours(svg)}


@pytest.mark.parametrize(
    "dress", [{colour: colour for colour in DARK}, DARK], ids=["light", "dark"]
)
def test_text_and_marks_in_figures_have_enough_contrast(dress):
    """Text 4.5 to 1 on what it stands on, WCAG's AA; a mark 3 to 1 on the paper."""
    for name in ("ink", "muted", "good", "bad", "open"):
        assert contrast(dress[LIGHT[name]], dress[LIGHT["paper"]]) >= 4.5
    for shade in (1, 2, 3, 4):
        text = Cell("100", shade=shade).ink
        assert contrast(dress[text], dress[LIGHT[f"share-{shade}"]]) >= 4.5
    assert contrast(dress[LIGHT["good"]], dress[LIGHT["paper"]]) >= 3


def test_each_panel_comes_in_both_dresses_with_one_description(pictures):
    """A dark source for dark screens, a light picture for all else, print included."""
    page = Page(pictures[0]._repr_html_())
    sources, images = page.all("source"), page.all("img")
    assert [attrs["media"] for attrs, _ in sources] == [
        "screen and (prefers-color-scheme: dark)"
    ] * 2
    assert [bool(attrs["alt"]) for attrs, _ in images] == [True, False]
    for (dark, _), (light, _) in zip(sources, images, strict=True):
        [one, other] = [
            base64.b64decode(address.removeprefix("data:image/svg+xml;base64,")).decode()
            for address in (light["src"], dark["srcset"])
        ]
        assert darkened(one) == other
    assert [text for _, text in page.all("figcaption")] == [pictures[0].caption]


def test_pictures_are_the_same_for_the_same_data(pictures):
    """The same decision gives the same bytes, so that reports can be compared."""
    for picture in pictures:
        assert picture._repr_html_() == picture._repr_html_()
        assert not re.search(r"dc:date|matplotlib\.org", "".join(picture.svgs()))


@pytest.mark.parametrize("name", HOSTILE, ids=NAMES)
def test_a_hostile_caption_is_text(pictures, name):
    """Captions and descriptions are escaped, kept on a line, and cut where they are endless."""
    picture = type(pictures[0])(pictures[2].figure, name, name)
    html = picture._repr_html_()
    assert inert(html)
    assert len(repr(picture)) < 3_000
