"""The process itself: where it imports from, how a signal ends it, how much memory it needs.

It is imported first of all. What Python finds in the current folder or PYTHONPATH could stand for
any module, and a signal could come: so it imports nothing that Python has not loaded already, and
works nothing out, until `start` has seen to both.
"""

import os
import sys

INTERRUPTED = 130
MEGABYTE = 1 << 20


def start() -> None:
    """Import only from where it is safe; end at once on a signal, or without enough memory."""
    end_at_once()
    sys.path[:] = safe_path()
    # A thread for each processor takes memory, and time to start; nothing here multiplies matrices.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    need(256)


def home() -> str:
    """Return the folder in which the package lies."""
    return os.path.dirname(os.path.dirname(os.path.realpath(__file__)))  # noqa: PTH120


def safe_path() -> list[str]:
    """Return `sys.path` without the current folder, and with what PYTHONPATH names at its end.

    Files that somebody put there, as evidence for example, must not run, nor replace what is
    installed. Where Python and atomlab themselves are stays as it is.
    """
    named = {_real(path) for path in os.environ.get("PYTHONPATH", "").split(os.pathsep)}
    own = {home(), _real(os.__file__, "..")}
    installed = {p for p in sys.path if _real(p) in own or p.endswith(("-packages", ".zip"))}
    kept = [path or home() for path in sys.path if path in installed or _real(path) != _real("")]
    return sorted(kept, key=lambda path: path not in installed and _real(path) in named)


def _real(*path: str) -> str:
    try:
        return os.path.realpath(os.path.join(*path))  # noqa: PTH118
    except OSError:  # the current folder is gone
        return ""


def end_at_once() -> None:
    """Let Ctrl-C and a request to end be obeyed without a clean-up, at whatever moment.

    An exception could be lost in the middle of an import; an unfinished file has no name, or is
    removed. A block that has more to clean up catches signals by itself.
    """
    import _signal  # type: ignore[import-not-found] # part of Python itself; `signal` wraps it

    for number in (_signal.SIGINT, _signal.SIGTERM):
        _signal.signal(number, _end)


def _end(_number: int, _frame: object) -> None:
    files = sys.modules.get("atomlab.files")
    if discard := getattr(files, "discard_unfinished", None):
        discard()
    stderr = sys.stderr.fileno() if sys.stderr else 2
    shown = "\x1b[?25h" if os.isatty(stderr) else ""  # the cursor, which a bar may have hidden
    os.write(stderr, f"{shown}atomlab: interrupted\n".encode())
    os._exit(INTERRUPTED)


def need(megabytes: int) -> None:
    """Raise MemoryError where this process may have less memory than that.

    Libraries in C that find too little print messages of their own, or end the process.
    """
    allowed = memory_limit()
    if allowed is not None and allowed < megabytes:
        raise MemoryError(f"the limit is {allowed} MB; allow {megabytes} MB or more (ulimit -v)")


def memory_limit() -> int | None:
    """Return how many megabytes this process may have, None where nothing limits it."""
    import resource

    limits = [resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA)]
    given = [limit // MEGABYTE for limit in limits if limit != resource.RLIM_INFINITY]
    return min(given, default=None)
