"""Files at the edge: JSON that users give, and files that are written whole or not at all."""

from __future__ import annotations

import gzip
import io
import json
import os
import secrets
import signal
import stat
import threading
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from atomlab import core_yaml, limits
from atomlab.errors import InputError, SnapshotError

# Files that have a name, but not their last one: whoever ends the process at once discards them.
_unfinished: set[Path] = set()

# A price map is about a megabyte; this stops a gzip bomb, not a large map. YAML is written by hand.
MAX_BYTES = 32 * 1024 * 1024
# As JSON it may take ten times as much memory: a few bytes of text can spell an object of hundreds.
MOST_MEMORY = 10 * MAX_BYTES
_TAKEN = {b"{": 200, b"[": 80, b",": 60, b":": 60}  # bytes, for what each of them stands
MAX_YAML_BYTES = 256 * 1024


def read_json(path: Path) -> Any:
    """Return the JSON value in `path`, gzipped or not; raise InputError if there is none."""
    return parse_json(read_bytes(path), path)


def read_bytes(path: Path, most: int | None = None) -> bytes:
    """Return what stands in `path`, once, since a pipe has no second time; raise InputError.

    It is refused if it has more than `most` bytes, MAX_BYTES if not given.
    """
    most = MAX_BYTES if most is None else most
    try:
        with path.open("rb") as stream:
            content = stream.read(most + 1)
    except FileNotFoundError:
        raise _no_such(path) from None
    except (OSError, ValueError) as error:
        raise _unreadable(path, getattr(error, "strerror", None) or error) from None
    return _within_bounds(content, path, most)


def parse_json(content: bytes, path: Path) -> Any:
    """Return the JSON value that is the content of `path`, gzipped or not; raise InputError."""
    if content[:2] == b"\x1f\x8b":
        try:
            with gzip.open(io.BytesIO(content)) as stream:
                content = _within_bounds(stream.read(MAX_BYTES + 1), path, MAX_BYTES)
        except (OSError, EOFError, zlib.error) as error:
            raise _unreadable(path, error) from None
    if (needed := _memory_of(content)) > MOST_MEMORY:
        raise InputError(
            f"has more values than are read: they take {needed >> 20:,} MB of memory, of which"
            f" {MOST_MEMORY >> 20} are given",
            where=path,
            todo=f"check the file; a price map may have {limits.PRICES:,} entries",
        )
    try:
        return json.loads(content)
    except UnicodeDecodeError:
        what, todo = "is not UTF-8 text", "give a JSON file"
    except (ValueError, RecursionError) as error:
        what, todo = f"is not JSON ({error})", "give the complete JSON file"
    raise InputError(what, where=path, todo=todo)  # outside: the parser's error holds the content


def _memory_of(content: bytes) -> int:
    """Return about how many bytes a JSON text and its values take, without reading it."""
    text = len(content) * (2 if content.isascii() else 5)
    return text + sum(content.count(mark) * taken for mark, taken in _TAKEN.items())


def _within_bounds(content: bytes, path: Path, most: int) -> bytes:
    if len(content) > most:
        raise InputError(f"is larger than {most:,} bytes", where=path, todo="check the file")
    return content


def _unreadable(path: Path, reason: object) -> InputError:
    return InputError(f"cannot be read ({reason})", where=path, todo="check the path and the file")


def _no_such(path: Path) -> InputError:
    return InputError("no such file", where=path, todo="check the path")


