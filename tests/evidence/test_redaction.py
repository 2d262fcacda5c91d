"""Redaction: states, tokens, keys of fingerprints, and which names may leave."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import hmac
import random
import re
import secrets
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomlab.errors import InputError
from atomlab.evidence.inputs.registry import default_registry, load_registry
from atomlab.evidence.inputs.rules import load_rules
from atomlab.evidence.redaction import (
    STATES,
    USABLE,
    fingerprinter,
    in_key_shape,
    key_id,
    key_state,
    key_text,
    new_key,
    reach_of,
    read_key,
    token,
    token_state,
)
from tests.canaries import SECRETS
from tests.refusals import refused

HOSTED = load_rules("hosted-2026-05")
# Rules that know placeholders: what is short, or starts as these do.
STRICT = dataclasses.replace(
    HOSTED, placeholder_prefixes=("dummy", "60a9596d"), placeholder_shorter_than=12
)
REGISTRY = load_registry(default_registry("hosted-2026-05"))
KEY, OTHER = fingerprinter(bytes(range(32))), fingerprinter(bytes(32))
GRAMMAR = re.compile(r"v1:(null|empty):-|v1:(present|ciphertext|blank|placeholder):[0-9a-f]{64}")


@given(st.text() | st.binary() | st.none() | st.integers() | st.floats())
def test_every_value_becomes_a_token_of_its_state(value):
    """Any value, text or not, becomes a token of the grammar that carries the value's state."""
    for rules in (HOSTED, STRICT):
        redacted = token(value, key_state(value, rules), KEY)
        assert GRAMMAR.fullmatch(redacted)
        assert token_state(redacted) == key_state(value, rules)


@pytest.mark.parametrize(
    ("value", "hosted", "strict"),
    [
        (None, "null", "null"),
        ("", "empty", "empty"),
        (b"", "empty", "empty"),
        (" ", "blank", "placeholder"),
        (" " * 11, "blank", "placeholder"),
        (" " * 12, "blank", "blank"),
        ("\t\n\u00a0" * 4, "blank", "blank"),
        ("sk-1234567", "present", "placeholder"),
        ("sk-12345678", "present", "placeholder"),
        ("sk-123456789", "present", "present"),
        ("dummy-key-of-some-length", "present", "placeholder"),
        ("a-dummy-key-of-some-length", "present", "present"),
        ("60a9596d-0000-0000-0000", "present", "placeholder"),
        ("gAAAA", "ciphertext", "placeholder"),
        ("gAAAAABCDEFGH", "ciphertext", "ciphertext"),
        (" gAAAAABCDEFGH", "present", "present"),
        ("gaaaaABCDEFGH", "present", "present"),
        (b"gAAAAABCDEFGH", "ciphertext", "ciphertext"),
        (b" " * 12, "blank", "blank"),
        (1234567, "present", "placeholder"),
    ],
)
def test_state_of_a_value(value, hosted, strict):
    """Spaces are no placeholder unless a rule says so: the one makes a client, the other none."""
    assert key_state(value, HOSTED) == hosted
    assert key_state(value, STRICT) == strict


@given(st.text(min_size=1))
def test_platform_builds_a_client_exactly_from_usable_states(value):
    """Where no rule knows placeholders, a usable state is a truthy value and nothing else."""
    assert (key_state(value, HOSTED) in USABLE) == bool(value)


@given(st.text(min_size=1), st.text(min_size=1))
def test_fingerprints_tell_equal_values_from_different_ones(one, other):
    """Two tokens under one key are equal if and only if the values are; keys separate them."""
    assert (token(one, "present", KEY) == token(other, "present", KEY)) == (one == other)
    assert token(one, "present", KEY) != token(one, "present", OTHER)


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
        "ELEVENLABS_API_KEY",
        "11LABS_API_KEY",
        "QWEN3.MAX_API_KEY",
        "export OPENAI_API_KEY",
        "OPENAI_API_KEYS",
        "HUGGINGFACEHUB_API_TOKEN",
        "grok_api_key",
        "cohere-token",
        "antropic_api_key",
    ],
)
def test_names_of_keys_and_their_near_misses_may_leave(name):
    """A name that ends in _API_KEY, or can be read as that of a vendor's key, is kept."""
    assert reach_of(REGISTRY)(name) == "always"


@pytest.mark.parametrize(
    "name",
    ["OPENAI_BASE_URL", "OPENAI_API_BASE", "OPENAI_MODEL", "GROQ_HOST", "claude", "VITE_OPENAI"],
)
def test_some_names_leave_only_with_what_looks_like_a_key(name):
    """Where an address or a model is expected, the value decides; a snapshot may hold the name."""
    assert reach_of(REGISTRY)(name) == "as a key"
    assert in_key_shape("sk-not-a-real-key-0123456789")
    assert not in_key_shape("https://api.openai.com/v1")


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
        "STRIPE_SECRET_KEY",
        "GITHUB_TOKEN",
        "SLACK_BOT_TOKEN",
        "GOOGLE_CLIENT_SECRET",
        "AZURE_CLIENT_SECRET",
        "SK-LIVE-4F9C0A_API_KEY",
        "SK-PROJ-ABCDEF_API_KEY",
        "AKIAIOSFODNN7EXAMPLE_API_KEY",
        "4F9C0A1B_API_KEY",
        "KJHASDKJHQWEIUYAS_API_KEY",
        "907316_API_KEY",
        "OPENAI_API_KEY_907316",
        "OPENAI_907316_API_KEYS",
        "ONE_TWO_THREE_FOUR_FIVE_SIX_SEVEN_API_KEY",
        "OPENAI_BASE_URL_sk-live-4f9c0a",
    ],
)
def test_other_names_stay(name):
    """Any other name, or one longer than the platform allows, is counted and not kept."""
    assert reach_of(REGISTRY)(name) == "never"


