"""A report's kernel: private to its user while it runs, and gone afterwards."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import psutil
import pytest

from atomlab.report.kernel import running_kernel


def test_only_the_user_can_reach_the_kernel():
    """Sockets and connection file lie in a folder that nobody else can enter."""
    with running_kernel() as manager:
        folder = Path(manager.connection_file).parent
        connection = json.loads(Path(manager.connection_file).read_text())
        assert not stat.S_IMODE(folder.stat().st_mode) & 0o077
        assert connection["transport"] == "ipc"
        assert Path(connection["ip"]).parent == folder
        process = psutil.Process(manager.provisioner.pid)
        assert process.is_running()
    assert not folder.exists()
    assert not process.is_running()


def test_the_kernel_is_gone_whatever_happens():
    """An exception of whoever uses it ends the kernel, and is passed on."""
    processes = []

    def fail():
        with running_kernel() as manager:
            processes.append(psutil.Process(manager.provisioner.pid))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert [process.is_running() for process in processes] == [False]