def read_yaml(path: Path) -> Any:
    """Return the YAML value in `path`; raise InputError, which quotes nothing of the file.

    What is read of YAML, and what is refused, says `core_yaml`. A time is its text.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_YAML_BYTES + 1)
        if len(content) > MAX_YAML_BYTES:
            raise InputError(
                f"is larger than {MAX_YAML_BYTES:,} bytes", where=path, todo="check the file"
            )
        return core_yaml.parse(content)
    except FileNotFoundError:
        raise _no_such(path) from None
    except core_yaml.UnreadableError as error:
        reason = str(error)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
    raise InputError(
        f"cannot be read as YAML ({reason})", where=path, todo="check the path and the file"
    )


def check_writable(target: Path, overwrite: bool, inputs: Iterable[Path] = ()) -> None:
    """Raise SnapshotError unless `target` may be written: a new file, or one to overwrite.

    None of the `inputs` is ever overwritten, by whatever name or link it goes.
    """
    try:
        mode = target.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        mode = 0
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SnapshotError(
            f"cannot be written ({reason})", where=target, todo="name another file"
        ) from None
    if mode and not stat.S_ISREG(mode):
        raise SnapshotError("is no regular file", where=target, todo="name another file")
    if mode and not overwrite:
        raise _existing(target)
    if not target.parent.is_dir():
        raise SnapshotError("no such folder", where=target.parent, todo="make it first")
    if any(_same(target, path) for path in inputs):
        raise SnapshotError(
            "is one of the files to read and is kept", where=target, todo="name another file"
        )


def _same(target: Path, path: Path) -> bool:
    with suppress(OSError, ValueError):
        return target.samefile(path)
    return os.path.realpath(target) == os.path.realpath(path)


def _existing(target: Path) -> SnapshotError:
    return SnapshotError(
        "exists already and is kept", where=target, todo="name another file or add --overwrite"
    )


@contextmanager
def whole_files(
    targets: Mapping[Path, bool], gone: Collection[Path] = (), *, mode: int = 0o600
) -> Iterator[list[BinaryIO]]:
    """Give a stream for each target; all become its files when the block ends, or none does.

    A target that is there is replaced where its value is true; what is `gone` is removed with
    them. Until the end the contents have no name where the file system allows that, so that a
    process that is killed leaves nothing behind. The files are their owner's only, unless `mode`
    says otherwise. Raises SnapshotError if one cannot be written, or is there and is not to be
    replaced, even if it was made while the block ran; what was there before then stays as it was.
    """
    with _about(*targets), ExitStack() as opened:  # closing a stream may fail again
        files = []
        for target in targets:
            with _about(target):
                folder = opened.enter_context(_folder(target.parent))
                made = opened.enter_context(_nameless(target.parent, mode))
                files.append((target, folder, *made))
        yield [stream for _, _, stream, _ in files]
        for target, _, stream, _ in files:
            with _about(target):
                stream.flush()
                os.fsync(stream.fileno())
                check_writable(target, targets[target])
        with undisturbed():
            _name(files, targets, gone)
        for target, folder, *_ in files:
            with _about(target):
                os.fsync(folder)


def _name(
    files: Iterable[tuple[Path, int, BinaryIO, Path | None]],
    targets: Mapping[Path, bool],
    gone: Iterable[Path],
) -> None:
    """Give each file its target's name, and take away those that are gone, or change nothing."""
    aside, named = dict[Path, Path](), list[Path]()
    try:
        for target, folder, stream, name in files:
            with _about(target):
                if targets[target]:
                    _set_aside(target, aside)
                _give_name(stream, name, target, folder, targets[target])
                named.append(target)
        for target in gone:
            with _about(target):
                _set_aside(target, aside)
                target.unlink(missing_ok=True)
    except BaseException:
        for target in named:
            target.unlink()
        for target, old in aside.items():
            old.rename(target)
            old.unlink(missing_ok=True)  # to rename a file to another name of it does nothing
        raise
    for old in aside.values():
        old.unlink(missing_ok=True)


@contextmanager
def _about(*targets: Path) -> Iterator[None]:
    """Let what the system says of writing be an error about a target, the last of several."""
    try:
        yield
    except FileExistsError:
        raise _existing(targets[-1]) from None
    except OSError as error:
        raise unwritable(targets[-1], error.strerror) from None


def _set_aside(target: Path, aside: dict[Path, Path]) -> None:
    """Note in `aside` a second name of what is there, from which it can be had back."""
    name = target.with_name(f".atomlab-old-{secrets.token_hex(8)}")
    with suppress(FileNotFoundError):
        try:
            os.link(target, name)
        except FileNotFoundError:
            raise
        except OSError:  # not every file system has links
            target.rename(name)
        aside[target] = name


def unwritable(target: Path, reason: object) -> SnapshotError:
    """Return the error that says that `target` cannot be written."""
    return SnapshotError(
        f"cannot be written ({reason})", where=target, todo="make room, or name another file"
    )


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let Ctrl-C and a request to end wait while a file has a name that is not its last."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    asked = (signal.SIGINT, signal.SIGTERM)
    before = [(number, signal.signal(number, lambda n, _: came.append(n))) for number in asked]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)
        for received in came:
            signal.raise_signal(received)


@contextmanager
def _folder(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _nameless(folder: Path, mode: int) -> Iterator[tuple[BinaryIO, Path | None]]:
    """Give a new file in `folder` without a name, or with one that is gone after the block."""
    name = None
    try:
        try:
            descriptor = os.open(folder, os.O_TMPFILE | os.O_RDWR, mode)
        except (OSError, AttributeError):  # not on this file system, or not on this system
            with undisturbed():
                path = folder / f".atomlab-{secrets.token_hex(8)}"
                descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, mode)
                name = path
                _unfinished.add(name)
        with os.fdopen(descriptor, "w+b") as stream:
            yield stream, name
    finally:
        if name:
            name.unlink(missing_ok=True)
            _unfinished.discard(name)


def discard_unfinished() -> None:
    """Remove what has a name and is not whole, for a process that ends without a clean-up."""
    for path in _unfinished:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _give_name(
    stream: BinaryIO, name: Path | None, target: Path, folder: int, overwrite: bool
) -> None:
    """Make `target` a name of the stream's file; raise FileExistsError unless it may replace."""
    file = name or Path(f"/proc/self/fd/{stream.fileno()}")
    if not overwrite:
        _link(file, target, folder)
        return
    spare = target.with_name(f".atomlab-{secrets.token_hex(8)}")
    try:
        _link(file, spare, folder)
        spare.replace(target)
    finally:
        spare.unlink(missing_ok=True)


def _link(file: Path, target: Path, folder: int) -> None:
    try:
        # Without dst_dir_fd, os.link would link to the link in /proc.
        os.link(file, target.name, dst_dir_fd=folder, follow_symlinks=True)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if not file.is_relative_to(target.parent):
            raise
        target.touch(0o600, exist_ok=False)  # renaming alone would replace what appears meanwhile
        try:
            file.rename(target)
        except BaseException:
            target.unlink(missing_ok=True)
            raise
