"""Markdown that is inert: what comes out of a parser is the text that went in."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from atomlab.postmortem.cases import EvidenceItem, Statement
from atomlab.postmortem.markdown import code, escaped, fence, link, render
from atomlab.text import printable
from tests.postmortem.conftest import HOSTILE

PARSERS = (MarkdownIt("commonmark"), MarkdownIt("gfm-like", {"linkify": False}))
MARKS = st.sampled_from((*"\\`*_[]()<>|~{}$&#!+-=.1 \n\tab:/@\"'", "MY_KEY", "www.", "://", "&lt;"))
TEXTS = st.lists(MARKS, max_size=30).map("".join) | st.text(max_size=30)


def shown_by(parser, markdown):
    """Return the text that a browser would show of the Markdown, None if it has tags."""
    rendered = parser.render(markdown).strip()
    rendered = re.sub(r"</?(p|code)>", "", rendered)
    return None if re.search(r"<[^>]+>", rendered) else html.unescape(rendered)


@given(TEXTS)
def test_escaped_text_shows_as_itself(text):
    """For any text, any parser shows its printable form, as one paragraph of text and code."""
    wanted = printable(" ".join(text.split()), 2000)
    for parser in PARSERS:
        assert shown_by(parser, escaped(text)) == wanted


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_in_its_cell(text):
    """In a table, whatever a cell holds, the row keeps its columns."""
    markdown = f"| a | b |\n| --- | --- |\n| {escaped(text)} | end |\n"
    rendered = PARSERS[1].render(markdown)
    cells = re.findall(r"<td>(.*?)</td>", rendered, re.DOTALL)
    assert len(cells) == 2
    assert html.unescape(re.sub("</?code>", "", cells[0])) == printable(" ".join(text.split()), 999)
    assert cells[1] == "end"


def test_a_megabyte_is_cut_and_says_so():
    """A text is shown up to a limit, with how long it was."""
    shown = escaped("x" * 1_000_000)
    assert len(shown) < 2100
    assert shown.endswith("… (1,000,000 characters)")


def test_setting_names_are_set_as_code():
    """Names of settings are told from words, but not parts of other words."""
    assert escaped("set MINIMAX_API_KEY, not a_B or X") == "set `MINIMAX_API_KEY`, not a_B or X"


@pytest.mark.parametrize("text", ["a\n```\nb", "~~~", "````", "\x1b[31mred\u202e"])
def test_a_block_of_code_holds_any_text(text):
    """A fence is longer than any in the text, and control characters are shown as escapes."""
    (block,) = [t for t in PARSERS[0].parse(fence(text, "sql")) if t.type != "inline"]
    assert block.type == "fence"
    assert block.content.rstrip("\n") == "\n".join(printable(t) for t in text.split("\n"))


@pytest.mark.parametrize("text", ["a`b", "a|b", "a\nb", "", "<b>", "x" * 300])
def test_code_that_a_span_cannot_hold_is_escaped(text):
    """Only plain names become code spans."""
    assert "`" not in code(text).replace("\\`", "").strip("`") or not code(text)
    assert "|" not in code(text).replace("\\|", "")


@pytest.mark.parametrize(
    ("address", "linked"),
    [
        ("https://tracker.example/a?b=1&c=2#d", True),
        ("http://host/x", True),
        ("javascript:alert(1)", False),
        ("https://a b", False),
        ("https://a><script>", False),
        ("OPS-12", False),
        ("https://" + "a" * 600, False),
    ],
)
def test_only_web_addresses_become_links(address, linked):
    """Anything else is text."""
    rendered = PARSERS[0].render(link(address))
    assert ("<a href" in rendered) is linked
    assert "<script" not in rendered


def test_evidence_is_numbered_in_the_order_of_the_document(tmp_path, monkeypatch):
    """The first statement that the document shows cites E1, and a place keeps its number."""
    from atomlab.postmortem import markdown

    template = (
        "{{ b }} {{ a }} {{ b }} {% for n, e in evidence() %}{{ n }}={{ e.place }} {% endfor %}"
    )
    (tmp_path / "t.md").write_text(template)
    monkeypatch.setattr(markdown, "FOLDER", tmp_path)
    a, b = EvidenceItem("first", "says"), EvidenceItem("second", "says")
    shown = render("t.md", a=Statement("a", (a, b, a)), b=Statement("b", (b,)))
    assert shown == "b [E1] a [E2] [E1] b [E1] E1=second E2=first\n"
