"""The words for what was found."""

from __future__ import annotations

import pytest

from atomlab.byok.filters import NAMES
from atomlab.verdicts import CAUSES, cause_in_words


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("pricing-cache-empty", "holds no model at all"),
        ("pricing-entry-broken", "an entry of the platform's price list"),
        ("key-under-alias", "the key for minimax stands under H_KEY, but the platform looks for M"),
        ("key-misnamed", "misspelt, under H_KEY, but the platform looks for M_KEY"),
        ("key-empty", "M_KEY is there, but holds no value"),
        ("key-placeholder", "M_KEY holds a placeholder"),
        ("provider-not-llm", "a key for minimax, but the platform does not use that provider"),
        ("provider-unknown", "a key for minimax, a provider that the platform does not know"),
        ("orphan-client", "a key for minimax, but the price list has no model of that provider"),
        ("no-keys", "no usable key of any LLM provider"),
        ("quality", "models of minimax that the keys give access to are rated below the quality"),
    ],
)
def test_every_cause_is_said_in_words(code, words):
    """With its provider, the name that is looked for, and the one under which the key is."""
    assert words in cause_in_words(code, "minimax", "M_KEY", "H_KEY")


def test_every_code_of_the_contract_has_words():
    """Those of the rows, the registry and the cache, and each filter but the one of clients."""
    rest = {"context-window" if name == "context" else name for name in NAMES} - {"client"}
    rows = {"key-under-alias", "key-misnamed", "key-empty", "key-placeholder", "no-keys"}
    listed = {"provider-not-llm", "provider-unknown", "orphan-client"}
    assert set(CAUSES) == rest | rows | listed | {"pricing-cache-empty", "pricing-entry-broken"}


def test_a_cause_that_is_not_known_here_keeps_its_code():
    """Findings of a newer version may name one; braces in it are no template."""
    assert cause_in_words("new-{provider}", "x", None) == "the cause new-?provider?"
