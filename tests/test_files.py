"""Files are written whole, by their owner only, and never over what should be kept."""

from __future__ import annotations

import gzip
import os
import signal
import stat
from pathlib import Path

import pytest

from atomlab import files
from atomlab.errors import InputError, SnapshotError
from atomlab.files import check_writable, read_json, whole_files
from tests.refusals import refused


def write(target, content, overwrite=False):
    """Write a whole file."""
    with whole_files({target: overwrite}) as [stream]:
        stream.write(content)


@pytest.fixture(params=["hard-links", "no-hard-links"])
def file_system(request, monkeypatch):
    """Make the folder behave as one that has hard links, or has none."""
    if request.param == "no-hard-links":
        monkeypatch.setattr(os, "link", lambda *_, **__: (_ for _ in ()).throw(OSError(1, "no")))


@pytest.mark.usefixtures("file_system")
@pytest.mark.parametrize("old", [None, b"old"], ids=["new", "overwritten"])
def test_written_file_is_whole_and_its_owners_only(tmp_path, old):
    """A written file has mode 0600, has its name only when it is whole, and leaves nothing else."""
    target = tmp_path / "out"
    if old:
        target.write_bytes(old)
    with whole_files({target: True}) as [stream]:
        stream.write(b"content")
        stream.flush()
        assert (target.read_bytes() if target.exists() else None) == old
    assert target.read_bytes() == b"content"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.usefixtures("file_system")
def test_several_files_are_all_written_or_none(tmp_path):
    """Where one of the new names is taken meanwhile, the rest is as it was; else all is done."""
    new, late, old, gone = (tmp_path / name for name in ("new", "late", "old", "gone"))
    before = {old: b"old", gone: b"to go"}
    for path, content in before.items():
        path.write_bytes(content)
    targets = {old: True, new: False, late: False}
    with (
        refused(SnapshotError, "exists already and is kept", late),
        whole_files(targets, [gone]) as streams,
    ):
        for stream in streams:
            stream.write(b"new")
        write(late, b"early")
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before | {late: b"early"}
    late.unlink()
    with whole_files(targets, [gone]):
        pass
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == dict.fromkeys(targets, b"")


@pytest.mark.usefixtures("file_system")
@pytest.mark.parametrize("overwrite", [False, True])
def test_block_that_fails_writes_nothing(tmp_path, overwrite):
    """An exception on the way, of whichever kind, leaves what was there before."""
    target = tmp_path / "out"
    if overwrite:
        target.write_bytes(b"old")

    def interrupt():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), whole_files({target: overwrite}) as [stream]:
        interrupt()
    assert stream.closed
    assert [path.read_bytes() for path in tmp_path.iterdir()] == ([b"old"] if overwrite else [])


@pytest.mark.usefixtures("file_system")
def test_file_that_appears_in_the_meantime_is_kept(tmp_path):
    """Of two that write the same new file, the second to finish is refused."""
    target = tmp_path / "out"
    with (
        refused(SnapshotError, "exists already and is kept", target),
        whole_files({target: False}) as [stream],
    ):
        stream.write(b"late")
        write(target, b"early")
    assert target.read_bytes() == b"early"
    assert list(tmp_path.iterdir()) == [target]


def test_file_that_appears_at_the_last_moment_is_kept(tmp_path, monkeypatch):
    """The name is given in a way that never replaces anything."""
    target = tmp_path / "out"
    check = files.check_writable

    def appear(*arguments):
        check(*arguments)
        if not target.exists():
            target.write_bytes(b"early")

    monkeypatch.setattr(files, "check_writable", appear)
    with refused(SnapshotError, "exists already and is kept", target):
        write(target, b"late")
    assert target.read_bytes() == b"early"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.usefixtures("file_system")
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch, step):
    """A full disk in the middle of writing changes nothing and leaves no part of a file."""
    target = tmp_path / "out"
    target.write_bytes(b"old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(*((os, "fsync") if step == "fsync" else (Path, "replace")), fail)
    with refused(SnapshotError, "cannot be written (No space left on device)", target):
        write(target, b"new", overwrite=True)
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_folder_that_cannot_be_written_is_a_clear_error(tmp_path):
    """A folder that vanished, or may not be written, is named."""
    with refused(SnapshotError, "cannot be written (No such file", tmp_path / "gone"):
        write(tmp_path / "gone" / "out", b"content")


@pytest.mark.parametrize(
    ("name", "what"),
    [
        pytest.param("file", "exists already and is kept", id="existing-file"),
        pytest.param("folder", "is not a regular file", id="folder"),
        pytest.param("link", "is not a regular file", id="symbolic-link"),
        pytest.param("dangling", "is not a regular file", id="dangling-link"),
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
        with refused(SnapshotError, "is not a regular file"):
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


def test_json_can_come_from_a_pipe(tmp_path):
    """`<(command)` has no second reading."""
    for content in (b'{"a": 1}', gzip.compress(b'{"a": 1}')):
        reader, writer = os.pipe()
        os.write(writer, content)
        os.close(writer)
        assert read_json(Path(f"/dev/fd/{reader}")) == {"a": 1}
        os.close(reader)


def test_an_interrupt_while_a_file_gets_its_first_name_leaves_none(tmp_path, monkeypatch):
    """Ctrl-C at that moment waits until the file can be removed again."""
    make = os.open

    def interrupted(path, flags, *mode):
        made = make(path, flags, *mode)
        if flags & os.O_CREAT:
            signal.raise_signal(signal.SIGINT)
        return made

    monkeypatch.setattr(os, "open", interrupted)
    with pytest.raises(KeyboardInterrupt), whole_files({tmp_path / "out": False}):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_link_that_leads_to_itself_is_no_input(tmp_path):
    """Such a path is compared as it stands, whatever the target."""
    (tmp_path / "loop").symlink_to("loop")
    check_writable(tmp_path / "out", overwrite=False, inputs=[tmp_path / "loop"])
