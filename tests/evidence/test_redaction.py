"""Redaction: states, tokens, keys of fingerprints, and which names may leave."""

from __future__ import annotations

import hmac
import re
import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomlab.errors import InputError
from atomlab.evidence.redaction import (
    STATES,
    USABLE,
    fingerprinter,
    key_id,
    key_state,
    key_text,
    name_may_leave,
    new_key,
    read_key,
    token,
    token_state,
)
from atomlab.evidence.registry import default_registry, load_registry
from atomlab.evidence.rules import load_rules
from tests.refusals import refused

HOSTED, OPEN_SOURCE = load_rules("hosted-2026-05"), load_rules("open-source-2026-05")
REGISTRY = load_registry(default_registry("hosted-2026-05"))
KEY, OTHER = fingerprinter(bytes(range(32))), fingerprinter(bytes(32))
GRAMMAR = re.compile(r"v1:(null|empty):-|v1:(present|ciphertext|blank|placeholder):[0-9a-f]{64}")


@given(st.text() | st.binary() | st.none() | st.integers() | st.floats())
def test_every_value_becomes_a_token_of_its_state(value):
    """Any value, text or not, becomes a token of the grammar that carries the value's state."""
    for rules in (HOSTED, OPEN_SOURCE):
        redacted = token(value, rules, KEY)
        assert GRAMMAR.fullmatch(redacted)
        assert token_state(redacted) == key_state(value, rules)


@given(st.text(min_size=1))
def test_platform_builds_a_client_exactly_from_usable_states(value):
    """Where no rule knows placeholders, a usable state is a truthy value and nothing else."""
    assert (key_state(value, HOSTED) in USABLE) == bool(value)


@given(st.text(min_size=1), st.text(min_size=1))
def test_fingerprints_tell_equal_values_from_different_ones(one, other):
    """Two tokens under one key are equal if and only if the values are; keys separate them."""
    assert (token(one, HOSTED, KEY) == token(other, HOSTED, KEY)) == (one == other)
    assert token(one, HOSTED, KEY) != token(one, HOSTED, OTHER)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sk-live-1234",
        "v1:present:-",
        "v1:null:" + "0" * 64,
        "v1:present:" + "0" * 63,
        "v1:present:" + "A" * 64,
        "v2:present:" + "0" * 64,
        "v1:missing:-",
        "v1:null:-\n",
        " v1:null:-",
    ],
)
def test_what_is_no_token_has_no_state(text):
    """Only the exact grammar is a token; a value that slipped through is never taken for one."""
    with pytest.raises(ValueError, match="no redaction token"):
        token_state(text)


def test_states_are_the_documented_ones():
    """The states are those of DESIGN, and a client comes from three of them."""
    assert set(STATES) == {"present", "null", "empty", "blank", "placeholder", "ciphertext"}
    assert {"present", "ciphertext", "blank"} == USABLE


@pytest.mark.parametrize(
    "name",
    [
        "MINIMAX_API_KEY",
        "NOBODY_KNOWS_API_KEY",
        "_API_KEY",
        "openai_api_key",
        "DEEPSEEK-API-KEY",
        "GEMINI KEY",
        "MISTRAL",
        "GROQ_API_KEY_API_KEY",
        " OPENAI_API_KEY ",
        "minimax.2.7.api.key",
        "LUX_MODEL",
    ],
)
def test_names_of_keys_and_their_near_misses_may_leave(name):
    """A name that ends in _API_KEY, or nearly names a provider's key, is kept."""
    assert name_may_leave(name, REGISTRY)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "OUTLOOK_OAUTH",
        "BILLING_PROFILE",
        "TIMEZONE",
        "openai_organization",
        "API_KEY_OF_OPENAI",
        "sk-" + "4" * 48,
        "jane.doe@example.com",
        "sk-live-4f9c0a_API_KEY",
        "nobody-knows-api-key",
        "OPENAI_API_KEY=sk-live-4f9c0a",
        "X" * 250 + "_API_KEY",
        "日本語",
    ],
)
def test_other_names_stay(name):
    """Any other name, or one longer than the platform allows, is counted and not kept."""
    assert not name_may_leave(name, REGISTRY)


def test_key_file_is_read_again(tmp_path):
    """What is written as a key file gives the same key."""
    path = tmp_path / "fingerprints.key"
    made = new_key()
    assert len(made) == 32
    path.write_bytes(key_text(made))
    assert read_key(path) == made


def test_every_new_key_is_fresh():
    """A key is never the same twice."""
    assert new_key() != new_key()


@pytest.mark.parametrize(
    ("content", "what"),
    [
        pytest.param(b"", "is no 256-bit key", id="empty"),
        pytest.param(b"00" * 31, "is no 256-bit key", id="short"),
        pytest.param(b"00" * 33, "is no 256-bit key", id="long"),
        pytest.param(b"zz" * 32, "not hexadecimal", id="not-hexadecimal"),
        pytest.param(b"\xff" * 64, "not hexadecimal", id="binary"),
    ],
)
def test_file_that_is_no_key_is_refused_and_kept(tmp_path, content, what):
    """A wrong file is neither used as a key nor overwritten by one."""
    path = tmp_path / "file"
    path.write_bytes(content)
    with refused(InputError, what, path):
        read_key(path)
    assert path.read_bytes() == content


def test_key_that_cannot_be_read_is_a_clear_error(tmp_path):
    """A folder in the key's place is named."""
    with refused(InputError, "cannot read the key", tmp_path):
        read_key(tmp_path)


def test_fingerprint_is_the_documented_hmac():
    """A fingerprint is HMAC-SHA256 under the key, over the domain and the value's UTF-8."""
    key, value = secrets.token_bytes(32), "schlüssel"
    content = b"atomlab/setting-value/v1\0" + value.encode()
    expected = hmac.new(key, content, "sha256").hexdigest()
    assert token(value, HOSTED, fingerprinter(key)) == f"v1:present:{expected}"


def test_public_name_of_a_key_does_not_show_the_key():
    """The key's name is short, the same for the same key, and no part of it."""
    key = secrets.token_bytes(32)
    assert key_id(key) == key_id(bytes(key)) != key_id(bytes(32))
    assert len(key_id(key)) == 16
    assert key_id(key) not in key.hex()
