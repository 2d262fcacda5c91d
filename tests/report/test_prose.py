"""The text of notebooks: formulas are drawn, money is money, and what is missing is named."""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO

import pytest
from nbformat.v4 import new_markdown_cell, new_notebook
from PIL import Image

from atomlab.report.page import to_html
from atomlab.report.prose import prose
from tests.pages import Page


@pytest.mark.parametrize(
    "markdown",
    [
        "Cost $\\frac{a}{b}$.",
        "a\n\n$$\na\n- b\n$$\n\nb",
        "in $$a$$ line",
        "$x$ of 5",
        "2$x$",
        "$f(\\$)$",
        "**$x$**",
        "\\begin{align}\na &= b \\\\\n &= c\n\\end{align}",
        "| a |\n|---|\n| $x$ |",
    ],
)
def test_a_formula_in_text_is_drawn(markdown):
    """Between dollars, and as an environment, wherever text can stand."""
    html = prose(markdown)
    assert html.count("<math") == 1
    assert Page(str(html)).text.count("$") == markdown.count("\\$")
    assert "LaTeX that" not in html


@pytest.mark.parametrize(
    "markdown",
    [
        "It costs $5 and $10.",
        "from $5-$10 to $1,000",
        "US$ 3 and CA$ 4",
        "$ a $",
        "$20,000 and USD$30,000",
        "\\$a\\$",
        "a single $",
        "$5-$10, $a$5",
        "a $$ $$",
        "`$x$`",
        "    $x$",
        "```\n$x$\n```",
        "set $HOME or $PATH to it",
    ],
)
def test_money_and_code_are_no_formulas(markdown):
    """Dollars stay where a space is inside of them, or a digit outside, or they are code."""
    html = prose(markdown)
    assert "<math" not in html
    assert html.count("$") == markdown.count("$")
    assert "LaTeX that" not in html


def test_a_diagram_is_named_at_its_place():
    """In the middle of the text, without its source; other code is code."""
    html = prose("before\n\n```mermaid\ngraph TD; A-->B;\n```\n\nafter\n\n```python\nx\n```\n")
    assert html.index("before") < html.index("Left out: a mermaid diagram") < html.index("after")
    assert "graph" not in html
    assert '<pre><code class="language-python">x' in html


def test_pictures_of_the_cell_are_shown_and_others_named():
    """Each text has its own, although two are called the same; a file is not looked for."""
    held = []
    for colour in ("red", "blue"):
        stream = BytesIO()
        Image.new("RGB", (9, 9), colour).save(stream, "PNG")
        held.append(b64encode(stream.getvalue()).decode())
    texts = [
        new_markdown_cell("![a](attachment:image.png)", attachments={"image.png": {"image/png": h}})
        for h in held
    ]
    html = to_html(new_notebook(cells=texts), {"verdict": "confirmed", "answer": "a"})
    assert all(html.count(picture) == 1 for picture in held)
    assert "Left out" not in html
    for elsewhere in ("plot.png", "attachment:other.png", "http://a.example/x.png"):
        html = prose(f"![a]({elsewhere})", texts[0].attachments)
        assert f"Left out: a picture ({elsewhere}): it is not in the notebook" in html
        assert "notebook.ipynb" not in html
    assert f'src="data:image/png;base64,{held[0]}"' in prose(
        f"![a](data:image/png;base64,{held[0]})"
    )


def test_formulas_never_fill_the_page():
    """Where drawing them all would take too much room, they stay text, and that is said."""
    html = prose("$x^2$ " * 20_000)
    assert len(html) < 300_000
    assert "Left out: formulas" in html
