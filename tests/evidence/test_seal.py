"""The seal: what is not whole, or not ours, is refused before anything is read of it."""

from __future__ import annotations

import hashlib
import os
import random
import sqlite3
from pathlib import Path

import pytest

from atomlab.errors import SnapshotError
from atomlab.evidence.schema import FORMATS
from atomlab.evidence.seal import check_seal
from atomlab.evidence.snapshot import open_snapshot
from tests.forgery import sealed, unsealed
from tests.refusals import refused

KEY = "sk-" + "2" * 40


@pytest.fixture
def whole(captured):
    """Return the bytes of a small snapshot."""
    return captured({"acme": {"OPENAI_API_KEY": KEY}}).path.read_bytes()


def refuses(path, content):
    """Return whether a file with this content is refused, by the seal and on opening alike."""
    path.write_bytes(content)
    for look in (check_seal, open_snapshot):
        with refused(SnapshotError, "", path):
            look(path)
    return True


def test_sha256_is_of_the_whole_file(before):
    """A snapshot's sha256 is what sha256sum prints."""
    assert before.sha256 == hashlib.sha256(before.path.read_bytes()).hexdigest()


def test_sealed_file_is_still_an_sqlite_file(before):
    """Any SQLite tool opens a sealed snapshot."""
    db = sqlite3.connect(before.path.as_uri() + "?mode=ro&immutable=1", uri=True)
    assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert db.execute("SELECT count(*) FROM pricing").fetchone() == (2690,)
    db.close()


@pytest.mark.parametrize("more", [b"x", b"sk-hidden " * 10, bytes(4096)], ids=len)
def test_bytes_between_the_last_page_and_the_seal_are_refused(tmp_path, shipped, more):
    """What belongs to no page of the database is nothing that capture wrote, well sealed or not."""
    path = tmp_path / "longer.sqlite"
    path.write_bytes(sealed(unsealed(shipped("local-dev")) + more))
    check_seal(path)
    with refused(SnapshotError, "does not hold what a snapshot does", path):
        open_snapshot(path)


def test_file_that_has_no_end_is_refused(tmp_path):
    """A pipe would be waited for."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    for file in (path, Path("/dev/zero")):
        with refused(SnapshotError, "not a regular file", file):
            open_snapshot(file)


@pytest.mark.parametrize("bit", [0, 7])
def test_flipped_bit_anywhere_is_refused(tmp_path, shipped, bit):
    """One bit flipped at any of hundreds of places makes a snapshot unreadable, never different."""
    whole = shipped("brennan-2026-05-02").read_bytes()
    places = {*range(0, len(whole), 1009), *range(100), *range(len(whole) - 90, len(whole))}
    places |= set(random.Random(42).sample(range(len(whole)), 100))
    path = tmp_path / "flipped.sqlite"
    for place in sorted(places):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << bit
        path.write_bytes(damaged)
        with pytest.raises(SnapshotError):
            open_snapshot(path)


@pytest.mark.parametrize("kept", [0, 1, 15, 16, 99, 100, 4096, -90, -89, -1])
def test_truncated_snapshot_is_refused(tmp_path, whole, kept):
    """A snapshot that was cut off anywhere is refused."""
    assert refuses(tmp_path / "cut.sqlite", whole[:kept])


@pytest.mark.parametrize("more", [b"\0", b"\n", b"x" * 4096], ids=["null", "newline", "page"])
def test_snapshot_with_something_appended_is_refused(tmp_path, whole, more):
    """Bytes after the seal break it."""
    assert refuses(tmp_path / "longer.sqlite", whole + more)


def test_seal_inside_a_seal_is_refused_or_the_same(tmp_path, whole):
    """Sealing twice seals other bytes; taking the seal off leaves no snapshot."""
    assert refuses(tmp_path / "bare.sqlite", whole[:-90])
    (tmp_path / "twice.sqlite").write_bytes(sealed(whole))
    assert check_seal(tmp_path / "twice.sqlite") != hashlib.sha256(whole).hexdigest()


@pytest.mark.parametrize(
    ("make", "what"),
    [
        pytest.param(lambda _: None, "no such snapshot", id="missing"),
        pytest.param(lambda p: p.mkdir(), "cannot be read (Is a directory)", id="folder"),
        pytest.param(lambda p: p.write_bytes(b""), "not an SQLite file", id="empty"),
        pytest.param(lambda p: p.write_text("{}" * 99), "not an SQLite file", id="json"),
        pytest.param(
            lambda p: p.symlink_to(p.with_name("nowhere")), "no such snapshot", id="dangling-link"
        ),
    ],
)
def test_what_is_no_snapshot_is_named(tmp_path, make, what):
    """The message fits the fault."""
    path = tmp_path / "thing.sqlite"
    make(path)
    with refused(SnapshotError, what, path):
        open_snapshot(path)


def test_foreign_database_is_told_from_a_snapshot(make_database):
    """A database of the platform itself is recognized, with what to do instead."""
    path = make_database({"acme": {}})
    with refused(SnapshotError, "is an SQLite file, but not a snapshot", path) as caught:
        open_snapshot(path)
    assert "atomlab capture" in caught.value.todo


@pytest.mark.parametrize(
    ("version", "todo"),
    [
        pytest.param(max(FORMATS) + 1, "update atomlab", id="newer"),
        pytest.param(min(FORMATS) - 1, "capture it again", id="older"),
        pytest.param(0, "capture it again", id="none"),
    ],
)
def test_other_format_version_is_refused_even_if_sealed(tmp_path, whole, version, todo):
    """A newer snapshot asks for a newer atomlab."""
    content = bytearray(whole[: whole.rindex(b"\natomlab-seal")])
    content[60:64] = version.to_bytes(4, "big")
    path = tmp_path / "other.sqlite"
    path.write_bytes(sealed(bytes(content)))
    with refused(SnapshotError, f"has snapshot format {version}", path) as caught:
        open_snapshot(path)
    assert caught.value.todo == todo


def test_paths_that_no_system_has_are_clear_errors(tmp_path):
    """A null byte or a name too long is refused like any other bad path."""
    for name, what in (("a\0b", "cannot be read"), ("x" * 300, "File name too long")):
        with refused(SnapshotError, what):
            open_snapshot(tmp_path / name)
