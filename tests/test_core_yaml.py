"""What is read of YAML, what is refused, and that a refusal says where and quotes nothing."""

from __future__ import annotations

import json
import math
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from atomlab.core_yaml import UnreadableError, parse
from atomlab.diagnosis.hypothesis import load_hypothesis
from atomlab.errors import InputError
from atomlab.evidence.inputs.rules import load_rules
from atomlab.files import MAX_YAML_BYTES
from atomlab.postmortem.events import load_events
from tests.attacks import tries
from tests.conftest import ROOT
from tests.refusals import is_one_line

SECRET = "sk-c4n4ry"
_REFUSED = {
    "bool": f"a: !!bool {SECRET}",
    "empty-int": 'a: !!int ""',
    "int": f"a: !!int {SECRET}",
    "timestamp": f"a: !!timestamp {SECRET}",
    "str": f"a: !!str {SECRET}",
    "own-tag": f"a: !{SECRET} x",
    "no-tag": f"a: ! {SECRET}",
    "binary": f"a: !!binary {SECRET}",
    "set": f"a: !!set {{? {SECRET}}}",
    "python": f"a: !!python/object:os.system {SECRET}",
    "tag-of-a-list": f"!!omap [{SECRET}: x]",
    "tag-directive": f"%TAG !e! tag:{SECRET},2000:\n---\na",
    "two-tag-directives": f"%TAG !{SECRET}! a\n%TAG !{SECRET}! a\n---\na",
    "unknown-handle": f"!{SECRET}!x y",
    "broken-tag": f"!<{SECRET}",
    "broken-escape-in-tag": f"!%E0{SECRET} x",
    "yaml-2": f"%YAML 2.0\n--- {SECRET}",
    "yaml-of-many-digits": f"%YAML {'9' * 5000}.1\n--- {SECRET}",
    "anchor": f"a: &{SECRET} x",
    "alias": f"a: *{SECRET}",
    "merge": f"<<: {{a: {SECRET}}}",
    "merge-inside": f"a: [{{<<: [{{b: {SECRET}}}]}}]",
    "key-twice": f"{SECRET}: a\n{SECRET}: b",
    "key-twice-in-quotes": f"{SECRET}: a\n'{SECRET}': b",
    "key-twice-inside": f"a: [{{{SECRET}: a, {SECRET}: b}}]",
    "number-twice": f"1: {SECRET}\n0x1: {SECRET}",
    "null-twice": f"~: {SECRET}\nnull: {SECRET}",
    "no-number-as-key": f".nan: {SECRET}",
    "list-as-key": f"[{SECRET}]: a",
    "mapping-as-key": f"{{{SECRET}}}: a",
    "long-key": f"? [{SECRET}, [a]]\n: b",
    "two-documents": f"a: b\n---\n{SECRET}",
    "document-after-end": f"a: b\n...\n{SECRET}",
    "whole-of-many-digits": "9" * 10_000,
    "hexadecimal-of-many-digits": f"0x{'f' * 10_000}",
    "nested-lists": f"{'[' * 10_000}{SECRET}",
    "nested-mappings": f"{'{a: ' * 10_000}{SECRET}",
    "nested-blocks": f"{'- ' * 10_000}{SECRET}",
    "not-closed": f"[{SECRET}",
    "closed-by-another": f"{{{SECRET}]",
    "open-quote": f'"{SECRET}',
    "open-apostrophe": f"it: '{SECRET}",
    "two-colons": f"a: {SECRET}: b",
    "tab": f"a:\n\t{SECRET}: b",
    "reserved": f"a: @{SECRET}",
    "backquote": f"`{SECRET}`",
    "less-indented": f"a:\n    b: {SECRET}\n  c: d",
    "indicator": f"|{SECRET}",
    "unknown-escape": f'"{SECRET}\\q"',
    "short-escape": f'"{SECRET}\\x"',
    "no-such-character": f'"{SECRET}\\UFFFFFFFF"',
    "half-a-character": f'"{SECRET}\\ud800"',
    "nul": f"a: {SECRET}\0",
    "escape-character": f"a: {SECRET}\x1b[31m",
}


