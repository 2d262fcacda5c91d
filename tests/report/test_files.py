"""A report's files: all of them or none, and one run at a time."""

from __future__ import annotations

import errno
import signal
import subprocess
import sys
from itertools import count

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


def interrupted_at(folder, moment):
    """Write NEW, with Ctrl-C before the line of that number; return whether there is one."""
    lines = count()

    def trace(_frame, event, _):
        if event == "line" and next(lines) == moment:
            signal.raise_signal(signal.SIGINT)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        write_all(folder, NEW)
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


def test_an_interrupt_between_any_two_lines_leaves_all_or_nothing(tmp_path):
    """Ctrl-C ends the writing before or after, not in the middle, and nothing is left of it."""
    outcomes = []
    for moment in count():
        folder = tmp_path / str(moment)
        folder.mkdir()
        (folder / "a").write_text("old")
        (folder / "gone").write_text("old")
        old = content(folder)
        if not interrupted_at(folder, moment):
            break
        outcomes.append(content(folder) == old)
        assert outcomes[-1] or list(map(content(folder).get, NEW))[:3] == [b"new a", b"new b", None]
        assert content(folder).keys() <= {"a", "b", "c", "gone"}
    assert outcomes == sorted(outcomes, reverse=True)
    assert set(outcomes) == {True, False}
    assert len(outcomes) > 100


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
