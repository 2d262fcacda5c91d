"""The words used here: one text for each, and the docs know every one of them."""

from __future__ import annotations

import re

import pytest

from atomlab.evidence.inputs.rules import COMPLEXITIES
from atomlab.show.glossary import explained, glossary
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
