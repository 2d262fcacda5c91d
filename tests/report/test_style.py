"""The report's style: readable colours in both schemes, on a phone and on paper."""

from __future__ import annotations

import re

import pytest

import atomlab.report.templates
import atomlab.show.templates
from atomlab.show.pictures import DARK, INK, PAPER
from tests.report.contrast import contrast

STYLE = (atomlab.report.templates.FOLDER / "report" / "style.css").read_text(encoding="utf-8")
BLOCKS = re.findall(r":root \{([^}]*--paper[^}]*)\}", STYLE)
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
    assert "@media screen and (prefers-color-scheme: dark) {\n  :root" in STYLE


@pytest.mark.parametrize("scheme", SCHEMES, ids=["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), PAIRS)
def test_text_has_enough_contrast(scheme, text, ground):
    """At least 4.5 to 1 for every text on every ground that it stands on: WCAG's AA."""
    assert contrast(scheme[text], scheme[ground]) >= 4.5


def test_no_colour_is_named_but_in_the_schemes():
    """A colour elsewhere would be the same by day and by night."""
    rest = STYLE
    for block in BLOCKS:
        rest = rest.replace(block, "")
    assert not re.search(r"#[0-9a-f]{3,8}\b|rgba?\(|hsla?\(", rest)


def test_the_figures_stand_on_the_page_s_own_ground():
    """A figure's paper and ink are the page's, by day and by night."""
    light, dark = SCHEMES
    assert (light["paper"], light["ink"]) == (PAPER, INK)
    assert (DARK[PAPER], DARK[INK]) == (dark["paper"], dark["ink"])


def test_badges_in_jupyter_bring_their_own_ground():
    """They are legible under any theme: text and ground are set together."""
    folder = atomlab.show.templates.FOLDER
    style = (folder / "notebook.css").read_text(encoding="utf-8")
    pairs = re.findall(r"color: (#\w{6}); background: (#\w{6});", style)
    assert len(pairs) == style.count("background:") == 4
    assert all(contrast(*pair) >= 4.5 for pair in pairs)


def test_the_style_cannot_close_its_element_or_fetch():
    """It is put into the page as it is: no tag, no import, no address."""
    assert not re.search(r"<|@import|url\(", STYLE)
