"""Files at the edge: what users give, JSON or YAML, and files written whole or not at all."""

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

# A price map is about a megabyte; this stops a gzip bomb, not a large map. YAML is written by hand.
MAX_BYTES = 32 * 1024 * 1024
# As JSON it may take ten times as much memory: a few bytes of text can spell an object of hundreds.
MOST_MEMORY = 10 * MAX_BYTES
_TAKEN = {b"{": 200, b"[": 80, b",": 60, b":": 60}  # bytes, for what each of them stands
MAX_YAML_BYTES = 256 * 1024

# Temporary files, which a process that ends without a clean-up removes.
_unfinished: set[Path] = set()


def shipped(name: str) -> Path:
    """Return the path of what atomlab brings along: installed within it, beside it in a clone."""
    package = Path(__file__).parent
    within = package / name
    return within if within.exists() else package.parent / name


def read_json(path: Path) -> Any:
    """Return the JSON value in `path`, gzipped or not; raise InputError if there is none."""
    return parse_json(read_bytes(path), path)


def read_bytes(path: Path, most: int | None = None) -> bytes:
    """Return at most `most` bytes (MAX_BYTES), read once, as a pipe must be; raise InputError."""
    most = MAX_BYTES if most is None else most
    try:
        with path.open("rb") as stream:
            content = stream.read(most + 1)
    except FileNotFoundError:
        raise InputError("no such file", where=path, todo="check the path") from None
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
            f"has more values than are read: they take {needed >> 20:,} MB of memory, and the"
            f" limit is {MOST_MEMORY >> 20} MB",
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


def read_yaml(path: Path) -> Any:
    """Return the YAML value in `path`; raise InputError, which quotes nothing of the file."""
    content = read_bytes(path, MAX_YAML_BYTES)
    try:
        return core_yaml.parse(content)
    except core_yaml.UnreadableError as error:
        raise InputError(
            f"cannot be read as YAML ({error})", where=path, todo="check the file"
        ) from None


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
        raise unwritable(target, reason, "name another file") from None
    if mode and not stat.S_ISREG(mode):
        raise SnapshotError("is not a regular file", where=target, todo="name another file")
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


def unwritable(
    target: Path, reason: object, todo: str = "make room, or name another file"
) -> SnapshotError:
    """Return the error that says that `target` cannot be written."""
    return SnapshotError(f"cannot be written ({reason})", where=target, todo=todo)


@contextmanager
def whole_files(
    targets: Mapping[Path, bool], gone: Collection[Path] = (), *, mode: int = 0o600
) -> Iterator[list[BinaryIO]]:
    """Give a stream for each target; all become its files when the block ends, or none does.

    A target that is there is replaced where its value is true; what is `gone` is removed with
    them. Until then the contents are in temporary files beside their targets. They are readable
    by their owner only, unless `mode` says otherwise. Raises SnapshotError if one cannot be
    written, or is there and may not be replaced, even if it was made while the block ran. Only a
    file system that fails between two of the last renames, or a kill there, leaves one without
    the other.
    """
    with _about(*targets), ExitStack() as opened:  # closing a stream may fail again
        files = {}
        for target in targets:
            with _about(target):
                files[target] = opened.enter_context(_temporary(target.parent, mode))
        yield [stream for _, stream in files.values()]
        for target, (_, stream) in files.items():
            with _about(target):
                stream.flush()
                os.fsync(stream.fileno())
        with undisturbed():
            _name_all({target: path for target, (path, _) in files.items()}, targets, gone)


@contextmanager
def _temporary(folder: Path, mode: int) -> Iterator[tuple[Path, BinaryIO]]:
    """Give a new file in `folder`, and a stream to write it; its name is gone after the block."""
    path = folder / f".atomlab-{secrets.token_hex(8)}"
    try:
        with undisturbed():
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, mode)
            _unfinished.add(path)
        with os.fdopen(descriptor, "w+b") as stream:
            yield path, stream
    finally:
        path.unlink(missing_ok=True)
        _unfinished.discard(path)


def _name_all(
    files: Mapping[Path, Path], targets: Mapping[Path, bool], gone: Collection[Path]
) -> None:
    """Give each file its target's name, new names first, and remove those that are gone.

    If somebody took one of the new names meanwhile, the others are given back.
    """
    new: list[Path] = []
    try:
        for target in targets:
            check_writable(target, targets[target])
        for target in sorted(files, key=lambda target: targets[target]):
            with _about(target):
                replaces = target.exists()
                _give_name(files[target], target, targets[target])
                if not replaces:
                    new.append(target)
        for target in gone:
            with _about(target):
                target.unlink(missing_ok=True)
    except BaseException:
        for target in new:
            target.unlink(missing_ok=True)
        raise


def _give_name(file: Path, target: Path, overwrite: bool) -> None:
    """Rename a file; raise FileExistsError rather than replace what may not be overwritten."""
    if overwrite:
        file.replace(target)
        return
    try:
        os.link(file, target)
    except FileExistsError:
        raise
    except OSError:  # the file system has no hard links
        file.replace(target)


@contextmanager
def _about(*targets: Path) -> Iterator[None]:
    """Turn the system's error into one about a target, the last of several."""
    try:
        yield
    except FileExistsError:
        raise _existing(targets[-1]) from None
    except OSError as error:
        raise unwritable(targets[-1], error.strerror) from None


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let Ctrl-C and a request to end wait until the block ends."""
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


def discard_unfinished() -> None:
    """Remove the temporary files, for a process that ends without a clean-up."""
    for path in _unfinished:
        with suppress(OSError):
            path.unlink(missing_ok=True)
