"""A report's files: all of them or none, and one run at a time."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
from itertools import count

import pytest

from atomlab.errors import ReportError
from atomlab.report.files import (
    RECORD,
    ReportFolder,
    folders_with_reports,
    make_folder,
    one_run_in,
)
from tests.refusals import refused

RUN = """
import sys, time
from pathlib import Path
from atomlab.report.files import one_run_in
with one_run_in(Path(sys.argv[1])):
    print("in", flush=True)
    time.sleep(60)
"""
NEW = {
    "report.html": "new \ud800 page",
    "findings.json": b"new findings",
    "notebook.partial.ipynb": None,
    "notebook.ipynb": "new notebook",
}
OLD = {"report.html": "old page", "notebook.partial.ipynb": "old part"}


def content(folder):
    """Return the files of a folder, with what is in them, but for the record of them."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != RECORD}


def reported(folder, overwrite=False):
    """Return a folder with an earlier report in it."""
    folder.mkdir()
    files = ReportFolder(folder, overwrite)
    files.write(OLD)
    return files


def recorded_rightly(folder):
    """Return whether a program that is not ours finds all files as the record says."""
    check = ["sha256sum", "--check", "--strict", "--quiet", RECORD]
    return subprocess.run(check, cwd=folder, capture_output=True).returncode == 0


def test_all_are_written_and_what_is_none_goes(tmp_path):
    """Texts in UTF-8, lone surrogates as escapes, bytes as they are; what is not ours stays."""
    files = reported(tmp_path / "out")
    (files.path / "other").write_text("mine")
    files.write(NEW)
    assert content(files.path) == {
        "report.html": b"new \\ud800 page",
        "findings.json": b"new findings",
        "notebook.ipynb": b"new notebook",
        "other": b"mine",
    }
    assert recorded_rightly(files.path)
    assert len((files.path / RECORD).read_text().splitlines()) == 4  # the first says whose it is


def test_a_record_of_nothing_goes(tmp_path):
    """After the last file of a report is gone nothing is left of it."""
    files = reported(tmp_path / "out")
    files.write(dict.fromkeys(OLD))
    assert list(files.path.iterdir()) == []


FOREIGN = [*NEW, RECORD]


@pytest.mark.parametrize("name", [name for name in FOREIGN if NEW.get(name, "")])
@pytest.mark.parametrize("when", ["never ours", "edited since"])
def test_what_no_report_wrote_is_kept(tmp_path, name, when):
    """A file of the user's, or of a report but edited, is named and nothing is written."""
    files = reported(tmp_path / "out") if when == "edited since" else ReportFolder(tmp_path)
    if when == "edited since":
        files.write(NEW)
    (files.path / name).write_text("mine")
    before = content(files.path)
    with refused(ReportError, "is not as a report wrote it and is kept", files.path / name):
        files.write(NEW)
    assert (content(files.path), (files.path / name).read_text()) == (before, "mine")
    ReportFolder(files.path, overwrite=True).write(NEW)
    assert recorded_rightly(files.path)
    assert content(files.path)["findings.json"] == b"new findings"


@pytest.mark.parametrize("lines", ["0" * 64 + "  other.txt\n", "no hash\n", "\n", "\xff\n"])
def test_a_record_of_other_files_is_the_users(tmp_path, lines):
    """Of such a name people keep records of their own; a report has no say in them."""
    (tmp_path / RECORD).write_bytes(lines.encode("latin-1"))
    with refused(ReportError, "is not as a report wrote it and is kept", tmp_path / RECORD):
        ReportFolder(tmp_path).write(NEW)
    assert [path.name for path in tmp_path.iterdir()] == [RECORD]


@pytest.mark.parametrize("part", ["theirs", "ours, edited"])
def test_what_no_report_wrote_is_not_removed(tmp_path, part):
    """A partial notebook that is not ours, or no longer, stays, and is not on the record."""
    files = reported(tmp_path / "out") if "ours" in part else ReportFolder(tmp_path)
    (files.path / "notebook.partial.ipynb").write_text("mine")
    files.write(NEW)
    assert content(files.path)["notebook.partial.ipynb"] == b"mine"
    assert recorded_rightly(files.path)


