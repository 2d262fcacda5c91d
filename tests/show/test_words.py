"""What is said alike everywhere: how requests are served, and who answers instead."""

from __future__ import annotations

import pytest

from atomlab.errors import InputError
from atomlab.show.words import ai_mode_of, describe_answer, managed_of
from tests.refusals import refused


@pytest.mark.parametrize(("word", "asked"), [("", None), ("managed", True), ("byok", False)])
def test_a_notebook_s_parameter_and_the_option_say_the_same(word, asked):
    """Each word of the parameter stands for one state of the option, and back."""
    assert managed_of(word) is asked
    assert ai_mode_of(asked) == word


@pytest.mark.parametrize("word", ["Managed", "hybrid", "true", " ", "\x1b[31m"])
def test_another_word_is_refused(word):
    """Whoever edits the cell of a notebook is told what it may say."""
    with refused(InputError, "parameter ai_mode cannot be"):
        managed_of(word)


@pytest.mark.parametrize(
    ("by", "sentence"),
    [
        ("static-mapping", "the static mapping answers with a/b"),
        ("plain-ranking", "a ranking without capability and tier answers with a/b"),
        ("first-client", "the first client answers with a/b"),
        ("a later word", "a fallback answers with a/b"),
    ],
)
def test_who_answers_is_said_with_what_chose_it(by, sentence):
    """Provider and model, and by which of the edition's ways."""
    assert describe_answer("a", "b", by) == sentence
