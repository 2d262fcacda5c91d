"""HTML as a tree: the elements of a document, and nothing that runs, loads or hides."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomlab.report.richtext import BLOCKS, INLINE, Element, parse, visible

PIXEL = (  # a PNG of one pixel
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def outline(element):
    """Return the tree as nested tuples: tag, children."""
    return tuple(c if isinstance(c, str) else (c.tag, *outline(c)) for c in element.children)


def test_elements_and_text_keep_their_order():
    """A page becomes its content, head and styles left out."""
    page = (
        "<!DOCTYPE html><html><head><title>t</title><style>p{}</style></head><body><main>\n"
        "<h1>A <em>b</em></h1>\n<p>c&amp;d<br>e</p>\n<ul>\n<li>f</li>\n</ul></main></body></html>"
    )
    assert outline(parse(page)) == (
        ("div", ("h1", "A ", ("em", "b")), ("p", "c&d", ("br",), "e"), ("ul", ("li", "f"))),
    )


def test_white_space_folds_as_in_a_browser_but_not_in_code():
    """Runs are one space, none stands at the ends of a block, and code keeps all of it."""
    tree = parse("<p>  a \n b <code>c  d</code> </p><pre>  x\n    y\n</pre>")
    assert outline(tree) == (("p", "a b ", ("code", "c d")), ("pre", "  x\n    y\n"))


@pytest.mark.parametrize(
    "html",
    [
        "<script>alert(1)</script>",
        "<style>p{display:none}</style>",
        "<iframe srcdoc='<p>x</p>'>y</iframe>",
        "<svg><text>x</text></svg>",
        "<object data=x>y</object>",
        "<template><p>x</p></template>",
        "<details class='code'><summary>code</summary><pre>x</pre></details>",
        "<nav class='contents'><a href='#x'>x</a></nav>",
        "<!-- <p>x</p> -->",
    ],
)
def test_what_is_no_content_is_left_out(html):
    """Scripts, styles, embedded documents, folded code and contents leave nothing."""
    assert outline(parse(f"<p>before</p>{html}<p>after</p>")) == (("p", "before"), ("p", "after"))


def test_unknown_tags_give_way_to_their_content():
    """What a document does not need is passed through; what is misnested does no harm."""
    assert outline(parse("<blink><p>a</p></blink></p></div><center>b")) == (("p", "a"), "b")


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("https://a.example/x?y=1", True),
        ("mailto:a@b.example", True),
        ("#here", True),
        ("#nowhere", False),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("file:///etc/passwd", False),
        ("//a.example", False),
        (" JaVaScRiPt:alert(1)", False),
        ("https://a.example/ x", False),
    ],
)
def test_links_lead_within_the_document_to_the_web_or_to_mail(address, kept):
    """Any other address is dropped; its text stays."""
    (link,) = parse(f"<p id='here'><a href='{address}'>text</a></p>").find("a")
    assert bool(link.href) is kept
    assert link.text() == "text"


@pytest.mark.parametrize(
    ("source", "kept"),
    [
        (f"data:image/png;base64,{PIXEL}", ("png", base64.b64decode(PIXEL))),
        ("data:image/svg+xml;base64,PHN2Zy8+", ("svg", b"<svg/>")),
        ("data:image/svg+xml;base64,***", None),
        ("data:text/html;base64,AAAA", None),
        ("https://a.example/x.png", None),
        ("/etc/passwd", None),
    ],
)
def test_only_images_in_the_page_itself_are_kept(source, kept):
    """Nothing is loaded from anywhere, file or web."""
    (image,) = parse(f"<img alt='a' src='{source}'>").find("img")
    assert image.image == kept
    assert image.alt == "a"


def test_ids_are_unique():
    """Of two elements with an id the first has it."""
    assert [e.id for e in parse("<p id=a>x</p><p id=a>y</p><p id=b>z</p>").find("p")] == [
        "a",
        "",
        "b",
    ]


def test_deep_nesting_is_flattened():
    """A thousand elements inside each other do not make a thousand levels."""

    def depth(element):
        return 1 + max((depth(c) for c in element.children if isinstance(c, Element)), default=0)

    tree = parse("<div>" * 1000 + "x")
    assert depth(tree) < 25
    assert tree.text() == "x"


def test_control_and_bidi_characters_are_shown_as_escapes():
    """Text and alternative text can neither reorder a line nor end a file; line breaks stay."""
    tree = parse("<pre>a\u202eb\x1b[31m\n\tc\ud800</pre><img alt='\u2066'>")
    assert tree.find("pre")[0].text() == "a\\u202eb\\x1b[31m\n    c\\ud800"
    assert tree.find("img")[0].alt == "\\u2066"
    assert visible("plain\ntext") == "plain\ntext"


@given(st.text(st.sampled_from("<>/abpdiv\"'= &;#x\n") | st.characters(), max_size=80))
def test_any_text_parses_to_known_elements(html):
    """Whatever the input, the tree has only elements that a document has."""
    assert {e.tag for e in parse(html).elements()} <= INLINE | BLOCKS