def test_what_an_earlier_report_wrote_in_another_format_is_kept(tmp_path):
    """Its name is told, its hash stays on the record; gone or edited since, it is on it no more."""
    files = reported(tmp_path / "out")
    assert files.write({"report.pdf": "old paper", "index.html": "old index"}) == (
        "notebook.partial.ipynb",
        "report.html",
    )
    assert files.write(NEW) == ("index.html", "report.pdf")
    assert content(files.path)["report.pdf"] == b"old paper"
    assert recorded_rightly(files.path)
    (files.path / "report.pdf").unlink()
    (files.path / "index.html").write_text("mine")
    assert files.write(NEW) == ()
    assert content(files.path)["index.html"] == b"mine"
    assert recorded_rightly(files.path)


def test_folders_with_reports_are_those_in_which_a_report_left_something(tmp_path):
    """A list of hashes of one's own files makes none of them."""
    reported(tmp_path / "b")
    reported(tmp_path / "a")
    for name in ("mine", "empty"):
        (tmp_path / name).mkdir()
    (tmp_path / "mine" / RECORD).write_text(f"{'0' * 64}  report.html\n")
    assert folders_with_reports(tmp_path) == [tmp_path / "a", tmp_path / "b"]


@pytest.mark.parametrize("way", ["itself", "symbolic link", "hard link", "dotted", "link to it"])
def test_a_file_that_was_given_is_never_replaced(tmp_path, way):
    """Not even with leave to overwrite, nor if an earlier report wrote it, by whatever name."""
    files = reported(tmp_path / "out")
    page = files.path / "report.html"
    given = {
        "itself": page,
        "dotted": files.path / ".." / "out" / "report.html",
    }.get(way, tmp_path / "given")
    if way == "symbolic link":
        given.symlink_to(page)
    if way == "hard link":
        given.hardlink_to(page)
    if way == "link to it":
        page.rename(given)
        page.symlink_to(given)
    what = "is not a regular file" if way == "link to it" else "is one of the files to read"
    with refused(ReportError, what, page):
        ReportFolder(files.path, overwrite=True, inputs=(given,)).write(NEW)
    assert given.read_text() == "old page"


def test_what_cannot_all_be_written_leaves_everything_as_it_was(tmp_path, monkeypatch):
    """The disk is full before the last content is written: no file has got its new one."""
    files = reported(tmp_path / "out")
    before = content(files.path)
    sync, left = os.fsync, count(-3, 1)

    def full(descriptor):
        if next(left) == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with refused(ReportError, "cannot be written (No space left on device)", files.path):
        files.write(NEW)
    assert content(files.path) == before
    assert recorded_rightly(files.path)
    assert not [path for path in files.path.iterdir() if path.name.startswith(".")]


def interrupted_at(files, moment):
    """Write NEW, with Ctrl-C before the line of that number; return whether there is one."""
    lines = count()

    def trace(_frame, event, _):
        if event == "line" and next(lines) == moment:
            signal.raise_signal(signal.SIGINT)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        files.write(NEW)
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


@pytest.mark.parametrize("step", [pytest.param(7, marks=pytest.mark.slow), 61])
def test_an_interrupt_between_any_two_lines_leaves_all_or_nothing(tmp_path, step):
    """Ctrl-C ends the writing before or after, not in the middle, and nothing is left of it."""
    outcomes = []
    for moment in count(0, step):
        files = reported(tmp_path / str(moment))
        old = content(files.path)
        if not interrupted_at(files, moment):
            break
        outcomes.append(content(files.path) == old)
        assert outcomes[-1] or content(files.path).keys() == {n for n, c in NEW.items() if c}
        assert recorded_rightly(files.path)
    assert outcomes == sorted(outcomes, reverse=True)
    assert set(outcomes) == {True, False}
    assert len(outcomes) > 350 // step


@pytest.mark.parametrize("umask", [0, 0o022, 0o077])
def test_nobody_else_may_write_what_a_report_left(tmp_path, umask):
    """Whatever the umask: others may at most read the files, and not put any beside them."""
    before = os.umask(umask)
    try:
        make_folder(tmp_path / "new" / "out")
        ReportFolder(tmp_path / "new" / "out").write(NEW)
    finally:
        os.umask(before)
    made = [tmp_path / "new", *(tmp_path / "new").rglob("*")]
    assert len(made) == 6
    for path in made:
        assert stat.S_IMODE(path.stat().st_mode) == (0o755 if path.is_dir() else 0o644) & ~umask


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
