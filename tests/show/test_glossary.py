"""The words used here: one text for each, and the docs know every one of them."""

from __future__ import annotations

import re

import pytest
from markupsafe import Markup

from atomlab.evidence.inputs.rules import COMPLEXITIES
from atomlab.show.glossary import anchor, explained, glossary, linker
from atomlab.verdicts import STATUSES, VERDICTS
from tests.conftest import ROOT


def test_every_term_stands_in_the_glossary_of_the_docs():
    """There it is explained at length, and nothing is explained here that is not a term."""
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8").lower()
    spelt = text.replace("one of k", "one-of-k")
    terms = [name for term in glossary() for name in term.lower().split(", ")]
    assert [term for term in terms if not re.search(rf"\b{re.escape(term)}\b", spelt)] == []
    assert len(terms) == len(set(terms))


def test_what_a_report_says_first_is_explained():
    """Statuses, verdicts, kinds of request, and the words of a proof; each in one short line."""
    words = {*STATUSES, *VERDICTS, *COMPLEXITIES, "placebo", "fix set", "edition", "client"}
    assert words <= set(glossary())
    assert "BYOK, managed" in glossary()
    assert max(map(len, glossary().values())) < 125


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("Nothing of it.", []),
        ("Placebos fail; two fix sets.", ["fix set", "placebo"]),
        ("BYOK (ai_mode)", ["BYOK, managed"]),
        ("one-of-k; joint", ["one-of-k", "joint"]),
        ("simpler, unaffected, complexity, clientele", []),
        ("Advanced requests are AFFECTED.", ["affected", "advanced"]),
    ],
)
def test_only_words_that_are_used_are_explained(text, terms):
    """As whole words, in whatever case and number."""
    assert list(explained(text)) == terms


def test_the_first_mention_of_a_term_is_a_link():
    """In texts, one after the other; not in code, headings, links, or attributes."""
    texts = [
        Markup('<h2>Placebo</h2><p title="a &gt; placebo > affected">No <code>placebo</code>.</p>'),
        Markup("<p>An affected tenant, two placebos &amp; a fix set.</p>"),
        Markup("<p>Another placebo, affected.</p>"),
    ]
    first, second, third = map(linker(), texts)
    assert first == texts[0]
    assert third == texts[2]
    assert re.sub(r"</?a\b[^>]*>", "", second) == texts[1]
    found = re.findall(r'<a class="term" href="#(word-\d+)">([^<]*)</a>', second)
    terms = {anchor(term): term for term in glossary()}
    assert [(terms[place], text) for place, text in found] == [
        ("affected", "affected"),
        ("placebo", "placebos"),
        ("fix set", "fix set"),
    ]
