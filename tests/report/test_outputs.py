"""Outputs of cells on a page: shown safely and in full, or said to be left out."""

from __future__ import annotations

import re
from base64 import b64encode
from io import BytesIO

import pytest
from nbformat import from_dict
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output, new_raw_cell
from PIL import Image

from atomlab.report.outputs import fragments
from atomlab.report.page import to_html

FINDINGS = {"verdict": "confirmed", "answer": "yes"}


def pixels(kind):
    """Return a small picture of that kind, as notebooks hold it."""
    stream = BytesIO()
    Image.new("RGB", (8, 4), "red").save(stream, kind)
    return b64encode(stream.getvalue()).decode()


PNG = pixels("PNG")
SVG = "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'><script>alert(2)</script></svg>"


def page(*outputs):
    """Return the report of a notebook whose one cell put these out."""
    cell = new_code_cell("1", outputs=list(map(from_dict, outputs)))
    return to_html(new_notebook(cells=[cell]), FINDINGS)


def data(**kinds):
    """Return an output of these kinds."""
    return new_output("display_data", {k.replace("_", "/", 1): v for k, v in kinds.items()})


@pytest.mark.parametrize(
    ("output", "shown"),
    [
        (data(text_plain="plain <b>"), "<pre>plain &lt;b&gt;</pre>"),
        (new_output("stream", name="stderr", text="a\x00b\x1b[31m\u202e"), r"a\x00b\x1b[31m\u202e"),
        (new_output("error", ename="E", evalue="<i>", traceback=["t"]), "<pre>E: &lt;i&gt;</pre>"),
        (data(image_png=PNG, text_plain="<Figure>"), f'src="data:image/png;base64,{PNG}"'),
        (data(text_markdown="**7 tenants** <script>x</script>"), "<strong>7 tenants</strong>"),
        (data(text_latex="$x$", text_plain="x"), "<mi>x</mi>"),
        (data(application_json={"a": 1}, text_plain="<JSON>"), "&#34;a&#34;: 1"),
        (data(application_pdf="JVBE", text_plain="<Figure>"), "the kind application/pdf: a report"),
        (data(text_html="<style scoped>p{}</style><p>kept</p>"), "<p>kept</p>"),
    ],
)
def test_each_kind_of_output_is_shown_or_named(output, shown):
    """Nothing that a cell puts out is lost without a word, and none of it is live."""
    html = page(output)
    assert shown in html
    step = html[html.index('<div class="step">') :]
    assert "<script" not in step
    assert "<style" not in step


def test_an_svg_is_a_picture_and_runs_nothing():
    """It stands in an `img`, where no script of it runs, with what the cell says as its text."""
    html = page(data(**{"image_svg+xml": SVG, "text_plain": '<Figure "x">'}))
    [picture] = re.findall("<img[^>]*>", html)
    assert b64encode(SVG.encode()).decode() in picture
    assert "onload" not in html
    assert "&lt;Figure" in picture


@pytest.mark.parametrize("kind", ["JPEG", "GIF", "WEBP", "PNG"])
def test_a_picture_is_shown_if_it_is_one(kind):
    """As it is, in the page; what only claims to be one is named, without its repr."""
    name = f"image/{kind.lower()}"
    held = pixels(kind)
    html = page(new_output("display_data", {name: held, "text/plain": "<Figure size 1x1>"}))
    assert f'src="data:{name};base64,{held}"' in html
    for none in ("AAAA", b64encode(b"<script>").decode(), "!", "", held[:40]):
        html = page(new_output("display_data", {name: none, "text/plain": "<Figure size 1x1>"}))
        assert f"Left out: a picture ({name})" in html
        assert "Figure" not in html


@pytest.mark.parametrize("svg", ["", "<svg", "<p/>", "<svg/>", "\ud800"])
def test_an_svg_that_is_none_is_named(svg):
    """A browser would show a broken picture, and typst nothing at all."""
    assert "Left out: a picture (image/svg+xml)" in page(data(**{"image_svg+xml": svg}))