def refused_texts() -> Iterator[tuple[str, bytes]]:
    """Yield (name, content) of YAML that must be refused."""
    yield from ((name, text.encode()) for name, text in _REFUSED.items())
    yield "utf-16", f"a: {SECRET}".encode("utf-16")
    yield "utf-16-without-bom", f"a: {SECRET}".encode("utf-16-be")
    yield "latin-1", f"a: {SECRET}\xe9".encode("latin-1")
    yield "surrogate", f"a: {SECRET}\ud800".encode("utf-8", "surrogatepass")


def edited_texts(number: int) -> Iterator[tuple[str, bytes]]:
    """Yield (name, content) of so many texts in and around YAML, the same ones each time."""
    draw, odd = random.Random(12), "abc:-[]{},&*!|>'\"%@`?#\n \t\\x1.0<~é\u2028\x85\ufeff=/"
    whole = (ROOT / "data" / "hypotheses" / "brennan-minimax.yaml").read_text()
    for n in range(number):
        text = list(whole[:600]) if n % 2 else [draw.choice(odd) for _ in range(30)]
        for _ in range(draw.randrange(1, 5)):
            text[draw.randrange(len(text))] = draw.choice(odd)
        yield f"edited-{n}", "".join(text).encode()


def largest_texts() -> Iterator[tuple[str, bytes]]:
    """Yield (name, content) of texts that take long for their size, as long as files may be."""
    size = MAX_YAML_BYTES
    colliding = "".join(f"{n * (2**61 - 1)}:\n" for n in range(1, size // 23))
    for name, unit in {"brackets": "[", "dashes": "- ", "lists": "- [a, 1.5]\n", "a": "a"}.items():
        yield name, (unit * size)[:size].encode()
    yield "commas", b"[" + b"a," * (size // 2 - 1) + b"]"
    yield "keys", "".join(f"a{n}: b\n" for n in range(size // 11)).encode()
    yield "keys-of-one-hash", colliding[:size].rpartition("\n")[0].encode()


@pytest.mark.attack("2 YAML")
@pytest.mark.parametrize("content", [pytest.param(c, id=n) for n, c in refused_texts()])
def test_what_no_file_needs_is_refused_with_its_place(content):
    """Line and column are told, and not a word of the file."""
    with pytest.raises(UnreadableError, match=r", line \d+, column \d+$") as caught:
        parse(content)
    assert "c4n4ry" not in str(caught.value)
    assert is_one_line(str(caught.value))
    assert caught.value.__context__ is None  # the parser's own error holds lines of the file


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: 1\nb:\n  - c: 2\n    c: 3\n", "line 4, column 5"),
        ("{a: {b: 1, b: 2}}", "line 1, column 12"),
        ("é: !x y", "line 1, column 4"),
        ("a\n\nb: \0", "line 3, column 4"),
        ("a: *b", "line 1, column 4"),
    ],
)
def test_the_place_is_where_it_stands(text, place):
    """Lines and columns are counted from 1, columns in characters."""
    with pytest.raises(UnreadableError, match=f", {place}$"):
        parse(text.encode())


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *((text, None) for text in ("", "~", "null", "Null", "NULL", "# a", "---\n")),
        *((text, True) for text in ("true", "True", "TRUE")),
        *((text, False) for text in ("false", "False", "FALSE")),
        *((text, text) for text in ("yes", "no", "on", "off", "y", "tRUE", "nULL", "=")),
        *(("12", 12), ("-7", -7), ("+7", 7), ("0012", 12), ("0o14", 12), ("0xfF", 255)),
        *((text, text) for text in ("0b1", "1_000", "0x", "0o8", "-0x1", "1:30", "1:2.5" * 400)),
        *(
            ("1.5", 1.5),
            ("1.", 1.0),
            (".5", 0.5),
            ("1e3", 1000.0),
            ("-1E-2", -0.01),
            ("1e999", math.inf),
        ),
        *((".inf", math.inf), ("-.INF", -math.inf), ("+.Inf", math.inf)),
        *((text, text) for text in (".", "e3", "inf", "nan", "-.nan", "1.2.3", "1e")),
        *((text, text) for text in ("2026-05-02", "2026-13-02", "2026-05-02T08:15:00Z", "08:15")),
        *(
            ("'1'", "1"),
            ('"true"', "true"),
            ("''", ""),
            ("|\n 1\n", "1\n"),
            (">\n a\n b\n", "a b\n"),
        ),
        ("\ufeffa: 1", {"a": 1}),
        ("[{a: 1}, {a: 2}]", [{"a": 1}, {"a": 2}]),
        ("a: {a: {a: 1}}", {"a": {"a": {"a": 1}}}),
        ("1: a\n'1': b", {1: "a", "1": "b"}),
        ("a: 1\nA: 2", {"a": 1, "A": 2}),
        ("'<<': a", {"<<": "a"}),
    ],
)
def test_scalars_are_those_of_the_core_schema(text, value):
    """Without quotes there are nulls, truths and numbers; all else is text (YAML 1.2.2, 10.3.2)."""
    found = parse(text.encode())
    assert (found, type(found)) == (value, type(value))


def test_what_is_no_number_is_read():
    """It equals nothing, itself included."""
    for text in (".nan", ".NaN", ".NAN"):
        assert math.isnan(parse(text.encode()))


@pytest.mark.parametrize("folder", ["atomlab/evidence/inputs/editions", "data/hypotheses"])
def test_our_own_files_are_read_as_ever(folder):
    """They say the same in the core schema as in the older one."""
    for path in (ROOT / folder).glob("*.yaml"):
        content = path.read_bytes()
        assert parse(content) == yaml.safe_load(content)


def said_of(content: bytes) -> str | None:
    """Return what is said of a text that is refused, None for one that is read."""
    try:
        parse(content)
    except UnreadableError as error:
        return str(error)
    return None


@pytest.mark.attack("2 YAML")
def test_edited_files_are_read_or_refused():
    """Nothing else comes of a text, whatever it is."""
    said = [said_of(content) for _, content in tries(edited_texts(2000))]
    assert None in said
    assert all(re.search(r", line \d+, column \d+$", each) for each in said if each)


@pytest.mark.slow
@pytest.mark.attack("2 YAML")
@pytest.mark.parametrize("content", [pytest.param(c, id=n) for n, c in largest_texts()])
def test_the_largest_files_are_read_or_refused(content):
    """A file of the most bytes that there may be ends, in seconds."""
    assert len(content) <= MAX_YAML_BYTES
    assert is_one_line(said_of(content) or "read")


def with_canaries(value: Any) -> Iterator[Any]:
    """Yield a document with a canary in the place of each of its parts, in several shapes."""
    yield from (SECRET, [SECRET], {SECRET: SECRET}, None)
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from ({**value, key: other} for other in with_canaries(inner))
            yield {**value, SECRET: inner}
    elif isinstance(value, list):
        for place, inner in enumerate(value[:2]):
            for other in with_canaries(inner):
                yield [*value[:place], other, *value[place + 1 :]]


def readers_of_yaml() -> Iterator[tuple[str, Callable[[Path], object], Any]]:
    """Yield who reads YAML: a name, what loads a file, and a document that it takes."""
    rules = load_rules("open-source-2026-05").to_mapping()
    own = json.loads(json.dumps(rules)) | {"name": "own", "based_on": "hosted-2026-05"}
    yield "rules", lambda path: load_rules(str(path)), own
    claims = ROOT / "data" / "hypotheses" / "brennan-minimax.yaml"
    yield "hypothesis", load_hypothesis, parse(claims.read_bytes())
    told = parse((ROOT / "data" / "postmortem" / "events.yaml").read_bytes())
    yield "events", load_events, told


@pytest.mark.attack("2 YAML")
@pytest.mark.parametrize(
    ("load", "document"), [pytest.param(*reader, id=name) for name, *reader in readers_of_yaml()]
)
def test_no_refusal_quotes_a_value(tmp_path, load, document):
    """Whatever stands in the place of whichever part, the error names a field and no value."""
    path, refusals = tmp_path / "file.yaml", 0
    load_unchanged = load(path) if path.write_text(json.dumps(document)) else None
    assert load_unchanged is not None
    for changed in tries(with_canaries(document), 2):
        path.write_text(json.dumps(changed))
        try:
            load(path)
        except InputError as error:
            refusals += 1
            said = str(error)
        else:
            continue
        assert "c4n4ry" not in said
        assert is_one_line(said)
    assert refusals > 25
