"""Which provider's client would serve each model, and what one more provider changes of it."""

from __future__ import annotations

import numpy as np
import pytest

from atomlab.byok.models import first_match
from tests.small import small_platform

MATCHES = np.array([[0, 0, 0], [0, 1, 1], [1, 0, 0], [1, 1, 1]], dtype=bool)


@pytest.mark.parametrize(
    ("columns", "first"),
    [((0, 1, 2), [-1, 1, 0, 0]), ((2, 1), [-1, 2, -1, 2]), ((0,), [-1, -1, 0, 0]), ((), [-1] * 4)],
)
def test_the_first_that_is_asked_serves_a_model(columns, first):
    """Places of columns in the order asked; -1 where none of them serves it."""
    found = first_match(MATCHES, np.array(columns, dtype=np.intp))
    assert found.tolist() == first
    assert found.dtype == np.intp


@pytest.mark.parametrize("matcher", ["prefix", "substring"])
def test_one_more_provider_is_as_if_it_had_always_been_the_last(matcher):
    """It serves what nobody else does; what is known of the models alone is kept."""
    cache = ("openai/a", "groq/openai-b", "mistral/c", "other/d", "other/groq-e")
    less, more = (
        small_platform(cache, providers, matcher=matcher).models
        for providers in (("openai", "mistral"), ("openai", "mistral", "groq"))
    )
    alone = less.costs, less.chat, less.supports_tools
    assert less.served_by.tolist()[2:] == [1, -1, -1]
    assert less.provider.tolist()[2:] == ["mistral", "other", "other"]
    grown = less.with_client("groq", less.matching("groq"))
    assert grown.providers == more.providers
    for name in ("matches", "served_by", "provider"):
        assert getattr(grown, name).tolist() == getattr(more, name).tolist()
    kept = grown.costs, grown.chat, grown.supports_tools
    assert all(now is before for now, before in zip(kept, alone, strict=True))