PASTED = {
    "openai": lambda draw: "sk-proj-" + drawn(draw, 48),
    "openai-capitals": lambda draw: "SK-" + drawn(draw, 32).upper(),
    "groq": lambda draw: "gsk_" + drawn(draw, 52),
    "google": lambda draw: "AIza" + drawn(draw, 35),
    "huggingface": lambda draw: "hf_" + drawn(draw, 34),
    "hexadecimal": lambda draw: draw.randbytes(16).hex(),
    "hexadecimal-capitals": lambda draw: draw.randbytes(16).hex().upper(),
    "groups": lambda draw: "-".join(draw.randbytes(3).hex().upper() + "7A" for _ in range(5)),
    "base32": lambda draw: base64.b32encode(draw.randbytes(15)).decode(),
    "pin": lambda draw: str(draw.randrange(100_000, 1_000_000)),
    "canary": lambda draw: SECRETS[draw.choice([n for n in SECRETS if n != "megabyte"])],
}


def drawn(draw, length):
    """Return random letters and digits."""
    return "".join(draw.choices(string.ascii_letters + string.digits, k=length))


@pytest.mark.parametrize("kind", PASTED)
def test_secret_that_was_pasted_as_a_name_stays(kind):
    """Whatever stands around it, a key in the place of a name is counted and not kept."""
    draw, reach = random.Random(kind), reach_of(REGISTRY)
    around = ["{}", "{}_API_KEY", "OPENAI_{}", "OPENAI_API_KEY_{}", "OPENAI_API_KEY={}"]
    around += ["export {}", "CLAUDE_{}_TOKEN", "{}_OPENAI_API_KEY", "OPENAI_BASE_URL {}"]
    for _ in range(50):
        secret = PASTED[kind](draw)
        assert [a for a in around if reach(a.format(secret)) != "never"] == []


@pytest.mark.parametrize(
    "value",
    [
        "sk-not-a-real-key-0123456789",
        '"sk-not-a-real-key-0123456789"',
        " sk-ant-api03-abcdefghijkl\n",
        "Bearer gsk_0123456789abcdef",
        "AIzaSyA-0123456789abcdefghijklmnopqrstu",
        "xai-0123456789abcdef",
        b"hf_0123456789abcdef",
        "0123456789abcdef0123456789abcdef",
        "0123456789abcdef0123456789abcdef.AbCdEfGhIjKlMnOp",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
        "k" * 40,
    ],
)
def test_values_in_the_shape_of_a_key(value):
    """What begins as keys do, a token, and one long word, have a key's shape."""
    assert in_key_shape(value)


@pytest.mark.parametrize(
    "value",
    [
        *(None, "", " ", 0, 4000, "sk-short", "true", "gpt-4o", "claude-3-5-sonnet-20241022"),
        *("https://api.openai.com/v1", "https://x.example/" + "k" * 40, "api.openai.com"),
        "accounts/fireworks/models/llama-v3p1-405b-instruct",
        "meta-llama-3-1-405b-instruct-turbo-quantized-awq-int4",
        "anthropic.claude-3-5-sonnet-20241022-v2:0",
        "f47ac10b-58cc-4372-a567-0e02b2c3d479",
        "gAAAA" + "b" * 60,
        '{"model": "gpt-4o", "key": "sk-not-a-real-key-0123456789"}',
    ],
)
def test_values_in_no_shape_of_a_key(value):
    """An address, a model, an id, JSON and an encrypted value, which may be any, have not."""
    assert not in_key_shape(value)


def test_key_file_is_read_again(tmp_path):
    """What is written as a key file gives the same key."""
    path = tmp_path / "fingerprints.key"
    made = new_key()
    assert len(made) == 32
    path.touch(0o600)
    path.write_bytes(key_text(made))
    assert read_key(path) == made


def test_every_new_key_is_fresh():
    """A key is never the same twice."""
    assert new_key() != new_key()


@pytest.mark.parametrize(
    ("content", "what"),
    [
        pytest.param(b"", "is not a 256-bit key", id="empty"),
        pytest.param(b"00" * 31, "is not a 256-bit key", id="short"),
        pytest.param(b"00" * 33, "is not a 256-bit key", id="long"),
        pytest.param(b"zz" * 32, "is not a 256-bit key", id="not-hexadecimal"),
        pytest.param(b"\xff" * 64, "is not a 256-bit key", id="binary"),
    ],
)
def test_file_that_is_no_key_is_refused_and_kept(tmp_path, content, what):
    """A wrong file is neither used as a key nor overwritten by one."""
    path = tmp_path / "file"
    path.write_bytes(content)
    with refused(InputError, what, path):
        read_key(path)
    assert path.read_bytes() == content


