"""Names of settings: which vendor's key is meant by one, and in which way it is not its name."""

from __future__ import annotations

import random
import string
import unicodedata
from functools import cache

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from atomlab.evidence.inputs.registry import Provider, default_registry, load_registry
from atomlab.evidence.inputs.rules import EDITIONS
from atomlab.evidence.names import _distance, canonical_name, key_stem, letters, reader

REGISTRY = load_registry(default_registry("hosted-2026-05"))
READ = reader(REGISTRY)
DATA = yaml.safe_load((EDITIONS / "names.yaml").read_text(encoding="utf-8"))

# What is written, whose key it is, and how it differs, in a word of what is told.
READINGS = {
    "plural": ("OPENAI_API_KEYS", "openai", "plural"),
    "token": ("OPENAI_TOKEN", "openai", "_TOKEN for _API_KEY"),
    "api-token": ("OPENAI_API_TOKEN", "openai", "_API_TOKEN for _API_KEY"),
    "secret": ("GROQ_SECRET", "groq", "_SECRET for _API_KEY"),
    "secret-key": ("OPENAI_SECRET_KEY", "openai", "_SECRET_KEY for _API_KEY"),
    "secret-keys": ("OPENAI_SECRET_KEYS", "openai", "_SECRET_KEYS for _API_KEY"),
    "twice": ("GROQ_API_KEY_API_KEY", "groq", "_API_KEY_API_KEY for _API_KEY"),
    "numbered": ("OPENAI_API_KEY_1", "openai", "numbered"),
    "number-glued": ("OPENAI_API_KEY2", "openai", "numbered"),
    "number-before": ("OPENAI_2_API_KEY", "openai", "numbered"),
    "version": ("MINIMAX_2_6_API_KEY", "minimax", "numbered"),
    "version-registered": ("MINIMAX_2_7_API_KEYS", "minimax_2_7", "plural"),
    "export": ("export OPENAI_API_KEY", "openai", "export before it"),
    "assignment": ("export OPENAI_API_KEY=", "openai", "export before it"),
    "litellm": ("os.environ/OPENAI_API_KEY", "openai", "os.environ before it"),
    "python": ('os.environ["OPENAI_API_KEY"]', "openai", "os.environ before it"),
    "python-get": ("os.environ.get('XAI_API_KEY')", "xai", "os.environ.get before it"),
    "node": ("process.env.OPENAI_API_KEY", "openai", "process.env before it"),
    "shell": ("${OPENAI_API_KEY}", "openai", "separators"),
    "next": ("NEXT_PUBLIC_OPENAI_API_KEY", "openai", "NEXT_PUBLIC before it"),
    "react": ("REACT_APP_GROQ_API_KEY", "groq", "REACT_APP before it"),
    "vite": ("VITE_GLM_5_API_KEY", "glm_5", "VITE before it"),
    "spring": ("spring.ai.openai.api-key", "openai", "SPRING_AI before it"),
    "two-before": ("export VITE_LUX_API_KEY", "lux", "export before it; VITE before it"),
    "stage-before": ("PROD_OPENAI_API_KEY", "openai", "prod before it"),
    "stage-after": ("OPENAI_API_KEY_PROD", "openai", "PROD after it"),
    "camel": ("openaiApiKey", "openai", "capitals"),
    "small-l": ("OPENAI_APl_KEY", "openai", "look-alike letters (l, 1, 0)"),
    "one-for-i": ("OPENA1_API_KEY", "openai", "look-alike letters (l, 1, 0)"),
    "zero-for-o": ("0PENAI_API_KEY", "openai", "look-alike letters (l, 1, 0)"),
    "zero-and-number": ("0PENAI_API_KEY_10", "openai", "look-alike letters (l, 1, 0)"),
    "cyrillic": ("\u041ePENAI_API_KEY", "openai", "look-alike letters (U+041E)"),
    "cyrillic-small": ("\u043epenai_api_key", "openai", "look-alike letters (U+043E)"),
    "greek": ("\u0391NTHROPIC_API_KEY", "anthropic", "look-alike letters (U+0391)"),
    "mixed": ("M\u0456NIM\u0430\u0445_API_KEY", "minimax", "U+0456, U+0430"),
    "capital-looks-alike": ("deepsee\u043a_api_key", "deepseek", "look-alike letters (U+043A)"),
    "small-looks-alike": ("g\u0433oq_api_key", "groq", "look-alike letters (U+0433)"),
    "wide": ("\uff2fPENAI_API_KEY", "openai", "look-alike letters (U+FF2F)"),
    "other-name": ("CLAUDE_API_KEY", "anthropic", "claude is anthropic's (https://"),
    "other-name-small": ("grok_api_key", "xai", "grok is xai's (https://"),
    "other-name-token": ("HF_TOKEN", "huggingface", "_TOKEN for _API_KEY"),
    "other-name-numbered": ("GPT_4_API_KEY", "openai", "numbered"),
    "other-name-in-words": ("CHAT_GPT_API_KEY", "openai", "chatgpt is openai's"),
    "of-two-ids": ("GOOGLE_GENERATIVE_AI_API_KEY", "google gemini", "google or gemini's"),
    "unregistered": ("COHERE_TOKEN", "cohere", "_TOKEN for _API_KEY"),
    "unregistered-other-name": ("TOGETHER_API_KEY", "together_ai", "together is together_ai's"),
    "variable": ("LUX_MODEL_API_KEYS", "lux_model", "plural"),
    "lost": ("OPENA_API_KEY", "openai", "one letter off openai"),
    "added": ("MISTRALL_API_KEY", "mistral", "one letter off mistral"),
    "swapped": ("OPEANI_API_KEY", "openai", "one letter off openai"),
    "replaced": ("GEMENI_API_KEY", "gemini", "one letter off gemini"),
    "two-slips": ("ANTROPHIC_API_KEY", "anthropic", "2 letters off anthropic"),
    "slip-and-token": ("deepsek_token", "deepseek", "one letter off deepseek"),
    "slip-after-a-front": ("VITE_OPENIA_API_KEY", "openai", "one letter off openai; VITE before"),
    "slip-that-looks-like-a-front": ("MYSTRAL_API_KEY", "mistral", "one letter off mistral"),
    "slip-before-a-version": ("MINMAX_2_5_API_KEY", "minimax_2_5", "one letter off minimax_2_5"),
    "slip-before-a-number": ("OPNAI_API_KEY_2", "openai", "one letter off openai; numbered"),
    "slip-before-an-unknown-version": ("MINMAX_3_API_KEY", "minimax", "one letter off minimax"),
    "slip-in-another-name": ("CLADE_API_KEY", "anthropic", "one letter off claude; a vendor's"),
    "slip-of-four-letters": ("QEWN_API_KEY", "qwen", "one letter off qwen"),
    "base-url": ("OPENAI_BASE_URL", "openai", "a base URL or model is expected"),
    "api-base": ("OPENAI_API_BASE", "openai", "a base URL or model is expected"),
    "model": ("OPENAI_MODEL", "openai", "a base URL or model is expected"),
    "bare": ("MISTRAL", "mistral", "no _API_KEY at its end"),
    "bare-other-name": ("claude", "anthropic", "no _API_KEY at its end"),
}
UNCERTAIN = {"base-url", "api-base", "model", "bare-other-name"}


