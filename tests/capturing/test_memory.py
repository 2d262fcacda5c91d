"""The memory of a process that reads secrets: private while it does, and then as before."""

from __future__ import annotations

import ctypes
import json
import os
import resource

import pytest

from atomlab.capturing.capture import capture
from atomlab.capturing.memory import private_memory
from atomlab.errors import SourceError
from tests.room import Room


def state() -> tuple[int, bool]:
    """Return how large a core may be, and whether others may look: /proc says it by the owner."""
    soft, _ = resource.getrlimit(resource.RLIMIT_CORE)
    return soft, "dumpable" if _dumpable() else ""  # type: ignore[return-value]


def _dumpable() -> bool:
    return bool(_prctl(3, 0))


def _prctl(option: int, value: int) -> int:
    return int(ctypes.CDLL(None).prctl(option, value, 0, 0, 0))


@pytest.fixture
def core():
    """Let cores be as large as may be, and the process be looked at."""
    _prctl(4, 1)  # a command line that was tried in this process has closed it
    before = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (before[1], before[1]))
    yield before[1]
    resource.setrlimit(resource.RLIMIT_CORE, before)


@pytest.mark.attack("9 memory of the process, key files")
def test_memory_is_private_while_values_are_read(make_database, prices, tmp_path, core):
    """No core and no look, in the process and in one that it forks; afterwards as before."""
    seen = []

    def look(*_: object) -> None:
        child = os.fork()
        if not child:
            os._exit(state() != (0, ""))
        seen.append((state(), os.waitpid(child, 0)[1]))

    source = str(make_database({"acme": {"OPENAI_API_KEY": "x" * 20}}))
    capture(source, tmp_path / "out.sqlite", pricing=prices, progress=look).close()
    assert seen
    assert set(seen) == {((0, ""), 0)}
    assert state() == (core, "dumpable")


@pytest.mark.attack("9 memory of the process, key files")
def test_memory_is_as_before_after_a_failure(make_database, tmp_path, core):
    """An error, and a block in a block, leave a kernel that can be debugged."""
    with pytest.raises(SourceError):
        capture("nothing", tmp_path / "out.sqlite")
    assert state() == (core, "dumpable")
    with private_memory():
        with private_memory():
            assert state() == (0, "")
        assert state() == (0, "")
    assert state() == (core, "dumpable")


@pytest.mark.attack("9 memory of the process, key files")
def test_command_stays_private_to_its_end(make_database, tmp_path):
    """Values are freed and not wiped: after its capture a command dumps no core either."""
    source = make_database({"acme": {"OPENAI_API_KEY": "x" * 20}})
    script = (
        "import ctypes, json, resource, sys\n"
        "from atomlab.cli import main\n"
        f"sys.argv = ['atomlab', 'capture', {str(source)!r}, '--out', 'out.sqlite']\n"
        "try:\n    main()\n"
        "except SystemExit as end:\n"
        "    print(json.dumps([end.code, resource.getrlimit(resource.RLIMIT_CORE)[0],"
        " ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)]))\n"
    )
    with Room(tmp_path / "room").start(script) as process:
        out, _ = process.communicate(timeout=60)
    assert json.loads(out.splitlines()[-1]) == [None, 0, 0]