def weak_keys():
    """Yield a name and a key that nobody drew by chance."""
    yield "all zero", bytes(32)
    for number in (1, 2, 3, 4, 8, 16):
        yield f"{number} bytes, again and again", (secrets.token_bytes(number) * 32)[:32]
    for step in (1, 3, 255):
        yield f"steps of {step}", bytes(step * n % 256 for n in range(32))
    yield "counted in twos", bytes(n // 2 for n in range(32))
    for text in ("password" * 4, "The quick brown fox jumps over !", "0123456789abcdef" * 2):
        yield f"text {text[:9]}", text.encode()


@pytest.mark.attack("9 memory of the process, key files")
@pytest.mark.parametrize("key", [pytest.param(key, id=name) for name, key in weak_keys()])
def test_key_that_is_not_random_is_refused(tmp_path, key):
    """Under a key that can be guessed, a fingerprint tells whether a value is the guessed one."""
    path = tmp_path / "file"
    path.touch(0o600)
    path.write_bytes(key_text(key))
    with refused(InputError, "is not a random key", path) as caught:
        read_key(path)
    assert key.hex() not in str(caught.value)


def test_every_key_that_capture_makes_is_taken(tmp_path):
    """No key drawn by chance is refused."""
    path = tmp_path / "file"
    path.touch(0o600)
    for _ in range(2000):
        path.write_bytes(key_text(key := new_key()))
        assert read_key(path) == key


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o602, 0o620, 0o610, 0o644, 0o666, 0o777])
def test_key_that_others_may_read_is_refused(tmp_path, mode):
    """Whoever has the key can guess values; whoever changes it, make them equal."""
    path = tmp_path / "file"
    path.write_bytes(key_text(new_key()))
    path.chmod(mode)
    with refused(InputError, "is open to others", path):
        read_key(path)
    path.chmod(mode & 0o700)
    assert read_key(path)


def test_key_that_cannot_be_read_is_a_clear_error(tmp_path):
    """A folder in the key's place is named."""
    with refused(InputError, "cannot be read (Is a directory)", tmp_path):
        read_key(tmp_path)


def test_fingerprint_is_the_documented_hmac():
    """A fingerprint is HMAC-SHA256 under the key, over the domain and the value's UTF-8."""
    key, value = secrets.token_bytes(32), "schlüssel"
    content = b"atomlab/setting-value/v1\0" + value.encode()
    expected = hmac.new(key, content, "sha256").hexdigest()
    assert token(value, key_state(value, HOSTED), fingerprinter(key)) == f"v1:present:{expected}"


@pytest.mark.parametrize(
    ("value", "content"),
    [
        ("caf\u00e9", b"caf\xc3\xa9"),
        (b"a key", b"a key"),
        (b"\xff\xfe no text", b"\xed\xb3\xbf\xed\xb3\xbe no text"),  # as lone surrogates
        ("\ud800", b"\xed\xa0\x80"),
        (1234, b"1234"),
        (True, b"True"),
    ],
    ids=["text", "bytes", "bytes-that-are-no-text", "lone-surrogate", "number", "truth"],
)
def test_every_kind_of_value_has_the_fingerprint_of_its_own_content(value, content):
    """What a database can hold is told from other values of its kind, text or not."""
    expected = hmac.new(bytes(range(32)), b"atomlab/setting-value/v1\0" + content, "sha256")
    assert token(value, key_state(value, HOSTED), KEY) == f"v1:present:{expected.hexdigest()}"


def test_public_name_of_a_key_is_a_hash_that_can_be_computed_without_atomlab():
    """So that whoever has a key file can tell which snapshots it is the key of."""
    key = secrets.token_bytes(32)
    assert key_id(key) == hashlib.sha256(b"atomlab/key-id/v1\0" + key).hexdigest()[:16]


def test_public_name_of_a_key_does_not_show_the_key():
    """The key's name is short, the same for the same key, and no part of it."""
    key = secrets.token_bytes(32)
    assert key_id(key) == key_id(bytes(key)) != key_id(bytes(32))
    assert len(key_id(key)) == 16
    assert key_id(key) not in key.hex()


def steps_of(size):
    """Return 32 bytes, as many different ones as asked, at all sorts of distances."""
    different = [n * n % 251 for n in range(size)]
    return bytes(different + [different[n % 3] for n in range(32 - size)])


@pytest.mark.parametrize(("different", "taken"), [(21, True), (20, True), (19, False)])
def test_a_key_has_twenty_different_bytes(tmp_path, different, taken):
    """Of 32 drawn by chance there are 30; fewer than 20 never."""
    key = steps_of(different)
    assert len(set(key)) == different
    path = tmp_path / "file"
    path.touch(0o600)
    path.write_bytes(key_text(key))
    if taken:
        assert read_key(path) == key
    else:
        with refused(InputError, "is not a random key", path):
            read_key(path)
