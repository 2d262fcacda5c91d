"""Files at the edge: JSON that users give, and files that are written whole or not at all."""

from __future__ import annotations

import gzip
import json
import os
import re
import stat
import tempfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from atomlab.errors import InputError, SnapshotError

# A price map is about a megabyte; this stops a gzip bomb, not a large map.
MAX_BYTES = 512 * 1024 * 1024


def read_json(path: Path) -> Any:
    """Return the JSON value in `path`, gzipped or not; raise InputError if there is none."""
    try:
        with path.open("rb") as raw:
            gzipped = raw.read(2) == b"\x1f\x8b"
        with gzip.open(path) if gzipped else path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise InputError("no such file", where=path, todo="check the path") from None
    except (OSError, EOFError, zlib.error, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"cannot be read ({reason})", where=path, todo="check the path and the file"
        ) from None
    if len(content) > MAX_BYTES:
        raise InputError(f"is larger than {MAX_BYTES:,} bytes", where=path, todo="check the file")
    try:
        return json.loads(content)
    except UnicodeDecodeError:
        raise InputError("is not UTF-8 text", where=path, todo="give a JSON file") from None
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"is not JSON ({error})", where=path, todo="give the complete JSON file"
        ) from None


def read_yaml(path: Path) -> Any:
    """Return the YAML value in `path`; raise InputError, which quotes nothing of the file.

    A file given by mistake may hold secrets, and the parser's own messages show lines of it.
    """
    import yaml  # only where a file is read: rules usually come from a snapshot

    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        reason = error.strerror or type(error).__name__
    except yaml.YAMLError as error:
        problem = getattr(error, "problem", None) or "a character that YAML does not allow"
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark else ""
        reason = re.sub(r"(['\"]).*\1", "…", str(problem), flags=re.DOTALL) + place
    except UnicodeDecodeError:
        reason = "not UTF-8 text"
    except (ValueError, RecursionError):
        reason = "a value of the wrong form, or nested too deeply"
    raise InputError(
        f"cannot be read as YAML ({reason})", where=path, todo="check the path and the file"
    )


def check_writable(target: Path, overwrite: bool, inputs: Iterable[Path] = ()) -> None:
    """Raise SnapshotError unless `target` may be written: a new file, or one to overwrite.

    None of the `inputs` is ever overwritten.
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
        raise SnapshotError(
            "exists already and is kept", where=target, todo="name another file or add --overwrite"
        )
    if not target.parent.is_dir():
        raise SnapshotError("no such folder", where=target.parent, todo="make it first")
    if target.resolve() in {path.resolve() for path in inputs}:
        raise SnapshotError(
            "is one of the files to read and is kept", where=target, todo="name another file"
        )


def write_whole(target: Path, content: bytes) -> None:
    """Write `content` to `target`, readable by its owner only: all of it, or nothing.

    Raises SnapshotError if it cannot be written; what was there before then stays as it was.
    """
    try:
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as error:
        raise SnapshotError(
            f"cannot write there ({error.strerror})",
            where=target.parent,
            todo="name another folder",
        ) from None
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(target)
    except OSError as error:
        raise SnapshotError(
            f"cannot be written ({error.strerror})", where=target, todo="make room and try again"
        ) from None
    finally:
        temporary.unlink(missing_ok=True)