@pytest.mark.parametrize("case", READINGS)
def test_names_are_read_by_kinds_of_deviation(case):
    """Each way to write a vendor's name is read as that vendor's, and told."""
    name, ids, told = READINGS[case]
    found = READ(name)
    assert found.ids == tuple(ids.split())
    assert told in "; ".join(found.differs)
    assert found.certain == (case not in UNCERTAIN)
    assert bool(found.slips) == ("off" in told)
    assert found.neighbours == ()


@pytest.mark.parametrize(
    "name",
    [
        *("", "TIMEZONE", "BILLING_PROFILE", "STRIPE_SECRET_KEY", "GITHUB_TOKEN", "NPM_TOKEN"),
        *("SLACK_BOT_TOKEN", "GOOGLE_CLIENT_SECRET", "GOOGLE_REFRESH_TOKEN", "GOOGLE_MAPS_KEY"),
        *("OUTLOOK_OAUTH_TOKEN", "JIRA_API_TOKEN", "AZURE_SECRET", "AZURE_CLIENT_SECRET"),
        *("ALIYUN_ACCESS_KEY_SECRET", "NVIDIA_TOKEN", "SENTRY_AUTH_TOKEN", "TWILIO_TOKEN"),
        *("KIWI_API_KEY", "GROW_API_KEY", "OPENAQ_API_KEY", "DEEPSET_API_KEY", "MAXMIND_API_KEY"),
        *("UPSTASH_TOKEN", "DEEPL_API_KEY", "DEEPGRAM_API_KEY", "MYSTERY_API_KEY", "GPX_API_KEY"),
        *("openai_organization", "OPENAI_PROJECT", "API_KEY_OF_OPENAI", "OPENAI_API_KEY_ID"),
        *(
            "OPENAI_API_KEY=sk-live-4f9c0a",
            "OPENAI_API_KEY_907316",
            "mistrall",
            "X" * 70 + "_TOKEN",
        ),
        *("X" * 70 + "_TOKEN", "OPENAI_API_KEY" + " " * 80),
    ],
)
def test_what_names_no_vendor_is_not_read(name):
    """Other services, other settings, and anything pasted into a name, are no vendor's keys."""
    assert READ(name) is None


