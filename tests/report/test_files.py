"""A report's files: all of them or none, and one run at a time."""

from __future__ import annotations

import errno
import subprocess
import sys

import pytest

from atomlab.errors import ReportError
from atomlab.report import files
from atomlab.report.files import one_run_in, write_all
from tests.refusals import refused

RUN = """
import sys, time
from pathlib import Path
from atomlab.report.files import one_run_in
with one_run_in(Path(sys.argv[1])):
    print("in", flush=True)
    time.sleep(60)
"""
NEW = {"a": "new a", "b": b"new b", "gone": None, "c": "new \ud800 c"}


def content(folder):
    """Return the files of a folder, with what is in them."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_all_are_written_and_what_is_none_goes(tmp_path):
    """Texts in UTF-8, lone surrogates as escapes, bytes as they are; nothing else is left."""
    for name in ("a", "gone", "other"):
        (tmp_path / name).write_text("old")
    write_all(tmp_path, NEW)
    assert content(tmp_path) == {
        "a": b"new a",
        "b": b"new b",
        "c": b"new \\ud800 c",
        "other": b"old",
    }


@pytest.mark.parametrize("links", [True, False], ids=["links", "no links"])
def test_what_cannot_all_be_written_leaves_everything_as_it_was(tmp_path, monkeypatch, links):
    """A folder stands where the last file should be: the first ones get their old content back."""
    for name in ("a", "gone"):
        (tmp_path / name).write_text(f"old {name}")
    before = content(tmp_path)
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "file").touch()
    if not links:

        def link(*_):
            raise OSError(errno.ENOTSUP, "no links here")

        monkeypatch.setattr(files.os, "link", link)
    kept = files._keep
    monkeypatch.setattr(
        files, "_keep", lambda file, copy: None if file.is_dir() else kept(file, copy)
    )
    with pytest.raises(OSError, match="c"):
        write_all(tmp_path, NEW)
    (tmp_path / "c" / "file").unlink()
    (tmp_path / "c").rmdir()
    assert content(tmp_path) == before


def test_a_second_run_is_kept_out_until_the_first_ends(tmp_path):
    """Another process is told in one line; when the first has ended, even killed, it may."""
    run = [sys.executable, "-c", RUN, tmp_path]
    with subprocess.Popen(run, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"in\n"
        with refused(ReportError, "another report is being made there"), one_run_in(tmp_path):
            pass
        other.kill()
    with one_run_in(tmp_path):
        assert content(tmp_path) == {}
