"""What reads a database may run in a process of its own, and nobody need know that it does."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import time
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BEGIN = """
import os, signal, sys, threading, time
for number in (signal.SIGHUP, signal.SIGTERM):  # which a shell's background job may ignore
    signal.signal(number, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)
from contextlib import closing
from pathlib import Path
from atomlab.capturing.own_process import in_own_process
from atomlab.errors import SourceError, TenantError

def pids(*_):
    while True:
        yield os.getpid()

def is_gone(pid):
    return not Path(f"/proc/{pid}").exists()
"""


def start(script, *arguments):
    """Start a script in a Python of its own, in which no other thread runs."""
    command = [sys.executable, "-c", BEGIN + textwrap.dedent(script), *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, text=True, stdout=-1, stderr=-1)


def said(script, *arguments):
    """Return what a script prints, which is all that it says."""
    with start(script, *arguments) as process:
        try:
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, err) == (0, ""), err
    return out


def ends_within(pid, seconds):
    """Return whether a process is gone, or does so within some seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with suppress(FileNotFoundError):
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                time.sleep(0.01)
                continue
        return True
    return False


needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="a fork is made on Linux alone")


@needs_linux
def test_all_parts_come_from_one_other_process():
    """In their order, however large they are."""
    out = said(
        """
        made = [(n, "x" * n * 1000, os.getpid()) for n in range(50)]
        parts = ((n, text, os.getpid()) for n, text, _ in made)
        got = [*in_own_process(parts)]
        assert [part[:2] for part in got] == [part[:2] for part in made]
        [other] = {part[2] for part in got}
        print(other != os.getpid(), is_gone(other))
        """
    )
    assert out == "True True\n"


def test_beside_another_thread_all_is_done_in_here():
    """A lock that the other holds would never be free in a fork."""
    out = said(
        """
        stop = threading.Event()
        threading.Thread(target=stop.wait).start()
        with closing(in_own_process(pids())) as parts:
            print(next(parts) == os.getpid())
        stop.set()
        """
    )
    assert out == "True\n"


ERRORS = [
    'SourceError("no such", where="db", todo="look")',
    'SourceError("x" * 500, where="db" * 200, todo="y" * 500)',
    'TenantError("two", todo="say which", matches=("a", "b"))',
    'ValueError("wrong")',
    "KeyboardInterrupt()",
]


@needs_linux
@pytest.mark.parametrize("error", ERRORS, ids=["source", "long", "tenant", "any", "interrupt"])
def test_what_it_raises_is_raised_here(error):
    """As it is: its kind, its line, and all that it knows."""
    out = said(
        f"""
        def parts():
            yield 1
            raise {error}

        here = {error}
        got, found = [], None
        try:
            for part in in_own_process(parts()):
                got.append(part)
        except BaseException as error:
            found = error
        print(got, type(found) is type(here), str(found) == str(here), vars(found) == vars(here))
        """
    )
    assert out == "[1] True True True\n"


@needs_linux
def test_it_ends_with_who_stops_early(tmp_path):
    """And what it holds open is closed first, as a statement of a server is cancelled."""
    out = said(
        """
        def parts(left):
            try:
                while True:
                    yield os.getpid()
            finally:
                left.write_text("closed")

        left = Path(sys.argv[1])
        with closing(in_own_process(parts(left))) as some:
            other = next(some)
        print(is_gone(other), left.read_text())
        """,
        tmp_path / "left",
    )
    assert out == "True closed\n"


@needs_linux
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_it_ends_with_its_parent(number):
    """However that ends, and also while nobody takes what it made."""
    script = """
        parts = in_own_process(pids())
        print(next(parts), flush=True)
        time.sleep(60)
        """
    with start(script) as process:
        other = int(process.stdout.readline())
        process.send_signal(number)
        process.communicate(timeout=60)
    assert other != process.pid
    assert ends_within(other, 10)


