"""Recorded requests: CSV and JSON lines are read alike, and what is wrong is named by its line."""

from __future__ import annotations

import csv
import gzip
import io
import json
import tracemalloc
from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomlab.errors import InputError
from atomlab.evidence.inputs import recorded
from atomlab.evidence.inputs.recorded import BAD, COLUMNS, LONGEST_LINE, RecordedRequests
from tests.examples import examples
from tests.refusals import refused

HEAD = ",".join(COLUMNS)
AT = datetime(2026, 5, 2, 14, 5, tzinfo=UTC)


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a file of requests and returns its path."""

    def write(content, name="requests.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def read(path, **options):
    """Return the requests in a file: name, complexity, tools, capability, turn, tokens, time."""
    found = RecordedRequests(path, lambda *asked: asked, **options)
    rows = [(tenant, *asked, tokens, at) for _, tenant, asked, tokens, at in found]
    return rows, {what: (bad.first_line, bad.lines) for what, bad in found.bad.items()}


def test_a_line_says_what_was_asked(write):
    """All columns of CSV in any order, others beside them; what is left out is the usual."""
    text = "no,at,tokens,turn,capability,tools,complexity,tenant\r\n"
    text += '7,2026-05-02T14:05:00Z,1500,2,vision,true,complex,"Brennan, Inc."\r\n8,,,,,,simple,b\n'
    path = write(text)
    full = ("Brennan, Inc.", "complex", True, "vision", 2, 1500, AT)
    assert read(path) == ([full, ("b", "simple", False, None, 0, 0, None)], {})
    assert RecordedRequests(path, lambda *_: 1).ignored == ["no"]
    bare = write("tenant,complexity\nb,QueryComplexity.ADVANCED\n\n", "bare.csv")
    assert read(bare) == ([("b", "advanced", False, None, 0, 0, None)], {})


ASKED = st.fixed_dictionaries(
    {
        "tenant": st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), min_size=1),
        "complexity": st.sampled_from(("simple", "moderate", "complex", "advanced")),
        "tools": st.booleans(),
        "capability": st.sampled_from((None, "vision", "a,b", 'say "so"')),
        "turn": st.integers(0, 5),
        "tokens": st.integers(0, 10**6),
        "at": st.none() | st.datetimes().map(lambda at: at.isoformat() + "+00:00"),
    }
)


@examples(100)
@given(st.lists(ASKED, min_size=1, max_size=9), st.booleans(), st.booleans())
def test_both_forms_say_the_same(tmp_path_factory, asked, packed, marked):
    """What the csv and json modules have written is read back, gzipped or not, marked or not."""
    rows = io.StringIO()
    table = csv.DictWriter(rows, COLUMNS)
    table.writeheader()
    table.writerows(asked)
    lines = "\n".join(map(json.dumps, asked))
    expected = [
        (*(one[c] for c in COLUMNS[:-1]), one["at"] and datetime.fromisoformat(one["at"]))
        for one in asked
    ]
    folder = tmp_path_factory.mktemp("requests")
    for name, text in (("r.csv", rows.getvalue()), ("r.jsonl", lines)):
        content = (b"\xef\xbb\xbf" if marked else b"") + text.encode()
        (folder / name).write_bytes(gzip.compress(content) if packed else content)
        assert read(folder / name) == (expected, {})


BAD_LINES = {
    "a,simple,maybe,,,,": "tools",
    "a,hard,,,,,": "complexity",
    "a,,,,,,": "complexity",
    "a,simple,,,-1,,": "number",
    "a,simple,,,,1.5,": "number",
    "a,simple,,,,٣,": "number",
    "a,simple,,,,,yesterday": "time",
    "a,simple,,,,,0001-01-01T00:00:00+23:00": "time",
    ",simple,,,,,": "tenant",
    "a,simple": "columns",
    "a,simple,,,,,,": "columns",
    '"a,simple,,,,,': "not-csv",
    '"a"b,simple,,,,,': "not-csv",
    "x" * (LONGEST_LINE + 1): "too-long",
    "x" * (3 * LONGEST_LINE): "too-long",
    b"\xff,simple,,,,,": "not-utf8",
    '{"tenant": "a"': "not-json",
    "7": "not-json",
    "[" * 100_000: "not-json",
    '{"tenant": 7, "complexity": "simple"}': "tenant",
    '{"complexity": "simple"}': "tenant",
    '{"tenant": "a"}': "complexity",
    '{"tenant": "a", "complexity": "simple", "turn": true}': "number",
    '{"tenant": "a", "complexity": "simple", "turn": 1.0}': "number",
    '{"tenant": "a", "complexity": "simple", "tokens": -3}': "number",
    '{"tenant": "a", "complexity": "simple", "tools": 1.0}': "tools",
    '{"tenant": "a", "complexity": "simple", "tools": [1]}': "value",
    '{"tenant": "a", "complexity": "simple", "tokens": {}}': "value",
    '{"tenant": "a", "complexity": "simple", "capability": 3}': "capability",
    '{"tenant": "a", "complexity": "simple", "at": 1777730700}': "time",
}


@pytest.mark.parametrize(("line", "what"), BAD_LINES.items(), ids=lambda value: str(value)[:40])
def test_a_bad_line_is_named_or_skipped(write, line, what):
    """It is an error with its number; skipped, it is counted, and the lines about it are read."""
    line = line if isinstance(line, bytes) else line.encode()
    is_json = line[:1] in (b"{", b"[", b"7")
    good = b'{"tenant": "b", "complexity": "simple", "turn": 1}' if is_json else b"b,simple,,,1,,"
    first = good if is_json else HEAD.encode()
    path = write(b"\n".join([first, good, line, good, line, good, b""]))
    with refused(InputError, f"line 3 {BAD[what]}", path) as caught:
        read(path)
    assert caught.value.todo == "correct it, or skip such lines (--skip-bad)"
    rows, bad = read(path, skip_bad=True)
    assert rows == [("b", "simple", False, None, 1, 0, None)] * (3 + is_json)
    assert bad == {what: (3, 2)}


def test_a_line_without_an_end_is_read_too(write):
    """The last line may lack its line break, and may be too long."""
    assert len(read(write(f"{HEAD}\nb,simple,,,,,"))[0]) == 1
    cut = write(f"{HEAD}\nb,simple,,,,,\n" + "x" * (2 * LONGEST_LINE), "cut.csv")
    assert read(cut, skip_bad=True)[1] == {"too-long": (3, 1)}


@pytest.mark.parametrize(
    ("content", "what", "todo"),
    [
        (b"", "is empty", "leave it out"),
        (b"tenant;complexity\nb;simple\n", "has no header with tenant", "by commas"),
        (b"b,simple\n", "has no header with tenant and complexity", f"in the first line: {HEAD}"),
        (b"tenant,tools\nb,\n", "has no header with complexity", HEAD),
        (b"tenant,complexity,tenant\n", "has the column tenant twice", "leave one"),
        (b'[{"tenant": "b"}]', "is one JSON document, a list", "jq -c '.[]'"),
        (b'{\n  "tenant": "b"\n}\n', "is one JSON document", "jq -c ."),
        (b"SQLite format 3\0" + b"\0" * 100, "is binary, not a file of requests", "CSV"),
        (bytes(range(256)) * 9, "is binary, not a file of requests", "CSV"),
        ("tenant,complexity\n".encode("utf-16"), "is UTF-16", "UTF-8"),
        (b"PK\x03\x04" + b"x" * 99, "is packed with zip", "unpack"),
        (
            gzip.compress(b"tenant,complexity\n" + b"b,simple\n" * 9999, mtime=0)[:60],
            "gzip ends early",
            "",
        ),
    ],
)
def test_another_file_is_refused(write, content, what, todo):
    """In one line that says what it is, and what to give."""
    path = write(content)
    with refused(InputError, what, path) as caught:
        read(path)
    assert todo in caught.value.todo


def test_a_folder_and_no_file_are_refused(tmp_path):
    """As every file that is to be read."""
    with refused(InputError, "is a folder", tmp_path):
        read(tmp_path)
    with refused(InputError, "no such file", tmp_path / "none.csv"):
        read(tmp_path / "none.csv")


def test_requests_that_are_alike_are_made_once(write, monkeypatch):
    """Whatever their tenants, lengths and times; and again once too many are remembered."""
    path = write(f"{HEAD}\n" + "".join(f"t{n},simple,,c{n % 3},,{n},\n" for n in range(30)))
    for most, times in ((recorded._REMEMBERED, 3), (2, 30)):
        monkeypatch.setattr(recorded, "_REMEMBERED", most)
        made = Counter()
        list(RecordedRequests(path, lambda *asked, made=made: made.update([asked]) or asked))
        assert made.total() == times


def test_memory_does_not_grow_with_the_file(write):
    """Ten times as many requests, all different, take no more of it."""
    peaks = []
    for number in (20_000, 200_000):
        lines = (f"tenant-{n},simple,,,1,{n},2026-05-02T00:00:00Z\n" for n in range(number))
        path = write(gzip.compress((f"{HEAD}\n" + "".join(lines)).encode()), f"{number}.csv.gz")
        tracemalloc.start()
        assert sum(1 for _ in RecordedRequests(path, lambda *asked: asked)) == number
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.5


def test_progress_is_told(write):
    """The bytes that were read, and of how many, never more than those."""
    path, told = write(f"{HEAD}\n" + "b,simple,,,,,\n" * 50_000), []
    list(RecordedRequests(path, lambda *_: 1, progress=lambda *both: told.append(both)))
    assert {of for _, of in told} == {path.stat().st_size}
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1][0] == told[-1][1]


def test_nothing_to_decide_is_an_error(write):
    """A header alone, or bad lines alone."""
    empty = RecordedRequests(write(f"{HEAD}\n"), lambda *_: 1, skip_bad=True)
    assert list(empty) == []
    assert empty.nothing_read().what == "holds no request"
    bad = RecordedRequests(write(f"{HEAD}\na\nb\n"), lambda *_: 1, skip_bad=True)
    assert list(bad) == []
    assert bad.nothing_read().what == "has no line that can be read, of 2 lines: columns (2)"
