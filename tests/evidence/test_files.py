"""Files are written whole, by their owner only, and never over what should be kept."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from atomlab.errors import InputError, SnapshotError
from atomlab.evidence import files
from atomlab.evidence.files import check_writable, read_json, write_whole
from tests.refusals import refused


def test_written_file_is_its_owners_only(tmp_path):
    """A written file has mode 0600 and nothing is left beside it."""
    target = tmp_path / "out"
    write_whole(target, b"content")
    assert target.read_bytes() == b"content"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch, step):
    """A full disk in the middle of writing changes nothing and leaves no part of a file."""
    target = tmp_path / "out"
    target.write_bytes(b"old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(*((os, "fsync") if step == "fsync" else (Path, "replace")), fail)
    with refused(SnapshotError, "cannot be written (No space left on device)", target):
        write_whole(target, b"new")
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_folder_that_cannot_be_written_is_a_clear_error(tmp_path):
    """A folder that vanished, or may not be written, is named."""
    with refused(SnapshotError, "cannot write there", tmp_path / "gone"):
        write_whole(tmp_path / "gone" / "out", b"content")


@pytest.mark.parametrize(
    ("name", "what"),
    [
        pytest.param("file", "exists already and is kept", id="existing-file"),
        pytest.param("folder", "is no regular file", id="folder"),
        pytest.param("link", "is no regular file", id="symbolic-link"),
        pytest.param("dangling", "is no regular file", id="dangling-link"),
        pytest.param("gone/out", "no such folder", id="missing-folder"),
        pytest.param("file/out", "no such folder", id="file-as-a-folder"),
        pytest.param("x" * 300, "cannot be written (File name too long)", id="long-name"),
        pytest.param("nul\0", "cannot be written", id="null-byte"),
    ],
)
def test_target_that_may_not_be_written_is_refused(tmp_path, name, what):
    """Existing files are kept, and nothing is written through a link or into a missing folder."""
    (tmp_path / "file").write_text("kept")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "file")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    with refused(SnapshotError, what):
        check_writable(tmp_path / name, overwrite=False)
    assert (tmp_path / "file").read_text() == "kept"


def test_overwriting_replaces_plain_files_only(tmp_path):
    """With overwrite a file may be replaced, a link or a folder still not."""
    (tmp_path / "file").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    assert check_writable(tmp_path / "file", overwrite=True) is None
    for name in ("link", "."):
        with refused(SnapshotError, "is no regular file"):
            check_writable(tmp_path / name, overwrite=True)


def test_file_that_is_read_is_never_overwritten(tmp_path):
    """A target that is one of the inputs is refused, under whatever name the input goes."""
    target, link = tmp_path / "file", tmp_path / "link"
    target.write_text("input")
    link.symlink_to(target)
    for given in (target, link, tmp_path / "." / "file"):
        with refused(SnapshotError, "is one of the files to read and is kept", target):
            check_writable(target, overwrite=True, inputs=[given])


def test_too_large_file_is_refused(write_json, monkeypatch):
    """A file that unpacks to more than the limit is refused, not loaded."""
    monkeypatch.setattr(files, "MAX_BYTES", 10)
    path = write_json({"a": "much more than ten bytes"})
    with refused(InputError, "is larger than 10 bytes", path):
        read_json(path)