def test_equally_near_names_are_both_named():
    """Nothing is meant by a name that is as near to one vendor's as to another's."""
    read = reader((Provider("mistral"), Provider("mistrel"), Provider("openai")))
    found = read("MISTROL_API_KEY")
    assert (found.ids, found.neighbours, found.slips) == ((), ("mistral", "mistrel"), 1)
    assert found.differs == ("nearly mistral and mistrel: which was meant is not known",)
    assert read("MISTRA_API_KEY").neighbours == ()  # a slip less from the first


def test_what_is_not_registered_is_no_rival_of_what_is():
    """`olama` is as near to llama, which only price maps know, as to the registered ollama."""
    assert READ("OLAMA_API_KEY").ids == ("ollama",)
    unregistered = reader(tuple(p for p in REGISTRY if p.id != "ollama"))
    assert set(unregistered("OLAMA_API_KEY").neighbours) == {"llama", "ollama"}


def test_the_registry_comes_before_the_data():
    """An id or variable of the registry is itself, whatever vendor goes by that name elsewhere."""
    read = reader((Provider("grok"), Provider("mine", "KIMI_API_KEY"), Provider("xai")))
    assert (read("grok_token").ids, read("KIMI_TOKEN").ids) == (("grok",), ("kimi", "moonshot"))
    assert "other name" not in repr(read("grok_token"))


@cache
def distance(one: str, other: str) -> int:
    """Return the distance as it is defined, by recursion from the ends of both."""
    if not one or not other:
        return len(one) + len(other)
    ways = [
        distance(one[:-1], other) + 1,
        distance(one, other[:-1]) + 1,
        distance(one[:-1], other[:-1]) + (one[-1] != other[-1]),
    ]
    if one[-2:] == other[-2:][::-1] and len(one) > 1 < len(other):
        ways.append(distance(one[:-2], other[:-2]) + 1)
    return min(ways)


@given(*[st.text("ABC", max_size=7)] * 2)
def test_distance_is_the_defined_one(one, other):
    """Letters added, lost, replaced, or swapped with their neighbour, count one each."""
    assert _distance(one, other) == distance(one, other) == _distance(other, one)


def allowed(word: str, name: str) -> bool:
    """Return whether a word is a slip of a name, or two, as docs/snapshots.md has it."""
    slips = distance(word, name)
    if len(name) == 4:
        return slips == 1 and all(word.count(c) >= name.count(c) for c in name)
    if len(name) < 4:
        return False
    return slips == 1 or (slips == 2 and len(name) > 8 and word[0] == name[0])


