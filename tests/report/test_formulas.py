"""Formulas: drawn where every part of them is understood, else their source, and it is said."""

from __future__ import annotations

import time

import pytest

from atomlab.report.formulas import formula, text_with_formulas
from atomlab.report.harmless import clean
from tests.pages import Page, inert

UNKNOWN = "LaTeX that cannot be shown as a formula"


@pytest.mark.parametrize(
    ("latex", "shown"),
    [
        (r"\frac{a}{b}", "ab"),
        (r"\alpha^2", "α2"),
        (r"a < b \le c", "a<b≤c"),
        (r"\sum_{i=1}^n x_i", "∑i=1nxi"),
        (r"\begin{aligned}a&=b\\&=c\end{aligned}", "a=b=c"),
        (r"\begin{align}a&=b\nonumber\end{align}", "a=b"),
        (r"\begin{gather}a\\b\end{gather}", "ab"),
        (r"\begin{equation}\label{e:1}x=1\end{equation}", "x=1"),
        (r"\operatorname*{argmax}_x f", "argmaxxf"),
        (r"\text{if <b>} x", "if\xa0<b>x"),
        (r"100\%", "100%"),
        (r"\newcommand{\y}{z}\y", "z"),
    ],
)
def test_a_formula_that_is_understood_is_drawn(latex, shown):
    """All of its signs are there, and its source is what a screen reader says."""
    html = str(clean(formula(latex, display=True)))
    page = Page(html)
    assert UNKNOWN not in html
    assert page.text == shown
    assert dict(page.tags)["math"] == {"display": "block", "alttext": latex}


@pytest.mark.parametrize(
    "latex",
    [
        r"\frac{a",
        "}{",
        r"\foo{x}",
        "a & b",
        "x^2^3",
        "x_",
        r"\left(x",
        r"a \\ b",
        r"\begin{tabular}{l}a\end{tabular}",
        r"\begin{foo}x\end{foo}",
        r"\includegraphics{/etc/passwd}",
        r"\def\x{\x\x}\x",
        r"\newcommand{\x}{\x\x}\x",
        "".join(
            rf"\newcommand{{\x{a}}}{{\x{b}\x{b}}}" for a, b in zip("abcdef", "bcdefg", strict=True)
        )
        + r"\xa",
        "{" * 4000 + "}" * 4000,
        r"\sqrt{" * 3000,
        "^" * 4000,
        "x" * 5_001,
    ],
    ids=lambda latex: latex[:20],
)
def test_what_is_not_understood_is_code_and_is_said(latex):
    """At once, however it nests or goes round in circles; nothing of it is left out unsaid."""
    started = time.perf_counter()
    html = str(clean(formula(latex, display=False)))
    assert time.perf_counter() - started < 2
    assert "<math" not in html
    assert UNKNOWN in html
    assert Page(html).texts[0].startswith(latex[:4000])


@pytest.mark.parametrize(
    "latex",
    [
        r"\href{javascript:alert(1)}{x}",
        r"\style{position:fixed;top:0}{x}",
        r"\class{skip}{x}",
        r"\text{<img src=x onerror=alert(1)>}",
        r"\hspace{-999em}\rule{99cm}{9999cm}x",
        r"</math><script>alert(1)</script>",
        r"\unicode{x3c}script\unicode{x3e}",
    ],
)
def test_a_formula_does_nothing_and_stays_in_its_place(latex):
    """No address, style or script of it is left, and no length beyond two digits."""
    html = str(clean(formula(latex, display=True)))
    assert inert(html)
    attributes = {name: value for _, given in Page(html).tags for name, value in given.items()}
    assert not {"href", "style"} & attributes.keys()
    assert "999" not in "".join(v for name, v in attributes.items() if name != "alttext")


def test_latex_that_a_cell_puts_out_may_have_text_around_its_formulas():
    """Each way to enclose a formula is known; the text stays text."""
    shown = clean(
        text_with_formulas(
            r"Of $a$ \(b\) \[c\] $$d$$ \begin{align*}e&=f\end{align*} <i> costs \$5 and \$6"
        )
    )
    assert shown.count("<math") == 5
    assert shown.count('display="block"') == 3
    assert "&lt;i&gt; costs \\$5 and \\$6" in shown
    for hostile in ("$" * 20_000, r"\[" * 10_000, r"\begin{a}" * 2_000, "$$a" * 6_000):
        started = time.perf_counter()
        text_with_formulas(hostile)
        assert time.perf_counter() - started < 5
