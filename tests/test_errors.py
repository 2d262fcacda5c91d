"""Errors are one printable line, whatever stands in them."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomlab import errors
from atomlab.errors import (
    NO_MODELS,
    AtomlabError,
    InputError,
    NoModelsAvailableError,
    TenantError,
)
from tests.refusals import is_one_line

TEXT = st.text(st.characters() | st.sampled_from("\n\r\x1b\x85\u2028\u202e\ud800\0"), min_size=1)


@given(TEXT, TEXT, TEXT)
def test_any_parts_make_one_printable_line(what, where, todo):
    """Controls, line breaks, bidi marks and lone surrogates are shown as escapes."""
    assert is_one_line(str(AtomlabError(what, where=where, todo=todo)))


def test_line_says_what_where_and_what_to_do():
    """The three parts stand in one order."""
    error = AtomlabError("is odd", where="file.json", todo="mend it")
    assert str(error) == "file.json: is odd; mend it"
    assert str(AtomlabError("is odd")) == "is odd"


def test_endless_parts_are_cut_short():
    """A message of a million characters becomes a line that a person can read."""
    error = AtomlabError("x" * 10**6, where="y" * 10**6, todo="z" * 10**6)
    assert len(str(error)) < 1300
    assert "(1,000,000 characters)" in str(error)


@pytest.mark.parametrize(
    "name", ["SnapshotError", "SourceError", "InputError", "TenantError", "ReportError"]
)
def test_every_failure_to_look_is_an_atomlab_error(name):
    """One except clause catches all that atomlab raises when it could not look."""
    assert issubclass(getattr(errors, name), AtomlabError)
    assert name in errors.__doc__


def test_the_platforms_error_is_a_finding_and_no_failure():
    """NoModelsAvailableError is a ValueError with the exact message, and no AtomlabError."""
    error = NoModelsAvailableError("first note", "second note")
    assert isinstance(error, ValueError)
    assert not isinstance(error, AtomlabError)
    assert str(error) == NO_MODELS == "No models available from dynamic pricing"
    assert error.__notes__ == ["first note", "second note"]


def test_tenant_error_lists_its_matches():
    """An ambiguous name carries the ids that it could mean."""
    assert TenantError("two", todo="choose", matches=("a", "b")).matches == ("a", "b")


def test_the_platforms_error_survives_pickling():
    """An error that crosses a process boundary keeps its message."""
    assert str(pickle.loads(pickle.dumps(NoModelsAvailableError()))) == NO_MODELS


@pytest.mark.parametrize("model", ["x/y:free", "llama3:8b", "nova-pro-v1:0:300k", "qwen:latest"])
def test_the_id_of_a_model_is_no_password(model):
    """Its tag stands behind a colon, as a password would; whatever goes on is none."""
    assert str(InputError(f"no model {model!r}", todo="x")) == f"no model {model!r}; x"
    for more in ("!secret", "$", "x", "@host", "-1", "%20", "+a", "#b", "/db", "=c"):
        told = str(InputError(f"cannot read {model}{more}", todo="x"))
        assert f"{model}{more}" not in told