def test_nearest_names_are_those_that_comparing_with_each_finds():
    """What is looked up by shortened forms is what comparing with every registered name gives."""
    names = {p.id: letters(p.id).translate(str.maketrans("L10", "IIO")) for p in REGISTRY}
    drawn, misread = random.Random(20260502), []
    known = {name for group in DATA["vendors"] for name in group["names"] + group["ids"]}
    others = {letters(n).translate(str.maketrans("L10", "IIO")) for n in known} - {*names.values()}
    for _ in range(400):
        word = list(drawn.choice([n for n in names.values() if len(n) > 3]))
        for _ in range(drawn.choice([1, 1, 2, 3])):
            place, letter = drawn.randrange(len(word)), drawn.choice("AEIKMNOPRSTX")
            word[place : place + drawn.randrange(2)] = [letter] * drawn.randrange(2)
            word = word or ["A"]
        written = "".join(word)
        near = {i: distance(written, n) for i, n in names.items() if allowed(written, n)}
        if written[-1:].isdigit() or any(distance(written, o) <= 2 for o in others):
            continue  # it may be a number, or a slip of a name in the data
        found = READ(f"{written}_API_KEY")
        if found is not None and (not found.slips or "before it" in repr(found)):
            continue  # with something before it, it is another name's
        least = [i for i, n in near.items() if n == min(near.values())]
        told = () if found is None else found.ids or found.neighbours
        misread += [(written, told, least)] * (sorted(told) != sorted(least))
    assert misread == []


# The data


def test_every_name_has_a_source_and_one_meaning():
    """Each group says where it is from; no two vendors share a name, nor one that looks alike."""
    groups = [*DATA["vendors"], *DATA["others"], *DATA["in_front"]]
    assert all(g["source"].startswith("https://") or g["names"][0] == "my" for g in groups)
    fold = str.maketrans("L10", "IIO")
    owners: dict[str, set[str]] = {}
    for group in DATA["vendors"]:
        for name in group["names"]:
            owners.setdefault(letters(name).translate(fold), set()).add(group["ids"][0])
        for name in group["ids"]:
            owners.setdefault(letters(name).translate(fold), set()).add(name)
    assert [name for name, ids in owners.items() if len(ids) > 1] == []
    assert {*DATA["clouds"]} <= {n for g in DATA["vendors"] for n in g["names"] + g["ids"]}
    assert not {letters(n).translate(fold) for g in DATA["others"] for n in g["names"]} & {*owners}


def test_look_alikes_are_letters_of_other_scripts():
    """Each stands for one capital letter of ASCII, which it is not, and for no other."""
    found = [look for looks in DATA["look_alikes"].values() for look in looks]
    assert {*DATA["look_alikes"]} <= {*string.ascii_uppercase}
    assert len(found) == len({*found})
    scripts = {unicodedata.name(look).split()[0] for look in found}
    assert scripts == {"GREEK", "CYRILLIC", "ARMENIAN"}


@pytest.mark.parametrize(
    ("name", "canonical", "stem"),
    [
        (" OpenAI.api-key ", "OPENAI_API_KEY", "OPENAI"),
        ("GROQ_API_KEY_API_KEY", "GROQ_API_KEY_API_KEY", "GROQ"),
        ("minimax.2.7.apikey", "MINIMAX_2_7_APIKEY", "MINIMAX_2_7"),
        ("COHERE_SECRET_KEY_2", "COHERE_SECRET_KEY_2", "COHERE"),
        ("\u0421\u041eHERE_TOKENS", "COHERE_TOKENS", "COHERE"),
        ("MONKEY", "MONKEY", "MONKEY"),
        ("_API_KEY", "API_KEY", ""),
    ],
)
def test_accidents_and_ends_are_left_out(name, canonical, stem):
    """A name's canonical form keeps its words; its stem is without what says that it is a key."""
    assert (canonical_name(name), key_stem(name)) == (canonical, stem)
