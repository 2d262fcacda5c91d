"""The report's style: readable colours in both schemes, on a phone and on paper."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import atomlab.report.templates
from atomlab.show.cards import Card
from atomlab.show.palette import DARK, LIGHT, css_variables
from atomlab.show.tables import badge
from tests.report.contrast import contrast

PACKAGE = Path(atomlab.__file__).parent
STYLE = (atomlab.report.templates.FOLDER / "report" / "style.css").read_text(encoding="utf-8")
BLOCKS = re.findall(r":root \{([^}]*--paper[^}]*)\}", css_variables())
SCHEMES = [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block)) for block in BLOCKS]
PAIRS = [
    *((text, ground) for text in ("ink", "muted", "link", "open") for ground in ("paper", "wash")),
    *(("good", "good-wash"), ("bad", "bad-wash"), ("open", "open-wash")),
]


def test_contrast_is_computed_as_the_standard_says():
    """Black on white is 21 to 1, a colour on itself 1, and WCAG's own grey 4.54 (#767676)."""
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#123456", "#123456") == 1
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.005)


def test_there_are_two_schemes_with_the_same_names():
    """What is a colour in the light has one in the dark, on screens; paper is always light."""
    light, dark = SCHEMES
    assert light.keys() == dark.keys()
    assert "@media screen and (prefers-color-scheme: dark) {\n  :root" in css_variables()


@pytest.mark.parametrize("scheme", SCHEMES, ids=["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), PAIRS)
def test_text_has_enough_contrast(scheme, text, ground):
    """At least 4.5 to 1 for every text on every ground that it stands on: WCAG's AA."""
    assert contrast(scheme[text], scheme[ground]) >= 4.5


def test_no_colour_is_named_but_in_the_palette():
    """Colours stand once; another would be the same by day and by night."""
    colour = r"#[0-9a-f]{6}\b|rgba?\(|hsla?\("
    sources = [*PACKAGE.glob("show/**/*.*"), *PACKAGE.glob("report/templates/report/*")]
    named = {
        path.name
        for path in sources
        if path.suffix in (".py", ".css", ".html")
        and re.search(colour, path.read_text(encoding="utf-8"))
    }
    assert named == {"palette.py"}


def test_the_page_uses_only_colours_that_there_are():
    """Each variable of the style is one of the palette, and every page brings them along."""
    assert set(re.findall(r"var\(--([\w-]+)\)", STYLE)) <= set(LIGHT)


def test_figures_are_drawn_in_the_page_s_own_colours():
    """What a figure has on a light page becomes what the page itself has on a dark one."""
    light, dark = SCHEMES
    assert {light[name]: dark[name] for name in light} == DARK


@pytest.mark.parametrize("word", ["healthy", "affected", "undecided", "missing"])
def test_badges_in_jupyter_bring_their_own_ground(word):
    """They are legible under any theme: text and ground are set together."""
    style = Card("a title", word).html()
    tone = (
        re.search(r'class="(badge \w+)"', badge(word))[1].replace(" ", ".").removesuffix(".plain")
    )
    [rule] = re.findall(rf"\.{re.escape(tone)} {{(.*?)}}", style)
    [pair] = re.findall(r"color: (#\w{6}); background: (#\w{6});", rule)
    assert contrast(*pair) >= 4.5


def test_the_style_cannot_close_its_element_or_fetch():
    """It is put into the page as it is: no tag, no import, no address."""
    assert not re.search(r"<|@import|url\(", STYLE)