@needs_linux
@pytest.mark.parametrize("size", [1, 1_000_000], ids=["between parts", "within a part"])
@pytest.mark.parametrize(
    ("number", "what", "todo"),
    [
        (signal.SIGKILL, "exit code -9", "see that there is enough memory, and try again"),
        (signal.SIGHUP, "exit code -1", "try again"),
    ],
)
def test_that_it_was_killed_is_one_line(number, what, todo, size):
    """As by a system that is out of memory, and whatever it was sending then."""
    out = said(
        f"""
        def large():
            while True:
                yield os.getpid(), "x" * {size}

        parts = in_own_process(large())
        other, _ = next(parts)
        time.sleep(0.2)  # until the pipe is full
        os.kill(other, {number:d})
        try:
            for _ in parts:
                pass
        except SourceError as error:
            print(error)
        """
    )
    assert out == f"the process that reads it has ended, {what}; {todo}\n"


UNABLE = {
    "no more processes": "os.fork = fails(BlockingIOError)",
    "no more files": "os.pipe = fails(OSError)",
    "no /proc": "os.listdir = fails(FileNotFoundError)",
}


@needs_linux
@pytest.mark.parametrize("unable", UNABLE.values(), ids=UNABLE)
def test_where_no_process_can_be_made_all_is_done_in_here(unable):
    """As one that may have no more of them: nothing is lost but time."""
    out = said(
        f"""
        def fails(kind):
            def fail(*_):
                raise kind
            return fail

        {unable}
        with closing(in_own_process(pids())) as parts:
            print(next(parts) == os.getpid())
        """
    )
    assert out == "True\n"


@needs_linux
def test_a_pipe_of_the_usual_size_will_do():
    """A user may have only so much of larger ones."""
    out = said(
        """
        import fcntl

        def fails(*_):
            raise PermissionError

        fcntl.fcntl = fails
        print(len([*in_own_process(n for n in range(5000))]))
        """
    )
    assert out == "5000\n"


@needs_linux
def test_an_error_that_cannot_be_sent_is_named_without_its_words():
    """They might hold a value."""
    out = said(
        """
        class Odd(Exception):
            def __init__(self, one, other):
                super().__init__(f"{one} {other}")

        def parts():
            yield 1
            raise Odd("sk-secret", "value")

        try:
            print(*in_own_process(parts()))
        except RuntimeError as error:
            print(error)
        """
    )
    assert out == "Odd\n"


@needs_linux
def test_ctrl_c_in_the_middle_of_a_fork_leaves_no_process():
    """Also where the exception is kept, as an interactive Python keeps the last one."""
    out = said(
        """
        def interrupted():
            os.kill(os.getpid(), signal.SIGINT)

        os.register_at_fork(after_in_parent=interrupted)
        kept = []
        try:
            next(in_own_process(pids()))
        except KeyboardInterrupt as error:
            kept.append(error)
        print(len(kept), Path(f"/proc/self/task/{os.getpid()}/children").read_text())
        """
    )
    assert out == "1 \n"


@needs_linux
def test_within_a_pool_s_worker_all_is_done_there():
    """Such a process may have no children."""
    out = said(
        """
        from multiprocessing import get_context

        def work(pipe):
            pipe.send(next(in_own_process(pids())) == os.getpid())

        ours, theirs = get_context("fork").Pipe()
        worker = get_context("fork").Process(target=work, args=(theirs,), daemon=True)
        worker.start()
        print(ours.recv())
        """
    )
    assert out == "True\n"


@needs_linux
def test_a_snapshot_is_the_same_either_way(make_database, prices, tmp_path):
    """To the byte, from this process, which has threads, or from another."""
    settings = {"OPENAI_API_KEY": "sk-" + "3" * 40, "MINIMAX_API_KEY": "", "COLOUR": "red"}
    source = make_database({f"t{n:03}": settings for n in range(300)})
    script = """
        import atomlab
        from datetime import UTC, datetime

        source, prices, key, out, threads = sys.argv[1:]
        stop = threading.Event()
        if threads == "several":
            threading.Thread(target=stop.wait).start()
        moment = datetime(2026, 5, 2, tzinfo=UTC)
        made = atomlab.capture(source, out, pricing=prices, key_file=key, captured_at=moment)
        print(made.sha256)
        stop.set()
        """
    key = tmp_path / "key"
    one, other = (
        said(script, source, prices, key, tmp_path / f"{how}.sqlite", how)
        for how in ("one", "several")
    )
    assert one == other
    assert (tmp_path / "one.sqlite").read_bytes() == (tmp_path / "several.sqlite").read_bytes()