RAW = "var RAW = 1;"
LIVE = [
    ({"application/vnd.vegalite.v5+json": {"RAW": 1}}, "a Vega chart"),
    ({"application/vnd.vega.v5+json": {"RAW": 1}}, "a Vega chart"),
    ({"application/vnd.plotly.v1+json": {}, "text/html": f"<script>{RAW}</script>"}, "a plotly"),
    ({"application/vnd.bokehjs_exec.v0+json": "", "text/html": "<div id=a></div>"}, "a Bokeh"),
    ({"application/vnd.jupyter.widget-view+json": {"model_id": "x"}}, "a widget"),
    ({"application/javascript": RAW}, "JavaScript"),
    ({"text/html": f"<div id=v></div><script>{RAW}</script>"}, "a script"),
    ({"text/html": "<p>kept</p><iframe srcdoc='RAW'>RAW</iframe>"}, "a frame"),
    ({"text/html": "<p>kept</p><svg><text>RAW</text></svg>"}, "a drawing"),
    ({"text/html": "<p>kept</p><img src='http://a.example/RAW.png'>"}, "a picture"),
    ({"text/markdown": "```mermaid\nRAW-->B;\n```"}, "a mermaid diagram"),
    ({"text/markdown": "![RAW](a.png)"}, "a picture (a.png)"),
]


@pytest.mark.parametrize(("kinds", "words"), LIVE)
def test_what_needs_a_script_is_its_picture_or_is_named(kinds, words):
    """Neither its repr nor its source is shown; a picture of its own needs no words."""
    plain = {"text/plain": "RAW repr"}
    html = page(new_output("display_data", {**plain, **kinds}))
    assert f"Left out: {words}" in html
    assert "RAW" not in html[html.index("<main") : html.index("<details")]
    assert ("kept" in html) == ("kept" in str(kinds))
    if "text/markdown" not in kinds:
        html = page(new_output("display_data", {**plain, **kinds, "image/png": PNG}))
        assert PNG in html
        assert "Left out" not in html


def test_only_plain_text_is_shown_as_it_is():
    """A repr that is all there is belongs to the reader, whatever it looks like."""
    assert "<pre>&lt;Figure size 1x1&gt;</pre>" in page(data(text_plain="<Figure size 1x1>"))


def test_the_text_of_cells_counts_for_the_size_too():
    """Pictures that were pasted into text, for example."""
    cell = new_markdown_cell("## a\n\n" + "x " * 1_000_000)
    html = to_html(new_notebook(cells=[cell]), FINDINGS)
    assert len(html) < 1_700_000
    assert "A text of" in html


def test_a_raw_cell_is_text():
    """Raw cells are for other formats; here they leave for no other page."""
    leak = '<meta http-equiv="refresh" content="0;url=http://198.51.100.7/"></main>'
    html = to_html(new_notebook(cells=[new_raw_cell(leak)]), FINDINGS)
    assert leak not in html
    assert "&lt;meta" in html


@pytest.mark.parametrize(
    "output",
    [
        new_output("stream", name="stdout", text="x" * 3_000_000),
        new_output("stream", name="stdout", text="<" * 99_000),
        new_output("stream", name="stdout", text="é漢" * 40_000),
        pytest.param(data(text_markdown="* a\n" * 20_000, text_plain="x"), marks=pytest.mark.slow),
        data(text_html="<p>x</p>" * 400_000),
        data(text_markdown="x " * 1_500_000, text_plain="x"),
        data(image_png="A" * 4_000_000),
    ],
)
def test_a_page_stays_below_two_megabytes(output):
    """What is too large is said to be in the notebook, whatever it is and however often."""
    html = page(*[output] * 30)
    assert len(html.encode()) < 2_000_000
    assert "notebook.ipynb, beside this report, has it" in html or "x" * 200 not in html


def test_cells_are_not_changed():
    """The notebook that is kept beside the report has everything."""
    cell = new_code_cell("1", outputs=[new_output("stream", name="stdout", text="y" * 200_000)])
    [[shown]] = fragments([cell])
    assert cell.outputs[0].text == "y" * 200_000
    assert len(shown) < 110_000
