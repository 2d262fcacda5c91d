"""Keywords are found wherever they stand in a block, as a plain search would find them."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from atomlab.evidence.inputs.keywords import Seeker

WORDS = ("No models available", "[JOB_EVENT] ", "celery@", "Backfill failed for ", "abcabcabcabc")
PIECES = st.sampled_from([*WORDS, "No models availabl", "abc", "Backfill ", "x", "\n", "12345678"])


@settings(deadline=None)
@given(st.lists(PIECES, max_size=30).map("".join))
def test_a_block_s_keywords_are_those_that_a_plain_search_finds(text):
    """At every offset, overlapping, at the ends, in blocks of any length."""
    plain = {m.start() for word in WORDS for m in re.finditer(f"(?={re.escape(word)})", text)}
    assert Seeker(WORDS).places(text.encode()) == sorted(plain)


def test_no_keywords_are_nowhere():
    """Nor is any in an empty block."""
    assert Seeker(()).places(b"a block of some length") == []
    assert Seeker(WORDS).places(b"") == []
